"""Bits that flip in a model, and models that were cut."""

import random
import shutil
import struct

import pytest

LABELS = ["-L", "cat", "-L", "dog"]


class Damaged:
    """A copy of a model's file, harmed and run again and again. What is to happen: exit status 2, nothing on
    stdout, the file's name on stderr. Anything else that gives other bytes is a silent mistake."""

    def __init__(self, clipcls, picture, model, path):
        self.clipcls, self.path = clipcls, path
        self.arguments = ["-m", model, *LABELS, "-f", "jsonl", "-k", "0", "--no-cache", "--no-sandbox", "-j", "1",
                          picture]
        self.whole = path.read_bytes()
        self.header = 8 + struct.unpack("<Q", self.whole[:8])[0]
        self.good = clipcls(*self.arguments)
        assert self.good.code == 0
        self.silent = self.unnoticed = self.nameless = 0

    def run(self, data):
        self.path.write_bytes(data)
        done = self.clipcls(*self.arguments)
        if done.code == 2 and done.out == b"" and self.path.name in done.err:
            self.nameless += 'tensor "' not in done.err
        elif (done.code, done.out) == (0, self.good.out):
            self.unnoticed += 1
        else:
            self.silent += 1

    def flip(self, place, bit):
        data = bytearray(self.whole)
        data[place] ^= 1 << bit
        self.run(bytes(data))


@pytest.fixture
def single(clipcls, model, pictures, work):
    assert clipcls("convert", model, "single.safetensors").code == 0
    return Damaged(clipcls, "a.png", "single.safetensors", work / "single.safetensors")


def test_every_header_byte_of_a_converted_file(single, full, figure):
    chance = random.Random(1)
    places = range(0, single.header, 1 if full else 200)
    for place in places:
        single.flip(place, chance.randrange(8))
    figure("truncated or bit-flipped model", "converted file, a bit of each byte of the header", len(places),
           single.silent + single.unnoticed)


def test_data_of_a_converted_file(single, full, figure):
    chance = random.Random(2)
    tries = 10000 if full else 150
    for _ in range(tries):
        single.flip(chance.randrange(single.header, len(single.whole)), chance.randrange(8))
    figure("truncated or bit-flipped model", "converted file, a bit of its data: the tensor is named", tries,
           single.silent + single.unnoticed + single.nameless)


def test_a_converted_file_that_was_cut(single, full, figure):
    chance = random.Random(3)
    tries = 1000 if full else 30
    for _ in range(tries):
        single.run(single.whole[:chance.randrange(len(single.whole))])
    figure("truncated or bit-flipped model", "converted file, cut anywhere", tries, single.silent + single.unnoticed)


def test_the_header_of_a_directory(clipcls, model, pictures, work, full, figure):
    """What a flip leaves as it was, such as the case of a name that nobody reads, is no mistake."""
    shutil.copytree(model, work / "model")
    damaged = Damaged(clipcls, "a.png", "model", work / "model/model.safetensors")
    chance = random.Random(4)
    places = range(0, damaged.header, 1 if full else 200)
    for place in places:
        damaged.flip(place, chance.randrange(8))
    figure("truncated or bit-flipped model", "directory, a bit of each byte of the header", len(places),
           damaged.silent, f"{damaged.unnoticed} without effect")
