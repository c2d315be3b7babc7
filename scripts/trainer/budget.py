"""How long a stage takes, and what follows from how much of it is over.

Everything that changes over a stage (learning rate, patches kept, size of the pictures) is a function of its progress, 0 to
1, which is either the share of its examples that were seen or of its minutes that were used.
"""

import math
import time
from dataclasses import dataclass

RISE = 0.03  # of a stage, in which the learning rate rises
RESERVE_MINUTES = 4.0  # for reading the pictures, exporting and measuring; a tenth of a short budget


@dataclass(frozen=True)
class Budget:
    """Minutes or examples, whichever is not None."""

    minutes: float | None = None
    examples: int | None = None

    def progress(self, minutes, examples):
        """Share of the budget that is used, 0 to 1."""
        used = minutes / self.minutes if self.examples is None else examples / self.examples
        return min(1.0, used)


def share_out(recipe, minutes, pictures):
    """The whole budget -> {stage: Budget}."""
    if pictures is not None:
        return {
            "text": Budget(examples=recipe.text_steps * recipe.text_batch),
            "teacher": Budget(examples=int(recipe.teacher_share * pictures)),
            "image": Budget(examples=pictures),
        }
    text = min(recipe.text_minutes, 0.06 * minutes)
    rest = minutes - text - min(RESERVE_MINUTES, 0.1 * minutes)
    teacher = recipe.teacher_share if recipe.taught else 0.0
    return {
        "text": Budget(minutes=text),
        "teacher": Budget(minutes=teacher * rest),
        "image": Budget(minutes=(1 - teacher) * rest),
    }


def rate_at(progress, peak):
    """A short rise, then a cosine from peak to nothing."""
    rise = min(1.0, (progress + 1e-3) / RISE)
    return peak * rise * 0.5 * (1 + math.cos(math.pi * progress))


def kept_at(progress, recipe):
    """Patches kept of each picture, or None for all: few in the first part, then half-way between, then all."""
    if progress < recipe.kept_share:
        return recipe.kept
    patches = (recipe.image_size // recipe.patch_size) ** 2
    if progress < recipe.kept_share + (1 - recipe.kept_share) / 3:
        return (recipe.kept + patches) // 2
    return None


def make_clock(kind, threads):
    """-> a function that gives minutes: of the clock on the wall, or of work done, so that waiting for a busy machine costs nothing."""
    if kind == "wall":
        return lambda: time.monotonic() / 60
    return lambda: time.process_time() / 60 / threads
