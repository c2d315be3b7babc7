"""What the peers that measure themselves share."""

import json
import statistics
import time


def median_seconds(run, seconds):
    """Once unmeasured, then for `seconds`: three times at least, once when it is slow."""
    start = time.perf_counter()
    run()
    slow = time.perf_counter() - start > seconds
    times = []
    end = time.perf_counter() + seconds
    while len(times) < (1 if slow else 3) or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def report(**figures):
    print(json.dumps(figures), flush=True)
