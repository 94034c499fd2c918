"""Every sequence of operations on a small instance, up to length 7, with the laws checked at each.

Operations are functions of a state, so sequences that lead to one state go on from it together:
all of them are covered, and each state is looked at once. Signatures are below; here a ballot is
taken as signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any, NamedTuple

import pytest
from chamber import FACTOR, PATCH, PATCH_VALUE, RULES, Chamber, unsigned

from qfs.protocol import verdict
from qfs.protocol.events import TransitionError
from qfs.protocol.governance import Draft, InfrastructureGovernance
from qfs.protocol.verdict import Powers
from qfs.protocol.votes import Vote
from qfs.tables import Table

LENGTH = 7
QUICK = RULES._replace(
    window_ticks=1,
    timelock_ticks=0,
    grace_ticks=1,
    emergency_window_ticks=2,
    emergency_timelock_ticks=1,
    cooldown_ticks=1,
    quorum=51 * 10**16,
    emergency_quorum=51 * 10**16,
)
HELD = dict.fromkeys("abcd", 1)
DRAFTS = (
    Draft("a", FACTOR, {"factor": 3}),
    Draft("b", FACTOR, {"factor": 4}),
    Draft("c", PATCH, PATCH_VALUE, emergency=True),
)
QUORUM_AND_ONE = ((0, 1, 2), (3,))
"""Voters that vote together: of a quorum of 3 of 4."""
HALVES = ((0, 1), (2, 3))


class Place(NamedTuple):
    """A state, and what of it tells it from others."""

    governance: InfrastructureGovernance
    tick: int
    last: int
    """the tick of the last event"""

    def key(self) -> Any:
        votes = tuple(
            (v.proposal.id, v.cancelled, v.executed, tuple((b.tick, b.voters) for b in seen(v)))
            for v in self.governance
        )
        return votes, self.tick, self.last, str(self.governance.parameters.document())


class Seen(NamedTuple):
    tick: int
    voters: tuple[tuple[int, int, int], ...]


def seen(vote: Vote) -> list[Seen]:
    return [Seen(b.tick, tuple(counted_rows(b.counted))) for b in vote.batches]


def counted_rows(table: Table) -> Iterator[tuple[int, int, int]]:
    return zip(
        table.ticks("seq"), table.counts("voter_index"), table.choices("choice"), strict=True
    )


class Walk:
    """All places that operations lead to, by number of operations."""

    def __init__(self, drafts: tuple[Draft, ...], blocks: tuple[tuple[int, ...], ...]) -> None:
        self.chamber = Chamber(HELD, QUICK)
        self.drafts, self.blocks = drafts, blocks
        self.refusals: set[str] = set()
        self.tables: dict[Any, Table] = {}
        self.applied = 0
        self.reached: set[tuple[str, str | None]] = set()

    def run(self, length: int) -> int:
        level = [Place(InfrastructureGovernance(), 1, 0)]
        known = {level[0].key()}
        for _ in range(length):
            after = []
            for place in level:
                for moved in self.moves(place):
                    self.applied += 1
                    if moved.key() not in known:
                        known.add(moved.key())
                        self.check_place(moved)
                        after.append(moved)
            level = after
        return len(known)

    def moves(self, place: Place) -> Iterator[Place]:
        """The places one operation later; a refusal changes nothing and leads nowhere."""
        yield place._replace(tick=place.tick + 1)
        governance, tick, last = place
        for draft in self.drafts:
            ground = self.chamber.ground(tick)._replace(last_tick=last)
            after = self.tried(lambda d=draft, g=ground: governance.create(d, g)[0])
            yield from self.moved(place, after, "create", None)
        for vote in governance:
            name = vote.proposal.id
            for block, choice in product(self.blocks, (0, 1)):
                table = self.table(vote.received, block, choice)
                after = self.tried(
                    lambda n=name, t=table, b=block: governance.record(tick, n, t, [None] * len(b))
                )
                yield from self.moved(place, after, "vote", vote)
            after = self.tried(
                lambda n=name, v=vote: governance.cancel(tick, n, v.proposal.proposer)
            )
            yield from self.moved(place, after, "cancel", vote)
            after = self.tried(
                lambda n=name, v=vote: governance.execute(tick, n, dict(v.proposal.payload))
            )
            yield from self.moved(place, after, "execute", vote)

    def table(self, first: int, block: tuple[int, ...], choice: int) -> Table:
        key = first, block, choice
        if key not in self.tables:
            self.tables[key] = unsigned(first, [(voter, choice) for voter in block])
        return self.tables[key]

    def tried(self, operation: Any) -> InfrastructureGovernance | None:
        try:
            found: InfrastructureGovernance = operation()
        except TransitionError as error:
            self.refusals.add(error.reason)
            return None
        return found

    def moved(
        self, place: Place, after: InfrastructureGovernance | None, what: str, on: Vote | None
    ) -> Iterator[Place]:
        state = None if on is None else on.outcome(place.tick).state
        if after is None:
            # What must not be refused: a first ballot while it is active.
            assert not (what == "vote" and state == "ACTIVE" and on and not on.batches)
            return
        moved = Place(after, place.tick, place.tick)
        self.check_step(place, moved, what, on, state)
        yield moved

    def check_step(
        self, before: Place, after: Place, what: str, on: Vote | None, state: str | None
    ) -> None:
        """One operation changes one proposal, and only as it may."""
        old, new = before.governance, after.governance
        assert len(new.votes) == len(old.votes) + (what == "create")
        for name, vote in old.votes.items():
            later = new.votes[name]
            assert later.proposal is vote.proposal
            assert on is not None or later is vote
            if on is not None and name != on.proposal.id:
                assert later is vote
            if vote.outcome(before.tick).state in verdict.TERMINAL:
                assert later is vote
            # NOD-I5: what is counted stays counted, as it was.
            assert later.batches[: len(vote.batches)] == vote.batches
        allowed = {"vote": "ACTIVE", "cancel": "ACTIVE", "execute": "PASSED", "create": None}
        assert state == allowed[what]
        if what != "execute":
            assert new.parameters is old.parameters
            return
        assert on is not None
        kind = on.proposal.type
        assert new.parameters.version(kind) == old.parameters.version(kind) + 1
        assert old.parameters.version(kind) == on.proposal.version
        entry = new.parameters.current(kind)
        assert entry is not None
        assert (entry.tick, entry.proposal) == (before.tick, on.proposal.id)
        assert entry.payload == on.proposal.payload
        first = closing_tick(on) + on.proposal.terms.timelock_ticks
        assert first <= before.tick < first + on.proposal.terms.grace_ticks
        assert on.executed is None

    def check_place(self, place: Place) -> None:
        """What holds of every proposal wherever it is reached."""
        for vote in place.governance:
            proposal, rows = (
                vote.proposal,
                [r for b in vote.batches for r in counted_rows(b.counted)],
            )
            voters = [voter for _, voter, _ in rows]
            assert len({*voters}) == len(voters)
            held = [min(balance, proposal.power_cap) for balance in balances_of(vote)]
            sums = [sum(held[v] for _, v, c in rows if c == choice) for choice in (1, 0, 2)]
            assert vote.powers == Powers(*sums)
            assert sum(sums) <= proposal.terms.attainable <= proposal.terms.supply
            assert all(4 * power <= proposal.terms.supply for power in held)
            state, reason = vote.outcome(place.tick)
            assert (state, reason) == expected(vote, place.tick)
            self.reached.add((state, reason))
            executions = [
                entry
                for entry in place.governance.parameters.history(proposal.type)
                if entry.proposal == proposal.id
            ]
            assert len(executions) == (vote.executed is not None)
            later = [vote.outcome(tick).state for tick in range(place.tick, place.tick + 8)]
            for one, other in pairwise(later):
                assert one not in verdict.TERMINAL or one == other


def balances_of(vote: Vote) -> list[int]:
    return [*vote.proposal.snapshot.table.amounts("balance")]


def closing_tick(vote: Vote) -> int:
    """The close, by trying for an emergency everything that the voters left could still do."""
    proposal, terms = vote.proposal, vote.proposal.terms
    if not terms.emergency:
        return terms.close_tick
    held = [min(balance, proposal.power_cap) for balance in balances_of(vote)]
    cast: dict[int, int] = {}
    for batch in vote.batches:
        cast |= {voter: choice for _, voter, choice in counted_rows(batch.counted)}
        rest = [voter for voter in range(len(held)) if voter not in cast]
        ends = set()
        for choices in product((None, 0, 1, 2), repeat=len(rest)):
            every = cast | {v: c for v, c in zip(rest, choices, strict=True) if c is not None}
            ends.add(decided(vote, every, held) is None)
        if len(ends) == 1:
            return min(terms.close_tick, batch.tick + 1)
    return terms.close_tick


def decided(vote: Vote, cast: dict[int, int], held: list[int]) -> str | None:
    yes, no, abstain = (sum(held[v] for v, c in cast.items() if c == x) for x in (1, 0, 2))
    supply, quorum = vote.proposal.terms.supply, vote.proposal.terms.quorum
    if (yes + no + abstain) * 10**18 < quorum * supply:
        return "NO_QUORUM"
    return "TIE" if yes == no else "MORE_AGAINST" if no > yes else None


def expected(vote: Vote, tick: int) -> tuple[str, str | None]:
    """The state by the text of the protocol."""
    if vote.executed is not None:
        return "EXECUTED", None
    if vote.cancelled is not None:
        return "CANCELLED", None
    close, terms = closing_tick(vote), vote.proposal.terms
    if tick < close:
        return "ACTIVE", None
    held = [min(balance, vote.proposal.power_cap) for balance in balances_of(vote)]
    cast = {v: c for b in vote.batches for _, v, c in counted_rows(b.counted)}
    reason = decided(vote, cast, held)
    if reason is not None:
        return "REJECTED", reason
    return (
        "PASSED" if tick < close + terms.timelock_ticks + terms.grace_ticks else "EXPIRED"
    ), None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("drafts", "blocks", "ends"),
    [
        # Two on one parameter, of which only one can be executed.
        (DRAFTS[:2], QUORUM_AND_ONE, {"stale", "executed", "expired", "late", "duplicate"}),
        (DRAFTS[2:], HALVES, {"timelock", "rejected", "late", "cancelled", "executed"}),
        ((DRAFTS[0], DRAFTS[2]), QUORUM_AND_ONE[:1], {"timelock", "late", "active", "tick"}),
    ],
)
def test_no_sequence_of_operations_breaks_a_law(
    drafts: tuple[Draft, ...], blocks: tuple[tuple[int, ...], ...], ends: set[str]
) -> None:
    walk = Walk(drafts, blocks)
    places = walk.run(LENGTH)
    assert places > 500
    assert {state for state, _ in walk.reached} == {*verdict.STATES}
    assert ends <= walk.refusals
    if blocks == HALVES:
        assert {reason for _, reason in walk.reached} >= {"TIE", "NO_QUORUM", "MORE_AGAINST"}
