"""The course of one training stage: counts its budget, pauses, keeps checkpoints, logs, and goes on where it was stopped."""

import signal
import sys
import time

import torch


class Stopped(SystemExit):
    """SIGTERM or SIGINT: the checkpoint is written."""


class Loop:
    """Steps of one stage.

    parts: {name: object with state_dict and load_state_dict}: what a checkpoint holds. Randomness is no part of it: each
    step seeds its own, so that a resumed training draws what an uninterrupted one would.
    """

    def __init__(self, session, stage, parts, seed):
        self.session, self.stage, self.parts, self.seed = session, stage, parts, seed
        self.step = self.examples = 0
        self.minutes = 0.0
        self.losses = []
        self.finished = False
        self.generator = torch.Generator()
        self._resume()

    def _resume(self):
        kept = self.session.state.load(self.stage)
        if kept is None:
            return
        for name, part in self.parts.items():
            part.load_state_dict(kept["parts"][name])
        self.step, self.examples, self.minutes, self.finished = (kept[k] for k in ("step", "examples", "minutes", "finished"))
        self.say("finished before" if self.finished else f"goes on at step {self.step}")

    def save(self):
        parts = {name: part.state_dict() for name, part in self.parts.items()}
        self.session.state.save(self.stage, {"parts": parts, "step": self.step, "examples": self.examples,
                                             "minutes": self.minutes, "finished": self.finished})

    def say(self, text):
        print(f"{self.stage}: {text}", file=sys.stderr, flush=True)

    def steps(self, check=None):
        """Yields progress (0 to 1) once a step, until the budget is used.

        The caller says what a step did with `record`. check: () -> held-out accuracy, asked some twelve times.
        """
        budget, clock = self.session.budgets[self.stage], self.session.clock
        checked = int(12 * budget.progress(self.minutes, self.examples))
        saved = time.monotonic()
        with _signals() as stop:
            while not self.finished:
                started = clock()
                progress = budget.progress(self.minutes, self.examples)
                if progress >= 1:
                    break
                self.generator.manual_seed(self.seed * 1_000_003 + self.step)
                yield progress
                self.step += 1
                self.minutes += clock() - started
                if check and int(12 * budget.progress(self.minutes, self.examples)) > checked:
                    checked = int(12 * budget.progress(self.minutes, self.examples))
                    self._report(accuracy=check())
                elif self.step % self.session.log_every == 0:
                    self._report()
                if time.monotonic() - saved > 60 * self.session.checkpoint_minutes or stop or self.session.paused():
                    self.save()
                    saved = time.monotonic()
                if stop:
                    raise Stopped(128 + stop[0])
                self._pause(stop)
            if not self.finished:
                self._report()
                self.finished = True
                self.save()

    def record(self, examples, loss, rate):
        """What the step did; loss: a number."""
        self.examples += examples
        self.losses.append(loss)
        self.rate = rate

    def _report(self, accuracy=None):
        if not self.losses:
            return
        loss = sum(self.losses) / len(self.losses)
        self.losses = []
        shown = "" if accuracy is None else f"{accuracy:.4f}"
        self.session.state.log(stage=self.stage, step=self.step, examples=self.examples, minutes=f"{self.minutes:.2f}",
                               rate=f"{self.rate:.2e}", loss=f"{loss:.4f}", accuracy=shown)
        self.say(f"step {self.step} examples {self.examples} minutes {self.minutes:.1f} loss {loss:.4f}"
                 + (shown and f" accuracy {shown}"))

    def _pause(self, stop):
        """Waits while the pause file exists; the time is not the budget's."""
        if self.session.paused():
            self.say("paused")
            while self.session.paused() and not stop:
                time.sleep(1)
            if stop:
                raise Stopped(128 + stop[0])
            self.say("goes on")


class _signals:
    """While the context lasts, SIGTERM and SIGINT only note themselves in the list that it gives."""

    def __enter__(self):
        self.noted = []
        self.before = {number: signal.signal(number, lambda number, _frame: self.noted.append(number))
                       for number in (signal.SIGTERM, signal.SIGINT)}
        return self.noted

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)
