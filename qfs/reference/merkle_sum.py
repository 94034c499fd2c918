"""Merkle-sum tree of a tally: a root that commits to the totals, and proofs that a ballot counts.

The shape is that of RFC 9162. Every node is a hash with three sums of powers: for, against and
abstain. A leaf is a counted ballot with its power as the sum of its choice. An inner node hashes
the hashes and the sums of both its children, and its sums are theirs added up. So nobody can leave
a ballot out, count one twice or change a power without changing the root.

Leaves stand in ascending order of the voters' indexes, so that no voter has two.

Source: G. Maxwell's proof of liabilities, with both children's sums in the hash of a node, and
RFC 9162, section 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qfs.columns import require_integer, require_same_length
from qfs.errors import OutOfRangeError, TotalOverflowError
from qfs.hashing import TALLY_LEAF_TAG, TALLY_NODE_TAG, TALLY_TAG, tagged_hash
from qfs.limits import CELL_BYTES, HASH_BYTES, MAX_COUNT, MAX_SCALAR, MAX_TICK, MAX_VALUE
from qfs.reference.merkle import (
    EMPTY_ROOT,
    require_leaf,
    require_range,
    sibling_ranges,
    split,
)
from qfs.reference.tally import (
    AGAINST,
    CHOICES_PER_SEQ,
    FOR,
    MAX_CHOICE,
    NO_BALLOT,
    Partial,
    require_cap,
)


class CountedBallot(NamedTuple):
    """A ballot that counts, and for how much."""

    seq: int
    """its place in the log, 0 .. 2^53 - 1"""
    voter: int
    """position in the snapshot, 0 .. 2^32 - 1"""
    choice: int
    power: int
    """base units, up to the cap, 1 .. 10^38 - 1"""


class Sums(NamedTuple):
    """Powers by choice, base units; together at most 2^128 - 1."""

    yes: int
    no: int
    abstain: int


class SumNode(NamedTuple):
    """A subtree: its hash and the sums of its leaves."""

    digest: bytes
    sums: Sums


class Receipt(NamedTuple):
    """What shows that a ballot is one of those that make up a tally."""

    ballot: CountedBallot
    position: int
    """of its leaf"""
    size: int
    """leaves of the tree"""
    path: Sequence[SumNode]
    """the subtrees beside the way from the leaf to the root, lowest first"""


EMPTY = SumNode(EMPTY_ROOT, Sums(0, 0, 0))
"""The tree of no ballots."""


def counted_ballots(
    partial: Partial, powers: Sequence[int], cap: int | None = None
) -> list[CountedBallot]:
    """The ballots that `finish_tally` counts, one per voter, in the order of the voters."""
    require_cap(cap)
    require_same_length(powers=len(powers), partial=len(partial.firsts))
    counted = []
    for voter, first in enumerate(partial.firsts):
        power = powers[voter] if cap is None else min(powers[voter], cap)
        if first != NO_BALLOT and power > 0:
            seq, choice = divmod(first, CHOICES_PER_SEQ)
            counted.append(CountedBallot(seq, voter, choice, power))
    return counted


def sum_leaf(ballot: CountedBallot) -> SumNode:
    """The leaf of a counted ballot.

    Its hash is over the tag, seq as 8 bytes, voter as 4, choice as 1 and power as 16, big-endian.

    Raises:
        NullValueError, WrongTypeError, OutOfRangeError: a figure is outside its bounds.
    """
    require_integer(ballot.seq, "seq", MAX_TICK)
    require_integer(ballot.voter, "voter", MAX_COUNT)
    require_integer(ballot.choice, "choice", MAX_CHOICE)
    if require_integer(ballot.power, "power", MAX_VALUE) < 1:
        raise OutOfRangeError("0 counts for nothing", argument="power", value=ballot.power)
    digest = tagged_hash(
        TALLY_LEAF_TAG,
        ballot.seq.to_bytes(8, "big"),
        ballot.voter.to_bytes(4, "big"),
        ballot.choice.to_bytes(1, "big"),
        ballot.power.to_bytes(CELL_BYTES, "big"),
    )
    if ballot.choice == FOR:
        return SumNode(digest, Sums(ballot.power, 0, 0))
    if ballot.choice == AGAINST:
        return SumNode(digest, Sums(0, ballot.power, 0))
    return SumNode(digest, Sums(0, 0, ballot.power))


def sum_node(left: SumNode, right: SumNode) -> SumNode:
    """The node above two subtrees.

    Its hash is over the tag, then of each child the hash and the sums for, against and abstain,
    each as 16 bytes big-endian.

    Raises:
        TotalOverflowError: the sums of both are more than 2^128 - 1 together.
    """
    sums = Sums(*(a + b for a, b in zip(left.sums, right.sums, strict=True)))
    if sum(sums) > MAX_SCALAR:
        raise TotalOverflowError(
            "the counted powers sum to more than 2^128 - 1", argument="powers", value=sum(sums)
        )
    fields = (left.digest, sum_bytes(left.sums), right.digest, sum_bytes(right.sums))
    return SumNode(tagged_hash(TALLY_NODE_TAG, *fields), sums)


def sum_root(ballots: Sequence[CountedBallot]) -> SumNode:
    """The root over these ballots, whose sums are the totals of the tally.

    Raises:
        OutOfRangeError: the voters do not ascend, at the lowest index; or a figure of a ballot is
            outside its bounds.
        TotalOverflowError: as `sum_node`.
    """
    require_order(ballots)
    return sum_range_root(ballots, 0, len(ballots))


def sum_range_root(ballots: Sequence[CountedBallot], start: int, stop: int) -> SumNode:
    """The root over ballots[start:stop] as a tree of its own.

    Raises:
        OutOfRangeError: there are no such leaves.
        TotalOverflowError: as `sum_node`.
    """
    require_range(start, stop, len(ballots))
    if start == stop:
        return EMPTY
    if stop - start == 1:
        return sum_leaf(ballots[start])
    middle = start + split(stop - start)
    return sum_node(sum_range_root(ballots, start, middle), sum_range_root(ballots, middle, stop))


def require_order(ballots: Sequence[CountedBallot]) -> None:
    """Each voter is above the one before, else OutOfRangeError at the lowest index."""
    for i in range(1, len(ballots)):
        before, voter = ballots[i - 1].voter, ballots[i].voter
        if voter <= before:
            raise OutOfRangeError(
                f"{voter} is not above {before}", argument="voter", index=i, value=voter
            )


def make_receipt(ballots: Sequence[CountedBallot], index: int) -> Receipt:
    """The receipt of ballot `index` of a tally's counted ballots.

    Raises:
        OutOfRangeError: there is no such ballot, or as `sum_root`.
        TotalOverflowError: as `sum_node`.
    """
    require_order(ballots)
    require_leaf(index, len(ballots))
    ranges = sibling_ranges(index, len(ballots))
    path = [sum_range_root(ballots, start, stop) for start, stop in ranges]
    return Receipt(ballots[index], index, len(ballots), path)


def sum_levels(ballots: Sequence[CountedBallot]) -> list[list[SumNode]]:
    """All nodes, from the leaves to the root: a level pairs off, and an odd node goes up as it is.
    It is the same tree, kept so that each receipt costs no more hashing.

    Raises:
        OutOfRangeError, TotalOverflowError: as `sum_root`.
    """
    require_order(ballots)
    levels = [[sum_leaf(ballot) for ballot in ballots]]
    while len(levels[-1]) > 1:
        level = levels[-1]
        above = [sum_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        levels.append(above + level[2 * len(above) :])
    return levels


def receipt_from_levels(
    ballots: Sequence[CountedBallot], levels: Sequence[Sequence[SumNode]], index: int
) -> Receipt:
    """What `make_receipt` gives, from the nodes that `sum_levels` made of the same ballots.

    Raises:
        OutOfRangeError: there is no such ballot.
    """
    require_leaf(index, len(ballots))
    path, place = [], index
    for level in levels[:-1]:
        if place ^ 1 < len(level):
            path.append(level[place ^ 1])
        place >>= 1
    return Receipt(ballots[index], index, len(ballots), path)


def root_from_receipt(receipt: Receipt) -> SumNode | None:
    """The root that a receipt leads to, or None where it can lead to none: its path has not the
    length it must have, or sums in it are negative or go over 2^128 - 1.

    Raises:
        OutOfRangeError: there is no leaf `position` in a tree of `size` leaves.
        NullValueError, WrongTypeError, OutOfRangeError: the ballot is outside its bounds.
    """
    require_leaf(receipt.position, receipt.size)
    node = sum_leaf(receipt.ballot)
    ranges = sibling_ranges(receipt.position, receipt.size)
    if len(receipt.path) != len(ranges):
        return None
    for sibling, (start, _) in zip(receipt.path, ranges, strict=True):
        if not is_sum_node(sibling):
            return None
        pair = (sibling, node) if start < receipt.position else (node, sibling)
        if sum(sibling.sums) + sum(node.sums) > MAX_SCALAR:
            return None
        node = sum_node(*pair)
    return node


def receipt_holds(receipt: Receipt, digest: bytes) -> bool:
    """Whether the ballot is one of those that make up the tally with this digest."""
    root = root_from_receipt(receipt)
    return root is not None and tally_digest(receipt.size, root) == digest


def tally_digest(size: int, root: SumNode) -> bytes:
    """What names a tally: the hash over the tag, the number of leaves as 8 bytes, the root's hash
    and its sums. It commits to how many ballots counted, to each of them and to the totals."""
    return tagged_hash(TALLY_TAG, size.to_bytes(8, "big"), root.digest, sum_bytes(root.sums))


def sum_bytes(sums: Sums) -> bytes:
    """The sums for, against and abstain, each as 16 bytes big-endian."""
    return b"".join(part.to_bytes(CELL_BYTES, "big") for part in sums)


def is_sum_node(node: SumNode) -> bool:
    """Whether a node that somebody hands over can be one: 32 bytes, and sums of 0 .. 2^128 - 1."""
    if len(node.digest) != HASH_BYTES or len(node.sums) != len(Sums._fields):
        return False
    return min(node.sums) >= 0 and sum(node.sums) <= MAX_SCALAR
