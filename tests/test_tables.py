"""Tables: what is read, in which order it stands, what names it, and how bad input is refused."""

from __future__ import annotations

import hashlib
import itertools
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
    NullValueError,
    NumberTextError,
    OutOfRangeError,
    QfsError,
    StorageError,
    TableError,
    WrongTypeError,
)
from qfs.reference import merkle
from qfs.table_files import read_table, write_parquet
from qfs.tables import ALLOCATIONS, FEES, NODES, Table, canonical, tick_column

ROWS = [("b", 10**18), ("a", 1), ("ab", 10**38 - 1), ("a0", 0), ("A", 25 * 10**17)]


def tokens(value: int) -> str:
    whole, rest = divmod(value, 10**18)
    return f"{whole}.{rest:018d}"


def write_csv(path: Path, header: str, rows: list[tuple[object, ...]]) -> Path:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def arrow_nodes(rows: list[tuple[str, int]], **types: Any) -> pa.Table:
    weights = [Decimal(tokens(weight)) for _, weight in rows]
    return pa.table(
        {
            "node_id": pa.array([node for node, _ in rows], types.get("ids", pa.string())),
            "weight": pa.array(weights, pa.decimal128(38, 18)),
        }
    )


def write_arrow(path: Path, table: pa.Table) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    return path


def write_nodes(folder: Path, suffix: str, rows: list[tuple[str, int]]) -> Path:
    path = folder / f"nodes{suffix}"
    if suffix == ".csv":
        return write_csv(path, "node_id,weight", [(node, tokens(w)) for node, w in rows])
    return write_arrow(path, arrow_nodes(rows))


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ".ipc"])
def test_every_format_and_row_order_gives_the_same_table(tmp_path: Path, suffix: str) -> None:
    expected = sorted((node.encode(), weight) for node, weight in ROWS)
    digests = set()
    for rows in itertools.islice(itertools.permutations(ROWS), 0, None, 11):
        table = read_table(write_nodes(tmp_path, suffix, list(rows)), NODES)
        pairs = zip(table.ids("node_id"), table.amounts("weight"), strict=True)
        assert list(pairs) == expected
        digests.add(table.digest)
    assert len(digests) == 1


def test_digest_is_what_the_specification_says() -> None:
    table = canonical(
        FEES,
        {
            "tick": tick_column([7, 5]),
            "action_id": _ids([b"x", b"yy"]),
            "fee": Column.from_ints([3, 10**38 - 1]),
        },
    )
    leaves = [
        (5).to_bytes(8, "big") + b"\x00\x02yy" + (10**38 - 1).to_bytes(16, "big"),
        (7).to_bytes(8, "big") + b"\x00\x01x" + (3).to_bytes(16, "big"),
    ]
    hashes = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    root = hashlib.sha256(b"\x01" + b"".join(hashes)).digest()
    assert table.root == root
    tag = b"qfs/table/v1"
    content = bytes([len(tag)]) + tag + b"\x00\x04fees" + (2).to_bytes(8, "big") + root
    assert table.digest == hashlib.sha256(content).digest()


def test_empty_table_has_the_empty_root(tmp_path: Path) -> None:
    table = read_table(write_csv(tmp_path / "n.csv", "node_id,weight", []), NODES)
    assert len(table) == 0
    assert table.root == merkle.EMPTY_ROOT == hashlib.sha256(b"").digest()


def test_fees_stand_by_tick_then_action(tmp_path: Path) -> None:
    rows = [(tick, f"{name}", 1) for tick in (9, 10, 2) for name in ("b", "a", "ab")]
    path = write_csv(tmp_path / "fees.csv", "tick,action_id,fee_base_units", [])
    path.write_text(
        "tick,action_id,fee_base_units\n"
        + "".join(f"{tick},{name}-{tick},{fee}\n" for tick, name, fee in rows)
    )
    table = read_table(path, FEES)
    keys = list(zip(table.ticks("tick"), table.ids("action_id"), strict=True))
    assert keys == sorted(keys)
    assert len(keys) == len(rows)


def test_parquet_round_trip_keeps_the_digest(tmp_path: Path) -> None:
    ids = _ids([b"a", b"b", b"c" * 128])
    amounts = Column.from_ints([0, 1, 10**38 - 1])
    columns = {"node_id": ids, "weight": amounts, "cap": amounts, "amount": amounts}
    table = Table(ALLOCATIONS, columns)
    write_parquet(table, tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet", ALLOCATIONS).digest == table.digest


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("node_id,weight\r\na,1\r\n", 10**18),
        ("\ufeffnode_id,weight\na,1.5\n", 15 * 10**17),
        ('node_id,weight\n"a","0.000000000000000001"\n', 1),
        ("weight_base_units,node_id\n99999999999999999999999999999999999999,a", 10**38 - 1),
    ],
    ids=["crlf", "bom", "quoted", "base units, no final newline"],
)
def test_accepted_spellings_of_csv(tmp_path: Path, text: str, value: int) -> None:
    path = tmp_path / "nodes.csv"
    path.write_bytes(text.encode())
    assert list(read_table(path, NODES).amounts("weight")) == [value]


BAD_CELLS = {
    "duplicate id": ("a,1\nb,1\na,2", DuplicateIdError, "node_id", 2),
    "empty id": ("a,1\n,1", InvalidIdError, "node_id", 1),
    "id with a space": ("a,1\na b,1", InvalidIdError, "node_id", 1),
    "id beyond ascii": ("a,1\né,1", InvalidIdError, "node_id", 1),
    "id too long": ("a,1\n" + "x" * 129 + ",1", InvalidIdError, "node_id", 1),
    "exponent": ("a,1\nb,1e3", NumberTextError, "weight", 1),
    "negative": ("a,-1", NumberTextError, "weight", 0),
    "plus": ("a,+1", NumberTextError, "weight", 0),
    "nan": ("a,NaN", NumberTextError, "weight", 0),
    "infinity": ("a,inf", NumberTextError, "weight", 0),
    "nothing": ("a,1\nb,", NumberTextError, "weight", 1),
    "null": ("a,null", NumberTextError, "weight", 0),
    "19 decimals": ("a,0.0000000000000000001", NumberTextError, "weight", 0),
    "leading zero": ("a,01", NumberTextError, "weight", 0),
    "quoted thousands": ('a,"1,000"', NumberTextError, "weight", 0),
    "arabic digits": ("a,\u0661", NumberTextError, "weight", 0),
    "10^38 base units": ("a,100000000000000000000", OutOfRangeError, "weight", 0),
}


@pytest.mark.parametrize("name", BAD_CELLS)
def test_bad_cell_names_file_column_row_and_value(tmp_path: Path, name: str) -> None:
    rows, kind, column, index = BAD_CELLS[name]
    path = tmp_path / "nodes.csv"
    path.write_text(f"node_id,weight\n{rows}\n", encoding="utf-8")
    with pytest.raises(QfsError) as caught:
        read_table(path, NODES)
    error = caught.value
    assert (type(error), error.argument, error.index) == (kind, column, index)
    assert error.source == str(path)
    assert str(error).startswith(f"{path}: row {index + 1}, {column}: ")


BAD_FILES: dict[str, tuple[bytes, type[QfsError], str]] = {
    "empty file": (b"", TableError, "mpty"),
    "no header": (b"\n\n", TableError, ""),
    "missing column": (b"node_id\na\n", TableError, "weight: column missing"),
    "other column": (b"node_id,weight,color\na,1,red\n", TableError, "unexpected column"),
    "column twice": (b"node_id,weight,weight\na,1,1\n", TableError, "twice"),
    "both units": (b"node_id,weight,weight_base_units\na,1,1\n", TableError, "given twice"),
    "thousands": (b"node_id,weight\na,1\nb,1,000\n", TableError, "row 2"),
    "short row": (b"node_id,weight\na\n", TableError, "row 1"),
    "not utf-8": (b"node_id,weight\n\xff\xfe,1\n", TableError, "cannot be read"),
    "semicolons": (b"node_id;weight\na;1\n", TableError, "unexpected column"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file_says_what_would_be_right(tmp_path: Path, name: str) -> None:
    content, kind, words = BAD_FILES[name]
    path = tmp_path / "nodes.csv"
    path.write_bytes(content)
    with pytest.raises(kind) as caught:
        read_table(path, NODES)
    assert caught.value.source == str(path)
    assert words in str(caught.value)


def _with(column: str, values: pa.Array) -> Callable[[], pa.Table]:
    base = {
        "node_id": pa.array(["a", "b"]),
        "weight": pa.array([Decimal(1), Decimal(2)], pa.decimal128(38, 18)),
    }
    return lambda: pa.table({**base, column: values})


BAD_ARROW: dict[str, tuple[Callable[[], pa.Table], type[QfsError], int | None]] = {
    "float": (_with("weight", pa.array([1.0, 2.0])), WrongTypeError, None),
    "bool": (_with("weight", pa.array([True, False])), WrongTypeError, None),
    "integer tokens": (_with("weight", pa.array([1, 2])), WrongTypeError, None),
    "other scale": (
        _with("weight", pa.array([Decimal(1), Decimal(2)], pa.decimal128(38, 6))),
        WrongTypeError,
        None,
    ),
    "decimal256": (
        _with("weight", pa.array([Decimal(1), Decimal(2)], pa.decimal256(60, 18))),
        WrongTypeError,
        None,
    ),
    "null weight": (
        _with("weight", pa.array([Decimal(1), None], pa.decimal128(38, 18))),
        NullValueError,
        1,
    ),
    "negative": (
        _with("weight", pa.array([Decimal(1), Decimal(-2)], pa.decimal128(38, 18))),
        OutOfRangeError,
        1,
    ),
    "null id": (_with("node_id", pa.array(["a", None])), NullValueError, 1),
    "integer id": (_with("node_id", pa.array([1, 2])), WrongTypeError, None),
    "same id": (_with("node_id", pa.array([b"a", b"a"])), DuplicateIdError, 1),
}


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
@pytest.mark.parametrize("name", BAD_ARROW)
def test_bad_arrow_column_is_refused(tmp_path: Path, name: str, suffix: str) -> None:
    make, kind, index = BAD_ARROW[name]
    path = write_arrow(tmp_path / f"nodes{suffix}", make())
    with pytest.raises(QfsError) as caught:
        read_table(path, NODES)
    assert (type(caught.value), caught.value.index) == (kind, index)
    assert caught.value.source == str(path)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ".txt", ""])
def test_what_cannot_be_opened_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"absent{suffix}"
    with pytest.raises((StorageError, TableError)) as caught:
        read_table(path, NODES)
    assert caught.value.source == str(path)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
@pytest.mark.parametrize("content", [b"", b"node_id,weight\na,1\n", b"PAR1" + bytes(40) + b"PAR1"])
def test_what_is_not_the_format_it_says_is_refused(
    tmp_path: Path, suffix: str, content: bytes
) -> None:
    path = tmp_path / f"nodes{suffix}"
    path.write_bytes(content)
    with pytest.raises(QfsError) as caught:
        read_table(path, NODES)
    assert caught.value.source == str(path)


def test_folder_instead_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "nodes.csv"
    path.mkdir()
    with pytest.raises(StorageError):
        read_table(path, NODES)


def test_integer_columns_of_base_units_in_parquet(tmp_path: Path) -> None:
    table = pa.table({"node_id": ["a", "b"], "weight_base_units": pa.array([5, 7], pa.uint64())})
    path = write_arrow(tmp_path / "nodes.parquet", table)
    assert list(read_table(path, NODES).amounts("weight")) == [5, 7]


def test_negative_decimal_is_shown_as_it_was_meant(tmp_path: Path) -> None:
    values = pa.array([Decimal(1), Decimal(-2)], pa.decimal128(38, 18))
    path = write_arrow(tmp_path / "nodes.parquet", _with("weight", values)())
    with pytest.raises(OutOfRangeError) as caught:
        read_table(path, NODES)
    assert caught.value.value == -2 * 10**18


@pytest.mark.parametrize("end", [2**31 - 1, -1, 1 << 20])
def test_offsets_that_lead_out_of_the_file_are_refused(tmp_path: Path, end: int) -> None:
    path = write_arrow(tmp_path / "nodes.arrow", arrow_nodes([("ann", 1), ("bob", 2)]))
    good = path.read_bytes()
    offsets = b"".join(x.to_bytes(4, "little") for x in (0, 3, 6))
    assert good.count(offsets) == 1
    bad = offsets[:8] + end.to_bytes(4, "little", signed=True)
    path.write_bytes(good.replace(offsets, bad))
    with pytest.raises(TableError):
        read_table(path, NODES)


def test_other_columns_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    path = write_arrow(tmp_path / "nodes.parquet", pa.table({"junk": pa.nulls(10**7, pa.int64())}))
    with pytest.raises(TableError, match="unexpected column"):
        read_table(path, NODES)


def _ids(values: list[bytes]) -> Any:
    from qfs.ids import check_ids

    return check_ids(values, "ids")


def test_a_ragged_row_that_is_not_utf8_is_refused_without_a_word_on_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nodes.csv"
    path.write_bytes(b"node_id,weight\na,1\n\xff,2,3\n")
    with pytest.raises(TableError, match="cannot be read"):
        read_table(path, NODES)
    assert capfd.readouterr().err == ""
