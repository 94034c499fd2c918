"""Merkle trees: the twins agree on every root and path."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import values

from qfs import reference
from qfs.columns import Column
from qfs.ids import RowLeaves, check_ids
from qfs.limits import MAX_TICK


@pytest.mark.kernel
@given(
    rows=st.lists(st.tuples(values, st.integers(0, MAX_TICK)), max_size=20),
    slice_rows=st.sampled_from([1, 2, 8, 1 << 17]),
    range_cut=st.tuples(st.integers(-1, 21), st.integers(-1, 21)),
    index=st.integers(-1, 21),
)
def test_merkle_trees(
    kernel: Any,
    outcome: Any,
    sliced: Callable[..., Any],
    rows: list[tuple[int, int]],
    slice_rows: int,
    range_cut: tuple[int, int],
    index: int,
) -> None:
    """Roots and inclusion proofs are the same from either backend, in any slices."""
    leaves = RowLeaves(
        [
            check_ids([f"n{i * i}" for i in range(len(rows))], "ids"),
            Column.from_ints([value for value, _ in rows]),
            memoryview(array("Q", [tick for _, tick in rows])),
        ]
    )
    calls = {"root": (), "range_root": range_cut, "inclusion_proof": (index,)}
    with sliced(slice_rows, 1):
        for name, arguments in calls.items():
            found = outcome(getattr(kernel, name), leaves, *arguments)
            assert found == outcome(getattr(reference, name), list(leaves), *arguments)
