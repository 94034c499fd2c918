"""See `qfs.reference.merkle`: slices of rows, hashed from their columns.

What a pass over all rows comes to is kept as the roots of short runs, 32 bytes a run. A proof, or
the root of a part, then hashes again no more than the run that it leads into.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from qfs import slices
from qfs.columns import Column
from qfs.hashing import sha256_library
from qfs.ids import RowLeaves, Runs, TextColumn
from qfs.limits import CELL_BYTES, HASH_BYTES
from qfs.reference import merkle as reference_merkle
from qfs_kernel import merkle

RUNS_PER_SLICE: Final = 128
"""A power of two, so that a run is a whole subtree of any tree it lies in."""

Functions = tuple[int, int, int]


def root(leaves: Sequence[bytes]) -> bytes:
    """See `qfs.reference.merkle.root`."""
    return range_root(leaves, 0, len(leaves))


def range_root(leaves: Sequence[bytes], start: int, stop: int) -> bytes:
    """See `qfs.reference.merkle.range_root`."""
    reference_merkle.require_range(start, stop, len(leaves))
    if start == stop:
        return reference_merkle.EMPTY_ROOT
    library = sha256_library()
    if not isinstance(leaves, RowLeaves) or library is None:
        return reference_merkle.range_root(leaves, start, stop)
    whole = stop == len(leaves)
    if whole and start == 0 and leaves.runs is None:
        leaves.runs = _runs(leaves, start, stop, library.functions)
    runs = leaves.runs
    if runs is None or start % runs.rows or (stop % runs.rows and not whole):
        roots = _runs(leaves, start, stop, library.functions).roots
    else:
        first, last = start // runs.rows, -(-stop // runs.rows)
        roots = runs.roots[first * HASH_BYTES : last * HASH_BYTES]
    return merkle.root_over(roots, library.functions)


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """See `qfs.reference.merkle.inclusion_proof`."""
    reference_merkle.require_leaf(index, len(leaves))
    # A first proof needs every leaf but its own, so that what is kept of all of them is free.
    root(leaves)
    ranges = reference_merkle.sibling_ranges(index, len(leaves))
    return [range_root(leaves, start, stop) for start, stop in ranges]


def _runs(leaves: RowLeaves, start: int, stop: int, functions: Functions) -> Runs:
    """The runs from `start` on, the last of them perhaps shorter."""
    rows = merkle.Rows([_leaf_field(field) for field in leaves.fields])
    run_rows = max(slices.SLICE_ROWS // RUNS_PER_SLICE, 1)
    roots = slices.over_slices(
        stop - start,
        lambda a, b: merkle.subtree_roots(rows, start + a, start + b, run_rows, functions),
    )
    return Runs(run_rows, b"".join(roots))


def _leaf_field(field: TextColumn | Column | memoryview) -> tuple[str, Any, Any, int]:
    if isinstance(field, TextColumn):
        return "texts", field.data, field.offsets.cast("B"), field.offsets.itemsize
    if isinstance(field, Column):
        return "cells", field.data, None, CELL_BYTES
    return "words", field.cast("B"), None, field.itemsize
