"""scripts/spark_classify.py on Apache Spark: in one process, and on a cluster that loses a worker."""

import contextlib
import json
import os
import re
import signal
import subprocess

import pyarrow
import pyarrow.parquet as parquet
import pytest

from conftest import ROOT
from program import PROGRAM
from spark_cluster import SMALL, SUBMIT, Cluster, environment, executor_of, processes, state_of, wait_for

SCRIPT = ROOT / "scripts" / "spark_classify.py"


class Spark:
    def __init__(self, clipcls, model):
        self.clipcls, self.cwd = clipcls, clipcls.cwd
        self.env = environment(clipcls.env)
        self.options = ["-m", str(model), "-L", "cat", "-L", "dog", "-L", "red panda", "-q"]

    def command(self, *arguments, master="local[2]", options=(), program=PROGRAM):
        return [str(part) for part in [SUBMIT, "--master", master, *SMALL, SCRIPT, "--program", program, *arguments,
                                       "--", *self.options, *options]]

    def __call__(self, *arguments, **how):
        """spark-submit puts the driver's stderr into its stdout: both are one here."""
        return subprocess.run(self.command(*arguments, **how), env=self.env, cwd=self.cwd, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=500)

    def single(self, *inputs, **options):
        """{path: record} of one run of clipcls."""
        lines = self.clipcls(*self.options, "-f", "jsonl", *inputs, **options).out.splitlines()
        return {record["path"]: record for record in map(json.loads, lines)}


@pytest.fixture
def spark(clipcls, model):
    return Spark(clipcls, model)


def write(file, /, **columns):
    parquet.write_table(pyarrow.table(columns), file)


def rows(folder):
    """A table's rows, as clipcls has its records."""
    return [{name: value for name, value in row.items() if value is not None}
            for row in parquet.read_table(folder).to_pylist()]


def by_path(folder):
    found = rows(folder)
    table = {row.get("path"): row for row in found}
    assert len(table) == len(found), "a row stands there twice"
    return table


@pytest.fixture
def cluster(tmp_path, clipcls):
    (tmp_path / "cluster").mkdir()
    made = Cluster(tmp_path / "cluster", clipcls.env)
    yield made
    made.stop()


def test_a_worker_and_its_executor_are_killed_and_nothing_is_lost_or_doubled(spark, cluster, many, work):
    """20,000 pictures over two workers, one of which dies while a clipcls works there and tasks are left to do."""
    pics, n = many(20_000), 20_000
    names = [str(pics / f"{i:05}.png") for i in range(n)]
    write(work / "paths.parquet", path=names)
    expected = spark.single(pics)
    workers = cluster.start(2)
    with open(work / "driver.log", "wb") as log:
        job = subprocess.Popen(spark.command("--partitions", "24", "paths.parquet", "out", master=cluster.url),
                               env=spark.env, cwd=work, stdout=log, stderr=subprocess.STDOUT)

    def whole_tasks():
        assert job.poll() is None, (work / "driver.log").read_text()
        return len(list((work / "out").glob("_temporary/0/task_*")))

    try:
        wait_for("a finished task", lambda: whole_tasks() >= 2)
        executor, clipcls = wait_for("work on the first worker", lambda: halted(workers[0]))
        os.kill(workers[0].pid, signal.SIGKILL)
        os.kill(executor, signal.SIGKILL)
        os.kill(clipcls, signal.SIGCONT)
        assert 2 <= whole_tasks() < 24
        assert job.wait(timeout=500) == 0, (work / "driver.log").read_text()
    finally:
        job.kill()
    log = (work / "driver.log").read_text()
    assert "Lost executor" in log and "20000 pictures, 200 failed" in log
    assert re.search(r"Starting task \d+\.1 in stage", log)  # the second try of one
    wait_for("the end of the dead worker's clipcls", lambda: clipcls not in processes())
    wait_for("one worker left", lambda: cluster.alive() == 1)
    found = by_path(work / "out")
    assert len(found) == n and found == {name: expected[name] for name in names}


def halted(worker):
    """A worker's executor and a clipcls there that is stopped amid its work, which thus cannot end before they do."""
    found = executor_of(worker)
    if found is None:
        return None
    with contextlib.suppress(OSError):
        os.kill(found[1], signal.SIGSTOP)
        wait_for("a stop", lambda: state_of(found[1]) in "TZ")
        return found if state_of(found[1]) == "T" else None


@pytest.fixture
def dying(work):
    """A clipcls that crashes three times, after 20 records, before it goes on as the true one."""
    script = work / "dying"
    script.write_text(f"""#!/bin/bash
for n in 1 2 3; do
    if mkdir {work}/death$n 2>/dev/null; then
        {PROGRAM} "$@" | head -n 20
        kill -KILL $$
    fi
done
exec {PROGRAM} "$@"
""")
    script.chmod(0o755)
    return script


def test_bytes_of_a_table_keep_their_names_though_clipcls_dies(spark, many, work, dying):
    pics = many(300)
    names = sorted(path.name for path in pics.iterdir())
    contents = [(pics / name).read_bytes() for name in names]
    write(work / "in.parquet", path=[*names, "empty", "null", None], content=[*contents, b"", None, contents[0]])
    done = spark("--partitions", "3", "in.parquet", "out", master="local[2,4]", program=dying)
    assert done.returncode == 0 and "303 pictures, 5 failed" in done.stdout, done.stdout
    assert len(list(work.glob("death*"))) == 3
    expected = {os.path.basename(path): record for path, record in spark.single(pics).items()}
    found = by_path(work / "out")
    assert found.keys() == {*names, "empty", "null", None}
    assert found["empty"]["error"] == {"code": "decode", "message": "the file is empty"}
    assert found["null"]["error"] == {"code": "io", "message": "the content is null"}
    assert found[None]["results"] == expected[names[0]]["results"]
    for name in names:
        assert found[name].get("results") == expected[name].get("results")
        assert found[name].get("error") == expected[name].get("error")


def test_paths_that_are_bytes_stay_bytes(spark, pictures, work):
    odd = os.fsencode(work) + b"/\xff\n.png"
    with open(odd, "wb") as copy:
        copy.write((work / "a.png").read_bytes())
    given = [odd, os.fsencode(work / "a.png"), os.fsencode(work / "a.png"), b"/gone\xff.png", b"", None]
    write(work / "in.parquet", path=pyarrow.array(given, pyarrow.binary()))
    done = spark("--partitions", "2", "in.parquet", "out")
    assert done.returncode == 0 and "6 pictures, 3 failed" in done.stdout, done.stdout
    found = rows(work / "out")
    assert sorted(row.get("path", b"") for row in found) == sorted(path or b"" for path in given)
    good = [row["results"] for row in found if row.get("path") in given[:2]]
    assert good == [spark.single(work / "a.png")[str(work / "a.png")]["results"]] * 3


def test_a_list_and_an_output_that_is_there(spark, pictures, work):
    (work / "list.txt").write_text("".join(f"{work / name}\n" for name in pictures) + "\n")
    arguments = ["--input-format", "text", "--partitions", "2", "list.txt", "out"]
    assert spark(*arguments).returncode == 0
    first = by_path(work / "out")
    assert first == spark.single(*[work / name for name in pictures])
    refused = spark(*arguments)
    assert refused.returncode == 2 and "PATH_ALREADY_EXISTS" in refused.stdout and by_path(work / "out") == first
    again = spark("--overwrite", *arguments, options=["-k", "1"])
    assert again.returncode == 0 and {len(row["results"]) for row in by_path(work / "out").values()} == {1}


def test_a_job_that_cannot_work_says_what_clipcls_said(spark, pictures, work):
    write(work / "in.parquet", path=[str(work / name) for name in pictures])
    done = spark("--partitions", "1", "in.parquet", "out", options=["-m", "nowhere"])
    assert done.returncode == 1 and "clipcls ended with status 2" in done.stdout and "nowhere" in done.stdout
    assert not (work / "out" / "_SUCCESS").exists() and not list((work / "out").glob("*.parquet"))


def test_a_table_without_the_columns_is_refused(spark, work):
    write(work / "in.parquet", path=["a"], content=["b"])
    done = spark("in.parquet", "out")
    assert done.returncode == 2 and "`content` is not binary" in done.stdout and not (work / "out").exists()
    write(work / "in.parquet", name=["a"])
    done = spark("in.parquet", "out")
    assert done.returncode == 2 and "no column `path`" in done.stdout and not (work / "out").exists()
