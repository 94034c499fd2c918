"""Fixed128: its bounds, its named roundings, and that nothing else mixes with it."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfs import Fixed128
from qfs.errors import (
    DivisionByZeroError,
    NumberTextError,
    OutOfRangeError,
    ResultOverflowError,
    WrongTypeError,
)
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR

UNIT = Fixed128.from_base_units(1)
ZERO = Fixed128("0")
ONE = Fixed128("1")
HALF = Fixed128("0.5")
LARGEST = Fixed128.from_base_units(MAX_SCALAR)

numbers = st.one_of(
    st.integers(0, MAX_SCALAR),
    st.sampled_from([0, 1, 10**18 - 1, 10**18, 10**18 + 1, 2**64, MAX_SCALAR - 1, MAX_SCALAR]),
)


def test_made_from_text_or_base_units() -> None:
    assert Fixed128("1.25").base_units == 1_250_000_000_000_000_000
    assert str(Fixed128("1.250")) == "1.25"
    assert repr(LARGEST) == "Fixed128('340282366920938463463.374607431768211455')"
    assert eval(repr(LARGEST)) == LARGEST
    assert Fixed128.MAX == MAX_SCALAR
    for bad in ("1e3", "-1", "0.0000000000000000001"):
        with pytest.raises(NumberTextError):
            Fixed128(bad)
    for worse in (1, 1.0, Decimal(1), Fraction(1)):
        with pytest.raises(WrongTypeError):
            Fixed128(worse)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [-1, MAX_SCALAR + 1])
def test_base_units_out_of_bounds(bad: int) -> None:
    with pytest.raises(OutOfRangeError) as caught:
        Fixed128.from_base_units(bad)
    assert caught.value.argument == "base_units"
    with pytest.raises(WrongTypeError):
        Fixed128.from_base_units(1.0)  # type: ignore[arg-type]
    with pytest.raises(WrongTypeError):
        Fixed128.from_base_units(True)


def test_sums_at_both_bounds() -> None:
    assert Fixed128.from_base_units(MAX_SCALAR - 1) + UNIT == LARGEST
    with pytest.raises(ResultOverflowError) as caught:
        LARGEST + UNIT
    assert caught.value.code == "overflow"
    assert LARGEST - LARGEST == ZERO
    with pytest.raises(OutOfRangeError):
        ZERO - UNIT
    with pytest.raises(OutOfRangeError):
        HALF - ONE


def test_roundings_at_a_tie() -> None:
    assert UNIT.mul_floor(HALF) == ZERO
    assert UNIT.mul_ceil(HALF) == UNIT
    three = Fixed128("3")
    assert str(ONE.div_floor(three)) == "0.333333333333333333"
    assert str(ONE.div_ceil(three)) == "0.333333333333333334"
    assert three.div_floor(three) == three.div_ceil(three) == ONE


def test_products_and_quotients_at_the_upper_bound() -> None:
    assert LARGEST.mul_floor(ONE) == LARGEST.mul_ceil(ONE) == LARGEST.div_floor(ONE) == LARGEST
    for call in (
        lambda: LARGEST.mul_floor(ONE + UNIT),
        lambda: LARGEST.div_floor(ONE - UNIT),
        lambda: LARGEST.div_ceil(UNIT),
    ):
        with pytest.raises(ResultOverflowError) as caught:
            call()
        assert caught.value.index is None


def test_division_by_zero() -> None:
    for divide in (ONE.div_floor, ONE.div_ceil, ZERO.div_floor):
        with pytest.raises(DivisionByZeroError) as caught:
            divide(ZERO)
        error = caught.value
        assert (error.code, error.argument, error.index) == ("division_by_zero", "other", None)
        assert isinstance(caught.value, ZeroDivisionError)


@given(a=numbers, b=numbers)
def test_results_are_the_exact_ones_rounded(a: int, b: int) -> None:
    x, y = Fixed128.from_base_units(a), Fixed128.from_base_units(b)
    exact = {
        "mul_floor": Fraction(a * b, BASE_UNITS_PER_TOKEN),
        "div_floor": Fraction(a * BASE_UNITS_PER_TOKEN, b) if b else None,
    }
    for floor, value in exact.items():
        for name in (floor, floor.replace("floor", "ceil")):
            if value is None:
                continue
            rounded = value.__floor__() if name == floor else value.__ceil__()
            if rounded > MAX_SCALAR:
                with pytest.raises(ResultOverflowError):
                    getattr(x, name)(y)
            else:
                assert getattr(x, name)(y).base_units == rounded


@given(a=numbers, b=numbers)
def test_order_and_hash_are_those_of_the_base_units(a: int, b: int) -> None:
    x, y = Fixed128.from_base_units(a), Fixed128.from_base_units(b)
    assert ((x < y), (x <= y), (x > y), (x >= y)) == ((a < b), (a <= b), (a > b), (a >= b))
    assert (x == y) == (a == b)
    assert hash(x) == hash(Fixed128.from_base_units(a))
    assert bool(x) == (a > 0)
    assert len({x, y}) == 1 + (a != b)


@pytest.mark.parametrize("other", [0, 1, 1.0, True, "1", None, Decimal(1), Fraction(1)])
def test_nothing_else_mixes_with_it(other: Any) -> None:
    assert other != ONE
    for call in (
        lambda: ONE + other,
        lambda: ONE - other,
        lambda: ONE.mul_floor(other),
        lambda: ONE.mul_ceil(other),
        lambda: ONE.div_floor(other),
        lambda: ONE.div_ceil(other),
        lambda: other > ONE,
        lambda: other <= ONE,
        lambda: other > ONE,
        lambda: other + ONE,
        lambda: other - ONE,
        lambda: ONE * other,
        lambda: ONE / other,
        lambda: ONE // other,
        lambda: float(ONE),
        lambda: int(ONE),
    ):
        with pytest.raises(TypeError):
            call()


def test_operators_without_a_rounding_do_not_exist() -> None:
    for call in (lambda: ONE * ONE, lambda: ONE / ONE, lambda: ONE // ONE, lambda: ONE % ONE):
        with pytest.raises(TypeError):
            call()


@pytest.mark.parametrize("number", [ZERO, UNIT, LARGEST])
def test_copies_and_pickles(number: Fixed128) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(number, protocol))
        assert (again, hash(again)) == (number, hash(number))
    assert copy.copy(number) == copy.deepcopy(number) == number


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        ONE.base_units = 5  # type: ignore[misc]
    with pytest.raises(AttributeError):
        ONE.other = 5  # type: ignore[attr-defined]
    total = ONE
    total += ONE
    assert (str(ONE), str(total)) == ("1", "2")
