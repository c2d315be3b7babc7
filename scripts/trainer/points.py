"""Every meaning's fixed point: unit vectors whose cosines follow WordNet, made before anything is trained.

With the points known, the text tower has a target for each text by itself, not for pairs of texts in a batch.

/* S synsets, E projection_dim */
"""

import torch

# Cubed, similarities spread out: two unrelated things share "physical entity" and start near 0.3.
POWER = 3
# A meaning's direction of its own: without it "German shepherd" and "poodle" would lie at 0.9, and pictures of them would be
# told apart by the last digits of a score.
OWN = 0.2


def wanted_cosines(similarity):
    """(S, S) Wu-Palmer similarities -> (S, S) cosines; an array of the same storage."""
    cosines = similarity.pow_(POWER).mul_(1 - OWN)
    cosines.fill_diagonal_(1.0)
    return cosines


def fixed_points(cosines, weights, size, generator, rounds=8):
    """(S, S) wanted cosines, (S) weights -> (S, size) unit rows that meet them as well as `size` dimensions allow.

    A principal component analysis of the kernel, found by subspace iteration. A row of greater weight is met more exactly:
    the classes' own points matter more than those of nine thousand other nouns.
    """
    root = weights.sqrt()
    basis = torch.randn(len(cosines), min(2 * size, len(cosines)), generator=generator)
    for _ in range(rounds):
        basis = torch.linalg.qr(root[:, None] * (cosines @ (root[:, None] * basis))).Q
    projected = root[:, None] * (cosines @ (root[:, None] * basis))  # (S, 2 size)
    values, vectors = torch.linalg.eigh(basis.T @ projected)  # ascending
    values, vectors = values[-size:].clamp(min=0), basis @ vectors[:, -size:]
    points = vectors * values.sqrt() / root[:, None]
    points = torch.nn.functional.pad(points, (0, size - points.shape[1]))  # fewer synsets than dimensions
    return torch.nn.functional.normalize(points, dim=1)
