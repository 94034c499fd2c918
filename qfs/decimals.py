"""Numbers as text: amounts in tokens, and rates and shares below 1. Never a float."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

from qfs.columns import bound_text, require_integer
from qfs.errors import NullValueError, NumberTextError, OutOfRangeError, WrongTypeError, shown
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR, TOKEN_DECIMALS

MAX_TEXT_CHARACTERS: Final = 64
_TOKENS: Final = re.compile(rf"(0|[1-9][0-9]*)(?:\.([0-9]{{1,{TOKEN_DECIMALS}}}))?", re.ASCII)
_INTEGER: Final = re.compile(r"0|[1-9][0-9]*", re.ASCII)


def parse_tokens(
    text: object, argument: str, maximum: int = MAX_SCALAR, index: int | None = None
) -> int:
    """The base units of an amount of tokens: "1.25" is 1250000000000000000.

    Raises:
        WrongTypeError: it is no str.
        NumberTextError: it is not digits, then at most 18 decimals behind a point.
        OutOfRangeError: it is more than `maximum` base units.
    """
    match = _TOKENS.fullmatch(_bounded(text, argument, index))
    if match is None:
        raise NumberTextError(
            f"{shown(text)} is not an amount of tokens;"
            " digits with at most 18 decimals are needed, such as 1250.5",
            argument=argument,
            index=index,
            value=text,
        )
    whole, decimals = match.group(1), match.group(2) or ""
    value = int(whole) * BASE_UNITS_PER_TOKEN + int(decimals.ljust(TOKEN_DECIMALS, "0"))
    return _within(value, text, argument, maximum, index)


def parse_integer(
    text: object, argument: str, maximum: int = MAX_SCALAR, index: int | None = None
) -> int:
    """An unsigned integer written without sign, leading zeros or separators."""
    if not _INTEGER.fullmatch(_bounded(text, argument, index)):
        raise NumberTextError(
            f"{shown(text)} is not an integer; digits alone are needed, such as 1250",
            argument=argument,
            index=index,
            value=text,
        )
    return _within(int(str(text)), text, argument, maximum, index)


def format_tokens(base_units: int) -> str:
    """The amount in tokens, without trailing zeros: 1250000000000000000 is "1.25"."""
    whole, rest = divmod(base_units, BASE_UNITS_PER_TOKEN)
    decimals = f"{rest:0{TOKEN_DECIMALS}d}".rstrip("0")
    return f"{whole}.{decimals}" if decimals else str(whole)


def parse_fraction(value: object, argument: str) -> Fraction:
    """A share, rate or threshold of 0 .. 1, exactly: text such as "0.3", a Decimal or a Fraction.

    Raises:
        WrongTypeError: it is an int or a float, of which nobody can tell what was meant.
        NumberTextError: it is text and not digits with at most 18 decimals.
        OutOfRangeError: it is below 0 or above 1.
    """
    if isinstance(value, str):
        fraction = Fraction(parse_tokens(value, argument), BASE_UNITS_PER_TOKEN)
    elif isinstance(value, Decimal) and value.is_finite():
        _require_short(value, argument)
        fraction = Fraction(value)
    elif isinstance(value, Fraction):
        fraction = value
    elif isinstance(value, Decimal):
        raise OutOfRangeError(f"{value} is outside 0 .. 1", argument=argument, value=value)
    else:
        raise WrongTypeError(
            f"{shown(value)} is a {type(value).__name__};"
            ' text such as "0.3", a Decimal or a Fraction is needed',
            argument=argument,
            value=value,
        )
    if not 0 <= fraction <= 1:
        raise OutOfRangeError(f"{shown(value)} is outside 0 .. 1", argument=argument, value=value)
    if fraction.denominator > MAX_SCALAR:
        raise OutOfRangeError(
            f"{shown(value)} has a denominator above 2^128 - 1", argument=argument, value=value
        )
    return fraction


def parse_rate(value: object, argument: str) -> int:
    """A rate of 0 .. 1 in 10^-18: "0.1" is 10^17.

    Raises:
        NumberTextError: it has no exact form with 18 decimals.
        and as `parse_fraction`.
    """
    scaled = parse_fraction(value, argument) * BASE_UNITS_PER_TOKEN
    if scaled.denominator != 1:
        raise NumberTextError(
            f"{shown(value)} needs more than 18 decimals", argument=argument, value=value
        )
    return scaled.numerator


def amount(text: str) -> int:
    """Base units of an amount of tokens given as text.

    >>> amount("1.25")
    1250000000000000000

    Raises:
        WrongTypeError: not a str (a float least of all).
        NumberTextError: not digits with at most 18 decimals: no sign, exponent or separator.
        OutOfRangeError: above 2^128 - 1 base units.
    """
    return parse_tokens(text, "text")


def text(amount: int) -> str:
    """An amount of base units as tokens; `amount(text(x)) == x`.

    >>> text(1250000000000000000)
    '1.25'

    Raises:
        WrongTypeError, OutOfRangeError: not an integer of 0 .. 2^128 - 1.
    """
    return format_tokens(require_integer(amount, "amount", MAX_SCALAR))


def _bounded(text: object, argument: str, index: int | None) -> str:
    if text is None:
        raise NullValueError("missing; text is needed", argument=argument, index=index)
    if not isinstance(text, str):
        raise WrongTypeError(
            f"{shown(text)} is a {type(text).__name__}; text is needed",
            argument=argument,
            index=index,
            value=text,
        )
    if len(text) > MAX_TEXT_CHARACTERS:
        raise NumberTextError(
            f"{shown(text)} is longer than {MAX_TEXT_CHARACTERS} characters",
            argument=argument,
            index=index,
            value=text,
        )
    return text


def _within(value: int, text: object, argument: str, maximum: int, index: int | None) -> int:
    if value > maximum:
        raise OutOfRangeError(
            f"{shown(text)} is {value}, above {bound_text(maximum)}",
            argument=argument,
            index=index,
            value=text,
        )
    return value


def _require_short(value: Decimal, argument: str) -> None:
    # 1E-999999 would become an integer of a million digits before any bound is looked at.
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or not -MAX_TEXT_CHARACTERS <= exponent <= 0:
        raise NumberTextError(
            f"{shown(value)} has too large an exponent", argument=argument, value=value
        )
