"""CertifiedMath: fixed-point arithmetic that can write down every operation it does."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from qfs.columns import require_integer
from qfs.errors import (
    DivisionByZeroError,
    OutOfRangeError,
    ResultOverflowError,
    WrongTypeError,
    shown,
)
from qfs.fixed128 import Fixed128
from qfs.ids import require_id
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR
from qfs.reference.arithmetic import mul_div

__all__ = ["MAX_OPERATIONS", "OPERATIONS", "CertifiedMath", "Fixed128", "Operation", "Trace"]

MAX_OPERATIONS: Final = 1 << 14
"""Of one trace, so that the document of a full one is within what canonical JSON admits."""

OPERATIONS: Final = MappingProxyType(
    {
        "add": ("a", "b"),
        "sub": ("a", "b"),
        "mul": ("a", "b"),
        "mul_div_floor": ("a", "b", "c"),
        "mul_div_ceil": ("a", "b", "c"),
        "mul_div_rem": ("a", "b", "c"),
        "mul_floor": ("a", "b"),
        "mul_ceil": ("a", "b"),
        "div_floor": ("a", "b"),
        "div_ceil": ("a", "b"),
        "div_rem": ("a", "b"),
        "minimum": ("a", "b"),
        "product_exceeds": ("a", "b", "c", "d"),
        "ratio_at_least": ("n", "d", "threshold"),
    }
)
"""Operands by operation: the methods of CertifiedMath that compute."""

Result = int | bool | tuple[int, int]
_Result = TypeVar("_Result", int, bool, tuple[int, int])


class Operation(NamedTuple):
    """One operation as it was done. A quotient with remainder has both as its result."""

    sequence: int
    """position in the trace, from 0"""
    operation: str
    """one of OPERATIONS"""
    operands: tuple[tuple[str, int], ...]
    """names and values, in the order of OPERATIONS"""
    result: Result
    correlation_id: str
    """of the CertifiedMath that did it, "" where it has none"""


class Trace:
    """Operations in the order in which they were done; it only grows.

    Several CertifiedMath may write to one trace, each under its own correlation id.
    """

    __slots__ = ("_operations",)

    def __init__(self) -> None:
        self._operations: list[Operation] = []

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All operations so far."""
        return tuple(self._operations)

    def __len__(self) -> int:
        return len(self._operations)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    def _append(
        self, name: str, operands: tuple[int, ...], result: Result, correlation_id: str
    ) -> None:
        # A trace that leaves operations out would look like a whole one.
        if len(self._operations) >= MAX_OPERATIONS:
            raise OutOfRangeError(
                f"full; a trace holds at most {MAX_OPERATIONS} operations", argument="trace"
            )
        named = tuple(zip(OPERATIONS[name], operands, strict=True))
        self._operations.append(
            Operation(len(self._operations), name, named, result, correlation_id)
        )


class CertifiedMath:
    """Arithmetic over integers of 0 .. 2^128 - 1, each operation exact or an error.

    Args:
        correlation_id: what the operations are done for, such as a node; an id, or "".
        trace: True for a trace of its own, a Trace to write to that one, False or None for none.

    mul_floor, mul_ceil, div_floor and div_ceil take their operands as 18-decimal fixed-point
    numbers; the others as plain integers. A product of two operands inside one operation is never
    cut. Every method raises WrongTypeError, NullValueError or OutOfRangeError for an operand that
    is no integer of 0 .. 2^128 - 1, naming it, and OutOfRangeError where the trace is full. An
    operation that fails is not in the trace.

    >>> math = CertifiedMath("node-7", trace=True)
    >>> math.mul_div_floor(1, 1, 2)
    0
    >>> [(op.operation, op.operands, op.result) for op in math.trace]
    [('mul_div_floor', (('a', 1), ('b', 1), ('c', 2)), 0)]
    """

    __slots__ = ("_correlation_id", "_trace")

    def __init__(self, correlation_id: str = "", trace: Trace | bool | None = None) -> None:
        self._correlation_id = _correlation_id(correlation_id)
        if not isinstance(trace, (Trace, bool, type(None))):
            raise WrongTypeError(
                f"{shown(trace)} is a {type(trace).__name__}; a Trace, True or False is needed",
                argument="trace",
                value=trace,
            )
        self._trace = trace if isinstance(trace, Trace) else Trace() if trace else None

    @property
    def correlation_id(self) -> str:
        """What the operations are done for."""
        return self._correlation_id

    @property
    def trace(self) -> Trace | None:
        """Where the operations are written, or None where they are not."""
        return self._trace

    def add(self, a: int, b: int) -> int:
        """a + b. ResultOverflowError above 2^128 - 1."""
        a, b = _checked("add", a, b)
        return self._done("add", _within(a + b, f"{a} + {b}"), a, b)

    def sub(self, a: int, b: int) -> int:
        """a - b. OutOfRangeError below 0."""
        a, b = _checked("sub", a, b)
        if a < b:
            raise OutOfRangeError(f"{a} - {b} is below 0", argument="result")
        return self._done("sub", a - b, a, b)

    def mul(self, a: int, b: int) -> int:
        """a * b as integers, exact. ResultOverflowError above 2^128 - 1."""
        a, b = _checked("mul", a, b)
        return self._done("mul", _within(a * b, f"{a} * {b}"), a, b)

    def mul_div_floor(self, a: int, b: int, c: int) -> int:
        """a * b / c rounded down: 1 * 1 / 2 is 0. DivisionByZeroError, ResultOverflowError."""
        a, b, c = _checked("mul_div_floor", a, b, c)
        return self._done("mul_div_floor", mul_div(a, b, c, "floor"), a, b, c)

    def mul_div_ceil(self, a: int, b: int, c: int) -> int:
        """a * b / c rounded up: 1 * 1 / 2 is 1. DivisionByZeroError, ResultOverflowError."""
        a, b, c = _checked("mul_div_ceil", a, b, c)
        return self._done("mul_div_ceil", mul_div(a, b, c, "ceil"), a, b, c)

    def mul_div_rem(self, a: int, b: int, c: int) -> tuple[int, int]:
        """a * b div c and mod c: 3 * 1 by 2 is (1, 1). DivisionByZeroError, ResultOverflowError."""
        a, b, c = _checked("mul_div_rem", a, b, c)
        quotient = mul_div(a, b, c, "floor")
        return self._done("mul_div_rem", (quotient, a * b - quotient * c), a, b, c)

    def mul_floor(self, a: int, b: int) -> int:
        """a * b / 10^18 rounded down: 1 times 0.5 is 0. ResultOverflowError."""
        a, b = _checked("mul_floor", a, b)
        return self._done("mul_floor", mul_div(a, b, BASE_UNITS_PER_TOKEN, "floor"), a, b)

    def mul_ceil(self, a: int, b: int) -> int:
        """a * b / 10^18 rounded up: 1 times 0.5 is 1. ResultOverflowError."""
        a, b = _checked("mul_ceil", a, b)
        return self._done("mul_ceil", mul_div(a, b, BASE_UNITS_PER_TOKEN, "ceil"), a, b)

    def div_floor(self, a: int, b: int) -> int:
        """a * 10^18 / b rounded down: 1 by 2 * 10^18 is 0.

        DivisionByZeroError, ResultOverflowError.
        """
        a, b = _checked("div_floor", a, b)
        return self._done("div_floor", _fixed_quotient(a, b, "floor"), a, b)

    def div_ceil(self, a: int, b: int) -> int:
        """a * 10^18 / b rounded up: 1 by 2 * 10^18 is 1.

        DivisionByZeroError, ResultOverflowError.
        """
        a, b = _checked("div_ceil", a, b)
        return self._done("div_ceil", _fixed_quotient(a, b, "ceil"), a, b)

    def div_rem(self, a: int, b: int) -> tuple[int, int]:
        """a div b and a mod b, as integers: 3 by 2 is (1, 1). DivisionByZeroError."""
        a, b = _checked("div_rem", a, b)
        _require_divisor(b, "b")
        return self._done("div_rem", divmod(a, b), a, b)

    def minimum(self, a: int, b: int) -> int:
        """The lower of the two."""
        a, b = _checked("minimum", a, b)
        return self._done("minimum", min(a, b), a, b)

    def product_exceeds(self, a: int, b: int, c: int, d: int) -> bool:
        """Whether a * b > c * d. So fractions are compared and nothing is divided."""
        a, b, c, d = _checked("product_exceeds", a, b, c, d)
        return self._done("product_exceeds", a * b > c * d, a, b, c, d)

    def ratio_at_least(self, n: int, d: int, threshold: int) -> bool:
        """Whether n / d >= threshold, which is in 10^-18; a tie holds. DivisionByZeroError."""
        n, d, threshold = _checked("ratio_at_least", n, d, threshold)
        _require_divisor(d, "d")
        holds = n * BASE_UNITS_PER_TOKEN >= threshold * d
        return self._done("ratio_at_least", holds, n, d, threshold)

    def _done(self, name: str, result: _Result, *operands: int) -> _Result:
        if self._trace is not None:
            self._trace._append(name, operands, result, self._correlation_id)
        return result


def _correlation_id(value: object) -> str:
    if value == "":
        return ""
    return require_id(value, "correlation_id").decode("ascii")


def _checked(name: str, *operands: object) -> tuple[int, ...]:
    """The operands as ints in their bounds, the first at fault first."""
    return tuple(
        require_integer(value, operand, MAX_SCALAR)
        for operand, value in zip(OPERATIONS[name], operands, strict=True)
    )


def _within(value: int, words: str) -> int:
    if value > MAX_SCALAR:
        raise ResultOverflowError(f"{words} is above 2^128 - 1", argument="result")
    return value


def _fixed_quotient(a: int, b: int, rounding: str) -> int:
    _require_divisor(b, "b")
    return mul_div(a, BASE_UNITS_PER_TOKEN, b, rounding)


def _require_divisor(divisor: int, argument: str) -> None:
    if divisor == 0:
        raise DivisionByZeroError("a divisor is at least 1", argument=argument, value=0)
