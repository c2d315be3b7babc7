"""Files that another process cuts short, or writes to, while the program uses them."""

import os
import random
import shutil
import subprocess
import time

import pytest

PICTURES = 200


@pytest.fixture
def folder(pictures, work):
    (work / "folder").mkdir()
    for i in range(PICTURES):
        os.link(work / pictures[i % 3], work / "folder" / f"{i:03}.png")
    return "folder"


def cut(path, chance):
    os.truncate(path, chance.randrange(path.stat().st_size))


def overwrite(path, chance):
    with open(path, "r+b") as file:
        file.seek(chance.randrange(path.stat().st_size - 64))
        file.write(chance.randbytes(64))


def run_under(harm, path, command, clipcls, chance, seconds, after_a_record):
    """Exit status, stdout and stderr of a run; `path` is harmed at a random moment of it, or of what comes
    after its first record."""
    with subprocess.Popen(command, cwd=clipcls.cwd, env=clipcls.env, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, bufsize=0) as process:
        first = process.stdout.readline() if after_a_record else b""
        time.sleep(chance.uniform(0, seconds))
        harm(path, chance)
        out, err = process.communicate(timeout=60)
    return process.returncode, first + out, err.decode()


@pytest.mark.parametrize("form", ["directory", "single"])
@pytest.mark.parametrize("harm, after_a_record", [(cut, False), (cut, True), (overwrite, True)])
def test_weights(clipcls, model, work, folder, full, figure, form, harm, after_a_record):
    source, file = (model, "model.safetensors") if form == "directory" else (work / "whole", "")
    if form == "single":
        assert clipcls("convert", model, source).code == 0
    arguments = ["-L", "cat", "-L", "dog", "-f", "jsonl", "-b", "1", "-j", "2", "--no-cache", folder]
    begun = time.monotonic()
    good = clipcls("-m", source, *arguments).out
    seconds = time.monotonic() - begun
    chance, bad, harmed = random.Random(3), 0, 0
    tries = 200 if full else 8
    for i in range(tries):
        copy = work / f"copy{i}"
        shutil.copytree(source, copy) if form == "directory" else shutil.copy(source, copy)
        path = copy / file if file else copy
        code, out, err = run_under(harm, path, clipcls.command(["-m", copy, *arguments]), clipcls, chance,
                                   seconds, after_a_record)
        told = code == 2 and str(path) in err and good.startswith(out) and out[-1:] in (b"", b"\n")
        harmed += told
        bad += not told and (code, out) != (0, good)
        shutil.rmtree(copy) if form == "directory" else copy.unlink()
    assert harmed > 0
    what = f"weights ({form}) {'cut short' if harm is cut else 'written to'}"
    when = "after the first record" if after_a_record else "at any moment"
    figure("file shrinks while it is read", f"{what} {when}", tries, bad, f"{harmed} runs ended by it")


def test_an_index(clipcls, model, work, folder, full, figure):
    """It is open while a folder's pictures are encoded, and searched then."""
    assert clipcls("embed", "-m", model, "-o", "whole.index", folder).code == 0
    arguments = ["search", "-m", model, "copy.index", folder, "--query", "cat", "-k", "0", "-b", "1"]
    shutil.copy(work / "whole.index", work / "copy.index")
    begun = time.monotonic()
    good = clipcls(*arguments)
    seconds = time.monotonic() - begun
    assert good.code == 0 and good.out.count(b"\n") == 2 * PICTURES
    chance, bad, harmed = random.Random(4), 0, 0
    tries = 500 if full else 20
    for _ in range(tries):
        shutil.copy(work / "whole.index", work / "copy.index")
        code, _, err = done = run_under(cut, work / "copy.index", clipcls.command(arguments), clipcls, chance,
                                        seconds, False)
        told = code == 2 and "copy.index" in err
        harmed += told
        bad += not told and done[:2] != (0, good.out)
    figure("file shrinks while it is read", "an index cut short during a search", tries, bad,
           f"{harmed} runs ended by it")


def test_pictures(clipcls, model, work, pictures, full, figure):
    """They are read, not mapped: a record or an error for each, in order."""
    chance, bad, failed = random.Random(5), 0, 0
    arguments = ["-m", model, "-L", "cat", "-L", "dog", "-f", "jsonl", "-b", "1"]
    whole = (work / "a.png").read_bytes()
    names = [f"p{i:03}.png" for i in range(PICTURES)]
    rounds = 50 if full else 3
    for _ in range(rounds):
        for name in names:
            (work / name).write_bytes(whole)
        with subprocess.Popen(clipcls.command([*arguments, *names]), cwd=work, env=clipcls.env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            for name in chance.sample(names, PICTURES):
                cut(work / name, chance)
            out = process.communicate(timeout=60)[0]
        lines = out.splitlines()
        good = [line for line in lines if b'"results"' in line]
        failed += len(lines) - len(good)
        told = [line.split(b'"')[3].decode() for line in lines] == names
        bad += not told or process.returncode not in (0, 1) or len({line.split(b",", 1)[1] for line in good}) > 1
    figure("file shrinks while it is read", f"{PICTURES} pictures cut short during a run", rounds, bad,
           f"{failed:,} error records")
