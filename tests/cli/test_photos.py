"""The sample photographs and the built-in model, as README and the quick start show them."""

import json

from program import DATA

PHOTOS = DATA / "photos"


def test_every_photo_has_the_right_label_first(clipcls):
    expected = dict(line.split("\t") for line in (PHOTOS / "expected.tsv").read_text().splitlines())
    done = clipcls("-l", PHOTOS / "labels.txt", "-f", "jsonl", PHOTOS)
    records = [json.loads(line) for line in done.out.splitlines()]
    first = {record["path"].rsplit("/", 1)[1]: record["results"][0]["label"] for record in records}
    assert done.code == 0
    assert first == expected


def test_the_class_names_are_the_labels_when_none_are_given(clipcls):
    done = clipcls("-k", "0", "-f", "jsonl", PHOTOS / "goldfish.png")
    labels = [result["label"] for result in json.loads(done.out)["results"]]
    assert done.code == 0
    assert len(labels) == len(set(labels)) > 100
    assert "goldfish" in labels
