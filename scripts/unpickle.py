#!/usr/bin/env python3
"""Turns a PyTorch checkpoint (.pt, .pth, .bin) into safetensors, and runs nothing that it holds.

Three containers are read: torch.save's zip, torch.save's older plain file, and TorchScript archives
(OpenAI's own CLIP files). torch_pickle.py, beside this file, says how they are kept from running.

    unpickle.py pytorch_model.bin model.safetensors     one file
    unpickle.py ViT-B-32.pt ViT-B-32/                   an OpenCLIP directory, config inferred
    unpickle.py weights.bin OUT/ --config DIR           a directory with the configuration of DIR

Needs Python 3.9 and numpy, nothing else. Exit status: 0 done, 1 refused or failed, 2 usage.
"""

import argparse
import json
import math
import os
import re
import shutil
import struct
import sys
import tempfile
import zipfile

sys.dont_write_bytecode = True  # what lies beside an installed program is the package manager's alone

from openclip_config import infer_config
from torch_pickle import STORAGES, Record, Refused, Tensor, load_pickle

try:
    import numpy as np
except ImportError:
    sys.exit("unpickle: numpy is needed (python3 -m pip install numpy)")

MAX_TENSORS = 65_536
MAX_MODULES = 65_536
MAX_NAME = 4096  # bytes of a module's name
MAX_GROWTH = 4  # output bytes for each input byte: tied weights are written once for each name

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of torch.save's older format
LEGACY_PROTOCOL = 1001
WRAPPERS = ("state_dict", "model_state_dict", "model")

# Buffers that say how a model was built: the config says it, too, and no loader wants them.
NOT_WEIGHTS = ("attn_mask", "input_resolution", "context_length", "vocab_size")
CONFIG_FILES = ("open_clip_config.json", "config.json", "preprocessor_config.json",
                "processor_config.json", "vocab.json", "merges.txt", "tokenizer.json",
                "tokenizer_config.json", "special_tokens_map.json")


# ---- containers: each has .root (what the pickle holds), .data(storage) -> bytes --------------


class ZipCheckpoint:
    """torch.save since 1.6, and TorchScript: NAME/data.pkl, and NAME/data/KEY for each storage."""

    def __init__(self, path):
        try:
            self.archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as problem:
            raise Refused(f"not a whole zip archive: {problem}") from problem
        self.entries = {}
        for entry in self.archive.infolist():
            if entry.filename in self.entries:
                raise Refused(f"the archive holds {entry.filename!r} twice")
            self.entries[entry.filename] = entry
        pickles = [name for name in self.entries if re.fullmatch(r"[^/]+/data\.pkl", name)]
        if len(pickles) != 1:
            raise Refused("no PyTorch checkpoint: the archive should hold one */data.pkl, it holds "
                          f"{len(pickles)}")
        self.prefix = pickles[0][:-len("data.pkl")]
        self.is_torchscript = self.prefix + "constants.pkl" in self.entries
        order = self.read("byteorder") if self.prefix + "byteorder" in self.entries else b"little"
        if order not in (b"little", b"big"):
            raise Refused("the archive's byteorder is neither little nor big")
        self.big_endian = order == b"big"
        self.root, _ = load_pickle(self.read("data.pkl"))

    def read(self, name):
        entry = self.entries.get(self.prefix + name)
        if entry is None:
            raise Refused(f"the archive has no {self.prefix + name!r}")
        # Stored means that an entry is no larger than the archive: no bomb, whatever it claims.
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise Refused(f"{entry.filename!r} is compressed: torch stores what it saves")
        try:
            content = self.archive.read(entry)
        except (zipfile.BadZipFile, EOFError, ValueError, RuntimeError, NotImplementedError) as problem:
            raise Refused(f"{entry.filename!r} is damaged: {problem}") from problem
        if len(content) != entry.file_size:
            raise Refused(f"{entry.filename!r} is cut off")
        return content

    def data(self, storage):
        return self.read(f"data/{storage.key}")


class LegacyCheckpoint:
    """torch.save before 1.6: magic, protocol, system, the object, the storages' keys, their data."""

    is_torchscript = False

    def __init__(self, path):
        self.file = open(path, "rb")
        if load_pickle(self.file)[0] != LEGACY_MAGIC:
            raise Refused("no PyTorch checkpoint: neither a zip archive nor torch's older format")
        if load_pickle(self.file)[0] != LEGACY_PROTOCOL:
            raise Refused("an unknown version of torch's older format")
        system, _ = load_pickle(self.file)
        self.big_endian = isinstance(system, dict) and system.get("little_endian") is False
        self.root, storages = load_pickle(self.file)
        keys, _ = load_pickle(self.file)
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise Refused("the list of storages is malformed")
        self.places = self.find_places(keys, storages)

    def find_places(self, keys, storages):
        """Storages stand one after the other, each behind the number of its elements."""
        places, end = {}, os.fstat(self.file.fileno()).st_size
        start = self.file.tell()
        for key in keys:
            self.file.seek(start)
            head = self.file.read(8)
            if len(head) != 8 or key not in storages:
                raise Refused(f"storage {key!r} does not lie within the file, or has no tensor")
            numel = struct.unpack(">q" if self.big_endian else "<q", head)[0]
            size = numel * item_size(storages[key])
            start += 8 + size
            if numel < 0 or start > end:
                raise Refused(f"storage {key!r} does not lie within the file")
            places[key] = (start - size, size)
        return places

    def data(self, storage):
        if storage.key not in self.places:
            raise Refused(f"the file has no storage {storage.key!r}")
        start, size = self.places[storage.key]
        self.file.seek(start)
        return self.file.read(size)


def open_checkpoint(path):
    with open(path, "rb") as file:
        head = file.read(2)
    return ZipCheckpoint(path) if head == b"PK" else LegacyCheckpoint(path)


# ---- from what the pickle holds to named tensors ----------------------------------------------


def collect_records(root, classes):
    """The tensors of a TorchScript module and of the modules in it, by their attributes' names."""
    tensors, waiting, visits = {}, [("", root)], 0
    while waiting:
        prefix, record = waiting.pop()
        classes.add(record.cls.name)
        visits += 1
        # A module may hold another one twice; a hostile one holds itself.
        if visits > MAX_MODULES or len(tensors) > MAX_TENSORS or len(prefix) > MAX_NAME:
            raise Refused("the modules are too many, or hold themselves")
        for name, value in record.state.items():
            if isinstance(value, Tensor):
                tensors[f"{prefix}{name}"] = value
            elif isinstance(value, Record):
                waiting.append((f"{prefix}{name}.", value))
    return tensors


def named_tensors(checkpoint):
    """The state dict, and the names of the TorchScript classes that were met."""
    root, classes, tensors = checkpoint.root, set(), {}
    if isinstance(root, Record):
        tensors = collect_records(root, classes)
    for wrapper in WRAPPERS:
        if isinstance(root, dict) and isinstance(root.get(wrapper), dict):
            root = root[wrapper]
            break
    if isinstance(root, dict):
        for name, value in root.items():
            if not isinstance(value, Tensor) or not isinstance(name, str):
                raise Refused(f"{str(name)[:80]!r} is a {type(value).__name__}, not a tensor: the "
                              "file should hold a state dict")
            tensors[name] = value
    if not tensors or len(tensors) > MAX_TENSORS:
        raise Refused(f"the checkpoint holds {len(tensors)} tensors")
    if "__metadata__" in tensors:
        raise Refused("a tensor is named __metadata__, which safetensors keeps for itself")
    if all(name.startswith("module.") for name in tensors):  # DistributedDataParallel's
        tensors = {name[len("module."):]: tensor for name, tensor in tensors.items()}
    return tensors, classes


def tensor_bytes(checkpoint, name, tensor, cache):
    """The elements in row-major order, little endian. cache: the storage that was read last."""
    storage = tensor.storage
    if storage.key not in cache:
        cache.clear()
        cache[storage.key] = checkpoint.data(storage)
    raw, dtype = cache[storage.key], np.dtype(STORAGES[storage.kind][1])
    if len(raw) != storage.numel * dtype.itemsize:
        raise Refused(f"{name}: storage {storage.key!r} has {len(raw)} bytes, expected "
                      f"{storage.numel * dtype.itemsize}")
    first, count = storage.view or (0, storage.numel)
    last = tensor.first + sum((size - 1) * stride
                              for size, stride in zip(tensor.shape, tensor.strides))
    empty = 0 in tensor.shape
    if first + count > storage.numel or (not empty and last >= count):
        raise Refused(f"{name}: the tensor reaches beyond its storage {storage.key!r}")
    if empty:
        return b""
    elements = np.frombuffer(raw, dtype.newbyteorder(">" if checkpoint.big_endian else "<"))
    strides = [stride * dtype.itemsize for stride in tensor.strides]
    view = np.lib.stride_tricks.as_strided(elements[first + tensor.first:], tensor.shape, strides)
    return view.astype(dtype.newbyteorder("<"), copy=False).tobytes()


# ---- safetensors ------------------------------------------------------------------------------


def item_size(storage):
    return np.dtype(STORAGES[storage.kind][1]).itemsize


def tensor_size(tensor):
    return math.prod(tensor.shape) * item_size(tensor.storage)


def write_safetensors(path, checkpoint, tensors, source_bytes):
    """Header (padded to a multiple of 8 bytes), then the tensors; the file appears when whole."""
    header, start = {"__metadata__": {"format": "pt"}}, 0
    # Wide elements first, so that each tensor is aligned to its own element.
    names = sorted(tensors, key=lambda name: (-item_size(tensors[name].storage), name))
    for name in names:
        size = tensor_size(tensors[name])
        header[name] = {"dtype": STORAGES[tensors[name].storage.kind][0],
                        "shape": list(tensors[name].shape), "data_offsets": [start, start + size]}
        start += size
    if start > MAX_GROWTH * source_bytes:
        raise Refused(f"{start} bytes of tensors in a file of {source_bytes} bytes")
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    handle, partial = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)), prefix=".unpickle-")
    try:
        with open(handle, "wb") as out:
            out.write(struct.pack("<Q", len(text)) + text)
            cache = {}
            for name in names:
                out.write(tensor_bytes(checkpoint, name, tensors[name], cache))
            out.flush()
            os.fsync(out.fileno())
        os.chmod(partial, 0o666 & ~current_umask())
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


# ---- the command line -------------------------------------------------------------------------


def write_openclip(out, checkpoint, tensors, classes, options):
    """An OpenCLIP directory, its configuration inferred."""
    tensors = {name: tensor for name, tensor in tensors.items() if name not in NOT_WEIGHTS}
    # Of CLIP's checkpoints, only OpenAI's are TorchScript; a class nn.GELU would show another.
    quick_gelu = options.quick_gelu
    if quick_gelu is None:
        quick_gelu = checkpoint.is_torchscript and "GELU" not in classes
        print(f"unpickle: activation: {'QuickGELU' if quick_gelu else 'GELU'}, taken from the kind "
              "of file (--quick-gelu and --no-quick-gelu say it)", file=sys.stderr)
    config = infer_config({name: tensor.shape for name, tensor in tensors.items()}, quick_gelu,
                          options.vision_head_width, options.text_head_width)
    os.makedirs(out, exist_ok=True)
    write_safetensors(os.path.join(out, "open_clip_model.safetensors"), checkpoint, tensors,
                      os.path.getsize(options.src))
    with open(os.path.join(out, "open_clip_config.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(config, indent=2) + "\n")


def write_with_config(out, checkpoint, tensors, options):
    """A directory of the layout that the given configuration has."""
    found = [name for name in CONFIG_FILES if os.path.isfile(os.path.join(options.config, name))]
    weights = {"open_clip_config.json": "open_clip_model.safetensors",
               "config.json": "model.safetensors"}.get(found[0] if found else None)
    if weights is None:
        raise Refused(f"{options.config}: neither open_clip_config.json nor config.json is there")
    os.makedirs(out, exist_ok=True)
    write_safetensors(os.path.join(out, weights), checkpoint, tensors, os.path.getsize(options.src))
    for name in found:
        source, target = os.path.join(options.config, name), os.path.join(out, name)
        if not os.path.exists(target) or not os.path.samefile(source, target):
            shutil.copyfile(source, target)


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="unpickle", description="Turns a PyTorch checkpoint into safetensors without running "
        "anything that it holds.")
    parser.add_argument("src", metavar="SRC", help=".pt, .pth or .bin file")
    parser.add_argument("out", metavar="OUT", help="a name ending in .safetensors, or a directory")
    parser.add_argument("--config", metavar="DIR", help="take the configuration files of DIR "
                        "instead of inferring an OpenCLIP one (OUT is a directory)")
    parser.add_argument("--quick-gelu", dest="quick_gelu", action="store_true", default=None,
                        help="the model uses QuickGELU (default: for TorchScript archives only)")
    parser.add_argument("--no-quick-gelu", dest="quick_gelu", action="store_false")
    parser.add_argument("--vision-head-width", type=positive, metavar="N",
                        help="width of an attention head of the image tower (default: 64)")
    parser.add_argument("--text-head-width", type=positive, metavar="N",
                        help="the same of the text tower (default: 64)")
    options = parser.parse_args(arguments)
    if options.out.endswith(".safetensors") and options.config:
        parser.error("--config is for an output directory")
    return options


def positive(text):
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return int(text)


def main(arguments=None):
    options = parse(arguments)
    try:
        checkpoint = open_checkpoint(options.src)
        tensors, classes = named_tensors(checkpoint)
        if options.out.endswith(".safetensors"):
            write_safetensors(options.out, checkpoint, tensors, os.path.getsize(options.src))
        elif options.config:
            write_with_config(options.out, checkpoint, tensors, options)
        else:
            write_openclip(options.out, checkpoint, tensors, classes, options)
    except (Refused, UnicodeError) as problem:
        print(f"unpickle: {options.src}: {problem}", file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"unpickle: {problem.filename or options.src}: {problem.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
