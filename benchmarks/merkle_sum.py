"""The Merkle-sum tree of a tally: from ballots to its digest, and receipts, with memory.

    python benchmarks/merkle_sum.py 1000000                the kernel
    python benchmarks/merkle_sum.py 100000 reference       pure Python

Every voter has cast one ballot, in any order. Prints the least and the median seconds of the clock
over the rounds and the least of the processor (of all threads: QFS_THREADS says how many), then
the time of a receipt from the levels that are kept, and the peak memory of the process.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import qfs
from qfs import reference
from qfs.backend import implementation
from qfs.reference.merkle_sum import receipt_from_levels, receipt_holds, tally_digest

ROUNDS = 5
RECEIPTS = 1000
CAP = 2**66


def timed(name: str, work: Callable[[], Any], rounds: int) -> Any:
    """What the work comes to, after printing what it took."""
    clock, processor = [], []
    for _ in range(rounds):
        wall, spent = time.perf_counter(), time.process_time()
        found = work()
        clock.append(time.perf_counter() - wall)
        processor.append(time.process_time() - spent)
    low, middle, least = min(clock), statistics.median(clock), min(processor)
    print(f"{name:36} {low:9.3f} {middle:9.3f} s by the clock, {least:9.3f} s of the processor")
    return found


def peak() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB"


def main(rows: int, backend: Any, rounds: int) -> None:
    chosen = qfs.backend()
    name = "reference" if backend is reference else chosen.name
    print(f"{rows:,} ballots, {name}, {chosen.threads} threads, {rounds} rounds: least, median")
    generator = np.random.default_rng(rows)
    voters = generator.permutation(rows).astype(np.uint32)
    choices = generator.integers(0, 3, rows, dtype=np.uint8)
    cells = np.zeros((rows, 2), dtype=np.uint64)
    cells[:, 0] = generator.integers(1, 2**62, rows, dtype=np.uint64)
    cells[::5, 1] = 3
    powers: Any = qfs.Column.trusted(memoryview(cells).cast("B"))
    columns = memoryview(choices), memoryview(voters)
    if backend is reference:
        powers, columns = [*powers], ([*columns[0]], [*columns[1]])
    partial = backend.collect_ballots(columns[0], rows, columns[1])
    print(f"peak memory before: {peak()}")
    counted = timed(
        "counted ballots", lambda: backend.counted_ballots(partial, powers, CAP), rounds
    )
    root = timed("root with its sums", lambda: backend.sum_root(counted), rounds)
    levels = timed("levels for receipts", lambda: backend.sum_levels(counted), rounds)
    print(f"peak memory after: {peak()}")
    digest, spent = tally_digest(len(counted), root), []
    for _ in range(RECEIPTS):
        index = int(generator.integers(0, rows))
        start = time.perf_counter()
        receipt = receipt_from_levels(counted, levels, index)
        spent.append(1e6 * (time.perf_counter() - start))
        if not receipt_holds(receipt, digest):
            raise SystemExit(f"the receipt of ballot {index} fails")
    low, middle = min(spent), statistics.median(spent)
    print(f"receipt: {low:.0f} us at least, {middle:.0f} in the median of {RECEIPTS}")
    print(f"digest {digest.hex()}, sums {tuple(root.sums)}")


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    if sys.argv[2:] == ["reference"]:
        main(int(sys.argv[1]), reference, 1)
    else:
        main(int(sys.argv[1]), implementation(), ROUNDS)
