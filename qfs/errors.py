"""One class per way to be wrong, each with a stable code.

Every error knows what it speaks of: the argument or column, the position in it, the value, and
what would have been right. `str(error)` puts these in one line; programs read the attributes.
"""

from __future__ import annotations

from typing import ClassVar

_SHOWN_VALUE_CHARACTERS = 80


class QfsError(Exception):
    """Base of all errors of this package.

    Attributes:
        code: stable name of the kind of error, the same in every backend and release.
        argument: the argument, column or field at fault, or None.
        index: its position, counted from 0, or None.
        value: the value at fault, or None.
        source: the file it was read from, or None.
    """

    code: ClassVar[str] = "error"

    def __init__(
        self,
        problem: str,
        *,
        argument: str | None = None,
        index: int | None = None,
        value: object = None,
        source: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.argument = argument
        self.index = index
        self.value = value
        self.source = source

    def __str__(self) -> str:
        if self.source is not None:
            row = None if self.index is None else f"row {self.index + 1}"
            place = ", ".join(part for part in (row, self.argument) if part)
            return ": ".join(part for part in (self.source, place, self.problem) if part)
        if self.argument is None:
            return self.problem
        position = "" if self.index is None else f"[{self.index}]"
        return f"{self.argument}{position}: {self.problem}"


class WrongTypeError(QfsError, TypeError):
    """A value of a type that is not accepted here, such as a float where an amount belongs."""

    code = "type"


class NullValueError(QfsError, ValueError):
    """A missing value."""

    code = "null"


class OutOfRangeError(QfsError, ValueError):
    """A number outside its bounds."""

    code = "range"


class InvalidIdError(QfsError, ValueError):
    """An id that is not 1 to 128 bytes of 0x21 to 0x7E."""

    code = "id"


class InvalidNameError(QfsError, ValueError):
    """A name or key with bytes outside 0x21 to 0x7E, none at all, or too many."""

    code = "name"


class DuplicateIdError(QfsError, ValueError):
    """An id, or a number that is the key of its table, that stands twice."""

    code = "duplicate"


class NumberTextError(QfsError, ValueError):
    """Text that is not a number in the one accepted form."""

    code = "text"


class LengthMismatchError(QfsError, ValueError):
    """Columns that belong together and differ in length."""

    code = "length"


class UnknownOptionError(QfsError, ValueError):
    """A word that is none of the accepted words."""

    code = "option"


class DivisionByZeroError(QfsError, ZeroDivisionError):
    """A divisor of zero."""

    code = "division_by_zero"


class ResultOverflowError(QfsError, OverflowError):
    """A result above its bound."""

    code = "overflow"


class TotalOverflowError(QfsError, OverflowError):
    """A total above 2^128 - 1. It has no index: no single row is at fault."""

    code = "total"


class BackendError(QfsError, RuntimeError):
    """A backend that was asked for and cannot be had."""

    code = "backend"


class MissingDependencyError(QfsError, ImportError):
    """An optional package that this operation needs and that is not installed."""

    code = "dependency"


class TableError(QfsError, ValueError):
    """A table that cannot be read as the schema it should have."""

    code = "table"


class RulesetError(QfsError, ValueError):
    """A ruleset with an unknown, missing or out-of-bounds field."""

    code = "ruleset"


class StateError(QfsError, ValueError):
    """Figures of a state that contradict one another."""

    code = "state"


class TreasuryError(QfsError, ValueError):
    """Rewards that are refused because a condition of theirs does not hold."""

    code = "treasury"


class EpochError(QfsError, ValueError):
    """An epoch that cannot be closed with these inputs."""

    code = "epoch"


class EvidenceError(QfsError, ValueError):
    """An evidence folder or proof that cannot be read as one."""

    code = "evidence"


class StorageError(QfsError, OSError):
    """A file or folder that could not be read, written or created."""

    code = "storage"


class VerificationError(QfsError):
    """Recorded and re-computed values that differ.

    `value` is what the evidence says, `expected` what the re-computation gives.
    """

    code = "verification"

    def __init__(
        self,
        problem: str,
        *,
        argument: str | None = None,
        value: object = None,
        expected: object = None,
    ) -> None:
        super().__init__(problem, argument=argument, value=value)
        self.expected = expected


def shown(value: object) -> str:
    """`value` as it appears in a message: its repr, cut so that no message is unbounded."""
    if isinstance(value, int) and value.bit_length() > 4 * _SHOWN_VALUE_CHARACTERS:
        return f"an integer of {value.bit_length()} bits"
    try:
        text = repr(value)
    except ValueError:
        # Python writes no integer of more than 4300 digits, not even inside another value.
        return f"a {type(value).__name__} too long to be shown"
    if len(text) <= _SHOWN_VALUE_CHARACTERS:
        return text
    return f"{text[:_SHOWN_VALUE_CHARACTERS]}... ({len(text)} characters)"
