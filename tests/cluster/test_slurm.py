"""scripts/slurm_classify.sh under the environment that Slurm gives a task of an array."""

import json
import os
import signal
import subprocess
import time

import pytest

from conftest import ROOT
from program import PROGRAM

SCRIPT = ROOT / "scripts" / "slurm_classify.sh"


class Array:
    """What sbatch --array=1-N does with the script, but for the nodes: a copy of it, run once for each task."""

    def __init__(self, clipcls, model):
        self.cwd = clipcls.cwd
        self.env = {**clipcls.env, "CLIPCLS": str(PROGRAM)}
        self.options = ["-m", str(model), "-L", "cat", "-L", "dog", "-q"]
        self.script = clipcls.folder / "slurm_script"  # as slurmd has it: in a folder of its own
        self.script.write_bytes(SCRIPT.read_bytes())

    def environment(self, task, n, **env):
        return {**self.env, "SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": str(n),
                "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_MAX": str(n), **env}

    def command(self, *inputs):
        return ["bash", str(self.script), "out", *self.options, *map(str, inputs)]

    def task(self, task, n, *inputs, **env):
        return subprocess.run(self.command(*inputs), cwd=self.cwd, env=self.environment(task, n, **env),
                              capture_output=True, text=True, timeout=120)

    def lines(self):
        return [line for path in sorted((self.cwd / "out").glob("*.jsonl")) for line in path.read_bytes().splitlines()]

    def expected(self, clipcls, inputs):
        return sorted(clipcls(*self.options, "-f", "jsonl", inputs).out.splitlines())


@pytest.fixture
def array(clipcls, model):
    return Array(clipcls, model)


def test_the_scripts_have_no_flaw_that_shellcheck_finds():
    subprocess.run(["bash", "-n", SCRIPT], check=True)
    done = subprocess.run(["shellcheck", SCRIPT], capture_output=True, text=True)
    assert done.stdout == "" and done.returncode == 0


def test_what_sbatch_reads_asks_for_another_try():
    head = SCRIPT.read_text().split("\nset -")[0].splitlines()
    # sbatch stops at the first line that is neither a comment nor blank.
    assert "#SBATCH --requeue" in head and all(line.startswith("#") for line in head)


def test_an_array_does_every_picture_once(array, many, clipcls):
    pics = many(150)
    done = [array.task(i, 4, pics) for i in range(1, 5)]
    assert sorted(array.lines()) == array.expected(clipcls, pics)
    names = sorted(path.name for path in (array.cwd / "out").iterdir())
    assert names == [f"000{i}-of-0004.jsonl" for i in range(1, 5)]
    for i, each in enumerate(done):
        records = (array.cwd / "out" / names[i]).read_text().splitlines()
        assert each.returncode == any("error" in json.loads(record) for record in records)
        assert (each.stdout, each.stderr) == ("", "")


def test_a_task_that_was_killed_goes_on_when_it_is_requeued(array, many, clipcls):
    pics = many(3000)
    task = subprocess.Popen(array.command(pics), cwd=array.cwd, env=array.environment(2, 2), start_new_session=True)
    part = array.cwd / "out" / "0002-of-0002.jsonl.part"
    while not part.exists() or part.stat().st_size < 4000:
        assert task.poll() is None
        time.sleep(0.01)
    os.killpg(task.pid, signal.SIGKILL)  # as when the node has gone
    task.wait()
    assert not (array.cwd / "out" / "0002-of-0002.jsonl").exists()
    before = part.read_bytes()
    before = before[:before.rindex(b"\n") + 1]
    part.write_bytes(before + b'{"path":"torn')
    done = [array.task(i, 2, pics) for i in (1, 2)]
    assert [each.returncode for each in done] == [1, 1]  # every 100th is no picture
    assert (array.cwd / "out" / "0002-of-0002.jsonl").read_bytes().startswith(before)
    assert sorted(array.lines()) == array.expected(clipcls, pics)


def test_a_failed_picture_of_the_first_try_is_in_the_status_of_the_second(array, many):
    pics = many(100)  # the last one is damaged
    assert array.task(1, 1, pics).returncode == 1
    whole = array.cwd / "out" / "0001-of-0001.jsonl"
    first = whole.read_bytes()
    assert array.task(1, 1, pics).returncode == 1 and whole.read_bytes() == first  # done before
    lines = first.splitlines(keepends=True)
    whole.with_name(whole.name + ".part").write_bytes(b"".join(lines[::-1][:50]))
    whole.unlink()
    assert array.task(1, 1, pics).returncode == 1
    assert sorted(whole.read_bytes().splitlines(keepends=True)) == sorted(lines)


def test_an_expectation_that_is_not_met_is_in_the_status(array, pictures):
    done = array.task(1, 1, "--expect", "no such", *pictures)
    assert done.returncode in (1, 2)
    done = array.task(1, 1, "--min-score", "1", "--expect", "cat", *pictures)
    assert done.returncode == 1 and len(array.lines()) == 3


def test_an_empty_shard_is_a_file_without_records(array, pictures):
    done = [array.task(i, 64, "a.png").returncode for i in range(1, 65)]
    assert done == [0] * 64 and len(array.lines()) == 1
    assert len(list((array.cwd / "out").iterdir())) == 64


def test_a_task_that_could_not_work_leaves_no_finished_file(array, pictures):
    done = array.task(1, 1, "-m", "nowhere", *pictures)
    assert done.returncode == 2 and "nowhere" in done.stderr
    assert array.lines() == [] and not list((array.cwd / "out").glob("*.jsonl"))
    assert array.task(1, 1, *pictures).returncode == 0 and len(array.lines()) == 3


def test_two_tasks_of_one_shard_do_not_write_to_one_file(array, pictures):
    (array.cwd / "out").mkdir()
    with subprocess.Popen(["flock", "out/0001-of-0001.jsonl.part", "-c", "echo held; read line"], cwd=array.cwd,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        done = array.task(1, 1, *pictures)
        assert done.returncode == 2 and "another task writes it" in done.stderr
        holder.stdin.close()
    assert array.task(1, 1, *pictures).returncode == 0


def test_some_shards_again(array, pictures):
    some = {"SLURM_ARRAY_TASK_COUNT": "2", "SLURM_ARRAY_TASK_MIN": "3", "SLURM_ARRAY_TASK_MAX": "7"}
    done = array.task(7, 2, *pictures, **some)
    assert done.returncode == 2 and "CLIPCLS_SHARDS" in done.stderr and not (array.cwd / "out").exists()
    assert array.task(7, 2, *pictures, **some, CLIPCLS_SHARDS="8").returncode == 0
    assert (array.cwd / "out" / "0007-of-0008.jsonl").exists()
    done = array.task(9, 2, *pictures, **some, CLIPCLS_SHARDS="8")
    assert done.returncode == 2 and "no task 9 of 8" in done.stderr


@pytest.mark.parametrize("name", ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT"])
def test_outside_an_array_it_says_what_is_missing(array, pictures, name):
    env = array.environment(1, 1)
    del env[name]
    done = subprocess.run(array.command(*pictures), cwd=array.cwd, env=env, capture_output=True, text=True)
    assert done.returncode != 0 and name in done.stderr and "sbatch --array=1-N" in done.stderr


def test_without_inputs_it_says_how_it_is_used(array):
    done = subprocess.run(["bash", str(array.script), "out"], cwd=array.cwd, env=array.environment(1, 1),
                          capture_output=True, text=True)
    assert done.returncode == 2 and "usage" in done.stderr


def test_the_task_has_as_many_threads_as_processors(array, pictures, clipcls):
    (array.cwd / "clipcls").write_text('#!/bin/sh\nprintf "%s\\n" "$@" >said\n')
    (array.cwd / "clipcls").chmod(0o755)
    assert array.task(1, 3, "a b.png", SLURM_CPUS_PER_TASK="6", CLIPCLS="./clipcls").returncode == 0
    said = (array.cwd / "said").read_text().splitlines()
    assert said[:2] == ["--threads", "6"] and said[-1] == "a b.png" and "1/3" in said
