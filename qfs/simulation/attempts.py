"""What is tried in a simulation and must be refused, each with the reason it is refused for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, NamedTuple

from qfs.ledger.session import Session
from qfs.limits import BASE_UNITS_PER_TOKEN
from qfs.protocol import events
from qfs.protocol.closing import Closing
from qfs.protocol.events import ProtocolEvent, TableRef
from qfs.protocol.registry import INFRASTRUCTURE, NEW_NODES, registrations
from qfs.protocol.transitions import closing_event
from qfs.rows import from_rows
from qfs.signatures import PrivateKey
from qfs.simulation.draws import EPOCH_TICKS
from qfs.simulation.keys import REGISTRAR_NAME, Keys
from qfs.simulation.nodes import (
    FEES_REPORTER,
    REVOKED_REPORTER,
    TELEMETRY_REPORTER,
    node_id,
)
from qfs.simulation.rules import NODES_PER_OPERATOR
from qfs.tables import FEES, TELEMETRY

_NODE = node_id(0)
_STOLEN = str(BASE_UNITS_PER_TOKEN)


class World(NamedTuple):
    """Who tries, when."""

    session: Session
    keys: Keys
    tick: int

    @property
    def epoch(self) -> int:
        """The epoch of the tick."""
        return self.tick // EPOCH_TICKS


class Attempt(NamedTuple):
    """Something that must be refused."""

    name: str
    reason: str
    """of the refusal"""
    event: Callable[[World], ProtocolEvent | None]
    """None where there is nobody to try it with"""


def _fees(
    world: World,
    reporter: str,
    key: PrivateKey,
    *,
    epoch: int | None = None,
    tick: int | None = None,
    ahead: int = 0,
) -> ProtocolEvent:
    """One fee, recorded by a reporter: `ahead` adds to its nonce."""
    epoch = world.epoch if epoch is None else epoch
    tick = epoch * EPOCH_TICKS if tick is None else tick
    table = from_rows(FEES, [(tick, f"attempt-{world.tick}", BASE_UNITS_PER_TOKEN)])
    nonce = world.session.nonce(reporter) + ahead
    payload = events.RecordFees(nonce, reporter, epoch, TableRef.of(table), "")
    return world.session.signed(key, world.tick, payload, table)


def _by_reporter(world: World, **changes: Any) -> ProtocolEvent:
    return _fees(world, FEES_REPORTER, world.keys.current(FEES_REPORTER), **changes)


def _by_registrar(world: World, payload: events.ByRegistrar, table: Any = None) -> ProtocolEvent:
    key = world.keys.current(REGISTRAR_NAME)
    return world.session.signed(key, world.tick, payload, table)


def _register(world: World, rows: list[tuple[str, str, str, str]]) -> ProtocolEvent:
    table = registrations(from_rows(NEW_NODES, rows), world.tick)
    payload = events.Register(world.session.nonce(), TableRef.of(table), "")
    return _by_registrar(world, payload, table)


def _crowd(world: World) -> ProtocolEvent:
    key = world.keys.first("crowd").public.text
    rows = [(f"crowd-{n}", "crowd", INFRASTRUCTURE, key) for n in range(NODES_PER_OPERATOR + 1)]
    return _register(world, rows)


def _known(world: World) -> ProtocolEvent:
    key = world.keys.first("crowd").public.text
    return _register(world, [(_NODE, "somebody", INFRASTRUCTURE, key)])


def _forged_revocation(world: World) -> ProtocolEvent:
    payload = events.Revoke(world.session.nonce(), _NODE, "")
    return world.session.signed(world.keys.current(_NODE), world.tick, payload)


def _unknown_node(world: World) -> ProtocolEvent:
    return _by_registrar(world, events.Revoke(world.session.nonce(), "nobody", ""))


def _ruleset(world: World, **changes: Any) -> ProtocolEvent:
    rules = replace(world.session.state.rulesets[-1][1], **changes)
    return _by_registrar(world, events.ChangeRuleset(world.session.nonce(), rules.document(), ""))


def _longer_epochs(world: World) -> ProtocolEvent:
    version = world.session.state.rulesets[-1][1].version + 1
    return _ruleset(world, version=version, epoch_ticks=2 * EPOCH_TICKS)


def _incoherent(world: World) -> ProtocolEvent:
    payload = events.RecordReward(
        nonce=world.session.nonce(FEES_REPORTER),
        reporter=FEES_REPORTER,
        action_id=f"attempt-{world.tick}",
        s_chr=_STOLEN,
        action_cost=_STOLEN,
        c_holo="1",
        c_crit="2",
        signature="",
    )
    return world.session.signed(world.keys.current(FEES_REPORTER), world.tick, payload)


def _other_epoch(world: World) -> ProtocolEvent:
    """Telemetry of which a row is of another epoch than the event says."""
    reporter, state = TELEMETRY_REPORTER, world.session.state
    table = from_rows(TELEMETRY, [("lagging", world.epoch + 1, 1, 1, 1, 1, 1, 1)])
    nonce = world.session.nonce(reporter)
    assert state.epoch <= world.epoch
    payload = events.RecordTelemetry(nonce, reporter, world.epoch, TableRef.of(table), "")
    return world.session.signed(world.keys.current(reporter), world.tick, payload, table)


def _recorded_twice(world: World) -> ProtocolEvent:
    """A batch of fees once more, signed anew."""
    table = max(world.session.state.tables(FEES.name, world.epoch), key=len)
    nonce = world.session.nonce(FEES_REPORTER)
    payload = events.RecordFees(nonce, FEES_REPORTER, world.epoch, TableRef.of(table), "")
    return world.session.signed(world.keys.current(FEES_REPORTER), world.tick, payload, table)


def _swapped_table(world: World) -> ProtocolEvent:
    """Signed for one fee, sent with another."""
    event = _by_reporter(world)
    table = from_rows(FEES, [(world.epoch * EPOCH_TICKS, "swapped", 2 * BASE_UNITS_PER_TOKEN)])
    return event._replace(table=table)


def _backwards(world: World) -> ProtocolEvent:
    earlier = world._replace(tick=world.session.state.tick - 1)
    return _by_reporter(earlier)


def _transfer(world: World) -> ProtocolEvent:
    payload = {"from": _NODE, "to": node_id(1), "amount": _STOLEN}
    return ProtocolEvent("nod.transfer", world.tick, payload)


def _burn(world: World) -> ProtocolEvent:
    return ProtocolEvent("nod.burn", world.tick, {"node_id": _NODE, "amount": _STOLEN})


def _early_close(world: World) -> ProtocolEvent:
    return _empty_close(world, world.session.state.epoch)


def _empty_close(world: World, epoch: int) -> ProtocolEvent:
    nothing = TableRef(0, "0" * 64, "0" * 64)
    payload = events.CloseEpoch(epoch, "0" * 64, nothing, nothing, "0" * 64)
    return ProtocolEvent(events.CLOSE_EPOCH, world.tick, events.document(payload))


ATTEMPTS: Final = (
    Attempt("a transfer between nodes", "type", _transfer),
    Attempt(
        "a fee recorded by a revoked reporter",
        "revoked",
        lambda w: _fees(w, REVOKED_REPORTER, w.keys.current(REVOKED_REPORTER)),
    ),
    Attempt(
        "a fee signed by a key that was rotated away",
        "signature",
        lambda w: _fees(w, FEES_REPORTER, w.keys.first(FEES_REPORTER)),
    ),
    Attempt("an epoch closed before it is over", "epoch", _early_close),
    Attempt(
        "a fee of a tick that has not come", "epoch", lambda w: _by_reporter(w, tick=w.tick + 1)
    ),
    Attempt(
        "a fee recorded by an infrastructure node",
        "role",
        lambda w: _fees(w, _NODE, w.keys.current(_NODE)),
    ),
    Attempt("an event sent again", "nonce", lambda w: _by_reporter(w, ahead=-1)),
    Attempt("a batch of fees recorded twice", "value", _recorded_twice),
    Attempt("a node registered twice", "known_node", _known),
    Attempt("more nodes of one operator than the rules allow", "operator", _crowd),
    Attempt("a revocation signed by a node", "signature", _forged_revocation),
    Attempt("an unknown node revoked", "unknown_node", _unknown_node),
    Attempt("a ruleset of a version that was", "ruleset", _ruleset),
    Attempt("a ruleset with longer epochs", "ruleset", _longer_epochs),
    Attempt("a reward below the critical coherence", "value", _incoherent),
    Attempt("telemetry of another epoch", "epoch", _other_epoch),
    Attempt("a table that is not the one signed", "table", _swapped_table),
    Attempt("an event of an earlier tick", "tick", _backwards),
    Attempt("a burn of a balance", "type", _burn),
)
"""Tried near the end of an epoch, before it is closed."""

AFTER_CLOSE: Final = (
    Attempt("an epoch closed twice", "closed", lambda w: _empty_close(w, w.epoch - 1)),
    Attempt("a fee of a closed epoch", "closed", lambda w: _by_reporter(w, epoch=w.epoch - 1)),
)
"""Tried when an epoch is closed."""


def forged_close(found: Closing) -> Attempt:
    """The close of an epoch with other balances than everybody computes."""

    def event(world: World) -> ProtocolEvent:
        right = closing_event(found, world.tick)
        forged = {**right.payload["balances"], "digest": "0" * 64}
        return right._replace(payload={**right.payload, "balances": forged})

    return Attempt("an epoch closed with other balances", "mismatch", event)
