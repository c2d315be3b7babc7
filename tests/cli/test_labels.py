"""The labels file."""

import pytest

from records import labels, records


@pytest.fixture
def run(classify, pictures, work):
    """Classifies a.png with a labels file of these bytes."""
    def call(content, *options, name="labels.txt"):
        (work / name).write_bytes(content)
        return classify("-f", "jsonl", "-k", "0", "-l", name, *options, "a.png", labels=[])
    return call


@pytest.mark.parametrize("content", [
    b"cat\ndog\nred panda\n",
    b"cat\ndog\nred panda",
    b"cat\r\ndog\r\nred panda\r\n",
    b"\xef\xbb\xbfcat\ndog\nred panda\n",
    b"\n  cat \n\n\n dog\t\n   \nred panda   \n\n",
])
def test_same_labels(run, classify, content):
    done = run(content)
    assert (done.code, done.out) == (0, classify("-f", "jsonl", "-k", "0", "a.png").out)


def test_own_prompts_are_used_as_they_are(run):
    own = run(b"cat\tthe cat in the rain\ndog\tthe dog in the rain\n", "-t", "unused {}")
    assert own.out == run(b"cat\ndog\n", "-t", "the {} in the rain").out


def test_several_own_prompts_are_an_ensemble(run):
    own = run(b"cat\tthe cat\ta cat there\ndog\tthe dog\ta dog there\n")
    assert own.out == run(b"cat\ndog\n", "-t", "the {}", "-t", "a {} there").out


def test_own_prompts_and_templates_side_by_side(run):
    mixed = run(b"cat\tthe cat\ndog\n", "-t", "the {}")
    assert mixed.out == run(b"cat\ndog\n", "-t", "the {}").out


def test_braces_in_own_prompts_are_text(run):
    assert run(b"cat\ta {} here\ndog\n").out != run(b"cat\ta cat here\ndog\n").out


@pytest.mark.parametrize("content, line", [
    (b"cat\ndog\n\xff\xfe\n", 3),
    (b"cat\ncaf\xe9\n", 2),
    (b"\xc0\xafcat\n", 1),
    (b"cat\xed\xa0\x80\n", 1),
    (b"cat\n\ndog\ncat\n", 4),
    (b"cat\r\ndog\r\n cat \r\n", 3),
    (b"cat\tone prompt\ndog\ncat\n", 3),
])
def test_errors_name_file_and_line(run, content, line):
    done = run(content)
    assert (done.code, done.out) == (2, b"")
    assert f"labels.txt:{line}:" in done.err


@pytest.mark.parametrize("content", [b"", b"\n\n", b" \r\n", b"\xef\xbb\xbf"])
def test_a_file_without_labels_is_an_error(run, content):
    done = run(content)
    assert (done.code, done.out) == (2, b"") and "labels.txt" in done.err


def test_a_missing_labels_file_is_named(classify, pictures):
    done = classify("-l", "nosuch.txt", "a.png", labels=[])
    assert (done.code, done.out) == (2, b"") and "nosuch.txt" in done.err


def test_a_label_twice_on_the_command_line(classify, pictures):
    done = classify("a.png", labels=["cat", "dog", "cat"])
    assert (done.code, done.out) == (2, b"") and "cat" in done.err


def test_labels_on_stdin(classify, pictures):
    done = classify("-f", "jsonl", "-k", "0", "-l", "-", "a.png", labels=[],
                    stdin=b"cat\ndog\nred panda\n")
    assert (done.code, done.out) == (0, classify("-f", "jsonl", "-k", "0", "a.png").out)
    bad = classify("-l", "-", "a.png", labels=[], stdin=b"cat\ncat\n")
    assert bad.code == 2 and ":2:" in bad.err


def test_built_in_imagenet_labels(classify, pictures):
    done = classify("-f", "jsonl", "-k", "0", "-l", "imagenet1k", "-t", "{}", "a.png", labels=[])
    found = records(done)[0]["results"]
    assert done.code == 0 and len(found) == 1000
    assert sorted(result["index"] for result in found) == list(range(1000))
    assert "tench" in labels(records(done)[0])


def test_no_labels_for_a_model_without_its_own(classify, pictures):
    done = classify("a.png", labels=[])
    assert (done.code, done.out) == (2, b"") and "label" in done.err


def test_ten_thousand_labels(run):
    done = run(b"".join(b"label %d\n" % i for i in range(10000)), "-t", "{}")
    assert done.code == 0 and len(records(done)[0]["results"]) == 10000


def test_a_label_longer_than_the_context(run):
    assert run(b"cat\n" + b"very long label " * 500 + b"\n").code == 0
