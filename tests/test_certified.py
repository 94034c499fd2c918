"""CertifiedMath: exact operations or errors, and a trace that says what was done and no more."""

from __future__ import annotations

import inspect
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qfs
from qfs.certified import MAX_OPERATIONS, OPERATIONS, CertifiedMath, Operation, Trace
from qfs.errors import (
    DivisionByZeroError,
    InvalidIdError,
    NullValueError,
    OutOfRangeError,
    QfsError,
    ResultOverflowError,
    WrongTypeError,
)
from qfs.limits import MAX_SCALAR

ONE = 10**18
TOP = MAX_SCALAR

numbers = st.one_of(
    st.integers(0, TOP),
    st.integers(0, 9),
    st.sampled_from([ONE - 1, ONE, ONE + 1, 2**64, TOP - 1, TOP]),
)

RESULTS: list[tuple[str, tuple[int, ...], Any]] = [
    ("add", (TOP - 1, 1), TOP),
    ("sub", (7, 5), 2),
    ("sub", (TOP, TOP), 0),
    ("mul", (2**64, 2**64 - 1), 2**128 - 2**64),
    ("mul_div_floor", (1, 1, 2), 0),
    ("mul_div_floor", (TOP, TOP, TOP), TOP),
    ("mul_div_ceil", (1, 1, 2), 1),
    ("mul_div_ceil", (4, 1, 2), 2),
    ("mul_div_rem", (7, 3, 4), (5, 1)),
    ("mul_div_rem", (TOP, TOP, TOP), (TOP, 0)),
    ("mul_floor", (1, ONE // 2), 0),
    ("mul_floor", (3 * ONE, ONE // 2), 3 * ONE // 2),
    ("mul_ceil", (1, ONE // 2), 1),
    ("div_floor", (ONE, 3 * ONE), 333333333333333333),
    ("div_ceil", (ONE, 3 * ONE), 333333333333333334),
    ("div_rem", (7, 2), (3, 1)),
    ("div_rem", (0, TOP), (0, 0)),
    ("minimum", (5, 4), 4),
    ("minimum", (4, 5), 4),
    ("product_exceeds", (TOP, TOP, TOP, TOP), False),
    ("product_exceeds", (TOP, TOP, TOP, TOP - 1), True),
    ("product_exceeds", (2, 3, 7, 1), False),
    ("ratio_at_least", (9, 10, ONE * 9 // 10), True),
    ("ratio_at_least", (9, 10, ONE * 9 // 10 + 1), False),
    ("ratio_at_least", (89, 100, ONE * 9 // 10), False),
]


@pytest.mark.parametrize(("name", "operands", "expected"), RESULTS)
def test_results_with_and_without_a_trace(
    name: str, operands: tuple[int, ...], expected: object
) -> None:
    off, on = CertifiedMath(), CertifiedMath("node-1", trace=True)
    assert getattr(off, name)(*operands) == expected
    found = getattr(on, name)(*operands)
    assert (found, type(found)) == (expected, type(expected))
    named = tuple(zip(OPERATIONS[name], operands, strict=True))
    assert off.trace is None
    assert on.trace is not None
    assert on.trace.operations == (Operation(0, name, named, expected, "node-1"),)


def test_every_operation_has_a_result_by_hand() -> None:
    assert {name for name, _, _ in RESULTS} == {*OPERATIONS}


def test_operations_are_the_methods_with_their_operands() -> None:
    methods = {
        name: tuple(inspect.signature(method).parameters)[1:]
        for name, method in vars(CertifiedMath).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }
    assert methods == dict(OPERATIONS)


ERRORS: list[tuple[str, tuple[Any, ...], type[QfsError], str]] = [
    ("add", (TOP, 1), ResultOverflowError, "result"),
    ("sub", (0, 1), OutOfRangeError, "result"),
    ("mul", (2**64, 2**64), ResultOverflowError, "result"),
    ("mul_div_floor", (1, 1, 0), DivisionByZeroError, "c"),
    ("mul_div_floor", (TOP, 2, 1), ResultOverflowError, "result"),
    ("mul_div_ceil", (TOP, TOP, TOP - 1), ResultOverflowError, "result"),
    ("mul_div_rem", (1, 1, 0), DivisionByZeroError, "c"),
    ("mul_floor", (TOP, ONE + 1), ResultOverflowError, "result"),
    ("mul_ceil", (TOP, ONE + 1), ResultOverflowError, "result"),
    ("div_floor", (1, 0), DivisionByZeroError, "b"),
    ("div_ceil", (0, 0), DivisionByZeroError, "b"),
    ("div_floor", (TOP, ONE - 1), ResultOverflowError, "result"),
    ("div_rem", (1, 0), DivisionByZeroError, "b"),
    ("ratio_at_least", (1, 0, 1), DivisionByZeroError, "d"),
    ("add", (1.0, 1), WrongTypeError, "a"),
    ("add", (True, 1), WrongTypeError, "a"),
    ("minimum", (1, None), NullValueError, "b"),
    ("product_exceeds", (1, 1, 1, TOP + 1), OutOfRangeError, "d"),
    ("ratio_at_least", (1, 1, -1), OutOfRangeError, "threshold"),
    ("mul_div_floor", (-1, 1.0, 0), OutOfRangeError, "a"),
]


@pytest.mark.parametrize(("name", "operands", "kind", "argument"), ERRORS)
def test_what_fails_is_named_and_not_traced(
    name: str, operands: tuple[Any, ...], kind: type[QfsError], argument: str
) -> None:
    math = CertifiedMath(trace=True)
    with pytest.raises(QfsError) as caught:
        getattr(math, name)(*operands)
    assert type(caught.value) is kind
    assert (caught.value.argument, caught.value.index) == (argument, None)
    assert math.trace is not None
    assert len(math.trace) == 0


@given(a=numbers, b=numbers, c=numbers)
def test_roundings_are_those_of_the_exact_result(a: int, b: int, c: int) -> None:
    math = CertifiedMath()
    exact = {
        "mul": Fraction(a * b, ONE),
        "div": Fraction(a * ONE, b) if b else None,
        "mul_div": Fraction(a * b, c) if c else None,
    }
    for name, value in exact.items():
        operands = (a, b, c) if name == "mul_div" else (a, b)
        if value is None:
            continue
        for method, rounded in (("floor", value.__floor__()), ("ceil", value.__ceil__())):
            if rounded > TOP:
                with pytest.raises(ResultOverflowError):
                    getattr(math, f"{name}_{method}")(*operands)
            else:
                assert getattr(math, f"{name}_{method}")(*operands) == rounded
    if c and a * b // c <= TOP:
        quotient, remainder = math.mul_div_rem(a, b, c)
        assert quotient * c + remainder == a * b
        assert 0 <= remainder < c


@given(n=numbers, d=numbers.filter(bool), threshold=numbers)
def test_ratios_compare_as_fractions(n: int, d: int, threshold: int) -> None:
    math = CertifiedMath()
    assert math.ratio_at_least(n, d, threshold) == (Fraction(n, d) >= Fraction(threshold, ONE))
    assert math.product_exceeds(n, ONE, threshold, d) == (Fraction(n, d) > Fraction(threshold, ONE))


def test_several_write_to_one_trace_in_the_order_of_their_operations() -> None:
    trace = Trace()
    first, second = CertifiedMath("a", trace), CertifiedMath("", trace)
    first.add(1, 2)
    second.sub(2, 1)
    first.minimum(3, 4)
    assert [(op.sequence, op.operation, op.correlation_id) for op in trace] == [
        (0, "add", "a"),
        (1, "sub", ""),
        (2, "minimum", "a"),
    ]
    assert first.trace is second.trace is trace


def test_what_was_traced_cannot_be_changed() -> None:
    math = CertifiedMath("a", trace=True)
    assert math.trace is not None
    math.add(1, 2)
    before = math.trace.operations
    with pytest.raises(AttributeError):
        before[0].result = 4  # type: ignore[misc]
    with pytest.raises(TypeError):
        before[0].operands[0][1] = 4  # type: ignore[index]
    math.add(3, 4)
    assert len(before) == 1
    assert math.trace.operations[:1] == before


def test_a_full_trace_refuses_rather_than_leaves_out() -> None:
    math = CertifiedMath(trace=True)
    assert math.trace is not None
    for _ in range(MAX_OPERATIONS):
        math.minimum(0, 0)
    with pytest.raises(OutOfRangeError) as caught:
        math.minimum(0, 0)
    assert caught.value.argument == "trace"
    assert len(math.trace) == MAX_OPERATIONS


@pytest.mark.parametrize("good", ["", "~" * 128, "0x00ff"])
def test_correlation_ids_are_ids_or_empty(good: str) -> None:
    assert CertifiedMath(good).correlation_id == good


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        ("~" * 129, InvalidIdError),
        (" ", InvalidIdError),
        ("a b", InvalidIdError),
        ("\u00e9", InvalidIdError),
        (None, NullValueError),
        (7, WrongTypeError),
    ],
)
def test_other_correlation_ids_are_refused(bad: Any, kind: type[QfsError]) -> None:
    with pytest.raises(kind) as caught:
        CertifiedMath(bad)
    assert caught.value.argument == "correlation_id"


@pytest.mark.parametrize("bad", [1, 0, "yes", [], object])
def test_other_kinds_of_traces_are_refused(bad: Any) -> None:
    with pytest.raises(WrongTypeError) as caught:
        CertifiedMath(trace=bad)
    assert caught.value.argument == "trace"


def test_it_is_a_public_name() -> None:
    assert qfs.CertifiedMath is CertifiedMath
    assert CertifiedMath(trace=False).trace is None
