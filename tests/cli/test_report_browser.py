"""Pages of --report in a browser: what they show, and what keys and controls do."""

import json
import os
import shutil

import pytest
from selenium.webdriver.support.ui import Select, WebDriverWait

import browser
from program import DATA
from records import named, picture, records
from test_report import HOSTILE

LABELS = ["cat", "dog", "red panda"]


@pytest.fixture(scope="module")
def driver():
    driver = browser.start()
    yield driver
    driver.quit()


@pytest.fixture
def show(driver, work):
    """Opens a page; behind the test it must have asked nobody for anything and complained of nothing."""
    shown = []

    def open_page(name="page.html"):
        shown.append(browser.Shown(driver, work / name))
        return shown[-1]
    yield open_page
    for page in shown[-1:]:
        assert page.errors() == []
        assert {url.split(":")[0] for url in page.requests()} <= {"file", "data"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    driver.set_window_size(1280, 900)


@pytest.fixture
def forty(classify, work):
    """A page of 40 pictures and two errors, and the records of the run."""
    (work / "set").mkdir()
    for i in range(40):
        (work / "set" / f"p{i:02}.png").write_bytes(picture(i))
    (work / "set" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = classify("-f", "jsonl", "-k", "0", "--report", "page.html", "set", "nowhere.png")
    return records(done)


def first(record):
    return record["results"][0]


def good(run):
    return [record for record in run if "results" in record]


def test_pictures_are_shown_with_their_labels(show, forty):
    page = show()
    assert page.count() == "42 pictures"
    assert page.paths() == [record["path"] for record in forty[:len(page.paths())]]
    record = forty[1]
    card = page.all(".card")[1]
    shown = [line.find_element("css selector", ".name").text for line in card.find_elements("css selector", ".label")]
    assert shown == [result["label"] for result in record["results"]]
    assert f"{100 * first(record)['score']:.1f} %" in card.text
    assert page.run("return Array.from(document.images).every((i) => i.complete && i.naturalWidth === 64)")


def test_the_summary(show, forty):
    page = show()
    assert page.texts(".tile dt") == ["Pictures", "Errors", "Labels"]
    assert page.texts(".tile dd") == ["42", "2", "3"]
    counts = {label: sum(first(record)["label"] == label for record in good(forty)) for label in LABELS}
    shown = dict(zip(page.texts("#histogram .name"), page.texts("#histogram .number")))
    assert {label: int(text.split()[0]) for label, text in shown.items()} == {k: n for k, n in counts.items() if n > 0}
    assert "golden/checkpoint" in page.one("#subtitle").text


def test_a_bar_of_the_histogram_filters(show, forty):
    page = show()
    bar = page.one("#histogram button")
    label = bar.find_element("css selector", ".name").text
    bar.click()
    wanted = [record["path"] for record in good(forty) if first(record)["label"] == label]
    assert page.count() == f"{len(wanted)} of 42 pictures"
    assert page.paths() == wanted[:len(page.paths())]
    assert bar.get_attribute("aria-pressed") == "true" and page.one("#label").get_attribute("value") != "-1"
    bar.click()
    assert page.count() == "42 pictures"


def test_filters_by_label_score_and_path(show, forty):
    page = show()
    Select(page.one("#label")).select_by_value(str(first(forty[1])["index"]))
    of_label = [record for record in good(forty) if first(record)["label"] == first(forty[1])["label"]]
    assert page.count() == f"{len(of_label)} of 42 pictures"
    page.one("#clear").click()
    scores = sorted(first(record)["score"] for record in good(forty))
    least = round(100 * scores[20], 1)
    page.run("const e = document.getElementById('least'); e.value = arguments[0]; e.dispatchEvent(new Event('input'))", least)
    wanted = [record["path"] for record in good(forty) if 100 * first(record)["score"] >= least]
    assert 0 < len(wanted) < 40 and page.count() == f"{len(wanted)} of 42 pictures"
    page.one("#clear").click()
    page.one("#search").send_keys("P1")
    assert page.paths() == [f"set/p1{i}.png" for i in range(10)]
    page.one("#search").send_keys("x")
    assert page.count() == "0 of 42 pictures" and page.one("#nothing").is_displayed()


def test_errors_alone(show, forty):
    page = show()
    page.one(".tile button").click()
    assert page.paths() == ["set/broken.png", "nowhere.png"]
    codes = {record["path"]: record["error"] for record in forty if "error" in record}
    for card, path in zip(page.all(".card"), page.paths()):
        assert codes[path]["code"] in card.text and codes[path]["message"] in card.text


def test_orders(show, forty):
    page = show()
    by_score = sorted(good(forty), key=lambda record: first(record)["score"])
    Select(page.one("#order")).select_by_value("low")
    assert page.paths()[:9] == [record["path"] for record in by_score[:9]]
    Select(page.one("#order")).select_by_value("high")
    assert page.paths()[:9] == [record["path"] for record in by_score[:-10:-1]]
    Select(page.one("#order")).select_by_value("path")
    assert page.paths()[:3] == ["nowhere.png", "set/broken.png", "set/p00.png"]


def test_keys_move_open_and_close(show, forty):
    page, paths = show(), [record["path"] for record in forty]
    page.press("j")
    assert page.focused() == paths[0]
    page.press("j", "ARROW_RIGHT", "k")
    assert page.focused() == paths[1]
    columns = page.run("return columns")
    page.press("ARROW_DOWN", "ARROW_DOWN", "ARROW_UP")
    assert page.focused() == paths[1 + columns]
    page.press("END")
    assert page.focused() == paths[-1]
    page.press("j")
    assert page.focused() == paths[-1]
    page.press("HOME", "ARROW_LEFT", "j", "ENTER")
    assert page.one("#view").is_displayed() and page.one("#view-path").text == paths[1]
    assert page.texts("#view tbody td:first-child") == [result["label"] for result in forty[1]["results"]]
    page.press("ARROW_RIGHT")
    assert page.one("#view-path").text == paths[2]
    page.press("ESCAPE")
    WebDriverWait(page.driver, 10).until(lambda _: page.focused() == paths[2])
    assert not page.one("#view").is_displayed()


def test_keys_search_filter_and_help(show, forty):
    page = show()
    page.press("/")
    assert page.run("return document.activeElement.id") == "search"
    page.press("p", "3", "?", "BACKSPACE", "ENTER")
    assert page.focused() == "set/p30.png" and not page.one("#help").is_displayed()
    page.press("x", "e")
    assert page.count() == "2 of 42 pictures"
    page.press("e")
    assert page.count() == "42 pictures"
    page.press("?")
    keys = page.one("#help").text
    assert page.one("#help").is_displayed()
    assert all(word in keys for word in ("j", "k", "Home", "Enter", "/", "Esc", "?"))
    page.press("ESCAPE")
    assert not page.one("#help").is_displayed()


CONTRASTS = """
const style = getComputedStyle(document.documentElement), pairs = arguments[0];
const rgb = (name) => {
    const canvas = document.createElement("canvas").getContext("2d");
    canvas.fillStyle = style.getPropertyValue(name);
    canvas.fillRect(0, 0, 1, 1);
    return Array.from(canvas.getImageData(0, 0, 1, 1).data.slice(0, 3));
};
const light = (name) => {
    const [r, g, b] = rgb(name).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
return pairs.map(([a, b]) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05));
"""
PAIRS = [["--text", "--card"], ["--text", "--back"], ["--muted", "--card"], ["--muted", "--back"], ["--muted", "--raised"],
         ["--accent", "--back"], ["--text", "--accent-soft"], ["--right", "--right-back"], ["--wrong", "--wrong-back"],
         ["--wrong", "--card"], ["--notice-text", "--notice"]]


def background(page):
    return page.run("return getComputedStyle(document.body).backgroundColor")


def test_light_and_dark(show, driver, forty):
    """As the system has it, or as is chosen; text is 4.5 times as light or dark as what is behind it (WCAG AA)."""
    page = show()
    light = background(page)
    assert min(page.run(CONTRASTS, PAIRS)) >= 4.5
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    dark = background(page)
    assert dark != light and min(page.run(CONTRASTS, PAIRS)) >= 4.5
    page.press("t")
    assert background(page) == light
    driver.refresh()
    assert background(page) == light # it is remembered
    page.one("#theme-button").click()
    assert background(page) == dark and min(page.run(CONTRASTS, PAIRS)) >= 4.5
    page.run("localStorage.clear()")


def test_whoever_cannot_see_it_is_told(show, forty):
    page = show()
    unnamed = page.run("""return Array.from(document.querySelectorAll("button, input, select, canvas, article, dialog"))
        .filter((e) => !(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.labels?.length
                         || e.textContent.trim())).map((e) => e.outerHTML)""")
    assert unnamed == []
    cards = page.all("[role=feed] > article")
    assert [card.get_attribute("aria-posinset") for card in cards[:3]] == ["1", "2", "3"]
    assert {card.get_attribute("aria-setsize") for card in cards} == {"42"}
    assert cards[1].get_attribute("aria-label").startswith(f"{forty[1]['path']}: {first(forty[1])['label']} ")
    assert [card.get_attribute("tabindex") for card in cards[:3]] == ["0", "-1", "-1"]
    page.press("j")
    assert page.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_narrow_screen_needs_no_sideways_scrolling(show, driver, forty):
    driver.set_window_size(500, 800)
    page = show()
    assert page.run("return columns") == 1
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    assert page.run("return Array.from(document.querySelectorAll('.card')).every((c) => c.getBoundingClientRect().right <= innerWidth)")


def test_on_paper_all_pictures_stand(show, forty):
    page = show()
    assert len(page.all(".card")) < 42
    page.run("dispatchEvent(new Event('beforeprint'))")
    assert len(page.all(".card")) == 42
    page.run("dispatchEvent(new Event('afterprint'))")
    assert len(page.all(".card")) < 42


def test_hostile_paths_and_labels_are_shown_as_text(show, classify, work):
    for name in HOSTILE:
        path = os.path.join(os.fsencode(work), b"set", os.fsencode(name) if isinstance(name, str) else name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(picture(len(path)))
    labels = ["</script><script>document.title='hit'</script>", "<img src=x onerror=document.title='hit'>", "\u202edrow"]
    assert classify("--report", "page.html", "set", labels=labels).code == 0
    page = show()
    title = page.driver.title
    shown = "\n".join(page.paths())
    for text in ("</script><script>document.title='hit'</script>.png", "<!--<script>.png", "a\"'&amp;\\.png",
                 r"line\x0Aand\x09tab\x1B[31m.png", r"\u{202E}gnp.exe.png", r"\xED\xA0\x80\xFF.png", r"\u{2028}\u{FEFF}.png"):
        assert text in shown
    names = page.texts("#histogram .name")
    page.press("j", "ENTER")
    assert set(names) <= {*labels[:2], r"\u{202E}drow"} and page.texts("#view tbody td:first-child") != []
    assert page.driver.title == title and "hit" not in title
    assert page.run("return document.scripts.length") == 5 and len(page.all("img[src=x]")) == 0


def test_a_partial_and_a_resumed_page_say_so(show, classify, pictures, work):
    with open("/dev/full", "wb") as full:
        classify("--report", "page.html", "-f", "jsonl", *pictures, stdout=full)
    assert show().one("#notice").text.startswith("Partial: the run ended early after 1 pictures")
    (work / "done.jsonl").write_bytes(classify("-f", "jsonl", "a.png").out)
    classify("-f", "jsonl", "--resume", "done.jsonl", "--report", "page.html", *pictures)
    assert "this run's pictures alone; 1 were done by an earlier run" in show().one("#notice").text
    classify("--report", "page.html", *pictures)
    assert not show().one("#notice").is_displayed()


# ---- eval ------------------------------------------------------------------------------------------

@pytest.fixture
def evaluated(clipcls, model, work):
    """The figures of an evaluation that has a page."""
    for i in range(36):
        name = ("cat", "dog", "red_panda")[i % 3]
        (work / "set" / name).mkdir(parents=True, exist_ok=True)
        (work / "set" / name / f"{i:02}.png").write_bytes(picture(i))
    done = clipcls("eval", "-m", model, *named([*LABELS, "sea lion"]), "-f", "json", "--report", "page.html", "set")
    return json.loads(done.out)


def test_figures_are_shown(show, evaluated):
    page = show()
    tiles = dict(zip(page.texts(".tile dt"), page.texts(".tile dd")))
    assert tiles["Top-1"] == f"{100 * evaluated['top1']:.2f} %" and tiles["ECE"] == f"{100 * evaluated['ece']:.2f} %"
    right = round(36 * evaluated["top1"])
    assert page.texts("#states label") == ["All 36", f"Wrong {36 - right}", f"Right {right}", "Errors 0"]
    accuracy = {name: text.split(" %")[0] for name, text in zip(page.texts("#classes .name"), page.texts("#classes .number"))}
    assert accuracy == {entry["class"]: f"{100 * entry['top1']:.1f}" for entry in evaluated["classes"]}


def test_the_worst_mistakes_come_first(show, evaluated):
    page = show()
    chips = page.texts(".card .chip")
    assert chips[0] == "✗ wrong"
    scores = page.run("return shown.filter((p) => !isRight(p)).map(score)")
    assert scores == sorted(scores, reverse=True) and page.run("return shown.slice(arguments[0]).every(isRight)", len(scores))
    page.all("#states input")[2].click()
    assert set(page.texts(".card .chip")) == {"✓ right"}


MOUSE = """const [name, x, y] = arguments, { left, top } = matrix.canvas.getBoundingClientRect();
matrix.canvas.dispatchEvent(new MouseEvent(name, { bubbles: true, clientX: left + x, clientY: top + y }));"""


def test_a_cell_of_the_confusion_matrix_filters(show, evaluated):
    page = show()
    cells = [(cell["pictures"], row, cell) for row, entry in enumerate(evaluated["classes"]) for cell in entry["confusion"]]
    _, row, cell = min(cells, key=lambda cell: cell[0])
    entry = evaluated["classes"][row]
    assert cell["pictures"] < entry["pictures"] # or this would test nothing
    x, y = page.run("""const column = matrix.columns.indexOf(arguments[1]);
        return [matrix.left + (column + 0.5) * matrix.side, matrix.top + (arguments[0] + 0.5) * matrix.side]""", row, cell["index"])
    page.run(MOUSE, "mousemove", x, y)
    told = page.one("#cell").text
    assert entry["class"] in told and cell["label"] in told and f"{cell['pictures']} of {entry['pictures']} pictures" in told
    page.run(MOUSE, "click", x, y)
    assert page.count() == f"{cell['pictures']} of 36 pictures"
    assert set(page.texts(".card .truth .name")) == {f"true class: {entry['class']}"}
    assert set(page.run("return shown.map((p) => labelName(firstLabel(p)))")) == {cell["label"]}


def test_keys_go_through_the_confusion_matrix(show, evaluated):
    page = show()
    page.run("matrix.canvas.focus()")
    page.press("ARROW_RIGHT", "ARROW_DOWN", "ARROW_LEFT")
    column = evaluated["classes"][1]["confusion"]
    told = page.one("#cell").text
    assert told.startswith("dog taken for cat")
    page.press("ENTER")
    taken = next((cell["pictures"] for cell in column if cell["label"] == "cat"), 0)
    assert page.count() == f"{taken} of 36 pictures"


def test_three_hundred_classes(show, clipcls, model, work):
    """Classes beyond what names have room for: the cells are there, small, and told of."""
    (work / "a").mkdir()
    for i in range(20):
        (work / "a" / f"{i}.png").write_bytes(picture(i))
    labels = [f"class {i}" for i in range(300)]
    (work / "labels").write_text("\n".join(labels))
    (work / "list").write_text("".join(f"a/{i % 20}.png\tclass {i}\n" for i in range(300)))
    assert clipcls("eval", "-m", model, "-l", "labels", "--report", "page.html", "list").code == 0
    page = show()
    assert page.run("return matrix.rows.length") == 300 and page.run("return matrix.side") >= 4
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    page.run("pointAt(299, 0)")
    assert page.one("#cell").text.startswith("class 299 taken for ")


def test_the_sample_pictures(show, clipcls, work):
    """What the documentation shows."""
    shutil.copytree(DATA / "photos", work / "photos")
    assert clipcls("-l", "photos/labels.txt", "--report", "page.html", "photos").code == 0
    page = show()
    assert page.count() == "8 pictures" and page.texts(".card .label.first .name")[0] == "bee"
