#!/usr/bin/env python3
"""Classifies the pictures of a table with clipcls on an Apache Spark cluster.

    spark-submit spark_classify.py [OPTIONS] INPUT OUTPUT [-- OPTIONS OF CLIPCLS]

INPUT is Parquet with a column `path`, and perhaps `content`, the picture's bytes; with --input-format text a list
of paths, with binaryFile the pictures themselves, wherever Spark can read them. OUTPUT is Parquet, a row for each
row of INPUT: `path`; `results`, an array of label, index, score and similarity, or null; `error`, its code and
message, or null.

Every partition keeps one clipcls. Rows without content are paths that every node can open, so they should be absolute.
`path` is a string, or binary where names are not UTF-8, and stays what it was. When clipcls dies, its task fails
with what it said, and Spark runs it again; only whole tasks' rows get into OUTPUT.

Needs PySpark 3.5 or later, and clipcls on every node. Exit status: 0 done (the last line counts the
rows with errors), 1 the job failed, 2 usage.
"""

import argparse
import collections
import itertools
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading

from pyspark import TaskContext
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import SparkSession, types

# What clipcls has been given and not answered: enough for it to make batches of, little enough to hold.
WINDOW = 512
WINDOW_BYTES = 64 << 20
PATIENCE = 10  # seconds for a clipcls whose output has ended
SCHEMA = ("path {}, results array<struct<label: string, index: int, score: double, similarity: double>>, "
          "error struct<code: string, message: string>")


class ClipclsDied(RuntimeError):
    """Fails the task, which Spark then tries again."""


class Picture:
    """A row, and under which name clipcls is given it: bytes get a file in memory, which nobody has to remove."""

    def __init__(self, path, content=None):
        self.path = path
        self.size = 0 if content is None else len(content)
        self.file = None
        if content is None:
            self.name = bytes_of(path)
        else:
            self.file = open(os.memfd_create("picture"), "r+b", buffering=0)
            view = memoryview(content)
            while view:
                view = view[self.file.write(view):]
            self.name = b"/proc/%d/fd/%d" % (os.getpid(), self.file.fileno())

    def close(self):
        if self.file is not None:
            self.file.close()


class Clipcls:
    """A process that is given pictures and gives a row for each, in their order."""

    def __init__(self, command):
        self.stderr = tempfile.TemporaryFile()
        self.pending = collections.deque()
        self.bytes = 0
        self.lines = queue.SimpleQueue()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr)
        # Empties stdout whatever this thread waits for: clipcls never waits for a reader that waits for clipcls.
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(b"")

    def full(self):
        return len(self.pending) >= WINDOW or self.bytes >= WINDOW_BYTES

    def give(self, picture):
        self.pending.append(picture)
        self.bytes += picture.size
        try:
            self.process.stdin.write(picture.name + b"\0")
            self.process.stdin.flush()
        except BrokenPipeError:
            self._died()

    def take(self):
        """The oldest picture's row."""
        line = self.lines.get()
        if not line.endswith(b"\n"):  # the end, or a record that was cut off
            self._died()
        record = json.loads(line)
        picture = self.pending.popleft()
        if bytes_of(record["path"]) != picture.name:
            raise ClipclsDied(f"clipcls gave the record of {record['path']!a} and not that of {picture.name!r}: its "
                              "options leave records out, or name inputs of their own")
        self.bytes -= picture.size
        picture.close()
        return row_of(picture, record)

    def answered(self):
        return not self.lines.empty()

    def finish(self):
        """After the last row: clipcls must have ended well."""
        if self.lines.get() != b"" or self.process.wait() not in (0, 1):
            self._died()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for picture in self.pending:
            picture.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.stdout.close()
        self.stderr.close()

    def _died(self):
        try:
            code = self.process.wait(timeout=PATIENCE)
            end = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
        except subprocess.TimeoutExpired:
            end = "closed its streams"
        size = self.stderr.seek(0, os.SEEK_END)
        self.stderr.seek(max(0, size - 4096))
        said = self.stderr.read().decode("utf-8", "backslashreplace").strip()
        raise ClipclsDied(f"clipcls {end} with {len(self.pending)} pictures before it: {said or 'it said nothing'}")


def bytes_of(path):
    """A path as the system has it, whatever the locale; clipcls' JSON has bytes that are no UTF-8 as Python does."""
    return path if isinstance(path, bytes) else path.encode("utf-8", "surrogateescape")


def row_of(picture, record):
    if "results" in record:
        return picture.path, [(each["label"], each["index"], each["score"], each["similarity"])
                              for each in record["results"]], None
    return picture.path, None, (record["error"]["code"], record["error"]["message"])


def reason_against(path, content, has_content):
    """Why clipcls cannot be given a row; None when it can."""
    if has_content:
        return "the content is null" if content is None else None
    if not path:
        return "the path is empty"
    if b"\0" in bytes_of(path):
        return "the path holds a NUL"
    # In a list of paths, a folder stands for the pictures in it.
    return "is a folder" if os.path.isdir(bytes_of(path)) else None


def give_all(clipcls, rows):
    """What clipcls makes of the rows."""
    for row in rows:
        has_content = len(row) > 1
        path, content = bytes(row[0]) if isinstance(row[0], bytearray) else row[0], row[1] if has_content else None
        reason = reason_against(path, content, has_content)
        if reason is not None:
            yield path, None, ("io", reason)
            continue
        while clipcls.full():
            yield clipcls.take()
        clipcls.give(Picture(path, content))
        while clipcls.pending and clipcls.answered():
            yield clipcls.take()
    clipcls.process.stdin.close()
    while clipcls.pending:
        yield clipcls.take()
    clipcls.finish()


def classifier(command):
    """The function that Spark runs over every partition."""
    def classify(rows):
        first = next(rows, None)
        if first is None:  # no need for a model
            return
        threads = ["--threads", str(TaskContext.get().cpus())]
        clipcls = Clipcls([command[0], *threads, *command[1:], "--format", "jsonl", "--files-from", "-", "--null"])
        try:
            yield from give_all(clipcls, itertools.chain([first], rows))
        finally:
            clipcls.close()
    return classify


def read(spark, options):
    """The rows of INPUT: path, and content if there is any."""
    reader = spark.read.format(options.input_format)
    if options.input_format == "binaryFile":
        reader = reader.option("recursiveFileLookup", True)
    table = reader.load(options.input)
    if options.input_format == "text":
        table = table.withColumnRenamed("value", "path").where("path != ''")
    fields = {field.name: field.dataType for field in table.schema.fields}
    if not isinstance(fields.get("path"), (types.StringType, types.BinaryType)):
        raise ValueError(f"{options.input}: has no column `path` of strings or bytes")
    if "content" in fields and not isinstance(fields["content"], types.BinaryType):
        raise ValueError(f"{options.input}: the column `content` is not binary")
    # A table of paths is small and its pictures are not: it is cut finer than its files are. By the path, so that a
    # piece that is made again is the same.
    pieces = options.partitions or (None if "content" in fields else 200)
    table = table.select("path", *(["content"] if "content" in fields else []))
    return table if pieces is None else table.repartition(pieces, "path")


def classify_table(spark, options, clipcls_options):
    table = read(spark, options)
    rows = table.rdd.mapPartitions(classifier([options.program, *clipcls_options]))
    rows = spark.createDataFrame(rows, SCHEMA.format(table.schema["path"].dataType.simpleString()), verifySchema=False)
    rows.write.mode("overwrite" if options.overwrite else "errorifexists").parquet(options.output)
    written, failed = spark.read.parquet(options.output).selectExpr("count(*)", "count(error)").first()
    print(f"{written} pictures, {failed} failed", file=sys.stderr)


def parse(words):
    end = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", metavar="INPUT")
    parser.add_argument("output", metavar="OUTPUT")
    parser.add_argument("--input-format", choices=["parquet", "text", "binaryFile"], default="parquet")
    parser.add_argument("--overwrite", action="store_true", help="remove what OUTPUT holds, before the job begins")
    parser.add_argument("--partitions", type=int, metavar="N",
                        help="pieces of work (default: 200 for paths, as INPUT has them for contents)")
    parser.add_argument("--program", default="clipcls", help="clipcls on the nodes (default: from their PATH)")
    parser.add_argument("--master", help="where to run, as spark-submit's")
    options = parser.parse_args(words[:end])
    if options.partitions is not None and options.partitions < 1:
        parser.error("--partitions must be at least 1")
    return options, words[end + 1:]


def main():
    options, clipcls_options = parse(sys.argv[1:])
    builder = SparkSession.builder.appName("clipcls")
    if options.master is not None:
        builder = builder.master(options.master)
    # Version 2 lets rows of a task that dies while it commits into the output.
    builder = builder.config("spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version", "1")
    spark = builder.getOrCreate()
    try:
        classify_table(spark, options, clipcls_options)
    except (AnalysisException, ValueError) as error:
        print(f"spark_classify.py: {error}", file=sys.stderr)
        return 2
    except PySparkException as error:
        print(f"spark_classify.py: {error}", file=sys.stderr)
        return 1
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
