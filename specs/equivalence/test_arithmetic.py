"""mul_div over columns: the twins agree to the bit, in values and in errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples, operands

from qfs import laws, reference
from qfs.limits import MAX_SCALAR, MAX_VALUE
from qfs.reference.arithmetic import ROUNDINGS


@pytest.mark.kernel
@examples(3)
@given(
    operands=operands(),
    rounding=st.sampled_from([*ROUNDINGS, "nearest"]),
    maximum=st.sampled_from([MAX_VALUE, MAX_SCALAR, 0, 2**64]),
    single=st.sampled_from(["", "a", "bc"]),
)
def test_mul_div_many(
    kernel: Any,
    outcome: Any,
    operands: tuple[list[int], ...],
    rounding: str,
    maximum: int,
    single: str,
) -> None:
    """mul_div gives the same quotients, or the same error, from either backend."""
    columns = dict(zip("abc", operands, strict=True))
    columns |= {name: columns[name][:1] for name in single}
    arguments = (*columns.values(), rounding, maximum)
    expected = outcome(reference.mul_div_many, *arguments)
    assert outcome(kernel.mul_div_many, *arguments) == expected


@given(operands=operands(), rounding=st.sampled_from(ROUNDINGS))
def test_laws_of_mul_div(
    implementation: Any, operands: tuple[list[int], ...], rounding: str
) -> None:
    """mul_div rounds the exact quotient once, in the direction that its name says."""
    rows = [
        (a, b, c) for a, b, c in zip(*operands, strict=True) if c and -(-a * b // c) <= MAX_SCALAR
    ]
    a, b, c = ([row[i] for row in rows] for i in range(3))
    assert laws.rounds_once(implementation, a, b, c, rounding) is None
