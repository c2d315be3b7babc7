"""README's recipes do what they say, as they stand there, with the built-in model."""

import csv
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree as tree

import numpy
import pytest

from program import DATA, PROGRAM
from hub_server import Hub
from report_page import Page

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language):
    return [block for page in PAGES
            for block in re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.S)]


RECIPES = blocks("sh")


@pytest.fixture
def folder(work):
    shutil.copytree(DATA / "photos", work / "photos")
    shutil.copy(DATA / "photos" / "labels.txt", work)
    return work


@pytest.fixture
def run(clipcls, folder):
    """Runs the one recipe that holds a word."""
    def call(word, code=0, silent=True, **env):
        [recipe] = [text for text in RECIPES if word in text]
        path = f"{PROGRAM.parent}:{clipcls.env['PATH']}"
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", recipe], cwd=folder, capture_output=True,
                              text=True, env={**clipcls.env, "PATH": path, **env}, timeout=120)
        assert done.returncode == code, done
        assert not silent or done.stderr == ""
        return done.stdout
    return call


def test_every_recipe_is_tried_here():
    text = pathlib.Path(__file__).read_text("utf-8")
    words = [*re.findall(r'run\("([^"]+)"', text), "quickstart.sh"]
    assert {recipe for word in words for recipe in RECIPES if word in recipe} == set(RECIPES)
    assert (len(blocks("python")), len(blocks("c")), len(blocks("console"))) == (1, 1, 1)


def test_sorting_a_folder(run, folder):
    run("xargs -0 -r mv -t")
    assert [path.name for path in (folder / "cats").iterdir()] == ["cat.jpg"]
    assert not (folder / "photos" / "cat.jpg").exists() and (folder / "photos" / "bee.jpg").exists()


def test_sorting_finds_nothing_to_move(run, folder):
    (folder / "photos" / "cat.jpg").unlink()
    run("xargs -0 -r mv -t")


def test_every_picture_into_the_folder_of_its_label(run, folder):
    (folder / "photos" / "broken.jpg").write_bytes(b"no picture")
    shutil.copy(DATA / "hard" / "kitten.jpg", folder / "photos")
    run("sorted/$0", code=1)  # one failed
    moved = {path.parent.name: path.name for path in (folder / "sorted").glob("*/*")}
    assert moved["suspension bridge"] == "suspension_bridge.jpg" and moved["bee"] == "bee.jpg"
    assert {path.name for path in (folder / "photos").glob("*.[jp]*g")} == {"kitten.jpg", "broken.jpg"}  # 52.2 %


def test_shards_under_parallel(run, clipcls, folder):
    for _ in range(2):  # the second time there is nothing to do
        run("--resume shard-{}")
        lines = (folder / "photos.jsonl").read_text()
        expected = clipcls("-l", "labels.txt", "-f", "jsonl", "photos").out.decode()
        assert sorted(lines.splitlines()) == sorted(expected.splitlines())


def test_a_list_dealt_out_by_parallel(run, clipcls, folder):
    (folder / "photos" / "a new\nline\\.jpg").write_bytes((folder / "photos" / "bee.jpg").read_bytes())
    run("--pipe")
    expected = clipcls("-l", "labels.txt", "-f", "jsonl", "photos").out.decode().splitlines()
    expected = [line for line in expected if '.jpg"' in line]
    assert sorted((folder / "piped.jsonl").read_text().splitlines()) == sorted(expected) and len(expected) == 7


def test_indexes_of_shards_are_searched_together(run, folder):
    assert [line.split()[1] for line in run("photos-[1-4].index").splitlines()][0] == "photos/bee.jpg"
    assert len(list(folder.glob("photos-?.index"))) == 4


def test_filtering(run):
    assert run("jq -r") == "photos/bee.jpg\n"


def test_gating_a_build(run, folder):
    assert run("junit") == ""
    [suite] = tree.parse(folder / "report.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "0", "0")
    shutil.copy(folder / "photos/chair.png", folder / "photos/bee.jpg")
    with pytest.raises(AssertionError):
        run("junit")
    assert "expected bee of at least 90.0%, is" in (folder / "report.xml").read_text()


def test_resuming(run, folder):
    run("--resume out.jsonl")
    whole = (folder / "out.jsonl").read_bytes()
    assert len(whole.splitlines()) == 8
    (folder / "out.jsonl").write_bytes(whole[: len(whole) // 2])
    run("--resume out.jsonl")
    assert (folder / "out.jsonl").read_bytes() == whole


def test_the_frames_of_a_film(run, folder):
    subprocess.run(["ffmpeg", "-v", "error", "-loop", "1", "-i", "photos/bee.jpg", "-t", "1", "-r", "5",
                    "-pix_fmt", "yuv420p", "-vf", "scale=256:256", "film.mp4"], cwd=folder, check=True)
    run("ffmpeg")
    rows = list(csv.DictReader(io.StringIO((folder / "frames.csv").read_text())))
    firsts = [row for row in rows if row["rank"] == "1"]
    assert [row["path"] for row in firsts] == [f"-#{i}" for i in range(1, 6)]
    assert {row["label"] for row in firsts} == {"bee"}


@pytest.fixture
def by_class(folder):
    for name in ("bee", "suspension_bridge", "koala"):
        (folder / "photos-by-class" / name).mkdir(parents=True)
        for copy in range(2):
            shutil.copy(folder / f"photos/{name}.jpg", folder / "photos-by-class" / name / f"{copy}.jpg")


def test_pages_to_look_at(run, folder, by_class):
    run("--report photos.html")
    assert len(Page(folder / "photos.html").records) == 8
    assert len(Page(folder / "evaluation.html").records) == 6


def test_heat_maps(run, folder):
    run("why-dog")
    assert len(list((folder / "heat").glob("photos+*.jpg.png"))) == 6
    assert [path.name for path in (folder / "why-dog").iterdir()] == ["photos+cat.jpg.png"]


def test_accuracy(run, by_class):
    lines = run("clipcls eval photos-by-class/").splitlines()
    assert lines[2] == "top-1            100.00 %" and lines[-1].startswith("suspension_bridge  ")


def test_explaining_labels(run, by_class):
    out = run("--explain-labels")
    assert "nearly the same" not in out
    assert out.startswith("cosine") and "top-1            100.00 %" in out


def test_suggesting_templates(run, by_class, folder):
    out = run("--suggest-templates", silent=False)  # chance is told
    templates = (folder / "templates.txt").read_text().splitlines()
    assert templates and all("{}" in template for template in templates)
    assert out.splitlines()[2] == "top-1            100.00 %"


def test_a_probe(run, folder):
    for name in ("bee", "koala"):
        for part, copies in (("train", 17), ("held_out", 2)):
            (folder / part / name).mkdir(parents=True)
            for copy in range(copies):
                shutil.copy(folder / f"photos/{name}.jpg", folder / part / name / f"{copy}.jpg")
    (folder / "new").mkdir()
    shutil.copy(folder / "photos" / "koala.jpg", folder / "new")
    lines = run("clipcls probe train").splitlines()
    assert lines[0] == "test pictures  4" and lines[-2].split()[0] == "16"
    assert lines[-1].startswith("new/koala.jpg: koala ")


def test_objectnet(run, folder):
    """Its mappings in small: lines of names, and their places in ImageNet's order, are not the same."""
    for name, picture in (("bee_thing", "bee"), ("cat_thing", "cat"), ("unmapped", "koala")):
        (folder / "objectnet" / name).mkdir(parents=True)
        shutil.copy(folder / "photos" / f"{picture}.jpg", folder / "objectnet" / name)
    names = ["goldfish, Carassius auratus", "bee", "tabby, tabby cat", "Egyptian cat"]
    files = {"folder_to_objectnet_label.json": {"bee_thing": "A bee", "cat_thing": "Cat", "unmapped": "Koala"},
             "objectnet_to_imagenet_1k.json": {"A bee": "bee", "Cat": "tabby, tabby cat; Egyptian cat"},
             "pytorch_to_imagenet_2012_id.json": {"1": 0, "309": 1, "281": 2, "285": 3}}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "imagenet_to_label_2012_v2").write_text("".join(f"{name}\n" for name in names))
    lines = run("pytorch_to_imagenet").splitlines()
    assert (folder / "objectnet.tsv").read_text() == "bee_thing\t#309\ncat_thing\t#281\t#285\nunmapped\n"
    assert lines[:3] == ["pictures         2", "classes          2", "top-1            100.00 %"]


def test_a_picture_from_a_pipe(run):
    assert run("cat photos/cat.jpg").splitlines()[0].endswith("%  cat")


def test_searching(run, folder):
    first, *_, second = run("--index photos.index").split("query\trank")
    assert first.splitlines()[0].endswith("  photos/bee.jpg") and len(first.splitlines()) == 5
    assert [row.split("\t")[2] for row in second.splitlines()[1:]][0] == "photos/bee.jpg"
    assert len(second.splitlines()) == 4


def test_found_pictures_as_arguments(run):
    run("--index photos.index")
    [found] = run("xargs -0 -r ls").splitlines()
    assert found.endswith(" photos/koala.jpg")


def test_embeddings(run, folder, monkeypatch):
    run("embed -o photos.npy")
    assert len((folder / "photos.jsonl").read_text().splitlines()) == 8
    assert json.loads((folder / "photos.jsonl").read_text().splitlines()[0])["embedding"][0] == pytest.approx(
        -0.087199226, abs=1e-4)
    photos, labels = numpy.load(folder / "photos.npy"), numpy.load(folder / "labels.npy")
    assert photos.shape[0] == 8 and photos.shape[1] == labels.shape[1]
    [reader] = blocks("python")
    names = {}
    monkeypatch.chdir(folder)
    exec(reader, names)
    assert (names["embeddings"] == photos).all()
    assert names["paths"][0] == b"photos/bee.jpg" and len(names["paths"]) == 8


def test_downloading_a_model(run, folder):
    """From a hub on this machine, which has the tiny model under that name."""
    hub = Hub()
    for path in (DATA / "golden" / "checkpoint").iterdir():
        hub.add(f"openai/clip-vit-base-patch32/{path.name}", path.read_bytes())
    shutil.copy(folder / "photos" / "bee.jpg", folder / "photo.jpg")
    out = run("clipcls get openai-b32", silent=False, HF_ENDPOINT=hub.server.url)
    assert re.search(r"%  a red bicycle$", out, re.M) and len(out.splitlines()) > 16


def test_the_library(folder):
    """The example builds against an installed library, and runs."""
    prefix = folder / "installed"
    subprocess.run(["cmake", "--install", PROGRAM.parent, "--prefix", prefix], check=True, capture_output=True)
    [example] = blocks("c")
    include, body = example.split("\n", 1)
    (folder / "app.c").write_text(f"{include}\n#include <stdio.h>\nint main(void) {{ {body} return model == NULL; }}\n")
    [pc] = prefix.glob("lib/**/clipcls.pc")
    environment = {**os.environ, "PKG_CONFIG_PATH": str(pc.parent), "LD_LIBRARY_PATH": str(pc.parents[1])}
    done = subprocess.run("cc app.c $(pkg-config --cflags --libs clipcls) -o app && ./app", shell=True,
                          cwd=folder, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_quick_start_prints_what_the_readme_shows(tmp_path):
    source = tmp_path / "clipcls"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns("build", ".git", "__pycache__"))
    [recipe] = [text for text in RECIPES if "quickstart.sh" in text]
    command, tests = recipe.splitlines()
    assert tests.split()[0] == "scripts/test.sh"  # which runs this
    done = subprocess.run(["bash", "-c", command], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done
    [shown] = blocks("console")
    printed = done.stdout.rsplit("$ build/release/clipcls", 1)[1].replace("tests/data/photos/", "photos/")
    assert printed.splitlines()[1:] == shown.splitlines()[1:]
