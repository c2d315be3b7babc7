"""Nowhere to write to: stdout that is full, closed or not read, a disk without room."""

import os
import shutil
import signal
import subprocess

import pytest

from cases import CASES, Case
from setting import Setting

WORDS = [Case(" ".join(words), "report", words) for words in
         (["--help"], ["--version"], ["eval", "--help"], ["models"])]
SHELL = {"full": 'exec "$@" >/dev/full', "closed": 'exec "$@" >&-'}


def test_a_full_or_closed_stdout_is_noticed(cases_folder, full, figure):
    clipcls, detected, missed = cases_folder, 0, []
    for case in (CASES + WORDS)[::1 if full else 4]:
        setting = Setting(clipcls, case)
        for how, script in SHELL.items():
            setting.reset()
            done = subprocess.run(["sh", "-c", script, "sh", *clipcls.command(case.arguments)], cwd=clipcls.cwd,
                                  env=clipcls.env, input=case.stdin, stderr=subprocess.PIPE, timeout=60)
            if setting.good.out or how == "closed":
                noticed = done.returncode == 2 and b"stdout" in done.stderr
            else:
                noticed = done.returncode == 0
            detected += noticed
            missed += [] if noticed else [(case.name, how, done)]
    print(*missed, sep="\n")
    figure("stdout full or closed", "each format and subcommand with /dev/full and with >&-",
           detected + len(missed), len(missed))


def test_a_reader_that_has_left_is_noticed(cases_folder, full, figure):
    clipcls, tried, missed = cases_folder, 0, []
    for case in (CASES + WORDS)[::1 if full else 4]:
        setting = Setting(clipcls, case)
        if not setting.good.out:
            continue
        setting.reset()
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "wb") as stdout:
            done = clipcls(*case.arguments, stdin=case.stdin, stdout=stdout)
        tried += 1
        if done.code not in (-signal.SIGPIPE, 128 + signal.SIGPIPE) or done.err:
            missed.append((case.name, done))
    print(*missed, sep="\n")
    figure("stdout full or closed", "each format and subcommand into a pipe that nobody reads", tried, len(missed))


# In a mount of our own: what there was goes in, the program runs, what there is then comes out.
DISK = ('mount -t tmpfs -o size="$1" none state && cp -r ../saved/. state && shift || exit 99; '
        '"$@"; code=$?; cp -r state/. ../left; exit $code')


def test_a_full_disk_leaves_what_there_was(cases_folder, full, figure):
    clipcls, tried, faults = cases_folder, 0, []
    for case in [case for case in CASES if any("state/" in str(word) for word in case.arguments)]:
        setting = Setting(clipcls, case)
        outside, setting.folder = setting.folder, clipcls.folder / "left"
        pages = sum(1 + len(data) // 4096 for data in {**setting.before, **setting.after}.values()) + 4
        sizes = range(1, pages) if full else [pages // 2]
        for size in sizes:
            shutil.rmtree(setting.folder, ignore_errors=True)
            setting.folder.mkdir()
            done = subprocess.run(["unshare", "-rm", "sh", "-c", DISK, "sh", str(4096 * size),
                                   *clipcls.command(case.arguments)],
                                  cwd=clipcls.cwd, env=clipcls.env, input=case.stdin, capture_output=True,
                                  timeout=60)
            if b"unshare" in done.stderr or b"mount" in done.stderr:
                pytest.skip("this machine lets us mount nothing")
            if done.returncode == 99:  # no room for what there was
                continue
            tried += b"No space left on device" in done.stderr
            faults += [(case.name, size, fault)
                       for fault in setting.faults(done, lambda text: "No space left on device" in text)]
        setting.folder = outside
    print(*faults, sep="\n")
    figure("EIO, ENOSPC, EMFILE, EINTR and others", "a file system that becomes full, at each size in pages", tried,
           len(faults))
