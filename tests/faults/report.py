"""The figures of faults, as tests/faults wrote them, as a table: `report.py FIGURES.json [PAGE.md]`. With a page, the table
takes the place of the one between its two marks; without, it goes to stdout."""

import json
import pathlib
import sys

BEGIN, END = "<!-- figures of scripts/faults.sh -->\n", "<!-- end of figures -->\n"


def table(figures):
    rows = ["| fault | what was tried | times | lost, torn, silent or crashed |", "| --- | --- | --- | --- |"]
    for figure in sorted(figures, key=lambda figure: figure["fault"]):
        what = figure["what"] + (f" ({figure['note']})" if figure["note"] else "")
        rows.append(f"| {figure['fault']} | {what} | {figure['tried']:,} | {figure['bad']} |")
    return "\n".join(rows) + "\n"


def main(source, page=None):
    text = table(json.loads(pathlib.Path(source).read_text()))
    if page is None:
        print(text, end="")
        return
    old = pathlib.Path(page).read_text()
    before, rest = old.split(BEGIN)
    pathlib.Path(page).write_text(before + BEGIN + text + END + rest.split(END)[1])


main(*sys.argv[1:])
