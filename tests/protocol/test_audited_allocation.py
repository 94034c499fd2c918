"""The auditor's judgement of amounts: those of the rule pass, and no others do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfs.hashing import tie_hash
from qfs.protocol.audited_allocation import misallocated, order_of
from qfs.protocol.audited_epoch import Share
from qfs.reference.allocation import allocate


def shares_of(weights: Sequence[int]) -> list[Share]:
    return [Share(f"n{i}", weight) for i, weight in enumerate(weights)]


@pytest.mark.parametrize(
    ("weights", "cap", "amounts", "left", "wrong"),
    [
        ([1, 3, 3], 9, [1, 1, 1], 0, None),
        ([1, 3, 3], 9, [0, 2, 2], 0, None),
        ([1, 1, 1], 9, [3, 3, 3], 0, None),
        ([1, 1, 1], 9, [5, 2, 2], 0, "n0"),
        ([1, 2, 3], 90, [30, 20, 10], 0, "n0"),
        ([90, 5, 5], 30, [30, 30, 30], 10, None),
        ([90, 5, 5], 30, [30, 29, 30], 11, "n1"),
        ([90, 5, 5], 60, [30, 35, 35], 0, "n0"),
        ([90, 5, 5], 60, [60, 20, 20], 0, None),
        ([90, 5, 5], 60, [60, 25, 15], 0, "n1"),
        ([2, 1, 1], 9, [6, 3, 3], 0, None),
        ([2, 1, 1], 9, [6, 4, 2], 0, "n2"),
        ([2, 1, 1], 9, [5, 4, 2], 0, "n1"),
        ([0, 5, 5], 60, [0, 5, 5], 0, None),
        ([0, 5, 5], 60, [1, 5, 5], 0, "n0"),
        ([0, 5, 5], 5, [1, 5, 5], 0, "n0"),
        ([0, 0, 0], 60, [5, 5, 4], 0, None),
        ([0, 0, 0], 60, [5, 5, 0], 0, "n0"),
        ([0, 0, 0], 0, [1, 1, 1], 0, "n0"),
        ([1, 1, 1], 9, [2, 1, 1], 0, None),
        ([1, 1, 1], 9, [1, 2, 1], 0, "n0"),
        ([1, 1, 1], 9, [1, 1, 2], 0, "n0"),
        ([3, 2, 2], 9, [3, 1, 1], 0, "n1"),
        ([3, 2, 2], 9, [2, 2, 1], 0, None),
        ([7, 7], 60, [0, 0], 9, None),
        ([7, 7], 60, [0, 1], 8, "n1"),
        ([], 60, [], 9, None),
    ],
)
def test_an_allocation_is_held_to_its_laws(
    weights: list[int], cap: int, amounts: list[int], left: int, wrong: str | None
) -> None:
    shares = [Share(f"n{i}", weight) for i, weight in enumerate(weights)]
    assert misallocated(shares, cap, amounts, left, 3, order_of("id", 0, shares)) == wrong


def divisions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ways to pay at most a total."""
    if parts == 0:
        yield ()
        return
    for first in range(total + 1):
        for others in divisions(total - first, parts - 1):
            yield first, *others


def test_of_all_small_amounts_those_of_the_rule_pass_alone() -> None:
    """Every pool below 7, cap below 5 and weights below 4 of three nodes, in both orders."""
    passed = 0
    for weights, pool, cap in product(product(range(4), repeat=3), range(7), range(5)):
        shares = shares_of(weights)
        for tie_break in ("id", "rotating"):
            order = order_of(tie_break, 5, shares)
            ruled = allocate(pool, weights, common_cap=cap, tie_keys=[order(i) for i in range(3)])
            for amounts in divisions(pool, 3):
                wrong = misallocated(shares, cap, amounts, pool - sum(amounts), 0, order)
                assert (wrong is None) == ([*amounts] == ruled.amounts), (weights, cap, amounts)
                passed += wrong is None
    # One for each network, pool and cap, in either order.
    assert passed == 4**3 * 7 * 5 * 2


@given(st.data())
def test_a_unit_moved_between_two_nodes_is_seen(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 12), "nodes")
    # Few different weights, so that remainders are often equal at the cut.
    weight = st.integers(0, 5) | st.integers(0, 10**18)
    kinds = st.sampled_from(data.draw(st.lists(weight, min_size=1, max_size=3), "kinds"))
    weights = data.draw(st.lists(kinds, min_size=size, max_size=size), "weights")
    pool = data.draw(st.integers(1, 50) | st.integers(1, 10**38), "pool")
    cap = data.draw(st.integers(0, pool), "cap")
    shares = shares_of(weights)
    order = order_of(data.draw(st.sampled_from(["id", "rotating"]), "rule"), 7, shares)
    keys: list[Any] = [order(i) for i in range(size)]
    ruled = allocate(pool, weights, common_cap=cap, tie_keys=keys)
    assert misallocated(shares, cap, ruled.amounts, ruled.undistributed, 0, order) is None
    amounts = list(ruled.amounts)
    payers = [i for i, amount in enumerate(amounts) if amount]
    takers = [i for i, amount in enumerate(amounts) if amount < cap]
    moves = [(one, other) for one in payers for other in takers if one != other]
    if not moves:
        return
    payer, taker = data.draw(st.sampled_from(moves), "payer and taker")
    amounts[payer] -= 1
    amounts[taker] += 1
    assert misallocated(shares, cap, amounts, ruled.undistributed, 0, order) is not None


def test_the_rotating_order_is_that_of_the_hash() -> None:
    shares = shares_of([1, 1, 1])
    for epoch in (0, 1, 2**53 // 512 - 1):
        order = order_of("rotating", epoch, shares)
        assert [order(i) for i in range(3)] == [tie_hash(epoch, s.node_id.encode()) for s in shares]
