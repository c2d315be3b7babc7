"""Runs of the program in which an allocation or a system call fails: fail.h tells how."""

import bisect
import errno
import functools
import os
import struct
import subprocess
from dataclasses import dataclass

import pytest

from program import PROGRAM

SHIM = PROGRAM.parent / "tests" / "fail.so"

# struct table and struct stack of fail.h.
HEAD = struct.Struct("<QIIIIII")
RANGES, STACKS = 16, 8192
STACK = struct.Struct("<QIIII16s24Q")
SIZE = HEAD.size + 16 * RANGES + STACK.size * STACKS
ALLOCATIONS, CALLS, SHORT, STORM = range(4)


@functools.cache
def functions():
    """(address, name) of the program's functions, in order."""
    lines = subprocess.run(["nm", "-n", "--defined-only", PROGRAM], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    symbols = [line.split() for line in lines]
    return [(int(address, 16), name) for address, kind, name in symbols if kind in "tTwW"]


@functools.cache
def name_of(address):
    return functions()[bisect.bisect(functions(), (address, chr(0x10ffff))) - 1][1]


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
    call: str
    frames: list # module << 48 | offset, of the innermost first; module 0 is the program

    def is_own(self):
        """Whether a function of the program's own asks, not one of a library."""
        return self.frames[0] >> 48 == 0

    def within(self):
        """Its frames below the subcommand's own."""
        names = self.names()
        return tuple(self.frames[:next((i for i, name in enumerate(names) if name.startswith("command_")), None)])

    def names(self):
        """The functions in it; "" outside the program."""
        return ["" if frame >> 48 else name_of(frame) for frame in self.frames]


class Preloaded:
    """Runs of a case, in one thread, so that each does the same."""

    def __init__(self, clipcls, case):
        if not SHIM.exists():
            pytest.skip("this build has no fail.so")
        self.command, self.stdin = clipcls.command(case.arguments), case.stdin
        self.cwd, self.table = clipcls.cwd, clipcls.folder / "table"
        self.env = {**clipcls.env, "OPENBLAS_NUM_THREADS": "1", "LD_PRELOAD": os.fspath(SHIM),
                    "FAIL_TABLE": os.fspath(self.table)}

    def prepare(self, mode, fail=0, error=errno.ENOMEM, ever=False):
        """The environment of a run, with a table of its own."""
        with open(self.table, "wb") as file:
            file.write(HEAD.pack(fail, ever, mode, error, 0, 0, 0) + struct.pack("<QQ", *range_of_libxsmm()))
            file.truncate(SIZE)
        return self.env

    def run(self, mode, *what, **more):
        """subprocess's result, how much failed, and the call stacks in order of their first use. fail: the hash
        of the one that meets the error; ever: all later ones do too."""
        done = subprocess.run(self.command, cwd=self.cwd, env=self.prepare(mode, *what, **more),
                              input=self.stdin, capture_output=True, timeout=60)
        data = self.table.read_bytes()
        failed, stacks = HEAD.unpack_from(data)[5], []
        for at in range(HEAD.size + 16 * RANGES, SIZE, STACK.size):
            if data[at:at + 8] != bytes(8):
                hash, order, hits, live, depth, call, *frames = STACK.unpack_from(data, at)
                stacks.append(Stack(hash, order, hits, live, call.rstrip(b"\0").decode(), frames[:depth]))
        return done, failed, sorted(stacks, key=lambda stack: stack.order)

    @staticmethod
    def fresh(stacks, seen):
        """Those that no earlier case had, whatever its subcommand."""
        found = [stack for stack in stacks if stack.within() not in seen]
        seen.update(stack.within() for stack in stacks)
        return found
