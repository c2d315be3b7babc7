"""clipcls search: against brute force over the embeddings of clipcls embed."""

import csv
import io
import json
import shutil
import subprocess

import numpy
import pytest

from program import DATA, GOLDEN


@pytest.fixture
def photos(work):
    folder = work / "photos"
    shutil.copytree(DATA / "photos", folder, ignore=shutil.ignore_patterns("*.txt", "*.md"))
    (folder / "expected.tsv").unlink(missing_ok=True)
    for path in (DATA / "images").iterdir():
        if path.suffix == ".png":
            shutil.copy(path, folder)
    return folder


@pytest.fixture
def search(clipcls, model):
    def call(*arguments, **options):
        return clipcls("search", "-m", model, *arguments, **options)
    return call


@pytest.fixture
def embeddings(clipcls, model):
    """{path or label: unit vector}."""
    def call(*arguments):
        done = clipcls("embed", "-m", model, *arguments)
        assert done.code == 0
        rows = [json.loads(line) for line in done.out.splitlines()]
        return {row.get("path", row.get("label")): numpy.array(row["embedding"]) for row in rows}
    return call


def found(done):
    """[{path: similarity}], one for each query."""
    assert (done.code, done.err) == (0, "")
    return [{result["path"]: result["similarity"] for result in json.loads(line)["results"]}
            for line in done.out.splitlines()]


def brute_force(rows, query, k):
    cosines = {path: float(row @ query) for path, row in rows.items()}
    best = sorted(cosines, key=lambda path: -cosines[path])[:k]
    return {path: cosines[path] for path in best}


def expect(results, wanted):
    assert [list(result) for result in results] == [list(want) for want in wanted]
    for result, want in zip(results, wanted):
        assert list(result.values()) == pytest.approx(list(want.values()), abs=2e-6)


def test_texts_and_pictures_find_what_brute_force_finds(search, embeddings, photos):
    rows = embeddings("photos")
    texts = embeddings("--templates", "none", "-L", "a cat", "-L", "pizza")
    queries = [texts["a cat"], texts["pizza"], rows["photos/bee.jpg"]]
    done = search("--query", "a cat", "--query", "pizza", "--query-image", "photos/bee.jpg", "-k", "7", "-f",
                  "jsonl", "photos")
    expect(found(done), [brute_force(rows, query, 7) for query in queries])
    assert list(json.loads(done.out.splitlines()[2])) == ["query_image", "results"]


def test_many_queries_and_all_pictures(search, embeddings, photos):
    rows = embeddings("photos")
    names = [f"thing {i}" for i in range(300)]
    texts = embeddings("--templates", "none", *[part for name in names for part in ("-L", name)])
    done = search(*[part for name in names for part in ("--query", name)], "-k", "0", "-f", "jsonl", "photos")
    expect(found(done), [brute_force(rows, texts[name], None) for name in names])


def test_templates_make_prompts_of_queries(search, embeddings, photos):
    rows = embeddings("photos")
    for arguments in (["-t", "a photo of a {}.", "-t", "{}!"], ["--templates", "openai7"]):
        [query] = embeddings(*arguments, "-L", "cat").values()
        expect(found(search("--query", "cat", *arguments, "-f", "jsonl", "photos")), [brute_force(rows, query, 5)])


def test_an_index_a_folder_and_both_give_the_same(clipcls, search, model, photos, work):
    def look(*operands):
        return search("--query", "cat", "-k", "0", "-f", "jsonl", *operands).out
    everything = look("photos")
    assert clipcls("embed", "-m", model, "-o", "p.index", "photos").code == 0
    assert look("p.index") == everything
    assert look("--index", "p.index") == everything
    assert look("--index", "p.index", "photos") == everything
    (work / "more").mkdir()
    shutil.move(photos / "bee.jpg", work / "more")
    assert clipcls("embed", "-m", model, "-o", "p.index", "photos").code == 0
    assert look("p.index", "more") == look("photos", "more") != everything


def test_an_index_is_kept_up_to_date(search, photos, work):
    assert search("--query", "cat", "--index", "p.index", "photos").code == 0
    shutil.copy(GOLDEN / "tall.png", photos / "new.png")
    (photos / "bee.jpg").unlink()
    done = search("--query", "cat", "--index", "p.index", "-v", "-k", "0", "-f", "jsonl", "photos")
    assert ", 1 of them encoded" in done.err
    paths = list(json.loads(done.out)["results"])
    assert {path["path"] for path in paths} == {f"photos/{path.name}" for path in photos.iterdir()}
    assert search("--query", "cat", "-k", "0", "-f", "jsonl", "p.index").out == done.out


def test_equal_pictures_come_in_the_order_of_the_inputs(search, work):
    for name in "cadb":
        shutil.copy(GOLDEN / "tall.png", work / f"{name}.png")
    [result] = found(search("--query", "cat", "-f", "jsonl", *[f"{name}.png" for name in "cadb"]))
    assert list(result) == ["c.png", "a.png", "d.png", "b.png"] and len(set(result.values())) == 1


def test_of_equal_pictures_those_named_here_come_before_those_of_an_index(clipcls, search, model, work):
    for name in "ab":
        shutil.copy(GOLDEN / "tall.png", work / f"{name}.png")
    assert clipcls("embed", "-m", model, "-o", "p.index", "a.png").code == 0
    [result] = found(search("--query", "cat", "-f", "jsonl", "p.index", "b.png"))
    assert list(result) == ["b.png", "a.png"]


def test_formats(search, photos):
    arguments = ["--query", "a \"cat\", or so", "-k", "2", "photos"]
    [result] = found(search("-f", "jsonl", *arguments))
    rows = [["a \"cat\", or so", str(i + 1), path, f"{similarity:.6f}"]
            for i, (path, similarity) in enumerate(result.items())]
    header = ["query", "rank", "path", "similarity"]
    assert list(csv.reader(io.StringIO(search("-f", "csv", *arguments).out.decode()))) == [header, *rows]
    tsv = search("-f", "tsv", *arguments).out.decode()
    assert [line.split("\t") for line in tsv.splitlines()] == [header, *rows]
    document = json.loads(search("-f", "json", *arguments).out)
    assert document == [json.loads(search("-f", "jsonl", *arguments).out)]
    assert search("--print0", *arguments).out == b"".join(path.encode() + b"\0" for path in result)
    text = "".join(f"{similarity:.4f}  {path}\n" for path, similarity in result.items())
    assert search(*arguments).out.decode() == text
    both = search("--query", "dog", *arguments).out.decode()
    assert both.startswith("dog\n  ") and '\na "cat", or so\n  ' in both


def test_a_picture_from_a_pipe_is_read_once(search, clipcls, model, photos):
    [plain] = found(search("--query", "cat", "-f", "jsonl", "photos/bee.jpg"))
    command = clipcls.command(["search", "-m", model, "--query", "cat", "-f", "jsonl"])
    done = subprocess.run(["bash", "-c", '"$@" <(cat photos/bee.jpg)', "bash", *command], cwd=clipcls.cwd, env=clipcls.env,
                          capture_output=True, timeout=60)
    [result] = json.loads(done.stdout)["results"]
    assert done.returncode == 0 and result["similarity"] == plain["photos/bee.jpg"]


def test_threshold(search, photos):
    [everything] = found(search("--query", "cat", "-k", "0", "-f", "jsonl", "photos"))
    least = sorted(everything.values())[-3] - 1e-6
    [result] = found(search("--query", "cat", "-k", "0", "--threshold", str(least), "-f", "jsonl", "photos"))
    assert list(result) == list(everything)[:3]


def test_a_broken_picture_is_told_and_the_others_are_searched(search, photos):
    (photos / "aaa.png").write_bytes(b"no picture")
    done = search("--query", "cat", "-k", "0", "-f", "jsonl", "photos")
    assert done.code == 1 and "photos/aaa.png: " in done.err
    assert len(json.loads(done.out)["results"]) == len(list(photos.iterdir())) - 1


def test_nothing_to_search(search, work):
    (work / "empty").mkdir()
    done = search("--query", "cat", "-f", "jsonl", "empty")
    assert (done.code, done.out) == (0, b'{"query":"cat","results":[]}\n')
    assert "no pictures" in done.err


@pytest.mark.parametrize("arguments, text", [
    (["photos"], "nothing to look for"),
    (["--query", "cat"], "no pictures named"),
    (["--query", "cat", "--index", "missing.index"], "missing.index"),
    (["--query", "cat", "--query", "cat", "photos"], "cat"),
    (["--query", "", "photos"], ""),
    (["--query-image", "missing.png", "photos"], "missing.png: "),
    (["--query", "cat", "-t", "no place", "photos"], "holds no {}"),
    (["--query", "cat", "-f", "junit", "photos"], "must be one of text, tsv, csv, json, jsonl"),
])
def test_usage(search, photos, arguments, text):
    done = search(*arguments)
    assert (done.code, done.out) == (2, b"") and text in done.err


def test_an_index_of_another_model_is_refused(clipcls, search, photos):
    assert clipcls("embed", "-o", "p.index", "photos").code == 0
    done = search("--query", "cat", "p.index")
    assert done.code == 2 and "p.index: was made with another model" in done.err
    done = search("--query", "cat", "--index", "p.index", "photos")
    assert done.code == 2 and "p.index: was made with another model" in done.err


def test_a_damaged_index_is_named(clipcls, search, model, photos, work):
    assert clipcls("embed", "-m", model, "-o", "p.index", "photos").code == 0
    path = work / "p.index"
    path.write_bytes(path.read_bytes()[:-9])
    done = search("--query", "cat", "p.index")
    assert done.code == 2 and done.err.startswith("clipcls: p.index: ")
