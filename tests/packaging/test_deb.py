"""The Debian packages, built here and unpacked; scripts/package-test.sh installs them in a system of
their own."""

import gzip
import re
import subprocess

import pytest

from packaging_support import pack, run
from program import DATA

VERSION = re.search(r"^project\(clipcls VERSION ([0-9.]+)", (DATA.parents[1] / "CMakeLists.txt").read_text(), re.M)[1]

# What lintian warns of, and why it stays.
WARNINGS = {
    "initial-upload-closes-no-bugs",  # Debian has no request for this package that it could close
}


@pytest.fixture(scope="session")
def unpacked(packages, tmp_path_factory):
    """All packages in one tree, as an installation has them."""
    root = tmp_path_factory.mktemp("root")
    for path in packages.values():
        run("dpkg-deb", "--extract", path, root)
    return root


def field(package, name):
    return run("dpkg-deb", "--field", package, name).strip()


def contents(package):
    """{path: (mode, owner, the rest)}; a link's target stands in the rest."""
    rows = [line.split(None, 5) for line in run("dpkg-deb", "--contents", package).splitlines()]
    return {row[5].split(" -> ")[0].lstrip("."): (row[0], row[1], row[5]) for row in rows}


def test_the_program_comes_without_the_library_and_both_apart_from_headers(packages):
    assert sorted(packages) == ["clipcls", "libclipcls-dev", "libclipcls0"]
    names = {name: " ".join(contents(path)) for name, path in packages.items()}
    assert "/usr/bin/clipcls" in names["clipcls"] and "libclipcls" not in names["clipcls"]
    assert "libclipcls.so.0." in names["libclipcls0"] and "clipcls.h" not in names["libclipcls0"]
    for part in ("clipcls.h", "libclipcls.a", "libclipcls.so ", "clipcls.pc", "clipclsConfig.cmake", "classify.c"):
        assert part in names["libclipcls-dev"] + " "


def test_each_package_says_what_it_is_and_needs(packages):
    for name, path in packages.items():
        assert field(path, "Version") == f"{VERSION}-1"
        assert field(path, "Package") == name
        assert re.fullmatch(r".+ <\S+@\S+>", field(path, "Maintainer"))
    for name in ("clipcls", "libclipcls0"):
        assert re.search(r"\blibc6 \(>= 2\.\d+\)", field(packages[name], "Depends"))
        assert "libopenblas0" in field(packages[name], "Depends")
    assert field(packages["libclipcls-dev"], "Depends") == f"libclipcls0 (= {VERSION}-1)"
    assert "libopenblas" in field(packages["libclipcls-dev"], "Suggests")
    synopses = {field(path, "Description").splitlines()[0] for path in packages.values()}
    assert len(synopses) == 3


def test_owners_and_permissions_are_policys(packages):
    for path in packages.values():
        for name, (mode, owner, _) in contents(path).items():
            script = name.startswith("/usr/bin/") or re.fullmatch(r"/usr/libexec/.*/(get-model\.sh|unpickle\.py)", name)
            expected = "d" if name.endswith("/") else "l" if mode[0] == "l" else "x" if script else "-"
            assert mode == {"d": "drwxr-xr-x", "l": "lrwxrwxrwx", "x": "-rwxr-xr-x", "-": "-rw-r--r--"}[expected], name
            assert owner == "root/root"


def test_every_package_has_copyright_and_changelog(packages, unpacked):
    for name in packages:
        doc = unpacked / "usr" / "share" / "doc" / name
        copyright = (doc / "copyright").read_text()
        assert copyright.startswith("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n")
        # Each licence that is named stands below with its words.
        named = set(re.findall(r"^License: (.*)$", copyright, re.M))
        told = set(re.findall(r"^License: (\S+)\n ", copyright, re.M))
        assert {part for names in named for part in names.split(" and ")} == told
        changelog = gzip.open(doc / "changelog.Debian.gz", "rt").read()
        assert changelog.startswith(f"clipcls ({VERSION}-1) ")
        run("dpkg-parsechangelog", "-l-", input=changelog)


def test_manual_pages_and_changelogs_are_compressed(unpacked):
    pages = [path for path in (unpacked / "usr" / "share" / "man").rglob("*") if path.is_file()]
    for page in [*pages, unpacked / "usr" / "share" / "doc" / "clipcls" / "changelog.gz"]:
        assert page.suffix == ".gz"
        assert gzip.open(page).read(1)
        assert page.read_bytes()[4:8] == bytes(4), f"{page} holds the time of its making"


def test_code_is_stripped_and_hardened(unpacked):
    for path in (unpacked / "usr" / "bin" / "clipcls", next(unpacked.rglob("libclipcls.so.0.*"))):
        sections = run("readelf", "--wide", "--sections", path)
        assert ".symtab" not in sections and ".debug_info" not in sections
        assert "BIND_NOW" in run("readelf", "-d", path) and "GNU_RELRO" in run("readelf", "--wide", "-l", path)
        assert "PATH)" not in run("readelf", "-d", path)


def test_the_linkers_cache_is_renewed_by_a_trigger_and_no_script(packages, tmp_path):
    for name, path in packages.items():
        run("dpkg-deb", "--control", path, tmp_path / name)
        controls = {control.name for control in (tmp_path / name).iterdir()}
        assert controls == {"control", "md5sums"} | ({"shlibs", "triggers"} if name == "libclipcls0" else set())
    assert (tmp_path / "libclipcls0" / "triggers").read_text() == "activate-noawait ldconfig\n"
    assert (tmp_path / "libclipcls0" / "shlibs").read_text().startswith("libclipcls 0 libclipcls0 ")


def test_md5sums_are_those_of_the_files(packages, unpacked, tmp_path):
    for path in packages.values():
        run("dpkg-deb", "--control", path, tmp_path / path.name)
        run("md5sum", "--check", "--quiet", "--strict", tmp_path / path.name / "md5sums", cwd=unpacked)


def test_lintian_finds_no_error_and_no_warning_without_a_reason(packages):
    done = subprocess.run(["lintian", "--fail-on", "error", *packages.values()], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = set(re.findall(r"^W: \S+: (\S+)", done.stdout, re.M))
    assert found <= WARNINGS, done.stdout


def test_packed_again_later_every_byte_is_the_same(packages, package_build, tmp_path):
    pack(package_build(), tmp_path)
    for path in packages.values():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_unpacked_program_says_what_the_built_one_says(unpacked, ranking):
    assert ranking(program=unpacked / "usr" / "bin" / "clipcls") == ranking()


def test_the_unpacked_program_finds_its_script(unpacked, clipcls):
    done = subprocess.run([unpacked / "usr" / "bin" / "clipcls", "get", "openai-b33"], env=clipcls.env,
                          capture_output=True, text=True)
    assert done.returncode == 2 and "openai-b32" in done.stderr
