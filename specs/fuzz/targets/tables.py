"""Tables: a file is refused alike by both backends, or is a table that both read as the same.

What was read is in canonical order and has what its schema says; written and read again it has the
same digest. Files are raw bytes of each format, or made by Arrow of columns of any type.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from qfs.errors import QfsError
from qfs.ids import IdColumn
from qfs.rows import rows_of
from qfs.table_files import BASE_UNITS_SUFFIX, read_table, write_parquet
from qfs.tables import SCHEMAS, ColumnSpec, Schema, Table
from targets.backends import same
from targets.scratch import file_of
from targets.source import Source

SUFFIXES = (".csv", ".parquet", ".arrow", ".ipc", ".txt")
SMALL = [SCHEMAS[name] for name in ("nodes", "fees", "balances", "ballots", "excluded")]
LARGE = [schema for schema in SCHEMAS.values() if schema not in SMALL]

NUMBERS = ("int8", "uint8", "int16", "uint32", "int32", "int64", "uint64")
TEXT_TYPES = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.string_view())
OTHER_TYPES = (pa.float64(), pa.bool_(), pa.null(), pa.date32(), pa.list_(pa.int8()))
DECIMALS = ((38, 18), (30, 18), (38, 17), (5, 2))


def target(data: bytes) -> None:
    """Read a file as a table of some schema."""
    source = Source(data)
    schema = source.pick(SMALL) if source.below(4) < 3 else source.pick(LARGE)
    kind = source.below(8)
    if kind < 2:
        suffix, content = ".csv", source.rest()
    elif kind == 2:
        suffix, content = source.pick(SUFFIXES), source.rest()
    else:
        suffix, content = _made(source, schema)
    _read(file_of(content, suffix), schema)


def _read(path: Path, schema: Schema) -> None:
    read: list[Table] = []

    def table(_: Any) -> bytes:
        try:
            read.append(read_table(path, schema))
        except QfsError as error:
            assert error.source == str(path), f"an error that does not name its file: {error}"
            raise
        _require_canonical(read[-1])
        return read[-1].digest

    found = same(table)
    if found[0] == "error":
        return
    written = file_of(b"", ".parquet")
    write_parquet(read[0], written)
    assert read_table(written, schema).digest == read[0].digest, "another table when read again"


def _require_canonical(table: Table) -> None:
    """The columns are those of the schema, as long as each other, and in order without repeats."""
    schema = table.schema
    assert [*table.columns] == [column.name for column in schema.columns]
    rows = [*rows_of(table)]
    assert {len(column) for column in table.columns.values()} == {len(rows)}
    names = [column.name for column in schema.columns]
    places = [names.index(name) for name in schema.order]
    keys = [tuple(row[place] for place in places) for row in rows]
    assert keys == sorted(keys), "not in canonical order"
    unique = len(places) == 1 or isinstance(table.columns[schema.order[-1]], IdColumn)
    assert not unique or len({key[-1] for key in keys}) == len(keys), "a key stands twice"
    for column, values in zip(schema.columns, zip(*rows, strict=True), strict=False):
        bound = {"amount": 10**38, "tick": 2**53, "count": 2**32, "choice": 3}.get(column.kind)
        if bound is not None:
            assert all(0 <= value < bound for value in values), column
        else:
            longest = 4096 if column.kind == "key" else 128
            assert all(1 <= len(value) <= longest for value in values), column


# Files made of drawn columns


def _made(source: Source, schema: Schema) -> tuple[str, bytes]:
    rows = source.below(6)
    columns = {}
    for column in schema.columns:
        twist = source.below(16)
        name = column.name
        if twist == 1:
            continue
        if twist == 2:
            name = source.pick(("x", "", name.upper(), "node_id", "weight", "fee"))
        if column.kind == "amount" and source.flag():
            name, values = name + BASE_UNITS_SUFFIX, _numbers(source, rows)
        else:
            values = _column(source, column, rows)
        columns[name] = _twisted(source, values) if twist == 3 else values
    suffix = source.pick((".parquet", ".arrow", ".csv"))
    if suffix == ".csv":
        return suffix, _csv(columns, rows)
    return suffix, _WRITERS[suffix](_arrow_table(columns), 1 + source.below(4))


def _column(source: Source, column: ColumnSpec, rows: int) -> Any:
    if source.below(32) == 31:
        return _cast(pa.array([None] * rows), source.pick(OTHER_TYPES))
    if column.kind in ("id", "name", "key"):
        kind = source.pick(TEXT_TYPES)
        texts = [b"%d" % source.below(100) if source.flag() else source.text() for _ in range(rows)]
        return _cast(pa.array(texts, pa.binary()), kind)
    if column.kind == "amount":
        precision, scale = source.pick(DECIMALS) if source.below(8) == 7 else (38, 18)
        return _decimals(source, rows, precision, scale)
    return _numbers(source, rows)


def _numbers(source: Source, rows: int) -> Any:
    values = [source.below(4) if source.flag() else source.integer() for _ in range(rows)]
    kind = source.pick(NUMBERS)
    try:
        return pa.array(values, kind)
    except (OverflowError, pa.ArrowInvalid):
        return pa.array([value % 100 for value in values], kind)


def _decimals(source: Source, rows: int, precision: int, scale: int) -> Any:
    cells = b"".join((source.integer() % 2**128).to_bytes(16, "little") for _ in range(rows))
    kind = pa.decimal128(precision, scale)
    return pa.Array.from_buffers(kind, rows, [None, pa.py_buffer(cells)])


def _cast(values: Any, kind: Any) -> Any:
    try:
        return values.cast(kind)
    except pa.ArrowException:
        return values


def _twisted(source: Source, values: Any) -> Any:
    """The same values with a null among them, in a dictionary, or one fewer."""
    kind = source.below(3)
    if kind == 0 and len(values):
        return pa.concat_arrays([values[:-1], pa.nulls(1, values.type)])
    if kind == 1:
        try:
            return values.dictionary_encode()
        except pa.ArrowException:
            return values
    return values[:-1]


def _arrow_table(columns: dict[str, Any]) -> Any:
    shortest = min((len(values) for values in columns.values()), default=0)
    return pa.table({name: values[:shortest] for name, values in columns.items()})


def _parquet(table: Any, rows: int) -> bytes:
    sink = io.BytesIO()
    try:
        pyarrow.parquet.write_table(table, sink, row_group_size=rows)
    except (pa.ArrowException, OSError):
        return b""
    return sink.getvalue()


def _ipc(table: Any, rows: int) -> bytes:
    sink = io.BytesIO()
    with pyarrow.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue()


def _csv(columns: dict[str, Any], rows: int) -> bytes:
    listed = {name: values.to_pylist() for name, values in columns.items()}
    lines = [b",".join(name.encode() for name in listed)]
    for row in range(rows):
        cells = [values[row] if row < len(values) else "" for values in listed.values()]
        lines.append(b",".join(c if isinstance(c, bytes) else f"{c}".encode() for c in cells))
    return b"\n".join(lines) + b"\n"


_WRITERS: dict[str, Callable[[Any, int], bytes]] = {".parquet": _parquet, ".arrow": _ipc}
