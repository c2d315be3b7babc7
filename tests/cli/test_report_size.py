"""A page of 10,000 pictures: how large it is, what it takes to make, and how soon its first pictures are seen."""

import os
import random
import subprocess

import pytest
from PIL import Image

import browser
from program import GOLDEN, PROGRAM

PICTURES, DISTINCT = 10_000, 250
LABELS = ["cat", "dog", "red panda", "sea lion", "zebra", "ship", "tree", "house", "bottle", "umbrella"]


def photograph(seed):
    """Smooth colours with a grain, as photographs have."""
    numbers = random.Random(seed)
    coarse = Image.frombytes("RGB", (9, 7), bytes(numbers.randrange(256) for _ in range(9 * 7 * 3)))
    fine = Image.frombytes("RGB", (160, 120), numbers.randbytes(160 * 120 * 3))
    return Image.blend(coarse.resize((160, 120), Image.BICUBIC), fine, 0.12)


class Run:
    """A run over so many pictures; `peak`: kilobytes that the program held at most."""

    def __init__(self, work, env, command, pictures):
        self.path = work / f"page-{pictures}.html"
        names = [f"{i % DISTINCT:03}.jpg" for i in range(pictures)]
        (work / "list").write_text("\n".join(names))
        arguments = [*command, "--files-from", "list", "--report", self.path]
        process = subprocess.Popen(arguments, cwd=work, env=env, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0
        self.peak = usage.ru_maxrss


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """{1,000 and 10,000: Run}: a few hundred JPEGs again and again."""
    work = tmp_path_factory.mktemp("size")
    for i in range(DISTINCT):
        photograph(i).save(work / f"{i:03}.jpg", quality=80)
    command = [PROGRAM, "-m", GOLDEN / "checkpoint", *[part for label in LABELS for part in ("-L", label)],
               "--no-cache", "-j", "2", "-f", "tsv"]
    return {n: Run(work, {**os.environ, "LC_ALL": "C.UTF-8"}, command, n) for n in (1000, PICTURES)}


def test_memory_is_that_of_a_thousand(runs):
    """Within 3 MB: a page of 10,000 would be 40."""
    print(f"peak memory: {runs[1000].peak} KB for 1,000 pictures, {runs[PICTURES].peak} KB for 10,000")
    assert abs(runs[PICTURES].peak - runs[1000].peak) < 3000


def test_a_picture_takes_a_few_kilobytes(runs):
    size = runs[PICTURES].path.stat().st_size
    print(f"page of 10,000 pictures: {size / 1e6:.1f} MB")
    assert size / PICTURES < 6000


READY = """
const [done] = arguments;
const images = () => Array.from(document.images).filter((i) => i.getBoundingClientRect().top < innerHeight);
Promise.all(images().map((i) => i.decode())).then(() => requestAnimationFrame(() => done([performance.now(), images().length])));
"""


def test_it_is_seen_at_once_and_stays_light(runs):
    """2 s are aimed at (1.1 s on two idle cores, 0.6 s of them the page's own work). A processor of half the speed
    may take 4 s of its time; on the clock, a machine with other work may take 20. What must not depend on the machine: elements for some rows alone, thumbnails of some
    blocks alone."""
    driver = browser.start()
    try:
        driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
        page = browser.Shown(driver, runs[PICTURES].path)
        milliseconds, images = driver.execute_async_script(READY)
        metrics = {each["name"]: each["value"] for each in driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]}
        busy = metrics["TaskDuration"]
        print(f"first thumbnails of 10,000 pictures are shown after {milliseconds:.0f} ms, of {busy:.2f} s of work")
        assert images > 0 and milliseconds < 20_000 and 0 < busy < 4
        assert page.count() == "10,000 pictures"
        assert len(page.all(".card")) < 60 and page.run("return thumbnailBlocks.filter(Boolean).length") <= 2
        took = page.run("const t = performance.now(); apply({ order: 'low' }); apply({ text: '07' });"
                        "return (performance.now() - t) / 2")
        print(f"filtering and sorting 10,000 pictures takes {took:.0f} ms")
        page.run("activate(arguments[0])", 300)
        assert 0 < len(page.all(".card")) < 60 and page.focused() is not None
        assert page.errors() == []
    finally:
        driver.quit()
