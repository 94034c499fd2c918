"""Work over many rows, cut into slices of fixed size, on any number of threads.

The cut does not depend on the number of threads, and results come in the order of the rows, so
that nothing computed this way can depend on how it ran.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, groupby
from typing import Any, NamedTuple, TypeVar

from qfs.cells import Cells
from qfs.limits import CELL_BYTES

SLICE_ROWS = 1 << 17
"""Rows per pass of one thread: weights and amounts of a slice stay in a core's cache. A power of
two, so that a slice of leaves is a whole subtree."""

threads = 1
"""Set once, by `qfs.backend`."""

cpu_path = "baseline"
"""By the name that QFS_ISA gives it; set once, by `qfs.backend`."""

_T = TypeVar("_T")
_Item = TypeVar("_Item")


def over_slices(rows: int, work: Callable[[int, int], _T]) -> list[_T]:
    """work(start, stop) for each slice, in order of the rows."""
    return over(bounds(rows), lambda pair: work(*pair))


def bounds(rows: int) -> list[tuple[int, int]]:
    """(start, stop) of each slice."""
    return [(start, min(start + SLICE_ROWS, rows)) for start in range(0, rows, SLICE_ROWS)]


class Run(NamedTuple):
    """Rows of a slice whose cells lie in one piece of memory in each of the columns."""

    start: int
    stop: int
    cells: tuple[Any, ...]
    """a memoryview for each column; None where the column is absent"""


def runs(rows: int, *columns: Cells | None) -> list[Run]:
    """The slices, cut further where a column goes on in another piece of memory."""
    if rows == 0:
        return []
    starts = [start for start, _ in bounds(rows)]
    ends = [list(accumulate(map(len, c.pieces))) if c is not None else [] for c in columns]
    starts += [end // CELL_BYTES for column_ends in ends for end in column_ends]
    cuts = [row for row, _ in groupby(sorted(starts)) if row < rows]
    found = []
    for start, stop in zip(cuts, [*cuts[1:], rows], strict=True):
        cells = (_between(c, e, start, stop) for c, e in zip(columns, ends, strict=True))
        found.append(Run(start, stop, tuple(cells)))
    return found


def _between(column: Cells | None, ends: list[int], start: int, stop: int) -> memoryview | None:
    if column is None:
        return None
    number = bisect_right(ends, start * CELL_BYTES)
    piece = column.pieces[number]
    return cut(piece, *(row - (ends[number] - len(piece)) // CELL_BYTES for row in (start, stop)))


def over(items: Sequence[_Item], work: Callable[[_Item], _T]) -> list[_T]:
    """work(item) for each item, in their order."""
    workers = min(threads, len(items))
    if workers <= 1:
        return list(map(work, items))
    waiting = deque(enumerate(items))
    done: dict[int, _T] = {}

    def take_turns() -> None:
        while waiting:
            try:
                number, item = waiting.popleft()
            except IndexError:
                # Another thread took the last one.
                return
            done[number] = work(item)

    with ThreadPoolExecutor(workers - 1) as pool:
        others = [pool.submit(take_turns) for _ in range(workers - 1)]
        take_turns()
        for other in others:
            other.result()
    return [done[number] for number in range(len(items))]


def cut(cells: memoryview, start: int, stop: int) -> memoryview:
    """The cells of rows start .. stop."""
    return cells[start * CELL_BYTES : stop * CELL_BYTES]


def cut_optional(cells: memoryview | None, start: int, stop: int) -> memoryview | None:
    """The cells of rows start .. stop of a column that may be absent."""
    return None if cells is None else cut(cells, start, stop)
