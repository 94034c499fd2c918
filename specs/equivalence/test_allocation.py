"""Allocation: the twins agree to the bit, with the protocol in fractions, and keep every law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import by_fractions
import pytest
from aims import ALLOCATION, met, must_meet, note_outcome, of_allocation
from hypothesis import assume, given
from hypothesis import strategies as st
from inputs import forms
from strategies import cases, examples, slicings

from qfs import laws
from qfs.laws import ALLOCATION_LAWS, Case
from qfs.limits import MAX_SCALAR, MAX_VALUE


@must_meet(*ALLOCATION, "value", "total", "length")
@examples(5)
@given(
    case=cases(),
    form=forms,
    slices=slicings,
    rounds=st.integers(1, 4),
    lost=st.sampled_from([*[0] * 9, 1]),
)
def test_allocate(
    same: Callable[..., Any],
    kernel: Any,
    case: Case,
    form: Callable[[list[int]], Any],
    slices: tuple[int, int],
    rounds: int,
    lost: int,
) -> None:
    """Allocation gives the same amounts, or the same error, from either backend."""
    if lost:
        case = case._replace(caps=case.weights[lost:])
    weights, caps = form([*case.weights]), None if case.caps is None else form([*case.caps])
    found = same("allocate", *case)
    note_outcome(found)
    if found[0] == "value" or sum(case.weights) > MAX_SCALAR:
        met(*of_allocation(case, rounds))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{kernel.allocate.__module__}.MAX_ROUNDS", rounds)
        again = same("allocate", case.pool, weights, caps, *case[3:], slices=slices)
    assert again == found


@examples(3)
@given(case=cases())
def test_allocate_by_the_book(implementation: Any, case: Case) -> None:
    """Allocation is what the text of the protocol says, computed in fractions."""
    assume(sum(case.weights) <= MAX_SCALAR)
    found = implementation.allocate(*case)
    assert (list(found.amounts), found.undistributed) == by_fractions.allocate(*case)


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
