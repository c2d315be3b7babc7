"""clipcls eval: its figures against the same worked out here from the records of classify."""

import json
import shutil

import numpy
import pytest
from sklearn import metrics

from program import DATA
from records import fails, records

LABELS = ["cat", "red panda", "dog", "sea lion"]


@pytest.fixture
def folders(work):
    """{path: class}: a folder for each of three classes, one of them with a folder in it."""
    truth = {}
    sources = sorted(path for path in (DATA / "images").iterdir() if path.suffix == ".png")
    for i, source in enumerate(sources):
        name = ("cat", "dog", "red_panda")[i % 3]
        path = work / "set" / name / ("deep" if i % 4 == 0 else ".") / source.name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, path)
        truth[str(path.relative_to(work))] = name
    return truth


@pytest.fixture
def evaluate(clipcls, model):
    def call(*arguments, labels=LABELS, **options):
        named = [part for label in labels for part in ("-L", label)]
        return clipcls("eval", "-m", model, *named, *arguments, **options)
    return call


def by_hand(classify, truth, right, allowed=None, labels=LABELS):
    """The report of eval. right: {class: set of labels}; allowed: labels that may be an answer."""
    allowed = set(labels) if allowed is None else allowed
    report = {"pictures": len(truth), "failed": 0}
    bins = [[] for _ in range(15)]
    per_class = {name: [] for name in sorted(set(truth.values()))}
    for record in records(classify("-f", "jsonl", "-k", "0", *truth, labels=labels)):
        name = truth[record["path"]]
        answers = [result for result in record["results"] if result["label"] in allowed]
        score = answers[0]["score"] / sum(answer["score"] for answer in answers)
        hit = answers[0]["label"] in right[name]
        bins[min(int(score * 15), 14)].append((score, hit))
        per_class[name].append((answers[0]["label"], hit, any(a["label"] in right[name] for a in answers[:5])))
    n = len(truth)
    everything = [answer for answers in per_class.values() for answer in answers]
    report["top1"] = sum(hit for _, hit, _ in everything) / n
    report["top5"] = sum(five for _, _, five in everything) / n
    report["mean_per_class"] = sum(sum(hit for _, hit, _ in answers) / len(answers)
                                   for answers in per_class.values()) / len(per_class)
    report["mean_score"] = sum(score for of_bin in bins for score, _ in of_bin) / n
    report["ece"] = sum(abs(sum(hit for _, hit in of_bin) - sum(score for score, _ in of_bin))
                        for of_bin in bins) / n
    taken = {name: {label: [answer for answer, _, _ in answers].count(label) for label in labels}
             for name, answers in per_class.items()}
    return report, taken


def compare(done, expected, taken):
    report = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    for key, value in expected.items():
        # Records have scores with six decimals: their sums and quotients are off by a little more.
        near = 1e-5 if key in ("mean_score", "ece") else 1e-6
        assert report[key] == pytest.approx(value, abs=near), key
    for entry in report["classes"]:
        confusion = {cell["label"]: cell["pictures"] for cell in entry["confusion"]}
        assert confusion == {label: n for label, n in taken[entry["class"]].items() if n > 0}
        assert entry["pictures"] == sum(confusion.values())
    assert [entry["class"] for entry in report["classes"]] == list(taken)


BY_NAME = {"cat": {"cat"}, "dog": {"dog"}, "red_panda": {"red panda"}}


def test_folders(evaluate, classify, folders):
    compare(evaluate("-f", "json", "set"), *by_hand(classify, folders, BY_NAME))


def test_figures_are_scikit_learn_s(evaluate, classify, folders):
    labels = [*LABELS, "zebra", "ship", "tree", "house", "bottle"]
    truth, scores = [], []
    for record in records(classify("-f", "jsonl", "-k", "0", *folders, labels=labels)):
        truth.append(labels.index(folders[record["path"]].replace("_", " ")))
        scores.append([result["similarity"] for result in sorted(record["results"], key=lambda r: r["index"])])
    answers = numpy.argmax(scores, axis=1)
    report = json.loads(evaluate("-f", "json", "set", labels=labels).out)
    every = range(len(labels))
    assert report["top1"] == pytest.approx(metrics.accuracy_score(truth, answers), abs=1e-6)
    assert report["top5"] == pytest.approx(metrics.top_k_accuracy_score(truth, scores, k=5, labels=every), abs=1e-6)
    recalls = metrics.recall_score(truth, answers, average=None, labels=sorted(set(truth)))
    assert report["mean_per_class"] == pytest.approx(recalls.mean(), abs=1e-6)
    matrix = metrics.confusion_matrix(truth, answers, labels=every)
    for entry in report["classes"]:
        row = numpy.zeros(len(labels), int)
        for cell in entry["confusion"]:
            row[cell["index"]] = cell["pictures"]
        assert (row == matrix[labels.index(entry["class"].replace("_", " "))]).all()


def test_more_labels_than_five(evaluate, classify, folders):
    labels = [*LABELS, "zebra", "ship", "tree", "house", "bottle"]
    compare(evaluate("-f", "json", "set", labels=labels), *by_hand(classify, folders, BY_NAME, labels=labels))


def test_answers_of_the_subset_alone(evaluate, classify, folders):
    allowed = {"cat", "dog", "red panda"}
    whole, subset = by_hand(classify, folders, BY_NAME), by_hand(classify, folders, BY_NAME, allowed)
    assert whole != subset  # or this would test nothing
    compare(evaluate("-f", "json", "--subset", "set"), *subset)


def test_a_map_of_names(evaluate, classify, folders, work):
    (work / "names").write_text("cat\tsea lion\tcat\nunknown\tcat\r\ndog\t#2\nred_panda\tred panda\n")
    right = {"cat": {"cat", "sea lion"}, "dog": {"dog"}, "red_panda": {"red panda"}}
    compare(evaluate("-f", "json", "--names", "names", "set"), *by_hand(classify, folders, right))


def test_classes_without_a_label_are_left_out(evaluate, classify, folders, work):
    (work / "names").write_text("cat\ndog\tdog\nred_panda\tred panda\n")
    kept = {path: name for path, name in folders.items() if name != "cat"}
    compare(evaluate("-f", "json", "--names", "names", "set"), *by_hand(classify, kept, BY_NAME))
    (work / "names").write_text("cat\ndog\nred_panda\n")
    done = evaluate("--names", "names", "set")
    assert done.code == 2 and "no picture is left" in done.err


def test_folders_named_as_imagenet_s_are(evaluate, folders, work):
    """By WordNet ids, as ImageNet-R, -A and -Sketch have them, or by numbers, as ImageNet-V2."""
    (work / "names").write_text("cat\t#0\ndog\t#1\nred_panda\t#999\n")
    wanted = json.loads(evaluate("-f", "json", "-l", "imagenet1k", "--names", "names", "set", labels=[]).out)
    for renamed in (("n01440764", "n01443537", "n15075141"), ("0", "1", "999")):
        shutil.copytree(work / "set", work / renamed[0] / "set")
        for name, other in zip(("cat", "dog", "red_panda"), renamed):
            (work / renamed[0] / "set" / name).rename(work / renamed[0] / "set" / other)
        for subset in ([], ["--subset"]):
            done = evaluate("-f", "json", "-l", "imagenet1k", *subset, f"{renamed[0]}/set", labels=[])
            assert (done.code, done.err) == (0, "")
            report = json.loads(done.out)
            assert [entry["class"] for entry in report["classes"]] == sorted(renamed)
            right = [cell["label"] for entry in report["classes"] for cell in entry["confusion"] if cell["right"]]
            assert set(right) <= {"tench", "goldfish", "toilet paper"}
            if not subset:
                for key in ("top1", "top5", "mean_per_class", "ece"):
                    assert report[key] == wanted[key]
            else:
                assert report["top5"] == 1  # of three labels
    done = evaluate("-l", "imagenet1k", "-f", "json", "set", labels=[])
    assert done.code == 2 and "class cat: no label has this name" in done.err


def test_a_list_of_pictures(evaluate, classify, folders, work):
    (work / "lists").mkdir()
    lines = "".join(f"../{path}\t{name}\n" for path, name in folders.items())
    (work / "lists" / "all.tsv").write_text(lines + "\n")
    done = evaluate("-f", "json", "lists/all.tsv")
    expected, taken = by_hand(classify, folders, BY_NAME)
    order = list(dict.fromkeys(folders.values()))
    compare(done, expected, {name: taken[name] for name in order})


def test_labels_are_the_folders_names(evaluate, classify, folders):
    labels = ["cat", "dog", "red panda"]
    done = evaluate("-f", "json", "set", labels=[])
    compare(done, *by_hand(classify, folders, BY_NAME, labels=labels))


def test_the_threads_and_batches_change_nothing(evaluate, folders):
    expected = evaluate("-f", "json", "set").out
    for arguments in (["-j", "1"], ["-j", "3", "-b", "1"], ["-b", "7"]):
        assert evaluate("-f", "json", *arguments, "set").out == expected


def test_the_table(evaluate, folders):
    done = evaluate("set")
    lines = done.out.decode().splitlines()
    report = json.loads(evaluate("-f", "json", "set").out)
    assert done.code == 0 and lines[0] == f"pictures         {len(folders)}"
    assert lines[2] == f"top-1            {100 * report['top1']:.2f} %"
    assert [line.split()[0] for line in lines[-3:]] == ["cat", "dog", "red_panda"]
    for line, entry in zip(lines[-3:], report["classes"]):
        wrong = [cell for cell in entry["confusion"] if not cell["right"]]
        worst = max(wrong, key=lambda cell: (cell["pictures"], -cell["index"]))
        assert f"  {worst['label']} ({100 * worst['pictures'] / entry['pictures']:.1f} %)" in line


def test_a_picture_that_cannot_be_read(evaluate, folders, work):
    (work / "set" / "cat" / "broken.png").write_bytes(b"\x89PNG")
    done = evaluate("-f", "json", "set")
    report = json.loads(done.out)
    assert done.code == 1 and "set/cat/broken.png" in done.err
    assert (report["pictures"], report["failed"]) == (len(folders), 1)
    assert [entry["failed"] for entry in report["classes"]] == [1, 0, 0]


def test_a_class_without_a_label(evaluate, folders):
    assert fails(evaluate("set", labels=["cat", "dog"]), "red_panda", "--names")


@pytest.mark.parametrize("text, words", [
    ("cat\tcat\ndog\tdog\n", ["red_panda"]), ("cat\thorse\n", ["names:1", "horse"]),
    ("cat\t#4\n", ["names:1", "#4"]), ("cat\t#\n", ["names:1"]), ("", ["class cat"])])
def test_a_bad_map(evaluate, folders, work, text, words):
    (work / "names").write_text(text)
    assert fails(evaluate("--names", "names", "set"), *words)


@pytest.mark.parametrize("text, words", [
    ("a.png\n", ["list:1"]), ("a.png\tcat\n\tdog\n", ["list:2"]), ("a.png\t\n", ["list:1"]), ("", ["list"])])
def test_a_bad_list(evaluate, work, text, words):
    (work / "list").write_text(text)
    assert fails(evaluate("list"), *words)


def test_nothing_to_evaluate(evaluate, work):
    (work / "empty" / "cat").mkdir(parents=True)
    assert fails(evaluate("empty"), "empty: holds no picture")
    assert fails(evaluate("nowhere"), "nowhere")
    assert fails(evaluate(), "eval") and fails(evaluate("a", "b"), "eval")
    assert fails(evaluate("--names", "nowhere", "empty"))


def test_the_built_in_model_knows_its_photographs(clipcls, work):
    for path in (DATA / "photos").iterdir():
        if path.suffix in (".jpg", ".png"):
            (work / "photos" / path.stem).mkdir(parents=True)
            shutil.copy(path, work / "photos" / path.stem)
    report = json.loads(clipcls("eval", "-f", "json", "photos").out)
    assert report["pictures"] == 8 and report["top1"] >= 0.875 and report["top5"] == 1
