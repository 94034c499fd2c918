"""The root of a log that a document leads to: that of a signed checkpoint, or one nobody signed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from qfs.errors import VerificationError
from qfs.ledger.checkpoint import Checkpoint
from qfs.ledger.checkpoints import origin_of, trusted
from qfs.ledger.consistency import note_of
from qfs.ledger.note import VerifierKey
from qfs.ledger.tree import LogTree


class LogRoot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many events of a log there are, and the root of the tree over them.

    Those of the checkpoint; without one, the last event that is spoken of and all before it.
    """

    size: int
    root: str


def log_root(tree: LogTree, size: int) -> LogRoot:
    """The root over the first `size` events of a log."""
    return LogRoot(size, tree.root(size).hex())


def require_log(
    log: LogRoot,
    note: str,
    needed: int,
    instance: bytes,
    keys: Sequence[VerifierKey] | None,
    known: Checkpoint | None,
) -> Checkpoint | None:
    """The checkpoint that states this log, or None where there is none.

    Args:
        log: as the document has it.
        note: base64 of the note of the checkpoint, or empty.
        needed: events up to the last that is spoken of: what the log has without a checkpoint.
        instance: whose log it is.
        keys: keys of the log's operator; None checks no signature.
        known: a checkpoint from elsewhere, or None.

    Raises:
        VerificationError: it is another log, or nobody signed it and a key was given.
    """
    stated = None
    if note:
        stated = trusted(note_of(note, "checkpoint"), keys, origin_of(instance))
    elif keys is not None:
        raise VerificationError("is not there, so nobody signed the log", argument="checkpoint")
    elif log.size != needed:
        raise VerificationError(
            "without a checkpoint it is the log up to the last event that is spoken of",
            argument="log.size",
            value=log.size,
            expected=needed,
        )
    for name, found in (("its checkpoint", stated), ("the one that is known", known)):
        if found is None:
            continue
        if (found.origin, found.size, found.root.hex()) != (
            origin_of(instance),
            log.size,
            log.root,
        ):
            raise VerificationError(
                f"{name} is of {found.size} events of {found.origin} with root {found.root.hex()}",
                argument="log",
                value=log.root,
                expected=found.root.hex(),
            )
    return stated
