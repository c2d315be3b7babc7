"""SIGINT and SIGTERM at random moments: whole lines of the undisturbed output, no process left."""

import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

import broken


def descendants(pid):
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [found for child in map(int, children) for found in (child, *descendants(child))]


def runs(pid):
    """Not one that has ended and whose new parent has not asked for its status yet."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def all_gone(pids, seconds=5):
    end = time.monotonic() + seconds
    while any(runs(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whole_lines_and_no_process_left(clipcls, model, pictures, work, full, figure, number):
    (work / "folder").mkdir()
    for i in range(200):
        os.link(work / pictures[i % 3], work / "folder" / f"{i:03}.png")
    arguments = ["-m", model, "-L", "cat", "-L", "dog", "-f", "jsonl", "-b", "1", "folder"]
    clipcls(*arguments)
    begun = time.monotonic()
    good = clipcls(*arguments).out
    seconds = time.monotonic() - begun
    chance, bad, midway = random.Random(6), 0, 0
    tries = 500 if full else 25
    for _ in range(tries):
        with subprocess.Popen(clipcls.command(arguments), cwd=work, env=clipcls.env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            time.sleep(chance.uniform(0, seconds))
            pids = descendants(process.pid)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        midway += 0 < len(out) < len(good)
        ended = process.returncode == -number or (process.returncode == 0 and out == good)
        bad += not (ended and good.startswith(out) and out[-1:] in (b"", b"\n") and err == b""
                    and all_gone(pids))
    figure("SIGINT, SIGTERM", f"{number.name} at a random moment: whole lines, no process left", tries, bad,
           f"{midway} between the first record and the last")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_decoder_that_hangs_ends_with_the_program(clipcls, model, work, full, figure, number):
    if not broken.BAD_DECODER.exists():
        pytest.skip("built without libjpeg")
    (work / "hang.jpg").write_bytes(broken.jpeg_of_width(broken.HANG))
    command = clipcls.command(["-m", model, "-L", "cat", "-j", "2", "hang.jpg", "hang.jpg"])
    chance, bad = random.Random(7), 0
    tries = 100 if full else 5
    for _ in range(tries):
        with subprocess.Popen(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**clipcls.env, "LD_PRELOAD": str(broken.BAD_DECODER)}) as process:
            time.sleep(chance.uniform(0.1, 0.3))
            pids = descendants(process.pid)
            process.send_signal(number)
            out, _ = process.communicate(timeout=60)
        bad += process.returncode != -number or out != b"" or not all_gone(pids)
    figure("SIGINT, SIGTERM", f"{number.name} while decoders hang: no process left", tries, bad)
