"""Consistency files: two signed checkpoints of one log, and that the later continues the earlier.

A file needs nothing beside it but the operator's key, or one of the two checkpoints from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from qfs import canonical
from qfs.errors import VerificationError
from qfs.files import new_file, read_bounded
from qfs.ledger.checkpoint import Checkpoint, require_consistent
from qfs.ledger.checkpoints import origin_of, require_reaches, trusted
from qfs.ledger.instance import Instance
from qfs.ledger.note import CheckpointError, VerifierKey, from_base64, to_base64
from qfs.ledger.tree import read_tree
from qfs.protocol.manifest import parse_digest

FORMAT: Final = "qfs-consistency-v1"


class ConsistencyProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two checkpoints, as base64 of their notes, and the path between their roots."""

    format: Literal["qfs-consistency-v1"]
    first: str
    second: str
    path: list[str]


class Consistent(NamedTuple):
    """Two checkpoints of which the second continues the first."""

    first: Checkpoint
    second: Checkpoint


def prove_consistency(instance: Instance, first: bytes, second: bytes) -> ConsistencyProof:
    """The proof that the second note's checkpoint continues the first's, from the log of both.

    Raises:
        LogTamperedError: the log's chain is broken.
        VerificationError: one of them is no checkpoint of this log as it is, or the first has
            more events.
    """
    origin = origin_of(instance.id)
    earlier = trusted(first, None, origin, "first checkpoint")
    later = trusted(second, None, origin, "second checkpoint")
    with instance.open_log() as log:
        tree = read_tree(log, max(earlier.size, later.size))
    require_reaches(tree, earlier, "first checkpoint")
    require_reaches(tree, later, "second checkpoint")
    path = tree.consistency(earlier.size, later.size) if earlier.size <= later.size else []
    require_consistent(earlier, later, path)
    return ConsistencyProof(
        FORMAT, to_base64(first), to_base64(second), [node.hex() for node in path]
    )


def write_consistency(proof: ConsistencyProof, path: Path) -> None:
    """Write a consistency proof into a new file."""
    with new_file(path) as file:
        file.write(canonical.encode(proof))


def read_consistency(path: Path) -> ConsistencyProof:
    """The consistency proof in a file.

    Raises:
        StorageError: it cannot be read.
        EvidenceError: it is none.
    """
    data = read_bounded(path, canonical.MAX_BYTES)
    return canonical.decode(data, ConsistencyProof, path.name)


def verify_consistency(
    proof: ConsistencyProof,
    keys: Sequence[VerifierKey] | None = None,
    known: Checkpoint | None = None,
) -> Consistent:
    """The two checkpoints, if the second continues the first.

    Args:
        proof: as read.
        keys: keys of the log's operator; None checks no signature.
        known: a checkpoint from elsewhere, or None; it must be one of the two.

    Raises:
        VerificationError: something does not hold; it is named.
        QfsError: a value is malformed.
    """
    first = trusted(note_of(proof.first, "first"), keys, None, "first")
    second = trusted(note_of(proof.second, "second"), keys, first.origin, "second")
    if known is not None and known not in (first, second):
        raise VerificationError("neither of the two is the one that is known", argument="first")
    path = [parse_digest(text, f"path[{i}]") for i, text in enumerate(proof.path)]
    require_consistent(first, second, path)
    return Consistent(first, second)


def note_of(text: str, argument: str) -> bytes:
    """The note in a document.

    Raises:
        VerificationError: the text is not the one base64 of its bytes.
    """
    try:
        return from_base64(text, argument)
    except CheckpointError as error:
        raise VerificationError(error.problem, argument=argument) from error
