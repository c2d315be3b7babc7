"""What the tests share: records out of output, and small files made by hand."""

import json
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


def ppm(width, height, color=(200, 30, 60)):
    return b"P6 %d %d 255\n" % (width, height) + bytes(color) * (width * height)


def png(width, height, pixel, color_type, extra=b""):
    """A PNG of 8 bits a channel; pixel(x, y) gives its bytes; `extra`: chunks behind IHDR."""
    rows = b"".join(b"\0" + b"".join(pixel(x, y) for x in range(width)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, color_type, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


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
