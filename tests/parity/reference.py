#!/usr/bin/env python3
"""The reference's embeddings of pictures and texts: unit vectors, float32.

transformers for a Hugging Face directory (load_image, CLIPImageProcessorPil, CLIPTokenizer,
CLIPModel with eager attention), open_clip for an OpenCLIP one (its own transform, tokenizer and
encoders). Weights are used in float32 whatever the files hold.

    reference.py FOLDER images FILE...      raw (n, E) float32 on stdout
    reference.py FOLDER texts               strings on stdin, each ended by a NUL
"""

import contextlib
import pathlib
import sys

import numpy as np
import open_clip
import torch
from PIL import Image
from transformers import (AlignModel, AutoConfig, AutoTokenizer, CLIPImageProcessorPil, CLIPModel,
                          CLIPTokenizer, EfficientNetImageProcessorPil, MetaClip2Model,
                          SiglipImageProcessorPil, SiglipModel)
from transformers.image_utils import load_image

torch.use_deterministic_algorithms(True)
torch.set_grad_enabled(False)


def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


# Of each model_type: model, image processor, tokenizer, and what of the tokenizer's output the model gets.
CLASSES = {
    "align": (AlignModel, EfficientNetImageProcessorPil, AutoTokenizer,
              ["input_ids", "attention_mask", "token_type_ids"]),
    "clip": (CLIPModel, CLIPImageProcessorPil, CLIPTokenizer, ["input_ids", "attention_mask"]),
    "metaclip_2": (MetaClip2Model, CLIPImageProcessorPil, AutoTokenizer, ["input_ids", "attention_mask"]),
    "siglip": (SiglipModel, SiglipImageProcessorPil, AutoTokenizer, ["input_ids"]),
}


class HuggingFace:
    applies_exif = True

    def __init__(self, folder):
        model, processor, tokenizer, self.inputs = CLASSES[AutoConfig.from_pretrained(folder).model_type]
        self.model = model.from_pretrained(folder, dtype=torch.float32,
                                           attn_implementation="eager").eval()
        self.processor = processor.from_pretrained(folder)
        self.tokenizer = tokenizer.from_pretrained(folder)
        self.context_length = self.model.config.text_config.max_position_embeddings
        self.logit_scale = (1 / self.model.temperature if hasattr(self.model, "temperature")
                            else self.model.logit_scale.exp()).item()

    def pixels(self, path):
        """(3, S, S)"""
        return self.processor(images=load_image(str(path)), return_tensors="pt")["pixel_values"][0]

    def ids(self, text):
        """Start, tokens, end; no padding."""
        return self.tokenizer([text], truncation=True, max_length=self.context_length)["input_ids"][0]

    def encode_image(self, pixels):
        return self.model.get_image_features(pixel_values=pixels).pooler_output

    def encode_texts(self, texts):
        inputs = self.tokenizer(texts, padding="max_length", truncation=True,
                                max_length=self.context_length, return_tensors="pt")
        inputs = {key: inputs[key] for key in self.inputs}
        return self.model.get_text_features(**inputs).pooler_output


class OpenCLIP:
    applies_exif = False

    def __init__(self, folder):
        name = f"local-dir:{folder}"
        with no_initialisation():
            self.model, _, self.transform = open_clip.create_model_and_transforms(name)
        self.model.eval()
        self.tokenizer = open_clip.get_tokenizer(name)
        self.logit_scale = self.model.logit_scale.exp().item()

    def pixels(self, path):
        with Image.open(path) as image:
            return self.transform(image)

    def ids(self, text):
        ids = self.tokenizer([text])[0].tolist()
        return ids[: len(ids) - ids[::-1].index(max(ids))]  # the padding follows the last end token

    def encode_image(self, pixels):
        return self.model.encode_image(pixels)

    def encode_texts(self, texts):
        return self.model.encode_text(self.tokenizer(texts))


@contextlib.contextmanager
def no_initialisation():
    """Skips the drawing of first weights that the checkpoint replaces anyway: a minute for H/14."""
    names = ("normal_", "trunc_normal_", "uniform_", "kaiming_uniform_", "xavier_uniform_")
    saved = {name: getattr(torch.nn.init, name) for name in names}
    for name in names:
        setattr(torch.nn.init, name, lambda tensor, *args, **kwargs: tensor)
    try:
        yield
    finally:
        for name, function in saved.items():
            setattr(torch.nn.init, name, function)


def logit_bias(model):
    bias = getattr(model, "logit_bias", None)
    return None if bias is None else bias.item()


class Reference:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        openclip = (folder / "open_clip_config.json").exists()
        self.library = (OpenCLIP if openclip else HuggingFace)(folder)
        self.applies_exif = self.library.applies_exif
        self.logit_scale = self.library.logit_scale
        self.logit_bias = logit_bias(self.library.model)  # None: scores are a softmax

    def pixels(self, path):
        return self.library.pixels(path).numpy()

    def ids(self, text):
        return self.library.ids(text)

    def images(self, paths):
        """(n, E), one picture at a time: no row can depend on another."""
        rows = [self.library.encode_image(self.library.pixels(path)[None]) for path in paths]
        return unit(torch.cat(rows)).numpy()

    def texts(self, texts):
        """(n, E)"""
        rows = [self.library.encode_texts(texts[i : i + 16]) for i in range(0, len(texts), 16)]
        return unit(torch.cat(rows)).numpy()

    def labels(self, labels, templates):
        """(n, E): unit embeddings of the prompts, their mean over templates, unit length again."""
        rows = []
        for label in labels:
            prompts = self.texts([template.replace("{}", label) for template in templates])
            rows.append(unit(torch.from_numpy(prompts).mean(dim=0)))
        return torch.stack(rows).numpy()


def main(folder, kind, *paths):
    reference = Reference(folder)
    if kind == "images":
        rows = reference.images(paths)
    else:
        rows = reference.texts(sys.stdin.buffer.read().decode().split("\0")[:-1])
    sys.stdout.buffer.write(rows.astype(np.float32).tobytes())


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[2] not in ("images", "texts"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
