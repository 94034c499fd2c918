"""Why a node was paid this amount, from the recorded numbers alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qfs.certified import Operation
from qfs.errors import EvidenceError, VerificationError
from qfs.ledger.evidence import read_artifact, read_manifest
from qfs.ledger.exclusion import counts_of
from qfs.ledger.proofs import find_node
from qfs.protocol import ruleset as rulesets
from qfs.protocol.manifest import Manifest
from qfs.protocol.trace import Scored, trace_share
from qfs.reference.allocation import exceeds
from qfs.reference.arithmetic import mul_floor
from qfs.reference.scoring import METRICS
from qfs.tables import ALLOCATIONS, TELEMETRY, Table


@dataclass(frozen=True, slots=True)
class Explanation:
    """The steps that led to one amount, base units.

    `share` and `remainder` are of shared_pool * weight by shared_weight; both are None for a
    node that was paid its cap, or where nothing was shared.
    """

    node: str
    rank: int
    """position by amount, 1 for the largest; equal amounts share a rank"""
    nodes: int
    weight: int
    cap: int
    amount: int
    capped: bool
    share: int | None
    remainder: int | None
    extra: int
    """1 where it got one of the units that division left"""
    manifest: Manifest
    scored: Scored | None
    """the counts that the weight comes from; None where the weight was given"""

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Every operation from the counts, or the weight, to the amount; see `trace_share`."""
        return operations(self.manifest, self.node, self.weight, self.cap, self.extra, self.scored)


def explain(folder: Path, node: str) -> Explanation:
    """The explanation of a node's amount.

    Raises:
        EvidenceError: the epoch paid no such node; it may have been excluded.
        VerificationError: the recorded amount does not follow from the recorded numbers.
        QfsError: the folder cannot be read as evidence.
    """
    manifest = read_manifest(folder)
    table = read_artifact(folder, manifest, ALLOCATIONS.name)
    row = find_node(table, node)
    weight, cap, amount = (table.amounts(name)[row] for name in ("weight", "cap", "amount"))
    figures = manifest.allocation
    counted = 1 if figures.fallback else weight
    shared_pool, shared_weight = int(figures.shared_pool), int(figures.shared_weight)
    capped = exceeds(shared_pool, shared_weight, counted, cap)
    share = remainder = None
    if not capped and shared_weight and not figures.too_few_nodes:
        share, remainder = divmod(shared_pool * counted, shared_weight)
    scored = None
    if manifest.scoring is not None:
        scored = scored_of(manifest, read_artifact(folder, manifest, TELEMETRY.name), node)
    found = Explanation(
        node=node,
        rank=1 + sum(other > amount for other in table.amounts("amount")),
        nodes=len(table),
        weight=weight,
        cap=cap,
        amount=amount,
        capped=capped,
        share=share,
        remainder=remainder,
        extra=amount - (cap if capped else share or 0),
        manifest=manifest,
        scored=scored,
    )
    _require_sound(found)
    return found


def scored_of(manifest: Manifest, telemetry: Table, node: str) -> Scored:
    """The counts of a node that was paid, and the rules by which they became its score.

    Raises:
        EvidenceError: the telemetry has no such node, or nobody was scored.
        QfsError: a count is out of its bounds.
    """
    if manifest.scoring is None:
        raise EvidenceError("the weights were given; nobody was scored", argument="manifest")
    rules = rulesets.from_document(manifest.ruleset)
    counts = counts_of(telemetry, find_node(telemetry, node))
    neutral = tuple(metric in manifest.scoring.neutral for metric in METRICS)
    return Scored(
        **counts,
        neutral=(neutral[0], neutral[1], neutral[2]),
        policy=rules.score_policy,
        weights=(rules.uptime_weight, rules.storage_weight, rules.ai_weight),
        min_samples=rules.min_samples,
    )


def operations(
    manifest: Manifest, node: str, weight: int, cap: int, extra: int, scored: Scored | None
) -> tuple[Operation, ...]:
    """Every operation that leads from recorded figures to what a node is paid.

    Raises:
        VerificationError: one recorded figure does not follow from the others.
        QfsError: a figure out of its bounds.
    """
    figures = manifest.allocation
    shared_pool, shared_weight = int(figures.shared_pool), int(figures.shared_weight)
    return trace_share(
        node=node,
        weight=weight,
        cap=cap,
        shared_pool=shared_pool,
        shared_weight=shared_weight,
        capped=exceeds(shared_pool, shared_weight, 1 if figures.fallback else weight, cap),
        extra=extra,
        fallback=figures.fallback,
        pool=int(figures.pool),
        max_share=rulesets.from_document(manifest.ruleset).max_share,
        scored=scored,
    )


def _require_sound(found: Explanation) -> None:
    """The amount follows from the numbers beside it, as far as one row can tell."""
    figures = found.manifest.allocation
    ruleset = rulesets.from_document(found.manifest.ruleset)
    cap = mul_floor(int(figures.pool), ruleset.max_share)
    allowed: tuple[int, ...] = (0,)
    if found.remainder is not None and figures.cut:
        cut = int(figures.cut)
        # At the cut the tie order decides, which the other rows have a part in.
        allowed = (0, 1) if found.remainder == cut else (int(found.remainder > cut),)
    if found.cap != cap or found.extra not in allowed:
        raise VerificationError(
            "the recorded amount does not follow from the recorded numbers; see qfs verify",
            argument=f"allocations node {found.node} {'cap' if found.cap != cap else 'amount'}",
            value=found.cap if found.cap != cap else found.amount,
            expected=cap if found.cap != cap else found.amount - found.extra + allowed[-1],
        )
    if found.scored is not None:
        # The weight is the score of the counts, or this names it.
        _ = found.operations
