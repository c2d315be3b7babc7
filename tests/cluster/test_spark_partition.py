"""What scripts/spark_classify.py does within a partition, without Spark: one clipcls, whatever becomes of it."""

import json
import os
import pathlib
import sys
import time

import pytest

from conftest import ROOT
from program import PROGRAM

sys.path.insert(0, str(ROOT / "scripts"))

import spark_classify  # noqa: E402
from spark_classify import Clipcls, ClipclsDied, give_all  # noqa: E402

PROTOCOL = ["-f", "jsonl", "--files-from", "-", "-0"]


def descriptors():
    return sorted(os.readlink(path) for path in pathlib.Path("/proc/self/fd").iterdir() if path.is_symlink())


@pytest.fixture
def options(model):
    return ["-m", str(model), "-L", "cat", "-L", "dog", "-L", "red panda", "-q"]


@pytest.fixture
def partition(options):
    """Runs rows through one clipcls, or through what stands in for it, and sees that nothing of it is left."""
    def run(rows, program=PROGRAM, extra=(), each=lambda row: row):
        before = len(descriptors())
        clipcls = Clipcls([str(program), *options, *extra, *PROTOCOL])
        try:
            return [each(row) for row in give_all(clipcls, iter(rows))]
        finally:
            clipcls.close()
            assert clipcls.process.returncode is not None and len(descriptors()) == before
    return run


@pytest.fixture
def expected(clipcls, options):
    """What one run of clipcls says, as rows."""
    def rows(folder):
        records = map(json.loads, clipcls(*options, "-f", "jsonl", folder).out.splitlines())
        return [(record["path"], [tuple(each.values()) for each in record["results"]] if "results" in record else None,
                 tuple(record["error"].values()) if "error" in record else None) for record in records]
    return rows


def test_paths_and_bytes_give_the_rows_of_one_run(partition, expected, many):
    folder = many(1500)  # more than are given to clipcls at a time
    rows = expected(folder)
    assert partition([(path,) for path, *_ in rows]) == rows
    assert partition([(path, bytearray(pathlib.Path(path).read_bytes())) for path, *_ in rows]) == rows


def test_rows_that_clipcls_cannot_be_given(partition, work):
    rows = [(str(work),), (os.fsencode(work),), ("",), (None,), ("a\0b",), (bytearray(b"a\0b"),), ("gone",)]
    reasons = [row[2] for row in partition(rows)]
    assert [code for code, _ in reasons] == ["io"] * 7
    for reason, word in zip(reasons, ["folder", "folder", "empty", "empty", "NUL", "NUL", "No such file"]):
        assert word in reason[1]
    assert partition([("a", None)]) == [("a", None, ("io", "the content is null"))]


def test_a_slow_reader_and_a_slow_writer_come_to_an_end(partition, expected, many, monkeypatch):
    monkeypatch.setattr(spark_classify, "WINDOW", 7)
    rows = expected(many(40))

    def slowly():
        for path, *_ in rows:
            time.sleep(0.005)
            yield path,
    assert partition(slowly(), each=lambda row: (time.sleep(0.005), row)[1]) == rows


def test_bytes_in_flight_are_limited(partition, expected, many, monkeypatch):
    monkeypatch.setattr(spark_classify, "WINDOW_BYTES", 2000)
    rows = expected(many(60))
    most = 0

    def watched():
        nonlocal most
        for path, *_ in rows:
            most = max(most, sum("memfd:picture" in each for each in descriptors()))
            yield path, pathlib.Path(path).read_bytes()
    assert partition(watched()) == rows
    smallest = min(pathlib.Path(path).stat().st_size for path, *_ in rows if pathlib.Path(path).stat().st_size > 100)
    assert 0 < most <= 2000 // smallest + 3  # the damaged one is of 10 bytes


@pytest.mark.parametrize("end, said", [
    ("kill -KILL $$", "was ended by signal 9"), ("exit 2", "ended with status 2"), ("exit 0", "ended with status 0"),
    ("printf '{\"path\":\"tor'; kill -SEGV $$", "was ended by signal 11"), ("exec >&- 2>&- <&-; sleep 60", "closed its")])
def test_a_clipcls_that_dies_fails_with_what_it_said(partition, expected, many, work, end, said, monkeypatch):
    monkeypatch.setattr(spark_classify, "PATIENCE", 0.5)
    script = work / "dying"
    script.write_text(f'#!/bin/bash\necho "clipcls: something to say" >&2\n{PROGRAM} "$@" | head -n 20\n{end}\n')
    script.chmod(0o755)
    got = []
    with pytest.raises(ClipclsDied, match=f"{said}.*something to say"):
        partition([(path,) for path, *_ in expected(many(1500))], script, each=got.append)
    assert len(got) <= 20


def test_a_clipcls_that_fails_at_the_end_fails_its_rows(partition, pictures, work):
    script = work / "failing"
    script.write_text(f'#!/bin/bash\n{PROGRAM} "$@"\nexit 2\n')
    script.chmod(0o755)
    with pytest.raises(ClipclsDied, match="ended with status 2 with 0 pictures before it: it said nothing"):
        partition([(str(work / "a.png"),)], script)


def test_options_that_leave_records_out_are_an_error(partition, expected, many):
    rows = expected(many(50))
    with pytest.raises(ClipclsDied, match="leave records out|with [0-9]+ pictures before it"):
        partition([(path,) for path, *_ in rows], extra=["--match", "dog"])
    with pytest.raises(ClipclsDied, match="name inputs of their own"):
        partition([(rows[1][0],)], extra=[rows[0][0]])
