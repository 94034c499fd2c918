"""Whether the amounts of an epoch are those that the rule of an allocation gives.

The allocation is not made again. The amounts say who was paid the cap; from that follow the pool
and the weight that the others share, and each amount is held against its exact share.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any, Final

from qfs.protocol.audited_epoch import Share

_TIE_TAG: Final = b"qfs/tie/v1"

Order = Callable[[int], Any]
"""What a tie compares of a node, by its position in the order of ids; the lower comes first."""


def order_of(tie_break: str, epoch: int, paid: Sequence[Share]) -> Order:
    """The order among equal remainders by a rule, `id` or `rotating`, in an epoch."""
    if tie_break == "id":
        return lambda position: position
    start = bytes([len(_TIE_TAG)]) + _TIE_TAG + epoch.to_bytes(8, "big")

    def hash_of(position: int) -> bytes:
        node_id = paid[position].node_id.encode("ascii")
        return hashlib.sha256(start + len(node_id).to_bytes(2, "big") + node_id).digest()

    return hash_of


def misallocated(
    paid: Sequence[Share],
    cap: int,
    amounts: Sequence[int],
    left: int,
    least_nodes: int,
    order: Order,
) -> str | None:
    """The first node that is found to be paid other than by the rule, or None.

    Args:
        paid: the eligible nodes with their weights.
        cap: the most that one node is paid, base units.
        amounts: what each was paid, base units.
        left: what was not distributed, base units.
        least_nodes: with fewer, nothing is paid.
        order: among equal remainders.
    """
    if len(paid) < least_nodes:
        return next((share.node_id for share in compress(paid, amounts)), None)
    weights = [share.weight for share in paid]
    if not any(weights):
        weights = [1] * len(paid)
    lightest, pool, total = _level(weights, cap, amounts, left)
    won: list[tuple[int, int]] = []
    lost: list[tuple[int, int]] = []
    for i, (amount, weight) in enumerate(zip(amounts, weights, strict=True)):
        if weight == 0 or weight >= lightest:
            if amount != (cap if weight else 0):
                return paid[i].node_id
            continue
        share, rest = divmod(pool * weight, total)
        # With something left over by all, nobody with weight is below the cap.
        if left or amount > cap or amount not in (share, share + 1):
            return paid[i].node_id
        (lost if amount == share else won).append((rest, i))
    passed_over = _passed_over(won, lost, order)
    return None if passed_over is None else paid[passed_over].node_id


def _level(
    weights: Sequence[int], cap: int, amounts: Sequence[int], left: int
) -> tuple[int, int, int]:
    """The least weight that is paid the cap, and the pool and weight that lighter nodes share.

    Whoever gets the cap is heavier than who does not, so the heaviest leave first. Only nodes that
    were paid the cap are looked at: one that was not, and should have been, is seen by its share.
    """
    lightest = sum(weights) + 1
    pool, total = sum(amounts) + left, sum(weights)
    for weight in sorted(
        (w for w, a in zip(weights, amounts, strict=True) if a == cap), reverse=True
    ):
        if pool * weight <= cap * total:
            break
        lightest, pool, total = weight, pool - cap, total - weight
    return lightest, pool, total


def _passed_over(
    won: Sequence[tuple[int, int]], lost: Sequence[tuple[int, int]], order: Order
) -> int | None:
    """The position of a node that got no unit, though it comes before one that did.

    Both are given by remainder and position.
    """
    if not won or not lost:
        return None
    least, most = min(won)[0], max(lost)[0]
    if most != least:
        return next((i for rest, i in lost if rest > least), None)
    first = min((i for rest, i in lost if rest == most), key=order)
    last = max((i for rest, i in won if rest == least), key=order)
    return first if order(first) < order(last) else None
