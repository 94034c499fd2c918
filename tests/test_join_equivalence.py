"""Joins of two tables by id: the twins agree to the bit, and with a third way by plain dicts.

Columns lie as they come from files: offsets of 32 or 64 bits, slices of bigger columns, ids that
share their beginnings and have the least and the greatest length.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from qfs import reference
from qfs.columns import Column
from qfs.ids import IdColumn
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_COUNT, MAX_TICK, MAX_VALUE
from qfs.reference.eligibility import NO_ROW, REASONS, Registered, Reported, Rule

ROLE = b"infrastructure"
Ratio = tuple[int, int]


def examples(times: int) -> settings:
    """So many times the examples of the profile in use."""
    return settings(max_examples=times * settings.default.max_examples)


def column_of(texts: Sequence[bytes], code: str = "q", before: int = 0) -> IdColumn:
    """The texts in offsets of this width, cut from a column with `before` more rows on each side
    of them."""
    apart = [b"~" * 128] * before
    offsets = array(code, [0])
    whole = [*apart, *texts, *apart]
    for text in whole:
        offsets.append(offsets[-1] + len(text))
    cut = memoryview(offsets)[before : before + len(texts) + 1]
    return IdColumn(cut, memoryview(b"".join(whole)), is_sorted=True)


def words_of(values: Sequence[int], code: str, before: int) -> memoryview | list[int]:
    """The integers in the memory of a bigger column, or as a list where nothing is before."""
    if before == 0:
        return list(values)
    whole = array(code, [1] * before + [*values] + [1] * before)
    return memoryview(whole)[before:-before]


class Layout(NamedTuple):
    """How the memory of a table lies."""

    code: str
    before: int


layouts = st.builds(Layout, st.sampled_from("iq"), st.integers(0, 2))
long_ids = [b"a" * 126 + end for end in (b"!", b"a", b"aa", b"ab", b"b", b"~~")]
node_ids = st.one_of(
    st.sampled_from([b"a", b"ab", b"aba", b"abb", b"b", b"!", b"~", b"~" * 128, *long_ids]),
    st.text(alphabet="ab!~", min_size=1, max_size=4).map(str.encode),
)


def tables(rows: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[bytes, Any]]:
    """Rows by id, in canonical order."""
    return st.dictionaries(node_ids, rows, max_size=9).map(lambda d: dict(sorted(d.items())))


# Eligibility


class Node(NamedTuple):
    """A row of the registry."""

    role: bytes
    registered: int
    revoked: int


class Report(NamedTuple):
    """A row of the telemetry."""

    uptime: Ratio
    storage: Ratio
    ai: Ratio


class Epoch(NamedTuple):
    """What is assessed, as plain dicts."""

    nodes: dict[bytes, Node]
    reports: dict[bytes, Report]
    rule: Rule


def columns_of(epoch: Epoch, layout: Layout, other: Layout) -> tuple[Registered, Reported, Rule]:
    """The arguments of `assess`."""
    nodes, reports, rule = epoch
    registered = Registered(
        column_of([*nodes], *layout),
        column_of([node.role for node in nodes.values()], *other),
        words_of([node.registered for node in nodes.values()], "Q", layout.before),
        words_of([node.revoked for node in nodes.values()], "Q", layout.before),
    )
    counts = [
        tuple(
            words_of([r[k][side] for r in reports.values()], "I", other.before) for side in (0, 1)
        )
        for k in range(3)
    ]
    return registered, Reported(column_of([*reports], *other), *counts), rule  # type: ignore[arg-type]


def failed_checks(node: Node | None, report: Report | None, rule: Rule) -> dict[str, bool]:
    """Which checks an id fails, each looked at by itself, with fractions."""
    ratios = [] if report is None else [*report]
    expected = rule.expected_heartbeats
    n, d = (0, 0) if report is None else report.uptime
    least = Fraction(rule.min_uptime, BASE_UNITS_PER_TOKEN)
    return {
        "not_registered": node is None or node.registered > rule.last_tick,
        "wrong_role": node is not None and node.role != rule.role,
        "revoked": node is not None and node.revoked <= rule.last_tick,
        "no_telemetry": report is None,
        "malformed": any(n > d for n, d in ratios) or (expected > 0 and d != expected),
        "no_uptime": d == 0,
        "low_uptime": d == 0 or Fraction(n, d) < least,
    }


@st.composite
def epochs(draw: st.DrawFn) -> Epoch:
    """Nodes and reports on both sides of every check, most of them past the earlier ones."""
    last = draw(st.sampled_from([0, 1, 511, 2**32, MAX_TICK - 1]))
    least = draw(
        st.sampled_from([0, 1, 9 * 10**17, 10**18 // 3, 10**18 // 3 + 1, 10**18 - 1, 10**18])
    )
    expected = draw(st.sampled_from([0, 0, 1, 10, MAX_COUNT]))
    roles = st.sampled_from([*other_roles, *[ROLE] * 20])
    registered = st.sampled_from([last + 1, last, last, 0, max(last - 1, 0)])
    revoked = st.sampled_from([last, 0, *[last + 1] * 4, *[MAX_TICK] * 4])
    nodes = st.builds(Node, roles, registered, revoked)
    reports = st.builds(Report, uptimes(least, expected), ratios, ratios)
    # Most ids stand in both tables, where the later checks are reached.
    known = draw(st.lists(node_ids, min_size=draw(st.sampled_from([0, 5])), unique=True))
    places = {
        node_id: draw(st.sampled_from(["nodes", "reports", *["both"] * 6])) for node_id in known
    }
    rows = [
        {node_id: draw(of) for node_id in sorted(known) if places[node_id] in (place, "both")}
        for place, of in (("nodes", nodes), ("reports", reports))
    ]
    return Epoch(rows[0], rows[1], Rule(ROLE, last, least, expected))


other_roles = [ROLE[:-1], ROLE + b"s", ROLE[:-1] + b"f", b"i", b"z" * 128]
beside_one = st.builds(
    lambda d, step: (min(max(d + step, 0), MAX_COUNT), d),
    st.integers(0, MAX_COUNT),
    st.sampled_from([1, 0, -1]),
)
usual_ratios = [(1, 1), (0, 0), (0, MAX_COUNT), (MAX_COUNT, MAX_COUNT), (3, 4)]
ratios = st.one_of(beside_one, *[st.sampled_from(usual_ratios)] * 5)


@st.composite
def uptimes(draw: st.DrawFn, least: int, expected: int) -> Ratio:
    """Uptimes at the least that is asked for, one below and one above it, and above 1."""
    beside = [max(expected - 1, 0), min(expected + 1, MAX_COUNT)]
    usual = [*[expected] * 8, *beside] if expected else [1, 3, 10, 512, 2**31, MAX_COUNT]
    d = draw(st.one_of(*[st.sampled_from([0, *usual])] * 3, st.integers(0, MAX_COUNT)))
    if d == 0:
        return 0, 0
    exact = -(-least * d // BASE_UNITS_PER_TOKEN)
    edges = st.sampled_from([d + 1, d, exact + 1, exact, exact - 1, exact - 1, 0])
    n = draw(st.one_of(edges, edges, st.integers(0, d)))
    return min(max(n, 0), MAX_COUNT), d


@pytest.mark.kernel
@examples(5)
@given(epoch=epochs(), layout=layouts, other=layouts)
def test_assess(kernel: Any, outcome: Any, epoch: Epoch, layout: Layout, other: Layout) -> None:
    arguments = columns_of(epoch, layout, other)
    assert outcome(kernel.assess, *arguments) == outcome(reference.assess, *arguments)


@examples(5)
@given(epoch=epochs(), layout=layouts, other=layouts)
def test_the_first_check_that_fails_decides(
    implementation: Any, epoch: Epoch, layout: Layout, other: Layout
) -> None:
    found = implementation.assess(*columns_of(epoch, layout, other))
    nodes, reports, rule = epoch
    union = sorted({**nodes, **reports})
    assert len(found.reasons) == len(union)
    for node_id, code in zip(union, found.reasons, strict=True):
        failed = failed_checks(nodes.get(node_id), reports.get(node_id), rule)
        expected = [reason for reason in REASONS[1:] if failed[reason]] or ["eligible"]
        event(f"reason: {expected[0]}")
        assert REASONS[code] == expected[0], node_id


@examples(2)
@given(epoch=epochs(), layout=layouts, other=layouts)
def test_every_id_of_both_tables_is_listed_once_in_order(
    implementation: Any, epoch: Epoch, layout: Layout, other: Layout
) -> None:
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


# Crediting

HALF = MAX_VALUE // 2
amounts = st.one_of(
    st.sampled_from([0, 1, 2**64 - 1, 2**64, HALF, HALF + 1, MAX_VALUE - 1, MAX_VALUE]),
    st.integers(0, 9),
    st.integers(0, MAX_VALUE),
)
small_amounts = st.one_of(st.sampled_from([0, 1, 2**64 - 1, 2**64, HALF]), st.integers(0, HALF))
Side = tuple[dict[bytes, int], Layout, bool]


def sides(values: st.SearchStrategy[int]) -> st.SearchStrategy[Side]:
    """A table of balances, how it lies, and whether its values are a list."""
    return st.tuples(tables(values), layouts, st.booleans())


def table_of(side: Side) -> tuple[IdColumn, Sequence[int]]:
    """Ids and values; those of a slice do not know their total."""
    table, layout, is_list = side
    values = [*table.values()]
    if is_list:
        return column_of([*table], *layout), values
    before = layout.before
    whole = Column.from_ints([7] * before + values + [7] * before)
    cut = whole[before : before + len(values)] if before else whole
    return column_of([*table], *layout), cut


def added(*tables: dict[bytes, int]) -> dict[bytes, int]:
    """The tables' sums by id, in canonical order."""
    total: dict[bytes, int] = {}
    for table in tables:
        for node_id, value in table.items():
            total[node_id] = total.get(node_id, 0) + value
    return dict(sorted(total.items()))


@pytest.mark.kernel
@examples(5)
@given(side=sides(amounts), other=sides(amounts))
def test_merge_add(kernel: Any, outcome: Any, side: Side, other: Side) -> None:
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
    expected = added(side[0], other[0])
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
    nothing = table_of(({}, layout, False))
    zeros = table_of((dict.fromkeys(side[0], 0), layout, True))
    for credits_ in (nothing, zeros):
        ids, values = implementation.merge_add(*table_of(side), *credits_)
        assert dict(zip(ids, values, strict=True)) == side[0]
        assert [*ids] == [*side[0]]
