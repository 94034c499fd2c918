"""Scores, issuance and table roots over columns, with what they are measured against.

    python benchmarks/columns.py 10000000

Everything in one process, in turn. Prints nanoseconds per row of the wall clock and of the
processor, minimum and median; where the two differ the process had to wait for others, and with
QFS_THREADS above 1 the processor's time is that of all threads.
"""

from __future__ import annotations

import hashlib
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import qfs
from qfs.backend import implementation
from qfs.columns import Column
from qfs.ids import RowLeaves, from_checked

ROUNDS = 7
LEAVES_PER_HASHLIB_ROUND = 1 << 17
WEIGHTS = {"uptime": "0.4", "storage": "0.3", "ai": "0.3"}


def ratios(rows: int, highest: tuple[int, int, int], *, drawn: bool) -> list[tuple[Any, Any]]:
    """Numerators and denominators: the highest in every row, or drawn up to it."""
    generator = np.random.default_rng(rows)
    pairs = []
    for d in highest:
        below = generator.integers(1, d, rows, dtype="u4", endpoint=True)
        denominators = below if drawn else np.full(rows, d, "u4")
        pairs.append((generator.integers(0, denominators, dtype="u4", endpoint=True), denominators))
    return pairs


def cells(rows: int) -> Any:
    """Amounts of up to 70 bits."""
    generator, column = np.random.default_rng(rows), np.zeros((rows, 2), "u8")
    column[:, 0] = generator.integers(0, 2**64, rows, dtype="u8")
    column[:, 1] = generator.integers(0, 2**6, rows, dtype="u8")
    return column


def hashlib_root(leaves: list[bytes]) -> bytes:
    """The loop that a root is measured against."""
    sha256 = hashlib.sha256
    level = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = range(0, len(level) - 1, 2)
        odd = level[len(level) & ~1 :]
        level = [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in pairs] + odd
    return level[0]


def jobs(rows: int) -> dict[str, tuple[int, Callable[[], object]]]:
    """What is timed, by name, and how many rows it takes."""
    fixed = ratios(rows, (5120, 100, 1000), drawn=False)
    mixed = ratios(rows, (5120, 100, 1000), drawn=True)
    wide = ratios(rows, (2**32 - 1,) * 3, drawn=True)
    amounts = cells(rows)
    ids = from_checked([b"node-%010d" % i for i in range(rows)], is_sorted=True)
    fields = [ids, *[Column.trusted(amounts.tobytes()) for _ in range(3)]]
    few = list(map(RowLeaves(fields).__getitem__, range(min(rows, LEAVES_PER_HASHLIB_ROUND))))
    return {
        "score, denominators fixed": (rows, lambda: qfs.score(*fixed)),
        "score, any up to 5120, 100, 1000": (rows, lambda: qfs.score(*mixed)),
        "score, any up to 2^32 - 1": (rows, lambda: qfs.score(*wide)),
        "score, weighted_sum, fixed": (
            rows,
            lambda: qfs.score(*fixed, policy="weighted_sum", weights=WEIGHTS),
        ),
        "issue, cells": (rows, lambda: qfs.issue(amounts)),
        "issue, 64-bit integers": (rows, lambda: qfs.issue(amounts[:, 0].copy())),
        "copy of 24 bytes per row": (rows, lambda: [np.copy(x) for pair in fixed for x in pair]),
        "root of allocation rows": (rows, lambda: implementation().root(RowLeaves(fields))),
        "the same by hashlib": (len(few), lambda: hashlib_root(few)),
    }


def main(rows: int) -> None:
    """Time all jobs in turn and print a table."""
    timed: dict[str, list[tuple[float, float]]] = {}
    all_jobs = jobs(rows)
    for _ in range(ROUNDS):
        for name, (count, job) in all_jobs.items():
            wall, processor = time.perf_counter(), time.process_time()
            job()
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            timed.setdefault(name, []).append((wall / count * 1e9, processor / count * 1e9))
    print(f"{rows:,} rows, threads {qfs.backend().threads}; ns per row: wall min, median; cpu")
    for name, rounds in timed.items():
        walls, processors = ([pair[i] for pair in rounds] for i in (0, 1))
        figures = (min(walls), statistics.median(walls), min(processors))
        line = " ".join(f"{value:10.2f}" for value in (*figures, statistics.median(processors)))
        print(f"{name:34} {line}")
    roots, loops = timed["root of allocation rows"], timed["the same by hashlib"]
    ratios_of = [loop[0] / root[0] for root, loop in zip(roots, loops, strict=True)]
    low, middle, high = min(ratios_of), statistics.median(ratios_of), max(ratios_of)
    print(f"hashlib takes {low:.2f} .. {middle:.2f} .. {high:.2f} times as long as the root")


if __name__ == "__main__":
    main(int(sys.argv[1]))
