"""An instance on disk, driven at random: its log, its state and the protocol stay one.

After each step the log folds to the live state with the other backend and from the newest
snapshot, every event audited on the way, and the balances are those of the model in fractions.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aims import met, must_meet
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from joined import Report
from ledger_model import ROLE, Model

from qfs import signatures
from qfs.ledger.instance import create_instance, open_instance
from qfs.ledger.replay import replay
from qfs.ledger.session import Session, load_state
from qfs.protocol import events
from qfs.protocol.events import TableRef, TransitionError
from qfs.protocol.genesis import genesis_of
from qfs.protocol.registry import NEW_NODES, registrations
from qfs.protocol.ruleset import Ruleset
from qfs.rows import from_rows
from qfs.tables import FEES, TELEMETRY

TICKS = 8
RULES = Ruleset(epoch_ticks=TICKS, min_active_nodes=2, max_nodes_per_operator=9)
REGISTRAR, REPORTER, OTHER = (signatures.from_seed(bytes([n]) * 32) for n in (1, 2, 3))
NAMES = ["a", "ab", "b", "c", "d"]
STAGES = ["hashing", "writing tables", "appending"]
stages = st.sampled_from([None, *STAGES])

steps = st.sampled_from([0, 0, 1, 5])
ratios_of_all = [(10, 10), (10, 10), (9, 10), (8, 10), (11, 10), (0, 0), (1, 3)]
ratios = st.sampled_from(ratios_of_all)
reports = st.builds(Report, ratios, ratios, ratios)
amounts = st.one_of(st.sampled_from([0, 1, 9, 10, 10**18, 10**24 + 1]), st.integers(0, 10**25))


class InterruptedCloseError(Exception):
    """What stands for a process that ends in the middle of a close."""


class LedgerMachine(RuleBasedStateMachine):
    """One instance, its one writer, and the model beside it."""

    using: Callable[[str], contextlib.AbstractContextManager[Any]]

    def __init__(self) -> None:
        super().__init__()
        self.live, self.other = "kernel", "reference"
        memory = "/dev/shm"
        self.folder = tempfile.TemporaryDirectory(
            prefix="qfs-machine-", dir=memory if os.access(memory, os.W_OK) else None
        )
        place = Path(self.folder.name) / "instance"
        self.instance = create_instance(place, genesis_of("machine", REGISTRAR.public, RULES, 0))
        self.session = Session(self.instance, "machine")
        self.model = Model([(0, RULES)], 0)
        self.actions = 0
        self.register(["a", "b", "c"], 0)
        rows = [("rep", "ops", "reporter", REPORTER.public.text)]
        self.sign_registration(rows, 0)

    def teardown(self) -> None:
        self.session.__exit__(None, None, None)
        self.folder.cleanup()

    def sign_registration(self, rows: list[tuple[str, ...]], tick: int) -> None:
        table = registrations(from_rows(NEW_NODES, rows), tick)
        payload = events.Register(self.session.nonce(), TableRef.of(table), "")
        with type(self).using(self.live):
            self.session.sign(REGISTRAR, tick, payload, table)
        for name, _, role, _ in rows:
            self.model.register(name.encode(), role.encode(), tick)

    def register(self, names: list[str], tick: int) -> None:
        key = OTHER.public.text
        self.sign_registration([(name, "op", ROLE.decode(), key) for name in names], tick)

    @rule(name=st.sampled_from(NAMES), step=steps)
    def a_new_node(self, name: str, step: int) -> None:
        tick = self.session.state.tick + step
        if name.encode() not in self.model.nodes:
            self.register([name], tick)

    @rule(name=st.sampled_from(NAMES), step=steps)
    def a_revocation(self, name: str, step: int) -> None:
        tick = self.session.state.tick + step
        node = self.model.nodes.get(name.encode())
        payload = events.Revoke(self.session.nonce(), name, "")
        if node is None or node.revoked <= tick:
            self.refused(REGISTRAR, tick, payload)
            return
        self.session.sign(REGISTRAR, tick, payload)
        self.model.revoke(name.encode(), tick)
        met("revoked")

    @rule(name=st.sampled_from(NAMES), first=st.booleans())
    def another_key(self, name: str, first: bool) -> None:
        key = (REPORTER if first else OTHER).public.text
        payload = events.RotateKey(self.session.nonce(), name, key, "")
        with contextlib.suppress(TransitionError):
            self.session.sign(REGISTRAR, self.session.state.tick, payload)

    @rule(
        rate=st.integers(1, 15),
        share=st.integers(1, 10),
        least=st.integers(1, 3),
        sums=st.booleans(),
    )
    def other_rules(self, rate: int, share: int, least: int, sums: bool) -> None:
        last, tick = self.model.rulesets[-1][1], self.session.state.tick
        rules = replace(
            last,
            version=last.version + 1,
            issuance_rate=rate * 10**16,
            max_share=share * 10**17,
            min_active_nodes=least,
            score_policy="weighted_sum" if sums else "product",
        )
        payload = events.ChangeRuleset(self.session.nonce(), rules.document(), "")
        self.session.sign(REGISTRAR, tick, payload)
        self.model.rulesets.append((tick // TICKS + 1, rules))

    @rule(fees=st.lists(amounts, min_size=1, max_size=4), step=steps)
    def some_fees(self, fees: list[int], step: int) -> None:
        tick = self.session.state.tick + step
        epoch = tick // TICKS
        rows = [(tick, f"f{self.actions + i}", fee) for i, fee in enumerate(fees)]
        self.actions += len(rows)
        table = from_rows(FEES, rows)
        nonce = self.session.nonce("rep")
        payload = events.RecordFees(nonce, "rep", epoch, TableRef.of(table), "")
        self.session.sign(REPORTER, tick, payload, table)
        known = self.model.fees.setdefault(epoch, {})
        known |= {(tick, action.encode()): fee for tick, action, fee in rows}

    @rule(rows=st.dictionaries(st.sampled_from(NAMES), reports, min_size=1), step=steps)
    def some_telemetry(self, rows: dict[str, Report], step: int) -> None:
        state = self.session.state
        epoch, tick = state.epoch, max(state.tick, state.epoch * TICKS) + step
        known = self.model.reports.setdefault(epoch, {})
        rows = {name: report for name, report in rows.items() if name.encode() not in known}
        if not rows:
            return
        table = from_rows(
            TELEMETRY, [(name, epoch, *sum(report, ())) for name, report in rows.items()]
        )
        nonce = self.session.nonce("rep")
        payload = events.RecordTelemetry(nonce, "rep", epoch, TableRef.of(table), "")
        self.session.sign(REPORTER, tick, payload, table)
        known |= {name.encode(): report for name, report in rows.items()}

    @rule(stage=stages)
    def the_end_of_an_epoch(self, stage: str | None) -> None:
        state = self.session.state
        tick = max((state.epoch + 1) * TICKS, state.tick)

        def stop(reached: str) -> None:
            if reached == stage:
                raise InterruptedCloseError

        with type(self).using(self.live):
            found = self.session.close(state.epoch, tick)
            if stage is not None:
                met(f"interrupted {stage}")
                with pytest.raises(InterruptedCloseError):
                    self.session.commit([], found, tick, stop)
                self.restart()
                found = self.session.close(state.epoch, tick)
            self.session.commit([], found, tick)
        held = sum(self.model.balances.values())
        rules = self.model.rules(self.model.epoch)
        self.model.close()
        if sum(self.model.balances.values()) > held:
            met("paid", f"paid by {self.live}", f"paid by {rules.score_policy}")
            if self.model.pool:
                met("paid in part")
            if rules.version > 1:
                met("paid by other rules")

    @rule(
        fee=st.integers(1, 10**24),
        low=st.sampled_from(ratios_of_all),
        sums=st.booleans(),
        swap=st.booleans(),
        stage=stages,
    )
    def a_whole_epoch(
        self, fee: int, low: tuple[int, int], sums: bool, swap: bool, stage: str | None
    ) -> None:
        """Fees and telemetry of every node, the end of it, and other rules for the next."""
        full = (10, 10)
        names = dict.fromkeys(NAMES, Report(full, (9, 10), (0, 0)))
        if self.session.state.tick // TICKS == self.session.state.epoch:
            self.some_fees([fee, 7], 0)
        self.some_telemetry(names | {"b": Report(full, low, low)}, 0)
        self.the_end_of_an_epoch(stage)
        self.other_rules(fee % 15 + 1, fee % 10 + 1, 2, sums)
        self.a_restart(swap, stage is None)

    @initialize(fee=st.integers(1, 10**24), sums=st.booleans(), swap=st.booleans(), stage=stages)
    def two_epochs(self, fee: int, sums: bool, swap: bool, stage: str | None) -> None:
        """What every run begins with, so that it has something to lose."""
        self.a_whole_epoch(fee, (9, 10), sums, swap, stage)
        self.a_whole_epoch(7, (1, 3), not sums, False, None)

    @rule(swap=st.booleans(), lose=st.booleans())
    def a_restart(self, swap: bool, lose: bool) -> None:
        """On the other backend, perhaps, and without the snapshots."""
        if swap:
            self.live, self.other = self.other, self.live
        if lose:
            for path in (self.instance.folder / "snapshots").iterdir():
                path.unlink()
                met("a snapshot lost")
        self.restart()

    def restart(self) -> None:
        digest = self.session.state.digest
        self.session.__exit__(None, None, None)
        self.instance = open_instance(self.instance.folder)
        self.session = Session(self.instance, "machine")
        assert self.session.state.digest == digest

    @rule(
        name=st.sampled_from(NAMES),
        key=st.sampled_from([REPORTER, OTHER, REGISTRAR]),
        off=st.sampled_from([-1, 0, 1]),
    )
    def a_forged_event(self, name: str, key: signatures.PrivateKey, off: int) -> None:
        payload = events.Revoke(self.session.nonce() + off, name, "")
        if key != REGISTRAR or off:
            self.refused(key, self.session.state.tick, payload)

    def refused(self, key: signatures.PrivateKey, tick: int, payload: events.Signed) -> None:
        before = self.session.state
        met("refused")
        with pytest.raises(TransitionError):
            self.session.sign(key, tick, payload)
        assert self.session.state is before

    @invariant()
    def log_folds_to_the_state(self) -> None:
        live = self.session.state.digest
        with type(self).using(self.other), self.instance.open_log() as log:
            *_, last = replay(log, self.instance.artifacts)
            assert last.state.digest == live
            state, head = load_state(self.instance, log)
            assert (state.digest, head) == (live, last.event.head)

    @invariant()
    def state_is_the_model(self) -> None:
        state, model = self.session.state, self.model
        nod = state.tokens.nod_state
        assert (nod.residue, nod.pool, nod.issued) == (model.residue, model.pool, model.issued)
        assert nod.supply == sum(model.balances.values()) == model.issued - model.pool
        ids, held = state.balances.ids("node_id"), state.balances.amounts("balance")
        assert dict(zip(ids, held, strict=True)) == model.balances
        assert state.epoch == model.epoch


@must_meet(
    *("paid by kernel", "paid by reference", "paid by product", "paid by weighted_sum"),
    *("paid in part", "paid by other rules", "revoked", "refused"),
    *("a snapshot lost", *(f"interrupted {stage}" for stage in STAGES)),
)
@pytest.mark.kernel
@pytest.mark.database
@pytest.mark.slow
def test_log_state_and_protocol_stay_one(using_backend: Any) -> None:
    """Whatever is recorded, the log folds to the state, and the balances are the protocol's."""
    LedgerMachine.using = staticmethod(using_backend)
    examples = settings().max_examples // 8
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        LedgerMachine, settings=settings(max_examples=examples, stateful_step_count=10)
    )
