"""Why a node was not paid for an epoch: the first check that it failed, with its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qfs.decimals import format_tokens
from qfs.errors import VerificationError
from qfs.ledger.evidence import read_artifact
from qfs.limits import BASE_UNITS_PER_TOKEN
from qfs.protocol import ruleset as rulesets
from qfs.protocol.eligibility import contributions
from qfs.protocol.manifest import Manifest
from qfs.protocol.registry import INFRASTRUCTURE, Node
from qfs.protocol.ruleset import Ruleset
from qfs.reference.scoring import METRICS
from qfs.rows import find, from_rows, row_at
from qfs.tables import EXCLUDED, REGISTRY, TELEMETRY, Table

Counts = dict[str, tuple[int, int]]
"""Numerator and denominator by metric."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A node that an epoch left out."""

    node: str
    reason: str
    """one of `qfs.reference.eligibility.REASONS`"""
    sentence: str
    """the reason with the numbers that led to it"""
    counts: Counts | None
    """as reported; None where there is no telemetry of the node"""
    manifest: Manifest


def explain_exclusion(folder: Path, manifest: Manifest, node: str) -> Exclusion | None:
    """Why an epoch left out a node; None where it did not, or nobody was scored.

    Raises:
        VerificationError: the recorded reason does not follow from registry and telemetry.
        QfsError: the folder cannot be read as evidence.
    """
    if manifest.scoring is None:
        return None
    excluded = read_artifact(folder, manifest, EXCLUDED.name)
    wanted = node.encode("ascii", "replace")
    row = find(excluded.ids("node_id"), wanted)
    if row is None:
        return None
    (_, reason) = row_at(excluded, row)
    registry, telemetry = (_only(folder, manifest, s.name, wanted) for s in (REGISTRY, TELEMETRY))
    ruleset = rulesets.from_document(manifest.ruleset)
    found = contributions(manifest.epoch, ruleset, registry, telemetry).excluded
    computed = row_at(found, 0)[1] if len(found) else "eligible"
    if computed != reason:
        raise VerificationError(
            f"recorded as {reason}, computed as {computed}",
            argument=f"excluded node {node} reason",
            value=reason,
            expected=computed,
        )
    registered = Node(*row_at(registry, 0)) if len(registry) else None
    counts = counts_of(telemetry, 0) if len(telemetry) else None
    sentence = _sentence(reason, registered, counts, ruleset, manifest.epoch)
    return Exclusion(node, reason, sentence, counts, manifest)


def counts_of(telemetry: Table, row: int) -> Counts:
    """The counts of a row of telemetry."""
    return {m: (telemetry.counts(f"{m}_n")[row], telemetry.counts(f"{m}_d")[row]) for m in METRICS}


def _only(folder: Path, manifest: Manifest, name: str, node: bytes) -> Table:
    """The row of a node in a table of the evidence, as a table of one row or none."""
    table = read_artifact(folder, manifest, name)
    row = find(table.ids("node_id"), node)
    return from_rows(table.schema, [] if row is None else [row_at(table, row)])


def _sentence(
    reason: str, node: Node | None, counts: Counts | None, ruleset: Ruleset, epoch: int
) -> str:
    last_tick = (epoch + 1) * ruleset.epoch_ticks - 1
    if node is None:
        return "It reported, but is not registered."
    if reason == "not_registered":
        return (
            f"It was registered at tick {node.registered_tick}, after the epoch's last tick,"
            f" {last_tick}."
        )
    if reason == "wrong_role":
        return f"It is registered as {node.role}; only {INFRASTRUCTURE} is paid."
    if reason == "revoked":
        return f"It was revoked at tick {node.revoked_tick}; the epoch's last tick is {last_tick}."
    if counts is None:
        return "No telemetry of it was recorded for the epoch."
    if reason == "malformed":
        return _malformed(counts, ruleset)
    n, d = counts["uptime"]
    if reason == "no_uptime":
        return "Its telemetry expected 0 heartbeats, so there is no uptime."
    return (
        f"It was seen {n} times of {d}, and the rules ask for {format_tokens(ruleset.min_uptime)}"
        f" of them: {n} is below {_least(d, ruleset.min_uptime)}."
    )


def _least(d: int, min_uptime: int) -> int:
    """The lowest numerator that is enough: d * min_uptime, rounded up."""
    return -(-d * min_uptime // BASE_UNITS_PER_TOKEN)


def _malformed(counts: Counts, ruleset: Ruleset) -> str:
    for metric, (n, d) in counts.items():
        if n > d:
            return f"Its telemetry is malformed: {metric} is {n} of {d}, more than all."
    return (
        f"Its telemetry is malformed: uptime is of {counts['uptime'][1]} heartbeats, the rules"
        f" expect {ruleset.expected_heartbeats}."
    )
