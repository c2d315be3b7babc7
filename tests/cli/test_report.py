"""clipcls --report: the page beside the records, whatever pictures, paths and labels hold."""

import io
import json
import os
import signal
import subprocess
import time

import pytest
from PIL import Image

from program import DATA
from records import corner, exif_orientation, fails, picture, png, ppm, records
from report_page import Page
from slow import Slow

HOSTILE = ["</script><script>document.title='hit'</script>.png", "<!--<script>.png", "a\"'&amp;\\.png",
           "line\nand\ttab\x1b[31m.png", "\u202egnp.exe.png", "\ud800".encode("utf-8", "surrogatepass") + b"\xff.png",
           "\u2028\ufeff.png"]


@pytest.fixture
def page(work):
    return lambda name="page.html": Page(work / name)


def image(data):
    return Image.open(io.BytesIO(data))


def leftovers(work, name="page.html"):
    """The page's temporary files."""
    return [path.name for path in work.iterdir() if path.name.startswith(f"{name}.")]


def test_the_page_has_what_is_printed(classify, pictures, page):
    done = classify("-f", "jsonl", "-k", "0", "--report", "page.html", *pictures)
    assert (done.code, done.err) == (0, "")
    report = page()
    assert report.head["labels"] == ["cat", "dog", "red panda"] and report.head["command"] == "classify"
    assert report.end == {"pictures": 3, "failed": 0, "skipped": 0}
    for record, shown in zip(records(done), report.records, strict=True):
        assert shown["path"] == record["path"]
        assert [index for index, _, _ in shown["labels"]] == [result["index"] for result in record["results"]]
        for (_, score, similarity), result in zip(shown["labels"], record["results"]):
            assert score == result["score"] # both have six decimals
            assert similarity == pytest.approx(result["similarity"], abs=5.1e-5) # four decimals


def test_records_are_the_same_with_and_without(classify, pictures):
    for format in ("text", "tsv", "csv", "json", "jsonl", "junit"):
        assert classify("-f", format, "--report", "page.html", *pictures).out == classify("-f", format, *pictures).out


def test_bytes_of_the_page_do_not_change(classify, pictures, work):
    pages = []
    for arguments in ([], ["-j", "1"], ["-j", "3", "-b", "1"], ["--no-sandbox"]):
        assert classify(*arguments, "--report", "page.html", *pictures, DATA / "images").code == 0
        pages.append((work / "page.html").read_bytes())
    assert len(set(pages)) == 1


def test_the_page_asks_nobody_for_anything(classify, pictures, page):
    classify("--report", "page.html", *pictures)
    text = page().bytes.decode()
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'" in text
    assert "http:" not in text and "https:" not in text and "innerHTML" not in text
    assert page().elements["script"] == 5 # head, records, thumbnails, end, and what shows them


def test_options_about_stdout_leave_the_page_whole(classify, pictures, page):
    done = classify("-k", "1", "--threshold", "0.99", "--match", "nothing", "--report", "page.html", *pictures,
                    labels=("cat", "dog", "nothing"))
    assert done.code in (0, 1)
    assert [len(record["labels"]) for record in page().records] == [3, 3, 3]


def test_of_many_labels_the_first_fifty_are_kept(classify, pictures, page):
    done = classify("-f", "jsonl", "-k", "0", "--report", "page.html", "a.png", labels=[f"label {i}" for i in range(80)])
    results, kept = records(done)[0]["results"], page().records[0]["labels"]
    assert [index for index, _, _ in kept] == [result["index"] for result in results[:len(kept)]]
    assert 10 <= len(kept) <= 50
    assert all(result["score"] < 0.0005 for result in results[len(kept):]) or len(kept) == 50


# ---- thumbnails ------------------------------------------------------------------------------------

def test_thumbnails_are_small_upright_pictures(classify, page):
    done = classify("--report", "page.html", "-f", "jsonl", DATA / "images", DATA / "hard", DATA / "photos")
    report = page()
    assert done.code == 0 and len(report.thumbnails) == len(report.records) == len(records(done))
    for record, data in zip(report.records, report.thumbnails):
        thumbnail = image(data)
        assert thumbnail.format == "JPEG" and thumbnail.mode == "RGB" and max(thumbnail.size) <= 112
        assert thumbnail.size == (record["width"], record["height"]) and len(data) < 9000


def mean_difference(data, expected):
    thumbnail = image(data).convert("RGB")
    expected = expected.convert("RGB").resize(thumbnail.size, Image.BOX)
    pairs = zip(thumbnail.tobytes(), expected.tobytes(), strict=True)
    return sum(abs(a - b) for a, b in pairs) / len(thumbnail.tobytes())


@pytest.mark.parametrize("arguments", [[], ["--no-sandbox"], ["--fast-decode"], ["-j", "1"]])
def test_a_thumbnail_shows_the_picture(classify, page, arguments):
    """Within 12 levels in the mean: quality 70, rows that are left out, JPEGs that were decoded at an eighth of their
    size. Another picture is more than 25 away."""
    classify(*arguments, "--report", "page.html", DATA / "photos")
    report = page()
    for record, data in zip(report.records, report.thumbnails, strict=True):
        assert mean_difference(data, Image.open(record["path"])) < 12
    assert mean_difference(report.thumbnails[0], Image.open(report.records[1]["path"])) > 25


def test_a_thumbnail_is_turned_as_the_picture_is(classify, page, work):
    (work / "turned.png").write_bytes(png(60, 40, corner, 2, exif_orientation(6)))
    classify("--report", "page.html", "turned.png")
    assert image(page().thumbnails[0]).size == (40, 60)
    classify("--report", "page.html", "--no-exif", "turned.png")
    assert image(page().thumbnails[0]).size == (60, 40)


def test_what_is_transparent_shows_a_checkerboard_or_the_background(classify, page, work):
    (work / "clear.png").write_bytes(png(16, 16, lambda x, y: bytes((255, 0, 0, 0)), 6))
    classify("--report", "page.html", "clear.png")
    thumbnail = image(page().thumbnails[0])
    assert min(thumbnail.getpixel((3, 3))) > 240 and 190 < min(thumbnail.getpixel((12, 3))) < 220
    classify("--report", "page.html", "--background", "#0000ff", "clear.png")
    red, green, blue = image(page().thumbnails[0]).getpixel((5, 5))
    assert red < 12 and green < 12 and blue > 240


def test_pictures_of_stdin_and_of_streams_are_on_it(classify, page, pictures, work):
    classify("--report", "page.html", "-", stdin=(work / "a.png").read_bytes())
    assert [record["path"] for record in page().records] == ["-"]
    classify("--report", "page.html", "--stream", "-", stdin=ppm(20, 10) + ppm(9, 9))
    report = page()
    assert [record["path"] for record in report.records] == ["-#1", "-#2"]
    assert [image(data).size for data in report.thumbnails] == [(20, 10), (9, 9)]


# ---- what is hostile or broken ---------------------------------------------------------------------

def test_hostile_paths_are_text(classify, page, work):
    for name in HOSTILE:
        path = os.path.join(os.fsencode(work), os.fsencode(name) if isinstance(name, str) else name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(picture(len(path)))
    done = classify("-f", "jsonl", "--report", "page.html", ".")
    report = page()
    assert done.code == 0 and len(report.records) == len(HOSTILE)
    assert [shown["path"] for shown in report.records] == [record["path"] for record in records(done)]
    assert report.elements["script"] == 5 and b"<script>document" not in report.bytes


def test_hostile_labels_are_text(classify, page, pictures):
    labels = ["</script><script>alert(1)</script>", "<!--<script>", "a\"b'&lt;", "\u202edrow", "back\\slash", "]]>"]
    assert classify("--report", "page.html", "a.png", labels=labels).code == 0
    assert page().head["labels"] == labels and page().elements["script"] == 5


def test_errors_are_listed_with_code_and_message(classify, page, pictures, work):
    (work / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (work / "text.png").write_text("no picture")
    done = classify("-f", "jsonl", "--report", "page.html", "broken.png", "a.png", "nowhere.png", "text.png")
    report = page()
    assert done.code == 1 and report.end["failed"] == 3 and report.end["pictures"] == 4
    for record, shown in zip(records(done), report.records, strict=True):
        error = record.get("error", {})
        assert (shown.get("code"), shown.get("message")) == (error.get("code"), error.get("message"))
    assert [len(data) > 0 for data in report.thumbnails] == [False, True, False, False]


def test_no_pictures(classify, page, work):
    (work / "empty").mkdir()
    assert classify("--report", "page.html", "empty").code == 0
    assert page().records == [] and page().end["pictures"] == 0


# ---- the file --------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, words", [
    ("nowhere/page.html", ["nowhere/page.html", "No such file"]), ("folder", ["folder", "no regular file"]),
    ("/dev/full", ["/dev/full", "no regular file"]), ("-", ["--report", "name of a file"]),
    ("", ["--report", "name of a file"])])
def test_a_file_that_cannot_be_is_told_before_any_work(classify, pictures, work, name, words):
    (work / "folder").mkdir()
    assert fails(classify("--report", name, *pictures), *words)
    assert leftovers(work) == []


def test_an_old_page_is_replaced_when_the_new_one_is_whole(classify, clipcls, pictures, work, page):
    (work / "page.html").write_text("old")
    done = clipcls("-m", "nowhere", "-L", "cat", "--report", "page.html", "a.png")
    assert done.code == 2 and (work / "page.html").read_text() == "old" and leftovers(work) == []
    assert classify("--report", "page.html", "a.png").code == 0
    assert len(page().records) == 1 and leftovers(work) == []


def test_a_disk_that_is_full(classify, pictures, work, model, clipcls):
    """Records go on; the page, too large for the limit on files, is told of and not there."""
    command = ["sh", "-c", 'ulimit -f 8; exec "$@"', "sh",
               *clipcls.command(["-m", model, "-L", "cat", "--report", "page.html", "-f", "jsonl", *pictures])]
    done = subprocess.run(command, cwd=work, env=clipcls.env, capture_output=True, timeout=60)
    assert done.returncode == 2 and len(done.stdout.splitlines()) == 3
    assert b"page.html" in done.stderr and b"File too large" in done.stderr
    assert not (work / "page.html").exists() and leftovers(work) == []


def test_a_full_stdout_leaves_the_page_of_what_was_done(classify, pictures, page):
    with open("/dev/full", "wb") as full:
        assert classify("--report", "page.html", "-f", "jsonl", *pictures, stdout=full).code == 2
    assert len(page().records) == 1 and page().end["unfinished"] == "records could not be printed"


def test_a_reader_that_leaves(classify, clipcls, model, pictures, page, work):
    command = clipcls.command(["-m", model, "-L", "cat", "-f", "jsonl", "--report", "page.html", *pictures])
    run = subprocess.Popen(command, cwd=work, env=clipcls.env, stdout=subprocess.PIPE)
    run.stdout.close()
    assert run.wait(timeout=60) == 141
    assert "unfinished" in page().end and leftovers(work) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_the_page_of_what_was_done(clipcls, model, pictures, page, work, number):
    run = Slow(clipcls, ["-m", model, "-L", "cat", "-f", "tsv", "--report", "page.html", "--files-from", "-"])
    run.feed(b"a.png\nb.png\nhalf a na")
    lines = [run.line() for _ in range(3)]
    time.sleep(0.3) # it waits for more
    run.process.send_signal(number)
    assert run.process.wait(timeout=20) == -number
    assert [line.split("\t")[0] for line in lines] == ["path", "a.png", "b.png"] and run.process.stdout.read() == b""
    assert [record["path"] for record in page().records] == ["a.png", "b.png"]
    assert page().end["unfinished"] == "interrupted" and leftovers(work) == []


def test_a_resumed_run_shows_its_own_pictures(classify, pictures, page, work):
    (work / "done.jsonl").write_bytes(classify("-f", "jsonl", "a.png", "b.png").out)
    classify("-f", "jsonl", "--resume", "done.jsonl", "--report", "page.html", *pictures)
    report = page()
    assert [record["path"] for record in report.records] == ["c.png"]
    assert report.head["resumed"] and report.end["skipped"] == 2


def test_labels_that_are_explained_have_no_page(clipcls, model):
    assert fails(clipcls("-m", model, "-L", "cat", "-L", "dog", "--explain-labels", "--report", "page.html"), "--report")


def test_a_probe_s_page_names_it(clipcls, page, work, model):
    from probe_support import make_folders
    make_folders(work / "train", {"cat": 3, "dog": 3}, "train")
    assert clipcls("probe", "train", "-m", model, "-o", "probe.safetensors", "train").code == 0
    assert clipcls("probe", "apply", "-m", model, "--probe", "probe.safetensors", "--report", "page.html", "train").code == 0
    assert page().head["probe"] == "probe.safetensors" and page().head["labels"] == ["cat", "dog"]


# ---- eval ------------------------------------------------------------------------------------------

@pytest.fixture
def folders(work):
    for i, name in enumerate(["cat", "dog", "red_panda"] * 4):
        (work / "set" / name).mkdir(parents=True, exist_ok=True)
        (work / "set" / name / f"{i}.png").write_bytes(picture(i))
    (work / "set" / "dog" / "broken.png").write_bytes(b"\x89PNG")
    return work / "set"


@pytest.mark.parametrize("arguments", [[], ["--subset"]])
def test_eval_s_figures_are_those_it_prints(clipcls, model, folders, page, arguments):
    labels = [part for label in ("cat", "sea lion", "dog", "red panda") for part in ("-L", label)]
    done = clipcls("eval", "-m", model, *labels, *arguments, "-f", "json", "--report", "page.html", "set")
    report, figures = page(), json.loads(done.out)
    assert done.code == 1 and report.end["figures"] == figures
    assert report.head["classes"] == ["cat", "dog", "red_panda"] and report.head["right"] == [[0], [2], [3]]
    good = [record for record in report.records if "labels" in record]
    assert len(good) == figures["pictures"] == 12 and report.end["failed"] == figures["failed"] == 1
    right = [record["labels"][0][0] in report.head["right"][record["class"]] for record in good]
    assert sum(right) / 12 == pytest.approx(figures["top1"], abs=1e-6)
    assert sum(record["labels"][0][1] for record in good) / 12 == pytest.approx(figures["mean_score"], abs=1e-5)
    for of, entry in enumerate(figures["classes"]):
        for cell in entry["confusion"]:
            assert cell["pictures"] == sum(record["class"] == of and record["labels"][0][0] == cell["index"] for record in good)
    assert all(len(record["labels"]) == (3 if arguments else 4) for record in good)
    assert {record["path"]: record["class"] for record in report.records if "code" in record} == {"set/dog/broken.png": 1}


def test_eval_s_other_reports_have_no_page(clipcls, model, folders):
    for other in ("--suggest-templates", "--explain-labels"):
        assert fails(clipcls("eval", "-m", model, other, "--report", "page.html", "set"), "--report")


def test_an_interrupted_eval_leaves_a_page_and_no_figures(clipcls, model, work, pictures, page):
    """The signal comes while the second picture is waited for; its window of four is done, the rest is not."""
    os.mkfifo(work / "slow.png")
    (work / "list").write_text("a.png\tcat\nslow.png\tdog\n" + "b.png\tdog\n" * 20)
    run = subprocess.Popen(clipcls.command(["eval", "-m", model, "-j", "1", "--report", "page.html", "list"]),
                           cwd=work, env=clipcls.env, stdout=subprocess.PIPE)
    fifo = None
    for _ in range(200): # until it reads
        try:
            fifo = os.open(work / "slow.png", os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError:
            time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    time.sleep(0.2)
    os.write(fifo, ppm(4, 4))
    os.close(fifo)
    assert run.wait(timeout=20) == -signal.SIGINT and run.stdout.read() == b""
    report = page()
    assert report.end["unfinished"] == "interrupted" and report.end["pictures"] == report.end["figures"]["pictures"] == 5


# ---- memory ----------------------------------------------------------------------------------------

def peak(clipcls, work, arguments):
    """Kilobytes that the program held at most."""
    done = subprocess.run(["python3", "-c", "import resource, subprocess, sys\n"
                           "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode\n"
                           "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\nsys.exit(code)",
                           *clipcls.command(arguments)], cwd=work, env=clipcls.env, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_memory_does_not_grow_with_the_pictures(clipcls, model, work):
    """6,000 pictures, whose page is 5 MB, take what 600 take, within 2 MB."""
    (work / "a.ppm").write_bytes(ppm(40, 30))
    taken = []
    for n in (600, 6000):
        (work / "list").write_text("a.ppm\n" * n)
        taken.append(peak(clipcls, work, ["-m", model, "-L", "cat", "-L", "dog", "-j", "1", "--files-from", "list",
                                          "--report", "page.html"]))
    assert (work / "page.html").stat().st_size > 5_000_000
    assert taken[1] - taken[0] < 2000
