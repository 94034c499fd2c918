"""The bytes of an input, read as numbers and choices.

An input that has come to its end reads as zeros, so that every input means something, and a
changed byte changes what it stands for and little else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")

EDGES = (
    *(0, 1, 2, 3, 7, 255, 256, 10**18 - 1, 10**18, 10**38 - 1, 10**38),
    *(2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1, 2**64),
    *(2**127 - 1, 2**127, 2**128 - 1, 2**128, -1, -2, -(2**31), -(2**63), -(2**64)),
)
"""Numbers beside which bounds lie."""


class Source:
    """Reads an input from its first byte to its last."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes that were not read yet."""
        return max(0, len(self._data) - self._at)

    def bytes(self, size: int) -> bytes:
        """The next bytes, filled up with zeros."""
        found = self._data[self._at : self._at + size]
        self._at += size
        return found.ljust(size, b"\0")

    def rest(self) -> bytes:
        """All bytes that are left."""
        return self.bytes(self.left)

    def below(self, bound: int) -> int:
        """A number of 0 .. bound - 1, from one byte where that is enough."""
        width = max(1, ((bound - 1).bit_length() + 7) // 8)
        return int.from_bytes(self.bytes(width), "big") % bound

    def flag(self) -> bool:
        """The lowest bit of a byte."""
        return bool(self.bytes(1)[0] & 1)

    def pick(self, of: Sequence[_T]) -> _T:
        """One of these."""
        return of[self.below(len(of))]

    def integer(self) -> int:
        """A small number, one at an edge, or any of 17 bytes."""
        kind = self.below(4)
        if kind == 0:
            return self.below(256)
        if kind == 3:
            return int.from_bytes(self.bytes(17), "big", signed=True)
        return self.pick(EDGES) + (0 if kind == 1 else self.below(3) - 1)

    def text(self) -> bytes:
        """A short run of bytes with a length of its own."""
        return self.bytes(self.below(16))
