"""Allocation: the twins agree to the bit, with the protocol in fractions, and keep every law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import by_fractions
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import cases, examples

from qfs import laws, reference
from qfs.laws import ALLOCATION_LAWS, Case
from qfs.limits import MAX_SCALAR, MAX_VALUE


@pytest.mark.kernel
@examples(4)
@given(case=cases(), slices=st.sampled_from([(4, 1), (1, 1), (2, 2)]), rounds=st.integers(1, 4))
def test_allocate(
    kernel: Any,
    outcome: Any,
    sliced: Callable[..., Any],
    case: Case,
    slices: tuple[int, int],
    rounds: int,
) -> None:
    """Allocation gives the same amounts, or the same error, from either backend, in any slices."""
    expected = outcome(reference.allocate, *case)
    assert outcome(kernel.allocate, *case) == expected
    with sliced(*slices), pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{kernel.allocate.__module__}.MAX_ROUNDS", rounds)
        assert outcome(kernel.allocate, *case) == expected


@examples(3)
@given(case=cases())
def test_allocate_by_the_book(implementation: Any, case: Case) -> None:
    """Allocation is what the text of the protocol says, computed in fractions."""
    assume(sum(case.weights) <= MAX_SCALAR)
    found = implementation.allocate(*case)
    assert (list(found.amounts), found.undistributed) == by_fractions.allocate(case)


@examples(2)
@given(case=cases(), data=st.data())
def test_laws_of_allocation(implementation: Any, case: Case, data: st.DataObject) -> None:
    """Allocation keeps every law, for any order of its rows and unit of its weights."""
    assume(sum(case.weights) <= MAX_SCALAR)
    for law in ALLOCATION_LAWS:
        assert law(implementation, case) is None
    order = data.draw(st.permutations(range(len(case.weights))))
    assert laws.ignores_row_order(implementation, case, order) is None
    room = MAX_VALUE // max(case.weights, default=1) if any(case.weights) else MAX_VALUE
    factor = data.draw(st.integers(1, min(room, MAX_SCALAR // max(sum(case.weights), 1))))
    assert laws.ignores_weight_unit(implementation, case, factor) is None
