"""Instances on disk: created whole or not at all, found again, written by one, the same on both
databases."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qfs.errors import EvidenceError, QfsError, StorageError, UnknownOptionError
from qfs.ledger.instance import CONFIG, Instance, create_instance, is_instance, open_instance
from qfs.ledger.log import LeaseError, LogFormatError, verify
from qfs.ledger.replay import replay
from qfs.ledger.session import Session, load_state
from qfs.protocol import events
from qfs.protocol.events import TransitionError
from qfs.protocol.genesis import Genesis, genesis_of
from qfs.protocol.registry import NEW_NODES, registrations
from qfs.protocol.ruleset import Ruleset
from qfs.rows import from_rows, rows_of
from qfs.signatures import from_seed, read_private_key
from qfs.tables import FEES, TELEMETRY

REGISTRAR, REPORTER = from_seed(b"\1" * 32), from_seed(b"\2" * 32)
NODES = ("a", "b", "c", "d")
TICKS = Ruleset().epoch_ticks


def genesis(name: str = "net") -> Genesis:
    return genesis_of(name, REGISTRAR.public, Ruleset())


def register(session: Session) -> None:
    """Four nodes and a reporter."""
    rows = [(n, f"operator-{n}", "infrastructure", REPORTER.public.text) for n in NODES]
    rows.append(("reporter", "operator-r", "reporter", REPORTER.public.text))
    table = registrations(from_rows(NEW_NODES, rows), session.tick())
    payload = events.Register(session.nonce(), events.TableRef.of(table), "")
    session.sign(REGISTRAR, session.tick(), payload, table)


def close(session: Session, epoch: int) -> None:
    """An epoch in which every node is seen and two fees are taken."""
    seen = [(node, epoch, 90 + i, 100, 5, 5, 7, 7) for i, node in enumerate(NODES)]
    fees = [(epoch * TICKS + i, f"action-{epoch}-{i}", 10**18 + i) for i in range(2)]
    last, nonce = (epoch + 1) * TICKS - 1, session.nonce("reporter")
    telemetry, taken = from_rows(TELEMETRY, seen), from_rows(FEES, fees)
    name = events.TableRef.of
    happened = [
        session.signed(
            REPORTER,
            last,
            events.RecordTelemetry(nonce, "reporter", epoch, name(telemetry), ""),
            telemetry,
        ),
        session.signed(
            REPORTER, last, events.RecordFees(nonce + 1, "reporter", epoch, name(taken), ""), taken
        ),
    ]
    session.commit(happened, session.close(epoch, last + 1, happened), last + 1)


@pytest.fixture(params=["sqlite", "postgres"])
def new_instance(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Instance]:
    """Makes an instance with its log in one kind of database."""
    if request.param == "sqlite":
        return lambda name: create_instance(tmp_path / name, genesis(), registrar_key=REGISTRAR)
    server = request.getfixturevalue("server")
    from psycopg.conninfo import conninfo_to_dict

    def make(name: str) -> Instance:
        server.empty_database("instance")
        url = server.url("instance")
        monkeypatch.setenv("PGPASSWORD", conninfo_to_dict(url)["password"])
        without = re.sub(r"//([^:@]+):[^@]*@", r"//\1@", url)
        owner = url.replace("qfs_application", "qfs_owner")
        return create_instance(tmp_path / name, genesis(), without, owner, REGISTRAR)

    return make


@pytest.mark.database
def test_an_instance_is_written_closed_and_found_again(
    new_instance: Callable[[str], Instance],
) -> None:
    made = new_instance("net")
    with Session(made, "w") as session:
        register(session)
        close(session, 0)
        close(session, 1)
        written = session.state.digest
    found = open_instance(made.folder)
    assert (found, is_instance(made.folder)) == (made, True)
    with found.open_log() as log:
        assert verify(log).size == 7
        state, head = load_state(found, log)
        steps = list(replay(log, found.artifacts))
    assert (state.digest, head.size) == (written, 7)
    assert (steps[-1].state.digest, steps[-1].event.head) == (written, head)
    paid = dict(rows_of(state.balances))
    # A tenth of two fees, twice: the caps of 0.3 leave nothing undistributed among four.
    assert sum(paid.values()) == state.tokens.nod_state.supply == 4 * 10**17
    assert [step.event.type for step in steps[-3:]] == [
        "telemetry.record",
        "fees.record",
        "epoch.close",
    ]
    for epoch in (0, 1):
        assert (found.evidence(epoch) / "manifest.json").is_file()


@pytest.mark.database
def test_one_writer_at_a_time(new_instance: Callable[[str], Instance]) -> None:
    made = new_instance("net")
    with Session(made, "first"):
        with pytest.raises(LeaseError, match="first"):
            Session(made, "second")
        with made.open_log() as log:
            assert load_state(made, log)[1].size == 0
    with Session(made, "second") as session:
        register(session)


@pytest.mark.database
def test_what_is_refused_leaves_the_log_as_it_was(
    new_instance: Callable[[str], Instance],
) -> None:
    made = new_instance("net")
    with Session(made, "w") as session:
        register(session)
        before = session.state.digest
        with pytest.raises(TransitionError) as caught:
            register(session)
        assert caught.value.reason == "known_node"
        with pytest.raises(TransitionError):
            session.close(0, TICKS - 1)
        with pytest.raises(TransitionError):
            session.close(1, 2 * TICKS)
        assert session.state.digest == before
        close(session, 0)
        with pytest.raises(TransitionError) as caught:
            session.close(0, 2 * TICKS)
        assert caught.value.reason == "closed"
    with made.open_log() as log:
        assert verify(log).size == 4


def test_the_registrar_key_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    create_instance(tmp_path / "net", genesis(), registrar_key=REGISTRAR)
    path = tmp_path / "net" / "registrar.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_private_key(path).public == REGISTRAR.public


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StorageError, match="in use"):
        create_instance(tmp_path, genesis())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:secret@localhost/x", "postgresql://localhost/x?user=u&password=secret"],
)
def test_no_password_is_kept_in_the_folder(tmp_path: Path, url: str) -> None:
    with pytest.raises(UnknownOptionError) as caught:
        create_instance(tmp_path / "net", genesis(), url)
    assert "secret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_has_no_owner(tmp_path: Path) -> None:
    with pytest.raises(UnknownOptionError, match="owner"):
        create_instance(tmp_path / "net", genesis(), None, "postgresql://u@localhost/x")


def test_a_folder_that_was_moved_is_the_same_instance(tmp_path: Path) -> None:
    made = create_instance(tmp_path / "net", genesis())
    with Session(made, "w") as session:
        register(session)
    (tmp_path / "net").rename(tmp_path / "moved")
    with Session(open_instance(tmp_path / "moved"), "w") as session:
        close(session, 0)


def test_the_log_of_another_instance_is_refused(tmp_path: Path) -> None:
    create_instance(tmp_path / "one", genesis("one"))
    create_instance(tmp_path / "two", genesis("two"))
    os.replace(tmp_path / "one" / "log.sqlite", tmp_path / "two" / "log.sqlite")
    with pytest.raises(LogFormatError, match="another is expected"):
        open_instance(tmp_path / "two").open_log()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "qfs-instance-v2"),
        ("instance", "00"),
        ("instance", "A" * 64),
        ("log", "elsewhere.sqlite"),
        ("log", "/etc/passwd"),
        ("more", "x"),
    ],
)
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, field: str, value: str) -> None:
    create_instance(tmp_path / "net", genesis())
    path = tmp_path / "net" / CONFIG
    document = json.loads(path.read_bytes()) | {field: value}
    path.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")))
    with pytest.raises(EvidenceError):
        open_instance(tmp_path / "net")


def test_no_instance(tmp_path: Path) -> None:
    assert not is_instance(tmp_path)
    with pytest.raises(StorageError, match=CONFIG):
        open_instance(tmp_path)


@pytest.mark.parametrize(
    ("name", "first_epoch"), [("", 0), ("a b", 0), ("net", -1), ("net", 2**53 // TICKS)]
)
def test_genesis_out_of_bounds(name: str, first_epoch: int) -> None:
    with pytest.raises(QfsError):
        genesis_of(name, REGISTRAR.public, Ruleset(), first_epoch)


def test_the_name_and_the_registrar_make_the_instance(tmp_path: Path) -> None:
    ids: set[Any] = set()
    for i, made in enumerate(
        (
            genesis("one"),
            genesis("two"),
            genesis_of("one", REPORTER.public, Ruleset()),
            genesis_of("one", REGISTRAR.public, Ruleset(version=2)),
            genesis_of("one", REGISTRAR.public, Ruleset(), 1),
        )
    ):
        ids.add(create_instance(tmp_path / str(i), made).id)
    assert len(ids) == 5
    assert create_instance(tmp_path / "again", genesis("one")).id in ids
