"""The votes of a simulated network: who proposes what and when, and who votes how.

The plan says when; who takes part follows from the balances of that moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from qfs.ledger.session import Session
from qfs.ledger.voting import cancellation, creation, execution, recording
from qfs.limits import BASE_UNITS_PER_TOKEN
from qfs.protocol.ballots import sign_ballot
from qfs.protocol.governance import Draft
from qfs.protocol.governing import ground_of
from qfs.protocol.proposals import BANDWIDTH, SECURITY_PATCH, STORAGE_REPLICATION
from qfs.protocol.snapshot import attainable, cap_of, freeze
from qfs.protocol.verdict import ACTIVE, PASSED
from qfs.protocol.votes import Vote
from qfs.simulation.attempts import World
from qfs.simulation.draws import Parameters, first_tick
from qfs.simulation.keys import Keys
from qfs.simulation.vote_attempts import Stage, of_a_revoked_node, rotated_away, second

FIRST_EPOCH: Final = 1
"""Before, nobody holds a balance."""

MAX_VOTERS: Final = 100
"""Those with the highest balances vote."""

_SOME = 4

_CREATED = 340
_BALLOTS = (350, 400)
_TRIED = 375
"""between the two"""
_LATE_BALLOTS = 100
"""in the next epoch, when nodes were revoked"""
_CLOSED = 64
"""in the epoch after that"""
_END = 410


class Motion(NamedTuple):
    """A proposal that the plan has."""

    epoch: int
    rank: int
    """of the proposer, by balance"""
    type: str
    payload: dict[str, Any]
    emergency: bool = False
    cancelled: bool = False

    @property
    def is_long(self) -> bool:
        """Whether ballots are taken in the next epoch too."""
        return not self.emergency and not self.cancelled


MOTIONS: Final = (
    Motion(1, 0, STORAGE_REPLICATION, {"factor": 3}),
    Motion(1, 1, STORAGE_REPLICATION, {"factor": 5}, cancelled=True),
    Motion(2, 2, SECURITY_PATCH, {"id": "patch-1", "sha256": "5a" * 32}, emergency=True),
    Motion(3, 1, BANDWIDTH, {"max_mbps": 2500}),
)


class Propose(NamedTuple):
    """A motion is made."""

    motion: int


class Cast(NamedTuple):
    """The ballots of a part of the voters on a motion."""

    motion: int
    part: int


class Settle(NamedTuple):
    """A motion is cancelled, or executed if it has passed."""

    motion: int


class TryVote(NamedTuple):
    """What must be refused at a stage of a motion is tried."""

    motion: int
    stage: Stage


Action = Propose | Cast | Settle | TryVote


def votes(index: int) -> Iterator[tuple[int, Action]]:
    """What happens in votes in an epoch, with its tick. A proposal is first at its tick."""
    start = first_tick(index)
    for number, motion in enumerate(MOTIONS):
        if motion.epoch == index:
            yield start + _CREATED, Propose(number)
            yield from ((start + tick, Cast(number, p)) for p, tick in enumerate(_BALLOTS))
        # An emergency is executed after its short timelock, another vote in a later epoch.
        wait = 0 if motion.cancelled else 1 if motion.emergency else 2
        if motion.is_long:
            yield from ((start + tick, action) for tick, action in _longer(number, index))
        if motion.epoch + wait == index:
            yield start + _END, Settle(number)
            yield start + _END, TryVote(number, Stage.EXECUTED)


def _longer(number: int, index: int) -> Iterator[tuple[int, Action]]:
    """What else happens in an epoch in a vote that takes more than one, by tick of the epoch."""
    passed = index - MOTIONS[number].epoch
    if passed == 0:
        yield _CREATED, TryVote(number, Stage.CREATED)
        yield _TRIED, TryVote(number, Stage.VOTING)
    elif passed == 1:
        yield _LATE_BALLOTS, TryVote(number, Stage.NEXT_EPOCH)
        yield _LATE_BALLOTS, Cast(number, len(_BALLOTS))
    elif passed == 2:
        yield _CLOSED, TryVote(number, Stage.CLOSED)
        yield _END, TryVote(number, Stage.EXECUTABLE)


class Votes:
    """The votes that a network holds."""

    def __init__(self, given: Parameters, keys: Keys) -> None:
        self._given = given
        self._keys = keys
        self._ids: dict[int, bytes] = {}

    def get(self, session: Session, motion: int) -> Vote | None:
        """The vote on a motion, or None where nobody could make it."""
        name = self._ids.get(motion)
        return None if name is None else session.state.governance.get(name)

    def propose(self, session: Session, tick: int, number: int) -> None:
        """Make a motion, if the balances can be a quorum and there is somebody to make it."""
        state, motion = session.state, MOTIONS[number]
        ground = ground_of(state, tick)
        snapshot = freeze(state.balances, state.registry)
        cap = cap_of(snapshot.supply, ground.rules.power_share)
        quorum = ground.rules.emergency_quorum if motion.emergency else ground.rules.quorum
        most = attainable(snapshot, cap)
        holders = _holders(session)
        if cap == 0 or most * BASE_UNITS_PER_TOKEN < quorum * snapshot.supply:
            return
        if motion.rank >= len(holders):
            return
        proposer = holders[motion.rank]
        draft = Draft(proposer, motion.type, motion.payload, motion.emergency)
        made, event = creation(session, self._keys.current(proposer), tick, draft)
        session.append([event])
        self._ids[number] = made.id

    def cast(self, session: Session, tick: int, number: int, part: int) -> None:
        """Record ballots. In the second part some vote again; the last, in the next epoch, is of
        those who have not voted yet, and has ballots that must not count before theirs."""
        vote = self.get(session, number)
        if vote is None or vote.outcome(tick).state != ACTIVE:
            return
        snapshot, name = vote.proposal.snapshot, vote.proposal.id
        voters = [voter for voter in _holders(session) if snapshot.row(voter) is not None]
        waiting = [voter for voter in voters if not vote.has_voted(voter)]
        chosen = _part(voters, waiting, part, is_long=MOTIONS[number].is_long)
        if not any(voter in waiting for voter in chosen):
            return
        ballots = []
        if part == len(_BALLOTS):
            world = World(session, self._keys, tick)
            spoiled = (of(world, vote) for of in (rotated_away, of_a_revoked_node, second))
            ballots += [ballot for ballot in spoiled if ballot is not None]
        for voter in chosen:
            draw = self._given.below(10, "vote", number, voter)
            choice = 0 if draw == 0 else 2 if draw == 1 else 1
            key = self._keys.current(voter)
            ballots.append(sign_ballot(key, session.instance.id, name, voter, choice, nonce=part))
        session.append([recording(vote, tick, ballots)])

    def settle(self, session: Session, tick: int, number: int) -> None:
        """Cancel a motion that is to be, or execute one that has passed."""
        name, motion = self._ids.get(number), MOTIONS[number]
        if name is None:
            return
        vote = session.state.governance.get(name)
        proposer, state = vote.proposal.proposer, vote.outcome(tick).state
        node = session.state.registry.get(proposer)
        if motion.cancelled and state == ACTIVE and node is not None and not node.revoked:
            key = self._keys.current(proposer)
            session.append([cancellation(session, key, tick, vote.proposal)])
        elif state == PASSED:
            session.append([execution(vote, tick)])


def _part(
    voters: Sequence[str], waiting: Sequence[str], part: int, *, is_long: bool
) -> Sequence[str]:
    """Who votes in a part: one half, the other half and the last of the first, who is left.

    The last voter of several waits for the next epoch, where there is a next part.
    """
    half = (len(voters) + 1) // 2
    on_time = len(voters) - 1 if is_long and len(voters) >= _SOME else len(voters)
    parts = {0: voters[:half], 1: voters[half - 1 : on_time]}
    return parts.get(part, waiting)


def _holders(session: Session) -> list[str]:
    """Nodes with a balance that are not revoked, the highest balance first."""
    state = session.state
    snapshot = freeze(state.balances, state.registry)
    names = snapshot.table.ids("node_id").texts()
    rows = zip(names, snapshot.table.amounts("balance"), strict=True)
    ordered = sorted((-balance, name) for name, balance in rows if balance)
    return [name for _, name in ordered[:MAX_VOTERS]]
