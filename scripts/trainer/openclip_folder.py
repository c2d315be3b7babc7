"""The folder in OpenCLIP's layout that `clipcls convert` and open_clip read: a ResNet beside the text tower.

/* W width of the text tower, E projection_dim */
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from .augment import MEAN, STD
from .resnet_tower import STAGES
from .tokens import save_words

# transformers' names -> open_clip's, of one layer of the text tower.
LAYER = {
    "layer_norm1": "ln_1",
    "self_attn.out_proj": "attn.out_proj",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}


def text_weights(model):
    """The text tower of transformers' CLIPModel -> {open_clip's name: tensor}."""
    own = {name.removeprefix("text_model."): value for name, value in model.state_dict().items()}
    named = {
        "token_embedding.weight": own["embeddings.token_embedding.weight"],
        "positional_embedding": own["embeddings.position_embedding.weight"],
        "ln_final.weight": own["final_layer_norm.weight"],
        "ln_final.bias": own["final_layer_norm.bias"],
        "text_projection": own["text_projection.weight"].T,  # (W, E)
    }
    for i in range(model.config.text_config.num_hidden_layers):
        theirs, ours = f"encoder.layers.{i}.", f"transformer.resblocks.{i}."
        for kind in ("weight", "bias"):
            named[f"{ours}attn.in_proj_{kind}"] = torch.cat([own[f"{theirs}self_attn.{x}_proj.{kind}"] for x in "qkv"])
            named |= {f"{ours}{to}.{kind}": own[f"{theirs}{name}.{kind}"] for name, to in LAYER.items()}
    return named


def stored(name, value, half):
    """As float16, if half, what is large; norms and biases, a hundredth of the file, keep their digits."""
    large = value.ndim > 1 and "positional" not in name
    return value.detach().cpu().to(torch.float16 if half and large else torch.float32).contiguous()


def model_config(recipe, model):
    """open_clip's arguments."""
    text = model.config.text_config
    return {
        "embed_dim": recipe.projection_dim,
        "quick_gelu": True,
        "vision_cfg": {
            "layers": [recipe.resnet_blocks] * STAGES,
            "width": recipe.resnet_width,
            "image_size": recipe.image_size,
        },
        "text_cfg": {
            "context_length": text.max_position_embeddings,
            "vocab_size": text.vocab_size,
            "width": text.hidden_size,
            "heads": text.num_attention_heads,
            "layers": text.num_hidden_layers,
        },
    }


def save_resnet_model(tower, model, recipe, merges, classes, folder, half=True):
    """tower: {name: tensor} of a ResNetTower.   model: the CLIPModel whose text tower goes with it."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = text_weights(model) | {name: value for name, value in tower.items() if value.is_floating_point()}
    save_file({name: stored(name, value, half) for name, value in weights.items()}, folder / "open_clip_model.safetensors")
    preprocessing = {"mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "shortest"}
    config = {"model_cfg": model_config(recipe, model), "preprocess_cfg": preprocessing}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1) + "\n")
    save_words(merges, classes, folder, model.config.text_config.max_position_embeddings)
