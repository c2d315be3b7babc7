"""The five output formats, byte for byte."""

import csv
import io
import json
import os
import pty
import re

import pytest

from records import labels, paths, records


def test_jsonl_line_has_the_documented_keys_order_and_decimals(classify, pictures):
    done = classify("-f", "jsonl", "a.png")
    result = (r'\{"label":"(cat|dog|red panda)","index":[012],"score":[01]\.\d{6},'
              r'"similarity":-?[01]\.\d{6}\}')
    line = rf'\{{"path":"a\.png","results":\[{result},{result},{result}\]\}}\n'
    assert done.code == 0 and re.fullmatch(line, done.out.decode())
    assert done.err == ""


def test_results_are_ranked_and_scores_are_a_distribution(classify, pictures):
    for record in records(classify("-f", "jsonl", *pictures)):
        similarity = [result["similarity"] for result in record["results"]]
        score = [result["score"] for result in record["results"]]
        assert similarity == sorted(similarity, reverse=True)
        assert score == sorted(score, reverse=True)
        assert abs(sum(score) - 1) < 3e-6
        assert all(("cat", "dog", "red panda")[r["index"]] == r["label"] for r in record["results"])


def test_jsonl_error_record(classify, work):
    (work / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    done = classify("-f", "jsonl", "bad.png")
    line = r'\{"path":"bad\.png","error":\{"code":"decode","message":"[^"]+"\}\}\n'
    assert done.code == 1 and re.fullmatch(line, done.out.decode())


def test_json_is_one_array_of_the_same_records(classify, pictures, work):
    (work / "bad.png").write_bytes(b"GIF89a")
    inputs = ["a.png", "bad.png", "b.png"]
    array, lines = classify("-f", "json", *inputs), classify("-f", "jsonl", *inputs)
    assert array.code == lines.code == 1
    assert json.loads(array.out) == records(lines)
    for line in lines.out.splitlines():
        assert line in array.out


@pytest.mark.parametrize("name, separator, end", [("tsv", "\t", "\n"), ("csv", ",", "\r\n")])
def test_tables_hold_what_jsonl_holds(classify, pictures, name, separator, end):
    wanted = separator.join(["path", "rank", "label", "score", "similarity", "error"]) + end
    for record in records(classify("-f", "jsonl", *pictures)):
        for rank, result in enumerate(record["results"], 1):
            wanted += separator.join([record["path"], str(rank), result["label"],
                                      f"{result['score']:.6f}", f"{result['similarity']:.6f}",
                                      ""]) + end
    done = classify("-f", name, *pictures)
    assert (done.code, done.out.decode()) == (0, wanted)


@pytest.mark.parametrize("name, dialect", [("tsv", "excel-tab"), ("csv", "excel")])
def test_a_failed_input_is_one_row_with_error_filled(classify, pictures, work, name, dialect):
    (work / "bad.png").write_bytes(b"nothing")
    done = classify("-f", name, "-k", "1", "a.png", "bad.png", "b.png")
    rows = list(csv.reader(io.StringIO(done.out.decode(), newline=""), dialect))
    assert done.code == 1
    assert [row[0] for row in rows] == ["path", "a.png", "bad.png", "b.png"]
    assert rows[2][1:5] == ["", "", "", ""] and rows[2][5] != ""
    assert rows[1][5] == rows[3][5] == ""


@pytest.mark.parametrize("name, dialect", [("tsv", "excel-tab"), ("csv", "excel")])
def test_a_threshold_that_leaves_nothing_is_one_row_with_an_empty_label(classify, pictures, name,
                                                                        dialect):
    done = classify("-f", name, "--threshold", "1", "a.png", "b.png")
    rows = list(csv.reader(io.StringIO(done.out.decode(), newline=""), dialect))
    assert done.code == 0
    assert [(row[0], row[2], row[5]) for row in rows[1:]] == [("a.png", "", ""), ("b.png", "", "")]


def test_csv_quotes_as_rfc_4180_says(classify, pictures, work):
    names = ['co,mma.png', 'quo"te.png', "new\nline.png", "tab\tand space.png", " lead.png"]
    for name in names:
        os.rename(work / "a.png", work / name)
        done = classify("-f", "csv", "-k", "1", name, labels=['a "b", c'])
        rows = list(csv.reader(io.StringIO(done.out.decode(), newline=""), strict=True))
        assert rows[1][0] == name and rows[1][2] == 'a "b", c'
        assert b'"a ""b"", c"' in done.out
        os.rename(work / name, work / "a.png")


def test_tsv_escapes_what_would_break_a_row(classify, pictures, work):
    name = "back\\slash tab\t nl\n cr\r esc\x1b del\x7f.png"
    os.rename(work / "a.png", work / name)
    done = classify("-f", "tsv", "-k", "1", name)
    row = done.out.decode().splitlines()[1].split("\t")
    assert len(row) == 6
    assert row[0].lower() == r"back\\slash tab\t nl\n cr\r esc\x1b del\x7f.png"


def test_json_escapes_a_path(classify, pictures, work):
    name = 'quo"te back\\slash nl\n tab\t bell\x07 \u00e9\u732b\U0001f431.png'
    os.rename(work / "a.png", work / name)
    assert paths(classify("-f", "jsonl", name)) == [name]
    assert json.loads(classify("-f", "json", name).out)[0]["path"] == name


def test_a_path_that_is_not_utf8(classify, pictures, work):
    name = b"caf\xe9 \xff.png"
    os.rename(os.fsencode(work / "a.png"), os.path.join(os.fsencode(work), name))
    done = classify("-f", "jsonl", os.fsdecode(name))
    assert rb'"path":"caf\udce9 \udcff.png"' in done.out
    assert os.fsencode(paths(done)[0]) == name
    assert classify("-f", "csv", "-k", "1", os.fsdecode(name)).out.splitlines()[1].startswith(name)
    assert classify("-f", "tsv", "-k", "1", os.fsdecode(name)).out.splitlines()[1].startswith(name)
    both = classify("-k", "1", os.fsdecode(name), "b.png").out
    assert both.startswith(name + b": ")


def test_labels_are_printed_byte_for_byte(classify, pictures):
    odd = ["caf\u00e9", "\u732b \U0001f431", 'quo"te', "comma, too", "back\\slash"]
    done = classify("-k", "0", "-f", "jsonl", "a.png", labels=odd)
    assert sorted(labels(records(done)[0])) == sorted(odd)
    text = classify("-k", "0", "a.png", labels=odd).out.decode()
    assert sorted(line.split("%  ", 1)[1] for line in text.splitlines()) == sorted(odd)


def test_text_for_one_named_image_is_lines_of_percent_and_label(classify, pictures):
    wanted = [f"{100 * r['score']:.1f}%  {r['label']}"
              for r in records(classify("-f", "jsonl", "a.png"))[0]["results"]]
    done = classify("a.png")
    assert done.code == 0
    assert [line.lstrip(" ") for line in done.out.decode().splitlines()] == wanted
    assert done.out == classify("-f", "text", "a.png").out == classify("--format=text", "a.png").out


def one_line(record):
    return f"{record['path']}: " + ", ".join(f"{r['label']} {100 * r['score']:.1f}%"
                                             for r in record["results"]) + "\n"


@pytest.mark.parametrize("inputs", [["a.png", "b.png"], ["only"], ["--files-from", "list.txt"]])
def test_text_for_anything_else_is_one_line_an_image(classify, pictures, work, inputs):
    (work / "only").mkdir()
    (work / "only/c.png").write_bytes((work / "c.png").read_bytes())
    (work / "list.txt").write_text("a.png\n")
    wanted = "".join(one_line(record) for record in records(classify("-f", "jsonl", *inputs)))
    done = classify(*inputs)
    assert (done.code, done.out.decode()) == (0, wanted)


def test_text_errors_go_to_stderr(classify, pictures, work):
    (work / "bad.png").write_bytes(b"nothing")
    done = classify("-k", "1", "a.png", "bad.png", "b.png")
    assert done.code == 1
    assert [line.split(b":")[0] for line in done.out.splitlines()] == [b"a.png", b"b.png"]
    assert "bad.png" in done.err


def on_a_terminal(clipcls, arguments):
    """What the program shows when stdout and stderr are a terminal."""
    child, screen = pty.fork()
    if child == 0:
        os.chdir(clipcls.cwd)
        command = clipcls.command(arguments)
        os.execve(command[0], command, clipcls.env)
    shown = b""
    while True:
        try:
            part = os.read(screen, 4096)
        except OSError:  # Linux' way to say that the other side has gone
            break
        if not part:
            break
        shown += part
    os.close(screen)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def test_a_terminal_gets_control_characters_escaped(clipcls, model, pictures, work):
    name = "esc\x1b[31m tab\t.png"
    os.rename(work / "a.png", work / name)
    code, shown = on_a_terminal(clipcls, ["-m", model, "-L", "cat", "--color", "never",
                                          "--progress", "never", name, "b.png"])
    assert code == 0 and b"\x1b" not in shown
    assert rb"esc\x1b[31m tab\t.png: cat 100.0%" in shown.replace(rb"\x1B", rb"\x1b")


def test_csv_is_quoted_on_a_terminal_too(clipcls, model, pictures, work):
    os.rename(work / "a.png", work / 'co,mma\x1b "q".png')
    _, shown = on_a_terminal(clipcls, ["-q", "-m", model, "-L", 'a "b", c', "-f", "csv", "--progress",
                                       "never", 'co,mma\x1b "q".png'])
    row = next(csv.reader([shown.decode().split("\n")[1].strip("\r")], strict=True))
    assert (row[0].lower(), row[2]) == ('co,mma\\x1b "q".png', 'a "b", c')


def test_colour_only_on_a_terminal_or_when_asked_for(clipcls, classify, model, pictures):
    arguments = ["-m", model, "-L", "cat", "-L", "dog", "--progress", "never", "a.png"]
    assert b"\x1b[" in on_a_terminal(clipcls, arguments)[1]
    assert b"\x1b[" not in on_a_terminal(clipcls, [*arguments, "--color", "never"])[1]
    assert b"\x1b[" not in classify("a.png").out
    assert b"\x1b[" in classify("--color", "always", "a.png").out
    assert b"\x1b[" not in classify("--color", "always", "-f", "jsonl", "a.png").out
    clipcls.env["NO_COLOR"] = "1"
    assert b"\x1b[" not in on_a_terminal(clipcls, arguments)[1]


def test_progress_goes_to_stderr_and_changes_no_result(classify, pictures):
    plain = classify("-f", "jsonl", *pictures)
    shown = classify("-f", "jsonl", "--progress", "always", *pictures)
    assert shown.out == plain.out and shown.err != "" and plain.err == ""
    assert classify("-f", "jsonl", "--progress", "never", *pictures).err == ""
