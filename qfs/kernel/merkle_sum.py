"""See `qfs.reference.merkle_sum`: counted ballots in the columns that they are counted from.

Of a tree the nodes from short runs of leaves upward are kept, 2.5 bytes a leaf. A lower node is
hashed again when it is asked for, so that a receipt costs no more hashing than one run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from qfs import slices
from qfs.columns import Column, require_same_length
from qfs.hashing import TALLY_LEAF_TAG, TALLY_NODE_TAG, sha256_library, tag_bytes
from qfs.kernel.columns import to_column
from qfs.kernel.memory import blank
from qfs.kernel.tally import firsts_of
from qfs.limits import CELL_BYTES, HASH_BYTES, MAX_SCALAR, MAX_TICK, MAX_VALUE
from qfs.reference import merkle_sum as reference
from qfs.reference.merkle import require_range
from qfs.reference.merkle_sum import EMPTY, CountedBallot, SumNode, Sums
from qfs.reference.tally import CHOICES_PER_SEQ, Partial, require_cap
from qfs_kernel import merkle_sum as kernel

RUN: Final = 64
"""Leaves of the lowest subtree that is kept. A power of two, so that a run is a whole subtree of
any tree it lies in."""

NODE_BYTES: Final = HASH_BYTES + CELL_BYTES * len(Sums._fields)


class CountedColumns(Sequence[CountedBallot]):
    """Counted ballots: of each its voter, and what the voter's first ballot and power are."""

    def __init__(
        self, voters: memoryview, firsts: memoryview, powers: Column, cap: int | None
    ) -> None:
        self._voters = voters
        self._firsts = firsts
        self._powers = powers
        self._cap = MAX_SCALAR if cap is None else cap
        self.leaves: Final = kernel.Ballots(voters, firsts, powers.data, self._cap)

    def __len__(self) -> int:
        return len(self._voters)

    def __getitem__(self, index: Any) -> Any:
        voters = self._voters[index]
        if isinstance(index, slice):
            return [self._ballot(voter) for voter in voters]
        return self._ballot(voters)

    def _ballot(self, voter: int) -> CountedBallot:
        seq, choice = divmod(self._firsts[voter], CHOICES_PER_SEQ)
        return CountedBallot(seq, voter, choice, min(self._powers[voter], self._cap))


class KeptLevel(Sequence[SumNode]):
    """A level of a tree whose nodes are kept."""

    def __init__(self, nodes: bytes) -> None:
        self._nodes = nodes

    def __len__(self) -> int:
        return len(self._nodes) // NODE_BYTES

    def __getitem__(self, index: Any) -> Any:
        places = range(len(self))[index]
        if isinstance(index, slice):
            return [_node(self._nodes, place) for place in places]
        return _node(self._nodes, places)


class LowLevel(Sequence[SumNode]):
    """A level of a tree whose nodes are hashed when they are asked for."""

    def __init__(self, ballots: CountedColumns, width: int) -> None:
        self._ballots = ballots
        self._width = width
        """leaves below a node"""

    def __len__(self) -> int:
        return -(-len(self._ballots) // self._width)

    def __getitem__(self, index: Any) -> Any:
        places = range(len(self))[index]
        if isinstance(index, slice):
            return [self._node(place) for place in places]
        return self._node(places)

    def _node(self, place: int) -> SumNode:
        start = place * self._width
        stop = min(start + self._width, len(self._ballots))
        return sum_range_root(self._ballots, start, stop)


def counted_ballots(
    partial: Partial, powers: Sequence[int], cap: int | None = None
) -> Sequence[CountedBallot]:
    """See `qfs.reference.merkle_sum.counted_ballots`; the ballots stay in their columns, which are
    not to change."""
    require_cap(cap)
    require_same_length(powers=len(powers), partial=len(partial.firsts))
    firsts, column = firsts_of(partial), to_column(powers)
    voters = blank(4 * len(firsts)).cast("I")
    most = MAX_SCALAR if cap is None else cap
    count = kernel.counted_voters(firsts, column.data, most, MAX_TICK, MAX_VALUE, voters)
    if count < 0:
        # Some can be no leaf: whoever asks for the tree is told which.
        return reference.counted_ballots(partial, powers, cap)
    return CountedColumns(voters[:count], firsts, column, cap)


def sum_root(ballots: Sequence[CountedBallot]) -> SumNode:
    """See `qfs.reference.merkle_sum.sum_root`."""
    if not isinstance(ballots, CountedColumns):
        return reference.sum_root(ballots)
    return sum_range_root(ballots, 0, len(ballots))


def sum_range_root(ballots: Sequence[CountedBallot], start: int, stop: int) -> SumNode:
    """See `qfs.reference.merkle_sum.sum_range_root`."""
    require_range(start, stop, len(ballots))
    if start == stop:
        return EMPTY
    kept = _kept(ballots, start, stop)
    return reference.sum_range_root(ballots, start, stop) if kept is None else _node(kept[-1], 0)


def sum_levels(ballots: Sequence[CountedBallot]) -> Sequence[Sequence[SumNode]]:
    """See `qfs.reference.merkle_sum.sum_levels`; nodes below a run are hashed again each time."""
    kept = _kept(ballots, 0, len(ballots)) if len(ballots) else None
    if kept is None or not isinstance(ballots, CountedColumns):
        return reference.sum_levels(ballots)
    run = _run()
    low = [LowLevel(ballots, 1 << height) for height in range(run.bit_length() - 1)]
    levels = [*low, *map(KeptLevel, kept)]
    # A tree of less than a run is whole before its last low level.
    first_root = next(place for place, level in enumerate(levels) if len(level) == 1)
    return levels[: first_root + 1]


def _kept(ballots: Sequence[CountedBallot], start: int, stop: int) -> list[bytes] | None:
    """The nodes of each level from runs upward, of the tree over at least one ballot; None where
    the reference has to make it, or to say what is wrong."""
    library = sha256_library()
    if library is None or not isinstance(ballots, CountedColumns):
        return None
    hashing = (library.functions, tag_bytes(TALLY_LEAF_TAG), tag_bytes(TALLY_NODE_TAG))
    leaves, run = ballots.leaves, _run()
    runs = slices.over_slices(
        stop - start,
        lambda a, b: kernel.subtree_nodes(leaves, start + a, start + b, run, hashing),
    )
    found = [nodes for nodes in runs if nodes is not None]
    levels = [b"".join(found)]
    if len(found) < len(runs):
        return None
    while len(levels[-1]) > NODE_BYTES:
        above = kernel.level_above(levels[-1], hashing)
        if above is None:
            return None
        levels.append(above)
    return levels


def _run() -> int:
    """Leaves of a run: of whole slices, however small these are."""
    return min(RUN, slices.SLICE_ROWS)


def _node(nodes: bytes, place: int) -> SumNode:
    node = nodes[place * NODE_BYTES : (place + 1) * NODE_BYTES]
    cells = (node[at : at + CELL_BYTES] for at in range(HASH_BYTES, NODE_BYTES, CELL_BYTES))
    return SumNode(node[:HASH_BYTES], Sums(*(int.from_bytes(cell, "big") for cell in cells)))
