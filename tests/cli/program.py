"""The program as a user runs it, on the tiny checkpoint of tests/data/golden: fixtures that every folder
of tests takes. CLIPCLS_BUILD names the build folder (default: build/release)."""

import os
import pathlib
import shutil
import signal
import subprocess
from dataclasses import dataclass

import pytest

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
GOLDEN = DATA / "golden"
PROGRAM = pathlib.Path(os.environ.get("CLIPCLS_BUILD", "build/release")).resolve() / "clipcls"

# A shell's background job, as CI may be, has SIGINT ignored and hands that on; a handler is not.
signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass
class Done:
    code: int
    out: bytes
    err: str


def says_of_weak_sandbox():
    """The line with which a build or a system without a filter of system calls begins: no test's business but
    that of the sandbox's own."""
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout
    line = next((line for line in version.splitlines() if line.startswith("sandbox: ")), "")
    return "" if "seccomp (" in line else line.replace("sandbox: ", "clipcls: sandbox of decoding: ") + "\n"


class Program:
    """Runs clipcls in a folder of the test's own, with an environment of the test's own."""

    def __init__(self, folder):
        self.folder = folder
        home = folder / "home"
        home.mkdir()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8",
                    "XDG_CACHE_HOME": str(home / "cache"), "XDG_DATA_HOME": str(home / "data"),
                    "XDG_CONFIG_HOME": str(home / "config"), "TMPDIR": str(home)}
        self.cwd = folder / "work"
        self.cwd.mkdir()

    def command(self, arguments):
        return [os.fspath(PROGRAM), *[os.fspath(argument) for argument in arguments]]

    def __call__(self, *arguments, stdin=b"", env=None, **options):
        """Without a file for stdout, both streams are captured."""
        options.setdefault("stdout", subprocess.PIPE)
        done = subprocess.run(self.command(arguments), input=stdin, stderr=subprocess.PIPE,
                              cwd=self.cwd, env={**self.env, **(env or {})}, timeout=120, **options)
        err = done.stderr.decode("utf-8", "replace")
        if WEAK and "-v" not in arguments:
            err = err.removeprefix(WEAK)
        return Done(done.returncode, done.stdout, err)


WEAK = says_of_weak_sandbox()


@pytest.fixture
def clipcls(tmp_path):
    return Program(tmp_path)


@pytest.fixture
def work(clipcls):
    """The folder that the program runs in."""
    return clipcls.cwd


@pytest.fixture
def model():
    return GOLDEN / "checkpoint"


@pytest.fixture
def classify(clipcls, model):
    """clipcls with the tiny model and three labels."""
    def call(*arguments, labels=("cat", "dog", "red panda"), **options):
        named = [part for label in labels for part in ("-L", label)]
        return clipcls("-m", model, *named, *arguments, **options)
    return call


@pytest.fixture
def pictures(work):
    """a.png, b.png and c.png in the program's folder: three different pictures."""
    for name, source in (("a.png", "wide"), ("b.png", "tall"), ("c.png", "exact")):
        shutil.copy(GOLDEN / f"{source}.png", work / name)
    return ["a.png", "b.png", "c.png"]
