"""The item about searching a large index."""

import json
import re

from .report import Section, Table, at_most, number, ratio, times
from .running import Failed, interleaved, peer, run
from .setting import PEERS, PHOTO

K = 5


def _index(setting, model, n):
    """Of n random pictures, as if this model had encoded them."""
    template = setting.work / "template.index"
    run([setting.program, "embed", "-m", model, "-o", template, PHOTO], setting.threads)
    return setting.made(f"random-{n}.index", PEERS / "index.py", template, n)


def _found(done):
    """The rows of each query."""
    return [[int(re.search(r"\d+", result["path"])[0]) for result in json.loads(line)["results"]]
            for line in done.out.splitlines()]


def search(setting):
    n = setting.size(1_000_000, 20_000)
    model = setting.single_file("hf-b32")
    index = _index(setting, model, n)
    table = Table(["queries", "clipcls search, whole process", "numpy, without loading", "numpy's time is"])
    seconds = {}
    for queries in (1, 100):
        names = [f"thing {i}" for i in range(queries)]
        rows = setting.work / f"queries-{queries}.npy"
        run([setting.program, "embed", "-m", model, "-t", "{}", "-o", rows,
             *[part for name in names for part in ("-L", name)]], setting.threads)
        command = [setting.program, "search", "-m", model, "-j", setting.threads, "-k", K, "-f", "jsonl",
                   "--cache-dir", setting.work / "cache",
                   *[part for name in names for part in ("--query", name)], index]
        run(command, setting.threads)  # the queries' embeddings are in the cache from here on
        samples = interleaved(setting.rounds, {"clipcls": lambda: run(command, setting.threads)},
                              {"numpy": lambda: peer(setting, "search", index, rows, K)})
        ours = samples["clipcls"].median(lambda done: done.seconds)
        theirs = samples["numpy"].median(lambda done: done["seconds"])
        if samples["numpy"].failure is None and samples["clipcls"].failure is None:
            if _found(samples["clipcls"].runs[0]) != samples["numpy"].runs[0]["best"]:
                raise Failed("the rankings differ from numpy's")
        seconds[queries] = ours
        table.rows.append([queries, number(ours, "s"), samples["numpy"].failure or number(theirs, "s"),
                           times(ratio(theirs, ours))])
    section = Section("Searching an index", (
        f"{n} pictures with 512 floats each, random, in the page cache; the {K} best, the same rows as brute force in "
        "numpy gives.\n"
        "The texts' embeddings are in the cache. numpy's time is that of the product and the choice."), [table])
    section.aims.append(at_most(f"one text in an index of {n} pictures, whole process", seconds[1], 0.3,
                                lambda x: number(x, "s")))
    return section
