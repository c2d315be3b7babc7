"""Many inputs, of which one in a hundred is broken and one in a thousand crashes or hangs its decoder."""

import json
import os
import random
import subprocess

import pytest

import broken
from records import picture

GOOD = 50  # different pictures
OPTIONS = ["-f", "jsonl", "--decode-limit", "1", "--max-pixels", "1000000"]


def make_inputs(work, count, chance):
    """Names in their order, and what is wrong with those that are not good: {name: how}."""
    for i in range(GOOD):
        (work / f"good{i}.png").write_bytes(picture(i))
    bad_jpegs = {"crash": broken.CRASH, "hang": broken.HANG}
    for name, width in bad_jpegs.items():
        (work / f"{name}.jpg").write_bytes(broken.jpeg_of_width(width))
    for i, way in enumerate(broken.WAYS):
        broken.make(way, work / f"broken{i}")
    kinds = ["broken"] * (count // 100) + list(bad_jpegs) * (count // 2000)
    harmed = dict(zip(chance.sample(range(count), len(kinds)), kinds))
    (work / "inputs").mkdir()
    names, wrong = [], {}
    for i in range(count):
        names.append(f"inputs/{i:06}")
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


def run(clipcls, model, names, out):
    """Exit status and the most memory held, in KiB, by the program itself."""
    (clipcls.cwd / "list").write_text("".join(f"{name}\n" for name in names))
    command = clipcls.command(["-m", model, "-L", "cat", "-L", "dog", *OPTIONS, "--files-from", "list"])
    with open(clipcls.cwd / out, "wb") as file:
        process = subprocess.Popen(command, cwd=clipcls.cwd, stdout=file, stderr=subprocess.PIPE,
                                   env={**clipcls.env, "LD_PRELOAD": str(broken.BAD_DECODER)})
        err = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
    assert err == b""
    return process.returncode, usage.ru_maxrss


def test_every_input_has_its_record(clipcls, classify, model, work, full, figure):
    if not broken.BAD_DECODER.exists():
        pytest.skip("built without libjpeg")
    count = 100000 if full else 4000
    names, wrong = make_inputs(work, count, random.Random(8))
    expected = [json.loads(classify(*OPTIONS, f"good{i}.png", labels=("cat", "dog")).out)["results"]
                for i in range(GOOD)]
    code, memory = run(clipcls, model, names, "out")
    bad = 0
    with open(work / "out", "rb") as out:
        found = [json.loads(line) for line in out]
    assert code == 1 and len(found) == count
    for i, (name, record) in enumerate(zip(names, found)):
        good = record.get("results") == expected[i % GOOD] if name not in wrong else \
            record["error"]["message"] != ""
        bad += not (good and record["path"] == name)
    hung = sum(record["error"]["code"] == "limit" and wrong[record["path"]] == "hang"
               for record in found if "error" in record)
    assert hung == count // 2000
    _, few = run(clipcls, model, names[:count // 20], "few")
    assert memory - few < 16 * 1024, (memory, few)
    kinds = list(wrong.values())
    figure("many inputs", f"inputs, {kinds.count('broken'):,} of them broken in {len(broken.WAYS)} ways, "
           f"{kinds.count('crash')} crash and {kinds.count('hang')} hang their decoder", count, bad,
           f"peak {memory / 1024:.0f} MiB; of the first {count // 20:,} alone {few / 1024:.0f}")
