"""Snapshots: they save time, and decide nothing. Whatever is wrong with one, it is passed over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from instances import (
    FIRST_EPOCH,
    REGISTRAR,
    REPORTER,
    TICKS,
    close,
    copied,
    create,
    fees_of,
    grown,
    register,
)

from qfs.ledger.artifacts import Artifacts
from qfs.ledger.instance import Instance
from qfs.ledger.replay import replay
from qfs.ledger.session import Session, load_state
from qfs.ledger.snapshots import Snapshots
from qfs.protocol import events
from qfs.protocol.ruleset import Ruleset

pytestmark = pytest.mark.database


@pytest.fixture
def instance(folder: Path) -> Instance:
    return grown(folder / "instance", 3)


def snapshots(instance: Instance) -> list[str]:
    return sorted(path.name for path in (instance.folder / "snapshots").iterdir())


def begins_at(instance: Instance) -> int:
    """From which event on a replay would begin."""
    with instance.open_log() as log:
        found = instance.snapshots.newest(log)
    return 0 if found is None else found[1].size


def state_of(instance: Instance) -> bytes:
    with instance.open_log() as log:
        return load_state(instance, log)[0].digest


def replayed(instance: Instance) -> bytes:
    with instance.open_log() as log:
        *_, last = replay(log, instance.artifacts)
    return last.state.digest


def edit(instance: Instance, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the newest snapshot, in canonical form."""
    path = instance.folder / "snapshots" / snapshots(instance)[-1]
    document = json.loads(path.read_bytes())
    change(document)
    path.write_bytes(rfc8785.dumps(document))


def test_two_newest_are_kept_and_the_newest_is_used(instance: Instance) -> None:
    assert snapshots(instance) == ["0000000000000007.json", "0000000000000010.json"]
    assert begins_at(instance) == 10
    assert state_of(instance) == replayed(instance)


PLACES = [
    *("format", "size", "head", "tokens", "state"),
    *(
        f"state.{name}"
        for name in (
            *("spec_version", "instance", "registrar", "epoch", "tick", "manifest", "rulesets"),
            *("tokens", "registry", "balances", "batches", "signed"),
        )
    ),
]
VALUES = ["", "x", "00", 0, -1, 10**15, [], {}, [{}], None, True, {"digest": "00" * 32}]


@pytest.mark.slow
@pytest.mark.parametrize("name", PLACES)
def test_edited_snapshot_is_passed_over(instance: Instance, folder: Path, name: str) -> None:
    """Any other value of any type in any field, or the field left out."""
    wanted = state_of(instance)
    *way, field = name.split(".")
    for number, value in enumerate([*VALUES, ...]):
        copy = copied(instance, folder / str(number))

        def change(document: dict[str, Any], value: object = value) -> None:
            for step in way:
                document = document[step]
            if value is ...:
                del document[field]
            elif document[field] == value:
                document[field] = "else"
            else:
                document[field] = value

        edit(copy, change)
        assert begins_at(copy) == 7
        assert state_of(copy) == wanted


@pytest.mark.parametrize("content", [b"", b"{", b"\xff" * 100, b"[]", b"{}", b"{}" * 10**6])
def test_garbage_is_passed_over(instance: Instance, content: bytes) -> None:
    for name in snapshots(instance):
        (instance.folder / "snapshots" / name).write_bytes(content)
    assert begins_at(instance) == 0
    assert state_of(instance) == replayed(instance)


def test_snapshot_whose_table_is_damaged_is_passed_over(instance: Instance) -> None:
    path = instance.folder / "snapshots" / snapshots(instance)[-1]
    balances = json.loads(path.read_bytes())["state"]["balances"]["digest"]
    (instance.folder / "artifacts" / f"balances-{balances}.parquet").write_bytes(b"PAR1")
    assert begins_at(instance) == 7
    assert state_of(instance) == replayed(instance)


def test_snapshots_beyond_the_end_do_not_push_out_others(folder: Path) -> None:
    """A log that was restored from an older copy, and what was taken after its end."""
    elder, younger = grown(folder / "elder", 4), grown(folder / "younger", 1)
    for name in snapshots(elder):
        path = elder.folder / "snapshots" / name
        (younger.folder / "snapshots" / name).write_bytes(path.read_bytes())
    assert begins_at(younger) == 4
    close(younger, FIRST_EPOCH + 1)
    assert begins_at(younger) == 7
    close(younger, FIRST_EPOCH + 2)
    close(younger, FIRST_EPOCH + 3)
    assert snapshots(younger) == ["0000000000000010.json", "0000000000000013.json"]
    assert begins_at(younger) == 13


def test_replay_from_the_first_event_leaves_newer_ones(instance: Instance) -> None:
    """Whoever interrupts it loses nothing."""
    before = snapshots(instance)
    with instance.open_log() as log:
        for step in replay(log, instance.artifacts):
            if step.event.seq == 3:
                instance.snapshots.take(step.state, step.event.head)
                break
    assert snapshots(instance) == ["0000000000000004.json", *before]
    assert begins_at(instance) == 10


def test_snapshot_of_another_log_is_passed_over_and_replaced(folder: Path) -> None:
    other = grown(folder / "other", 1)
    instance = create(folder / "instance")
    register(instance, 5)
    path = instance.folder / "snapshots" / "0000000000000004.json"
    path.write_bytes((other.folder / "snapshots" / path.name).read_bytes())
    assert begins_at(instance) == 0
    close(instance, FIRST_EPOCH, 5)
    assert begins_at(instance) == 4
    assert state_of(instance) == replayed(instance)


def test_a_snapshot_sees_to_its_tables_itself(folder: Path) -> None:
    """Each table that it names is an artifact when it is taken, whoever stored it before."""
    instance, epoch = grown(folder / "instance", 1), FIRST_EPOCH + 1
    fees = fees_of(epoch)
    with Session(instance, "test") as session:
        name = events.TableRef.of(fees)
        payload = events.RecordFees(session.nonce("reporter"), "reporter", epoch, name, "")
        happened = session.sign(REPORTER, (epoch + 1) * TICKS - 1, payload, fees)
        state = session.state
    (folder / "elsewhere").mkdir()
    Snapshots(folder, Artifacts(folder / "elsewhere")).take(state, happened.head)
    named = [state.registry.table, state.balances, fees]
    stored = sorted(path.name for path in (folder / "elsewhere").iterdir())
    assert stored == sorted(f"{t.schema.name}-{t.digest.hex()}.parquet" for t in named)


def test_what_waits_for_a_later_epoch_is_in_the_snapshot(folder: Path) -> None:
    """An epoch that is closed late, when fees of the next one and new rules are recorded."""
    instance, epoch = grown(folder / "instance", 1), FIRST_EPOCH + 1
    tick, fees = (epoch + 2) * TICKS - 1, fees_of(epoch + 1)
    with Session(instance, "test") as session:
        name = events.TableRef.of(fees)
        payload = events.RecordFees(session.nonce("reporter"), "reporter", epoch + 1, name, "")
        session.sign(REPORTER, tick, payload, fees)
        rules = events.ChangeRuleset(session.nonce(), Ruleset(version=2).document(), "")
        session.sign(REGISTRAR, tick, rules)
        session.commit((), session.close(epoch, tick), tick)
        assert (len(session.state.batches), len(session.state.rulesets)) == (1, 2)
        with instance.open_log() as log:
            found = instance.snapshots.newest(log)
            assert found is not None
            assert found[1] == log.head()
        assert found[0].document() == session.state.document()
