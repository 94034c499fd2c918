"""Keys and signatures: Ed25519 by default, ML-DSA-65 as the second suite.

What is signed is u8 length || ASCII tag || message. The tag names the purpose and its version, so
a signature made for one purpose verifies for no other. A tag has at most 31 bytes, so what is
signed under a tag begins with a byte below 0x20; a text that is signed as it is (`sign_text`)
begins with none. The two families cannot meet, and one key may serve both.

Ed25519 signatures are a function of key and message. ML-DSA-65 signatures (pure, empty context)
are randomized: two signatures of the same bytes differ, and both verify.

Sources: RFC 8032 (Ed25519), FIPS 204 (ML-DSA), RFC 5958, 8410 and 9881 (keys in PKCS#8).
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey

from qfs.errors import (
    MissingDependencyError,
    QfsError,
    UnknownOptionError,
    WrongTypeError,
    shown,
)
from qfs.files import storage_errors

ED25519: Final = "ed25519"
ML_DSA_65: Final = "ml-dsa-65"

PUBLIC_KEY_BYTES: Final = {ED25519: 32, ML_DSA_65: 1952}
SEED_BYTES: Final = 32
MAX_KEY_FILE_BYTES: Final = 1 << 14
MAX_PASSPHRASE_BYTES: Final = 1023

Passphrase = Callable[[], bytes]
"""Asked for a passphrase when one is needed, and only then."""

_SUITES = ", ".join(PUBLIC_KEY_BYTES)
_REFUSED = "the signature does not verify"
_FIRST_OF_TEXT = b"\x20"
_TAG = re.compile("[!-~]{2,31}")
_HEX = re.compile("([0-9a-f]{2})+")
_PLAIN_PEM = b"-----BEGIN PRIVATE KEY-----"
_ENCRYPTED_PEM = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"

# edwards25519: -x^2 + y^2 = 1 + d x^2 y^2 over the integers mod p.
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_SQRT_OF_MINUS_1 = pow(2, (_P - 1) // 4, _P)


class InvalidKeyError(QfsError, ValueError):
    """A key that is malformed, unsafe, or not kept as it must be. It never holds the key."""

    code = "key"


class SignatureError(QfsError):
    """A signature that does not verify. It says nothing more, whatever the reason."""

    code = "signature"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that may be trusted to be one: it has been checked.

    Attributes:
        suite: `ed25519` or `ml-dsa-65`.
        raw: its bytes as RFC 8032 (32) or FIPS 204 (1952) encodes them.

    Raises:
        UnknownOptionError: another suite.
        InvalidKeyError: another length; for Ed25519 also an encoding that is not canonical, a
            point off the curve, or one of small order, under which signatures can be forged.
    """

    suite: str
    raw: bytes

    def __post_init__(self) -> None:
        size = _public_key_bytes(self.suite)
        _require_bytes(self.raw, "public_key")
        if len(self.raw) != size:
            raise InvalidKeyError(
                f"an {self.suite} key has {size} bytes, this has {len(self.raw)}",
                argument="public_key",
            )
        fault = _ed25519_fault(self.raw) if self.suite == ED25519 else None
        if fault is not None:
            raise InvalidKeyError(f"not a usable Ed25519 key: {fault}", argument="public_key")

    @property
    def text(self) -> str:
        """The suite, a colon, and the bytes in lowercase hex."""
        return f"{self.suite}:{self.raw.hex()}"


class PrivateKey:
    """A private key: made by `generate`, `from_seed` or `read_private_key`, used by `sign`.

    It shows only its public half, and cannot be pickled or copied.
    """

    __slots__ = ("_key", "public")

    def __init__(self, key: Ed25519PrivateKey | MLDSA65PrivateKey) -> None:
        suite = ED25519 if isinstance(key, Ed25519PrivateKey) else ML_DSA_65
        self._key = key
        self.public = PublicKey(suite, key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"<private key of {self.public.suite}:{self.public.raw.hex()[:16]}...>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise WrongTypeError("a private key is not to be pickled or copied")


def parse_public_key(text: str, argument: str = "public_key") -> PublicKey:
    """The key of a text such as `ed25519:` and 64 lowercase hex digits.

    Raises:
        InvalidKeyError: any other form, or a key that `PublicKey` refuses.
    """
    suite, _, digits = text.partition(":")
    if suite not in PUBLIC_KEY_BYTES or not _HEX.fullmatch(digits):
        # The text is not shown: who mixes up two files would print a private key.
        raise InvalidKeyError(
            f"not one of {_SUITES}, a colon, and lowercase hex", argument=argument
        )
    try:
        return PublicKey(suite, bytes.fromhex(digits))
    except InvalidKeyError as error:
        error.argument = argument
        raise


def accepted_public_key(text: str) -> PublicKey:
    """The key of a text that `parse_public_key` has accepted before, such as a registered one.

    It is not looked at again: whether it lies on the curve takes longer than to verify by it.
    """
    suite, _, digits = text.partition(":")
    key = object.__new__(PublicKey)
    object.__setattr__(key, "suite", suite)
    object.__setattr__(key, "raw", bytes.fromhex(digits))
    return key


def generate(suite: str = ED25519) -> PrivateKey:
    """A new private key, from the operating system's randomness.

    Raises:
        UnknownOptionError: there is no such suite.
        MissingDependencyError: this build of `cryptography` lacks it.
    """
    _public_key_bytes(suite)
    with _available():
        if suite == ED25519:
            return PrivateKey(Ed25519PrivateKey.generate())
        return PrivateKey(MLDSA65PrivateKey.generate())


def from_seed(seed: bytes, suite: str = ED25519) -> PrivateKey:
    """The private key of a seed of 32 bytes, always the same: for tests and simulations.

    The seed is the private key of RFC 8032, or the xi of FIPS 204.

    Raises:
        InvalidKeyError: the seed has another length.
        UnknownOptionError: there is no such suite.
        MissingDependencyError: this build of `cryptography` lacks it.
    """
    _public_key_bytes(suite)
    _require_bytes(seed, "seed")
    if len(seed) != SEED_BYTES:
        raise InvalidKeyError(
            f"a seed has {SEED_BYTES} bytes, this has {len(seed)}", argument="seed"
        )
    with _available():
        if suite == ED25519:
            return PrivateKey(Ed25519PrivateKey.from_private_bytes(seed))
        return PrivateKey(MLDSA65PrivateKey.from_seed_bytes(seed))


def signed_bytes(purpose_tag: str, message: bytes) -> bytes:
    """What is signed for a purpose: u8 length || ASCII tag || message.

    Raises:
        ValueError: the tag is not 2 to 31 bytes of 0x21 to 0x7E.
    """
    _require_bytes(message, "message")
    if not _TAG.fullmatch(purpose_tag):
        raise ValueError(f"a purpose tag has 2 to 31 bytes of 0x21 to 0x7E, not {purpose_tag!r}")
    name = purpose_tag.encode("ascii")
    return b"".join((len(name).to_bytes(1, "big"), name, message))


def sign(private: PrivateKey, purpose_tag: str, message: bytes) -> bytes:
    """The signature of a message for a purpose: 64 bytes (Ed25519) or 3309 (ML-DSA-65)."""
    return private._key.sign(signed_bytes(purpose_tag, message))


def verify(public: PublicKey, purpose_tag: str, message: bytes, signature: bytes) -> None:
    """Return if the signature is this key's, of this message, for this purpose.

    Raises:
        SignatureError: it is not; always the same error.
    """
    _verify(public, signed_bytes(purpose_tag, message), signature)


def sign_text(private: PrivateKey, text: bytes) -> bytes:
    """The signature of the text as it is, for formats that others define, without a tag.

    Raises:
        ValueError: the text is empty or begins with a byte below 0x20, as tagged bytes do.
    """
    _require_bytes(text, "text")
    if text[:1] < _FIRST_OF_TEXT:
        raise ValueError("a text that is signed without a tag begins with a byte from 0x20 up")
    return private._key.sign(text)


def verify_text(public: PublicKey, text: bytes, signature: bytes) -> None:
    """Return if the signature is this key's, of this text as it is.

    Raises:
        SignatureError: it is not, or the text is one that `sign_text` refuses.
    """
    _require_bytes(text, "text")
    if text[:1] < _FIRST_OF_TEXT:
        raise SignatureError(_REFUSED)
    _verify(public, text, signature)


def write_private_key(path: Path, key: PrivateKey, passphrase: Passphrase | None = None) -> None:
    """Write a key into a new file that only its owner may read: PEM, PKCS#8.

    Args:
        path: where there is nothing yet, not even a link that leads nowhere.
        key: the key.
        passphrase: where given, the file is encrypted with what it returns, 1 to 1023 bytes.

    Raises:
        StorageError: the file exists or cannot be written; what was begun is removed.
        InvalidKeyError: the passphrase has another length.
    """
    pem = key._key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, _encryption(passphrase)
    )
    with storage_errors(path):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        try:
            with open(descriptor, "wb") as file:
                # The umask can only have taken more away; then nobody could read it again.
                os.fchmod(descriptor, 0o600)
                file.write(pem)
                file.flush()
                os.fsync(descriptor)
        except BaseException:
            os.unlink(path)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_private_key(path: Path, passphrase: Passphrase | None = None) -> PrivateKey:
    """The key in a file: PEM, PKCS#8, at most 16 KiB, for nobody but its owner.

    A link is followed, and what it leads to is judged.

    Raises:
        StorageError: it cannot be read.
        InvalidKeyError: it is no regular file, others may read or write it, it is too large, no
            key of a known suite, or encrypted and the passphrase is missing or wrong.
    """
    with storage_errors(path):
        # Without O_NONBLOCK, opening a pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            # The opened file is asked, not the path: the path may lead elsewhere a moment later.
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise InvalidKeyError("is not a regular file", source=str(path))
            if mode & 0o077:
                raise InvalidKeyError(
                    f"others than its owner may use it (mode {stat.S_IMODE(mode):04o});"
                    " a private key has mode 0600",
                    source=str(path),
                )
            with open(descriptor, "rb", closefd=False) as file:
                pem = file.read(MAX_KEY_FILE_BYTES + 1)
        finally:
            os.close(descriptor)
    return _parse_private_key(pem, passphrase, str(path))


def _parse_private_key(pem: bytes, passphrase: Passphrase | None, source: str) -> PrivateKey:
    if len(pem) > MAX_KEY_FILE_BYTES:
        raise InvalidKeyError(f"has more than {MAX_KEY_FILE_BYTES} bytes", source=source)
    if pem.count(b"-----BEGIN") != 1 or not pem.startswith((_PLAIN_PEM, _ENCRYPTED_PEM)):
        raise InvalidKeyError("is not one private key in PKCS#8 PEM", source=source)
    is_encrypted = pem.startswith(_ENCRYPTED_PEM)
    if is_encrypted and passphrase is None:
        raise InvalidKeyError("is encrypted, and no passphrase was given", source=source)
    password = passphrase() if is_encrypted and passphrase is not None else None
    try:
        key = serialization.load_pem_private_key(pem, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The cause is left out: it could quote what it read.
        reason = ", or the passphrase is wrong" if is_encrypted else ""
        raise InvalidKeyError(f"cannot be read as a private key{reason}", source=source) from None
    if not isinstance(key, (Ed25519PrivateKey, MLDSA65PrivateKey)):
        raise InvalidKeyError(f"is a key of none of {_SUITES}", source=source)
    return PrivateKey(key)


def _encryption(passphrase: Passphrase | None) -> serialization.KeySerializationEncryption:
    if passphrase is None:
        return serialization.NoEncryption()
    password = passphrase()
    if not 1 <= len(password) <= MAX_PASSPHRASE_BYTES:
        raise InvalidKeyError(f"a passphrase has 1 to {MAX_PASSPHRASE_BYTES} bytes")
    return serialization.BestAvailableEncryption(password)


def _verify(public: PublicKey, data: bytes, signature: bytes) -> None:
    _require_bytes(signature, "signature")
    with _available():
        kind = Ed25519PublicKey if public.suite == ED25519 else MLDSA65PublicKey
        loaded = kind.from_public_bytes(public.raw)
    try:
        loaded.verify(signature, data)
    except InvalidSignature:
        raise SignatureError(_REFUSED) from None


def _ed25519_fault(raw: bytes) -> str | None:
    """What is wrong with the encoding of a point, or None.

    Twice (x, y) is (2xy / (1 + t), (y^2 + x^2) / (1 - t)) with t = d x^2 y^2; no divisor is ever 0.
    The order of a point divides 2 where x = 0. So it divides 4 where that holds of its double,
    which is where xy = 0, and 8, which is small order, where xy (y^2 + x^2) = 0.
    """
    number = int.from_bytes(raw, "little")
    y, sign = number % 2**255, number >> 255
    if y >= _P:
        return "its y is not reduced"
    # x^2 = (y^2 - 1) / (d y^2 + 1); the divisor is never 0, since -1/d is not a square.
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(x_squared, (_P + 3) // 8, _P)
    if x * x % _P != x_squared:
        x = x * _SQRT_OF_MINUS_1 % _P
    if x * x % _P != x_squared:
        return "it is no point of the curve"
    if x == 0 and sign:
        return "it has the sign of an x that is 0"
    # The sign of x does not matter here: a point and its negative have the same order.
    return "it has small order" if x * y * (y * y + x_squared) % _P == 0 else None


def _public_key_bytes(suite: str) -> int:
    if suite not in PUBLIC_KEY_BYTES:
        raise UnknownOptionError(f"{shown(suite)} is none of {_SUITES}", argument="suite")
    return PUBLIC_KEY_BYTES[suite]


def _require_bytes(value: object, argument: str) -> None:
    if not isinstance(value, bytes):
        raise WrongTypeError(f"bytes are wanted, not {type(value).__name__}", argument=argument)


@contextlib.contextmanager
def _available() -> Iterator[None]:
    """Turns the refusal of a suite into an error that says what to install."""
    try:
        yield
    except UnsupportedAlgorithm as error:
        raise MissingDependencyError(
            "this build of cryptography lacks the suite; its wheels from version 48 on have it"
        ) from error
