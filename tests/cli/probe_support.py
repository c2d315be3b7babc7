"""What the tests of probes share: pictures of classes that overlap, the choice of shots, a probe's file."""

import json
import random
import struct

import numpy as np

TINTS = {"cat": (138, 100, 100), "dog": (100, 138, 100), "red_panda": (100, 100, 138), "sea_lion": (112, 112, 112)}
TEXTS = {name: name.replace("_", " ") for name in TINTS}


def noise(tint, seed):
    """A picture of 24 x 24 pixels: blocks of noise around a tint, so that classes overlap."""
    source = random.Random(seed)
    blocks = [[[max(0, min(255, level + source.randint(-90, 90))) for level in tint] for _ in range(8)]
              for _ in range(8)]
    pixels = b"".join(bytes(blocks[y // 3][x // 3]) for y in range(24) for x in range(24))
    return b"P6 24 24 255\n" + pixels


def make_folders(folder, counts, seed):
    """{path relative to the folder's parent: class}"""
    truth = {}
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            path = folder / name / f"{i:03}.ppm"
            path.write_bytes(noise(TINTS[name], f"{seed}{name}{i}"))
            truth[f"{folder.name}/{name}/{path.name}"] = name
    return truth


def splitmix64(state):
    while True:
        state = (state + 0x9e3779b97f4a7c15) % 2**64
        z = (state ^ state >> 30) * 0xbf58476d1ce4e5b9 % 2**64
        z = (z ^ z >> 27) * 0x94d049bb133111eb % 2**64
        yield z ^ z >> 31


def ranks(truth, seed):
    """{path: rank in the random order of its class}, as docs/probes.md describes it."""
    ranked = {}
    for name in set(truth.values()):
        members = [path for path in truth if truth[path] == name]
        mixed = 0xcbf29ce484222325
        for byte in name.encode():
            mixed = (mixed ^ byte) * 0x100000001b3 % 2**64
        numbers = splitmix64(seed ^ mixed)
        for i in range(len(members), 1, -1):
            other = next(numbers) * i >> 64
            members[i - 1], members[other] = members[other], members[i - 1]
        ranked.update({path: rank for rank, path in enumerate(members)})
    return ranked


def tensors(path):
    """{name: array} of a probe's file; classes as a list of texts."""
    data = path.read_bytes()
    size, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__")
    found = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        kind = {"F32": "<f4", "U8": "u1"}[entry["dtype"]]
        found[name] = np.frombuffer(data[8 + size :][begin:end], kind).reshape(entry["shape"])
    found["classes"] = found["classes"].tobytes().decode().splitlines()
    return found, metadata
