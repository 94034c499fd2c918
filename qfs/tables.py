"""Tables: their schemas, canonical order, leaves and digests.

A table is named by its content and not by the bytes of a file, since Parquet writers differ: its
digest is the hash of schema name, number of rows, and the RFC 9162 root over its rows in
canonical order.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple, cast

from qfs.backend import implementation
from qfs.columns import Column, RawCells, read_values
from qfs.errors import DuplicateIdError, MissingDependencyError
from qfs.hashing import TABLE_TAG, sized, tagged_hash
from qfs.ids import (
    IdColumn,
    RawIds,
    RowLeaves,
    TextColumn,
    from_checked,
    from_checked_names,
    read_ids,
)
from qfs.limits import MAX_COUNT, MAX_TICK
from qfs.reference.tally import MAX_CHOICE

Kind = Literal["id", "name", "key", "amount", "tick", "count", "choice"]
TableColumn = TextColumn | Column | memoryview


class IntegerKind(NamedTuple):
    """How a kind of integer lies in memory, and its largest value."""

    code: Literal["Q", "I", "B"]
    maximum: int


INTEGERS: Final[Mapping[Kind, IntegerKind]] = {
    "tick": IntegerKind("Q", MAX_TICK),
    "count": IntegerKind("I", MAX_COUNT),
    "choice": IntegerKind("B", MAX_CHOICE),
}


class ColumnSpec(NamedTuple):
    """A column of a schema.

    Texts are an "id" (unique), a "name" (as an id, but it may repeat) or a "key" (as a name, up to
    4096 bytes); numbers are an "amount" (16 bytes in a leaf), "tick" (8), "count" (4) or
    "choice" (1).
    """

    name: str
    kind: Kind


class Schema(NamedTuple):
    """The columns of a table in the order of their leaf, and those that order its rows.

    A table that is ordered by one column has each of its values once.
    """

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
REGISTRY: Final = Schema(
    "registry",
    (
        ColumnSpec("node_id", "id"),
        ColumnSpec("operator_id", "name"),
        ColumnSpec("role", "name"),
        ColumnSpec("public_key", "key"),
        ColumnSpec("registered_tick", "tick"),
        ColumnSpec("revoked_tick", "tick"),
    ),
    ("node_id",),
)
"""`revoked_tick` of a node that is not revoked is `qfs.limits.NOT_REVOKED`."""

TELEMETRY: Final = Schema(
    "telemetry",
    (
        ColumnSpec("node_id", "id"),
        ColumnSpec("epoch", "tick"),
        ColumnSpec("uptime_n", "count"),
        ColumnSpec("uptime_d", "count"),
        ColumnSpec("storage_n", "count"),
        ColumnSpec("storage_d", "count"),
        ColumnSpec("ai_n", "count"),
        ColumnSpec("ai_d", "count"),
    ),
    ("node_id",),
)
"""A numerator above its denominator is for eligibility to judge, and leaves out that node alone."""

BALANCES: Final = Schema(
    "balances", (ColumnSpec("node_id", "id"), ColumnSpec("balance", "amount")), ("node_id",)
)
EXCLUDED: Final = Schema(
    "excluded", (ColumnSpec("node_id", "id"), ColumnSpec("reason", "name")), ("node_id",)
)
BALLOTS: Final = Schema(
    "ballots",
    (
        ColumnSpec("seq", "tick"),
        ColumnSpec("voter_index", "count"),
        ColumnSpec("choice", "choice"),
        ColumnSpec("nonce", "tick"),
        ColumnSpec("signature_hash", "name"),
    ),
    ("seq",),
)
"""`signature_hash` is `0x` and 64 lowercase hex digits."""

SIGNATURES: Final = Schema(
    "signatures",
    (ColumnSpec("seq", "tick"), ColumnSpec("head", "key"), ColumnSpec("tail", "key")),
    ("seq",),
)
"""What bears out ballots, row by row: each signature in two halves, since one of ML-DSA-65 is
longer than a key may be. Each half is `0x` and lowercase hex; of an odd number of bytes the first
has one more."""

SCHEMAS: Final = {
    schema.name: schema
    for schema in (
        *(NODES, FEES, ALLOCATIONS),
        *(REGISTRY, TELEMETRY, BALANCES, EXCLUDED, BALLOTS, SIGNATURES),
    )
}


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

    def texts(self, name: str) -> TextColumn:
        """The column of this name of ids, names or keys; its `texts()` are str."""
        column = self.columns[name]
        assert isinstance(column, TextColumn)
        return column

    def ticks(self, name: str) -> memoryview:
        """The tick column of this name, 64-bit unsigned integers."""
        return self._integers(name, "tick")

    def counts(self, name: str) -> memoryview:
        """The count column of this name, 32-bit unsigned integers."""
        return self._integers(name, "count")

    def choices(self, name: str) -> memoryview:
        """The choice column of this name, bytes of 0 to 2."""
        return self._integers(name, "choice")

    def _integers(self, name: str, kind: Kind) -> memoryview:
        column = self.columns[name]
        assert isinstance(column, memoryview)
        assert column.format == INTEGERS[kind].code
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


def tick_column(ticks: Iterable[int]) -> memoryview:
    """Checked ticks as a column."""
    return memoryview(array("Q", ticks)).toreadonly()


def count_column(counts: Iterable[int]) -> memoryview:
    """Checked counts as a column."""
    return memoryview(array("I", counts)).toreadonly()


def choice_column(choices: Iterable[int]) -> memoryview:
    """Checked choices as a column."""
    return memoryview(array("B", choices)).toreadonly()


def canonical(schema: Schema, columns: Mapping[str, TableColumn]) -> Table:
    """The table in canonical order, from checked columns whose ids are unique.

    Rows that already stand in order are taken as they are.

    Raises:
        DuplicateIdError: a number that alone orders the rows stands twice.
    """
    unordered = Table(schema, columns)
    key = unordered.columns[schema.order[0]] if len(schema.order) == 1 else None
    if isinstance(key, IdColumn) and key.is_sorted:
        return unordered
    arrays = {name: to_arrow(column) for name, column in columns.items()}
    if isinstance(key, memoryview) and _ascends(arrays[schema.order[0]]):
        return unordered
    pa = require_pyarrow()
    order = pa.compute.sort_indices(
        pa.table(arrays), sort_keys=[(name, "ascending") for name in schema.order]
    )
    if isinstance(key, memoryview):
        _require_distinct(arrays[schema.order[0]], order, schema.order[0])
    taken = {
        name: _from_arrow(arrays[name].take(order), column, is_sorted=column is key, is_whole=True)
        for name, column in columns.items()
    }
    return Table(schema, taken)


def take(column: TableColumn, rows: array[int]) -> TableColumn:
    """The values of these rows, 32-bit positions, in the order of `rows`.

    Raises:
        DuplicateIdError: a row of ids is taken twice.
    """
    pa = require_pyarrow()
    assert rows.typecode == "I"
    positions = _array_over(pa.uint32(), len(rows), rows)
    is_sorted = False
    if isinstance(column, IdColumn):
        ascend = _ascends(positions)
        if not ascend:
            _require_distinct(positions, pa.compute.sort_indices(positions), "rows")
        is_sorted = ascend and column.is_sorted
    taken = to_arrow(column).take(positions)
    return _from_arrow(taken, column, is_sorted=is_sorted, is_whole=False)


def join(first: TableColumn, second: TableColumn) -> TableColumn:
    """The values of one column and then of another of its kind; ids are still to be compared."""
    pa = require_pyarrow()
    arrays = [to_arrow(first), to_arrow(second)]
    if isinstance(first, TextColumn):
        arrays = [array.cast(pa.large_string()) for array in arrays]
    joined = _from_arrow(pa.concat_arrays(arrays), first, is_sorted=False, is_whole=False)
    if isinstance(joined, Column) and isinstance(first, Column) and isinstance(second, Column):
        return Column.trusted(joined.data, first.total + second.total)
    return joined


def _ascends(values: Any) -> bool:
    """Whether each value is above the one before it."""
    pc = require_pyarrow().compute
    return bool(pc.all(pc.less(values[:-1], values[1:]), min_count=0).as_py())


def _require_distinct(values: Any, order: Any, name: str) -> None:
    """All values are different; `order` sorts them, equal ones by their rows."""
    pc = require_pyarrow().compute
    ordered = values.take(order)
    # The rows whose value an earlier row has.
    repeated = order[1:].filter(pc.equal(ordered[:-1], ordered[1:]))
    if len(repeated):
        row = pc.min(repeated).as_py()
        value = values[row].as_py()
        first = pc.index(values, value).as_py()
        raise DuplicateIdError(
            f"{value} stands twice, first in row {first + 1}",
            argument=name,
            index=row,
            value=value,
        )


def to_arrow(column: TableColumn) -> Any:
    """The column as a pyarrow array over the same memory."""
    pa = require_pyarrow()
    if isinstance(column, Column):
        return pa.array(column)
    if isinstance(column, TextColumn):
        kind = pa.string() if column.offsets.itemsize == 4 else pa.large_string()
        return _array_over(kind, len(column), column.offsets, column.data)
    kinds = {"Q": pa.uint64(), "I": pa.uint32(), "B": pa.uint8()}
    return _array_over(kinds[column.format], len(column), column)


def integers_from_arrow(values: Any, code: Literal["Q", "I", "B"]) -> memoryview:
    """An unsigned pyarrow array without nulls, of the width of `code`, over the same memory."""
    if not len(values):
        return memoryview(array(code)).toreadonly()
    width = values.type.bit_width >> 3
    data = memoryview(values.buffers()[1]).cast("B")
    piece = data[values.offset * width : (values.offset + len(values)) * width]
    return piece.cast(code).toreadonly()


def _array_over(kind: Any, rows: int, *buffers: Any) -> Any:
    pa = require_pyarrow()
    return pa.Array.from_buffers(kind, rows, [None, *map(pa.py_buffer, buffers)])


def _from_arrow(values: Any, like: TableColumn, *, is_sorted: bool, is_whole: bool) -> TableColumn:
    """Values taken from a column, each once where `is_whole`.

    They were checked before, so they are not looked at again.
    """
    if isinstance(like, Column):
        cells = read_values(values, "amounts")
        assert isinstance(cells, RawCells)
        return Column.trusted(cells.data, like.total if is_whole else None)
    if isinstance(like, TextColumn):
        raw = read_ids(values, "ids")
        if isinstance(like, IdColumn):
            if not isinstance(raw, RawIds):
                return from_checked(cast("list[bytes]", raw), is_sorted=is_sorted)
            return IdColumn(raw.offsets, raw.data, is_sorted=is_sorted)
        if not isinstance(raw, RawIds):
            return from_checked_names(cast("list[bytes]", raw))
        return TextColumn(raw.offsets, raw.data)
    code = cast("Literal['Q', 'I', 'B']", like.format)
    return integers_from_arrow(values, code)


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
