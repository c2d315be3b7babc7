"""Runs the built programs for the parity tests."""

import json
import os
import pathlib
import subprocess

import numpy as np

BUILD = pathlib.Path(os.environ.get("CLIPCLS_BUILD", "build/release")).resolve()


class EngineError(Exception):
    pass


def run(command, stdin=b""):
    done = subprocess.run([os.fspath(part) for part in command], input=stdin, capture_output=True,
                          env={**os.environ, "XDG_CACHE_HOME": "/dev/null/none"})
    if done.returncode != 0:
        raise EngineError(f"{command[0]}: exit {done.returncode}: {done.stderr.decode()}")
    return done.stdout


class Engine:
    """One checkpoint as this project computes it."""

    def __init__(self, model, applies_exif):
        self.model = model
        self.no_exif = [] if applies_exif else ["-x"]

    def _dump(self, kind, arguments, strings=(), threads=0, batch=0, fast_decode=False,
              precision="f32"):
        stdin = b"".join(string.encode() + b"\0" for string in strings)
        command = [BUILD / "tests/dump_embeddings", "-j", str(threads), "-b", str(batch),
                   "-p", precision, *self.no_exif, *("-f" for _ in range(fast_decode)), self.model, kind, *arguments]
        return np.frombuffer(run(command, stdin), np.float32)

    def images(self, paths, **options):
        return self._dump("images", paths, **options).reshape(len(paths), -1)

    def texts(self, texts, **options):
        return self._dump("texts", [], texts, **options).reshape(len(texts), -1)

    def labels(self, labels, templates, **options):
        return self._dump("labels", labels, templates, **options).reshape(len(labels), -1)

    def classify(self, paths, labels, templates, *options):
        """The records of `clipcls -f jsonl -k 0`, and the bytes they were read from."""
        command = [BUILD / "clipcls", "-m", self.model, "-f", "jsonl", "-k", "0", "--no-cache"]
        command += ["--no-exif"] if self.no_exif else []
        for label in labels:
            command += ["-L", label]
        for template in templates:
            command += ["-t", template]
        out = run([*command, *options, "--", *paths])
        return [json.loads(line) for line in out.splitlines()], out


def convert(source, target, *options):
    run([BUILD / "clipcls", "convert", source, target, *options])
    return target
