"""The Merkle-sum tree of a tally with all its nodes, so that many receipts cost one tree.

It is the tree of `qfs.reference.merkle_sum`, level by level: a node that has no neighbour goes up
as it is, which is where the split at the largest power of two leaves it.
"""

from __future__ import annotations

from collections.abc import Sequence

from qfs.protocol.votes import Vote
from qfs.reference.merkle import require_leaf
from qfs.reference.merkle_sum import (
    EMPTY,
    CountedBallot,
    Receipt,
    SumNode,
    require_order,
    sum_leaf,
    sum_node,
    tally_digest,
)


class SumTree:
    """The nodes over the counted ballots of a tally, which stand in the order of their voters."""

    def __init__(self, ballots: Sequence[CountedBallot]) -> None:
        """Hash the ballots.

        Raises:
            OutOfRangeError: the voters do not ascend.
            TotalOverflowError: the sums are more than 2^128 - 1 together.
        """
        require_order(ballots)
        self.ballots = ballots
        self._rows = {ballot.voter: row for row, ballot in enumerate(ballots)}
        self._levels = [[sum_leaf(ballot) for ballot in ballots]]
        while len(self._levels[-1]) > 1:
            self._levels.append(_above(self._levels[-1]))

    @property
    def root(self) -> SumNode:
        """The node over all."""
        return self._levels[-1][0] if self.ballots else EMPTY

    @property
    def digest(self) -> bytes:
        """What names the tally, 32 bytes."""
        return tally_digest(len(self.ballots), self.root)

    def row(self, voter: int) -> int | None:
        """Which leaf is the ballot of this voter, or None."""
        return self._rows.get(voter)

    def receipt(self, index: int) -> Receipt:
        """What `qfs.reference.merkle_sum.make_receipt` gives for this leaf."""
        require_leaf(index, len(self.ballots))
        path, place = [], index
        for level in self._levels[:-1]:
            if place ^ 1 < len(level):
                path.append(level[place ^ 1])
            place //= 2
        return Receipt(self.ballots[index], index, len(self.ballots), path)


def _above(level: Sequence[SumNode]) -> list[SumNode]:
    pairs = zip(level[::2], level[1::2], strict=False)
    return [sum_node(*pair) for pair in pairs] + list(level[len(level) & ~1 :])


def counted_of(vote: Vote) -> list[CountedBallot]:
    """The ballots that a vote counts, in the order of their voters."""
    table, powers = vote.counted_ballots(), vote.counted_powers()
    columns = (table.ticks("seq"), table.counts("voter_index"), table.choices("choice"), powers)
    return sorted(map(CountedBallot._make, zip(*columns, strict=True)), key=lambda b: b.voter)
