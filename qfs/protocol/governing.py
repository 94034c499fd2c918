"""Events of governance, applied to a state: they change its governance and nothing else of it."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from qfs.protocol.events import (
    CancelProposal,
    CreateProposal,
    ExecuteProposal,
    Governing,
    ProtocolEvent,
    RecordBallots,
    TransitionError,
)
from qfs.protocol.governance import Draft, Ground, InfrastructureGovernance
from qfs.protocol.state import State


def ground_of(state: State, tick: int, last_tick: int | None = None) -> Ground:
    """What a proposal is created on at a tick, whose id can so be known before it is signed.

    Args:
        state: before the event.
        tick: of the event.
        last_tick: of the event before; that of the state, if it is not given.
    """
    return Ground(
        instance=state.instance,
        tick=tick,
        last_tick=state.tick if last_tick is None else last_tick,
        balances=state.balances,
        registry=state.registry,
        rules=state.ruleset_of(tick // state.epoch_ticks).governance,
    )


def govern(state: State, last_tick: int, payload: Governing, event: ProtocolEvent) -> State:
    """The state after an event of governance, whose signer and tables have been checked.

    Raises:
        TransitionError: it is refused; see `InfrastructureGovernance`.
    """
    return replace(state, governance=_after(state, last_tick, payload, event))


def _after(
    state: State, last_tick: int, payload: Governing, event: ProtocolEvent
) -> InfrastructureGovernance:
    governance, tick = state.governance, state.tick
    if isinstance(payload, CreateProposal):
        draft = Draft(payload.proposer, payload.type, payload.payload, payload.emergency)
        after, proposal = governance.create(draft, ground_of(state, tick, last_tick))
        _require_computed("proposal", payload.proposal, proposal.id)
        return after
    name = _id(payload.proposal)
    if isinstance(payload, RecordBallots):
        assert event.table is not None
        assert event.signatures is not None
        return governance.vote(tick, name, event.table, event.signatures, state.registry)
    if isinstance(payload, CancelProposal):
        return governance.cancel(tick, name, payload.proposer)
    if isinstance(payload, ExecuteProposal):
        executed = governance.execute(tick, name, payload.payload)
        _require_computed("tally", payload.tally, governance.get(name).tally)
        return executed
    assert_never(payload)


def _require_computed(field: str, recorded: str, computed: bytes) -> None:
    if recorded != computed.hex():
        raise TransitionError(
            "mismatch",
            f"recorded as {recorded}, computed as {computed.hex()}",
            argument=field,
            value=recorded,
        )


def _id(text: str) -> bytes:
    """The id of this text; another form of the same bytes names nothing."""
    try:
        name = bytes.fromhex(text)
    except ValueError:
        name = b""
    if not name or name.hex() != text:
        raise TransitionError(
            "unknown_proposal", "is not lowercase hex", argument="proposal", value=text
        )
    return name
