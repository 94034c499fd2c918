"""A vote on disk with every kind of ballot, for tests of receipts and tallies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from instances import FIRST_EPOCH, NODES, REGISTRAR, REPORTER, TICKS, create, fees_of, register

from qfs import signatures
from qfs.ledger.checkpoints import origin_of, sign_instance
from qfs.ledger.instance import Instance
from qfs.ledger.note import Signer, VerifierKey
from qfs.ledger.session import Session
from qfs.ledger.voting import creation, recording
from qfs.protocol import events
from qfs.protocol.ballots import sign_ballot
from qfs.protocol.events import TableRef
from qfs.protocol.governance import Draft
from qfs.protocol.votes import Vote
from qfs.rows import from_rows
from qfs.tables import TELEMETRY

START: Final = (FIRST_EPOCH + 1) * TICKS + 5
OPERATOR: Final = signatures.from_seed(b"\x7f" * 32)
NEW_KEY: Final = signatures.from_seed(b"\x7e" * 32)


def key_of(node: str) -> signatures.PrivateKey:
    return signatures.from_seed((int(node.split("-")[1]) + 2).to_bytes(32, "big"))


class Voted(NamedTuple):
    """An instance with a proposal, on which six nodes have voted in three batches."""

    instance: Instance
    vote: Vote
    before: bytes
    """a checkpoint of before the vote"""
    note: bytes
    """a checkpoint of after it"""
    key: VerifierKey


def close(instance: Instance, epoch: int) -> None:
    """An epoch that pays node-0 far more than the others, up to its cap."""
    end = (epoch + 1) * TICKS
    counts = [(10, 10) if n == 0 else (2 + n, 100) for n in range(NODES)]
    telemetry = from_rows(
        TELEMETRY, [(f"node-{n}", epoch, 10, 10, *counts[n], 0, 0) for n in range(NODES)]
    )
    fees = fees_of(epoch)
    with Session(instance, "test") as session:
        nonce = session.nonce("reporter")
        reports = events.RecordTelemetry(nonce, "reporter", epoch, TableRef.of(telemetry), "")
        taken = events.RecordFees(nonce + 1, "reporter", epoch, TableRef.of(fees), "")
        happened = [
            session.signed(REPORTER, end - 1, payload, table)
            for payload, table in ((reports, telemetry), (taken, fees))
        ]
        session.commit(happened, session.close(epoch, end, happened), end)


def record(session: Session, name: bytes, tick: int, *cast: tuple[str, int, int]) -> None:
    """A batch of ballots: voter, choice and nonce; node-3 has another key from the second on."""
    keys = {"node-3": NEW_KEY} if session.state.governance.get(name).received else {}
    signed = [
        sign_ballot(keys.get(v) or key_of(v), session.instance.id, name, v, choice, nonce)
        for v, choice, nonce in cast
    ]
    session.append([recording(session.state.governance.get(name), tick, signed)])


def voted(folder: Path) -> Voted:
    """node-0 counts for its cap; node-2 forges first; node-4 is revoked while the vote is open."""
    instance = create(folder)
    register(instance)
    close(instance, FIRST_EPOCH)
    signer = Signer(origin_of(instance.id), OPERATOR)
    before = sign_instance(instance, [signer]).note
    with Session(instance, "test") as session:
        draft = Draft("node-1", "storage_replication_factor", {"factor": 3})
        proposal, event = creation(session, key_of("node-1"), START, draft)
        session.append([event])
        name = proposal.id
        vote = session.state.governance.get(name)
        forged = sign_ballot(key_of("node-0"), instance.id, name, "node-2", 0, 7)
        good = [
            sign_ballot(key_of("node-0"), instance.id, name, "node-0", 1),
            sign_ballot(key_of("node-1"), instance.id, name, "node-1", 0, 2**53 - 1),
        ]
        session.append([recording(vote, START, [forged, *good])])
        for payload in (
            events.RotateKey(session.nonce(), "node-3", NEW_KEY.public.text, ""),
            events.Revoke(session.nonce() + 1, "node-4", ""),
        ):
            session.sign(REGISTRAR, START + 1, payload)
        record(session, name, START + 2, ("node-3", 2, 0), ("node-4", 1, 0), ("node-0", 0, 1))
        rotated = events.RotateKey(session.nonce(), "node-0", key_of("node-9").public.text, "")
        session.sign(REGISTRAR, START + 3, rotated)
        record(session, name, START + 4, ("node-2", 1, 0), ("node-5", 1, 0))
        vote = session.state.governance.get(name)
    note = sign_instance(instance, [signer]).note
    return Voted(instance, vote, before, note, signer.verifier)


def changed_bytes(data: bytes, step: int) -> Iterator[bytes]:
    """Every step-th byte as another one that may stand in its place: a digit, a letter, a sign."""
    for at in range(0, len(data), step):
        old = data[at : at + 1]
        if old.isdigit():
            new = b"%d" % ((int(old) + 1) % 10)
        elif old in b"abcdef":
            new = b"abcdef"[(old[0] - 96) % 6 :][:1]
        elif old.isalpha():
            new = bytes([old[0] ^ 32])
        else:
            new = bytes([old[0] ^ 1])
        yield data[:at] + new + data[at + 1 :]
