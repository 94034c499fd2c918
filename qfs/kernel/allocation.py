"""See `qfs.reference.allocation`: the shares in passes over slices, the leftover by selection."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

from qfs import slices
from qfs.columns import Column
from qfs.errors import TotalOverflowError
from qfs.kernel.columns import to_column
from qfs.kernel.memory import blank
from qfs.kernel.selection import Slice, pay_leftover, require_unchanged
from qfs.limits import CELL_BYTES, MAX_SCALAR
from qfs.reference.allocation import Allocated, Caps, TieKeys, require_same_rows
from qfs.slices import cut, cut_optional, over, over_slices
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
    level = _level(shared_pool, shared_weight, common_cap, capped > 0)
    amounts = blank(CELL_BYTES * len(column))
    counts = array("I", bytes(4 * allocation.DIGITS * len(slices.bounds(len(column)))))
    rows, paid = _floor_shares(column, own_caps, level, amounts, counts)
    # Step 5. One base unit each to the largest remainders.
    leftover = pool - paid if shared_weight else 0
    require_unchanged(0 <= leftover <= len(column) and pool - paid >= 0)
    cut = pay_leftover(rows, level, counts, leftover, tie_keys)
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


def _level(pool: int, weight: int, common_cap: int | None, is_capped: bool) -> allocation.Level:
    return allocation.Level(pool, weight, common_cap, is_capped, slices.cpu_path)


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
        sums = _exceeding(weights, caps, _level(shared_pool, shared_weight, common_cap, True))
        found = sum(count for count, _, _ in sums)
        if found == capped:
            return capped, shared_pool, shared_weight
        capped = found
        shared_pool = pool - sum(cap_sum for _, cap_sum, _ in sums)
        shared_weight = weights.total - sum(weight_sum for _, _, weight_sum in sums)
        require_unchanged(shared_pool >= 0 and shared_weight >= 0)
    whole = _level(pool, weights.total, common_cap, True)
    scratch = array("I", bytes(4 * len(weights)))
    shared_pool, shared_weight = allocation.water_fill_sorted(weights.data, caps, whole, scratch)
    sums = _exceeding(weights, caps, _level(shared_pool, shared_weight, common_cap, True))
    return sum(count for count, _, _ in sums), shared_pool, shared_weight


def _exceeding(
    weights: Column, caps: memoryview | None, level: allocation.Level
) -> list[tuple[int, int, int]]:
    """Per slice the rows above their cap at this level: count, sum of caps, sum of weights."""
    return over_slices(
        len(weights),
        lambda start, stop: allocation.water_fill(
            cut(weights.data, start, stop), cut_optional(caps, start, stop), level
        ),
    )


def _floor_shares(
    weights: Column,
    caps: memoryview | None,
    level: allocation.Level,
    amounts: memoryview,
    counts: array[int],
) -> tuple[list[Slice], int]:
    """Write the amounts rounded down; the slices for the selection, and the sum of the amounts."""
    scratch = blank(4 * len(weights))
    rows = [
        Slice(
            start,
            stop,
            cut(weights.data, start, stop),
            cut_optional(caps, start, stop),
            cut(amounts, start, stop),
            scratch[4 * start : 4 * stop],
        )
        for start, stop in slices.bounds(len(weights))
    ]
    size = allocation.DIGITS
    views = [memoryview(counts)[size * i : size * (i + 1)] for i in range(len(rows))]
    numbered = list(zip(rows, views, strict=True))

    def one_slice(pair: tuple[Slice, memoryview]) -> int:
        part, own_counts = pair
        return allocation.floor_shares(
            part.weights, part.caps, level, part.amounts, part.scratch, own_counts
        )

    paid = sum(over(numbered, one_slice))
    in_advance = sum(sum(view[level.half + 1 :]) for view in views)
    return rows, paid - in_advance
