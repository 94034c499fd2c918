"""The compiled kernel and the models of its steps, at full width."""

from __future__ import annotations

from typing import Any

import division
import issuing
import lanes
import pytest
import selection
from aims import ALLOCATION, met, must_meet, of_allocation
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import batches, cases, examples

from qfs.laws import Case
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR, MAX_VALUE

WORD, LANE = 128, 52

OF_DIVISION = ("tie at the cut", "estimate corrected", "rest of 129 bits")


def allocated(kernel: Any, case: Case, shared: list[int], pool: int, total: int) -> list[int]:
    """Amounts by the models, of the rows that share this pool by this total weight."""
    ratio = division.ratio_of(pool, total, WORD)
    lifted = lanes.lanes_ratio_of(pool, total, LANE)
    amounts, remainders = [], []
    for w in shared:
        amount, remainder = division.share(ratio, w)
        assert lanes.lanes_share(lifted, w) == (amount, remainder * lifted.lift)
        assert division.remainder(ratio, w, amount) == remainder
        amounts.append(amount)
        remainders.append(remainder)
    leftover = pool - sum(amounts)
    digits = selection.Digits(WORD - total.bit_length(), WORD, kernel_digit_bits())
    for i in selection.winners(digits, remainders, leftover, case.tie_keys):
        amounts[i] += 1
    return amounts


def kernel_digit_bits() -> int:
    from qfs_kernel import allocation

    return allocation.DIGITS.bit_length() - 1


@pytest.mark.kernel
@must_meet(*OF_DIVISION)
@examples(2)
@given(case=cases())
def test_allocate_is_the_models(kernel: Any, case: Case) -> None:
    """Without caps the kernel pays what the models of its division and of its choice give."""
    case = case._replace(caps=None, common_cap=None)
    weights = case.counted()
    total = sum(weights)
    assume(0 < total <= MAX_SCALAR)
    met(*(event for event in of_allocation(case, 1) if event in ALLOCATION))
    found = kernel.allocate(*case)
    assert list(found.amounts) == allocated(kernel, case, list(weights), case.pool, total)


@pytest.mark.kernel
@examples(2)
@given(batch=batches())
def test_issue_is_the_model(kernel: Any, batch: Any) -> None:
    """Fee by fee the kernel issues what the model of its step gives, and leaves its residue."""
    fees, rate, residue, _ = batch
    assume(sum(fees) <= MAX_SCALAR)
    made = issuing.rate_of(rate, BASE_UNITS_PER_TOKEN, WORD)
    expected, left = [], residue
    for fee in fees:
        issued, left = issuing.issue_step(made, fee, left)
        expected.append(issued)
    found = kernel.issue(fees, rate, residue)
    assert (list(found.issued), found.residue) == (expected, left)


@examples(2)
@given(data=st.data())
def test_the_choice_is_that_of_the_reference(data: st.DataObject) -> None:
    """Remainders of 128 bits are chosen by digits as the reference does by sorting."""
    from qfs.reference.allocation import floor_shares, largest_remainders

    weights = data.draw(st.lists(st.integers(0, MAX_VALUE), min_size=1, max_size=9))
    assume(sum(weights) > 0)
    pool = data.draw(st.integers(0, MAX_VALUE))
    keys = data.draw(st.none() | st.permutations(range(len(weights))))
    total = sum(weights)
    amounts, remainders = floor_shares(pool, total, weights, [False] * len(weights), None)
    leftover = pool - sum(amounts)
    digits = selection.Digits(WORD - total.bit_length(), WORD, data.draw(st.integers(1, 12)))
    chosen = selection.winners(digits, remainders, leftover, keys)
    assert sorted(chosen) == sorted(largest_remainders(remainders, leftover, keys))
