"""Many inputs, of which one in a hundred is broken and one in a thousand crashes or hangs its decoder."""

import json
import pathlib
import random
import subprocess
import threading

import pytest

import broken
from crowd import GOOD, bad_decodes, broken_ones, make_inputs

SECONDS = 600  # a run takes less, or hangs
OPTIONS = ["-f", "jsonl", "--decode-limit", "3", "--max-pixels", "1000000"]


def peak_memory(pid):
    """KiB."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def run(clipcls, model, names, out):
    """Exit status and the most memory that the program itself held, in KiB."""
    command = clipcls.command(["-m", model, "-L", "cat", "-L", "dog", *OPTIONS, "--files-from", "-"])
    with subprocess.Popen(command, cwd=clipcls.cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE,
                          env={**clipcls.env, "LD_PRELOAD": str(broken.BAD_DECODER)}) as process:
        def feed():
            process.stdin.write("".join(f"{name}\n" for name in names).encode())
            process.stdin.flush()
        feeder = threading.Thread(target=feed)
        late = threading.Timer(SECONDS, process.kill)
        feeder.start()
        late.start()
        with open(clipcls.cwd / out, "wb") as file:
            for _ in names:
                file.write(process.stdout.readline())
            feeder.join()
            memory = peak_memory(process.pid)
            rest, err = process.communicate()
            file.write(rest)
        late.cancel()
    assert err == b""
    return process.returncode, memory


def test_every_input_has_its_record(clipcls, classify, model, work, full, figure):
    if not broken.BAD_DECODER.exists():
        pytest.skip("built without libjpeg")
    count = 100000 if full else 4000
    names, wrong = make_inputs(work, count, random.Random(8), broken_ones(count) + bad_decodes(count))
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
