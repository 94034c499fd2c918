"""What is timed: the functions of this package as a user calls them, and what they replace.

Input is memory of 16 bytes per value, as Arrow and NumPy hold it; reading it, the check of every
value and the sum are part of the time. The loops in Python ints are what one writes without a
library, a little faster than `qfs.reference`, which is written to be read.
"""

from __future__ import annotations

import ctypes
import hashlib
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from qfs import api, arrow, slices
from qfs.backend import implementation
from qfs.bench import inputs
from qfs.bench.inputs import POOL
from qfs.bench.timing import Job
from qfs.columns import Column
from qfs.ids import RowLeaves, TextColumn, from_checked
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

    def uncapped() -> object:
        return api.allocate(POOL, weights)

    made = [
        Job(group, "qfs", rows, uncapped),
        Job(
            group,
            "qfs, max_share 0.30",
            rows,
            lambda: api.allocate(POOL, weights, None, None, "0.30"),
        ),
        Job(group, "qfs, weights below 2^40", rows, lambda: api.allocate(POOL, small)),
        Job(group, "qfs, two threads", rows, _with("threads", 2, uncapped)),
        Job(group, "qfs, baseline path", rows, _with("cpu_path", "baseline", uncapped)),
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


def roots(rows: int) -> list[Job]:
    """The RFC 9162 root of a table of ids, weights, caps and amounts, and a loop over hashlib."""
    ids = from_checked([b"node-%010d" % row for row in range(rows)], is_sorted=True)
    column = Column.trusted(inputs.cells(rows, inputs.WEI_BITS, "weights"))
    fields: list[TextColumn | Column] = [ids, column, column, column]
    made = [Job("root", "qfs", rows, lambda: implementation().root(RowLeaves(fields)))]
    if rows <= LIST_ROWS:
        leaves = list(RowLeaves(fields))
        made.append(Job("root", "hashlib", rows, lambda: root_by_hashlib(leaves)))
    return made


def tallies(rows: int) -> list[Job]:
    """As many ballots as voters, one each for the most part, in the order of the log."""
    noise = memoryview(inputs.cells(rows, 128, "voters")).cast("Q")[::2]
    voters = array("I", (word % rows for word in noise))
    choices = bytes(word % 3 for word in noise)
    seqs = array("Q", range(rows))
    powers = Column.trusted(inputs.cells(rows, inputs.WEI_BITS, "powers"))
    columns = [memoryview(part) for part in (choices, voters, seqs)]
    chosen, owners, places = columns
    made = [
        Job("tally", "qfs", rows, lambda: api.tally(chosen, powers, owners, places)),
        Job("tally", COPY, rows, lambda: [bytearray(part) for part in (*columns, powers.data)]),
    ]
    if rows <= LIST_ROWS:
        values = powers.tolist()
        made.append(Job("tally", PYTHON, rows, lambda: tally_ints(choices, voters, seqs, values)))
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


def tally_ints(
    choices: Sequence[int], voters: Sequence[int], seqs: Sequence[int], powers: Sequence[int]
) -> list[int]:
    """The first ballot of each voter, in a dict."""
    firsts: dict[int, tuple[int, int]] = {}
    for seq, voter, choice in zip(seqs, voters, choices, strict=True):
        if voter not in firsts or seq < firsts[voter][0]:
            firsts[voter] = (seq, choice)
    sums = [0, 0, 0]
    for voter, (_, choice) in firsts.items():
        sums[choice] += powers[voter]
    return sums


def root_by_hashlib(leaves: Sequence[bytes]) -> bytes:
    """Level by level; a last node without a sibling goes up as it is."""
    sha256 = hashlib.sha256
    level = [sha256(b"\0" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        odd = level[len(level) & ~1 :]
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\1" + left + right).digest() for left, right in pairs] + odd
    return level[0]


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


def _with(name: str, value: object, run: Callable[[], object]) -> Callable[[], object]:
    """The same with another setting of `qfs.slices`."""

    def timed() -> object:
        before = getattr(slices, name)
        setattr(slices, name, value)
        try:
            return run()
        finally:
            setattr(slices, name, before)

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
