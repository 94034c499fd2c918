"""Laws of the Merkle-sum tree of a tally."""

from __future__ import annotations

from collections.abc import Sequence

from qfs.limits import MAX_COUNT, MAX_TICK, MAX_VALUE
from qfs.reference.merkle_sum import (
    CountedBallot,
    make_receipt,
    receipt_from_levels,
    receipt_holds,
    sum_leaf,
    sum_levels,
    sum_range_root,
    sum_root,
    tally_digest,
)
from qfs.reference.tally import AGAINST, FOR, MAX_CHOICE


def roots_sum_up(ballots: Sequence[CountedBallot]) -> str | None:
    """The sums of the root are the powers of the ballots by choice, and so are those of the two
    subtrees below it, of the ballots before and after the split."""
    for start, stop in (
        (0, len(ballots)),
        (0, len(ballots) // 2),
        (len(ballots) // 2, len(ballots)),
    ):
        powers = [0, 0, 0]
        for ballot in ballots[start:stop]:
            powers[ballot.choice] += ballot.power
        expected = (powers[FOR], powers[AGAINST], powers[MAX_CHOICE])
        found = sum_range_root(ballots, start, stop).sums
        if found != expected:
            return f"ballots {start} .. {stop} sum up to {found}, their powers to {expected}"
    return None


def proves_every_ballot(ballots: Sequence[CountedBallot]) -> str | None:
    """The receipt of every ballot holds, and for the digest of this tally alone. From nodes that
    are kept it is the same."""
    digest = tally_digest(len(ballots), sum_root(ballots))
    longer = tally_digest(len(ballots) + 1, sum_root(ballots))
    levels = sum_levels(ballots)
    for index in range(len(ballots)):
        receipt = make_receipt(ballots, index)
        if receipt_from_levels(ballots, levels, index) != receipt:
            return f"the receipt of ballot {index} is another from the kept nodes"
        if not receipt_holds(receipt, digest):
            return f"the receipt of ballot {index} fails"
        if receipt_holds(receipt, longer):
            return f"the receipt of ballot {index} holds for a tally of one ballot more"
    return None


def no_ballot_holds_changed(ballots: Sequence[CountedBallot]) -> str | None:
    """No receipt holds for a ballot with another power, choice, voter or seq."""
    digest = tally_digest(len(ballots), sum_root(ballots))
    for index, ballot in enumerate(ballots):
        receipt = make_receipt(ballots, index)
        for changed in (
            ballot._replace(power=ballot.power + (1 if ballot.power < MAX_VALUE else -1)),
            ballot._replace(choice=(ballot.choice + 1) % (MAX_CHOICE + 1)),
            ballot._replace(voter=ballot.voter + (1 if ballot.voter < MAX_COUNT else -1)),
            ballot._replace(seq=ballot.seq + (1 if ballot.seq < MAX_TICK else -1)),
        ):
            if receipt_holds(receipt._replace(ballot=changed), digest):
                return f"the receipt of {ballot} holds for {changed}"
            if sum_leaf(changed).digest == sum_leaf(ballot).digest:
                return f"{ballot} and {changed} have one hash"
    return None
