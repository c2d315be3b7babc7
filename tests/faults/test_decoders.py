"""Decoders that crash, hang, eat memory, and that an exploit has taken over."""

import json
import subprocess

import pytest

import broken

KINDS = {"crash": broken.CRASH, "abort": broken.ABORT, "hang": broken.HANG, "memory": broken.EAT_MEMORY}
DEEDS = {"open a file to write": broken.OPEN, "open a file to read": broken.READ, "connect": broken.CONNECT,
         "fork": broken.FORK, "execute": broken.EXEC, "trace": broken.TRACE, "signal": broken.SIGNAL}


@pytest.fixture
def bad():
    if not broken.BAD_DECODER.exists():
        pytest.skip("built without libjpeg")
    return {"LD_PRELOAD": str(broken.BAD_DECODER)}


@pytest.fixture
def filtered(clipcls):
    if b"seccomp" not in clipcls("--version").out:
        pytest.skip("system calls cannot be filtered here")


def test_crashes_and_hangs_cost_one_record_each(classify, work, pictures, bad, full, figure):
    names = []
    for i in range(400 if full else 24):
        kind = ("crash", "abort", "memory", "hang")[i % 4 if full or i < 8 else i % 3]
        names += [f"{i}-{kind}.jpg", "a.png"]
        (work / names[-2]).write_bytes(broken.jpeg_of_width(KINDS[kind]))
    good = json.loads(classify("-f", "jsonl", "a.png").out)
    done = classify("-f", "jsonl", "--decode-limit", "3", "--max-pixels", "1000000", *names, env=bad)
    found = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 1 and [record["path"] for record in found] == names
    lost = sum(record != good for record in found[1::2])
    untold = sum("error" not in record for record in found[::2])
    figure("decoder crash or hang", "crash, abort, endless loop, endless memory, every other one a good picture",
           len(names) // 2, lost + untold)


def test_an_exploit_gets_nothing(classify, work, pictures, bad, filtered, figure):
    taken = 0
    for deed, width in DEEDS.items():
        (work / "bad.jpg").write_bytes(broken.jpeg_of_width(width))
        done = classify("-f", "jsonl", "--decode-limit", "3", "bad.jpg", "a.png", env=bad)
        record, good = map(json.loads, done.out.splitlines())
        # It was told no, and decoded what is there; or it was ended at once. A hang would be a deed done.
        refused = "results" in record or record["error"]["code"] == "decode"
        taken += not refused or "results" not in good or (work / "taken").exists() or (work / "opened").exists()
    figure("decoder that was taken over", "open, read, connect, fork, execute, trace, signal", len(DEEDS), taken)


@pytest.mark.parametrize("deed", DEEDS)
def test_without_a_sandbox_it_gets_that(classify, work, bad, deed):
    """Or the test above would show nothing."""
    (work / "bad.jpg").write_bytes(broken.jpeg_of_width(DEEDS[deed]))
    try:
        done = classify("--no-sandbox", "bad.jpg", env=bad)
        assert done.code == (0 if deed == "execute" else 99)
    except subprocess.TimeoutExpired:
        pytest.fail("not even a file could be left")
    assert (work / "taken").exists()
