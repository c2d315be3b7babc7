"""What is installed of the build in CLIPCLS_BUILD, and the packages made of a build beside it."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))

from packaging_support import LABELS, PHOTO, ROOT, pack, run  # noqa: E402
from program import PROGRAM, clipcls, work  # noqa: E402, F401: fixtures


@pytest.fixture(scope="session")
def prefix(tmp_path_factory):
    """An installation that was moved after it was made: what it holds must not know its own place."""
    folder = tmp_path_factory.mktemp("install")
    run("cmake", "--install", PROGRAM.parent, "--prefix", folder / "where it was made")
    (folder / "where it was made").rename(folder / "moved")
    return folder / "moved"


@pytest.fixture(scope="session")
def libdir(prefix):
    """Where the libraries lie: lib, or a folder in or beside it."""
    [library] = prefix.glob("lib*/**/libclipcls.a")
    return library.parent


@pytest.fixture
def ranking(clipcls):
    """What the program says of a picture, as the examples print it."""
    def call(picture=PHOTO, labels=LABELS, program=PROGRAM):
        named = [part for label in labels for part in ("-L", label)]
        done = subprocess.run([program, "--no-cache", "-k", "0", "-f", "tsv", *named, picture], env=clipcls.env,
                              capture_output=True, text=True)
        assert done.returncode == 0, done
        rows = [line.split("\t") for line in done.stdout.splitlines()[1:]]
        return "".join(f"{score}\t{similarity}\t{label}\n" for _, _, label, score, similarity, _ in rows)
    return call


@pytest.fixture(scope="session")
def package_build(tmp_path_factory):
    """A build of the preset for packages, in a folder of the tests' own that the next run goes on from.
    Called with cache entries, it gives the folder configured and built with these."""
    folder = PROGRAM.parents[1] / "packaging"

    def build(*entries):
        run("cmake", "--preset", "deb", "-G", "Ninja", "-B", folder, "-UBUILD_SHARED_LIBS",
            "-DCMAKE_INSTALL_LIBEXECDIR=libexec", *entries, cwd=ROOT)
        run("cmake", "--build", folder, cwd=ROOT)
        return folder
    return build


@pytest.fixture(scope="session")
def packages(package_build, tmp_path_factory):
    """{name: path} of the Debian packages."""
    out = tmp_path_factory.mktemp("packages")
    pack(package_build(), out)
    return {path.name.split("_")[0]: path for path in out.glob("*.deb")}
