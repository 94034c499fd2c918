"""The leftover units of an allocation, by selection: see `qfs_kernel/selection.pyx`."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import NamedTuple

from qfs.errors import WrongTypeError
from qfs.reference.allocation import TieKeys
from qfs.slices import over
from qfs_kernel import allocation, selection


class Slice(NamedTuple):
    """The memory of one slice of rows."""

    start: int
    stop: int
    """its rows in the column"""
    weights: memoryview
    caps: memoryview | None
    amounts: memoryview
    scratch: memoryview
    """4 bytes per row"""


class Listed(NamedTuple):
    """The rows of a slice that the cut leaves open, by their positions in it."""

    rows: Slice
    positions: memoryview


def pay_leftover(
    rows: list[Slice],
    level: allocation.Level,
    counts: array[int],
    leftover: int,
    tie_keys: TieKeys,
) -> int | None:
    """Pay the leftover units by selection, digit by digit; returns the remainder at the cut.

    `counts` and the slices are as `floor_shares` left them.
    """
    if leftover == 0:
        return None
    digit, left = selection.choose_digit(counts, leftover)
    listed = _settle(rows, level, counts, digit)
    # After the last digit the remainders are equal, so that the round after it is the last.
    for digit_level in range(1, allocation.LEVELS + 1):
        found = sum(len(part.positions) for part in listed)
        require_unchanged(0 < left <= found)
        counts, lowest, highest = _survey(listed, level, digit_level)
        if left == found or lowest == highest:
            _pay_first(listed, left, tie_keys)
            return lowest
        digit, left = selection.choose_digit(counts, left)
        listed = _cut(listed, level, digit_level, digit)
    require_unchanged(False)
    return None


def _settle(
    rows: list[Slice], level: allocation.Level, counts: array[int], digit: int
) -> list[Listed]:
    """Pay the rows above the first digit of the cut, and list those that have it."""
    sizes = over(rows, lambda part: selection.settle(part.amounts, part.scratch, level, digit))
    require_unchanged(sizes == list(counts[digit :: allocation.DIGITS]))
    return [
        Listed(part, part.scratch[: 4 * size].cast("I"))
        for part, size in zip(rows, sizes, strict=True)
        if size
    ]


def _survey(
    listed: list[Listed], level: allocation.Level, digit_level: int
) -> tuple[array[int], int, int]:
    """How often each digit occurs among the listed rows; the smallest and largest remainder."""
    counts = array("I", bytes(4 * allocation.DIGITS))
    bounds = [
        selection.survey(
            rows.weights, rows.caps, level, rows.amounts, positions, digit_level, counts
        )
        for rows, positions in listed
    ]
    return counts, min(lowest for lowest, _ in bounds), max(highest for _, highest in bounds)


def _cut(
    listed: list[Listed], level: allocation.Level, digit_level: int, digit: int
) -> list[Listed]:
    """Pay the listed rows above this digit of the cut, and keep those that have it."""
    kept = []
    for rows, positions in listed:
        size = selection.cut_listed(
            rows.weights, rows.caps, level, rows.amounts, positions, digit_level, digit
        )
        if size:
            kept.append(Listed(rows, positions[:size]))
    return kept


def _pay_first(listed: list[Listed], units: int, tie_keys: TieKeys) -> None:
    """One unit each to the first listed rows in the order of ties."""
    if tie_keys is not None and units < sum(len(part.positions) for part in listed):
        listed = _in_tie_order(listed, units, tie_keys)
    for rows, positions in listed:
        selection.pay_listed(rows.amounts, positions[:units])
        units -= min(units, len(positions))


def _in_tie_order(listed: list[Listed], units: int, tie_keys: TieKeys) -> list[Listed]:
    """The listed rows that come first by their keys."""
    assert tie_keys is not None
    open_rows = [rows.start + position for rows, positions in listed for position in positions]
    open_rows.sort(key=tie_keys.__getitem__)
    first = sorted(open_rows[:units])
    chosen = []
    for rows, _ in listed:
        start, stop = (bisect_left(first, row) for row in (rows.start, rows.stop))
        positions = array("I", (row - rows.start for row in first[start:stop]))
        chosen.append(Listed(rows, memoryview(positions)))
    return chosen


def require_unchanged(same: bool) -> None:
    """The passes agree. They read the caller's memory, which nobody may write meanwhile.

    Raises:
        WrongTypeError: they do not.
    """
    if not same:
        raise WrongTypeError("the values changed while they were read", argument="weights")
