"""Verification of logs and instances, and what kind of thing a path leads to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Literal

import msgspec

from qfs import canonical
from qfs.errors import EvidenceError, QfsError, VerificationError
from qfs.files import read_bounded, storage_errors
from qfs.ledger import consistency, log_proofs, proofs, receipts, tallying
from qfs.ledger.artifacts import Artifacts
from qfs.ledger.checkpoint import Checkpoint
from qfs.ledger.checkpoints import require_reaches
from qfs.ledger.evidence import MANIFEST, Stage, read_artifact, read_manifest, silent
from qfs.ledger.instance import CONFIG, Instance, is_instance
from qfs.ledger.log import EventLog
from qfs.ledger.replay import replay
from qfs.ledger.tree import LogTree, read_tree
from qfs.protocol.events import CLOSE_EPOCH
from qfs.protocol.genesis import initial_state
from qfs.tables import SCHEMAS

Kind = Literal[
    "evidence",
    "tally",
    "instance",
    "log",
    "payment",
    "log proof",
    "receipt",
    "consistency",
    "checkpoint",
]

FORMATS: Final[Mapping[str, Kind]] = {
    proofs.FORMAT: "payment",
    log_proofs.FORMAT: "log proof",
    receipts.FORMAT: "receipt",
    consistency.FORMAT: "consistency",
}
ACCEPTED: Final = (
    "an evidence folder, a folder of `qfs tally`, the folder of an instance, a log in a SQLite"
    " file, a proof of `qfs prove` or `qfs checkpoint consistency`, or a checkpoint"
)

_SQLITE: Final = b"SQLite format 3\0"
_SIGNATURE: Final = "\n\n\N{EM DASH} ".encode()
_ARTIFACT = re.compile(r"([a-z]+)-([0-9a-f]{64})\.parquet")


class _Document(msgspec.Struct):
    """Whatever document says of what format it is."""

    format: str


@dataclass(frozen=True, slots=True)
class VerifiedInstance:
    """What the log of an instance came to.

    Attributes:
        tree: over all its events.
        state: digest of the state after them, 32 bytes.
        epochs: digest of each closed epoch, in order, 64 hex digits.
        absent: closed epochs without evidence in the folder; it can be made again.
        artifacts: number of tables that were checked against their names.
    """

    tree: LogTree
    state: bytes
    epochs: Mapping[int, str]
    absent: tuple[int, ...]
    artifacts: int


def kind_of(path: Path) -> Kind:
    """What a path leads to, by its content.

    Raises:
        StorageError: it cannot be read, or is too large for anything that is accepted.
        EvidenceError: nothing that is accepted.
    """
    if path.is_dir():
        return _kind_of_folder(path)
    with storage_errors(path), path.open("rb") as file:
        start = file.read(len(_SQLITE))
    if start == _SQLITE:
        return "log"
    data = read_bounded(path, canonical.MAX_BYTES)
    if data.startswith(b"{"):
        try:
            found = FORMATS.get(msgspec.json.decode(data, type=_Document).format)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            found = None
    else:
        found = "checkpoint" if _SIGNATURE in data else None
    if found is None:
        raise EvidenceError(
            f"is nothing that can be verified; accepted is {ACCEPTED}", source=str(path)
        )
    return found


def verify_log(log: EventLog, known: Checkpoint | None = None) -> LogTree:
    """Check every event of a log, and that it continues a checkpoint from elsewhere.

    Args:
        log: opened for reading or writing.
        known: the checkpoint, or None. Without it a tail that was cut off is not seen.

    Raises:
        LogTamperedError: an event is not what was appended.
        VerificationError: the log has fewer events than the checkpoint, or other ones.
    """
    tree = read_tree(log)
    if known is not None:
        require_reaches(tree, known)
    return tree


def verify_instance(
    instance: Instance, known: Checkpoint | None = None, stage: Stage = silent
) -> VerifiedInstance:
    """Check the log of an instance, compute everything again from it, and check what is kept.

    Args:
        instance: whose snapshots are not used.
        known: a checkpoint from elsewhere, or None.
        stage: called with what is done next; four times.

    Raises:
        LogTamperedError: an event is not what was appended.
        ReplayError: an event is refused by the rules, or breaks an invariant.
        VerificationError: the log does not continue the checkpoint, or evidence or a table in the
            folder is not what the log says.
        QfsError: something cannot be read.
    """
    stage("checking the chain")
    epochs: dict[int, str] = {}
    with instance.open_log() as log:
        tree = verify_log(log, known)
        stage("computing everything again")
        state = initial_state(log.genesis)
        # What is appended meanwhile is for the next verification.
        for event, after in islice(replay(log, instance.artifacts), tree.size):
            state = after
            if event.type == CLOSE_EPOCH:
                epochs[event.payload["epoch"]] = event.payload["manifest"]
    stage("checking evidence")
    absent = [epoch for epoch, digest in epochs.items() if not _check_kept(instance, epoch, digest)]
    stage("checking artifacts")
    checked = _check_artifacts(instance.artifacts)
    return VerifiedInstance(tree, state.digest, epochs, tuple(absent), checked)


def _kind_of_folder(path: Path) -> Kind:
    if is_instance(path):
        return "instance"
    with storage_errors(path):
        if (path / MANIFEST).exists():
            return "evidence"
        if (path / tallying.DOCUMENT).exists():
            return "tally"
    raise EvidenceError(
        f"has none of {CONFIG}, {MANIFEST} and {tallying.DOCUMENT}; accepted is {ACCEPTED}",
        source=str(path),
    )


def _check_kept(instance: Instance, epoch: int, digest: str) -> bool:
    """Whether there is evidence of an epoch; what there is, is what the log says."""
    folder = instance.evidence(epoch)
    if not folder.exists():
        return False
    try:
        manifest = read_manifest(folder)
        if manifest.digest.hex() != digest:
            raise VerificationError(
                f"the evidence has the digest {manifest.digest.hex()}, the log says {digest}",
                argument=MANIFEST,
                value=manifest.digest.hex(),
                expected=digest,
            )
        for name in manifest.tables:
            read_artifact(folder, manifest, name)
    except QfsError as error:
        error.source = error.source or str(folder)
        raise
    return True


def _check_artifacts(artifacts: Artifacts) -> int:
    """The number of tables, each checked against the digest in its name."""
    with storage_errors(artifacts.folder):
        names = sorted(path.name for path in artifacts.folder.iterdir())
    found = [match for match in map(_ARTIFACT.fullmatch, names) if match and match[1] in SCHEMAS]
    for match in found:
        artifacts.get(SCHEMAS[match[1]], match[2])
    return len(found)
