"""The nodes of an epoch in order of what they were paid. Integer arithmetic only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nlargest

from qfs.cli.figures import EpochFigures

_STEP = 20
_KEPT_RUNS = 40


@dataclass(frozen=True, slots=True)
class Ranking:
    """Columns in order of rank. Rank r is at position r - 1.

    `amounts` and `weights` are each in descending order of their own: two distributions over the
    same ranks, since a node's rank by amount and by weight differ where nodes have caps of their
    own.
    """

    top: Sequence[int]
    """positions in the figures of the highest paid nodes; equal amounts in order of id"""
    amounts: Sequence[int]
    weights: Sequence[int]
    total_weight: int
    capped: Sequence[int]
    """ranks of the capped nodes, ascending"""
    capped_weight: int

    @property
    def paid_count(self) -> int:
        """How many nodes were paid anything."""
        low, high = 0, len(self.amounts)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.amounts[middle] else (low, middle)
        return low

    def proportional(self, pool: int, rank: int) -> int:
        """What the node of this rank by weight had been due without caps, rounded down."""
        return pool * self.weights[rank - 1] // self.total_weight if self.total_weight else 0


def top_nodes(figures: EpochFigures, count: int) -> list[int]:
    """Positions of the `count` highest paid nodes; of equal amounts the lower id first."""
    amounts = figures.amounts
    return nlargest(count, range(len(amounts)), key=lambda index: amounts[index])


def rank_nodes(figures: EpochFigures, top: int) -> Ranking:
    """The ranking of all nodes, with the positions of the `top` highest paid ones."""
    amounts = list(figures.amounts)
    order = sorted(range(len(amounts)), key=amounts.__getitem__, reverse=True)
    weights = [1] * len(amounts) if figures.fallback else list(figures.weights)
    capped = _capped_ranks(figures, order)
    return Ranking(
        top=order[:top],
        amounts=[amounts[index] for index in order],
        # In the order of the amounts the weights are nearly sorted, and sorting them is cheap.
        weights=sorted((weights[index] for index in order), reverse=True),
        total_weight=sum(weights),
        capped=capped,
        capped_weight=sum(weights[order[rank - 1]] for rank in capped),
    )


def sampled_ranks(ranking: Ranking, last: int) -> list[int]:
    """At most about 400 of the ranks 1 .. `last`, evenly spaced on a logarithmic axis.

    The first and the last rank are among them, and the ends of the first runs of capped ranks.
    """
    ranks = {rank for run in capped_runs(ranking) for rank in run if rank <= last}
    rank = 1
    while rank < last:
        ranks.add(rank)
        rank += max(1, rank // _STEP)
    if last:
        ranks.add(last)
    return sorted(ranks)


def capped_runs(ranking: Ranking) -> list[tuple[int, int]]:
    """First and last rank of each run of capped ranks without a gap; the first 40 runs."""
    runs: list[tuple[int, int]] = []
    for rank in ranking.capped:
        if runs and runs[-1][1] == rank - 1:
            runs[-1] = (runs[-1][0], rank)
        elif len(runs) < _KEPT_RUNS:
            runs.append((rank, rank))
        else:
            break
    return runs


def cumulative(values: Sequence[int], ranks: Iterable[int]) -> list[int]:
    """The sum of the first r values for each r of the ascending `ranks`."""
    sums, total, done = [], 0, 0
    for rank in ranks:
        total += sum(values[done:rank])
        done = rank
        sums.append(total)
    return sums


def ranks_to_half(ranking: Ranking, paid: int) -> int:
    """The fewest nodes that together were paid at least half of `paid`."""
    total = 0
    for rank, amount in enumerate(ranking.amounts, start=1):
        total += amount
        if 2 * total >= paid:
            return rank
    return 0


def _capped_ranks(figures: EpochFigures, order: Sequence[int]) -> list[int]:
    """Stops at the last capped node, which in a long table is near the top."""
    ranks: list[int] = []
    for rank, index in enumerate(order, start=1):
        if len(ranks) == figures.capped_count:
            break
        if figures.is_capped(index):
            ranks.append(rank)
    return ranks
