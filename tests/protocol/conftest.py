"""A small network whose events are signed, applied and audited like those of a real one."""

from __future__ import annotations

import copy
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from qfs import canonical, signatures
from qfs.protocol import ballots as batches
from qfs.protocol import events
from qfs.protocol.closing import close
from qfs.protocol.events import ProtocolEvent, TableRef, TransitionError
from qfs.protocol.genesis import genesis_of, initial_state
from qfs.protocol.governance import Draft
from qfs.protocol.governance_rules import GovernanceRules
from qfs.protocol.governing import ground_of
from qfs.protocol.invariants import Auditor
from qfs.protocol.registry import NEW_NODES, registrations
from qfs.protocol.ruleset import Ruleset
from qfs.protocol.state import State
from qfs.protocol.transitions import StateTransitionEngine, closing_event
from qfs.rows import from_rows
from qfs.signatures import PrivateKey
from qfs.tables import FEES, TELEMETRY, Table


def _load(name: str) -> ModuleType:
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


# Tests import it by name.
chamber = _load("chamber")

TICKS = 8
VOTES = GovernanceRules(window_ticks=3, timelock_ticks=1, grace_ticks=4, cooldown_ticks=1)
RULES = Ruleset(epoch_ticks=TICKS, max_nodes_per_operator=2, governance=VOTES)
REGISTRAR = signatures.from_seed(b"\1" * 32)
REPORTER = signatures.from_seed(b"\2" * 32)
NODE = signatures.from_seed(b"\3" * 32)
OTHER = signatures.from_seed(b"\4" * 32)
REFERENCE = {"rows": 1, "root": "00" * 32, "digest": "00" * 32}


class Network:
    """An instance in memory: the state, and who may sign."""

    registrar, reporter, node, other = REGISTRAR, REPORTER, NODE, OTHER
    ticks = TICKS

    def __init__(self, ruleset: Ruleset = RULES, first_epoch: int = 0) -> None:
        genesis = genesis_of("test", REGISTRAR.public, ruleset, first_epoch)
        self.engine = StateTransitionEngine()
        self.state: State = initial_state(canonical.encode(msgspec.to_builtins(genesis)))
        self.auditor = Auditor(self.state)
        self.history: list[tuple[State, ProtocolEvent, State]] = []

    def copy(self) -> Network:
        """A network that goes on from here by itself."""
        other = copy.copy(self)
        other.auditor = Auditor(self.state)
        other.history = [*self.history]
        return other

    def nonce(self, signer: str = "") -> int:
        return self.state.signed.get(signer, 0)

    def apply(self, event: ProtocolEvent) -> State:
        """Apply an event, audit it, and go on from there."""
        after = self.engine.apply(self.state, event)
        self.auditor.check(self.state, event, after)
        self.history.append((self.state, event, after))
        self.state = after
        return after

    def refused(self, event: ProtocolEvent) -> TransitionError:
        """The refusal of an event, which changes nothing."""
        before = self.state.digest
        with pytest.raises(TransitionError) as caught:
            self.engine.apply(self.state, event)
        assert self.state.digest == before
        return caught.value

    def key_of(self, name: str) -> PrivateKey:
        """The private key of a node, which is one of those that tests use."""
        node = self.state.registry.get(name)
        assert node is not None
        return next(k for k in (NODE, OTHER, REPORTER) if k.public.text == node.public_key)

    def proposal(
        self,
        proposer: str = "a",
        tick: int | None = None,
        kind: str = "storage_replication_factor",
        payload: dict[str, Any] | None = None,
        emergency: bool = False,
    ) -> ProtocolEvent:
        """The event that creates a proposal, by default at the next tick."""
        tick = self.state.tick + 1 if tick is None else tick
        value = {"factor": 3} if payload is None else payload
        made = self.state.governance.propose(
            Draft(proposer, kind, value, emergency), ground_of(self.state, tick)
        )
        said = events.CreateProposal(
            self.nonce(proposer), proposer, kind, value, emergency, made.id.hex(), ""
        )
        return self.signed(self.key_of(proposer), said, tick=tick)

    def ballots(
        self, proposal: str, choices: dict[str, int], tick: int | None = None, nonce: int = 0
    ) -> ProtocolEvent:
        """A batch of ballots, each signed by its voter."""
        name = bytes.fromhex(proposal)
        vote = self.state.governance.get(name)
        signed = [
            batches.sign_ballot(self.key_of(voter), self.state.instance, name, voter, choice, nonce)
            for voter, choice in choices.items()
        ]
        tables = batches.tables_of(vote.proposal.snapshot, signed, vote.received)
        payload = events.RecordBallots(proposal, *map(TableRef.of, tables))
        at = self.state.tick if tick is None else tick
        return ProtocolEvent(events.RECORD_BALLOTS, at, events.document(payload), *tables)

    def cancellation(
        self, proposal: str, proposer: str = "a", tick: int | None = None
    ) -> ProtocolEvent:
        payload = events.CancelProposal(self.nonce(proposer), proposer, proposal, "")
        return self.signed(self.key_of(proposer), payload, tick=tick)

    def execution(
        self, proposal: str, tick: int | None = None, payload: dict[str, Any] | None = None
    ) -> ProtocolEvent:
        value = {"factor": 3} if payload is None else payload
        votes = (v for v in self.state.governance if v.proposal.id.hex() == proposal)
        tally = next((vote.tally.hex() for vote in votes), "00" * 32)
        said = events.ExecuteProposal(proposal, value, tally)
        at = self.state.tick if tick is None else tick
        return ProtocolEvent(events.EXECUTE_PROPOSAL, at, events.document(said))

    def signed(
        self,
        key: PrivateKey,
        payload: events.Signed,
        table: Table | None = None,
        tick: int | None = None,
    ) -> ProtocolEvent:
        """An event with a signature for this state."""
        tick = self.state.tick if tick is None else tick
        payload = events.sign(key, self.state.instance, tick, payload)
        return ProtocolEvent(events.TYPES[type(payload)], tick, events.document(payload), table)

    def registration(
        self, rows: Sequence[tuple[str, str, str, str]], tick: int | None = None
    ) -> ProtocolEvent:
        at = self.state.tick if tick is None else tick
        table = registrations(from_rows(NEW_NODES, rows), at)
        return self.signed(
            REGISTRAR, events.Register(self.nonce(), TableRef.of(table), ""), table, tick
        )

    def infrastructure(self, *names: str, tick: int | None = None) -> ProtocolEvent:
        """Nodes that are paid, each of its own operator."""
        return self.registration(
            [(name, f"op-{name}", "infrastructure", NODE.public.text) for name in names], tick
        )

    def reporters(self, *names: str) -> ProtocolEvent:
        return self.registration([(n, "ops", "reporter", REPORTER.public.text) for n in names])

    def rotation(
        self, name: str, key: PrivateKey = OTHER, tick: int | None = None
    ) -> ProtocolEvent:
        payload = events.RotateKey(self.nonce(), name, key.public.text, "")
        return self.signed(REGISTRAR, payload, tick=tick)

    def revocation(self, name: str, tick: int | None = None) -> ProtocolEvent:
        return self.signed(REGISTRAR, events.Revoke(self.nonce(), name, ""), tick=tick)

    def change(self, tick: int | None = None, **rules: Any) -> ProtocolEvent:
        last = self.state.rulesets[-1][1]
        ruleset = replace(last, **{"version": last.version + 1, **rules})
        payload = events.ChangeRuleset(self.nonce(), ruleset.document(), "")
        return self.signed(REGISTRAR, payload, tick=tick)

    def fees(
        self,
        rows: Sequence[tuple[int, str, int]],
        epoch: int = 0,
        tick: int | None = None,
        reporter: str = "rep",
    ) -> ProtocolEvent:
        table = from_rows(FEES, rows)
        payload = events.RecordFees(self.nonce(reporter), reporter, epoch, TableRef.of(table), "")
        return self.signed(REPORTER, payload, table, tick)

    def telemetry(
        self,
        rows: Sequence[tuple[Any, ...]],
        epoch: int = 0,
        tick: int | None = None,
        reporter: str = "rep",
    ) -> ProtocolEvent:
        """Rows of node, heartbeats seen and expected; or with all six counts."""
        full = [(r[0], epoch, *r[1:], *([0] * (7 - len(r)))) for r in rows]
        table = from_rows(TELEMETRY, full)
        payload = events.RecordTelemetry(
            self.nonce(reporter), reporter, epoch, TableRef.of(table), ""
        )
        return self.signed(REPORTER, payload, table, tick)

    def reward(self, tick: int | None = None, **figures: Any) -> ProtocolEvent:
        given = {"c_holo": str(10**18 + 9), "c_crit": "10"}
        given |= {"s_chr": str(5 * 10**18 + 3), "action_cost": str(7 * 10**17)}
        given |= {"action_id": "act", "reporter": "rep", "signature": ""}
        payload = events.RecordReward(nonce=self.nonce("rep"), **given | figures)
        return self.signed(REPORTER, payload, tick=tick)

    def closing(self, epoch: int | None = None, tick: int | None = None) -> ProtocolEvent:
        """The event that closes an epoch, as it is computed."""
        epoch = self.state.epoch if epoch is None else epoch
        tick = max((epoch + 1) * self.state.epoch_ticks, self.state.tick) if tick is None else tick
        return closing_event(close(self.state, epoch, tick), tick)

    def forged_close(self, epoch: int, tick: int) -> ProtocolEvent:
        """An event that closes an epoch and was computed by nobody."""
        payload = events.CloseEpoch(
            epoch, "00" * 32, TableRef(**REFERENCE), TableRef(**REFERENCE), "00" * 32
        )
        return ProtocolEvent(events.CLOSE_EPOCH, tick, events.document(payload))

    def balances(self) -> dict[str, int]:
        ids = self.state.balances.texts("node_id").texts()
        return dict(zip(ids, self.state.balances.amounts("balance"), strict=True))


@pytest.fixture(scope="session")
def new_network() -> Callable[..., Network]:
    """Makes networks without a node."""
    return Network


@pytest.fixture(scope="session")
def first_network() -> Network:
    network = Network()
    network.apply(network.infrastructure("a", "b", "c", "d"))
    network.apply(network.reporters("rep"))
    return network


@pytest.fixture
def network(first_network: Network) -> Network:
    """Four nodes that are paid, a reporter, and nothing recorded."""
    return first_network.copy()


@pytest.fixture(scope="session")
def busy_network(first_network: Network) -> Network:
    network = first_network.copy()
    good = [(name, 10, 10) for name in "abcd"]
    network.apply(network.fees([(0, "f1", 10**21), (0, "f2", 7)]))
    network.apply(network.telemetry(good[:2]))
    network.apply(network.telemetry([("c", 9, 10), ("d", 19, 20)]))
    network.apply(network.closing())
    network.apply(network.infrastructure("e", "f"))
    network.apply(network.rotation("a"))
    network.apply(network.revocation("b"))
    network.apply(network.change(issuance_rate=5 * 10**16, max_share=4 * 10**17))
    network.apply(network.reward())
    network.apply(network.fees([(8, "g1", 10**19 + 3)], epoch=1))
    network.apply(network.fees([(8, "h1", 1)], epoch=1))
    network.apply(network.telemetry([(name, 10, 10, 1, 2, 3, 4) for name in "acdef"], epoch=1))
    network.apply(network.fees([(16, "i1", 5)], epoch=2, tick=16))
    created = [network.proposal("a", 17), network.proposal("c", 17, payload={"factor": 4})]
    one, other = (event.payload["proposal"] for event in created)
    for event in created:
        network.apply(event)
    network.apply(network.ballots(one, {"a": 1, "c": 1}))
    network.apply(network.ballots(one, {"c": 0, "d": 2}, tick=18))
    network.apply(network.cancellation(other, "c"))
    network.apply(network.execution(one, tick=21))
    network.apply(network.proposal("d", 22))
    return network


@pytest.fixture
def busy(busy_network: Network) -> Network:
    """One epoch closed, and an event of every type applied since; the second can be closed."""
    return busy_network.copy()
