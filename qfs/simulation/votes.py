"""The votes of a simulated network: who proposes what and when, and who votes how.

The plan says when; who takes part follows from the balances of that moment.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from qfs.simulation.draws import Parameters, first_tick
from qfs.simulation.keys import Keys

FIRST_EPOCH: Final = 1
"""Before, nobody holds a balance."""

MAX_VOTERS: Final = 100
"""Those with the highest balances vote."""

_CREATED = 340
_BALLOTS = (350, 400)
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


Action = Propose | Cast | Settle


def votes(index: int) -> Iterator[tuple[int, Action]]:
    """What happens in votes in an epoch, with its tick. A proposal is first at its tick."""
    start = first_tick(index)
    for number, motion in enumerate(MOTIONS):
        if motion.epoch == index:
            yield start + _CREATED, Propose(number)
            yield from ((start + tick, Cast(number, p)) for p, tick in enumerate(_BALLOTS))
        # An emergency is executed after its short timelock, another vote in a later epoch.
        wait = 0 if motion.cancelled else 1 if motion.emergency else 2
        if motion.epoch + wait == index:
            yield start + _END, Settle(number)


class Votes:
    """The votes that a network holds."""

    def __init__(self, given: Parameters, keys: Keys) -> None:
        self._given = given
        self._keys = keys
        self._ids: dict[int, bytes] = {}

    def id_of(self, motion: int) -> bytes | None:
        """The proposal that a motion became, or None where nobody could make it."""
        return self._ids.get(motion)

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
        """Record ballots. In the second part some vote again, which does not count."""
        name = self._ids.get(number)
        if name is None:
            return
        vote = session.state.governance.get(name)
        if vote.outcome(tick).state != ACTIVE:
            return
        snapshot, holders = vote.proposal.snapshot, _holders(session)
        voters = [voter for voter in holders if snapshot.row(voter) is not None]
        half = (len(voters) + 1) // 2
        chosen = voters[:half] if part == 0 else voters[half - 1 :]
        ballots = []
        for voter in chosen:
            draw = self._given.below(10, "vote", number, voter)
            choice = 0 if draw == 0 else 2 if draw == 1 else 1
            key = self._keys.current(voter)
            ballots.append(sign_ballot(key, session.instance.id, name, voter, choice, nonce=part))
        rows = [snapshot.row(voter) for voter in chosen]
        if all(row is not None and vote.voted[row : row + 1] == b"\1" for row in rows):
            return
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


def _holders(session: Session) -> list[str]:
    """Nodes with a balance that are not revoked, the highest balance first."""
    state = session.state
    snapshot = freeze(state.balances, state.registry)
    names = snapshot.table.ids("node_id").texts()
    rows = zip(names, snapshot.table.amounts("balance"), strict=True)
    ordered = sorted((-balance, name) for name, balance in rows if balance)
    return [name for _, name in ordered[:MAX_VOTERS]]
