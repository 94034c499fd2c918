"""Integers of 8 to 64 bits in the memory of whoever has them, read without an object per row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from qfs import arrow

FORMATS: Final = "bBhHiIlLqQ"
"""The codes of `struct` and of buffers for integers in the byte order of the machine."""

ARROW_FORMATS: Final[dict[str, Literal["b", "B", "h", "H", "i", "I", "q", "Q"]]] = {
    "c": "b",
    "C": "B",
    "s": "h",
    "S": "H",
    "i": "i",
    "I": "I",
    "l": "q",
    "L": "Q",
}
"""What Arrow calls them."""


class RawIntegers(NamedTuple):
    """Integers that have not been checked yet; any value of their width may be among them."""

    data: memoryview
    """of one dimension, contiguous, its format one of FORMATS"""
    first_null: int | None

    def listed(self) -> list[int | None]:
        """The values as Python's, with None at the first null."""
        values: list[int | None] = [*self.data]
        if self.first_null is not None:
            values[self.first_null] = None
        return values


def from_chunk(chunk: arrow.Chunk) -> RawIntegers:
    """The integers of an Arrow array whose format is one of ARROW_FORMATS."""
    code = ARROW_FORMATS[chunk.format]
    width = memoryview(bytes(8)).cast(code).itemsize
    data = memoryview(b"")
    if chunk.length:
        data = chunk.memory(1, chunk.offset * width, chunk.length * width)
    return RawIntegers(data.cast(code), chunk.first_null)


def from_buffer(view: memoryview) -> RawIntegers:
    """The integers of a buffer of one dimension whose format is one of FORMATS; copied where they
    lie apart."""
    if not view.c_contiguous:
        assert view.format is not None
        view = memoryview(view.tobytes()).cast("B").cast(_code(view.format))
    return RawIntegers(view, None)


def join(parts: Sequence[RawIntegers]) -> RawIntegers:
    """The chunks of one column, all of one format, as one."""
    data = bytearray()
    rows, first_null = 0, None
    for part in parts:
        if first_null is None and part.first_null is not None:
            first_null = rows + part.first_null
        rows += len(part.data)
        data += part.data.cast("B")
    assert parts[0].data.format is not None
    return RawIntegers(memoryview(data).cast(_code(parts[0].data.format)), first_null)


def _code(code: str) -> Literal["q"]:
    """The code, which is one of FORMATS, as the type of one of them."""
    assert code in FORMATS
    return code  # type: ignore[return-value]
