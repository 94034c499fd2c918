"""Governance: what each operation does, every reason to refuse, and the known ways to game it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from chamber import (
    ABSTAIN,
    AGAINST,
    FACTOR,
    FOR,
    KEYS,
    PATCH,
    PATCH_VALUE,
    RULES,
    Chamber,
    balances_of,
    registry_of,
)

from qfs import canonical, signatures
from qfs.hashing import tagged_hash
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_TICK, MAX_VALUE
from qfs.protocol import ballots as batches
from qfs.protocol.ballots import Ballot, sign_ballot
from qfs.protocol.events import TransitionError
from qfs.protocol.governance import Draft
from qfs.protocol.governance_rules import DEFAULTS
from qfs.protocol.snapshot import freeze, power
from qfs.protocol.verdict import Powers
from qfs.rows import from_rows, rows_of
from qfs.tables import BALLOTS, SIGNATURES

HELD = {"a": 30, "b": 30, "c": 20, "d": 20}
"""A supply of 100 and a cap of 25: powers of 25, 25, 20, 20."""
CLOSE, OPEN, END = 20, 24, 30
"""Of a proposal created at tick 10: closed, executable, expired."""


@pytest.fixture
def chamber() -> Chamber:
    return Chamber(HELD)


def refused(operation: Any, *arguments: Any, **named: Any) -> TransitionError:
    with pytest.raises(TransitionError) as caught:
        operation(*arguments, **named)
    return caught.value


# Creation


def test_a_proposal_freezes_what_decides_it(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    terms = proposal.terms
    assert (terms.supply, proposal.power_cap, terms.attainable) == (100, 25, 90)
    assert (terms.close_tick, terms.timelock_ticks, terms.grace_ticks) == (CLOSE, 4, 6)
    assert (terms.quorum, terms.turnout, terms.emergency) == (RULES.quorum, "all", False)
    assert (proposal.version, dict(proposal.payload)) == (0, {"factor": 3})
    assert list(rows_of(proposal.snapshot.table)) == sorted(HELD.items())
    standing = chamber.standing(proposal, 10)
    assert (standing.state, standing.ticks_left, standing.quorum_needed) == ("ACTIVE", 10, 66)
    assert (standing.executable_from, standing.expires_at) == (OPEN, END)


def test_its_id_is_the_hash_of_all_that_it_says(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    assert proposal.id == tagged_hash("qfs/proposal/v1", canonical.encode(proposal.document()))
    ids = {proposal.id}
    others = [
        replace(proposal, instance=bytes(32)),
        replace(proposal, proposer="b"),
        replace(proposal, tick=11),
        replace(proposal, payload=(("factor", 4),)),
        replace(proposal, version=1),
        replace(proposal, power_cap=24),
        *(
            replace(proposal, terms=proposal.terms._replace(**{name: value}))
            for name, value in {
                "supply": 99,
                "attainable": 89,
                "quorum": RULES.quorum + 1,
                "turnout": "for_and_abstain",
                "close_tick": 21,
                "timelock_ticks": 5,
                "grace_ticks": 7,
                "emergency": True,
            }.items()
        ),
        replace(proposal, snapshot=freeze(balances_of(HELD | {"d": 21}), chamber.registry)),
    ]
    ids |= {other.id for other in others}
    assert len(ids) == len(others) + 1


def test_an_emergency_has_its_own_windows_and_quorum(chamber: Chamber) -> None:
    terms = chamber.emergency(10).terms
    assert (terms.close_tick, terms.timelock_ticks, terms.grace_ticks) == (15, 2, 6)
    assert (terms.quorum, terms.emergency) == (RULES.emergency_quorum, True)


def test_defaults_are_those_of_the_protocol() -> None:
    one = BASE_UNITS_PER_TOKEN
    shares = (DEFAULTS.quorum, DEFAULTS.emergency_quorum, DEFAULTS.power_share)
    assert shares == (one * 66 // 100, one * 80 // 100, one // 4)
    assert DEFAULTS.turnout == "all"
    assert DEFAULTS[4:] == (720, 240, 1440, 120, 60, 120)


def test_creating_a_proposal_twice_is_refused(chamber: Chamber) -> None:
    draft = Draft("a", FACTOR, {"factor": 3})
    chamber.create(10)
    ground = chamber.ground(10)._replace(rules=RULES._replace(cooldown_ticks=1))
    assert refused(chamber.governance.create, draft, ground).reason == "duplicate"
    # Voted on, it is the same proposal still.
    (vote,) = chamber.governance
    chamber.vote(11, vote.proposal, a=FOR)
    assert refused(chamber.governance.create, draft, ground).reason == "duplicate"


@pytest.mark.parametrize("ended", ["open", "cancelled", "rejected"])
def test_a_proposer_waits_whatever_became_of_the_last_one(ended: str) -> None:
    chamber = Chamber(HELD, RULES._replace(cooldown_ticks=15))
    proposal = chamber.create(10)
    if ended == "cancelled":
        chamber.cancel(11, proposal)
    if ended == "rejected":
        assert chamber.state(proposal, 24) == "REJECTED"
    assert refused(chamber.create, 24, payload={"factor": 4}).reason == "cooldown"
    chamber.create(24, "b")
    chamber.create(25, payload={"factor": 4})
    # It is counted from the last, not from the first.
    assert refused(chamber.create, 39, payload={"factor": 5}).reason == "cooldown"


def test_several_proposals_of_one_tick_share_what_the_first_froze(chamber: Chamber) -> None:
    first = chamber.create(10)
    chamber.balances = balances_of(HELD | {"b": 40})
    second = chamber.create(10, "b", payload={"factor": 4})
    assert second.snapshot is first.snapshot
    assert chamber.create(11, "c").terms.supply == 110


def test_balances_are_those_of_the_tick_before(chamber: Chamber) -> None:
    """Where something has happened at the tick, the balances before it are not known any more."""
    ground = chamber.ground(10)._replace(last_tick=10)
    draft = Draft("a", FACTOR, {"factor": 3})
    assert refused(chamber.governance.create, draft, ground).reason == "tick"
    chamber.governance.create(draft, ground._replace(last_tick=9))


def test_revoked_nodes_are_not_in_the_snapshot() -> None:
    chamber = Chamber(HELD | {"e": 1000, "x": 7}, revoked={"e": 3, "x": 9})
    proposal = chamber.create(10)
    assert (proposal.terms.supply, proposal.power_cap) == (100, 25)
    assert [row[0] for row in rows_of(proposal.snapshot.table)] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        ({"a": 0, "b": 0}, "supply"),
        ({"a": 1, "b": 1, "c": 1}, "quorum"),
        # A cap of 25 each leaves 65 of 100 attainable, below 66.
        ({"a": 60, "b": 25, "c": 15}, "quorum"),
        ({"a": 59, "b": 25, "c": 16}, None),
    ],
)
def test_a_quorum_that_cannot_be_reached_is_refused(
    held: dict[str, int], reason: str | None
) -> None:
    chamber = Chamber(held)
    if reason is None:
        assert chamber.create(10).terms.attainable == 66
        return
    assert refused(chamber.create, 10).reason == reason
    assert [*chamber.governance] == []


def test_a_proposer_without_power_is_refused() -> None:
    assert refused(Chamber(HELD | {"e": 0}).create, 10, "e").reason == "zero_power"
    # Registered, and not in the balances at all.
    chamber = Chamber(HELD)
    chamber.registry = registry_of("abcde")
    assert refused(chamber.create, 10, "e").reason == "zero_power"


def test_only_active_infrastructure_nodes_propose() -> None:
    chamber = Chamber(HELD, revoked={"d": 3})
    assert refused(chamber.create, 10, "d").reason == "revoked"
    assert refused(chamber.create, 10, "z").reason == "unknown_node"


def test_a_vote_ends_within_the_ticks_there_are(chamber: Chamber) -> None:
    last = MAX_TICK - RULES.window_ticks - RULES.timelock_ticks - RULES.grace_ticks
    assert refused(chamber.create, last + 1).reason == "tick"
    chamber.create(last)


def test_open_proposals_are_bounded(chamber: Chamber, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qfs.protocol.governance.MAX_OPEN_PROPOSALS", 2)
    first = chamber.create(10)
    chamber.create(11, "b")
    assert refused(chamber.create, 12, "c").reason == "open"
    chamber.cancel(12, first)
    chamber.create(12, "c")


# Voting


def test_power_is_the_balance_up_to_the_cap(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    chamber.vote(11, proposal, a=FOR, c=AGAINST)
    chamber.vote(19, proposal, d=ABSTAIN)
    standing = chamber.standing(proposal, 19)
    assert standing.powers == (25, 20, 20)
    assert (standing.turnout, standing.open_power, standing.voters) == (65, 25, 3)
    assert not standing.has_quorum
    assert chamber.standing(proposal, CLOSE)[1:3] == ("REJECTED", "NO_QUORUM")


def test_counted_ballots_are_had_in_the_order_of_the_log(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    chamber.vote(11, proposal, d=FOR, a=AGAINST)
    chamber.vote(12, proposal, d=AGAINST, b=ABSTAIN)
    vote = chamber.governance.get(proposal.id)
    rows = [row[:3] for row in rows_of(vote.counted_ballots())]
    assert rows == [(0, 3, FOR), (1, 0, AGAINST), (3, 1, ABSTAIN)]
    leaves = [(leaf.voter, leaf.seq, leaf.choice, leaf.power) for leaf in vote.leaves()]
    assert leaves == [(0, 1, AGAINST, 25), (1, 3, ABSTAIN, 25), (3, 0, FOR, 20)]
    cap = proposal.power_cap
    assert [power(proposal.snapshot, leaf.voter, cap) for leaf in vote.leaves()] == [25, 25, 20]
    assert dict(vote.refused) == {"duplicate": 1}
    assert vote.received == 4


@pytest.mark.parametrize(("tick", "reason"), [(19, None), (20, "late"), (24, "late"), (30, "late")])
def test_late_ballots_are_refused(chamber: Chamber, tick: int, reason: str | None) -> None:
    proposal = chamber.create(10)
    chamber.vote(11, proposal, a=FOR, b=FOR, c=FOR)
    if reason is None:
        chamber.vote(tick, proposal, d=FOR)
    else:
        assert refused(chamber.vote, tick, proposal, d=FOR).reason == reason


def one_bad(chamber: Chamber, proposal: Any, bad: Ballot) -> dict[str, int]:
    """What is refused of a batch with a bad ballot and a good one, which counts."""
    good = sign_ballot(KEYS["c"], chamber.instance, proposal.id, "c", FOR)
    tables = chamber.batch(proposal, [bad, good])
    before = chamber.standing(proposal, 11).powers
    after = chamber.governance.vote(11, proposal.id, *tables, chamber.registry)
    standing = after.standing(proposal.id, 11)
    assert standing.powers == before.plus(Powers(yes=20))
    return standing.refused


def signed(chamber: Chamber, on: Any, **other: Any) -> Ballot:
    given = {"key": KEYS["a"], "instance": chamber.instance, "proposal": on.id}
    given |= {"voter": "a", "choice": FOR, "nonce": 0}
    return sign_ballot(**given | other)


@pytest.mark.parametrize(
    ("place", "refusal"),
    [
        ({"instance": b"\x12" * 32}, "signature"),
        ({"proposal": b"\x12" * 32}, "signature"),
        ({"key": KEYS["b"]}, "signature"),
        ({"key": KEYS["z"]}, "signature"),
    ],
)
def test_a_ballot_fits_one_place(chamber: Chamber, place: dict[str, Any], refusal: str) -> None:
    proposal = chamber.create(10)
    assert one_bad(chamber, proposal, signed(chamber, proposal, **place)) == {refusal: 1}


@pytest.mark.parametrize("changed", [{"choice": AGAINST}, {"nonce": 1}, {"voter": "b"}])
def test_a_signed_ballot_cannot_be_altered(chamber: Chamber, changed: dict[str, Any]) -> None:
    proposal = chamber.create(10)
    ballot = signed(chamber, proposal)._replace(**changed)
    assert one_bad(chamber, proposal, ballot) == {"signature": 1}


def test_every_byte_of_a_signature_counts(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    good = signed(chamber, proposal)
    for at in range(0, 64, 7):
        forged = bytearray(good.signature)
        forged[at] ^= 1
        bad = good._replace(signature=bytes(forged))
        assert one_bad(chamber, proposal, bad) == {"signature": 1}


def test_a_signature_of_another_purpose_is_none(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    text = batches.message(chamber.instance, proposal.id, "a", FOR, 0)
    stray = signatures.sign(KEYS["a"], "qfs/node/v1", text)
    ballot = signed(chamber, proposal)._replace(signature=stray)
    assert one_bad(chamber, proposal, ballot) == {"signature": 1}


def test_a_voter_votes_with_the_key_it_has(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    old = signed(chamber, proposal)
    chamber.registry = chamber.registry.rotate_key("a", KEYS["x"].public.text)
    assert one_bad(chamber, proposal, old) == {"signature": 1}
    chamber.governance = chamber.governance.vote(
        11,
        proposal.id,
        *chamber.batch(proposal, [signed(chamber, proposal, key=KEYS["x"])]),
        chamber.registry,
    )
    assert chamber.standing(proposal, 11).powers.yes == 25


def test_a_revoked_node_does_not_vote(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    chamber.registry = chamber.registry.revoke("a", 11)
    assert one_bad(chamber, proposal, signed(chamber, proposal)) == {"revoked": 1}


def test_later_rotation_and_revocation_uncount_nothing(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    chamber.vote(11, proposal, a=FOR, b=FOR)
    chamber.registry = chamber.registry.rotate_key("a", KEYS["x"].public.text).revoke("b", 12)
    chamber.vote(12, proposal, c=FOR)
    assert chamber.standing(proposal, CLOSE)[1:4] == ("PASSED", None, (70, 0, 0))


def test_a_node_without_power_does_not_vote() -> None:
    chamber = Chamber(HELD | {"e": 0})
    proposal = chamber.create(10)
    bad = signed(chamber, proposal, voter="e", key=KEYS["e"])
    assert one_bad(chamber, proposal, bad) == {"zero_power": 1}


def test_who_is_not_in_the_snapshot_does_not_vote(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    chamber.registry = registry_of(["a", "b", "c", "d", "e"])
    assert refused(chamber.vote, 11, proposal, e=FOR).reason == "unknown_voter"
    # The same with an index that is beyond the snapshot, beside a ballot that counts.
    ballots, signatures_table = chamber.ballots(proposal, {"a": FOR, "c": FOR})
    rows = [list(row) for row in rows_of(ballots)]
    for index in (4, 2**32 - 1):
        rows[0][1] = index
        batch = from_rows(BALLOTS, rows)
        after = chamber.governance.vote(11, proposal.id, batch, signatures_table, chamber.registry)
        assert after.standing(proposal.id, 11).refused == {"unknown_voter": 1}


def test_a_batch_of_nothing_that_counts_is_refused(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    chamber.vote(11, proposal, a=FOR)
    error = refused(chamber.vote, 12, proposal, a=FOR)
    assert (error.reason, error.value) == ("duplicate", {"duplicate": 1})
    bad = signed(chamber, proposal, key=KEYS["z"])
    tables = chamber.batch(proposal, [bad, signed(chamber, proposal)])
    error = refused(chamber.governance.vote, 12, proposal.id, *tables, chamber.registry)
    assert (error.reason, error.value) == ("ballots", {"signature": 1, "duplicate": 1})
    empty = from_rows(BALLOTS, []), from_rows(SIGNATURES, [])
    error = refused(chamber.governance.vote, 12, proposal.id, *empty, chamber.registry)
    assert error.reason == "ballots"


def test_ballots_are_numbered_through_all_batches(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    chamber.vote(11, proposal, a=FOR, b=FOR)
    signed_ballots = [signed(chamber, proposal, voter="c", key=KEYS["c"])]
    for first in (0, 1, 3):
        tables = batches.tables_of(proposal.snapshot, signed_ballots, first)
        error = refused(chamber.governance.vote, 12, proposal.id, *tables, chamber.registry)
        assert error.reason == "seq"
    rows = [(2, 2, FOR, 0, "0x" + "00" * 32), (4, 3, FOR, 0, "0x" + "00" * 32)]
    error = refused(
        chamber.governance.record, 12, proposal.id, from_rows(BALLOTS, rows), [None, None]
    )
    assert error.reason == "seq"


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [(rows[0][0] + 1, *rows[0][1:])],
        lambda rows: [*rows, (1, "0x00", "0x00")],
        lambda rows: [(0, rows[0][1].upper(), rows[0][2])],
        lambda rows: [(0, rows[0][1][2:], rows[0][2])],
        lambda rows: [(0, rows[0][1] + rows[0][2][2:4], "0x" + rows[0][2][4:])],
        lambda rows: [(0, rows[0][2], rows[0][1])],
        lambda rows: [(0, "zz", rows[0][2])],
        lambda rows: [(0, rows[0][1][:-1], rows[0][2])],
    ],
)
def test_signatures_belong_to_their_ballots(chamber: Chamber, change: Any) -> None:
    proposal = chamber.create(10)
    ballots, signed_table = chamber.ballots(proposal, {"a": FOR})
    other = from_rows(SIGNATURES, change([*rows_of(signed_table)]))
    error = refused(chamber.governance.vote, 11, proposal.id, ballots, other, chamber.registry)
    assert error.reason == "table"


def test_ballots_of_ml_dsa_keys_are_taken() -> None:
    chamber = Chamber(HELD)
    chamber.registry = chamber.registry.rotate_key(
        "a", signatures.from_seed(b"q" * 32, "ml-dsa-65").public.text
    )
    proposal = chamber.create(10)
    key = signatures.from_seed(b"q" * 32, "ml-dsa-65")
    tables = chamber.batch(proposal, [signed(chamber, proposal, key=key)])
    after = chamber.governance.vote(11, proposal.id, *tables, chamber.registry)
    assert after.standing(proposal.id, 11).powers.yes == 25


@pytest.mark.parametrize("field", ["choice", "nonce"])
@pytest.mark.parametrize("value", [True, 1.0, None, -1, 2**60, "1"])
def test_a_ballot_is_of_integers(chamber: Chamber, field: str, value: object) -> None:
    from qfs.errors import QfsError

    proposal = chamber.create(10)
    with pytest.raises(QfsError) as caught:
        signed(chamber, proposal, **{field: value})
    assert caught.value.argument == field


# Cancelling


def test_only_the_proposer_cancels_and_only_while_active(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    assert refused(chamber.cancel, 11, proposal, "b").reason == "proposer"
    chamber.vote(11, proposal, a=FOR, b=FOR, c=FOR)
    for tick, reason in ((CLOSE, "passed"), (OPEN, "passed"), (END, "expired")):
        assert refused(chamber.cancel, tick, proposal).reason == reason
    chamber.cancel(19, proposal)
    assert chamber.state(proposal, 19) == "CANCELLED"
    assert refused(chamber.cancel, 19, proposal).reason == "cancelled"


def test_what_is_cancelled_never_passes(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    chamber.vote(11, proposal, a=FOR, b=FOR, c=FOR)
    chamber.cancel(12, proposal)
    assert refused(chamber.vote, 13, proposal, d=FOR).reason == "cancelled"
    for tick in range(12, 40):
        assert chamber.state(proposal, tick) == "CANCELLED"
        assert refused(chamber.execute, tick, proposal).reason == "cancelled"
    assert chamber.governance.parameters.current(FACTOR) is None


# Executing


def passed(chamber: Chamber, tick: int = 10, **given: Any) -> Any:
    proposal = chamber.create(tick, **given)
    chamber.vote(tick, proposal, a=FOR, b=FOR, c=FOR)
    return proposal


def test_execution_writes_one_parameter_with_its_history(chamber: Chamber) -> None:
    proposal = passed(chamber)
    chamber.execute(OPEN, proposal)
    (entry,) = chamber.governance.parameters.history(FACTOR)
    assert entry == (1, OPEN, proposal.id, (("factor", 3),))
    assert chamber.state(proposal, OPEN) == "EXECUTED"
    later = passed(chamber, 30, payload={"factor": 5})
    assert later.version == 1
    chamber.execute(45, later)
    history = chamber.governance.parameters.history(FACTOR)
    assert [(e.version, e.tick, e.value) for e in history] == [
        (1, OPEN, {"factor": 3}),
        (2, 45, {"factor": 5}),
    ]
    assert chamber.governance.parameters.version(PATCH) == 0


@pytest.mark.parametrize(
    ("tick", "reason"),
    [
        *((10, "active"), (19, "active"), (20, "timelock"), (23, "timelock")),
        *((24, None), (29, None), (30, "expired"), (10**6, "expired")),
    ],
)
def test_execution_only_in_its_window(chamber: Chamber, tick: int, reason: str | None) -> None:
    proposal = passed(chamber)
    if reason is None:
        chamber.execute(tick, proposal)
        return
    assert refused(chamber.execute, tick, proposal).reason == reason
    assert chamber.governance.parameters.current(FACTOR) is None


def test_execution_at_most_once(chamber: Chamber) -> None:
    proposal = passed(chamber)
    chamber.execute(OPEN, proposal)
    for tick in (OPEN, OPEN + 1, END, 100):
        assert refused(chamber.execute, tick, proposal).reason == "executed"
        assert chamber.state(proposal, tick) == "EXECUTED"
    assert refused(chamber.vote, OPEN, proposal, d=FOR).reason == "executed"
    assert refused(chamber.cancel, OPEN, proposal).reason == "executed"
    assert len(chamber.governance.parameters.history(FACTOR)) == 1


class Reentrant(Mapping[str, int]):
    """A payload that executes its proposal once more while it is being read."""

    def __init__(self, chamber: Chamber, proposal: Any) -> None:
        self.chamber, self.proposal, self.reads = chamber, proposal, 0

    def __iter__(self) -> Iterator[str]:
        if self.reads == 0:
            self.reads += 1
            self.chamber.execute(OPEN, self.proposal)
        return iter(("factor",))

    def __len__(self) -> int:
        return 1

    def __getitem__(self, key: str) -> int:
        return {"factor": 3}[key]


def test_a_reentrant_execution_counts_once(chamber: Chamber) -> None:
    proposal = passed(chamber)
    payload = Reentrant(chamber, proposal)
    outer = chamber.governance.execute(OPEN, proposal.id, payload)
    assert payload.reads == 1
    for after in (outer, chamber.governance):
        assert len(after.parameters.history(FACTOR)) == 1
        error = refused(after.execute, OPEN, proposal.id, {"factor": 3})
        assert error.reason == "executed"


def test_only_what_was_voted_is_executed(chamber: Chamber) -> None:
    proposal = passed(chamber)
    assert refused(chamber.execute, OPEN, proposal, {"factor": 4}).reason == "payload_hash"
    assert refused(chamber.execute, OPEN, proposal, {"factor": 11}).reason == "firewall"
    assert refused(chamber.execute, OPEN, proposal, {}).reason == "firewall"
    chamber.execute(OPEN, proposal, {"factor": 3})


def test_a_payload_that_is_changed_after_creation_changes_nothing(chamber: Chamber) -> None:
    payload = {"factor": 3}
    proposal = passed(chamber, payload=payload)
    payload["factor"] = 9
    assert dict(proposal.payload) == {"factor": 3}
    assert refused(chamber.execute, OPEN, proposal, payload).reason == "payload_hash"
    chamber.execute(OPEN, proposal, {"factor": 3})
    entry = chamber.governance.parameters.current(FACTOR)
    assert entry is not None
    entry.value["factor"] = 9
    assert entry.value == {"factor": 3}


def test_a_held_execution_cannot_revert_a_newer_one(chamber: Chamber) -> None:
    older = passed(chamber)
    newer = passed(chamber, 11, proposer="b", payload={"factor": 7})
    chamber.execute(25, newer)
    assert chamber.standing(older, 25).is_stale
    assert refused(chamber.execute, 25, older).reason == "stale"
    current = chamber.governance.parameters.current(FACTOR)
    assert current is not None
    assert current.value == {"factor": 7}
    # Another parameter is not in its way.
    assert not chamber.standing(chamber.emergency(30), 30).is_stale


def test_rejected_proposals_are_not_executed(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    chamber.vote(11, proposal, a=FOR, b=AGAINST, c=ABSTAIN)
    assert chamber.standing(proposal, CLOSE)[1:3] == ("REJECTED", "TIE")
    for tick in (CLOSE, OPEN, END):
        assert refused(chamber.execute, tick, proposal).reason == "rejected"


def test_nothing_is_done_to_a_proposal_that_is_not(chamber: Chamber) -> None:
    chamber.create(10)
    governance, nobody = chamber.governance, bytes(32)
    tables = from_rows(BALLOTS, []), from_rows(SIGNATURES, [])
    for operation in (
        lambda: governance.vote(11, nobody, *tables, chamber.registry),
        lambda: governance.cancel(11, nobody, "a"),
        lambda: governance.execute(11, nobody, {"factor": 3}),
        lambda: governance.standing(nobody, 11),
    ):
        assert refused(operation).reason == "unknown_proposal"


# The known ways others were broken


def test_a_balance_that_changes_after_creation_counts_for_nothing(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    before = proposal.document()
    chamber.balances = balances_of({"a": 0, "b": 0, "c": 0, "d": 10**30})
    chamber.vote(11, proposal, a=FOR, b=FOR, c=FOR, d=AGAINST)
    assert chamber.standing(proposal, CLOSE)[1:4] == ("PASSED", None, (70, 20, 0))
    assert proposal.document() == before


def test_a_quorum_that_is_lowered_later_is_not_that_of_older_proposals(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    chamber.vote(11, proposal, a=FOR, b=FOR)
    chamber.rules = RULES._replace(quorum=51 * 10**16, turnout="for_and_abstain", window_ticks=99)
    chamber.create(13, "b", payload={"factor": 4})
    assert chamber.standing(proposal, CLOSE)[1:3] == ("REJECTED", "NO_QUORUM")


def test_a_supply_that_is_raised_later_does_not_take_a_quorum_away(chamber: Chamber) -> None:
    proposal = passed(chamber)
    chamber.balances = balances_of({name: held * 10**9 for name, held in HELD.items()})
    chamber.create(13, "b", payload={"factor": 4})
    assert chamber.state(proposal, CLOSE) == "PASSED"


def test_a_vote_and_the_tally_of_one_tick(chamber: Chamber) -> None:
    """The last tick of the window is for ballots alone, the first after it for the verdict."""
    proposal = chamber.create(10)
    chamber.vote(CLOSE - 1, proposal, a=FOR, b=FOR, c=FOR)
    assert chamber.state(proposal, CLOSE - 1) == "ACTIVE"
    assert refused(chamber.execute, CLOSE - 1, proposal).reason == "active"
    assert refused(chamber.vote, CLOSE, proposal, d=AGAINST).reason == "late"
    assert chamber.state(proposal, CLOSE) == "PASSED"


@pytest.mark.parametrize("scale", [10**27, MAX_VALUE // 30])
def test_sums_at_the_largest_scale_are_exact(scale: int) -> None:
    chamber = Chamber({name: held * scale for name, held in HELD.items()})
    proposal = passed(chamber)
    chamber.vote(11, proposal, d=AGAINST)
    standing = chamber.standing(proposal, CLOSE)
    assert standing.powers == (70 * scale, 20 * scale, 0)
    assert standing.quorum_needed == 66 * scale
    assert (standing.state, standing.open_power) == ("PASSED", 0)


def test_a_late_vote_does_not_turn_an_early_close(chamber: Chamber) -> None:
    chamber = Chamber(dict.fromkeys("abcde", 20))
    proposal = chamber.emergency(10)
    chamber.vote(11, proposal, a=FOR, b=FOR, c=FOR)
    # 60 of 100: whoever of the others votes, a quorum of 80 is not there yet.
    assert chamber.standing(proposal, 11).close_tick == 15
    chamber.vote(12, proposal, d=ABSTAIN)
    standing = chamber.standing(proposal, 12)
    assert (standing.close_tick, standing.state) == (13, "ACTIVE")
    # A ballot of the same tick still counts, and cannot turn it.
    chamber.vote(12, proposal, e=AGAINST)
    assert refused(chamber.vote, 13, proposal, e=AGAINST).reason == "late"
    standing = chamber.standing(proposal, 13)
    assert (standing.state, standing.close_tick) == ("PASSED", 13)
    assert (standing.executable_from, standing.expires_at) == (15, 21)
    chamber.execute(15, proposal, PATCH_VALUE)


def test_what_is_not_certain_stays_open(chamber: Chamber) -> None:
    chamber = Chamber(dict.fromkeys("abcde", 20))
    proposal = chamber.emergency(10)
    chamber.vote(11, proposal, a=FOR, b=FOR, c=AGAINST, d=ABSTAIN)
    # There is a quorum and a majority, but e can still make it a tie.
    assert chamber.state(proposal, 14) == "ACTIVE"
    chamber.vote(14, proposal, e=AGAINST)
    assert chamber.standing(proposal, 15)[1:3] == ("REJECTED", "TIE")


def test_only_an_emergency_closes_early(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    chamber.vote(11, proposal, a=FOR, b=FOR, c=FOR, d=FOR)
    assert chamber.state(proposal, CLOSE - 1) == "ACTIVE"
    patch = chamber.create(20, "b", PATCH, PATCH_VALUE)
    chamber.vote(21, patch, a=FOR, b=FOR, c=FOR, d=FOR)
    assert chamber.standing(patch, 22).close_tick == 30


def test_a_double_vote_across_batches_counts_once(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    chamber.vote(11, proposal, a=AGAINST)
    for nonce, choice in ((0, AGAINST), (1, FOR), (2, ABSTAIN)):
        tables = chamber.batch(
            proposal,
            [
                signed(chamber, proposal, choice=choice, nonce=nonce),
                signed(chamber, proposal, voter="bcd"[nonce], key=KEYS["bcd"[nonce]]),
            ],
        )
        chamber.governance = chamber.governance.vote(12, proposal.id, *tables, chamber.registry)
    standing = chamber.standing(proposal, 12)
    assert standing.powers == (65, 25, 0)
    assert (standing.voters, standing.refused) == (4, {"duplicate": 3})


def test_a_double_vote_within_a_batch_counts_once(chamber: Chamber) -> None:
    proposal = chamber.create(10)
    twice = [signed(chamber, proposal, choice=c, nonce=c) for c in (ABSTAIN, FOR, ABSTAIN)]
    tables = chamber.batch(proposal, twice)
    after = chamber.governance.vote(11, proposal.id, *tables, chamber.registry)
    assert after.standing(proposal.id, 11).powers == (0, 0, 25)
    assert after.standing(proposal.id, 11).refused == {"duplicate": 2}


def test_a_signature_is_not_replayed_on_another_proposal(chamber: Chamber) -> None:
    first = chamber.create(10)
    chamber.vote(11, first, a=FOR, b=FOR)
    ballots, signed_table = chamber.ballots(first, {"c": FOR})
    ballots, signed_table = (
        from_rows(t.schema, [(0, *row[1:]) for row in rows_of(t)]) for t in (ballots, signed_table)
    )
    # Equal in everything but its proposer.
    second = chamber.create(13, "b")
    error = refused(chamber.governance.vote, 13, second.id, ballots, signed_table, chamber.registry)
    assert error.reason == "signature"


def test_a_signature_is_not_replayed_on_another_instance() -> None:
    here, there = Chamber(HELD), Chamber(HELD, instance=b"\x12" * 32)
    one, other = here.create(10), there.create(10)
    assert one.id != other.id
    tables = here.ballots(one, {"a": FOR})
    error = refused(there.governance.vote, 11, other.id, *tables, there.registry)
    assert error.reason == "signature"
