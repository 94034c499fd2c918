"""Checking a receipt, every step, from the proposal and the log down to the totals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qfs.decimals import parse_integer
from qfs.errors import VerificationError
from qfs.ledger.checkpoint import Checkpoint
from qfs.ledger.events import Event
from qfs.ledger.log_proofs import require_event
from qfs.ledger.log_roots import LogRoot, require_log
from qfs.ledger.note import VerifierKey
from qfs.ledger.proofs import require_row_of
from qfs.ledger.proposal_files import ProposalDocument, require_form
from qfs.ledger.receipts import CountedLeaf, Receipt, SumSibling
from qfs.limits import MAX_SCALAR, MAX_TICK
from qfs.protocol.ballots import Ballot, require_ballot, signature_hash
from qfs.protocol.events import ProtocolEvent, RecordBallots, TransitionError, parse_payload
from qfs.protocol.manifest import parse_digest, require_digest
from qfs.reference import merkle_sum
from qfs.reference.merkle_sum import CountedBallot, SumNode, Sums
from qfs.signatures import SignatureError, parse_public_key
from qfs.tables import BALANCES, BALLOTS


class Shown(NamedTuple):
    """What a receipt shows. Powers in base units."""

    instance: bytes
    proposal: ProposalDocument
    voter: str
    choice: int
    power: int
    public_key: str
    seq: int
    """of the event that recorded it"""
    tick: int
    sums: Sums
    """totals of the tally"""
    ballots: int
    """that count"""
    digest: bytes
    """of the tally"""
    log: LogRoot
    checkpoint: Checkpoint | None


def verify_receipt(
    receipt: Receipt,
    trusted_digest: str | None = None,
    keys: Sequence[VerifierKey] | None = None,
    known: Checkpoint | None = None,
) -> Shown:
    """What a receipt shows, every step checked.

    Args:
        receipt: as read.
        trusted_digest: the digest of the tally from elsewhere, 64 hex digits, or None.
        keys: keys of the log's operator; None checks no signature of the log.
        known: a checkpoint from elsewhere, or None.

    Raises:
        VerificationError: a step does not hold; it is named.
        QfsError: a value is malformed.
    """
    # Step 1. The proposal is what its id names, and the log is the one that is known.
    document = receipt.proposal
    require_form(document)
    instance = bytes.fromhex(document.instance)
    needed = receipt.event.seq + 1
    checkpoint = require_log(receipt.log, receipt.checkpoint, needed, instance, keys, known)
    # Step 2. The event is in that log, and records a batch of ballots on the proposal.
    root = parse_digest(receipt.log.root, "log.root")
    event = require_event(instance, receipt.event, receipt.log.size, root)
    batch = require_batch(event, document)
    # Step 3. The ballot is in the batch, and its voter's balance is in the snapshot.
    counts = _require_rows(receipt, batch)
    voter = receipt.balance.columns["node_id"]
    # Step 4. The voter has signed it.
    _require_signed(receipt, instance, voter, counts.choice)
    # Step 5. With its power it is a leaf of the tally.
    sums = _require_counted(receipt.counted, counts)
    digest = parse_digest(receipt.counted.digest, "counted.digest")
    if trusted_digest is not None:
        require_digest(digest, trusted_digest)
    return Shown(
        instance=instance,
        proposal=document,
        voter=voter,
        choice=counts.choice,
        power=counts.power,
        public_key=receipt.public_key,
        seq=event.seq,
        tick=event.tick,
        sums=sums,
        ballots=receipt.counted.size,
        digest=digest,
        log=receipt.log,
        checkpoint=checkpoint,
    )


def require_batch(event: Event, document: ProposalDocument) -> RecordBallots:
    """What the event says of the batch of ballots that it records on the proposal.

    Raises:
        VerificationError: it records none on it.
    """
    try:
        payload = parse_payload(ProtocolEvent(event.type, event.tick, event.payload))
    except TransitionError as error:
        raise VerificationError(error.problem, argument="event.body") from error
    if not isinstance(payload, RecordBallots) or payload.proposal != document.id.hex():
        raise VerificationError(
            f"records no ballots on proposal {document.id.hex()}", argument="event.body"
        )
    return payload


def _require_rows(receipt: Receipt, batch: RecordBallots) -> CountedBallot:
    """What the ballot counts for, from its row in the batch and its voter's in the snapshot."""
    document, ballot, balance = receipt.proposal, receipt.ballot, receipt.balance
    for schema, entry, row, place in (
        (BALLOTS, batch.ballots, ballot, "event.body.ballots"),
        (BALANCES, document.snapshot, balance, "proposal.snapshot"),
    ):
        require_row_of(entry, schema, row.columns, row.index, row.path, place)
    seq, voter, choice = (int(ballot.columns[n]) for n in ("seq", "voter_index", "choice"))
    if balance.index != voter:
        raise VerificationError(
            f"the ballot is of row {voter} of the snapshot",
            argument="balance.index",
            value=balance.index,
            expected=voter,
        )
    power = min(int(balance.columns["balance"]), document.cap)
    return CountedBallot(seq, voter, choice, power)


def _require_signed(receipt: Receipt, instance: bytes, voter: str, choice: int) -> None:
    """The signature is the one that the ballot names, and of the voter's key on this ballot."""
    columns = receipt.ballot.columns
    try:
        signature = bytes.fromhex(receipt.signature)
    except ValueError:
        signature = b""
    if (
        signature.hex() != receipt.signature
        or signature_hash(signature) != (columns["signature_hash"])
    ):
        raise VerificationError("is not the one that the ballot names", argument="signature")
    ballot = Ballot(voter, choice, int(columns["nonce"]), signature)
    try:
        key = parse_public_key(receipt.public_key)
        require_ballot(key, instance, receipt.proposal.id, ballot)
    except SignatureError as error:
        raise VerificationError(error.problem, argument="signature") from error


def _require_counted(counted: CountedLeaf, ballot: CountedBallot) -> Sums:
    """The totals of the tally, which the ballot is a leaf of."""
    if not 0 <= counted.index < counted.size <= MAX_TICK:
        raise VerificationError(
            f"leaf {counted.index} of {counted.size}", argument="counted.index", value=counted.index
        )
    path = [_node(node, f"counted.path[{i}]") for i, node in enumerate(counted.path)]
    receipt = merkle_sum.Receipt(ballot, counted.index, counted.size, path)
    root = merkle_sum.root_from_receipt(receipt)
    if root is None or merkle_sum.tally_digest(counted.size, root).hex() != counted.digest:
        raise VerificationError(
            "the ballot with its power does not lead to the digest of the tally",
            argument="counted.path",
            expected=counted.digest,
        )
    return root.sums


def _node(found: SumSibling, place: str) -> SumNode:
    texts = {"yes": found.yes, "no": found.no, "abstain": found.abstain}
    sums = [parse_integer(text, f"{place}.{name}", MAX_SCALAR) for name, text in texts.items()]
    return SumNode(parse_digest(found.digest, f"{place}.digest"), Sums(*sums))
