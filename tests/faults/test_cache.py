"""The cache of label embeddings under kills and crowds: an entry is there as a whole or not at all."""

import random
import shutil
import signal
import subprocess
import time

import pytest

from traced import Traced

OPTIONS = ["-f", "jsonl", "-k", "0"]
CALLS = ("mkdir", "openat", "newfstatat", "fchmod", "pwrite64", "fsync", "close", "rename",
         "getdents64", "unlinkat")


def entries(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.entry")} if folder.exists() else {}


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.suffix != ".entry"]


def test_many_processes_on_one_cold_cache(clipcls, model, pictures, work, full, figure):
    arguments = ["-m", model, "-l", "imagenet1k", *OPTIONS, "--cache-dir", "cold", "a.png"]
    command = clipcls.command(["-j", "1", *arguments])
    rounds, bad = 100 if full else 3, 0
    for _ in range(rounds):
        processes = [subprocess.Popen(command, cwd=work, env=clipcls.env, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE) for _ in range(16)]
        outputs = [process.communicate(timeout=120) for process in processes]
        done = clipcls("-v", *arguments)
        good = (all(process.returncode == 0 for process in processes)
                and set(outputs) == {(done.out, b"")} and "read from the cache" in done.err
                and len(entries(work / "cold")) == 1 and leftovers(work / "cold") == [])
        bad += not good
        shutil.rmtree(work / "cold")
    figure("many processes, one cold cache", "16 processes at once: their outputs, one valid entry", rounds, bad)


def test_a_kill_at_any_moment_leaves_a_whole_entry_or_none(clipcls, model, pictures, work, full, figure):
    arguments = ["-m", model, "-l", "imagenet1k", "-k", "3", "--cache-dir", "killed", "a.png"]
    command = clipcls.command(arguments)
    started = time.perf_counter()
    good = clipcls(*arguments)
    duration = time.perf_counter() - started
    whole = entries(work / "killed")
    assert good.code == 0 and len(whole) == 1
    moments = random.Random(7)
    tries, torn, written = 1000 if full else 40, 0, 0
    for _ in range(tries):
        shutil.rmtree(work / "killed", ignore_errors=True)
        with subprocess.Popen(command, cwd=work, env=clipcls.env, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            time.sleep(moments.uniform(0.3, 1.0) * duration)
            process.send_signal(signal.SIGKILL)
        left = entries(work / "killed")
        torn += left not in ({}, whole)
        written += left == whole
    done = clipcls(*arguments)
    assert (done.code, done.out, done.err) == (0, good.out, "")
    assert entries(work / "killed") == whole
    figure("SIGKILL during a cache write", "at a random moment", tries, torn,
           f"{written} had written their entry")


@pytest.mark.parametrize("old", ["no", "a damaged"])
def test_a_kill_at_each_system_call_leaves_a_whole_entry_or_the_old_one(clipcls, model, pictures,
                                                                        work, old, figure):
    killed = work / "killed"
    arguments = ["-m", model, "-L", "cat", *OPTIONS, "--cache-dir", "killed", "a.png"]
    traced = Traced(clipcls, arguments)
    good = clipcls(*arguments)
    (name, data), = entries(killed).items()
    middle = len(data) // 2
    before = {name: data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1:]} if old != "no" else {}

    def prepare():
        shutil.rmtree(killed)
        if before:
            killed.mkdir()
            (killed / name).write_bytes(before[name])

    prepare()
    calls = traced.calls(CALLS, f"killed/{name}")
    assert {"pwrite64", "fsync", "rename", "getdents64"} <= {call for call, _ in calls}
    found, bad = [], 0
    for call, which in calls:
        prepare()
        assert traced.inject(call, which, "signal=SIGKILL").returncode == -signal.SIGKILL, (call, which)
        left = entries(killed)
        found.append(left == {name: data})
        done = clipcls(*arguments)
        bad += (left not in (before, {name: data}) or (done.code, done.out, done.err) != (0, good.out, "")
                or entries(killed) != {name: data})
    assert found == sorted(found) and {False, True} == set(found), list(zip(calls, found))
    figure("SIGKILL during a cache write", f"at each system call, {old} entry before", len(calls), bad)
