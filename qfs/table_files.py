"""Tables from and to files: CSV, Parquet and Arrow IPC.

A column of amounts is decimal128(38, 18) tokens in Parquet and Arrow, 18-decimal token text in
CSV; a column named `<amount>_base_units` holds integers of base units in all of them. Ticks,
counts and choices are integers, in CSV as digits. Each value is read once, through the same
reader as the API's, and checked once.
"""

from __future__ import annotations

import codecs
import contextlib
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

from qfs.backend import implementation
from qfs.cells import RawCells
from qfs.columns import Raw, read_values, require_same_length
from qfs.decimals import parse_integer, parse_tokens
from qfs.errors import (
    MissingDependencyError,
    QfsError,
    TableError,
    WrongTypeError,
    shown,
)
from qfs.files import storage_errors
from qfs.ids import read_ids
from qfs.limits import MAX_KEY_BYTES, MAX_ROWS, MAX_VALUE
from qfs.tables import (
    INTEGERS,
    ColumnSpec,
    IntegerKind,
    Schema,
    Table,
    TableColumn,
    canonical,
    integers_from_arrow,
    require_pyarrow,
    to_arrow,
)

BASE_UNITS_SUFFIX: Final = "_base_units"
READABLE: Final = (".csv", ".parquet", ".arrow", ".ipc")


def read_table(path: Path, schema: Schema) -> Table:
    """The table of this schema in a file, in canonical order.

    Raises:
        StorageError: the file cannot be opened or read.
        TableError: it is not a table of this kind, or has not exactly the schema's columns.
        QfsError: a value is at fault; the error names file, row (the first row of data is 1),
            column and value.
    """
    reader = _reader(path)
    # Chosen here, so that an error of the choice is not taken for one of the file.
    implementation()
    with _naming(path):
        arrow_table = reader(path, schema)
        found = _match_columns(arrow_table.column_names, schema)
        columns = {}
        for column in schema.columns:
            name = found[column.name]
            columns[column.name] = _checked(arrow_table.column(name), column, name)
        require_same_length(**{name: len(column) for name, column in columns.items()})
        return canonical(schema, columns)


def write_parquet(table: Table, target: Path | IO[bytes]) -> None:
    """Write a table as Parquet.

    Raises:
        StorageError: the file cannot be written.
    """
    pa = require_pyarrow()
    columns = {name: to_arrow(column) for name, column in table.columns.items()}
    errors = storage_errors(target) if isinstance(target, Path) else contextlib.nullcontext()
    with errors:
        pa.parquet.write_table(pa.table(columns), target, compression="zstd")


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Adds the file to errors raised while it is read, and turns pyarrow's own into ours."""
    pa = require_pyarrow()
    try:
        with storage_errors(path):
            yield
    except MissingDependencyError:
        raise
    except QfsError as error:
        error.source = error.source or str(path)
        raise
    except (pa.ArrowException, UnicodeDecodeError, MemoryError) as error:
        raise TableError(f"cannot be read: {error}", source=str(path)) from error


def _reader(path: Path) -> Callable[[Path, Schema], Any]:
    readers = {
        ".csv": _read_csv,
        ".parquet": _read_parquet,
        ".arrow": _read_ipc,
        ".ipc": _read_ipc,
    }
    if path.suffix not in readers:
        raise TableError(
            f"the name ends in {shown(path.suffix)}, not in one of {', '.join(readers)}",
            source=str(path),
        )
    return readers[path.suffix]


def _native_file(path: Path) -> Any:
    """The file as pyarrow's own, opened for reading.

    Not as a Python file: Arrow reads ahead in threads of its own, and one that still holds a
    Python object when the interpreter ends takes the process with it.
    """
    path.open("rb").close()
    return require_pyarrow().OSFile(str(path))


def _read_parquet(path: Path, schema: Schema) -> Any:
    pa = require_pyarrow()
    with _native_file(path) as file:
        parquet = pa.parquet.ParquetFile(file)
        # Before anything is read: a small file can claim any number of other columns and rows.
        names = list(_match_columns(parquet.schema_arrow.names, schema).values())
        if parquet.metadata.num_rows > MAX_ROWS:
            raise TableError(f"{parquet.metadata.num_rows} rows, more than {MAX_ROWS}")
        return parquet.read(columns=names)


def _read_ipc(path: Path, schema: Schema) -> Any:
    pa = require_pyarrow()
    # Read and not mapped: whoever changed the file meanwhile would change what was checked.
    with _native_file(path) as file:
        table = pa.ipc.open_file(file).read_all()
    # Nothing but this looks at the offsets in the file before they are followed.
    table.validate(full=True)
    return table


def _read_csv(path: Path, schema: Schema) -> Any:
    """All columns as text: what a number is, is for `qfs.decimals` to say and not for a guess."""
    pa = require_pyarrow()
    try:
        return _parse_csv(path, schema, None)
    except pa.ArrowInvalid:
        # Arrow decodes a row before it hands it over, and where it cannot, prints a traceback.
        _require_utf8(path)
        ragged: list[Any] = []

        def refuse(row: Any) -> str:
            ragged.append(row)
            return "error"

        with contextlib.suppress(pa.ArrowInvalid):
            _parse_csv(path, schema, refuse)
        if not ragged:
            raise
    row = ragged[0]
    raise TableError(
        f"{row.actual_columns} fields where the header has {row.expected_columns}:"
        f" {shown(row.text)} (no thousands separators; one row a line)",
        index=None if row.number is None else row.number - 2,
        value=row.text,
    )


def _parse_csv(path: Path, schema: Schema, refuse: Callable[[Any], str] | None) -> Any:
    pa = require_pyarrow()
    names = [name for column in schema.columns for name in _accepted_names(column)]
    with _native_file(path) as file:
        return pa.csv.read_csv(
            file,
            # One thread, because only then rows carry their number.
            read_options=pa.csv.ReadOptions(use_threads=False),
            parse_options=pa.csv.ParseOptions(invalid_row_handler=refuse),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )


def _require_utf8(path: Path) -> None:
    """The whole file is UTF-8, else UnicodeDecodeError."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            decoder.decode(part)
    decoder.decode(b"", final=True)


def _accepted_names(column: ColumnSpec) -> tuple[str, ...]:
    if column.kind == "amount":
        return column.name, column.name + BASE_UNITS_SUFFIX
    return (column.name,)


def _match_columns(names: list[str], schema: Schema) -> dict[str, str]:
    """For each column of the schema the name under which the file has it, exactly one."""
    wanted = {column.name: _accepted_names(column) for column in schema.columns}
    for i, name in enumerate(names):
        if name in names[:i]:
            raise TableError("stands twice in the header", argument=name)
        if not any(name in accepted for accepted in wanted.values()):
            raise TableError(
                f"unexpected column; {schema.name} has {_listing(wanted)}", argument=shown(name)
            )
    found = {}
    for column, accepted in wanted.items():
        present = [name for name in accepted if name in names]
        if not present:
            raise TableError(
                f"column missing; {schema.name} has {_listing(wanted)}", argument=column
            )
        if len(present) > 1:
            raise TableError(f"given twice, as {' and as '.join(present)}", argument=column)
        found[column] = present[0]
    return found


def _listing(wanted: dict[str, tuple[str, ...]]) -> str:
    return ", ".join(" or ".join(accepted) for accepted in wanted.values())


def _checked(values: Any, column: ColumnSpec, name: str) -> TableColumn:
    backend = implementation()
    if column.kind == "id":
        return backend.check_ids(read_ids(_one_chunk(values), name), name)
    if column.kind == "name":
        return backend.check_names(read_ids(_one_chunk(values), name), name)
    if column.kind == "key":
        return backend.check_names(read_ids(_one_chunk(values), name), name, MAX_KEY_BYTES)
    if column.kind in INTEGERS:
        return _words(values, name, INTEGERS[column.kind])
    if name.endswith(BASE_UNITS_SUFFIX):
        raw = _integers(values, name, MAX_VALUE)
    else:
        raw = _tokens(values, name)
    return backend.to_column(backend.check_values(raw, name))


def _one_chunk(values: Any) -> Any:
    """Texts in one piece of memory, so that none of them becomes an object of its own."""
    pa = require_pyarrow()
    if values.num_chunks <= 1:
        return values
    # Offsets of 32 bits reach no further than 2 GiB, which the chunks together may exceed.
    if pa.types.is_string(values.type):
        values = values.cast(pa.large_string())
    elif pa.types.is_binary(values.type):
        values = values.cast(pa.large_binary())
    return values.combine_chunks()


def _words(values: Any, name: str, kind: IntegerKind) -> memoryview:
    """Integers of 0 .. maximum as a column; those of Arrow stay in their memory, or go by width."""
    pa = require_pyarrow()
    if pa.types.is_integer(values.type) and values.null_count == 0:
        bounds = pa.compute.min_max(values).as_py()
        lowest, highest = bounds["min"] or 0, bounds["max"] or 0
        if lowest >= 0 and highest <= kind.maximum:
            types = {"Q": pa.uint64(), "I": pa.uint32(), "B": pa.uint8()}
            return integers_from_arrow(values.cast(types[kind.code]).combine_chunks(), kind.code)
    # Row by row, because the lowest row at fault is to be named, or because they are text.
    raw = _integers(values, name, kind.maximum)
    checked = implementation().check_values(raw, name, kind.maximum)
    return memoryview(array(kind.code, checked)).toreadonly()


def _integers(values: Any, name: str, maximum: int) -> Raw:
    if _is_text(values.type):
        return [parse_integer(text, name, maximum, i) for i, text in enumerate(values.to_pylist())]
    if not require_pyarrow().types.is_integer(values.type):
        raise WrongTypeError(f"type {values.type}; an integer type is needed", argument=name)
    return read_values(values, name)


def _tokens(values: Any, name: str) -> Raw:
    if _is_text(values.type):
        return [parse_tokens(text, name, MAX_VALUE, i) for i, text in enumerate(values.to_pylist())]
    raw = read_values(values, name) if require_pyarrow().types.is_decimal(values.type) else None
    if not isinstance(raw, RawCells):
        raise WrongTypeError(
            f"type {values.type}; decimal128(38, 18) of tokens is needed,"
            f" or integers in a column named {name}{BASE_UNITS_SUFFIX}",
            argument=name,
        )
    return raw


def _is_text(arrow_type: Any) -> bool:
    types = require_pyarrow().types
    return bool(
        types.is_string(arrow_type)
        or types.is_large_string(arrow_type)
        or types.is_string_view(arrow_type)
    )
