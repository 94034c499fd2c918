"""Numbers as text: one accepted form, exact both ways, and never a float."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qfs
from qfs import decimals
from qfs.errors import NullValueError, NumberTextError, OutOfRangeError, QfsError, WrongTypeError
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR, MAX_VALUE

LARGEST = "340282366920938463463.374607431768211455"


@pytest.mark.parametrize(
    ("text", "base_units"),
    [
        ("0", 0),
        ("0.0", 0),
        ("0.000000000000000001", 1),
        ("0.1", 10**17),
        ("1", 10**18),
        ("1.25", 1_250_000_000_000_000_000),
        ("1.000000000000000000", 10**18),
        ("10", 10**19),
        ("99999999999999999999.999999999999999999", MAX_VALUE),
        (LARGEST, MAX_SCALAR),
    ],
)
def test_amounts(text: str, base_units: int) -> None:
    assert qfs.amount(text) == base_units
    assert qfs.amount(qfs.text(base_units)) == base_units


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".5",
        "5.",
        ".",
        "01",
        "00",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "1,5",
        "1_000",
        "1'000",
        "1e3",
        "1E-3",
        "0x10",
        "inf",
        "nan",
        "\u0661",  # a digit in another script
        "\uff11",
        "0.0000000000000000001",
        "1.0000000000000000000",
        "1" * 65,
        "0." + "0" * 63,
    ],
)
def test_text_in_any_other_form_is_refused(text: str) -> None:
    for parse in (qfs.amount, lambda t: decimals.parse_fraction(t, "share")):
        with pytest.raises(NumberTextError) as caught:
            parse(text)
        assert (caught.value.code, caught.value.value) == ("text", text)


@pytest.mark.parametrize("value", [1, 1.5, True, b"1", Decimal(1), Fraction(1), [], object()])
def test_an_amount_is_text(value: Any) -> None:
    with pytest.raises(WrongTypeError) as caught:
        qfs.amount(value)
    assert (caught.value.code, caught.value.argument) == ("type", "text")
    with pytest.raises(NullValueError):
        qfs.amount(None)  # type: ignore[arg-type]


def test_amount_above_the_largest_scalar() -> None:
    for text in ("340282366920938463463.374607431768211456", "9" * 64, "9" * 45):
        with pytest.raises(OutOfRangeError) as caught:
            qfs.amount(text)
        assert caught.value.code == "range"
    with pytest.raises(OutOfRangeError) as caught:
        decimals.parse_tokens("2", "fee", 2 * BASE_UNITS_PER_TOKEN - 1, 7)
    assert (caught.value.argument, caught.value.index) == ("fee", 7)
    assert decimals.parse_tokens("2", "fee", 2 * BASE_UNITS_PER_TOKEN) == 2 * BASE_UNITS_PER_TOKEN


@pytest.mark.parametrize(
    ("base_units", "text"),
    [(0, "0"), (1, "0.000000000000000001"), (10**18, "1"), (15 * 10**17, "1.5")],
)
def test_text_has_no_trailing_zeros(base_units: int, text: str) -> None:
    assert qfs.text(base_units) == text


def test_text_of_the_largest_scalar() -> None:
    assert qfs.text(MAX_SCALAR) == LARGEST
    for bad in (-1, MAX_SCALAR + 1, 1.0, True, None, "1"):
        with pytest.raises(QfsError):
            qfs.text(bad)  # type: ignore[arg-type]


@given(base_units=st.integers(0, MAX_SCALAR))
def test_amount_and_text_are_inverse(base_units: int) -> None:
    text = qfs.text(base_units)
    assert qfs.amount(text) == base_units
    assert Fraction(text) == Fraction(base_units, BASE_UNITS_PER_TOKEN)


@given(text=st.text(max_size=8))
def test_every_other_text_is_an_error_of_ours(text: str) -> None:
    try:
        base_units = qfs.amount(text)
    except QfsError:
        return
    assert Fraction(text) == Fraction(base_units, BASE_UNITS_PER_TOKEN)


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("7", 7), (str(MAX_SCALAR), MAX_SCALAR), ("10", 10)]
)
def test_integers(text: str, value: int) -> None:
    assert decimals.parse_integer(text, "fee") == value


@pytest.mark.parametrize("text", ["", "01", "-1", "+1", "1.0", " 1", "1_0", "\u0661", "1" * 65])
def test_integers_in_any_other_form_are_refused(text: str) -> None:
    with pytest.raises(NumberTextError) as caught:
        decimals.parse_integer(text, "fee", index=3)
    assert (caught.value.argument, caught.value.index) == ("fee", 3)
    with pytest.raises(WrongTypeError):
        decimals.parse_integer(1, "fee")
    with pytest.raises(OutOfRangeError):
        decimals.parse_integer(str(MAX_SCALAR + 1), "fee")


@pytest.mark.parametrize(
    ("value", "fraction"),
    [
        ("0", Fraction(0)),
        ("1", Fraction(1)),
        ("0.3", Fraction(3, 10)),
        (Decimal("0.3"), Fraction(3, 10)),
        (Decimal("3E-1"), Fraction(3, 10)),
        (Decimal("-0"), Fraction(0)),
        (Decimal("1E-64"), Fraction(1, 10**64)),
        (Fraction(1, 3), Fraction(1, 3)),
        (Fraction(1, MAX_SCALAR), Fraction(1, MAX_SCALAR)),
    ],
)
def test_fractions(value: Any, fraction: Fraction) -> None:
    if fraction.denominator > MAX_SCALAR:
        with pytest.raises(OutOfRangeError):
            decimals.parse_fraction(value, "share")
        return
    assert decimals.parse_fraction(value, "share") == fraction


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (0, WrongTypeError),
        (1, WrongTypeError),
        (0.5, WrongTypeError),
        (True, WrongTypeError),
        (None, WrongTypeError),
        (Decimal("NaN"), OutOfRangeError),
        (Decimal("sNaN"), OutOfRangeError),
        (Decimal("Infinity"), OutOfRangeError),
        (Decimal("-0.1"), OutOfRangeError),
        (Decimal("1.1"), OutOfRangeError),
        (Decimal("1E+1"), NumberTextError),
        (Decimal("1E+999999"), NumberTextError),
        (Decimal("1E-999999"), NumberTextError),
        (Decimal("1E-65"), NumberTextError),
        (Fraction(-1, 3), OutOfRangeError),
        (Fraction(4, 3), OutOfRangeError),
        (Fraction(1, MAX_SCALAR + 1), OutOfRangeError),
        (Fraction(1, 10**5000), OutOfRangeError),
        (Fraction(10**5000), OutOfRangeError),
        ("1.000000000000000001", OutOfRangeError),
        ("-0.1", NumberTextError),
    ],
)
def test_fractions_out_of_bounds(value: Any, kind: type[QfsError]) -> None:
    with pytest.raises(kind) as caught:
        decimals.parse_fraction(value, "share")
    assert (caught.value.argument, caught.value.index) == ("share", None)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("value", "rate"),
    [("0.1", 10**17), ("1", 10**18), ("0", 0), (Fraction(1, 8), 125 * 10**15)],
)
def test_rates(value: Any, rate: int) -> None:
    assert decimals.parse_rate(value, "rate") == rate


@pytest.mark.parametrize("value", [Fraction(1, 3), Decimal("1E-19"), Fraction(1, 2**19)])
def test_rates_have_18_decimals(value: Any) -> None:
    with pytest.raises(NumberTextError) as caught:
        decimals.parse_rate(value, "rate")
    assert caught.value.argument == "rate"
