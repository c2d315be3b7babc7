"""clipcls embed: embeddings of pictures and labels, in each of its formats."""

import io
import json
import os
import shutil
import signal
import stat
import subprocess

import numpy
import pytest
from safetensors import safe_open

from program import DATA, GOLDEN

BROKEN = b"\x89PNG\r\n\x1a\nno picture"


@pytest.fixture
def embed(clipcls, model):
    def call(*arguments, **options):
        return clipcls("embed", "-m", model, *arguments, **options)
    return call


@pytest.fixture
def photos(work):
    folder = work / "photos"
    shutil.copytree(DATA / "photos", folder, ignore=shutil.ignore_patterns("*.txt", "*.md"))
    return folder


def lines(done):
    return [json.loads(line) for line in done.out.splitlines()]


def index_of(path):
    """{path: embedding}, in the index's order, read without the program."""
    with safe_open(path, "numpy") as file:
        ends = file.get_tensor("path_ends")
        text = file.get_tensor("paths").tobytes()
        starts = [0, *ends[:-1]]
        paths = [text[start:end - 1].decode() for start, end in zip(starts, ends)]
        return dict(zip(paths, file.get_tensor("embeddings")))


def test_jsonl_has_a_unit_vector_for_each_picture(embed, pictures):
    done = embed(*pictures)
    assert (done.code, done.err) == (0, "")
    assert [record["path"] for record in lines(done)] == pictures
    for record in lines(done):
        assert numpy.linalg.norm(record["embedding"]) == pytest.approx(1, abs=1e-6)


def test_similarities_of_classify_are_products_of_these_embeddings(embed, classify, pictures):
    rows = numpy.array([record["embedding"] for record in lines(embed(*pictures))])
    labels = [record for record in lines(embed("-L", "cat", "-L", "dog", "-L", "red panda"))]
    assert [record["label"] for record in labels] == ["cat", "dog", "red panda"]
    cosines = rows @ numpy.array([record["embedding"] for record in labels]).T
    for row, line in zip(cosines, classify("-f", "jsonl", "-k", "0", *pictures).out.splitlines()):
        for result in json.loads(line)["results"]:
            assert result["similarity"] == pytest.approx(row[result["index"]], abs=2e-6)


def test_npy_has_the_same_numbers_on_every_way(embed, work, pictures):
    rows = numpy.array([record["embedding"] for record in lines(embed(*pictures))], numpy.float32)
    piped = embed("-f", "npy", *pictures)
    assert (piped.code, piped.err) == (0, "")
    assert embed("-o", "rows.npy", *pictures).code == 0
    assert (work / "rows.npy").read_bytes() == piped.out
    loaded = numpy.load(io.BytesIO(piped.out))
    assert loaded.dtype == numpy.float32 and (loaded == rows).all()


def test_nothing_but_a_whole_npy_file_takes_its_name(embed, work, pictures):
    (work / "rows.npy").write_bytes(b"as before")
    assert embed("-o", "rows.npy", "-m", "missing", *pictures).code == 2
    assert (work / "rows.npy").read_bytes() == b"as before"
    assert sorted(path.name for path in work.iterdir()) == [*pictures, "rows.npy"]


def test_a_broken_picture_is_a_row_of_nan(embed, work, pictures):
    (work / "b.png").write_bytes(BROKEN)
    done = embed("-f", "npy", *pictures)
    assert done.code == 1 and "b.png: " in done.err
    rows = numpy.load(io.BytesIO(done.out))
    assert numpy.isnan(rows).all(axis=1).tolist() == [False, True, False]


def test_a_broken_picture_is_a_record_with_the_reason(embed, work, pictures):
    (work / "b.png").write_bytes(BROKEN)
    done = embed(*pictures)
    assert (done.code, done.err) == (1, "")
    assert [set(record) for record in lines(done)] == [{"path", "embedding"}, {"path", "error"},
                                                      {"path", "embedding"}]
    assert lines(done)[1]["error"]["code"] == "decode"


def test_labels_go_through_templates(embed):
    raw = lines(embed("-L", "cat", "--templates", "none"))
    assert raw == lines(embed("-L", "cat", "-t", "{}"))
    assert raw != lines(embed("-L", "cat"))
    assert [record["label"] for record in lines(embed("-L", "cat", "-L", "dog", "-o", "out.jsonl"))] == []


def test_output_goes_to_the_named_file(embed, work, pictures):
    done = embed("-o", "out.jsonl", *pictures)
    assert (done.code, done.out) == (0, b"")
    assert (work / "out.jsonl").read_bytes() == embed(*pictures).out


# ---- index files ---------------------------------------------------------------------------------

def test_an_index_holds_what_the_other_formats_give(embed, work, photos):
    assert embed("-o", "photos.index", "photos").code == 0
    index = index_of(work / "photos.index")
    records = lines(embed("photos"))
    assert list(index) == [record["path"] for record in records]
    for record in records:
        assert (index[record["path"]] == numpy.array(record["embedding"], numpy.float32)).all()


def encoded(done):
    """How many pictures a run with -v encoded."""
    assert done.code in (0, 1)
    [line] = [line for line in done.err.splitlines() if " of them encoded" in line]
    return int(line.split(", ")[1].split()[0])


def test_only_new_and_changed_pictures_are_encoded(embed, work, photos):
    def update():
        return encoded(embed("-v", "-o", "p.index", "photos"))
    assert update() == 8
    before = (work / "p.index").stat()
    assert update() == 0
    after = (work / "p.index").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)  # not written
    shutil.copy(GOLDEN / "tall.png", photos / "aaa.png")
    (photos / "cat.jpg").write_bytes((photos / "bee.jpg").read_bytes() + b"\0")
    (photos / "koala.jpg").unlink()
    os.utime(photos / "bison.jpg", ns=(1, 1))
    assert update() == 3
    assert embed("-o", "fresh.index", "photos").code == 0
    assert (work / "p.index").read_bytes() == (work / "fresh.index").read_bytes()


def test_pictures_that_are_gone_leave_the_index(embed, work, photos):
    assert embed("-o", "p.index", "photos").code == 0
    (photos / "suspension_bridge.jpg").unlink()  # the last one: the others keep their places
    assert encoded(embed("-v", "-o", "p.index", "photos")) == 0
    assert list(index_of(work / "p.index")) == [f"photos/{path.name}" for path in sorted(photos.glob("*.*g"))]


def test_a_changed_size_is_enough(embed, work, photos):
    assert embed("-o", "p.index", "photos").code == 0
    times = (photos / "cat.jpg").stat()
    with open(photos / "cat.jpg", "ab") as file:
        file.write(b"\0")
    os.utime(photos / "cat.jpg", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert encoded(embed("-v", "-o", "p.index", "photos")) == 1


def test_the_order_is_that_of_the_inputs(embed, work, pictures):
    assert embed("-o", "p.index", *pictures).code == 0
    assert encoded(embed("-v", "-o", "p.index", *reversed(pictures))) == 0
    assert list(index_of(work / "p.index")) == pictures[::-1]


def test_a_picture_named_twice_is_in_an_index_once(embed, work, photos):
    assert encoded(embed("-v", "-o", "p.index", "photos", "photos/cat.jpg", "photos")) == 8
    assert len(index_of(work / "p.index")) == 8


def test_failed_pictures_are_tried_again(embed, work, photos):
    (photos / "aaa.png").write_bytes(BROKEN)
    done = embed("-v", "-o", "p.index", "photos")
    assert done.code == 1 and "photos/aaa.png: " in done.err and encoded(done) == 8
    assert "photos/aaa.png" not in index_of(work / "p.index")
    assert embed("-o", "p.index", "photos").code == 1
    shutil.copy(GOLDEN / "tall.png", photos / "aaa.png")
    assert encoded(embed("-v", "-o", "p.index", "photos")) == 1
    assert list(index_of(work / "p.index"))[0] == "photos/aaa.png"


def test_an_index_of_another_model_or_other_options_is_left_alone(clipcls, embed, work, photos):
    assert embed("-o", "p.index", "photos").code == 0
    before = (work / "p.index").read_bytes()
    done = clipcls("embed", "-o", "p.index", "photos")
    assert done.code == 2 and "p.index: was made with another model" in done.err
    done = embed("--no-exif", "-o", "p.index", "photos")
    assert done.code == 2 and "exif applied" in done.err and "exif ignored" in done.err
    assert (work / "p.index").read_bytes() == before


def test_the_same_model_in_another_dtype_may_use_an_index(clipcls, embed, work, photos, model):
    assert embed("-o", "p.index", "photos").code == 0
    for dtype in ("f16", "bf16"):
        assert clipcls("convert", model, f"{dtype}.safetensors", "--dtype", dtype).code == 0
        assert clipcls("search", "-m", f"{dtype}.safetensors", "--query", "cat", "p.index").code == 0


def test_what_is_no_index_is_not_overwritten(embed, work, photos):
    (work / "p.index").write_bytes(b"something dear")
    done = embed("-o", "p.index", "photos")
    assert done.code == 2 and done.err.startswith("clipcls: p.index: ")
    assert (work / "p.index").read_bytes() == b"something dear"


def test_stdin_cannot_be_kept(embed, work, photos):
    done = embed("-o", "p.index", "-", "photos", stdin=(photos / "cat.jpg").read_bytes())
    assert done.code == 1 and "-: is no file" in done.err
    assert len(index_of(work / "p.index")) == 8


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_it_has(clipcls, embed, work, photos, model, number):
    """The producer of the paths stops after two; the rest of the old index stays."""
    assert embed("-o", "p.index", "photos").code == 0
    old = index_of(work / "p.index")
    for name in ("new1.png", "new2.png"):
        shutil.copy(GOLDEN / "tall.png", work / name)
    command = clipcls.command(["embed", "-m", model, "-o", "p.index", "--progress", "always", "--files-from", "-"])
    process = subprocess.Popen(command, cwd=work, env=clipcls.env, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(b"new1.png\n")
    process.stdin.flush()
    while b"1 pictures" not in process.stderr.read1():
        pass
    process.send_signal(number)
    process.stdin.write(b"new2.png\n")
    process.stdin.close()
    process.stderr.read()
    assert process.wait(60) == -number
    index = index_of(work / "p.index")
    assert index.pop("new1.png").shape == (index["photos/cat.jpg"].shape)
    index.pop("new2.png", None)
    assert list(index) == list(old)


@pytest.mark.parametrize("arguments, text", [
    (["-f", "index", "a.png"], "an index needs --output"),
    (["-f", "index", "-o", "x.index", "-L", "cat"], "an index is of pictures"),
    (["-L", "cat", "a.png"], "runs of their own"),
    ([], "no pictures named"),
    (["-f", "text", "a.png"], "must be one of jsonl, npy, index"),
    (["-o", "no/such/folder/x.npy", "a.png"], "no/such/folder/x.npy"),
    (["-o", "no/such/folder/x.jsonl", "a.png"], "no/such/folder/x.jsonl"),
    (["-o", "no/such/folder/x.index", "a.png"], "no/such/folder/x.index"),
])
def test_usage(embed, pictures, arguments, text):
    done = embed(*arguments)
    assert (done.code, done.out) == (2, b"") and text in done.err


@pytest.mark.parametrize("arguments", [["-f", "npy"], ["-f", "index"]])
def test_what_is_no_file_is_not_replaced(embed, work, pictures, arguments):
    os.mkfifo(work / "pipe")
    done = embed(*arguments, "-o", "pipe", *pictures)
    assert done.code == 2 and "pipe: " in done.err and "regular file" in done.err
    assert stat.S_ISFIFO((work / "pipe").stat().st_mode)


def test_who_may_read_a_file(clipcls, embed, work, pictures):
    command = ["sh", "-c", 'umask 077 && exec "$0" "$@"', *clipcls.command(["embed", "-o", "a.npy", *pictures])]
    subprocess.run(command, cwd=work, env=clipcls.env, check=True)
    assert (work / "a.npy").stat().st_mode & 0o777 == 0o600
    (work / "a.npy").chmod(0o640)
    assert embed("-o", "a.npy", *pictures).code == 0
    assert (work / "a.npy").stat().st_mode & 0o777 == 0o640


def test_a_full_disk_is_named(embed, pictures):
    done = embed("-o", "/dev/full", *pictures)
    assert done.code == 2 and "/dev/full: No space left" in done.err
