"""CLIP's ResNet as an image tower (Radford et al. 2021, section 2.4), with the names that its checkpoints have.

/* N pictures, S pixels a side, G pixels a side of the last stage, F its channels, E projection_dim */
"""

import math
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

STAGES = 4
EXPANSION = 4  # of a block's channels at its end
REDUCTION = 32  # S / G, and F / width
HEAD_WIDTH = 64
FIRST_LOGIT_SCALE = math.log(10)


def convolution(inner, outer, kernel, stride=1):
    return nn.Conv2d(inner, outer, kernel, stride, kernel // 2, bias=False)


class Bottleneck(nn.Module):
    """Convolutions of 1, 3 and 1 pixels beside a short cut (He et al. 2016); a stride is an average, on both ways."""

    def __init__(self, inner, channels, stride):
        super().__init__()
        outer = EXPANSION * channels
        self.conv1, self.bn1 = convolution(inner, channels, 1), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = convolution(channels, channels, 3), nn.BatchNorm2d(channels)
        self.conv3, self.bn3 = convolution(channels, outer, 1), nn.BatchNorm2d(outer)
        nn.init.zeros_(self.bn3.weight)  # a block starts as nothing added
        self.average = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.downsample = None
        if inner != outer or stride > 1:
            parts = {"-1": nn.AvgPool2d(stride), "0": convolution(inner, outer, 1), "1": nn.BatchNorm2d(outer)}
            self.downsample = nn.Sequential(OrderedDict(parts))

    def forward(self, x):
        inside = F.relu(self.bn1(self.conv1(x)))
        inside = self.average(F.relu(self.bn2(self.conv2(inside))))
        return F.relu(self.bn3(self.conv3(inside)) + (x if self.downsample is None else self.downsample(x)))


class AttentionPool(nn.Module):
    """The mean of all places asks each place and itself, with several heads."""

    def __init__(self, grid, features, heads, embedding):
        super().__init__()
        self.heads = heads
        self.positional_embedding = nn.Parameter(torch.randn(grid**2 + 1, features) / features**0.5)
        self.k_proj, self.q_proj, self.v_proj = (nn.Linear(features, features) for _ in range(3))
        self.c_proj = nn.Linear(features, embedding)
        for linear in (self.k_proj, self.q_proj, self.v_proj, self.c_proj):
            nn.init.normal_(linear.weight, std=features**-0.5)

    def forward(self, seen):
        """(N, F, g, g) -> (N, E); positions are resized where g is not G."""
        places = seen.flatten(2).mT
        tokens = torch.cat([places.mean(1, keepdim=True), places], 1)
        tokens = tokens + resize_positions(self.positional_embedding, seen.shape[-1])
        q, k, v = self.q_proj(tokens[:, :1]), self.k_proj(tokens), self.v_proj(tokens)
        q, k, v = (x.unflatten(2, (self.heads, -1)).transpose(1, 2) for x in (q, k, v))
        return self.c_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(1))


def resize_positions(positions, side):
    """(1 + G^2, F) -> (1 + side^2, F); the first one is the mean's."""
    grid = math.isqrt(len(positions) - 1)
    if side == grid:
        return positions
    places = positions[1:].T.reshape(1, -1, grid, grid)
    places = F.interpolate(places, (side, side), mode="bilinear")[0]
    return torch.cat([positions[:1], places.flatten(1).T])


class ResNet(nn.Module):
    """(N, 3, S, S) -> (N, E)."""

    def __init__(self, width, blocks, image_size, embedding):
        """blocks: of each stage."""
        super().__init__()
        half = width // 2
        self.conv1, self.bn1 = convolution(3, half, 3, 2), nn.BatchNorm2d(half)
        self.conv2, self.bn2 = convolution(half, half, 3), nn.BatchNorm2d(half)
        self.conv3, self.bn3 = convolution(half, width, 3), nn.BatchNorm2d(width)
        inner = width
        for stage in range(STAGES):
            channels = width << stage
            strides = [1 if stage == 0 else 2] + [1] * (blocks - 1)
            own = []
            for stride in strides:
                own.append(Bottleneck(inner, channels, stride))
                inner = EXPANSION * channels
            self.add_module(f"layer{stage + 1}", nn.Sequential(*own))
        self.attnpool = AttentionPool(image_size // REDUCTION, inner, inner // HEAD_WIDTH, embedding)

    def forward(self, pixels):
        seen = pixels.contiguous(memory_format=torch.channels_last)
        for conv, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            seen = F.relu(norm(conv(seen)))
        seen = F.avg_pool2d(seen, 2)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            seen = stage(seen)
        return self.attnpool(seen)


class ResNetTower(nn.Module):
    """What stage `image` trains."""

    def __init__(self, recipe):
        super().__init__()
        self.visual = ResNet(recipe.resnet_width, recipe.resnet_blocks, recipe.image_size, recipe.projection_dim)
        self.logit_scale = nn.Parameter(torch.tensor(FIRST_LOGIT_SCALE))

    def forward(self, pixels):
        """(N, 3, S, S) normalised -> (N, E), unit length."""
        return F.normalize(self.visual(pixels).float(), dim=-1)
