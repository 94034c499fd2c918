"""Signed notes: a text, an empty line, and a line per signature, as transparency tools read them.

    example.com/nod-log
    7
    DIGYf3XWmWSRMJmR2mivSJI63ekd42xpNt4DZHR9WI0=

    — example.com/nod-log Enmuib8F...

The signature covers the text, including its last newline, and no purpose tag: tools that know
nothing of this protocol verify it. It needs none, since a text begins with no control byte and
everything signed under a tag does (`qfs.signatures`), and since its own first line says which log
it speaks of.

A signature line begins with a key id, SHA-256(name || 0x0A || type || public key)[:4]. The type
of Ed25519 is the byte 0x01. None is assigned to ML-DSA-65 over a note text (0x06 is ML-DSA-44 over
another message), so it takes the escape for types without a byte, 0xff, and a name of its own:
0xff || "qfs/ml-dsa-65/v1". Tools that do not know it ignore the line.

Source: C2SP signed-note, version 1.0.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from qfs.errors import QfsError, WrongTypeError, shown
from qfs.signatures import (
    ED25519,
    ML_DSA_65,
    PUBLIC_KEY_BYTES,
    InvalidKeyError,
    PrivateKey,
    PublicKey,
    sign_text,
    verify_text,
)

MAX_NAME_BYTES: Final = 255
"""Longest origin and key name: what witnesses of other logs can sign."""

MAX_NOTE_BYTES: Final = 1 << 17
"""Room for a text and 16 signatures of the largest suite there is (ML-DSA-87)."""

KEY_ID_BYTES: Final = 4
SIGNATURE_TYPES: Final = {ED25519: b"\x01", ML_DSA_65: b"\xffqfs/ml-dsa-65/v1"}

_SIGNATURE_START = "\N{EM DASH} "

assert SIGNATURE_TYPES.keys() == PUBLIC_KEY_BYTES.keys()


class CheckpointError(QfsError, ValueError):
    """A note or checkpoint that cannot be read, or that none of the trusted keys signed."""

    code = "checkpoint"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A key under the name by which signature lines call it.

    Attributes:
        name: 1 to 255 bytes without spaces and plus signs; for a log's own key its origin.
        public: the key.

    Raises:
        CheckpointError: the name is not of this form.
    """

    name: str
    public: PublicKey

    def __post_init__(self) -> None:
        _require_key_name(self.name)

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that signature lines call the key by, beside its name."""
        return hashlib.sha256(self.name.encode() + b"\n" + self._typed).digest()[:KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """name+key id in hex+base64 of type and key: the form that tools exchange."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(self._typed)}"

    @property
    def _typed(self) -> bytes:
        return SIGNATURE_TYPES[self.public.suite] + self.public.raw


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key under the name that its signature lines give."""

    name: str
    private: PrivateKey

    @property
    def verifier(self) -> VerifierKey:
        """What others need in order to verify what it signs."""
        return VerifierKey(self.name, self.private.public)


def parse_verifier_key(text: str) -> VerifierKey:
    """The key in a text `name+key id+base64`.

    Raises:
        InvalidKeyError: another form, a key id that is not this key's, an unknown type, or a key
            that `PublicKey` refuses.
        CheckpointError: the name is no key name, or the rest no base64.
    """
    # Base64 has plus signs of its own, and a name has none.
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise InvalidKeyError("not name+key id+base64", argument="verifier_key")
    name, key_id, encoded = parts
    typed = from_base64(encoded, "verifier_key")
    for suite, prefix in SIGNATURE_TYPES.items():
        if typed.startswith(prefix):
            key = VerifierKey(name, PublicKey(suite, typed[len(prefix) :]))
            if key.key_id.hex() != key_id:
                raise InvalidKeyError(
                    f"the key id of this name and key is {key.key_id.hex()}, not {shown(key_id)}",
                    argument="verifier_key",
                )
            return key
    raise InvalidKeyError("a key of an unknown type", argument="verifier_key")


def sign_note(text: bytes, signers: Sequence[Signer]) -> bytes:
    """The note of a text, with a signature line per signer, in their order.

    Raises:
        CheckpointError: the text is not one or more lines without control characters, two signers
            share name and key id, there is none, or the note would be too large.
    """
    require_note_text(text)
    identities = {(signer.name, signer.verifier.key_id) for signer in signers}
    if not signers or len(identities) != len(signers):
        raise CheckpointError("one or more different signers are needed", argument="signers")
    lines = []
    for signer in signers:
        blob = signer.verifier.key_id + sign_text(signer.private, text)
        lines.append(f"{_SIGNATURE_START}{signer.name} {to_base64(blob)}\n")
    note = text + b"\n" + "".join(lines).encode()
    if len(note) > MAX_NOTE_BYTES:
        raise CheckpointError(f"{len(note)} bytes, more than {MAX_NOTE_BYTES}", argument="note")
    return note


def open_note(data: bytes, trusted: Iterable[VerifierKey]) -> bytes:
    """The text of a note that at least one trusted key signed.

    Signatures of other keys are ignored; they are not even looked at.

    Raises:
        CheckpointError: not a note, signed by none of the trusted keys, or twice by one of them.
        SignatureError: a signature of a trusted key does not verify, whatever the others do.
    """
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in trusted:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise CheckpointError(f"two keys are called {key.name}", argument="trusted")
    text, signatures = split_note(data)
    verified = set()
    for name, blob in signatures:
        identity = (name, blob[:KEY_ID_BYTES])
        if identity not in known:
            continue
        if identity in verified:
            raise CheckpointError(f"signed twice by {shown(name)}", argument="note")
        verify_text(known[identity].public, text, blob[KEY_ID_BYTES:])
        verified.add(identity)
    if not verified:
        raise CheckpointError("signed by none of the trusted keys", argument="note")
    return text


def split_note(data: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The text of a note, and of each signature line the name, and key id with signature.

    Nothing is verified: what the text says is nobody's word yet.

    Raises:
        CheckpointError: not a note.
    """
    if not isinstance(data, bytes):
        raise WrongTypeError(f"bytes are wanted, not {type(data).__name__}", argument="note")
    if len(data) > MAX_NOTE_BYTES:
        raise CheckpointError(f"{len(data)} bytes, more than {MAX_NOTE_BYTES}", argument="note")
    # A text may hold empty lines itself: the last one ends it.
    text, separator, rest = data.rpartition(b"\n\n")
    if not separator:
        raise CheckpointError("no empty line before the signatures", argument="note")
    text += b"\n"
    require_note_text(text)
    signatures = []
    for i, line in enumerate(require_note_text(rest).removesuffix("\n").split("\n")):
        argument = f"signatures[{i}]"
        name, space, encoded = line.removeprefix(_SIGNATURE_START).partition(" ")
        if not line.startswith(_SIGNATURE_START) or not space:
            raise CheckpointError("not a dash, a name and base64", argument=argument)
        _require_key_name(name)
        blob = from_base64(encoded, argument)
        if len(blob) <= KEY_ID_BYTES:
            raise CheckpointError("a key id without a signature", argument=argument)
        signatures.append((name, blob))
    return text, signatures


def require_note_text(data: bytes) -> str:
    """The text of these bytes: lines that end in a newline, without other control characters.

    Raises:
        CheckpointError: they are not.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise CheckpointError("not UTF-8", argument="note") from error
    if not text.endswith("\n") or text.startswith("\n"):
        raise CheckpointError("not lines, the first one not empty", argument="note")
    if any(character < " " and character != "\n" for character in text):
        raise CheckpointError("a control character", argument="note")
    return text


def require_line(line: str, argument: str, maximum: int) -> None:
    """One line of 1 to `maximum` bytes of UTF-8 without control characters."""
    if not isinstance(line, str):
        raise WrongTypeError(f"text is wanted, not {type(line).__name__}", argument=argument)
    try:
        size = len(line.encode())
    except UnicodeEncodeError as error:
        raise CheckpointError("not UTF-8", argument=argument) from error
    if not 1 <= size <= maximum:
        raise CheckpointError(f"{size} bytes, not 1 .. {maximum}", argument=argument)
    if any(character < " " for character in line):
        raise CheckpointError("a control character", argument=argument)


def _require_key_name(name: str) -> None:
    require_line(name, "key name", MAX_NAME_BYTES)
    if any(character.isspace() or character == "+" for character in name):
        raise CheckpointError("a space or a plus sign", argument="key name", value=name)


def to_base64(data: bytes) -> str:
    """The one base64 that `from_base64` reads back."""
    return base64.b64encode(data).decode()


def from_base64(text: str, argument: str) -> bytes:
    """The bytes of base64 in the one form that encodes them (RFC 4648, section 4)."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise CheckpointError("not base64", argument=argument) from error
    if to_base64(data) != text:
        raise CheckpointError("not canonical base64", argument=argument)
    return data
