"""What is measured on: checkpoints, pictures, ONNX files, the machine, the versions."""

import importlib.metadata
import os
import pathlib
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = pathlib.Path(__file__).resolve().parent / "peers"
PHOTO = ROOT / "tests/data/photos/cat.jpg"
# A first result has ten labels.
LABELS = ["bee", "bison", "cat", "chair", "dog", "espresso", "goldfish", "koala", "pizza", "ship"]
SHAPES = {"b32": "ViT-B/32", "l14": "ViT-L/14"}
PACKAGES = ["torch", "transformers", "open_clip_torch", "onnxruntime", "openvino", "onnx", "pillow",
            "numpy"]
# What products are made of; the rest of the processor's flags says nothing here.
INSTRUCTION_SETS = ["avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16",
                    "amx_int8", "asimd", "sve", "bf16", "i8mm"]


@dataclass
class Setting:
    program: pathlib.Path
    work: pathlib.Path
    threads: int
    rounds: int
    seconds: float  # for one measurement of one program
    quick: bool
    shapes: list
    converted: set = field(default_factory=set)

    def __post_init__(self):
        self.work.mkdir(parents=True, exist_ok=True)
        self.help = self._say("--help") + self._say("bench", "--help")
        self.precisions = ["f32"]
        if "--precision" in self.help:
            self.precisions += ["int8", "bf16"]

    def _say(self, *arguments):
        return subprocess.run([self.program, *arguments], check=True, capture_output=True,
                              text=True).stdout

    def size(self, full, quick):
        return quick if self.quick else full

    # ---- our program --------------------------------------------------------------------------

    def precision(self, name):
        """The options that choose a precision; none while the program has only one."""
        return ["--precision", name] if "--precision" in self.help else []

    def uncached(self):
        return ["--no-cache"] if "--no-cache" in self.help else []

    def classify(self, model, *arguments):
        """A command line without a cache of label embeddings."""
        named = ["-m", model] if model is not None else []
        return [self.program, *named, "-j", self.threads, *self.uncached(), *arguments]

    # ---- files, made once -----------------------------------------------------------------------

    def made(self, name, script, *arguments):
        """Runs a script that writes work/name; half a folder is never taken for a whole one."""
        target = self.work / name
        if not target.exists():
            part = self.work / f"{name}.part"
            subprocess.run(["rm", "-rf", part], check=True)
            print(f"making {target}", file=sys.stderr)
            done = subprocess.run([sys.executable, script, part, *map(str, arguments)],
                                  capture_output=True, text=True, env=environment(self.threads))
            if done.returncode != 0:
                raise RuntimeError(f"{name}: {reason(done.returncode, done.stderr)}")
            part.rename(target)
        return target

    def checkpoint(self, name):
        script = ROOT / "tests/parity/make_checkpoints.py"
        return self.made(f"checkpoint-{name}", script, name) / name

    def family(self, name):
        script = ROOT / "tests/parity/families.py"
        return self.made(f"family-{name}", script, name) / name

    def single_file(self, name):
        """As this run's program writes it, whatever an earlier one wrote."""
        target = self.work / f"{name}.safetensors"
        if name not in self.converted:
            done = subprocess.run([self.program, "convert", self.checkpoint(name), target],
                                  capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"{target.name}: {reason(done.returncode, done.stderr)}")
            self.converted.add(name)
        return target

    def onnx(self, name):
        return self.made(f"onnx-{name}", PEERS / "export.py", self.checkpoint(name), *LABELS)

    def family_onnx(self, name, side):
        return self.made(f"onnx-family-{name}", PEERS / "export_family.py", self.family(name), side)

    def photos(self, n):
        return self.made(f"photos-{n}", PEERS / "pictures.py", n, 640)

    def small_pictures(self, n):
        return self.made(f"small-{n}", PEERS / "pictures.py", n, 64)


def environment(threads):
    """For peers: the same number of threads, no network, and torchvision_cpu within reach."""
    search = [str(ROOT / "tests/parity"), str(PEERS)]
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": os.pathsep.join(search), "PYTHONDONTWRITEBYTECODE": "1"}


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no message"


def reason(code, said):
    """Why a process failed, in a few words."""
    if code < 0:
        return f"ended by signal {-code}"
    missing = re.search(r"No module named '([\w.]+)'", last_line(said))
    return f"missing: {missing[1]}" if missing else f"failed: {last_line(said)[:120]}"


# ---- what the page says about machine and versions ------------------------------------------------

def processor():
    fields = {}
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = fields.get("flags", fields.get("Features", "")).split()
    model = fields.get("model name", platform.machine())
    detail = [f"{key} {fields[key]}" for key in ("cpu family", "model") if key in fields]
    name = f"{model} ({', '.join(detail)})" if detail else model
    return name, [flag for flag in INSTRUCTION_SETS if flag in flags]


def memory():
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            return f"{int(line.split()[1]) / 2**20:.0f} GiB"
    return "unknown"


def machine(threads):
    name, sets = processor()
    return [("processor", name), ("cores used", str(threads)),
            ("instruction sets", ", ".join(sets)), ("memory", memory()),
            ("system", f"{platform.system()} {platform.release()}"),
            ("load when started", f"{os.getloadavg()[0]:.2f}"),
            ("date", time.strftime("%Y-%m-%d"))]


def versions(program):
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    lines = said.splitlines()
    products = next((line.partition(": ")[2] for line in lines if line.startswith("matrix")), "")
    found = [("clipcls", f"{lines[0].split()[1]}, {products}"), ("python", platform.python_version())]
    for package in PACKAGES:
        try:
            found.append((package, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            found.append((package, "missing"))
    return found
