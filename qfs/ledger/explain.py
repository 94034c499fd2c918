"""Why a node was paid this amount, from the recorded numbers alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qfs.ledger.evidence import read_artifact, read_manifest
from qfs.ledger.manifest import Manifest
from qfs.ledger.proofs import find_node
from qfs.tables import ALLOCATIONS


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


def explain(folder: Path, node: str) -> Explanation:
    """The explanation of a node's amount.

    Raises:
        EvidenceError: the epoch has no such node.
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
    capped = shared_pool * counted > cap * shared_weight
    share = remainder = None
    if not capped and shared_weight and not figures.too_few_nodes:
        share, remainder = divmod(shared_pool * counted, shared_weight)
    return Explanation(
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
    )
