"""Ours and peers in one process, in turn, as nanoseconds per row and as ratios.

    python benchmarks/compare.py 1000000

Rounds in which the process had the processor for less than 97 percent of the time are dropped
(with two threads: less than that of one processor), and others run in their place. On a machine
too busy for that the processor's time of all rounds counts instead, marked with a star. Prints
minimum, median and maximum, the median of Python ints by the job's own, and that by the median of
a copy of the same bytes. Python ints take 10^6 rows at most.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

import qfs
from qfs import kernel, reference, slices
from qfs.kernel.memory import blank
from qfs_kernel import allocation

POOL = 54_673_228_959_804_884_991_183
KEPT_ROUNDS = 7
MOST_ROUNDS = 21
FEWEST_KEPT = 3
PYTHON_ROUNDS = 3
PYTHON_ROWS = 1_000_000
LEAST_SHARE = 0.97


class Job(NamedTuple):
    """What is timed. `rows` differs from the others' where Python objects are in it."""

    run: Callable[[], object]
    rows: int
    cpu_path: str = kernel.cpu_paths()[-1]
    threads: int = 1


def plain_python(pool: int, weights: list[int]) -> list[int]:
    """Largest remainder as short as it can be written, without names for its steps."""
    total = sum(weights)
    amounts, remainders = [], []
    for weight in weights:
        amount, remainder = divmod(pool * weight, total)
        amounts.append(amount)
        remainders.append(remainder)
    leftover = pool - sum(amounts)
    for i in sorted(range(len(weights)), key=remainders.__getitem__, reverse=True)[:leftover]:
        amounts[i] += 1
    return amounts


def column(low: Any, high: Any) -> Any:
    """A NumPy column of cells."""
    cells = np.zeros(len(low), dtype=[("lo", "<u8"), ("hi", "<u8")])
    cells["lo"], cells["hi"] = low, high
    return cells


def copy_in_threads(source: memoryview, threads: int) -> None:
    """A copy into new memory, each thread its part."""
    # NumPy lets other threads run while it copies; a memoryview does not.
    target, given = np.frombuffer(blank(len(source)), "u1"), np.frombuffer(source, "u1")
    size = -(-len(source) // threads)

    def one(start: int) -> None:
        np.copyto(target[start : start + size], given[start : start + size])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(0, len(source), size)))


def jobs(rows: int) -> dict[str, Job]:
    """What is timed, by name; 70-bit weights, small ones of 40 bits."""
    draw = np.random.default_rng(rows)
    weights = column(draw.integers(0, 2**64, rows, "u8"), draw.integers(0, 54, rows, "u8"))
    small = column(draw.integers(0, 2**40, rows, "u8"), 0)
    caps = column(POOL // rows * draw.integers(1, 4, rows, "u8"), 0)
    few = min(rows, PYTHON_ROWS)
    generator = random.Random(rows)
    ints = [generator.randrange(10**21) for _ in range(few)]
    floats = weights["hi"] * 2.0**64 + weights["lo"]
    source = memoryview(bytes(16 * rows))
    target = memoryview(bytearray(16 * rows))

    def copy() -> None:
        target[:] = source

    def shared(values: Any = weights, **options: Any) -> Callable[[], object]:
        return lambda: qfs.allocate(POOL, values, **options)

    found = {
        "copy of 16 bytes per row": Job(copy, rows),
        "copy into new memory": Job(lambda: copy_in_threads(source, 1), rows),
        "Python ints, the reference": Job(lambda: reference.allocate(POOL, ints), few),
        "Python ints, shortest": Job(lambda: plain_python(POOL, ints), few),
        "float64 (inexact)": Job(lambda: np.floor(POOL * (floats / floats.sum())), rows),
        "max_share 0.30": Job(shared(max_share="0.30"), rows),
        "small weights": Job(shared(small), rows),
        "a cap per row": Job(shared(caps=caps), rows),
        "list in and out": Job(shared(ints), few),
        "two threads": Job(shared(), rows, threads=2),
        "copy into new memory, two threads": Job(lambda: copy_in_threads(source, 2), rows),
    }
    for path in kernel.cpu_paths():
        found[f"allocate, {path}"] = Job(shared(), rows, path)
        found[f"allocate, {path}, small weights"] = Job(shared(small), rows, path)
    print(f"a cap per row takes {rounds_of(shared(caps=caps), rows)} rounds of water-filling")
    return found


def rounds_of(run: Callable[[], object], rows: int) -> int:
    """How often an allocation looks for rows above their cap."""
    calls = []
    original = allocation.water_fill

    def counted(*arguments: Any) -> Any:
        calls.append(arguments)
        return original(*arguments)

    allocation.water_fill = counted
    try:
        run()
    finally:
        allocation.water_fill = original
    return len(calls) // len(slices.bounds(rows))


class Round(NamedTuple):
    """Nanoseconds per row."""

    wall: float
    processor: float

    @property
    def is_ours(self) -> bool:
        """Nothing else had the processor meanwhile."""
        return self.processor >= LEAST_SHARE * self.wall


def timed(job: Job) -> Round:
    """One round."""
    slices.cpu_path, slices.threads = job.cpu_path, job.threads
    wall, processor = time.perf_counter(), time.process_time()
    job.run()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return Round(wall / job.rows * 1e9, processor / job.rows * 1e9)


def counting(rounds: list[Round]) -> tuple[list[float], str]:
    """The times that count, and a star where they are not those of undisturbed rounds."""
    kept = [one.wall for one in rounds if one.is_ours]
    if len(kept) >= min(FEWEST_KEPT, len(rounds)):
        return kept, " "
    return [one.processor for one in rounds], "*"


def main(rows: int) -> None:
    """Time all jobs in turn and print a table."""
    assert qfs.backend().name == "kernel"
    all_jobs = jobs(rows)
    done: dict[str, list[Round]] = {name: [] for name in all_jobs}
    for number in range(MOST_ROUNDS):
        for name, job in all_jobs.items():
            kept = sum(one.is_ours for one in done[name])
            if number < PYTHON_ROUNDS or ("Python" not in name and kept < KEPT_ROUNDS):
                done[name].append(timed(job))
    times = {name: counting(rounds) for name, rounds in done.items()}
    medians = {name: statistics.median(values) for name, (values, _) in times.items()}
    python, copied = medians["Python ints, shortest"], medians["copy of 16 bytes per row"]
    print(f"{rows:,} rows, ns per row: rounds, minimum, median, maximum, and the two ratios")
    for name, median in medians.items():
        values, star = times[name]
        figures = f"{len(values):2}{star}{min(values):9.2f} {median:9.2f} {max(values):9.2f}"
        print(f"{name:38} {figures} {python / median:8.1f} {median / copied:8.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
