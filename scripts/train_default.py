#!/usr/bin/env python3
"""Trains the built-in model, or measures a model of its kind.

    train_default.py train DATA WORDNET OUT     about 70 minutes on two cores
    train_default.py measure DATA WORDNET MODEL

DATA holds classes.json and Parquet files. classes.json is a list with one object per label, in order: `label` (0, 1, ...),
`wordnet` (WordNet 3.0 id, "n" and eight digits), `names` (the first one is the class's), `set` (the collection it belongs
to). The Parquet files (columns `image`: bytes of an encoded picture; `label`) are named *-train-*, *-val-* or *-test-*.
WORDNET is the folder of WordNet 3.0's data.noun and index.noun (Debian: /usr/share/wordnet, package wordnet-base).
OUT becomes a folder in Hugging Face's layout; `clipcls convert OUT models/default.safetensors` makes it the built-in model.

Needs torch, transformers, pyarrow, pillow and numpy.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
import transformers

from trainer import tokens, towers
from trainer.image_stage import Targets, train_images
from trainer.measure import measure, table
from trainer.pictures import Pictures
from trainer.text_stage import train_text
from trainer.wordnet import WordNet

MERGES = Path(__file__).resolve().parent.parent / "models" / "clip_merges.txt"


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train and then measure")
    check = commands.add_parser("measure", help="measure a finished folder")
    for command, last in ((train, "out"), (check, "model")):
        command.add_argument("data", type=Path)
        command.add_argument("wordnet", type=Path)
        command.add_argument(last, type=Path)
        command.add_argument("--threads", type=int, help="default: torch's own choice")
    train.add_argument("--start", type=Path, metavar="FOLDER",
                       help="go on from these weights; the budgets are 0 then unless given")
    train.add_argument("--steps-text", type=int, metavar="N", help="steps of stage 1 (900)")
    train.add_argument("--pictures", type=int, metavar="N", help="pictures seen by stage 2 (640000)")
    train.add_argument("--pictures-again", type=int, metavar="N",
                       help="pictures seen by a second cosine on the same weights (260000)")
    train.add_argument("--batch", type=int, default=128, metavar="N",
                       help="pictures a step (%(default)s); more steps beat bigger batches: 384 was worse")
    train.add_argument("--untagged", type=int, default=6000, metavar="N", help="rare words added to stage 1 (%(default)s)")
    train.add_argument("--merges", type=Path, default=MERGES, help="CLIP's merges (%(default)s)")
    train.add_argument("--vocabulary-merges", type=int, default=8000, metavar="N", help="how many of them (%(default)s)")
    train.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if options.command == "train":
        budgets = {"steps_text": 900, "pictures": 640_000, "pictures_again": 260_000}
        for name, default in budgets.items():
            if getattr(options, name) is None:
                setattr(options, name, 0 if options.start else default)
    return options


def train(options, classes, wordnet):
    """Runs the stages that have a budget and writes the folder after each, so that a break loses one stage at most."""
    torch.manual_seed(options.seed)
    if options.start:
        merges = tokens.read_merges(options.start / "merges.txt")
    else:
        merges = tokens.read_merges(options.merges, options.vocabulary_merges)
    tokenizer = tokens.build_tokenizer(merges)
    model = towers.load_model(options.start) if options.start else towers.new_model(tokenizer)
    if options.steps_text:
        train_text(model, tokenizer, wordnet, classes, options.steps_text, options.untagged, options.seed)
        towers.save_model(model, merges, classes, options.out)
    if options.pictures or options.pictures_again:
        targets = Targets(model, tokenizer, wordnet, classes)
        pictures = Pictures(options.data, "train")
    if options.pictures:
        train_images(model, targets, pictures, classes, options.pictures, options.batch, peak_rate=1.5e-3, kept=28,
                     kept_share=0.6, seed=options.seed, stage="images")
        towers.save_model(model, merges, classes, options.out)
    if options.pictures_again:
        # A second cosine from a lower peak added 1.7 points of 200-way top-1.
        train_images(model, targets, pictures, classes, options.pictures_again, options.batch, peak_rate=9e-4, kept=32,
                     kept_share=0.5, seed=options.seed + 1, stage="images again")
    towers.save_model(model, merges, classes, options.out)
    return options.out


def main(arguments=None):
    options = parse_arguments(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    transformers.utils.logging.disable_progress_bar()
    classes = json.loads((options.data / "classes.json").read_text(encoding="utf-8"))
    wordnet = WordNet(options.wordnet)
    folder = train(options, classes, wordnet) if options.command == "train" else options.model
    # From the file, not from memory: what was rounded to float16 is what people will run.
    tokenizer = tokens.build_tokenizer(tokens.read_merges(folder / "merges.txt"))
    pictures = Pictures(options.data, "val", "test")
    print(table(measure(towers.load_model(folder), tokenizer, wordnet, classes, pictures)))


if __name__ == "__main__":
    sys.exit(main())
