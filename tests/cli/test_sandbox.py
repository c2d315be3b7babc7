"""Pictures are decoded in processes of their own: the same records, and nothing lost when one of these ends."""

import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import pytest

from program import DATA
from records import records
from slow import Slow


def parent_of(pid):
    return int((pathlib.Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[1])


def children(pid):
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if parent_of(entry.name) == pid:
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def wait_until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


class Running(Slow):
    """With paths coming one by one, and the processes behind it."""

    def give(self, path):
        self.feed(f"{path}\n".encode())

    def workers(self):
        """Those of the keeper."""
        [keeper] = children(self.process.pid)
        return children(keeper)


@pytest.fixture
def running(clipcls, model, pictures):
    started = []

    def start(*arguments):
        started.append(Running(clipcls, ["-m", model, "-j", "1", "-L", "cat", "-L", "dog", "-f", "jsonl",
                                         "--decode-limit", "1", "--files-from", "-", *arguments]))
        return started[-1]
    yield start
    for each in started:
        each.process.kill()
        each.process.wait()


def test_the_same_records_with_and_without(classify, work):
    for folder in ("images", "hard"):
        shutil.copytree(DATA / folder, work / folder)
    (work / "cut.jpg").write_bytes((DATA / "photos/bee.jpg").read_bytes()[:3000])
    (work / "empty.png").touch()
    (work / "folder.jpg").mkdir()
    inputs = ["images", "hard", "cut.jpg", "empty.png", "folder.jpg/.", "missing.png", "-"]
    runs = [classify("-f", "jsonl", "--sandbox", mode, *arguments, *inputs, stdin=(DATA / "photos/bee.jpg").read_bytes())
            for mode in ("auto", "none")
            for arguments in ([], ["--no-exif", "--background", "#123456", "--max-pixels", "10000"])]
    assert runs[0].out == runs[2].out and runs[1].out == runs[3].out != runs[0].out
    assert [done.code for done in runs] == [1, 1, 1, 1]
    assert len(records(runs[0])) > 30


def test_a_worker_that_ended_by_itself_costs_nothing(running):
    program = running()
    program.give("a.png")
    first = program.line()
    [worker] = program.workers()
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: (pathlib.Path(f"/proc/{worker}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"))
    program.give("a.png")
    assert program.line() == first and program.workers() != [worker]
    assert program.end() == (0, b"")


def test_a_decoder_that_crashes_costs_one_record(running):
    program = running()
    program.give("a.png")
    first = program.line()
    for _ in range(3):
        [worker] = program.workers()
        os.kill(worker, signal.SIGSTOP)
        program.give("b.png")
        time.sleep(0.2)
        os.kill(worker, signal.SIGKILL)
        assert '{"path":"b.png","error":{"code":"decode","message":"the decoder crashed"}}' in program.line()
        program.give("a.png")
        assert program.line() == first
    assert program.end() == (1, b"")


def test_a_decoder_that_hangs_costs_one_record(running):
    program = running()
    program.give("a.png")
    first = program.line()
    [worker] = program.workers()
    os.kill(worker, signal.SIGSTOP)
    program.give("b.png")
    assert '"code":"limit","message":"decoding takes more than 1 s"' in program.line()
    program.give("a.png")
    assert program.line() == first
    wait_until(lambda: not os.path.exists(f"/proc/{worker}"))
    assert program.end() == (1, b"")


def test_a_slow_pipe_is_no_slow_decoder(classify, work):
    os.mkfifo(work / "pipe.png")

    def write():
        content = (DATA / "golden/tall.png").read_bytes()
        with open(work / "pipe.png", "wb") as pipe:
            pipe.write(content[:100])
            pipe.flush()
            time.sleep(1.5)
            pipe.write(content[100:])
    threading.Thread(target=write).start()
    assert classify("--decode-limit", "1", "pipe.png").code == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_the_program(running, number):
    program = running()
    program.give("a.png")
    program.line()
    [keeper] = children(program.process.pid)
    left = [keeper, *children(keeper)]
    assert len(left) == 2
    program.process.send_signal(number)
    assert program.process.wait(20) == -number
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in left))


def test_processes_hold_none_of_our_files(running):
    program = running()
    program.give("a.png")
    program.line()
    [keeper] = children(program.process.pid)
    for pid in (keeper, *children(keeper)):
        names = {os.readlink(entry) for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir()}
        assert {name.split(":")[0] for name in names} <= {"/dev/null", "socket"}
    assert program.end() == (0, b"")


def test_none_starts_no_process(running):
    program = running("--no-sandbox")
    program.give("a.png")
    program.line()
    assert children(program.process.pid) == []
    assert program.end() == (0, b"")


def test_what_protects_is_said(clipcls, classify, pictures):
    [line] = [line for line in clipcls("--version").out.decode().splitlines() if line.startswith("sandbox: ")]
    verbose = classify("-v", "a.png").err
    assert line.replace("sandbox: ", "sandbox of decoding: ") in verbose
    assert "sandbox of decoding: none" in classify("-v", "--no-sandbox", "a.png").err
    required = classify("--sandbox", "require", "a.png")
    if "seccomp (" in line:
        assert required.code == 0
    else:
        assert required.code == 2 and "no sandbox: system calls cannot be filtered here" in required.err


def test_without_processes_there_is_no_sandbox(clipcls, model):
    """A limit of processes that is reached: auto goes on, require does not."""
    as_nobody = ["setpriv", "--reuid", "65534", "--clear-groups"] if os.geteuid() == 0 else []
    command = [*as_nobody, "bash", "-c", 'ulimit -u 1; exec "$@"', "bash"]
    arguments = ["-m", model, "-L", "cat", "-j", "1", "--no-cache", DATA / "golden/tall.png"]
    runs = [subprocess.run([*command, *clipcls.command([*arguments, "--sandbox", mode])], cwd="/", env={
                **clipcls.env, "OPENBLAS_NUM_THREADS": "1", "ASAN_OPTIONS": "detect_leaks=0"}, capture_output=True, text=True, timeout=60)
            for mode in ("auto", "require", "none")]
    assert runs[0].returncode == 0 and "cat" in runs[0].stdout
    assert runs[0].stderr == "clipcls: sandbox of decoding: none\n"
    assert (runs[2].stdout, runs[2].stderr) == (runs[0].stdout, "")
    assert runs[1].returncode == 2 and "no process to decode in" in runs[1].stderr
