"""Consistency of two sizes of one RFC 9162 tree: the first leaves of the larger are the smaller.

A proof is the roots of subtrees of the larger tree, lowest first. From it and the root of the
smaller tree follows the root of the larger, so a log that replaced, removed or inserted anything
below the smaller size cannot give one. The leaf of a log is an event hash: its node in the tree is
SHA-256(0x00 || event hash).

Source: RFC 9162, section 2.1.4.
"""

from __future__ import annotations

from collections.abc import Sequence

from qfs.errors import OutOfRangeError
from qfs.reference.merkle import EMPTY_ROOT, node_hash, range_root, split


def consistency_proof(leaves: Sequence[bytes], first: int, second: int) -> list[bytes]:
    """What leads from the root over the first `first` leaves to that over the first `second`.

    Args:
        leaves: data of at least `second` leaves.
        first: number of leaves of the smaller tree.
        second: number of leaves of the larger one; where both are equal the proof is empty.

    Raises:
        OutOfRangeError: not 1 <= first <= second <= number of leaves.
    """
    ranges = consistency_ranges(first, second)
    if second > len(leaves):
        raise OutOfRangeError(f"there are {len(leaves)} leaves, not {second}", argument="second")
    return [range_root(leaves, start, stop) for start, stop in ranges]


def consistency_ranges(first: int, second: int) -> list[tuple[int, int]]:
    """The leaf ranges of the subtrees in a consistency proof, lowest first.

    Raises:
        OutOfRangeError: not 1 <= first <= second.
    """
    require_sizes(first, second)
    ranges = []
    start, stop = 0, second
    # Down to the subtree that ends where the smaller tree ends, and so belongs to both.
    while stop > first:
        middle = start + split(stop - start)
        if first <= middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    # From leaf 0 on it is the smaller tree itself, whose root the verifier has.
    if start > 0:
        ranges.append((start, first))
    return ranges[::-1]


def root_from_consistency(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes
) -> bytes | None:
    """The root over `second` leaves that a proof leads to, or None where it does not hold.

    Args:
        first: number of leaves of the smaller tree.
        second: number of leaves of the larger one.
        proof: the subtree roots, lowest first.
        first_root: the root of the smaller tree, which is trusted.

    It holds when it has the length it must have and leads back to `first_root`. The trees are
    consistent when what this returns is the root of the larger tree. Roots do not say of how many
    leaves they are: both sizes must come from where the roots do, such as signed checkpoints.

    Raises:
        OutOfRangeError: not 1 <= first <= second.
    """
    ranges = consistency_ranges(first, second)
    if len(proof) != len(ranges):
        return None
    steps = list(zip(proof, ranges, strict=True))
    is_whole = not steps or steps[0][1][1] != first
    shared = first_root if is_whole else steps.pop(0)[0]
    smaller = larger = shared
    for sibling, (start, _) in steps:
        if start < first:
            smaller = node_hash(sibling, smaller)
            larger = node_hash(sibling, larger)
        else:
            larger = node_hash(larger, sibling)
    return larger if smaller == first_root else None


def is_consistent(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> bool:
    """Whether a proof shows that the tree of `second` leaves begins with that of `first`.

    The tree of no leaves is the beginning of every tree: its proof is empty.

    Raises:
        OutOfRangeError: not 0 <= first <= second.
    """
    if first > 0:
        return root_from_consistency(first, second, proof, first_root) == second_root
    require_sizes(first, second, least=0)
    is_second_possible = second > 0 or second_root == EMPTY_ROOT
    return len(proof) == 0 and first_root == EMPTY_ROOT and is_second_possible


def require_sizes(first: int, second: int, least: int = 1) -> None:
    """least <= first <= second, else OutOfRangeError."""
    if first < least:
        raise OutOfRangeError(f"{first} is less than {least}", argument="first", value=first)
    if second < first:
        raise OutOfRangeError(
            f"{second} leaves do not begin with {first}", argument="second", value=second
        )
