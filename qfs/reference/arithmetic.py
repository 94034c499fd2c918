"""Fixed-point arithmetic: multiply, then divide, rounding once in a named direction."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from qfs.columns import bound_text, require_same_length
from qfs.errors import DivisionByZeroError, ResultOverflowError, UnknownOptionError, shown
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR

ROUNDINGS = ("floor", "ceil", "half_up", "half_down")
"""The accepted roundings. On a tie `half_up` takes the larger, `half_down` the smaller."""


def mul_div(a: int, b: int, c: int, rounding: str = "floor") -> int:
    """a * b / c with an exact intermediate product, rounded once.

    Arguments and result are 0 .. 2^128 - 1. At a tie, 1 * 1 / 2 is 0 with `floor` and `half_down`
    and 1 with `ceil` and `half_up`.

    Raises:
        UnknownOptionError: the rounding is none of ROUNDINGS.
        DivisionByZeroError: c is 0.
        ResultOverflowError: the result is above 2^128 - 1.
    """
    try:
        return mul_div_many([a], [b], [c], rounding)[0]
    except (DivisionByZeroError, ResultOverflowError) as error:
        error.index = None
        raise


def mul_div_many(
    a: Sequence[int],
    b: Sequence[int],
    c: Sequence[int],
    rounding: str = "floor",
    maximum: int = MAX_SCALAR,
) -> list[int]:
    """`mul_div` row by row. A column of one row stands for the same value in every row.

    An error carries the lowest row at fault; at one row a zero divisor comes before an overflow.
    """
    require_rounding(rounding)
    results = []
    for i in range(row_count(a, b, c)):
        a_i, b_i, c_i = (x[i if len(x) > 1 else 0] for x in (a, b, c))
        # Step 1. A quotient by zero does not exist.
        if c_i == 0:
            raise DivisionByZeroError("a divisor is at least 1", argument="c", index=i, value=0)
        # Step 2. The exact quotient and remainder of the whole product.
        quotient, remainder = divmod(a_i * b_i, c_i)
        # Step 3. Round once.
        if _rounds_up(remainder, c_i, rounding):
            quotient += 1
        # Step 4. The result is in its bounds.
        if quotient > maximum:
            raise overflow(a_i, b_i, c_i, maximum, i)
        results.append(quotient)
    return results


def share_of(pool: int, share: Fraction) -> int:
    """The share of a pool, rounded down: half of 3 is 1."""
    return mul_div(pool, share.numerator, share.denominator)


def mul_floor(a: int, b: int) -> int:
    """The product of two 18-decimal fixed-point numbers, rounded down: a * b / 10^18."""
    return mul_div(a, b, BASE_UNITS_PER_TOKEN)


def row_count(a: Sequence[int], b: Sequence[int], c: Sequence[int]) -> int:
    """Rows of a result: those of every column that has not one row.

    Raises:
        LengthMismatchError: they differ.
    """
    lengths = {"a": len(a), "b": len(b), "c": len(c)}
    require_same_length(**{name: length for name, length in lengths.items() if length != 1})
    return max(lengths.values()) if min(lengths.values()) else 0


def require_rounding(rounding: object) -> None:
    """The rounding is one of ROUNDINGS, else UnknownOptionError."""
    if rounding not in ROUNDINGS:
        raise UnknownOptionError(
            f"{shown(rounding)} is none of {', '.join(ROUNDINGS)}",
            argument="rounding",
            value=rounding,
        )


def overflow(a: int, b: int, c: int, maximum: int, index: int) -> ResultOverflowError:
    """The error of a row whose result is above its bound."""
    return ResultOverflowError(
        f"{a} * {b} / {c} is above {bound_text(maximum)}", argument="result", index=index
    )


def _rounds_up(remainder: int, divisor: int, rounding: str) -> bool:
    if rounding == "floor":
        return False
    if rounding == "ceil":
        return remainder > 0
    if rounding == "half_up":
        return 2 * remainder >= divisor
    return 2 * remainder > divisor
