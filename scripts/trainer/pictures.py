"""Labelled pictures from Parquet files, decoded once into a memory-mapped file, and the order in which they are seen.

A Parquet file has two columns: `image` (the bytes of an encoded picture) and `label` (an index into classes.json). Its name says
what it is for: *-train-*.parquet to learn from, *-val-* and *-test-* to measure on.

/* N pictures, S image_size */
"""

import io
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import torch
from PIL import Image

HELD_OUT = ("val", "test")


def encoded_pictures(folder, kinds):
    """-> (encoded pictures, labels) of the files of these kinds, in the order of their names."""
    files = sorted(path for kind in kinds for path in Path(folder).glob(f"*-{kind}-*.parquet"))
    if not files:
        raise FileNotFoundError(f"{folder}: no {' or '.join(f'*-{kind}-*.parquet' for kind in kinds)}")
    encoded, labels = [], []
    for path in files:
        table = parquet.read_table(path, columns=["image", "label"])
        encoded += table["image"].to_pylist()
        labels += table["label"].to_pylist()
    return encoded, labels


def decode(encoded, size):
    """Bytes of one picture -> (S, S, 3) uint8; another size is brought to S by Pillow's bicubic."""
    with Image.open(io.BytesIO(encoded)) as picture:
        picture = picture.convert("RGB")
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(picture)


class Pictures:
    """Decoded pictures, in a file of the state folder: 12 KB each at 64 pixels, shared through the system's page cache."""

    def __init__(self, state, data, kinds, size):
        encoded, labels = encoded_pictures(data, kinds)
        self.labels = torch.tensor(labels)  # (N)
        path = state.folder / f"pictures-{kinds[0]}-{size}.u8"
        shape = (len(labels), size, size, 3)
        if not path.exists() or path.stat().st_size != np.prod(shape):
            part = path.with_name(path.name + ".part")
            pixels = np.memmap(part, np.uint8, "w+", shape=shape)
            for i, picture in enumerate(encoded):
                pixels[i] = decode(picture, size)
            pixels.flush()
            os.replace(part, path)
        self.pixels = np.memmap(path, np.uint8, "r", shape=shape)

    def batch(self, indices, device):
        """(n) indices -> (n, 3, S, S) in 0..1."""
        pixels = torch.from_numpy(self.pixels[indices.numpy()]).to(device)
        return pixels.permute(0, 3, 1, 2).float().div_(255)


class Order:
    """Which pictures a step sees: turn after turn in fresh random order, some classes' pictures only in part.

    A function of the step alone, so that a resumed training goes on where it was.
    """

    def __init__(self, labels, shares, seed):
        """shares: (C) how much of each class a turn has, 0 to 1; a turn of 0.4 has another 40 % each time."""
        self.seed, self.turn = seed, None
        self.rows = {}
        shares = shares[labels]
        for share in shares.unique().tolist():
            if share > 0:
                self.rows[share] = torch.nonzero(shares == share)[:, 0]
        self.length = sum(max(1, int(share * len(rows))) for share, rows in self.rows.items())

    def batch(self, step, size):
        """-> (size) indices."""
        places = torch.arange(step * size, (step + 1) * size)
        return torch.stack([self._turn(place // self.length)[place % self.length] for place in places.tolist()])

    def _turn(self, number):
        if self.turn is None or self.turn[0] != number:
            generator = torch.Generator().manual_seed(self.seed * 7_919 + number)
            chosen = [rows[torch.randperm(len(rows), generator=generator)[: max(1, int(share * len(rows)))]]
                      for share, rows in self.rows.items()]
            chosen = torch.cat(chosen)
            self.turn = number, chosen[torch.randperm(len(chosen), generator=generator)]
        return self.turn[1]
