#!/usr/bin/env python3
"""Random checkpoints in the file layouts of transformers and open_clip.

    make_checkpoints.py FOLDER NAME...      writes FOLDER/NAME for each name of SPECS
    make_checkpoints.py --list

The libraries themselves give the tensors' names and shapes and write the files; only the values are
drawn here. A fresh initialisation would hide faults (zero biases, unit layer norms, nearly uniform
attention), so every parameter is random: see draw(). Everything follows from the spec's seed.
"""

import gzip
import json
import math
import pathlib
import sys
import zlib
from dataclasses import dataclass, field

import open_clip
import torch
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor, CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"
CLIP_MERGES = 49152 - 256 - 2
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(frozen=True)
class Tower:
    width: int
    layers: int
    heads: int
    mlp_ratio: float = 4.0

    @property
    def mlp_width(self):
        return int(self.width * self.mlp_ratio)


@dataclass(frozen=True)
class Spec:
    name: str
    layout: str  # "huggingface" or "openclip"
    vision: Tower
    text: Tower
    projection_dim: int
    image_size: int
    patch_size: int
    vision_act: str = "quick_gelu"
    text_act: str = "quick_gelu"
    layer_norm_eps: float = 1e-5
    context_length: int = 77
    merges: int = CLIP_MERGES
    eos_token_id: int | None = None  # None: the vocabulary's end token; 2: the legacy value
    dtype: str = "F32"  # "mixed": matrices F16, the rest F32
    tokenizer: str = "files"  # "files": vocab.json + merges.txt; "json": tokenizer.json; "none"
    preprocess: dict = field(default_factory=dict)  # keys of the layout's own file
    preprocess_file: str = "new"  # huggingface: "new", "old" (bare numbers), "processor"
    shards: str | None = None  # huggingface: largest shard
    terse: bool = False  # huggingface: the config leaves out what is the library's default
    seed: int = 1

    @property
    def vocab_size(self):
        return 512 + self.merges + 2


TINY_VISION, TINY_TEXT = Tower(64, 2, 4), Tower(48, 2, 3)
HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}

SPECS = {spec.name: spec for spec in [
    Spec("hf-tiny", "huggingface", TINY_VISION, TINY_TEXT, 32, 32, 8, seed=11),
    Spec("hf-tiny-legacy", "huggingface", Tower(96, 3, 2, 3.0), TINY_TEXT, 40, 48, 16,
         vision_act="gelu", eos_token_id=2, tokenizer="json", preprocess_file="old", seed=12),
    Spec("hf-tiny-tanh-bf16", "huggingface", TINY_VISION, Tower(64, 3, 2), 48, 40, 8,
         vision_act="gelu_pytorch_tanh", text_act="gelu", context_length=24, dtype="BF16",
         preprocess={"size": {"height": 40, "width": 40}, "resample": 2,
                     "image_mean": HALF["mean"], "image_std": HALF["std"]},
         shards="2MB", seed=13),
    Spec("hf-tiny-f16", "huggingface", TINY_VISION, TINY_TEXT, 32, 36, 12, layer_norm_eps=1e-6,
         dtype="F16", tokenizer="json", preprocess={"size": {"shortest_edge": 45}},
         preprocess_file="processor", seed=14),
    # 12 layers of 512 and 8 heads for the text are the defaults that a terse config leaves out.
    Spec("hf-small-terse", "huggingface", Tower(128, 2, 2), Tower(512, 12, 8), 512, 64, 32,
         terse=True, seed=15),
    Spec("oc-tiny", "openclip", TINY_VISION, TINY_TEXT, 32, 32, 8, vision_act="gelu",
         text_act="gelu", tokenizer="none", seed=21),
    Spec("oc-tiny-quick-mixed", "openclip", TINY_VISION, TINY_TEXT, 32, 48, 16, dtype="mixed",
         preprocess={"interpolation": "bilinear", "resize_mode": "squash", **HALF}, seed=22),
    Spec("oc-head80-bf16", "openclip", Tower(320, 3, 4, 4.3637), Tower(128, 3, 2), 96, 56, 14,
         vision_act="gelu", text_act="gelu", dtype="BF16", tokenizer="none",
         preprocess={"resize_mode": "longest"}, seed=23),
    Spec("hf-b32", "huggingface", Tower(768, 12, 12), Tower(512, 12, 8), 512, 224, 32, seed=31),
    Spec("oc-b32", "openclip", Tower(768, 12, 12), Tower(512, 12, 8), 512, 224, 32,
         vision_act="gelu", text_act="gelu", dtype="F16", tokenizer="none", seed=32),
    Spec("oc-b16", "openclip", Tower(768, 12, 12), Tower(512, 12, 8), 512, 224, 16,
         vision_act="gelu", text_act="gelu", tokenizer="none", seed=41),
    Spec("hf-l14", "huggingface", Tower(1024, 24, 16), Tower(768, 12, 12), 768, 224, 14,
         eos_token_id=2, seed=42),
    Spec("hf-l14-336", "huggingface", Tower(1024, 24, 16), Tower(768, 12, 12), 768, 336, 14,
         eos_token_id=2, dtype="F16", preprocess={"size": 336, "crop_size": 336},
         preprocess_file="old", seed=43),
    Spec("oc-h14", "openclip", Tower(1280, 32, 16), Tower(1024, 24, 16), 1024, 224, 14,
         vision_act="gelu", text_act="gelu", tokenizer="none", seed=44),
]}


def draw(tensor, name, layers, generator):
    """Fills one parameter with values under which leaving out or mixing up any parameter shows.

    Matrices keep a unit input at unit size; queries and keys are larger, so that attention is
    peaked; what a block adds to the residual stream is scaled by its depth, as CLIP initialises
    it, so that deep towers still tell their inputs apart."""
    tensor.normal_(generator=generator)
    leaf = name.rsplit(".", 1)[-1]
    fan_in = tensor[0].numel() if tensor.ndim > 1 else 1
    if leaf == "logit_scale":
        tensor.fill_(math.log(37.5))
    elif leaf == "bias" or leaf == "in_proj_bias":
        tensor.mul_(0.1)
    elif tensor.ndim == 1 and leaf == "weight":
        tensor.mul_(0.2).add_(1)
    elif "position" in name:
        tensor.mul_(0.5)
    elif "class_embedding" in name or "token_embedding" in name:
        pass
    elif name in ("visual.proj", "text_projection"):  # (in, out)
        tensor.mul_(tensor.shape[0] ** -0.5)
    elif "q_proj" in name or "k_proj" in name:
        tensor.mul_((2 / fan_in) ** 0.5)
    elif leaf == "in_proj_weight":
        tensor.mul_(fan_in ** -0.5)
        tensor[: 2 * fan_in].mul_(2 ** 0.5)
    elif any(part in name for part in ("out_proj", "fc2", "c_proj")):
        tensor.mul_((2 / (fan_in * layers)) ** 0.5)
    else:
        tensor.mul_(fan_in ** -0.5)


def stored_dtype(spec, name, tensor):
    if spec.dtype != "mixed":
        return DTYPES[spec.dtype]
    # What open_clip's own half-precision models keep: normalisation and embeddings stay F32.
    half = tensor.ndim > 1 and "embedding" not in name
    return torch.float16 if half else torch.float32


def randomize(model, spec):
    """Gives a model on the meta device its values, in the dtypes that it is to be stored in."""
    model.to_empty(device="cpu")
    for name, parameter in model.named_parameters():
        # A generator of its own: a tensor's values do not depend on which others there are.
        generator = torch.Generator().manual_seed(spec.seed << 32 | zlib.crc32(name.encode()))
        text = name.startswith(("text_model.", "transformer."))
        values = torch.empty(parameter.shape)
        draw(values, name, (spec.text if text else spec.vision).layers, generator)
        parameter.data = values.to(stored_dtype(spec, name, values))


def clip_vocabulary(n_merges):
    """CLIP's vocabulary, or its beginning: ids by symbol, and the merges as "a b"."""
    path = pathlib.Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    merges = lines[1 : 1 + n_merges]
    symbols = list(open_clip.tokenizer.bytes_to_unicode().values())
    symbols += [symbol + "</w>" for symbol in symbols]
    symbols += ["".join(merge.split()) for merge in merges]
    symbols += [START, END]
    return {symbol: i for i, symbol in enumerate(symbols)}, merges


def save_tokenizer(spec, folder):
    vocabulary, merges = clip_vocabulary(spec.merges)
    if spec.tokenizer == "json":
        pairs = [tuple(merge.split()) for merge in merges]
        CLIPTokenizer(vocab=vocabulary, merges=pairs).save_pretrained(folder)
    elif spec.tokenizer == "files":
        (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), "utf-8")
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), "utf-8")
        special = {"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END,
                   "tokenizer_class": "CLIPTokenizer"}
        (folder / "tokenizer_config.json").write_text(json.dumps(special))


def save_preprocessor(spec, folder):
    size = spec.image_size
    values = {"size": {"shortest_edge": size}, "crop_size": {"height": size, "width": size}}
    processor = CLIPImageProcessorPil(**{**values, **spec.preprocess})
    if spec.preprocess_file == "processor":
        tokenizer = CLIPTokenizer.from_pretrained(folder)
        CLIPProcessor(image_processor=processor, tokenizer=tokenizer).save_pretrained(folder)
        return
    processor.save_pretrained(folder)
    if spec.preprocess_file == "old":
        path = folder / "preprocessor_config.json"
        saved = json.loads(path.read_text())
        saved.update(size=size, crop_size=size, feature_extractor_type="CLIPFeatureExtractor")
        for key in ("image_processor_type", "do_rescale", "rescale_factor", "do_convert_rgb"):
            saved.pop(key, None)
        path.write_text(json.dumps(saved, indent=2))


def huggingface_config(spec):
    vocabulary = {"bos_token_id": spec.vocab_size - 2, "eos_token_id": spec.vocab_size - 1}
    if spec.eos_token_id == 2:
        vocabulary = {"bos_token_id": 0, "eos_token_id": 2}
    shared = {"layer_norm_eps": spec.layer_norm_eps, "projection_dim": spec.projection_dim}
    tower = lambda t, act: {"hidden_size": t.width, "num_hidden_layers": t.layers,
                            "num_attention_heads": t.heads, "intermediate_size": t.mlp_width,
                            "hidden_act": act, **shared}
    return CLIPConfig(
        text_config={**tower(spec.text, spec.text_act), **vocabulary, "pad_token_id": 1,
                     "vocab_size": spec.vocab_size,
                     "max_position_embeddings": spec.context_length},
        vision_config={**tower(spec.vision, spec.vision_act), "image_size": spec.image_size,
                       "patch_size": spec.patch_size},
        projection_dim=spec.projection_dim)


def drop_defaults(folder):
    """Leaves only what differs from the library's defaults, as hand-written configs do."""
    path = folder / "config.json"
    saved, default = json.loads(path.read_text()), CLIPConfig().to_dict()
    for part in ("text_config", "vision_config"):
        saved[part] = {key: value for key, value in saved[part].items()
                       if default[part].get(key) != value}
    saved = {key: value for key, value in saved.items()
             if key in ("model_type", "architectures") or default.get(key) != value}
    path.write_text(json.dumps(saved, indent=2))


def make_huggingface(spec, folder):
    with torch.device("meta"):
        model = CLIPModel(huggingface_config(spec))
    randomize(model, spec)
    model.save_pretrained(folder, **({"max_shard_size": spec.shards} if spec.shards else {}))
    if spec.terse:
        drop_defaults(folder)
    save_tokenizer(spec, folder)
    save_preprocessor(spec, folder)


def openclip_config(spec):
    model_cfg = {
        "embed_dim": spec.projection_dim,
        "vision_cfg": {"image_size": spec.image_size, "layers": spec.vision.layers,
                       "width": spec.vision.width, "patch_size": spec.patch_size},
        "text_cfg": {"context_length": spec.context_length, "vocab_size": spec.vocab_size,
                     "width": spec.text.width, "heads": spec.text.heads,
                     "layers": spec.text.layers},
    }
    # As open_clip's own configs: what is the default is not said.
    if spec.vision.width // spec.vision.heads != 64:
        model_cfg["vision_cfg"]["head_width"] = spec.vision.width // spec.vision.heads
    for part, tower in (("vision_cfg", spec.vision), ("text_cfg", spec.text)):
        if tower.mlp_ratio != 4.0:
            model_cfg[part]["mlp_ratio"] = tower.mlp_ratio
    if spec.vision_act == "quick_gelu":
        model_cfg["quick_gelu"] = True
    default = {"mean": list(open_clip.OPENAI_DATASET_MEAN), "std": list(open_clip.OPENAI_DATASET_STD)}
    return {"model_cfg": model_cfg, "preprocess_cfg": {**default, **spec.preprocess}}


def make_openclip(spec, folder):
    config = openclip_config(spec)
    with torch.device("meta"):
        model = open_clip.model.CLIP(**config["model_cfg"])
    randomize(model, spec)
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2))
    save_file({name: p.data.contiguous() for name, p in model.named_parameters()},
              folder / "open_clip_model.safetensors")
    save_tokenizer(spec, folder)


def make(spec, folder):
    """Writes the checkpoint of `spec` into `folder` (made here) and returns the folder."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    torch.set_grad_enabled(False)
    (make_huggingface if spec.layout == "huggingface" else make_openclip)(spec, folder)
    return folder


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        print("\n".join(SPECS))
    elif len(sys.argv) < 3 or not set(sys.argv[2:]) <= set(SPECS):
        sys.exit(__doc__)
    else:
        for name in sys.argv[2:]:
            make(SPECS[name], pathlib.Path(sys.argv[1]) / name)
