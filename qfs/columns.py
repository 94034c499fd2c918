"""Columns of amounts: the one form in which many values travel through this package.

A `Column` is a run of 16-byte cells, unsigned and little-endian, each 0 .. 10^38 - 1: the memory
of an Arrow decimal128(38, 18) without nulls, whose unscaled values are base units. It is read
once from whatever the caller has (`read_values`), checked once by the backend, and then only
passed on.
"""

from __future__ import annotations

import ctypes
import operator
import re
import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast, overload

from qfs import arrow, words
from qfs.cells import Cells, RawCells
from qfs.errors import (
    LengthMismatchError,
    NullValueError,
    OutOfRangeError,
    WrongTypeError,
    shown,
)
from qfs.limits import CELL_BYTES, MAX_ROWS, MAX_SCALAR, MAX_TICK, MAX_VALUE, TOKEN_DECIMALS
from qfs.words import RawIntegers

_NATIVE_WORDS = ("L", "Q") if sys.byteorder == "little" else ()
_CELL_FORMATS = ("16x", "T{<Q:lo:<Q:hi:}", *(f"T{{{w}:lo:{w}:hi:}}" for w in _NATIVE_WORDS))
_DECIMAL = re.compile(rf"[0-9]+,{TOKEN_DECIMALS}(,128)?")
_FLOAT_AND_BOOL_FORMATS = ("e", "f", "d", "g", "Zf", "Zd", "Zg", "?")


class _Cell(ctypes.LittleEndianStructure):
    _fields_ = [("lo", ctypes.c_uint64), ("hi", ctypes.c_uint64)]


if TYPE_CHECKING:
    _Integers = Sequence[int]
else:
    # Polars reads an instance of Sequence value by value, as integers without a scale, before it
    # looks for the Arrow interface. So a Column behaves as one and is no instance of it.
    _Integers = object


class Column(_Integers):
    """Immutable base-unit amounts in 16-byte cells.

    It is a sequence of ints, and hands its memory over without a copy: to pyarrow, Polars, DuckDB
    and pandas through the Arrow PyCapsule interface (without the kernel, pyarrow makes the
    capsules), to NumPy as records of `lo` and `hi`, and to anything else as bytes through `data`,
    or from Python 3.12 as a buffer.
    """

    __slots__ = ("__weakref__", "_cells", "_total")

    _cells: Cells
    _total: int | None

    def __init__(self) -> None:
        raise TypeError("a Column is made by from_ints, from_cells and the functions of qfs")

    @classmethod
    def trusted(
        cls, data: bytes | bytearray | memoryview | Cells, total: int | None = None
    ) -> Column:
        """Cells that were checked before, and their sum where it is known. Nothing is looked at:
        for callers inside this package."""
        column = cls.__new__(cls)
        if not isinstance(data, Cells):
            data = Cells((memoryview(data).cast("B").toreadonly(),))
        column._cells = data
        column._total = total
        return column

    @classmethod
    def from_cells(cls, cells: bytes | bytearray | memoryview, argument: str = "cells") -> Column:
        """A column of a copy of these cells: 16 bytes per value, little-endian, unsigned.

        Raises:
            LengthMismatchError: their length is no multiple of 16.
            OutOfRangeError: a value is above 10^38 - 1.
        """
        data = bytes(cells)
        if len(data) % CELL_BYTES:
            raise LengthMismatchError(
                f"{len(data)} bytes; 16 per value are needed", argument=argument, value=len(data)
            )
        return cls.from_ints(
            (hi << 64 | lo for lo, hi in struct.iter_unpack("<QQ", data)), argument
        )

    @classmethod
    def from_ints(cls, values: Iterable[int], argument: str = "values") -> Column:
        """A column of these integers, each 0 .. 10^38 - 1."""
        cells = bytearray()
        total = 0
        for i, value in enumerate(values):
            amount = require_integer(value, argument, MAX_VALUE, i)
            total += amount
            cells += amount.to_bytes(CELL_BYTES, "little")
        return cls.trusted(cells, total)

    @property
    def data(self) -> memoryview:
        """The cells as read-only bytes, 16 per value, little-endian."""
        return self._cells.data

    @property
    def cells(self) -> Cells:
        """The cells where they lie, which may be in several pieces."""
        return self._cells

    @property
    def has_total(self) -> bool:
        """Whether the sum is known already."""
        return self._total is not None

    @property
    def total(self) -> int:
        """The exact sum of the values."""
        if self._total is None:
            self._total = sum(self)
        return self._total

    def __len__(self) -> int:
        return len(self._cells)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Column: ...
    def __getitem__(self, index: int | slice) -> int | Column:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                return Column.trusted(self.data[start * CELL_BYTES : max(start, stop) * CELL_BYTES])
            return Column.from_ints(self[i] for i in range(start, stop, step))
        position = range(len(self))[index]
        cell = self.data[position * CELL_BYTES : (position + 1) * CELL_BYTES]
        return int.from_bytes(cell, "little")

    def __iter__(self) -> Iterator[int]:
        for lo, hi in struct.iter_unpack("<QQ", self.data):
            yield hi << 64 | lo

    index = Sequence.index
    count = Sequence.count

    def tolist(self) -> list[int]:
        """The values as a list of ints."""
        return list(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Column):
            return NotImplemented
        return self.data == other.data

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        few = ", ".join(str(value) for value in self[:3])
        return f"<Column of {len(self)} values: {few}{', ...' if len(self) > 3 else ''}>"

    def __arrow_c_schema__(self) -> object:
        return arrow.exporter(self.data[:0])[0]

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return arrow.exporter(self.data)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return {
            "version": 3,
            "shape": (len(self),),
            "typestr": f"|V{CELL_BYTES}",
            "descr": [("lo", "<u8"), ("hi", "<u8")],
            "data": self.data,
        }

    if sys.version_info >= (3, 12):

        def __buffer__(self, flags: int) -> memoryview:
            if not self.data:
                return self.data
            cells = (_Cell * len(self)).from_address(arrow.address(self.data))
            cells.owner = self.data  # type: ignore[attr-defined]
            return memoryview(cells).toreadonly()


Raw = Column | RawCells | RawIntegers | Sequence[Any]
"""Values as read and not yet checked; a `Column` has been checked before."""


def raw_length(raw: Raw) -> int:
    """Number of rows."""
    return len(raw)


def read_values(source: object, argument: str) -> Raw:
    """Find the values in what the caller gave, without looking at any one of them.

    Accepts a list, tuple or other sequence of ints, a `Column`, an Arrow array or stream
    (decimal of scale 18, or integers), and buffers of integers or of 16-byte cells.
    """
    if isinstance(source, (list, tuple, Column)):
        raw: Raw = source
    elif isinstance(source, (str, bytes, bytearray, dict)):
        raise WrongTypeError(
            f"a {type(source).__name__}; a sequence of integers is needed", argument=argument
        )
    elif arrow.is_arrow(source):
        raw = _join([_read_chunk(c, argument) for c in arrow.read_chunks(source, argument)])
    else:
        raw = _read_buffer(source, argument)
    require_rows(raw_length(raw), argument)
    return raw


def require_rows(rows: int, argument: str) -> None:
    """A column of so many rows can be.

    Raises:
        OutOfRangeError: more than MAX_ROWS.
    """
    if rows > MAX_ROWS:
        raise OutOfRangeError(
            f"{rows} rows; at most {MAX_ROWS} are accepted", argument=argument, value=rows
        )


def require_integer(value: object, argument: str, maximum: int, index: int | None = None) -> int:
    """The value as an int of 0 .. maximum.

    Raises:
        NullValueError, WrongTypeError, OutOfRangeError: in this order of precedence.
    """
    place: dict[str, Any] = {"argument": argument, "index": index, "value": value}
    if value is None:
        raise NullValueError("missing; an integer is needed", **place)
    integer = _as_integer(value)
    if integer is None:
        raise WrongTypeError(
            f"{shown(value)} is a {type(value).__name__}; an integer is needed", **place
        )
    if not 0 <= integer <= maximum:
        raise OutOfRangeError(f"{shown(integer)} is outside 0 .. {bound_text(maximum)}", **place)
    return integer


def _as_integer(value: Any) -> int | None:
    """The value as an int, or None where it is no integer. A bool is none."""
    if type(value) is int:
        return value
    if isinstance(value, bool):
        return None
    try:
        return int(operator.index(value))
    except TypeError:
        return None


def require_same_length(**lengths: int | None) -> None:
    """All lengths that are given are equal.

    Raises:
        LengthMismatchError: it names the first argument that differs from the first of all.
    """
    given = [(name, length) for name, length in lengths.items() if length is not None]
    for name, length in given[1:]:
        if length != given[0][1]:
            raise LengthMismatchError(
                f"{length} rows, but {given[0][0]} has {given[0][1]}", argument=name, value=length
            )


def bound_text(maximum: int) -> str:
    """A bound as people write it."""
    known = {MAX_VALUE: "10^38 - 1", MAX_SCALAR: "2^128 - 1", MAX_TICK: "2^53 - 1"}
    return known.get(maximum, str(maximum))


def _join(parts: list[Raw]) -> Raw:
    """The chunks of one column as one; cells stay where they lie."""
    if len(parts) == 1:
        return parts[0]
    integers = [part for part in parts if isinstance(part, RawIntegers)]
    if len(integers) == len(parts):
        return words.join(integers)
    cells: list[RawCells] = [part for part in parts if isinstance(part, RawCells)]
    if len(cells) < len(parts):
        return [value for part in parts for value in cast("Sequence[Any]", part)]
    first_null, rows = None, 0
    for part in cells:
        if first_null is None and part.first_null is not None:
            first_null = rows + part.first_null
        rows += len(part)
    pieces = [part.data for part in cells if len(part)]
    return RawCells(Cells(pieces), first_null, cells[0].signed)


def _read_chunk(chunk: arrow.Chunk, argument: str) -> Raw:
    kind, _, parameters = chunk.format.partition(":")
    if kind == "d":
        if not _DECIMAL.fullmatch(parameters):
            raise WrongTypeError(
                f"Arrow decimal {parameters} has not scale {TOKEN_DECIMALS} and 128 bits;"
                f" decimal128(38, {TOKEN_DECIMALS}) is needed",
                argument=argument,
            )
        size = chunk.length * CELL_BYTES
        data = chunk.memory(1, chunk.offset * CELL_BYTES, size) if size else memoryview(b"")
        return RawCells(data, chunk.first_null, signed=True)
    if chunk.format in words.ARROW_FORMATS:
        return words.from_chunk(chunk)
    if chunk.format == "n":
        return [None] * chunk.length
    raise WrongTypeError(
        f"Arrow type {shown(chunk.format)};"
        f" decimal128(38, {TOKEN_DECIMALS}) or an integer type is needed",
        argument=argument,
    )


def _read_buffer(source: Any, argument: str) -> Raw:
    if hasattr(source, "mask"):
        # The buffer of a NumPy masked array shows the values behind the mask.
        raise WrongTypeError("a masked array; values without a mask are needed", argument=argument)
    try:
        view = memoryview(source)
    except (TypeError, ValueError):
        # NumPy has dtypes without a buffer format, such as dates; it says so with a ValueError.
        if isinstance(source, Sequence):
            require_rows(len(source), argument)
            return list(source)
        raise WrongTypeError(
            f"a {type(source).__name__}; a sequence of integers is needed", argument=argument
        ) from None
    if view.format in _FLOAT_AND_BOOL_FORMATS:
        raise WrongTypeError(
            f"values of type {getattr(source, 'dtype', view.format)}; integers are needed",
            argument=argument,
        )
    cells = (view.ndim == 1 and view.format in _CELL_FORMATS) or (
        view.ndim == 2
        and view.format in ("B", *_NATIVE_WORDS)
        and view.nbytes == len(view) * CELL_BYTES
    )
    if cells:
        flat = view if view.c_contiguous else memoryview(view.tobytes())
        return RawCells(_as_bytes(flat), None)
    if view.ndim != 1:
        raise WrongTypeError(
            f"{view.ndim} dimensions; one value per row is needed", argument=argument
        )
    return words.from_buffer(view) if view.format in words.FORMATS else list(source)


def _as_bytes(view: memoryview) -> memoryview:
    """The same memory as plain bytes; a record format cannot be cast, so it goes by address."""
    if view.nbytes == 0:
        return memoryview(b"")
    if view.format in ("B", "L", "Q"):
        return view.cast("B")
    piece = (ctypes.c_ubyte * view.nbytes).from_address(arrow.address(view))
    piece.owner = view  # type: ignore[attr-defined]
    return memoryview(piece).cast("B").toreadonly()
