"""The comparison notices every kind of parameter.

Each kind is zeroed in turn in the file that the engine reads, while the reference keeps the
original: the comparison of test_embeddings.py must then fail. With this its agreement means that
every parameter is used, and used in its place.

The bias of the keys is the one exception, by the mathematics of attention: it adds the same
number, the query times the bias, to all logits of a row, and softmax does not change under that.
"""

import json
import shutil

import numpy as np
import pytest

from engine import Engine, EngineError
from inputs import LABELS, PROMPTS, TEMPLATES
from make_checkpoints import SPECS, make
from reference import Reference
from test_embeddings import TOLERANCE

TABLE = "parameter zeroed -> largest difference from the reference"


def read_header(path):
    """Offset of the data, and {name: (dtype, shape, begin, end)}."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return 8 + length, {name: (entry["dtype"], entry["shape"], *entry["data_offsets"])
                        for name, entry in header.items()}


def kinds(weights):
    """{kind: (tensor, first byte, end)}, the place within the tensor. Blocks: the first and the
    last one of each tower; the stacked q, k, v of open_clip one by one."""
    _, tensors = read_header(weights)
    blocks = {}
    for name in tensors:
        prefix, _, rest = name.partition(".resblocks." if ".resblocks." in name else ".layers.")
        if rest:
            blocks.setdefault(prefix, set()).add(int(rest.split(".")[0]))
    places = {}
    for name, (_, _, begin, end) in sorted(tensors.items()):
        size = end - begin
        parts = [part for part in name.split(".") if part.isdigit()]
        prefix = name.partition(".resblocks.")[0].partition(".layers.")[0]
        if parts and int(parts[0]) not in (0, max(blocks[prefix])):
            continue
        if "in_proj" in name:
            for i, part in enumerate("qkv"):
                places[f"{name} [{part}]"] = (name, i * size // 3, (i + 1) * size // 3)
        else:
            places[name] = (name, 0, size)
    return places


def zeroed(weights, tensor, first, last, target):
    """Copies the checkpoint's folder to `target` with these bytes of a tensor set to zero."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(weights.parent, target)
    data, tensors = read_header(weights)
    begin = data + tensors[tensor][2]
    with open(target / weights.name, "r+b") as file:
        file.seek(begin + first)
        file.write(bytes(last - first))
    return target


def is_key_bias(kind):
    return kind.endswith(("k_proj.bias", "in_proj_bias [k]"))


class Mutants:
    def __init__(self, name, work, pictures):
        self.folder = work / name
        if not self.folder.exists():
            make(SPECS[name], self.folder)
        self.weights, = self.folder.glob("*.safetensors")
        self.pictures = pictures
        reference = Reference(self.folder)
        self.applies_exif = reference.applies_exif
        self.embeddings = reference.images(pictures), reference.texts(PROMPTS)
        logits = reference.logit_scale * self.embeddings[0] @ reference.labels(LABELS, TEMPLATES).T
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.scores = powers / powers.sum(axis=1, keepdims=True)

    def difference(self, folder, kind):
        """Largest difference of a component, or of a score where a parameter acts on no embedding;
        infinite when the engine gives no number."""
        engine = Engine(folder, self.applies_exif)
        if kind == "logit_scale":
            records, _ = engine.classify(self.pictures, LABELS, TEMPLATES)
            got = np.zeros_like(self.scores)
            for row, record in zip(got, records):
                for result in record["results"]:
                    row[result["index"]] = result["score"]
            return np.abs(got - self.scores).max()
        try:
            worst = np.maximum(np.abs(engine.images(self.pictures) - self.embeddings[0]).max(),
                        np.abs(engine.texts(PROMPTS) - self.embeddings[1]).max())
        except EngineError:  # an embedding of length zero has no direction
            return np.inf
        return np.nan_to_num(worst, nan=np.inf)


@pytest.fixture(scope="module", params=["hf-tiny", "oc-tiny"])
def mutants(request, work, pictures):
    return request.param, Mutants(request.param, work, pictures[:6])


def test_zeroing_any_parameter_is_noticed(mutants, report, tmp_path):
    name, mutants = mutants
    assert mutants.difference(mutants.folder, "") <= TOLERANCE
    places = kinds(mutants.weights)
    assert len(places) > 60
    missed = []
    for kind, place in places.items():
        mutant = zeroed(mutants.weights, *place, tmp_path / "mutant")
        difference = mutants.difference(mutant, kind)
        report(TABLE, f"{name}  {kind}", "", difference)
        # Ten times the tolerance: a miss by a hair would be no proof.
        if is_key_bias(kind):
            assert difference <= TOLERANCE, f"{kind}: softmax should not see it"
        elif difference < 10 * TOLERANCE:
            missed.append(f"{kind}: {difference:.2e}")
    assert not missed, "\n".join(missed)
