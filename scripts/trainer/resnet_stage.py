"""Stage `image` with CLIP's ResNet: it learns to point at the frozen text tower's words.

/* N pictures, S pixels a side */
"""

import math

import torch

from .augment import augment, normalise
from .average import Average
from .budget import rate_at
from .loop import Loop
from .optimizer import Optimizer
from .parallel import Replicas
from .resnet_tower import ResNetTower
from .targets import Targets

OTHERS_RATE = 0.4  # of the weights that Adam trains, against Muon's


class Lesson:
    """One step's loss."""

    def __init__(self, session, targets):
        self.session, self.recipe, self.targets = session, session.recipe, targets

    def loss(self, tower, indices, seed, size):
        """(N) pictures, seen at `size` pixels, with a randomness of their own -> the loss."""
        generator = torch.Generator().manual_seed(seed)
        pixels = self.session.pictures.batch(indices, self.session.device)
        labels = self.session.pictures.labels[indices]
        with self.session.low_precision():
            features = tower(normalise(augment(pixels, generator, size)))
        scale = tower.logit_scale.exp()
        logits = self.targets.logits(features, scale, generator)
        loss = self.targets.label_loss(*logits, labels).mean()
        return loss + self.recipe.hypernym_weight * self.targets.hypernym_loss(features, *logits, labels, scale, generator)


def make_optimizer(tower, recipe):
    """Muon for the convolutions, Adam for the rest."""
    matrices = [p for p in tower.parameters() if p.ndim == 4]
    others = [p for p in tower.parameters() if p.ndim != 4]
    return Optimizer(matrices, others, recipe.weight_decay, OTHERS_RATE)


def train_resnet(session, model, masks):
    """model: its text tower gives the words. The tower's averaged weights are in image.pt afterwards."""
    recipe = session.recipe
    torch.manual_seed(recipe.seed)
    tower = ResNetTower(recipe).to(session.device, memory_format=torch.channels_last)
    session.set_out(tower, "image")
    targets = Targets(session, model, masks)
    lesson = Lesson(session, targets)
    optimizer, average = make_optimizer(tower, recipe), Average(tower, recipe.average_decay)
    loop = Loop(session, "image", {"tower": tower, "average": average, "optimizer": optimizer}, recipe.seed + 2)
    replicas = Replicas(tower, torch.get_num_threads() if session.device.type == "cpu" else 1)
    order = session.order(recipe.seed + 2)

    def check():
        names = targets.names()
        with average.applied():
            return session.held_out.accuracy(lambda pixels: tower(pixels) @ names.T, tower)

    for progress in loop.steps(check):
        size = recipe.small_size if progress < recipe.small_share else recipe.image_size
        rate = rate_at(progress, recipe.rate)
        indices = order.batch(loop.step, recipe.batch)
        seeds = torch.randint(2**62, (replicas.count,), generator=loop.generator).tolist()
        loss = replicas.backward(lesson.loss, indices.chunk(replicas.count), seeds, [size] * replicas.count)
        optimizer.set_rate(rate)
        optimizer.step()
        with torch.no_grad():
            tower.logit_scale.clamp_(max=math.log(recipe.max_logit_scale))
        average.update()
        loop.record(len(indices), loss, rate)
