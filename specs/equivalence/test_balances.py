"""Crediting: the twins agree to the bit, and with sums by id in a dict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import by_fractions
import pytest
from hypothesis import event, given
from joined import Layout, Side, amounts, layouts, sides, small_amounts, table_of
from strategies import examples

from qfs import reference
from qfs.ids import IdColumn
from qfs.limits import MAX_VALUE


@pytest.mark.kernel
@examples(5)
@given(side=sides(amounts), other=sides(amounts))
def test_merge_add(kernel: Any, outcome: Any, side: Side, other: Side) -> None:
    """Crediting gives the same table, or the same error, from either backend."""
    arguments = (*table_of(side), *table_of(other))
    expected = outcome(reference.merge_add, *arguments)
    assert outcome(kernel.merge_add, *arguments) == expected
    event(expected[0])
    if expected[0] == "value":
        ids, values = kernel.merge_add(*arguments)
        assert ids.is_sorted
        assert values.has_total
        assert values.total == sum(values)


@examples(3)
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


@examples(2)
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
