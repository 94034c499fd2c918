"""See `qfs.reference.allocation`: the shares in passes over slices, the leftover by selection."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final

from qfs import slices
from qfs.columns import Column
from qfs.errors import TotalOverflowError, WrongTypeError
from qfs.kernel.columns import to_column
from qfs.limits import CELL_BYTES, MAX_SCALAR
from qfs.reference.allocation import Allocated, Caps, TieKeys, require_same_rows
from qfs.slices import cut, cut_optional, over_slices
from qfs_kernel import allocation

MAX_ROUNDS: Final = 32
"""Water-filling rounds before the rows are sorted by cap / weight instead.

Each round is one pass. Real caps need a handful; an adversary can make them as many as rows."""


def allocate(
    pool: int,
    weights: Sequence[int],
    caps: Caps = None,
    common_cap: int | None = None,
    tie_keys: TieKeys = None,
) -> Allocated:
    """See `qfs.reference.allocation.allocate`."""
    require_same_rows(weights, caps, tie_keys)
    column = to_column(weights)
    own_caps = None if caps is None else to_column(caps).data
    # Step 1. The total is in its bounds.
    if column.total > MAX_SCALAR:
        raise TotalOverflowError(
            "the weights sum to more than 2^128 - 1", argument="weights", value=column.total
        )
    # Step 2. Where every weight is 0, every weight counts as 1.
    fallback = len(column) > 0 and column.total == 0
    if fallback:
        column = Column.trusted((1).to_bytes(CELL_BYTES, "little") * len(column), len(column))
    # Step 3. Water-filling: rows whose share exceeds their cap are paid the cap and leave.
    capped, shared_pool, shared_weight = _water_fill(pool, column, own_caps, common_cap)
    # Step 4. The rest share what is left in proportion, rounded down.
    level = allocation.Level(shared_pool, shared_weight, common_cap, capped > 0)
    amounts, paid, histograms = _floor_shares(column, own_caps, level)
    # Step 5. One base unit each to the largest remainders.
    leftover = pool - paid if shared_weight else 0
    _require_unchanged(0 <= leftover <= len(column) and pool - paid >= 0)
    cut = _pay_leftover(column, own_caps, level, amounts, histograms, leftover, tie_keys)
    return Allocated(
        Column.trusted(amounts, paid + leftover),
        undistributed=pool - paid - leftover,
        capped=capped,
        fallback=fallback,
        total_weight=column.total,
        shared_pool=shared_pool,
        shared_weight=shared_weight,
        leftover=leftover,
        cut=cut,
    )


def _water_fill(
    pool: int, weights: Column, caps: memoryview | None, common_cap: int | None
) -> tuple[int, int, int]:
    """How many rows are capped, and the pool and weight that the others share.

    Each round measures, at the level reached so far, all rows that exceed their cap; the level
    only rises, so the rows of earlier rounds are among them and nothing needs to be remembered.
    """
    shared_pool, shared_weight, capped = pool, weights.total, 0
    if caps is None and common_cap is None:
        return capped, shared_pool, shared_weight
    for _ in range(MAX_ROUNDS):
        level = allocation.Level(shared_pool, shared_weight, common_cap, True)

        def one_slice(start: int, stop: int, level: Any = level) -> tuple[int, int, int]:
            return allocation.water_fill(
                cut(weights.data, start, stop), cut_optional(caps, start, stop), level
            )

        sums = over_slices(len(weights), one_slice)
        found = sum(count for count, _, _ in sums)
        if found == capped:
            return capped, shared_pool, shared_weight
        capped = found
        shared_pool = pool - sum(cap_sum for _, cap_sum, _ in sums)
        shared_weight = weights.total - sum(weight_sum for _, _, weight_sum in sums)
        _require_unchanged(shared_pool >= 0 and shared_weight >= 0)
    whole = allocation.Level(pool, weights.total, common_cap, True)
    scratch = array("I", bytes(4 * len(weights)))
    shared_pool, shared_weight = allocation.water_fill_sorted(weights.data, caps, whole, scratch)
    level = allocation.Level(shared_pool, shared_weight, common_cap, True)
    capped, _, _ = allocation.water_fill(weights.data, caps, level)
    return capped, shared_pool, shared_weight


def _floor_shares(
    weights: Column, caps: memoryview | None, level: allocation.Level
) -> tuple[bytearray, int, list[array[int]]]:
    """Amounts rounded down, their sum, and per slice the rows by first digit of remainder."""
    amounts = bytearray(len(weights.data))
    writable = memoryview(amounts)

    def one_slice(start: int, stop: int) -> tuple[int, array[int]]:
        histogram = array("I", bytes(4 * allocation.DIGITS))
        paid = allocation.floor_shares(
            cut(weights.data, start, stop),
            cut_optional(caps, start, stop),
            level,
            cut(writable, start, stop),
            histogram,
        )
        return paid, histogram

    done = over_slices(len(weights), one_slice)
    return amounts, sum(paid for paid, _ in done), [histogram for _, histogram in done]


def _pay_leftover(
    weights: Column,
    caps: memoryview | None,
    level: allocation.Level,
    amounts: bytearray,
    histograms: list[array[int]],
    leftover: int,
    tie_keys: TieKeys,
) -> int | None:
    """Pay the leftover units by selection, digit by digit; returns the remainder at the cut."""
    if leftover == 0:
        return None
    digit, left = allocation.choose_digit(_add_up(histograms), leftover)
    positions = _cut_at_digit(weights, caps, level, amounts, histograms, digit)
    digit_level = 0
    while True:
        _require_unchanged(0 < left <= len(positions) and digit_level < allocation.LEVELS)
        lowest, highest = allocation.remainder_bounds(weights.data, level, amounts, positions)
        if left == len(positions) or lowest == highest:
            break
        digit_level += 1
        kept, left = allocation.cut_listed(
            weights.data, level, amounts, positions, digit_level, left
        )
        positions = positions[:kept]
    if left < len(positions):
        # All that are still listed have the same remainder, and stand in the order of the rows.
        if tie_keys is not None:
            positions = array("I", sorted(positions, key=tie_keys.__getitem__))
        positions = positions[:left]
    allocation.pay_listed(amounts, positions)
    return int(lowest)


def _cut_at_digit(
    weights: Column,
    caps: memoryview | None,
    level: allocation.Level,
    amounts: bytearray,
    histograms: list[array[int]],
    digit: int,
) -> array[int]:
    """Pay the rows above the first digit of the cut; the positions of those that have it."""
    firsts = [0]
    for histogram in histograms:
        firsts.append(firsts[-1] + histogram[digit])
    positions = array("I", bytes(4 * firsts[-1]))
    writable, listed = memoryview(amounts), memoryview(positions)

    def one_slice(start: int, stop: int) -> int:
        number = start // slices.SLICE_ROWS
        return allocation.cut_at_digit(
            cut(weights.data, start, stop),
            cut_optional(caps, start, stop),
            level,
            cut(writable, start, stop),
            digit,
            listed[firsts[number] : firsts[number + 1]],
            start,
        )

    _require_unchanged(sum(over_slices(len(weights), one_slice)) == len(positions))
    return positions


def _require_unchanged(same: bool) -> None:
    """The passes agree. They read the caller's memory, which nobody may write meanwhile."""
    if not same:
        raise WrongTypeError("the values changed while they were read", argument="weights")


def _add_up(histograms: list[array[int]]) -> array[int]:
    if len(histograms) == 1:
        return histograms[0]
    return array("I", map(sum, zip(*histograms, strict=True)))
