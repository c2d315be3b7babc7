"""Many inputs, of which one in a hundred is broken and one in a thousand crashes or hangs its decoder."""

import os

import broken
from records import picture

GOOD = 50  # different pictures
BAD_JPEGS = {"crash": broken.CRASH, "hang": broken.HANG}


def make_inputs(work, count, chance, kinds):
    """Names in their order, and what is wrong with those that are not good: {name: how}. kinds: how, for each
    that is to be wrong: "broken", or of BAD_JPEGS."""
    for i in range(GOOD):
        (work / f"good{i}.png").write_bytes(picture(i))
    for name, width in BAD_JPEGS.items():
        (work / f"{name}.jpg").write_bytes(broken.jpeg_of_width(width))
    for i, way in enumerate(broken.WAYS):
        broken.make(way, work / f"broken{i}")
    harmed = dict(zip(chance.sample(range(count), len(kinds)), kinds))
    (work / "inputs").mkdir()
    names, wrong = [], {}
    for i in range(count):
        names.append(f"inputs/{i:06}.jpg")
        kind = harmed.get(i)
        if kind is None:
            source = f"good{i % GOOD}.png"
        elif kind == "broken":
            source = f"broken{len(wrong) % len(broken.WAYS)}"
        else:
            source = f"{kind}.jpg"
        if kind is not None:
            wrong[names[-1]] = kind
        os.symlink(f"../{source}", work / names[-1])
    return names, wrong


def broken_ones(count):
    return ["broken"] * (count // 100)


def bad_decodes(count):
    return list(BAD_JPEGS) * (count // 2000)
