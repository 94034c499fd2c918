"""A tally made again from recorded ballots alone, and the folder that lets anyone make it.

    tally.json                        proposal, batches, registry of each, and what they come to
    tables/<schema>-<digest>.parquet  snapshot, ballots, signatures, registries

Every signature is verified and every ballot counted anew, by the rules and once more by the public
`qfs.tally`. Whoever has the id of the proposal and the digest of the tally from elsewhere detects
any change; that these batches and registries are those of the log is for `qfs tally` on the
instance to say, which reads them there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from qfs import canonical
from qfs.api import tally
from qfs.errors import EvidenceError, VerificationError
from qfs.files import new_folder, read_bounded
from qfs.ledger.artifacts import Artifacts
from qfs.ledger.proposal_files import ProposalDocument, document_of, require_form
from qfs.ledger.sum_tree import SumTree, counted_of
from qfs.protocol import verdict
from qfs.protocol.ballots import faults, signatures_of
from qfs.protocol.events import TableRef, TransitionError
from qfs.protocol.governance import InfrastructureGovernance
from qfs.protocol.governance_documents import governance_of
from qfs.protocol.manifest import require_digest
from qfs.protocol.registry import Registry
from qfs.protocol.snapshot import attainable
from qfs.protocol.verdict import Powers
from qfs.protocol.votes import Vote
from qfs.tables import BALANCES, BALLOTS, REGISTRY, SIGNATURES, Schema, Table

FORMAT: Final = "qfs-tally-v1"
DOCUMENT: Final = "tally.json"
TABLES: Final = "tables"
PASSES: Final = "PASSES"


class Batch(NamedTuple):
    """Ballots that were recorded together, and the registry of that time."""

    tick: int
    ballots: Table
    signatures: Table
    registry: Registry


class Tallied(NamedTuple):
    """What ballots come to. Powers in base units."""

    powers: Powers
    ballots: int
    """that count"""
    refused: dict[str, int]
    attainable: int
    digest: bytes
    """of the tally, 32 bytes"""
    verdict: str
    """PASSES, or why it fails if nobody else votes"""


class BatchEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch by the names of its tables."""

    tick: int
    ballots: TableRef
    signatures: TableRef
    registry: TableRef


class TallyDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A proposal, its batches, and what they come to; amounts in base units."""

    format: Literal["qfs-tally-v1"]
    proposal: ProposalDocument
    batches: list[BatchEntry]
    yes: str
    no: str
    abstain: str
    ballots: int
    refused: dict[str, int]
    digest: str
    verdict: Literal["PASSES", "NO_QUORUM", "TIE", "MORE_AGAINST"]


def tally_again(vote: Vote, batches: Iterable[Batch]) -> Tallied:
    """What batches of ballots come to, from the first on, each signature verified.

    Args:
        vote: names the proposal; what it counts is not looked at.
        batches: in the order of the log.

    Raises:
        TransitionError: a batch could not have been recorded.
        VerificationError: the rules and `qfs.tally` differ.
    """
    governance = InfrastructureGovernance().with_proposal(vote.proposal)
    raise NotImplementedError
