"""The vocabulary: 256 bytes, the same 256 at a word's end, the first merges of CLIP's byte-pair encoding, start and end."""

import json
from pathlib import Path

from transformers import CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"


def byte_symbols():
    """The 256 printable characters that stand for the bytes, in CLIP's order (GPT-2's: printable bytes stand for themselves)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]


def read_merges(path, count=None):
    """The first `count` merges (all of them: None) of a merges file ("left right" a line, after an optional #version line)."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line and not line.startswith("#version")]
    return [tuple(line.split(" ")) for line in lines[:count]]


def build_tokenizer(merges, context_length):
    """Merges -> a CLIPTokenizer whose ids are contiguous."""
    symbols = byte_symbols()
    pieces = symbols + [s + "</w>" for s in symbols] + ["".join(pair) for pair in merges] + [START, END]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=context_length)


def save_tokenizer(merges, folder, context_length):
    """Writes tokenizer.json and the two files of the older form, vocab.json and merges.txt.

    The tokenizer is built afresh: one that has been called carries that call's padding and truncation into its file.
    """
    tokenizer = build_tokenizer(merges, context_length)
    tokenizer.save_pretrained(folder)
    vocabulary = dict(sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]))
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def save_words(merges, classes, folder, context_length):
    """Writes what an exported folder says of words: the tokenizer, and classes.txt, the labels used when none are given."""
    save_tokenizer(merges, folder, context_length)
    (folder / "classes.txt").write_text("".join(entry["names"][0] + "\n" for entry in classes), encoding="utf-8")
