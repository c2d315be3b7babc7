"""clipcls --explain-labels: the nearest other label of each, against embeddings of the tool of the parity tests."""

import json
import math
import subprocess

import numpy
import pytest

from program import DATA, PROGRAM
from records import fails, named, records

WORDS = ["dog", "cat", "sofa", "Cat", "airplane", "couch", "plane", "CAT", "a\u00e9 \"b\""]


def pairs(clipcls, *arguments, words=WORDS):
    return clipcls("--explain-labels", "-f", "json", *named(words), *arguments)


def embeddings(words, template="a photo of a {}."):
    prompts = "".join(template.replace("{}", word) + "\0" for word in words).encode()
    model = DATA.parents[1] / "models" / "default.safetensors"
    out = subprocess.run([PROGRAM.parent / "tests" / "dump_embeddings", model, "texts"], input=prompts,
                         stdout=subprocess.PIPE, check=True).stdout
    return numpy.frombuffer(out, "f4").reshape(len(words), -1).astype("f8")


@pytest.mark.parametrize("template", ["a photo of a {}.", "my {}"])
def test_the_nearest_of_every_label(clipcls, template):
    rows = embeddings(WORDS, template)
    cosines = rows @ rows.T
    scale = json.loads(clipcls("inspect", "-f", "json").out)["logit_scale"]
    report = json.loads(pairs(clipcls, "-t", template).out)
    assert sorted(entry["index"] for entry in report) == list(range(len(WORDS)))
    for entry in report:
        i, nearest = entry["index"], entry["nearest_index"]
        assert (entry["label"], entry["nearest"]) == (WORDS[i], WORDS[nearest]) and nearest != i
        best = max(cosines[i][j] for j in range(len(WORDS)) if j != i)
        assert entry["cosine"] == pytest.approx(best, abs=2e-6)
        assert cosines[i][nearest] == pytest.approx(best, abs=2e-6)
        apart = scale * math.sqrt(max(0, 2 - 2 * best) / rows.shape[1])
        assert entry["logits_apart"] == pytest.approx(apart, abs=0.01)
        assert entry["nearly_the_same"] == (apart < 1)
    order = [(-entry["cosine"], entry["index"]) for entry in report if entry["cosine"] < 0.9999]
    assert order == sorted(order) and {entry["nearly_the_same"] for entry in report} == {True, False}


def test_the_same_prompt_is_warned_of(clipcls):
    done = pairs(clipcls)
    told = done.err.splitlines()
    assert done.code == 0 and len(told) == 4
    assert all("nearly the same" in line for line in told)
    assert 'labels "cat" and "Cat"' in told[0] and 'cosine 1.0000' in told[0]
    assert 'labels "CAT" and "cat"' in told[1] and '"airplane" and "plane"' in told[2]
    assert '"sofa" and "couch"' in told[3]
    entries = {entry["label"]: entry for entry in json.loads(done.out)}
    assert entries["cat"]["cosine"] == entries["CAT"]["cosine"] == 1 and entries["CAT"]["nearest"] == "cat"
    assert pairs(clipcls, "-q").err == ""
    assert pairs(clipcls, words=["dog", "sofa"]).err == ""


def test_many_warnings_are_counted(clipcls):
    words = [form for word in "dog cat cow fox hen owl pig rat bat elk ape emu".split()
             for form in (word, word.upper())]
    told = pairs(clipcls, words=words).err.splitlines()
    assert len(told) == 11 and told[-1].startswith("clipcls: ") and told[-1].endswith("more pairs are nearly the same")


def test_every_format_says_the_same(clipcls, work):
    expected = json.loads(pairs(clipcls).out)
    assert records(clipcls("--explain-labels", "-f", "jsonl", *named(WORDS))) == expected
    table = clipcls("--explain-labels", "-f", "tsv", *named(WORDS)).out.decode()
    rows = [line.split("\t") for line in table.splitlines()]
    assert rows[0] == ["label", "nearest", "cosine", "logits_apart", "nearly_the_same"]
    assert rows[1:] == [[entry["label"], entry["nearest"], f"{entry['cosine']:.6f}", f"{entry['logits_apart']:.6f}",
                         str(int(entry["nearly_the_same"]))] for entry in expected]
    lines = clipcls("--explain-labels", *named(WORDS)).out.decode().splitlines()[1:]
    for line, entry in zip(lines, expected, strict=True):
        assert line.startswith(f"{entry['cosine']:6.4f}  {entry['logits_apart']:12.2f}  {entry['label']} ")
        assert line.endswith("nearly the same") == entry["nearly_the_same"] and f"  {entry['nearest']}" in line


def test_spaces_around_a_label_do_not_count(clipcls, work):
    (work / "labels").write_text("sofa\nsofa \n")
    assert fails(clipcls("--explain-labels", "-l", "labels"), "labels:2", "twice")


@pytest.mark.parametrize("arguments, word", [
    (["a.png"], "no pictures"), (["--files-from", "list"], "no pictures"), (["--stream", "-"], "no pictures"),
    (["-f", "csv"], "tsv"), (["-f", "junit"], "tsv"), (["--print0"], "tsv"),
    (["-l", "-", "--templates", "-"], "read once")])
def test_what_does_not_go_with_it(clipcls, arguments, word):
    assert fails(clipcls("--explain-labels", *named(WORDS), *arguments), word)


def test_one_label_has_no_other(clipcls):
    assert fails(clipcls("--explain-labels", "-L", "cat"), "two labels")


def test_labels_of_the_model_without_a_list(clipcls):
    assert len(records(clipcls("--explain-labels", "-q", "-f", "jsonl"))) == 210
