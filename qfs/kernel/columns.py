"""See `qfs.reference.columns`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from qfs.columns import MAX_SIGNED_CELL, Column, Raw, RawCells, require_integer
from qfs.errors import WrongTypeError
from qfs.ids import IdColumn, RawIdColumn, RawIds, TextColumn
from qfs.ids import check_ids as check_each_id
from qfs.ids import check_names as check_each_name
from qfs.kernel.memory import blank
from qfs.limits import CELL_BYTES, MAX_COUNT, MAX_ID_BYTES, MAX_SCALAR, MAX_TICK, MAX_VALUE
from qfs.reference.tally import MAX_CHOICE
from qfs.words import RawIntegers
from qfs_kernel import columns, export

COUNT_FORMAT: Final = "I"
NATIVE_BYTES: Final = {"B": 1, "I": 4, "Q": 8}

Code = Literal["B", "I", "Q"]


def check_values(raw: Raw, argument: str, maximum: int = MAX_VALUE) -> Sequence[int]:
    """See `qfs.reference.columns.check_values`; the result is a Column that knows its total."""
    if isinstance(raw, Column) and maximum >= MAX_VALUE:
        return to_column(raw)
    if isinstance(raw, (Column, RawCells)):
        signed = isinstance(raw, RawCells) and raw.signed
        largest = min(maximum, MAX_SIGNED_CELL) if signed else maximum
        fault, total = columns.scan(raw.data, largest)
        _refuse(raw, fault, argument, maximum)
        return Column.trusted(raw.data, total)
    if isinstance(raw, RawIntegers):
        widened = blank(CELL_BYTES * len(raw.data))
        fault, total = columns.widen(raw.data, maximum, widened)
        _refuse(raw, fault, argument, maximum)
        return Column.trusted(widened, total)
    cells = bytearray(CELL_BYTES * len(raw))
    fault, total = columns.pack(raw, maximum, cells)
    _refuse(raw, fault, argument, maximum)
    return Column.trusted(cells, total)


def check_counts(raw: Raw, argument: str) -> memoryview:
    """See `qfs.reference.columns.check_counts`; the result is native integers of 32 bits."""
    return _native(raw, argument, MAX_COUNT, "I")


def check_ticks(raw: Raw, argument: str) -> memoryview:
    """See `qfs.reference.columns.check_ticks`; the result is native integers of 64 bits."""
    return _native(raw, argument, MAX_TICK, "Q")


def check_choices(raw: Raw, argument: str) -> memoryview:
    """See `qfs.reference.columns.check_choices`; the result is bytes."""
    return _native(raw, argument, MAX_CHOICE, "B")


def _native(raw: Raw, argument: str, maximum: int, code: Code) -> memoryview:
    """The values as native integers; what has that form is taken where it lies."""
    if isinstance(raw, RawIntegers):
        if _is_native(raw.data, code):
            natives = raw.data.cast("B").cast(code)
            if _fit(natives, maximum, code):
                _refuse(raw, -1, argument, maximum)
                return natives
        natives = _room(len(raw.data), code)
        _refuse(raw, columns.narrow(raw.data, maximum, natives), argument, maximum)
        return natives
    column = check_values(raw, argument, maximum)
    assert isinstance(column, Column)
    natives = _room(len(column), code)
    _refuse(column, columns.narrow_cells(column.data, maximum, natives), argument, maximum)
    return natives


def _fit(natives: memoryview, maximum: int, code: Code) -> bool:
    if code == COUNT_FORMAT:
        return True
    return (columns.bytes_fit if code == "B" else columns.words_fit)(natives, maximum)


def _is_native(data: memoryview, code: Code) -> bool:
    """Whether these are integers of that form. A long has the size of another, which one depends
    on the machine; a view of nothing cannot be cast."""
    unsigned = data.format is not None and data.format in "BHILQ"
    return len(data) > 0 and unsigned and data.itemsize == NATIVE_BYTES[code]


def _room(rows: int, code: Code) -> memoryview:
    return blank(NATIVE_BYTES[code] * rows).cast(code)


def _refuse(raw: Raw, fault: int, argument: str, maximum: int) -> None:
    """Raise for the lowest row at fault, -1 where none is, or for a null at or before it."""
    null = raw.first_null if isinstance(raw, (RawCells, RawIntegers)) else None
    if null is not None and (fault < 0 or null <= fault):
        require_integer(None, argument, maximum, null)
    if fault >= 0:
        require_integer(_value(raw, fault), argument, maximum, fault)
        raise WrongTypeError("it changed while it was read", argument=argument, index=fault)


def _value(raw: Raw, index: int) -> object:
    if isinstance(raw, RawCells):
        return raw.value(index)
    return raw.data[index] if isinstance(raw, RawIntegers) else raw[index]


def check_ids(raw: RawIdColumn, argument: str) -> IdColumn:
    """See `qfs.reference.columns.check_ids`; ids in canonical order are checked in one pass."""
    if (
        isinstance(raw, RawIds)
        and raw.first_null is None
        and columns.ids_ascend(raw.offsets, raw.data)
    ):
        return IdColumn(raw.offsets, raw.data, is_sorted=True)
    return check_each_id(raw, argument)


def check_names(raw: RawIdColumn, argument: str, maximum_bytes: int = MAX_ID_BYTES) -> TextColumn:
    """See `qfs.reference.columns.check_names`; Arrow memory is checked in one pass."""
    if (
        isinstance(raw, RawIds)
        and raw.first_null is None
        and columns.names_fit(raw.offsets, raw.data, maximum_bytes)
    ):
        return TextColumn(raw.offsets, raw.data)
    return check_each_name(raw, argument, maximum_bytes)


def to_column(values: Sequence[int]) -> Column:
    """Checked values as a column."""
    if isinstance(values, Column):
        if values.has_total:
            return values
        return Column.trusted(values.data, columns.scan(values.data, MAX_SCALAR)[1])
    column = check_values(list(values), "values")
    assert isinstance(column, Column)
    return column


def to_list(values: Sequence[int]) -> list[int]:
    """Values as a list of ints."""
    return columns.unpack(values.data) if isinstance(values, Column) else list(values)


def export_cells(cells: memoryview) -> tuple[object, object]:
    """See `qfs.reference.columns.export_cells`; made in C, so nothing else is needed."""
    return export.schema(), export.array(cells)
