"""Contracts of qfs.reference.merkle and qfs.reference.consistency.

SHA-256 computes with concrete bytes, so trees are proved size by size: every size and position
within the bound is a path of its own.
"""

from __future__ import annotations

import hashlib

from qfs.errors import OutOfRangeError
from qfs.laws.merkle import joins_ranges, proves_inclusion
from qfs.reference import consistency, merkle

MOST = 8
LEAVES = [bytes([i]) for i in range(MOST)]


def a_tree_is_split_at_a_power_of_two(size: int) -> bool:
    """A tree is split at the largest power of two below its size.

    of: qfs.reference.merkle.split
    bound: up to 64 leaves
    pre: 2 <= size <= 64
    post: __return__
    """
    middle = merkle.split(size)
    return middle < size <= 2 * middle and middle & (middle - 1) == 0


def leaves_and_nodes_are_hashed_apart(size: int) -> bool:
    """The root is of RFC 9162: 0x00 before a leaf, 0x01 before a node, SHA-256 of nothing for none.

    of: qfs.reference.merkle.root
    of: qfs.reference.merkle.leaf_hash
    of: qfs.reference.merkle.node_hash
    bound: up to 8 leaves
    pre: 0 <= size <= MOST
    post: __return__
    """
    return merkle.root(LEAVES[:size]) == _rfc_root(LEAVES[:size])


def ranges_join(size: int) -> str | None:
    """The root is that of the two ranges beside the largest power of two below the size.

    of: qfs.reference.merkle.range_root
    bound: up to 8 leaves
    pre: 2 <= size <= MOST
    post: __return__ is None
    """
    return joins_ranges(merkle, LEAVES[:size], merkle.split(size))


def inclusion_is_proved(size: int, index: int) -> str | None:
    """The inclusion proof of every leaf leads to the root.

    of: qfs.reference.merkle.inclusion_proof
    of: qfs.reference.merkle.root_from_proof
    bound: up to 8 leaves
    pre: 0 <= index < size <= MOST
    post: __return__ is None
    """
    return proves_inclusion(merkle, LEAVES[:size], index)


def siblings_cover_the_other_leaves(size: int, index: int) -> bool:
    """The subtrees beside a leaf's path cover every other leaf once.

    of: qfs.reference.merkle.sibling_ranges
    bound: up to 16 leaves
    pre: 0 <= index < size <= 16
    post: __return__
    """
    ranges = sorted([*merkle.sibling_ranges(index, size), (index, index + 1)])
    ends = [0, *(stop for _, stop in ranges)]
    return [start for start, _ in ranges] == ends[:-1] and ends[-1] == size


def a_range_outside_the_tree_is_refused(start: int, stop: int, size: int) -> bool:
    """A range is accepted exactly where 0 <= start <= stop <= size.

    of: qfs.reference.merkle.require_range
    bound: -1 .. 2
    pre: -1 <= start <= 2 and -1 <= stop <= 2 and 0 <= size <= 2
    post: __return__ == (0 <= start and start <= stop and stop <= size)
    """
    try:
        merkle.require_range(start, stop, size)
    except OutOfRangeError:
        return False
    return True


def a_leaf_outside_the_tree_is_refused(index: int, size: int) -> bool:
    """A leaf is accepted exactly where 0 <= index < size.

    of: qfs.reference.merkle.require_leaf
    bound: -1 .. 2
    pre: -1 <= index <= 2 and 0 <= size <= 2
    post: __return__ == (0 <= index and index < size)
    """
    try:
        merkle.require_leaf(index, size)
    except OutOfRangeError:
        return False
    return True


def consistency_is_proved(first: int, second: int) -> bool:
    """The consistency proof of every pair of sizes leads from one root to the other.

    of: qfs.reference.consistency.consistency_proof
    of: qfs.reference.consistency.root_from_consistency
    of: qfs.reference.consistency.is_consistent
    bound: up to 8 leaves
    pre: 1 <= first <= second <= MOST
    post: __return__
    """
    proof = consistency.consistency_proof(LEAVES, first, second)
    roots = merkle.root(LEAVES[:first]), merkle.root(LEAVES[:second])
    leads = consistency.root_from_consistency(first, second, proof, roots[0]) == roots[1]
    return leads and consistency.is_consistent(first, second, proof, *roots)


def another_beginning_is_not_consistent(first: int, second: int, changed: int) -> bool:
    """The proof of a log does not hold for one in which a leaf below the smaller size differs.

    of: qfs.reference.consistency.is_consistent
    bound: up to 6 leaves
    pre: 0 <= changed < first <= second <= 6
    post: not __return__
    """
    other = [leaf + b"x" if i == changed else leaf for i, leaf in enumerate(LEAVES)]
    proof = consistency.consistency_proof(other, first, second)
    roots = merkle.root(LEAVES[:first]), merkle.root(other[:second])
    return consistency.is_consistent(first, second, proof, *roots)


def ranges_of_a_consistency_proof_lie_in_the_tree(first: int, second: int) -> bool:
    """The subtrees of a proof follow one another to the end of the larger tree.

    of: qfs.reference.consistency.consistency_ranges
    bound: up to 16 leaves
    pre: 1 <= first <= second <= 16
    post: __return__
    """
    ranges = sorted(consistency.consistency_ranges(first, second))
    stops = [stop for _, stop in ranges]
    return not ranges or (
        [start for start, _ in ranges[1:]] == stops[:-1]
        and stops[-1] == second
        and ranges[0][0] <= first
    )


def sizes_out_of_order_are_refused(first: int, second: int, least: int) -> bool:
    """Two sizes are accepted exactly where least <= first <= second.

    of: qfs.reference.consistency.require_sizes
    bound: -1 .. 2
    pre: -1 <= first <= 2 and -1 <= second <= 2 and 0 <= least <= 1
    post: __return__ == (least <= first and first <= second)
    """
    try:
        consistency.require_sizes(first, second, least)
    except OutOfRangeError:
        return False
    return True


def _rfc_root(leaves: list[bytes]) -> bytes:
    """The tree hash as RFC 9162 writes it, bottom up: a level pairs off, an odd one goes up."""
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = [
            hashlib.sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        level = pairs + level[len(pairs) * 2 :]
    return level[0] if level else hashlib.sha256(b"").digest()
