"""The engine's embeddings, similarities and scores are the reference's.

Tolerance: 1e-5 in every component of a unit vector. Both sides add the same float32 products in
different orders; over the depth of a tower that leaves a few 1e-6, while a single parameter left
out moves components by 1e-3 and more (test_mutation.py).
"""

import os
import shutil

import numpy as np
import pytest
from safetensors import safe_open

from engine import Engine, convert
from inputs import LABELS, PROMPTS, TEMPLATES, shuffled
from make_checkpoints import SPECS, make
from reference import Reference

TOLERANCE = 1e-5
CI = ["hf-tiny", "hf-tiny-legacy", "hf-tiny-tanh-bf16", "hf-tiny-f16", "hf-small-terse", "oc-tiny",
      "oc-tiny-quick-mixed", "oc-head80-bf16", "hf-b32", "oc-b32"]
LARGE = [name for name in SPECS if name not in CI]
DIFFERENCES = "largest difference from the reference, in any component"


class Case:
    """One checkpoint with the reference's numbers for it."""

    def __init__(self, name, work, pictures):
        self.name, self.spec = name, SPECS[name]
        self.folder = work / name
        if not self.folder.exists():
            make(self.spec, self.folder)
        self.pictures = pictures
        reference = Reference(self.folder)
        self.images = reference.images(pictures)
        self.texts = reference.texts(PROMPTS)
        self.labels = reference.labels(LABELS, TEMPLATES)
        self.logit_scale = reference.logit_scale
        self.ids = [tuple(reference.ids(text)) for text in PROMPTS]
        self.applies_exif = reference.applies_exif
        self.engine = Engine(self.folder, reference.applies_exif)

    def scores(self):
        """(n, L) cosines and softmax of the scaled cosines."""
        cosines = self.images.astype(np.float64) @ self.labels.T.astype(np.float64)
        logits = self.logit_scale * cosines
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return cosines, powers / powers.sum(axis=1, keepdims=True)


def parameters():
    full = os.environ.get("CLIPCLS_PARITY") == "full"
    skip = pytest.mark.skipif(not full, reason="large shapes run with CLIPCLS_PARITY=full")
    return CI + [pytest.param(name, marks=skip) for name in LARGE]


@pytest.fixture(scope="module", params=parameters())
def case(request, work, pictures):
    case = Case(request.param, work, pictures)
    yield case
    if case.name in LARGE and "CLIPCLS_PARITY_WORK" not in os.environ:
        shutil.rmtree(case.folder)


def assert_close(got, wanted, names, tolerance=TOLERANCE):
    """Every component within the tolerance; a failure names each row that is not. Returns the
    largest difference."""
    assert got.shape == wanted.shape
    assert np.isfinite(got).all()
    worst = np.abs(got.astype(np.float64) - wanted).max(axis=1)
    bad = [f"{name!s:.60}: {difference:.2e}"
           for name, difference in zip(names, worst) if difference > tolerance]
    assert not bad, "\n".join(bad)
    return worst.max()


def test_different_inputs_have_different_embeddings(case):
    """Otherwise agreement would say little."""
    distinct = {ids: row for ids, row in zip(case.ids, case.texts)}
    for rows in (case.images, np.stack(list(distinct.values()))):
        cosines = rows @ rows.T
        np.fill_diagonal(cosines, -1)
        assert cosines.max() < 0.9995
        assert np.median(cosines) < 0.9


def test_image_embeddings(case, report):
    got = case.engine.images(case.pictures)
    worst = assert_close(got, case.images, [path.name for path in case.pictures])
    report(DIFFERENCES, case.name, "images", worst)


def test_text_embeddings(case, report):
    worst = assert_close(case.engine.texts(PROMPTS), case.texts, PROMPTS)
    report(DIFFERENCES, case.name, "texts", worst)


def test_ensemble_over_templates(case, report):
    worst = assert_close(case.engine.labels(LABELS, TEMPLATES), case.labels, LABELS)
    report(DIFFERENCES, case.name, "ensemble", worst)


def test_printed_similarities_and_scores(case, report):
    """Six decimals are printed: half a unit of the last one comes on top of the tolerance. A score
    p moves by logit_scale * p * (1 - p) per unit of cosine, at most a quarter of logit_scale."""
    records, _ = case.engine.classify(case.pictures, LABELS, TEMPLATES)
    assert [record["path"] for record in records] == [str(path) for path in case.pictures]
    similarities, scores = case.scores()
    got_similarities, got_scores = np.zeros_like(scores), np.zeros_like(scores)
    for i, record in enumerate(records):
        results = record["results"]
        assert sorted(result["index"] for result in results) == list(range(len(LABELS)))
        assert all(LABELS[result["index"]] == result["label"] for result in results)
        order = [result["similarity"] for result in results]
        assert order == sorted(order, reverse=True)
        for result in results:
            got_similarities[i, result["index"]] = result["similarity"]
            got_scores[i, result["index"]] = result["score"]
    names = [path.name for path in case.pictures]
    half = 5e-7
    worst = assert_close(got_similarities, similarities, names, TOLERANCE + half)
    report(DIFFERENCES, case.name, "similarity", worst)
    worst = assert_close(got_scores, scores, names, TOLERANCE + half)
    report(DIFFERENCES, case.name, "score", worst)


def test_bytes_do_not_depend_on_threads_and_batch(case):
    images, texts = case.engine.images(case.pictures), case.engine.texts(PROMPTS)
    for threads, batch in ((1, 1), (1, 3), (2, 1), (2, 8), (3, 3), (3, 8)):
        options = {"threads": threads, "batch": batch}
        assert np.array_equal(case.engine.images(case.pictures, **options), images), options
        assert np.array_equal(case.engine.texts(PROMPTS, **options), texts), options


def test_printed_bytes_do_not_depend_on_threads_and_batch(case):
    outputs = {case.engine.classify(case.pictures, LABELS, TEMPLATES, "-j", j, "-b", b)[1]
               for j, b in (("1", "1"), ("1", "8"), ("2", "3"), ("3", "1"))}
    assert len(outputs) == 1


def test_a_row_does_not_depend_on_its_neighbours(case):
    images, texts = case.engine.images(case.pictures), case.engine.texts(PROMPTS)
    some, order = shuffled(case.pictures, 1)
    assert np.array_equal(case.engine.images(some), images[order])
    assert np.array_equal(case.engine.images(some[:1]), images[order[:1]])
    assert np.array_equal(case.engine.images(some[:5] * 2), images[order[:5] * 2])
    some, order = shuffled(PROMPTS, 2)
    assert np.array_equal(case.engine.texts(some), texts[order])
    for i in (0, 5, len(some) - 1):
        assert np.array_equal(case.engine.texts([some[i]]), texts[order[i]][None])


def test_single_file_gives_the_directorys_bytes(case, tmp_path):
    """Converted without a change of dtype, a checkpoint gives exactly the same numbers."""
    single = convert(case.folder, tmp_path / "single.safetensors")
    engine = Engine(single, case.applies_exif)
    assert np.array_equal(engine.images(case.pictures), case.engine.images(case.pictures))
    assert np.array_equal(engine.texts(PROMPTS), case.engine.texts(PROMPTS))


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
def test_single_file_of_another_dtype(case, dtype, tmp_path, report):
    """The reference, given the rounded weights, gives what the single file gives; and f32 changes
    nothing, as every dtype fits into it."""
    if case.name in LARGE and dtype != "f32":
        pytest.skip("rounding is shown on the small shapes")
    single = convert(case.folder, tmp_path / "single.safetensors", "--dtype", dtype)
    engine = Engine(single, case.applies_exif)
    if dtype == "f32":
        assert np.array_equal(engine.images(case.pictures), case.engine.images(case.pictures))
        assert np.array_equal(engine.texts(PROMPTS), case.engine.texts(PROMPTS))
        return
    rounded = reference_of_rounded(case, tmp_path / "rounded", dtype)
    names = [path.name for path in case.pictures]
    images = assert_close(engine.images(case.pictures), rounded.images(case.pictures), names)
    texts = assert_close(engine.texts(PROMPTS), rounded.texts(PROMPTS), PROMPTS)
    report(DIFFERENCES, case.name, f"as {dtype}", max(images, texts))


def reference_of_rounded(case, folder, dtype):
    """The reference on a copy of the checkpoint whose weights went through `dtype`."""
    import torch
    from safetensors.torch import load_file, save_file
    target = {"f16": torch.float16, "bf16": torch.bfloat16}[dtype]
    shutil.copytree(case.folder, folder)
    for path in folder.glob("*.safetensors"):
        tensors = {name: tensor.to(target) for name, tensor in load_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})
    return Reference(folder)


def test_single_file_is_a_safetensors_file(case, tmp_path):
    single = convert(case.folder, tmp_path / "single.safetensors")
    with safe_open(single, "np") as opened:
        assert opened.metadata()["format"] == "clipcls"
