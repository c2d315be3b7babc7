"""int8 and bf16 agree with f32: per picture by cosine, over many pictures by the first label.

Bounds: a cosine of at least 0.995 (bf16: 0.999), the same first label for at least 98 % of 200
crops of real photographs. Measured: docs/precision.md.
"""

import pathlib

import numpy as np
import pytest
from PIL import Image

from engine import BUILD, Engine, run
from families import make_case
from make_checkpoints import SPECS, make

ROOT = pathlib.Path(__file__).resolve().parents[2]
PHOTOS = sorted(path for path in (ROOT / "tests/data/photos").iterdir()
                if path.suffix in (".jpg", ".png"))
LEAST_COSINE = {"int8": 0.995, "bf16": 0.999}
LEAST_AGREEMENT = 0.98


def had():
    lines = run([BUILD / "clipcls", "--version"]).decode().splitlines()
    line = next(line for line in lines if line.startswith("low precision: "))
    return [] if "none" in line else [name for name in LEAST_COSINE if name in line]


@pytest.fixture(scope="module", params=["int8", "bf16"])
def precision(request):
    if request.param not in had():
        pytest.skip(f"{request.param} is not to be had here")
    return request.param


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """25 crops, of half to all of its height and width, of each photograph."""
    folder = tmp_path_factory.mktemp("crops")
    chance = np.random.default_rng(1)
    paths = []
    for photo in PHOTOS:
        image = Image.open(photo).convert("RGB")
        for i in range(25):
            width, height = (int(side * chance.uniform(0.5, 1)) for side in image.size)
            left = int(chance.uniform(0, image.width - width))
            top = int(chance.uniform(0, image.height - height))
            crop = image.crop((left, top, left + width, top + height))
            paths.append(folder / f"{photo.stem}-{i}.png")
            crop.resize((256, 256), Image.Resampling.BICUBIC).save(paths[-1])
    return paths


def cosines(a, b):
    return (a.astype(np.float64) * b).sum(axis=1)


def test_default_model(crops, precision, report):
    engine = Engine(ROOT / "models/default.safetensors", True)
    names = (ROOT / "tests/data/photos/labels.txt").read_text().splitlines()
    labels = engine.labels(names, ["a photo of a {}."])
    exact, low = engine.images(crops), engine.images(crops, precision=precision)
    agreement = np.mean((exact @ labels.T).argmax(axis=1) == (low @ labels.T).argmax(axis=1))
    least = cosines(exact, low).min()
    report("low precision beside f32", f"default model, {precision}", "cosine", f"{least:.6f}")
    report("low precision beside f32", f"default model, {precision}", "first label",
           f"{agreement:.3f}")
    assert not np.array_equal(exact, low)
    assert least >= LEAST_COSINE[precision]
    assert agreement >= LEAST_AGREEMENT


@pytest.mark.parametrize("name", ["hf-b32", "resnet-rn50"])
def test_large_shape_on_photographs(name, work, precision, report):
    if name not in SPECS:
        make_case(name, work)
    elif not (work / name).exists():
        make(SPECS[name], work / name)
    engine = Engine(work / name, False)
    exact, low = engine.images(PHOTOS), engine.images(PHOTOS, precision=precision)
    least = cosines(exact, low).min()
    report("low precision beside f32", f"{name}, {precision}", "cosine", f"{least:.6f}")
    assert least >= LEAST_COSINE[precision]
