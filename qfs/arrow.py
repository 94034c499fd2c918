"""The Arrow PyCapsule interface, read through ctypes.

It lets pyarrow, Polars, DuckDB and pandas hand over their memory, and take ours, without a copy
and without being a dependency.

Source: https://arrow.apache.org/docs/format/CDataInterface.html and .../PyCapsuleInterface.html
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

from qfs.errors import MissingDependencyError, OutOfRangeError, WrongTypeError
from qfs.limits import MAX_ROWS

_MAX_OFFSET = 1 << 48
"""A row further behind the start of its buffer lies outside any memory there is."""

_VIEWS = ("vu", "vz")
_MAX_BUFFERS = 3
"""Of an array that is read, unless it is of views."""

_RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_GET = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


class _Schema(ctypes.Structure):
    pass


_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]


class _Array(ctypes.Structure):
    pass


_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]


class _Stream(ctypes.Structure):
    _fields_ = [
        ("get_schema", ctypes.c_void_p),
        ("get_next", ctypes.c_void_p),
        ("get_last_error", ctypes.c_void_p),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    ]


_api = ctypes.pythonapi
_capsule_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", _api)
)


class _Owned:
    """A structure taken over from a producer, released when nothing refers to it any more."""

    def __init__(self, structure: _Schema | _Array | _Stream) -> None:
        self.structure = structure

    def __del__(self) -> None:
        release = self.structure.release
        if release:
            _RELEASE(release)(ctypes.addressof(self.structure))


class Chunk(NamedTuple):
    """One array of a column: a run of rows that lies in memory as one piece."""

    format: str
    """the Arrow format string, such as `d:38,18` or `u`"""
    length: int
    offset: int
    first_null: int | None
    """position of the first null, or None"""
    buffers: tuple[int, ...]
    """addresses; 0 where a buffer is absent"""
    owner: object

    def memory(self, index: int, start: int, size: int) -> memoryview:
        """Bytes start .. start + size of a buffer, read-only; they keep their owner alive."""
        if start < 0 or size < 0 or not 0 <= index < len(self.buffers):
            raise WrongTypeError("malformed Arrow data")
        if size == 0:
            return memoryview(b"")
        if not self.buffers[index]:
            raise WrongTypeError("malformed Arrow data")
        piece = (ctypes.c_ubyte * size).from_address(self.buffers[index] + start)
        piece.owner = self.owner  # type: ignore[attr-defined]
        return memoryview(piece).cast("B").toreadonly()


def is_arrow(source: object) -> bool:
    """Whether the object offers the PyCapsule interface for data."""
    return hasattr(source, "__arrow_c_array__") or hasattr(source, "__arrow_c_stream__")


def read_chunks(source: Any, argument: str) -> list[Chunk]:
    """The chunks of an array, a chunked array, or a table of exactly one column."""
    if hasattr(source, "__arrow_c_array__"):
        capsules = source.__arrow_c_array__()
        if not isinstance(capsules, tuple) or len(capsules) != 2:
            raise WrongTypeError("__arrow_c_array__ gave no pair of capsules", argument=argument)
        schema = _take(capsules[0], b"arrow_schema", _Schema, argument)
        array = _take(capsules[1], b"arrow_array", _Array, argument)
        return [_chunk(schema, array, argument)]
    stream = _take(source.__arrow_c_stream__(), b"arrow_array_stream", _Stream, argument)
    schema = _Owned(_Schema())
    _pull(stream, "get_schema", schema, argument)
    chunks: list[Chunk] = []
    while True:
        array = _Owned(_Array())
        _pull(stream, "get_next", array, argument)
        if not array.structure.release:
            return chunks or [Chunk(_column(schema, argument)[1], 0, 0, None, (), schema)]
        chunks.append(_chunk(schema, array, argument))


def _take(capsule: object, name: bytes, kind: type[Any], argument: str) -> _Owned:
    """Move the structure out of its capsule, so that we are the ones to release it."""
    try:
        source = kind.from_address(_capsule_pointer(capsule, name))
    except (ValueError, TypeError, ctypes.ArgumentError) as error:
        raise WrongTypeError(f"no {name.decode()} capsule", argument=argument) from error
    if not source.release:
        raise WrongTypeError("the Arrow data was handed over before", argument=argument)
    taken = kind.from_buffer_copy(source)
    source.release = None
    return _Owned(taken)


def _pull(stream: _Owned, getter: str, into: _Owned, argument: str) -> None:
    if not getattr(stream.structure, getter):
        raise _malformed(argument)
    address = ctypes.addressof(stream.structure)
    status = _GET(getattr(stream.structure, getter))(address, ctypes.addressof(into.structure))
    if status != 0:
        raise WrongTypeError(f"the Arrow stream failed with error {status}", argument=argument)


def _column(schema: _Owned, argument: str) -> tuple[bool, str]:
    """Whether the schema is a table of one column, and the format of that column."""
    structure = schema.structure
    assert isinstance(structure, _Schema)
    in_table = structure.format == b"+s"
    if in_table:
        if structure.n_children != 1:
            raise WrongTypeError(
                f"a table of {structure.n_children} columns; a column or a table of one is needed",
                argument=argument,
            )
        structure = _only_child(structure, argument)
    if structure.dictionary:
        raise WrongTypeError("dictionary-encoded; plain values are needed", argument=argument)
    return in_table, (structure.format or b"").decode("ascii", "backslashreplace")


def _only_child(structure: Any, argument: str) -> Any:
    if structure.n_children != 1 or not structure.children or not structure.children[0]:
        raise _malformed(argument)
    return structure.children[0].contents


def _malformed(argument: str) -> WrongTypeError:
    return WrongTypeError("malformed Arrow data", argument=argument)


def _chunk(schema: _Owned, array: _Owned, argument: str) -> Chunk:
    in_table, column_format = _column(schema, argument)
    structure = array.structure
    assert isinstance(structure, _Array)
    length, offset = structure.length, structure.offset
    _require_bounds(structure, length, offset, argument)
    nulls = [_first_null(structure, length, offset)]
    if in_table:
        structure = _only_child(structure, argument)
        if structure.length < offset + length or structure.offset < 0:
            raise _malformed(argument)
        offset += structure.offset
        _require_bounds(structure, length, offset, argument)
        nulls.append(_first_null(structure, length, offset))
    number = structure.n_buffers
    if column_format not in _VIEWS:
        number = min(number, _MAX_BUFFERS)
    buffers = tuple(structure.buffers[i] or 0 for i in range(number))
    first_null = min((null for null in nulls if null is not None), default=None)
    return Chunk(column_format, length, offset, first_null, buffers, array)


def _require_bounds(structure: _Array, length: int, offset: int, argument: str) -> None:
    """Numbers that can be followed into memory: nothing is read before they are looked at."""
    if length < 0 or not 0 <= offset <= _MAX_OFFSET or structure.n_buffers < 0:
        raise _malformed(argument)
    if structure.n_buffers and not structure.buffers:
        raise _malformed(argument)
    if length > MAX_ROWS:
        raise OutOfRangeError(
            f"{length} rows; at most {MAX_ROWS} are accepted", argument=argument, value=length
        )


def _first_null(structure: _Array, length: int, offset: int) -> int | None:
    """The first position whose validity bit is 0. An absent bitmap means that all are valid."""
    if structure.null_count == 0 or length == 0 or structure.n_buffers == 0:
        return None
    if not structure.buffers[0]:
        return None
    start, stop = offset // 8, (offset + length + 7) // 8
    bitmap = ctypes.string_at(structure.buffers[0] + start, stop - start)
    valid = int.from_bytes(bitmap, "little") >> (offset % 8)
    missing = ~valid & ((1 << length) - 1)
    return (missing & -missing).bit_length() - 1 if missing else None


exporter: Callable[[memoryview], tuple[object, object]]
"""The backend's `export_cells`, put here by `qfs.backend`: a column knows no backend."""


def export_through_pyarrow(cells: memoryview, precision: int, scale: int) -> tuple[object, object]:
    """Capsules of a decimal128 column without nulls, made by pyarrow.

    Not made here: a consumer may let go while an exception passes, and a callback that ctypes
    makes would run Python code with that exception pending.

    Raises:
        MissingDependencyError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingDependencyError(
            "pure Python hands a column to Arrow consumers through pyarrow, which is not"
            " installed: pip install pyarrow, or build the kernel"
        ) from error
    kind = pa.decimal128(precision, scale)
    buffers = [None, pa.py_buffer(cells)]
    array = pa.Array.from_buffers(kind, len(cells) * 8 // kind.bit_width, buffers)
    schema, values = array.__arrow_c_array__()
    return schema, values


class _PyBuffer(ctypes.Structure):
    _fields_ = [
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    ]


_get_buffer = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p, ctypes.c_int)(
    ("PyObject_GetBuffer", _api)
)
_release_buffer = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(("PyBuffer_Release", _api))


def address(data: memoryview) -> int:
    """Where the bytes lie; also of read-only memory, which ctypes itself refuses."""
    view = _PyBuffer()
    _get_buffer(data, ctypes.addressof(view), 0)
    try:
        return int(view.buf or 0)
    finally:
        _release_buffer(ctypes.addressof(view))
