"""Stage `teacher`: a convolutional network learns the classes first, as it needs far fewer pictures than a transformer does.

The image tower then follows its answers, which say more of a picture than a label, and its map of features, which says what each
patch shows (locality guidance: Li et al. 2022).

/* N pictures, C classes, W width of the first stage, S pixels a side */
"""

import torch
import torch.nn.functional as F
from torch import nn

from .augment import augment, normalise
from .average import Average
from .budget import rate_at
from .loop import Loop
from .optimizer import Optimizer
from .text_stage import step

WEIGHT_DECAY = 0.05


class Block(nn.Module):
    """Two convolutions beside a short cut (He et al. 2016)."""

    def __init__(self, inner, outer, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outer)
        nn.init.zeros_(self.norm2.weight)
        self.short = nn.Conv2d(inner, outer, 1, bias=False) if inner != outer else nn.Identity()
        self.stride = stride

    def forward(self, x):
        inside = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(inside + self.short(F.avg_pool2d(x, 2, ceil_mode=True) if self.stride == 2 else x))


class Teacher(nn.Module):
    """Four stages of halving size and doubling width."""

    def __init__(self, width, classes):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.local = nn.Sequential(Block(width, width, 1), Block(width, 2 * width, 2), Block(2 * width, 4 * width, 2))
        self.whole = Block(4 * width, 8 * width, 2)
        self.head = nn.Linear(8 * width, classes)
        self.guide_width = 4 * width

    def forward(self, pixels):
        """(N, 3, S, S) -> (N, C) logits, (N, 4 W, S / 8, S / 8) what it sees where."""
        seen = self.local(self.stem(pixels.contiguous(memory_format=torch.channels_last)))
        return self.head(self.whole(seen).mean((2, 3))), seen


def train_teacher(session, masks):
    """-> the trained Teacher with its averaged weights, or None where the recipe has none."""
    recipe = session.recipe
    if not recipe.taught:
        return None
    torch.manual_seed(recipe.seed)
    teacher = Teacher(recipe.teacher_width, len(session.classes)).to(session.device, memory_format=torch.channels_last)
    matrices = [p for p in teacher.parameters() if p.ndim == 4]
    chosen = set(matrices)
    optimizer = Optimizer(matrices, [p for p in teacher.parameters() if p not in chosen], WEIGHT_DECAY)
    average = Average(teacher, recipe.average_decay)
    loop = Loop(session, "teacher", {"teacher": teacher, "average": average, "optimizer": optimizer}, recipe.seed + 1)

    def check():
        with average.applied():
            return session.held_out.accuracy(lambda pixels: teacher(pixels)[0], teacher)

    order = session.order(recipe.seed + 1)
    for progress in loop.steps(check):
        teacher.train()
        indices = order.batch(loop.step, recipe.batch)
        small = progress < recipe.teacher_small_share
        pixels = augment(session.pictures.batch(indices, session.device), loop.generator, recipe.teacher_small if small else recipe.image_size)
        labels = session.pictures.labels[indices].to(session.device)
        with session.low_precision():
            logits = teacher(normalise(pixels))[0].float()
        loss = F.cross_entropy(masks.mask(logits, labels), labels)
        step(optimizer, loss, rate_at(progress, recipe.teacher_rate))
        average.update()
        loop.record(len(indices), loss.item(), rate_at(progress, recipe.teacher_rate))
    teacher.load_state_dict(average.values)
    return teacher.eval().requires_grad_(False)
