"""Running programs: timed processes, peers that measure themselves, rounds in turn."""

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

from .setting import PEERS, environment, last_line, reason


class Failed(Exception):
    """Why a program gave no figure: shown in the table in its place."""


@dataclass
class Done:
    seconds: float  # from the process's start to its end
    memory: int     # most bytes held
    out: str


def run(command, threads):
    """One process that must succeed, with all files given by their names. The kernel counts what a
    process held from before its exec on, so that figures start at this process's own few megabytes."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        child = subprocess.Popen([os.fspath(part) if not isinstance(part, (int, float)) else str(part)
                                  for part in command], stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=err, env=environment(threads))
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if child.returncode != 0:
            raise Failed(reason(child.returncode, err.read().decode("utf-8", "replace")))
        return Done(seconds, usage.ru_maxrss * 1024, out.read().decode("utf-8", "replace"))


def peer_command(script, *arguments):
    return [sys.executable, PEERS / f"{script}.py", *map(str, arguments)]


def peer(setting, script, *arguments):
    """A peer that measures itself and prints one JSON object as its last line."""
    return json.loads(last_line(run(peer_command(script, *arguments), setting.threads).out))


def bench(setting, model, precision="f32", threads=None):
    """What our own `clipcls bench` says."""
    command = [setting.program, "bench", "-f", "json", "-m", model, "-j", threads or setting.threads,
               "--seconds", setting.seconds, *setting.precision(precision)]
    return json.loads(run(command, setting.threads).out)


@dataclass
class Samples:
    """Figures of one program over all rounds, or why there are none."""
    runs: list = field(default_factory=list)
    failure: str | None = None

    def median(self, read):
        return statistics.median(map(read, self.runs)) if self.failure is None else None


def _sample(samples, measure, name):
    if samples.failure is not None:
        return
    try:
        samples.runs.append(measure())
    except Failed as failure:
        samples.failure = str(failure)
        print(f"{name}: {failure}", file=sys.stderr)


def interleaved(rounds, ours, peers):
    """Peer, ours, peer, ours ...: what disturbs the machine for a while disturbs all of them.

    ours, peers: {name: function that measures once}. Several of ours take turns. Returns Samples by name."""
    samples = {name: Samples() for name in (*peers, *ours)}
    turns = itertools.cycle(ours.items())
    for number in range(rounds):
        print(f"  round {number + 1} of {rounds}", file=sys.stderr)
        for name, measure in peers.items():
            _sample(samples[name], measure, name)
            own, measure_own = next(turns)
            _sample(samples[own], measure_own, own)
    for name, measure in ours.items():
        while len(samples[name].runs) < rounds and samples[name].failure is None:
            _sample(samples[name], measure, name)
    return samples
