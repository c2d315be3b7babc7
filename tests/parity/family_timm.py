"""EVA's CLIP models and timm's vision transformers of CLIP's kind: open_clip's models around timm's trunks."""

import json

import open_clip
from safetensors.torch import save_file

from families import Case, randomize

PREPROCESS = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD,
              "interpolation": "bicubic", "resize_mode": "shortest"}


def write(folder, config, seed, layers):
    config.pop("custom_text", None)
    model = open_clip.model.CustomTextCLIP(**config)
    randomize(model, seed, layers)
    (folder / "open_clip_config.json").write_text(json.dumps(
        {"model_cfg": {**config, "custom_text": True}, "preprocess_cfg": PREPROCESS}, indent=2))
    save_file({name: p.data.contiguous() for name, p in model.named_parameters()},
              folder / "open_clip_model.safetensors")


def named(folder, name, *, text=None, seed, layers=12):
    """open_clip's own config of that name, with another text tower if given."""
    config = open_clip.get_model_config(name)
    config["text_cfg"].update(text or {})
    write(folder, config, seed, layers)


def trunk(folder, name, *, seed):
    """A trunk that no config of open_clip's has, behind a projection of its own, with a small text tower."""
    vision = dict(timm_model_name=name, timm_pool="token", timm_proj="linear", image_size=224)
    write(folder, dict(embed_dim=512, vision_cfg=vision, text_cfg=SMALL_TEXT), seed, 12)


SMALL_TEXT = dict(width=128, heads=2, layers=2)

# No timm trunk is small; the text tower can be.
CASES = {
    "eva02-b16": Case(lambda folder: named(folder, "EVA02-B-16", text=SMALL_TEXT, seed=91), wide=True),
    "timm-vit-b32": Case(lambda folder: trunk(folder, "vit_base_patch32_clip_224", seed=92), large=True),
    "eva02-l14": Case(lambda folder: named(folder, "EVA02-L-14", seed=93, layers=24), large=True),
    "eva02-l14-336": Case(lambda folder: named(
        folder, "EVA02-L-14-336", text=SMALL_TEXT, seed=94, layers=24), large=True),
    "eva01-g14": Case(lambda folder: named(
        folder, "EVA01-g-14", text=SMALL_TEXT, seed=95, layers=40), large=True),
    "mobileclip2-l14": Case(lambda folder: named(folder, "MobileCLIP2-L-14", seed=96, layers=24), large=True),
}
