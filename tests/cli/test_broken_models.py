"""A checkpoint that cannot be right: exit status 2, nothing on stdout, a message with file and tensor."""

import json
import shutil
import struct

import pytest

from program import GOLDEN

FIRST = "vision_model.pre_layrnorm.weight"
SECOND = "vision_model.pre_layrnorm.bias"


class Weights:
    """model.safetensors taken apart: its header as a dict, its data as bytes."""

    def __init__(self, path):
        self.path = path
        raw = path.read_bytes()
        size, = struct.unpack("<Q", raw[:8])
        self.header = json.loads(raw[8:8 + size])
        self.data = raw[8 + size:]

    def write(self, header=None, size=None):
        """header: bytes in the place of the dict; size: a lie about their number."""
        header = json.dumps(self.header).encode() if header is None else header
        self.path.write_bytes(struct.pack("<Q", len(header) if size is None else size) + header + self.data)


@pytest.fixture
def weights(tmp_path):
    shutil.copytree(GOLDEN / "checkpoint", tmp_path / "model")
    return Weights(tmp_path / "model/model.safetensors")


@pytest.fixture
def refused(clipcls, weights):
    def check(*names, file="model.safetensors"):
        done = clipcls("-m", weights.path.parent, "-L", "cat", "-L", "dog", GOLDEN / "wide.png")
        assert (done.code, done.out) == (2, b""), done
        for name in (str(weights.path.parent / file), *names):
            assert name in done.err
        assert done.err.count("\n") == 1
    return check


def test_the_copy_is_accepted(clipcls, weights):
    weights.write()
    assert clipcls("-m", weights.path.parent, "-L", "cat", GOLDEN / "wide.png").code == 0


def test_unknown_activation(weights, refused):
    path = weights.path.parent / "config.json"
    config = json.loads(path.read_text())
    config["vision_config"]["hidden_act"] = "swish"
    path.write_text(json.dumps(config))
    refused("swish", file="config.json")


def test_missing_tensor(weights, refused):
    entry = weights.header.pop(FIRST)
    weights.header["vision_model.position_ids"] = {**entry}  # ignored by name: the data has no hole
    weights.write()
    refused(FIRST)


def test_extra_tensor(weights, refused):
    end = len(weights.data)
    weights.header["vision_model.gate"] = {"dtype": "F16", "shape": [2], "data_offsets": [end, end + 4]}
    weights.data += bytes(4)
    weights.write()
    refused("vision_model.gate")


def test_misshapen_tensor(weights, refused):
    weights.header[FIRST]["shape"] = [2, weights.header[FIRST]["shape"][0] // 2]
    weights.write()
    refused(FIRST)


def test_tensor_of_another_size_than_its_shape(weights, refused):
    weights.header[FIRST]["shape"][0] += 1
    weights.write()
    refused(FIRST)


@pytest.mark.parametrize("kept", [0, 7, 8, 100, -1])
def test_truncated_file(weights, refused, kept):
    raw = weights.path.read_bytes()
    weights.path.write_bytes(raw[:kept])
    refused()


@pytest.mark.parametrize("size", [100_000_001, 2**63, 2**64 - 1])
def test_header_over_the_limit(weights, refused, size):
    weights.write(size=size)
    refused()


def test_overlapping_offsets(weights, refused):
    weights.header[FIRST]["data_offsets"] = weights.header[SECOND]["data_offsets"]
    weights.write()
    refused("vision_model.pre_layrnorm.")


def test_duplicate_key(weights, refused):
    text = json.dumps(weights.header)
    twice = json.dumps({FIRST: weights.header[FIRST]})[1:-1]
    weights.write(header=(text[:-1] + ", " + twice + "}").encode())
    refused(FIRST)


def test_unknown_dtype(weights, refused):
    weights.header[FIRST]["dtype"] = "F8_E4M3"
    weights.write()
    refused(FIRST)


def test_directory_with_pickles_only_names_the_way_out(clipcls, weights):
    weights.path.rename(weights.path.with_name("pytorch_model.bin"))
    done = clipcls("-m", weights.path.parent, "-L", "cat", GOLDEN / "wide.png")
    assert done.code == 2 and "scripts/unpickle.py" in done.err
