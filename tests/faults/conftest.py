"""Faults on purpose: each test does one kind of harm many times and gives the figure of what it cost.

Run by scripts/faults.sh. --full: as often as the figures in docs/reliability.md say; without it, a
small part of that. --figures FILE: where the figures go, as JSON."""

import json
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))

from cases import make_inputs  # noqa: E402
from program import Program, classify, clipcls, model, pictures, work  # noqa: E402, F401: fixtures

FIGURES = []


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true")
    parser.addoption("--figures")


@pytest.fixture
def full(request):
    """Whether there is time for all of it."""
    return request.config.getoption("--full")


@pytest.fixture
def figure():
    """figure(fault, what was tried, how often, bad=outcomes that must not be, note=what else was seen).
    The test fails when there is a bad one."""
    def add(fault, what, tried, bad=0, note=""):
        FIGURES.append({"fault": fault, "what": what, "tried": tried, "bad": bad, "note": note})
        assert tried > 0 and bad == 0, FIGURES[-1]
    return add


@pytest.fixture(scope="session")
def cases_folder(tmp_path_factory):
    """The program, with the files that cases.py names in its folder."""
    program = Program(tmp_path_factory.mktemp("cases"))
    make_inputs(program)
    return program


def pytest_sessionfinish(session):
    path = session.config.getoption("--figures")
    if path:
        before = json.loads(pathlib.Path(path).read_text()) if os.path.exists(path) else []
        pathlib.Path(path).write_text(json.dumps(before + FIGURES, indent=1))
