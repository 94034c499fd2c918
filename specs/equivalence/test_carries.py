"""Laws where a sum carries out of a limb: inputs that chance does not meet, drawn from the edge."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

from qfs import laws
from qfs.laws import ALLOCATION_LAWS, Case
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_RATE, MAX_VALUE

LIMBS = (2**64, 2**128, 2**64 * BASE_UNITS_PER_TOKEN)
"""Bounds of the limbs of a product, and of what is issued of it, in units of the product."""


@st.composite
def charges(draw: st.DrawFn) -> tuple[int, int, int]:
    """A fee, a rate and a residue: fee * rate is below a multiple of a limb's bound by no more than
    the residue or a few units more, so that adding the residue carries, or just does not."""
    bound = draw(st.sampled_from(LIMBS))
    least = bound // MAX_VALUE + 1
    powers = st.integers(0, MAX_RATE.bit_length() - 1).map(lambda bits: 1 << bits)
    rate = max(draw(st.one_of(powers, st.integers(1, MAX_RATE))), least)
    multiple = draw(st.integers(1, min(MAX_VALUE * rate // bound, 2**64)))
    fee = (multiple * bound - 1) // rate
    missing = multiple * bound - fee * rate
    residue = missing + draw(st.one_of(st.integers(-2, 2), st.integers(0, MAX_RATE)))
    return fee, rate, min(max(residue, 0), BASE_UNITS_PER_TOKEN - 1)


@examples(1)
@given(
    weights=st.lists(st.integers(MAX_VALUE - 3, MAX_VALUE), min_size=2, max_size=3),
    pool=st.integers(0, 7),
)
def test_laws_of_allocation_at_the_last_bit(
    implementation: Any, weights: list[int], pool: int
) -> None:
    """Remainders of 127 bits that differ in their last bit are told apart."""
    for law in ALLOCATION_LAWS:
        assert law(implementation, Case(pool, weights)) is None


@examples(2)
@given(given=st.lists(charges(), min_size=1, max_size=3), before=st.integers(0, 3))
def test_laws_of_issuance_at_carries(
    implementation: Any, given: list[tuple[int, int, int]], before: int
) -> None:
    """Issuance keeps its laws where the residue carries into the next limb of a product."""
    for fee, rate, residue in given:
        for fees in ([fee], [0] * before + [fee, fee // 3]):
            assert laws.issues_the_floor(implementation, fees, rate, residue) is None
            assert laws.ignores_batching(implementation, fees, rate, 1, residue) is None
