"""scripts/unpickle.py: every container bit for bit as torch reads it."""

import json
import os
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from unpickle_runner import refused, torch_or_skip, unpickle  # noqa: E402

# ---- what torch writes -------------------------------------------------------------------------


@pytest.fixture
def torch():
    return torch_or_skip()


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


TINY_RESNET = {**TINY, "vision_cfg": {"image_size": 64, "layers": [1, 2, 1, 1], "width": 8,
                                      "patch_size": None}}


def make_clip(torch, config):
    open_clip = pytest.importorskip("open_clip", reason="needs open_clip as the reference")
    torch.manual_seed(2)
    model = open_clip.CLIP(**config, quick_gelu=True).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
        for name, buffer in model.named_buffers():
            if "running" in name:
                buffer.uniform_(0.5, 2)
    return model


@pytest.fixture
def tiny_clip(torch):
    return make_clip(torch, TINY)


@pytest.fixture(params=[TINY, TINY_RESNET], ids=["vit", "resnet"])
def any_clip(torch, request):
    return make_clip(torch, request.param)


def image_size_of(model):
    size = model.visual.image_size
    return size if isinstance(size, int) else size[0]


def openai_archive(torch, model, path):
    """As OpenAI's: a TorchScript archive that carries three numbers as buffers."""
    size = image_size_of(model)
    for name, value in (("input_resolution", size), ("context_length", 12), ("vocab_size", 100)):
        vars(model).pop(name, None)
        model.register_buffer(name, torch.tensor(value))
    torch.jit.save(torch.jit.trace(model, (torch.randn(1, 3, size, size), torch.zeros(1, 12).long()),
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
def test_openai_archive_becomes_an_openclip_directory(torch, any_clip, tmp_path):
    expected, size = dict(any_clip.state_dict()), image_size_of(any_clip)
    openai_archive(torch, any_clip, tmp_path / "float.pt")
    result = unpickle(tmp_path / "float.pt", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    model, config = load_in_open_clip(torch, tmp_path / "out")
    assert config["model_cfg"]["quick_gelu"] is True
    assert config["model_cfg"]["vision_cfg"]["image_size"] == size
    pixels, tokens = torch.randn(2, 3, size, size), torch.randint(1, 99, (2, 12))
    with torch.no_grad():
        assert torch.equal(model.encode_image(pixels), any_clip.encode_image(pixels))
        assert torch.equal(model.encode_text(tokens), any_clip.encode_text(tokens))
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
    result = unpickle(tmp_path / "a.pt", tmp_path / "o", "--config", tmp_path / "openclip")
    assert result.returncode == 0, result.stderr
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
    resnet = dict(visual__layer1__0__conv1__weight=(2, 2, 1, 1),
                  visual__attnpool__positional_embedding=(5, 64))
    assert "visual.layer2. are not numbered" in message(**resnet)
    resnet["visual__attnpool__positional_embedding"] = (6, 64)
    assert "no ResNet of CLIP's" in message(**resnet)
    resnet["visual__attnpool__positional_embedding"] = (5, 32)
    assert "no ResNet of CLIP's" in message(**resnet)
    resnet.update(visual__layer1__0__conv1__weight=(3, 3, 1, 1),
                  visual__attnpool__positional_embedding=(5, 96))
    assert "--vision-head-width" in message(**resnet)
    tower = dict(visual__conv1__weight=(1280, 3, 2, 2), visual__positional_embedding=(5, 1280),
                 visual__transformer__resblocks__0__mlp__c_fc__weight=(5120, 1280))
    assert "--vision-head-width" in message(**tower)
    tower["visual__positional_embedding"] = (6, 1280)
    assert "no square ViT" in message(**tower)


def test_whole_modules_and_other_objects_are_refused_by_name(torch, tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "a.pt")
    assert "torch.nn.modules.linear.Linear" in refused(tmp_path, tmp_path / "a.pt")
    torch.save({"a": torch.ones(2), "step": 3}, tmp_path / "b.pt")
    assert "'step' is a int, not a tensor" in refused(tmp_path, tmp_path / "b.pt")


def test_usage_errors_are_status_2(tmp_path):
    assert unpickle().returncode == 2
    assert unpickle("a", "b.safetensors", "--config", "c").returncode == 2
    assert unpickle("a", "b", "--vision-head-width", "0").returncode == 2
