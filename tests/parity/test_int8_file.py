"""Single files in int8 (format version 3): the numbers in them, and how far they are from their source.

Bounds, image tower in f32: a cosine to the source's embeddings of at least 0.995 for pictures and 0.99 for
prompts. Measured: docs/precision.md.

Needs CLIPCLS_BUILD, the build folder.
"""

import pathlib

import numpy as np
import pytest
import safetensors

from checkpoint_support import (OPENCLIP, assert_same, canonical, dump, huggingface_model, run,
                                save_openclip)
from engine import Engine, convert
from make_checkpoints import SPECS, make
from test_precision import PHOTOS, ROOT, cosines, had
from test_single_blocks import has_blocks, wide_model

LEAST = {"pictures": 0.995, "prompts": 0.99}


def quantize(weight):
    """(N, K) float32 -> values (N, K), scales (N): -127 to 127, halves away from 0."""
    step = np.abs(weight).max(axis=1) / np.float32(127)
    scaled = weight * (np.float32(1) / step)[:, None]
    return np.trunc(scaled + np.copysign(np.float32(0.5), scaled)).astype(np.int8), step


def make_source(kind, folder):
    """Its state under transformers' names; 64 divides the widths of "blocks", which is a single file."""
    source = folder / "source"
    source.mkdir()
    if kind == "openclip":
        return source, canonical(save_openclip(source, OPENCLIP).state_dict())
    model = wide_model() if kind == "blocks" else huggingface_model()
    model.save_pretrained(source)
    if kind == "blocks":
        run("convert", source, folder / "blocks.safetensors")
        source = folder / "blocks.safetensors"
    return source, model.state_dict()


@pytest.mark.parametrize("kind", ["huggingface", "openclip", "blocks"])
def test_values_and_scales(tmp_path, kind):
    source, state = make_source(kind, tmp_path)
    out = tmp_path / "out.safetensors"
    run("convert", source, out, "int8")
    read = dump(out)[1]
    with safetensors.safe_open(out, "np") as file:
        assert file.metadata()["format_version"] == "3"
        for name in [name for name, tensor in state.items() if has_blocks(name, tensor)]:
            values, scales = quantize(state[name].detach().numpy())
            assert np.array_equal(file.get_tensor(name), values)
            assert np.array_equal(file.get_tensor(name + "_scale"), scales)
            assert np.array_equal(read[name], values * scales[:, None])
            del read[name], state[name]
    assert_same(read, state)


# What changes: a ResNet, as the default model has it, has no transformer blocks.
CHANGED = {"default model": ["prompts"], "hf-b32": ["pictures", "prompts"]}


@pytest.mark.parametrize("name", CHANGED)
def test_embeddings_stay_close(name, work, tmp_path, report):
    if name == "hf-b32":
        source, exif = work / name, False
        if not source.exists():
            make(SPECS[name], source)
    else:
        source, exif = ROOT / "models/default.safetensors", True
    file = convert(source, tmp_path / "int8.safetensors", "--dtype", "int8")
    prompts = [f"a photo of a {line}." for line in
               (ROOT / "models/imagenet1k.txt").read_text().splitlines()[::10]]
    exact, low = Engine(source, exif), Engine(file, exif)
    found = {"pictures": (exact.images(PHOTOS), low.images(PHOTOS)),
             "prompts": (exact.texts(prompts), low.texts(prompts))}
    for kind, (expected, embeddings) in found.items():
        values = cosines(expected, embeddings)
        report("int8 file beside its source", name, kind, f"{values.min():.6f}")
        report("int8 file beside its source", name, f"{kind}, mean", f"{values.mean():.6f}")
        assert np.array_equal(expected, embeddings) == (kind not in CHANGED[name])
        assert values.min() >= LEAST[kind]


def test_pictures_in_int8_are_the_source_s_to_the_bit(work, tmp_path):
    """Where kernels take all 8 bits, they get the same bytes from either."""
    flags = set(pathlib.Path("/proc/cpuinfo").read_text().split())
    if "int8" not in had() or not {"avx512_vnni", "avx_vnni"} & flags:
        pytest.skip("no int8 with all 8 bits here")
    for source in (ROOT / "models/default.safetensors", work / "hf-b32"):
        if not source.exists():
            make(SPECS["hf-b32"], source)
        file = convert(source, tmp_path / "int8.safetensors", "--dtype", "int8")
        exact = Engine(source, False).images(PHOTOS, precision="int8")
        assert np.array_equal(exact, Engine(file, False).images(PHOTOS, precision="int8"))
