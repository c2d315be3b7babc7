"""A Swin transformer of timm's with CLIP's text tower: open_clip's swin_base_patch4_window7_224."""

import json

import open_clip
from safetensors.torch import save_file

from families import Case, randomize

NAME = "swin_base_patch4_window7_224"
PREPROCESS = {"mean": list(open_clip.OPENAI_DATASET_MEAN), "std": list(open_clip.OPENAI_DATASET_STD)}


def openclip(folder, *, seed, vision=None, **rest):
    """open_clip's own config, or another trunk and text tower in it."""
    config = {**open_clip.get_model_config(NAME), **rest}
    config["vision_cfg"].update(vision or {})
    model = randomize(open_clip.model.CLIP(**config), seed, 24)
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": config, "preprocess_cfg": PREPROCESS}, indent=2))
    save_file({name: p.data.contiguous() for name, p in model.named_parameters()},
              folder / "open_clip_model.safetensors")


TINY_TEXT = {"context_length": 77, "vocab_size": 49408, "width": 48, "heads": 3, "layers": 2}

CASES = {
    # timm has no smaller one. Other checkpoints zero the text tower's parameters.
    "oc-swin-tiny": Case(lambda folder: openclip(
        folder, embed_dim=64, text_cfg=TINY_TEXT, seed=61,
        vision={"timm_model_name": "swin_tiny_patch4_window7_224", "timm_pool": "avg",
                "timm_proj_bias": True}), pictures=2, zeroed="visual."),
    "oc-swin-base": Case(lambda folder: openclip(folder, seed=62), large=True),
    "oc-swin-base-384": Case(lambda folder: openclip(
        folder, seed=63, vision={"timm_model_name": "swin_base_patch4_window12_384",
                                 "image_size": 384}), large=True),
}
