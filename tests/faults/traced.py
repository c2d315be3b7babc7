"""Runs of the program under strace, which kills it or fails its system calls at the k-th of them."""

import subprocess

import pytest


def need_strace():
    try:
        usable = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True)
    except FileNotFoundError:
        usable = None
    if usable is None or usable.returncode != 0:
        pytest.skip("strace cannot run here")


class Traced:
    """In one thread, so that each run makes the same calls."""

    def __init__(self, clipcls, arguments):
        need_strace()
        self.command = clipcls.command(["-j", "1", *arguments])
        self.cwd = clipcls.cwd
        # The leak sanitizer of a debug build cannot run under strace.
        self.env = {**clipcls.env, "OPENBLAS_NUM_THREADS": "1", "ASAN_OPTIONS": "detect_leaks=0"}

    def run(self, *options):
        """subprocess's result and the lines of the trace."""
        log = self.cwd / "trace"
        done = subprocess.run(["strace", "-o", log, *options, *self.command], cwd=self.cwd,
                              env=self.env, capture_output=True, timeout=60)
        return done, log.read_text().splitlines()

    def calls(self, names, begin=""):
        """(name, which one of this name) of each call of these names, from the one on that holds `begin`."""
        done, lines = self.run("-e", "trace=" + ",".join(names))
        assert done.returncode == 0
        counts, found, begun = dict.fromkeys(names, 0), [], False
        for line in lines:
            name = line.partition("(")[0]
            if name not in counts:
                continue
            counts[name] += 1
            begun = begun or begin in line
            if begun:
                found.append((name, counts[name]))
        return found

    def inject(self, name, when, what):
        """A run in which a call, or all from it on ("7+"), meets `what`, in strace's words."""
        return self.run("-e", f"trace={name}", "-e", f"inject={name}:{what}:when={when}")[0]
