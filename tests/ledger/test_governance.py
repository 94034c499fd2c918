"""Votes on disk: the log and its artifacts lead to the state again, whole or from a snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from instances import FIRST_EPOCH, NODES, REPORTER, TICKS, copied, create, fees_of, register

from qfs import signatures
from qfs.errors import StorageError
from qfs.ledger.checkup import check_instance
from qfs.ledger.instance import Instance
from qfs.ledger.replay import ReplayError
from qfs.ledger.replaying import replay_instance
from qfs.ledger.session import Session
from qfs.protocol import ballots as batches
from qfs.protocol import events
from qfs.protocol.events import ProtocolEvent, TableRef, TransitionError
from qfs.protocol.governance import Draft
from qfs.protocol.governing import ground_of
from qfs.protocol.state import State
from qfs.rows import from_rows
from qfs.tables import BALLOTS, SIGNATURES, TELEMETRY

FACTOR = "storage_replication_factor"
VALUE = {"factor": 3}


def key_of(node: str) -> signatures.PrivateKey:
    return signatures.from_seed((int(node.split("-")[1]) + 2).to_bytes(32, "big"))


def propose(session: Session, proposer: str, tick: int) -> bytes:
    made = session.state.governance.propose(
        Draft(proposer, FACTOR, VALUE), ground_of(session.state, tick)
    )
    nonce = session.nonce(proposer)
    payload = events.CreateProposal(nonce, proposer, FACTOR, VALUE, False, made.id.hex(), "")
    session.sign(key_of(proposer), tick, payload)
    return made.id


def ballots(session: Session, name: bytes, tick: int, **choices: int) -> ProtocolEvent:
    vote = session.state.governance.get(name)
    signed = [
        batches.sign_ballot(key_of(voter), session.instance.id, name, voter, choice)
        for voter, choice in ((key.replace("_", "-"), c) for key, c in choices.items())
    ]
    tables = batches.tables_of(vote.proposal.snapshot, signed, vote.received)
    payload = events.RecordBallots(name.hex(), *map(TableRef.of, tables))
    return ProtocolEvent(events.RECORD_BALLOTS, tick, events.document(payload), *tables)


def execution(session: Session, name: bytes, tick: int) -> ProtocolEvent:
    tally = session.state.governance.get(name).tally.hex()
    payload = events.ExecuteProposal(name.hex(), VALUE, tally)
    return ProtocolEvent(events.EXECUTE_PROPOSAL, tick, events.document(payload))


def close(instance: Instance, epoch: int) -> None:
    """An epoch of which all nodes are paid the same."""
    end = (epoch + 1) * TICKS
    telemetry = from_rows(
        TELEMETRY, [(f"node-{n}", epoch, 10, 10, 0, 0, 0, 0) for n in range(NODES)]
    )
    fees = fees_of(epoch)
    with Session(instance, "test") as session:
        nonce, tick = session.nonce("reporter"), max(end, session.tick())
        reports = events.RecordTelemetry(nonce, "reporter", epoch, TableRef.of(telemetry), "")
        taken = events.RecordFees(nonce + 1, "reporter", epoch, TableRef.of(fees), "")
        happened = [
            session.signed(REPORTER, max(end - 1, session.tick()), payload, table)
            for payload, table in ((reports, telemetry), (taken, fees))
        ]
        session.commit(happened, session.close(epoch, tick, happened), tick)


START = (FIRST_EPOCH + 1) * TICKS + 5


def voted(folder: Path) -> tuple[Instance, bytes]:
    """An instance with a proposal, two batches, and an epoch closed while it is open."""
    instance = create(folder)
    register(instance)
    close(instance, FIRST_EPOCH)
    with Session(instance, "test") as session:
        name = propose(session, "node-1", START)
        session.append([ballots(session, name, START, node_1=1, node_2=1)])
    close(instance, FIRST_EPOCH + 1)
    with Session(instance, "test") as session:
        session.append([ballots(session, name, session.tick(), node_3=1, node_2=0, node_4=2)])
    return instance, name


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Instance, bytes]:
    return voted(tmp_path_factory.mktemp("governance") / "instance")


def replayed(instance: Instance, **how: Any) -> State:
    with instance.open_log() as log:
        return replay_instance(instance, log, **how).state


def test_the_log_leads_to_the_same_votes(first: tuple[Instance, bytes]) -> None:
    instance, name = first
    with Session(instance, "test") as session:
        live = session.state
    for state in (replayed(instance), replayed(instance, resume=True)):
        assert state.digest == live.digest
        assert state.governance.standing(name, state.tick)._replace(proposal=None) == (
            live.governance.standing(name, live.tick)._replace(proposal=None)
        )
    standing = live.governance.standing(name, live.tick)
    assert (standing.voters, standing.refused) == (4, {"duplicate": 1})


def test_a_vote_goes_on_from_a_snapshot(first: tuple[Instance, bytes], tmp_path: Path) -> None:
    """Kept while it was open, with who has voted and what was frozen."""
    original, name = first
    instance = copied(original, tmp_path / "copy")
    with Session(instance, "test") as session:
        assert instance.snapshots.newest(session._log) is not None
        tick = session.tick()
        again = ballots(session, name, tick, node_1=0, node_3=0)
        with pytest.raises(TransitionError, match="duplicate"):
            session.append([again])
        assert session.state.governance.get(name).proposal.terms.close_tick == START + 720
        end = START + 720 + 240
        with pytest.raises(TransitionError) as caught:
            session.append([execution(session, name, end - 1)])
        assert caught.value.reason == "timelock"
        session.append([execution(session, name, end)])
        current = session.state.governance.parameters.current(FACTOR)
        assert current is not None
        assert (current.tick, current.value) == (end, VALUE)
    assert replayed(instance).governance.parameters.current(FACTOR) == current
    # Closed once more, the snapshot has the executed proposal and the parameter.
    close(instance, FIRST_EPOCH + 2)
    with instance.open_log() as log:
        found = instance.snapshots.newest(log)
    assert found is not None
    assert found[0].governance.parameters.current(FACTOR) == current
    assert found[0].governance.standing(name, end).state == "EXECUTED"


def test_artifacts_of_ballots_are_missed(first: tuple[Instance, bytes], tmp_path: Path) -> None:
    original, _ = first
    for schema in (BALLOTS, SIGNATURES):
        instance = copied(original, tmp_path / schema.name)
        with instance.open_log() as log:
            event = next(e for e in log.read() if e.type == events.RECORD_BALLOTS)
        path = instance.artifacts.path(schema, event.payload[schema.name]["digest"])
        path.unlink()
        with pytest.raises(StorageError):
            replayed(instance)
        failed = [
            check for check in check_instance(instance.folder, deep=True) if check.status == "fail"
        ]
        assert any(schema.name in check.text for check in failed)


def test_another_signature_under_the_same_name_is_found(
    first: tuple[Instance, bytes], tmp_path: Path
) -> None:
    original, _ = first
    instance = copied(original, tmp_path / "copy")
    with instance.open_log() as log:
        found = [e for e in log.read() if e.type == events.RECORD_BALLOTS]
    paths = [instance.artifacts.path(SIGNATURES, e.payload["signatures"]["digest"]) for e in found]
    paths[0].write_bytes(paths[1].read_bytes())
    with pytest.raises(ReplayError):
        replayed(instance)
