"""What the tests share: records out of output, and small files made by hand."""

import json
import math
import random
import struct
import zlib


def records(done):
    """The records of a jsonl run, bytes of paths that are not UTF-8 as lone surrogates."""
    return [json.loads(line) for line in done.out.splitlines()]


def paths(done):
    return [record["path"] for record in records(done)]


def labels(record):
    return [result["label"] for result in record["results"]]


def scores(record):
    """{label: score}"""
    return {result["label"]: result["score"] for result in record["results"]}


def named(labels):
    """Arguments that name labels."""
    return [part for label in labels for part in ("-L", label)]


def fails(done, *words):
    """Whether a run ended with a mistake of the user's, told in these words."""
    return done.code == 2 and done.out == b"" and all(word in done.err for word in words)


def ppm(width, height, color=(200, 30, 60)):
    return b"P6 %d %d 255\n" % (width, height) + bytes(color) * (width * height)


def png(width, height, pixel, color_type, extra=b""):
    """A PNG of 8 bits a channel; pixel(x, y) gives its bytes; `extra`: chunks behind IHDR."""
    rows = b"".join(b"\0" + b"".join(pixel(x, y) for x in range(width)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, color_type, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def picture(seed):
    """A PNG: sky, ground and something in front of them, in colours and shapes of the seed's own."""
    numbers = random.Random(seed)
    sky, ground, thing = [[numbers.randrange(256) for _ in range(3)] for _ in range(3)]
    horizon, x0, y0, power = (numbers.randrange(5, 60) for _ in range(4))
    width, height, waves = numbers.randrange(6, 40), numbers.randrange(6, 40), numbers.randrange(1, 12)

    def pixel(x, y):
        inside = (abs(x - x0) / width) ** (power / 10) + (abs(y - y0) / height) ** (power / 10) < 1
        color = thing if inside else sky if y < horizon else ground
        shade = 0.75 + 0.25 * math.sin(waves * (x + y * (seed % 3)) / 10)
        return bytes(int(shade * value) for value in color)
    return png(64, 64, pixel, 2)


def chunk(kind, data):
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def corner(x, y):
    """A picture that looks different from each side."""
    return bytes((250, 20 * (y % 12), 10)) if x < 20 and y < 12 else bytes((5 * (x % 50), 60, 200))


def exif_orientation(value):
    """An eXIf chunk that says only how the picture is turned."""
    return chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" +
                 struct.pack(">HH", value, 0) + b"\0\0\0\0")
