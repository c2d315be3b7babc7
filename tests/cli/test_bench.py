"""clipcls bench: every figure is there and makes sense; whether it is fast is for scripts/bench.py."""

import json
import shutil

import pytest

from program import DATA

GOLDEN = DATA / "golden"
QUICK = ("--seconds", "0.2")


@pytest.fixture
def bench(clipcls, model):
    def call(*arguments):
        return clipcls("bench", "-m", model, *QUICK, *arguments)
    return call


def figures(node):
    """All numbers of a report, by their dotted names."""
    if isinstance(node, dict):
        return {f"{key}.{name}".strip("."): value
                for key, part in node.items() for name, value in figures(part).items()}
    return {"": node} if isinstance(node, (int, float)) else {}


def test_the_text_has_every_field(bench):
    done = bench()
    text = done.out.decode()
    assert done.code == 0 and done.err == ""
    for word in ("model", "threads", "machine", "GFLOP/s", "multiply-adds", "image tower",
                 "pictures/s", "one alone", "text tower", "prompts/s", "bytes to results",
                 "first result", "decode", "resize", "normalize", "ranking", "peak memory", "MiB"):
        assert word in text, word
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_the_json_has_every_figure(bench, model):
    done = bench("-f", "json", "-j", "2", "-b", "3")
    assert done.code == 0 and done.err == ""
    report = json.loads(done.out)
    assert report["model"] == str(model) and report["layout"] == "huggingface"
    assert report["threads"] == 2 and report["batch"] == 3
    assert report["bytes_to_results"]["picture"] is None
    numbers = figures(report)
    wanted = {
        "machine": ("product_gflops", "product_size", "fma_gflops"),
        "image_tower": ("gflop_per_picture", "gflop_every_token", "pictures_per_second",
                        "pictures_at_a_time", "gflops", "share_of_products", "share_of_fma",
                        "one_picture_ms", "one_picture_gflops", "one_picture_share_of_products",
                        "one_picture_share_of_fma"),
        "text_tower": ("prompts_per_second", "prompts_at_a_time"),
        "bytes_to_results": ("width", "height", "bytes", "pictures_per_second",
                             "share_of_image_tower"),
        "start_up_ms": ("model", "text_tower", "first_picture", "first_result", "labels"),
        "stages_ms": ("decode", "resize", "normalize", "image_tower", "text_tower", "ranking"),
        "peak_memory_bytes": ("first_result", "in_all"),
    }
    for part, names in wanted.items():
        for name in names:
            assert numbers[f"{part}.{name}"] > 0, f"{part}.{name}"
    assert set(numbers) == {"threads", "batch",
                            *(f"{part}.{name}" for part, names in wanted.items() for name in names)}


def test_figures_fit_each_other(bench):
    report = json.loads(bench("-f", "json").out)
    tower, machine, start = report["image_tower"], report["machine"], report["start_up_ms"]
    assert tower["gflops"] == pytest.approx(
        tower["gflop_per_picture"] * tower["pictures_per_second"], rel=1e-3)
    assert tower["share_of_products"] == pytest.approx(
        tower["gflops"] / machine["product_gflops"], rel=1e-2)
    assert start["first_result"] == pytest.approx(
        start["model"] + start["text_tower"] + start["first_picture"], rel=1e-3)
    memory = report["peak_memory_bytes"]
    assert memory["in_all"] >= memory["first_result"] > 1 << 20


def test_operations_are_those_of_the_config(bench, model):
    """Counted again from config.json: two operations for each multiply-add of a product."""
    vision = json.loads((model / "config.json").read_text())["vision_config"]
    width, mlp, patch = vision["hidden_size"], vision["intermediate_size"], vision["patch_size"]
    projection = json.loads((model / "config.json").read_text())["projection_dim"]
    tokens = (vision["image_size"] // patch) ** 2 + 1
    every = 4 * width * width + 2 * tokens * width + 2 * width * mlp
    last = 2 * tokens * width * width + 2 * width * width + 2 * tokens * width + 2 * width * mlp
    ends = (tokens - 1) * 3 * patch * patch * width + width * projection
    layers = vision["num_hidden_layers"]
    tower = json.loads(bench("-f", "json").out)["image_tower"]
    assert tower["gflop_every_token"] * 1e9 == pytest.approx(
        2 * (ends + layers * tokens * every), rel=1e-5)
    assert tower["gflop_per_picture"] * 1e9 == pytest.approx(
        2 * (ends + (layers - 1) * tokens * every + last), rel=1e-5)


def test_a_picture_of_ones_own(bench, work):
    shutil.copy(DATA / "photos/cat.jpg", work / "cat.jpg")
    report = json.loads(bench("-f", "json", "cat.jpg").out)["bytes_to_results"]
    assert report["picture"] == "cat.jpg"
    assert report["bytes"] == (work / "cat.jpg").stat().st_size
    assert report["width"] > 100 and report["height"] > 100
    assert "cat.jpg" in bench("cat.jpg").out.decode()


def test_a_picture_on_stdin(clipcls, model):
    data = (GOLDEN / "exact.png").read_bytes()
    done = clipcls("bench", "-m", model, *QUICK, "-f", "json", "-", stdin=data)
    assert done.code == 0
    assert json.loads(done.out)["bytes_to_results"]["bytes"] == len(data)


@pytest.mark.parametrize("arguments, reason", [
    (["nosuch.png"], "nosuch.png"), (["bad.png"], "bad.png"), (["a", "b"], "one picture"),
    (["--seconds", "0"], "seconds"), (["--seconds", "x"], "seconds"), (["-f", "tsv"], "format"),
    (["-m", "nosuch"], "nosuch"), (["-j", "0"], "threads"), (["--nosuch"], "--nosuch")])
def test_bench_errors(bench, work, arguments, reason):
    (work / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    done = bench(*arguments)
    assert (done.code, done.out) == (2, b"")
    assert reason in done.err and len(done.err.splitlines()) == 1


def test_bench_without_a_model_takes_the_built_in_one(clipcls):
    done = clipcls("bench", *QUICK, "-f", "json")
    assert done.code == 0 and json.loads(done.out)["model"] == "built-in model"


def test_help_of_bench(clipcls):
    text = clipcls("bench", "--help").out.decode()
    for option in ("--model", "--threads", "--batch", "--seconds", "--format", "--layout"):
        assert option in text
    assert "bench" in clipcls("--help").out.decode()
