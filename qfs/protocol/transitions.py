"""StateTransitionEngine: a state and an event give a state, or a refusal and nothing changed.

NOD balances change in `close` and nowhere else: no event moves, burns or sets a balance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from qfs.decimals import parse_integer
from qfs.errors import QfsError
from qfs.ids import require_id
from qfs.limits import MAX_SCALAR, MAX_TICK, SPEC_VERSION
from qfs.protocol import events
from qfs.protocol import ruleset as rulesets
from qfs.protocol.closing import Closing, close
from qfs.protocol.events import (
    ByNode,
    ByRegistrar,
    ByReporter,
    ChangeRuleset,
    CloseEpoch,
    Governing,
    Payload,
    ProtocolEvent,
    RecordFees,
    RecordReward,
    RecordTelemetry,
    Register,
    Revoke,
    RotateKey,
    TableRef,
    TransitionError,
    parse_payload,
)
from qfs.protocol.governing import govern
from qfs.protocol.registry import INFRASTRUCTURE, REPORTER
from qfs.protocol.state import REGISTRAR, Batch, State
from qfs.protocol.treasury import TreasuryEngine
from qfs.rows import concat
from qfs.signatures import parse_public_key
from qfs.tables import FEES, SCHEMAS, Table

MAX_OPEN_BATCHES: Final = 4096
"""Batches of epochs that are not closed yet."""


@dataclass(frozen=True, slots=True)
class StateTransitionEngine:
    """The rules of one spec version."""

    spec_version: int = SPEC_VERSION

    def apply(self, state: State, event: ProtocolEvent) -> State:
        """The state after an event.

        Pure and total: it either returns a new state or raises, and never changes the old one.

        Raises:
            TransitionError: the event is refused; `reason` says why.
        """
        try:
            return self._apply(state, event)
        except TransitionError:
            raise
        except QfsError as error:
            raise TransitionError(
                "value", str(error), argument=error.argument, index=error.index, value=error.value
            ) from error

    def _apply(self, state: State, event: ProtocolEvent) -> State:
        payload = parse_payload(event)
        last_tick = state.tick
        # The signature first: nobody's rows are looked at for a stranger.
        state = _authorised(state.at(event.tick), payload)
        _require_tables(payload, event)
        if isinstance(payload, Governing):
            return govern(state, last_tick, payload, event)
        return _HANDLERS[type(payload)](state, payload, event.table)


def engine_of(spec_version: int) -> StateTransitionEngine:
    """The rules of a spec version, under which its events replay for ever.

    Raises:
        TransitionError: this release knows no such version.
    """
    if spec_version != SPEC_VERSION:
        raise TransitionError(
            "spec_version", f"{spec_version} is not known; this release knows {SPEC_VERSION}"
        )
    return StateTransitionEngine(spec_version)


def closing_event(closing: Closing, tick: int) -> ProtocolEvent:
    """The event that records what closing an epoch came to."""
    payload = CloseEpoch(
        epoch=closing.closed.epoch,
        manifest=closing.manifest.digest.hex(),
        allocations=TableRef.of(closing.closed.allocation.table),
        balances=TableRef.of(closing.state.balances),
        state=closing.state.digest.hex(),
    )
    return ProtocolEvent(events.CLOSE_EPOCH, tick, events.document(payload))


def _require_tables(payload: Payload, event: ProtocolEvent) -> None:
    """The rows are there, and are those that the payload names."""
    fields = events.TABLE_FIELDS.get(event.type, ())
    if len(event.tables) > len(fields):
        count = "no table" if not fields else f"{len(fields)} table"
        raise TransitionError("table", f"{event.type} has {count}", argument="table")
    for field, table in zip(fields, (event.table, event.signatures), strict=False):
        if not isinstance(table, Table) or table.schema != SCHEMAS[field]:
            raise TransitionError("table", f"the table {field} is missing", argument=field)
        if TableRef.of(table) != getattr(payload, field):
            raise TransitionError(
                "table",
                f"the table has digest {table.digest.hex()}, not that of the payload",
                argument=field,
                value=table.digest.hex(),
            )


def _authorised(state: State, payload: Payload) -> State:
    """The state in which the signer has signed one event more.

    Only a signature that verifies counts: whoever sends an event cannot use up a nonce.
    """
    if isinstance(payload, ByRegistrar):
        signer, key = REGISTRAR, state.registrar
    elif isinstance(payload, ByReporter):
        signer = payload.reporter
        key = parse_public_key(state.registry.active(signer, REPORTER).public_key)
    elif isinstance(payload, ByNode):
        signer = payload.proposer
        key = parse_public_key(state.registry.active(signer, INFRASTRUCTURE).public_key)
    else:
        return state
    signed = state.signed.get(signer, 0)
    if payload.nonce != signed:
        raise TransitionError(
            "nonce", f"{payload.nonce}; {signed} is next", argument="nonce", value=payload.nonce
        )
    events.verify(key, state.instance, state.tick, payload)
    return replace(state, signed=state.signed.set(signer, signed + 1))


def _register(state: State, payload: Register, table: Table) -> State:
    limit = state.ruleset_of(state.tick // state.epoch_ticks).max_nodes_per_operator
    return replace(state, registry=state.registry.register(table, state.tick, limit))


def _rotate_key(state: State, payload: RotateKey, _: None) -> State:
    registry = state.registry.rotate_key(payload.node_id, payload.public_key)
    return replace(state, registry=registry)


def _revoke(state: State, payload: Revoke, _: None) -> State:
    return replace(state, registry=state.registry.revoke(payload.node_id, state.tick))


def _change_ruleset(state: State, payload: ChangeRuleset, _: None) -> State:
    ruleset = rulesets.from_document(payload.ruleset)
    last = state.rulesets[-1][1]
    if ruleset.document() != payload.ruleset:
        raise TransitionError("ruleset", "not in canonical form", argument="ruleset")
    if ruleset.version <= last.version:
        raise TransitionError(
            "ruleset",
            f"version {ruleset.version} after version {last.version}",
            argument="ruleset.version",
            value=ruleset.version,
        )
    if ruleset.epoch_ticks != state.epoch_ticks:
        raise TransitionError(
            "ruleset",
            f"{ruleset.epoch_ticks}; the length of an epoch, {state.epoch_ticks}, never changes",
            argument="ruleset.epoch.ticks",
            value=ruleset.epoch_ticks,
        )
    first = state.tick // state.epoch_ticks + 1
    if first > MAX_TICK:
        raise TransitionError("epoch", "no epoch comes after this one", argument="ruleset")
    # Of two changes within one epoch the later one holds.
    kept = tuple(entry for entry in state.rulesets if entry[0] < first)
    return replace(state, rulesets=(*kept, (first, ruleset)))


def _record(state: State, payload: RecordFees | RecordTelemetry, table: Table) -> State:
    epoch = payload.epoch
    if epoch < state.epoch:
        raise TransitionError("closed", f"{epoch} is closed", argument="epoch", value=epoch)
    if epoch > state.tick // state.epoch_ticks:
        raise TransitionError(
            "epoch", f"{epoch} has not begun at tick {state.tick}", argument="epoch", value=epoch
        )
    if len(state.batches) == MAX_OPEN_BATCHES:
        raise TransitionError("batches", f"{MAX_OPEN_BATCHES} batches wait for their epoch")
    _require_inside(state, payload, table)
    kind = table.schema.name
    for earlier in state.tables(kind, epoch):
        concat(earlier, table)
    if kind == FEES.name:
        _require_closable(state, table)
    return replace(state, batches=(*state.batches, Batch(epoch, payload.reporter, table)))


def _require_closable(state: State, fees: Table) -> None:
    """All fees, taken and waiting, are a total: with more no epoch could ever be closed again.

    What is issued of them is at most 15%, below 10^38, so pool and balances stay in bounds too.
    """
    waiting = [batch.table for batch in state.batches if batch.kind == FEES.name]
    total = state.tokens.atr_state.fees
    total += sum(table.amounts("fee").total for table in (*waiting, fees))
    if total > MAX_SCALAR:
        raise TransitionError(
            "total", f"all fees would come to {total}, above 2^128 - 1", argument="fee", value=total
        )


def _require_inside(state: State, payload: RecordFees | RecordTelemetry, table: Table) -> None:
    """Every row is of the epoch, and no fee of a tick that has not come."""
    if isinstance(payload, RecordTelemetry):
        column, first, last = "epoch", payload.epoch, payload.epoch
    else:
        column, first = "tick", payload.epoch * state.epoch_ticks
        last = min(first + state.epoch_ticks - 1, state.tick)
    values = table.ticks(column)
    if len(values) and not (first <= min(values) and max(values) <= last):
        row = next(i for i, value in enumerate(values) if not first <= value <= last)
        raise TransitionError(
            "epoch",
            f"{values[row]} is outside {first} .. {last}",
            argument=column,
            index=row,
            value=values[row],
        )


def _record_reward(state: State, payload: RecordReward, _: None) -> State:
    require_id(payload.action_id, "action_id")
    ruleset = state.ruleset_of(state.tick // state.epoch_ticks)
    bundle = TreasuryEngine(ruleset).calculate_rewards(
        s_chr=parse_integer(payload.s_chr, "s_chr", MAX_SCALAR),
        action_cost=parse_integer(payload.action_cost, "action_cost", MAX_SCALAR),
        c_holo=parse_integer(payload.c_holo, "c_holo", MAX_SCALAR),
        c_crit=parse_integer(payload.c_crit, "c_crit", MAX_SCALAR),
        # The fee of the action is taken with the fees of its epoch, and so is what it issues.
        atr_fees=0,
    )
    old = state.tokens
    tokens = replace(
        old,
        chr_state=replace(old.chr_state, supply=old.chr_state.supply + bundle.chr_reward),
        flx_state=replace(old.flx_state, supply=old.flx_state.supply + bundle.flx_reward),
        psync_state=replace(old.psync_state, supply=old.psync_state.supply + bundle.psync_reward),
        res_state=replace(old.res_state, supply=old.res_state.supply + bundle.res_reward),
    )
    return replace(state, tokens=tokens)


def _close_epoch(state: State, payload: CloseEpoch, _: None) -> State:
    closing = close(state, payload.epoch, state.tick)
    expected = closing_event(closing, state.tick).payload
    found = events.document(payload)
    for name in expected:
        if found[name] != expected[name]:
            raise TransitionError(
                "mismatch",
                f"recorded as {found[name]}, computed as {expected[name]}",
                argument=name,
                value=found[name],
            )
    return closing.state


_HANDLERS: Final[dict[type[Payload], Callable[[State, Any, Any], State]]] = {
    Register: _register,
    RotateKey: _rotate_key,
    Revoke: _revoke,
    ChangeRuleset: _change_ruleset,
    RecordFees: _record,
    RecordTelemetry: _record,
    RecordReward: _record_reward,
    CloseEpoch: _close_epoch,
}

assert [*_HANDLERS, *get_args(Governing)] == [*events.TYPES]
