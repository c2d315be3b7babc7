"""Shards under GNU parallel: what a killed one leaves is taken up by the same line; lists in pieces."""

import os
import signal
import subprocess
import time

import pytest

from program import PROGRAM


@pytest.fixture
def parallel(clipcls, model, work):
    """Runs a line of parallel with clipcls and its options for CLIPCLS."""
    options = ["-m", str(model), "-L", "cat", "-L", "dog", "-q", "-f", "jsonl", "-j", "1"]
    line = " ".join([str(PROGRAM), *options])

    def start(text):
        return subprocess.Popen(["bash", "-c", text.replace("CLIPCLS", line)], cwd=work, env=clipcls.env,
                                start_new_session=True, stderr=subprocess.PIPE, text=True)
    start.expected = lambda *inputs: sorted(clipcls(*options, *inputs).out.splitlines())
    return start


def finish(process):
    _, err = process.communicate(timeout=120)
    return process.returncode, err


def lines(work, pattern):
    return sorted(line for path in work.glob(pattern) for line in path.read_bytes().splitlines())


SHARDS = "parallel -j 2 CLIPCLS --shard {}/4 --resume out-{} pics '>>' out-{} ::: 1 2 3 4"


def test_the_status_is_the_number_of_shards_with_a_failed_picture(parallel, many, work):
    many(100)  # one of them is no picture
    assert finish(parallel(SHARDS)) == (1, "")
    assert lines(work, "out-*") == parallel.expected("pics")


def test_everything_is_killed_and_the_same_line_goes_on(parallel, many, work):
    many(4000)
    run = parallel(SHARDS)
    while sum(path.stat().st_size for path in work.glob("out-*")) < 20_000:
        assert run.poll() is None
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    before = lines(work, "out-*")
    expected = parallel.expected("pics")
    assert 0 < len(before) < len(expected)
    code, err = finish(parallel(SHARDS))
    assert code <= 4 and err == ""
    assert lines(work, "out-*") == expected


def test_a_list_in_pieces_keeps_every_path_and_every_record_whole(parallel, many, work):
    pics = many(300)
    odd = [b"new\nline.png", b"\xff\xfe.png", b"quo'te \"$HOME\" `x`.png", b"-dash.png"]
    for name in odd:
        os.link(pics / "00000.png", os.fsencode(pics) + b"/" + name)
    code, err = finish(parallel("find pics -type f -print0 | parallel -j 2 -0 --pipe -N 16 CLIPCLS --files-from - -0 >out"))
    assert 1 <= code <= 3, err  # the pieces with the three that are no pictures
    assert lines(work, "out") == parallel.expected("pics")
