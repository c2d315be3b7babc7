#!/usr/bin/env python3
"""index.py OUT TEMPLATE N: an index file of N pictures with random embeddings, for the model of TEMPLATE."""

import json
import pathlib
import sys

import numpy
from safetensors import safe_open

STEP = 10_000


def main():
    out, n = pathlib.Path(sys.argv[1]), int(sys.argv[3])
    with safe_open(sys.argv[2], "numpy") as template:
        note, signature = template.metadata()["note"], template.get_tensor("model_signature")
        width = template.get_tensor("embeddings").shape[1]
    random = numpy.random.default_rng(0)
    paths = [b"photos/%07d.jpg\0" % i for i in range(n)]
    columns = {"sizes": numpy.full(n, 1000, numpy.int64), "modified_ns": numpy.zeros(n, numpy.int64),
               "path_ends": numpy.cumsum([len(path) for path in paths]).astype(numpy.int64),
               "paths": numpy.frombuffer(b"".join(paths), numpy.uint8), "model_signature": signature}
    dtypes = {"int64": "I64", "uint8": "U8", "float32": "F32"}
    at = n * width * 4
    header = {"__metadata__": {"format": "clipcls-index", "format_version": "1", "note": note},
              "embeddings": {"dtype": "F32", "shape": [n, width], "data_offsets": [0, at]}}
    for name, column in columns.items():
        header[name] = {"dtype": dtypes[column.dtype.name], "shape": list(column.shape),
                        "data_offsets": [at, at + column.nbytes]}
        at += column.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % 64)
    with open(out, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for first in range(0, n, STEP):
            rows = random.standard_normal((min(STEP, n - first), width), dtype=numpy.float32)
            file.write((rows / numpy.linalg.norm(rows, axis=1, keepdims=True)).tobytes())
        for column in columns.values():
            file.write(column.tobytes())


if __name__ == "__main__":
    main()
