"""Options that say what is classified how."""

import pytest

from program import DATA
from records import corner, exif_orientation, labels, png, ppm, records, scores

MANY = [f"label {i}" for i in range(8)]


def test_classify_is_what_runs_when_no_subcommand_is_named(classify, clipcls, model, pictures):
    named = clipcls("classify", "-m", model, "-L", "cat", "-L", "dog", "a.png")
    assert named.code == 0 and named.out == classify("a.png", labels=["cat", "dog"]).out


def test_top_k(classify, pictures):
    count = lambda *options: len(records(classify("-f", "jsonl", *options, "a.png",
                                                  labels=MANY))[0]["results"])
    assert count() == 5
    assert [count("-k", str(k)) for k in (1, 3, 8, 100, 0)] == [1, 3, 8, 8, 8]
    assert count("--top-k", "2") == count("--top-k=2") == 2


def test_scores_are_over_all_labels_whatever_is_shown(classify, pictures):
    full = records(classify("-f", "jsonl", "-k", "0", "a.png", labels=MANY))[0]["results"]
    assert records(classify("-f", "jsonl", "-k", "2", "a.png", labels=MANY))[0]["results"] == full[:2]


def test_threshold_drops_results_scored_below_it(classify, pictures):
    full = records(classify("-f", "jsonl", "-k", "0", "a.png", labels=MANY))[0]["results"]
    limit = (full[2]["score"] + full[3]["score"]) / 2
    some = classify("-f", "jsonl", "-k", "0", "--threshold", f"{limit:.7f}", "a.png", labels=MANY)
    assert records(some)[0]["results"] == full[:3]
    none = classify("-f", "jsonl", "--threshold", "1", "a.png", labels=MANY)
    assert none.code == 0 and records(none)[0]["results"] == []


def test_ties_are_ranked_by_label_order(classify, pictures, work):
    (work / "ties.txt").write_text("z\tthe same\na\tthe same\nm\tthe same\n")
    done = classify("-f", "jsonl", "-l", "ties.txt", "a.png", labels=[])
    assert labels(records(done)[0]) == ["z", "a", "m"]


def test_one_label_scores_one(classify, pictures):
    assert scores(records(classify("-f", "jsonl", "a.png", labels=["cat"]))[0]) == {"cat": 1.0}


def test_simple_is_the_default_template(classify, pictures):
    default = classify("-f", "jsonl", "a.png").out
    assert classify("-f", "jsonl", "-t", "a photo of a {}.", "a.png").out == default
    assert classify("-f", "jsonl", "--templates", "simple", "a.png").out == default
    assert classify("-f", "jsonl", "-t", "{}", "a.png").out != default


def test_template_sets(classify, pictures):
    run = lambda *options: classify("-f", "jsonl", *options, "a.png")
    assert run("--templates", "none").out == run("-t", "{}").out
    outputs = [run("--templates", name) for name in ("simple", "none", "openai7", "imagenet80")]
    assert [done.code for done in outputs] == [0, 0, 0, 0]
    assert len({done.out for done in outputs}) == 4


def test_templates_file_and_repeated_templates_are_the_same_ensemble(classify, pictures, work):
    (work / "templates.txt").write_text("the {}\na {} and a {}\n")
    from_file = classify("-f", "jsonl", "--templates", "templates.txt", "a.png")
    options = classify("-f", "jsonl", "-t", "the {}", "--template", "a {} and a {}", "a.png")
    single = classify("-f", "jsonl", "-t", "the {}", "a.png")
    assert from_file.code == 0 and from_file.out == options.out != single.out


def test_only_empty_braces_are_replaced(classify, pictures, work):
    (work / "own.txt").write_text("cat\t{0} cat {x}\ndog\t{0} dog {x}\n")
    own = classify("-f", "jsonl", "-l", "own.txt", "a.png", labels=[])
    assert own.out == classify("-f", "jsonl", "-t", "{0} {} {x}", "a.png", labels=["cat", "dog"]).out


@pytest.mark.parametrize("template", ["no place", "", "{ }"])
def test_a_template_without_a_place_for_the_label_is_an_error(classify, pictures, template):
    done = classify("-t", template, "a.png")
    assert (done.code, done.out) == (2, b"") and "{}" in done.err


def test_unknown_template_set(classify, pictures):
    done = classify("--templates", "nosuchset", "a.png")
    assert (done.code, done.out) == (2, b"") and "nosuchset" in done.err


def test_model_from_the_environment_and_option_over_it(clipcls, classify, model, pictures):
    wanted = classify("-f", "jsonl", "a.png", labels=["cat", "dog"]).out
    arguments = ["-L", "cat", "-L", "dog", "-f", "jsonl", "a.png"]
    assert clipcls(*arguments, env={"CLIPCLS_MODEL": str(model)}).out == wanted
    over = clipcls("--model", model, *arguments, env={"CLIPCLS_MODEL": "/nonexistent"})
    assert (over.code, over.out) == (0, wanted)


def test_a_downloaded_model_by_name(clipcls, classify, model, pictures, tmp_path):
    models = tmp_path / "home/data/clipcls/models"
    models.mkdir(parents=True)
    (models / "tiny").symlink_to(model)
    done = clipcls("-m", "tiny", "-L", "cat", "-L", "dog", "-f", "jsonl", "a.png")
    assert (done.code, done.out) == (0, classify("-f", "jsonl", "a.png", labels=["cat", "dog"]).out)


def test_output_bytes_do_not_depend_on_threads_and_batch(classify, pictures, work):
    (work / "bad.png").write_bytes(b"nothing")
    inputs = [*pictures, "bad.png", *pictures * 3]
    outputs = {classify("-f", "jsonl", "--no-cache", "-j", j, "-b", b, *inputs).out
               for j, b in (("1", "1"), ("1", "4"), ("2", "1"), ("3", "3"), ("7", "64"))}
    assert len(outputs) == 1
    assert classify("-f", "jsonl", "--no-cache", "--threads", "2", "--batch=2", *inputs).out in outputs


def test_exif_orientation_is_applied_unless_switched_off(classify, work):
    (work / "plain.png").write_bytes(png(60, 36, corner, 2))
    (work / "turned.png").write_bytes(png(60, 36, corner, 2, exif_orientation(6)))
    # Orientation 6: the first row is the right side; what is stored as (x, y) shows at (h-1-y, x).
    upright = lambda x, y: corner(y, 35 - x)
    (work / "upright.png").write_bytes(png(36, 60, upright, 2))
    result = lambda *a: records(classify("-f", "jsonl", *a))[0]["results"]
    assert result("turned.png") == result("upright.png") != result("plain.png")
    assert result("--no-exif", "turned.png") == result("plain.png")


def test_background_composites_transparency(classify, work):
    half = lambda x, y: corner(x, y) + (b"\0" if x > 30 else b"\xff")
    white = lambda x, y: b"\xff\xff\xff" if x > 30 else corner(x, y)
    (work / "rgba.png").write_bytes(png(48, 48, half, 6))
    (work / "dropped.png").write_bytes(png(48, 48, corner, 2))
    (work / "white.png").write_bytes(png(48, 48, white, 2))
    result = lambda *a: records(classify("-f", "jsonl", *a))[0]["results"]
    assert result("rgba.png") == result("dropped.png")
    assert result("--background", "white", "rgba.png") == result("white.png")
    assert result("--background", "white", "rgba.png") != result("rgba.png")
    bad = classify("--background", "nosuchcolour", "rgba.png")
    assert (bad.code, bad.out) == (2, b"") and "nosuchcolour" in bad.err


def test_max_pixels(classify, work):
    (work / "big.ppm").write_bytes(ppm(20, 10))
    assert classify("--max-pixels", "200", "big.ppm").code == 0
    done = classify("-f", "jsonl", "--max-pixels", "199", "big.ppm")
    assert done.code == 1 and records(done)[0]["error"]["code"] == "limit"


def test_fast_decode_is_for_large_jpegs_and_keeps_to_the_pixel_limit(classify, pictures):
    bee = DATA / "photos/bee.jpg"
    result = lambda *a: records(classify("-f", "jsonl", *a))[0]["results"]
    full, fast = result(bee), result("--fast-decode", bee)
    reduces = b"decoder jpeg: libjpeg" in classify("--version").out
    assert (fast != full) == reduces
    for a, b in zip(sorted(full, key=lambda r: r["index"]), sorted(fast, key=lambda r: r["index"])):
        assert abs(a["similarity"] - b["similarity"]) < 0.01
    assert result("--fast-decode", pictures[0]) == result(pictures[0])
    limited = classify("-f", "jsonl", "--fast-decode", "--max-pixels", str(640 * 506 - 1), bee)
    assert limited.code == 1 and records(limited)[0]["error"]["code"] == "limit"


def test_a_picture_beyond_the_default_pixel_limit(classify, work):
    (work / "bomb.ppm").write_bytes(b"P6 20000 20000 255\n")
    done = classify("-f", "jsonl", "bomb.ppm")
    assert done.code == 1 and records(done)[0]["error"]["code"] == "limit"


@pytest.mark.parametrize("size", [(1, 1), (2, 900), (900, 2), (5000, 1)])
def test_extreme_shapes(classify, work, size):
    (work / "odd.ppm").write_bytes(ppm(*size))
    assert classify("odd.ppm").code == 0
