"""Laws of the Merkle-sum tree of a tally."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from qfs.backend import Implementation
from qfs.limits import MAX_COUNT, MAX_TICK, MAX_VALUE
from qfs.reference.merkle_sum import (
    CountedBallot,
    make_receipt,
    receipt_from_levels,
    receipt_holds,
    sum_leaf,
    tally_digest,
)
from qfs.reference.tally import AGAINST, FOR, MAX_CHOICE, Partial


def lists_what_counts(
    implementation: Implementation, partial: Partial, powers: Sequence[int], cap: int | None = None
) -> str | None:
    """The counted ballots are as many as the tally counts, in the order of their voters, and their
    powers sum up to its figures."""
    tallied = implementation.finish_tally(partial, powers, cap)
    ballots = implementation.counted_ballots(partial, powers, cap)
    if len(ballots) != tallied.counted:
        return f"{len(ballots)} ballots are listed and {tallied.counted} count"
    voters = [ballot.voter for ballot in ballots]
    if any(after <= before for before, after in pairwise(voters)):
        return f"the voters do not ascend: {voters}"
    found = implementation.sum_root(ballots).sums
    if found != (tallied.yes, tallied.no, tallied.abstain):
        return f"the root has {found}, the tally {tallied[:3]}"
    return None


def roots_sum_up(implementation: Implementation, ballots: Sequence[CountedBallot]) -> str | None:
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
        found = implementation.sum_range_root(ballots, start, stop).sums
        if found != expected:
            return f"ballots {start} .. {stop} sum up to {found}, their powers to {expected}"
    return None


def proves_every_ballot(
    implementation: Implementation, ballots: Sequence[CountedBallot]
) -> str | None:
    """The receipt of every ballot holds, and for the digest of this tally alone. From levels that
    are kept it is the same."""
    root, levels = implementation.sum_root(ballots), implementation.sum_levels(ballots)
    digest = tally_digest(len(ballots), root)
    longer = tally_digest(len(ballots) + 1, root)
    for index in range(len(ballots)):
        receipt = make_receipt(ballots, index)
        if receipt_from_levels(ballots, levels, index) != receipt:
            return f"the receipt of ballot {index} is another from the kept levels"
        if not receipt_holds(receipt, digest):
            return f"the receipt of ballot {index} fails"
        if receipt_holds(receipt, longer):
            return f"the receipt of ballot {index} holds for a tally of one ballot more"
    return None


def no_ballot_holds_changed(
    implementation: Implementation, ballots: Sequence[CountedBallot]
) -> str | None:
    """No receipt holds for a ballot with another power, choice, voter or seq."""
    digest = tally_digest(len(ballots), implementation.sum_root(ballots))
    levels = implementation.sum_levels(ballots)
    for index, ballot in enumerate(ballots):
        receipt = receipt_from_levels(ballots, levels, index)
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
