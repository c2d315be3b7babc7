"""A Spark cluster of one machine: a master and workers as processes of their own, each of which a test may kill."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pyspark

HOME = pathlib.Path(pyspark.__file__).parent
SUBMIT = HOME / "bin" / "spark-submit"
# An executor's own Python processes take little; all heaps together stay below 3 GB.
SMALL = ["--driver-memory", "512m", "--executor-memory", "512m",
         "--conf", "spark.ui.enabled=false", "--conf", "spark.python.worker.reuse=true"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, seconds=400):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not come to be in {seconds} s"
        time.sleep(0.05)
    return found


def environment(env):
    """Of every Spark process: this Python, no name look-ups, heaps as small as the daemons can live in, and no second
    compiler, whose work a run of seconds does not pay back."""
    java = {"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}
    return {**env, **java, "PYSPARK_PYTHON": sys.executable, "SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_DAEMON_MEMORY": "256m", "SPARK_NO_DAEMONIZE": "1",
            "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


def processes():
    """{pid: (parent, command line)} of what runs."""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            found[int(folder.name)] = parent, (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def state_of(pid):
    """R, S, T (stopped) and so on, as proc(5) has them."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def descendants(pid):
    """{pid: command line} of what a process has started, and what that has."""
    running = processes()
    found, wanted = {}, {pid}
    while wanted:
        wanted = {each for each, (parent, _) in running.items() if parent in wanted}
        found.update((each, running[each][1]) for each in wanted)
    return found


class Cluster:
    def __init__(self, folder, env):
        self.folder, self.env = folder, environment(env)
        self.port, self.page = free_port(), free_port()
        self.url = f"spark://127.0.0.1:{self.port}"
        self.daemons = []

    def _start(self, name, *arguments):
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen([HOME / "bin" / "spark-class", *arguments], env=self.env, cwd=self.folder,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.daemons.append(process)
        return process

    def start(self, workers):
        self._start("master", "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(self.port),
                    "--webui-port", str(self.page))
        started = [self._start(f"worker{i}", "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1",
                               "--cores", "1", "--memory", "700m", "--webui-port", "0",
                               "--work-dir", str(self.folder / f"worker{i}"), self.url) for i in range(workers)]
        wait_for("a cluster", lambda: self.alive() == workers)
        return started

    def alive(self):
        """How many workers the master has."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.page}/json/", timeout=5) as page:
                return json.load(page)["aliveworkers"]
        except OSError:
            return 0

    def stop(self):
        for process in self.daemons[::-1]:
            for pid in [*descendants(process.pid), process.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
        for folder in self.folder.glob("worker*/"):
            shutil.rmtree(folder, ignore_errors=True)


def executor_of(worker):
    """The executor that a worker runs, and a clipcls that works for it; None when it has none."""
    below = descendants(worker.pid)
    executors = [pid for pid, command in below.items() if "CoarseGrainedExecutorBackend" in command]
    classifying = [pid for pid, command in below.items() if "--files-from" in command]
    return (executors[0], classifying[0]) if executors and classifying else None
