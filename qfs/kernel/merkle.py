"""See `qfs.reference.merkle`: whole slices of rows, hashed from their columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qfs.columns import Column
from qfs.hashing import sha256_functions
from qfs.ids import RowLeaves, TextColumn
from qfs.limits import CELL_BYTES
from qfs.reference import merkle as reference_merkle
from qfs.slices import over_slices
from qfs_kernel import merkle


def root(leaves: Sequence[bytes]) -> bytes:
    """See `qfs.reference.merkle.root`."""
    return range_root(leaves, 0, len(leaves))


def range_root(leaves: Sequence[bytes], start: int, stop: int) -> bytes:
    """See `qfs.reference.merkle.range_root`."""
    reference_merkle.require_range(start, stop, len(leaves))
    if start == stop:
        return reference_merkle.EMPTY_ROOT
    hash_functions = sha256_functions()
    if not isinstance(leaves, RowLeaves) or hash_functions is None:
        return reference_merkle.range_root(leaves, start, stop)
    rows = merkle.Rows([_leaf_field(field) for field in leaves.fields])
    # Whole slices are perfect subtrees, so the tree over their roots is the top of the tree.
    level = over_slices(
        stop - start,
        lambda a, b: merkle.range_root(rows, start + a, start + b, *hash_functions),
    )
    while len(level) > 1:
        pairs = [reference_merkle.node_hash(*level[i : i + 2]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """See `qfs.reference.merkle.inclusion_proof`."""
    reference_merkle.require_leaf(index, len(leaves))
    ranges = reference_merkle.sibling_ranges(index, len(leaves))
    return [range_root(leaves, start, stop) for start, stop in ranges]


def _leaf_field(field: TextColumn | Column | memoryview) -> tuple[str, Any, Any, int]:
    if isinstance(field, TextColumn):
        return "texts", field.data, field.offsets.cast("B"), field.offsets.itemsize
    if isinstance(field, Column):
        return "cells", field.data, None, CELL_BYTES
    return "words", field.cast("B"), None, field.itemsize
