"""README's recipes do what they say, as they stand there, with the built-in model."""

import csv
import io
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree as tree

import pytest

from conftest import DATA, PROGRAM

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"
SECTIONS = README.read_text("utf-8").split("\n## ")
RECIPES = [recipe for section in SECTIONS if section.startswith(("Pipelines\n", "Accuracy\n"))
           for recipe in re.findall(r"```sh\n(.*?)```", section, re.S)]


@pytest.fixture
def folder(work):
    shutil.copytree(DATA / "photos", work / "photos")
    shutil.copy(DATA / "photos" / "labels.txt", work)
    return work


@pytest.fixture
def run(clipcls, folder):
    """Runs the one recipe that holds a word."""
    def call(word, expected=0):
        [recipe] = [text for text in RECIPES if word in text]
        path = f"{PROGRAM.parent}:{clipcls.env['PATH']}"
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", recipe], cwd=folder, capture_output=True,
                              text=True, env={**clipcls.env, "PATH": path}, timeout=120)
        assert (done.returncode, done.stderr) == (expected, "")
        return done.stdout
    return call


def test_every_recipe_is_tried_here():
    words = ["xargs", "jq", "junit", "--resume", "ffmpeg", "cat photos/cat.jpg",
             "eval"]
    assert sorted(map(RECIPES.index, [text for word in words for text in RECIPES if word in text])) == list(
        range(len(RECIPES)))


def test_sorting_a_folder(run, folder):
    run("xargs")
    assert [path.name for path in (folder / "cats").iterdir()] == ["cat.jpg"]
    assert not (folder / "photos" / "cat.jpg").exists() and (folder / "photos" / "bee.jpg").exists()


def test_filtering(run):
    assert run("jq") == "photos/bee.jpg\n"


def test_gating_a_build(run, folder):
    assert run("junit") == ""
    [suite] = tree.parse(folder / "report.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "0", "0")
    shutil.copy(folder / "photos/chair.png", folder / "photos/bee.jpg")
    with pytest.raises(AssertionError):
        run("junit")
    assert "expected bee of at least 90.0%, is" in (folder / "report.xml").read_text()


def test_resuming(run, folder):
    run("--resume")
    whole = (folder / "out.jsonl").read_bytes()
    assert len(whole.splitlines()) == 8
    (folder / "out.jsonl").write_bytes(whole[: len(whole) // 2])
    run("--resume")
    assert (folder / "out.jsonl").read_bytes() == whole


def test_the_frames_of_a_film(run, folder):
    subprocess.run(["ffmpeg", "-v", "error", "-loop", "1", "-i", "photos/bee.jpg", "-t", "1", "-r", "5",
                    "-pix_fmt", "yuv420p", "-vf", "scale=256:256", "film.mp4"], cwd=folder, check=True)
    run("ffmpeg")
    rows = list(csv.DictReader(io.StringIO((folder / "frames.csv").read_text())))
    firsts = [row for row in rows if row["rank"] == "1"]
    assert [row["path"] for row in firsts] == [f"-#{i}" for i in range(1, 6)]
    assert {row["label"] for row in firsts} == {"bee"}


def test_accuracy(run, folder):
    for name in ("bee", "suspension_bridge", "koala"):
        (folder / "photos-by-class" / name).mkdir(parents=True)
        shutil.copy(folder / f"photos/{name}.jpg", folder / "photos-by-class" / name)
    lines = run("eval").splitlines()
    assert lines[2] == "top-1            100.00 %" and lines[-1].startswith("suspension_bridge  ")


def test_a_picture_from_a_pipe(run):
    assert run("cat photos/cat.jpg").splitlines()[0].endswith("%  cat")
