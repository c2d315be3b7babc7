"""What `cmake --install` leaves, as those find it who run it, link it and move it."""

import os
import re
import shutil
import subprocess

import pytest

from packaging_support import LABELS, PHOTO, ROOT, run
from program import PROGRAM

HEADER = (ROOT / "include" / "clipcls.h").read_text()


def files_of(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


@pytest.fixture
def environment(libdir, clipcls):
    """pkg-config finds the installed library alone first; programs find it where it lies."""
    return {**clipcls.env, "PKG_CONFIG_PATH": str(libdir / "pkgconfig"), "LD_LIBRARY_PATH": str(libdir)}


@pytest.fixture
def without_shared(prefix, tmp_path):
    """The installation with nothing but the static library."""
    copy = tmp_path / "static"
    shutil.copytree(prefix, copy, symlinks=True)
    for path in copy.glob("lib*/**/libclipcls.so*"):
        path.unlink()
    [library] = copy.glob("lib*/**/libclipcls.a")
    return library.parent


def compile_example(folder, environment, name, *options):
    """Compiles docs/examples/NAME.c with what pkg-config says, and gives the program's path."""
    run("sh", "-c", f'cc -Wall -Wextra -Werror "$1" $(pkg-config {" ".join(options)} --cflags --libs clipcls) -o {name}',
        "sh", ROOT / "docs" / "examples" / f"{name}.c", cwd=folder, env=environment)
    return folder / name


def needed(path):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", path))


# ---- where things lie -----------------------------------------------------------------------------


def test_destdir_and_another_prefix_get_the_same_files(prefix, tmp_path):
    run("cmake", "--install", PROGRAM.parent, env={**os.environ, "DESTDIR": str(tmp_path / "stage")})
    cache = (PROGRAM.parent / "CMakeCache.txt").read_text()
    [made_for] = re.findall(r"^CMAKE_INSTALL_PREFIX:PATH=(.*)$", cache, re.M)
    staged = tmp_path / "stage" / made_for.lstrip("/")
    assert files_of(tmp_path / "stage") == {f"{made_for.lstrip('/')}/{name}" for name in files_of(staged)}
    assert files_of(staged) == files_of(prefix)


def test_everything_is_where_it_is_looked_for(prefix, libdir):
    lib = str(libdir.relative_to(prefix))
    assert files_of(prefix) >= {
        "bin/clipcls", "include/clipcls.h", f"{lib}/libclipcls.a", f"{lib}/libclipcls.so", f"{lib}/libclipcls.so.0",
        f"{lib}/pkgconfig/clipcls.pc", f"{lib}/cmake/clipcls/clipclsConfig.cmake",
        f"{lib}/cmake/clipcls/clipclsConfigVersion.cmake", "share/clipcls/catalogue.tsv",
        "share/doc/clipcls/LICENSE", "share/doc/clipcls/NOTICE", "share/doc/clipcls/README.md",
        "share/doc/clipcls/docs/packaging.md", "share/doc/clipcls/examples/classify.py",
        *(f"libexec/clipcls/{name}" for name in ("get-model.sh", "fetch.sh", "unpickle.py", "torch_pickle.py",
                                                 "openclip_config.py"))}
    assert (libdir / "libclipcls.so").readlink().name == "libclipcls.so.0"
    assert not list(prefix.rglob("*.o")) and not list(prefix.rglob("test_*"))


def test_nothing_installed_knows_where_it_was_built_or_made(prefix):
    for path in prefix.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for place in (ROOT, PROGRAM.parent, "where it was made"):
                assert os.fsencode(place) not in content, f"{path} names {place}"


def test_there_is_no_run_path(prefix, libdir):
    for path in (prefix / "bin" / "clipcls", libdir / "libclipcls.so"):
        assert "PATH)" not in run("readelf", "-d", path)


def test_the_installed_program_says_what_the_built_one_says(prefix, ranking):
    assert ranking(program=prefix / "bin" / "clipcls") == ranking()


def test_get_finds_its_script_and_that_its_catalogue_through_a_link_too(prefix, clipcls, tmp_path):
    (tmp_path / "clipcls").symlink_to(prefix / "bin" / "clipcls")
    done = subprocess.run([tmp_path / "clipcls", "get", "openai-b33"], env=clipcls.env, capture_output=True, text=True)
    assert done.returncode == 2
    assert "get-model: " in done.stderr and "openai-b32" in done.stderr


def test_unpickling_leaves_nothing_beside_the_script(prefix, clipcls):
    script = prefix / "libexec" / "clipcls" / "unpickle.py"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = files_of(prefix)
    run("python3", script, "--help", env={**environment, "HOME": clipcls.env["HOME"]})
    assert files_of(prefix) == before


# ---- the library ----------------------------------------------------------------------------------


@pytest.mark.parametrize("compiler", [["cc", "-x", "c", "-std=c11"], ["c++", "-x", "c++", "-std=c++11"]],
                         ids=["C", "C++"])
def test_the_header_stands_alone(prefix, compiler):
    run(*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", prefix / "include" / "clipcls.h")


def test_the_shared_library_shows_the_headers_functions_and_no_more(libdir):
    declared = set(re.findall(r"^CLIPCLS_API[^;(]*?(clipcls_\w+)\(", HEADER, re.M))
    lines = run("nm", "--dynamic", "--defined-only", libdir / "libclipcls.so").splitlines()
    assert {line.split()[-1] for line in lines} == declared
    assert len(declared) > 60


def test_the_shared_library_lacks_nothing(libdir):
    done = subprocess.run(["ldd", "-r", libdir / "libclipcls.so"], capture_output=True, text=True)
    assert "undefined symbol" not in done.stdout + done.stderr and "not found" not in done.stdout
    assert "libclipcls.so.0" in run("readelf", "-d", libdir / "libclipcls.so")


def test_pkg_config_links_the_shared_library(environment, tmp_path, ranking):
    program = compile_example(tmp_path, environment, "classify")
    assert [name for name in needed(program) if name != "libc.so.6"] == ["libclipcls.so.0"]
    assert run(program, PHOTO, *LABELS, env=environment) == ranking()


def test_pkg_config_links_the_static_library_where_it_is_the_only_one(without_shared, clipcls, tmp_path, ranking):
    environment = {**clipcls.env, "PKG_CONFIG_PATH": str(without_shared / "pkgconfig")}
    program = compile_example(tmp_path, environment, "classify", "--static")
    assert "libclipcls.so.0" not in needed(program)
    assert run(program, PHOTO, *LABELS, env=environment) == ranking()


def test_pkg_config_says_the_version(environment):
    version = re.search(r'#define CLIPCLS_VERSION "(.*)"', HEADER)[1]
    assert run("pkg-config", "--modversion", "clipcls", env=environment).strip() == version


@pytest.mark.parametrize("target, shared", [("clipcls::clipcls", True), ("clipcls::clipcls_static", False)])
def test_cmake_finds_both_libraries(prefix, libdir, clipcls, tmp_path, ranking, target, shared):
    build = tmp_path / "build"
    run("cmake", "-S", ROOT / "docs" / "examples", "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCLIPCLS_LIBRARY={target}")
    run("cmake", "--build", build)
    assert ("libclipcls.so.0" in needed(build / "classify")) == shared
    assert run(build / "classify", PHOTO, *LABELS, env=clipcls.env) == ranking()


def test_cmake_takes_the_static_library_where_it_is_the_only_one_and_for_cxx(package_build, tmp_path, ranking):
    folder = package_build("-DBUILD_SHARED_LIBS=OFF", "-DCMAKE_INSTALL_LIBEXECDIR=lib")
    run("cmake", "--install", folder, "--prefix", tmp_path / "only")
    assert not [name for name in files_of(tmp_path / "only") if ".so" in name or "Shared" in name]
    (tmp_path / "main.cc").write_text('#include <clipcls.h>\n#include <cstdio>\n'
                                      'int main() { std::puts(clipcls_status_name(CLIPCLS_ERR_IO)); }\n')
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.22)\nproject(consumer LANGUAGES CXX)\nfind_package(clipcls CONFIG REQUIRED)\n"
        "add_executable(main main.cc)\ntarget_link_libraries(main clipcls::clipcls)\n")
    run("cmake", "-S", tmp_path, "-B", tmp_path / "b", f"-DCMAKE_PREFIX_PATH={tmp_path / 'only'}")
    run("cmake", "--build", tmp_path / "b")
    assert run(tmp_path / "b" / "main") == "io\n"
    # And pkg-config needs no --static.
    [pc] = (tmp_path / "only").glob("lib*/**/clipcls.pc")
    program = compile_example(tmp_path, {**os.environ, "PKG_CONFIG_PATH": str(pc.parent)}, "classify")
    assert run(program, PHOTO, *LABELS) == ranking()


def test_another_libexec_folder_is_where_get_looks(package_build, clipcls, tmp_path):
    folder = package_build("-DBUILD_SHARED_LIBS=OFF", "-DCMAKE_INSTALL_LIBEXECDIR=lib")
    run("cmake", "--install", folder, "--prefix", tmp_path / "other")
    assert (tmp_path / "other" / "lib" / "clipcls" / "get-model.sh").exists()
    done = subprocess.run([tmp_path / "other" / "bin" / "clipcls", "get", "openai-b33"], env=clipcls.env,
                          capture_output=True, text=True)
    assert done.returncode == 2 and "openai-b32" in done.stderr


def test_the_shared_library_alone_where_it_is_asked_for(package_build, tmp_path):
    folder = package_build("-DBUILD_SHARED_LIBS=ON")
    run("cmake", "--install", folder, "--prefix", tmp_path / "only")
    names = files_of(tmp_path / "only")
    assert any(name.endswith("libclipcls.so.0") for name in names)
    assert not [name for name in names if name.endswith(".a") or "Static" in name]


@pytest.mark.parametrize("version, found", [("0.1", True), ("0.1.0", True), ("0.0", False), ("0.2", False)])
def test_cmake_refuses_another_minor_version(prefix, tmp_path, version, found):
    (tmp_path / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.22)\nproject(asks LANGUAGES NONE)\n"
                                             f"find_package(clipcls {version} CONFIG REQUIRED)\n")
    done = subprocess.run(["cmake", "-S", tmp_path, "-B", tmp_path / "b", f"-DCMAKE_PREFIX_PATH={prefix}"],
                          capture_output=True, text=True)
    assert (done.returncode == 0) == found, done.stderr
