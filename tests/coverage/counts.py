"""What gcov counted in the files of src."""

import json
import pathlib
import subprocess
from typing import NamedTuple


class Site(NamedTuple):
    """A line of a function."""
    file: str
    function: str
    line: int


class Counts:
    """lines: how often each ran; branches: how often each branch of it was taken; both by Site."""

    def __init__(self):
        self.lines = {}
        self.branches = {}

    def add(self, site, line):
        """A line of a header has counters in every object that includes it, which add up."""
        self.lines[site] = self.lines.get(site, 0) + line["count"]
        taken = [branch["count"] for branch in line["branches"] if not branch["throw"]]
        before = self.branches.get(site, [])
        if len(taken) == len(before):
            self.branches[site] = [a + b for a, b in zip(before, taken)]
        elif len(taken) > len(before):
            self.branches[site] = taken


def read(build, root):
    """Runs gcov over the objects of a build folder. Files outside of root/src are none of ours."""
    notes = [str(path) for path in sorted(build.rglob("*.gcno"))
             if "/src/" in str(path) and path.with_suffix(".o").exists()]
    done = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", *notes],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    counts = Counts()
    source = (root / "src").resolve()
    for report in map(json.loads, done.stdout.splitlines()):
        for file in report["files"]:
            path = pathlib.Path(report["current_working_directory"], file["file"]).resolve()
            if not path.is_relative_to(source):
                continue
            name = str(path.relative_to(root.resolve()))
            for line in file["lines"]:
                counts.add(Site(name, line.get("function_name", ""), line["line_number"]), line)
    return counts
