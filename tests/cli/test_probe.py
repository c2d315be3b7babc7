"""clipcls probe: against scikit-learn's LogisticRegression on the same embeddings."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from sklearn import linear_model

from program import PROGRAM
from probe_support import TEXTS, TINTS, make_folders, noise, ranks, tensors
from records import fails, labels, named, paths, records, scores

EMBEDDING = 32  # of the tiny checkpoint


@pytest.fixture
def train(work):
    return make_folders(work / "train", {"cat": 24, "dog": 20, "red_panda": 21, "sea_lion": 9}, "train")


@pytest.fixture
def test(work):
    return make_folders(work / "test", {"cat": 30, "dog": 30, "red_panda": 30, "sea_lion": 30}, "test")


@pytest.fixture
def probe(clipcls, model):
    def call(verb, *arguments, **options):
        return clipcls("probe", verb, "-m", model, *arguments, **options)
    return call


@pytest.fixture
def embed(work, model):
    """Embeddings of pictures, (n, E), by the tool of the parity tests."""
    tool = PROGRAM.parent / "tests" / "dump_embeddings"
    if not tool.exists():
        pytest.skip("the build is without tests")

    def call(pictures):
        done = subprocess.run([tool, model, "images", *pictures], cwd=work, capture_output=True, check=True)
        return np.frombuffer(done.stdout, np.float32).reshape(len(pictures), EMBEDDING).astype(np.float64)
    return call


def reference(rows, names, c):
    return linear_model.LogisticRegression(C=c, tol=1e-9, max_iter=10000).fit(rows, names)


def good(done):
    assert (done.code, done.err) == (0, ""), done.err
    return done


# ---- what is learned ----


@pytest.mark.parametrize("c", ["0.5", "10", "300"])
@pytest.mark.parametrize("count", [2, 4])
def test_as_scikit_learn_has_it(clipcls, probe, model, embed, train, test, work, c, count):
    names = sorted(TINTS)[:count]
    for folder in (work / "train", work / "test"):
        for name in set(TINTS) - set(names):
            shutil.rmtree(folder / name)
    good(probe("train", "--c", c, "-o", "p.safetensors", "train"))
    seen = [path for path, name in train.items() if name in names]
    unseen = [path for path, name in test.items() if name in names]
    fitted = reference(embed(seen), [train[path] for path in seen], float(c))
    found, metadata = tensors(work / "p.safetensors")
    assert metadata == {"format": "clipcls-probe", "format_version": "1", "C": c}
    assert found["classes"] == [TEXTS[name] for name in names]
    weight, bias = found["weight"], found["bias"]
    if count == 2:
        weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
    # scikit-learn's own distance from the minimum, and weights in float32.
    assert np.abs(weight - fitted.coef_).max() < 1e-3 * np.abs(fitted.coef_).max()
    assert np.abs(bias - fitted.intercept_).max() < 1e-3 * max(1, np.abs(fitted.coef_).max())
    done = good(clipcls("-m", model, "--probe", "p.safetensors", "-f", "jsonl", "-k", "0", *unseen))
    rows, answers = embed(unseen), records(done)
    accuracy = np.mean([labels(record)[0] == TEXTS[test[record["path"]]] for record in answers])
    assert abs(accuracy - fitted.score(rows, [test[path] for path in unseen])) <= 0.005
    assert 1.1 / count < accuracy < 1  # or this would test little
    for record, chances, logits in zip(answers, fitted.predict_proba(rows), fitted.decision_function(rows)):
        assert [scores(record)[TEXTS[name]] for name in names] == pytest.approx(list(chances), abs=1e-3)
        similarity = {result["label"]: result["similarity"] for result in record["results"]}
        if count > 2:
            assert [similarity[TEXTS[name]] for name in names] == pytest.approx(list(logits), abs=2e-2, rel=1e-3)


def test_the_threads_do_not_change_the_file(probe, train, work):
    for threads in "124":
        good(probe("train", "-j", threads, "-b", threads, "-o", threads, "train"))
    assert (work / "1").read_bytes() == (work / "2").read_bytes() == (work / "4").read_bytes()


# ---- which pictures ----


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_shots_are_chosen_as_documented(probe, train, work, seed):
    good(probe("train", "--shots", "3", "--seed", str(seed), "-o", "chosen", "train"))
    ranked = ranks(train, seed)
    (work / "list").write_text("".join(f"{path}\t{name}\n" for path, name in train.items() if ranked[path] < 3))
    good(probe("train", "-o", "listed", "list"))
    assert (work / "chosen").read_bytes() == (work / "listed").read_bytes()


def test_a_seed_gives_the_same_again_and_another_gives_others(probe, train, work):
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        good(probe("train", "--shots", "4", "--seed", seed, "-o", name, "train"))
    assert (work / "a").read_bytes() == (work / "b").read_bytes() != (work / "c").read_bytes()


def test_more_shots_than_pictures_are_all_of_them(probe, train, work):
    good(probe("train", "--shots", "1000", "-o", "some", "train"))
    good(probe("train", "-o", "all", "train"))
    assert (work / "some").read_bytes() == (work / "all").read_bytes()


# ---- the curve ----


def curve(done):
    report = json.loads(good(done).out)
    return report, {point["shots"]: point for point in report["curve"]}


def by_hand(embed, train, test, ranked, shots, c=10):
    seen = [path for path in train if ranked[path] < shots]
    fitted = reference(embed(seen), [train[path] for path in seen], c)
    answers = fitted.predict(embed(list(test)))
    hits = {name: [answer == name for answer, truth in zip(answers, test.values()) if truth == name]
            for name in set(test.values())}
    return {"shots": shots, "pictures": len(seen), "top1": sum(sum(part) for part in hits.values()) / len(test),
            "mean_per_class": sum(sum(part) / len(part) for part in hits.values()) / len(hits)}


def zero_shot(clipcls, model, work, truth, *arguments):
    (work / "tested").write_text("".join(f"{path}\t{name}\n" for path, name in truth.items()))
    arguments = arguments or named(TEXTS.values())  # of all classes, whichever are tested
    report = json.loads(good(clipcls("eval", "-m", model, "-f", "json", *arguments, "tested")).out)
    return {"top1": report["top1"], "mean_per_class": report["mean_per_class"]}


def test_a_curve_on_other_pictures(clipcls, probe, model, embed, train, test, work):
    report, points = curve(probe("train", "--curve", "--seed", "3", "--test", "test", "-f", "json", "train"))
    ranked = ranks(train, 3)
    assert {key: report[key] for key in ("test_pictures", "failed", "classes", "c", "seed")} == {
        "test_pictures": 120, "failed": 0, "classes": 4, "c": 10, "seed": 3}
    assert report["zero_shot"] == zero_shot(clipcls, model, work, test)
    assert list(points) == [1, 2, 4, 8, 16]
    for shots, point in points.items():
        assert point == pytest.approx(by_hand(embed, train, test, ranked, shots), abs=1e-6)


def test_a_curve_on_pictures_that_no_shot_is_taken_from(clipcls, probe, model, embed, train, work):
    report, points = curve(probe("train", "--curve", "--shots", "6", "--c", "2", "-o", "p", "-f", "json", "train"))
    ranked = ranks(train, 0)
    rest = {path: name for path, name in train.items() if ranked[path] >= 16}
    assert report["test_pictures"] == len(rest) == 17 and list(points) == [1, 2, 4, 6, 8, 16]
    assert report["zero_shot"] == zero_shot(clipcls, model, work, rest)
    for shots, point in points.items():
        assert point == pytest.approx(by_hand(embed, train, rest, ranked, shots, c=2), abs=1e-6)
    good(probe("train", "--shots", "6", "--c", "2", "-o", "alone", "train"))
    assert (work / "p").read_bytes() == (work / "alone").read_bytes()


def test_a_curve_of_more_shots(probe, train, work):
    report, points = curve(probe("train", "--curve", "--shots", "20", "-f", "json", "train"))
    assert list(points) == [1, 2, 4, 8, 16, 20] and report["test_pictures"] == 4 + 1
    for name in TINTS:
        for i in range(4, 30):
            (work / "train" / name / f"{i:03}.ppm").unlink(missing_ok=True)
    report, points = curve(probe("train", "--curve", "-f", "json", "train"))
    assert list(points) == [1, 2] and report["test_pictures"] == 8


def test_labels_of_the_zero_shot_figure(clipcls, probe, model, train, test, work):
    (work / "names").write_text("cat\tcat\tkitten\ndog\tdog\nred_panda\tpanda\nsea_lion\tcat\n")
    arguments = ["-L", "cat", "-L", "kitten", "-L", "dog", "-L", "panda", "-L", "ship", "-t", "{}!",
                 "--names", "names", "--subset"]
    report, points = curve(probe("train", "--curve", "--test", "test", "-f", "json", *arguments, "train"))
    assert report["zero_shot"] == zero_shot(clipcls, model, work, test, *arguments)
    plain, plain_points = curve(probe("train", "--curve", "--test", "test", "-f", "json", "train"))
    assert points == plain_points and report["zero_shot"] != plain["zero_shot"]


def test_classes_without_a_zero_shot_label(clipcls, probe, model, train, test, work):
    (work / "names").write_text("cat\tcat\ndog\nred_panda\tcat\nsea_lion\tsea lion\n")
    arguments = ["--curve", "--names", "names", "-f", "json", *named(TEXTS.values())]
    assert fails(probe("train", *arguments, "train"), "names: ", "--test")
    report, points = curve(probe("train", *arguments, "--test", "test", "train"))
    assert (report["classes"], report["test_pictures"], points[16]["pictures"]) == (4, 90, 57)
    assert report["zero_shot"] == zero_shot(clipcls, model, work, test, "--names", "names", *named(TEXTS.values()))


def test_the_table(probe, train, test, work):
    for path in sorted((work / "test" / "cat").iterdir())[5:]:
        path.unlink()
    arguments = ["train", "--curve", "--test", "test", "train"]
    report, points = curve(probe(*arguments, "-f", "json"))
    lines = good(probe(*arguments)).out.decode().splitlines()
    assert lines[:3] == ["test pictures  95", "classes        4", ""]
    expected = [["zero-shot", f"{100 * report['zero_shot']['top1']:.2f}", "%",
                 f"{100 * report['zero_shot']['mean_per_class']:.2f}", "%"]]
    expected += [[str(shots), str(point["pictures"]), f"{100 * point['top1']:.2f}", "%",
                  f"{100 * point['mean_per_class']:.2f}", "%"] for shots, point in points.items()]
    assert [line.split() for line in lines[4:]] == expected
    assert len({len(line) for line in lines[4:]}) == 1


# ---- using one ----


@pytest.fixture
def trained(probe, train):
    good(probe("train", "-o", "p.safetensors", "train"))
    return "p.safetensors"


def test_apply_is_classify_with_a_probe(clipcls, probe, model, trained, test):
    done = good(probe("apply", "--probe", trained, "-f", "jsonl", "test"))
    assert done.out == good(clipcls("-m", model, "--probe", trained, "-f", "jsonl", "test")).out
    assert paths(done) == list(test)
    for record in records(done):
        assert sorted(labels(record)) == sorted(TEXTS.values())
        assert sum(scores(record).values()) == pytest.approx(1, abs=1e-5)
    assert good(probe("apply", "--probe", trained, "test/cat/000.ppm")).out.decode().count("%") == 4


def test_expectations_of_a_probe(probe, trained, test):
    found = records(probe("apply", "--probe", trained, "-f", "jsonl", "test/cat/000.ppm"))[0]
    first = labels(found)[0]
    for label, code in ((first, 0), (next(text for text in TEXTS.values() if text != first), 1)):
        assert probe("apply", "--probe", trained, "--expect", label, "test/cat/000.ppm").code == code
    assert fails(probe("apply", "--probe", trained, "--expect", "zebra", "test/cat/000.ppm"), "zebra")


def test_eval_of_a_probe(clipcls, probe, model, trained, test):
    done = good(clipcls("eval", "-m", model, "--probe", trained, "-f", "json", "test"))
    answers = records(probe("apply", "--probe", trained, "-f", "jsonl", "test"))
    hits = [labels(record)[0] == TEXTS[test[record["path"]]] for record in answers]
    assert json.loads(done.out)["top1"] == pytest.approx(sum(hits) / len(hits), abs=1e-6)


def test_another_dtype_of_the_model_is_the_same_model(clipcls, model, trained, test):
    good(clipcls("convert", model, "half.safetensors", "--dtype", "bf16"))
    good(clipcls("-m", "half.safetensors", "--probe", trained, "test/cat/000.ppm"))


def test_another_model_is_refused(clipcls, trained, test):
    assert fails(clipcls("--probe", trained, "test/cat/000.ppm"), trained, "built-in model")


@pytest.mark.parametrize("arguments", [["-L", "cat"], ["-l", "labels"], ["-t", "{}"], ["--templates", "simple"]])
@pytest.mark.parametrize("command", [[], ["eval"], ["probe", "apply"]])
def test_a_probe_has_its_own_classes(clipcls, model, trained, work, command, arguments):
    (work / "labels").write_text("cat\n")
    assert fails(clipcls(*command, "-m", model, "--probe", trained, *arguments, "train"), trained, "--probe")


@pytest.mark.parametrize("arguments", [["--explain-labels"], ["eval", "--explain-labels", "train"],
                                       ["eval", "--suggest-templates", "train"]])
def test_classes_of_a_probe_have_no_texts(clipcls, model, trained, arguments):
    assert fails(clipcls(*arguments, "-m", model, "--probe", trained), "a probe has none")


def test_a_damaged_probe(clipcls, model, trained, work):
    whole = (work / trained).read_bytes()
    for damaged in (b"", whole[:100], whole[:-1], whole + b"\0", whole.replace(b"clipcls-probe", b"clipcls-prove")):
        (work / "bad").write_bytes(damaged)
        assert fails(clipcls("-m", model, "--probe", "bad", "train"), "bad")
    assert fails(clipcls("-m", model, "--probe", "nowhere", "train"), "nowhere")


# ---- what goes wrong ----


def test_pictures_that_cannot_be_read(probe, train, test, work):
    good(probe("train", "-o", "whole", "train"))
    (work / "train" / "cat" / "broken.png").write_bytes(b"\x89PNG")
    done = probe("train", "-o", "p", "train")
    assert done.code == 1 and "train/cat/broken.png" in done.err
    assert (work / "p").read_bytes() == (work / "whole").read_bytes()
    (work / "test" / "dog" / "none.jpg").write_bytes(b"")
    done = probe("train", "--curve", "--test", "test", "-f", "json", "-o", "p", "train")
    assert done.code == 1 and "test/dog/none.jpg" in done.err
    report = json.loads(done.out)
    assert (report["test_pictures"], report["failed"]) == (120, 2)


def test_the_same_shots_with_a_curve_and_without(probe, train, work):
    ranked = ranks({**train, "train/cat/zzz.png": "cat"}, 0)
    (work / "train" / "cat" / "zzz.png").write_bytes(b"\x89PNG")
    shots = str(ranked["train/cat/zzz.png"] + 1)  # so that the broken picture is among them
    assert probe("train", "--shots", shots, "-o", "a", "train").code == 1
    if int(shots) < 20:
        assert probe("train", "--shots", shots, "--curve", "-o", "b", "train").code == 1
    assert probe("train", "--shots", shots, "--curve", "--test", "train", "-o", "c", "train").code == 1
    assert (work / "a").read_bytes() == (work / "b").read_bytes() == (work / "c").read_bytes()


@pytest.mark.parametrize("arguments, words", [
    ([], ["DIRECTORY"]), (["train", "test", "-o", "p"], ["DIRECTORY"]), (["train"], ["--output", "--curve"]),
    (["train", "-o", "p", "-L", "cat"], ["--curve"]), (["train", "-o", "p", "--templates", "none"], ["--curve"]),
    (["train", "-o", "p", "--test", "test"], ["--curve"]), (["train", "-o", "p", "-f", "json"], ["--curve"]),
    (["train", "-o", "no/such/p"], ["no/such/p"]), (["train", "-o", "p", "--c", "0"], ["--c"]),
    (["train", "-o", "p", "--c", "inf"], ["--c"]), (["train", "-o", "p", "--c", "1e300"], ["train: ", "no end"]),
    (["train", "-o", "p", "--shots", "0"], ["--shots"]), (["train", "-o", "p", "--seed", "x"], ["--seed"]),
    (["train", "--curve", "--shots", "24"], ["train: ", "--test"]), (["nowhere", "-o", "p"], ["nowhere"]),
    (["train", "--curve", "--test", "nowhere"], ["nowhere"]),
    (["train", "--curve", "-L", "cat"], ["dog", "--names"]), (["train", "-m", "nosuch", "-o", "p"], ["nosuch"])])
def test_errors_of_train(probe, train, test, work, arguments, words):
    assert fails(probe("train", *arguments), *words)
    assert not (work / "p").exists()


def test_classes_that_cannot_be_learned(probe, train, test, work):
    (work / "test" / "zebra").mkdir()
    (work / "test" / "zebra" / "a.ppm").write_bytes(noise((9, 9, 9), 1))
    assert fails(probe("train", "--curve", "--test", "test", "train"), "test: ", "zebra")
    (work / "train" / "empty").mkdir()
    assert fails(probe("train", "-o", "p", "train"), "train: ", "empty")
    (work / "one" / "cat").mkdir(parents=True)
    shutil.copy(work / "train" / "cat" / "000.ppm", work / "one" / "cat")
    assert fails(probe("train", "-o", "p", "one"), "one: ", "one class")
    (work / "list").write_text("train/cat/000.ppm\tcat\ntest/cat/none.ppm\tfox\n")
    done = probe("train", "-o", "p", "list")
    assert done.code == 2 and "fox" in done.err and "none.ppm" in done.err
    (work / "list").write_text("train/cat/000.ppm\tcat\ntrain/dog/000.ppm\tdog\n")
    assert fails(probe("train", "--curve", "list"), "list: ", "--test")


def test_the_words_of_the_command(clipcls, probe, train):
    assert fails(clipcls("probe"), "probe") and fails(clipcls("probe", "test", "train"), "probe")
    text = good(clipcls("probe", "--help")).out.decode()
    assert "probe train" in text and "probe apply" in text
    assert "--shots" in good(clipcls("probe", "train", "--help")).out.decode()
    assert "--shots" not in good(clipcls("probe", "apply", "--help")).out.decode()
    assert fails(probe("apply", "train"), "--probe")
    assert "probe train" in good(clipcls("--help")).out.decode()
