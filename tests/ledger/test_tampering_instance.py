"""Tampering with an instance: whatever is changed is found, and the place is named.

By the chain alone where hashes do not fit (see test_log_tampering.py for the chain's own laws),
and by the replay where everything was hashed again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from instances import FIRST_EPOCH, REPORTER, TICKS, fees_of, grown

from qfs import signatures
from qfs.decimals import parse_integer
from qfs.errors import QfsError, StorageError, VerificationError
from qfs.ledger.events import Head, LogTamperedError, event_hash
from qfs.ledger.evidence import verify_evidence
from qfs.ledger.instance import Instance
from qfs.ledger.log import verify
from qfs.ledger.replay import ReplayError, replay
from qfs.ledger.session import Session, load_state
from qfs.protocol import events
from qfs.rows import from_rows, rows_of
from qfs.table_files import write_parquet
from qfs.tables import SCHEMAS, Table

pytestmark = pytest.mark.database

Row = tuple[int, bytes, bytes, bytes]
TYPES = [
    *("registry.register", "telemetry.record", "fees.record", "epoch.close"),
    *("telemetry.record", "fees.record", "epoch.close"),
]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Instance, bytes]:
    """An instance of two epochs, whose log has seven events, and the bytes of the log."""
    instance = grown(tmp_path_factory.mktemp("original") / "instance", 2)
    return instance, (instance.folder / "log.sqlite").read_bytes()


@pytest.fixture
def instance(original: tuple[Instance, bytes]) -> Iterator[Instance]:
    """It, with its log as it was when the test is over."""
    found, log = original
    yield found
    (found.folder / "log.sqlite").write_bytes(log)


@pytest.fixture
def connection(instance: Instance) -> Iterator[sqlite3.Connection]:
    """The database in the hands of its owner, who took the guards away; one transaction."""
    opened = sqlite3.connect(instance.folder / "log.sqlite", isolation_level=None)
    opened.execute("PRAGMA ignore_check_constraints = ON")
    opened.execute("PRAGMA synchronous = OFF")
    for (name,) in opened.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'"):
        opened.execute(f"DROP TRIGGER {name}")
    yield opened
    opened.close()


def rows_in(connection: sqlite3.Connection) -> list[Row]:
    return connection.execute("SELECT seq, previous, hash, body FROM event ORDER BY seq").fetchall()


def put(connection: sqlite3.Connection, rows: list[Row]) -> None:
    connection.execute("BEGIN")
    connection.execute("DELETE FROM event")
    connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?)", rows)
    connection.execute("COMMIT")


def chained(instance: Instance, bodies: list[dict[str, Any]]) -> list[Row]:
    """Rows whose numbers and hashes all fit."""
    rows, previous = [], bytes(32)
    for seq, body in enumerate(bodies):
        document = {**body, "seq": seq}
        data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
        digest = event_hash(instance.id, previous, data)
        rows.append((seq, previous, digest, data))
        previous = digest
    return rows


def replayed(instance: Instance) -> bytes:
    with instance.open_log() as log:
        *_, last = replay(log, instance.artifacts)
    return last.state.digest


def refusal(instance: Instance) -> QfsError:
    """What a replay is refused with."""
    with pytest.raises(QfsError) as replay_error, instance.open_log() as log:
        for _ in replay(log, instance.artifacts):
            pass
    return replay_error.value


def test_untouched(instance: Instance) -> None:
    with instance.open_log() as log:
        assert verify(log).size == len(TYPES)
        assert [event.type for event in log.read()] == TYPES
        state, _ = load_state(instance, log)
    assert replayed(instance) == state.digest


# The log


@pytest.mark.slow
def test_every_byte_of_every_event(instance: Instance, connection: sqlite3.Connection) -> None:
    """Of body, hash and previous hash: each byte changed on its own, found at its event."""
    changed = 0
    with instance.open_log() as log:
        steps = list(replay(log, instance.artifacts))
        starts = [None, *((step.state, step.event.head) for step in steps)]
        for seq, *fields in rows_in(connection):
            for name, value in zip(("previous", "hash", "body"), fields, strict=True):
                update = f"UPDATE event SET {name} = ? WHERE seq = ?"
                for position in range(len(value)):
                    flipped = bytearray(value)
                    flipped[position] ^= 1 << position % 8
                    connection.execute(update, (bytes(flipped), seq))
                    # A replay that was interrupted before the event and goes on.
                    with pytest.raises(LogTamperedError) as caught:
                        next(replay(log, instance.artifacts, starts[seq]))
                    assert caught.value.seq == seq, (name, position)
                    changed += 1
                connection.execute(update, (value, seq))
    assert changed > 7 * (64 + 250)
    replayed(instance)


@pytest.mark.parametrize("seq", range(len(TYPES)))
@pytest.mark.parametrize("change", ["drop", "swap", "repeat", "repeat at the end"])
def test_moved_events_with_everything_hashed_again(
    instance: Instance, connection: sqlite3.Connection, seq: int, change: str
) -> None:
    """The chain holds; the rules do not, at the first event that is out of place."""
    bodies = [json.loads(body) for *_, body in rows_in(connection)]
    size, first = len(bodies), seq
    if change == "drop":
        del bodies[seq]
    elif change == "swap":
        bodies[seq - 1], bodies[seq] = bodies[seq], bodies[seq - 1]
        first = max(seq - 1, 0)
    elif change == "repeat":
        bodies.insert(seq, bodies[seq])
        first = seq + 1
    else:
        bodies.append({**bodies[seq], "tick": bodies[-1]["tick"]})
        first = size
    put(connection, chained(instance, bodies))
    if change == "drop" and seq == size - 1:
        # A tail that is cut off is found by whoever knows a later head, and by nobody else.
        with pytest.raises(LogTamperedError, match="event 6"), instance.open_log() as log:
            verify(log, Head(size, bytes(32), 0))
        return
    error = refusal(instance)
    assert isinstance(error, (ReplayError, LogTamperedError))
    # Two that the rules allow: telemetry of an epoch before the one before it is closed. They
    # miss the close when the next one comes, and the chain sees that its tick is over.
    late = {("drop", 3): 5, ("swap", 4): 4}
    assert error.seq == late.get((change, seq), first)


def forged(bodies: list[dict[str, Any]], seq: int, field: str, value: object) -> None:
    """Another value at a path of names in a payload."""
    place: Any = bodies[seq]["payload"]
    *way, name = field.split(".")
    for step in way:
        place = place[step]
    assert place[name] != value
    place[name] = value


HEX = "ab" * 32
CLOSE_FIELDS = ["manifest", "state", "allocations.root", "allocations.digest", "balances.digest"]


@pytest.mark.parametrize("seq", [3, 6])
@pytest.mark.parametrize("field", [*CLOSE_FIELDS, "epoch", "allocations.rows", "balances.rows"])
def test_forged_close_with_everything_hashed_again(
    instance: Instance, connection: sqlite3.Connection, seq: int, field: str
) -> None:
    """What an `epoch.close` says is what everybody computes."""
    bodies = [json.loads(body) for *_, body in rows_in(connection)]
    forged(bodies, seq, field, HEX if field in CLOSE_FIELDS else 5)
    put(connection, chained(instance, bodies))
    error = refusal(instance)
    assert isinstance(error, ReplayError)
    assert error.seq == seq
    assert field.partition(".")[0] in str(error)


@pytest.mark.parametrize(
    ("seq", "field", "value", "words"),
    [
        (0, "registry.rows", 6, "registry"),
        (0, "registry.root", HEX, "registry"),
        (0, "nonce", 1, "nonce"),
        (1, "nonce", 7, "nonce"),
        (1, "epoch", FIRST_EPOCH + 1, "signature"),
        (1, "reporter", "node-1", "role"),
        (1, "reporter", "nobody", "not registered"),
        (2, "signature", "00" * 64, "signature"),
        (2, "signature", "", "signature"),
        (2, "signature", 5, "payload"),
        (2, "fees", [], "payload"),
        (2, "fees", 5, "payload"),
        (2, "fees", None, "its body"),
        (2, "fees", {}, "payload"),
        (2, "fees.digest", "../../secret", "64 lowercase hex digits"),
        (2, "fees.digest", 7, "payload"),
        (2, "fees.rows", -1, "its body"),
    ],
)
def test_forged_event_with_everything_hashed_again(
    instance: Instance,
    connection: sqlite3.Connection,
    seq: int,
    field: str,
    value: object,
    words: str,
) -> None:
    bodies = [json.loads(body) for *_, body in rows_in(connection)]
    forged(bodies, seq, field, value)
    put(connection, chained(instance, bodies))
    error = refusal(instance)
    # What JSON in canonical form has no place for is found by the chain.
    assert isinstance(error, (ReplayError, LogTamperedError))
    assert error.seq == seq
    assert words in str(error)


@pytest.mark.parametrize(
    ("seq", "body"),
    [
        (1, {"type": "balance.set", "payload": {"node_id": "node-1", "balance": "5"}}),
        (2, {"type": "epoch.close", "payload": {}}),
        (7, {"type": "fees.record", "payload": {}}),
        (7, {"type": "telemetry.record", "payload": {"telemetry": {"digest": HEX}}}),
    ],
)
def test_inserted_event_with_everything_hashed_again(
    instance: Instance, connection: sqlite3.Connection, seq: int, body: dict[str, Any]
) -> None:
    bodies = [json.loads(data) for *_, data in rows_in(connection)]
    bodies.insert(seq, {"tick": bodies[seq - 1]["tick"], **body})
    put(connection, chained(instance, bodies))
    error = refusal(instance)
    assert isinstance(error, ReplayError)
    assert error.seq == seq


def test_event_of_another_instance(instance: Instance, connection: sqlite3.Connection) -> None:
    """Signed by the right reporter, for the right place in another log."""
    bodies = [json.loads(body) for *_, body in rows_in(connection)]
    names = events.TableRef.of(fees_of(FIRST_EPOCH))
    payload = events.RecordFees(1, "reporter", FIRST_EPOCH, names, "")
    signed = events.sign(REPORTER, bytes(32), bodies[2]["tick"], payload)
    forged(bodies, 2, "signature", signed.signature)
    put(connection, chained(instance, bodies))
    error = refusal(instance)
    assert isinstance(error, ReplayError)
    assert (error.seq, "signature" in str(error)) == (2, True)


def test_signature_of_another_key(instance: Instance, connection: sqlite3.Connection) -> None:
    bodies = [json.loads(body) for *_, body in rows_in(connection)]
    names = events.TableRef.of(fees_of(FIRST_EPOCH))
    payload = events.RecordFees(1, "reporter", FIRST_EPOCH, names, "")
    thief = signatures.from_seed(b"\7" * 32)
    signed = events.sign(thief, instance.id, bodies[2]["tick"], payload)
    forged(bodies, 2, "signature", signed.signature)
    put(connection, chained(instance, bodies))
    assert "event 2: fees.record is refused: signature" in str(refusal(instance))


# The artifacts


def replaced(path: Path, content: bytes | None) -> Callable[[], None]:
    """Another content under a name, or none; returns what puts the old one back.

    The old file is not written to: evidence is another name of it.
    """
    old = path.rename(path.with_name("kept"))
    if content is not None:
        path.write_bytes(content)

    def undo() -> None:
        path.unlink(missing_ok=True)
        old.rename(path)

    return undo


def with_other_value(table: Table) -> Table:
    """The table with one number of its last row changed by one."""
    *rows, last = rows_of(table)
    position = max(n for n, value in enumerate(last) if isinstance(value, int))
    last = (*last[:position], last[position] ^ 1, *last[position + 1 :])
    return from_rows(table.schema, [*rows, last])


@pytest.mark.parametrize("name", ["registry", "telemetry", "fees"])
@pytest.mark.parametrize("damage", ["value", "row", "garbage", "empty", "missing"])
def test_edited_artifact(instance: Instance, tmp_path: Path, name: str, damage: str) -> None:
    """Of each table that an event speaks of: found where the event is, or by the file's name."""
    for path in sorted((instance.folder / "artifacts").glob(f"{name}-*")):
        digest = path.stem.partition("-")[2]
        table = instance.artifacts.get(SCHEMAS[name], digest)
        content: bytes | None = {"garbage": b"PAR1" * 50, "empty": b""}.get(damage)
        if damage in ("value", "row"):
            other = with_other_value(table)
            if damage == "row":
                other = from_rows(table.schema, list(rows_of(table))[1:])
            write_parquet(other, tmp_path / path.name)
            content = (tmp_path / path.name).read_bytes()
        undo = replaced(path, content)
        try:
            error = refusal(instance)
            assert path.name in str(error)
            if damage in ("value", "row"):
                assert isinstance(error, ReplayError)
                assert other.digest.hex() in str(error)
            elif damage == "missing":
                assert isinstance(error, StorageError)
        finally:
            undo()
    replayed(instance)


def test_every_byte_of_an_artifact(instance: Instance) -> None:
    """A byte of the file either changes nothing that is read from it, or is refused by name."""
    table = fees_of(FIRST_EPOCH)
    path = instance.artifacts.put(table)
    whole, refused = path.read_bytes(), []
    undo = replaced(path, whole)
    try:
        for position in range(len(whole)):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << position % 8
            path.write_bytes(flipped)
            try:
                found = instance.artifacts.get(table.schema, table.digest.hex())
            except QfsError as error:
                refused.append(str(error))
            else:
                assert list(rows_of(found)) == list(rows_of(table))
    finally:
        undo()
    # Statistics, names and checksums of its writer are no content.
    assert len(refused) > len(whole) // 2
    assert all(path.name in message for message in refused)


# The evidence


def test_edited_evidence_table_is_found_by_its_name(instance: Instance, tmp_path: Path) -> None:
    folder = instance.evidence(FIRST_EPOCH)
    manifest = verify_evidence(folder)
    for path in sorted((folder / "tables").iterdir()):
        name, _, digest = path.stem.partition("-")
        table = instance.artifacts.get(SCHEMAS[name], digest)
        changed = from_rows(table.schema, list(rows_of(table))[1:])
        write_parquet(changed, tmp_path / path.name)
        undo = replaced(path, (tmp_path / path.name).read_bytes())
        try:
            with pytest.raises(VerificationError, match=name):
                verify_evidence(folder, manifest.digest.hex())
        finally:
            undo()
    replayed(instance)


def test_forged_evidence_is_not_that_of_the_log(
    instance: Instance, original: tuple[Instance, bytes], tmp_path: Path
) -> None:
    """A close of other fees, whole and right in itself: only the digest in the log tells."""
    other = grown(tmp_path / "other", 1)
    with Session(other, "forger") as session:
        end = (FIRST_EPOCH + 2) * TICKS
        found = session.close(FIRST_EPOCH + 1, end)
        session.commit([], found, end)
    folder = other.evidence(FIRST_EPOCH + 1)
    assert verify_evidence(folder).digest == found.manifest.digest
    with instance.open_log() as log:
        (event,) = log.read(6, 7)
    recorded: str = event.payload["manifest"]
    with pytest.raises(VerificationError, match=recorded):
        verify_evidence(folder, recorded)
    assert parse_integer(found.manifest.issuance.fees, "fees", 10**38) == 0
