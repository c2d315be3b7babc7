"""The single file that clipcls convert writes, telling layouts apart, and finding models by name.
Needs CLIPCLS_BUILD, the build folder.
"""
import ctypes
import json
import subprocess

import pytest
import safetensors
import safetensors.torch
import torch

from checkpoint_support import (
    DUMP, OPENCLIP, assert_same, canonical, copy_directory, dump, huggingface_model, run,
    save_openclip)


@pytest.fixture(scope="module")
def huggingface(tmp_path_factory):
    path = tmp_path_factory.mktemp("huggingface")
    huggingface_model().save_pretrained(path)
    return path


@pytest.mark.parametrize("dtype", [None, "f32", "f16", "bf16"])
@pytest.mark.parametrize("kind", ["huggingface", "openclip", "sharded"])
def test_converted_files(huggingface, tmp_path, kind, dtype):
    source = tmp_path / "source"
    source.mkdir()
    if kind == "openclip":
        state = canonical(save_openclip(source, OPENCLIP).state_dict())
    else:
        model = huggingface_model()
        model.save_pretrained(source, max_shard_size="50KB" if kind == "sharded" else "1GB")
        state = model.state_dict()
    (source / "classes.txt").write_text("cat\nd\u00f6g\n")
    (source / "vocab.json").write_text('{"a": 0}')
    (source / "merges.txt").write_text("#version: 0.2\n")
    out, again = tmp_path / "out.safetensors", tmp_path / "again.safetensors"
    run("convert", source, out, *([dtype] if dtype else []))
    run("convert", source, again, *([dtype] if dtype else []))
    assert out.read_bytes() == again.read_bytes()
    run("convert", out, again)
    assert out.read_bytes() == again.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.safetensors", "out.safetensors",
                                                         "source"]

    torch_dtype = {None: torch.float32, "f32": torch.float32, "f16": torch.float16,
                   "bf16": torch.bfloat16}[dtype]
    state = {name: value.detach().to(torch_dtype) for name, value in state.items()}
    before, after = dump(source)[0], dump(out)
    assert after[0]["layout"] == "single" and after[0]["config"] == before["config"]
    assert after[0]["classes"] == "cat\nd\u00f6g\n"
    assert (after[0]["vocab"], after[0]["merges"]) == (before["vocab"], before["merges"])
    assert_same(after[1], state)

    with safetensors.safe_open(out, "pt") as file:
        assert file.metadata()["format"] == "clipcls"
        assert json.loads(file.metadata()["config"]) == before["config"]
        files = {"tokenizer.vocab", "tokenizer.merges", "classes"}
        assert set(file.keys()) == set(state) | files
        for name, value in state.items():
            loaded = file.get_tensor(name)
            assert loaded.dtype == torch_dtype and torch.equal(loaded, value), name
        assert bytes(file.get_tensor("classes").tolist()).decode() == "cat\nd\u00f6g\n"
    check_alignment(out)


def check_alignment(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    assert (8 + size) % 64 == 0
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__")
    itemsize = {"F32": 4, "F16": 2, "BF16": 2, "U8": 1}
    others = False
    for tensor in sorted(header.values(), key=lambda t: t["data_offsets"]):
        begin, end = tensor["data_offsets"]
        assert begin % itemsize[tensor["dtype"]] == 0
        if (end - begin) % 64 == 0:
            assert not others and begin % 64 == 0
        else:
            others = True


def test_a_value_beyond_f16_is_refused(huggingface, tmp_path):
    directory = copy_directory(huggingface, tmp_path / "model")
    file = directory / "model.safetensors"
    tensors = safetensors.torch.load_file(file)
    tensors["visual_projection.weight"][3, 4] = 65520
    safetensors.torch.save_file(tensors, file)
    out = tmp_path / "out.safetensors"
    error = run("convert", directory, out, "f16", ok=False)
    assert "visual_projection.weight" in error and "F16" in error
    assert not out.exists() and len(list(tmp_path.iterdir())) == 1
    tensors["visual_projection.weight"][3, 4] = 65519
    safetensors.torch.save_file(tensors, file)
    run("convert", directory, out, "f16")
    tensors["visual_projection.weight"][3, 4] = float("nan")
    safetensors.torch.save_file(tensors, file)
    assert "NaN" in run("convert", directory, out, ok=False)


def test_a_full_disk_is_an_error_and_leaves_nothing(huggingface, tmp_path):
    """A file size limit stands in for the full disk: write fails in the same place."""
    out = tmp_path / "out.safetensors"
    out.write_text("old")
    command = f"trap '' XFSZ; ulimit -f 20; exec '{DUMP}' convert '{huggingface}' '{out}'"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert result.returncode == 1 and f"io: {out}: cannot write" in result.stderr
    assert out.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_checksums_are_as_documented(huggingface, tmp_path):
    """XXH3 over name, dtype, shape and data, computed with the system's libxxhash."""
    try:
        library = ctypes.CDLL("libxxhash.so.0")
    except OSError:
        pytest.skip("libxxhash.so.0 is not there to compare with")
    library.XXH3_64bits_withSeed.restype = ctypes.c_uint64
    library.XXH3_64bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]

    def xxh3(data, seed=0):
        return library.XXH3_64bits_withSeed(data, len(data), seed)

    out = tmp_path / "out.safetensors"
    run("convert", huggingface, out)
    data = out.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    metadata = header.pop("__metadata__")
    checksums = json.loads(metadata["checksums"])
    expected = {"__config__": f"xxh3:{xxh3(metadata['config'].encode()):016x}"}
    for name, tensor in header.items():
        begin, end = tensor["data_offsets"]
        shape = f" {tensor['dtype']} {','.join(map(str, tensor['shape']))}".encode()
        value = xxh3(data[start + begin:start + end], xxh3(shape, xxh3(name.encode())))
        expected[name] = f"xxh3:{value:016x}"
    assert checksums == expected


def test_layouts_are_told_apart(huggingface, tmp_path):
    """A directory with both kinds is OpenCLIP's, unless it is told otherwise."""
    directory = copy_directory(huggingface, tmp_path / "both")
    save_openclip(directory, OPENCLIP)
    assert dump(directory)[0]["layout"] == "openclip"
    assert dump(directory, "huggingface")[0]["layout"] == "huggingface"
    (directory / "open_clip_model.safetensors").rename(directory / "open_clip_pytorch_model.bin")
    assert dump(directory)[0]["layout"] == "huggingface"
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")
    error = run("dump", directory, ok=False)
    assert error.startswith("unsupported") and f"scripts/unpickle.py {directory} OUT" in error
    assert "none of" in run("dump", directory, "other", ok=False)


def test_models_are_located(tmp_path):
    data, hub = tmp_path / "data", tmp_path / "hub"
    models = data / "clipcls" / "models"
    snapshot = hub / "models--org--name" / "snapshots" / "abc"
    for directory in (models / "vit", snapshot, hub / "models--org--name" / "refs"):
        directory.mkdir(parents=True)
    (models / "small.safetensors").write_text("")
    (hub / "models--org--name" / "refs" / "main").write_text("abc\n")
    env = dict(XDG_DATA_HOME=str(data), HF_HUB_CACHE=str(hub), HOME=str(tmp_path))

    def locate(name, **changes):
        return run("locate", name, env=env | changes).decode().strip()
    assert locate("vit") == str(models / "vit")
    assert locate("small") == str(models / "small.safetensors")
    assert locate("org/name") == str(snapshot)
    assert locate(tmp_path) == str(tmp_path)
    home = tmp_path / "hf"
    home.mkdir()
    (home / "hub").symlink_to(hub)
    assert locate("org/name", HF_HUB_CACHE="", HF_HOME=str(home)).endswith("abc")
    (tmp_path / ".cache" / "huggingface").mkdir(parents=True)
    (tmp_path / ".cache" / "huggingface" / "hub").symlink_to(hub)
    assert locate("org/name", HF_HUB_CACHE="").endswith("abc")
    for name in ("absent", "../data", "org/absent", "org/../name"):
        error = run("locate", name, ok=False, env=env)
        assert error.startswith("io: ") and name in error
