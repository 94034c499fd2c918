"""What an event may not bring into a state, because the state could not get rid of it again."""

from __future__ import annotations

from typing import Any

import pytest

from qfs import canonical, signatures
from qfs.limits import MAX_SCALAR, MAX_VALUE
from qfs.protocol import events
from qfs.protocol.closing import close
from qfs.protocol.events import ProtocolEvent, TableRef, TransitionError
from qfs.protocol.genesis import genesis_of, initial_state
from qfs.protocol.registry import NEW_NODES, registrations
from qfs.protocol.ruleset import Ruleset
from qfs.protocol.state import State
from qfs.protocol.transitions import engine_of
from qfs.rows import from_rows
from qfs.tables import FEES, Table

REGISTRAR = signatures.from_seed(bytes(32))
REPORTER = signatures.from_seed(bytes([1] * 32))


def signed(state: State, tick: int, payload: events.Signed, table: Table) -> ProtocolEvent:
    key = REGISTRAR if isinstance(payload, events.ByRegistrar) else REPORTER
    found = events.sign(key, state.instance, tick, payload)
    return ProtocolEvent(events.TYPES[type(found)], tick, events.document(found), table)


@pytest.fixture
def reported() -> State:
    """An instance with a reporter, in its first epoch."""
    state = initial_state(canonical.encode(genesis_of("net", REGISTRAR.public, Ruleset())))
    row = ("r1", "watch", "reporter", REPORTER.public.text)
    table = registrations(from_rows(NEW_NODES, [row]), 0)
    event = signed(state, 0, events.Register(0, TableRef.of(table), ""), table)
    return engine_of(1).apply(state, event)


def record(state: State, tick: int, epoch: int, *fees: int) -> State:
    nonce = state.signed.get("r1", 0)
    rows = [(tick, f"a{nonce}-{row}", fee) for row, fee in enumerate(fees)]
    table = from_rows(FEES, rows)
    payload = events.RecordFees(nonce, "r1", epoch, TableRef.of(table), "")
    return engine_of(1).apply(state, signed(state, tick, payload, table))


def test_fees_that_no_epoch_could_be_closed_with_are_refused(reported: State) -> None:
    """All fees come to at most 2^128 - 1, within a batch, over batches and over epochs."""
    rest = MAX_SCALAR - 3 * MAX_VALUE
    state = record(reported, 1, 0, MAX_VALUE, MAX_VALUE)
    with pytest.raises(TransitionError) as refused:
        record(state, 2, 0, MAX_VALUE, rest + 1)
    assert (refused.value.reason, refused.value.value) == ("total", MAX_SCALAR + 1)
    state = close(record(state, 2, 0, MAX_VALUE, rest), 0, 512).state
    assert state.tokens.atr_state.fees == MAX_SCALAR
    with pytest.raises(TransitionError) as refused:
        record(state, 513, 1, 1)
    assert refused.value.reason == "total"
    assert close(record(state, 513, 1, 0), 1, 1024).state.epoch == 2


@pytest.mark.parametrize(
    "payload",
    [{"nonce": 0, "reporter": "\xe9"}, {"nonce": 0, "reporter": "r1\n"}, {"nonce": -1}, {1: 2}, 3],
)
def test_a_payload_that_no_log_can_hold_is_refused(reported: State, payload: Any) -> None:
    amounts = dict.fromkeys(("action_id", "s_chr", "action_cost", "c_holo", "c_crit"), "1")
    if isinstance(payload, dict):
        payload = {"reporter": "r1", "signature": "", **amounts, **payload}
    with pytest.raises(TransitionError) as refused:
        engine_of(1).apply(reported, ProtocolEvent(events.RECORD_REWARD, 1, payload))
    assert refused.value.reason == "payload"
