#!/usr/bin/env python3
"""Measures the built-in model, or another one, with `clipcls eval`, and prints the model card's table.

    measure_default.py DATA WORDNET FOLDER [--model FILE]

DATA, WORDNET: as train_default.py has them; DATA's *-val-* and *-test-* files are looked at alone. FOLDER keeps the pictures, unpacked
(70 MB), and measured.md. Needs torch, pyarrow, pillow and numpy, and a built clipcls.
"""

import argparse
import json
import sys
from pathlib import Path

from trainer.measure import Program, add_program_option, measure
from trainer.wordnet import WordNet

ROOT = Path(__file__).resolve().parent.parent


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("wordnet", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "default.safetensors", help="(%(default)s)")
    parser.add_argument("--threads", type=int, metavar="N", help="default: all cores")
    add_program_option(parser)
    options = parser.parse_args(arguments)
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        classes = json.loads((options.data / "classes.json").read_text(encoding="utf-8"))
        program = Program(options.clipcls, options.model, options.threads)
        print(measure(program, options.data, classes, WordNet(options.wordnet), options.folder), end="")
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f"measure_default.py: {error}")


if __name__ == "__main__":
    main()
