#!/usr/bin/env python3
"""Checkpoints of the families beyond CLIP's own ViT, for test_families.py and for benchmarks.

    families.py FOLDER NAME     writes FOLDER/NAME

A module family_NAME.py gives CASES, {name: Case}. Each case writes a checkpoint into a folder, in the
file layout of its library, which also gives the tensors' names and shapes; every value is random, under
which leaving out or mixing up any parameter shows (make_checkpoints.draw says why).
"""

import importlib
import math
import pathlib
import sys
import zlib
from dataclasses import dataclass
from typing import Callable

import torch


@dataclass(frozen=True)
class Case:
    make: Callable[[pathlib.Path], None]  # writes the checkpoint into a folder that is there
    large: bool = False  # with CLIPCLS_PARITY=full only
    wide: bool = False  # of a true size, but in CI: few pictures, and no zeroing of parameters
    pictures: int | None = None  # as many as are enough, where the reference is slow
    zeroed: str = ""  # what the names of the parameters that are zeroed begin with
    unused: str = r"(?!)"  # names of tensors that files carry and no embedding depends on


def cases():
    """{name: Case} of all families."""
    found = {}
    for path in sorted(pathlib.Path(__file__).parent.glob("family_*.py")):
        found.update(importlib.import_module(path.stem).CASES)
    return found


def make_case(name, work):
    """The folder of the case, made where it is not there yet."""
    folder = work / name
    if not folder.exists():
        folder.mkdir(parents=True)
        torch.set_grad_enabled(False)
        cases()[name].make(folder)
    return folder


RESIDUAL = ("out_proj", "fc2", "c_proj", "attn.proj", "output.dense", "mlp.w3")
QUERIES = ("q_proj", "k_proj", "attention.self.query", "attention.self.key", "attn_pool.q.")
STACKED = ("in_proj_weight", "qkv.weight")
POSITIONS = ("position", "pos_embed", "cls_token", "class_embedding")
EMBEDDINGS = ("token_embedding", "word_embeddings", "probe", "latent", "relative_position_bias_table")


def draw(tensor, name, layers, generator):
    """Fills one parameter. layers: blocks that add to the same residual stream."""
    tensor.normal_(generator=generator)
    leaf = name.rsplit(".", 1)[-1]
    fan_in = tensor[0].numel() if tensor.ndim > 1 else 1
    if leaf == "logit_scale":
        tensor.fill_(math.log(37.5))
    elif leaf == "logit_bias":
        tensor.fill_(-3.25)
    elif leaf == "temperature":
        tensor.fill_(1 / 29.5)
    elif leaf.endswith("bias") and tensor.ndim == 1:
        tensor.mul_(0.1)
    elif tensor.ndim == 1 and leaf == "weight":
        tensor.mul_(0.2).add_(1)
    elif any(part in name for part in POSITIONS):
        tensor.mul_(0.5)
    elif any(part in name for part in EMBEDDINGS):
        pass
    elif leaf in ("proj", "text_projection"):  # (in, out)
        tensor.mul_(tensor.shape[0] ** -0.5)
    elif any(part in name for part in QUERIES):
        tensor.mul_((2 / fan_in) ** 0.5)
    elif any(name.endswith(part) for part in STACKED):
        tensor.mul_(fan_in ** -0.5)
        tensor[: 2 * len(tensor) // 3].mul_(2 ** 0.5)
    elif any(part in name for part in RESIDUAL):
        tensor.mul_((2 / (fan_in * layers)) ** 0.5)
    else:
        tensor.mul_(fan_in ** -0.5)


def draw_buffer(tensor, name, generator):
    """Batch norms' statistics; other buffers keep their values."""
    if name.endswith("running_mean"):
        tensor.normal_(generator=generator).mul_(0.3)
    elif name.endswith("running_var"):
        tensor.uniform_(0.5, 2, generator=generator)


def randomize(model, seed, layers, dtype=torch.float32, draw=draw):
    """Gives a model on the CPU its values. A tensor's do not depend on which others there are."""
    def generator(name):
        return torch.Generator().manual_seed(seed << 32 | zlib.crc32(name.encode()))
    for name, parameter in model.named_parameters():
        values = torch.empty(parameter.shape)
        draw(values, name, layers, generator(name))
        parameter.data = values.to(dtype)
    for name, buffer in model.named_buffers():
        if buffer.is_floating_point():
            draw_buffer(buffer, name, generator(name))
    return model


if __name__ == "__main__":
    make_case(sys.argv[2], pathlib.Path(sys.argv[1]))
