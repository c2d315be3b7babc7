"""Labelled pictures from Parquet files, decoded when they are drawn, and their augmentation.

A file has two columns: `image` (the bytes of an encoded picture) and `label` (an index into classes.json). Its name says
what it is for: *-train-*.parquet to learn from, *-val-* and *-test-* to measure on.

/* N pictures, S image_size */
"""

import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import torch
import torch.nn.functional as F
from PIL import Image

from .towers import IMAGE_SIZE

# How much of a set is seen for each full turn of the others: CIFAR-10 has 5,000 pictures a class, ten times as many as
# Tiny ImageNet, and would crowd out the other 200 classes.
SHARE = {"cifar10": 0.2}


class Pictures:
    """Encoded pictures with their labels. Kept encoded: decoding costs a few per cent of a step, raw pixels gigabytes."""

    def __init__(self, folder, *kinds):
        files = sorted(path for kind in kinds for path in Path(folder).glob(f"*-{kind}-*.parquet"))
        if not files:
            raise FileNotFoundError(f"{folder}: no {' or '.join(f'*-{k}-*.parquet' for k in kinds)}")
        self.encoded, labels = [], []
        for path in files:
            table = parquet.read_table(path, columns=["image", "label"])
            self.encoded += table["image"].to_pylist()
            labels += table["label"].to_pylist()
        self.labels = torch.tensor(labels)  # (N)

    def pixels(self, indices):
        """-> (len(indices), 3, S, S), values 0..1; another size is brought to S by Pillow's bicubic."""
        pixels = np.stack([decode(self.encoded[i]) for i in indices])
        return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255

    def endless(self, classes, batch, generator):
        """Batches of indices for ever: turn after turn in a fresh random order, each set with its SHARE."""
        sets = np.array([entry["set"] for entry in classes])[self.labels.numpy()]
        share = torch.tensor([SHARE.get(name, 1.0) for name in sets])
        waiting = []
        while True:
            while len(waiting) < batch:
                order = torch.randperm(len(share), generator=generator)
                waiting += order[torch.rand(len(share), generator=generator) < share[order]].tolist()
            yield waiting[:batch]
            waiting = waiting[batch:]


def decode(encoded):
    """Bytes of one picture -> (S, S, 3) uint8."""
    with Image.open(io.BytesIO(encoded)) as picture:
        picture = picture.convert("RGB")
    if picture.size != (IMAGE_SIZE, IMAGE_SIZE):
        picture = picture.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
    return np.asarray(picture)


def augment(pixels, generator):
    """(N, 3, S, S) in 0..1 -> the same: cropped to 0.7-1 of the area, mirrored half the time, light jitter.

    Gentle on purpose: stronger crops and jitter were tried and were worse while few pictures are seen.
    """
    n = len(pixels)
    uniform = torch.rand(5, n, generator=generator)
    side = (0.7 + 0.3 * uniform[0]).sqrt()
    mirror = torch.where(uniform[1] < 0.5, -1.0, 1.0)
    affine = torch.zeros(n, 2, 3)
    affine[:, 0, 0] = side * mirror
    affine[:, 1, 1] = side
    affine[:, :, 2] = ((2 * uniform[2:4] - 1) * (1 - side)).T  # the crop's centre, inside the picture
    grid = F.affine_grid(affine, list(pixels.shape), align_corners=False)
    pixels = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)
    contrast = 0.85 + 0.3 * uniform[4][:, None, None, None]
    brightness = 0.1 * (2 * torch.rand(n, 1, 1, 1, generator=generator) - 1)
    mean = pixels.mean((1, 2, 3), keepdim=True)
    return ((pixels - mean) * contrast + mean + brightness).clamp(0, 1)
