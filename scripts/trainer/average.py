"""The exponential moving average of a module's weights, which is what is measured and exported."""

import contextlib

import torch


class Average:
    """Follows a module; a batch norm's statistics are averaged with the weights, as they belong together."""

    def __init__(self, module, decay):
        self.module, self.decay, self.updates = module, decay, 0
        self.values = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self):
        """After each step. The decay starts low: the first weights are noise that should not linger."""
        self.updates += 1
        share = 1 - min(self.decay, self.updates / (self.updates + 10))
        for name, value in self.module.state_dict().items():
            if value.is_floating_point():
                self.values[name].lerp_(value, share)
            else:
                self.values[name].copy_(value)

    @contextlib.contextmanager
    def applied(self):
        """While the context lasts the module has the averaged weights."""
        own = {name: value.detach().clone() for name, value in self.module.state_dict().items()}
        self.module.load_state_dict(self.values)
        try:
            yield self.module
        finally:
            self.module.load_state_dict(own)

    def state_dict(self):
        return {"values": self.values, "updates": self.updates}

    def load_state_dict(self, kept):
        self.updates = kept["updates"]
        for name, value in kept["values"].items():
            self.values[name].copy_(value)
