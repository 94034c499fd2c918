"""Columns: every kind of source that is read, every kind that is refused, and what comes back."""

from __future__ import annotations

import pickle
import sys
from array import array
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from kinds import (
    CELL,
    DECIMAL,
    LARGE_SOURCES,
    SMALL_SOURCES,
    decimals,
    words,
)

import qfs
from qfs import columns
from qfs.errors import LengthMismatchError, NullValueError, OutOfRangeError, WrongTypeError
from qfs.limits import MAX_ROWS, MAX_SCALAR, MAX_VALUE

SMALL = [3, 0, 100, 1]
LARGE = [0, 1, 2**63, 2**64 - 1, 2**64, 2**104 + 1, 2**126, MAX_VALUE]


@pytest.mark.parametrize("source", SMALL_SOURCES)
def test_integers_are_base_units(api_backend: str, source: str) -> None:
    make = SMALL_SOURCES[source]
    result = qfs.mul_div(make(SMALL), 1, 1)
    assert list(result) == SMALL
    assert isinstance(result, {"list": list, "tuple": tuple}.get(source.split()[0], qfs.Column))
    assert list(qfs.allocate(104, make(SMALL)).amounts) == SMALL
    assert sum(qfs.issue(make(SMALL), "1").issued) == 104


@pytest.mark.parametrize("source", LARGE_SOURCES)
@pytest.mark.parametrize("values", [LARGE, [MAX_VALUE], []], ids=["many", "one", "none"])
def test_values_of_every_size(api_backend: str, source: str, values: list[int]) -> None:
    result = qfs.mul_div(LARGE_SOURCES[source](values), 1, 1)
    assert list(result) == values
    assert isinstance(result, {"list": list, "tuple": tuple}.get(source, qfs.Column))


def test_range_and_empty_sequences(api_backend: str) -> None:
    assert list(qfs.mul_div(range(5), 2, 1)) == [0, 2, 4, 6, 8]
    for empty in (
        range(0),
        np.array([], dtype=np.int64),
        array("q"),
        pa.chunked_array([], "int64"),
    ):
        result = qfs.allocate(7, empty)
        assert (len(result.amounts), result.undistributed) == (0, 7)


REFUSED: dict[str, tuple[Callable[[], Any], type[qfs.QfsError], int | None]] = {
    **{
        f"numpy {t}": (lambda t=t: np.array([1], dtype=t), WrongTypeError, None)
        for t in ("float16", "float32", "float64", "longdouble", "complex128", "bool", "M8[s]")
    },
    "numpy no floats": (lambda: np.array([], dtype=float), WrongTypeError, None),
    "numpy texts": (lambda: np.array(["1"]), WrongTypeError, 0),
    "numpy object float": (lambda: np.array([1, 2.0], dtype=object), WrongTypeError, 1),
    "numpy negative": (lambda: np.array([1, -1]), OutOfRangeError, 1),
    "numpy matrix": (lambda: np.array([[1, 2], [3, 4]]), WrongTypeError, None),
    "numpy scalar": (lambda: np.array(1), WrongTypeError, None),
    "numpy half cells": (lambda: words([1, 2])[:, :1], WrongTypeError, None),
    "numpy three words": (lambda: np.zeros((2, 3), np.uint64), WrongTypeError, None),
    "numpy other records": (lambda: np.zeros(2, [("a", "<u8"), ("b", "<u4")]), WrongTypeError, 0),
    "numpy cell too large": (
        lambda: np.array([(0, 0), (0, 2**63)], dtype=CELL),
        OutOfRangeError,
        1,
    ),
    "array of floats": (lambda: array("d", [1.0]), WrongTypeError, None),
    "memoryview of bytes": (lambda: memoryview(b"12").cast("c"), WrongTypeError, 0),
    "arrow float": (lambda: pa.array([1.0]), WrongTypeError, None),
    "arrow bool": (lambda: pa.array([True]), WrongTypeError, None),
    "arrow text": (lambda: pa.array(["1"]), WrongTypeError, None),
    "arrow dictionary": (lambda: pa.array([1]).dictionary_encode(), WrongTypeError, None),
    "arrow scale 2": (lambda: pa.array([1], pa.decimal128(38, 2)), WrongTypeError, None),
    "arrow scale 0": (lambda: pa.array([1], pa.decimal128(38, 0)), WrongTypeError, None),
    "arrow decimal256": (lambda: pa.array([1], pa.decimal256(76, 18)), WrongTypeError, None),
    "arrow decimal64": (
        lambda: pa.array([Decimal("0.5")], pa.decimal64(18, 18)),
        WrongTypeError,
        None,
    ),
    "arrow nulls": (lambda: pa.nulls(2), NullValueError, 0),
    "arrow null": (lambda: pa.array([1, None, -1, None]), NullValueError, 1),
    "arrow null decimal": (lambda: decimals([1, 2, None, 3]), NullValueError, 2),
    "arrow null in a slice": (lambda: decimals([None] * 9 + [1, None])[9:], NullValueError, 1),
    "arrow null after a negative": (lambda: pa.array([1, -1, None]), OutOfRangeError, 1),
    "arrow negative decimal": (lambda: decimals([1, -1, None]), OutOfRangeError, 1),
    "arrow null in a chunk": (
        lambda: pa.chunked_array([decimals([1, 2]), decimals([3, None, None])]),
        NullValueError,
        3,
    ),
    "arrow null row": (
        lambda: pa.StructArray.from_arrays(
            [pa.array([1, 2, 3])], ["a"], mask=pa.array([False, True, False])
        ),
        NullValueError,
        1,
    ),
    "arrow two columns": (lambda: pa.table({"a": [1], "b": [1]}), WrongTypeError, None),
    "arrow no column": (lambda: pa.table({}), WrongTypeError, None),
    "polars float": (lambda: pl.Series([1.0]), WrongTypeError, None),
    "polars bool": (lambda: pl.Series([True]), WrongTypeError, None),
    "polars null": (lambda: pl.Series([1, None]), NullValueError, 1),
    "polars 128 bits": (lambda: pl.Series([1], dtype=pl.Int128), WrongTypeError, None),
    "pandas float": (lambda: pd.Series([1.0]), WrongTypeError, None),
    "pandas null": (lambda: pd.Series([1, None], dtype="Int64"), NullValueError, 1),
    "duckdb float": (lambda: duckdb.sql("select 1::double"), WrongTypeError, None),
    "duckdb null": (lambda: duckdb.sql("select unnest([4, null])"), NullValueError, 1),
    "generator": (lambda: (x for x in (1, 2)), WrongTypeError, None),
    "iterator": (lambda: iter([1]), WrongTypeError, None),
    "set": (lambda: {1, 2}, WrongTypeError, None),
    "dict": (lambda: {1: 2}, WrongTypeError, None),
    "text": (lambda: "12", WrongTypeError, None),
    "bytes": (lambda: b"12", WrongTypeError, None),
    "fraction": (lambda: Fraction(1), WrongTypeError, None),
    "object": (object, WrongTypeError, None),
    "list with null": (lambda: [1, None], NullValueError, 1),
    "list with float": (lambda: [1, 1.0], WrongTypeError, 1),
    "list with bool": (lambda: [True], WrongTypeError, 0),
    "list with numpy bool": (lambda: [np.True_], WrongTypeError, 0),
    "list with text": (lambda: ["1"], WrongTypeError, 0),
    "list with arrays": (lambda: [1, np.array([1, 2])], WrongTypeError, 1),
    "list with negative": (lambda: [1, -1], OutOfRangeError, 1),
    "list with too large": (lambda: [1, MAX_VALUE + 1], OutOfRangeError, 1),
    "list with larger": (lambda: [1, 2**128], OutOfRangeError, 1),
    "list with huge": (lambda: [10**5000], OutOfRangeError, 0),
    "list with a list of huge": (lambda: [[10**5000]], WrongTypeError, 0),
}


@pytest.mark.parametrize("source", REFUSED)
def test_refused(api_backend: str, source: str) -> None:
    make, kind, index = REFUSED[source]
    calls: list[tuple[str, Callable[[Any], Any]]] = [
        ("fees", qfs.issue),
        ("weights", lambda bad: qfs.allocate(1, bad)),
        ("caps", lambda bad: qfs.allocate(1, [1] * max(len(bad), 1), caps=bad)),
        ("b", lambda bad: qfs.mul_div(1, bad, 1)),
    ]
    for argument, call in calls:
        if argument == "caps" and (index is None or not hasattr(make(), "__len__")):
            continue
        with pytest.raises(kind) as caught:
            call(make())
        assert (caught.value.argument, caught.value.index) == (argument, index)
        assert len(str(caught.value)) < 300


def test_numpy_arrays_of_one_are_columns_and_numpy_integers_are_not(api_backend: str) -> None:
    assert list(qfs.mul_div(np.array([7]), 2, 1)) == [14]
    assert qfs.mul_div(np.int64(7), np.uint8(2), 1) == 14
    with pytest.raises(LengthMismatchError) as caught:
        qfs.mul_div(np.array([1]), 2, np.array([1, 2]))
    assert (caught.value.argument, caught.value.index) == ("c", None)


def test_results_go_out_as_they_are(api_backend: str) -> None:
    column = qfs.mul_div(decimals(LARGE), 1, 1)
    arrow = pa.array(column)
    assert arrow.type == DECIMAL
    assert arrow.equals(decimals(LARGE))
    assert arrow.null_count == 0
    series = pl.Series(column)
    assert series.dtype == pl.Decimal(38, 18)
    assert series.to_arrow().cast(DECIMAL).equals(arrow)
    assert pl.DataFrame({"fee": column})["fee"].dtype == pl.Decimal(38, 18)
    found = np.asarray(column)
    assert found.dtype == CELL
    assert [(int(hi) << 64) + int(lo) for lo, hi in found] == LARGE
    assert not found.flags.writeable
    table = pa.table({"fee": pa.array(column)})
    assert duckdb.from_arrow(table).max("fee").fetchall() == [(arrow[len(LARGE) - 1].as_py(),)]
    frame = pd.Series(pd.array(pa.array(column), dtype=pd.ArrowDtype(DECIMAL)))
    for again in (arrow, series, found, table, frame, duckdb.from_arrow(table)):
        assert qfs.mul_div(again, 1, 1) == column


def test_empty_results_go_out_too(api_backend: str) -> None:
    column = qfs.mul_div(decimals([]), 1, 1)
    assert (len(pa.array(column)), len(pl.Series(column)), len(np.asarray(column))) == (0, 0, 0)
    assert (list(column), column.total, column[:].tolist()) == ([], 0, [])


def test_column_as_a_sequence(api_backend: str) -> None:
    column = qfs.Column.from_ints(LARGE)
    assert (len(column), column.total, column.tolist()) == (len(LARGE), sum(LARGE), LARGE)
    assert [column[i] for i in range(-len(LARGE), len(LARGE))] == LARGE + LARGE
    assert column[np.int64(1)] == 1
    for bad in (len(LARGE), -len(LARGE) - 1):
        with pytest.raises(IndexError):
            column[bad]
    for cut in (
        slice(2, 5),
        slice(5, 2),
        slice(None, None, 2),
        slice(None, None, -1),
        slice(-3, 99),
    ):
        part = column[cut]
        assert isinstance(part, qfs.Column)
        assert (part.tolist(), part.total) == (LARGE[cut], sum(LARGE[cut]))
    assert list(reversed(column)) == LARGE[::-1]
    assert (2**64 in column, 17 in column) == (True, False)
    assert (column.index(2**64), column.count(1)) == (4, 1)
    assert column == qfs.Column.from_ints(LARGE) != qfs.Column.from_ints(LARGE[1:])
    assert column != LARGE
    assert repr(column[:2]) == "<Column of 2 values: 0, 1>"
    assert repr(column).endswith(f"{2**63}, ...>")


def test_column_cannot_be_changed_or_hashed() -> None:
    column = qfs.Column.from_ints(SMALL)
    assert column.data.readonly
    assert len(column.data) == 16 * len(SMALL)
    with pytest.raises(TypeError):
        column[0] = 1  # type: ignore[index]
    with pytest.raises(TypeError):
        hash(column)
    with pytest.raises((TypeError, AttributeError)):
        column.other = 1  # type: ignore[attr-defined]
    if sys.version_info >= (3, 12):
        assert memoryview(column).readonly


@pytest.mark.parametrize("bad", [-1, MAX_VALUE + 1, 2**128])
def test_from_ints_checks(bad: int) -> None:
    with pytest.raises(OutOfRangeError) as caught:
        qfs.Column.from_ints([1, bad], "balance")
    assert (caught.value.argument, caught.value.index, caught.value.value) == ("balance", 1, bad)


def test_require_integer() -> None:
    require = columns.require_integer
    assert type(require(np.uint64(5), "n", 5)) is int
    assert require(MAX_SCALAR, "n", MAX_SCALAR) == MAX_SCALAR
    for bad, kind in [(None, NullValueError), (1.0, WrongTypeError), (True, WrongTypeError)]:
        with pytest.raises(kind):
            require(bad, "n", 1)
    for bad in (-1, 6, 10**5000):
        with pytest.raises(OutOfRangeError):
            require(bad, "n", 5)


def test_an_index_method_must_give_an_integer(api_backend: str) -> None:
    class Pretender:
        def __index__(self) -> Any:
            return "5"

    with pytest.raises(WrongTypeError):
        qfs.mul_div([Pretender()], 1, 1)


def test_a_value_that_changes_while_it_is_read_is_never_passed_on(api_backend: str) -> None:
    class Shifty:
        seen = 0

        def __index__(self) -> int:
            Shifty.seen += 1
            return -1 if Shifty.seen == 1 else 5

    with pytest.raises(qfs.QfsError) as caught:
        qfs.mul_div([Shifty()], 1, 1)
    assert caught.value.index == 0


def test_errors_survive_pickling() -> None:
    with pytest.raises(OutOfRangeError) as caught:
        qfs.Column.from_ints([-1])
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.index, again.code) == (str(caught.value), 0, "range")


def test_more_rows_than_positions_are_refused_before_they_are_listed() -> None:
    too_many = range(MAX_ROWS + 1)
    for argument in ("weights", "ids"):
        with pytest.raises(OutOfRangeError, match=f"at most {MAX_ROWS}") as caught:
            qfs.allocate(1, **{"weights": [1], argument: too_many})  # type: ignore[arg-type]
        assert (caught.value.argument, caught.value.value) == (argument, MAX_ROWS + 1)
