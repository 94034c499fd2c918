"""Issuance: the twins agree to the bit, with the protocol in fractions, and keep every law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import by_fractions
from aims import met, must_meet, note_outcome
from hypothesis import assume, given
from hypothesis import strategies as st
from inputs import forms
from strategies import batches, examples, rates, slicings

from qfs import laws
from qfs.laws import Batch
from qfs.limits import MAX_RATE, MAX_SCALAR

Fees = tuple[list[int], int, int, int | None]


@must_meet(
    *("value", "total", "room reached inside a fee", "room reached by a fee", "no room"),
    *("a residue carried into a unit", "whole fees", "no rate", "nothing withheld"),
)
@examples(3)
@given(batch=batches(), form=forms, slices=slicings)
def test_issue(
    same: Callable[..., Any],
    batch: Fees,
    form: Callable[[list[int]], Any],
    slices: tuple[int, int],
) -> None:
    """Issuance gives the same amounts and residue, or the same error, from either backend."""
    found = same("issue", form(batch[0]), *batch[1:], slices=slices)
    note_outcome(found)
    if found[0] == "value":
        note_issue(found[1], *batch)


def note_issue(found: Any, fees: list[int], rate: int, residue: int, room: int | None) -> None:
    """What one batch of fees met."""
    issued, withheld, total = found[:3]
    if room is not None and total == room and withheld:
        met("room reached inside a fee")
    if room is not None and total == room > 0 and withheld == 0:
        met("room reached by a fee")
    if room == 0 and withheld:
        met("no room")
    if any(part > fee * rate // MAX_RATE for part, fee in zip(issued, fees, strict=True)):
        met("a residue carried into a unit")
    if rate == MAX_RATE and any(issued):
        met("whole fees")
    if rate == 0 and any(fees):
        met("no rate")
    if room is not None and any(issued) and withheld == 0:
        met("nothing withheld")


@examples(2)
@given(batch=batches())
def test_issue_by_the_book(implementation: Any, batch: Fees) -> None:
    """Issuance is what the text of the protocol says, computed in fractions."""
    assume(sum(batch[0]) <= MAX_SCALAR)
    found = implementation.issue(*batch)
    assert ([*found.issued], *found[1:]) == by_fractions.issue(*batch)


@examples(2)
@given(batch=batches(), cut=st.integers(0, 10), other=rates)
def test_laws_of_issuance(implementation: Any, batch: Fees, cut: int, other: int) -> None:
    """Issuance keeps every law, for every batching and across a change of rate."""
    fees, rate, residue, room = batch
    assume(sum(fees) <= MAX_SCALAR)
    assert laws.issues_the_floor(implementation, fees, rate, residue, room) is None
    assert laws.ignores_batching(implementation, fees, rate, cut, residue, room) is None
    several = [Batch(rate, fees[:cut]), Batch(other, fees[cut:]), Batch(rate, [])]
    assert laws.accounts_for_every_fee(implementation, several, residue, room) is None
