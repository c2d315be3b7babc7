"""The model: transformers' CLIPModel at small size, its two embeddings, and its folder on disk.

/* N rows, P patches, D width, E projection_dim, S image_size */
"""

import copy
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import CLIPConfig, CLIPModel

from .tokens import CONTEXT_LENGTH, save_tokenizer

WIDTH, HEADS, IMAGE_SIZE, PATCH_SIZE = 144, 4, 64, 8
VISION_LAYERS, TEXT_LAYERS = 6, 3
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


def new_model(tokenizer):
    """A freshly initialised model for this vocabulary."""
    tower = {
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_attention_heads": HEADS,
        "projection_dim": WIDTH,
        "hidden_act": "quick_gelu",
    }
    text = {
        "num_hidden_layers": TEXT_LAYERS,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": CONTEXT_LENGTH,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.eos_token_id,
    }
    vision = {"num_hidden_layers": VISION_LAYERS, "image_size": IMAGE_SIZE, "patch_size": PATCH_SIZE}
    return CLIPModel(CLIPConfig(text_config=tower | text, vision_config=tower | vision, projection_dim=WIDTH))


def load_model(folder):
    """The model of a folder, in float32 whatever its file holds."""
    return CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()


def embed_texts(model, tokenizer, texts):
    """N texts -> (N, E), unit length. The tower is causal, so padding after the end token changes nothing."""
    ids = tokenizer(texts, padding=True, truncation=True, max_length=CONTEXT_LENGTH, return_tensors="pt").input_ids
    pooled = model.text_model(input_ids=ids).pooler_output
    return F.normalize(model.text_projection(pooled), dim=-1)


@torch.no_grad()
def embed_many_texts(model, tokenizer, texts, batch=512):
    """As embed_texts, in batches and without gradients."""
    return torch.cat([embed_texts(model, tokenizer, texts[i : i + batch]) for i in range(0, len(texts), batch)])


def embed_pixels(model, pixels, kept=None):
    """(N, 3, S, S) normalised pixels -> (N, E), unit length.

    kept: how many patches each picture keeps, drawn at random; None keeps all. Dropping patches makes a step cheaper in
    the same proportion, and an image tower learns well from part of a picture (FLIP: Li et al. 2023).
    """
    tower = model.vision_model
    tokens = tower.embeddings(pixels)  # (N, 1 + P, D)
    if kept is not None:
        n, n_patches = len(tokens), tokens.shape[1] - 1
        chosen = 1 + torch.rand(n, n_patches).argsort(1)[:, :kept]
        chosen = torch.cat([torch.zeros(n, 1, dtype=torch.long), chosen], 1)  # the class token stays
        tokens = tokens.gather(1, chosen[:, :, None].expand(-1, -1, tokens.shape[2]))
    hidden = tower.encoder(inputs_embeds=tower.pre_layrnorm(tokens)).last_hidden_state
    return F.normalize(model.visual_projection(tower.post_layernorm(hidden[:, 0])), dim=-1)


def normalise(pictures):
    """(N, 3, S, S) in 0..1 -> the same by the model's mean and standard deviation."""
    return (pictures - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def save_model(model, merges, classes, folder):
    """Writes the folder that `clipcls convert` and transformers read: weights in float16, tokenizer, preprocessing, names."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    copy.deepcopy(model).half().save_pretrained(folder)
    save_tokenizer(merges, folder)
    preprocessing = {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": IMAGE_SIZE},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": MEAN,
        "image_std": STD,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing, indent=1) + "\n")
    (folder / "classes.txt").write_text("".join(entry["names"][0] + "\n" for entry in classes), encoding="utf-8")
