"""Contracts of qfs.reference.arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from qfs.errors import QfsError
from qfs.laws.arithmetic import rounds_once
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR
from qfs.reference import arithmetic


class _Share(NamedTuple):
    """A fraction as `share_of` reads it; `Fraction` itself would be reduced, path by path."""

    numerator: int
    denominator: int


class _Scalars:
    """`mul_div` where the laws ask for columns: of one row each."""

    @staticmethod
    def mul_div_many(
        a: Sequence[int],
        b: Sequence[int],
        c: Sequence[int],
        rounding: str = "floor",
    ) -> list[int]:
        return [arithmetic.mul_div(a[0], b[0], c[0], rounding)]


_SCALARS: Any = _Scalars()


def mul_div_rounds_down(a: int, b: int, c: int) -> str | None:
    """The result of `floor` is the largest integer that is not above a * b / c.

    of: qfs.reference.arithmetic.mul_div
    pre: 0 <= a <= MAX_SCALAR
    pre: 0 <= b <= MAX_SCALAR
    pre: 1 <= c <= MAX_SCALAR
    pre: a * b < c * (MAX_SCALAR + 1)
    post: __return__ is None
    """
    return rounds_once(_SCALARS, [a], [b], [c], "floor")


def mul_div_rounds_up(a: int, b: int, c: int) -> str | None:
    """The result of `ceil` is the smallest integer that is not below a * b / c.

    of: qfs.reference.arithmetic.mul_div
    pre: 0 <= a <= MAX_SCALAR
    pre: 0 <= b <= MAX_SCALAR
    pre: 1 <= c <= MAX_SCALAR
    pre: a * b <= c * MAX_SCALAR
    post: __return__ is None
    """
    return rounds_once(_SCALARS, [a], [b], [c], "ceil")


def mul_div_rounds_half_up(a: int, b: int, c: int) -> str | None:
    """The result of `half_up` is at most half a unit from a * b / c, of two such the larger.

    of: qfs.reference.arithmetic.mul_div
    pre: 0 <= a <= MAX_SCALAR
    pre: 0 <= b <= MAX_SCALAR
    pre: 1 <= c <= MAX_SCALAR
    pre: a * b <= c * MAX_SCALAR
    post: __return__ is None
    """
    return rounds_once(_SCALARS, [a], [b], [c], "half_up")


def mul_div_rounds_half_down(a: int, b: int, c: int) -> str | None:
    """The result of `half_down` is at most half a unit from a * b / c, of two such the smaller.

    of: qfs.reference.arithmetic.mul_div
    pre: 0 <= a <= MAX_SCALAR
    pre: 0 <= b <= MAX_SCALAR
    pre: 1 <= c <= MAX_SCALAR
    pre: a * b <= c * MAX_SCALAR
    post: __return__ is None
    """
    return rounds_once(_SCALARS, [a], [b], [c], "half_down")


def rows_round_apart(a: int, b: int, c: int, d: int) -> str | None:
    """Each row is the largest integer that is not above its own a * b / c.

    of: qfs.reference.arithmetic.mul_div_many
    bound: two rows, the divisor of one being 3
    pre: 0 <= a <= MAX_SCALAR and 0 <= b <= MAX_SCALAR and 1 <= c <= MAX_SCALAR
    pre: 0 <= d <= MAX_SCALAR
    pre: a * b <= c * MAX_SCALAR
    post: __return__ is None
    """
    return rounds_once(arithmetic, [a, d], [b, 1], [c, 3], "floor")


def what_has_no_result_is_refused(a: int, b: int, c: int) -> str:
    """A divisor of 0 and a result above the maximum are refused, each by its code.

    of: qfs.reference.arithmetic.mul_div_many
    of: qfs.reference.arithmetic.overflow
    bound: arguments 0 .. 3 with a maximum of 2
    pre: 0 <= a <= 3 and 0 <= b <= 3 and 0 <= c <= 3
    post: __return__ == ("division_by_zero" if c == 0 else "overflow" if a * b >= 3 * c else "")
    """
    try:
        arithmetic.mul_div_many([a], [b], [c], "floor", 2)
    except QfsError as error:
        return error.code
    return ""


def no_scalar_above_its_bound_is_given(a: int, b: int, c: int) -> str:
    """Whatever the arguments, `mul_div` gives a result or one of two errors, and the right one.

    of: qfs.reference.arithmetic.mul_div
    pre: 0 <= a <= MAX_SCALAR
    pre: 0 <= b <= MAX_SCALAR
    pre: 0 <= c <= MAX_SCALAR
    post: __return__ == _expected_code(a, b, c)
    """
    try:
        arithmetic.mul_div(a, b, c)
    except QfsError as error:
        return error.code
    return ""


def _expected_code(a: int, b: int, c: int) -> str:
    if c == 0:
        return "division_by_zero"
    return "overflow" if a * b >= c * (MAX_SCALAR + 1) else ""


def columns_of_one_row_stand_for_every_row(a: int, b: int, c: int, d: int) -> bool:
    """A column of one row is used for every row of the others, and rows do not mix.

    of: qfs.reference.arithmetic.mul_div_many
    of: qfs.reference.arithmetic.row_count
    bound: two rows
    pre: 0 <= a <= MAX_SCALAR
    pre: 0 <= b <= MAX_SCALAR
    pre: 1 <= c <= MAX_SCALAR
    pre: 0 <= d <= MAX_SCALAR
    pre: a * b <= c * MAX_SCALAR and d * b <= c * MAX_SCALAR
    post: __return__
    """
    apart = [arithmetic.mul_div(a, b, c), arithmetic.mul_div(d, b, c)]
    return arithmetic.mul_div_many([a, d], [b], [c]) == apart


def share_is_rounded_down(pool: int, numerator: int, denominator: int) -> bool:
    """A share of a pool is the largest integer that is not above pool * share.

    of: qfs.reference.arithmetic.share_of
    pre: 0 <= pool <= MAX_SCALAR
    pre: 0 <= numerator <= denominator <= MAX_SCALAR
    pre: denominator >= 1
    post: __return__
    """
    fraction: Any = _Share(numerator, denominator)
    share = arithmetic.share_of(pool, fraction)
    return share * denominator <= pool * numerator < (share + 1) * denominator


def fixed_point_product_is_rounded_down(a: int, b: int) -> bool:
    """`mul_floor` is the largest integer that is not above a * b / 10^18.

    of: qfs.reference.arithmetic.mul_floor
    pre: 0 <= a <= MAX_SCALAR
    pre: 0 <= b <= MAX_SCALAR
    pre: a * b <= BASE_UNITS_PER_TOKEN * MAX_SCALAR
    post: __return__
    """
    product = arithmetic.mul_floor(a, b)
    return 0 <= a * b - product * BASE_UNITS_PER_TOKEN < BASE_UNITS_PER_TOKEN


def rows_are_counted(a: int, b: int, c: int) -> bool:
    """Columns of one row fit to any number of rows, others only to their own; none gives none.

    of: qfs.reference.arithmetic.row_count
    bound: columns of up to three rows
    pre: 0 <= a <= 3 and 0 <= b <= 3 and 0 <= c <= 3
    post: __return__
    """
    lengths = [length for length in (a, b, c) if length != 1]
    expected = (lengths or [1])[0] if len({*lengths}) < 2 else None
    try:
        return arithmetic.row_count([0] * a, [0] * b, [0] * c) == expected
    except QfsError:
        return expected is None


def only_the_four_roundings_are_accepted(number: int) -> bool:
    """Of some words exactly the four roundings are accepted.

    of: qfs.reference.arithmetic.require_rounding
    bound: eight words
    pre: 0 <= number < 8
    post: __return__ == (number < 4)
    """
    words = ("floor", "ceil", "half_up", "half_down", "", "Floor", "floor ", "half_even")
    try:
        arithmetic.require_rounding(words[number])
    except QfsError:
        return False
    return True
