"""inspect, convert, models, and the built-in model."""

import json
import os

import pytest

from records import records
from test_formats import on_a_terminal


def test_inspect_says_what_a_checkpoint_is(clipcls, model):
    done = clipcls("inspect", model)
    text = done.out.decode()
    assert done.code == 0 and done.err == ""
    for word in ("clip", "huggingface", "quick_gelu", "F16", "bicubic", "614", "77", "32"):
        assert word in text, word


def test_inspect_of_nothing(clipcls, work):
    assert clipcls("inspect").code in (0, 2)
    done = clipcls("inspect", "nosuch")
    assert (done.code, done.out) == (2, b"") and "nosuch" in done.err


@pytest.mark.parametrize("dtype", [None, "f32", "f16", "bf16", "int8"])
def test_convert_writes_a_single_file_that_works(clipcls, classify, model, pictures, work, dtype):
    options = ["--dtype", dtype] if dtype else []
    done = clipcls("convert", model, "out.safetensors", *options)
    assert done.code == 0
    assert sorted(os.listdir(work)) == sorted([*pictures, "out.safetensors"])
    size = int.from_bytes((work / "out.safetensors").read_bytes()[:8], "little")
    header = json.loads((work / "out.safetensors").read_bytes()[8 : 8 + size])
    assert header["__metadata__"]["format"] == "clipcls"
    run = lambda m: clipcls("-m", m, "-L", "cat", "-L", "dog", "-f", "jsonl", *pictures)
    single = run("out.safetensors")
    assert single.code == 0
    # The checkpoint is stored as F16: F32 holds the same values, BF16 and int8 do not.
    assert (single.out == run(model).out) == (dtype not in ("bf16", "int8"))


def test_converting_twice_gives_the_same_bytes(clipcls, model, work):
    for name in ("one.safetensors", "two.safetensors"):
        assert clipcls("convert", model, name).code == 0
    assert (work / "one.safetensors").read_bytes() == (work / "two.safetensors").read_bytes()


def test_inspect_of_a_single_file(clipcls, model):
    assert clipcls("convert", model, "out.safetensors", "--dtype", "bf16").code == 0
    text = clipcls("inspect", "out.safetensors").out.decode()
    assert "single" in text and "BF16" in text


def test_convert_replaces_the_target_only_when_all_is_written(clipcls, work):
    (work / "out.safetensors").write_bytes(b"precious")
    done = clipcls("convert", "nosuch", "out.safetensors")
    assert done.code == 2 and "nosuch" in done.err
    assert (work / "out.safetensors").read_bytes() == b"precious"


@pytest.mark.parametrize("arguments", [[], ["M"], ["M", "out", "third"],
                                       ["M", "out", "--dtype", "f64"], ["M", "no/such/out"]])
def test_convert_errors(clipcls, model, work, arguments):
    done = clipcls("convert", *[model if part == "M" else part for part in arguments])
    assert done.code == 2 and done.err != ""
    assert os.listdir(work) == []


def test_a_damaged_single_file_names_the_tensor(clipcls, model, pictures, work):
    assert clipcls("convert", model, "out.safetensors", "--dtype", "f32").code == 0
    data = bytearray((work / "out.safetensors").read_bytes())
    size = int.from_bytes(data[:8], "little")
    name = "vision_model.encoder.layers.0.mlp.fc1.weight"
    begin = json.loads(data[8 : 8 + size])[name]["data_offsets"][0]
    data[8 + size + begin + 40] ^= 1
    (work / "out.safetensors").write_bytes(data)
    done = clipcls("-m", "out.safetensors", "-L", "cat", "a.png")
    assert (done.code, done.out) == (2, b"")
    assert "out.safetensors" in done.err and name in done.err


def test_models_lists_the_catalogue(clipcls):
    done = clipcls("models")
    assert done.code == 0 and done.err == ""
    assert "clip" in done.out.decode().lower() and len(done.out.splitlines()) > 3


@pytest.mark.parametrize("command", ["inspect", "convert", "models"])
def test_help_of_a_subcommand(clipcls, command):
    done = clipcls(command, "--help")
    assert done.code == 0 and command in done.out.decode()


def test_an_unknown_option_of_a_subcommand(clipcls, model):
    assert clipcls("inspect", model, "--nosuch").code == 2


def test_the_built_in_model_needs_nothing(clipcls, pictures):
    done = clipcls("-L", "cat", "-L", "truck", "-f", "jsonl", *pictures)
    assert done.code == 0 and done.err == ""
    assert all(len(record["results"]) == 2 for record in records(done))


def test_the_built_in_model_has_its_own_labels(clipcls, pictures):
    done = clipcls("-f", "jsonl", "-k", "0", "a.png")
    assert done.code == 0 and len(records(done)[0]["results"]) > 1


def test_a_terminal_is_told_that_the_built_in_model_is_small(clipcls, pictures):
    code, shown = on_a_terminal(clipcls, ["-L", "cat", "a.png"])
    assert code == 0 and b"clipcls get" in shown
