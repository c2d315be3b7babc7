#!/usr/bin/env python3
"""search.py INDEX QUERIES.npy K: brute force in numpy over an index file's embeddings.

Prints {"seconds": of the product and the choice, "best": [[row, ...] for each query]}."""

import json
import sys
import time

import numpy
from safetensors import safe_open


def main():
    with safe_open(sys.argv[1], "numpy") as index:
        rows = index.get_tensor("embeddings")
    queries, k = numpy.load(sys.argv[2]), int(sys.argv[3])
    rows @ queries[0]  # the pages are there
    start = time.perf_counter()
    scores = rows @ queries.T if len(queries) > 1 else (rows @ queries[0])[:, None]
    candidates = numpy.argpartition(-scores, 2 * k, axis=0)[:2 * k]
    seconds = time.perf_counter() - start
    best = []
    for query, chosen in zip(queries, candidates.T):
        exact = rows[chosen].astype(numpy.float64) @ query.astype(numpy.float64)
        best.append(chosen[numpy.lexsort((chosen, -exact))][:k].tolist())
    print(json.dumps({"seconds": seconds, "best": best}))


if __name__ == "__main__":
    main()
