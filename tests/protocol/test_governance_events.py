"""Governance in the log: who signs, what is frozen when, and what of it the state says."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from immutables import Map

from qfs.protocol import events
from qfs.protocol.events import ProtocolEvent, TableRef
from qfs.protocol.governance import InfrastructureGovernance
from qfs.protocol.governance_documents import document_of, governance_of, tables_of
from qfs.protocol.governance_rules import GovernanceRules
from qfs.protocol.parameters import Parameters, Version
from qfs.protocol.proposals import Proposal
from qfs.protocol.verdict import Terms
from qfs.protocol.votes import Batch
from qfs.reference.merkle_sum import make_receipt, receipt_holds, sum_root
from qfs.rows import from_rows, rows_of
from qfs.tables import BALANCES, BALLOTS, SIGNATURES

FACTOR = "storage_replication_factor"
AGAINST, FOR, ABSTAIN = 0, 1, 2


@pytest.fixture(scope="session")
def paid_network(first_network: Any) -> Any:
    network = first_network.copy()
    network.apply(network.fees([(0, "f", 10**21)]))
    network.apply(network.telemetry([(name, 10, 10) for name in "abcd"]))
    network.apply(network.closing())
    return network


@pytest.fixture
def paid(paid_network: Any) -> Any:
    """Four nodes with a balance of 25 each of 100 NOD, at tick 8."""
    return paid_network.copy()


def created(network: Any, *arguments: Any, **named: Any) -> str:
    event = network.proposal(*arguments, **named)
    network.apply(event)
    name: str = event.payload["proposal"]
    return name


def standing(network: Any, name: str, tick: int | None = None) -> Any:
    at = network.state.tick if tick is None else tick
    return network.state.governance.standing(bytes.fromhex(name), at)


# From creation to execution


def test_a_proposal_from_creation_to_execution(paid: Any) -> None:
    name = created(paid)
    assert paid.state.signed["a"] == 1
    paid.apply(paid.ballots(name, {"a": FOR, "b": FOR}))
    paid.apply(paid.ballots(name, {"d": AGAINST, "c": ABSTAIN}, tick=11))
    found = standing(paid, name, 12)
    nod = 10**18
    assert (found.state, found.powers) == ("PASSED", (50 * nod, 25 * nod, 25 * nod))
    assert paid.refused(paid.execution(name, tick=12)).reason == "timelock"
    paid.apply(paid.execution(name, tick=13))
    current = paid.state.governance.parameters.current(FACTOR)
    assert (current.version, current.tick, current.value) == (1, 13, {"factor": 3})
    assert paid.refused(paid.execution(name, tick=13)).reason == "executed"
    # Nobody signs a batch or an execution.
    assert paid.state.signed["a"] == 1


def test_the_snapshot_is_as_of_the_tick_before(paid: Any) -> None:
    """After anything at a tick no proposal is created at it; a close at the tick before counts."""
    paid.apply(paid.fees([(8, "g", 10**22)], epoch=1))
    paid.apply(paid.telemetry([(name, 10, 10) for name in "abcd"], epoch=1))
    before = paid.proposal(tick=16)
    paid.apply(paid.closing())
    assert paid.state.tick == 16
    for late in (before, replace_signed(paid, before)):
        assert paid.refused(late).reason == "tick"
    name = created(paid, tick=17)
    assert standing(paid, name).proposal.terms.supply == 1100 * 10**18


def replace_signed(network: Any, event: ProtocolEvent, **changes: Any) -> ProtocolEvent:
    """The event with other fields, signed again by the same node."""
    plain = {**event.payload, **changes}
    payload = events.PAYLOADS[event.type](**plain)
    key = network.key_of(plain["proposer"])
    return network.signed(key, payload, tick=event.tick)


def test_a_closing_after_a_creation_does_not_change_it(paid: Any) -> None:
    name = created(paid, tick=16)
    paid.apply(paid.fees([(8, "g", 10**22)], epoch=1))
    paid.apply(paid.telemetry([(name, 10, 10) for name in "abcd"], epoch=1))
    paid.apply(paid.closing())
    other = created(paid, "b", tick=16, payload={"factor": 4})
    for proposal in (name, other):
        assert standing(paid, proposal).proposal.terms.supply == 100 * 10**18


def test_a_node_that_is_revoked_neither_votes_nor_counts(paid: Any) -> None:
    before = created(paid)
    paid.apply(paid.revocation("b"))
    after = created(paid, payload={"factor": 4}, tick=10)
    assert standing(paid, before).proposal.terms.supply == 100 * 10**18
    assert standing(paid, after).proposal.terms.supply == 75 * 10**18
    paid.apply(paid.ballots(before, {"a": FOR, "b": FOR}))
    assert standing(paid, before).refused == {"revoked": 1}
    assert paid.refused(paid.ballots(before, {"b": FOR})).reason == "revoked"
    for make in (lambda: paid.proposal("b", 11), lambda: paid.cancellation(before, "b")):
        with pytest.raises(events.TransitionError) as caught:
            paid.apply(make())
        assert caught.value.reason == "revoked"


def test_rules_are_those_of_the_epoch_of_the_tick(paid: Any) -> None:
    rules = GovernanceRules(window_ticks=5, quorum=51 * 10**16, turnout="for_and_abstain")
    paid.apply(paid.change(governance=rules))
    first = created(paid, tick=15)
    second = created(paid, "b", tick=16)
    old, new = (standing(paid, name).proposal.terms for name in (first, second))
    assert (old.close_tick, old.quorum, old.turnout) == (18, 66 * 10**16, "all")
    assert (new.close_tick, new.quorum, new.turnout) == (21, 51 * 10**16, "for_and_abstain")


# Who says so


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nonce": 1}, "nonce"),
        ({"proposer": "b"}, "signature"),
        ({"proposer": "rep"}, "role"),
        ({"proposer": "nobody"}, "unknown_node"),
        ({"payload": {"factor": 4}}, "signature"),
        ({"emergency": True}, "signature"),
        ({"proposal": "00" * 32}, "signature"),
        ({"signature": "00" * 64}, "signature"),
    ],
)
def test_a_creation_is_signed_by_its_proposer(
    paid: Any, changes: dict[str, Any], reason: str
) -> None:
    """All nodes of this network have one key: another proposer is refused by what is signed."""
    event = paid.proposal()
    forged = event._replace(payload={**event.payload, **changes})
    assert paid.refused(forged).reason == reason
    assert paid.refused(event._replace(tick=10)).reason == "signature"


def test_the_id_that_is_signed_is_the_one_that_is_made(paid: Any) -> None:
    event = paid.proposal()
    other = replace_signed(paid, event, proposal="00" * 32)
    assert paid.refused(other).reason == "mismatch"
    # Signed before the balances of another tick were frozen.
    early = paid.proposal(tick=9)
    paid.apply(paid.change())
    late = replace_signed(paid, early._replace(tick=10))
    assert paid.refused(late).reason == "mismatch"


def test_an_execution_names_the_tally(paid: Any) -> None:
    """So that a place in the log commits to every counted ballot and to the totals."""
    name = created(paid)
    paid.apply(paid.ballots(name, {"d": AGAINST, "a": FOR}))
    paid.apply(paid.ballots(name, {"b": FOR, "c": ABSTAIN}))
    vote = paid.state.governance.get(bytes.fromhex(name))
    assert [(leaf.voter, leaf.seq, leaf.choice) for leaf in vote.leaves()] == [
        *((0, 1, FOR), (1, 2, FOR), (2, 3, ABSTAIN), (3, 0, AGAINST))
    ]
    assert sum_root(vote.leaves()).sums == vote.powers
    good = paid.execution(name, tick=13)
    for wrong in ("00" * 32, vote.tally.hex().upper(), ""):
        forged = good._replace(payload={**good.payload, "tally": wrong})
        assert paid.refused(forged).reason == "mismatch"
    for index, _ in enumerate(vote.leaves()):
        assert receipt_holds(make_receipt(vote.leaves(), index), vote.tally)
    paid.apply(good)


def test_a_cancellation_is_signed_by_the_proposer(paid: Any) -> None:
    name = created(paid)
    assert paid.refused(paid.cancellation(name, "b")).reason == "proposer"
    good = paid.cancellation(name)
    for changes in ({"signature": "00" * 64}, {"proposal": "00" * 32}):
        forged = good._replace(payload={**good.payload, **changes})
        assert paid.refused(forged).reason == "signature"
    paid.apply(good)
    assert paid.refused(good).reason == "nonce"
    assert standing(paid, name).state == "CANCELLED"


@pytest.mark.parametrize("name", ["00" * 32, "", "0", "zz", "00" * 31, "AB" * 32, " " * 64])
def test_no_proposal_of_another_name(paid: Any, name: str) -> None:
    real = created(paid)
    batch = paid.ballots(real, {"a": FOR})
    for event in (
        batch._replace(payload={**batch.payload, "proposal": name}),
        paid.cancellation(name),
        paid.execution(name),
    ):
        assert paid.refused(event).reason == "unknown_proposal"
    for text in (real.upper(), f" {real}", f"{real} "):
        assert paid.refused(paid.execution(text)).reason == "unknown_proposal"


def test_both_tables_of_a_batch_are_those_that_are_named(paid: Any) -> None:
    name = created(paid)
    event = paid.ballots(name, {"a": FOR, "b": AGAINST})
    other = paid.ballots(name, {"a": AGAINST, "b": AGAINST})
    for changes in (
        {"table": None},
        {"signatures": None},
        {"table": None, "signatures": None},
        {"table": other.table},
        {"signatures": other.signatures},
        {"table": event.signatures, "signatures": event.table},
        {"table": other.table, "signatures": other.signatures},
    ):
        assert paid.refused(event._replace(**changes)).reason == "table"
    stray = paid.execution(name)._replace(table=event.table)
    assert paid.refused(stray).reason == "table"
    assert paid.refused(paid.reward()._replace(signatures=event.signatures)).reason == "table"
    paid.apply(event)


def test_a_batch_cannot_be_recorded_twice(paid: Any) -> None:
    name = created(paid)
    event = paid.ballots(name, {"a": FOR})
    paid.apply(event)
    assert paid.refused(event).reason == "seq"
    # Numbered on, it is refused because the voter's ballot is final.
    assert paid.refused(paid.ballots(name, {"a": FOR})).reason == "duplicate"
    assert paid.refused(paid.ballots(name, {"a": AGAINST}, nonce=1)).reason == "duplicate"


def test_a_batch_of_another_proposal_does_not_count(paid: Any) -> None:
    one, other = created(paid), created(paid, "b", tick=9)
    event = paid.ballots(one, {"a": FOR})
    moved = event._replace(payload={**event.payload, "proposal": other})
    assert paid.refused(moved).reason == "signature"


# What the state says


def test_without_governance_the_state_says_nothing_of_it(network: Any) -> None:
    assert "governance" not in network.state.document()
    assert document_of(network.state.governance) == {"proposals": []}


def test_governance_comes_back_from_its_document(busy: Any) -> None:
    governance = busy.state.governance
    document = document_of(governance)
    tables = {(t.schema.name, t.digest.hex()): t for t in tables_of(governance)}
    asked = []

    def get(schema: Any, digest: str) -> Any:
        asked.append((schema.name, digest))
        return from_rows(schema, rows_of(tables[schema.name, digest]))

    again = governance_of(document, get)
    assert document_of(again) == document
    assert [vote.proposal.id for vote in again] == [vote.proposal.id for vote in governance]
    for vote, old in zip(again, governance, strict=True):
        assert (vote.powers, vote.voted, vote.received) == (old.powers, old.voted, old.received)
        assert vote.progress == old.progress
    assert {*asked} == {*tables}
    # Equal snapshots are one table again.
    assert len([name for name, _ in asked if name == BALANCES.name]) == len(
        {v.proposal.snapshot.ref.digest for v in governance}
    )


def changed_vote(governance: InfrastructureGovernance, **changes: Any) -> Any:
    vote = next(v for v in governance if v.executed is not None)
    return replace(
        governance, votes=governance.votes.set(vote.proposal.id, replace(vote, **changes))
    )


def test_every_field_of_governance_is_in_the_digest(busy: Any) -> None:
    state = busy.state
    governance = state.governance
    vote = next(v for v in governance if v.executed is not None)
    batch = vote.batches[0]
    fewer = from_rows(BALLOTS, [*rows_of(batch.counted)][:1])
    changes: dict[str, Any] = {
        "batches": vote.batches[:1],
        "refused": Map({"late": 1}),
        "cancelled": 5,
        "executed": 5,
        # Powers and who has voted follow from the counted ballots.
        "voted": None,
        "proposal": None,
    }
    assert sorted(changes) == sorted(field.name for field in fields(vote))
    assert Batch._fields == ("tick", "received", "counted", "powers")
    others = [
        changed_vote(governance, **{name: value})
        for name, value in changes.items()
        if value is not None
    ]
    for other in ({"tick": 5}, {"received": 99}, {"counted": fewer}):
        rest = vote.batches[1:]
        others.append(changed_vote(governance, batches=(batch._replace(**other), *rest)))
    entry = governance.parameters.current(FACTOR)
    assert entry is not None
    assert Version._fields == ("version", "tick", "proposal", "payload")
    for field, value in {
        "version": 2,
        "tick": 5,
        "proposal": bytes(32),
        "payload": (("factor", 9),),
    }.items():
        history = (entry._replace(**{field: value}),)
        others.append(replace(governance, parameters=Parameters(Map({FACTOR: history}))))
    others.append(replace(governance, votes=governance.votes.delete(vote.proposal.id)))
    digests = {replace(state, governance=other).digest for other in others}
    assert len(digests | {state.digest}) == len(others) + 1


def test_every_field_of_a_proposal_is_in_its_document() -> None:
    """A field that is added must be named by the id; see the test of the id."""
    assert [field.name for field in fields(Proposal)] == [
        *("instance", "proposer", "tick", "type", "payload", "version", "terms", "power_cap"),
        *("snapshot", "_id"),
    ]
    assert Terms._fields == (
        *("supply", "attainable", "quorum", "turnout", "close_tick"),
        *("timelock_ticks", "grace_ticks", "emergency"),
    )


def test_bounds_of_a_batch(paid: Any) -> None:
    name = created(paid)
    event = paid.ballots(name, {"a": FOR})
    for field in ("ballots", "signatures"):
        entry = {**event.payload[field], "rows": 2**32}
        forged = event._replace(payload={**event.payload, field: entry})
        assert paid.refused(forged).reason == "payload"
    empty = [from_rows(BALLOTS, []), from_rows(SIGNATURES, [])]
    refs = {
        table.schema.name: events.document(events.Register(0, TableRef.of(table), ""))["registry"]
        for table in empty
    }
    nothing = ProtocolEvent(event.type, 9, {"proposal": name, **refs}, *empty)
    assert paid.refused(nothing).reason == "ballots"
