"""What is tried in the votes of a simulation and must be refused, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from functools import partial
from typing import Any, Final, NamedTuple

from qfs.ledger.voting import cancellation, creation, execution, recording
from qfs.protocol import events
from qfs.protocol.ballots import Ballot, sign_ballot, signature_hash, tables_of
from qfs.protocol.events import ProtocolEvent, TableRef
from qfs.protocol.governance import Draft
from qfs.protocol.proposals import BANDWIDTH, STORAGE_REPLICATION
from qfs.protocol.registry import INFRASTRUCTURE
from qfs.protocol.verdict import ACTIVE, EXECUTED, PASSED
from qfs.protocol.votes import Vote
from qfs.rows import from_rows, rows_of
from qfs.signatures import PrivateKey
from qfs.simulation.attempts import Attempt, World
from qfs.simulation.nodes import FEES_REPORTER
from qfs.tables import BALLOTS

_FOR: Final = 1
_ANOTHER_INSTANCE: Final = b"\x17" * 32
_NO_DIGEST: Final = "0" * 64


class Stage(Enum):
    """Where a vote is when something is tried."""

    CREATED = auto()
    """at the tick of its creation"""
    VOTING = auto()
    """some ballots are counted"""
    NEXT_EPOCH = auto()
    """ballots are taken still, and nodes were revoked since"""
    CLOSED = auto()
    """before the end of the timelock"""
    EXECUTABLE = auto()
    EXECUTED = auto()


class VoteAttempt(NamedTuple):
    """Something that must be refused."""

    stage: Stage
    name: str
    reason: str
    """of the refusal"""
    event: Callable[[World, Vote], ProtocolEvent | None]
    """None where there is nobody to try it with"""


# Creations


def _created_again(world: World, vote: Vote) -> ProtocolEvent:
    made = vote.proposal
    draft = Draft(made.proposer, made.type, dict(made.payload), made.terms.emergency)
    return creation(world.session, world.keys.current(made.proposer), world.tick, draft)[1]


def _too_soon(world: World, vote: Vote) -> ProtocolEvent:
    draft = Draft(vote.proposal.proposer, STORAGE_REPLICATION, {"factor": 9})
    return creation(world.session, world.keys.current(draft.proposer), world.tick, draft)[1]


def _creation(world: World, proposer: str, type_: str = BANDWIDTH, **payload: Any) -> ProtocolEvent:
    """A creation that `creation` would not make."""
    made = events.CreateProposal(
        nonce=world.session.nonce(proposer),
        proposer=proposer,
        type=type_,
        payload=payload or {"max_mbps": 100},
        emergency=False,
        proposal=_NO_DIGEST,
        signature="",
    )
    return world.session.signed(world.keys.current(proposer), world.tick, made)


def _by_a_non_holder(world: World, vote: Vote) -> ProtocolEvent | None:
    """By a node that holds nothing."""
    balances = dict(rows_of(vote.proposal.snapshot.table))
    registry = world.session.state.registry
    for row in rows_of(registry.table):
        node = registry.get(row[0])
        assert node is not None
        holds = balances.get(node.node_id, 0) > 0
        if node.role == INFRASTRUCTURE and not node.revoked and not holds:
            return _creation(world, node.node_id)
    return None


# Ballots


def _recorded(world: World, vote: Vote, *ballots: Ballot) -> ProtocolEvent:
    return recording(vote, world.tick, ballots)


def _signed(
    world: World,
    vote: Vote,
    voter: str,
    key: PrivateKey | None = None,
    instance: bytes | None = None,
    proposal: bytes | None = None,
) -> Ballot:
    """A ballot for; where nothing else is given, by the voter's current key and for this vote."""
    return sign_ballot(
        key or world.keys.current(voter),
        instance or vote.proposal.instance,
        proposal or vote.proposal.id,
        voter,
        _FOR,
        nonce=world.tick,
    )


def _voters(world: World, vote: Vote, *, voted: bool | None) -> Sequence[str]:
    """Nodes of the snapshot that are not revoked: who have voted, or have not, or both."""
    registry = world.session.state.registry
    found = []
    for name, balance in rows_of(vote.proposal.snapshot.table):
        node = registry.get(name)
        is_asked = voted is None or voted == vote.has_voted(name)
        if balance and node is not None and not node.revoked and is_asked:
            found.append(name)
    return found


def _voter(world: World, vote: Vote, *, voted: bool | None = None) -> str | None:
    return next(iter(_voters(world, vote, voted=voted)), None)


def _elsewhere(
    world: World, vote: Vote, instance: bytes | None = None, proposal: bytes | None = None
) -> ProtocolEvent | None:
    """A good ballot of another place."""
    voter = _voter(world, vote)
    if voter is None:
        return None
    ballot = _signed(world, vote, voter, instance=instance, proposal=proposal)
    return _recorded(world, vote, ballot)


def _of_another_proposal(world: World, vote: Vote) -> ProtocolEvent | None:
    others = (other.proposal.id for other in world.session.state.governance)
    other = next((name for name in others if name != vote.proposal.id), None)
    return None if other is None else _elsewhere(world, vote, proposal=other)


def _replayed(world: World, vote: Vote) -> ProtocolEvent | None:
    """The very ballot that counts, in a batch of its own."""
    made = vote.proposal
    for _, index, choice, nonce, name in rows_of(vote.counted_ballots()):
        voter = made.snapshot.voter(index)
        key = world.keys.current(voter)
        # Ed25519 signs one text by one key always the same; the key may have been rotated.
        ballot = sign_ballot(key, made.instance, made.id, voter, choice, nonce)
        if signature_hash(ballot.signature) == name:
            return _recorded(world, vote, ballot)
    return None


def second(world: World, vote: Vote) -> Ballot | None:
    """Another ballot of a voter who has voted."""
    voter = _voter(world, vote, voted=True)
    return None if voter is None else _signed(world, vote, voter)


def _turned(world: World, vote: Vote) -> ProtocolEvent | None:
    """Signed for one choice, recorded with another."""
    voter = _voter(world, vote)
    if voter is None:
        return None
    return _recorded(world, vote, _signed(world, vote, voter)._replace(choice=0))


def rotated_away(world: World, vote: Vote) -> Ballot | None:
    """A ballot signed by the key that its voter had before."""
    for voter in _voters(world, vote, voted=None):
        first = world.keys.first(voter)
        if first.public != world.keys.current(voter).public:
            return _signed(world, vote, voter, first)
    return None


def of_a_revoked_node(world: World, vote: Vote) -> Ballot | None:
    """A good ballot of a node that was revoked after the snapshot."""
    registry = world.session.state.registry
    for name, balance in rows_of(vote.proposal.snapshot.table):
        node = registry.get(name)
        if balance and node is not None and node.revoked:
            return _signed(world, vote, name)
    return None


def _alone(
    world: World, vote: Vote, of: Callable[[World, Vote], Ballot | None]
) -> ProtocolEvent | None:
    ballot = of(world, vote)
    return None if ballot is None else _recorded(world, vote, ballot)


def _of_nobody(world: World, vote: Vote) -> ProtocolEvent | None:
    """A ballot of a voter after the last of the snapshot."""
    voter = _voter(world, vote)
    if voter is None:
        return None
    snapshot = vote.proposal.snapshot
    ballots, signed = tables_of(snapshot, [_signed(world, vote, voter)], vote.received)
    rows = [(seq, len(snapshot), *rest) for seq, _, *rest in rows_of(ballots)]
    table = from_rows(BALLOTS, rows)
    name = vote.proposal.id.hex()
    payload = events.RecordBallots(name, TableRef.of(table), TableRef.of(signed))
    document = events.document(payload)
    return ProtocolEvent(events.RECORD_BALLOTS, world.tick, document, table, signed)


# Cancellations and executions


def _cancelled_by_another(world: World, vote: Vote) -> ProtocolEvent | None:
    name = vote.proposal.proposer
    other = next((v for v in _voters(world, vote, voted=None) if v != name), None)
    if other is None or vote.outcome(world.tick).state != ACTIVE:
        return None
    payload = events.CancelProposal(
        world.session.nonce(other), other, vote.proposal.id.hex(), signature=""
    )
    return world.session.signed(world.keys.current(other), world.tick, payload)


def _cancelled(world: World, vote: Vote) -> ProtocolEvent | None:
    node = world.session.state.registry.get(vote.proposal.proposer)
    if node is None or node.revoked or vote.outcome(world.tick).state != PASSED:
        return None
    key = world.keys.current(node.node_id)
    return cancellation(world.session, key, world.tick, vote.proposal)


def _executed(world: World, vote: Vote, state: str) -> ProtocolEvent | None:
    """An execution, where the proposal is in this state."""
    return execution(vote, world.tick) if vote.outcome(world.tick).state == state else None


def _swapped(world: World, vote: Vote) -> ProtocolEvent | None:
    """The execution of another value than was voted."""
    event = _executed(world, vote, PASSED)
    if event is None or vote.proposal.type not in (STORAGE_REPLICATION, BANDWIDTH):
        return None
    value = {name: int(number) + 1 for name, number in vote.proposal.payload}
    return event._replace(payload={**event.payload, "payload": value})


def _second_late(world: World, vote: Vote, state: str) -> ProtocolEvent | None:
    return _alone(world, vote, second) if vote.outcome(world.tick).state == state else None


_CREATED, _VOTING = Stage.CREATED, Stage.VOTING
VOTE_ATTEMPTS: Final = (
    VoteAttempt(_CREATED, "a proposal created twice", "duplicate", _created_again),
    VoteAttempt(_CREATED, "a proposal within the cooldown of its proposer", "cooldown", _too_soon),
    VoteAttempt(
        _CREATED, "a proposal of a node that holds nothing", "zero_power", _by_a_non_holder
    ),
    VoteAttempt(
        _CREATED, "a proposal of a reporter", "role", lambda w, v: _creation(w, FEES_REPORTER)
    ),
    VoteAttempt(
        _CREATED,
        "a proposal on a balance",
        "firewall",
        lambda w, v: _creation(w, v.proposal.proposer, "balance", node_id="node-00000", amount="1"),
    ),
    VoteAttempt(
        _VOTING,
        "a ballot for another instance",
        "signature",
        partial(_elsewhere, instance=_ANOTHER_INSTANCE),
    ),
    VoteAttempt(_VOTING, "a ballot for another proposal", "signature", _of_another_proposal),
    VoteAttempt(_VOTING, "a ballot recorded again", "duplicate", _replayed),
    VoteAttempt(_VOTING, "a second ballot of a voter", "duplicate", partial(_alone, of=second)),
    VoteAttempt(_VOTING, "a ballot with the choice changed", "signature", _turned),
    VoteAttempt(
        _VOTING,
        "a ballot signed by a key that was rotated away",
        "signature",
        partial(_alone, of=rotated_away),
    ),
    VoteAttempt(_VOTING, "a ballot of an unknown voter", "unknown_voter", _of_nobody),
    VoteAttempt(_VOTING, "a cancellation by somebody else", "proposer", _cancelled_by_another),
    VoteAttempt(
        _VOTING,
        "an execution while ballots are taken",
        "active",
        lambda w, v: _executed(w, v, ACTIVE),
    ),
    VoteAttempt(
        Stage.NEXT_EPOCH,
        "a ballot of a revoked node",
        "revoked",
        partial(_alone, of=of_a_revoked_node),
    ),
    VoteAttempt(
        Stage.CLOSED, "a ballot after the close", "late", lambda w, v: _second_late(w, v, PASSED)
    ),
    VoteAttempt(Stage.CLOSED, "a cancellation after the close", "passed", _cancelled),
    VoteAttempt(
        Stage.CLOSED,
        "an execution before the end of the timelock",
        "timelock",
        lambda w, v: _executed(w, v, PASSED),
    ),
    VoteAttempt(Stage.EXECUTABLE, "an execution of what was not voted", "payload_hash", _swapped),
    VoteAttempt(
        Stage.EXECUTED, "a second execution", "executed", lambda w, v: _executed(w, v, EXECUTED)
    ),
    VoteAttempt(
        Stage.EXECUTED,
        "a ballot on what is executed",
        "executed",
        lambda w, v: _second_late(w, v, EXECUTED),
    ),
)


def attempts_at(stage: Stage, vote: Vote) -> list[Attempt]:
    """What is tried with a vote."""
    return [
        Attempt(one.name, one.reason, partial(_of_vote, one=one, vote=vote))
        for one in VOTE_ATTEMPTS
        if one.stage is stage
    ]


def _of_vote(world: World, one: VoteAttempt, vote: Vote) -> ProtocolEvent | None:
    return one.event(world, vote)
