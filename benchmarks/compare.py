"""Ours and peers in one process, in turn, as nanoseconds per row and as ratios.

    python benchmarks/compare.py 1000000

Rounds in which the process had the processor for less than 97 percent of the time are dropped.
Prints minimum, median and maximum, and the median against Python ints.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

import qfs
from qfs import kernel, reference

POOL = 54_673_228_959_804_884_991_183
ROUNDS = 9
PYTHON_ROUNDS = 3
LEAST_SHARE = 0.97


def jobs(rows: int) -> dict[str, Callable[[], object]]:
    """What is timed, by name; 70-bit weights."""
    generator = random.Random(rows)
    weights = [generator.randrange(10**21) for _ in range(rows)]
    caps = [POOL // rows * generator.randrange(1, 4) for _ in range(rows)]
    column, cap_column = qfs.Column.from_ints(weights), qfs.Column.from_ints(caps)
    floats, cells = np.array(weights, dtype=np.float64), bytearray(16 * rows)
    return {
        "allocate, Python ints": lambda: reference.allocate(POOL, weights),
        "allocate, kernel": lambda: kernel.allocate(POOL, column),
        "allocate, kernel, max_share 0.3": lambda: kernel.allocate(
            POOL, column, None, POOL * 3 // 10
        ),
        "allocate, kernel, a cap per row": lambda: kernel.allocate(POOL, column, cap_column),
        "allocate, kernel, list in and out": lambda: qfs.allocate(POOL, weights),
        "allocate, float64 (inexact)": lambda: np.floor(POOL * (floats / floats.sum())),
        "issue, kernel": lambda: kernel.issue(column, 10**17),
        "copy of 16 bytes per row": lambda: bytes(cells),
    }


def main(rows: int) -> None:
    """Time all jobs in turn and print a table."""
    timed: dict[str, list[float]] = {}
    all_jobs = jobs(rows)
    for number in range(ROUNDS):
        for name, job in all_jobs.items():
            if "Python" in name and number >= PYTHON_ROUNDS:
                continue
            wall, processor = time.perf_counter(), time.process_time()
            job()
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            if processor >= LEAST_SHARE * wall:
                timed.setdefault(name, []).append(wall / rows * 1e9)
    base = statistics.median(timed["allocate, Python ints"])
    print(f"{rows:,} rows, ns per row: rounds, minimum, median, maximum; times Python ints")
    for name, values in timed.items():
        median = statistics.median(values)
        line = f"{min(values):10.2f} {median:10.2f} {max(values):10.2f} {base / median:10.1f}"
        print(f"{name:36} {len(values):2} {line}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
