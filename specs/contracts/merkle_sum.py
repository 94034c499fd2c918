"""Contracts of qfs.reference.merkle_sum.

SHA-256 computes with concrete bytes, so trees are proved size by size, with powers that are fixed.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from qfs.errors import OutOfRangeError, TotalOverflowError
from qfs.laws.merkle_sum import no_ballot_holds_changed, proves_every_ballot, roots_sum_up
from qfs.limits import MAX_SCALAR, MAX_VALUE
from qfs.reference import merkle_sum
from qfs.reference.merkle_sum import CountedBallot, SumNode, Sums
from qfs.reference.tally import NO_BALLOT, Partial

MOST = 6
BALLOTS = [CountedBallot(MOST - i, 3 * i, i % 3, 2**64 + i) for i in range(MOST)]
DIGEST = bytes(32)

_REFERENCE: Any = SimpleNamespace(
    sum_root=merkle_sum.sum_root,
    sum_range_root=merkle_sum.sum_range_root,
    sum_levels=merkle_sum.sum_levels,
)


def a_root_has_the_totals(size: int) -> str | None:
    """The sums of the root are the powers of the ballots by choice.

    of: qfs.reference.merkle_sum.sum_root
    of: qfs.reference.merkle_sum.sum_range_root
    of: qfs.reference.merkle_sum.sum_leaf
    of: qfs.reference.merkle_sum.sum_node
    bound: up to 6 ballots
    pre: 0 <= size <= MOST
    post: __return__ is None
    """
    assert (
        merkle_sum.sum_root(BALLOTS[:size]).sums == merkle_sum.sum_range_root(BALLOTS, 0, size).sums
    )
    return roots_sum_up(_REFERENCE, BALLOTS[:size])


def every_ballot_is_proved(size: int) -> str | None:
    """The receipt of every ballot leads to the root, and holds for this digest alone.

    of: qfs.reference.merkle_sum.make_receipt
    of: qfs.reference.merkle_sum.sum_levels
    of: qfs.reference.merkle_sum.receipt_from_levels
    of: qfs.reference.merkle_sum.root_from_receipt
    of: qfs.reference.merkle_sum.receipt_holds
    of: qfs.reference.merkle_sum.tally_digest
    bound: up to 6 ballots
    pre: 0 <= size <= MOST
    post: __return__ is None
    """
    return proves_every_ballot(_REFERENCE, BALLOTS[:size])


def no_changed_ballot_is_proved(size: int) -> str | None:
    """No receipt holds for a ballot with another power, choice, voter or seq.

    of: qfs.reference.merkle_sum.receipt_holds
    of: qfs.reference.merkle_sum.sum_leaf
    bound: up to 4 ballots
    pre: 0 <= size <= 4
    post: __return__ is None
    """
    return no_ballot_holds_changed(_REFERENCE, BALLOTS[:size])


def sums_of_a_sibling_are_in_their_bounds(yes: int, no: int, abstain: int) -> bool:
    """A sibling is accepted exactly where no sum is negative and together they are a scalar.

    of: qfs.reference.merkle_sum.is_sum_node
    bound: hashes of 32 bytes
    post: __return__ == (min(yes, no, abstain) >= 0 and yes + no + abstain <= MAX_SCALAR)
    """
    return merkle_sum.is_sum_node(SumNode(DIGEST, Sums(yes, no, abstain)))


def sums_never_go_over(above: int) -> bool:
    """Two subtrees have a node above them exactly where their sums are a scalar together.

    of: qfs.reference.merkle_sum.sum_node
    of: qfs.reference.merkle_sum.sum_bytes
    bound: totals beside the bound
    pre: -2 <= above <= 2
    post: __return__ == (above > 0)
    """
    left = SumNode(DIGEST, Sums(MAX_SCALAR - 9, 4, 0))
    try:
        merkle_sum.sum_node(left, SumNode(DIGEST, Sums(0, 2, 3 + above)))
    except TotalOverflowError:
        return True
    return False


def voters_ascend(a: int, b: int, c: int) -> object:
    """The lowest ballot whose voter is not above the one before is named.

    of: qfs.reference.merkle_sum.require_order
    bound: three ballots, voters of 0 .. 2
    pre: 0 <= a <= 2 and 0 <= b <= 2 and 0 <= c <= 2
    post: __return__ == (1 if b <= a else 2 if c <= b else None)
    """
    try:
        merkle_sum.require_order([CountedBallot(0, voter, 1, 1) for voter in (a, b, c)])
    except OutOfRangeError as error:
        return error.index
    return None


def what_counts_is_listed(power: int, cap: int, seq: int, choice: int, voted: int) -> bool:
    """A voter's ballot is listed exactly where it is there and counts for something.

    of: qfs.reference.merkle_sum.counted_ballots
    bound: one voter
    pre: 0 <= power <= MAX_VALUE and 0 <= cap <= MAX_SCALAR
    pre: 0 <= seq <= 3 and 0 <= choice <= 2 and 0 <= voted <= 1
    post: __return__
    """
    partial = Partial([4 * seq + choice if voted else NO_BALLOT], voted, 0)
    found = merkle_sum.counted_ballots(partial, [power], cap)
    if voted and min(power, cap) > 0:
        return found == [CountedBallot(seq, 0, choice, min(power, cap))]
    return found == []
