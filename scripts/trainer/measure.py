"""The table of the model card, from the program itself: `clipcls eval` on a model file.

/* N pictures, C classes */
"""

import json
import os
import random
import re
import subprocess
from pathlib import Path

from .pictures import HELD_OUT, encoded_pictures
from .words import class_synset

COARSE_WORDS = ("dog", "cat", "bird", "vehicle", "food", "furniture", "insect", "clothing")
FIVE_DRAWS = 5  # times all classes are dealt out into hands of five
FORMATS = {b"RIFF": "webp", b"\x89PNG": "png", b"\xff\xd8\xff\xe0": "jpg"}


def add_program_option(parser):
    """--clipcls: the program that measures."""
    build = Path(os.environ.get("CLIPCLS_BUILD", Path(__file__).resolve().parents[2] / "build" / "release"))
    parser.add_argument("--clipcls", type=Path, default=build / "clipcls", help="the program that measures (%(default)s)")


class Program:
    """clipcls with one model."""

    def __init__(self, path, model, threads):
        self.path, self.model = path, Path(model)
        self.shared = ["-m", str(model), "--no-cache", "-q", *(["-j", str(threads)] if threads else [])]

    @classmethod
    def of_folder(cls, path, folder, threads):
        """With a checkpoint's folder, converted to a file beside it."""
        program = cls(path, folder.with_suffix(".safetensors"), threads)
        program.run("convert", folder, program.model)
        return program

    def run(self, *arguments):
        """-> what it prints; RuntimeError with what it says when it fails."""
        done = subprocess.run([str(self.path), *map(str, arguments)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{self.path} {arguments[0]}: {done.stderr.strip() or done.returncode}")
        return done.stdout

    @staticmethod
    def labels(beside, labels):
        """Writes a labels file beside another file -> the options that name it."""
        path = beside.with_suffix(".labels")
        path.write_text("".join(label + "\n" for label in labels), encoding="utf-8")
        return "-l", path

    def evaluate(self, manifest, labels):
        """-> the object that `clipcls eval -f json` prints."""
        return json.loads(self.run("eval", *self.shared, "-f", "json", *self.labels(manifest, labels), manifest))

    def first_labels(self, listed, labels, *options):
        """-> the first label of each picture of a list."""
        lines = self.run("classify", *self.shared, "-k", "1", "-f", "jsonl", *self.labels(listed, labels), "--files-from", listed,
                         *options)
        return [json.loads(line)["results"][0]["label"] for line in lines.splitlines()]

    def milliseconds(self):
        """-> time of one picture through the image tower on one core, in batches."""
        said = self.run("bench", "-m", self.model, "-j", "1", "--seconds", "2")
        return 1000 / float(re.search(r"([\d.]+) pictures/s", said)[1])


class Table:
    """Rows of (what was measured, number of pictures, share)."""

    def __init__(self, program, folder, pictures):
        """pictures: [(path, class)], as unpack gives them."""
        self.program, self.folder, self.pictures, self.rows = program, folder, pictures, []

    def manifest(self, chosen, name_of):
        """Writes path<TAB>label lines of the pictures whose class is in `chosen` -> (file, number of pictures)."""
        path = self.folder / "manifest.tsv"
        lines = [f"{picture}\t{name_of[label]}\n" for picture, label in self.pictures if label in chosen]
        path.write_text("".join(lines), encoding="utf-8")
        return path, len(lines)

    def accuracy(self, what, chosen, name_of, labels):
        """A row for top-1, and one for top-5 where there are many labels."""
        manifest, count = self.manifest(chosen, name_of)
        if count:
            report = self.program.evaluate(manifest, labels)
            self.rows.append((f"{what}, top-1", count, report["top1"]))
            if len(labels) > 10:
                self.rows.append((f"{what}, top-5", count, report["top5"]))

    def among_five(self, what, chosen, name_of):
        """Five labels drawn at random, pictures of those five: every class dealt out FIVE_DRAWS times."""
        dealer, right, total = random.Random(5), 0.0, 0
        for _ in range(FIVE_DRAWS):
            order = sorted(chosen)
            dealer.shuffle(order)
            for hand in (order[i : i + 5] for i in range(0, len(order) - 4, 5)):
                manifest, count = self.manifest(set(hand), name_of)
                if count:
                    right += count * self.program.evaluate(manifest, [name_of[label] for label in hand])["top1"]
                    total += count
        if total:
            self.rows.append((f"{what}, five labels drawn at random", total, right / total))

    def agreement(self, what, chosen, name_of, exact):
        """Pictures whose first label is the same in int8 as in float32, and as with the Program `exact`, if any."""
        listed = self.folder / "pictures.txt"
        paths = [str(picture) for picture, label in self.pictures if label in chosen]
        listed.write_text("".join(path + "\n" for path in paths))
        labels = [name_of[label] for label in sorted(chosen)]
        own = self.program.first_labels(listed, labels)
        others = {"--precision int8": self.program.first_labels(listed, labels, "--precision", "int8")}
        if exact:
            others["the weights in float32"] = exact.first_labels(listed, labels)
        for other, found in others.items():
            same = sum(a == b for a, b in zip(own, found, strict=True))
            self.rows.append((f"{what}, same first label with {other}", len(paths), same / len(paths)))

    def markdown(self):
        lines = ["| measured on | pictures | share |", "| --- | --- | --- |"]
        return "\n".join(lines + [f"| {what} | {count:,} | {100 * share:.1f} % |" for what, count, share in self.rows])


def unpack(data, folder):
    """The held-out pictures as files -> [(path, class)]."""
    folder.mkdir(exist_ok=True)
    written = []
    for i, (encoded, label) in enumerate(zip(*encoded_pictures(data, HELD_OUT))):
        path = folder / f"{i:05d}.{FORMATS.get(encoded[:4], 'jpg')}"
        if not path.exists() or path.stat().st_size != len(encoded):
            path.write_bytes(encoded)
        written.append((path.resolve(), label))
    return written


def coarse_classes(wordnet, classes):
    """-> {class: the coarse word that it is a kind of}."""
    words = {word: wordnet.first_sense(word) for word in COARSE_WORDS}
    found = {}
    for i, entry in enumerate(classes):
        line = wordnet.ancestors(class_synset(entry))
        found |= {i: word for word, synset in reversed(words.items()) if synset in line}
    return found


def measure(program, data, classes, wordnet, folder, left_out=(), exact=None):
    """Measures a Program on the held-out pictures of `data` -> the table in Markdown, written to FOLDER/measured.md too.

    left_out: the classes that it has not learnt.   exact: a Program with the same weights in float32, or None.
    """
    table = Table(program, folder, unpack(data, folder / "held-out"))
    names = {i: entry["names"][0] for i, entry in enumerate(classes)}
    coarse = coarse_classes(wordnet, classes)
    for name in sorted({entry["set"] for entry in classes}):
        own = {i for i, entry in enumerate(classes) if entry["set"] == name}
        table.accuracy(f"{name}, {len(own)} names", own, names, [names[i] for i in sorted(own)])
        table.among_five(name, own, names)
        kinds = own & coarse.keys()
        table.accuracy(f"{name}, {len(COARSE_WORDS)} coarse words", kinds, coarse, COARSE_WORDS)
        table.agreement(name, own, names, exact)
    if left_out:
        what = f"{len(left_out)} classes left out of training"
        table.accuracy(f"{what}, by themselves", set(left_out), names, [names[i] for i in sorted(left_out)])
        table.among_five(f"{what}, by themselves", set(left_out), names)
        whole = [names[i] for i, entry in enumerate(classes) if entry["set"] == classes[left_out[0]]["set"]]
        table.accuracy(f"{what}, among all {len(whole)}", set(left_out), names, whole)
    size = program.model.stat().st_size / 1e6
    text = f"{table.markdown()}\n\n{size:.1f} MB; {program.milliseconds():.2f} ms a picture on one core\n"
    (folder / "measured.md").write_text(text, encoding="utf-8")
    return text
