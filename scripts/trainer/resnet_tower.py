"""CLIP's ResNet as an image tower: open_clip's, which takes smaller pictures as well.

/* N pictures, S pixels a side, G pixels a side of the last stage, F its channels, E projection_dim */
"""

import math

import torch
import torch.nn.functional as F
from open_clip.modified_resnet import ModifiedResNet

STAGES = 4
REDUCTION = 32  # S / G, and F / width
HEAD_WIDTH = 64
FIRST_LOGIT_SCALE = math.log(10)
MAX_LOGIT_SCALE = math.log(100)


class ResNetTower(torch.nn.Module):
    """What stage `image` trains; open_clip's names."""

    def __init__(self, recipe):
        super().__init__()
        width = recipe.resnet_width
        self.visual = ModifiedResNet([recipe.resnet_blocks] * STAGES, recipe.projection_dim, width * REDUCTION // HEAD_WIDTH,
                                     recipe.image_size, width)
        self.logit_scale = torch.nn.Parameter(torch.tensor(FIRST_LOGIT_SCALE))

    def forward(self, pixels):
        """(N, 3, S, S) normalised -> (N, E), unit length."""
        visual = self.visual
        seen = visual.stem(pixels.contiguous(memory_format=torch.channels_last))
        for stage in (visual.layer1, visual.layer2, visual.layer3, visual.layer4):
            seen = stage(seen)
        positions = resize_positions(visual.attnpool.positional_embedding, seen.shape[-1])
        pooled = torch.func.functional_call(visual.attnpool, {"positional_embedding": positions}, (seen,))
        return F.normalize(pooled.float(), dim=-1)


def resize_positions(positions, side):
    """(1 + G^2, F) -> (1 + side^2, F); the first one is the mean's."""
    grid = math.isqrt(len(positions) - 1)
    if side == grid:
        return positions
    places = positions[1:].T.reshape(1, -1, grid, grid)
    places = F.interpolate(places, (side, side), mode="bilinear")[0]
    return torch.cat([positions[:1], places.flatten(1).T])
