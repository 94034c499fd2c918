"""The Merkle-sum tree of a tally: totals in the root, a receipt per ballot, no change accepted."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from qfs import laws
from qfs.errors import OutOfRangeError, TotalOverflowError
from qfs.limits import MAX_COUNT, MAX_SCALAR, MAX_TICK, MAX_VALUE
from qfs.reference.merkle_sum import (
    EMPTY,
    CountedBallot,
    Receipt,
    SumNode,
    Sums,
    make_receipt,
    receipt_from_levels,
    receipt_holds,
    root_from_receipt,
    sum_bytes,
    sum_leaf,
    sum_levels,
    sum_node,
    sum_range_root,
    sum_root,
    tally_digest,
)
from qfs.reference.tally import ABSTAIN, AGAINST, FOR, collect_ballots, finish_tally

BALLOTS = [
    CountedBallot(9, 0, FOR, 2**64 + 1),
    CountedBallot(3, 2, AGAINST, 7),
    CountedBallot(4, 5, ABSTAIN, 1),
    CountedBallot(MAX_TICK, 6, FOR, MAX_VALUE),
    CountedBallot(1, 2**31, AGAINST, 2**126),
    CountedBallot(0, MAX_COUNT - 1, FOR, 5),
    CountedBallot(8, MAX_COUNT, ABSTAIN, 6),
]


def h(tag: bytes, data: bytes) -> bytes:
    return hashlib.sha256(bytes([len(tag)]) + tag + data).digest()


def test_leaves_and_nodes_are_what_the_text_says() -> None:
    leaf = sum_leaf(BALLOTS[0])
    data = bytes.fromhex("0000000000000009000000000100000000000000010000000000000001")
    assert leaf == (h(b"qfs/tally-leaf/v1", data), (2**64 + 1, 0, 0))
    other = sum_leaf(BALLOTS[1])
    assert other.sums == (0, 7, 0)
    assert sum_leaf(BALLOTS[2]).sums == (0, 0, 1)
    sums = [bytes.fromhex("00000000000000010000000000000001") + bytes(32)]
    sums.append(bytes(16) + bytes(15) + b"\x07" + bytes(16))
    node = h(b"qfs/tally-node/v1", leaf.digest + sums[0] + other.digest + sums[1])
    assert sum_node(leaf, other) == (node, (2**64 + 1, 7, 0))
    assert sum_root(BALLOTS[:2]) == (node, (2**64 + 1, 7, 0))
    assert sum_root([]) == (hashlib.sha256(b"").digest(), (0, 0, 0)) == EMPTY
    digest = h(b"qfs/tally/v1", (2).to_bytes(8, "big") + node + sum_bytes(Sums(2**64 + 1, 7, 0)))
    assert tally_digest(2, sum_root(BALLOTS[:2])) == digest


def test_three_leaves_split_as_in_rfc_9162() -> None:
    a, b, c = map(sum_leaf, BALLOTS[:3])
    assert sum_root(BALLOTS[:3]) == sum_node(sum_node(a, b), c)
    assert sum_range_root(BALLOTS, 1, 3) == sum_node(b, c)
    with pytest.raises(OutOfRangeError):
        sum_range_root(BALLOTS, 3, 8)


@pytest.mark.parametrize("size", range(1, 8))
def test_every_ballot_has_a_receipt(implementation: Any, size: int) -> None:
    ballots = BALLOTS[:size]
    assert laws.proves_every_ballot(implementation, ballots) is None
    assert laws.roots_sum_up(implementation, ballots) is None
    assert laws.no_ballot_holds_changed(implementation, ballots) is None


@pytest.mark.parametrize("size", [8, 9, 33, 100])
def test_larger_trees_too(implementation: Any, size: int) -> None:
    ballots = [CountedBallot(size - i, 2 * i, i % 3, i + 1) for i in range(size)]
    assert laws.proves_every_ballot(implementation, ballots) is None
    assert laws.roots_sum_up(implementation, ballots) is None
    assert sum_levels(ballots)[-1] == [sum_root(ballots)]
    with pytest.raises(OutOfRangeError):
        receipt_from_levels(ballots, sum_levels(ballots), size)


def altered(receipt: Receipt, at: int) -> Receipt:
    """The receipt with a bit of one byte of its path changed."""
    width = 32 + 48
    node, byte = divmod(at, width)
    data = bytearray(receipt.path[node].digest + sum_bytes(receipt.path[node].sums))
    data[byte] ^= 1 << at % 8
    sums = Sums(*(int.from_bytes(data[32 + 16 * k : 48 + 16 * k], "big") for k in range(3)))
    path = [*receipt.path]
    path[node] = SumNode(bytes(data[:32]), sums)
    return receipt._replace(path=path)


@pytest.mark.parametrize("size", range(2, 8))
def test_every_altered_byte_of_a_receipt_fails(size: int) -> None:
    ballots = BALLOTS[:size]
    digest = tally_digest(size, sum_root(ballots))
    for index in range(size):
        receipt = make_receipt(ballots, index)
        assert receipt_holds(receipt, digest)
        for at in range(80 * len(receipt.path)):
            assert not receipt_holds(altered(receipt, at), digest)
        for at in range(32):
            other = bytearray(digest)
            other[at] ^= 1 << at % 8
            assert not receipt_holds(receipt, bytes(other))


def test_a_receipt_holds_for_its_own_place_and_size_alone() -> None:
    digest = tally_digest(7, sum_root(BALLOTS))
    for index in range(7):
        receipt = make_receipt(BALLOTS, index)
        for size in range(1, 12):
            for place in range(size):
                holds = receipt_holds(receipt._replace(position=place, size=size), digest)
                assert holds == ((place, size) == (index, 7))
        assert root_from_receipt(receipt._replace(path=receipt.path[:-1])) is None
        assert root_from_receipt(receipt._replace(path=[*receipt.path, EMPTY])) is None
    for index, size in [(0, 0), (7, 7), (-1, 7)]:
        with pytest.raises(OutOfRangeError):
            root_from_receipt(make_receipt(BALLOTS, 0)._replace(position=index, size=size))
    with pytest.raises(OutOfRangeError):
        make_receipt(BALLOTS, 7)


@pytest.mark.parametrize(
    "sums",
    [
        Sums(-1, 0, 0),
        Sums(0, -1, 5),
        Sums(5, 5, -1),
        Sums(MAX_SCALAR + 1, 0, 0),
        Sums(MAX_SCALAR, 1, 0),
        Sums(MAX_SCALAR, 0, 0),
        Sums(0, 0, MAX_SCALAR - 6),
    ],
)
def test_sums_that_decrease_or_overflow_lead_nowhere(sums: Sums) -> None:
    receipt = make_receipt(BALLOTS[1:3], 0)
    node = SumNode(receipt.path[0].digest, sums)
    assert root_from_receipt(receipt._replace(path=[node])) is None
    assert not receipt_holds(receipt._replace(path=[node]), bytes(32))


def test_sums_up_to_the_bound_lead_somewhere() -> None:
    receipt = make_receipt(BALLOTS[1:3], 0)
    node = SumNode(receipt.path[0].digest, Sums(0, 0, MAX_SCALAR - 7))
    root = root_from_receipt(receipt._replace(path=[node]))
    assert root is not None
    assert root.sums == (0, 7, MAX_SCALAR - 7)


def test_hashes_of_another_length_lead_nowhere() -> None:
    receipt = make_receipt(BALLOTS[:2], 0)
    for digest in (b"", receipt.path[0].digest[:-1], receipt.path[0].digest + b"\0"):
        node = receipt.path[0]._replace(digest=digest)
        assert root_from_receipt(receipt._replace(path=[node])) is None


def test_totals_above_their_bound_are_refused() -> None:
    ballots = [CountedBallot(i, i, i % 3, MAX_VALUE) for i in range(4)]
    assert sum(sum_root(ballots[:3]).sums) == 3 * MAX_VALUE
    with pytest.raises(TotalOverflowError) as caught:
        sum_root(ballots)
    assert caught.value.argument == "powers"


@pytest.mark.parametrize(
    ("ballot", "named"),
    [
        (CountedBallot(-1, 0, 0, 1), "seq"),
        (CountedBallot(MAX_TICK + 1, 0, 0, 1), "seq"),
        (CountedBallot(0, MAX_COUNT + 1, 0, 1), "voter"),
        (CountedBallot(0, 0, 3, 1), "choice"),
        (CountedBallot(0, 0, 0, 0), "power"),
        (CountedBallot(0, 0, 0, MAX_VALUE + 1), "power"),
    ],
)
def test_a_leaf_is_within_its_bounds(ballot: CountedBallot, named: str) -> None:
    with pytest.raises(OutOfRangeError) as caught:
        sum_leaf(ballot)
    assert caught.value.argument == named


@pytest.mark.parametrize(("voters", "index"), [([0, 0], 1), ([0, 2, 1], 2), ([5, 6, 6, 5], 2)])
def test_no_voter_has_two_leaves(voters: list[int], index: int) -> None:
    ballots = [CountedBallot(i, voter, FOR, 1) for i, voter in enumerate(voters)]
    for call in (sum_root, lambda ballots: make_receipt(ballots, 0)):
        with pytest.raises(OutOfRangeError) as caught:
            call(ballots)
        assert (caught.value.argument, caught.value.index) == ("voter", index)


def test_the_tree_of_a_tally_has_its_totals(implementation: Any) -> None:
    choices, voters, seqs = [1, 0, 2, 1, 0, 1], [3, 0, 1, 3, 7, 2], [5, 4, 3, 2, 1, 0]
    powers, cap = [10, 20, 0, 40], 15
    partial = implementation.collect_ballots(choices, 4, voters, seqs)
    ballots = implementation.counted_ballots(partial, powers, cap)
    assert [*ballots] == [(4, 0, 0, 10), (3, 1, 2, 15), (2, 3, 1, 15)]
    found = finish_tally(collect_ballots(choices, 4, voters, seqs), powers, cap)
    root = implementation.sum_root(ballots)
    assert root.sums == (found.yes, found.no, found.abstain) == (15, 10, 15)
    assert len(ballots) == found.counted
