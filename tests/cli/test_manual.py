"""clipcls man: the page that man shows has all of the command line in it, and no formatter has to complain."""

import os
import re
import shutil
import signal
import subprocess

import pytest

from grammar import choices, commands, options
from program import PROGRAM


def tool(name):
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")


@pytest.fixture
def page(clipcls, work):
    done = clipcls("man")
    assert (done.code, done.err) == (0, "")
    (work / "clipcls.1").write_bytes(done.out)
    return work / "clipcls.1"


def shown(page):
    """The page as man shows it, and what the formatter complained of."""
    env = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "120", "MAN_KEEP_FORMATTING": ""}
    done = subprocess.run(["man", "--warnings", "-l", str(page)], capture_output=True, text=True, env=env, check=True)
    return done.stdout, done.stderr


def sections(text):
    """{"probe train": its part of the page, ...}"""
    parts = re.split(r"^   clipcls ([a-z ]+)\n", text.split("\nMODELS\n")[0], flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def words(text):
    """Without the formatter's line breaks, with plain quotes."""
    return " ".join(re.sub("\u2010\n *", "", text).replace("\u2018", "'").replace("\u2019", "'").split())


@tool("man")
def test_every_option_of_every_subcommand_stands_in_its_section_and_no_other(clipcls, page):
    """--help and the page are written by two pieces of code from one table, and the page goes through man here: an option
    that one of them leaves out, or that the formatter takes for something else, is missing on one side."""
    parts = sections(shown(page)[0])
    assert list(parts) == commands(clipcls)
    for command, part in parts.items():
        rows = re.findall(r"^     (?:(-.), )?(--[a-z0-9-]+)(?: (\S+))?(?:$|  )", part, re.M)
        assert {name: (letter or None, argument or None) for letter, name, argument in rows} == options(clipcls, command)


@tool("man")
def test_what_is_said_of_an_option_is_what_help_says(clipcls, page):
    """In one line each: where the lines break is the formatter's business."""
    parts = sections(shown(page)[0])
    for command, part in parts.items():
        text = clipcls(*command.split(), "--help").out.decode().split("\nSubcommands")[0]
        for row in re.split(r"^  (?=(?:-.,|   ) --)", text, flags=re.M)[1:]:
            said = words(re.split(r"  +", row.strip(), maxsplit=1)[1].split("\n\n")[0])
            assert said.replace(" ", "") in words(part).replace(" ", ""), (command, said)


@tool("man")
def test_every_choice_of_an_option_stands_beside_it(clipcls, page):
    """The choices are those of which the parser says that it must be one."""
    seen = 0
    for command, part in sections(shown(page)[0]).items():
        for name, (_, argument) in options(clipcls, command).items():
            for choice in choices(clipcls, command, name) if argument else []:
                entry = re.search(rf"^     (?:-., )?{name} \S+\n((?:       .*\n)+)", part, re.M)[1]
                assert re.search(rf"\b{choice}\b", words(entry)), (command, name, choice)
                seen += 1
    assert seen > 50


@tool("man")
def test_man_has_nothing_to_complain_of(page):
    assert shown(page)[1] == ""


@tool("groff")
def test_groff_has_nothing_to_complain_of(page):
    done = subprocess.run(["groff", "-mandoc", "-ww", "-Tutf8", page], capture_output=True, text=True, check=True)
    assert done.stderr == ""


@tool("mandoc")
def test_mandoc_has_nothing_to_complain_of(page):
    """But for what only NetBSD's own pages may not do, and other pages that this machine's index lacks."""
    done = subprocess.run(["mandoc", "-Tlint", page], capture_output=True, text=True)
    complaints = [line for line in (done.stdout + done.stderr).splitlines()
                  if not line.endswith("(NetBSD)") and "outdated mandoc.db" not in line]
    assert complaints == []


def test_the_sections_of_a_manual_page_are_there(page):
    headings = re.findall(r"^\.Sh (.*)", page.read_text(), re.M)
    for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "LABELS FILE", "OUTPUT RECORDS", "ENVIRONMENT",
                    "FILES", "EXIT STATUS", "EXAMPLES", "SEE ALSO"):
        assert heading in headings, heading


def test_every_variable_that_the_program_reads_is_explained(page):
    """HOME alone goes without saying. The names are those that the program's own bytes ask the environment for."""
    program = PROGRAM.read_bytes()
    for variable in ("CLIPCLS_MODEL", "CLIPCLS_GET_MODEL", "NO_COLOR", "HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME",
                     "XDG_DATA_HOME"):
        assert variable.encode() + b"\0" in program, variable
        assert re.search(rf"^\.It Ev (\S+ , )*{variable}\b", page.read_text(), re.M), variable


def test_the_page_is_the_same_whenever_and_wherever_it_is_printed(clipcls, page):
    again = clipcls("man", env={"LC_ALL": "C", "TZ": "Asia/Tokyo", "HOME": "/nonexistent", "SOURCE_DATE_EPOCH": "1"})
    assert again.out == page.read_bytes()


def test_no_place_of_the_template_is_left_open(page):
    assert not re.search(r"^@.*@$", page.read_text(), re.M)


@pytest.mark.skipif(not (PROGRAM.parent / "manual").exists(), reason="a cross-compiled program is not run by the build")
def test_the_build_has_written_what_the_program_prints(clipcls, page):
    manual = PROGRAM.parent / "manual"
    assert (manual / "clipcls.1").read_bytes() == page.read_bytes()
    for name, shell in (("clipcls", "bash"), ("_clipcls", "zsh"), ("clipcls.fish", "fish")):
        assert (manual / name).read_bytes() == clipcls("completion", shell).out


@pytest.mark.parametrize("arguments", [["man", "clipcls"], ["completion"], ["completion", "tcsh"],
                                       ["completion", "bash", "zsh"], ["man", "--format", "text"]])
def test_a_mistake_is_an_error_that_names_the_command(clipcls, arguments):
    done = clipcls(*arguments)
    assert (done.code, done.out) == (2, b"") and arguments[0] in done.err


@pytest.mark.parametrize("arguments", [["man"], ["completion", "bash"], ["completion", "zsh"], ["completion", "fish"]])
def test_a_full_disk_is_an_error(clipcls, arguments):
    with open("/dev/full", "wb") as full:
        done = clipcls(*arguments, stdout=full)
    assert done.code == 2 and "No space left" in done.err


def test_a_reader_that_leaves_is_no_error_to_tell_of(clipcls):
    """Also where the signal that ends other programs then is ignored, as some servers hand it on."""
    reading, writing = os.pipe()
    os.close(reading)
    ignore = lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    done = clipcls("man", stdout=writing, preexec_fn=ignore, restore_signals=False)
    os.close(writing)
    assert (done.code, done.err) == (141, "")


def test_pictures_of_the_commands_names_are_given_as_paths(clipcls, model, pictures, work):
    """A subcommand is one only as it is written, as the first argument."""
    for name in ("man", "completion"):
        shutil.copy(work / "a.png", work / name)
        done = clipcls(f"./{name}", "-m", model, "-L", "cat", "-L", "dog")
        assert done.code == 0 and b"cat" in done.out
