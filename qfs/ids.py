"""Columns of ids, names and keys, and rows of several columns as the leaves of a table's tree.

An id is 1 to 128 bytes of 0x21 .. 0x7E, compared by its bytes, a prefix first. Text and bytes
with equal bytes are the same id; nothing is normalised. Names and keys are of the same bytes and
may repeat; a key is up to 4096 of them.
"""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple, cast, overload

from qfs import arrow
from qfs.columns import Column, require_rows
from qfs.errors import (
    DuplicateIdError,
    InvalidIdError,
    InvalidNameError,
    NullValueError,
    WrongTypeError,
    shown,
)
from qfs.hashing import sized, tie_hash
from qfs.limits import MAX_ID_BYTE, MAX_ID_BYTES, MIN_ID_BYTE

_ID: Final = re.compile(rb"[\x%02x-\x%02x]{1,%d}" % (MIN_ID_BYTE, MAX_ID_BYTE, MAX_ID_BYTES))
_NAME: Final = re.compile(rb"[\x%02x-\x%02x]+" % (MIN_ID_BYTE, MAX_ID_BYTE))
_ID_RULE: Final = "an id is 1 to 128 printable ASCII characters without spaces"
_VIEW_INLINE_BYTES = 12

TIE_BREAKS: Final = ("id", "rotating")
"""Of equal remainders the lower id comes first, or the lower hash of (epoch, id)."""


class TextColumn(Sequence[bytes]):
    """Checked texts, one after another in `data`; row i is data[offsets[i]:offsets[i + 1]]."""

    __slots__ = ("data", "offsets")

    def __init__(self, offsets: memoryview, data: memoryview) -> None:
        """Wrap checked texts. `offsets` has 32- or 64-bit items, one more than there are rows."""
        self.offsets = offsets
        self.data = data

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        position = range(len(self))[index]
        return bytes(self.data[self.offsets[position] : self.offsets[position + 1]])

    def texts(self) -> Sequence[str]:
        """The rows as str, decoded as they are asked for."""
        return _Texts(self)


class IdColumn(TextColumn):
    """Texts that are ids, all different."""

    __slots__ = ("is_sorted",)

    def __init__(self, offsets: memoryview, data: memoryview, *, is_sorted: bool) -> None:
        """Wrap checked ids. `is_sorted`: each is above the one before it."""
        super().__init__(offsets, data)
        self.is_sorted = is_sorted


class _Texts(Sequence[str]):
    def __init__(self, column: TextColumn) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [text.decode("ascii") for text in self._column[index]]
        return self._column[index].decode("ascii")


class RawIds(NamedTuple):
    """Ids, names or keys that have not been checked yet."""

    offsets: memoryview
    data: memoryview
    first_null: int | None


RawIdColumn = TextColumn | RawIds | Sequence[Any]


def raw_length(raw: RawIdColumn) -> int:
    """Number of rows."""
    return len(raw.offsets) - 1 if isinstance(raw, RawIds) else len(raw)


def read_ids(source: object, argument: str) -> RawIdColumn:
    """Find the ids, names or keys in what the caller gave, without looking at any one of them.

    Accepts a list, tuple or other sequence of str or bytes, and Arrow text or binary columns.
    """
    if isinstance(source, (list, tuple, TextColumn)):
        return source
    if arrow.is_arrow(source):
        parts = [_read_chunk(chunk, argument) for chunk in arrow.read_chunks(source, argument)]
        require_rows(sum(map(raw_length, parts)), argument)
        if len(parts) == 1:
            return parts[0]
        return [node_id for part in parts for node_id in _as_sequence(part, argument)]
    is_array = getattr(source, "ndim", None) == 1
    if isinstance(source, (str, bytes, bytearray)) or not (
        is_array or isinstance(source, Sequence)
    ):
        # A set or an iterator has no rows to stand beside those of the weights.
        raise WrongTypeError(
            f"a {type(source).__name__}; a sequence of ids is needed", argument=argument
        )
    rows = cast("Sequence[Any]", source)
    require_rows(len(rows), argument)
    return list(rows)


def check_ids(raw: RawIdColumn, argument: str) -> IdColumn:
    """The ids as a column: each well formed, all different.

    Raises:
        NullValueError, WrongTypeError, InvalidIdError, DuplicateIdError: at the lowest index.
    """
    if isinstance(raw, IdColumn):
        return raw
    seen: dict[bytes, int] = {}
    is_sorted = True
    previous = b""
    for i, value in enumerate(_as_sequence(raw, argument)):
        node_id = require_id(value, argument, i)
        if node_id in seen:
            raise DuplicateIdError(
                f"{node_id.decode()!r} stands twice, first in row {seen[node_id] + 1}",
                argument=argument,
                index=i,
                value=node_id.decode(),
            )
        seen[node_id] = i
        is_sorted = is_sorted and node_id > previous
        previous = node_id
    return from_checked(list(seen), is_sorted=is_sorted)


def from_checked(ids: Sequence[bytes], *, is_sorted: bool) -> IdColumn:
    """A column of ids that are known to be well formed and unique."""
    return IdColumn(*_packed(ids), is_sorted=is_sorted)


def from_checked_names(names: Sequence[bytes]) -> TextColumn:
    """A column of names or keys that are known to be well formed."""
    return TextColumn(*_packed(names))


def _packed(texts: Sequence[bytes]) -> tuple[memoryview, memoryview]:
    """The texts as offsets and data."""
    offsets = array("q", bytes(8 * (len(texts) + 1)))
    end = 0
    for i, text in enumerate(texts):
        end += len(text)
        offsets[i + 1] = end
    return memoryview(offsets), memoryview(b"".join(texts))


def check_names(raw: RawIdColumn, argument: str, maximum_bytes: int = MAX_ID_BYTES) -> TextColumn:
    """The names or keys as a column: each well formed; they may repeat.

    Raises:
        NullValueError, WrongTypeError, InvalidNameError: at the lowest index.
    """
    rows = enumerate(_as_sequence(raw, argument))
    return from_checked_names([require_name(row, argument, i, maximum_bytes) for i, row in rows])


def require_id(value: object, argument: str, index: int | None = None) -> bytes:
    """The bytes of one id, given as str or bytes."""
    place: dict[str, Any] = {"argument": argument, "index": index, "value": value}
    node_id = _require_bytes(value, "an id", place)
    if not _ID.fullmatch(node_id):
        text = node_id.decode("utf-8", "backslashreplace")
        raise InvalidIdError(f"{shown(text)} is not an id; {_ID_RULE}", **place)
    return node_id


def require_name(
    value: object, argument: str, index: int | None = None, maximum_bytes: int = MAX_ID_BYTES
) -> bytes:
    """The bytes of one name or key, given as str or bytes."""
    place: dict[str, Any] = {"argument": argument, "index": index, "value": value}
    name = _require_bytes(value, "a text", place)
    if len(name) > maximum_bytes or not _NAME.fullmatch(name):
        text = name.decode("utf-8", "backslashreplace")
        raise InvalidNameError(
            f"{shown(text)} is not 1 to {maximum_bytes} printable ASCII characters without spaces",
            **place,
        )
    return name


def _require_bytes(value: object, wanted: str, place: dict[str, Any]) -> bytes:
    if value is None:
        raise NullValueError(f"missing; {wanted} is needed", **place)
    if isinstance(value, str):
        # A text beyond ASCII is malformed either way, so what it encodes to does not matter.
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes):
        return value
    raise WrongTypeError(
        f"{shown(value)} is a {type(value).__name__}; a str or bytes is needed", **place
    )


class RotatingKeys(Sequence[bytes]):
    """Tie keys of the `rotating` rule, computed only for the rows that are asked for."""

    __slots__ = ("epoch", "ids")

    def __init__(self, epoch: int, ids: Sequence[bytes]) -> None:
        self.epoch = epoch
        self.ids = ids

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: Any) -> Any:
        return tie_hash(self.epoch, self.ids[index])


def tie_keys(ids: IdColumn, tie_break: str, epoch: int) -> Sequence[bytes] | None:
    """The keys that a tie rule compares; None where the order of the rows already is that rule."""
    if tie_break == "rotating":
        return RotatingKeys(epoch, ids)
    return None if ids.is_sorted else ids


class Runs(NamedTuple):
    """The tree of some leaves above its lowest part."""

    rows: int
    """leaves of a run, a power of two; the last run may be shorter"""
    roots: bytes
    """the root of each run, 32 bytes"""


class RowLeaves(Sequence[bytes]):
    """The rows of a table as leaves: ids, names and keys as u16 length || bytes, amounts as 16
    bytes, integers at the width of their memory (ticks 8, counts 4, choices 1), all big-endian, in
    column order."""

    __slots__ = ("fields", "rows", "runs")

    def __init__(self, fields: Sequence[TextColumn | Column | memoryview]) -> None:
        self.fields = tuple(fields)
        self.rows = len(fields[0])
        self.runs: Runs | None = None
        """kept by the kernel once it has hashed all rows"""
        assert all(len(field) == self.rows for field in fields)

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, index: Any) -> Any:
        position = range(self.rows)[index]
        return b"".join(_leaf_field(field, position) for field in self.fields)


def _leaf_field(field: TextColumn | Column | memoryview, position: int) -> bytes:
    if isinstance(field, TextColumn):
        return sized(field[position])
    if isinstance(field, Column):
        return field[position].to_bytes(16, "big")
    return int(field[position]).to_bytes(field.itemsize, "big")


def _as_sequence(raw: RawIdColumn, argument: str) -> Sequence[Any]:
    """Raw ids as a sequence, with None at the first null.

    Raises:
        WrongTypeError: an offset lies behind the next one, or outside of the data.
    """
    if not isinstance(raw, RawIds):
        return raw
    data = raw.data
    ids: list[Any] = []
    for start, stop in pairwise(raw.offsets.tolist()):
        # A negative one would count from the end of the data, to Python.
        if not 0 <= start <= stop <= len(data):
            raise WrongTypeError("malformed Arrow offsets", argument=argument)
        ids.append(bytes(data[start:stop]))
    if raw.first_null is not None:
        ids[raw.first_null] = None
    return ids


def _read_chunk(chunk: arrow.Chunk, argument: str) -> RawIdColumn:
    if chunk.format not in ("u", "z", "U", "Z", "vu", "vz", "n"):
        raise WrongTypeError(
            f"Arrow type {shown(chunk.format)}; a text or binary column is needed",
            argument=argument,
        )
    if chunk.length == 0 or chunk.format == "n":
        return [None] * chunk.length
    if chunk.format in ("vu", "vz"):
        return _read_views(chunk, argument)
    width = 4 if chunk.format in ("u", "z") else 8
    piece = chunk.memory(1, chunk.offset * width, (chunk.length + 1) * width)
    offsets = piece.cast("i") if width == 4 else piece.cast("q")
    if not 0 <= offsets[0] <= offsets[chunk.length]:
        raise WrongTypeError("malformed Arrow offsets", argument=argument)
    return RawIds(offsets, chunk.memory(2, 0, offsets[chunk.length]), chunk.first_null)


def _read_views(chunk: arrow.Chunk, argument: str) -> list[bytes | None]:
    """Arrow string views: short ones lie inside the view, long ones in numbered buffers, whose
    sizes are in the last one."""
    views = chunk.memory(1, chunk.offset * 16, chunk.length * 16)
    numbered = len(chunk.buffers) - 3
    sizes = chunk.memory(2 + numbered, 0, 8 * numbered).cast("q")
    ids: list[bytes | None] = []
    for i, (length, rest) in enumerate(struct.iter_unpack("<i12s", views)):
        if chunk.first_null is not None and i >= chunk.first_null:
            # What lies under a null is undefined, and the check stops at the first one anyway.
            ids.append(None)
        elif 0 <= length <= _VIEW_INLINE_BYTES:
            ids.append(rest[:length])
        else:
            _, buffer, offset = struct.unpack("<4sii", rest)
            if not (
                0 <= buffer < numbered and length >= 0 and 0 <= offset <= sizes[buffer] - length
            ):
                raise WrongTypeError("malformed Arrow views", argument=argument)
            ids.append(bytes(chunk.memory(2 + buffer, offset, length)))
    return ids
