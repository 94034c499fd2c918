"""What is timed: the functions of this package as a user calls them, and what they replace.

Input is memory of 16 bytes per value, as Arrow and NumPy hold it; reading it, the check of every
value and the sum are part of the time. The loops in Python ints are what one writes without a
library, a little faster than `qfs.reference`, which is written to be read.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from qfs import api, arrow, slices
from qfs.bench import inputs
from qfs.bench.inputs import POOL
from qfs.bench.timing import Job
from qfs.limits import BASE_UNITS_PER_TOKEN, CELL_BYTES

PYTHON_ROWS: Final = 10_000_000
"""Python ints of more rows need more memory than many machines have."""

LIST_ROWS: Final = 1_000_000
EXPECTED_COUNT: Final = 4096
"""Samples per metric and epoch."""

SCALE: Final = BASE_UNITS_PER_TOKEN
TENTH: Final = SCALE // 10

PYTHON: Final = "Python ints"
COPY: Final = "copy of the same bytes"


def allocation(rows: int) -> list[Job]:
    """Allocation of wei-scale weights, and the floor: 16 bytes read and 16 written per row."""
    column = inputs.cells(rows, inputs.WEI_BITS, "weights")
    small = _rows(inputs.cells(rows, inputs.SMALL_BITS, "small weights"))
    weights = _rows(column)
    group = "allocate"
    made = [
        Job(group, "qfs", rows, lambda: api.allocate(POOL, weights)),
        Job(
            group,
            "qfs, max_share 0.30",
            rows,
            lambda: api.allocate(POOL, weights, None, None, "0.30"),
        ),
        Job(group, "qfs, weights below 2^40", rows, lambda: api.allocate(POOL, small)),
        Job(group, "qfs, two threads", rows, _on_two_threads(lambda: api.allocate(POOL, weights))),
        Job(group, "qfs, a cap per node", rows, _capped(rows, weights)),
        *_copies(group, column),
    ]
    if rows <= PYTHON_ROWS:
        values = inputs.integers(column)
        made.append(Job(group, PYTHON, rows, lambda: allocate_ints(POOL, values)))
        if rows <= LIST_ROWS:
            made.append(
                Job(group, "qfs, list in and out", rows, lambda: api.allocate(POOL, values))
            )
    return made


def issuance(rows: int) -> list[Job]:
    """A tenth of every fee, with the residue carried from fee to fee."""
    column = inputs.cells(rows, inputs.WEI_BITS, "fees")
    fees = _rows(column)
    made = [
        Job("issue", "qfs", rows, lambda: api.issue(fees, "0.10")),
        *_copies("issue", column),
    ]
    if rows <= PYTHON_ROWS:
        values = inputs.integers(column)
        made.append(Job("issue", PYTHON, rows, lambda: issue_ints(values)))
    return made


def scores(rows: int) -> list[Job]:
    """Scores by the product of three ratios of one expected count each."""
    uptime, storage, ai = pairs = [
        tuple(memoryview(part).cast("I") for part in inputs.counts(rows, EXPECTED_COUNT, name))
        for name in ("uptime", "storage", "ai")
    ]
    made = [
        Job("score", "qfs", rows, lambda: api.score(uptime, storage, ai)),
        *_copies("score", bytes(CELL_BYTES * rows)),
    ]
    if rows <= PYTHON_ROWS:
        values = [part.tolist() for pair in pairs for part in pair]
        made.append(Job("score", PYTHON, rows, lambda: score_ints(*values)))
    return made


def allocate_ints(pool: int, weights: Sequence[int]) -> list[int]:
    """The largest remainder, ties by position."""
    total = sum(weights)
    products = [pool * weight for weight in weights]
    amounts = [product // total for product in products]
    remainders = [product % total for product in products]
    left = pool - sum(amounts)
    # Sorted in reverse, equal rows keep their order.
    rows = sorted(range(len(weights)), key=remainders.__getitem__, reverse=True)
    for row in rows[:left]:
        amounts[row] += 1
    return amounts


def issue_ints(fees: Sequence[int]) -> list[int]:
    """A tenth of every fee, the residue carried."""
    issued, residue = [], 0
    for fee in fees:
        raw, residue = divmod(residue + fee * TENTH, SCALE)
        issued.append(raw)
    return issued


def score_ints(*columns: Sequence[int]) -> list[int]:
    """The product of three ratios, rounded down."""
    return [
        SCALE * un * sn * an // (ud * sd * ad)
        for un, ud, sn, sd, an, ad in zip(*columns, strict=True)
    ]


def _rows(cells: bytes) -> memoryview:
    return memoryview(cells).cast("B", (len(cells) // CELL_BYTES, CELL_BYTES))


def _capped(rows: int, weights: memoryview) -> Callable[[], object]:
    """Caps of up to three mean shares, so that many bind and water-filling takes its rounds."""
    least = POOL // rows
    caps = _rows(
        b"".join(
            (least * (1 + byte % 3)).to_bytes(CELL_BYTES, "little")
            for byte in inputs.cells(-(-rows // CELL_BYTES), 128, "caps")[:rows]
        )
    )
    return lambda: api.allocate(POOL, weights, caps=caps)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = slices.threads
    slices.threads = count
    try:
        yield
    finally:
        slices.threads = before


def _on_two_threads(run: Callable[[], object]) -> Callable[[], object]:
    def timed() -> object:
        with _threads(2):
            return run()

    return timed


def _copies(group: str, column: bytes) -> list[Job]:
    """The floors: the same bytes into memory that is there, on one thread and on two, and new."""
    rows, size = len(column) // CELL_BYTES, len(column)
    target = bytearray(size)
    source_at = arrow.address(memoryview(column))
    target_at = arrow.address(memoryview(target))

    def copy(start: int, stop: int) -> None:
        # Through ctypes, which lets go of the interpreter's lock. The target stays alive by name.
        assert len(target) == size
        ctypes.memmove(target_at + start, source_at + start, stop - start)

    def by_two() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(copy, (0, size // 2), (size // 2, size)))

    return [
        Job(group, COPY, rows, lambda: copy(0, size)),
        Job(group, "copy by two threads", rows, by_two),
        Job(group, "copy into new memory", rows, lambda: bytearray(column)),
    ]
