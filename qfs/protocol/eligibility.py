"""From telemetry to contributions: who is paid for an epoch, by what score, and who is not, why."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from operator import not_
from typing import cast

from qfs.backend import implementation
from qfs.ids import from_checked, from_checked_names
from qfs.protocol.registry import INFRASTRUCTURE
from qfs.protocol.ruleset import Ruleset
from qfs.reference.eligibility import (
    NO_ROW,
    REASONS,
    Assessed,
    Counts,
    Registered,
    Reported,
    Rule,
)
from qfs.reference.scoring import METRICS
from qfs.tables import EXCLUDED, NODES, REGISTRY, TELEMETRY, Table, TableColumn, take


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
    rows = array("I", compress(assessed.reported_rows, map(not_, assessed.reasons)))
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
        _excluded(registry, telemetry, assessed),
        tuple(compress(METRICS, scores.neutral)),
        _counted(assessed.reasons),
    )


def _counted(codes: Sequence[int]) -> dict[str, int]:
    counts = Counter(filter(None, codes))
    return dict(sorted((REASONS[code], count) for code, count in counts.items()))


def _counts(telemetry: Table, metric: str, rows: array[int] | None = None) -> Counts:
    n, d = telemetry.counts(f"{metric}_n"), telemetry.counts(f"{metric}_d")
    if rows is None:
        return n, d
    taken = [take(column, rows) for column in (n, d)]
    assert all(isinstance(column, memoryview) for column in taken)
    return cast("Counts", tuple(taken))


def _excluded(registry: Table, telemetry: Table, assessed: Assessed) -> Table:
    registered_ids, reported_ids = registry.ids("node_id"), telemetry.ids("node_id")
    ids, reasons = [], []
    for registered_row, reported_row, reason in compress(
        zip(*assessed, strict=True), assessed.reasons
    ):
        in_registry = registered_row != NO_ROW
        ids.append(registered_ids[registered_row] if in_registry else reported_ids[reported_row])
        reasons.append(REASONS[reason].encode("ascii"))
    columns: dict[str, TableColumn] = {
        "node_id": from_checked(ids, is_sorted=True),
        "reason": from_checked_names(reasons),
    }
    return Table(EXCLUDED, columns)
