"""Prints what the tests cover, folder by folder: `report.py BUILD`. Ends with 1 where less than 90 % of all branches
were taken, or where uncovered.txt is not what was found (see there)."""

import collections
import pathlib
import sys

import counts
import uncovered

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEAST = 0.9


class Total:
    def __init__(self):
        self.lines = self.ran = self.branches = self.taken = 0

    def row(self, name):
        return (f"{name:22} {self.lines:6} {100 * self.ran / max(1, self.lines):6.1f} % "
                f"{self.branches:8} {100 * self.taken / max(1, self.branches):6.1f} %")


def add_up(found):
    """{folder: Total}, and "total"."""
    totals = collections.defaultdict(Total)
    for site, ran in found.lines.items():
        taken = found.branches[site]
        for name in (str(pathlib.PurePath(site.file).parent), "total"):
            total = totals[name]
            total.lines += 1
            total.ran += ran > 0
            total.branches += len(taken)
            total.taken += sum(count > 0 for count in taken)
    return totals


def main():
    found = counts.read(pathlib.Path(sys.argv[1]), ROOT)
    totals = add_up(found)
    total = totals.pop("total")
    print(f"{'folder':22} {'lines':>6} {'run':>8} {'branches':>8} {'taken':>8}")
    for name in sorted(totals):
        print(totals[name].row(name))
    print(total.row("total"))
    complaints, notes = uncovered.compare(found, ROOT)
    for line in complaints + notes:
        print(line)
    enough = total.taken >= LEAST * total.branches
    if not enough:
        print(f"fewer than {100 * LEAST:g} % of the branches were taken")
    return 0 if enough and not complaints else 1


if __name__ == "__main__":
    sys.exit(main())
