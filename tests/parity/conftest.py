"""Fixtures of the parity tests: a folder for checkpoints, and a table at the end of the run.

CLIPCLS_BUILD         build folder (default: build/release)
CLIPCLS_PARITY=full   the large shapes, too
CLIPCLS_PARITY_WORK   keeps checkpoints and pictures there from one run to the next
"""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

REPORT = {}


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    kept = os.environ.get("CLIPCLS_PARITY_WORK")
    return pathlib.Path(kept) if kept else tmp_path_factory.mktemp("parity")


@pytest.fixture(scope="session")
def pictures(work):
    from inputs import make_pictures
    return make_pictures(work / "pictures")


@pytest.fixture(scope="session")
def report():
    """Takes report(table, row, column, figure) for the summary."""
    def add(table, row, column, figure):
        REPORT.setdefault(table, {}).setdefault(row, {})[column] = figure
    return add


def pytest_terminal_summary(terminalreporter):
    for title, rows in REPORT.items():
        columns = list(dict.fromkeys(column for row in rows.values() for column in row))
        width = max(len(row) for row in rows)
        terminalreporter.section(title)
        terminalreporter.line(" " * width + "".join(f"{column:>14}" for column in columns))
        for name, row in rows.items():
            cells = [row.get(column, "") for column in columns]
            cells = [cell if isinstance(cell, str) else f"{cell:.2e}" for cell in cells]
            terminalreporter.line(f"{name:<{width}}" + "".join(f"{cell:>14}" for cell in cells))
