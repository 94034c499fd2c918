"""Merkle tree of RFC 9162: root, inclusion proof, and its verification.

leaf = SHA-256(0x00 || data), node = SHA-256(0x01 || left || right); a tree of n > 1 leaves is
split at the largest power of two below n. The tree of no leaves is SHA-256 of nothing.

Source: RFC 9162, section 2.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from qfs.errors import OutOfRangeError

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over all leaves, 32 bytes."""
    return range_root(leaves, 0, len(leaves))


def range_root(leaves: Sequence[bytes], start: int, stop: int) -> bytes:
    """The root over leaves[start:stop] as a tree of its own.

    Raises:
        OutOfRangeError: there are no such leaves.
    """
    require_range(start, stop, len(leaves))
    if start == stop:
        return EMPTY_ROOT
    if stop - start == 1:
        return leaf_hash(leaves[start])
    middle = start + split(stop - start)
    return node_hash(range_root(leaves, start, middle), range_root(leaves, middle, stop))


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The sibling hashes from leaf `index` up to the root.

    Raises:
        OutOfRangeError: there is no such leaf.
    """
    require_leaf(index, len(leaves))
    return [range_root(leaves, start, stop) for start, stop in sibling_ranges(index, len(leaves))]


def sibling_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The leaf ranges of the subtrees beside the path of leaf `index`, lowest first."""
    ranges = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + split(stop - start)
        if index < middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def root_from_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that a proof leads to, or None where the proof has not the length it must have.

    Args:
        leaf: the hash of the leaf (`leaf_hash`), not its data.
        index: its position, 0 .. size - 1.
        size: number of leaves of the tree.
        proof: the sibling hashes, lowest first.

    A proof holds when this equals the root that is trusted.
    """
    require_leaf(index, size)
    if len(proof) != len(sibling_ranges(index, size)):
        return None
    value = leaf
    for sibling, (start, _) in zip(proof, sibling_ranges(index, size), strict=True):
        value = node_hash(sibling, value) if start < index else node_hash(value, sibling)
    return value


def split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def require_range(start: int, stop: int, size: int) -> None:
    """There are leaves `start` .. `stop` in a tree of `size` leaves, else OutOfRangeError."""
    if not 0 <= start <= stop <= size:
        raise OutOfRangeError(
            f"a tree of {size} leaves has no leaves {start} .. {stop}", argument="stop"
        )


def require_leaf(index: int, size: int) -> None:
    """There is a leaf `index` in a tree of `size` leaves, else OutOfRangeError."""
    if not 0 <= index < size:
        raise OutOfRangeError(f"a tree of {size} leaves has no leaf {index}", argument="index")
