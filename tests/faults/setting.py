"""What must hold of a run whatever fails in it: of its exit status, its output and the files it makes."""

import json
import os
import re
import shutil
import struct


# What the failure of a call can look like from outside, where the error itself is not told.
CONSEQUENCES = ("the decoder crashed", "no process to decode in", "out of memory", "Is a directory",
                "not a regular file", "not a picture of a known format", "No such file or directory",
                "holds no picture", "holds one class", "no such model")


def tells(text, error):
    """Whether a text tells of this failure of a system call."""
    return os.strerror(error) in text or any(words in text for words in CONSEQUENCES)


def files(folder):
    return {os.fspath(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Setting:
    """A case in the program's folder: its output when nothing fails, what it changes, and what is wrong with a
    run in which something failed."""

    def __init__(self, clipcls, case):
        self.case, self.folder, self.saved = case, clipcls.cwd / "state", clipcls.folder / "saved"
        shutil.rmtree(self.saved, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for arguments in case.before:
            assert clipcls(*arguments).code == 0
        shutil.copytree(self.folder, self.saved)
        self.before = files(self.folder)
        self.good = clipcls(*case.arguments, stdin=case.stdin)
        assert (self.good.code, self.good.err) == (0, "")
        self.after = files(self.folder)

    def reset(self):
        shutil.rmtree(self.folder)
        shutil.copytree(self.saved, self.folder)

    def faults(self, done, reason):
        """done: of subprocess. reason(text): whether it tells of what failed."""
        code, out, err = done.returncode, done.stdout, done.stderr.decode()
        if code not in (0, 1, 2):
            yield f"exit status {code}: {err}"
        elif code == 0 and out != self.good.out:
            yield "another output"
        elif code != 0 and not reason(out.decode() + err):
            yield f"no word of the reason: {out.decode()}{err}"
        if self.case.kind == "records":
            yield from faults_of_records(code, out, self.good.out, reason)
        elif self.case.kind == "hits":
            yield from faults_of_hits(code, out, self.good.out)
        elif code == 2 and not self.good.out.startswith(out):
            yield "another output before the end"
        yield from self.faults_of_files(code)

    def faults_of_files(self, code):
        """Each is as it was or as it should become; without a failure it is the latter, but for the cache. What
        is made of several pictures may be made of those that did not fail."""
        left = files(self.folder)
        for name in {*left, *self.before, *self.after}:
            now, before, after = left.get(name), self.before.get(name), self.after.get(name)
            if code == 0 and now == before != after and not name.startswith("cache"):
                yield f"{name} is not what it should be"
            if now not in (before, after) and not is_part(name, now, before, after, code):
                yield f"{name} is neither what it was nor what it should be"


# Size and time of a picture that could not be asked for them: the next run encodes it again.
UNKNOWN = [bytes(8), bytes(8)]


def is_part(name, now, before, after, code):
    if now is None or after is None:
        return False
    if name.endswith(".index"): # of a run that ended early too: the next one goes on from there
        known = {**rows_of(after), **(rows_of(before) if before else {})}
        return all(row in (known.get(path), [known[path][0], *UNKNOWN]) for path, row in rows_of(now).items())
    if name.endswith(".npy"):
        rows, size = map(int, re.search(rb"\((\d+), (\d+)\)", now).groups())
        return code == 1 and len(now) == now.index(b"\n") + 1 + 4 * rows * size
    if name == "page.html": # of pictures some of which failed, or of those before the run's end
        return now.endswith(b"</html>\n") and (code == 1 or b'"unfinished":' in now)
    return name == "probe.safetensors" and code == 1 and tensors_of(now).keys() == tensors_of(after).keys()


def tensors_of(data):
    """{name: bytes} of a safetensors file that ends where its last tensor does."""
    size, = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__")
    ends = [entry["data_offsets"][1] for entry in header.values()]
    assert max(ends) == len(data) - 8 - size
    return {name: data[8 + size:][slice(*entry["data_offsets"])] for name, entry in header.items()}


def rows_of(data):
    """{path: its embedding, size and time} of an index."""
    tensors = tensors_of(data)
    paths = tensors["paths"].split(b"\0")[:-1]
    columns = [tensors[name] for name in ("embeddings", "sizes", "modified_ns")]
    sizes = [len(column) // max(1, len(paths)) for column in columns]
    return {path: [column[i * size:][:size] for column, size in zip(columns, sizes)]
            for i, path in enumerate(paths)}


# A record's path, with what stands before it: jsonl and json, junit, tsv and csv.
START = re.compile(rb'\{"path":"[^"]*"|<testcase classname="clipcls" name="[^"]*"|[^<\[\]\t,][^\t,:]*')


def records(out):
    """(path, record) of what is printed, one a line."""
    lines = [line.rstrip(b",\r\n") for line in out.splitlines()]
    return [(START.match(line).group(), line) for line in lines if START.match(line)]


def faults_of_records(code, out, good, reason):
    """Each is the good one, or says why there is none of this picture or of all in this folder."""
    found, left = records(out), records(good)
    for path, record in found:
        meant = [other for other in left if other[0] == path or other[0].startswith(path.rstrip(b'"') + b"/")]
        if not meant or meant != left[:len(meant)] or (record != meant[0][1] and not reason(record.decode())):
            yield f"a record out of place: {record}"
        left = left[len(meant):]
    if code in (0, 1) and left:
        yield f"no record of {left[0][0]}"
    if code == 1 and found == records(good):
        yield "no record of the failure"
    if not out.endswith(b"\n") and out and not out.startswith(b"["): # json ends a record before the next
        yield "a torn line"


def faults_of_hits(code, out, good):
    """Pictures that failed are not among them; the others are as they were."""
    for line, whole in zip(out.splitlines(), good.splitlines(), strict=code != 2):
        hits, every = (json.loads(text)["results"] for text in (line, whole))
        if [hit for hit in every if hit in hits] != hits:
            yield "other hits"
