"""Tagged SHA-256: every hash of the protocol that is not a node of a Merkle tree.

The tag says what is hashed and in which version, so that bytes hashed for one purpose never stand
for another. RFC 9162 trees prefix their leaves with 0x00 and their nodes with 0x01; a tag of at
least two characters starts with a larger length byte, so the two families cannot meet.
"""

from __future__ import annotations

import ctypes
import hashlib
from functools import cache
from typing import Final

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

_MIN_TAG_BYTES = 2
_MAX_TAG_BYTES = 255


def tagged_hash(tag: str, *fields: bytes) -> bytes:
    """SHA-256 over u8 length || ASCII tag || fields, 32 bytes.

    The fields are joined as they are: a caller with more than one field of variable length
    prefixes each with its length (`sized`).
    """
    name = tag.encode("ascii")
    if not _MIN_TAG_BYTES <= len(name) <= _MAX_TAG_BYTES:
        raise ValueError(f"a tag has 2 to 255 bytes, {tag!r} has {len(name)}")
    return hashlib.sha256(b"".join((len(name).to_bytes(1, "big"), name, *fields))).digest()


def sized(field: bytes) -> bytes:
    """The field behind its length as u16 big-endian."""
    return len(field).to_bytes(2, "big") + field


def tie_hash(epoch: int, node_id: bytes) -> bytes:
    """The key by which a `rotating` tie is broken: lower comes first."""
    return tagged_hash(TIE_TAG, epoch.to_bytes(8, "big"), sized(node_id))


@cache
def sha256_functions() -> tuple[int, int, int] | None:
    """Addresses of libcrypto's SHA-256, as already loaded by hashlib; None where it is not.

    Called directly they spare a Python object and a context per leaf.
    """
    try:
        import _hashlib

        library = ctypes.CDLL(_hashlib.__file__)
        names = ("SHA256_Init", "SHA256_Update", "SHA256_Final")
        init, update, final = (
            ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in names
        )
    except (ImportError, OSError, AttributeError):
        return None
    if init is None or update is None or final is None:
        return None
    return init, update, final
