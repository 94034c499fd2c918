"""Whatever is fired at the engine is applied as it should be, or refused and changes nothing.

A state machine sends honest events, honest ones with a hostile part, signed by whoever holds a
key, and things that are no events at all. No sequence of them moves NOD from node to node: a
balance grows by the allocation of an epoch that is closed, and in no other way.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from qfs import canonical, signatures
from qfs.errors import EvidenceError
from qfs.protocol import events
from qfs.protocol.closing import close
from qfs.protocol.events import ProtocolEvent, TransitionError
from qfs.rows import from_rows, rows_of
from qfs.tables import ALLOCATIONS, BALANCES, FEES, REGISTRY, SCHEMAS, TELEMETRY, Schema

NAMES = ["a", "b", "c", "d", "e", "rep", "rep2", "zz"]
TYPES = [*events.PAYLOADS, "nod.transfer", "nod.burn", "balances.set", "", "epoch.close "]

numbers = st.one_of(
    st.integers(-3, 40),
    st.sampled_from([-(2**63), 2**31, 2**32, 2**53 - 1, 2**53, 2**63, 2**64, 10**38, -(10**4000)]),
)
texts = st.one_of(
    st.text(max_size=5),
    st.sampled_from(
        [
            "../../log.sqlite",
            "/etc/passwd",
            "..",
            "\0",
            "é",
            "\ud800",
            "a b",
            "x" * 200,
            "-1",
            "1e3",
        ]
    ),
    st.sampled_from(["00" * 32, "AB" * 32, "0x" + "00" * 32, "1" * 5000, *NAMES]),
)
hostile = st.recursive(
    st.one_of(
        numbers,
        texts,
        st.none(),
        st.booleans(),
        st.floats(),
        st.binary(max_size=3),
        st.builds(object),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(texts, numbers), inner, max_size=3),
    ),
    max_leaves=5,
)
TABLES: list[Any] = [
    None,
    "fees",
    7,
    *(from_rows(schema, []) for schema in SCHEMAS.values()),
    from_rows(FEES, [(0, "x", 10**38 - 1)]),
    from_rows(BALANCES, [("a", 10**38 - 1)]),
    from_rows(ALLOCATIONS, [("a", 1, 1, 10**38 - 1)]),
    from_rows(Schema("registry", BALANCES.columns, BALANCES.order), [("a", 1)]),
    from_rows(TELEMETRY, [("a", 0, 5, 1, 5, 1, 5, 1)]),
    from_rows(REGISTRY, [("q", "op", "infrastructure", "ed25519:00", 0, 0)]),
]


class Deep(dict[str, Any]):
    """A payload that is deeper than anything may be."""

    def __init__(self) -> None:
        inner: Any = {}
        for _ in range(5000):
            inner = {"a": inner}
        super().__init__(a=inner)


class Hostile(RuleBasedStateMachine):
    """The network, and what was seen of it."""

    new_network: Callable[..., Any]

    def __init__(self) -> None:
        super().__init__()
        self.network = type(self).new_network()
        self.refused = self.applied = 0
        self.fire(self.network.infrastructure("a", "b", "c", "d"))
        self.fire(self.network.reporters("rep"))

    def fire(self, event: ProtocolEvent) -> None:
        """Apply an event or have it refused, and look at what that did."""
        network, before = self.network, self.network.state
        digest, held = before.digest, network.balances()
        payload = repr(event.payload)
        try:
            network.apply(event)
        except TransitionError as refusal:
            error = refusal
            self.refused += 1
        else:
            error = None
            self.applied += 1
        assert error is None or (error.reason and str(error) and network.state is before)
        assert before.digest == digest
        assert repr(event.payload) == payload
        self._look_at_balances(before, held)

    def _look_at_balances(self, before: Any, held: dict[str, int]) -> None:
        after = self.network.state
        if after.epoch == before.epoch:
            assert after.balances is before.balances
            return
        paid = {
            row[0]: row[3]
            for row in rows_of(close(before, before.epoch, after.tick).closed.allocation.table)
        }
        names = {*held, *paid}
        grown = {name: held.get(name, 0) + paid.get(name, 0) for name in names}
        assert self.network.balances() == grown

    # Honest

    def honest(self, data: st.DataObject) -> ProtocolEvent:
        """An event that the right key signed, of one of the types; most are taken."""
        network, draw = self.network, data.draw
        state = network.state
        tick = state.tick + draw(st.sampled_from([0, 0, 0, 1, 5, 9]))
        now = tick // network.ticks
        name = draw(st.sampled_from(NAMES))
        epoch = draw(st.sampled_from([state.epoch, now]))
        number = draw(st.integers(0, 6))
        kind = draw(st.sampled_from([*events.PAYLOADS]))
        if kind == events.REGISTER:
            if name.startswith("rep"):
                return network.reporters(name)
            return network.infrastructure(name, tick=tick)
        if kind == events.ROTATE_KEY:
            return network.rotation(name, draw(st.sampled_from([network.node, network.other])))
        if kind == events.REVOKE:
            return network.revocation(name, tick)
        if kind == events.CHANGE_RULESET:
            rules = {"issuance_rate": (number + 1) * 10**16, "min_active_nodes": 1 + number % 3}
            return network.change(tick, **rules)
        if kind == events.RECORD_FEES:
            fee = draw(st.sampled_from([0, 7, 10**18, 10**24 + 1, 10**38 - 1]))
            at = min(epoch * network.ticks + number, tick)
            return network.fees([(at, f"f{number}", fee)], epoch, tick)
        if kind == events.RECORD_TELEMETRY:
            rows = [(n, 9 + i % 3, 10) for i, n in enumerate(NAMES[: 1 + number])]
            return network.telemetry(rows, epoch, tick)
        if kind == events.RECORD_REWARD:
            return network.reward(tick, s_chr=str(number * 10**18))
        return network.closing()

    @rule(data=st.data())
    def an_honest_event(self, data: st.DataObject) -> None:
        self.fire(self.honest(data))

    @rule()
    def the_next_epoch(self) -> None:
        applied = self.applied
        self.fire(self.network.closing())
        assert self.applied == applied + 1

    @rule(data=st.data())
    def an_epoch_as_it_should_be(self, data: st.DataObject) -> None:
        epoch, tick = self.network.state.epoch, self.network.state.tick
        start = epoch * self.network.ticks
        tick = max(tick, start)
        self.fire(
            self.network.fees([(start, "whole", data.draw(st.integers(0, 10**24)))], epoch, tick)
        )
        self.fire(self.network.telemetry([(n, 10, 10) for n in "abcd"], epoch, tick))
        self.fire(self.network.closing())

    # Hostile

    @rule(data=st.data())
    def an_event_with_a_hostile_part(self, data: st.DataObject) -> None:
        event = self.honest(data)
        payload = copy.deepcopy(dict(event.payload))
        inside = [payload, *(v for v in payload.values() if isinstance(v, dict))]
        for _ in range(data.draw(st.integers(1, 2))):
            place = data.draw(st.sampled_from(inside))
            name = data.draw(st.one_of(st.sampled_from([*place] or ["x"]), texts))
            if data.draw(st.integers(0, 5)) == 0:
                place.pop(name, None)
            else:
                place[name] = data.draw(hostile)
        self.fire(self.signed_by_somebody(event._replace(payload=payload), data))

    @rule(data=st.data())
    def an_event_at_another_place(self, data: st.DataObject) -> None:
        event = self.honest(data)
        part = data.draw(st.sampled_from(["tick", "type", "table"]))
        values: Any = {
            "tick": st.one_of(numbers, hostile),
            "type": st.one_of(st.sampled_from(TYPES), hostile),
            "table": st.sampled_from(TABLES),
        }[part]
        event = event._replace(**{part: data.draw(values)})
        if data.draw(st.booleans()):
            event = self.signed_by_somebody(event, data)
        self.fire(event)

    @rule(
        kind=st.one_of(st.sampled_from(TYPES), hostile),
        tick=st.one_of(numbers, hostile),
        payload=hostile,
        table=st.sampled_from(TABLES),
    )
    def no_event_at_all(self, kind: Any, tick: Any, payload: Any, table: Any) -> None:
        refused = self.refused
        self.fire(ProtocolEvent(kind, tick, payload, table))
        assert self.refused == refused + 1

    @rule(kind=st.sampled_from([*events.PAYLOADS]))
    def something_deep(self, kind: str) -> None:
        network = self.network
        refused = self.refused
        with pytest.raises(TransitionError):
            network.engine.apply(network.state, ProtocolEvent(kind, network.state.tick, Deep()))
        assert refused == self.refused

    @rule(data=st.data())
    def what_was_before(self, data: st.DataObject) -> None:
        """An event that was applied, once more: it is refused, now and at the tick of now."""
        _, event, _ = data.draw(st.sampled_from(self.network.history))
        refused = self.refused
        self.fire(event)
        self.fire(event._replace(tick=self.network.state.tick))
        assert self.refused == refused + 2

    @rule(data=st.data())
    def other_balances(self, data: st.DataObject) -> None:
        """A close that would pay something else than what everybody computes."""
        closing = self.network.closing()
        held = self.network.balances()
        if len(held) < 2:
            return
        first, second = sorted(held)[:2]
        moved = {**held, first: held[first] + held[second], second: 0}
        table = from_rows(BALANCES, sorted(moved.items()))
        named = events.TableRef.of(table)
        payload = {**closing.payload, "balances": msgspec.to_builtins(named)}
        refused = self.refused
        for forged in (None, table):
            self.fire(closing._replace(payload=payload, table=forged))
        assert self.refused == refused + 2

    def signed_by_somebody(self, event: ProtocolEvent, data: st.DataObject) -> ProtocolEvent:
        """Signed by one of the keys for one of the purposes, where that is possible."""
        network = self.network
        keys = [network.registrar, network.reporter, network.node, network.other]
        key = data.draw(st.sampled_from(keys))
        purpose = data.draw(st.sampled_from([events.REGISTRAR_PURPOSE, events.REPORT_PURPOSE]))
        unsigned = {name: v for name, v in event.payload.items() if name != "signature"}
        try:
            message = canonical.encode(
                {
                    "instance": network.state.instance.hex(),
                    "payload": unsigned,
                    "tick": event.tick,
                    "type": event.type,
                }
            )
        except (EvidenceError, TypeError):
            return event
        signature = signatures.sign(key, purpose, message).hex()
        return event._replace(payload={**unsigned, "signature": signature})


@pytest.mark.slow
def test_only_an_allocation_moves_a_balance(new_network: Any) -> None:
    Hostile.new_network = staticmethod(new_network)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Hostile,
        settings=settings(max_examples=settings().max_examples // 3, stateful_step_count=25),
    )
