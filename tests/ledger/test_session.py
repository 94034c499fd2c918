"""A session: what it refuses it does not write, and what it finds on disk it deals with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from instances import (
    FIRST_EPOCH,
    NODES,
    REGISTRAR,
    REPORTER,
    TICKS,
    close,
    create,
    fees_of,
    grown,
    register,
    telemetry_of,
    write_inputs,
)

from qfs.cli.root import run
from qfs.errors import StorageError
from qfs.ledger.evidence import read_manifest, verify_evidence
from qfs.ledger.instance import Instance, open_instance
from qfs.ledger.log import LeaseError
from qfs.ledger.session import Session, load_state
from qfs.protocol import events
from qfs.protocol.events import TransitionError

pytestmark = pytest.mark.database


@pytest.fixture
def instance(folder: Path) -> Instance:
    return grown(folder / "instance", 1)


def size(instance: Instance) -> int:
    with instance.open_log() as log:
        return log.size()


def test_refused_event_is_not_written(instance: Instance) -> None:
    before = sorted(path.name for path in (instance.folder / "artifacts").iterdir())
    with Session(instance, "a") as session:
        good = events.Revoke(session.nonce(), "node-1", "")
        bad = events.Revoke(session.nonce() + 1, "nobody", "")
        digest = session.state.digest
        with pytest.raises(TransitionError, match="nobody is not registered"):
            session.append([session.signed(REGISTRAR, session.tick(), p) for p in (good, bad)])
        assert session.state.digest == digest
        session.sign(REGISTRAR, session.tick(), good)
    assert size(instance) == 5
    assert sorted(path.name for path in (instance.folder / "artifacts").iterdir()) == before


@pytest.mark.parametrize("part", ["artifacts", "log"])
def test_what_cannot_be_written_has_not_happened(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    epoch, fees = FIRST_EPOCH + 1, fees_of(FIRST_EPOCH + 1)
    with Session(instance, "a") as session:
        before = session.state
        parts = {"artifacts": (instance.artifacts, "put"), "log": (session._log, "append")}
        name = events.TableRef.of(fees)
        payload = events.RecordFees(session.nonce("reporter"), "reporter", epoch, name, "")
        tick = (epoch + 1) * TICKS - 1
        with monkeypatch.context() as patch:
            patch.setattr(*parts[part], full)
            with pytest.raises(StorageError, match="full"):
                session.sign(REPORTER, tick, payload, fees)
        assert session.state is before
        # So it can be done again.
        session.sign(REPORTER, tick, payload, fees)
    assert size(instance) == 5


def test_second_writer_is_told_who_holds_it(instance: Instance) -> None:
    with Session(instance, "first"), pytest.raises(LeaseError, match="first"):
        Session(instance, "second")
    with Session(instance, "second"):
        pass


def test_session_that_cannot_begin_lets_go_of_the_log(instance: Instance) -> None:
    for path in (instance.folder / "snapshots").iterdir():
        path.unlink()
    (lost,) = (instance.folder / "artifacts").glob("fees-*")
    kept = lost.rename(instance.folder / "kept")
    with pytest.raises(StorageError, match=f"{lost.name}: is missing"):
        Session(instance, "a")
    kept.rename(lost)
    with Session(instance, "b"):
        pass


def test_moved_and_copied_instance_is_the_same(instance: Instance, folder: Path) -> None:
    moved = instance.folder.rename(folder / "moved")
    shutil.copytree(moved, folder / "copy")
    digests = {close(open_instance(folder / name), FIRST_EPOCH + 1) for name in ("moved", "copy")}
    assert len(digests) == 1


def test_evidence_that_the_log_knows_nothing_of_is_set_aside(folder: Path) -> None:
    """A close was interrupted before its event; then a node was revoked, and it is done again."""
    instance, elsewhere = create(folder / "instance"), create(folder / "elsewhere")
    for place in (instance, elsewhere):
        register(place)
    unlogged = close(elsewhere, FIRST_EPOCH)
    shutil.copytree(elsewhere.evidence(FIRST_EPOCH), instance.evidence(FIRST_EPOCH))
    with Session(instance, "a") as session:
        session.sign(REGISTRAR, session.tick(), events.Revoke(session.nonce(), "node-1", ""))
    digest = close(instance, FIRST_EPOCH)
    assert digest != unlogged
    verify_evidence(instance.evidence(FIRST_EPOCH), digest.hex())
    aside = instance.folder / "epochs" / f"{FIRST_EPOCH}-unlogged-{unlogged.hex()}"
    verify_evidence(aside, unlogged.hex())


def test_what_is_no_evidence_stops_the_close(folder: Path) -> None:
    instance = create(folder / "instance")
    register(instance)
    instance.evidence(FIRST_EPOCH).mkdir()
    (instance.evidence(FIRST_EPOCH) / "notes").write_text("mine")
    with pytest.raises(StorageError, match=r"manifest\.json"):
        close(instance, FIRST_EPOCH)
    assert (instance.evidence(FIRST_EPOCH) / "notes").read_text() == "mine"
    (instance.evidence(FIRST_EPOCH) / "notes").unlink()
    with Session(instance, "a") as session:
        assert session.state.epoch == FIRST_EPOCH
        # What was recorded before it stopped is there.
        end = (FIRST_EPOCH + 1) * TICKS
        found = session.close(FIRST_EPOCH, end)
        session.commit([], found, end)
    assert read_manifest(instance.evidence(FIRST_EPOCH)).tables["fees"].rows == 5


def test_snapshot_that_cannot_be_kept_leaves_the_epoch_closed(instance: Instance) -> None:
    """The event is written by then: an error would say that the epoch is not closed."""
    shutil.rmtree(instance.folder / "snapshots")
    with pytest.warns(RuntimeWarning, match="no snapshot was kept"):
        digest = close(instance, FIRST_EPOCH + 1)
    with instance.open_log() as log:
        state, _ = load_state(instance, log)
    assert (state.epoch, state.manifest) == (FIRST_EPOCH + 2, digest)
    (instance.folder / "snapshots").mkdir()
    close(instance, FIRST_EPOCH + 2)


def test_command_closes_an_epoch_without_records_only_by_its_number(
    instance: Instance, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same command again, after a close of which only the answer was lost, closes nothing."""
    command = ["epoch", "close", "--instance", str(instance.folder)]
    with Session(instance, "a") as session:
        key = folder / "inputs" / "reporter.key"
        options = write_inputs(folder / "inputs", FIRST_EPOCH + 1)
        assert key.exists()
        assert session.state.epoch == FIRST_EPOCH + 1
    assert run([*command, *options]) == 0
    before = size(instance)
    for again in (command, [*command, *options], [*command, "--epoch", str(FIRST_EPOCH + 1)]):
        assert run(again) == 1
    assert "nothing was recorded for epoch 9; name it to close it empty" in capsys.readouterr().err
    assert size(instance) == before
    assert run([*command, "--epoch", str(FIRST_EPOCH + 2)]) == 0
    manifest = read_manifest(instance.evidence(FIRST_EPOCH + 2))
    assert (manifest.allocation.paid, manifest.tables["telemetry"].rows) == ("0", 0)


def test_recorded_epoch_is_closed_without_its_number(instance: Instance) -> None:
    epoch = FIRST_EPOCH + 1
    with Session(instance, "a") as session:
        for table, kind in (
            (telemetry_of(epoch), events.RecordTelemetry),
            (fees_of(epoch), events.RecordFees),
        ):
            nonce = session.nonce("reporter")
            payload = kind(nonce, "reporter", epoch, events.TableRef.of(table), "")
            session.sign(REPORTER, (epoch + 1) * TICKS - 1, payload, table)
    assert run(["epoch", "close", "--instance", str(instance.folder)]) == 0
    manifest = read_manifest(instance.evidence(epoch))
    assert manifest.scoring is not None
    assert manifest.scoring.eligible == NODES - 3
