#!/usr/bin/env python3
"""Writes the golden vectors of tests/data/golden: what tests/unit/test_golden.c compares with.

    make_golden.py FOLDER

FOLDER/checkpoint   a tiny random checkpoint in Hugging Face's layout, vocabulary of 614
*.png               pictures
prompts.txt         one prompt a line
and the reference's numbers for them, raw and little endian (n pictures, m prompts, S image size,
C context length, E length of an embedding):
ids.i32             (m, C) token ids, -1 behind the end token
pixels.f32          (n, 3, S, S)
images.f32          (n, E), unit length
texts.f32           (m, E), unit length
similarities.f32    (n, m) cosines
"""

import pathlib
import shutil
import sys

import numpy as np
from PIL import Image

from inputs import scene
from make_checkpoints import Spec, Tower, make
from reference import Reference

# As many merges as make words of several lengths: "the", "and", "photo" stays in pieces.
SPEC = Spec("golden", "huggingface", Tower(32, 2, 2), Tower(32, 2, 2), 32, 32, 8, merges=100,
            dtype="F16", seed=51)
PROMPTS = ["a photo of a cat.", "a photo of a dog.", "the thing in the rain", "A",
           "na\u00efve caf\u00e9, \u732b and \U0001f431", "it's 12:30 & they're ANSWERING",
           # Longer than the context: cut, with the end token last.
           "one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
           "fifteen sixteen seventeen eighteen nineteen twenty twenty-one"]
PICTURES = {"wide.png": (40, 61, 1), "tall.png": (53, 35, 2), "exact.png": (32, 32, 3)}


def main(folder):
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    make(SPEC, folder / "checkpoint")
    for path in (folder / "checkpoint").iterdir():
        path.chmod(0o644)
    for name, size in PICTURES.items():
        Image.fromarray(scene(*size)).save(folder / name, optimize=True)
    (folder / "prompts.txt").write_text("".join(prompt + "\n" for prompt in PROMPTS), "utf-8")

    reference = Reference(folder / "checkpoint")
    paths = [folder / name for name in PICTURES]
    images, texts = reference.images(paths), reference.texts(PROMPTS)
    ids = np.full((len(PROMPTS), SPEC.context_length), -1, np.int32)
    for row, prompt in zip(ids, PROMPTS):
        found = reference.ids(prompt)
        row[: len(found)] = found
    write = lambda name, values, dtype: (folder / name).write_bytes(values.astype(dtype).tobytes())
    write("ids.i32", ids, "<i4")
    write("pixels.f32", np.stack([reference.pixels(path) for path in paths]), "<f4")
    write("images.f32", images, "<f4")
    write("texts.f32", texts, "<f4")
    write("similarities.f32", images @ texts.T, "<f4")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
