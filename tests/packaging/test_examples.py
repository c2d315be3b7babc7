"""The examples give the program's own numbers, to the last digit printed; Python's structures are the
header's."""

import ctypes
import importlib.util
import json
import re
import subprocess
import sys

import pytest

from packaging_support import LABELS, PHOTO, ROOT, run
from program import DATA, PROGRAM

EXAMPLES = ROOT / "docs" / "examples"
HEADER = (ROOT / "include" / "clipcls.h").read_text()
PHOTOS = sorted((DATA / "photos").glob("*.??g"))


def load_example():
    spec = importlib.util.spec_from_file_location("classify_example", EXAMPLES / "classify.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


EXAMPLE = load_example()
STRUCTURES = {name: value for name, value in vars(EXAMPLE).items()
              if isinstance(value, type) and issubclass(value, ctypes.Structure) and value is not ctypes.Structure}


@pytest.fixture
def environment(clipcls, libdir):
    return {**clipcls.env, "LD_LIBRARY_PATH": str(libdir)}


@pytest.fixture(scope="session")
def built(prefix, tmp_path_factory):
    """The C examples, as their CMakeLists.txt builds them."""
    folder = tmp_path_factory.mktemp("examples")
    run("cmake", "-S", EXAMPLES, "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror")
    run("cmake", "--build", folder)
    return folder


@pytest.fixture(params=["C", "Python"])
def classify(request, built):
    return [built / "classify"] if request.param == "C" else [sys.executable, EXAMPLES / "classify.py"]


def test_every_photograph_is_ranked_as_the_program_ranks_it(classify, environment, ranking):
    labels = (DATA / "photos" / "labels.txt").read_text().split("\n")[:-1]
    for photo in PHOTOS[:3]:
        assert run(*classify, photo, *labels, env=environment) == ranking(photo, labels)


def test_a_picture_that_is_none_is_an_error_that_names_it(classify, environment, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    done = subprocess.run([*classify, tmp_path / "text.png", "cat"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert "text.png: " in done.stderr


def test_a_label_twice_is_the_librarys_error(classify, environment):
    done = subprocess.run([*classify, PHOTO, "cat", "cat"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert "cat" in done.stderr and "Traceback" not in done.stderr


def test_search_ranks_as_the_program_does(built, environment):
    out = run(PROGRAM, "search", "--query", "a koala", "-k", "0", "-f", "jsonl", *PHOTOS, env=environment)
    expected = [f"{result['similarity']:.6f}\t{result['path']}" for result in json.loads(out)["results"]]
    assert run(built / "search", "a koala", *PHOTOS, env=environment).splitlines() == expected


# ---- the structures -------------------------------------------------------------------------------


def fields_of(name):
    """The names of a structure's fields in the header, in order."""
    body = re.search(r"typedef struct %s \{(.*?)\n\} %s;" % (name, name), HEADER, re.S)[1]
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
    return [declared for statement in body.split(";") for declared in re.findall(r"\*?(\w+)(?:\[\d+\])?(?=,|$)",
                                                                                 statement.strip())]


@pytest.mark.parametrize("name", sorted(STRUCTURES))
def test_fields_are_the_headers(name):
    assert [field[0] for field in STRUCTURES[name]._fields_] == fields_of(name)


def test_sizes_and_places_are_the_compilers(prefix, tmp_path):
    lines, expected = [], []
    for name, structure in STRUCTURES.items():
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        expected.append(f"{name} {ctypes.sizeof(structure)}")
        for field, *_ in structure._fields_:
            place = getattr(structure, field)
            lines.append(f'printf("{name}.{field} %zu %zu\\n", offsetof({name}, {field}), sizeof((({name} *)0)->{field}));')
            expected.append(f"{name}.{field} {place.offset} {place.size}")
    (tmp_path / "sizes.c").write_text("#include <clipcls.h>\n#include <stdio.h>\nint main(void) {\n"
                                      + "\n".join(lines) + "\nreturn 0; }\n")
    run("cc", tmp_path / "sizes.c", "-I", prefix / "include", "-o", tmp_path / "sizes")
    assert len(expected) > 20
    assert run(tmp_path / "sizes").splitlines() == expected


def test_constants_are_the_headers(prefix, tmp_path):
    (tmp_path / "c.c").write_text("#include <clipcls.h>\n#include <stdio.h>\nint main(void) {\n"
                                  'printf("%d %d %d\\n", CLIPCLS_OK, CLIPCLS_NEXT_END, CLIPCLS_NEXT_GIVEN); }\n')
    run("cc", tmp_path / "c.c", "-I", prefix / "include", "-o", tmp_path / "c")
    assert run(tmp_path / "c") == f"{EXAMPLE.OK} {EXAMPLE.NEXT_END} {EXAMPLE.NEXT_GIVEN}\n"
