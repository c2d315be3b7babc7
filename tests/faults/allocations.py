"""Runs of the program in which an allocation fails: fail_alloc.c, preloaded, does it."""

import bisect
import functools
import os
import struct
import subprocess
from dataclasses import dataclass

import pytest

from program import PROGRAM

SHIM = PROGRAM.parent / "tests" / "fail_alloc.so"

# struct table and struct stack of fail_alloc.c.
HEAD = struct.Struct("<QIIII")
RANGES, STACKS = 16, 8192
STACK = struct.Struct("<QIIII24Q")
SIZE = HEAD.size + 16 * RANGES + STACK.size * STACKS


@functools.cache
def functions():
    """(address, name) of the program's functions, in order."""
    lines = subprocess.run(["nm", "-n", "--defined-only", PROGRAM], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    symbols = [line.split() for line in lines]
    return [(int(address, 16), name) for address, kind, name in symbols if kind in "tTwW"]


@functools.cache
def range_of_libxsmm():
    """Where its code lies in the program, which contains it."""
    names = [name for _, name in functions()]
    places = [i for i, name in enumerate(names)
              if name.startswith("libxsmm_") and not name.endswith(".cold")]
    return (functions()[places[0]][0], functions()[places[-1] + 1][0]) if places else (0, 0)


@dataclass
class Stack:
    hash: int
    order: int
    hits: int
    live: int
    frames: list # module << 48 | offset, of the innermost first; module 0 is the program

    def is_own(self):
        """Whether a function of the program's own asks, not one of a library."""
        return self.frames[0] >> 48 == 0

    def names(self):
        """The program's functions in it."""
        starts = [address for address, _ in functions()]
        return [functions()[bisect.bisect(starts, frame) - 1][1] for frame in self.frames if frame >> 48 == 0]


class Allocations:
    """Of runs in one thread, so that each makes the same ones."""

    def __init__(self, clipcls, arguments, stdin=b""):
        if not SHIM.exists():
            pytest.skip("this build has no fail_alloc.so")
        self.command = clipcls.command(arguments)
        self.cwd, self.stdin = clipcls.cwd, stdin
        self.table = clipcls.folder / "table"
        self.env = {**clipcls.env, "OPENBLAS_NUM_THREADS": "1", "LD_PRELOAD": os.fspath(SHIM),
                    "FAIL_TABLE": os.fspath(self.table)}

    def run(self, fail=0, ever=False):
        """subprocess's result, how many allocations failed, and the stacks in order of their first one.
        fail: the hash of the stack that meets it; ever: all later ones do too."""
        with open(self.table, "wb") as file:
            file.write(HEAD.pack(fail, ever, 0, 0, 0) + struct.pack("<QQ", *range_of_libxsmm()))
            file.truncate(SIZE)
        done = subprocess.run(self.command, cwd=self.cwd, env=self.env, input=self.stdin,
                              capture_output=True, timeout=60)
        data = self.table.read_bytes()
        _, _, _, failed, count = HEAD.unpack_from(data)
        stacks = []
        for at in range(HEAD.size + 16 * RANGES, SIZE, STACK.size):
            if data[at:at + 8] != bytes(8):
                hash, order, hits, live, depth, *frames = STACK.unpack_from(data, at)
                stacks.append(Stack(hash, order, hits, live, frames[:depth]))
        return done, failed, sorted(stacks, key=lambda stack: stack.order)
