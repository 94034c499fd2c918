"""Crediting: the twins agree to the bit, and with sums by id in a dict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import by_fractions
from aims import met, must_meet, note_outcome
from hypothesis import given
from joined import Layout, Side, amounts, layouts, sides, small_amounts, table_of
from strategies import examples, slicings

from qfs.ids import IdColumn
from qfs.limits import MAX_ID_BYTES, MAX_VALUE


@must_meet(
    *("value", "overflow", "an id in both", "no id in both", "sum at the bound", "no rows"),
    *("an id that another begins with", "longest ids"),
)
@examples(4)
@given(side=sides(amounts), other=sides(amounts), slices=slicings)
def test_merge_add(
    same: Callable[..., Any], side: Side, other: Side, slices: tuple[int, int]
) -> None:
    """Crediting gives the same table, or the same error, from either backend."""
    found = same("merge_add", *table_of(side), *table_of(other), slices=slices)
    note_outcome(found)
    note_tables(side[0], other[0])


def note_tables(first: dict[bytes, int], second: dict[bytes, int]) -> None:
    """What two tables met."""
    both = first.keys() & second.keys()
    met("an id in both" if both else "no id in both")
    if any(first[node_id] + second[node_id] == MAX_VALUE for node_id in both):
        met("sum at the bound")
    if not first or not second:
        met("no rows")
    if any(b.startswith(a) for a in first for b in second if a != b):
        met("an id that another begins with")
    if any(len(node_id) == MAX_ID_BYTES for node_id in both):
        met("longest ids")


@examples(2)
@given(side=sides(amounts), other=sides(amounts))
def test_merge_add_by_dicts(implementation: Any, outcome: Any, side: Side, other: Side) -> None:
    """Crediting is the sum by id, or the overflow of the first id above the bound."""
    expected = by_fractions.merge_add(side[0], other[0])
    found = outcome(implementation.merge_add, *table_of(side), *table_of(other))
    above = [i for i, node_id in enumerate(side[0]) if expected[node_id] > MAX_VALUE]
    if above:
        assert found[2:] == ("overflow", "values", above[0])
    else:
        assert found == ("value", [[*expected], [*expected.values()]])


@given(side=sides(small_amounts), other=sides(small_amounts))
def test_crediting_conserves_commutes_and_lowers_nothing(
    implementation: Any, side: Side, other: Side
) -> None:
    """Crediting keeps the total, commutes and lowers no balance."""
    add: Callable[..., tuple[IdColumn, Sequence[int]]] = implementation.merge_add
    ids, values = add(*table_of(side), *table_of(other))
    assert sum(values) == sum(side[0].values()) + sum(other[0].values())
    swapped_ids, swapped = add(*table_of(other), *table_of(side))
    assert ([*swapped_ids], [*swapped]) == ([*ids], [*values])
    credited = dict(zip(ids, values, strict=True))
    for table in (side[0], other[0]):
        assert all(credited[node_id] >= value for node_id, value in table.items())


@given(side=sides(small_amounts), layout=layouts)
def test_crediting_nothing_changes_nothing(implementation: Any, side: Side, layout: Layout) -> None:
    """Credits of nothing or of zeros leave every balance as it was."""
    nothing = table_of(({}, layout, False))
    zeros = table_of((dict.fromkeys(side[0], 0), layout, True))
    for credits_ in (nothing, zeros):
        ids, values = implementation.merge_add(*table_of(side), *credits_)
        assert dict(zip(ids, values, strict=True)) == side[0]
        assert [*ids] == [*side[0]]
