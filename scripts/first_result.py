#!/usr/bin/env python3
"""Time from process start to the first result: clipcls and transformers, in turn, on one machine.

    first_result.py [--runs N] [--model FOLDER]

One picture, ten labels, a random checkpoint of ViT-B/32's shape in F32 (made on the fly, or FOLDER in
the Hugging Face layout), files in the page cache. Prints the median and the least of each and their
ratio, and the time of a second run of clipcls, which finds the labels in its cache; exits with 1 when
clipcls's least without a cache is 0.5 s or more. CLIPCLS_BUILD names the build folder
(default: build/release). Needs the packages of tests/requirements.txt.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT = 0.5  # seconds
PICTURE = ROOT / "tests/data/photos/cat.jpg"
LABELS = ["bee", "bison", "cat", "chair", "dog", "espresso", "goldfish", "koala", "pizza", "ship"]

# What a user of transformers writes, with nothing imported that it does not need.
PEER = """
import sys
import torch
from transformers import CLIPModel, CLIPTokenizer, CLIPImageProcessorPil
from transformers.image_utils import load_image
folder, picture, *labels = sys.argv[1:]
model = CLIPModel.from_pretrained(folder).eval()
tokens = CLIPTokenizer.from_pretrained(folder)(
    [f"a photo of a {label}." for label in labels], padding=True, return_tensors="pt")
pixels = CLIPImageProcessorPil.from_pretrained(folder)(load_image(picture), return_tensors="pt")
with torch.inference_mode():
    scores = model(**tokens, **pixels).logits_per_image.softmax(1)[0]
best = int(scores.argmax())
print(labels[best], float(scores[best]))
"""


def seconds(command):
    """Wall time of a process that must succeed, and what it printed."""
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def make_checkpoint(folder):
    subprocess.run([sys.executable, ROOT / "tests/parity/make_checkpoints.py", folder, "hf-b32"],
                   check=True, capture_output=True)
    return pathlib.Path(folder) / "hf-b32"


def compare(model, runs, cache):
    build = pathlib.Path(os.environ.get("CLIPCLS_BUILD", ROOT / "build/release"))
    ours = [build / "clipcls", "-m", model, "-f", "tsv", "--cache-dir", cache, PICTURE]
    for label in LABELS:
        ours += ["-L", label]
    theirs = [sys.executable, "-c", PEER, model, PICTURE, *LABELS]
    commands = {"clipcls": [*ours, "--no-cache"], "clipcls again": ours, "transformers": theirs}
    times = {name: [] for name in commands}
    outputs = {}
    for _ in range(runs + 1):  # the first round warms the caches and is not counted
        for name, command in commands.items():
            taken, outputs[name] = seconds(command)
            times[name].append(taken)
    first = outputs["clipcls"].splitlines()[1].split("\t")[2]
    if outputs["clipcls"] != outputs["clipcls again"] or first != outputs["transformers"].split()[0]:
        sys.exit(f"different results: {outputs}")
    return {name: values[1:] for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--model", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or make_checkpoint(folder)
        times = compare(model, options.runs, pathlib.Path(folder) / "cache")
    for name, values in times.items():
        print(f"{name:13} median {statistics.median(values):6.3f} s   least {min(values):6.3f} s")
    ratio = statistics.median(times["transformers"]) / statistics.median(times["clipcls"])
    print(f"ratio of the medians: {ratio:.0f}")
    if min(times["clipcls"]) >= LIMIT:
        sys.exit(f"clipcls took {LIMIT} s or more")


if __name__ == "__main__":
    main()
