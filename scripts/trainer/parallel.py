"""A step's gradients from several threads: each takes a part of the batch through a replica of the module.

Two threads that work by themselves are 1.3 times as fast as one step whose operations torch shares out, since those wait for
each other after every one.
"""

import copy
from concurrent.futures import ThreadPoolExecutor

import torch


class Replicas:
    """Replicas of a module share its parameters, and have buffers (batch norm's statistics) of their own, averaged after a step."""

    def __init__(self, module, count):
        self.count = count
        self.replicas = [module, *(share_parameters(copy.deepcopy(module), module) for _ in range(count - 1))]
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) if count > 1 else None

    def backward(self, loss, *parts):
        """loss(replica, *part) -> a scalar. Leaves its mean's gradients in the parameters -> the mean, a number.

        parts: as many lists as a part has members, each with one for every replica.
        """
        def work(replica, *part):
            replica.train()
            own = loss(replica, *part)
            return own.item(), torch.autograd.grad(own, self.parameters, allow_unused=True)

        run = self.pool.map if self.pool else map
        losses, gradients = zip(*run(work, self.replicas, *parts), strict=True)
        for p, *own in zip(self.parameters, *gradients, strict=True):
            p.grad = None if own[0] is None else sum(own[1:], own[0]) / len(own)
        self._average_buffers()
        return sum(losses) / len(losses)

    @torch.no_grad()
    def _average_buffers(self):
        for same in zip(*(replica.buffers() for replica in self.replicas), strict=True):
            if len(same) > 1 and same[0].is_floating_point():
                mean = sum(same[1:], same[0]) / len(same)
                for buffer in same:
                    buffer.copy_(mean)


def share_parameters(replica, module):
    """Gives a deep copy the parameters of its original."""
    for copied, own in zip(replica.modules(), module.modules(), strict=True):
        copied._parameters.update(own._parameters)
    return replica
