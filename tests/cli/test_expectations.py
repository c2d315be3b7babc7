"""--expect, --min-score, --match, --print0 and junit: pictures judged by their first label."""

import os
import shutil
import xml.etree.ElementTree as tree

import pytest

from records import paths, records


@pytest.fixture
def firsts(classify, pictures):
    """{picture: its first label, its score} with the tiny model."""
    first = lambda record: (record["results"][0]["label"], record["results"][0]["score"])
    return {record["path"]: first(record) for record in records(classify("-f", "jsonl", *pictures))}


def test_an_expectation_that_is_met(classify, firsts):
    label = firsts["a.png"][0]
    plain, done = classify("a.png"), classify("--expect", label, "a.png")
    assert (done.code, done.out, done.err) == (0, plain.out, "")


def test_an_expectation_that_is_not_met(classify, firsts):
    label, score = firsts["a.png"]
    other = next(name for name in ("cat", "dog", "red panda") if name != label)
    plain, done = classify("-f", "jsonl", "a.png"), classify("-f", "jsonl", "--expect", other, "a.png")
    assert (done.code, done.out) == (1, plain.out)
    assert done.err == f"clipcls: a.png: expected {other}, is {label} ({100 * score:.1f}%)\n"


def test_one_picture_that_is_not_as_expected_is_enough(classify, firsts):
    labels = {label for label, _ in firsts.values()}
    assert len(labels) > 1
    done = classify("-f", "jsonl", "--expect", firsts["a.png"][0], *firsts)
    unmet = [path for path, (label, _) in firsts.items() if label != firsts["a.png"][0]]
    assert done.code == 1 and paths(done) == list(firsts)
    assert [line.split(": ")[1] for line in done.err.splitlines()] == unmet


def test_a_least_score(classify, firsts):
    label, score = firsts["a.png"]
    assert classify("--min-score", f"{score - 0.001:.6f}", "a.png").code == 0
    done = classify("--min-score", f"{score + 0.001:.6f}", "a.png")
    assert done.code == 1 and f"of at least {100 * (score + 0.001):.1f}%, is {label}" in done.err
    assert classify("--expect", label, "--min-score", "1", "a.png").code == 1
    for bad in ("1.5", "-1", "x", ""):
        assert classify("--min-score", bad, "a.png").code == 2


def test_an_expectation_does_not_hide_a_failure(classify, firsts, work):
    (work / "broken.png").write_bytes(b"\x89PNG")
    done = classify("-f", "jsonl", "--expect", firsts["a.png"][0], "a.png", "broken.png")
    assert done.code == 1 and "error" in records(done)[1] and done.err == ""


@pytest.mark.parametrize("option", ["--expect", "--match"])
def test_a_label_that_there_is_not(classify, pictures, option):
    done = classify(option, "horse", "a.png")
    assert (done.code, done.out) == (2, b"")
    assert done.err == f"clipcls: {option} horse: is not among the labels\n"


def test_only_matching_pictures_are_printed(classify, firsts, work):
    (work / "broken.png").write_bytes(b"\x89PNG")
    label = firsts["b.png"][0]
    matching = [path for path, (first, _) in firsts.items() if first == label]
    done = classify("-f", "jsonl", "--match", label, *firsts, "broken.png")
    assert done.code == 1 and paths(done) == [*matching, "broken.png"]
    everything = [part for name in ("cat", "dog", "red panda") for part in ("--match", name)]
    assert paths(classify("-f", "jsonl", *everything, *firsts)) == list(firsts)


def test_a_match_can_ask_for_a_score(classify, firsts):
    label, score = firsts["b.png"]
    for least, shown in ((score - 0.001, True), (score + 0.001, False)):
        done = classify("-f", "jsonl", "--match", label, "--min-score", f"{least:.6f}", "b.png")
        assert (done.code, paths(done), done.err) == (0, ["b.png"] if shown else [], "")


def test_no_match_gives_a_whole_json_array(classify, firsts):
    label = firsts["a.png"][0]
    other = next(name for name in ("cat", "dog", "red panda") if name != label)
    assert classify("-f", "json", "--match", other, "a.png").out == b"[]\n"


def test_print0_prints_paths_alone(classify, firsts, work):
    shutil.copy(work / "a.png", work / "a\nb.png")
    (work / "broken.png").write_bytes(b"\x89PNG")
    done = classify("--print0", "a\nb.png", "broken.png", "b.png")
    assert (done.code, done.out) == (1, b"a\nb.png\0b.png\0") and "broken.png" in done.err
    done = classify("--print0", "--match", firsts["b.png"][0], "b.png")
    assert (done.code, done.out) == (0, b"b.png\0")


@pytest.mark.parametrize("arguments", [["--print0", "-f", "jsonl"], ["-f", "csv", "--print0"]])
def test_print0_goes_with_no_format(classify, pictures, arguments):
    done = classify(*arguments, "a.png")
    assert (done.code, done.out) == (2, b"") and "--print0" in done.err


def junit(done):
    suite = tree.fromstring(done.out)[0]
    counts = [int(suite.get(key)) for key in ("tests", "failures", "errors")]
    return counts, [(case.get("name"), [child.tag for child in case]) for case in suite]


def test_junit_counts_failures_and_errors(classify, firsts, work):
    (work / "broken.png").write_bytes(b"\x89PNG")
    label = firsts["a.png"][0]
    done = classify("-f", "junit", "--expect", label, *firsts, "broken.png")
    counts, cases = junit(done)
    unmet = [path for path, (first, _) in firsts.items() if first != label]
    assert done.code == 1 and counts == [4, len(unmet), 1]
    assert cases == [(path, (["failure"] if path in unmet else []) + ["system-out"]) for path in firsts] + [
        ("broken.png", ["error", "system-out"])]
    assert junit(classify("-f", "junit", *firsts))[0] == [3, 0, 0]


def test_junit_is_well_formed_whatever_the_names(classify, pictures, work):
    names = ["<&\">.png", "tab\there.png", "\u00e9\U0001f600.png", os.fsdecode(b"\xff\xfe.png"), "\ufffe.png"]
    for name in names:
        shutil.copy(work / "a.png", work / name)
    done = classify("-f", "junit", *names, labels=("<b>&amp;</b>", "\"'"))
    assert [name for name, _ in junit(done)[1]] == [
        "<&\">.png", "tab\\x09here.png", "\u00e9\U0001f600.png", "\\xFF\\xFE.png", "\\xEF\\xBF\\xBE.png"]
    texts = [case.find("system-out").text for case in tree.fromstring(done.out)[0]]
    assert all("<b>&amp;</b>" in text and "\"'" in text for text in texts)
