"""Heat of a picture's cells, against the definition in docs/explain.md computed with each family's own library.

Tolerance: 1e-4 in log-odds, ten times the largest difference seen (1.1e-5). Heat itself must reach a hundred times
the tolerance: a grid or a window that is off by a cell shows.
"""

import numpy as np
import pytest
import torch

from engine import BUILD, run
from families import make_case
from inputs import LABELS
from reference import Reference, unit

TOLERANCE = 1e-4
SHOWS = 100 * TOLERANCE
TEMPLATE = "a photo of a {}."
MOST_CELLS = 14

# Pixels of a patch; 1 where the tower has none.
CASES = {"oc-larger-grid": 8, "oc-clipa-tiny": 12, "siglip-tiny": 8, "resnet-tiny": 1, "align-tiny": 1,
         "oc-swin-tiny": 4}


def grid(size, patch):
    """Pixels of a cell, cells along a side, cells of a window."""
    patches = -(-size // patch)
    together = -(-patches // MOST_CELLS)
    cells = -(-patches // together)
    return patch * together, cells, max((3 * cells + 4) // 8, 1)


def windows(cells, window):
    """The cells of each, as slices."""
    starts = range(cells - window + 1)
    return [(slice(y, y + window), slice(x, x + window)) for y in starts for x in starts]


def encode(reference, pixels):
    """(n, E)"""
    rows = [reference.library.encode_image(torch.from_numpy(part)) for part in np.array_split(pixels, 1 + len(pixels) // 16)]
    return unit(torch.cat(rows)).numpy().astype(np.float64)


def log_odds(reference, images, labels):
    """(n, L): of softmax scores log p - log(1 - p), of sigmoids the logit."""
    logits = reference.logit_scale * images @ labels.T.astype(np.float64)
    if reference.logit_bias is not None:
        return logits + reference.logit_bias
    others = np.stack([np.delete(logits, i, axis=1) for i in range(logits.shape[1])], axis=1)
    top = others.max(axis=2)
    return logits - top - np.log(np.exp(others - top[..., None]).sum(axis=2))


def expected(reference, picture, patch):
    """(L, rows, columns)"""
    pixels = reference.pixels(picture).astype(np.float32)
    side, cells, window = grid(pixels.shape[-1], patch)
    variants = [pixels]
    for rows, columns in windows(cells, window):
        covered = pixels.copy()
        covered[:, rows.start * side : rows.stop * side, columns.start * side : columns.stop * side] = \
            pixels.mean(axis=(1, 2), keepdims=True, dtype=np.float64).astype(np.float32)
        variants.append(covered)
    values = log_odds(reference, encode(reference, np.stack(variants)), reference.labels(LABELS, [TEMPLATE]))
    heat, count = np.zeros((len(LABELS), cells, cells)), np.zeros((cells, cells))
    for (rows, columns), value in zip(windows(cells, window), values[1:]):
        heat[:, rows, columns] += (values[0] - value)[:, None, None]
        count[rows, columns] += 1
    heat /= count
    return heat - np.median(heat, axis=(1, 2), keepdims=True)


def heat(folder, reference, picture, explained, *options):
    """(explained, rows, columns): of the first labels"""
    exif = [] if reference.applies_exif else ["-x"]
    out = run([BUILD / "tests/dump_heat", *exif, "-n", str(explained), *options, folder, picture, *LABELS])
    values = np.frombuffer(out, np.float32)
    side = round((len(values) / explained) ** 0.5)
    return values.reshape(explained, side, side)


@pytest.mark.parametrize("name", CASES)
def test_heat_is_what_the_definition_says(name, work, pictures, report):
    folder = make_case(name, work)
    reference = Reference(folder)
    wanted = expected(reference, pictures[6], CASES[name])
    got = heat(folder, reference, pictures[6], 2)
    worst = np.abs(got - wanted[:2]).max()
    report("largest difference of heat, in log-odds", name, "heat", worst)
    assert np.abs(wanted[:2]).max() > SHOWS
    assert worst < TOLERANCE
    assert np.array_equal(heat(folder, reference, pictures[6], 1, "-j", "3", "-b", "5"), got[:1])
