"""Checkpoints and proofs of an instance's log: what holds, and that nothing else does."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from qfs import canonical
from qfs.errors import EvidenceError, QfsError, StorageError, VerificationError
from qfs.ledger.checkpoint import Checkpoint, sign_checkpoint
from qfs.ledger.checkpoints import (
    kept,
    origin_of,
    require_reaches,
    sign_instance,
    stated,
    trusted,
)
from qfs.ledger.consistency import (
    ConsistencyProof,
    prove_consistency,
    read_consistency,
    verify_consistency,
    write_consistency,
)
from qfs.ledger.events import EMPTY, Entry, LogTamperedError, chain
from qfs.ledger.instance import LOG, Instance, create_instance, open_instance
from qfs.ledger.log_proofs import (
    LogProof,
    ProvedEvent,
    ProvedRow,
    prove_in_log,
    read_log_proof,
    verify_log_proof,
    write_log_proof,
)
from qfs.ledger.note import CheckpointError, Signer, sign_note, to_base64
from qfs.ledger.replay import ReplayError
from qfs.ledger.session import Session
from qfs.ledger.tree import read_tree
from qfs.ledger.verification import verify_instance, verify_log
from qfs.protocol import events
from qfs.protocol.epoch import Opening, close_epoch
from qfs.protocol.genesis import genesis_of
from qfs.protocol.manifest import manifest_of
from qfs.protocol.registry import NEW_NODES, registrations
from qfs.protocol.ruleset import Ruleset
from qfs.reference.merkle import EMPTY_ROOT, inclusion_proof, leaf_hash, node_hash, root
from qfs.rows import from_rows, row_at
from qfs.signatures import ML_DSA_65, from_seed
from qfs.tables import FEES, NODES, TELEMETRY

REGISTRAR = from_seed(b"r" * 32)
REPORTER = from_seed(b"o" * 32)
KEY = from_seed(b"k" * 32)
POST_QUANTUM = from_seed(b"q" * 32, ML_DSA_65)
STRANGER = from_seed(b"s" * 32)
PAID = [f"node-{i}" for i in range(7)]
EPOCHS = 3


def build(folder: Path, name: str = "net", *log: str) -> Instance:
    """An instance of seven nodes that are paid, one that is idle, and three closed epochs."""
    made = create_instance(folder, genesis_of(name, REGISTRAR.public, Ruleset()), *log)
    nodes = [(node, f"op-{node}", "infrastructure", REPORTER.public.text) for node in PAID]
    nodes.append(("idle", "op-idle", "infrastructure", REPORTER.public.text))
    nodes.append(("reporter", "ops", "reporter", REPORTER.public.text))
    with Session(made, "test") as session:
        table = registrations(from_rows(NEW_NODES, nodes), session.tick())
        payload = events.Register(0, events.TableRef.of(table), "")
        session.sign(REGISTRAR, session.tick(), payload, table)
        for epoch in range(EPOCHS):
            close(session, epoch)
    return made


def close(session: Session, epoch: int) -> None:
    rows = [(node, epoch, 90 + i, 100, 0, 0, 0, 0) for i, node in enumerate(PAID)]
    telemetry = from_rows(TELEMETRY, [*rows, ("idle", epoch, 1, 100, 0, 0, 0, 0)])
    fees = from_rows(FEES, [(epoch * 512 + i, f"a{epoch}-{i}", 10**18 + i) for i in range(3)])
    tick, nonce = (epoch + 1) * 512 - 1, session.nonce("reporter")
    ref = events.TableRef.of
    happened = [
        session.signed(
            REPORTER,
            tick,
            events.RecordTelemetry(nonce, "reporter", epoch, ref(telemetry), ""),
            telemetry,
        ),
        session.signed(
            REPORTER, tick, events.RecordFees(nonce + 1, "reporter", epoch, ref(fees), ""), fees
        ),
    ]
    session.commit(happened, session.close(epoch, tick + 1, happened), tick + 1)


def signers(instance: Instance, *keys: Any) -> list[Signer]:
    return [Signer(origin_of(instance.id), key) for key in keys or (KEY,)]


class Ground(NamedTuple):
    """An instance that nobody changes, and a checkpoint of all its events with both keys."""

    instance: Instance
    note: bytes

    @property
    def keys(self) -> list[Any]:
        return [signer.verifier for signer in signers(self.instance, KEY, POST_QUANTUM)]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    made = build(tmp_path_factory.mktemp("proofs") / "net")
    return Ground(made, sign_instance(made, signers(made, KEY, POST_QUANTUM)).note)


@pytest.fixture
def copy(ground: Ground, tmp_path: Path) -> Instance:
    """The instance again, to be changed."""
    shutil.copytree(ground.instance.folder, tmp_path / "copy")
    return open_instance(tmp_path / "copy")


def at(instance: Instance, size: int) -> Checkpoint:
    with instance.open_log() as log:
        return Checkpoint(origin_of(instance.id), size, read_tree(log, size).root())


def note_at(instance: Instance, size: int) -> bytes:
    return sign_checkpoint(at(instance, size), signers(instance))


def size_of(instance: Instance) -> int:
    with instance.open_log() as log:
        return log.size()


@contextlib.contextmanager
def unguarded(instance: Instance) -> Iterator[sqlite3.Connection]:
    """The log as whoever can write its file has it."""
    with contextlib.closing(sqlite3.connect(instance.folder / LOG)) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
        found = guards.fetchall()
        for name, _ in found:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, statement in found:
            connection.execute(statement)
        connection.commit()


def cut(instance: Instance, size: int) -> None:
    """Leave the first events and nothing that says that there were more."""
    with unguarded(instance) as connection:
        connection.execute("DELETE FROM event WHERE seq >= ?", [size])
    shutil.rmtree(instance.folder / "checkpoints", ignore_errors=True)
    for snapshot in (instance.folder / "snapshots").iterdir():
        snapshot.unlink()


# Signing


def test_what_is_signed_is_the_log(ground: Ground) -> None:
    instance, note = ground
    assert stated(note) == at(instance, size_of(instance))
    for key in ground.keys:
        assert trusted(note, [key], origin_of(instance.id)) == stated(note)
    assert origin_of(instance.id) == f"qfs/{instance.id.hex()}"


def test_signing_again_gives_what_is_kept(copy: Instance, ground: Ground) -> None:
    both = signers(copy, KEY, POST_QUANTUM)
    assert sign_instance(copy, both).note == ground.note, "ML-DSA signatures would differ"
    assert sign_instance(copy, signers(copy, POST_QUANTUM)).note == ground.note
    with pytest.raises(StorageError, match="by other keys is kept"):
        sign_instance(copy, signers(copy, STRANGER))
    with Session(copy, "test") as session:
        close(session, EPOCHS)
    later = sign_instance(copy, both)
    assert later.checkpoint.size == size_of(copy) == stated(ground.note).size + 3
    assert [stated(path.read_bytes()).size for path in kept(copy)] == [
        stated(ground.note).size,
        later.checkpoint.size,
    ]
    assert later.path == kept(copy)[-1]


def test_nobody_signs_nothing(copy: Instance) -> None:
    with pytest.raises(StorageError, match="by other keys is kept"):
        sign_instance(copy, [])
    shutil.rmtree(copy.folder / "checkpoints")
    with pytest.raises(CheckpointError):
        sign_instance(copy, [])
    with pytest.raises(CheckpointError):
        sign_instance(copy, [*signers(copy), *signers(copy)])
    assert kept(copy) == []


@pytest.mark.parametrize("column", ["hash", "previous", "body"])
def test_a_broken_chain_is_not_signed(copy: Instance, column: str) -> None:
    shutil.rmtree(copy.folder / "checkpoints")
    with unguarded(copy) as connection:
        connection.execute(f"UPDATE event SET {column} = zeroblob(32) WHERE seq = 4")
    with pytest.raises(LogTamperedError, match="event 4"):
        sign_instance(copy, signers(copy))
    assert kept(copy) == []


def test_what_contradicts_an_earlier_checkpoint_is_not_signed(copy: Instance) -> None:
    """A tail that was cut off, and one that was rewritten, with all hashes right."""
    path, *_ = kept(copy)
    size = size_of(copy)
    note = path.read_bytes()
    cut(copy, size - 3)
    path.parent.mkdir()
    path.write_bytes(note)
    with pytest.raises(VerificationError, match="were cut off"):
        sign_instance(copy, signers(copy))
    with Session(copy, "test") as session:
        for nonce, node in enumerate(("node-1", "node-2", "node-3"), 1):
            session.sign(REGISTRAR, session.tick(), events.Revoke(nonce, node, ""))
    assert size_of(copy) == size
    with pytest.raises(VerificationError, match="was rewritten"):
        sign_instance(copy, signers(copy))
    path.write_bytes(b"x")
    with pytest.raises(CheckpointError) as caught:
        sign_instance(copy, signers(copy))
    assert caught.value.source == str(path)


def test_the_last_of_several_checkpoints_is_the_one_to_be_continued(copy: Instance) -> None:
    """The log is cut between the two that were signed."""
    with Session(copy, "test") as session:
        close(session, EPOCHS)
    sign_instance(copy, signers(copy))
    notes = {path: path.read_bytes() for path in kept(copy)}
    assert len(notes) == 2
    cut(copy, 12)
    (copy.folder / "checkpoints").mkdir()
    for path, note in notes.items():
        path.write_bytes(note)
    with pytest.raises(VerificationError, match="the log has 12 events, and had 13"):
        sign_instance(copy, signers(copy))
    assert kept(copy) == [*notes]


def test_a_log_without_events_has_a_checkpoint(tmp_path: Path) -> None:
    empty = create_instance(tmp_path / "net", genesis_of("net", REGISTRAR.public, Ruleset()))
    signed = sign_instance(empty, signers(empty))
    assert (signed.checkpoint.size, signed.checkpoint.root) == (0, EMPTY_ROOT)
    with Session(empty, "test") as session:
        session.sign(
            REGISTRAR,
            session.tick(),
            events.ChangeRuleset(0, Ruleset(version=2).document(), ""),
        )
    later = sign_instance(empty, signers(empty))
    proof = prove_consistency(empty, signed.note, later.note)
    assert (later.checkpoint.size, proof.path) == (1, [])
    keys = [signers(empty)[0].verifier]
    assert [c.size for c in verify_consistency(proof, keys)] == [0, 1]
    forged = at(empty, 1)
    assert forged.root == later.checkpoint.root
    with pytest.raises(EvidenceError, match="not closed by the first 0"):
        prove_in_log(empty, 0, "node-1", signed.note)


# Forged checkpoints


def edited(note: bytes, old: bytes, new: bytes) -> bytes:
    assert old in note
    return note.replace(old, new, 1)


@pytest.mark.parametrize("kind", ["size", "root", "origin", "key", "cut", "other text"])
@pytest.mark.parametrize("suite", ["ed25519", "ml-dsa-65"])
def test_forged_checkpoints_are_refused(ground: Ground, kind: str, suite: str) -> None:
    instance = ground.instance
    key = KEY if suite == "ed25519" else POST_QUANTUM
    (signer,) = signers(instance, key)
    real = at(instance, 10)
    note = sign_checkpoint(real, [signer])
    assert trusted(note, [signer.verifier], origin_of(instance.id)) == real
    other = at(instance, 9)
    forged = {
        "size": lambda: edited(note, b"\n10\n", b"\n9\n"),
        "root": lambda: edited(note, base64.b64encode(real.root), base64.b64encode(other.root)),
        "origin": lambda: sign_checkpoint(Checkpoint("qfs/other", 10, real.root), [signer]),
        "key": lambda: sign_checkpoint(real, [Signer(signer.name, STRANGER)]),
        "cut": lambda: note[:-10] + b"\n",
        "other text": lambda: other.text + note[len(real.text) :],
    }[kind]()
    with pytest.raises(VerificationError, match=r"^checkpoint: "):
        trusted(forged, [signer.verifier], origin_of(instance.id))
    with pytest.raises(VerificationError, match="none of the trusted keys"):
        trusted(note, [], origin_of(instance.id))


def test_numbers_are_not_looked_at_before_the_signature(ground: Ground) -> None:
    """A note that is no checkpoint is refused for its signature, where that is wrong too."""
    (signer,) = signers(ground.instance)
    (stranger,) = signers(ground.instance, STRANGER)
    text = b"qfs/x\nnot a number\nnot base64\n"

    with pytest.raises(VerificationError, match="none of the trusted keys"):
        trusted(sign_note(text, [stranger]), [signer.verifier], None)
    with pytest.raises(VerificationError, match="no number of events"):
        trusted(sign_note(text, [signer]), [signer.verifier], None)


# Proofs of rows


@pytest.mark.parametrize("epoch", range(EPOCHS))
@pytest.mark.parametrize("node", [*PAID, "idle", "reporter"])
def test_every_node_has_a_proof(ground: Ground, tmp_path: Path, node: str, epoch: int) -> None:
    instance, note = ground
    write_log_proof(prove_in_log(instance, epoch, node, note), tmp_path / "proof.json")
    proof = read_log_proof(tmp_path / "proof.json")
    for keys in (ground.keys, ground.keys[:1], ground.keys[1:], None):
        found = verify_log_proof(proof, keys, stated(note))
        assert (found.instance, found.epoch, found.node) == (instance.id, epoch, node)
        assert found.checkpoint == stated(note)
    if node in PAID:
        assert found.reason is None
        assert found.amount is not None
        assert found.amount > 0
    else:
        assert found.amount is None
        assert found.reason == {"idle": "low_uptime", "reporter": "wrong_role"}[node]
    with pytest.raises(StorageError):
        write_log_proof(proof, tmp_path / "proof.json")


@pytest.mark.database
def test_the_database_makes_no_difference(
    ground: Ground, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same events in PostgreSQL have the same checkpoint and proofs, byte for byte."""
    server.empty_database("proofs")
    url = server.url("proofs")
    user, password = re.match(r"postgresql://([^:@]+):([^@]*)@", url).groups()  # type: ignore[union-attr]
    monkeypatch.setenv("PGPASSWORD", password)
    without = url.replace(f"{user}:{password}@", f"{user}@")
    made = build(tmp_path / "net", "net", without, url.replace("qfs_application", "qfs_owner"))
    assert made.id == ground.instance.id
    note = sign_instance(made, signers(made)).note
    assert note == note_at(ground.instance, 10)
    for node in ("node-3", "idle"):
        proof = prove_in_log(made, 1, node, note)
        assert proof == prove_in_log(ground.instance, 1, node, note)
    assert verify_instance(made, stated(ground.note)).tree.root() == stated(note).root


def test_what_was_paid_is_what_the_proofs_add_up_to(ground: Ground) -> None:
    found = [
        verify_log_proof(prove_in_log(ground.instance, 1, node, ground.note)).amount or 0
        for node in PAID
    ]
    manifest = prove_in_log(ground.instance, 1, "idle", ground.note).manifest
    assert sum(found) == int(manifest.allocation.paid) > 0


@pytest.mark.parametrize("size", range(4, 11))
def test_any_checkpoint_after_the_close_will_do(ground: Ground, size: int) -> None:
    """Epoch 0 is closed by event 3, so that four events are the fewest that show it."""
    instance, note = ground.instance, note_at(ground.instance, size)
    proof = prove_in_log(instance, 0, "node-3", note)
    assert verify_log_proof(proof, ground.keys).checkpoint.size == size
    assert proof.event.seq == 3
    with pytest.raises(EvidenceError, match="not closed by the first 3 events"):
        prove_in_log(instance, 0, "node-3", note_at(instance, 3))


def test_what_cannot_be_proved(ground: Ground, copy: Instance, tmp_path: Path) -> None:
    instance, note = ground
    with pytest.raises(EvidenceError, match="neither paid nor excluded"):
        prove_in_log(instance, 0, "node-9", note)
    with pytest.raises(QfsError, match="node"):
        prove_in_log(instance, 0, "no node", note)
    with pytest.raises(EvidenceError, match="epoch: 9 is not closed"):
        prove_in_log(instance, 9, "node-1", note)
    other = build(tmp_path / "other", "other")
    with pytest.raises(VerificationError, match=r"^checkpoint: of 'qfs/"):
        prove_in_log(other, 0, "node-1", note)
    wrong = Checkpoint(origin_of(instance.id), 10, bytes(32))
    with pytest.raises(VerificationError, match="was rewritten"):
        prove_in_log(instance, 0, "node-1", sign_checkpoint(wrong, signers(instance)))
    shutil.rmtree(copy.evidence(1))
    shutil.copytree(copy.evidence(2), copy.evidence(1))
    with pytest.raises(VerificationError, match="manifest manifest: event 6 says"):
        prove_in_log(copy, 1, "node-1", note)
    cut(copy, 8)
    with pytest.raises(VerificationError, match="cut off"):
        prove_in_log(copy, 0, "node-1", note)


def refusals(good: bytes, positions: Any, mask: int, check: Callable[[Path], object]) -> list[int]:
    """Positions at which a changed byte passes."""
    return [p for p in positions if not _is_refused(good, p, mask, check)]


def _is_refused(good: bytes, position: int, mask: int, check: Callable[[Path], object]) -> bool:
    data = bytearray(good)
    data[position] ^= mask
    try:
        check(_Bytes(bytes(data)))  # type: ignore[arg-type]
    except QfsError:
        return True
    return False


class _Bytes:
    """A file in memory, as far as reading it goes; on disk the same takes ten times as long."""

    name = "proof.json"

    def __init__(self, data: bytes) -> None:
        self.data = data

    def open(self, mode: str) -> Any:
        return io.BytesIO(self.data)


@pytest.mark.slow
@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
@pytest.mark.parametrize("node", ["node-3", "idle"])
def test_every_changed_byte_of_a_proof_is_refused(ground: Ground, node: str, mask: int) -> None:
    """With the operator's Ed25519 key alone, under a checkpoint that no other key signed."""
    note = note_at(ground.instance, 10)
    good = canonical.encode(prove_in_log(ground.instance, 2, node, note))
    keys = ground.keys[:1]

    def check(path: Path) -> None:
        verify_log_proof(read_log_proof(path), keys)

    check(_Bytes(good))  # type: ignore[arg-type]
    assert refusals(good, range(len(good)), mask, check) == []


@pytest.mark.slow
def test_of_two_signatures_one_is_enough(ground: Ground) -> None:
    """What can be changed then is what is not looked at, and nothing else.

    With one trusted key that is the whole line of the other. With both it is name and key id of
    either line: with another one it is the line of nobody that is known, and is ignored.
    """
    note = ground.note
    proof = prove_in_log(ground.instance, 2, "idle", note)
    good = canonical.encode(proof)
    start = good.index(proof.checkpoint.encode())

    def within(first: int, stop: int) -> range:
        """Where these bytes of the note stand in the proof."""
        return range(start + first // 3 * 4, start + -(-stop // 3) * 4)

    names, lines, end = [], [], len(note)
    for _ in range(2):
        line = note.rindex(b"\n\xe2\x80\x94 ", 0, end) + 5
        key_id = note.index(b" ", line) + 1
        names.append(within(line, key_id + 6))
        lines.append(within(line, end))
        end = line - 4
    long = lines[0]
    inside = range(start, start + len(proof.checkpoint))
    positions = [p for p in inside if p not in long[400:-8] or p % 29 == 0]

    def passed(keys: list[Any]) -> list[int]:
        return refusals(
            good, positions, 0x01, lambda path: verify_log_proof(read_log_proof(path), keys)
        )

    ed25519, post_quantum = ground.keys
    found = passed([ed25519])
    assert [p for p in found if p not in long] == []
    assert len(found) > 100, "it is not looked at"
    found = passed([post_quantum])
    assert [p for p in found if p not in lines[1]] == []
    found = passed([ed25519, post_quantum])
    assert [p for p in found if p not in names[0] and p not in names[1]] == []


# Every step alone


def rebuilt(
    proof: LogProof, ground: Ground, *, kind: str | None = None, **payload: Any
) -> LogProof:
    """The proof with another event, which stands in a log of its own under a real checkpoint."""
    body = json.loads(proof.event.body)
    entry = Entry(kind or body["type"], body["tick"], {**body["payload"], **payload})
    return under(proof, ground, [entry])


def under(proof: LogProof, ground: Ground, entries: list[Entry]) -> LogProof:
    made, rows, _ = chain(ground.instance.id, EMPTY, entries)
    checkpoint = Checkpoint(origin_of(ground.instance.id), 1, leaf_hash(made[0].hash))
    event = ProvedEvent(0, rows[0].previous.hex(), rows[0].body.decode(), [])
    note = sign_checkpoint(checkpoint, signers(ground.instance))
    return msgspec.structs.replace(proof, event=event, checkpoint=to_base64(note))


def with_row(proof: LogProof, **changes: Any) -> LogProof:
    return msgspec.structs.replace(proof, row=msgspec.structs.replace(proof.row, **changes))


def with_event(proof: LogProof, **changes: Any) -> LogProof:
    return msgspec.structs.replace(proof, event=msgspec.structs.replace(proof.event, **changes))


def with_column(proof: LogProof, **columns: str) -> LogProof:
    return with_row(proof, columns={**proof.row.columns, **columns})


ZERO = "00" * 32

STEPS: dict[str, tuple[str, Callable[[LogProof, Ground], LogProof]]] = {
    "amount": ("path", lambda p, g: with_column(p, amount=str(int(p.row.columns["amount"]) + 1))),
    "node": ("path", lambda p, g: with_column(p, node_id="node-4")),
    "row index": ("path", lambda p, g: with_row(p, index=p.row.index ^ 1)),
    "row index too high": ("index", lambda p, g: with_row(p, index=7)),
    "row path": ("path", lambda p, g: with_row(p, path=p.row.path[::-1])),
    "row path too short": ("path", lambda p, g: with_row(p, path=p.row.path[1:])),
    "row path too long": ("path", lambda p, g: with_row(p, path=[*p.row.path, ZERO])),
    "manifest": (
        "manifest manifest",
        lambda p, g: msgspec.structs.replace(
            p, manifest=msgspec.structs.replace(p.manifest, previous=ZERO)
        ),
    ),
    "event names another manifest": (
        "manifest manifest",
        lambda p, g: rebuilt(p, g, manifest=ZERO),
    ),
    "event names another epoch": ("manifest epoch", lambda p, g: rebuilt(p, g, epoch=1)),
    "event names other allocations": (
        "manifest allocations",
        lambda p, g: rebuilt(p, g, allocations={"rows": 7, "root": ZERO, "digest": ZERO}),
    ),
    "event of another type": ("event.body", lambda p, g: rebuilt(p, g, kind="fees.record")),
    "event of an unknown type": ("event.body", lambda p, g: rebuilt(p, g, kind="epoch.closed")),
    "event with more in it": ("event.body", lambda p, g: rebuilt(p, g, extra=1)),
    "another event that is in the log": (
        "event.body",
        lambda p, g: under(p, g, [Entry("registry.revoke", 1, {"nonce": 0})]),
    ),
    "event number": ("event.path", lambda p, g: with_event(p, seq=p.event.seq - 1)),
    "event number too high": ("event.seq", lambda p, g: with_event(p, seq=10)),
    "event body": (
        "event.path",
        lambda p, g: with_event(p, body=p.event.body.replace('"epoch":2', '"epoch":1')),
    ),
    "event before": ("event.path", lambda p, g: with_event(p, previous=ZERO)),
    "event path": ("event.path", lambda p, g: with_event(p, path=p.event.path[::-1])),
    "event path too short": ("event.path", lambda p, g: with_event(p, path=p.event.path[1:])),
    "event path too long": ("event.path", lambda p, g: with_event(p, path=[*p.event.path, ZERO])),
    "instance": ("checkpoint", lambda p, g: msgspec.structs.replace(p, instance=ZERO)),
    "checkpoint by a stranger": (
        "checkpoint",
        lambda p, g: msgspec.structs.replace(
            p,
            checkpoint=to_base64(
                sign_checkpoint(at(g.instance, 10), signers(g.instance, STRANGER))
            ),
        ),
    ),
    "checkpoint of fewer events": (
        "event.seq",
        lambda p, g: msgspec.structs.replace(p, checkpoint=to_base64(note_at(g.instance, 9))),
    ),
    "checkpoint of another root": (
        "event.path",
        lambda p, g: msgspec.structs.replace(
            p,
            checkpoint=to_base64(
                sign_checkpoint(
                    Checkpoint(origin_of(g.instance.id), 10, bytes(32)), signers(g.instance)
                )
            ),
        ),
    ),
    "checkpoint in another spelling": (
        "checkpoint",
        lambda p, g: msgspec.structs.replace(p, checkpoint=p.checkpoint + "\n"),
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_every_broken_step_is_named(ground: Ground, name: str) -> None:
    proof = prove_in_log(ground.instance, 2, "node-3", note_at(ground.instance, 10))
    assert verify_log_proof(proof, ground.keys).amount is not None
    argument, change = STEPS[name]
    with pytest.raises(VerificationError) as caught:
        verify_log_proof(change(proof, ground), ground.keys)
    assert caught.value.argument == argument


def test_the_rebuilt_log_holds_where_nothing_else_is_wrong(ground: Ground) -> None:
    """What the steps above are broken in is a proof that holds."""
    proof = prove_in_log(ground.instance, 2, "node-3", note_at(ground.instance, 10))
    found = verify_log_proof(rebuilt(proof, ground), ground.keys)
    assert (found.checkpoint.size, found.node) == (1, "node-3")


def test_a_row_of_one_table_is_none_of_another(ground: Ground) -> None:
    paid = prove_in_log(ground.instance, 2, "node-3", ground.note)
    idle = prove_in_log(ground.instance, 2, "idle", ground.note)
    for changed in (
        with_row(paid, table="excluded", index=0),
        with_row(idle, table="allocations"),
        with_row(paid, columns={"node_id": "node-3"}),
        with_row(paid, columns={**paid.row.columns, "reason": "none"}),
    ):
        with pytest.raises(EvidenceError, match="row: columns"):
            verify_log_proof(changed, ground.keys)
    for column, value in (("amount", "1.5"), ("amount", "-1"), ("cap", "01"), ("node_id", "")):
        with pytest.raises(QfsError) as caught:
            verify_log_proof(with_column(paid, **{column: value}), ground.keys)
        assert caught.value.argument == column
    with pytest.raises(VerificationError, match="root of the excluded"):
        verify_log_proof(with_column(idle, reason="revoked"), ground.keys)


def given_weights(ground: Ground, digest: str | None = None) -> LogProof:
    """The proof of a payment in an epoch whose weights were given, under a real checkpoint.

    With `digest`, that is what manifest and event call the digest of the allocations.
    """
    fees = from_rows(FEES, [(0, "a", 100)])
    nodes = from_rows(NODES, [(node, 1) for node in ("node-3", "node-4", "node-5")])
    closed = close_epoch(0, Ruleset(), Opening(), fees, nodes)
    manifest, table = manifest_of(closed, None), closed.allocation.table
    entry = manifest.tables["allocations"]
    if digest is not None:
        entry = msgspec.structs.replace(entry, digest=digest)
        tables = {**manifest.tables, "allocations": entry}
        manifest = msgspec.structs.replace(manifest, tables=tables)
    name = msgspec.to_builtins(entry)
    payload = {"epoch": 0, "manifest": manifest.digest.hex(), "state": ZERO}
    payload |= {"allocations": name, "balances": name}
    proof = prove_in_log(ground.instance, 0, "node-3", ground.note)
    proof = under(proof, ground, [Entry(events.CLOSE_EPOCH, 512, payload)])
    row = ProvedRow(
        "allocations",
        {name: str(value) for name, value in zip(table.columns, row_at(table, 0), strict=True)},
        0,
        [value.hex() for value in inclusion_proof(table.leaves, 0)],
    )
    return msgspec.structs.replace(proof, manifest=manifest, row=row)


def test_an_epoch_of_given_weights_has_nobody_excluded(ground: Ground) -> None:
    proof = given_weights(ground)
    assert verify_log_proof(proof, ground.keys).amount == int(proof.row.columns["amount"])
    with pytest.raises(VerificationError, match=r"row.table: the epoch has no excluded"):
        verify_log_proof(with_row(proof, table="excluded"), ground.keys)


def test_the_digest_of_a_table_is_that_of_its_root(ground: Ground) -> None:
    with pytest.raises(VerificationError) as caught:
        verify_log_proof(given_weights(ground, ZERO), ground.keys)
    assert caught.value.argument == "manifest.tables.allocations.digest"


def test_seq_of_the_body_is_its_place(ground: Ground) -> None:
    """A body that says another number than that of its leaf."""
    proof = prove_in_log(ground.instance, 2, "node-3", ground.note)
    body = json.loads(proof.event.body)
    entry = Entry(body["type"], body["tick"], body["payload"])
    first, rows, head = chain(ground.instance.id, EMPTY, [Entry("x", 0, {}), entry])
    swapped = root([first[1].hash, first[0].hash])
    checkpoint = Checkpoint(origin_of(ground.instance.id), 2, swapped)
    event = ProvedEvent(
        0, rows[1].previous.hex(), rows[1].body.decode(), [leaf_hash(first[0].hash).hex()]
    )
    note = to_base64(sign_checkpoint(checkpoint, signers(ground.instance)))
    with pytest.raises(VerificationError, match=r"event.body: its body says 1"):
        verify_log_proof(msgspec.structs.replace(proof, event=event, checkpoint=note), ground.keys)
    assert head.size == 2


def test_proofs_of_two_instances_are_not_exchanged(ground: Ground, tmp_path: Path) -> None:
    """Two networks with the same nodes, payments and key."""
    other = build(tmp_path / "other", "other")
    note = sign_instance(other, signers(other)).note
    here = prove_in_log(ground.instance, 1, "node-3", ground.note)
    there = prove_in_log(other, 1, "node-3", note)
    assert here.row == there.row
    assert here.manifest == there.manifest
    keys = [signers(instance)[0].verifier for instance in (ground.instance, other)]
    assert verify_log_proof(there, keys).instance == other.id
    for changed in (
        msgspec.structs.replace(here, checkpoint=there.checkpoint),
        msgspec.structs.replace(here, instance=there.instance),
        msgspec.structs.replace(here, instance=there.instance, checkpoint=there.checkpoint),
        msgspec.structs.replace(here, event=there.event),
    ):
        with pytest.raises(VerificationError):
            verify_log_proof(changed, keys)
    with pytest.raises(VerificationError, match="none of the trusted keys"):
        verify_log_proof(there, keys[:1])
    with pytest.raises(VerificationError, match="not the one that is known"):
        verify_log_proof(here, None, stated(note))


# Consistency


@pytest.mark.parametrize("first", range(11))
@pytest.mark.parametrize("second", range(11))
def test_consistency_goes_one_way(ground: Ground, first: int, second: int) -> None:
    instance = ground.instance
    old, new = note_at(instance, first), note_at(instance, second)
    if first > second:
        with pytest.raises(VerificationError, match=f"has {second} events and had {first}"):
            prove_consistency(instance, old, new)
        return
    proof = prove_consistency(instance, old, new)
    found = verify_consistency(proof, ground.keys)
    assert (found.first, found.second) == (stated(old), stated(new))
    if 0 < first < second:
        turned = msgspec.structs.replace(proof, first=proof.second, second=proof.first)
        with pytest.raises(VerificationError, match="events and had"):
            verify_consistency(turned, ground.keys)
    for path in (proof.path[1:], [*proof.path, ZERO], [ZERO] * len(proof.path)):
        if path != proof.path:
            with pytest.raises(VerificationError):
                verify_consistency(msgspec.structs.replace(proof, path=path), ground.keys)


def test_every_changed_byte_of_a_consistency_proof_is_refused(
    ground: Ground, tmp_path: Path
) -> None:
    instance = ground.instance
    write_consistency(
        prove_consistency(instance, note_at(instance, 6), note_at(instance, 10)),
        tmp_path / "proof.json",
    )
    good = (tmp_path / "proof.json").read_bytes()

    def check(path: Path) -> None:
        verify_consistency(read_consistency(path), ground.keys[:1])

    check(tmp_path / "proof.json")
    for mask in (0x01, 0x20, 0x80):
        assert refusals(good, range(len(good)), mask, check) == []


@pytest.mark.parametrize("place", ["first", "second"])
def test_both_checkpoints_need_a_trusted_signature(ground: Ground, place: str) -> None:
    instance = ground.instance
    proof = prove_consistency(instance, note_at(instance, 6), note_at(instance, 10))
    size = {"first": 6, "second": 10}[place]
    forged = sign_checkpoint(at(instance, size), signers(instance, STRANGER))
    changed = msgspec.structs.replace(proof, **{place: to_base64(forged)})
    assert verify_consistency(changed, None) == verify_consistency(proof, ground.keys)
    with pytest.raises(VerificationError, match=f"^{place}: .*none of the trusted keys"):
        verify_consistency(changed, ground.keys)


def test_consistency_of_what_is_not_one_log(ground: Ground, copy: Instance, tmp_path: Path) -> None:
    instance, note = ground
    other = build(tmp_path / "other", "other")
    with pytest.raises(VerificationError, match="second checkpoint: of 'qfs/"):
        prove_consistency(instance, note, note_at(other, 10))
    wrong = Checkpoint(origin_of(instance.id), 9, bytes(32))
    with pytest.raises(VerificationError, match=r"^second checkpoint: .* rewritten"):
        prove_consistency(instance, note_at(instance, 0), sign_checkpoint(wrong, signers(instance)))
    proof = prove_consistency(instance, note_at(instance, 6), note)
    with pytest.raises(VerificationError, match=r"^second: of"):
        verify_consistency(
            msgspec.structs.replace(proof, second=to_base64(note_at(other, 10))), None
        )
    with pytest.raises(VerificationError, match="neither of the two"):
        verify_consistency(proof, ground.keys, at(instance, 7))
    for known in (at(instance, 6), stated(note)):
        assert known in verify_consistency(proof, ground.keys, known)
    # A log that was rewritten below the first checkpoint.
    cut(copy, 5)
    with Session(copy, "test") as session:
        for nonce, node in enumerate(PAID, 1):
            session.sign(REGISTRAR, session.tick(), events.Revoke(nonce, node, ""))
    with pytest.raises(VerificationError, match=r"^first checkpoint: .* rewritten"):
        prove_consistency(copy, note_at(instance, 6), note_at(copy, 10))
    forged = ConsistencyProof(proof.format, proof.first, to_base64(note_at(copy, 10)), proof.path)
    with pytest.raises(VerificationError, match=r"^proof: it does not lead"):
        verify_consistency(forged, ground.keys)
    two_roots = ConsistencyProof(
        proof.format, to_base64(note_at(instance, 10)), to_base64(note_at(copy, 10)), []
    )
    with pytest.raises(VerificationError, match="two roots over 10"):
        verify_consistency(two_roots, ground.keys)


# Logs and instances


def test_an_instance_verifies(ground: Ground) -> None:
    known = stated(ground.note)
    told: list[str] = []
    found = verify_instance(ground.instance, known, told.append)
    assert len(told) == 4
    assert (found.tree.size, found.tree.root()) == (known.size, known.root)
    with Session(ground.instance, "test") as session:
        assert found.state == session.state.digest
    assert [*found.epochs] == [*range(EPOCHS)]
    assert found.absent == ()
    assert found.artifacts == len([*ground.instance.artifacts.folder.iterdir()]) > EPOCHS


@pytest.mark.parametrize("size", range(10))
def test_a_cut_tail_is_seen_with_an_earlier_checkpoint_only(
    copy: Instance, ground: Ground, size: int
) -> None:
    cut(copy, size)
    for earlier in range(size, 11):
        known = at(ground.instance, earlier)
        with copy.open_log() as log:
            if earlier <= size:
                assert verify_log(log, known).size == size
            else:
                with pytest.raises(VerificationError, match="were cut off") as caught:
                    verify_log(log, known)
                assert (caught.value.value, caught.value.expected) == (size, earlier)
    with copy.open_log() as log:
        assert verify_log(log).size == size
    with pytest.raises(VerificationError, match="were cut off"):
        verify_instance(copy, stated(ground.note))


def test_a_log_that_grew_continues_its_checkpoint(copy: Instance, ground: Ground) -> None:
    with Session(copy, "test") as session:
        close(session, EPOCHS)
    found = verify_instance(copy, stated(ground.note))
    assert (found.tree.size, len(found.epochs)) == (13, EPOCHS + 1)


def test_events_that_the_rules_refuse_are_found(copy: Instance, ground: Ground) -> None:
    """The chain holds, the rules do not: a payload that nobody signed."""
    with copy.open_log("forger") as log:
        log.append([Entry(events.REVOKE, 3 * 512, {"nonce": 1, "node_id": "x", "signature": ""})])
    with copy.open_log() as log:
        assert verify_log(log, stated(ground.note)).size == 11
    with pytest.raises(ReplayError, match="event 10"):
        verify_instance(copy, stated(ground.note))


def test_changed_evidence_and_tables_are_found(copy: Instance) -> None:
    folder = copy.evidence(1)
    manifest = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes((copy.evidence(2) / "manifest.json").read_bytes())
    with pytest.raises(VerificationError, match=r"epochs/1: manifest.json: .*the log says"):
        verify_instance(copy)
    (folder / "manifest.json").write_bytes(manifest)
    tables = sorted(copy.artifacts.folder.iterdir())
    for path in tables:
        good = path.read_bytes()
        others = [p for p in tables if p != path and p.name.split("-")[0] == path.name[:-73]]
        path.unlink()
        path.write_bytes(others[0].read_bytes() if others else good[:-9])
        with pytest.raises(VerificationError if others else QfsError, match=path.name):
            verify_instance(copy)
        path.unlink()
        path.write_bytes(good)
    for path in sorted((folder / "tables").iterdir()):
        good = path.read_bytes()
        path.unlink()
        with pytest.raises(QfsError, match="epochs/1"):
            verify_instance(copy)
        path.write_bytes(good)
    verify_instance(copy)
    shutil.rmtree(folder)
    assert verify_instance(copy).absent == (1,)


def test_a_checkpoint_above_the_log_or_beside_it(ground: Ground) -> None:
    with ground.instance.open_log() as log:
        tree = read_tree(log)
    origin = origin_of(ground.instance.id)
    for size in range(1, 11):
        require_reaches(tree, Checkpoint(origin, size, tree.root(size)))
        with pytest.raises(VerificationError, match="rewritten"):
            require_reaches(tree, Checkpoint(origin, size, node_hash(b"", b"")))
    with pytest.raises(VerificationError, match=r"events 10 \.\. 11 were cut off"):
        require_reaches(tree, Checkpoint(origin, 12, bytes(32)))
