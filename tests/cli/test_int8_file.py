"""Single files in int8: what convert writes, and that such a file computes what it says."""

import json
import pathlib
import shutil
import struct

import pytest

from test_precision import PHOTOS, available  # noqa: F401, a fixture


def take_apart(path):
    """(header, data) of a safetensors file."""
    raw = path.read_bytes()
    size, = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8:8 + size]), raw[8 + size:]


def is_linear(name):
    """A linear weight of a transformer block."""
    return ".encoder.layers." in name and name.endswith(("proj.weight", "fc1.weight", "fc2.weight"))


def bytes_of(header, data, name):
    begin, end = header[name]["data_offsets"]
    return data[begin:end]


def floats_of(header, data, name):
    """scale * value, which Python computes exactly and rounds once, as the program does."""
    rows, columns = header[name]["shape"]
    scales = struct.unpack(f"<{rows}f", bytes_of(header, data, name + "_scale"))
    values = struct.unpack(f"<{rows * columns}b", bytes_of(header, data, name))
    return struct.pack(f"<{rows * columns}f", *(scales[i // columns] * v for i, v in enumerate(values)))


def dequantized(model, file, target, towers):
    """The checkpoint `model`, the linear weights of `towers` replaced by what the int8 file has."""
    shutil.copytree(model, target)
    header, data = take_apart(target / "model.safetensors")
    int8 = take_apart(file)
    entries, parts, position = {}, [], 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        part, dtype = bytes_of(header, data, name), entry["dtype"]
        if is_linear(name) and name.startswith(towers):
            part, dtype = floats_of(*int8, name), "F32"
        entries[name] = {"dtype": dtype, "shape": entry["shape"],
                         "data_offsets": [position, position + len(part)]}
        parts.append(part)
        position += len(part)
    text = json.dumps(entries).encode()
    (target / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))
    return target


@pytest.fixture
def file(clipcls, model, work):
    assert clipcls("convert", model, "int8.safetensors", "--dtype", "int8").code == 0
    return work / "int8.safetensors"


def classify(clipcls, model, precision):
    done = clipcls("-m", model, "-L", "cat", "-L", "dog", "-L", "red panda", "--precision", precision,
                   "-f", "jsonl", "-k", "0", "--", *PHOTOS)
    assert done.code == 0, done.err
    return done.out


def test_linear_weights_are_int8_with_scales_and_all_else_is_as_stored(file, model):
    header, data = take_apart(file)
    source, source_data = take_apart(model / "model.safetensors")
    assert header.pop("__metadata__")["format_version"] == "3"
    source.pop("__metadata__", None)
    linears = [name for name in source if is_linear(name)]
    assert len(linears) % 6 == 0 and linears
    for name, entry in source.items():
        if name in linears:
            rows = entry["shape"][0]
            assert header[name]["dtype"] == "I8" and header[name]["shape"] == entry["shape"]
            scales = header.pop(name + "_scale")
            assert scales["dtype"] == "F32" and scales["shape"] == [rows]
        elif name in header:
            assert header[name]["dtype"] == entry["dtype"]
            assert bytes_of(header, data, name) == bytes_of(source, source_data, name)
    assert {name for name in header if not name.startswith("tokenizer.")} <= set(source)


def test_the_file_is_smaller(clipcls, file, model, work):
    assert clipcls("convert", model, "stored.safetensors").code == 0
    assert file.stat().st_size < (work / "stored.safetensors").stat().st_size


def test_converting_again_keeps_the_bytes(clipcls, file, model, work):
    again = work / "again.safetensors"
    for source, options in ((model, ["--dtype", "int8"]), (file, []), (file, ["--dtype", "int8"])):
        assert clipcls("convert", source, again, *options).code == 0
        assert again.read_bytes() == file.read_bytes()


def test_inspect_counts_the_model_s_parameters(clipcls, file, model):
    reports = [json.loads(clipcls("inspect", "-f", "json", path).out) for path in (file, model)]
    assert reports[0]["dtype"] == "I8"
    for key in ("parameters", "tensors"):
        assert reports[0][key] == reports[1][key]


def test_in_f32_it_is_the_model_of_its_dequantized_weights(clipcls, file, model, work):
    floats = dequantized(model, file, work / "floats", ("text_model", "vision_model"))
    assert classify(clipcls, file, "f32") == classify(clipcls, floats, "f32")
    assert classify(clipcls, file, "f32") != classify(clipcls, model, "f32")


def test_in_int8_the_image_tower_is_the_source_s(clipcls, file, model, work, available):
    """The labels are embedded in f32, with the file's weights: the text tower is taken from it."""
    if "int8" not in available:
        pytest.skip("int8 is not to be had here")
    flags = pathlib.Path("/proc/cpuinfo").read_text().split()
    if not {"avx512_vnni", "avx_vnni"} & set(flags):
        pytest.skip("weights have 7 bits on this processor")
    source = dequantized(model, file, work / "source", ("text_model",))
    assert classify(clipcls, file, "int8") == classify(clipcls, source, "int8")
    assert classify(clipcls, file, "int8") != classify(clipcls, file, "f32")


def test_other_precisions_start_from_the_dequantized_weights(clipcls, file, model, work, available):
    if "bf16" not in available:
        pytest.skip("bf16 is not to be had here")
    floats = dequantized(model, file, work / "floats", ("text_model", "vision_model"))
    assert classify(clipcls, file, "bf16") == classify(clipcls, floats, "bf16")


def test_auto_is_what_it_took(clipcls, file):
    done = clipcls("-m", file, "--precision", "auto", "-v", "-L", "cat", PHOTOS[0])
    taken = done.err.rsplit("image tower in ", 1)[1].strip()
    assert classify(clipcls, file, "auto") == classify(clipcls, file, taken)


@pytest.mark.parametrize("suffix", ["", "_scale"])
def test_a_damaged_weight_or_scale_is_named(clipcls, file, suffix):
    name = "vision_model.encoder.layers.0.mlp.fc1.weight" + suffix
    header, _ = take_apart(file)
    data = bytearray(file.read_bytes())
    size, = struct.unpack("<Q", data[:8])
    data[8 + size + header[name]["data_offsets"][0] + 2] ^= 1
    file.write_bytes(data)
    for precision in ("f32", "auto"):
        done = clipcls("-m", file, "-L", "cat", "--precision", precision, PHOTOS[0])
        assert (done.code, done.out) == (2, b"")
        assert f'tensor "{name}" is damaged' in done.err
