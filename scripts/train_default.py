#!/usr/bin/env python3
"""Trains the built-in model and measures it.

    train_default.py all DATA WORDNET STATE --minutes 150

does everything and prints the model card's table. Its stages, each of which can be asked for by itself:

    text      the text tower learns where WordNet puts its words
    teacher   a convolutional network learns the classes; only where the image tower is a vision transformer (--set tower=vit)
    image     the image tower learns to point at the words, helped by the teacher, if any
    export    STATE/model, a folder in OpenCLIP's layout (vision transformers: Hugging Face's), from the moving average of the weights
    measure   `clipcls eval` on that folder, converted; the table is STATE/measured.md as well

DATA holds classes.json and Parquet files. classes.json is a list with one object per label, in order: `label` (0, 1, ...),
`wordnet` (WordNet 3.0 id, "n" and eight digits), `names` (the first one is the class's), `set` (the collection it belongs
to). The Parquet files (columns `image`: bytes of an encoded picture; `label`) are named *-train-*, *-val-* or *-test-*.
WORDNET is the folder of WordNet 3.0's data.noun and index.noun (Debian: /usr/share/wordnet, package wordnet-base).
STATE keeps checkpoints, log.tsv and the decoded pictures (2 GB); the same command again goes on where it was stopped, by a
signal, a power cut or the end of the day.

Needs torch, transformers, pyarrow, pillow and numpy, and for `measure` a built clipcls.
"""

import argparse
import sys
from pathlib import Path

import torch
import transformers

from trainer.image_stage import train_images
from trainer.measure import Program, add_program_option, measure
from trainer.openclip_folder import save_resnet_model
from trainer.resnet_stage import train_resnet
from trainer.session import Session
from trainer.targets import ClassMasks
from trainer.teacher import train_teacher
from trainer.text_stage import train_text
from trainer.towers import new_model, save_model

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("text", "teacher", "image", "export", "measure")


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=("all", *STAGES))
    parser.add_argument("data", type=Path)
    parser.add_argument("wordnet", type=Path)
    parser.add_argument("state", type=Path)
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, default=150, metavar="M", help="for all stages together (%(default)s)")
    budget.add_argument("--pictures", type=int, metavar="N", help="pictures seen by stage image; the others' share follows")
    parser.add_argument("--clock", choices=("wall", "work"), default="wall",
                        help="what minutes are: wall, or work: processor time, for a machine that is busy otherwise")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another recipe (scripts/trainer/recipe.py)")
    parser.add_argument("--start", type=Path, metavar="FOLDER",
                        help="another training's STATE: its text tower is kept, and stage image sets out from its averaged weights")
    parser.add_argument("--pause-file", type=Path, metavar="FILE", help="wait while this file exists")
    parser.add_argument("--checkpoint-minutes", type=float, default=4, metavar="M", help="between checkpoints (%(default)s)")
    parser.add_argument("--log-every", type=int, default=100, metavar="N", help="steps between lines of the log (%(default)s)")
    parser.add_argument("--threads", type=int, metavar="N", help="default: torch's own choice")
    parser.add_argument("--device", help="cpu, cuda, cuda:1 (default: a GPU where there is one)")
    parser.add_argument("--merges", type=Path, default=ROOT / "models" / "clip_merges.txt", help="CLIP's merges (%(default)s)")
    add_program_option(parser)
    return parser.parse_args(arguments)


def restore(session, model, stage, finished=True):
    """Puts what a stage left into the model."""
    kept = session.state.averaged(stage, finished)
    own = model.state_dict()
    model.load_state_dict({name: value for name, value in kept.items() if name in own}, strict=False)


def run_stages(session, stages):
    """Runs what is asked for. A stage needs what the earlier ones left in the state folder, and passes over what is finished."""
    model = new_model(session.recipe, session.tokenizer).to(session.device)
    if "text" in stages:
        train_text(session, model)
    if {"teacher", "image"} & set(stages):
        masks = ClassMasks(session)
    if "teacher" in stages:
        train_teacher(session, masks)
    if "image" in stages:
        restore(session, model, "text")
        if session.recipe.tower == "resnet":
            train_resnet(session, model, masks)
        else:
            if session.recipe.taught:
                session.state.averaged("teacher")
            train_images(session, model, masks, train_teacher(session, masks))
    if "export" in stages:
        export(session, model)
    if "measure" in stages:
        print(measure_state(session), end="")


def export(session, model):
    """Writes the folders `model`, in float16, and `model-float32`."""
    restore(session, model, "text")
    if session.recipe.tower == "vit":
        restore(session, model, "image", finished=False)
    else:
        tower = session.state.averaged("image", finished=False)
    for name, half in (("model", True), ("model-float32", False)):
        folder = session.state.folder / name
        if session.recipe.tower == "vit":
            save_model(model, session.merges, session.classes, folder, half)
        else:
            save_resnet_model(tower, model, session.recipe, session.merges, session.classes, folder, half)


def measure_state(session):
    """-> the table of what `export` wrote."""
    programs = []
    for name in ("model", "model-float32"):
        folder = session.state.folder / name
        if not folder.exists():
            raise FileNotFoundError(f"{folder}: the stage 'export' makes it")
        programs.append(Program.of_folder(session.options.clipcls, folder, session.options.threads))
    left_out = session.left_out.nonzero()[:, 0].tolist()
    return measure(programs[0], session.data, session.classes, session.wordnet, session.state.folder, left_out, programs[1])


def main(arguments=None):
    options = parse_arguments(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    transformers.utils.logging.disable_progress_bar()
    try:
        run_stages(Session(options), STAGES if options.stage == "all" else (options.stage,))
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f"train_default.py: {error}")


if __name__ == "__main__":
    main()
