"""Governance against a model of a few lines: anything may happen in any order, and they agree."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from chamber import FACTOR, KEYS, PATCH, PATCH_VALUE, RULES, Chamber, balances_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from qfs.protocol import verdict
from qfs.protocol.ballots import sign_ballot
from qfs.protocol.events import TransitionError
from qfs.reference.tally import tally
from qfs.rows import rows_of

NODES = "abcde"
QUICK = RULES._replace(window_ticks=4, timelock_ticks=1, grace_ticks=3, cooldown_ticks=1)

Cast = tuple[str, int, str]
"""A voter, a choice, and whose key signs."""


class Known:
    """A proposal as the model has it."""

    def __init__(self, chamber: Chamber, proposal: Any, proposer: str, value: Any) -> None:
        self.proposal, self.proposer, self.value = proposal, proposer, value
        self.document = proposal.document()
        self.held = dict(rows_of(proposal.snapshot.table))
        self.rules = chamber.rules
        self.cast: dict[str, int] = {}
        self.batches: list[tuple[int, dict[str, int]]] = []
        self.refused = 0
        self.end = ""
        self.version = chamber.governance.parameters.version(proposal.type)

    def weight(self, voter: str) -> int:
        return min(self.held[voter], sum(self.held.values()) // 4)

    def sums(self, cast: dict[str, int]) -> list[int]:
        return [sum(self.weight(v) for v, c in cast.items() if c == choice) for choice in range(3)]

    def why_not(self, cast: dict[str, int]) -> str | None:
        no, yes, abstain = self.sums(cast)
        emergency = self.document["emergency"]
        quorum = self.rules.emergency_quorum if emergency else self.rules.quorum
        turnout = yes + abstain + (no if self.rules.turnout == "all" else 0)
        if Fraction(turnout, sum(self.held.values())) < Fraction(quorum, 10**18):
            return "NO_QUORUM"
        return None if yes > no else "TIE" if yes == no else "MORE_AGAINST"

    def close(self) -> int:
        emergency = self.document["emergency"]
        window = self.rules.emergency_window_ticks if emergency else self.rules.window_ticks
        close: int = self.document["tick"] + window
        for tick, cast in self.batches if emergency else []:
            rest = [v for v in self.held if v not in cast]
            # Nobody, all for it, all against it: no other end lies outside these.
            ends = [cast, cast | dict.fromkeys(rest, 1), cast | dict.fromkeys(rest, 0)]
            if len({self.why_not(end) is None for end in ends}) == 1:
                return min(close, tick + 1)
        return close

    def state(self, tick: int) -> tuple[str, str | None]:
        if self.end:
            return self.end, None
        close, emergency = self.close(), self.document["emergency"]
        if tick < close:
            return "ACTIVE", None
        why = self.why_not(self.cast)
        if why is not None:
            return "REJECTED", why
        wait = self.rules.emergency_timelock_ticks if emergency else self.rules.timelock_ticks
        return ("PASSED" if tick < close + wait + self.rules.grace_ticks else "EXPIRED"), None

    def opens(self) -> int:
        emergency = self.document["emergency"]
        wait = self.rules.emergency_timelock_ticks if emergency else self.rules.timelock_ticks
        return self.close() + wait


class Machine(RuleBasedStateMachine):
    """Governance and the model, to which the same is done."""

    @initialize(held=st.lists(st.integers(1, 9), min_size=5, max_size=5))
    def begin(self, held: list[int]) -> None:
        self.chamber = Chamber(dict(zip(NODES, held, strict=True)), QUICK)
        self.tick = 1
        self.known: list[Known] = []
        self.keys = {name: name for name in NODES}
        self.revoked: set[str] = set()
        self.parameters: dict[str, list[Any]] = {}

    @rule(by=st.integers(1, 3))
    def wait(self, by: int) -> None:
        self.tick += by

    @rule(
        proposer=st.sampled_from(NODES),
        factor=st.integers(1, 10),
        emergency=st.booleans(),
    )
    def create(self, proposer: str, factor: int, emergency: bool) -> None:
        kind, value = (PATCH, PATCH_VALUE) if emergency else (FACTOR, {"factor": factor})
        held = {n: h for n, h in rows_of(self.chamber.balances) if n not in self.revoked}
        mates = [k for k in self.known if k.document["tick"] == self.tick]
        held = mates[0].held if mates else held
        supply = sum(held.values())
        rules = self.chamber.rules
        quorum = rules.emergency_quorum if emergency else rules.quorum
        most = sum(min(h, supply // 4) for h in held.values())
        own = [k.document["tick"] for k in self.known if k.proposer == proposer]
        may = proposer not in self.revoked and supply > 0
        may = may and min(held.get(proposer, 0), supply // 4) > 0
        may = may and Fraction(most, max(supply, 1)) >= Fraction(quorum, 10**18)
        may = may and (not own or self.tick - max(own) >= rules.cooldown_ticks)
        try:
            made = self.chamber.create(self.tick, proposer, kind, value, emergency)
        except TransitionError:
            assert not may
            return
        assert may
        self.known.append(Known(self.chamber, made, proposer, value))

    @precondition(lambda self: self.known)
    @rule(
        number=st.integers(0, 9),
        cast=st.lists(
            st.tuples(
                st.sampled_from(NODES), st.integers(0, 2), st.sampled_from(["own", "own", "z"])
            ),
            min_size=1,
            max_size=5,
        ),
        elsewhere=st.booleans(),
    )
    def vote(self, number: int, cast: list[Cast], elsewhere: bool) -> None:
        known = self.known[number % len(self.known)]
        # A ballot that was signed for another proposal is worth as little as a stranger's.
        other = self.known[(number + 1) % len(self.known)] if elsewhere else known
        cast = [ballot for ballot in cast if ballot[0] in known.held]
        signed, counted, refused = [], dict(known.cast), 0
        for nonce, (voter, choice, signer) in enumerate(cast):
            key = KEYS[self.keys[voter] if signer == "own" else "z"]
            name = other.proposal.id
            signed.append(sign_ballot(key, self.chamber.instance, name, voter, choice, nonce))
            good = signer == "own" and other is known and voter not in self.revoked
            if good and voter not in counted and known.weight(voter):
                counted[voter] = choice
            else:
                refused += 1
        may = known.state(self.tick)[0] == "ACTIVE" and len(counted) > len(known.cast)
        tables = self.chamber.batch(known.proposal, signed)
        before = self.chamber.governance
        try:
            self.chamber.governance = before.vote(
                self.tick, known.proposal.id, *tables, self.chamber.registry
            )
        except TransitionError:
            assert not may
            return
        assert may
        known.cast, known.refused = counted, known.refused + refused
        known.batches.append((self.tick, dict(counted)))

    @precondition(lambda self: self.known)
    @rule(number=st.integers(0, 9), who=st.sampled_from(NODES))
    def cancel(self, number: int, who: str) -> None:
        known = self.known[number % len(self.known)]
        may = who == known.proposer and known.state(self.tick)[0] == "ACTIVE"
        try:
            self.chamber.cancel(self.tick, known.proposal, who)
        except TransitionError:
            assert not may
            return
        assert may
        known.end = "CANCELLED"

    @precondition(lambda self: self.known)
    @rule(number=st.integers(0, 9), swapped=st.booleans())
    def execute(self, number: int, swapped: bool) -> None:
        known = self.known[number % len(self.known)]
        kind = known.proposal.type
        value = {**known.value, **({"factor": 1} if swapped and kind == FACTOR else {})}
        history = self.parameters.setdefault(kind, [])
        may = known.state(self.tick)[0] == "PASSED" and self.tick >= known.opens()
        may = may and value == known.value and len(history) == known.version
        try:
            self.chamber.execute(self.tick, known.proposal, value)
        except TransitionError:
            assert not may
            return
        assert may
        known.end = "EXECUTED"
        history.append((len(history) + 1, self.tick, known.proposal.id, value))

    # What must not matter to a proposal that is there

    @rule(held=st.lists(st.integers(0, 9), min_size=5, max_size=5))
    def pay(self, held: list[int]) -> None:
        self.chamber.balances = balances_of(dict(zip(NODES, held, strict=True)))

    @rule(quorum=st.sampled_from([51, 66, 90]), turnout=st.sampled_from(["all", "for_and_abstain"]))
    def change_rules(self, quorum: int, turnout: str) -> None:
        self.chamber.rules = QUICK._replace(
            quorum=quorum * 10**16, turnout=turnout, window_ticks=quorum % 7 + 1
        )

    @rule(who=st.sampled_from(NODES), key=st.sampled_from("xy"))
    def rotate(self, who: str, key: str) -> None:
        if who not in self.revoked and self.keys[who] != key:
            public = KEYS[key].public.text
            self.chamber.registry = self.chamber.registry.rotate_key(who, public)
            self.keys[who] = key

    @precondition(lambda self: len(self.revoked) < 2)
    @rule(who=st.sampled_from(NODES))
    def revoke(self, who: str) -> None:
        if who not in self.revoked:
            self.chamber.registry = self.chamber.registry.revoke(who, self.tick)
            self.revoked.add(who)

    # What holds

    @invariant()
    def they_agree(self) -> None:
        for known in getattr(self, "known", []):
            standing = self.chamber.standing(known.proposal, self.tick)
            assert (standing.state, standing.reason) == known.state(self.tick)
            assert known.proposal.document() == known.document
            no, yes, abstain = known.sums(known.cast)
            assert standing.powers == (yes, no, abstain)
            assert standing.close_tick == known.close()
            assert standing.voters == len(known.cast)
            assert sum(standing.refused.values()) == known.refused
            assert yes + no + abstain <= known.proposal.terms.attainable
            assert known.proposal.terms.attainable <= known.proposal.terms.supply
        for kind, history in getattr(self, "parameters", {}).items():
            found = self.chamber.governance.parameters.history(kind)
            assert [(e.version, e.tick, e.proposal, e.value) for e in found] == history

    @invariant()
    def one_pass_over_all_ballots_counts_the_same(self) -> None:
        """Batch by batch, in one go, and from the last ballot to the first."""
        for known in getattr(self, "known", []):
            vote = self.chamber.governance.get(known.proposal.id)
            table, cap = vote.counted_ballots(), known.proposal.power_cap
            columns = [
                [*table.choices("choice")],
                [*table.counts("voter_index")],
                [*table.ticks("seq")],
            ]
            powers = [*known.proposal.snapshot.table.amounts("balance")]
            for choices, voters, seqs in (columns, [column[::-1] for column in columns]):
                found = tally(choices, powers, voters, seqs, cap)
                assert (found.yes, found.no, found.abstain) == vote.powers
                assert found.counted == len(table) == len(known.cast)


TestMachine = pytest.mark.slow(Machine.TestCase)
TestMachine.settings = settings(max_examples=40, stateful_step_count=30)


@pytest.mark.slow
@given(
    cast=st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 2)), min_size=1, max_size=8),
    cuts=st.lists(st.integers(0, 8), max_size=3),
)
def test_batches_cut_anywhere_count_the_same(cast: list[tuple[str, int]], cuts: list[int]) -> None:
    """One batch, or several: the same ballots in the same order give the same result."""
    whole, pieces = Chamber(dict.fromkeys("abcd", 5)), Chamber(dict.fromkeys("abcd", 5))
    one, other = whole.create(10), pieces.create(10)
    assert one.id == other.id
    ballots = [
        sign_ballot(KEYS[voter], whole.instance, one.id, voter, choice, nonce)
        for nonce, (voter, choice) in enumerate(cast)
    ]
    tables = whole.batch(one, ballots)
    whole.governance = whole.governance.vote(11, one.id, *tables, whole.registry)
    edges = sorted({0, len(ballots), *(cut for cut in cuts if cut < len(ballots))})
    for start, end in pairwise(edges):
        tables = pieces.batch(other, ballots[start:end])
        counted = {voter for voter, _ in cast[:start]}
        if {voter for voter, _ in cast[start:end]} <= counted:
            # A piece without a first ballot of anybody changes nothing.
            with pytest.raises(TransitionError, match="duplicate"):
                pieces.governance.vote(11, other.id, *tables, pieces.registry)
            continue
        pieces.governance = pieces.governance.vote(11, other.id, *tables, pieces.registry)
    found = [c.standing(one, 11) for c in (whole, pieces)]
    assert found[0].powers == found[1].powers
    assert found[0].voters == found[1].voters == len({voter for voter, _ in cast})


@pytest.mark.parametrize("twice", [False, True])
def test_counting_twice_changes_nothing(twice: bool) -> None:
    chamber = Chamber(dict.fromkeys("abcd", 5))
    proposal = chamber.create(10)
    chamber.vote(11, proposal, a=1, b=0)
    if twice:
        with pytest.raises(TransitionError):
            chamber.vote(11, proposal, a=1, b=0)
    assert chamber.standing(proposal, 11).powers == verdict.Powers(5, 5, 0)
