"""Merkle trees: the twins agree on every root and path, and with the tree built level by level."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import by_fractions
from aims import must_meet, note_outcome
from hypothesis import given
from hypothesis import strategies as st
from strategies import slicings, values

from qfs import laws
from qfs.columns import Column
from qfs.ids import RowLeaves, check_ids
from qfs.limits import MAX_TICK

Rows = list[tuple[int, int]]
row_lists = st.lists(st.tuples(values, st.integers(0, MAX_TICK)), max_size=20)


def leaves_of(rows: Rows) -> RowLeaves:
    """Rows of an id, an amount and a tick."""
    return RowLeaves(
        [
            check_ids([f"n{i * i}" for i in range(len(rows))], "ids"),
            Column.from_ints([value for value, _ in rows]),
            memoryview(array("Q", [tick for _, tick in rows])),
        ]
    )


@must_meet("value", "range")
@given(
    rows=row_lists,
    slices=slicings,
    range_cut=st.tuples(st.integers(-1, 21), st.integers(-1, 21)),
    index=st.integers(-1, 21),
)
def test_merkle_trees(
    same: Callable[..., Any],
    rows: Rows,
    slices: tuple[int, int],
    range_cut: tuple[int, int],
    index: int,
) -> None:
    """Roots and inclusion proofs are the same from either backend, in any slices."""
    leaves = leaves_of(rows)
    for of in (leaves, [*leaves]):
        same("root", of, slices=slices)
        note_outcome(same("range_root", of, *range_cut, slices=slices))
        same("inclusion_proof", of, index, slices=slices)


@given(rows=row_lists, slices=slicings)
def test_root_by_the_book(
    implementation: Any, sliced: Callable[..., Any], rows: Rows, slices: tuple[int, int]
) -> None:
    """A root is that of RFC 9162, the tree being built level by level."""
    with sliced(*slices):
        assert implementation.root(leaves_of(rows)) == by_fractions.root([*leaves_of(rows)])


@given(rows=row_lists.filter(lambda rows: len(rows) > 1), data=st.data())
def test_laws_of_merkle_trees(implementation: Any, rows: Rows, data: st.DataObject) -> None:
    """A path leads from its leaf to the root, and two ranges join to the whole."""
    leaves = leaves_of(rows)
    index = data.draw(st.integers(0, len(rows) - 1))
    assert laws.proves_inclusion(implementation, leaves, index) is None
    largest = max(power for power in (1, 2, 4, 8, 16) if power < len(rows))
    assert laws.joins_ranges(implementation, leaves, largest) is None
