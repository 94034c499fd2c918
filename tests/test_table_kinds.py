"""Names, keys, counts and choices: tables of every schema, from files and back, and bad cells."""

from __future__ import annotations

import hashlib
import random
from array import array
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfs.columns import Column
from qfs.errors import (
    DuplicateIdError,
    InvalidIdError,
    InvalidNameError,
    NullValueError,
    NumberTextError,
    OutOfRangeError,
    QfsError,
    WrongTypeError,
)
from qfs.ids import IdColumn, RawIds, RowLeaves, TextColumn, check_ids, check_names, read_ids
from qfs.limits import MAX_COUNT, MAX_KEY_BYTES, MAX_TICK, MAX_VALUE, NOT_REVOKED
from qfs.table_files import read_table, write_parquet
from qfs.tables import (
    ALLOCATIONS,
    BALANCES,
    BALLOTS,
    EXCLUDED,
    FEES,
    NODES,
    REGISTRY,
    SCHEMAS,
    SIGNATURES,
    TELEMETRY,
    Schema,
    Table,
    canonical,
    choice_column,
    count_column,
    integers_from_arrow,
    take,
    tick_column,
)

pytestmark = pytest.mark.usefixtures("api_backend")

LONG_KEY = "ml-dsa-65:" + "0123456789abcdef" * 244
HASH = "0x" + "5e" * 32

# Rows in canonical order; amounts are base units.
ROWS: dict[str, list[tuple[Any, ...]]] = {
    "registry": [
        ("N", "~" * 128, "infrastructure", "k" * MAX_KEY_BYTES, 0, MAX_TICK),
        ("n", "op-1", "infrastructure", "ed25519:00ff", 1, NOT_REVOKED),
        ("n!", "op-1", "!", LONG_KEY, 7, 7),
        ("n" * 128, "op-2", "social", "!", 2**40, 2**53 - 2),
    ],
    "telemetry": [
        ("a", 3, 90, 100, 0, 0, MAX_COUNT, 1),
        ("ab", MAX_TICK, 0, MAX_COUNT, 2**31, 2**31 - 1, 65536, 255),
        ("b", 0, 1, 2, 3, 4, 5, 6),
    ],
    "balances": [("a", MAX_VALUE), ("a0", 0), ("b", 10**18)],
    "excluded": [("a", "not-registered"), ("b", "not-registered"), ("c", "~")],
    "ballots": [
        (0, MAX_COUNT, 2, MAX_TICK, HASH),
        (9, 0, 0, 0, HASH),
        (10, 7, 1, 1, "0x" + "00" * 32),
        (MAX_TICK, 7, 1, 256, HASH),
    ],
    "signatures": [
        (0, "0x" + "ab" * 32, "0x" + "cd" * 32),
        (MAX_TICK, "0x" + "00" * 1655, "0x" + "ff" * 1654),
    ],
}
NEW = [SCHEMAS[name] for name in ROWS]
WIDTHS = {"amount": 16, "tick": 8, "count": 4, "choice": 1}
ARROW = {"tick": pa.uint64(), "count": pa.uint32(), "choice": pa.uint8()}


def leaf(schema: Schema, row: tuple[Any, ...]) -> bytes:
    """The leaf as the specification writes it."""
    fields = []
    for column, value in zip(schema.columns, row, strict=True):
        if column.kind in WIDTHS:
            fields.append(value.to_bytes(WIDTHS[column.kind], "big"))
        else:
            fields.append(len(value).to_bytes(2, "big") + value.encode("ascii"))
    return b"".join(fields)


def digest_of(schema: Schema, rows: list[tuple[Any, ...]]) -> bytes:
    """The digest as the specification writes it."""
    level = [hashlib.sha256(b"\0" + leaf(schema, row)).digest() for row in rows]
    while len(level) > 1:
        pairs = [b"\1" + level[i] + level[i + 1] for i in range(0, len(level) - 1, 2)]
        level = [hashlib.sha256(pair).digest() for pair in pairs] + level[len(level) & ~1 :]
    name = schema.name.encode()
    content = bytes([12]) + b"qfs/table/v1" + len(name).to_bytes(2, "big") + name
    return hashlib.sha256(content + len(rows).to_bytes(8, "big") + level[0]).digest()


def tokens(value: int) -> str:
    whole, rest = divmod(value, 10**18)
    return f"{whole}.{rest:018d}"


def write_csv(path: Path, schema: Schema, rows: list[tuple[Any, ...]]) -> Path:
    def text(kind: str, value: Any) -> str:
        return tokens(value) if kind == "amount" and isinstance(value, int) else str(value)

    lines = [",".join(column.name for column in schema.columns)]
    for row in rows:
        cells = zip(schema.columns, row, strict=True)
        lines.append(",".join(text(column.kind, value) for column, value in cells))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def arrow_table(schema: Schema, rows: list[tuple[Any, ...]], **instead: pa.Array) -> pa.Table:
    columns = {}
    for i, column in enumerate(schema.columns):
        values = [row[i] for row in rows]
        if column.kind == "amount":
            made = pa.array([Decimal(tokens(v)) for v in values], pa.decimal128(38, 18))
        else:
            made = pa.array(values, ARROW.get(column.kind, pa.string()))
        columns[column.name] = instead.get(column.name, made)
    return pa.table(columns)


def write_arrow(path: Path, table: pa.Table, rows_per_chunk: int = 2) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=rows_per_chunk)
    else:
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=rows_per_chunk)
    return path


def write(folder: Path, suffix: str, schema: Schema, rows: list[tuple[Any, ...]]) -> Path:
    path = folder / f"{schema.name}{suffix}"
    if suffix == ".csv":
        return write_csv(path, schema, rows)
    return write_arrow(path, arrow_table(schema, rows))


def rows_of(table: Table) -> list[tuple[Any, ...]]:
    """The rows, each column had from the accessor of its kind."""
    columns: list[Any] = []
    for column in table.schema.columns:
        if column.kind == "amount":
            columns.append(table.amounts(column.name))
        elif column.kind == "tick":
            columns.append(table.ticks(column.name))
        elif column.kind == "count":
            columns.append(table.counts(column.name))
        elif column.kind == "choice":
            columns.append(table.choices(column.name))
        else:
            columns.append(table.texts(column.name).texts())
    return list(zip(*columns, strict=True))


def shuffled(rows: list[tuple[Any, ...]], seed: int) -> list[tuple[Any, ...]]:
    return random.Random(seed).sample(rows, len(rows))


# What is accepted


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow"])
@pytest.mark.parametrize("schema", NEW, ids=lambda schema: schema.name)
def test_every_format_and_order_gives_the_rows_and_their_digest(
    tmp_path: Path, schema: Schema, suffix: str
) -> None:
    expected = ROWS[schema.name]
    for rows in (expected, expected[::-1], *(shuffled(expected, seed) for seed in range(3))):
        table = read_table(write(tmp_path, suffix, schema, rows), schema)
        assert rows_of(table) == expected
        assert list(table.leaves) == [leaf(schema, row) for row in expected]
        assert table.digest == digest_of(schema, expected)


@pytest.mark.parametrize("schema", NEW, ids=lambda schema: schema.name)
def test_from_csv_to_parquet_and_back(tmp_path: Path, schema: Schema) -> None:
    rows = shuffled(ROWS[schema.name], 5)
    table = read_table(write(tmp_path, ".csv", schema, rows), schema)
    write_parquet(table, tmp_path / "again.parquet")
    again = read_table(tmp_path / "again.parquet", schema)
    assert again.digest == table.digest == digest_of(schema, ROWS[schema.name])
    assert rows_of(again) == rows_of(table)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow"])
@pytest.mark.parametrize("schema", NEW, ids=lambda schema: schema.name)
def test_a_table_of_no_rows(tmp_path: Path, schema: Schema, suffix: str) -> None:
    table = read_table(write(tmp_path, suffix, schema, []), schema)
    assert len(table) == 0
    assert rows_of(table) == []
    assert table.root == hashlib.sha256(b"").digest()
    write_parquet(table, tmp_path / "again.parquet")
    assert read_table(tmp_path / "again.parquet", schema).digest == table.digest


def test_the_leaf_of_a_registered_node_byte_by_byte() -> None:
    columns = {
        "node_id": check_ids(["ab"], "ids"),
        "operator_id": check_names(["op"], "names"),
        "role": check_names(["r"], "names"),
        "public_key": check_names(["k" * 257], "keys", MAX_KEY_BYTES),
        "registered_tick": tick_column([258]),
        "revoked_tick": tick_column([NOT_REVOKED]),
    }
    text = b"\x00\x02ab" + b"\x00\x02op" + b"\x00\x01r" + b"\x01\x01" + b"k" * 257
    ticks = b"\x00\x00\x00\x00\x00\x00\x01\x02" + b"\x00\x1f\xff\xff\xff\xff\xff\xff"
    table = canonical(REGISTRY, columns)
    assert list(table.leaves) == [text + ticks]
    assert table.root == hashlib.sha256(b"\0" + text + ticks).digest()


def test_the_leaf_of_a_ballot_byte_by_byte() -> None:
    columns = {
        "seq": tick_column([5]),
        "voter_index": count_column([0x01020304]),
        "choice": choice_column([2]),
        "nonce": tick_column([6]),
        "signature_hash": check_names(["0xff"], "hashes"),
    }
    expected = "0000000000000005" + "01020304" + "02" + "0000000000000006" + "000430786666"
    table = canonical(BALLOTS, columns)
    assert [made.hex() for made in table.leaves] == [expected]
    assert table.root == hashlib.sha256(b"\0" + bytes.fromhex(expected)).digest()


def test_all_schemas_are_listed_by_their_name() -> None:
    old = (NODES, FEES, ALLOCATIONS)
    new = (REGISTRY, TELEMETRY, BALANCES, EXCLUDED, BALLOTS, SIGNATURES)
    assert {schema.name: schema for schema in (*old, *new)} == SCHEMAS
    assert NOT_REVOKED == 2**53 - 1


def test_names_may_be_binary_or_large_in_arrow(tmp_path: Path) -> None:
    rows = ROWS["excluded"]
    for kind in (pa.binary(), pa.large_binary(), pa.large_string(), pa.string_view()):
        reasons = pa.array([row[1] for row in rows]).cast(kind)
        path = write_arrow(tmp_path / "t.arrow", arrow_table(EXCLUDED, rows, reason=reasons))
        assert read_table(path, EXCLUDED).digest == digest_of(EXCLUDED, rows)


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32()])
@pytest.mark.parametrize("wider", [False, True])
def test_integers_of_any_width_are_taken(tmp_path: Path, kind: pa.DataType, wider: bool) -> None:
    if wider:
        kind = {8: pa.uint32(), 16: pa.int64(), 32: pa.uint64()}[kind.bit_width]
    rows = [(i, 127 - i, i, 2 * i, HASH) for i in range(3)]
    names = ("seq", "voter_index", "choice", "nonce")
    instead = {name: pa.array([row[i] for row in rows], kind) for i, name in enumerate(names)}
    for suffix in (".parquet", ".arrow"):
        path = write_arrow(tmp_path / f"b{suffix}", arrow_table(BALLOTS, rows, **instead))
        assert read_table(path, BALLOTS).digest == digest_of(BALLOTS, rows)


@pytest.mark.parametrize("start", [0, 1, 2])
def test_integers_of_a_slice_are_those_of_its_rows(start: int) -> None:
    for code, kind in (("Q", pa.uint64()), ("I", pa.uint32()), ("B", pa.uint8())):
        values = pa.array([3, 1, 2], kind)[start:]
        assert list(integers_from_arrow(values, code)) == [3, 1, 2][start:]  # type: ignore[arg-type]


# What is refused

NODE = ("n", "op", "role", "key", 1, 2)
SEEN = ("n", 1, 2, 3, 4, 5, 6, 7)
BALLOT = (1, 2, 0, 4, HASH)
GOOD = {"registry": NODE, "telemetry": SEEN, "excluded": ("n", "r"), "ballots": BALLOT}


def with_cell(schema: Schema, name: str, value: Any) -> list[tuple[Any, ...]]:
    """A good row and one that is good but for this cell."""
    first = {column.name for column in schema.columns if column.name == schema.order[0]}
    good = GOOD[schema.name]
    second = []
    for column, cell in zip(schema.columns, good, strict=True):
        if column.name == name:
            second.append(value)
        elif column.name in first:
            second.append(cell + 1 if isinstance(cell, int) else cell + "2")
        else:
            second.append(cell)
    return [good, tuple(second)]


BAD_TEXTS = {
    "missing": ("", InvalidNameError),
    "space": ("a b", InvalidNameError),
    "control": ("a\x7fb", InvalidNameError),
    "beyond ascii": ("aé", InvalidNameError),
}
BAD_NUMBERS = {
    "missing": ("", NumberTextError),
    "negative": ("-1", NumberTextError),
    "float": ("1.0", NumberTextError),
    "exponent": ("1e2", NumberTextError),
    "bool": ("true", NumberTextError),
    "null": ("null", NumberTextError),
    "leading zero": ("01", NumberTextError),
}
BAD_CSV: list[tuple[Schema, str, str, type[QfsError]]] = [
    *((REGISTRY, "node_id", text, InvalidIdError) for text, _ in BAD_TEXTS.values()),
    (REGISTRY, "node_id", "n", DuplicateIdError),
    *((REGISTRY, "operator_id", *case) for case in BAD_TEXTS.values()),
    (REGISTRY, "role", "r" * 129, InvalidNameError),
    *((REGISTRY, "public_key", *case) for case in BAD_TEXTS.values()),
    (REGISTRY, "public_key", "k" * (MAX_KEY_BYTES + 1), InvalidNameError),
    *((REGISTRY, "registered_tick", *case) for case in BAD_NUMBERS.values()),
    (REGISTRY, "revoked_tick", str(MAX_TICK + 1), OutOfRangeError),
    *((TELEMETRY, "ai_d", *case) for case in BAD_NUMBERS.values()),
    (TELEMETRY, "uptime_n", str(MAX_COUNT + 1), OutOfRangeError),
    *((BALLOTS, "choice", *case) for case in BAD_NUMBERS.values()),
    (BALLOTS, "seq", "1", DuplicateIdError),
    (BALLOTS, "choice", "3", OutOfRangeError),
    (BALLOTS, "choice", "256", OutOfRangeError),
    (BALLOTS, "voter_index", str(2**32), OutOfRangeError),
    (BALLOTS, "seq", str(2**53), OutOfRangeError),
    (BALLOTS, "seq", "1", DuplicateIdError),
    *((BALLOTS, "signature_hash", *case) for case in BAD_TEXTS.values()),
]


@pytest.mark.parametrize(("schema", "column", "cell", "kind"), BAD_CSV)
def test_bad_cell_of_csv_is_named(
    tmp_path: Path, schema: Schema, column: str, cell: str, kind: type[QfsError]
) -> None:
    path = write_csv(tmp_path / "t.csv", schema, with_cell(schema, column, cell))
    with pytest.raises(QfsError) as caught:
        read_table(path, schema)
    error = caught.value
    assert (type(error), error.argument, error.index) == (kind, column, 1)
    assert error.source == str(path)
    assert str(error).startswith(f"{path}: row 2, {column}: ")
    value = error.value.decode() if isinstance(error.value, bytes) else str(error.value)
    assert value == cell


def signed(*values: int | None) -> pa.Array:
    return pa.array(values, pa.int64())


BAD_ARROW: list[tuple[Schema, str, Callable[[], pa.Array], type[QfsError], int | None]] = [
    (REGISTRY, "role", lambda: pa.array(["a", None]), NullValueError, 1),
    (REGISTRY, "role", lambda: pa.array([1, 2]), WrongTypeError, None),
    (REGISTRY, "role", lambda: pa.array(["a", "b"]).dictionary_encode(), WrongTypeError, None),
    (REGISTRY, "role", lambda: pa.array(["a", "x" * 129]), InvalidNameError, 1),
    (REGISTRY, "role", lambda: pa.array([b"\x20", b"a"]), InvalidNameError, 0),
    (REGISTRY, "role", lambda: pa.array([b"a", b"\x80"]), InvalidNameError, 1),
    (REGISTRY, "public_key", lambda: pa.array([None, "k"]), NullValueError, 0),
    (REGISTRY, "public_key", lambda: pa.array(["k", "k" * 4097]), InvalidNameError, 1),
    (REGISTRY, "revoked_tick", lambda: signed(5, 2**53), OutOfRangeError, 1),
    (REGISTRY, "revoked_tick", lambda: signed(-1, 5), OutOfRangeError, 0),
    (REGISTRY, "revoked_tick", lambda: signed(1, None), NullValueError, 1),
    (TELEMETRY, "ai_n", lambda: signed(MAX_COUNT, MAX_COUNT + 1), OutOfRangeError, 1),
    (TELEMETRY, "ai_n", lambda: signed(0, -1), OutOfRangeError, 1),
    (TELEMETRY, "ai_n", lambda: signed(None, 1), NullValueError, 0),
    (TELEMETRY, "ai_n", lambda: pa.array([1.0, 2.0]), WrongTypeError, None),
    (TELEMETRY, "ai_n", lambda: pa.array([True, False]), WrongTypeError, None),
    (TELEMETRY, "ai_n", lambda: pa.array(["1", "x"]), NumberTextError, 1),
    (TELEMETRY, "ai_n", lambda: pa.array([Decimal(1), Decimal(2)]), WrongTypeError, None),
    (BALLOTS, "choice", lambda: pa.array([2, 3], pa.uint8()), OutOfRangeError, 1),
    (BALLOTS, "choice", lambda: pa.array([0, -1], pa.int8()), OutOfRangeError, 1),
    (BALLOTS, "choice", lambda: signed(256, 0), OutOfRangeError, 0),
    (BALLOTS, "choice", lambda: pa.array([True, False]), WrongTypeError, None),
    (BALLOTS, "seq", lambda: signed(7, 7), DuplicateIdError, 1),
    (BALLOTS, "voter_index", lambda: pa.array([0, 2**64 - 1], pa.uint64()), OutOfRangeError, 1),
]


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
@pytest.mark.parametrize(("schema", "column", "make", "kind", "index"), BAD_ARROW)
def test_bad_column_of_arrow_is_refused(
    tmp_path: Path,
    schema: Schema,
    column: str,
    make: Callable[[], pa.Array],
    kind: type[QfsError],
    index: int | None,
    suffix: str,
) -> None:
    order = schema.order[0]
    rows = with_cell(schema, order, 2 if schema is BALLOTS else "n2")
    values = make()
    table = arrow_table(schema, rows, **{column: values})
    path = write_arrow(tmp_path / f"t{suffix}", table, rows_per_chunk=1)
    with pytest.raises(QfsError) as caught:
        read_table(path, schema)
    error = caught.value
    assert (type(error), error.argument, error.index) == (kind, column, index)
    assert error.source == str(path)
    if index is not None:
        value = values[index].as_py()
        assert error.value in (value, value.encode() if isinstance(value, str) else value)


@pytest.mark.parametrize(
    ("seqs", "row", "first"),
    [
        ([3, 3], 2, 1),
        ([5, 1, 9, 1, 5], 4, 2),
        ([5, 1, 9, 5, 1], 4, 1),
        ([0, 1, 2, 2], 4, 3),
        ([4, 4, 4], 2, 1),
    ],
)
def test_a_seq_that_stands_twice_is_named_at_its_lowest_row(
    tmp_path: Path, seqs: list[int], row: int, first: int
) -> None:
    rows = [(seq, *BALLOT[1:]) for seq in seqs]
    for suffix in (".csv", ".parquet"):
        path = write(tmp_path, suffix, BALLOTS, rows)
        with pytest.raises(DuplicateIdError) as caught:
            read_table(path, BALLOTS)
        assert (caught.value.index, caught.value.value) == (row - 1, seqs[row - 1])
        assert str(caught.value) == (
            f"{path}: row {row}, seq: {seqs[row - 1]} stands twice, first in row {first}"
        )


# Names, and rows that are taken


@pytest.mark.parametrize("width", ["i", "q"])
@pytest.mark.parametrize("maximum", [1, 2, 128, MAX_KEY_BYTES])
def test_length_and_bytes_of_a_name_on_both_sides_of_their_bounds(
    implementation: Any, width: str, maximum: int
) -> None:
    def raw(*names: bytes) -> RawIds:
        offsets = array(width, [3])
        for name in names:
            offsets.append(offsets[-1] + len(name))
        return RawIds(memoryview(offsets), memoryview(b" \0\xff" + b"".join(names) + b" "), None)

    most = b"!" * (maximum - 1) + b"~"
    fine = implementation.check_names(raw(most, b"!", most), "names", maximum)
    assert type(fine) is TextColumn
    assert list(fine) == [most, b"!", most]
    for bad in (b"", most + b"a", most[:-1] + b" ", most[:-1] + b"\x7f", b"\x20" + most[1:]):
        for names in ([most, bad], [most, bad, b"a", b""], [bad]):
            with pytest.raises(InvalidNameError) as caught:
                implementation.check_names(raw(*names), "names", maximum)
            assert caught.value.index == names.index(bad)
            assert caught.value.value == bad
            assert f"1 to {maximum} printable" in str(caught.value)


def test_names_of_a_list_may_repeat(implementation: Any) -> None:
    names = implementation.check_names(["b", b"a", "b"], "names")
    assert list(names.texts()) == ["b", "a", "b"]
    assert list(implementation.check_names(names, "names")) == [b"b", b"a", b"b"]
    assert list(implementation.check_names([], "names")) == []
    for bad, kind in ((7, WrongTypeError), (None, NullValueError), ("x" * 129, InvalidNameError)):
        with pytest.raises(kind) as caught:
            implementation.check_names(["a", bad], "names")
        assert (caught.value.argument, caught.value.index) == ("names", 1)


def test_a_column_of_keys_is_no_column_of_names(implementation: Any) -> None:
    keys = implementation.check_names(["k" * 129], "keys", MAX_KEY_BYTES)
    with pytest.raises(InvalidNameError):
        implementation.check_names(keys, "names")
    with pytest.raises(InvalidIdError):
        implementation.check_ids(keys, "ids")
    twice = implementation.check_names(["a", "a"], "names")
    with pytest.raises(DuplicateIdError):
        implementation.check_ids(twice, "ids")


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9])
@pytest.mark.parametrize("slice_rows", [1, 4, 1 << 17])
def test_words_of_every_width_and_long_texts_hash_as_their_bytes(
    implementation: Any, sliced: Any, count: int, slice_rows: int
) -> None:
    numbers = [(2**32 - 1 - i * 16909060) % 2**32 for i in range(count)]
    leaves = RowLeaves(
        [
            check_names(["k" * (MAX_KEY_BYTES - i) for i in range(count)], "keys", MAX_KEY_BYTES),
            count_column(numbers),
            choice_column(i % 3 for i in range(count)),
            check_names(["x"] * count, "names"),
            memoryview(array("H", [258 + i for i in range(count)])),
        ]
    )
    plain = [
        (MAX_KEY_BYTES - i).to_bytes(2, "big")
        + b"k" * (MAX_KEY_BYTES - i)
        + numbers[i].to_bytes(4, "big")
        + bytes([i % 3])
        + b"\0\1x"
        + (258 + i).to_bytes(2, "big")
        for i in range(count)
    ]
    assert list(leaves) == plain
    with sliced(slice_rows, 1):
        assert implementation.root(leaves) == implementation.root(plain)


COLUMNS: dict[str, Callable[[], Any]] = {
    "ids": lambda: check_ids(["a", "b", "c", "d"], "ids"),
    "narrow ids": lambda: narrow_ids(["a", "b", "c", "d"]),
    "names": lambda: check_names(["b", "a", "b", "k" * 128], "names"),
    "amounts": lambda: Column.from_ints([MAX_VALUE, 0, 5, 2**64]),
    "ticks": lambda: tick_column([MAX_TICK, 0, 5, 2**32]),
    "counts": lambda: count_column([MAX_COUNT, 0, 5, 2**16]),
    "choices": lambda: choice_column([2, 0, 1, 1]),
}


def narrow_ids(ids: list[str]) -> IdColumn:
    """Sorted ids with the offsets of 32 bits that Arrow has for text."""
    raw = read_ids(pa.array(ids), "ids")
    assert isinstance(raw, RawIds)
    return IdColumn(raw.offsets, raw.data, is_sorted=True)


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("rows", [[], [0], [3], [1, 3], [0, 1, 2, 3], [3, 0, 2], [3, 2, 1, 0]])
def test_take_gives_the_values_of_the_rows(name: str, rows: list[int]) -> None:
    column = COLUMNS[name]()
    taken = take(column, array("I", rows))
    assert type(taken) is type(column)
    assert list(taken) == [column[row] for row in rows]
    if isinstance(taken, IdColumn):
        assert taken.is_sorted == (rows == sorted(rows))
    if isinstance(taken, Column):
        assert taken.total == sum(taken)
    if isinstance(taken, memoryview):
        assert taken.format == column.format
        assert taken.readonly


def test_rows_taken_twice_repeat_values_but_never_ids() -> None:
    for name, make in COLUMNS.items():
        column = make()
        if isinstance(column, IdColumn):
            with pytest.raises(DuplicateIdError) as caught:
                take(column, array("I", [2, 0, 2, 1]))
            assert (caught.value.argument, caught.value.index) == ("rows", 2), name
            continue
        taken = take(column, array("I", [2, 0, 2, 1]))
        assert list(taken) == [column[2], column[0], column[2], column[1]], name
        if isinstance(taken, Column):
            assert taken.total == sum(taken)


def test_take_of_ids_that_are_not_sorted_says_so() -> None:
    taken = take(check_ids(["b", "a", "c"], "ids"), array("I", [0, 1]))
    assert isinstance(taken, IdColumn)
    assert not taken.is_sorted
