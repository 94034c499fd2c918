"""Allocation: a pool shared in proportion to weights, to the last base unit.

Water-filling for the caps, largest remainder (Hamilton, Hare-Niemeyer) for what division leaves.
The result depends on the set of (tie key, weight, cap) alone, never on the order of the rows.
It is not monotone in the pool: weights 1, 3, 3 share 3 as 1, 1, 1 and 4 as 0, 2, 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from qfs.columns import require_same_length
from qfs.errors import TotalOverflowError
from qfs.limits import MAX_SCALAR

Caps = Sequence[int] | None
TieKeys = Sequence[Any] | None


class Allocated(NamedTuple):
    """What each row is paid, and the numbers that decided it. All in base units."""

    amounts: Sequence[int]
    undistributed: int
    capped: int
    """rows that were paid their cap because their share exceeded it"""
    fallback: bool
    """every weight was 0, so every weight counted as 1"""
    total_weight: int
    """of all rows, after the fallback"""
    shared_pool: int
    """what the rows below their caps shared"""
    shared_weight: int
    """the weight by which they shared it"""
    leftover: int
    """base units that division left, one each for the largest remainders"""
    cut: int | None
    """the smallest remainder that got one of them; None where there were none"""


def allocate(
    pool: int,
    weights: Sequence[int],
    caps: Caps = None,
    common_cap: int | None = None,
    tie_keys: TieKeys = None,
) -> Allocated:
    """Share `pool` in proportion to `weights`, none above its cap.

    Args:
        pool: base units, 0 .. 10^38 - 1.
        weights: one per row, 0 .. 10^38 - 1, in any unit.
        caps: the most that each row may be paid, base units, or None.
        common_cap: the most that any row may be paid, base units, or None.
        tie_keys: one unique, comparable key per row; of equal remainders the lower key comes
            first. Without keys the earlier row does.

    Raises:
        LengthMismatchError: weights, caps and tie keys differ in length.
        TotalOverflowError: the weights sum to more than 2^128 - 1.

    Weights 90, 5, 5 share 1000 under a common cap of 300 as 300, 300, 300; 100 stays
    undistributed. Weights 1, 1 share 3 as 2, 1: of equal remainders the earlier row comes first.

    Source: Balinski and Young, Fair Representation (1982), for the largest remainder.
    """
    require_same_rows(weights, caps, tie_keys)
    # Step 1. The total is in its bounds.
    if sum(weights) > MAX_SCALAR:
        raise TotalOverflowError(
            "the weights sum to more than 2^128 - 1", argument="weights", value=sum(weights)
        )
    # Step 2. Where every weight is 0, every weight counts as 1.
    fallback = len(weights) > 0 and not any(weights)
    if fallback:
        weights = [1] * len(weights)
    # Step 3. Water-filling: rows whose share exceeds their cap are paid the cap and leave.
    limits = _effective_caps(len(weights), caps, common_cap)
    capped, shared_pool, shared_weight = water_fill(pool, weights, limits)
    # Step 4. The rest share what is left in proportion, rounded down.
    amounts, remainders = floor_shares(shared_pool, shared_weight, weights, capped, limits)
    # Step 5. One base unit each to the largest remainders.
    leftover = pool - sum(amounts) if shared_weight else 0
    winners = largest_remainders(remainders, leftover, tie_keys)
    for i in winners:
        amounts[i] += 1
    return Allocated(
        amounts,
        undistributed=pool - sum(amounts),
        capped=sum(capped),
        fallback=fallback,
        total_weight=sum(weights),
        shared_pool=shared_pool,
        shared_weight=shared_weight,
        leftover=leftover,
        cut=min((remainders[i] for i in winners), default=None),
    )


def water_fill(
    pool: int, weights: Sequence[int], limits: Sequence[int] | None
) -> tuple[list[bool], int, int]:
    """Which rows are paid their cap, and the pool and weight that the others share.

    The solution is unique: min(cap, t * weight) for one common t. A row that leaves takes less
    than its share, so t only grows and no row ever has to come back.
    """
    capped = [False] * len(weights)
    shared_weight = sum(weights)
    if limits is None:
        return capped, pool, shared_weight
    while True:
        exceeding = [
            i
            for i, weight in enumerate(weights)
            if not capped[i] and exceeds(pool, shared_weight, weight, limits[i])
        ]
        if not exceeding:
            return capped, pool, shared_weight
        for i in exceeding:
            capped[i] = True
        pool -= sum(limits[i] for i in exceeding)
        shared_weight -= sum(weights[i] for i in exceeding)


def exceeds(pool: int, shared_weight: int, weight: int, cap: int) -> bool:
    """Whether the share of a weight in the pool is above a cap; nothing is divided to compare."""
    return pool * weight > cap * shared_weight


def floor_shares(
    shared_pool: int,
    shared_weight: int,
    weights: Sequence[int],
    capped: Sequence[bool],
    limits: Sequence[int] | None,
) -> tuple[list[int], list[int]]:
    """Amounts rounded down, and remainders over `shared_weight`. A capped row has remainder 0.

    Remainder 0 never gets a leftover unit: the remainders sum to leftover * shared_weight and
    each is below shared_weight, so more rows have a remainder than there are units left.
    """
    amounts, remainders = [], []
    for i, weight in enumerate(weights):
        if capped[i]:
            assert limits is not None
            amount, remainder = limits[i], 0
        elif shared_weight == 0:
            amount, remainder = 0, 0
        else:
            amount, remainder = divmod(shared_pool * weight, shared_weight)
        amounts.append(amount)
        remainders.append(remainder)
    return amounts, remainders


def largest_remainders(
    remainders: Sequence[int], leftover: int, tie_keys: TieKeys = None
) -> list[int]:
    """The positions of the `leftover` largest remainders; of equal ones the lower key first."""
    keys = range(len(remainders)) if tie_keys is None else tie_keys
    order = sorted(range(len(remainders)), key=lambda i: (-remainders[i], keys[i]))
    return order[:leftover]


def require_same_rows(weights: Sequence[int], caps: Caps, tie_keys: TieKeys) -> None:
    """All columns have a row for each weight, else LengthMismatchError."""
    require_same_length(
        weights=len(weights),
        caps=None if caps is None else len(caps),
        tie_keys=None if tie_keys is None else len(tie_keys),
    )


def _effective_caps(rows: int, caps: Caps, common_cap: int | None) -> Sequence[int] | None:
    """The lower of the two caps for each row; None where there is neither."""
    if common_cap is None:
        return caps
    return [common_cap if caps is None else min(common_cap, caps[i]) for i in range(rows)]
