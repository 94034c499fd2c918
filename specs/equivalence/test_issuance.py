"""Issuance: the twins agree to the bit and keep every law."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import examples, fee_lists, rates, residues, rooms

from qfs import laws, reference
from qfs.laws import Batch
from qfs.limits import MAX_SCALAR


@pytest.mark.kernel
@examples(2)
@given(fees=fee_lists, rate=rates, residue=residues, room=rooms)
def test_issue(
    kernel: Any, outcome: Any, fees: list[int], rate: int, residue: int, room: int | None
) -> None:
    """Issuance gives the same amounts and residue, or the same error, from either backend."""
    arguments = (fees, rate, residue, room)
    assert outcome(kernel.issue, *arguments) == outcome(reference.issue, *arguments)


@examples(2)
@given(
    fees=fee_lists, rate=rates, residue=residues, room=rooms, cut=st.integers(0, 10), other=rates
)
def test_laws_of_issuance(
    implementation: Any,
    fees: list[int],
    rate: int,
    residue: int,
    room: int | None,
    cut: int,
    other: int,
) -> None:
    """Issuance keeps every law, for every batching and across a change of rate."""
    assume(sum(fees) <= MAX_SCALAR)
    assert laws.issues_the_floor(implementation, fees, rate, residue, room) is None
    assert laws.ignores_batching(implementation, fees, rate, cut, residue, room) is None
    batches = [Batch(rate, fees[:cut]), Batch(other, fees[cut:]), Batch(rate, [])]
    assert laws.accounts_for_every_fee(implementation, batches, residue, room) is None
