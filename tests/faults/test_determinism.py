"""The same bytes for any number of threads, any batch, with and without a cache, again and again."""

import hashlib
import shutil

import pytest

from program import DATA


@pytest.mark.parametrize("name", ["tiny", "built-in"])
def test_one_output(clipcls, model, work, full, figure, name):
    for folder in ("images", "photos"):
        shutil.copytree(DATA / folder, work / folder)
    own = ["-m", model, "-L", "cat", "-L", "dog", "-L", "red panda"] if name == "tiny" else []
    digests, runs = set(), 0
    for threads in (1, 2, 8):
        for batch in (1, 7, 32):
            for cache in ("cold", "warm"):
                for _ in range(20 if full else 1):
                    if cache == "cold":
                        shutil.rmtree(work / "cache", ignore_errors=True)
                    done = clipcls(*own, "-f", "jsonl", "-k", "0", "-j", f"{threads}", "-b", f"{batch}",
                                   "--cache-dir", "cache", "images", "photos")
                    assert done.code in (0, 1) and done.out.count(b"\n") > 20
                    digests.add(hashlib.sha256(done.out).hexdigest())
                    runs += 1
    figure("one output", f"{name} model: 1, 2, 8 threads x batches of 1, 7, 32 x cold and warm cache: one SHA-256",
           runs, len(digests) - 1)
