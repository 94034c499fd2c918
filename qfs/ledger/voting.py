"""Events of governance, made from what people say: proposals, ballots, and what ends a proposal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from qfs.ledger.ballot_files import Collected
from qfs.ledger.session import Session
from qfs.protocol import events
from qfs.protocol.ballots import UNKNOWN_VOTER, Ballot, signature_hash, tables_of
from qfs.protocol.events import ProtocolEvent, TableRef, TransitionError
from qfs.protocol.governance import Draft
from qfs.protocol.governing import ground_of
from qfs.protocol.proposals import Proposal
from qfs.protocol.votes import Vote
from qfs.signatures import PrivateKey

ANOTHER_PLACE: Final = "another_place"
ALREADY: Final = "counted_already"


def creation(
    session: Session, key: PrivateKey, tick: int, draft: Draft
) -> tuple[Proposal, ProtocolEvent]:
    """The proposal that a draft becomes at a tick, and the event that creates it.

    Raises:
        TransitionError: it is refused.
    """
    ground = ground_of(session.state.at(tick), tick, session.state.tick)
    proposal = session.state.governance.propose(draft, ground)
    payload = events.CreateProposal(
        nonce=session.nonce(draft.proposer),
        proposer=draft.proposer,
        type=draft.type,
        payload=dict(proposal.payload),
        emergency=draft.emergency,
        proposal=proposal.id.hex(),
        signature="",
    )
    return proposal, session.signed(key, tick, payload)


class Sifted(NamedTuple):
    """What is to be recorded of the ballots that came in."""

    ballots: list[Ballot]
    left_out: dict[str, int]
    """by reason: another_place, unknown_voter, counted_already"""


def sift(vote: Vote, collected: Collected) -> Sifted:
    """The ballots that can be rows of a batch and do not count already.

    Those with another fault are left in: the log tells of them by their reason.

    Raises:
        TransitionError: nothing is left.
    """
    counted = vote.counted_ballots().texts("signature_hash")
    already = {text.decode("ascii") for text in counted}
    left_out = {ANOTHER_PLACE: collected.elsewhere, UNKNOWN_VOTER: 0, ALREADY: 0}
    kept = []
    for ballot in collected.ballots:
        if vote.proposal.snapshot.row(ballot.voter) is None:
            left_out[UNKNOWN_VOTER] += 1
        elif signature_hash(ballot.signature) in already:
            left_out[ALREADY] += 1
        else:
            kept.append(ballot)
    left_out = {reason: count for reason, count in left_out.items() if count}
    if not kept:
        words = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise TransitionError(
            next(iter(left_out)) if len(left_out) == 1 else "ballots",
            f"no ballot is left to record: {words or 'there is none'}",
            argument="ballots",
            value=left_out,
        )
    return Sifted(kept, left_out)


def recording(vote: Vote, tick: int, ballots: Sequence[Ballot]) -> ProtocolEvent:
    """The event of a batch of ballots, which are numbered after those before.

    Raises:
        TransitionError: a voter is not in the snapshot.
    """
    tables = tables_of(vote.proposal.snapshot, ballots, vote.received)
    payload = events.RecordBallots(vote.proposal.id.hex(), *map(TableRef.of, tables))
    return ProtocolEvent(events.RECORD_BALLOTS, tick, events.document(payload), *tables)


def cancellation(session: Session, key: PrivateKey, tick: int, proposal: Proposal) -> ProtocolEvent:
    """The event by which its proposer takes a proposal back."""
    proposer = proposal.proposer
    payload = events.CancelProposal(session.nonce(proposer), proposer, proposal.id.hex(), "")
    return session.signed(key, tick, payload)


def execution(vote: Vote, tick: int) -> ProtocolEvent:
    """The event that executes what was voted."""
    proposal = vote.proposal
    payload = events.ExecuteProposal(proposal.id.hex(), dict(proposal.payload), vote.tally.hex())
    return ProtocolEvent(events.EXECUTE_PROPOSAL, tick, events.document(payload))
