"""Work over many rows, cut into slices of fixed size, on any number of threads.

The cut does not depend on the number of threads, and results come in the order of the rows, so
that nothing computed this way can depend on how it ran.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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


def over(items: Sequence[_Item], work: Callable[[_Item], _T]) -> list[_T]:
    """work(item) for each item, in their order."""
    if threads == 1 or len(items) <= 1:
        return list(map(work, items))
    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        return list(pool.map(work, items))


def cut(cells: memoryview, start: int, stop: int) -> memoryview:
    """The cells of rows start .. stop."""
    return cells[start * CELL_BYTES : stop * CELL_BYTES]


def cut_optional(cells: memoryview | None, start: int, stop: int) -> memoryview | None:
    """The cells of rows start .. stop of a column that may be absent."""
    return None if cells is None else cut(cells, start, stop)
