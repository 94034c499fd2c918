"""From telemetry to contributions: who is paid for an epoch, by what score, and who is not, why."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import compress
from typing import Any, cast

from qfs.backend import implementation
from qfs.ids import from_checked_names, read_ids
from qfs.protocol.registry import INFRASTRUCTURE
from qfs.protocol.ruleset import Ruleset
from qfs.reference.eligibility import (
    ELIGIBLE,
    NO_ROW,
    REASONS,
    Assessed,
    Counts,
    Registered,
    Reported,
    Rule,
)
from qfs.reference.scoring import METRICS
from qfs.tables import (
    EXCLUDED,
    NODES,
    REGISTRY,
    TELEMETRY,
    Table,
    TableColumn,
    integers_from_arrow,
    require_pyarrow,
    take,
    to_arrow,
)


@dataclass(frozen=True, slots=True)
class Contributions:
    """What registry and telemetry of an epoch come to."""

    registry: Table
    telemetry: Table
    nodes: Table
    """the eligible, with their scores as weights, each 0 .. 10^18"""
    excluded: Table
    """everybody else in registry or telemetry, each with the first reason"""
    neutral: tuple[str, ...]
    """metrics that were assessed for nobody, and so count as 1 for all"""
    reasons: dict[str, int]
    """how many were excluded, by reason"""


def contributions(epoch: int, ruleset: Ruleset, registry: Table, telemetry: Table) -> Contributions:
    """Who is eligible for an epoch, and with what score.

    A node must have been registered, and not revoked, by the epoch's last tick. The telemetry is
    what was attested: nothing here proves a count.
    """
    assert (registry.schema, telemetry.schema) == (REGISTRY, TELEMETRY)
    backend = implementation()
    rule = Rule(
        role=INFRASTRUCTURE.encode("ascii"),
        last_tick=(epoch + 1) * ruleset.epoch_ticks - 1,
        min_uptime=ruleset.min_uptime,
        expected_heartbeats=ruleset.expected_heartbeats,
    )
    registered = Registered(
        registry.ids("node_id"),
        registry.texts("role"),
        registry.ticks("registered_tick"),
        registry.ticks("revoked_tick"),
    )
    reported = Reported(
        telemetry.ids("node_id"), *(_counts(telemetry, metric) for metric in METRICS)
    )
    assessed = backend.assess(registered, reported, rule)
    registered_rows, reported_rows, reasons = _as_arrow(assessed)
    rows = integers_from_arrow(reported_rows.filter(_equal(reasons, ELIGIBLE)), "I")
    uptime, storage, ai = (_counts(telemetry, metric, rows) for metric in METRICS)
    weights = (ruleset.uptime_weight, ruleset.storage_weight, ruleset.ai_weight)
    scores = backend.score(uptime, storage, ai, ruleset.score_policy, weights, ruleset.min_samples)
    columns: dict[str, TableColumn] = {
        "node_id": take(telemetry.ids("node_id"), rows),
        "weight": backend.to_column(scores.scores),
    }
    return Contributions(
        registry,
        telemetry,
        Table(NODES, columns),
        _excluded(registry, telemetry, registered_rows, reported_rows, reasons),
        tuple(compress(METRICS, scores.neutral)),
        _counted(reasons),
    )


def _as_arrow(assessed: Assessed) -> tuple[Any, Any, Any]:
    """Row in the registry, row in the telemetry and reason of each id, in that order."""
    registered_rows, reported_rows, reasons = assessed
    return (
        to_arrow(memoryview(array("I", registered_rows))),
        to_arrow(memoryview(array("I", reported_rows))),
        to_arrow(memoryview(array("B", reasons))),
    )


def _equal(values: Any, value: int) -> Any:
    # Of a plain int pyarrow makes a scalar, and imports pandas for that wherever it is installed.
    code = {8: "B", 32: "I"}[values.type.bit_width]
    return require_pyarrow().compute.equal(values, to_arrow(memoryview(array(code, [value])))[0])


def _counted(reasons: Any) -> dict[str, int]:
    found = require_pyarrow().compute.value_counts(reasons).to_pylist()
    counts = {REASONS[entry["values"]]: entry["counts"] for entry in found}
    counts.pop(REASONS[ELIGIBLE], None)
    return dict(sorted(counts.items()))


def _counts(telemetry: Table, metric: str, rows: memoryview | None = None) -> Counts:
    n, d = telemetry.counts(f"{metric}_n"), telemetry.counts(f"{metric}_d")
    if rows is None:
        return n, d
    taken = [take(column, rows) for column in (n, d)]
    assert all(isinstance(column, memoryview) for column in taken)
    return cast("Counts", tuple(taken))


def _excluded(
    registry: Table, telemetry: Table, registered_rows: Any, reported_rows: Any, reasons: Any
) -> Table:
    """Everybody who is not eligible, with the id from the registry where it has one."""
    pa = require_pyarrow()
    pc, backend = pa.compute, implementation()
    left_out = pc.invert(_equal(reasons, ELIGIBLE))
    in_registry, in_telemetry = registered_rows.filter(left_out), reported_rows.filter(left_out)
    # No row is a null, for which a null is taken.
    ids = [
        to_arrow(table.ids("node_id"))
        .cast(pa.large_string())
        .take(pc.if_else(_equal(rows, NO_ROW), pa.nulls(1, rows.type)[0], rows))
        for table, rows in ((registry, in_registry), (telemetry, in_telemetry))
    ]
    names = to_arrow(from_checked_names([name.encode() for name in REASONS]))
    names = names.take(reasons.filter(left_out))
    columns: dict[str, TableColumn] = {
        "node_id": backend.check_ids(read_ids(pc.coalesce(*ids), "node_id"), "node_id"),
        "reason": backend.check_names(read_ids(names, "reason"), "reason"),
    }
    return Table(EXCLUDED, columns)
