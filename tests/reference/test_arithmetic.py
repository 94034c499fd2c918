"""mul_div: published vectors, the four roundings around a tie, and the bounds of the result."""

from __future__ import annotations

import json
import pathlib
from fractions import Fraction
from typing import Any

import pytest

import qfs
from qfs import laws
from qfs.errors import (
    DivisionByZeroError,
    LengthMismatchError,
    ResultOverflowError,
    UnknownOptionError,
)
from qfs.limits import MAX_SCALAR, MAX_VALUE
from qfs.reference import arithmetic

ROUNDINGS = arithmetic.ROUNDINGS
Vectors = list[dict[str, str]]


@pytest.fixture(scope="module")
def published(data: pathlib.Path) -> dict[str, Vectors]:
    return json.loads((data / "oracles" / "muldiv_vectors.json").read_text())


def test_published_vectors(implementation: Any, published: dict[str, Vectors]) -> None:
    vectors = published["vectors"]
    assert len(vectors) == 76
    refused = {"overflow": ResultOverflowError, "div0": DivisionByZeroError}
    for vector in vectors:
        a, b, c = (int(vector[name]) for name in "abc")
        expected = vector["expect"]
        if expected not in refused:
            found = list(implementation.mul_div_many([a], [b], [c], vector["round"]))
            assert [int(expected)] == found, vector
            continue
        # A good row before it shows that the index is that of the row at fault.
        with pytest.raises(refused[expected]) as caught:
            implementation.mul_div_many([1, a], [1, b], [1, c], vector["round"])
        argument = {"overflow": "result", "div0": "c"}[expected]
        assert (argument, 1) == (caught.value.argument, caught.value.index), vector


def test_published_vectors_as_columns(implementation: Any, published: dict[str, Vectors]) -> None:
    for rounding in ROUNDINGS:
        vectors = [
            v for v in published["vectors"] if v["round"] == rounding and v["expect"].isdecimal()
        ]
        assert vectors
        a, b, c = ([int(v[name]) for v in vectors] for name in "abc")
        found = implementation.mul_div_many(a, b, c, rounding)
        assert [int(v["expect"]) for v in vectors] == list(found)
        assert laws.rounds_once(implementation, a, b, c, rounding) is None


def test_value_that_a_peer_published_wrong(
    implementation: Any, published: dict[str, Vectors]
) -> None:
    (vector,) = published["rejected_peer_errors"]
    a, b, c = (int(vector[name]) for name in "abc")
    assert list(implementation.mul_div_many([a], [b], [c], vector["round"])) == [249_999_999]
    assert int(vector["exact"]) == 249_999_999 != int(vector["expect"])


@pytest.mark.parametrize(
    ("a", "b", "c", "expected"),
    [
        (1, 1, 2, (0, 1, 1, 0)),
        (3, 1, 2, (1, 2, 2, 1)),
        (1, 1, 3, (0, 1, 0, 0)),
        (2, 1, 3, (0, 1, 1, 1)),
        (6, 1, 3, (2, 2, 2, 2)),
        (0, 5, 3, (0, 0, 0, 0)),
        # Half of an odd divisor lies between two integers: twice the remainder decides.
        (2**127, 1, MAX_SCALAR, (0, 1, 1, 1)),
        (2**127 - 1, 1, MAX_SCALAR, (0, 1, 0, 0)),
        (MAX_SCALAR, MAX_SCALAR, MAX_SCALAR, (MAX_SCALAR,) * 4),
        # 155 bits of product, as in published rewards.
        (54673228959804884991183, 1482 * 10**21, 3298493367707809930266279, None),
    ],
)
def test_roundings(
    implementation: Any, a: int, b: int, c: int, expected: tuple[int, ...] | None
) -> None:
    exact = Fraction(a * b, c)
    tie = exact % 1 == Fraction(1, 2)
    floor = a * b // c
    ceil = floor + (exact != floor)
    half_up = floor + (exact - floor >= Fraction(1, 2))
    derived = (floor, ceil, half_up, half_up - tie)
    found = tuple(implementation.mul_div_many([a], [b], [c], r)[0] for r in ROUNDINGS)
    assert derived == found
    assert expected in (None, found)


def test_result_bound_on_both_sides(implementation: Any) -> None:
    mul_div_many = implementation.mul_div_many
    assert list(mul_div_many([MAX_SCALAR], [1], [1])) == [MAX_SCALAR]
    assert list(mul_div_many([MAX_VALUE], [1], [1], "floor", MAX_VALUE)) == [MAX_VALUE]
    assert list(mul_div_many([MAX_SCALAR], [2], [2], "half_up")) == [MAX_SCALAR]
    for a, b, c, rounding, maximum in [
        (2**127, 2, 1, "floor", MAX_SCALAR),
        (MAX_VALUE + 1, 1, 1, "floor", MAX_VALUE),
        (MAX_SCALAR, 3, 2, "floor", MAX_SCALAR),
        # Only the rounding lifts these over the bound.
        (2 * MAX_VALUE + 1, 1, 2, "ceil", MAX_VALUE),
        (2 * MAX_VALUE + 1, 1, 2, "half_up", MAX_VALUE),
        (MAX_SCALAR, MAX_SCALAR, MAX_SCALAR - 1, "floor", MAX_SCALAR),
        (MAX_SCALAR, MAX_SCALAR, 1, "floor", MAX_SCALAR),
    ]:
        with pytest.raises(ResultOverflowError) as caught:
            mul_div_many([a], [b], [c], rounding, maximum)
        assert (caught.value.code, caught.value.index) == ("overflow", 0)
    assert list(mul_div_many([2 * MAX_VALUE + 1], [1], [2], "half_down", MAX_VALUE)) == [MAX_VALUE]


@pytest.mark.parametrize(
    ("a", "b", "c", "fitting"),
    [
        # A quarter below 2^128: 2^130 - 1 is a difference of squares.
        (2**65 - 1, 2**65 + 1, 4, ["floor"]),
        # Half below 2^128: 2^129 - 1 is a difference of cubes.
        (2**43 - 1, 2**86 + 2**43 + 1, 2, ["floor", "half_down"]),
    ],
)
def test_rounding_alone_overflows(
    implementation: Any, a: int, b: int, c: int, fitting: list[str]
) -> None:
    for rounding in ROUNDINGS:
        if rounding in fitting:
            assert list(implementation.mul_div_many([a], [b], [c], rounding)) == [MAX_SCALAR]
            continue
        with pytest.raises(ResultOverflowError):
            implementation.mul_div_many([a], [b], [c], rounding)


def test_zero_divisor_comes_before_overflow_and_the_lowest_row_first(implementation: Any) -> None:
    with pytest.raises(DivisionByZeroError) as caught:
        implementation.mul_div_many([1, 2**127], [1, 4], [1, 0])
    assert (caught.value.argument, caught.value.index) == ("c", 1)
    with pytest.raises(ResultOverflowError) as overflow:
        implementation.mul_div_many([1, 2**127, 1], [1, 4, 1], [1, 1, 0])
    assert (overflow.value.argument, overflow.value.index) == ("result", 1)
    assert str(2**127) in str(overflow.value)


def test_one_row_stands_for_every_row(implementation: Any) -> None:
    assert list(implementation.mul_div_many([7], [1, 2, 3], [2])) == [3, 7, 10]
    assert list(implementation.mul_div_many([1, 2, 3], [7], [2], "ceil")) == [4, 7, 11]
    assert list(implementation.mul_div_many([], [7], [2])) == []
    assert list(implementation.mul_div_many([7], [7], [])) == []
    with pytest.raises(LengthMismatchError) as caught:
        implementation.mul_div_many([1, 2], [1, 2, 3], [1])
    assert caught.value.argument == "b"


def test_unknown_rounding(implementation: Any) -> None:
    with pytest.raises(UnknownOptionError) as caught:
        implementation.mul_div_many([1], [1], [1], "nearest")
    assert (caught.value.code, caught.value.argument) == ("option", "rounding")


def test_scalar_errors_have_no_index(api_backend: str) -> None:
    for a, b, c, kind in [
        (1, 1, 0, DivisionByZeroError),
        (MAX_SCALAR, 2, 1, ResultOverflowError),
    ]:
        with pytest.raises(kind) as caught:
            qfs.mul_div(a, b, c)
        assert caught.value.index is None
        with pytest.raises(kind):
            arithmetic.mul_div(a, b, c)


def test_share_of_and_mul_floor_round_down() -> None:
    assert arithmetic.share_of(3, Fraction(1, 2)) == 1
    assert arithmetic.share_of(MAX_VALUE, Fraction(1)) == MAX_VALUE
    assert arithmetic.share_of(MAX_VALUE, Fraction(0)) == 0
    assert arithmetic.mul_floor(10**18 + 1, 10**18 - 1) == 10**18 - 1
    assert arithmetic.mul_floor(1, 10**18 // 2) == 0
