"""What both stages share: parameters with weight decay, the learning rate's course, and progress lines."""

import math
import sys

import torch


def make_optimizer(parameters, weight_decay):
    """AdamW; matrices decay, biases, layer norms and the logit scale do not."""
    parameters = [p for p in parameters if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups)


def set_rate(optimizer, step, steps, peak):
    """A cosine from peak to nothing, after a rise over the first hundred steps (a fifth of a short run)."""
    rise = max(1, min(100, steps // 5))
    rate = peak * min(1.0, (step + 1) / rise) * 0.5 * (1 + math.cos(math.pi * step / steps))
    for group in optimizer.param_groups:
        group["lr"] = rate


class Progress:
    """Some twenty lines on stderr over a stage, each with the mean loss since the last."""

    def __init__(self, stage, steps):
        self.stage, self.steps, self.every = stage, steps, max(1, steps // 20)
        self.losses = []

    def add(self, step, loss):
        self.losses.append(loss)
        if (step + 1) % self.every == 0 or step + 1 == self.steps:
            mean = sum(self.losses) / len(self.losses)
            print(f"{self.stage} step {step + 1}/{self.steps} loss {mean:.4f}", file=sys.stderr, flush=True)
            self.losses = []
