"""Mistakes of the command line and of the files it names, one by one: each is told in its own words, and costs exit
status 2 before any picture is read."""

import shutil

import pytest

from program import PROGRAM
from records import fails

NUMBERS = [
    (["-k", "99999999999999999999999"], "not a whole number"), (["-k", ":"], "not a whole number"),
    (["-j", "0"], "must be at least 1"), (["--threshold", ""], "not a number from 0 to 1"),
    (["--threshold", "0.5x"], "not a number from 0 to 1"), (["--decode-limit", "x"], "not a number above 0"),
    (["--decode-limit", "0"], "not a number above 0"), (["--decode-limit", "3601"], "up to 3600"),
    (["--decode-limit", "1x"], "not a number above 0"), (["--background", "#12345"], "#rrggbb"),
    (["--background", "#12345g"], "#rrggbb"), (["--background", "1234567"], "#rrggbb"),
    (["--layout", "onnx"], "onnx"), (["--precision", "f64"], "f64")]


@pytest.mark.parametrize("arguments, words", NUMBERS)
def test_values_of_options(classify, pictures, arguments, words):
    assert fails(classify("a.png", *arguments), words)


@pytest.mark.parametrize("value", ["x", "0", "-1", "1x", "inf", "nan", ""])
def test_the_penalty_of_a_probe(clipcls, value):
    assert fails(clipcls("probe", "train", "--c", value, "set"), "not a number above 0")


@pytest.mark.parametrize("value", ["1.5", "-2", "x", "1x"])
def test_the_least_similarity_of_a_search(clipcls, value):
    assert fails(clipcls("search", "--query", "cat", "--threshold", value, "."), "not a number from -1 to 1")


@pytest.mark.parametrize("color", ["#0aF3e9", "WHITE", "grey", "black"])
def test_colours_that_are_fine(classify, pictures, color):
    assert classify("--background", color, "a.png").code == 0


def test_operands_of_the_small_commands(clipcls):
    assert fails(clipcls("models", "x"), "models")
    assert fails(clipcls("inspect", "a", "b"), "inspect")
    assert fails(clipcls("inspect", "nowhere"), "nowhere")
    assert fails(clipcls("get"), "get: wants one NAME")
    assert fails(clipcls("get", "a", "b"), "get: wants one NAME")


def test_the_script_that_downloads(clipcls, work):
    """get hands over to a script: the one that is named, or one beside the program, or none."""
    (work / "mine.sh").write_text('echo "$@"; exit 7\n')
    done = clipcls("get", "tiny", env={"CLIPCLS_GET_MODEL": "mine.sh"})
    assert (done.code, done.out) == (7, b"-- tiny\n")
    (work / "bin").mkdir()
    (work / "libexec/clipcls").mkdir(parents=True)
    shutil.copy(PROGRAM, work / "bin/clipcls")
    clipcls.command = lambda arguments: [str(work / "bin/clipcls"), *arguments]
    assert fails(clipcls("get", "tiny"), "cannot find get-model.sh")
    shutil.copy(work / "mine.sh", work / "libexec/clipcls/get-model.sh")
    done = clipcls("get", "tiny", env={"CLIPCLS_GET_MODEL": ""})
    assert (done.code, done.out) == (7, b"-- tiny\n")


def test_where_embeddings_cannot_go(clipcls, model, pictures):
    embed = ["embed", "-m", model]
    assert fails(clipcls(*embed, "-o", "nowhere/a.npy", "a.png"), "nowhere/a.npy: cannot write there")
    assert fails(clipcls(*embed, "-o", "nowhere/a.jsonl", "a.png"), "nowhere/a.jsonl")
    assert fails(clipcls(*embed, "-o", ".", "-f", "npy", "a.png"), "no regular file")
    for name in ("npy", "jsonl"):
        with open("/dev/full", "wb") as full:
            done = clipcls(*embed, "-f", name, "a.png", stdout=full)
        assert done.code == 2 and "No space" in done.err


@pytest.mark.parametrize("text, words", [
    ("cat\t#99999999999999999999999\n", ["names:1"]), ("cat\t#x\n", ["names:1", "#x"]),
    ("cat\t#0x\n", ["names:1", "#0x"]), ("\ncat\t#1\n", ["red_panda"])])
def test_places_of_labels(classify, clipcls, model, pictures, work, text, words):
    for name in ("cat", "red_panda"):
        (work / "set" / name).mkdir(parents=True)
        shutil.copy(work / "a.png", work / "set" / name)
    (work / "names").write_text(text)
    done = clipcls("eval", "-m", model, "-L", "cat", "-L", "dog", "--names", "names", "set")
    assert fails(done, *words)


@pytest.mark.parametrize("name", ["5", "12345678901234567890123456789012345", "1a", "a1"])
def test_classes_that_are_called_by_numbers(clipcls, model, pictures, work, name):
    """Datasets name folders by a label's place: one that there is not is no label."""
    (work / "set" / name).mkdir(parents=True)
    shutil.copy(work / "a.png", work / "set" / name)
    assert fails(clipcls("eval", "-m", model, "-L", "cat", "-L", "dog", "set"), f"class {name}: no label has this name")


def test_a_list_with_line_ends_of_windows(clipcls, model, pictures, work):
    (work / "list").write_bytes(b"a.png\tcat\r\n\r\n" + str(work / "b.png").encode() + b"\tdog\r\nc.png\tcat")
    done = clipcls("eval", "-m", model, "-f", "json", "-L", "cat", "-L", "dog", "list")
    assert done.code == 0 and b'"pictures":3' in done.out.replace(b" ", b"")


def test_a_list_that_is_a_folder_s_neighbour(clipcls, model, pictures, work):
    """Its paths are relative to it."""
    (work / "sub").mkdir()
    shutil.move(work / "a.png", work / "sub")
    (work / "sub/list").write_text("a.png\tcat\n")
    done = clipcls("eval", "-m", model, "-f", "json", "-L", "cat", "-L", "dog", "sub/list")
    assert done.code == 0 and b'"failed":0' in done.out.replace(b" ", b"")


def test_equal_pictures_are_found_in_their_order(clipcls, model, pictures, work):
    for name in ("same1.png", "same2.png", "same3.png"):
        shutil.copy(work / "a.png", work / name)
    done = clipcls("search", "-m", model, "--query-image", "a.png", "-f", "tsv", "-k", "0", "same3.png", "same1.png",
                   "same2.png", "a.png")
    lines = [line for line in done.out.decode().splitlines() if ".png" in line]
    places = [min(line.find(name) for name in ("same3", "same1", "same2", "\ta.png") if name in line) for line in lines]
    assert done.code == 0 and len(lines) == 4 and all(place >= 0 for place in places)
    order = [next(name for name in ("same1", "same2", "same3") if name in line) for line in lines if "same" in line]
    assert order == ["same3", "same1", "same2"]
