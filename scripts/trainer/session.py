"""What all stages share: the options, the data, and where and how fast to compute.

/* N pictures, C classes */
"""

import functools
import json

import torch

from . import tokens
from .augment import normalise, resize
from .budget import make_clock, share_out
from .pictures import HELD_OUT, Order, Pictures
from .recipe import settle
from .state import State
from .wordnet import WordNet
from .words import class_synset

HELD_OUT_PICTURES = 2000  # looked at during training; measuring looks at all


class Session:
    """One run of the script on one state folder. Data is read when it is first asked for."""

    def __init__(self, options):
        self.options = options
        self.data = options.data
        self.state = State(options.state)
        self.recipe = settle(self.state, options.set)
        self.start = options.start and State.existing(options.start)
        if self.start:
            self.state.adopt(self.start, ("text", "teacher"))
        self.classes = json.loads((options.data / "classes.json").read_text(encoding="utf-8"))
        self.device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.budgets = share_out(self.recipe, options.minutes, options.pictures)
        self.clock = make_clock(options.clock, torch.get_num_threads())
        self.log_every = options.log_every
        self.checkpoint_minutes = options.checkpoint_minutes
        self.merges = tokens.read_merges(options.merges, self.recipe.merges)
        self.tokenizer = tokens.build_tokenizer(self.merges, self.recipe.context_length)
        self.bf16 = has_bf16(self.device)

    @functools.cached_property
    def wordnet(self):
        return WordNet(self.options.wordnet)

    @functools.cached_property
    def pictures(self):
        return Pictures(self.state, self.data, ("train",), self.recipe.picture_size)

    @functools.cached_property
    def held_out(self):
        return HeldOut(self)

    @functools.cached_property
    def left_out(self):
        """-> (C) bool: the classes whose pictures are left out: evenly spread over the largest set."""
        own = largest_set(self.classes)
        chosen = torch.zeros(len(self.classes), dtype=torch.bool)
        if self.recipe.leave_out:
            # A class of another set with the same meaning would show what is to stay unseen.
            others = {class_synset(entry) for i, entry in enumerate(self.classes) if i not in own}
            own = [i for i in own if class_synset(self.classes[i]) not in others]
            chosen[own[:: max(1, len(own) // self.recipe.leave_out)][: self.recipe.leave_out]] = True
        return chosen

    def set_out(self, module, stage):
        """Gives a module the averaged weights that the stage left in --start's folder, if there is one."""
        if not self.start:
            return
        try:
            module.load_state_dict(self.start.averaged(stage))
        except RuntimeError as error:  # torch names each weight of another size
            raise ValueError(f"{self.start.folder}: another recipe's model: {error}") from error

    def order(self, seed):
        """The training pictures' order."""
        shares = torch.tensor([self.recipe.cifar_share if entry["set"] == "cifar10" else 1.0 for entry in self.classes])
        shares[self.left_out] = 0
        return Order(self.pictures.labels, shares, seed)

    def paused(self):
        """Whether the pause file exists."""
        return self.options.pause_file is not None and self.options.pause_file.exists()

    def low_precision(self):
        """A context in which products are computed in bfloat16 where the processor or GPU does so itself."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)


def has_bf16(device):
    """Whether bfloat16 is faster here, not merely possible."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    return able.get("avx512_bf16", False) or able.get("amx_bf16", False)


def largest_set(classes):
    """-> indices of the classes of the set that has most."""
    sets = {}
    for i, entry in enumerate(classes):
        sets.setdefault(entry["set"], []).append(i)
    return max(sets.values(), key=len)


class HeldOut:
    """Some of the pictures that are never trained on, of the largest set, for the log."""

    def __init__(self, session):
        self.device = session.device
        pictures = Pictures(session.state, session.data, HELD_OUT, session.recipe.picture_size)
        own = torch.tensor([i for i in largest_set(session.classes) if not session.left_out[i]])
        rows = torch.nonzero(torch.isin(pictures.labels, own))[:, 0]
        self.rows = rows[:: max(1, len(rows) // HELD_OUT_PICTURES)]
        self.pictures, self.own, self.size = pictures, own, session.recipe.image_size

    @torch.no_grad()
    def accuracy(self, answers, module, batch=250):
        """answers: (n, 3, S, S) normalised -> (n, C) scores. -> share that is right among the set's classes."""
        module.eval()
        right = 0
        for i in range(0, len(self.rows), batch):
            rows = self.rows[i : i + batch]
            pixels = resize(normalise(self.pictures.batch(rows, self.device)), self.size)
            scores = answers(pixels)[:, self.own.to(self.device)]
            right += (self.own[scores.argmax(1).cpu()] == self.pictures.labels[rows]).sum().item()
        return right / len(self.rows)
