"""The model: transformers' CLIPModel at small size, its two embeddings, and its folder on disk.

/* N rows, P patches, D width, E projection_dim, S image_size */
"""

import copy
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import CLIPConfig, CLIPModel

from .augment import MEAN, STD
from .tokens import save_words

POSITION_SCALE = 0.15  # against patches of about 0.3: enough to tell neighbours at once


def new_model(recipe, tokenizer):
    """A freshly initialised model for this vocabulary: each layer starts as nothing added, positions as waves over the picture."""
    text = {
        "hidden_size": recipe.text_width,
        "intermediate_size": 4 * recipe.text_width,
        "num_attention_heads": recipe.text_heads,
        "num_hidden_layers": recipe.text_layers,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": recipe.context_length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.eos_token_id,
    }
    vision = {
        "hidden_size": recipe.width,
        "intermediate_size": 4 * recipe.width,
        "num_attention_heads": recipe.heads,
        "num_hidden_layers": recipe.layers,
        "image_size": recipe.image_size,
        "patch_size": recipe.patch_size,
    }
    both = {"projection_dim": recipe.projection_dim, "hidden_act": "quick_gelu"}
    torch.manual_seed(recipe.seed)
    model = CLIPModel(CLIPConfig(text_config=text | both, vision_config=vision | both, projection_dim=recipe.projection_dim))
    with torch.no_grad():
        for layer in [*model.text_model.encoder.layers, *model.vision_model.encoder.layers]:
            layer.self_attn.out_proj.weight.zero_()
            layer.mlp.fc2.weight.zero_()
        positions = model.vision_model.embeddings.position_embedding.weight
        positions[1:] = POSITION_SCALE * waves(recipe.image_size // recipe.patch_size, recipe.width)
    return model


def waves(grid, width):
    """-> (grid * grid, width): sines and cosines over rows and columns, from half a period over the picture to one in two patches."""
    frequencies = math.pi * torch.logspace(math.log10(0.5 / grid), math.log10(0.5), (width + 3) // 4)
    angles = torch.arange(grid)[:, None] * frequencies  # (grid, width / 4)
    along = torch.cat([angles.sin(), angles.cos()], 1)
    rows = along[:, None].expand(grid, grid, -1)
    columns = along[None].expand(grid, grid, -1)
    return torch.cat([rows, columns], 2).reshape(grid * grid, -1)[:, :width] * math.sqrt(2)


def layer_matrices(tower):
    """The weights of a tower's layers that Muon trains."""
    return [p for p in tower.encoder.layers.parameters() if p.ndim == 2]


def load_model(folder):
    """The model of a folder, in float32 whatever its file holds."""
    return CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()


def embed_texts(model, tokenizer, texts):
    """N texts -> (N, E), unit length. The tower is causal, so padding after the end token changes nothing."""
    ids = tokenizer(texts, padding=True, truncation=True, return_tensors="pt").input_ids
    pooled = model.text_model(input_ids=ids.to(model.logit_scale.device)).pooler_output
    return F.normalize(model.text_projection(pooled), dim=-1)


@torch.no_grad()
def embed_many_texts(model, tokenizer, texts, batch=512):
    """As embed_texts, in batches and without gradients."""
    return torch.cat([embed_texts(model, tokenizer, texts[i : i + batch]) for i in range(0, len(texts), batch)])


def keep_patches(n, patches, kept, generator):
    """-> (N, kept): which patches of each picture stay, drawn at random, ascending (FLIP: Li et al. 2023)."""
    return torch.rand(n, patches, generator=generator).argsort(1)[:, :kept].sort(1).values


def embed_pixels(model, pixels, kept=None, tap=None):
    """(N, 3, S, S) normalised pixels -> (N, E), unit length.

    kept: (N, K) the patches that stay; None keeps all.
    tap: after that many layers the patches' tokens (N, K or P, D) are taken as well; the result is then a pair.
    """
    tower = model.vision_model
    tokens = tower.embeddings(pixels)  # (N, 1 + P, D)
    if kept is not None:
        chosen = F.pad(1 + kept, (1, 0))  # the class token stays
        tokens = tokens.gather(1, chosen[:, :, None].expand(-1, -1, tokens.shape[2]))
    hidden = tower.pre_layrnorm(tokens)
    tapped = None
    for i, layer in enumerate(tower.encoder.layers, 1):
        hidden = layer(hidden, attention_mask=None)
        if i == tap:
            tapped = hidden[:, 1:]
    embedding = F.normalize(model.visual_projection(tower.post_layernorm(hidden[:, 0])).float(), dim=-1)
    return embedding if tap is None else (embedding, tapped)


def save_model(model, merges, classes, folder, half=True):
    """Writes the folder that `clipcls convert` and transformers read: weights, in float16 if half, tokenizer, preprocessing, names."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    copied = copy.deepcopy(model).cpu()
    (copied.half() if half else copied).save_pretrained(folder)
    save_words(merges, classes, folder, model.config.text_config.max_position_embeddings)
    size = model.config.vision_config.image_size
    preprocessing = {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": size},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": size, "width": size},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": MEAN,
        "image_std": STD,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing, indent=1) + "\n")
