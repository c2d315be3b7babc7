"""The program's fixtures, and folders of many pictures."""

import os
import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "cluster"), str(TESTS / "cli")]

import pytest  # noqa: E402

from program import classify, clipcls, model, pictures, work  # noqa: E402, F401: fixtures
from records import png  # noqa: E402

ROOT = TESTS.parent


def texture(seed):
    return png(16, 16, lambda x, y: bytes(((37 * seed + 9 * x) % 256, (11 * seed + 13 * y) % 256,
                                           (seed * seed + x * y) % 256)), 2)


@pytest.fixture
def many(work):
    """Makes a folder of n paths to 200 different pictures, every 100th of them to none, and returns it."""
    def make(n):
        (work / "different").mkdir()
        for i in range(min(n, 200)):
            (work / "different" / f"{i}.png").write_bytes(b"no picture" if i % 100 == 99 else texture(i))
        (work / "pics").mkdir()
        for i in range(n):
            os.link(work / "different" / f"{i % 200}.png", work / "pics" / f"{i:05}.png")
        return work / "pics"
    return make
