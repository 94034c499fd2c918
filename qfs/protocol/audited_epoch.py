"""What closing an epoch should come to, as the auditor finds it from the state before.

The rules are read again from the protocol's text and written down once more, row by row in plain
integers, so that an error in one writing does not hide in the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from qfs.columns import Column
from qfs.ids import from_checked
from qfs.limits import BASE_UNITS_PER_TOKEN, CELL_BYTES
from qfs.protocol import audited_tables as tables
from qfs.protocol.state import State
from qfs.tables import ALLOCATIONS, Table

_PAID_ROLE: Final = b"infrastructure"
_AFTER_ALL: Final = b"\xff"
"""Above every id."""
_NEUTRAL: Final = (1, 1)
_NOTHING: Final = (0, 1)


class Share(NamedTuple):
    """A node that is eligible, and its weight in 10^-18."""

    node_id: str
    weight: int


def rules_of(state: State, epoch: int) -> Any:
    """The ruleset of an epoch."""
    found = [rules for first, rules in state.rulesets if first <= epoch]
    return found[-1]


def fees_of(state: State, epoch: int) -> int:
    """The sum of the fees that were recorded for an epoch, base units."""
    return sum(
        tables.total(batch.table, "fee")
        for batch in state.batches
        if batch.epoch == epoch and batch.table.schema.name == "fees"
    )


def shares(state: State, epoch: int, nodes: Table) -> list[Share]:
    """Who is paid for an epoch and by what weight, in the order of ids."""
    rules = rules_of(state, epoch)
    reports = tables.reports(
        [
            batch.table
            for batch in state.batches
            if batch.epoch == epoch and batch.table.schema.name == "telemetry"
        ]
    )
    reports = list(_eligible(rules, (epoch + 1) * rules.epoch_ticks, reports, nodes))
    pairs = [[(r[2], r[3]) for r in reports], [(r[4], r[5]) for r in reports]]
    pairs.append([(r[6], r[7]) for r in reports])
    for index, metric in enumerate(pairs):
        assessed = [d >= rules.min_samples for _, d in metric]
        absent = _NOTHING if any(assessed) else _NEUTRAL
        pairs[index] = [p if known else absent for p, known in zip(metric, assessed, strict=True)]
    weights = map(_product, *pairs) if rules.score_policy == "product" else _sums(rules, pairs)
    ids = (report[0].decode("ascii") for report in reports)
    return [*map(Share, ids, weights)]


def _eligible(
    rules: Any, end: int, reports: Sequence[tuple[Any, ...]], nodes: Table
) -> Iterator[tuple[Any, ...]]:
    """The reports that count: `end` is the first tick after the epoch."""
    columns = (nodes.texts("role"), nodes.ticks("registered_tick"), nodes.ticks("revoked_tick"))
    ids, roles = tables.texts(nodes.texts("node_id")), tables.texts(columns[0])
    registered = zip(ids, roles, *columns[1:], strict=True)
    name = role = b""
    since = until = 0
    for report in reports:
        node_id, _, seen, expected, passed, asked, matched, checked = report
        while name < node_id:
            name, role, since, until = next(registered, (_AFTER_ALL, b"", 0, 0))
        if name != node_id:
            continue
        well_formed = seen <= expected and passed <= asked and matched <= checked
        if rules.expected_heartbeats:
            well_formed = well_formed and expected == rules.expected_heartbeats
        up = expected > 0 and seen * BASE_UNITS_PER_TOKEN >= expected * rules.min_uptime
        if role == _PAID_ROLE and since < end <= until and well_formed and up:
            yield report


def _product(uptime: tuple[int, int], storage: tuple[int, int], ai: tuple[int, int]) -> int:
    above = uptime[0] * storage[0] * ai[0] * BASE_UNITS_PER_TOKEN
    return above // (uptime[1] * storage[1] * ai[1])


def _sums(rules: Any, pairs: Sequence[Sequence[tuple[int, int]]]) -> Iterator[int]:
    by = (rules.uptime_weight, rules.storage_weight, rules.ai_weight)
    for (u, all_u), (s, all_s), (a, all_a) in zip(*pairs, strict=True):
        common = all_u * all_s * all_a
        parts = by[0] * u * (common // all_u) + by[1] * s * (common // all_s)
        yield (parts + by[2] * a * (common // all_a)) // common


def allocations(paid: Sequence[Share], cap: int, amounts: Sequence[int]) -> Table:
    """The table of an epoch's allocations, one row per eligible node."""
    return Table(
        ALLOCATIONS,
        {
            "node_id": from_checked([s.node_id.encode("ascii") for s in paid], is_sorted=True),
            "weight": _column([share.weight for share in paid]),
            "cap": _column([cap] * len(paid)),
            "amount": _column(amounts),
        },
    )


def _column(values: Sequence[int]) -> Column:
    return Column.trusted(b"".join(value.to_bytes(CELL_BYTES, "little") for value in values))
