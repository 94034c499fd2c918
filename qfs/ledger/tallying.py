"""A tally made again from recorded ballots alone, and the folder that lets anyone make it.

    tally.json                        proposal, events of the batches, and what they come to
    tables/<schema>-<digest>.parquet  snapshot, ballots, signatures, registries

Every signature is verified and every ballot counted anew: batch by batch by the rules, and all at
once by what `qfs.tally` offers. Each batch is shown to be in the log, up to a signed checkpoint
where there is one. That there was no other batch, and that the registries are those of the log, is
not shown: `qfs tally` on the instance reads both there.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec
from immutables import Map

from qfs import canonical
from qfs.backend import implementation
from qfs.decimals import parse_integer
from qfs.errors import EvidenceError, VerificationError
from qfs.files import new_folder, read_bounded
from qfs.ledger.artifacts import Artifacts
from qfs.ledger.checkpoint import Checkpoint
from qfs.ledger.checkpoints import origin_of, require_reaches, trusted
from qfs.ledger.log_proofs import ProvedEvent, proved_event, require_event
from qfs.ledger.log_roots import LogRoot, log_root, require_log
from qfs.ledger.note import VerifierKey, to_base64
from qfs.ledger.proposal_files import ProposalDocument, document_of, proposal_of, require_form
from qfs.ledger.receipt_checks import require_batch
from qfs.ledger.recorded import RecordedBatch
from qfs.ledger.tree import LogTree
from qfs.limits import MAX_SCALAR
from qfs.protocol import verdict
from qfs.protocol.ballots import faults, signatures_of
from qfs.protocol.events import TableRef
from qfs.protocol.governance import InfrastructureGovernance
from qfs.protocol.manifest import parse_digest, require_digest
from qfs.protocol.proposals import Proposal
from qfs.protocol.registry import Registry
from qfs.protocol.snapshot import attainable
from qfs.protocol.verdict import Powers
from qfs.protocol.votes import Vote
from qfs.reference.merkle import EMPTY_ROOT
from qfs.tables import BALANCES, BALLOTS, REGISTRY, SIGNATURES, Schema, Table

FORMAT: Final = "qfs-tally-v1"
DOCUMENT: Final = "tally.json"
TABLES: Final = "tables"
Verdict = Literal["PASSES", "NO_QUORUM", "TIE", "MORE_AGAINST"]


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
    digest: bytes
    """of the tally, 32 bytes"""
    verdict: Verdict
    """PASSES, or why it fails if nobody else votes"""


class BatchEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch: its event, which names its tables, and the registry of that time."""

    event: ProvedEvent
    registry: TableRef


class TallyDocument(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """A proposal, its batches, and what they come to; amounts in base units.

    `checkpoint` is the base64 of a note that states `log`, or empty.
    """

    format: Literal["qfs-tally-v1"]
    proposal: ProposalDocument
    log: LogRoot
    batches: list[BatchEntry]
    yes: str
    no: str
    abstain: str
    ballots: int
    refused: dict[str, int]
    digest: str
    verdict: Verdict
    checkpoint: str = ""


class Verified(NamedTuple):
    """What a folder shows."""

    proposal: Proposal
    tallied: Tallied
    log: LogRoot
    checkpoint: Checkpoint | None


def batches_of(recorded: Iterable[RecordedBatch]) -> Iterator[Batch]:
    """The batches of a log, as they are tallied."""
    for found in recorded:
        yield Batch(found.event.tick, found.ballots, found.signatures, found.registry)


def tally_again(proposal: Proposal, batches: Iterable[Batch]) -> Tallied:
    """What batches of ballots come to, from the first on, each signature verified.

    Raises:
        TransitionError: a batch could not have been recorded.
        VerificationError: the rules, batch by batch, and the tally of all ballots differ.
    """
    governance = InfrastructureGovernance(Map({proposal.id: Vote(proposal)}))
    seqs, voters, choices = array("Q"), array("I"), array("B")
    for batch in batches:
        raw = signatures_of(batch.ballots, batch.signatures)
        fault_of = faults(proposal, batch.ballots, raw, batch.registry)
        governance = governance.record(batch.tick, proposal.id, batch.ballots, fault_of)
        columns = (
            batch.ballots.ticks("seq"),
            batch.ballots.counts("voter_index"),
            batch.ballots.choices("choice"),
        )
        for fault, seq, voter, choice in zip(fault_of, *columns, strict=True):
            if fault is None:
                seqs.append(seq)
                voters.append(voter)
                choices.append(choice)
    vote = governance.get(proposal.id)
    powers, counted = vote.powers, sum(len(batch.counted) for batch in vote.batches)
    balances = proposal.snapshot.table.amounts("balance")
    # All at once, of whatever batch: what `qfs.tally` gives for these columns.
    public = implementation().tally(choices, balances, voters, seqs, proposal.power_cap)
    ours = (*powers, counted, proposal.terms.attainable)
    theirs = (public.yes, public.no, public.abstain, public.counted, public.attainable)
    if ours != theirs:
        raise VerificationError(
            f"batch by batch it is {ours}, all at once {theirs}", argument="tally", value=ours
        )
    return Tallied(
        powers,
        counted,
        dict(sorted(vote.refused.items())),
        vote.tally,
        _verdict(vote),
    )


def require_recorded(found: Tallied, vote: Vote) -> None:
    """The state has what was tallied again.

    Raises:
        VerificationError: it has something else; the first figure is named.
    """
    recorded = Tallied(
        vote.powers,
        sum(len(batch.counted) for batch in vote.batches),
        dict(sorted(vote.refused.items())),
        vote.tally,
        _verdict(vote),
    )
    _require_same(recorded, found, "the state has")


def _verdict(vote: Vote) -> Verdict:
    reason = verdict.failure(vote.proposal.terms, vote.powers)
    return "PASSES" if reason is None else msgspec.convert(reason, Verdict)


def _require_same(recorded: Tallied, found: Tallied, who: str) -> None:
    for name, one, other in zip(Tallied._fields, recorded, found, strict=True):
        if one != other:
            shown = [value.hex() if isinstance(value, bytes) else value for value in (one, other)]
            raise VerificationError(
                f"{who} {shown[0]}, tallied again it is {shown[1]}",
                argument=name,
                value=one,
                expected=other,
            )


def write_tally(
    folder: Path,
    proposal: Proposal,
    log: tuple[LogTree, Sequence[RecordedBatch]],
    found: Tallied,
    note: bytes | None = None,
) -> None:
    """Write all that a tally is made from, with what it comes to, into a new or empty folder.

    Args:
        folder: where.
        proposal: what was voted on.
        log: what `read_recorded` gave, over all events.
        found: what the batches come to.
        note: the checkpoint up to which the log is shown, or None.

    Raises:
        EvidenceError: a batch comes after the checkpoint.
        VerificationError: the note is no checkpoint of this log.
        StorageError: the folder is in use, or cannot be written; then nothing is left.
    """
    tree, recorded = log
    size = _needed([batch.event.seq for batch in recorded])
    if note is not None:
        size = _covered(tree, note, proposal.instance, size)
    tables, entries = [proposal.snapshot.table], []
    for batch in recorded:
        registry = batch.registry.table
        entries.append(BatchEntry(proved_event(tree, batch.event, size), TableRef.of(registry)))
        tables += (batch.ballots, batch.signatures, registry)
    document = TallyDocument(
        format=FORMAT,
        proposal=document_of(proposal),
        log=log_root(tree, size),
        batches=entries,
        yes=str(found.powers.yes),
        no=str(found.powers.no),
        abstain=str(found.powers.abstain),
        ballots=found.ballots,
        refused=found.refused,
        digest=found.digest.hex(),
        verdict=found.verdict,
        checkpoint="" if note is None else to_base64(note),
    )
    with new_folder(folder) as partial:
        (partial / TABLES).mkdir()
        kept = Artifacts(partial / TABLES)
        for table in tables:
            kept.put(table)
        (partial / DOCUMENT).write_bytes(canonical.encode(document))


def verify_tally(
    folder: Path,
    trusted_digest: str | None = None,
    keys: Sequence[VerifierKey] | None = None,
    known: Checkpoint | None = None,
) -> Verified:
    """Tally the ballots of a folder again and compare everything that it says.

    Args:
        folder: as `write_tally` made it.
        trusted_digest: the digest of the tally from elsewhere, 64 hex digits, or None.
        keys: keys of the log's operator; None checks no signature of the log.
        known: a checkpoint from elsewhere, or None.

    Raises:
        VerificationError: something differs; the first difference is named.
        QfsError: the folder cannot be read as a tally.
    """
    data = read_bounded(folder / DOCUMENT, canonical.MAX_BYTES)
    document = canonical.decode(data, TallyDocument, DOCUMENT)
    kept = Artifacts(folder / TABLES)
    proposal = _proposal(document.proposal, kept)
    needed = _needed([entry.event.seq for entry in document.batches])
    checkpoint = require_log(
        document.log, document.checkpoint, needed, proposal.instance, keys, known
    )
    found = tally_again(proposal, _batches(document, kept))
    figures = (document.yes, document.no, document.abstain)
    powers = Powers(*(parse_integer(text, "powers", MAX_SCALAR) for text in figures))
    digest = parse_digest(document.digest, "digest")
    recorded = Tallied(powers, document.ballots, document.refused, digest, document.verdict)
    _require_same(recorded, found, "recorded as")
    if trusted_digest is not None:
        require_digest(found.digest, trusted_digest)
    return Verified(proposal, found, document.log, checkpoint)


def _covered(tree: LogTree, note: bytes, instance: bytes, needed: int) -> int:
    """The size of the log that a checkpoint states, which has all events that are spoken of."""
    checkpoint = trusted(note, None, origin_of(instance))
    require_reaches(tree, checkpoint)
    if checkpoint.size < needed:
        raise EvidenceError(
            f"covers {checkpoint.size} events, the last batch is in event {needed - 1}",
            argument="checkpoint",
            value=checkpoint.size,
        )
    return checkpoint.size


def _needed(seqs: Sequence[int]) -> int:
    """Events up to the last of these."""
    return max(seqs, default=-1) + 1


def _proposal(document: ProposalDocument, kept: Artifacts) -> Proposal:
    """The proposal with its snapshot, whose figures are what they must be."""
    require_form(document)
    table = _table(kept, BALANCES, document.snapshot, "proposal.snapshot")
    proposal = proposal_of(document, table)
    frozen = proposal.snapshot
    for name, recorded, computed in (
        ("supply", proposal.terms.supply, frozen.supply),
        ("attainable", proposal.terms.attainable, attainable(frozen, proposal.power_cap)),
    ):
        if recorded != computed:
            raise VerificationError(
                f"recorded as {recorded}, the snapshot has {computed}",
                argument=f"proposal.{name}",
                value=recorded,
                expected=computed,
            )
    return proposal


def _batches(document: TallyDocument, kept: Artifacts) -> Iterator[Batch]:
    """The batches, each of an event of the log."""
    instance = parse_digest(document.proposal.instance, "instance")
    root = parse_digest(document.log.root, "log.root")
    if not document.log.size and root != EMPTY_ROOT:
        raise VerificationError("is not the root of no events", argument="log.root")
    for number, entry in enumerate(document.batches):
        place = f"batches[{number}]"
        event = require_event(instance, entry.event, document.log.size, root)
        named = require_batch(event, document.proposal)
        ballots = _table(kept, BALLOTS, named.ballots, f"{place}.ballots")
        signed = _table(kept, SIGNATURES, named.signatures, f"{place}.signatures")
        registry = _table(kept, REGISTRY, entry.registry, f"{place}.registry")
        yield Batch(event.tick, ballots, signed, Registry.of(registry))


def _table(kept: Artifacts, schema: Schema, name: TableRef, place: str) -> Table:
    table = kept.get(schema, name.digest)
    if TableRef.of(table) != name:
        raise VerificationError("has other rows or another root", argument=place)
    return table
