"""Every family's embeddings, scores and bytes, against the library that it comes from.

Tolerance: 2e-5 in every component of a unit vector, 1e-4 in a score; test_mutation.py's way of zeroing
each parameter in turn shows that a difference of one parameter is far above that.
"""

import contextlib
import os
import re
import shutil

import numpy as np
import pytest

from engine import Engine, EngineError, convert
from families import cases, make_case
from inputs import LABELS, PROMPTS, TEMPLATES, shuffled
from reference import Reference
from test_embeddings import DIFFERENCES, assert_close
from test_mutation import read_header

TOLERANCE = 2e-5
SCORE_TOLERANCE = 1e-4
CASES = cases()


class Made:
    """One checkpoint with the reference's numbers for it."""

    def __init__(self, name, work, pictures):
        self.name, self.large = name, CASES[name].large
        self.wide = self.large or CASES[name].wide
        self.folder = make_case(name, work)
        self.pictures = pictures[::6] if self.wide else pictures[: CASES[name].pictures]
        reference = Reference(self.folder)
        self.images = reference.images(self.pictures)
        self.texts = reference.texts(PROMPTS)
        self.labels = reference.labels(LABELS, TEMPLATES)
        self.logit_scale, self.logit_bias = reference.logit_scale, reference.logit_bias
        self.engine = Engine(self.folder, reference.applies_exif)

    def scores(self):
        """(n, L) sigmoids, or softmax, of the logits."""
        logits = self.logit_scale * (self.images.astype(np.float64) @ self.labels.T.astype(np.float64))
        if self.logit_bias is not None:
            return 1 / (1 + np.exp(-(logits + self.logit_bias)))
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


def parameters():
    full = os.environ.get("CLIPCLS_PARITY") == "full"
    skip = pytest.mark.skipif(not full, reason="true sizes run with CLIPCLS_PARITY=full")
    return [pytest.param(name, marks=[skip] if case.large else []) for name, case in CASES.items()]


def similarities_and_scores(engine, pictures, templates):
    """(2, n, L), as printed."""
    records, _ = engine.classify(pictures, LABELS, templates)
    out = np.full((2, len(records), len(LABELS)), np.nan)
    for i, record in enumerate(records):
        for result in record["results"]:
            out[:, i, result["index"]] = result["similarity"], result["score"]
    return out


@pytest.fixture(scope="module", params=parameters())
def made(request, work, pictures):
    made = Made(request.param, work, pictures)
    yield made
    if made.large and "CLIPCLS_PARITY_WORK" not in os.environ:
        shutil.rmtree(made.folder)


def test_different_inputs_have_different_embeddings(made):
    """Otherwise agreement would say little."""
    for rows in (made.images, np.unique(made.texts, axis=0)):
        cosines = rows @ rows.T
        np.fill_diagonal(cosines, -1)
        assert np.median(cosines) < 0.99


def test_image_embeddings(made, report):
    worst = assert_close(made.engine.images(made.pictures), made.images,
                         [path.name for path in made.pictures], TOLERANCE)
    report(DIFFERENCES, made.name, "images", worst)


def test_text_embeddings(made, report):
    worst = assert_close(made.engine.texts(PROMPTS), made.texts, PROMPTS, TOLERANCE)
    report(DIFFERENCES, made.name, "texts", worst)


def test_scores_from_file_and_label(made, report):
    got = similarities_and_scores(made.engine, made.pictures, TEMPLATES)[1]
    worst = assert_close(got, made.scores(), [path.name for path in made.pictures], SCORE_TOLERANCE)
    report(DIFFERENCES, made.name, "score", worst)


def test_bytes_do_not_depend_on_threads_batch_and_neighbours(made):
    images, texts = made.engine.images(made.pictures), made.engine.texts(PROMPTS)
    for threads, batch in ((1, 1), (2, 3), (3, 8)):
        options = {"threads": threads, "batch": batch}
        assert np.array_equal(made.engine.images(made.pictures, **options), images), options
        assert np.array_equal(made.engine.texts(PROMPTS, **options), texts), options
    some, order = shuffled(made.pictures, 1)
    assert np.array_equal(made.engine.images(some), images[order])
    assert np.array_equal(made.engine.images(some[:1]), images[order[:1]])
    some, order = shuffled(PROMPTS, 2)
    assert np.array_equal(made.engine.texts(some), texts[order])
    assert np.array_equal(made.engine.texts(some[:1]), texts[order[:1]])


def test_single_file_gives_the_directorys_bytes(made, tmp_path):
    single = convert(made.folder, tmp_path / "single.safetensors")
    engine = Engine(single, not made.engine.no_exif)
    assert np.array_equal(engine.images(made.pictures), made.engine.images(made.pictures))
    assert np.array_equal(engine.texts(PROMPTS), made.engine.texts(PROMPTS))


# Adds the same to all logits of a row, which softmax does not see.
KEY_BIAS = re.compile(r"k_proj\.bias|self\.key\.bias")
STACKED = re.compile(r"in_proj_(weight|bias)$|(?<!attn_pool\.)\b(qkv|kv)\.(weight|bias)$")


def kinds(weights, unused):
    """[(label, tensor, first byte, end)]: of blocks, and stages of blocks, that are alike the first and the
    last; of stacked projections each by itself."""
    _, tensors = read_header(weights)
    shapes = {}
    for name in tensors:
        if re.search(unused, name):
            continue
        shapes.setdefault(re.sub(r"\b(layer)?\d+\b", "#", name), []).append(name)
    places = []
    for names in shapes.values():
        for name in dict.fromkeys((names[0], names[-1])):
            dtype, _, begin, end = tensors[name]
            if dtype not in ("F32", "F16", "BF16"):
                continue
            parts = 2 if re.search(r"\bkv\.", name) else 3 if STACKED.search(name) else 1
            for i in range(parts):
                part = ("k" if parts == 2 else "q") if i == 0 else "kv"[i - 1] if parts == 3 else "v"
                label = f"{name} [{part}]" if parts > 1 else name
                places.append((label, name, i * (end - begin) // parts, (i + 1) * (end - begin) // parts))
    return places


def is_key_bias(label):
    return bool(KEY_BIAS.search(label)) or ("bias [k]" in label)


def test_every_kind_of_parameter_is_noticed(made, tmp_path, report):
    """Zeroed in the file, each moves what is printed; that the whole file's figures are the reference's
    is shown above."""
    if made.wide:
        pytest.skip("shown on the small shapes")
    weights = next(iter(made.folder.glob("*.safetensors")))
    copy = tmp_path / "model"
    shutil.copytree(made.folder, copy)
    target = copy / weights.name
    start, tensors = read_header(weights)
    pictures, smallest, unnoticed = made.pictures[:3], np.inf, []
    untouched = similarities_and_scores(made.engine, pictures, TEMPLATES[:1])
    for label, name, first, last in kinds(weights, CASES[made.name].unused):
        if not name.startswith(CASES[made.name].zeroed):
            continue
        begin = start + tensors[name][2]
        with open(target, "r+b") as file:
            file.seek(begin + first)
            file.write(bytes(last - first))
        difference = np.inf  # where the engine refuses the file
        with contextlib.suppress(EngineError):
            got = similarities_and_scores(Engine(copy, not made.engine.no_exif), pictures,
                                          TEMPLATES[:1])
            difference = np.abs(got - untouched).max()
        if not is_key_bias(label):
            smallest = min(smallest, difference)
            if not difference > 4 * TOLERANCE:
                unnoticed.append(f"{label}: {difference:.1e}")
        with open(target, "r+b") as file, open(weights, "rb") as source:
            source.seek(begin + first)
            file.seek(begin + first)
            file.write(source.read(last - first))
    report(DIFFERENCES, made.name, "zeroed, least", smallest)
    assert not unnoticed, "\n".join(unnoticed)
