"""Pictures altered as they are seen: cropped, mirrored, brighter or darker, sharper or softer, a piece of another one pasted in.

/* N pictures, S pixels a side */
"""

import torch
import torch.nn.functional as F

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
SMALLEST_CROP = 0.4  # of the area
STRETCH = 0.15  # of the sides against each other, either way
SHARPEST, SOFTEST = 1.0, 0.7  # how much of what a blur takes away is added, or taken


def normalise(pixels):
    """(N, 3, S, S) in 0..1 -> the same by the model's mean and standard deviation."""
    mean, std = (torch.tensor(v, device=pixels.device)[:, None, None] for v in (MEAN, STD))
    return (pixels - mean) / std


def augment(pixels, generator, size):
    """(N, 3, S, S) in 0..1 -> the same of `size` pixels: a crop, mirrored half the time, brighter or darker, sharper or softer."""
    n, device = len(pixels), pixels.device
    uniform = torch.rand(8, n, generator=generator)
    area = SMALLEST_CROP + (1 - SMALLEST_CROP) * uniform[0]
    stretch = (STRETCH * (2 * uniform[6] - 1)).exp()
    sides = (torch.stack([stretch, 1 / stretch]) * area.sqrt()).clamp_(max=1)  # (2, N): width, height
    affine = torch.zeros(n, 2, 3)
    affine[:, 0, 0] = sides[0] * torch.where(uniform[1] < 0.5, -1.0, 1.0)
    affine[:, 1, 1] = sides[1]
    affine[:, :, 2] = ((2 * uniform[2:4] - 1) * (1 - sides)).T  # the crop's centre, inside the picture
    grid = F.affine_grid(affine.to(device), [n, 3, size, size], align_corners=False)
    pixels = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)
    contrast, brightness = (0.7 + 0.6 * uniform[4]).to(device), (0.3 * uniform[5] - 0.15).to(device)
    pixels = sharpen(pixels, (SHARPEST + SOFTEST) * uniform[7] - SOFTEST)
    mean = pixels.mean((1, 2, 3), keepdim=True)
    return ((pixels - mean) * contrast[:, None, None, None] + mean + brightness[:, None, None, None]).clamp_(0, 1)


def resize(pixels, size):
    """(N, 3, S, S) -> (N, 3, size, size), bicubic, as the program does."""
    return pixels if pixels.shape[-1] == size else F.interpolate(pixels, (size, size), mode="bicubic")


def sharpen(pixels, amounts):
    """(N, 3, S, S), (N) -> the same, sharper or (below 0) softer: photographs are sharper than small packed pictures."""
    blurred = F.avg_pool2d(pixels, 3, 1, 1, count_include_pad=False)
    return pixels + amounts.to(pixels.device)[:, None, None, None] * (pixels - blurred)


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
