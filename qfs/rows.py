"""Tables from rows and back, for few of them; tables joined and thinned, for many."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import Any

from qfs.backend import implementation
from qfs.ids import IdColumn, RawIds, TextColumn
from qfs.limits import MAX_ID_BYTES, MAX_KEY_BYTES
from qfs.tables import (
    INTEGERS,
    ColumnSpec,
    Schema,
    Table,
    TableColumn,
    canonical,
    join,
    require_pyarrow,
    take,
    to_arrow,
)


def from_rows(schema: Schema, rows: Iterable[Sequence[Any]]) -> Table:
    """The table of these rows, each a value per column: text or bytes for ids, names and keys,
    integers for the others, amounts in base units.

    Raises:
        QfsError: a value is at fault, or an id stands twice; it names column, row and value.
    """
    listed = list(rows)
    values = zip(*listed, strict=True) if listed else ([] for _ in schema.columns)
    columns = {
        column.name: checked_column(list(given), column)
        for column, given in zip(schema.columns, values, strict=True)
    }
    return canonical(schema, columns)


def checked_column(values: list[Any], column: ColumnSpec) -> TableColumn:
    """The column that these values are, checked as its kind demands."""
    backend, name = implementation(), column.name
    if column.kind == "id":
        return backend.check_ids(values, name)
    if column.kind in ("name", "key"):
        maximum = MAX_ID_BYTES if column.kind == "name" else MAX_KEY_BYTES
        return backend.check_names(values, name, maximum)
    if column.kind == "amount":
        return backend.to_column(backend.check_values(values, name))
    kind = INTEGERS[column.kind]
    checked = backend.to_list(backend.check_values(values, name, kind.maximum))
    return memoryview(array(kind.code, checked)).toreadonly()


def row_at(table: Table, index: int) -> tuple[Any, ...]:
    """A row of a table as text and integers."""
    return tuple(
        column[index].decode("ascii") if isinstance(column, TextColumn) else column[index]
        for column in table.columns.values()
    )


def rows_of(table: Table) -> Iterator[tuple[Any, ...]]:
    """The rows of a table in canonical order, as text and integers."""
    return (row_at(table, index) for index in range(len(table)))


def concat(first: Table, second: Table) -> Table:
    """The rows of two tables of one schema.

    Raises:
        DuplicateIdError: both have a row of the same id.
    """
    assert first.schema == second.schema
    if not len(first) or not len(second):
        return second if not len(first) else first
    columns = {name: join(first.columns[name], second.columns[name]) for name in first.columns}
    joined = canonical(first.schema, columns)
    key = first.schema.order[-1]
    ids = joined.ids(key)
    implementation().check_ids(RawIds(ids.offsets, ids.data, None), key)
    return joined


def without(table: Table, rows: Sequence[int]) -> Table:
    """The table without these rows."""
    kept = bytearray(b"\1") * len(table)
    for row in rows:
        kept[row] = 0
    positions = array("I", compress(range(len(table)), kept))
    return Table(table.schema, {name: take(c, positions) for name, c in table.columns.items()})


def find(ids: IdColumn, wanted: bytes) -> int | None:
    """The row of an id in a column in canonical order, or None."""
    low, high = 0, len(ids)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if ids[middle] < wanted else (low, middle)
    return low if low < len(ids) and ids[low] == wanted else None


def first_differing_row(first: Table, second: Table) -> int | None:
    """The first row in which two tables of one schema differ, or that one of them lacks.

    Both are in canonical order, so where their keys differ there, the lower one is the one that
    the other table lacks.
    """
    assert first.schema == second.schema
    pc = require_pyarrow().compute
    common = min(len(first), len(second))
    differing = common if len(first) != len(second) else None
    for name in first.columns:
        values = [_comparable(table.columns[name])[:common] for table in (first, second)]
        row = pc.index(pc.equal(*values), False).as_py()
        if row >= 0:
            differing = row if differing is None else min(differing, row)
    return differing


def _comparable(column: TableColumn) -> Any:
    """The column as an Arrow array whose type does not depend on how many rows there are."""
    values = to_arrow(column)
    if isinstance(column, TextColumn):
        return values.cast(require_pyarrow().large_string())
    return values
