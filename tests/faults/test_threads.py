"""ThreadSanitizer over what runs in several threads: its build beside the one under test, build/tsan."""

import re
import shutil
import subprocess

import pytest

from program import DATA, PROGRAM

BUILD = PROGRAM.parents[1] / "tsan"
REPORT = "ThreadSanitizer"


def how_to_start():
    """What stands before the program: older run-time libraries cannot live with addresses as random as newer
    kernels make them."""
    if not (BUILD / "clipcls").exists():
        pytest.skip("no build/tsan")
    for prefix in ([], ["setarch", "-R"]):
        if subprocess.run([*prefix, BUILD / "clipcls", "--version"], capture_output=True).returncode == 0:
            return prefix
    pytest.skip("ThreadSanitizer does not run here")


@pytest.fixture
def tsan(clipcls):
    prefix = how_to_start()

    def run(*arguments):
        return subprocess.run([*prefix, BUILD / "clipcls", *arguments], cwd=clipcls.cwd, env=clipcls.env,
                              capture_output=True, text=True, errors="replace", timeout=300)
    return run


def commands(model):
    """Every way in which threads are used: pictures in batches and alone, prompts, cache cold and warm, a worker
    that fails, search by rows and by queries, training, int8 and bf16 where they are."""
    own = ["-m", model, "-j", "8"]
    labels = ["-L", "cat", "-L", "dog"]
    for batch in ("1", "7"):
        yield [*own, *labels, "-f", "jsonl", "-b", batch, "images", "photos", "nothing.png"]
    yield [*own, "-l", "imagenet1k", "-t", "{}", "-t", "a {}", "-f", "jsonl", "images"]
    yield [*own, *labels, "--no-sandbox", "--no-cache", "images"]
    for precision in ("int8", "bf16"):
        yield [*own, *labels, "--precision", precision, "photos"]
    yield ["embed", *own, "-o", "pictures.index", "images", "photos"]
    yield ["search", *own, "pictures.index", "--query", "cat", "--query", "dog", "--query", "bird"]
    yield ["search", *own, "photos", "--query", "cat"]
    yield ["probe", "train", *own, "-o", "probe.safetensors", "classes"]
    yield ["eval", *own, "classes"]
    yield ["convert", model, "single.safetensors", "--dtype", "int8"]


def test_the_program(tsan, model, work, full, figure):
    for folder in ("images", "photos"):
        shutil.copytree(DATA / folder, work / folder)
    for name in ("cat", "dog"):
        (work / "classes" / name).mkdir(parents=True)
        for i, path in enumerate(sorted((DATA / "photos").glob("*.jpg"))[::2 if name == "cat" else 1]):
            shutil.copy(path, work / "classes" / name / f"{i}.jpg")
    runs = reports = 0
    for _ in range(10 if full else 1):
        for arguments in commands(model):
            done = tsan(*arguments)
            assert done.returncode in (0, 1) or "precision" in done.stderr, (arguments, done.stderr)
            reports += REPORT in done.stderr
            runs += 1
        shutil.rmtree(work.parent / "home/cache")
        (work / "pictures.index").unlink()
    figure("threads", "ThreadSanitizer: classify, embed, search, probe, eval, convert with 8 threads", runs, reports)


def test_the_unit_tests(tsan, full, figure):
    if not full:
        pytest.skip("takes 6 minutes: --full")
    done = subprocess.run([*how_to_start(), "ctest", "--test-dir", BUILD, "--output-on-failure"], capture_output=True, text=True,
                          errors="replace")
    count = int(re.search(r"out of (\d+)", done.stdout)[1])
    figure("threads", "ThreadSanitizer: programs of unit tests", count,
           done.stdout.count(f"WARNING: {REPORT}") + (done.returncode != 0))
