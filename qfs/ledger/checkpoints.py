"""Checkpoints of an instance's log: signing them, keeping them, and checking a log against one.

The origin of an instance's log is "qfs/" and the instance in hex, so no two instances share one.
The operator promises never to sign two checkpoints that do not lie on one log. What was signed is
therefore kept in the instance's folder, and nothing is signed that does not follow from it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from qfs.errors import QfsError, StorageError, VerificationError, shown
from qfs.files import new_file, read_bounded, storage_errors
from qfs.ledger.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint, verify_checkpoint
from qfs.ledger.instance import Instance
from qfs.ledger.log import Progress
from qfs.ledger.note import (
    MAX_NOTE_BYTES,
    CheckpointError,
    Signer,
    VerifierKey,
    open_note,
    split_note,
)
from qfs.ledger.tree import LogTree, read_tree
from qfs.signatures import SignatureError

FOLDER: Final = "checkpoints"
"""In the folder of an instance: what was signed, a file per number of events."""

ORIGIN: Final = "qfs/"

_KEPT = re.compile(r"([0-9]{16})\.txt")


class SignedCheckpoint(NamedTuple):
    """A checkpoint with the note that states it, and the file that keeps it."""

    checkpoint: Checkpoint
    note: bytes
    path: Path


def origin_of(instance: bytes) -> str:
    """The origin of the log of an instance, by which its checkpoints name it."""
    return ORIGIN + instance.hex()


def read_note(path: Path) -> bytes:
    """The bytes of a checkpoint file, of which nothing is checked but their number.

    Raises:
        StorageError: it cannot be read, or is larger than a checkpoint can be.
    """
    return read_bounded(path, MAX_NOTE_BYTES)


def stated(note: bytes) -> Checkpoint:
    """The checkpoint that a note states, its signatures not checked: it is nobody's word.

    Raises:
        CheckpointError: not a checkpoint.
    """
    text, _ = split_note(note)
    return parse_checkpoint(text)


def trusted(
    note: bytes,
    keys: Sequence[VerifierKey] | None,
    origin: str | None,
    argument: str = "checkpoint",
) -> Checkpoint:
    """The checkpoint in a note, if a trusted key signed it.

    The signature is checked first, and the numbers are read then.

    Args:
        note: the note, at most 128 KiB.
        keys: keys of the log's operator. None checks no signature: the checkpoint is then as good
            as the place that it comes from.
        origin: the log that is asked about, or None for any.
        argument: what the checkpoint is called in errors.

    Raises:
        VerificationError: none of the keys signed it, a signature does not verify, it is of
            another log, or no checkpoint.
    """
    try:
        text = split_note(note)[0] if keys is None else open_note(note, keys)
        checkpoint = parse_checkpoint(text)
    except (CheckpointError, SignatureError) as error:
        raise VerificationError(str(error), argument=argument) from error
    if origin is not None and checkpoint.origin != origin:
        raise VerificationError(
            f"of {shown(checkpoint.origin)}, not of {shown(origin)}",
            argument=argument,
            value=checkpoint.origin,
            expected=origin,
        )
    return checkpoint


def require_reaches(tree: LogTree, known: Checkpoint, argument: str = "checkpoint") -> None:
    """The log begins with the events that a checkpoint speaks of.

    Args:
        tree: over all events of the log.
        known: a checkpoint of this log from elsewhere.
        argument: what the checkpoint is called in errors.

    Raises:
        VerificationError: the log has fewer events, or another root over as many.
    """
    if tree.size < known.size:
        raise VerificationError(
            f"the log has {tree.size} events, and had {known.size}: events"
            f" {tree.size} .. {known.size - 1} were cut off",
            argument=argument,
            value=tree.size,
            expected=known.size,
        )
    root = tree.root(known.size)
    if root != known.root:
        raise VerificationError(
            f"the first {known.size} events have the root {root.hex()}, not {known.root.hex()}:"
            " the log was rewritten",
            argument=argument,
            value=root.hex(),
            expected=known.root.hex(),
        )


def sign_instance(
    instance: Instance, signers: Sequence[Signer], progress: Progress | None = None
) -> SignedCheckpoint:
    """Check the chain of an instance's log and sign a checkpoint of all its events.

    The checkpoint is kept in the instance's folder. Where one of this size was signed by the same
    keys before, that one is what is returned.

    Raises:
        LogTamperedError: the chain is broken; nothing is signed.
        VerificationError: the log does not continue the last checkpoint that was signed.
        CheckpointError: two signers share name and key id, or there is none.
        StorageError: it cannot be written, or one of this size by other keys is kept already.
    """
    with instance.open_log() as log:
        tree = read_tree(log, progress=progress)
    for path in kept(instance)[-1:]:
        require_reaches(tree, _stated_in(path), f"{FOLDER}/{path.name}")
    checkpoint = Checkpoint(origin_of(instance.id), tree.size, tree.root())
    path = instance.folder / FOLDER / f"{tree.size:016d}.txt"
    if path.exists():
        note = read_note(path)
        if not _signed_by(note, signers, checkpoint):
            raise StorageError(
                "a checkpoint of this size by other keys is kept here already", source=str(path)
            )
        return SignedCheckpoint(checkpoint, note, path)
    note = sign_checkpoint(checkpoint, signers)
    with storage_errors(path):
        path.parent.mkdir(exist_ok=True)
    with new_file(path) as file:
        file.write(note)
    return SignedCheckpoint(checkpoint, note, path)


def kept(instance: Instance) -> list[Path]:
    """The files of the checkpoints that were signed, by number of events."""
    folder = instance.folder / FOLDER
    with storage_errors(folder):
        names = sorted(path.name for path in folder.glob("*.txt"))
    return [folder / name for name in names if _KEPT.fullmatch(name)]


def _stated_in(path: Path) -> Checkpoint:
    try:
        return stated(read_note(path))
    except QfsError as error:
        error.source = str(path)
        raise


def _signed_by(note: bytes, signers: Sequence[Signer], checkpoint: Checkpoint) -> bool:
    """Whether each of the signers signed this checkpoint in this note."""
    try:
        found = [
            verify_checkpoint(note, [signer.verifier], checkpoint.origin) for signer in signers
        ]
    except (CheckpointError, SignatureError):
        return False
    return bool(found) and all(one == checkpoint for one in found)
