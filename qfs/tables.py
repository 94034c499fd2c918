"""Tables: their schemas, canonical order, leaves and digests.

A table is named by its content and not by the bytes of a file, since Parquet writers differ: its
digest is the hash of schema name, number of rows, and the RFC 9162 root over its rows in
canonical order.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple, cast

from qfs.backend import implementation
from qfs.columns import Column, RawCells, read_values
from qfs.errors import MissingDependencyError
from qfs.hashing import TABLE_TAG, sized, tagged_hash
from qfs.ids import IdColumn, RawIds, RowLeaves, from_checked, read_ids

Kind = Literal["id", "amount", "tick"]
TableColumn = IdColumn | Column | memoryview


class ColumnSpec(NamedTuple):
    """A column of a schema: "id", "amount" (16 bytes) or "tick" (8 bytes)."""

    name: str
    kind: Kind


class Schema(NamedTuple):
    """The columns of a table in the order of their leaf, and those that order its rows."""

    name: str
    columns: tuple[ColumnSpec, ...]
    order: tuple[str, ...]


NODES: Final = Schema(
    "nodes", (ColumnSpec("node_id", "id"), ColumnSpec("weight", "amount")), ("node_id",)
)
FEES: Final = Schema(
    "fees",
    (ColumnSpec("tick", "tick"), ColumnSpec("action_id", "id"), ColumnSpec("fee", "amount")),
    ("tick", "action_id"),
)
ALLOCATIONS: Final = Schema(
    "allocations",
    (
        ColumnSpec("node_id", "id"),
        ColumnSpec("weight", "amount"),
        ColumnSpec("cap", "amount"),
        ColumnSpec("amount", "amount"),
    ),
    ("node_id",),
)
SCHEMAS: Final = {schema.name: schema for schema in (NODES, FEES, ALLOCATIONS)}


@dataclass(frozen=True)
class Table:
    """Checked columns of equal length in canonical order."""

    schema: Schema
    columns: Mapping[str, TableColumn]

    def __len__(self) -> int:
        return len(self.columns[self.schema.columns[0].name])

    def ids(self, name: str) -> IdColumn:
        """The id column of this name."""
        column = self.columns[name]
        assert isinstance(column, IdColumn)
        return column

    def amounts(self, name: str) -> Column:
        """The amount column of this name."""
        column = self.columns[name]
        assert isinstance(column, Column)
        return column

    def ticks(self, name: str) -> memoryview:
        """The tick column of this name, 64-bit unsigned integers."""
        column = self.columns[name]
        assert isinstance(column, memoryview)
        return column

    @cached_property
    def leaves(self) -> RowLeaves:
        """The rows as the leaves of the table's tree."""
        return RowLeaves([self.columns[column.name] for column in self.schema.columns])

    @cached_property
    def root(self) -> bytes:
        """RFC 9162 root over the rows, 32 bytes."""
        return implementation().root(self.leaves)

    @cached_property
    def digest(self) -> bytes:
        """What names the table, 32 bytes."""
        return table_digest(self.schema.name, len(self), self.root)


def table_digest(schema_name: str, rows: int, root: bytes) -> bytes:
    """The digest of a table of this many rows with this root."""
    return tagged_hash(TABLE_TAG, sized(schema_name.encode("ascii")), rows.to_bytes(8, "big"), root)


def tick_column(ticks: Sequence[int]) -> memoryview:
    """Checked ticks as a column."""
    return memoryview(array("Q", ticks)).toreadonly()


def canonical(schema: Schema, columns: Mapping[str, TableColumn]) -> Table:
    """The table in canonical order, from checked columns whose ids are unique.

    Rows that already stand in order are taken as they are.
    """
    unordered = Table(schema, columns)
    if len(schema.order) == 1 and unordered.ids(schema.order[0]).is_sorted:
        return unordered
    pa = require_pyarrow()
    arrays = {name: to_arrow(column) for name, column in columns.items()}
    order = pa.compute.sort_indices(
        pa.table(arrays), sort_keys=[(name, "ascending") for name in schema.order]
    )
    key = schema.order if len(schema.order) == 1 else ()
    taken = {
        name: _from_arrow(arrays[name].take(order), column, is_sorted=(name,) == key)
        for name, column in columns.items()
    }
    return Table(schema, taken)


def to_arrow(column: TableColumn) -> Any:
    """The column as a pyarrow array over the same memory."""
    pa = require_pyarrow()
    if isinstance(column, Column):
        return pa.array(column)
    if isinstance(column, IdColumn):
        kind = pa.string() if column.offsets.itemsize == 4 else pa.large_string()
        buffers = [None, pa.py_buffer(column.offsets), pa.py_buffer(column.data)]
        return pa.Array.from_buffers(kind, len(column), buffers)
    return pa.Array.from_buffers(pa.uint64(), len(column), [None, pa.py_buffer(column)])


def _from_arrow(values: Any, like: TableColumn, *, is_sorted: bool) -> TableColumn:
    """A reordered column; its values were checked before, so they are not looked at again."""
    if isinstance(like, Column):
        cells = read_values(values, "amounts")
        assert isinstance(cells, RawCells)
        return Column.trusted(cells.data, like.total)
    if isinstance(like, IdColumn):
        raw = read_ids(values, "ids")
        if not isinstance(raw, RawIds):
            return from_checked(cast("list[bytes]", raw), is_sorted=is_sorted)
        return IdColumn(raw.offsets, raw.data, is_sorted=is_sorted)
    return tick_column(values.to_pylist())


def require_pyarrow() -> Any:
    """pyarrow with its compute, csv, ipc and parquet modules, imported when first needed.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.csv
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependencyError(
            'tables need pyarrow: pip install "qfs[tables]"', argument="pyarrow"
        ) from error
    return pyarrow
