#!/usr/bin/env python3
"""clipcls beside PyTorch/transformers, open_clip, ONNX Runtime and OpenVINO: the same work, in one run.

    bench.py [--only ITEM,...] [--shapes b32,l14] [--rounds N] [--seconds N] [--quick] [--out FILE] [--check]

Peer and clipcls take turns, on all cores; medians count. The result is written to docs/benchmarks.md
(with --quick: to stdout). A package that is missing is said to be missing. CLIPCLS_BUILD names the build
folder (default: build/release). Needs the packages of tests/requirements.txt, and for two peers:

    pip install -r tests/requirements.txt onnx onnxruntime openvino

Files made once (checkpoints, ONNX files, pictures; 4 GB with L/14) stay in --work, build/bench by default.
"""

import argparse
import os
import pathlib
import sys

sys.dont_write_bytecode = True

from benchmark import families, jobs, search, setting, towers  # noqa: E402
from benchmark.report import Aim, Section, page, verdict  # noqa: E402
from benchmark.running import Failed  # noqa: E402

ITEMS = {
    "tower": lambda s: [towers.tower(s, shape) for shape in s.shapes],
    "families": lambda s: [families.families(s)],
    "files": lambda s: [jobs.files(s)],
    "startup": lambda s: [jobs.startup(s)],
    "text": lambda s: [jobs.text(s)],
    "memory": lambda s: [jobs.memory(s)],
    "search": lambda s: [search.search(s)],
    "threads": lambda s: [towers.threads(s)],
}


def names_from(known):
    def parse(text):
        names = text.split(",")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return names
    return parse


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", type=names_from(ITEMS), default=list(ITEMS), metavar="ITEM,...",
                        help=f"of {', '.join(ITEMS)}")
    parser.add_argument("--shapes", type=names_from(setting.SHAPES), default=list(setting.SHAPES),
                        help="of the image tower")
    parser.add_argument("--rounds", type=int, help="of peer and ours in turn (3; quick: 1)")
    parser.add_argument("--seconds", type=float, help="of one measurement in a round (5; quick: 0.5)")
    parser.add_argument("--quick", action="store_true", help="small numbers of everything")
    parser.add_argument("--out", type=pathlib.Path, help="instead of docs/benchmarks.md")
    parser.add_argument("--work", type=pathlib.Path, default=setting.ROOT / "build/bench")
    parser.add_argument("--check", action="store_true", help="exit with 1 when an aim is not held")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.seconds = options.seconds or (0.5 if options.quick else 5)
    return options


def command_line(options):
    """What repeats this run, without the paths of this machine."""
    parts = ["scripts/bench.py"]
    if options.only != list(ITEMS):
        parts += ["--only", ",".join(options.only)]
    if options.shapes != list(setting.SHAPES):
        parts += ["--shapes", ",".join(options.shapes)]
    if options.quick:
        parts.append("--quick")
    return " ".join([*parts, "--rounds", str(options.rounds), "--seconds", f"{options.seconds:g}"])


def run_item(name, own):
    """Its sections; what goes wrong with one item does not cost the others their figures."""
    print(f"{name}:", file=sys.stderr)
    try:
        return ITEMS[name](own)
    except (Failed, RuntimeError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return [Section(name, f"Not measured: {error}", aims=[Aim(name, str(error), None)])]


def main():
    options = parse()
    build = pathlib.Path(os.environ.get("CLIPCLS_BUILD", setting.ROOT / "build/release"))
    threads = len(os.sched_getaffinity(0))
    machine = setting.machine(threads)
    own = setting.Setting(build.resolve() / "clipcls", options.work.resolve(), threads, options.rounds,
                          options.seconds, options.quick, options.shapes)
    sections = []
    for item in options.only:
        sections += run_item(item, own)
    text = page(command_line(options), machine, setting.versions(own.program), sections, options.quick)
    if options.quick and options.out is None:
        print(text, end="")
    else:
        out = options.out or setting.ROOT / "docs/benchmarks.md"
        out.write_text(text)
        print(f"written: {out}", file=sys.stderr)
    aims = [aim for section in sections for aim in section.aims]
    for aim in aims:
        print(f"{verdict(aim.held):12} {aim.what}: {aim.figure}", file=sys.stderr)
    if options.check and not all(aim.held for aim in aims):
        sys.exit(1)


if __name__ == "__main__":
    main()
