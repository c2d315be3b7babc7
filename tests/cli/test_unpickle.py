"""scripts/unpickle.py: every container bit for bit as torch reads it, and nothing ever run."""

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

UNPICKLE = Path(__file__).resolve().parents[2] / "scripts" / "unpickle.py"
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


def unpickle(*arguments):
    return subprocess.run([sys.executable, str(UNPICKLE), *map(str, arguments)],
                          capture_output=True, text=True, timeout=120)


def refused(tmp_path, checkpoint):
    """Runs on a hostile file; returns the message. Nothing may have been written."""
    result = unpickle(checkpoint, tmp_path / "out.safetensors")
    assert result.returncode == 1, result
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out.safetensors").exists()
    assert not list(tmp_path.glob(".unpickle-*"))
    return result.stderr


# ---- what torch writes -------------------------------------------------------------------------


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="needs torch to write the checkpoints")


def assert_same(path, expected):
    from safetensors.torch import load_file
    import torch
    found = load_file(path)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype, name
        assert found[name].shape == tensor.shape, name
        same = found[name].contiguous().view(-1).view(torch.uint8) == \
            tensor.detach().contiguous().view(-1).view(torch.uint8)
        assert bool(same.all()), name


def state_dict(torch):
    """Each dtype, and each way in which a tensor can lie in its storage."""
    torch.manual_seed(1)
    base = torch.randn(6, 5)
    tied = torch.randn(4, 3)
    return OrderedDict(
        f16=torch.randn(3, 2).half(), bf16=torch.randn(7).bfloat16(), f64=torch.randn(2).double(),
        i64=torch.arange(9), i32=torch.arange(3, dtype=torch.int32),
        i16=torch.arange(3, dtype=torch.int16), i8=torch.tensor([-1, 2], dtype=torch.int8),
        u8=torch.tensor([255], dtype=torch.uint8), flag=torch.tensor([True, False, True]),
        nan=torch.tensor([float("nan"), float("inf"), -0.0]), scalar=torch.tensor(2.5),
        empty=torch.zeros(0, 4), transposed=base.t(), sliced=base[1:4, ::2], shared=base,
        parameter=torch.nn.Parameter(torch.randn(2, 2)), tied=tied, tied_again=tied)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_state_dict_is_bit_exact(torch, tmp_path, zipped):
    expected = state_dict(torch)
    torch.save(expected, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    result = unpickle(tmp_path / "a.pt", tmp_path / "a.safetensors")
    assert result.returncode == 0, result.stderr
    assert_same(tmp_path / "a.safetensors", expected)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol(torch, tmp_path, protocol):
    expected = {"a": torch.randn(3), "b": torch.randn(2, 2)}
    torch.save(expected, tmp_path / "a.pt", pickle_protocol=protocol)
    result = unpickle(tmp_path / "a.pt", tmp_path / "a.safetensors")
    assert result.returncode == 0, result.stderr
    assert_same(tmp_path / "a.safetensors", expected)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_training_checkpoint_with_wrapper_prefix_and_optimizer(torch, tmp_path, zipped):
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(1, 3)).sum().backward()
    optimizer.step()
    wrapped = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
    torch.save({"epoch": 3, "name": "run", "state_dict": wrapped, "optimizer": optimizer.state_dict()},
               tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    result = unpickle(tmp_path / "a.pt", tmp_path / "a.safetensors")
    assert result.returncode == 0, result.stderr
    assert_same(tmp_path / "a.safetensors", model.state_dict())


def test_big_endian_archive(torch, tmp_path):
    torch.save({"a": torch.tensor([1.5, -2.0])}, tmp_path / "little.pt")
    with zipfile.ZipFile(tmp_path / "little.pt") as source, \
            zipfile.ZipFile(tmp_path / "big.pt", "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename.endswith("/byteorder"):
                content = b"big"
            if "/data/" in entry.filename:
                content = np.frombuffer(content, "<f4").astype(">f4").tobytes()
            target.writestr(entry.filename, content)
    result = unpickle(tmp_path / "big.pt", tmp_path / "a.safetensors")
    assert result.returncode == 0, result.stderr
    assert_same(tmp_path / "a.safetensors", {"a": torch.tensor([1.5, -2.0])})


def test_writes_model_safetensors_beside_pytorch_model_bin(torch, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    torch.save({"a": torch.ones(2)}, tmp_path / "pytorch_model.bin")
    assert unpickle(tmp_path / "pytorch_model.bin", tmp_path / "model.safetensors").returncode == 0
    assert_same(tmp_path / "model.safetensors", {"a": torch.ones(2)})
    from safetensors import safe_open
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}  # transformers refuses a file without it


# ---- CLIP models, against open_clip ---------------------------------------------------------------

TINY = {
    "embed_dim": 24, "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 12, "vocab_size": 100, "width": 128, "heads": 2, "layers": 3},
}


@pytest.fixture
def tiny_clip(torch):
    open_clip = pytest.importorskip("open_clip", reason="needs open_clip as the reference")
    torch.manual_seed(2)
    model = open_clip.CLIP(**TINY, quick_gelu=True).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def openai_archive(torch, model, path):
    """As OpenAI's: a TorchScript archive in half precision that carries three numbers as buffers."""
    for name, value in (("input_resolution", 32), ("context_length", 12), ("vocab_size", 100)):
        vars(model).pop(name, None)
        model.register_buffer(name, torch.tensor(value))
    torch.jit.save(torch.jit.trace(model, (torch.randn(1, 3, 32, 32), torch.zeros(1, 12).long()),
                                   check_trace=False), path)


def load_in_open_clip(torch, directory):
    """The directory's model as open_clip builds it from its config, loaded strictly."""
    import open_clip
    from safetensors.torch import load_file
    config = json.loads((directory / "open_clip_config.json").read_text())
    model = open_clip.CLIP(**config["model_cfg"]).eval()
    tensors = load_file(directory / "open_clip_model.safetensors")
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=True)
    return model, config


@pytest.mark.filterwarnings("ignore")
def test_openai_archive_becomes_an_openclip_directory(torch, tiny_clip, tmp_path):
    expected = dict(tiny_clip.state_dict())
    openai_archive(torch, tiny_clip, tmp_path / "float.pt")
    result = unpickle(tmp_path / "float.pt", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    model, config = load_in_open_clip(torch, tmp_path / "out")
    assert config["model_cfg"]["quick_gelu"] is True
    assert config["model_cfg"]["vision_cfg"]["image_size"] == 32
    pixels, tokens = torch.randn(2, 3, 32, 32), torch.randint(1, 99, (2, 12))
    with torch.no_grad():
        assert torch.equal(model.encode_image(pixels), tiny_clip.encode_image(pixels))
        assert torch.equal(model.encode_text(tokens), tiny_clip.encode_text(tokens))
    assert_same(tmp_path / "out" / "open_clip_model.safetensors", expected)


@pytest.mark.filterwarnings("ignore")
def test_half_precision_torchscript_archive_is_bit_exact(torch, tiny_clip, tmp_path):
    class Half(torch.nn.Module):  # tracing half precision is not possible everywhere on a CPU
        def __init__(self, model):
            super().__init__()
            self.visual, self.transformer = model.visual.half(), model.transformer.half()
            self.logit_scale = model.logit_scale

        def forward(self, x):
            return x * self.logit_scale

    torch.jit.save(torch.jit.trace(Half(tiny_clip), torch.ones(1)), tmp_path / "a.pt")
    expected = torch.jit.load(tmp_path / "a.pt").state_dict()
    assert any(tensor.dtype == torch.float16 for tensor in expected.values())
    assert unpickle(tmp_path / "a.pt", tmp_path / "a.safetensors").returncode == 0
    assert_same(tmp_path / "a.safetensors", expected)


def test_scripted_module_with_lists_and_shared_children(torch, tmp_path):
    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(3, 3)
            self.second = self.first
            self.sizes, self.factors, self.flags = [1, 2], [0.5], [True]
            self.register_buffer("table", torch.arange(6).view(2, 3).t())

        def forward(self, x):
            return self.second(self.first(x)) * self.sizes[1] * self.factors[0]

    torch.jit.save(torch.jit.script(Module()), tmp_path / "a.pt")
    assert unpickle(tmp_path / "a.pt", tmp_path / "a.safetensors").returncode == 0
    assert_same(tmp_path / "a.safetensors", torch.jit.load(tmp_path / "a.pt").state_dict())


def test_plain_state_dict_takes_gelu_unless_told(torch, tiny_clip, tmp_path):
    torch.save(tiny_clip.state_dict(), tmp_path / "a.pt")
    for flags, expected in (((), None), (("--quick-gelu",), True), (("--no-quick-gelu",), None)):
        result = unpickle(tmp_path / "a.pt", tmp_path / "out", *flags)
        assert result.returncode == 0, result.stderr
        assert ("taken from the kind" in result.stderr) == (not flags)
        _, config = load_in_open_clip(torch, tmp_path / "out")
        assert config["model_cfg"].get("quick_gelu") is expected


def test_given_configuration_is_copied(torch, tiny_clip, tmp_path):
    torch.save(tiny_clip.state_dict(), tmp_path / "a.pt")
    (tmp_path / "openclip").mkdir()
    config = {"model_cfg": {**TINY, "quick_gelu": True}, "preprocess_cfg": {"mean": [0, 0, 0]}}
    (tmp_path / "openclip" / "open_clip_config.json").write_text(json.dumps(config))
    (tmp_path / "hf").mkdir()
    for name in ("config.json", "vocab.json", "merges.txt"):
        (tmp_path / "hf" / name).write_text(name)
    assert unpickle(tmp_path / "a.pt", tmp_path / "o", "--config", tmp_path / "openclip").returncode == 0
    assert load_in_open_clip(torch, tmp_path / "o")[1] == config
    assert unpickle(tmp_path / "a.pt", tmp_path / "h", "--config", tmp_path / "hf").returncode == 0
    assert sorted(os.listdir(tmp_path / "h")) == \
        ["config.json", "merges.txt", "model.safetensors", "vocab.json"]
    result = unpickle(tmp_path / "a.pt", tmp_path / "n", "--config", tmp_path)
    assert result.returncode == 1 and "neither open_clip_config.json" in result.stderr


def test_architecture_that_cannot_be_inferred_is_named(torch, tmp_path):
    def message(**tensors):
        torch.save({name.replace("__", "."): torch.zeros(shape) for name, shape in tensors.items()},
                   tmp_path / "a.pt")
        result = unpickle(tmp_path / "a.pt", tmp_path / "out")
        assert result.returncode == 1 and not (tmp_path / "out").exists()
        return result.stderr

    assert "visual.conv1.weight is missing" in message(encoder__weight=(2, 2))
    assert "ResNet" in message(visual__layer1__0__conv1__weight=(2, 2))
    tower = dict(visual__conv1__weight=(1280, 3, 2, 2), visual__positional_embedding=(5, 1280),
                 visual__transformer__resblocks__0__mlp__c_fc__weight=(5120, 1280))
    assert "--vision-head-width" in message(**tower)
    tower["visual__positional_embedding"] = (6, 1280)
    assert "no square ViT" in message(**tower)


# ---- hostile files ---------------------------------------------------------------------------------


def archive(path, pickled, entries=(), **options):
    with zipfile.ZipFile(path, "w", **options) as file:
        file.writestr("archive/data.pkl", pickled)
        for name, content in entries:
            file.writestr(f"archive/{name}", content)
    return path


class Runs:
    def __init__(self, function, *arguments):
        self.how = function, arguments

    def __reduce__(self):
        return self.how


def malicious(marker):
    """name -> pickle that would create the file `marker`, and what the refusal must name."""
    command = f"touch {marker}"
    text = command.encode()
    return {
        "reduce": (pickle.dumps(Runs(os.system, command), 2), "posix.system"),
        "stack_global": (pickle.dumps(Runs(os.system, command), 4), "posix.system"),
        "protocol0": (pickle.dumps(Runs(os.system, command), 0), "posix.system"),
        "eval": (pickle.dumps(Runs(eval, f"open({str(marker)!r}, 'w')"), 2), "eval"),
        "inst": (b"(S'" + text + b"'\nios\nsystem\n.", "INST for os.system"),
        "obj": (b"(cos\nsystem\nS'" + text + b"'\no.", "os.system"),
        "newobj_ex": (b"\x80\x04ccollections\nOrderedDict\n)}\x92.", "NEWOBJ_EX"),
        "ext": (b"\x80\x02\x82\x01.", "EXT1"),
        "getattr": (b"\x80\x02cbuiltins\ngetattr\n(X\x02\x00\x00\x00osX\x06\x00\x00\x00systemtR.",
                    "builtins.getattr"),
        "dotted_name": (b"\x80\x04\x8c\x0ctorch._utils\x8c\x09os.system\x93.",
                        "torch._utils.os.system"),
        "torchscript_call": (b"\x80\x02c__torch__.os\nsystem\n(X\x01\x00\x00\x00atR.",
                             "REDUCE calls __torch__.os.system"),
        "newobj": (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "NEWOBJ"),
        "build_on_a_function": (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}b.", "BUILD on Global"),
        "numpy": (pickle.dumps(np.float32(1.5), 2), "numpy"),
    }


@pytest.mark.parametrize("container", ["zip", "legacy", "wrapped"])
@pytest.mark.parametrize("kind", sorted(malicious("/nowhere")))
def test_code_in_a_pickle_is_refused_by_name_and_not_run(tmp_path, kind, container):
    marker = tmp_path / "marker"
    pickled, named = malicious(marker)[kind]
    path = tmp_path / "evil.pt"
    if container == "zip":
        archive(path, pickled)
    elif container == "legacy":
        path.write_bytes(b"".join(pickle.dumps(value, 2) for value in (LEGACY_MAGIC, 1001, {})) + pickled)
    else:  # behind an innocent beginning
        archive(path, b"\x80\x02}X\x01\x00\x00\x00a" + pickled.replace(b"\x80\x02", b"", 1))
    message = refused(tmp_path, path)
    assert named in message
    assert not marker.exists()


def test_the_malicious_pickles_would_really_run(tmp_path):
    """Guards the test above: Python's own machine does run them."""
    for kind in ("reduce", "stack_global", "protocol0", "eval", "inst", "obj"):
        marker = tmp_path / kind
        pickle.loads(malicious(marker)[kind][0])
        assert marker.exists(), kind


def tensor_pickle(numel, first, shape, strides, key="0", kind="FloatStorage"):
    """What torch.save writes for {'a': tensor}, with any numbers in it."""
    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return value[1:] if isinstance(value, tuple) and value[:1] == ("PID",) else None

    out = io.BytesIO()
    Pickler(out, 2).dump({"a": ("TENSOR", ("PID", "storage", "KIND", key, "cpu", numel), first, shape,
                                strides, False, None)})
    # The marker strings become the globals that only torch itself could pickle.
    text = out.getvalue()
    text = text.replace(b"X\x04\x00\x00\x00KIND", b"ctorch\n" + kind.encode() + b"\n")
    head, tail = text.split(b"X\x06\x00\x00\x00TENSOR")
    assert head.endswith(b"(") and tail.count(b"t") >= 1
    return head[:-1] + b"ctorch._utils\n_rebuild_tensor_v2\n(" + drop_put(tail)


def drop_put(text):
    """Behind a global stands no memo of the string that it replaced; and the tuple is called."""
    assert text[:1] == b"q"
    body, end = text[2:].rsplit(b"t", 1)
    assert end[:1] == b"q"
    return body + b"tR" + end[2:]


@pytest.mark.parametrize("numel,first,shape,strides,named", [
    (4, 0, (5,), (1,), "beyond its storage"),
    (4, 1, (4,), (1,), "beyond its storage"),
    (4, 0, (2, 2), (3, 1), "beyond its storage"),
    (4, 2**62, (2,), (2**62,), "beyond its storage"),
    (4, 2**70, (2,), (1,), "malformed offset"),
    (4, -1, (2,), (1,), "malformed offset"),
    (4, 0, (-2,), (1,), "malformed offset"),
    (4, 0, (2,), (-1,), "malformed offset"),
    (4, 0, (2, 2), (1,), "malformed"),
    (4, 0, (1,) * 9, (1,) * 9, "malformed"),
    (10**9, 0, (2,), (1,), "has 16 bytes, expected 4000000000"),
    (-4, 0, (2,), (1,), "number of elements"),
    (4, 0, (10**9,), (0,), "bytes of tensors in a file of"),
    (4, 0, (2**40, 2**40, 0, 0), (0, 0, 0, 0), None),
])
def test_sizes_and_offsets_out_of_range(tmp_path, numel, first, shape, strides, named):
    path = archive(tmp_path / "a.pt", tensor_pickle(numel, first, shape, strides),
                   [("data/0", b"\0" * 16)])
    if named is None:  # an empty tensor reads nothing, whatever its other sides are
        assert unpickle(path, tmp_path / "out.safetensors").returncode == 0
    else:
        assert named in refused(tmp_path, path)


def test_good_archive_made_by_hand_is_read(tmp_path):
    """Guards the test above: the archive is refused for its numbers and for nothing else."""
    path = archive(tmp_path / "a.pt", tensor_pickle(4, 1, (3,), (1,)),
                   [("data/0", np.arange(4, dtype="<f4").tobytes())])
    assert unpickle(path, tmp_path / "a.safetensors").returncode == 0
    text = (tmp_path / "a.safetensors").read_bytes()
    assert np.frombuffer(text[-12:], "<f4").tolist() == [1, 2, 3]


def test_hostile_archives(tmp_path):
    good = tensor_pickle(4, 0, (4,), (1,))
    data = [("data/0", b"\0" * 16)]
    bomb = archive(tmp_path / "bomb.pt", tensor_pickle(2**28, 0, (2**28,), (1,)),
                   [("data/0", b"\0" * 2**24)], compression=zipfile.ZIP_DEFLATED)
    assert "is compressed" in refused(tmp_path, bomb)
    outside = archive(tmp_path / "path.pt", tensor_pickle(4, 0, (4,), (1,), key="../../../etc/passwd"))
    assert "has no 'archive/data/../../../etc/passwd'" in refused(tmp_path, outside)
    assert "has no 'archive/data/0'" in refused(tmp_path, archive(tmp_path / "b.pt", good))
    with zipfile.ZipFile(archive(tmp_path / "c.pt", good, data), "a") as file:
        file.writestr("other/data.pkl", good)
    assert "*/data.pkl, it holds 2" in refused(tmp_path, tmp_path / "c.pt")
    whole = archive(tmp_path / "e.pt", good, data).read_bytes()
    (tmp_path / "f.pt").write_bytes(whole[:-30])
    assert "not a whole zip" in refused(tmp_path, tmp_path / "f.pt")
    flipped = bytearray(whole)
    flipped[whole.index(b"data/0") + len(b"data/0") + 3] ^= 1
    (tmp_path / "g.pt").write_bytes(flipped)
    assert "is damaged" in refused(tmp_path, tmp_path / "g.pt")
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = archive(tmp_path / "h.pt", good, data + data)
    assert "twice" in refused(tmp_path, twice)
    complex_kind = archive(tmp_path / "i.pt", tensor_pickle(4, 0, (4,), (1,), kind="ComplexFloatStorage"))
    assert "torch.ComplexFloatStorage" in refused(tmp_path, complex_kind)


def test_pickles_that_would_take_for_ever(tmp_path):
    nested = b"\x80\x02)" + b"".join(b"q\x00h\x00\x86" for _ in range(200))
    key = b"}" + nested[2:] + b"Ns."
    assert "key of type tuple" in refused(tmp_path, archive(tmp_path / "a.pt", b"\x80\x02" + key))
    assert "not a tensor" in refused(tmp_path, archive(
        tmp_path / "b.pt", b"\x80\x02}X\x01\x00\x00\x00a" + nested[2:] + b"s."))
    # A module that holds itself twice.
    itself = (b"\x80\x02c__torch__\nM\n)\x81q\x00}(X\x01\x00\x00\x00ah\x00X\x01\x00\x00\x00bh\x00ub.")
    assert "hold themselves" in refused(tmp_path, archive(tmp_path / "c.pt", itself))
    assert "malformed" in refused(tmp_path, archive(tmp_path / "d.pt", b"\x80\x02h\x07."))
    assert "malformed" in refused(tmp_path, archive(tmp_path / "e.pt", b"\x80\x02R."))
    assert "malformed" in refused(tmp_path, archive(tmp_path / "f.pt", b"\xff"))
    assert "malformed" in refused(tmp_path, archive(tmp_path / "g.pt", b""))


def test_legacy_file_cut_off_or_lying(torch, tmp_path):
    torch.save({"a": torch.arange(4.0)}, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    whole = (tmp_path / "a.pt").read_bytes()
    for cut in (1, 10, 17, 20, 24, len(whole) // 2):
        (tmp_path / "b.pt").write_bytes(whole[:-cut])
        refused(tmp_path, tmp_path / "b.pt")
    count = whole.rindex(struct.pack("<q", 4))
    for lie in (-1, 3, 5, 2**61, 2**63 - 1):
        (tmp_path / "b.pt").write_bytes(whole[:count] + struct.pack("<q", lie) + whole[count + 8:])
        refused(tmp_path, tmp_path / "b.pt")


def test_not_a_checkpoint_at_all(tmp_path):
    (tmp_path / "text").write_text("hello")
    assert "unpickle" in refused(tmp_path, tmp_path / "text")
    (tmp_path / "empty").write_bytes(b"")
    refused(tmp_path, tmp_path / "empty")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as file:
        file.writestr("readme", "hello")
    assert "data.pkl" in refused(tmp_path, tmp_path / "other.zip")
    assert "No such file" in refused(tmp_path, tmp_path / "missing")


def test_whole_modules_and_other_objects_are_refused_by_name(torch, tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "a.pt")
    assert "torch.nn.modules.linear.Linear" in refused(tmp_path, tmp_path / "a.pt")
    torch.save({"a": torch.ones(2), "step": 3}, tmp_path / "b.pt")
    assert "'step' is a int, not a tensor" in refused(tmp_path, tmp_path / "b.pt")


def test_usage_errors_are_status_2(tmp_path):
    assert unpickle().returncode == 2
    assert unpickle("a", "b.safetensors", "--config", "c").returncode == 2
    assert unpickle("a", "b", "--vision-head-width", "0").returncode == 2


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_archive_never_ends_in_a_traceback(tmp_path, seed):
    random = np.random.default_rng(seed)
    whole = archive(tmp_path / "a.pt", tensor_pickle(4, 1, (3,), (1,)), [("data/0", b"\0" * 16)])
    pickled = tensor_pickle(4, 1, (3,), (1,))
    sys.path.insert(0, str(UNPICKLE.parent))
    import torch_pickle
    for _ in range(3000):  # the pickle itself: the zip's checksum would hide it
        text = bytearray(pickled)
        for place in random.integers(0, len(text), random.integers(1, 4)):
            text[place] = random.integers(0, 256)
        try:
            torch_pickle.load_pickle(bytes(text))
        except torch_pickle.Refused:
            pass
    content = whole.read_bytes()
    import unpickle as module
    for _ in range(300):
        text = bytearray(content)
        for place in random.integers(0, len(text), 2):
            text[place] = random.integers(0, 256)
        (tmp_path / "b.pt").write_bytes(text)
        assert module.main([str(tmp_path / "b.pt"), str(tmp_path / "b.safetensors")]) in (0, 1)
