"""Muon for the layers' matrices, Adam for everything else.

Muon (Jordan 2024) takes each matrix's momentum and makes all of its singular values about 1 before it steps: directions that
the gradient rarely shows are learnt as fast as those it always shows. The step is scaled as in Liu et al. 2025, so that one
learning rate serves both kinds.
"""

import torch

MOMENTUM = 0.95
BETAS = (0.9, 0.98)
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # steep at 0, so that five rounds suffice


def orthogonalise(matrices, rounds=5):
    """(B, R, C) -> the nearest (semi-)orthogonal matrices, roughly: singular values between 0.7 and 1.2."""
    a, b, c = NEWTON_SCHULZ
    wide = matrices.shape[1] <= matrices.shape[2]
    x = matrices if wide else matrices.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    gram = x @ x.mT
    # Each round's factor is a polynomial of x's own gram, so all commute: rounds need the small square alone.
    identity = torch.eye(len(gram[0]), device=x.device)
    whole = identity
    for _ in range(rounds):
        factor = a * identity + b * gram + c * gram @ gram
        whole = factor @ whole
        gram = factor @ gram @ factor
    x = whole @ x
    return x if wide else x.mT


class Optimizer(torch.optim.Optimizer):
    """Both kinds in one, with a decoupled weight decay on whatever has two dimensions or more."""

    def __init__(self, matrices, others, weight_decay, others_rate=1.0):
        """matrices: parameters of two dimensions or more (a convolution's filters are its rows) for Muon.

        others_rate: the others' learning rate as a multiple of the matrices'.
        """
        groups = [
            {"params": list(matrices), "muon": True, "decay": weight_decay, "share": 1.0},
            {"params": [p for p in others if p.ndim > 1], "muon": False, "decay": weight_decay, "share": others_rate},
            {"params": [p for p in others if p.ndim <= 1], "muon": False, "decay": 0.0, "share": others_rate},
        ]
        super().__init__([group for group in groups if group["params"]], {"lr": 0.0})

    def set_rate(self, rate):
        for group in self.param_groups:
            group["lr"] = rate * group["share"]

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if group["decay"]:
                for p in parameters:
                    p.mul_(1 - group["lr"] * group["decay"])
            (self._muon if group["muon"] else self._adam)(parameters, group["lr"])

    def _muon(self, parameters, rate):
        by_shape = {}
        for p in parameters:
            if not self.state[p]:
                self.state[p]["momentum"] = torch.zeros_like(p)
            momentum = self.state[p]["momentum"]
            momentum.lerp_(p.grad, 1 - MOMENTUM)
            update = p.grad.lerp(momentum, MOMENTUM).flatten(1)  # Nesterov's
            by_shape.setdefault(update.shape, []).append((p, update))
        for (rows, columns), same in by_shape.items():
            updates = orthogonalise(torch.stack([update for _, update in same]))
            for (p, _), update in zip(same, updates):
                p.add_(update.view_as(p), alpha=-rate * 0.2 * max(rows, columns) ** 0.5)

    def _adam(self, parameters, rate):
        if not parameters:
            return
        for p in parameters:
            if not self.state[p]:
                self.state[p] = {"step": torch.zeros(()), "mean": torch.zeros_like(p), "square": torch.zeros_like(p)}
        gradients = [p.grad for p in parameters]
        steps, means, squares = ([self.state[p][name] for p in parameters] for name in ("step", "mean", "square"))
        torch._foreach_add_(steps, 1)
        count = steps[0].item()
        torch._foreach_lerp_(means, gradients, 1 - BETAS[0])
        torch._foreach_mul_(squares, BETAS[1])
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - BETAS[1])
        spreads = torch._foreach_div(squares, 1 - BETAS[1] ** count)
        torch._foreach_sqrt_(spreads)
        torch._foreach_add_(spreads, 1e-8)
        torch._foreach_addcdiv_(parameters, means, spreads, value=-rate / (1 - BETAS[0] ** count))
