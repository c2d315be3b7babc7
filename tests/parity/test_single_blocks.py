"""Single files with weights in blocks (format version 2): what convert writes, and what a reader takes.

Needs CLIPCLS_BUILD, the build folder.
"""
import json
import struct

import numpy
import pytest
import safetensors
import torch
import transformers
import xxhash

from checkpoint_support import assert_same, dump, huggingface_model, randomize, run

BLOCK = 64


def to_blocks(weight):
    """(N, K) -> (ceil N/64, ceil K/64, 64 of k, 64 of n), filled up with zeros."""
    n, k = (-(-side // BLOCK) for side in weight.shape)
    full = numpy.zeros((n * BLOCK, k * BLOCK), weight.dtype)
    full[:weight.shape[0], :weight.shape[1]] = weight
    return numpy.ascontiguousarray(full.reshape(n, BLOCK, k, BLOCK).transpose(0, 2, 3, 1))


def has_blocks(name, tensor):
    return ".encoder.layers." in name and tensor.ndim == 2


def checksum(name, dtype, shape, data):
    seed = xxhash.xxh3_64_intdigest(name.encode(), 0)
    kind = f" {dtype} " + ",".join(map(str, shape))
    return f"xxh3:{xxhash.xxh3_64_intdigest(data, xxhash.xxh3_64_intdigest(kind.encode(), seed)):016x}"


def write_version_2(source, target):
    """A version 1 file's tensors with the blocks' weights in blocks, filled up where 64 does not divide."""
    raw = source.read_bytes()
    size, = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8:8 + size])
    metadata, sums, data = header.pop("__metadata__"), {}, b""
    sums["__config__"] = json.loads(metadata["checksums"])["__config__"]
    entries = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        part, shape = raw[8 + size + begin:8 + size + end], entry["shape"]
        if ".encoder.layers." in name and len(shape) == 2:
            blocks = to_blocks(numpy.frombuffer(part, "<f4").reshape(shape))
            name, shape, part = name + ".blocked", list(blocks.shape), blocks.tobytes()
        sums[name] = checksum(name, entry["dtype"], shape, part)
        entries[name] = {"dtype": entry["dtype"], "shape": shape,
                         "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    metadata.update(format_version="2", checksums=json.dumps(sums))
    text = json.dumps({"__metadata__": metadata, **entries}).encode()
    target.write_bytes(struct.pack("<Q", len(text)) + text + data)


def wide_model():
    """All widths are multiples of 64."""
    tower = {"hidden_size": 128, "intermediate_size": 256, "num_attention_heads": 2, "num_hidden_layers": 2}
    config = transformers.CLIPConfig(
        text_config={**tower, "vocab_size": 64, "max_position_embeddings": 16, "eos_token_id": 63,
                     "bos_token_id": 62},
        vision_config={**tower, "image_size": 32, "patch_size": 16}, projection_dim=64)
    model = transformers.CLIPModel(config)
    randomize(model, 7)
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_convert_writes_blocks_where_64_divides(tmp_path, dtype):
    model = wide_model().to(dtype)
    model.save_pretrained(tmp_path / "source")
    out = tmp_path / "out.safetensors"
    run("convert", tmp_path / "source", out)
    with safetensors.safe_open(out, "np") as file:
        assert file.metadata()["format_version"] == "2"
        for name, tensor in model.state_dict().items():
            value = tensor.numpy()
            if has_blocks(name, tensor):
                assert numpy.array_equal(file.get_tensor(name + ".blocked"), to_blocks(value))
                assert name not in file.keys()
            else:
                assert numpy.array_equal(file.get_tensor(name), value)
    assert_same(dump(out)[1], model.state_dict())
    again = tmp_path / "again.safetensors"
    run("convert", out, again)
    assert out.read_bytes() == again.read_bytes()


def test_blocks_that_are_filled_up_are_read(tmp_path):
    model = huggingface_model()
    model.save_pretrained(tmp_path / "source")
    rows, blocks = tmp_path / "rows.safetensors", tmp_path / "blocks.safetensors"
    run("convert", tmp_path / "source", rows)
    write_version_2(rows, blocks)
    assert_same(dump(blocks)[1], model.state_dict())


def test_a_weight_missing_in_blocks_is_named(tmp_path):
    wide_model().save_pretrained(tmp_path / "source")
    out = tmp_path / "out.safetensors"
    run("convert", tmp_path / "source", out)
    raw = out.read_bytes().replace(b'"format_version":"2"', b'"format_version":"1"')
    out.write_bytes(raw)
    assert "self_attn" in run("dump", out, ok=False)
