"""Checkpoints of the log, in the text form that transparency tools read.

A checkpoint says: the log of this origin had this many events, and this is the root of its tree.
It is a signed note (`qfs.ledger.note`) of three lines: origin, number of events, root in base64.

Source: C2SP tlog-checkpoint, version 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from qfs.errors import VerificationError, WrongTypeError, shown
from qfs.ledger.note import (
    MAX_NAME_BYTES,
    CheckpointError,
    Signer,
    VerifierKey,
    from_base64,
    open_note,
    require_line,
    require_note_text,
    sign_note,
    to_base64,
)
from qfs.limits import HASH_BYTES, MAX_TICK
from qfs.reference.consistency import is_consistent
from qfs.reference.merkle import EMPTY_ROOT

MAX_SIZE: Final = MAX_TICK
"""Largest number of events: their sequence numbers are canonical JSON."""

MAX_TEXT_BYTES: Final = 1 << 14

_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log: how many events, and the root of its tree.

    Attributes:
        origin: which log, one line of 1 to 255 bytes of UTF-8.
        size: number of events, 0 .. 2^53 - 1.
        root: RFC 9162 root, 32 bytes; the leaf of an event is its hash.
        extensions: further lines, none empty. They are signed with the rest and mean nothing
            here; monitors cannot check them, so a log had better have none.

    Raises:
        CheckpointError: a part is not of this form, or the text is longer than 16 KiB.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_line(self.origin, "origin", MAX_NAME_BYTES)
        if not isinstance(self.size, int) or isinstance(self.size, bool):
            raise WrongTypeError(f"an integer, not {shown(self.size)}", argument="size")
        if not 0 <= self.size <= MAX_SIZE:
            raise CheckpointError(f"{shown(self.size)} is not 0 .. {MAX_SIZE}", argument="size")
        if not isinstance(self.root, bytes) or len(self.root) != HASH_BYTES:
            raise CheckpointError(f"not {HASH_BYTES} bytes", argument="root", value=self.root)
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise CheckpointError("not the root of no events", argument="root", value=self.root)
        if not isinstance(self.extensions, tuple):
            raise WrongTypeError("a tuple is wanted", argument="extensions")
        for i, line in enumerate(self.extensions):
            require_line(line, f"extensions[{i}]", MAX_TEXT_BYTES)
        if len(self.text) > MAX_TEXT_BYTES:
            raise CheckpointError(f"text above {MAX_TEXT_BYTES} bytes", argument="extensions")

    @property
    def text(self) -> bytes:
        """The bytes that are signed."""
        lines = (self.origin, str(self.size), to_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines).encode()


def parse_checkpoint(text: bytes) -> Checkpoint:
    """The checkpoint that a text states. It is nobody's word before its note is verified.

    Raises:
        CheckpointError: not a checkpoint; the line at fault is named.
    """
    lines = require_note_text(text).removesuffix("\n").split("\n")
    if len(lines) < 3:
        raise CheckpointError(f"{len(lines)} lines, not 3 or more", argument="checkpoint")
    origin, size, root, *extensions = lines
    if not _SIZE.fullmatch(size):
        raise CheckpointError(f"{shown(size)} is no number of events", argument="size")
    decoded = from_base64(root, "root")
    checkpoint = Checkpoint(origin, int(size), decoded, tuple(extensions))
    assert checkpoint.text == text
    return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer]) -> bytes:
    """The signed checkpoint, UTF-8.

    Whoever signs promises never to sign one that is not consistent with it: sign only after
    `require_consistent` with the last one signed.

    Raises:
        CheckpointError: two signers share name and key id, or there is none.
    """
    return sign_note(checkpoint.text, signers)


def verify_checkpoint(data: bytes, trusted: Iterable[VerifierKey], origin: str) -> Checkpoint:
    """The checkpoint in a signed note, if a trusted key signed it and it is of this log.

    Args:
        data: the note, at most 128 KiB.
        trusted: the keys of the log's operator. Where post-quantum safety is wanted, pass the
            ML-DSA-65 key alone: one verified signature is enough.
        origin: the log that is asked about; a key may sign for several.

    Raises:
        CheckpointError: not a checkpoint, of another log, or signed by none of the trusted keys.
        SignatureError: a signature of a trusted key does not verify.
    """
    checkpoint = parse_checkpoint(open_note(data, trusted))
    if checkpoint.origin != origin:
        raise CheckpointError(
            f"a checkpoint of {shown(checkpoint.origin)}, not of {shown(origin)}",
            argument="origin",
            value=checkpoint.origin,
        )
    return checkpoint


def require_consistent(first: Checkpoint, second: Checkpoint, proof: Sequence[bytes]) -> None:
    """Return if the log of the second checkpoint begins with that of the first.

    Args:
        first: the checkpoint that was kept elsewhere.
        second: a later one, of the same size or larger.
        proof: as `qfs.reference.consistency.consistency_proof` gives it.

    Raises:
        CheckpointError: they are of different logs.
        VerificationError: the log has shrunk, has two roots of one size, or the proof fails.
    """
    if first.origin != second.origin:
        raise CheckpointError(
            f"checkpoints of {shown(first.origin)} and {shown(second.origin)}", argument="origin"
        )
    if second.size < first.size:
        raise VerificationError(
            f"the log has {second.size} events and had {first.size}",
            argument="size",
            value=second.size,
            expected=first.size,
        )
    if second.size == first.size and second.root != first.root:
        raise VerificationError(
            f"two roots over {first.size} events",
            argument="root",
            value=second.root.hex(),
            expected=first.root.hex(),
        )
    if not is_consistent(first.size, second.size, proof, first.root, second.root):
        raise VerificationError(
            f"it does not lead from {first.size} events to {second.size}", argument="proof"
        )
