"""The auditor on governance: every planted violation of NOD-I3, NOD-I4 and NOD-I5 is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from immutables import Map

from qfs.limits import BASE_UNITS_PER_TOKEN
from qfs.protocol import events
from qfs.protocol.audited_votes import state_of
from qfs.protocol.governance import InfrastructureGovernance
from qfs.protocol.governance_rules import TURNOUTS
from qfs.protocol.invariant_errors import InvariantError
from qfs.protocol.invariants import Auditor, check_state
from qfs.protocol.parameters import Parameters
from qfs.protocol.proposals import Proposal
from qfs.protocol.snapshot import snapshot_of
from qfs.protocol.state import State
from qfs.protocol.verdict import Powers, Terms, close_of
from qfs.protocol.votes import Vote
from qfs.rows import from_rows, rows_of
from qfs.tables import BALANCES, BALLOTS

FACTOR = "storage_replication_factor"
CREATE, BALLOTS_EVENT = events.CREATE_PROPOSAL, events.RECORD_BALLOTS
CANCEL, EXECUTE = events.CANCEL_PROPOSAL, events.EXECUTE_PROPOSAL
GOVERNING = (CREATE, BALLOTS_EVENT, CANCEL, EXECUTE)

Change = Callable[[InfrastructureGovernance, bytes], InfrastructureGovernance]
"""Governance after an event, and the proposal that it is about: changed by a fault."""


def on_vote(change: Callable[[Vote], Vote]) -> Change:
    """A fault in the proposal that the event is about."""
    return lambda g, name: replace(g, votes=g.votes.set(name, change(g.votes[name])))


def on_another(change: Callable[[Vote], Vote]) -> Change:
    """The same in one that it is not about."""

    def changed(g: InfrastructureGovernance, name: bytes) -> InfrastructureGovernance:
        other = next(n for n in g.votes if n != name)
        return replace(g, votes=g.votes.set(other, change(g.votes[other])))

    return changed


def on_batch(change: Callable[[Any], Any], index: int = -1) -> Change:
    def changed(vote: Vote) -> Vote:
        batches = [*vote.batches]
        batches[index] = change(batches[index])
        return replace(vote, batches=tuple(batches))

    return on_vote(changed)


def rows(change: Callable[[list[list[Any]]], Any]) -> Callable[[Any], Any]:
    """Another set of counted ballots, with the totals they come to."""

    def changed(batch: Any) -> Any:
        given = [[*row] for row in rows_of(batch.counted)]
        return batch._replace(counted=from_rows(BALLOTS, change(given)))

    return changed


def on_proposal(change: Callable[[Proposal], Proposal]) -> Change:
    return on_vote(lambda vote: replace(vote, proposal=change(vote.proposal)))


def terms(**values: Any) -> Change:
    return on_proposal(lambda p: replace(p, terms=p.terms._replace(**values)))


def snapshot(change: Callable[[list[list[Any]]], Any]) -> Change:
    def changed(proposal: Proposal) -> Proposal:
        given = change([[*row] for row in rows_of(proposal.snapshot.table)])
        return replace(proposal, snapshot=snapshot_of(from_rows(BALANCES, given)))

    return on_proposal(changed)


def parameter(**values: Any) -> Change:
    def changed(g: InfrastructureGovernance, _: bytes) -> InfrastructureGovernance:
        *older, last = g.parameters.history(FACTOR)
        history = (*older, last._replace(**values))
        return replace(g, parameters=Parameters(Map({FACTOR: history})))

    return changed


def dropped(g: InfrastructureGovernance, name: bytes) -> InfrastructureGovernance:
    return replace(g, votes=g.votes.delete(name))


def added(g: InfrastructureGovernance, name: bytes) -> InfrastructureGovernance:
    return replace(g, votes=g.votes.set(bytes(32), g.votes[name]))


def written(g: InfrastructureGovernance, name: bytes) -> InfrastructureGovernance:
    parameters = g.parameters.written("network_bandwidth_parameters", 1, name, (("max_mbps", 1),))
    return replace(g, parameters=parameters)


def more_yes(batch: Any) -> Any:
    return batch._replace(powers=batch.powers.plus(Powers(yes=1)))


ANY: dict[str, Change] = {
    "another proposal cancelled": on_another(lambda v: replace(v, cancelled=3)),
    "another proposal executed": on_another(lambda v: replace(v, executed=3)),
    "another proposal's refusals": on_another(lambda v: replace(v, refused=Map({"late": 1}))),
    "the proposal gone": dropped,
    "a proposal from nowhere": added,
    "another parameter": written,
    "quorum": terms(quorum=51 * 10**16),
    "window": terms(close_tick=10**6),
    "supply": terms(supply=1),
    "attainable": terms(attainable=1),
    "turnout": terms(turnout="for_and_abstain"),
    "timelock": terms(timelock_ticks=0),
    "grace": terms(grace_ticks=10**6),
    "emergency": terms(emergency=True),
    "cap": on_proposal(lambda p: replace(p, power_cap=p.power_cap + 1)),
    "payload": on_proposal(lambda p: replace(p, payload=(("factor", 9),))),
    "proposer": on_proposal(lambda p: replace(p, proposer="e")),
    "version": on_proposal(lambda p: replace(p, version=p.version + 1)),
    "tick": on_proposal(lambda p: replace(p, tick=p.tick + 1)),
    "instance": on_proposal(lambda p: replace(p, instance=bytes(32))),
    "a balance of the snapshot": snapshot(lambda held: [[*held[0][:1], 1], *held[1:]]),
    "a voter missing": snapshot(lambda held: held[1:]),
    "a voter more": snapshot(lambda held: [*held, ["zz", 5]]),
}
PLANTED: dict[str, dict[str, tuple[str, Change]]] = {
    CREATE: {
        "cancelled at once": ("NOD-I4", on_vote(lambda v: replace(v, cancelled=3))),
        "refusals from nowhere": ("NOD-I4", on_vote(lambda v: replace(v, refused=Map({"x": 1})))),
    },
    BALLOTS_EVENT: {
        "power": ("NOD-I5", on_batch(more_yes)),
        "power of an earlier batch": ("NOD-I5", on_batch(more_yes, 0)),
        "a choice": ("NOD-I4", on_batch(rows(lambda r: [[*r[0][:2], 1, *r[0][3:]], *r[1:]]))),
        "an earlier choice": (
            "NOD-I5",
            on_batch(rows(lambda r: [[*r[0][:2], 2 - r[0][2], *r[0][3:]], *r[1:]]), 0),
        ),
        "an earlier ballot gone": ("NOD-I5", on_batch(rows(lambda r: r[1:]), 0)),
        "a ballot gone": ("NOD-I4", on_batch(rows(lambda r: r[1:]))),
        "a ballot from nowhere": (
            "NOD-I4",
            on_batch(rows(lambda r: [*r, [99, 3, 1, 0, "0x" + "00" * 32]])),
        ),
        "a voter twice": (
            "NOD-I5",
            on_batch(rows(lambda r: [[r[0][0] - 1, 0, *r[0][2:]], *r])),
        ),
        "a batch more": (
            "NOD-I4",
            on_vote(lambda v: replace(v, batches=(*v.batches, v.batches[-1]))),
        ),
        "a batch gone": ("NOD-I4", on_vote(lambda v: replace(v, batches=v.batches[:-1]))),
        "its tick": ("NOD-I4", on_batch(lambda b: b._replace(tick=b.tick - 1))),
        "how many there were": ("NOD-I4", on_batch(lambda b: b._replace(received=9))),
        "a refusal not counted": ("NOD-I4", on_vote(lambda v: replace(v, refused=Map()))),
        "cancelled": ("NOD-I4", on_vote(lambda v: replace(v, cancelled=3))),
        "executed": ("NOD-I4", on_vote(lambda v: replace(v, executed=3))),
    },
    CANCEL: {
        "not cancelled": ("NOD-I4", on_vote(lambda v: replace(v, cancelled=None))),
        "at another tick": ("NOD-I4", on_vote(lambda v: replace(v, cancelled=3))),
        "executed too": ("NOD-I4", on_vote(lambda v: replace(v, executed=3))),
    },
    EXECUTE: {
        "not flagged": ("NOD-I4", on_vote(lambda v: replace(v, executed=None))),
        "at another tick": ("NOD-I4", on_vote(lambda v: replace(v, executed=3))),
        "cancelled too": ("NOD-I4", on_vote(lambda v: replace(v, cancelled=3))),
        "ballots gone": ("NOD-I5", on_vote(lambda v: replace(v, batches=v.batches[:1]))),
        "another value": ("NOD-I4", parameter(payload=(("factor", 9),))),
        "another version": ("NOD-I4", parameter(version=7)),
        "of another tick": ("NOD-I4", parameter(tick=1)),
        "of another proposal": ("NOD-I4", parameter(proposal=bytes(32))),
        "nothing written": ("NOD-I4", lambda g, _: replace(g, parameters=Parameters())),
        "written twice": (
            "NOD-I4",
            lambda g, n: replace(
                g, parameters=g.parameters.written(FACTOR, 21, n, (("factor", 3),))
            ),
        ),
    },
}


def step(network: Any, kind: str, *, last: bool = True) -> tuple[State, Any, State]:
    found = [entry for entry in network.history if entry[1].type == kind]
    chosen: tuple[State, Any, State] = found[-1 if last else 0]
    return chosen


def caught(network: Any, kind: str, change: Change) -> InvariantError:
    # Of two proposals of one tick the second, so that there is another beside it.
    before, event, after = step(network, kind)
    name = bytes.fromhex(event.payload["proposal"])
    broken = replace(after, governance=change(after.governance, name))
    auditor = Auditor(network.history[0][0])
    auditor.check(before, event, after)
    with pytest.raises(InvariantError) as error:
        auditor.check(before, event, broken)
    return error.value


@pytest.mark.parametrize("kind", GOVERNING)
@pytest.mark.parametrize("name", ANY)
def test_a_violation_by_any_event_of_governance_is_named(busy: Any, kind: str, name: str) -> None:
    assert caught(busy, kind, ANY[name]).invariant in ("NOD-I4", "NOD-I5")


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, found in PLANTED.items() for n in found])
def test_a_violation_by_an_event_is_named(busy: Any, kind: str, name: str) -> None:
    invariant, change = PLANTED[kind][name]
    assert caught(busy, kind, change).invariant == invariant


def test_other_events_leave_governance_alone(busy: Any) -> None:
    busy.apply(busy.closing())
    kinds = {event.type for _, event, _ in busy.history} - {*GOVERNING}
    assert len(kinds) == len(events.PAYLOADS) - len(GOVERNING)
    planted = busy.state.governance
    for kind in sorted(kinds):
        before, event, after = step(busy, kind)
        auditor = Auditor(before)
        # The last state has more proposals than any before, but for its own.
        other = replace(planted, parameters=Parameters())
        with pytest.raises(InvariantError) as error:
            auditor.check(before, event, replace(after, governance=other))
        assert error.value.invariant == "NOD-I4"


def test_events_at_the_wrong_time_are_named(busy: Any) -> None:
    """The state of a proposal is derived once more, from other code."""
    for kind, ticks in {
        CANCEL: (20, 21, 25),
        BALLOTS_EVENT: (20, 24),
        EXECUTE: (18, 20, 25),
    }.items():
        before, event, after = step(busy, kind)
        for tick in ticks:
            moved = event._replace(tick=tick)
            vote = after.governance.votes[bytes.fromhex(event.payload["proposal"])]
            end = {CANCEL: {"cancelled": tick}, EXECUTE: {"executed": tick}}.get(kind, {})
            if kind == BALLOTS_EVENT:
                batches = (*vote.batches[:-1], vote.batches[-1]._replace(tick=tick))
                end = {"batches": batches}
            votes = after.governance.votes.set(vote.proposal.id, replace(vote, **end))
            forged = replace(after, tick=tick, governance=replace(after.governance, votes=votes))
            with pytest.raises(InvariantError) as error:
                Auditor(before).check(replace(before, tick=min(before.tick, tick)), moved, forged)
            assert error.value.invariant == "NOD-I4", (kind, tick)


@pytest.mark.parametrize("turnout", TURNOUTS)
@pytest.mark.parametrize("emergency", [False, True])
def test_both_writings_of_the_verdict_agree(busy: Any, turnout: str, emergency: bool) -> None:
    """Ten units cast in every way, ties and exact quorums among them, at both sides of each end."""
    _, event, after = step(busy, BALLOTS_EVENT)
    vote = after.governance.votes[bytes.fromhex(event.payload["proposal"])]
    quorum = BASE_UNITS_PER_TOKEN * 60 // 100
    terms = Terms(10, 10, quorum, turnout, 20, 3, 4, emergency)
    proposal = replace(vote.proposal, terms=terms)
    reached = set()
    for cast in product(range(11), repeat=3):
        if sum(cast) > terms.attainable:
            continue
        batch = vote.batches[-1]._replace(tick=12, powers=Powers(*cast))
        given = replace(vote, proposal=proposal, batches=(batch,))
        for tick in (12, 13, 19, 20, 26, 27):
            expected = given.outcome(tick)
            assert state_of(given, tick) == (expected.state, close_of(terms, given.progress))
            reached.add(expected)
    states = {found.state for found in reached}
    assert states == {"ACTIVE", "PASSED", "REJECTED", "EXPIRED"}
    assert "TIE" in {found.reason for found in reached}


def test_open_votes_are_counted_again_in_full(busy: Any) -> None:
    _, event, after = step(busy, BALLOTS_EVENT)
    check_state(after)
    name = bytes.fromhex(event.payload["proposal"])
    for change in (on_batch(more_yes), on_batch(more_yes, 0), terms(attainable=1)):
        with pytest.raises(InvariantError):
            Auditor(replace(after, governance=change(after.governance, name)))


def test_a_cap_above_a_quarter_is_named(busy: Any) -> None:
    """NOD-I3: a proposal that counts more, and whose other figures all agree with it."""
    _, event, after = step(busy, BALLOTS_EVENT)
    name = bytes.fromhex(event.payload["proposal"])
    vote = after.governance.votes[name]
    believed = [balance for _, balance in rows_of(vote.proposal.snapshot.table)]
    terms_believed = vote.proposal.terms._replace(attainable=sum(believed))
    supply = vote.proposal.terms.supply
    high = replace(vote.proposal, power_cap=supply, terms=terms_believed)
    sums = [0, 0, 0]
    batches = []
    for batch in vote.batches:
        for row in rows_of(batch.counted):
            sums[row[2]] += believed[row[1]]
        batches.append(batch._replace(powers=Powers(sums[1], sums[0], sums[2])))
    forged = replace(vote, proposal=high, batches=tuple(batches))
    votes = after.governance.votes.set(name, forged)
    with pytest.raises(InvariantError) as error:
        Auditor(replace(after, governance=replace(after.governance, votes=votes)))
    assert error.value.invariant == "NOD-I3"


def test_another_tally_of_an_execution_is_named(busy: Any) -> None:
    """Made again from the counted ballots, so that an execution names what was counted."""
    before, event, after = step(busy, EXECUTE)
    forged = event._replace(payload={**event.payload, "tally": "00" * 32})
    with pytest.raises(InvariantError, match="tally") as error:
        Auditor(before).check(before, forged, after)
    assert error.value.invariant == "NOD-I5"


def test_a_snapshot_that_gives_one_the_power_of_another_is_named(busy: Any) -> None:
    """Two balances are swapped, so that every figure and the id agree with the forged rows."""
    before, event, after = step(busy, CREATE)
    name = bytes.fromhex(event.payload["proposal"])
    vote = after.governance.votes[name]
    held = dict(rows_of(vote.proposal.snapshot.table))
    one, other = next((a, b) for a in held for b in held if held[a] != held[b])
    held[one], held[other] = held[other], held[one]
    table = snapshot_of(from_rows(BALANCES, sorted(held.items())))
    forged = replace(vote.proposal, snapshot=table)
    votes = after.governance.votes.delete(name).set(forged.id, replace(vote, proposal=forged))
    said = event._replace(payload={**event.payload, "proposal": forged.id.hex()})
    broken = replace(after, governance=replace(after.governance, votes=votes))
    with pytest.raises(InvariantError, match="snapshot is not the balances"):
        Auditor(before).check(before, said, broken)
