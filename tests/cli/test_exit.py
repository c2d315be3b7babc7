"""Exit status, help and version, and what happens when output or time runs out."""

import os
import signal
import subprocess
import time

import pytest

from program import WEAK
from records import records


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(clipcls, option):
    done = clipcls(option)
    assert done.code == 0 and done.err == ""
    text = done.out.decode()
    for word in ("--labels", "--label", "--model", "--template", "--templates", "--top-k",
                 "--threshold", "--format", "--no-recursive", "--files-from", "--threads",
                 "--batch", "--no-exif", "--no-cache", "--cache-dir", "--max-pixels", "--background", "--progress", "--color",
                 "--help", "--version", "convert", "inspect", "models", "jsonl", "imagenet1k"):
        assert word in text, word


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(clipcls, option):
    done = clipcls(option)
    text = done.out.decode()
    assert done.code == 0 and done.err == ""
    assert text.startswith("clipcls 0.1.0")
    for word in ("png", "jpeg", "blas"):
        assert word in text.lower(), word


@pytest.mark.parametrize("arguments", [
    ["--nosuch"], ["-Z"], ["-f", "xml"], ["-k", "-1"], ["-k", "two"], ["-k", ""], ["-k", "3x"],
    ["--threshold", "high"], ["--threshold", "1.5"], ["--threshold", "-0.1"],
    ["--threshold", "nan"], ["-j", "-2"], ["-j", "x"], ["-b", "x"], ["--max-pixels", "x"],
    ["--progress", "maybe"], ["--color", "maybe"], ["-k"], ["--format"]])
def test_usage_errors(classify, pictures, arguments):
    done = classify("a.png", *arguments)
    assert (done.code, done.out) == (2, b"") and done.err != ""


def test_a_missing_model(clipcls, pictures):
    done = clipcls("-m", "nosuch/model", "-L", "cat", "a.png")
    assert (done.code, done.out) == (2, b"") and "nosuch/model" in done.err


def test_a_model_that_is_none(clipcls, pictures, work):
    (work / "empty").mkdir()
    (work / "short.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    for name in ("empty", "short.safetensors", "a.png"):
        done = clipcls("-m", name, "-L", "cat", "b.png")
        assert (done.code, done.out) == (2, b"") and name in done.err


def test_a_model_with_only_pickles_is_refused_with_what_mends_it(clipcls, pictures, work):
    (work / "old").mkdir()
    (work / "old/config.json").write_text('{"model_type": "clip"}')
    (work / "old/pytorch_model.bin").write_bytes(b"PK\3\4")
    done = clipcls("-m", "old", "-L", "cat", "a.png")
    assert done.code == 2 and "unpickle" in done.err


def test_a_full_device(classify, pictures):
    for name in ("text", "tsv", "csv", "json", "jsonl"):
        with open("/dev/full", "wb") as full:
            done = classify("-f", name, *pictures, stdout=full)
        assert done.code == 2 and done.err != "", name


def test_a_full_device_for_help(clipcls):
    with open("/dev/full", "wb") as full:
        assert clipcls("--help", stdout=full).code == 2


def test_a_closed_stdout(clipcls, model, pictures):
    command = clipcls.command(["-m", model, "-L", "cat", "-f", "jsonl", *pictures])
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], cwd=clipcls.cwd,
                          env=clipcls.env, capture_output=True, timeout=120)
    assert done.returncode == 2 and done.stderr != b""


def test_a_reader_that_leaves(clipcls, model, pictures):
    """141 is what a shell shows for the signal; Python shows it as a negative number."""
    reader, writer = os.pipe()
    os.close(reader)
    command = clipcls.command(["-m", model, "-L", "cat", "-f", "jsonl", *pictures])
    done = subprocess.run(command, cwd=clipcls.cwd, env=clipcls.env, stdout=writer,
                          stderr=subprocess.PIPE, timeout=120)
    os.close(writer)
    assert done.returncode in (-signal.SIGPIPE, 128 + signal.SIGPIPE) and done.stderr.decode() == WEAK


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_leave_whole_lines(clipcls, model, pictures, number):
    command = clipcls.command(["-m", model, "-L", "cat", "-f", "jsonl", "--files-from", "-"])
    with subprocess.Popen(command, cwd=clipcls.cwd, env=clipcls.env, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(b"a.png\n" * 200)
        process.stdin.flush()
        time.sleep(0.5)
        process.send_signal(number)
        out = process.stdout.read()
        process.stdin.close()
        code = process.wait(timeout=60)
    assert code in (-number, 128 + number)
    assert out == b"" or out.endswith(b"}\n")


def test_quiet_and_verbose_do_not_touch_stdout(classify, pictures):
    plain = classify("-f", "jsonl", *pictures)
    assert classify("-q", "-f", "jsonl", *pictures).out == plain.out
    assert classify("-v", "-f", "jsonl", *pictures).out == plain.out


def test_repetition_gives_the_same_bytes(classify, pictures):
    assert len({classify("-f", "jsonl", "--no-cache", *pictures).out for _ in range(3)}) == 1


def test_everything_fails_and_every_input_has_its_record(classify):
    done = classify("-f", "jsonl", "x.png", "y.png")
    assert done.code == 1
    assert [record["error"]["code"] for record in records(done)] == ["io", "io"]
