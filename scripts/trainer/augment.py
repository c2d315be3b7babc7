"""Pictures altered as they are seen: cropped, mirrored, a little brighter or darker, a piece of another one pasted in.

/* N pictures, S pixels a side */
"""

import torch
import torch.nn.functional as F

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
SMALLEST_CROP = 0.6  # of the area


def normalise(pixels):
    """(N, 3, S, S) in 0..1 -> the same by the model's mean and standard deviation."""
    mean, std = (torch.tensor(v, device=pixels.device)[:, None, None] for v in (MEAN, STD))
    return (pixels - mean) / std


def augment(pixels, generator, size=None):
    """(N, 3, S, S) in 0..1 -> the same of `size` pixels: a crop of 0.6-1 of the area, mirrored half the time, light jitter.

    Gentle on purpose: stronger crops and jitter were tried and were worse while few pictures are seen.
    """
    n, device = len(pixels), pixels.device
    size = size or pixels.shape[-1]
    uniform = torch.rand(6, n, generator=generator)
    side = (SMALLEST_CROP + (1 - SMALLEST_CROP) * uniform[0]).sqrt()
    affine = torch.zeros(n, 2, 3)
    affine[:, 0, 0] = side * torch.where(uniform[1] < 0.5, -1.0, 1.0)
    affine[:, 1, 1] = side
    affine[:, :, 2] = ((2 * uniform[2:4] - 1) * (1 - side)).T  # the crop's centre, inside the picture
    grid = F.affine_grid(affine.to(device), [n, 3, size, size], align_corners=False)
    pixels = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)
    contrast, brightness = (0.85 + 0.3 * uniform[4]).to(device), (0.2 * uniform[5] - 0.1).to(device)
    mean = pixels.mean((1, 2, 3), keepdim=True)
    return ((pixels - mean) * contrast[:, None, None, None] + mean + brightness[:, None, None, None]).clamp_(0, 1)


def paste(pixels, share, generator):
    """Puts a piece of the next picture into `share` of the pictures (CutMix: Yun et al. 2019).

    -> (pixels, (N) how much of each picture is its own). The other label is that of the next picture (the first's for the last).
    """
    n, size = len(pixels), pixels.shape[-1]
    uniform = torch.rand(4, n, generator=generator)
    side = (1 - uniform[0]).sqrt() * (uniform[1] < share)
    centre = uniform[2:4]  # (2, N)
    at = (torch.arange(size) + 0.5) / size
    inside = ((at - centre[:, :, None]).abs() < side[:, None] / 2).to(pixels.device)  # (2, N, S)
    box = inside[0][:, :, None] & inside[1][:, None, :]  # (N, S, S)
    mixed = torch.where(box[:, None], pixels.roll(-1, 0), pixels)
    return mixed, 1 - box.float().mean((1, 2))
