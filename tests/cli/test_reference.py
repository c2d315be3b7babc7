"""The HTML reference of include/clipcls.h: everything that a program can call or read has its place and its words.

What there is comes from the header's text, what is documented from doxygen's pages."""

import html
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from program import PROGRAM

BUILD = PROGRAM.parent
HEADER = pathlib.Path(__file__).resolve().parents[2] / "include/clipcls.h"

pytestmark = pytest.mark.skipif(not (BUILD / "reference/Doxyfile").exists() or not shutil.which("doxygen"),
                                reason="the build was configured without doxygen")


def code():
    """The header without comments and preprocessor lines."""
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)
    return re.sub(r"^\s*#.*$", "", text, flags=re.M)


def functions():
    return set(re.findall(r"^CLIPCLS_API[^;()]*?\b(clipcls_\w+)\(", code(), re.M))


def fields():
    """(structure, field) of each one."""
    found = set()
    for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\}", code(), re.S):
        for declaration in body.split(";"):
            for declarator in declaration.split(","):
                field = re.search(r"(\w+)\s*(?:\[\w+\])?\s*$", declarator)
                if field:
                    found.add((name, field[1]))
    return found


@pytest.fixture(scope="module")
def pages():
    """(page or structure, member) -> the words in its place of the pages."""
    done = subprocess.run(["cmake", "--build", BUILD, "--target", "reference"], capture_output=True, text=True)
    assert done.returncode == 0 and "warning" not in done.stdout + done.stderr, done.stdout + done.stderr
    words = {}
    for compound in ElementTree.parse(BUILD / "reference/clipcls.tag").iter("compound"):
        if compound.get("kind") not in ("group", "struct"):
            continue
        for member in compound.iter("member"):
            page = (BUILD / "reference/html" / member.findtext("anchorfile")).read_text()
            place = page.split(f'id="{member.findtext("anchor")}"')
            assert len(place) == 2, member.findtext("name")
            text = place[1].split('<div class="memdoc">')[1].split("</div>")[0]
            owner = compound.findtext("name") if compound.get("kind") == "struct" else None
            words[owner, member.findtext("name")] = html.unescape(re.sub(r"<.*?>", "", text)).strip()
    return words


def test_the_header_is_read_here_as_a_compiler_reads_it():
    """The sets that the pages are held against are not empty, nor do they miss what is written in another way."""
    assert len(functions()) == code().count("CLIPCLS_API") > 50
    assert {("clipcls_error", "message"), ("clipcls_image_options", "background")} <= fields()


def test_every_function_has_a_place_and_words(pages):
    documented = {name for (owner, name), words in pages.items() if owner is None and words}
    assert functions() - documented == set()


def test_every_field_has_a_place_and_words(pages):
    documented = {member for member, words in pages.items() if words}
    assert fields() - documented == set()


def test_every_section_of_the_header_is_a_group_of_the_pages(pages):
    sections = re.findall(r"^/\* ---- (.*?) -+ \*/$", HEADER.read_text(), re.M)
    shown = (BUILD / "reference/html/modules.html").read_text()
    assert len(sections) > 5
    for section in sections:
        assert f">{section.capitalize()}</a>" in shown, section


def test_the_first_page_is_what_the_header_begins_with(pages):
    first = re.sub(r"<.*?>", "", (BUILD / "reference/html/index.html").read_text())
    assert "From simple to explicit" in first and "clipcls_classify_files(classifier" in html.unescape(first)
