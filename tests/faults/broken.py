"""Pictures that are broken in twenty ways, and JPEG files at which bad_decoder.c misbehaves."""

import os
import pathlib
import socket
import struct
import zlib

from program import DATA, PROGRAM
from records import chunk, png

BAD_DECODER = PROGRAM.parent / "tests/libbad_decoder.so"
CRASH, HANG, ABORT, EAT_MEMORY = range(60001, 60005)
OPEN, READ, CONNECT, FORK, EXEC, TRACE, SIGNAL = range(60011, 60018)

JPEG = (DATA / "photos/bee.jpg").read_bytes()
PNG = png(40, 30, lambda x, y: bytes((x, y, x * y % 256)), 2)
GIF = sorted((DATA / "images").glob("*.gif"))[0].read_bytes()
WEBP = sorted((DATA / "images").glob("*.webp"))[0].read_bytes()
BMP = sorted((DATA / "images").glob("*.bmp"))[0].read_bytes()


def jpeg_of_width(width):
    """bee.jpg with a lie about its size: 16 rows of so many pixels."""
    place = next(i for i in range(2, len(JPEG)) if JPEG[i:i + 2] in (b"\xff\xc0", b"\xff\xc2"))
    return JPEG[:place + 5] + struct.pack(">HH", 16, width) + JPEG[place + 9:]


def header(width, height):
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def a_socket(path):
    here = os.getcwd()
    os.chdir(pathlib.Path(path).parent)  # a socket's path may not be long
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(pathlib.Path(path).name)
    os.chdir(here)


# Bytes, or what makes something that is no file. Each gives an error record.
WAYS = {
    "empty": b"",
    "one byte": b"\xff",
    "text": b"not a picture\n" * 20,
    "a web page": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "an archive": b"PK\3\4\x14\0\0\0\x08\0" + bytes(200),
    "a document": b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
    "noise": bytes((i * i * 31 + i // 7) % 256 for i in range(3000)),
    "JPEG cut in its header": JPEG[:300],
    "JPEG cut in its middle": JPEG[:len(JPEG) // 2],
    "JPEG without tables": JPEG[:2] + JPEG[-2:],
    "PNG cut in its middle": PNG[:len(PNG) // 2],
    "PNG without pixels": header(40, 30) + chunk(b"IEND", b""),
    "PNG with a wrong checksum": PNG[:30] + bytes([PNG[30] ^ 1]) + PNG[31:],
    "PNG with pixels that are not zlib's": header(40, 30) + chunk(b"IDAT", b"\0" * 90) + chunk(b"IEND", b""),
    "PNG of 10,000 megapixels": header(100000, 100000) + chunk(b"IDAT", zlib.compress(b"\0" * 100)),
    "GIF cut in its first frame": GIF[:60],
    "WebP cut in its middle": WEBP[:len(WEBP) // 2],
    "BMP cut in its middle": BMP[:len(BMP) // 2],
    "a link to nothing": lambda path: os.symlink("nowhere", path),
    "a socket": a_socket,
}
assert len(WAYS) == 20


def make(way, path):
    content = WAYS[way]
    if callable(content):
        content(path)
    else:
        pathlib.Path(path).write_bytes(content)
