"""What each type of event does, and every reason for which one is refused."""

from __future__ import annotations

import ast
import pathlib
from dataclasses import fields, replace
from typing import Any

import pytest

from qfs import canonical, signatures
from qfs.limits import MAX_SCALAR, MAX_TICK
from qfs.protocol import events, transitions
from qfs.protocol.closing import close
from qfs.protocol.events import ProtocolEvent, TableRef, TransitionError
from qfs.protocol.registry import NEW_NODES, registrations
from qfs.protocol.state import MAX_EPOCHS_AHEAD
from qfs.protocol.transitions import engine_of
from qfs.rows import from_rows, row_at
from qfs.tables import BALANCES, FEES, NODES, REGISTRY, TELEMETRY, Schema

PROTOCOL = pathlib.Path(__file__).resolve().parents[2] / "qfs" / "protocol"
NOD = 10**18
HUGE = pytest.param(10**5000, id="huge")
GOOD = [(name, 10, 10) for name in "abcd"]


def row_of(network: Any, name: str) -> Any:
    node = network.state.registry.get(name)
    assert node is not None
    return node


# What they do


def test_registration_adds_nodes(network: Any) -> None:
    assert len(network.state.registry) == 5
    assert row_of(network, "a")[:3] == ("a", "op-a", "infrastructure")
    assert row_of(network, "rep").role == "reporter"
    assert dict(network.state.signed) == {"": 2}
    assert network.balances() == {}
    network.apply(network.infrastructure("e", tick=5))
    assert (network.state.tick, row_of(network, "e").registered_tick) == (5, 5)


def test_rotation_and_revocation_change_one_node(network: Any) -> None:
    others = [row_of(network, name) for name in "bcd"]
    network.apply(network.rotation("a"))
    assert row_of(network, "a").public_key == network.other.public.text
    network.apply(network.revocation("a", tick=3))
    assert row_of(network, "a").revoked_tick == 3
    assert [row_of(network, name) for name in "bcd"] == others


def test_rewards_grow_four_supplies(network: Any) -> None:
    network.apply(
        network.reward(s_chr=str(2 * NOD), action_cost=str(3 * NOD), c_holo=str(10 * NOD))
    )
    tokens = network.state.tokens
    assert tokens.chr_state.supply == 12 * NOD
    assert tokens.flx_state.supply == 12 * NOD // 10 * 2
    assert tokens.psync_state.supply == tokens.res_state.supply == 2 * NOD
    assert (tokens.atr_state.fees, tokens.nod_state.issued) == (0, 0)


def test_records_wait_for_their_epoch(network: Any) -> None:
    network.apply(network.fees([(0, "f", 5)]))
    network.apply(network.telemetry(GOOD))
    assert [(b.kind, b.epoch, b.reporter) for b in network.state.batches] == [
        ("fees", 0, "rep"),
        ("telemetry", 0, "rep"),
    ]
    assert network.state.signed["rep"] == 2
    assert network.state.tokens.atr_state.fees == 0


def test_closing_pays_by_weight(network: Any) -> None:
    network.apply(network.fees([(0, "f", 1000), (3, "g", 5)], tick=3))
    network.apply(network.telemetry([("a", 10, 10), ("b", 10, 10), ("c", 10, 10), ("d", 8, 10)]))
    network.apply(network.closing())
    nod, atr = network.state.tokens.nod_state, network.state.tokens.atr_state
    # 10% of 1005 is 100.5; each of three is paid at most 30 of 100.
    assert network.balances() == {"a": 30, "b": 30, "c": 30}
    assert (nod.supply, nod.pool, nod.issued, nod.residue) == (90, 10, 100, NOD // 2)
    assert (atr.fees, atr.retained) == (1005, 905)
    assert network.state.epoch == 1
    assert network.state.batches == ()
    assert network.state.manifest is not None


@pytest.mark.parametrize("fees", [True, False])
@pytest.mark.parametrize("telemetry", [True, False])
def test_an_epoch_without_fees_or_telemetry(network: Any, fees: bool, telemetry: bool) -> None:
    if fees:
        network.apply(network.fees([(0, "f", 1000)]))
    if telemetry:
        network.apply(network.telemetry(GOOD))
    network.apply(network.closing())
    assert sum(network.balances().values()) == (100 if fees and telemetry else 0)
    assert network.state.tokens.nod_state.pool == (100 if fees and not telemetry else 0)


def test_fewer_than_the_least_number_of_nodes_are_not_paid(network: Any) -> None:
    network.apply(network.fees([(0, "f", 1000)]))
    network.apply(network.telemetry(GOOD[:2]))
    network.apply(network.closing())
    assert network.balances() == {"a": 0, "b": 0}
    assert network.state.tokens.nod_state.pool == 100
    # What was not paid waits: the next epoch pays it.
    network.apply(network.telemetry(GOOD, epoch=1))
    network.apply(network.closing())
    assert network.balances() == dict.fromkeys("abcd", 25)


def test_what_is_above_the_cap_of_an_epoch_is_withheld(new_network: Any) -> None:
    network = new_network(replace(new_network().state.rulesets[0][1], epoch_cap_base_units=60))
    network.apply(network.infrastructure(*"abcd"))
    network.apply(network.reporters("rep"))
    network.apply(network.fees([(0, "f", 599), (0, "g", 10)]))
    network.apply(network.telemetry(GOOD))
    network.apply(network.closing())
    assert network.state.tokens.nod_state.issued == 60
    assert network.state.tokens.atr_state.retained == 549
    assert sum(network.balances().values()) == 60


def test_a_revoked_node_keeps_what_it_has_and_earns_nothing(network: Any) -> None:
    network.apply(network.fees([(0, "f", 1000)]))
    network.apply(network.telemetry(GOOD))
    network.apply(network.closing())
    network.apply(network.revocation("a"))
    network.apply(network.fees([(8, "f", 3000)], epoch=1))
    network.apply(network.telemetry(GOOD, epoch=1))
    network.apply(network.closing())
    assert network.balances() == {"a": 25, "b": 115, "c": 115, "d": 115}
    assert network.state.tokens.nod_state.pool == 30


def test_a_node_that_is_revoked_after_an_epoch_is_paid_for_it(network: Any) -> None:
    network.apply(network.fees([(0, "f", 1000)]))
    network.apply(network.telemetry(GOOD))
    network.apply(network.revocation("b", tick=7))
    network.apply(network.revocation("a", tick=8))
    network.apply(network.infrastructure("e"))
    network.apply(network.closing())
    assert network.balances() == {"a": 30, "c": 30, "d": 30}


# Rulesets


def test_rules_change_with_the_next_epoch(network: Any) -> None:
    network.apply(network.change(issuance_rate=NOD // 20))
    assert [first for first, _ in network.state.rulesets] == [0, 1]
    for epoch, issued in ((0, 100), (1, 150)):
        network.apply(network.fees([(8 * epoch, "f", 1000)], epoch=epoch, tick=8 * epoch))
        network.apply(network.closing())
        assert network.state.tokens.nod_state.issued == issued


def test_of_two_changes_within_an_epoch_the_later_holds(network: Any) -> None:
    network.apply(network.change(issuance_rate=NOD // 20))
    network.apply(network.change(issuance_rate=NOD // 50, tick=7))
    assert [(first, rules.version) for first, rules in network.state.rulesets] == [(0, 1), (1, 3)]
    network.apply(network.change(issuance_rate=NOD // 40, tick=8))
    assert [(first, rules.version) for first, rules in network.state.rulesets] == [
        (0, 1),
        (1, 3),
        (2, 4),
    ]


def test_an_epoch_that_is_closed_late_has_its_own_rules(network: Any) -> None:
    network.apply(network.fees([(0, "f", 1000)]))
    network.apply(network.change(issuance_rate=NOD // 20, tick=9))
    network.apply(network.change(issuance_rate=NOD // 50, tick=17))
    network.apply(network.fees([(8, "f", 1000)], epoch=1))
    network.apply(network.fees([(16, "f", 1000)], epoch=2))
    network.apply(network.fees([(24, "f", 1000)], epoch=3, tick=24))
    for issued in (100, 200, 250, 270):
        network.apply(network.closing())
        assert network.state.tokens.nod_state.issued == issued
    assert [rules.version for _, rules in network.state.rulesets] == [3]


def test_the_limit_of_nodes_is_that_of_the_epoch_of_the_tick(network: Any) -> None:
    network.apply(network.change(max_nodes_per_operator=3))
    rows = [(f"x{i}", "op", "infrastructure", network.node.public.text) for i in range(3)]
    assert network.refused(network.registration(rows)).reason == "operator"
    network.apply(network.registration(rows, tick=8))


# Limits of an operator


def rows_for(network: Any, *names: str, operator: str = "op") -> list[tuple[str, str, str, str]]:
    return [(name, operator, "infrastructure", network.node.public.text) for name in names]


def test_nodes_of_an_operator_are_counted_over_all_registrations(network: Any) -> None:
    network.apply(network.registration(rows_for(network, "x")))
    assert network.refused(network.registration(rows_for(network, "y", "z"))).reason == "operator"
    network.apply(network.registration(rows_for(network, "y")))
    error = network.refused(network.registration(rows_for(network, "z")))
    assert (error.reason, error.argument, error.value) == ("operator", "operator_id", "op")
    # Reporters do not count, and a node that is revoked makes room for one.
    network.apply(network.registration([("w", "op", "reporter", network.node.public.text)]))
    network.apply(network.revocation("x"))
    assert network.refused(network.registration(rows_for(network, "u", "v"))).reason == "operator"
    network.apply(network.registration(rows_for(network, "z")))
    assert network.refused(network.registration(rows_for(network, "v"))).reason == "operator"


def test_they_are_counted_the_same_after_a_close(network: Any) -> None:
    network.apply(network.registration(rows_for(network, "x", "y")))
    network.apply(network.revocation("x"))
    network.apply(network.closing())
    network.apply(network.registration(rows_for(network, "z")))
    assert network.refused(network.registration(rows_for(network, "v"))).reason == "operator"
    network.apply(network.revocation("y"))
    network.apply(network.closing())
    network.apply(network.registration(rows_for(network, "v")))


def test_a_revoked_reporter_makes_no_room(network: Any) -> None:
    network.apply(network.registration([("w", "op", "reporter", network.node.public.text)]))
    network.apply(network.registration(rows_for(network, "x", "y")))
    network.apply(network.revocation("w"))
    assert network.refused(network.registration(rows_for(network, "z"))).reason == "operator"


# Signatures


def resigned(network: Any, event: ProtocolEvent, **change: Any) -> ProtocolEvent:
    """The event with its payload or place changed after it was signed."""
    fields = {name: change.pop(name) for name in ("tick", "type") if name in change}
    return event._replace(payload={**event.payload, **change}, **fields)


def every_signed(network: Any) -> dict[str, ProtocolEvent]:
    return {
        "registration": network.infrastructure("e"),
        "rotation": network.rotation("a"),
        "revocation": network.revocation("a"),
        "change": network.change(min_active_nodes=4),
        "fees": network.fees([(0, "f", 5)]),
        "telemetry": network.telemetry(GOOD),
        "reward": network.reward(),
    }


SIGNED = ["registration", "rotation", "revocation", "change", "fees", "telemetry", "reward"]


@pytest.mark.parametrize("name", SIGNED)
def test_a_signature_is_for_one_place(network: Any, new_network: Any, name: str) -> None:
    event = every_signed(network)[name]
    other = new_network(replace(network.state.rulesets[0][1], min_uptime=NOD // 2))
    other.apply(other.infrastructure(*"abcd"))
    other.apply(other.reporters("rep"))
    assert other.refused(event).reason == "signature"
    assert network.refused(event._replace(tick=event.tick + 1)).reason == "signature"
    for signature in ("", "00" * 64, "zz", event.payload["signature"].upper(), "é"):
        reason = network.refused(resigned(network, event, signature=signature)).reason
        assert reason == ("payload" if signature == "é" else "signature")
    for nonce in (event.payload["nonce"] + 1, MAX_TICK):
        assert network.refused(resigned(network, event, nonce=nonce)).reason == "nonce"
    network.apply(event)
    assert network.refused(event).reason == "nonce"
    again = resigned(network, event, nonce=event.payload["nonce"] + 1)
    assert network.refused(again).reason == "signature"


@pytest.mark.parametrize("name", SIGNED)
def test_a_key_signs_for_itself_alone(network: Any, name: str) -> None:
    """The registrar's events with a reporter's or a node's key, and the reverse."""
    event = every_signed(network)[name]
    payload = events.parse_payload(event)
    own = network.registrar if isinstance(payload, events.ByRegistrar) else network.reporter
    for key in (network.registrar, network.reporter, network.node, network.other):
        if key is not own:
            forged = network.signed(key, payload, event.table)
            assert network.refused(forged).reason == "signature"


def test_a_signature_is_for_one_type(network: Any) -> None:
    """Telemetry and fees have payloads of one shape but for the name of the table."""
    event = network.revocation("a")
    rotated = {**event.payload, "public_key": network.other.public.text}
    forged = ProtocolEvent(events.ROTATE_KEY, event.tick, rotated)
    assert network.refused(forged).reason == "signature"


def test_the_purpose_of_a_signature_counts(network: Any) -> None:
    """Of one key that is registrar and reporter too, a report is no order."""
    row = ("boss", "ops", "reporter", network.registrar.public.text)
    network.apply(network.registration([row]))
    payload = events.RecordReward(0, "boss", "act", "1", "1", "1", "1", "")
    message = events._message(network.state.instance, 0, payload)
    for purpose, refused in ((events.REGISTRAR_PURPOSE, True), (events.REPORT_PURPOSE, False)):
        signature = signatures.sign(network.registrar, purpose, message).hex()
        event = ProtocolEvent(
            events.RECORD_REWARD, 0, {**events.document(payload), "signature": signature}
        )
        if refused:
            assert network.refused(event).reason == "signature"
        else:
            network.apply(event)


def test_a_rotated_key_stops_working_at_once(network: Any) -> None:
    old = network.fees([(0, "f", 5)])
    network.apply(network.rotation("rep"))
    assert network.refused(old).reason == "signature"
    payload = events.parse_payload(old)
    network.apply(network.signed(network.other, payload, old.table))
    network.apply(network.rotation("rep", network.reporter))
    network.apply(network.fees([(0, "g", 5)]))


def test_a_reporter_is_one(network: Any) -> None:
    network.apply(network.revocation("rep"))
    assert network.refused(network.fees([(0, "f", 5)])).reason == "revoked"
    assert network.refused(network.fees([(0, "f", 5)], reporter="a")).reason == "role"
    assert network.refused(network.fees([(0, "f", 5)], reporter="zz")).reason == "unknown_node"
    assert network.refused(network.fees([(0, "f", 5)], reporter="")).reason == "unknown_node"


def test_a_node_that_is_not_there_is_neither_rotated_nor_revoked(network: Any) -> None:
    for event in (network.rotation("zz"), network.revocation("zz")):
        assert network.refused(event).reason == "unknown_node"
    network.apply(network.revocation("a"))
    for event in (network.rotation("a"), network.revocation("a")):
        assert network.refused(event).reason == "revoked"


def test_a_new_key_is_another_one_and_safe(network: Any) -> None:
    assert network.refused(network.rotation("a", network.node)).reason == "key"
    for text in ("ed25519:" + "00" * 32, "ed25519:00", "rsa:00", "x"):
        payload = events.RotateKey(network.nonce(), "a", text, "")
        assert network.refused(network.signed(network.registrar, payload)).reason == "key"


def test_nobody_is_revoked_at_the_tick_that_stands_for_never(new_network: Any) -> None:
    rules = replace(new_network().state.rulesets[0][1], epoch_ticks=1)
    network = new_network(rules, MAX_TICK - 2)
    network.apply(network.infrastructure("a"))
    assert network.refused(network.revocation("a", tick=MAX_TICK)).reason == "tick"


# Payloads and tables


@pytest.mark.parametrize(
    "event",
    [
        ProtocolEvent("nod.transfer", 0, {}),
        ProtocolEvent("", 0, {}),
        ProtocolEvent(["x"], 0, {}),  # type: ignore[arg-type]
        ProtocolEvent(None, 0, {}),  # type: ignore[arg-type]
        pytest.param(ProtocolEvent(10**5000, 0, {}), id="huge"),  # type: ignore[arg-type]
    ],
)
def test_an_unknown_type_is_refused(network: Any, event: ProtocolEvent) -> None:
    assert network.refused(event).reason == "type"


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": -1},
        {"nonce": MAX_TICK + 1},
        pytest.param({"nonce": 10**5000}, id="huge"),
        {"nonce": 1.0},
        {"nonce": True},
        {"nonce": "1"},
        {"nonce": None},
        {"epoch": -1},
        {"epoch": 2**64},
        {"reporter": "é"},
        {"reporter": 1},
        {"reporter": b"rep"},
        {"extra": 1},
        {1: 2},
        {"fees": {"rows": -1, "root": "", "digest": ""}},
        {"fees": {"rows": 2**32, "root": "", "digest": ""}},
        {"fees": {"rows": 1, "root": ""}},
        {"fees": {"rows": 1, "root": "", "digest": object()}},
        {"fees": "../../etc/passwd"},
        {"fees": []},
        {"signature": None},
    ],
)
def test_a_payload_of_another_form_is_refused(network: Any, change: dict[Any, Any]) -> None:
    event = network.fees([(0, "f", 5)])
    assert network.refused(event._replace(payload={**event.payload, **change})).reason == "payload"


@pytest.mark.parametrize("payload", [None, [], "x", 5, [("a", 1)], {}, {"epoch": 0}])
def test_a_payload_that_is_none_is_refused(network: Any, payload: Any) -> None:
    for kind in events.PAYLOADS:
        assert network.refused(ProtocolEvent(kind, 0, payload)).reason == "payload"


def test_a_payload_that_holds_itself_is_refused(network: Any) -> None:
    circle: dict[str, Any] = {}
    circle["a"] = circle
    event = network.change()
    for ruleset in (circle, {"a": object()}, {"a": 0.5}, {"a": {"b": None}}):
        payload = {**event.payload, "ruleset": ruleset}
        assert network.refused(event._replace(payload=payload)).reason == "payload"


def test_a_table_is_there_and_the_one_that_is_named(network: Any) -> None:
    event = network.fees([(0, "f", 5)])
    impostor = Schema("fees", BALANCES.columns, BALANCES.order)
    tables: list[Any] = [
        None,
        "fees",
        from_rows(FEES, [(0, "f", 6)]),
        from_rows(FEES, []),
        from_rows(TELEMETRY, []),
        from_rows(NODES, [("f", 5)]),
        from_rows(impostor, [("f", 5)]),
    ]
    for table in tables:
        assert network.refused(event._replace(table=table)).reason == "table"
    fee = from_rows(FEES, [(0, "f", 5)])
    for other in (network.reward(), network.revocation("a"), network.change(), network.closing()):
        assert network.refused(other._replace(table=fee)).reason == "table"
    for change in ({"rows": 2}, {"root": "00" * 32}, {"digest": "00" * 32}):
        payload = events.parse_payload(event)
        name = TableRef(**{**event.payload["fees"], **change})
        named = network.signed(
            network.reporter,
            events.RecordFees(payload.nonce, "rep", 0, name, ""),  # type: ignore[union-attr]
            event.table,
        )
        assert network.refused(named).reason == "table"


@pytest.mark.parametrize(
    "tick", [-1, 2**53, pytest.param(10**5000, id="huge"), 0.0, True, None, "1"]
)
def test_a_tick_is_one(network: Any, tick: Any) -> None:
    assert network.refused(network.revocation("a")._replace(tick=tick)).reason == "tick"


def test_ticks_never_decrease(network: Any) -> None:
    network.apply(network.reward(tick=5))
    assert network.refused(network.reward(tick=4)).reason == "tick"
    network.apply(network.reward(tick=5))


def test_no_tick_uses_up_those_that_come_after_it(network: Any) -> None:
    end = (network.state.epoch + MAX_EPOCHS_AHEAD + 1) * network.ticks
    for tick in (end, MAX_TICK):
        assert network.refused(network.reward(tick=tick)).reason == "tick"
        with pytest.raises(TransitionError):
            close(network.state, network.state.epoch, tick)
    network.apply(network.reward(tick=end - 1))
    # The epochs that were passed over can still be closed, and then time goes on.
    network.apply(network.closing())
    network.apply(network.reward(tick=end))


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("node_id", "a", "known_node"),
        ("role", "validator", "role"),
        ("registered_tick", 1, "tick"),
        ("revoked_tick", 5, "revoked"),
        ("public_key", "ed25519:00", "key"),
        ("public_key", "ed25519:" + "01" + "00" * 31, "key"),
    ],
)
def test_a_row_that_is_no_new_node_is_refused(
    network: Any, column: str, value: Any, reason: str
) -> None:
    new = registrations(from_rows(NEW_NODES, rows_for(network, "Z", "zz")), network.state.tick)
    rows = [list(row_at(new, 0)), list(row_at(new, 1))]
    rows[1][[c.name for c in REGISTRY.columns].index(column)] = value
    table = from_rows(REGISTRY, rows)
    payload = events.Register(network.nonce(), TableRef.of(table), "")
    error = network.refused(network.signed(network.registrar, payload, table))
    assert (error.reason, error.argument) == (reason, column)


# Fees and telemetry


def test_fees_are_of_their_epoch_and_not_of_the_future(network: Any) -> None:
    network.apply(network.reward(tick=10))
    for rows, epoch in (
        ([(8, "f", 5)], 0),
        ([(7, "f", 5)], 1),
        ([(11, "f", 5)], 1),
        ([(8, "f", 5), (16, "g", 5)], 1),
        ([(16, "f", 5)], 2),
    ):
        assert network.refused(network.fees(rows, epoch=epoch)).reason == "epoch"
    for rows, epoch in (([(0, "f", 5), (7, "g", 5)], 0), ([(8, "f", 5), (10, "g", 5)], 1)):
        network.apply(network.fees(rows, epoch=epoch))
    error = network.refused(network.telemetry(GOOD, epoch=2))
    assert (error.reason, error.argument) == ("epoch", "epoch")


def test_telemetry_is_of_its_epoch(network: Any) -> None:
    table = from_rows(TELEMETRY, [("a", 0, 1, 1, 0, 0, 0, 0), ("b", 1, 1, 1, 0, 0, 0, 0)])
    payload = events.RecordTelemetry(0, "rep", 0, TableRef.of(table), "")
    error = network.refused(network.signed(network.reporter, payload, table))
    assert (error.reason, error.index, error.value) == ("epoch", 1, 1)


def test_nothing_is_recorded_for_a_closed_epoch(network: Any) -> None:
    network.apply(network.fees([(0, "f", 5)], tick=9))
    network.apply(network.closing())
    assert network.refused(network.fees([(0, "g", 5)])).reason == "closed"
    assert network.refused(network.telemetry(GOOD)).reason == "closed"


def test_an_action_or_node_stands_once_in_an_epoch(network: Any) -> None:
    network.apply(network.fees([(0, "f", 5)], tick=8))
    network.apply(network.fees([(0, "g", 5)]))
    error = network.refused(network.fees([(1, "e", 1), (1, "f", 5)]))
    assert (error.reason, error.argument) == ("value", "action_id")
    assert network.refused(network.fees([(1, "g", 7)])).reason == "value"
    network.apply(network.fees([(8, "f", 5)], epoch=1))
    network.apply(network.telemetry(GOOD))
    assert network.refused(network.telemetry([("b", 1, 1)])).reason == "value"
    network.apply(network.telemetry(GOOD, epoch=1))


def test_waiting_batches_are_bounded(network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transitions, "MAX_OPEN_BATCHES", 2)
    network.apply(network.fees([(0, "f", 5)]))
    network.apply(network.telemetry(GOOD))
    assert network.refused(network.fees([(0, "g", 5)])).reason == "batches"
    network.apply(network.closing())
    network.apply(network.fees([(8, "g", 5)], epoch=1))


def test_fees_that_could_never_be_closed_are_refused(network: Any) -> None:
    most, count = 10**38 - 1, MAX_SCALAR // (10**38 - 1)
    rest = MAX_SCALAR - count * most
    network.apply(network.fees([(0, f"f{i}", most) for i in range(count)]))
    network.apply(network.closing())
    over = network.fees([(8, "g", rest + 1)], epoch=1, tick=16)
    assert network.refused(over).reason == "total"
    network.apply(network.fees([(8, "g", rest - 1)], epoch=1, tick=16))
    network.apply(network.fees([(16, "h", 1)], epoch=2))
    assert network.refused(network.fees([(16, "i", 1)], epoch=2)).reason == "total"
    network.apply(network.closing())
    network.apply(network.closing())
    assert network.state.tokens.atr_state.fees == MAX_SCALAR


# Rewards


@pytest.mark.parametrize(
    "figures",
    [
        {"s_chr": "-1"},
        {"s_chr": "1.5"},
        {"s_chr": "01"},
        {"s_chr": ""},
        {"s_chr": str(2**128)},
        {"s_chr": str(2**128 - 1), "action_cost": str(2**128 - 1)},
        {"c_holo": "9", "c_crit": "10"},
        {"action_id": ""},
        {"action_id": "a b"},
        {"action_id": "a" * 129},
    ],
)
def test_a_reward_out_of_bounds_is_refused(network: Any, figures: dict[str, str]) -> None:
    assert network.refused(network.reward(**figures)).reason == "value"


def test_a_supply_stays_in_its_bounds(network: Any) -> None:
    half = {"s_chr": str(2**127), "action_cost": str(NOD), "c_holo": "0", "c_crit": "0"}
    network.apply(network.reward(**half))
    assert network.refused(network.reward(**half)).reason == "value"


# Rules


def test_rules_that_cannot_follow_are_refused(network: Any) -> None:
    def refused(**rules: Any) -> TransitionError:
        return network.refused(network.change(**rules))  # type: ignore[no-any-return]

    assert refused(version=1).reason == "ruleset"
    assert refused(epoch_ticks=16).argument == "ruleset.epoch.ticks"
    assert refused(epoch_ticks=16).reason == "ruleset"
    last = network.state.rulesets[-1][1].document()
    for document in (
        {},
        {**last, "version": 2, "unknown": 1},
        {**last, "version": 2, "issuance": {"rate": "0.2", "epoch_cap": "1"}},
        {**last, "version": 2, "issuance": {"rate": "0.10", "epoch_cap": "1000000"}},
        {"version": 2},
    ):
        payload = events.ChangeRuleset(network.nonce(), document, "")
        error = network.refused(network.signed(network.registrar, payload))
        assert error.reason in ("ruleset", "value")
    network.apply(network.change(version=7))
    assert refused(version=7).reason == "ruleset"
    assert refused(version=2).reason == "ruleset"


def test_there_are_no_rules_after_the_last_epoch(new_network: Any) -> None:
    rules = replace(new_network().state.rulesets[0][1], epoch_ticks=1)
    network = new_network(rules, MAX_TICK - 2)
    assert network.refused(network.change(tick=MAX_TICK)).reason == "epoch"
    network.apply(network.change(tick=MAX_TICK - 1))
    assert len(network.state.digest) == 32


# Closing


def test_an_epoch_is_closed_once_in_order_after_its_end(network: Any) -> None:
    for epoch, tick, reason in ((0, 7, "epoch"), (1, 16, "epoch"), (9, 100, "epoch")):
        assert network.refused(network.forged_close(epoch, tick)).reason == reason
    closing = network.closing()
    network.apply(closing)
    assert network.refused(closing).reason == "closed"
    assert network.refused(network.forged_close(0, 8)).reason == "closed"
    network.apply(network.reward(tick=40))
    assert network.refused(network.forged_close(2, 40)).reason == "epoch"
    for _ in range(4):
        network.apply(network.closing())
    assert network.refused(network.forged_close(5, 47)).reason == "epoch"


@pytest.mark.parametrize("name", ["manifest", "allocations", "balances", "state"])
def test_a_close_says_what_everybody_computes(network: Any, name: str) -> None:
    network.apply(network.fees([(0, "f", 1000)]))
    network.apply(network.telemetry(GOOD))
    closing = network.closing()
    wrong: Any = "11" * 32
    if name in ("allocations", "balances"):
        for field in ("root", "digest"):
            entry = {**closing.payload[name], field: wrong}
            event = closing._replace(payload={**closing.payload, name: entry})
            assert network.refused(event).reason == "mismatch"
        wrong = {**closing.payload[name], "rows": 3}
    error = network.refused(closing._replace(payload={**closing.payload, name: wrong}))
    assert (error.reason, error.argument) == ("mismatch", name)
    # Computed for another tick, the state is another.
    assert network.refused(closing._replace(tick=9)).argument == "state"


def test_closing_is_refused_where_it_is_computed_too(network: Any) -> None:
    with pytest.raises(TransitionError) as caught:
        close(network.state, 0, 7)
    assert caught.value.reason == "epoch"


# The whole


def test_an_unknown_spec_version_is_refused() -> None:
    assert engine_of(1).spec_version == 1
    with pytest.raises(TransitionError) as caught:
        engine_of(2)
    assert caught.value.reason == "spec_version"


def test_nothing_before_is_changed(busy: Any) -> None:
    """Every state that there was has the digest that it had."""
    digests = [before.digest for before, _, _ in busy.history]
    event = busy.closing()
    before = busy.state.digest
    first, second = (busy.engine.apply(busy.state, event) for _ in range(2))
    assert first.digest == second.digest != before
    assert busy.state.digest == before
    assert [before.digest for before, _, _ in busy.history] == digests
    assert digests[1:] == [after.digest for _, _, after in busy.history[:-1]]


@pytest.mark.skipif(not PROTOCOL.is_dir(), reason="no sources beside the tests")
def test_every_reason_is_reached_by_a_test() -> None:
    """What the sources refuse by, against what stands in the tests beside this one."""
    reasons = set()
    for path in PROTOCOL.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            position = {"TransitionError": 0, "_at": 1}.get(node.func.id)
            if position is not None and isinstance(node.args[position], ast.Constant):
                reasons.add(node.args[position].value)
    beside = pathlib.Path(__file__).parent
    paths = [pathlib.Path(__file__), *beside.glob("test_governance*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    assert len(reasons) > 15
    assert sorted(reason for reason in reasons if f'"{reason}"' not in text) == []


def test_what_is_signed_is_instance_type_tick_and_payload(network: Any) -> None:
    unsigned = {"nonce": 2, "node_id": "a"}
    message = canonical.encode(
        {
            "instance": network.state.instance.hex(),
            "payload": unsigned,
            "tick": 5,
            "type": "registry.revoke",
        }
    )
    signature = signatures.sign(network.registrar, "qfs/registrar/v1", message).hex()
    network.apply(ProtocolEvent("registry.revoke", 5, {**unsigned, "signature": signature}))


def test_every_field_of_a_state_is_in_its_digest(busy: Any) -> None:
    state, other = busy.state, busy.history[0][0]
    changes: dict[str, Any] = {
        "instance": bytes(32),
        "registrar": busy.other.public,
        "rulesets": state.rulesets[:1],
        "epoch": state.epoch + 1,
        "tick": state.tick + 1,
        "tokens": other.tokens,
        "registry": other.registry,
        "balances": other.balances,
        "batches": state.batches[1:],
        "signed": state.signed.set("rep", 0),
        "manifest": None,
        "governance": busy.history[-1][0].governance,
        "spec_version": 2,
    }
    assert [*changes] == [field.name for field in fields(state)]
    digests = [replace(state, **{name: value}).digest for name, value in changes.items()]
    assert len({state.digest, *digests}) == len(changes) + 1
