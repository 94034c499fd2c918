"""Proof that a log records what an epoch paid a node, or why it paid it nothing, in one file.

    row -> root and digest of its table -> manifest -> epoch.close event -> log -> checkpoint

The row is a leaf of the allocations, or of the excluded nodes; the table is named by the manifest,
the manifest by the event that closed the epoch, the event's hash is a leaf of the log's tree, and
the tree's root stands in a signed checkpoint. So the operator's key, had from elsewhere, is all
that is needed to believe it. Verification goes the other way, from the signature down, and looks
into nothing that is not borne out by what was checked before.

It shows what the operator signed to have logged. That the log was right is for `qfs verify` of the
instance, which computes everything again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from qfs import canonical
from qfs.backend import implementation
from qfs.errors import EvidenceError, VerificationError
from qfs.files import new_file, read_bounded
from qfs.ids import require_id
from qfs.ledger.checkpoint import Checkpoint
from qfs.ledger.checkpoints import origin_of, require_reaches, trusted
from qfs.ledger.consistency import note_of
from qfs.ledger.events import Event, LogTamperedError, Stored, event_hash, parse
from qfs.ledger.evidence import read_artifact, read_manifest
from qfs.ledger.instance import Instance
from qfs.ledger.note import VerifierKey, to_base64
from qfs.ledger.proofs import require_row
from qfs.ledger.tree import LogTree, read_tree
from qfs.protocol.events import (
    CLOSE_EPOCH,
    CloseEpoch,
    ProtocolEvent,
    TableRef,
    TransitionError,
    parse_payload,
)
from qfs.protocol.manifest import Manifest, parse_digest, parse_manifest
from qfs.reference.merkle import leaf_hash, root_from_proof
from qfs.rows import find, row_at
from qfs.tables import ALLOCATIONS, EXCLUDED, SCHEMAS, Schema

FORMAT: Final = "qfs-log-proof-v1"
PROVED: Final = (ALLOCATIONS, EXCLUDED)
"""Tables whose rows are proved, in the order in which a node is looked up in them."""


class ProvedRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a table: every column as text, its position, and the path to the table's root."""

    table: Literal["allocations", "excluded"]
    columns: dict[str, str]
    index: int
    path: list[str]


class ProvedEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event: its canonical body, the hash before it, and the path to the log's root."""

    seq: int
    previous: str
    body: str
    path: list[str]


class LogProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an epoch of an instance decided on one node, up to a checkpoint (base64 of its note)."""

    format: Literal["qfs-log-proof-v1"]
    instance: str
    row: ProvedRow
    manifest: Manifest
    event: ProvedEvent
    checkpoint: str


class Proved(NamedTuple):
    """What a proof shows."""

    instance: bytes
    epoch: int
    node: str
    amount: int | None
    """what the node was paid, base units; None where it was excluded"""
    reason: str | None
    """why it was excluded, else None"""
    digest: bytes
    """of the epoch"""
    checkpoint: Checkpoint


def prove_in_log(instance: Instance, epoch: int, node: str, note: bytes) -> LogProof:
    """The proof of what an epoch decided on a node, up to the checkpoint in a note.

    The note's signatures are not checked: who verifies the proof does, with the operator's key.

    Raises:
        EvidenceError: the epoch has no such node, or is not closed under this checkpoint.
        LogTamperedError: the log's chain is broken.
        VerificationError: it is no checkpoint of this log, or the evidence is not what was logged.
        StorageError: the evidence of the epoch is not there.
    """
    require_id(node, "node")
    checkpoint = trusted(note, None, origin_of(instance.id))
    tree, event = _find_close(instance, epoch, checkpoint)
    require_reaches(tree, checkpoint)
    if event is None:
        raise EvidenceError(
            f"{epoch} is not closed by the first {checkpoint.size} events, which are all that the"
            " checkpoint covers",
            argument="epoch",
            value=epoch,
        )
    folder = instance.evidence(epoch)
    manifest = read_manifest(folder)
    _require_named(manifest, event)
    return LogProof(
        FORMAT,
        instance.id.hex(),
        _find_row(folder, manifest, node),
        manifest,
        proved_event(tree, event, checkpoint.size),
        to_base64(note),
    )


def write_log_proof(proof: LogProof, path: Path) -> None:
    """Write a proof into a new file."""
    with new_file(path) as file:
        file.write(canonical.encode(proof))


def read_log_proof(path: Path) -> LogProof:
    """The proof in a file.

    Raises:
        StorageError: it cannot be read.
        EvidenceError: it is no proof of this kind.
    """
    return canonical.decode(read_bounded(path, canonical.MAX_BYTES), LogProof, path.name)


def verify_log_proof(
    proof: LogProof,
    keys: Sequence[VerifierKey] | None = None,
    known: Checkpoint | None = None,
) -> Proved:
    """What a proof shows, every step checked.

    Args:
        proof: as read.
        keys: keys of the log's operator; None checks no signature. Then the checkpoint must be
            compared with one from elsewhere.
        known: that checkpoint, or None.

    Raises:
        VerificationError: a step does not hold; it is named.
        QfsError: a value is malformed.
    """
    # Step 1. The checkpoint is the operator's, and of this instance.
    instance = parse_digest(proof.instance, "instance")
    note = note_of(proof.checkpoint, "checkpoint")
    checkpoint = trusted(note, keys, origin_of(instance))
    if known is not None and known != checkpoint:
        raise VerificationError("is not the one that is known", argument="checkpoint")
    # Step 2. The event is in the log of the checkpoint.
    event = require_event(instance, proof.event, checkpoint.size, checkpoint.root)
    # Step 3. It closed the epoch whose manifest this is.
    _require_named(proof.manifest, event)
    manifest = parse_manifest(canonical.encode(proof.manifest))
    # Step 4. The row is in the table that the manifest names.
    schema = SCHEMAS[proof.row.table]
    if schema.name not in manifest.tables:
        raise VerificationError(
            f"the epoch has no {schema.name}: its weights were given", argument="row.table"
        )
    columns = proof.row.columns
    require_row(manifest, schema, columns, proof.row.index, proof.row.path)
    return Proved(
        instance=instance,
        epoch=manifest.epoch,
        node=columns["node_id"],
        amount=int(columns["amount"]) if schema == ALLOCATIONS else None,
        reason=columns["reason"] if schema == EXCLUDED else None,
        digest=manifest.digest,
        checkpoint=checkpoint,
    )


def _find_close(
    instance: Instance, epoch: int, checkpoint: Checkpoint
) -> tuple[LogTree, Event | None]:
    """The tree under a checkpoint, and the event in it that closed an epoch."""
    found: list[Event] = []

    def seen(event: Event) -> None:
        if event.type == CLOSE_EPOCH and event.payload.get("epoch") == epoch:
            found.append(event)

    with instance.open_log() as log:
        tree = read_tree(log, checkpoint.size, seen)
    return tree, found[0] if found else None


def _find_row(folder: Path, manifest: Manifest, node: str) -> ProvedRow:
    for schema in PROVED:
        if schema.name not in manifest.tables:
            continue
        table = read_artifact(folder, manifest, schema.name)
        index = find(table.ids("node_id"), node.encode())
        if index is not None:
            names = [column.name for column in schema.columns]
            columns = dict(zip(names, map(str, row_at(table, index)), strict=True))
            path = implementation().inclusion_proof(table.leaves, index)
            return ProvedRow(_name(schema), columns, index, [value.hex() for value in path])
    raise EvidenceError(
        f"no node {node} in epoch {manifest.epoch}: neither paid nor excluded",
        argument="node",
        value=node,
    )


def _name(schema: Schema) -> Literal["allocations", "excluded"]:
    return "allocations" if schema == ALLOCATIONS else "excluded"


def _body(event: Event) -> str:
    """The body of an event. It was canonical when it was read, so it is what this makes again."""
    document = {
        "payload": event.payload,
        "seq": event.seq,
        "tick": event.tick,
        "type": event.type,
    }
    return canonical.encode(document).decode("ascii")


def proved_event(tree: LogTree, event: Event, size: int) -> ProvedEvent:
    """An event of a log with the way to the root over the first `size` events."""
    path = [node_hash.hex() for node_hash in tree.inclusion(event.seq, size)]
    return ProvedEvent(event.seq, event.previous.hex(), _body(event), path)


def require_event(instance: bytes, proved: ProvedEvent, size: int, root: bytes) -> Event:
    """The event of a proof, which is one of the first `size` of a log with this root.

    Raises:
        VerificationError: it is none of them.
        QfsError: a value is malformed.
    """
    if not 0 <= proved.seq < size:
        raise VerificationError(
            f"event {proved.seq} of {size}", argument="event.seq", value=proved.seq
        )
    previous = parse_digest(proved.previous, "event.previous")
    body = proved.body.encode()
    path = [parse_digest(text, f"event.path[{i}]") for i, text in enumerate(proved.path)]
    digest = event_hash(instance, previous, body)
    found = root_from_proof(leaf_hash(digest), proved.seq, size, path)
    if found != root:
        raise VerificationError(
            "the event does not lead to the root of the checkpoint",
            argument="event.path",
            value=None if found is None else found.hex(),
            expected=root.hex(),
        )
    try:
        return parse(instance, Stored(proved.seq, previous, digest, body))
    except LogTamperedError as error:
        raise VerificationError(error.problem, argument="event.body") from error


def _require_named(manifest: Manifest, event: Event) -> None:
    """The event closed the epoch of this manifest."""
    try:
        payload = parse_payload(ProtocolEvent(event.type, event.tick, event.payload))
    except TransitionError as error:
        raise VerificationError(error.problem, argument="event.body") from error
    if not isinstance(payload, CloseEpoch):
        raise VerificationError(
            f"a {event.type} event, not {CLOSE_EPOCH}", argument="event.body", value=event.type
        )
    for name, logged, found in (
        ("manifest", payload.manifest, manifest.digest.hex()),
        ("epoch", payload.epoch, manifest.epoch),
        ("allocations", payload.allocations, manifest.tables.get(ALLOCATIONS.name)),
    ):
        if logged != found:
            raise VerificationError(
                f"event {event.seq} says {_text(logged)}, the manifest has {_text(found)}",
                argument=f"manifest {name}",
                value=found,
                expected=logged,
            )


def _text(value: object) -> object:
    return value.digest if isinstance(value, TableRef) else value
