"""scripts/unpickle.py on hostile files: nothing is run, everything ends in a message."""

import io
import os
import pickle
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from unpickle_runner import UNPICKLE, refused, torch_or_skip, unpickle  # noqa: E402

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C

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
        head = b"".join(pickle.dumps(value, 2) for value in (LEGACY_MAGIC, 1001, {}))
        path.write_bytes(head + pickled)
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
    unknown = archive(tmp_path / "i.pt", tensor_pickle(4, 0, (4,), (1,), kind="ComplexFloatStorage"))
    assert "torch.ComplexFloatStorage" in refused(tmp_path, unknown)


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


def test_legacy_file_cut_off_or_lying(tmp_path):
    torch = torch_or_skip()
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
