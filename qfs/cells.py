"""Memory of 16-byte cells, in one piece or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from qfs.limits import CELL_BYTES

MIN_PIECE_ROWS: Final = 1 << 14
"""Pieces shorter than this on average are joined at once: a pass over each of them would cost
more than the copy."""


class Cells:
    """A run of cells that may lie in several pieces of memory.

    `pieces` reads them where they lie; `data` joins them, once, for those who need one piece.
    """

    __slots__ = ("__weakref__", "_pieces", "_rows")

    _pieces: tuple[memoryview, ...]
    _rows: int

    def __init__(self, pieces: Sequence[memoryview]) -> None:
        sizes = [len(piece) for piece in pieces]
        assert not any(size % CELL_BYTES for size in sizes)
        self._rows = sum(sizes) // CELL_BYTES
        self._pieces = tuple(pieces)
        if self._rows < MIN_PIECE_ROWS * len(pieces):
            self._join()

    @property
    def pieces(self) -> tuple[memoryview, ...]:
        """The memory, as read-only bytes."""
        return self._pieces

    @property
    def data(self) -> memoryview:
        """All cells as read-only bytes in one piece."""
        if len(self._pieces) != 1:
            self._join()
        return self._pieces[0]

    def __len__(self) -> int:
        return self._rows

    def _join(self) -> None:
        if len(self._pieces) == 1:
            return
        joined = bytearray()
        for piece in self._pieces:
            joined += piece
        self._pieces = (memoryview(joined).toreadonly(),)


MAX_SIGNED_CELL: Final = 2 ** (8 * CELL_BYTES - 1) - 1
"""Largest value of a cell in two's complement."""


class RawCells(Cells):
    """Cells that have not been checked yet."""

    __slots__ = ("first_null", "signed")

    def __init__(
        self, data: memoryview | Cells, first_null: int | None, signed: bool = False
    ) -> None:
        super().__init__(data.pieces if isinstance(data, Cells) else (data,))
        self.first_null = first_null
        self.signed = signed
        """two's complement, as Arrow decimals are: a cell above MAX_SIGNED_CELL is negative"""

    def value(self, index: int) -> int:
        """The value that a cell was meant to be."""
        cell = self.data[index * CELL_BYTES : (index + 1) * CELL_BYTES]
        return int.from_bytes(cell, "little", signed=self.signed)
