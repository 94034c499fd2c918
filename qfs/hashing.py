"""Tagged SHA-256: every hash of the protocol that is not a node of a Merkle tree.

The tag says what is hashed and in which version, so that bytes hashed for one purpose never stand
for another. RFC 9162 trees prefix their leaves with 0x00 and their nodes with 0x01; a tag of at
least two characters starts with a larger length byte, so the two families cannot meet.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

TIE_TAG: Final = "qfs/tie/v1"
TABLE_TAG: Final = "qfs/table/v1"
RULESET_TAG: Final = "qfs/ruleset/v1"
EVIDENCE_TAG: Final = "qfs/evidence/v1"
INSTANCE_TAG: Final = "qfs/instance/v1"
EVENT_TAG: Final = "qfs/event/v1"
STATE_TAG: Final = "qfs/state/v1"
TRACE_TAG: Final = "qfs/trace/v1"
TOKENS_TAG: Final = "qfs/tokens/v1"
PAYLOAD_TAG: Final = "qfs/payload/v1"
PROPOSAL_TAG: Final = "qfs/proposal/v1"
SIGNATURE_TAG: Final = "qfs/signature/v1"
TALLY_TAG: Final = "qfs/tally/v1"
TALLY_LEAF_TAG: Final = "qfs/tally-leaf/v1"
TALLY_NODE_TAG: Final = "qfs/tally-node/v1"

_PARTS: Final = ("Init", "Update", "Final")
_CONTEXT_BYTES: Final = 512
"""More than any libcrypto's SHA256_CTX, which has 112."""
_SHA256_OF_ABC: Final = bytes.fromhex(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
)
"""FIPS 180-4, first example."""

_MIN_TAG_BYTES = 2
_MAX_TAG_BYTES = 255


def tagged_hash(tag: str, *fields: bytes) -> bytes:
    """SHA-256 over u8 length || ASCII tag || fields, 32 bytes.

    The fields are joined as they are: a caller with more than one field of variable length
    prefixes each with its length (`sized`).
    """
    return hashlib.sha256(b"".join((tag_bytes(tag), *fields))).digest()


def tag_bytes(tag: str) -> bytes:
    """The tag behind its length: what is hashed before the fields."""
    name = tag.encode("ascii")
    if not _MIN_TAG_BYTES <= len(name) <= _MAX_TAG_BYTES:
        raise ValueError(f"a tag has 2 to 255 bytes, {tag!r} has {len(name)}")
    return len(name).to_bytes(1, "big") + name


def sized(field: bytes) -> bytes:
    """The field behind its length as u16 big-endian."""
    return len(field).to_bytes(2, "big") + field


def tie_hash(epoch: int, node_id: bytes) -> bytes:
    """The key by which a `rotating` tie is broken: lower comes first."""
    return tagged_hash(TIE_TAG, epoch.to_bytes(8, "big"), sized(node_id))


class Sha256Library(NamedTuple):
    """SHA-256 of a libcrypto, to be called without a Python object and a context per hash."""

    name: str
    functions: tuple[int, int, int]
    """addresses of SHA256_Init, SHA256_Update and SHA256_Final"""


@cache
def sha256_library() -> Sha256Library | None:
    """The libcrypto that hashlib has loaded, or else the system's; None where there is neither,
    or where it does not hash a known text to what it should."""
    for name in _libraries():
        with contextlib.suppress(OSError, AttributeError):
            library = ctypes.CDLL(name)
            init, update, final = (getattr(library, f"SHA256_{part}") for part in _PARTS)
            context, found = ctypes.create_string_buffer(_CONTEXT_BYTES), (ctypes.c_ubyte * 32)()
            init(context)
            update(context, b"abc", ctypes.c_size_t(3))
            final(found, context)
            if bytes(found) == _SHA256_OF_ABC:
                at = [ctypes.cast(part, ctypes.c_void_p).value for part in (init, update, final)]
                return Sha256Library(name, (at[0] or 0, at[1] or 0, at[2] or 0))
    return None


def _libraries() -> Iterator[str]:
    with contextlib.suppress(ImportError):
        import _hashlib

        yield _hashlib.__file__
    yield "libcrypto.so.3"
