"""Eligibility: the twins agree on every node, and the first check that fails decides."""

from __future__ import annotations

from typing import Any

import by_fractions
import pytest
from hypothesis import event, given
from joined import Epoch, Layout, columns_of, epochs, layouts
from strategies import examples

from qfs import reference
from qfs.reference.eligibility import NO_ROW, REASONS


@pytest.mark.kernel
@examples(5)
@given(epoch=epochs(), layout=layouts, other=layouts)
def test_assess(kernel: Any, outcome: Any, epoch: Epoch, layout: Layout, other: Layout) -> None:
    """Every node gets the same reason, and every row the same place, from either backend."""
    arguments = columns_of(epoch, layout, other)
    assert outcome(kernel.assess, *arguments) == outcome(reference.assess, *arguments)


@examples(5)
@given(epoch=epochs(), layout=layouts, other=layouts)
def test_the_first_check_that_fails_decides(
    implementation: Any, epoch: Epoch, layout: Layout, other: Layout
) -> None:
    """The reason of a node is the first of the checks that it fails."""
    found = implementation.assess(*columns_of(epoch, layout, other))
    nodes, reports, rule = epoch
    union = sorted({**nodes, **reports})
    assert len(found.reasons) == len(union)
    for node_id, code in zip(union, found.reasons, strict=True):
        failed = by_fractions.failed_checks(nodes.get(node_id), reports.get(node_id), rule)
        expected = [reason for reason in REASONS[1:] if failed[reason]] or ["eligible"]
        event(f"reason: {expected[0]}")
        assert REASONS[code] == expected[0], node_id


@examples(2)
@given(epoch=epochs(), layout=layouts, other=layouts)
def test_every_id_of_both_tables_is_listed_once_in_order(
    implementation: Any, epoch: Epoch, layout: Layout, other: Layout
) -> None:
    """Every id of either table is listed once, in order, with its rows."""
    found = implementation.assess(*columns_of(epoch, layout, other))
    nodes, reports, _ = ([*part] for part in epoch)
    listed = []
    for row, other_row in zip(found.registered_rows, found.reported_rows, strict=True):
        names = [ids[i] for ids, i in ((nodes, row), (reports, other_row)) if i != NO_ROW]
        assert len(names) > 0
        assert names[0] == names[-1]
        listed.append(names[0])
    assert listed == sorted({*nodes, *reports})
    assert [i for i in found.registered_rows if i != NO_ROW] == [*range(len(nodes))]
    assert [i for i in found.reported_rows if i != NO_ROW] == [*range(len(reports))]


@given(epoch=epochs())
def test_nobody_else_changes_ones_reason(implementation: Any, epoch: Epoch) -> None:
    """A node's reason depends on its own rows alone."""
    nodes, reports, rule = epoch
    plain = Layout("q", 0)
    whole = implementation.assess(*columns_of(epoch, plain, plain))
    for node_id, code in zip(sorted({**nodes, **reports}), whole.reasons, strict=True):
        alone = Epoch(
            {i: node for i, node in nodes.items() if i == node_id},
            {i: report for i, report in reports.items() if i == node_id},
            rule,
        )
        assert [*implementation.assess(*columns_of(alone, plain, plain)).reasons] == [code]
