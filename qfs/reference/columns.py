"""Checking values once: what the backends agree on before any of them is used."""

from __future__ import annotations

from collections.abc import Sequence

from qfs.arrow import export_through_pyarrow
from qfs.columns import Column, Raw, RawCells, require_integer
from qfs.ids import IdColumn, RawIdColumn, TextColumn
from qfs.ids import check_ids as check_each_id
from qfs.ids import check_names as check_each_name
from qfs.limits import (
    CELL_BYTES,
    MAX_COUNT,
    MAX_DIGITS,
    MAX_ID_BYTES,
    MAX_TICK,
    MAX_VALUE,
    TOKEN_DECIMALS,
)
from qfs.reference.tally import MAX_CHOICE
from qfs.words import RawIntegers


def check_values(raw: Raw, argument: str, maximum: int = MAX_VALUE) -> Sequence[int]:
    """The values as integers, each 0 .. maximum.

    Raises:
        NullValueError, WrongTypeError, OutOfRangeError: at the lowest index.
    """
    if isinstance(raw, Column) and maximum >= MAX_VALUE:
        return raw.tolist()
    values: Sequence[object] = raw
    if isinstance(raw, RawCells):
        values = _with_null(raw)
    elif isinstance(raw, RawIntegers):
        values = raw.listed()
    return [require_integer(value, argument, maximum, i) for i, value in enumerate(values)]


def check_counts(raw: Raw, argument: str) -> Sequence[int]:
    """The values as counts, each 0 .. 2^32 - 1.

    Raises:
        NullValueError, WrongTypeError, OutOfRangeError: at the lowest index.
    """
    return check_values(raw, argument, MAX_COUNT)


def check_ticks(raw: Raw, argument: str) -> Sequence[int]:
    """The values as ticks or places in a log, each 0 .. 2^53 - 1.

    Raises:
        NullValueError, WrongTypeError, OutOfRangeError: at the lowest index.
    """
    return check_values(raw, argument, MAX_TICK)


def check_choices(raw: Raw, argument: str) -> Sequence[int]:
    """The values as choices, each 0 against, 1 for or 2 abstain.

    Raises:
        NullValueError, WrongTypeError, OutOfRangeError: at the lowest index.
    """
    return check_values(raw, argument, MAX_CHOICE)


def check_ids(raw: RawIdColumn, argument: str) -> IdColumn:
    """The ids as a column: each well formed, all different.

    Raises:
        NullValueError, WrongTypeError, InvalidIdError, DuplicateIdError: at the lowest index.
    """
    return check_each_id(raw, argument)


def check_names(raw: RawIdColumn, argument: str, maximum_bytes: int = MAX_ID_BYTES) -> TextColumn:
    """The names, or keys of up to `maximum_bytes`, as a column: each well formed; they may repeat.

    Raises:
        NullValueError, WrongTypeError, InvalidNameError: at the lowest index.
    """
    return check_each_name(raw, argument, maximum_bytes)


def to_column(values: Sequence[int]) -> Column:
    """Checked values as a column."""
    return values if isinstance(values, Column) else Column.from_ints(values)


def to_list(values: Sequence[int]) -> list[int]:
    """Values as a list of ints."""
    return list(values)


def export_cells(cells: memoryview) -> tuple[object, object]:
    """The Arrow schema and array capsules of a column's memory.

    Raises:
        MissingDependencyError: pyarrow is not installed; the kernel does without.
    """
    return export_through_pyarrow(cells, MAX_DIGITS, TOKEN_DECIMALS)


def _with_null(raw: RawCells) -> list[object]:
    values: list[object] = [raw.value(i) for i in range(len(raw.data) // CELL_BYTES)]
    if raw.first_null is not None:
        values[raw.first_null] = None
    return values
