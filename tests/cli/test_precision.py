"""--precision: what can be had is used, what cannot is an error that says why."""

import pytest

from program import DATA

PHOTOS = sorted(path for path in (DATA / "photos").iterdir() if path.suffix in (".jpg", ".png"))
CHOICES = ["f32", "bf16", "int8", "auto"]


@pytest.fixture
def available(clipcls):
    """What this build can do on this processor, as --version says."""
    line = next(line for line in clipcls("--version").out.decode().splitlines()
                if line.startswith("low precision: "))
    had = "" if line.startswith("low precision: none") else line
    return [choice for choice in CHOICES if choice in ("f32", "auto") or choice in had]


def classify(clipcls, *options):
    done = clipcls(*options, "-k", "0", "-f", "jsonl", "--", *PHOTOS)
    assert done.code == 0, done.err
    return done.out


def test_what_is_not_available_is_a_fatal_error_with_the_reason(clipcls, available):
    for choice in CHOICES:
        done = clipcls("--precision", choice, "-L", "cat", PHOTOS[0])
        if choice in available:
            assert done.code == 0, done.err
        else:
            assert done.code == 2 and done.out == b""
            assert done.err.startswith(f"clipcls: precision {choice}: ")
            assert "oneDNN" in done.err or "libdnnl" in done.err or "processor" in done.err


def test_an_unknown_precision_is_a_usage_error(clipcls):
    done = clipcls("--precision", "int4", "-L", "cat", PHOTOS[0])
    assert done.code == 2
    assert "--precision int4: must be one of f32, bf16, int8, auto" in done.err


def test_f32_is_the_default(clipcls):
    assert classify(clipcls) == classify(clipcls, "--precision", "f32")


def test_low_precision_is_really_used(clipcls, available):
    exact = classify(clipcls)
    for choice in ("bf16", "int8"):
        if choice in available:
            assert classify(clipcls, "--precision", choice) != exact


def test_bytes_do_not_change_with_threads_batch_or_neighbours(clipcls, available):
    for choice in available:
        lines = classify(clipcls, "--precision", choice)
        for options in (["-j", "1"], ["-j", "3"], ["-b", "1"], ["-b", "3", "-j", "2"]):
            assert classify(clipcls, "--precision", choice, *options) == lines
        for photo, line in zip(PHOTOS, lines.splitlines()):
            alone = clipcls("--precision", choice, "-k", "0", "-f", "jsonl", "--", photo).out
            assert alone.split(b'"results"')[1] == line.split(b'"results"')[1] + b"\n"


def test_auto_says_what_it_took(clipcls, available):
    done = clipcls("--precision", "auto", "-v", "-L", "cat", PHOTOS[0])
    assert done.code == 0
    taken = done.err.rsplit("image tower in ", 1)[1].strip()
    assert taken in available and taken != "auto"
    assert classify(clipcls, "--precision", "auto") == classify(clipcls, "--precision", taken)


def test_a_tower_of_odd_sizes_runs_in_low_precision(clipcls, model, available):
    for choice in available:
        done = clipcls("-m", model, "--precision", choice, "-L", "cat", "-L", "dog", PHOTOS[0])
        assert done.code == 0, done.err
