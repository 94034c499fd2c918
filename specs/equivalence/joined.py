"""Tables that two columns of ids join: nodes and reports, balances and credits.

Columns lie as they come from files: offsets of 32 or 64 bits, slices of bigger columns, ids that
share their beginnings and have the least and the greatest length.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from qfs.columns import Column
from qfs.ids import IdColumn
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_COUNT, MAX_TICK, MAX_VALUE
from qfs.reference.eligibility import Registered, Reported, Rule

ROLE = b"infrastructure"
Ratio = tuple[int, int]


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
