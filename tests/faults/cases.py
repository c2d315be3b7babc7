"""What the program does while its allocations and system calls fail: a case of each kind of run."""

import shutil
from dataclasses import dataclass

from probe_support import make_folders
from program import DATA, GOLDEN

CHECKPOINT = GOLDEN / "checkpoint"
MODEL = ["-m", CHECKPOINT, "-j", "1"]
CACHE = ["--cache-dir", "state/cache"]
LABELS = ["-L", "cat", "-L", "dog", "-L", "red panda"]
JSONL = ["-f", "jsonl"]
HERE = ["--no-sandbox"]
FOLDERS = {
    "all": ["alpha.webp", "lossy.webp", "bilevel.pbm", "color.ppm", "cmyk.jpg", "progressive.jpg", "rgb16.png",
            "orientation_6.png", "palette_alpha.png", "rgba_interlaced.png", "interlaced.gif", "palette.bmp"],
    "few": ["cmyk.jpg", "rgb.bmp"],
    "few/deep": ["rgba_interlaced.png"],
}


@dataclass
class Case:
    """before: runs that make files of the folder `state`, which is what the run may change. kind: of what is
    printed, "records", "hits" or "report"."""
    name: str
    kind: str
    arguments: list
    before: tuple = ()
    stdin: bytes = b""


def classify(*arguments):
    return [*MODEL, *CACHE, *LABELS, "-k", "1", *arguments]


def embed(*arguments):
    return ["embed", *MODEL, *arguments]


def probe_train(*arguments):
    return ["probe", "train", *MODEL, "-o", "state/probe.safetensors", *arguments, "train"]


WARM = (classify("few/rgb.bmp"),)
CASES = [
    Case("classify, cold cache", "records", classify(*JSONL, "few")),
    Case("classify, warm cache", "records", classify(*JSONL, "few"), WARM),
    Case("classify, all formats", "records", classify(*JSONL, *HERE, "all"), WARM),
    Case("classify, all formats in the sandbox", "records", classify(*JSONL, "all"), WARM),
    Case("classify to tsv", "records", classify("-f", "tsv", *HERE, "few")),
    Case("classify to csv", "records", classify("-f", "csv", *HERE, "few")),
    Case("classify to json", "records", classify("-f", "json", *HERE, "few")),
    Case("classify to junit", "records", classify("-f", "junit", *HERE, "few")),
    Case("classify to text", "report", classify(*HERE, "few")),
    Case("classify a list on stdin", "records", classify(*JSONL, *HERE, "--files-from", "-"),
         stdin=b"few/rgb.bmp\nfew/cmyk.jpg\n"),
    Case("classify a picture on stdin", "records", classify(*JSONL, "-"),
         stdin=(DATA / "hard" / "dog.jpg").read_bytes()),
    Case("classify, labels and templates of files", "records",
         [*MODEL, *CACHE, "-l", "labels.txt", "--templates", "openai7", *JSONL, *HERE, "few"]),
    Case("classify what an earlier run did not", "records", classify(*JSONL, "--resume", "done.jsonl", "few")),
    Case("classify with a page", "records", classify(*JSONL, "--report", "state/page.html", "few"),
         (classify("--report", "state/page.html", "few/rgb.bmp"),)),
    Case("classify with the built-in model", "records", ["-j", "1", *CACHE, *LABELS, *JSONL, "few"]),
    Case("classify with a probe", "records", [*MODEL, "--probe", "probe.safetensors", *JSONL, "few"]),
    Case("embed to jsonl", "records", embed("few")),
    Case("embed to npy", "report", embed("-o", "state/few.npy", "few")),
    Case("embed labels", "report", embed(*CACHE, *LABELS)),
    Case("embed to an index", "report", embed("-o", "state/few.index", "few"),
         (embed("-o", "state/few.index", "few/rgb.bmp"),)),
    Case("search an index", "hits", ["search", *MODEL, *CACHE, "--query", "cat", *JSONL, "few.index"]),
    Case("search pictures", "hits", ["search", *MODEL, *CACHE, "--query", "cat", "--query-image", "few/rgb.bmp",
                                     *JSONL, "--index", "state/few.index", "few"]),
    Case("probe train", "report", probe_train(), (probe_train("--c", "2"),)),
    Case("eval", "report", ["eval", *MODEL, *CACHE, "train"]),
    Case("eval with a page", "report", ["eval", *MODEL, *CACHE, "--report", "state/page.html", "train"]),
    Case("convert", "report", ["convert", CHECKPOINT, "state/model.safetensors"]),
    Case("convert to int8", "report", ["convert", CHECKPOINT, "state/model.safetensors", "--dtype", "int8"]),
    Case("inspect", "report", ["inspect", CHECKPOINT]),
    Case("inspect a single file", "report", ["inspect", "model.safetensors"]),
]


def make_inputs(clipcls):
    """The files that the cases name, in the program's folder."""
    work = clipcls.cwd
    for folder, names in FOLDERS.items():
        (work / folder).mkdir()
        for name in names:
            shutil.copy(DATA / "images" / name, work / folder / name)
    make_folders(work / "train", {"cat": 4, "dog": 4}, "train")
    (work / "labels.txt").write_text("cat\tone cat\ndog\nred panda\n")
    for arguments in (embed("-o", "few.index", "few"), ["convert", CHECKPOINT, "model.safetensors"],
                      ["probe", "train", *MODEL, "-o", "probe.safetensors", "train"]):
        assert clipcls(*arguments).code == 0
    (work / "done.jsonl").write_bytes(clipcls(*classify(*JSONL, "few/cmyk.jpg")).out)
