"""Few descriptors, and signals all the time."""

import os
import resource
import shutil
import signal
import subprocess
import threading

import pytest

from cases import CHECKPOINT, FOLDERS, HERE, JSONL, LABELS, Case
from preloaded import STORM, Preloaded
from program import DATA
from setting import faults_of_records

PICTURES = 200


@pytest.fixture(scope="module")
def many(cases_folder):
    """A run over 200 pictures, two of them at a time."""
    folder = cases_folder.cwd / "many"
    folder.mkdir()
    for i in range(PICTURES):
        name = FOLDERS["all"][i % len(FOLDERS["all"])]
        shutil.copy(DATA / "images" / name, folder / f"{i:03}{name}")
    case = Case("many", "records", ["-m", CHECKPOINT, "-j", "2", "--no-cache", *LABELS, *JSONL, "many"])
    return case, cases_folder(*case.arguments).out


def test_few_descriptors(cases_folder, many, full, figure):
    clipcls, (case, good) = cases_folder, many
    tried, bad, failed = 0, [], 0
    for limit in range(4, 24) if full else (10, 20):
        for more in ([], HERE):
            done = subprocess.run(clipcls.command([*case.arguments, *more]), cwd=clipcls.cwd, env=clipcls.env,
                                  capture_output=True, timeout=120,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
            if b"shared librar" in done.stderr:  # not a step of the program's has been done
                continue
            tried += 1
            wrong = list(faults_of_records(done.returncode, done.stdout, good, lambda text: "error" in text))
            bad += [(limit, more, done.returncode, fault) for fault in wrong]
            if done.returncode not in (0, 1, 2) or (done.returncode == 2 and b"open files" not in done.stderr):
                bad.append((limit, more, done))
            failed += done.stdout.count(b'"error"')
    print(*bad, sep="\n")
    figure("EIO, ENOSPC, EMFILE, EINTR and others", f"{PICTURES} pictures with few file descriptors", tried,
           len(bad), f"{failed} typed errors")


def test_signals_all_the_time(cases_folder, many, full, figure):
    """A handler interrupts every wait of the main process; all of them are stopped and go on."""
    case, good = many
    rounds, bad = 20 if full else 2, 0
    for _ in range(rounds):
        preloaded = Preloaded(cases_folder, case)
        with subprocess.Popen(preloaded.command, cwd=preloaded.cwd, env=preloaded.prepare(STORM),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
            ended = threading.Event()
            sender = threading.Thread(target=send_signals, args=(process.pid, ended))
            sender.start()
            out, err = process.communicate(timeout=120)
            ended.set()
            sender.join()
        bad += (process.returncode, out, err) != (0, good, b"")
    figure("EIO, ENOSPC, EMFILE, EINTR and others", f"signals at a high rate while {PICTURES} pictures are "
           "classified", rounds, bad)


def send_signals(group, ended):
    while not ended.wait(0.002):
        for number in (signal.SIGWINCH, signal.SIGSTOP, signal.SIGCONT):
            try:
                os.killpg(group, number)
            except ProcessLookupError:
                return
