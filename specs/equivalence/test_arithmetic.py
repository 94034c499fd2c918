"""mul_div over columns: the twins agree to the bit, in values and in errors, with fractions too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import by_fractions
from aims import met, must_meet, note_outcome
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples, operands, slicings

from qfs import laws
from qfs.limits import MAX_SCALAR, MAX_VALUE
from qfs.reference.arithmetic import ROUNDINGS

Operands = tuple[list[int], list[int], list[int]]


@must_meet(
    *("value", "overflow", "division_by_zero", "option", "length"),
    *("tie", "exact", "product above 2^128", "at the bound", "one above the bound"),
)
@examples(4)
@given(
    operands=operands(),
    rounding=st.sampled_from([*ROUNDINGS, "nearest"]),
    maximum=st.sampled_from([MAX_VALUE, MAX_SCALAR, 0, 2**64]),
    single=st.sampled_from(["", "a", "bc"]),
    lost=st.sampled_from(["", "", "", "", "b"]),
    slices=slicings,
)
def test_mul_div_many(
    same: Callable[..., Any],
    operands: Operands,
    rounding: str,
    maximum: int,
    single: str,
    lost: str,
    slices: tuple[int, int],
) -> None:
    """mul_div gives the same quotients, or the same error, from either backend."""
    columns = dict(zip("abc", operands, strict=True))
    columns |= {name: columns[name][:1] for name in single}
    columns |= {name: columns[name][2:] for name in lost}
    note_outcome(same("mul_div_many", *columns.values(), rounding, maximum, slices=slices))
    for a, b, c in zip(*operands, strict=True):
        note_row(a, b, c, maximum)


def note_row(a: int, b: int, c: int, maximum: int) -> None:
    """What one division met."""
    if a * b >= 2**128:
        met("product above 2^128")
    if c and a * b % c == 0:
        met("exact")
    if c and 2 * (a * b % c) == c:
        met("tie")
    if c and maximum > 0 and a * b // c in (maximum, maximum + 1):
        met("at the bound" if a * b // c == maximum else "one above the bound")


@given(operands=operands(), rounding=st.sampled_from(ROUNDINGS))
def test_mul_div_by_the_book(implementation: Any, operands: Operands, rounding: str) -> None:
    """mul_div is the fraction, rounded as its name says, for each row that has a result."""
    a, b, c = with_results(operands)
    found = [*implementation.mul_div_many(a, b, c, rounding)]
    assert found == [by_fractions.mul_div(*row, rounding) for row in zip(a, b, c, strict=True)]


@given(operands=operands(), rounding=st.sampled_from(ROUNDINGS))
def test_laws_of_mul_div(implementation: Any, operands: Operands, rounding: str) -> None:
    """mul_div rounds the exact quotient once, in the direction that its name says."""
    assert laws.rounds_once(implementation, *with_results(operands), rounding) is None


def with_results(operands: Operands) -> Operands:
    """The rows whose quotient, rounded in any direction, is in its bounds."""
    rows = [
        (a, b, c) for a, b, c in zip(*operands, strict=True) if c and -(-a * b // c) <= MAX_SCALAR
    ]
    a, b, c = ([row[i] for row in rows] for i in range(3))
    return a, b, c
