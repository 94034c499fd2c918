"""Fixed128: one 18-decimal fixed-point number."""

from __future__ import annotations

from collections.abc import Callable
from functools import total_ordering
from typing import Final

from qfs.columns import require_integer
from qfs.decimals import format_tokens, parse_tokens
from qfs.errors import (
    DivisionByZeroError,
    OutOfRangeError,
    ResultOverflowError,
    WrongTypeError,
    shown,
)
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR
from qfs.reference.arithmetic import mul_div


@total_ordering
class Fixed128:
    """An unsigned number of 0 .. (2^128 - 1) * 10^-18, exact, immutable.

    Made from text ("1.25") or with `from_base_units`. Addition and subtraction are exact or an
    error; multiplication and division exist only with the rounding in their name. It compares
    and computes with other Fixed128 alone, so that no unit is ever mixed up.
    """

    __slots__ = ("_base_units",)

    MAX: Final[int] = MAX_SCALAR

    def __init__(self, text: str) -> None:
        self._base_units = parse_tokens(text, "text")

    @classmethod
    def from_base_units(cls, base_units: int) -> Fixed128:
        """The number that is this many 10^-18."""
        made = cls.__new__(cls)
        made._base_units = require_integer(base_units, "base_units", MAX_SCALAR)
        return made

    @property
    def base_units(self) -> int:
        """The number in 10^-18."""
        return self._base_units

    def __add__(self, other: Fixed128) -> Fixed128:
        return self._result(self._base_units + _units(other), "+", other)

    def __sub__(self, other: Fixed128) -> Fixed128:
        difference = self._base_units - _units(other)
        if difference < 0:
            raise OutOfRangeError(f"{self} - {other} is below 0", argument="result")
        return Fixed128.from_base_units(difference)

    def mul_floor(self, other: Fixed128) -> Fixed128:
        """The product rounded down: 10^-18 times 0.5 is 0."""
        return self._scaled(other, "floor")

    def mul_ceil(self, other: Fixed128) -> Fixed128:
        """The product rounded up: 10^-18 times 0.5 is 10^-18."""
        return self._scaled(other, "ceil")

    def div_floor(self, other: Fixed128) -> Fixed128:
        """The quotient rounded down: 1 by 3 is 0.333333333333333333."""
        return self._divided(other, "floor")

    def div_ceil(self, other: Fixed128) -> Fixed128:
        """The quotient rounded up: 1 by 3 is 0.333333333333333334."""
        return self._divided(other, "ceil")

    def _scaled(self, other: Fixed128, rounding: str) -> Fixed128:
        product = mul_div(self._base_units, _units(other), BASE_UNITS_PER_TOKEN, rounding)
        return Fixed128.from_base_units(product)

    def _divided(self, other: Fixed128, rounding: str) -> Fixed128:
        if _units(other) == 0:
            raise DivisionByZeroError("a divisor is above 0", argument="other", value=other)
        quotient = mul_div(self._base_units, BASE_UNITS_PER_TOKEN, _units(other), rounding)
        return Fixed128.from_base_units(quotient)

    def _result(self, base_units: int, operation: str, other: Fixed128) -> Fixed128:
        if base_units > MAX_SCALAR:
            raise ResultOverflowError(
                f"{self} {operation} {other} is above (2^128 - 1) * 10^-18", argument="result"
            )
        return Fixed128.from_base_units(base_units)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Fixed128):
            return NotImplemented
        return self._base_units == other._base_units

    def __lt__(self, other: Fixed128) -> bool:
        return self._base_units < _units(other)

    def __hash__(self) -> int:
        return hash((Fixed128, self._base_units))

    def __bool__(self) -> bool:
        return self._base_units > 0

    def __str__(self) -> str:
        return format_tokens(self._base_units)

    def __repr__(self) -> str:
        return f"Fixed128({format_tokens(self._base_units)!r})"

    def __reduce__(self) -> tuple[Callable[[int], Fixed128], tuple[int]]:
        return Fixed128.from_base_units, (self._base_units,)


def _units(other: object) -> int:
    if not isinstance(other, Fixed128):
        raise WrongTypeError(
            f"{shown(other)} is a {type(other).__name__}; a Fixed128 is needed", argument="other"
        )
    return other._base_units
