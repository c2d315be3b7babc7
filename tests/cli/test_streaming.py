"""Inputs that come bit by bit: lists from a slow producer, frames, resumed runs, progress."""

import os
import random
import shutil
import subprocess
import time

import pytest

from program import DATA
from records import paths, png, ppm, records
from slow import Slow

IMAGES = DATA / "images"


@pytest.fixture
def slow(clipcls, model):
    started = []

    def start(*arguments):
        started.append(Slow(clipcls, ["-m", model, "-L", "cat", "-L", "dog", "-f", "tsv", "-k", "1",
                                      *arguments]))
        return started[-1]
    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def test_a_slow_producer_gets_each_record_at_once(slow, pictures):
    run = slow("--files-from", "-")
    run.feed(b"a.png\n")
    assert run.line().startswith("path\t") and run.line().startswith("a.png\t1\t")
    for name in [*pictures, *pictures]:
        run.feed(f"{name}\n".encode())
        assert run.line().startswith(f"{name}\t1\t") and run.silent(0.05)
    run.feed(b"half a na")
    assert run.silent()
    run.feed(b"me.png\n")
    assert run.line().startswith("half a name.png\t\t\t\t\t")
    assert run.end() == (1, b"")


def test_a_list_may_lack_its_last_line_end(classify, pictures):
    done = classify("-f", "jsonl", "--files-from", "-", stdin=b"\n\na.png\n\nb.png")
    assert done.code == 0 and paths(done) == ["a.png", "b.png"]


def test_a_path_may_be_long(classify, pictures):
    long = "x" * 200_000
    done = classify("-f", "jsonl", "--files-from", "-", stdin=f"a.png\n{long}\nb.png\n".encode())
    assert done.code == 1 and paths(done) == ["a.png", long, "b.png"]


# ---- frames ----------------------------------------------------------------------------------------

FRAMES = {"ppm": ppm(40, 30), "comment": b"P6 # a comment\n2\n# 3 4\n3 255\n" + bytes(18),
          "pgm": b"P5 5 4 255\n" + bytes(range(20)), "wide pgm": b"P5 2 2 65535\n" + bytes(8),
          "pbm": b"P4 9 2\n" + bytes(4), "png": png(5, 4, lambda x, y: bytes((x, y, 9)), 2),
          "jpeg": (IMAGES / "color.jpg").read_bytes(), "progressive": (IMAGES / "progressive.jpg").read_bytes(),
          "bmp": (IMAGES / "rgb.bmp").read_bytes()}


@pytest.fixture
def alone(classify, work):
    """The results of a picture's bytes as a file of its own."""
    def results(data):
        (work / "frame").write_bytes(data)
        return records(classify("-f", "jsonl", "frame"))[0]["results"]
    return results


def test_frames_of_every_kind_one_behind_the_other(classify, alone):
    done = classify("-f", "jsonl", "--stream", "-", stdin=b"".join(FRAMES.values()))
    assert (done.code, done.err) == (0, "")
    assert paths(done) == [f"-#{i + 1}" for i in range(len(FRAMES))]
    assert [record["results"] for record in records(done)] == [alone(data) for data in FRAMES.values()]


def test_frames_of_a_file_behind_other_inputs(classify, pictures, work):
    (work / "film").write_bytes(ppm(8, 8) * 3)
    done = classify("-f", "jsonl", "--stream", "film", "a.png")
    assert paths(done) == ["a.png", "film#1", "film#2", "film#3"]
    assert classify("--stream", "nowhere").code == 2


def test_many_frames(classify):
    frame = ppm(64, 64)
    done = classify("--stream", "-", "-f", "jsonl", "-k", "1", stdin=frame * 2000)
    assert done.code == 0 and len(records(done)) == 2000


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_that_is_cut_off_is_a_record(classify, name):
    done = classify("-f", "jsonl", "--stream", "-", stdin=ppm(4, 4) + FRAMES[name][:-2])
    assert len(records(done)) == 2 and "results" in records(done)[0]
    assert done.code == ("error" in records(done)[1])  # JPEGs lack little more than their end


def test_what_is_no_frame_ends_the_stream_with_a_record(classify):
    done = classify("-f", "jsonl", "--stream", "-", stdin=ppm(4, 4) + b"no picture" + ppm(4, 4))
    assert done.code == 2 and paths(done) == ["-#1", "-#2"] and "frame 2" in done.err
    assert records(done)[1]["error"]["code"] in ("decode", "unsupported")


@pytest.mark.parametrize("head", [b"P6 99999999999 1 255\n", b"P6 2000000000 2000000000 65535\n", b"P6 x",
                                  b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIDAT", b"BM\0\0\0\0", b"\xff\xd8abcdef"])
def test_nonsense_about_a_frame_s_size(classify, head):
    done = classify("-f", "jsonl", "--stream", "-", stdin=ppm(4, 4) + head + bytes(100))
    assert done.code in (1, 2) and paths(done) == ["-#1", "-#2"] and "error" in records(done)[1]


def test_an_empty_stream(classify):
    done = classify("--stream", "-")
    assert (done.code, done.out, done.err) == (0, b"", "clipcls: no pictures found\n")


def test_a_slow_stream(slow):
    run, frame = slow("--stream", "-"), FRAMES["png"]
    run.feed(frame)
    assert run.line().startswith("path\t") and run.line().startswith("-#1\t")
    run.feed(frame[:20])
    assert run.silent()
    run.feed(frame[20:])
    assert run.line().startswith("-#2\t")
    assert run.end() == (0, b"")


def test_a_stream_and_a_list_cannot_share_stdin(classify):
    done = classify("--stream", "-", "--files-from", "-")
    assert done.code == 2 and "stdin" in done.err


# ---- resuming -----------------------------------------------------------------------------------------

@pytest.fixture
def many(work, pictures):
    names = ["a.png", "b.png", "c.png", "\u00e9.png", os.fsdecode(b"\xff.png"), "q\"\\\t.png"]
    for name in names[3:]:
        shutil.copy(work / "a.png", work / name)
    return names


@pytest.mark.parametrize("cut", [0, 1, 40, -1, -30])
def test_a_run_that_was_cut_off_is_completed(classify, many, work, cut):
    whole = classify("-f", "jsonl", *many).out
    lines = whole.splitlines(keepends=True)
    begun = b"".join(lines[:3]) + (lines[3][:cut] if cut else b"")
    (work / "out.jsonl").write_bytes(begun)
    with open(work / "out.jsonl", "ab") as out:
        done = classify("-f", "jsonl", "-v", "--resume", "out.jsonl", *many, stdout=out)
    assert done.code == 0 and (work / "out.jsonl").read_bytes() == whole
    assert "3 inputs were done before" in done.err


def test_a_run_that_is_killed_at_any_moment_is_completed(clipcls, classify, model, pictures, work):
    """50 times: killed again and again, each run taking up the one before, until one comes to its end."""
    (work / "folder").mkdir()
    for i in range(120):
        os.link(work / pictures[i % 3], work / "folder" / f"{i:03}.png")
    start = time.monotonic()
    whole = classify("-f", "jsonl", "folder").out
    seconds = time.monotonic() - start
    command = clipcls.command(["-m", model, "-L", "cat", "-L", "dog", "-L", "red panda", "-f", "jsonl",
                               "--resume", "out.jsonl", "folder"])
    chance, cut = random.Random(5), 0
    for _ in range(50):
        (work / "out.jsonl").unlink(missing_ok=True)
        for delay in (chance.uniform(0, seconds), chance.uniform(0, seconds), None):
            with open(work / "out.jsonl", "ab") as out:
                process = subprocess.Popen(command, cwd=work, env=clipcls.env, stdout=out)
            if delay is not None:
                time.sleep(delay)
                process.kill()
            process.wait(60)
            cut += 0 < (work / "out.jsonl").stat().st_size < len(whole)
        assert process.returncode == 0 and (work / "out.jsonl").read_bytes() == whole
    assert cut > 5  # kills did fall between the first record and the last


def test_a_finished_run_has_nothing_to_resume(classify, many, work):
    (work / "out.jsonl").write_bytes(classify("-f", "jsonl", *many).out)
    done = classify("-f", "jsonl", "--resume", "out.jsonl", *many)
    assert (done.code, done.out, done.err) == (0, b"", "")


def test_nothing_to_resume_from_yet(classify, pictures):
    done = classify("-f", "jsonl", "--resume", "nowhere.jsonl", *pictures)
    assert done.code == 0 and paths(done) == pictures


def test_a_torn_record_of_another_file_is_left_alone(classify, pictures, work):
    torn = classify("-f", "jsonl", "a.png").out + b'{"path":"b.p'
    (work / "out.jsonl").write_bytes(torn)
    done = classify("-f", "jsonl", "--resume", "out.jsonl", *pictures)
    assert paths(done) == ["b.png", "c.png"] and (work / "out.jsonl").read_bytes() == torn


@pytest.mark.parametrize("line", [b"path\trank\n", b"{\"path\":1}\n", b"\n", b"{\"path\":\"x\n"])
def test_a_file_that_holds_no_records(classify, pictures, work, line):
    (work / "out.jsonl").write_bytes(classify("-f", "jsonl", "a.png").out + line)
    done = classify("-f", "jsonl", "--resume", "out.jsonl", *pictures)
    assert (done.code, done.out) == (2, b"") and "out.jsonl:2: is no record" in done.err


# ---- progress -----------------------------------------------------------------------------------------

def test_progress_says_what_is_left_and_what_failed(classify, pictures, work):
    (work / "0.png").write_bytes(b"\x89PNG")
    done = classify("-f", "jsonl", "--progress", "always", "0.png", *pictures)
    first = done.err.split("\r")[1]
    assert first.startswith("[======>") and "25 %  1 pictures," in first
    assert " left" in first and "1 failed" in first and done.err.endswith("\r\033[K")


def test_progress_of_a_stream_knows_no_end(classify):
    done = classify("-f", "jsonl", "--progress", "always", "--stream", "-", stdin=ppm(4, 4))
    assert "\r1 pictures," in done.err and "%" not in done.err and "left" not in done.err
