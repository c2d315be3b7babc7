"""Where pictures come from: names, directories, lists, stdin."""

import os
import shutil

import pytest

from records import paths, records


@pytest.fixture
def jsonl(classify):
    return lambda *arguments, **options: classify("-f", "jsonl", "-k", "1", *arguments, **options)


@pytest.fixture
def tree(pictures, work):
    """Makes files (pictures, whatever their names) and returns the folder's name."""
    def make(*names):
        for name in names:
            path = work / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(work / "a.png", path)
        return "tree"
    return make


def test_records_come_in_input_order(jsonl, pictures):
    order = ["c.png", "a.png", "b.png", "a.png", "./a.png"]
    assert paths(jsonl(*order)) == order


def test_an_image_on_stdin(jsonl, pictures, work):
    piped = jsonl("-", stdin=(work / "a.png").read_bytes())
    named = jsonl("a.png")
    assert piped.code == 0 and paths(piped) == ["-"]
    assert records(piped)[0]["results"] == records(named)[0]["results"]
    assert paths(jsonl("b.png", "-", "a.png", stdin=(work / "c.png").read_bytes())) == [
        "b.png", "-", "a.png"]


def test_an_empty_stdin_is_an_error_record(jsonl):
    done = jsonl("-")
    assert done.code == 1 and records(done)[0]["error"]["code"] == "decode"


@pytest.mark.parametrize("arguments", [
    ["-", "-"], ["-l", "-", "-"], ["--files-from", "-", "-"], ["-l", "-", "--files-from", "-"]])
def test_two_uses_of_stdin(clipcls, model, arguments):
    labels = [] if "-l" in arguments else ["-L", "cat"]
    done = clipcls("-m", model, *labels, *arguments, stdin=b"cat\n")
    assert (done.code, done.out) == (2, b"") and "stdin" in done.err


def test_no_input(clipcls, classify):
    assert (classify().code, classify().out) == (2, b"") and classify().err != ""
    assert clipcls().code == 2


def test_a_directory_is_walked_depth_first_in_byte_order(jsonl, tree):
    folder = tree("b.png", "B.png", "a/z.png", "a/y/x.png", "a.png", "\u00e9.png", "c/1.png",
                  "10.png", "9.png")
    done = jsonl(folder)
    assert done.code == 0
    assert paths(done) == [f"tree/{name}" for name in (
        "10.png", "9.png", "B.png", "a/y/x.png", "a/z.png", "a.png", "b.png", "c/1.png",
        "\u00e9.png")]
    assert jsonl("-r", folder).out == done.out


def test_a_slash_behind_a_directory_is_not_doubled(jsonl, tree):
    assert paths(jsonl(tree("a.png") + "/")) == ["tree/a.png"]


def test_hidden_files_and_directories_are_skipped(jsonl, tree):
    assert paths(jsonl(tree("a.png", ".b.png", ".hidden/c.png", "d/.e.png"))) == ["tree/a.png"]


def test_hidden_ones_count_when_they_are_named(jsonl, tree):
    tree(".hidden/c.png", ".b.png")
    assert paths(jsonl("tree/.hidden", "tree/.b.png")) == ["tree/.hidden/c.png", "tree/.b.png"]


def test_only_image_extensions_are_walked(jsonl, tree):
    folder = tree("a.png", "B.PNG", "c.txt", "d", "e.png.bak", "f.Jpg", "g.jpeg", "h.gif", "i.bmp",
                  "j.webp", "k.ppm")
    assert paths(jsonl(folder)) == [f"tree/{name}" for name in (
        "B.PNG", "a.png", "f.Jpg", "g.jpeg", "h.gif", "i.bmp", "j.webp", "k.ppm")]


def test_a_named_file_needs_no_extension(jsonl, tree):
    tree("d", "c.txt")
    assert paths(jsonl("tree/d", "tree/c.txt")) == ["tree/d", "tree/c.txt"]
    assert jsonl("tree/d", "tree/c.txt").code == 0


def test_links_to_files_are_followed_and_links_to_directories_are_not(jsonl, tree, work):
    folder = tree("a.png", "sub/b.png")
    (work / "tree/link.png").symlink_to("a.png")
    (work / "tree/loop").symlink_to(".")
    (work / "tree/other").symlink_to("sub")
    assert paths(jsonl(folder)) == ["tree/a.png", "tree/link.png", "tree/sub/b.png"]


def test_a_dangling_link_is_an_error_record(jsonl, tree, work):
    folder = tree("a.png")
    (work / "tree/b.png").symlink_to("nowhere")
    done = jsonl(folder)
    assert done.code == 1 and paths(done) == ["tree/a.png", "tree/b.png"]
    assert records(done)[1]["error"]["code"] == "io"


def test_a_fifo_in_a_directory_does_not_stop_the_walk(jsonl, tree, work):
    folder = tree("a.png", "c.png")
    os.mkfifo(work / "tree/b.png")
    done = jsonl(folder)
    assert [path for path in paths(done) if path != "tree/b.png"] == ["tree/a.png", "tree/c.png"]


def test_no_recursive_takes_the_top_level_only(jsonl, tree):
    assert paths(jsonl("--no-recursive", tree("a.png", "sub/b.png"))) == ["tree/a.png"]


@pytest.mark.parametrize("name", ["x.heic", "x.HEIF", "x.avif", "x.tif", "x.tiff"])
def test_formats_that_are_not_read_give_an_unsupported_record(jsonl, tree, work, name):
    folder = tree("a.png", "z.png")
    start = {"t": b"II*\0\x08\0\0\0"}.get(name[2].lower(), b"\0\0\0\x18ftyp" +
                                          {"a": b"avif"}.get(name[2].lower(), b"heic"))
    (work / "tree" / name).write_bytes(start + bytes(64))
    done = jsonl(folder)
    assert done.code == 1 and paths(done) == ["tree/a.png", f"tree/{name}", "tree/z.png"]
    assert records(done)[1]["error"]["code"] == "unsupported"


def test_files_from_a_list(jsonl, pictures, work):
    (work / "list.txt").write_text("b.png\nc.png\na.png")
    done = jsonl("--files-from", "list.txt")
    assert done.code == 0 and paths(done) == ["b.png", "c.png", "a.png"]
    assert jsonl("--files-from=-", stdin=b"b.png\nc.png\na.png\n").out == done.out


def test_files_from_a_list_with_nul(jsonl, pictures, work):
    os.rename(work / "b.png", work / "new\nline.png")
    done = jsonl("-0", "--files-from", "-", stdin=b"new\nline.png\0a.png\0")
    assert done.code == 0 and paths(done) == ["new\nline.png", "a.png"]


def test_a_long_list(jsonl, pictures):
    done = jsonl("--files-from", "-", stdin=b"a.png\nb.png\n" * 500)
    assert done.code == 0 and paths(done) == ["a.png", "b.png"] * 500


def test_a_missing_list(jsonl):
    done = jsonl("--files-from", "nosuch.txt")
    assert (done.code, done.out) == (2, b"") and "nosuch.txt" in done.err


def test_bad_files_are_one_error_record_each_and_the_run_goes_on(jsonl, pictures, work):
    good = (work / "a.png").read_bytes()
    bad = {"truncated.png": good[: len(good) // 2], "empty.png": b"", "noise.jpg": os.urandom(500),
           "text.png": b"hello\n", "half.jpg": b"\xff\xd8\xff\xe0\0\x10JFIF\0"}
    inputs = ["a.png"]
    for name, content in bad.items():
        (work / name).write_bytes(content)
        inputs += [name, "b.png"]
    inputs += ["missing.png", "c.png"]
    done = jsonl(*inputs)
    assert done.code == 1 and paths(done) == inputs
    for record in records(done):
        if record["path"] in bad:
            assert record["error"]["code"] in ("decode", "unsupported")
            assert record["error"]["message"]
        elif record["path"] == "missing.png":
            assert record["error"]["code"] == "io"
        else:
            assert "results" in record


def test_an_unreadable_directory_entry_is_an_io_error(jsonl, tree, work):
    folder = tree("a.png", "b.png")
    (work / "tree/a.png").chmod(0)
    if os.access(work / "tree/a.png", os.R_OK):
        pytest.skip("this user may read everything")
    done = jsonl(folder)
    assert done.code == 1 and records(done)[0]["error"]["code"] == "io"


def test_double_dash_ends_the_options(jsonl, pictures, work):
    os.rename(work / "a.png", work / "-k.png")
    done = jsonl("--", "-k.png", "b.png")
    assert done.code == 0 and paths(done) == ["-k.png", "b.png"]


def test_an_image_named_like_a_subcommand(jsonl, pictures, clipcls, model, work):
    os.rename(work / "a.png", work / "eval")
    done = clipcls("./eval", "-m", model, "-L", "cat", "-f", "jsonl")
    assert done.code == 0 and paths(done) == ["./eval"]
    # A subcommand is one only as the first argument.
    assert paths(jsonl("eval")) == ["eval"]
