"""Columns made from a seed, the same bytes on every machine, without NumPy."""

from __future__ import annotations

import hashlib

from qfs.limits import CELL_BYTES

POOL = 54_673_228_959_804_884_991_183
"""base units: 54,673 tokens"""

WEI_BITS = 70
"""Stakes of up to about 1,180 tokens of 10^18 base units."""

SMALL_BITS = 40


def cells(rows: int, bits: int, name: str) -> bytes:
    """`rows` cells of 16 bytes, little-endian, each uniform below 2^bits."""
    noise = hashlib.shake_128(f"qfs/bench/{name}/{rows}".encode("ascii")).digest(CELL_BYTES * rows)
    mask = int.from_bytes(((1 << bits) - 1).to_bytes(CELL_BYTES, "little") * rows, "little")
    masked = int.from_bytes(noise, "little") & mask
    return masked.to_bytes(CELL_BYTES * rows, "little")


def integers(column: bytes) -> list[int]:
    """The values of cells."""
    return [
        int.from_bytes(column[i : i + CELL_BYTES], "little")
        for i in range(0, len(column), CELL_BYTES)
    ]


def counts(rows: int, denominator: int, name: str) -> tuple[bytes, bytes]:
    """Numerators of 90 .. 100 percent of one denominator, and that, as columns of 4 bytes."""
    noise = hashlib.shake_128(f"qfs/bench/{name}/{rows}".encode("ascii")).digest(rows)
    least = denominator * 9 // 10
    table = [
        (least + (denominator - least) * byte // 255).to_bytes(4, "little") for byte in range(256)
    ]
    return b"".join(map(table.__getitem__, noise)), denominator.to_bytes(4, "little") * rows
