"""Arrow memory of a producer that nobody trusts, handed over through the PyCapsule interface.

The interface states no sizes, so a producer that lies about how large its memory is reads as what
lies behind it, and no consumer can tell. Everything else may be wrong here: lengths, offsets,
numbers of buffers and children, absent pointers, formats, null counts, and what lies in a buffer.
Memory is larger than any length that is not absurd, and a consumer that touches memory before it
has looked at an absurd one crashes.
"""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass, field
from typing import Any

from qfs.arrow import _Array, _Schema, _Stream
from targets.source import Source

ROOM = 4096
"""Bytes of a buffer: 64 rows of an offset of 64, with 16 bytes each and one to spare."""

FORMATS = (
    *(b"d:38,18", b"d:38,18,128", b"d:20,18", b"c", b"C", b"s", b"S", b"i", b"I", b"l", b"L"),
    *(b"n", b"u", b"z", b"U", b"Z", b"vu", b"vz", b"d:38,18,256", b"d:38,2", b"e", b"f", b"g"),
    *(b"b", b"tdD", b"+l", b"+s", b"d", b"d:", b"d:38", b"d:38,x", b"w:16", b"", b"\xff"),
)
LENGTHS = (-1, -(2**63), 2**32, 2**40, 2**62, 2**63 - 1)
OFFSETS = (1, 7, 8, 9, 24, -1, -(2**63), 2**62, 2**63 - 1)
MAX_POINTERS = 6

_RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_GET = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_new_capsule = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
)(("PyCapsule_New", ctypes.pythonapi))
_NAMES = (b"arrow_schema", b"arrow_array", b"arrow_array_stream")


@dataclass
class Drawn:
    """One array as it will be handed over."""

    length: int
    offset: int
    null_count: int
    n_buffers: int
    buffers: list[bytes | None]
    child_offset: int = 0
    n_children: int = 1
    has_children: bool = True


def drawn(source: Source, text: bytes) -> Drawn:
    """An array of this format; most are well formed but for one part."""
    rows = source.below(40)
    buffers = _buffers(source, text, rows)
    found = Drawn(rows, 0, 0, len(buffers), buffers)
    twist = source.below(12)
    if twist == 1:
        found.length = source.pick(LENGTHS)
    elif twist == 2:
        found.offset = source.pick(OFFSETS)
    elif twist == 3:
        found.n_buffers = source.pick((0, 1, 2, 3, 4, 5, -1, -(2**62)))
    elif twist == 4:
        found.buffers[source.below(len(found.buffers))] = None
    elif twist == 5:
        found.n_children = source.pick((0, 2, -1, 2**40))
        found.has_children = source.flag()
    elif twist == 6:
        found.child_offset = source.pick((1, 8, 15, -1, -(2**63), 2**63 - 1))
    elif twist >= 7:
        found.null_count = source.pick((-1, 1, rows, 2**40, -(2**40)))
        found.buffers[0] = source.bytes(8) if twist > 7 else None
    return found


def _buffers(source: Source, text: bytes, rows: int) -> list[bytes | None]:
    """Validity, and what else an array of this format has."""
    if text in (b"vu", b"vz"):
        views = b"".join(_view(source) for _ in range(rows))
        size = source.pick((ROOM, 0, 1, 12, 29, 40, -1))
        return [None, views, _letters(source), struct.pack("<q", size)]
    if text in (b"u", b"z", b"U", b"Z"):
        code, end, offsets = "<i" if text.islower() else "<q", 0, [0]
        for _ in range(rows):
            step = source.below(16)
            end = min(end + step, ROOM)
            offsets.append(source.pick((-1, -2, 0, 300, -(2**31))) if step > 11 else end)
        packed = b"".join(struct.pack(code, offset) for offset in offsets)
        return [None, packed, _letters(source)]
    return [None, source.bytes(source.below(256))]


def _letters(source: Source) -> bytes:
    """Text, most of it good, so that what is wrong elsewhere is not hidden by it."""
    return source.bytes(source.below(64)) + b"abcdefghijklmnopqrstuvwxyz" * 40


def _view(source: Source) -> bytes:
    """A string view: short texts lie inside it, long ones in a numbered buffer."""
    length = source.pick((1, 2, 12, 13, 30, 0, -1, -3, 2**31 - 1))
    if length <= 12:
        return struct.pack("<i", length) + (source.text() or b"abcdefghijkl").ljust(12)[:12]
    number = source.pick((0, 0, 1, -1, -2, 2**31 - 1))
    return struct.pack("<i4sii", length, b"", number, source.pick((0, 1, 20, -1, 2**31 - 1)))


@dataclass
class Producer:
    """What a consumer is handed. It counts what the consumer let go."""

    format: bytes
    chunks: list[Drawn]
    in_table: bool = False
    as_stream: bool = False
    dictionary: bool = False
    status: int = 0
    """of the stream's callback, at its end"""
    released: int = 0
    _kept: list[Any] = field(default_factory=list)
    """what has to live as long as the consumer may look at it"""

    def source(self) -> Any:
        """The object that offers the interface."""
        return _StreamSource(self) if self.as_stream else _ArraySource(self)

    def schema(self) -> Any:
        inner = self._schema(self.format)
        if not self.in_table:
            return inner
        outer = self._schema(b"+s")
        children = (ctypes.POINTER(_Schema) * 1)(ctypes.pointer(inner))
        first = self.chunks[0]
        outer.n_children = first.n_children
        if first.has_children:
            outer.children = children
        self._kept += [inner, children]
        inner.release = None
        return outer

    def array(self, given: Drawn) -> Any:
        inner = self._array(given)
        if not self.in_table:
            return inner
        outer = self._array(Drawn(given.length, given.offset, 0, 1, [None]))
        inner.offset, inner.release = given.child_offset, None
        inner.length = min(given.length + max(given.offset, 0), 2**63 - 1)
        children = (ctypes.POINTER(_Array) * 1)(ctypes.pointer(inner))
        outer.n_children = given.n_children
        if given.has_children:
            outer.children = children
        self._kept += [inner, children]
        return outer

    def _schema(self, text: bytes) -> Any:
        found = _Schema()
        found.format, found.name, found.release = text, b"", self._release()
        if self.dictionary:
            found.dictionary = ctypes.addressof(found)
        return found

    def _array(self, given: Drawn) -> Any:
        found = _Array()
        found.length, found.offset = given.length, given.offset
        found.null_count, found.n_buffers = given.null_count, given.n_buffers
        held = [None if b is None else ctypes.create_string_buffer(b, ROOM) for b in given.buffers]
        pointers = (ctypes.c_void_p * MAX_POINTERS)(
            *(None if b is None else ctypes.addressof(b) for b in held)
        )
        found.buffers = pointers
        found.release = self._release()
        self._kept += [held, pointers]
        return found

    def _release(self) -> int:
        def release(_: int) -> None:
            self.released += 1

        callback = _RELEASE(release)
        self._kept.append(callback)
        return ctypes.cast(callback, ctypes.c_void_p).value or 0

    def capsule(self, structure: Any, name: bytes) -> Any:
        self._kept.append(structure)
        return _new_capsule(ctypes.addressof(structure), name, None)


class _ArraySource:
    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        producer = self._producer
        structures = producer.schema(), producer.array(producer.chunks[0])
        first, second = map(producer.capsule, structures, _NAMES)
        return first, second


class _StreamSource:
    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        producer, left = self._producer, list(self._producer.chunks)

        def get_schema(_: int, target: int) -> int:
            _move(producer.schema(), target)
            return 0

        def get_next(_: int, target: int) -> int:
            if left:
                _move(producer.array(left.pop(0)), target)
                return 0
            _Array.from_address(target).release = None
            return producer.status

        stream = _Stream()
        for name, function in (("get_schema", get_schema), ("get_next", get_next)):
            callback = _GET(function)
            producer._kept.append(callback)
            setattr(stream, name, ctypes.cast(callback, ctypes.c_void_p).value)
        stream.release = producer._release()
        return producer.capsule(stream, _NAMES[2])


def _move(structure: Any, target: int) -> None:
    ctypes.memmove(target, ctypes.addressof(structure), ctypes.sizeof(structure))


def producer(source: Source) -> Producer:
    """Memory of a drawn format in one array or several."""
    text = source.pick(FORMATS)
    if source.below(16) == 15:
        text = source.text().replace(b"\0", b"")
    shape = source.below(8)
    as_stream = shape in (1, 3, 5)
    chunks = [drawn(source, text) for _ in range(1 + (source.below(3) if as_stream else 0))]
    found = Producer(text, chunks, in_table=shape in (2, 3), as_stream=as_stream)
    found.dictionary = shape == 4
    found.status = 5 if shape == 5 else 0
    return found
