"""Every kind of source that a column is read from, made from a list of integers.

Lists and buffers of each width, NumPy, Arrow and all that hands over Arrow's memory: whole, cut,
in chunks, with other rows between, and in memory that cannot be written.
"""

from __future__ import annotations

import ctypes
from array import array
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

import qfs
from qfs.limits import MAX_VALUE

DECIMAL = pa.decimal128(38, 18)

CELL = np.dtype([("lo", "<u8"), ("hi", "<u8")])


def decimals(values: Iterable[int | None], kind: pa.DataType = DECIMAL) -> pa.Array:
    """An Arrow decimal column of these base units; pyarrow's own way rounds beyond 28 digits."""
    values = list(values)
    cells = b"".join((value or 0).to_bytes(16, "little", signed=True) for value in values)
    bits = sum(1 << i for i, value in enumerate(values) if value is not None)
    valid = bits.to_bytes(len(values) // 8 + 1, "little")
    return pa.Array.from_buffers(kind, len(values), [pa.py_buffer(valid), pa.py_buffer(cells)])


def cells(values: list[int]) -> np.ndarray:
    return np.array([(value % 2**64, value >> 64) for value in values], dtype=CELL)


def words(values: list[int]) -> np.ndarray:
    return np.array([(value % 2**64, value >> 64) for value in values], dtype=np.uint64)


def spread(values: np.ndarray) -> np.ndarray:
    """The same values with other rows between them."""
    apart = np.empty((2 * len(values), *values.shape[1:]), dtype=values.dtype)
    apart[::2] = apart[1::2] = values
    return apart[::2]


def read_only(values: np.ndarray) -> np.ndarray:
    values.setflags(write=False)
    return values


def pieces(values: list[Any]) -> list[list[Any]]:
    """Chunks of several lengths, one of them empty."""
    return [values[:1], [], values[1:3], values[3:]]


class Producer:
    """Offers nothing but the stream of an Arrow table."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


SMALL_SOURCES: dict[str, Callable[[list[int]], Any]] = {
    "list": list,
    "tuple": tuple,
    "deque": deque,
    "list of numpy integers": lambda v: list(np.array(v, dtype=np.int16)),
    **{f"array {c}": lambda v, c=c: array(c, v) for c in "bBhHiIlLqQ"},
    "memoryview": lambda v: memoryview(array("I", v))[::1],
    "memoryview of bytes": lambda v: memoryview(bytes(v)),
    "ctypes": lambda v: (ctypes.c_uint32 * len(v))(*v),
    **{
        f"numpy {t}": lambda v, t=t: np.array(v, dtype=t)
        for t in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
    },
    "numpy big-endian": lambda v: np.array(v, dtype=">i8"),
    "numpy apart": lambda v: spread(np.array(v, dtype=np.uint64)),
    "numpy backwards": lambda v: np.array(v[::-1])[::-1],
    "numpy read-only": lambda v: read_only(np.array(v, dtype=np.uint64)),
    **{
        f"arrow {t}": lambda v, t=t: pa.array(v, t)
        for t in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
    },
    "arrow slice": lambda v: pa.array([7, None, *v, None], "int64").slice(2, len(v)),
    "arrow chunks": lambda v: pa.chunked_array(pieces(v), "uint32"),
    "polars": lambda v: pl.Series(v),
    "polars slice": lambda v: pl.Series([9, *v], dtype=pl.UInt16)[1:],
    "polars chunks": lambda v: pl.concat([pl.Series(p, dtype=pl.Int64) for p in pieces(v)]),
    "pandas": lambda v: pd.Series(v),
    "pandas nullable": lambda v: pd.Series(v, dtype="Int64"),
    "pandas arrow": lambda v: pd.Series(v, dtype="uint32[pyarrow]"),
    "duckdb": lambda v: duckdb.sql(f"select unnest({v}) as fee"),
}

LARGE_SOURCES: dict[str, Callable[[list[int]], Any]] = {
    "list": list,
    "tuple": tuple,
    "column": qfs.Column.from_ints,
    "column slice": lambda v: qfs.Column.from_ints([5, *v, 5])[1:-1],
    "numpy objects": lambda v: np.array(v, dtype=object),
    "numpy cells": cells,
    "numpy cells apart": lambda v: spread(cells(v)),
    "numpy cells read-only": lambda v: read_only(cells(v)),
    "numpy words": words,
    "numpy words apart": lambda v: spread(words(v)),
    "numpy words backwards": lambda v: words(v[::-1])[::-1],
    "numpy words by column": lambda v: np.asfortranarray(words(v)),
    "numpy bytes": lambda v: words(v).view(np.uint8).reshape(-1, 16),
    "numpy void": lambda v: cells(v).view("V16"),
    "arrow": decimals,
    "arrow of less precision": lambda v: decimals(v, pa.decimal128(30, 18)),
    "arrow slice": lambda v: decimals([8, None, *v, None]).slice(2, len(v)),
    "arrow chunks": lambda v: pa.chunked_array([decimals(p) for p in pieces(v)]),
    "arrow table": lambda v: pa.table({"fee": decimals([1, *v])}).slice(1),
    "arrow table of chunks": lambda v: pa.table(
        {"fee": pa.chunked_array([decimals(p) for p in pieces(v)])}
    ),
    "arrow batch": lambda v: pa.record_batch({"fee": decimals([1, *v])}).slice(1),
    "arrow struct": lambda v: pa.StructArray.from_arrays([decimals([1, *v])], ["fee"])[1:],
    "arrow reader": lambda v: pa.table({"fee": decimals(v)}).to_reader(max_chunksize=3),
    "stream": lambda v: Producer(pa.table({"fee": decimals(v)})),
    "polars": lambda v: pl.Series(decimals(v)),
    "polars slice": lambda v: pl.Series(decimals([4, *v]))[1:],
    "polars frame": lambda v: pl.DataFrame({"fee": decimals(v)}),
    "polars chunks": lambda v: pl.concat([pl.Series(decimals(p)) for p in pieces(v)]),
    "pandas": lambda v: pd.Series(decimals(v), dtype=pd.ArrowDtype(DECIMAL)),
    "duckdb": lambda v: duckdb.from_arrow(pa.table({"fee": decimals(v)})),
}

WIDTHS = {
    **{
        f"{sign}int{bits}": 2 ** (bits - (not sign)) - 1
        for sign in ("u", "")
        for bits in (8, 16, 32, 64)
    },
    **{code: 2 ** (8 * array(code).itemsize - code.islower()) - 1 for code in "bBhHiIlLqQ"},
}
LARGEST = {
    **{name: WIDTHS.get(name.split()[-1], 2**63 - 1) for name in SMALL_SOURCES},
    "deque": MAX_VALUE,
    "list of numpy integers": 2**15 - 1,
    "memoryview of bytes": 255,
    "memoryview": 2**32 - 1,
    "ctypes": 2**32 - 1,
    "arrow chunks": 2**32 - 1,
    "polars slice": 2**16 - 1,
    "pandas arrow": 2**32 - 1,
}
"""The largest value that a source of small integers can hold."""
