"""A million actions: whatever the batches, nothing of a fee is lost and nothing is made up."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qfs
from qfs import canonical
from qfs.columns import Column
from qfs.ids import from_checked
from qfs.ledger.evidence import verify_evidence
from qfs.ledger.instance import create_instance
from qfs.ledger.session import Session
from qfs.protocol import events
from qfs.protocol.closing import close
from qfs.protocol.events import ProtocolEvent, TableRef
from qfs.protocol.genesis import genesis_of, initial_state
from qfs.protocol.registry import INFRASTRUCTURE, NEW_NODES, REPORTER, registrations
from qfs.protocol.ruleset import MAX_ISSUANCE_RATE, MIN_ISSUANCE_RATE, Ruleset
from qfs.protocol.state import State
from qfs.protocol.transitions import StateTransitionEngine, closing_event
from qfs.rows import from_rows
from qfs.signatures import from_seed
from qfs.tables import FEES, TELEMETRY, Table, tick_column

ONE = 10**18
MILLION = 10**6
KEY = from_seed(bytes(32))
ENGINE = StateTransitionEngine()
NODES = ("n1", "n2", "n3")


@pytest.fixture(scope="module")
def fees() -> list[int]:
    """Fees of all sizes, from nothing to a hundred thousand ATR; 9 is left over of many."""
    chance = random.Random(20260725)
    return [
        10 * chance.randrange(10 ** chance.randrange(1, 23)) + chance.choice((0, 1, 5, 9, 9, 9))
        for _ in range(MILLION)
    ]


def cuts(chance: random.Random, rows: int, batches: int) -> list[tuple[int, int]]:
    """Batches of random sizes, some of them empty."""
    inner = sorted(chance.randrange(rows + 1) for _ in range(batches - 1))
    return list(itertools.pairwise([0, *inner, rows]))


@pytest.mark.slow
@pytest.mark.parametrize("batches", [1, 7, 1000])
def test_a_million_actions_in_columns(fees: list[int], api_backend: str, batches: int) -> None:
    column = pa.array(Column.from_ints(fees))
    issued = residue = 0
    for start, stop in cuts(random.Random(batches), MILLION, batches):
        found = qfs.issue(column[start:stop], residue=residue)
        assert found.withheld == 0
        issued, residue = issued + found.total, found.residue
    assert issued == sum(fees) // 10
    assert ONE * issued + residue == sum(fees) * ONE // 10


@pytest.mark.slow
def test_a_million_actions_of_an_instance(
    fees: list[int], api_backend: str, tmp_path: Path
) -> None:
    """One epoch, its fees recorded in batches: registered, logged, closed, verified."""
    # In pure Python the tables, not the sum, take their time.
    rows = MILLION if api_backend == "kernel" else 20_000
    ruleset = Ruleset(epoch_cap_base_units=10**38 - 1)
    made = create_instance(tmp_path / "instance", genesis_of("million", KEY.public, ruleset))
    with Session(made, "test") as session:
        for event in beginning(session.state, telemetry_tick=511):
            session.append([event])
        for start, stop in cuts(random.Random(rows), rows, 6):
            ticks = [i * 512 // rows for i in range(start, stop)]
            table = fee_table(fees[start:stop], start, ticks)
            session.append([recorded(session.state, 511, 0, table)])
        found = session.close(0, 512)
        session.commit((), found, 512)
        nod, atr = session.state.tokens.nod_state, session.state.tokens.atr_state
    total = sum(fees[:rows])
    assert len(found.closed.fees) == rows
    assert nod.issued == total // 10
    assert nod.residue == total % 10 * (ONE // 10)
    assert (atr.fees, atr.retained) == (total, total - total // 10)
    assert nod.supply + nod.pool == nod.issued
    verify_evidence(made.evidence(0), found.manifest.digest.hex())


# Any sequence, any batching


class Epoch(NamedTuple):
    """Fees with their ticks within the epoch, and the rules for them."""

    rate: int
    cap: int
    fees: list[tuple[int, int]]
    cuts: list[int]


AMOUNTS = st.one_of(
    st.integers(0, 30), st.integers(0, 10**22), st.sampled_from([10**36, 10**30 + 9, 5 * 10**18])
)
RATES = st.one_of(
    st.sampled_from([MIN_ISSUANCE_RATE, ONE // 10, MAX_ISSUANCE_RATE]),
    st.integers(MIN_ISSUANCE_RATE, MAX_ISSUANCE_RATE),
)
CAPS = st.one_of(st.just(0), st.integers(0, 40), st.integers(0, 10**22), st.just(10**37))
EPOCHS = st.lists(
    st.builds(
        Epoch,
        RATES,
        CAPS,
        st.lists(st.tuples(st.integers(0, 9), AMOUNTS), max_size=12),
        st.lists(st.integers(0, 12), max_size=4),
    ),
    min_size=1,
    max_size=5,
)


@given(epochs=EPOCHS)
def test_the_identity_for_any_fees_caps_rates_and_batches(
    implementation: Any, epochs: list[Epoch]
) -> None:
    """10^18 (issued + withheld) + residue = residue before + sum of rate * fee."""
    left = right = residue = 0
    for epoch in epochs:
        amounts = [fee for _, fee in sorted(epoch.fees)]
        room, opening = epoch.cap, residue
        withheld = issued = 0
        for start, stop in batches_of(epoch):
            part = implementation.check_values(amounts[start:stop], "fees")
            found = implementation.issue(part, epoch.rate, residue, room)
            residue, room = found.residue, room - found.total
            issued, withheld = issued + found.total, withheld + found.withheld
            assert found.fees == sum(amounts[start:stop])
        whole = implementation.issue(
            implementation.check_values(amounts, "fees"), epoch.rate, opening, epoch.cap
        )
        assert (whole.total, whole.withheld, whole.residue) == (issued, withheld, residue)
        assert issued <= epoch.cap
        assert withheld == 0 or issued == epoch.cap
        left += ONE * (issued + withheld)
        right += epoch.rate * sum(amounts)
        assert left + residue == right
        assert 0 <= residue < ONE


def batches_of(epoch: Epoch) -> list[tuple[int, int]]:
    """Where the fees of an epoch are cut: in order, some of the batches empty."""
    inner = sorted(min(cut, len(epoch.fees)) for cut in epoch.cuts)
    return list(itertools.pairwise([0, *inner, len(epoch.fees)]))


@settings(max_examples=40)
@given(epochs=EPOCHS)
def test_the_identity_of_a_state_whatever_the_batches(
    implementation: Any, using_backend: Any, epochs: list[Epoch]
) -> None:
    """Through registered nodes, signed batches, changed rules and closed epochs. In one batch in
    order, and in many in reverse, it comes to the same tokens, balances and evidence."""
    with using_backend(implementation.__name__.rpartition(".")[2]):
        one = lived(epochs, whole=True)
        many = lived(epochs, whole=False)
    assert one.tokens == many.tokens
    assert one.balances.digest == many.balances.digest
    assert one.manifest == many.manifest
    nod, atr = one.tokens.nod_state, one.tokens.atr_state
    assert sum(one.balances.amounts("balance")) + nod.pool == nod.issued
    assert atr.fees == sum(fee for epoch in epochs for _, fee in epoch.fees)
    assert atr.retained + nod.issued == atr.fees


def lived(epochs: list[Epoch], *, whole: bool) -> State:
    """The state after these epochs."""
    rules = [
        Ruleset(
            version=number + 1,
            epoch_ticks=16,
            issuance_rate=epoch.rate,
            epoch_cap_base_units=epoch.cap,
        )
        for number, epoch in enumerate(epochs)
    ]
    document = genesis_of("batches", KEY.public, rules[0])
    state = initial_state(canonical.encode(document))
    withheld = 0
    for event in beginning(state, telemetry_tick=None):
        state = ENGINE.apply(state, event)
    for number, epoch in enumerate(epochs):
        state = recorded_epoch(state, number, epoch, whole=whole)
        if number + 1 < len(epochs):
            payload = events.ChangeRuleset(
                state.signed.get("", 0), rules[number + 1].document(), ""
            )
            state = ENGINE.apply(state, signed(state, state.tick, payload, None))
        found = close(state, number, 16 * (number + 1))
        state = ENGINE.apply(state, closing_event(found, 16 * (number + 1)))
        assert state.digest == found.state.digest
        withheld += found.closed.issuance.withheld
        past = epochs[: number + 1]
        given_by_rates = sum(e.rate * fee for e in past for _, fee in e.fees)
        nod = state.tokens.nod_state
        assert ONE * (nod.issued + withheld) + nod.residue == given_by_rates
    return state


def recorded_epoch(state: State, number: int, epoch: Epoch, *, whole: bool) -> State:
    last = 16 * number + 15
    rows = [(node, number, 9, 9, i, 9, 9, 9) for i, node in enumerate(NODES)]
    report = from_rows(TELEMETRY, rows)
    payload = events.RecordTelemetry(
        state.signed.get("reporter", 0), "reporter", number, TableRef.of(report), ""
    )
    state = ENGINE.apply(state, signed(state, last, payload, report))
    ordered = sorted(epoch.fees)
    rows = [(16 * number + tick, f"a{n:02d}", fee) for n, (tick, fee) in enumerate(ordered)]
    batches = [(0, len(rows))] if whole else batches_of(epoch)[::-1]
    for start, stop in batches:
        table = from_rows(FEES, rows[start:stop])
        state = ENGINE.apply(state, recorded(state, last, number, table))
    return state


def beginning(state: State, telemetry_tick: int | None) -> list[ProtocolEvent]:
    """Three nodes and a reporter; their telemetry of epoch 0 where a tick is given."""
    rows = [(node, node, INFRASTRUCTURE, KEY.public.text) for node in NODES]
    rows.append(("reporter", "operator", REPORTER, KEY.public.text))
    new = registrations(from_rows(NEW_NODES, sorted(rows)), state.tick)
    happened = [signed(state, state.tick, events.Register(0, TableRef.of(new), ""), new)]
    if telemetry_tick is not None:
        report = from_rows(TELEMETRY, [(node, 0, 9, 9, 9, 9, 9, 9) for node in NODES])
        payload = events.RecordTelemetry(0, "reporter", 0, TableRef.of(report), "")
        happened.append(signed(state, telemetry_tick, payload, report))
    return happened


def recorded(state: State, tick: int, epoch: int, table: Table) -> ProtocolEvent:
    """Fees of an epoch, as the reporter's next event."""
    nonce = state.signed.get("reporter", 0)
    payload = events.RecordFees(nonce, "reporter", epoch, TableRef.of(table), "")
    return signed(state, tick, payload, table)


def signed(state: State, tick: int, payload: events.Signed, table: Table | None) -> ProtocolEvent:
    ready = events.sign(KEY, state.instance, tick, payload)
    return ProtocolEvent(events.TYPES[type(ready)], tick, events.document(ready), table)


def fee_table(amounts: list[int], first: int, ticks: list[int]) -> Table:
    """Fees as a table in canonical order; actions are numbered from `first`, ticks ascend."""
    ids = [f"action-{number:07d}".encode("ascii") for number in range(first, first + len(amounts))]
    return Table(
        FEES,
        {
            "tick": tick_column(ticks),
            "action_id": from_checked(ids, is_sorted=True),
            "fee": Column.from_ints(amounts),
        },
    )
