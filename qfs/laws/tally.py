"""Laws of tallies: what ballots become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from qfs.backend import Implementation
from qfs.reference.tally import ABSTAIN, AGAINST, FOR, REASONS, Electorate, Tallied


class TallyCase(NamedTuple):
    """Ballots and a snapshot: the arguments of `tally`. No seq stands twice."""

    choices: Sequence[int]
    powers: Sequence[int]
    voters: Sequence[int] | None = None
    seqs: Sequence[int] | None = None
    cap: int | None = None

    def power(self, voter: int) -> int:
        """What a voter's ballot counts."""
        power = self.powers[voter]
        return power if self.cap is None else min(power, self.cap)

    def owners(self) -> list[int]:
        """The voter of each ballot."""
        return list(range(len(self.choices)) if self.voters is None else self.voters)

    def places(self) -> list[int]:
        """The seq of each ballot."""
        return list(range(len(self.choices)) if self.seqs is None else self.seqs)

    def firsts(self) -> dict[int, int]:
        """The choice of each voter in the snapshot who voted, in the order of the first ballots."""
        found: dict[int, int] = {}
        for _, voter, choice in sorted(
            zip(self.places(), self.owners(), self.choices, strict=True)
        ):
            if voter < len(self.powers):
                found.setdefault(voter, choice)
        return found

    def rearranged(self, rows: Sequence[int]) -> TallyCase:
        """The ballots of these rows, in this order, each with its voter and seq."""
        owners, places = self.owners(), self.places()
        return self._replace(
            choices=[self.choices[i] for i in rows],
            voters=[owners[i] for i in rows],
            seqs=[places[i] for i in rows],
        )


TallyLaw = Callable[[Implementation, TallyCase], str | None]


def accounts_for_every_ballot(implementation: Implementation, case: TallyCase) -> str | None:
    """A ballot is counted, or rejected for one reason."""
    found = implementation.tally(*case)
    if tuple(found.rejected) != REASONS:
        return f"the reasons are {tuple(found.rejected)}"
    if min(found.counted, *found.rejected.values()) < 0:
        return f"{found.counted} counted, rejected {found.rejected}"
    if found.counted + sum(found.rejected.values()) != len(case.choices):
        return f"{found.counted} counted, rejected {found.rejected}, of {len(case.choices)} ballots"
    return None


def counts_first_ballots_alone(implementation: Implementation, case: TallyCase) -> str | None:
    """The power of each choice is that of the voters whose ballot of the lowest seq says so, and
    no voter has more than one ballot counted."""
    found, firsts = implementation.tally(*case), case.firsts()
    for choice, stated in ((FOR, found.yes), (AGAINST, found.no), (ABSTAIN, found.abstain)):
        power = sum(case.power(voter) for voter, first in firsts.items() if first == choice)
        if stated != power:
            return f"choice {choice} has {stated}, its first ballots {power}"
    powerless = sum(case.power(voter) == 0 for voter in firsts)
    if (found.counted, found.rejected["zero_power"]) != (len(firsts) - powerless, powerless):
        return f"{found.counted} counted and {found.rejected['zero_power']} without power"
    known = sum(voter < len(case.powers) for voter in case.owners())
    if found.rejected["duplicate"] != known - len(firsts):
        return f"{found.rejected['duplicate']} duplicates of {known} ballots"
    return None


def stays_within_what_is_attainable(implementation: Implementation, case: TallyCase) -> str | None:
    """yes + no + abstain is at most the sum of all powers, each up to the cap; where everybody's
    ballot counts, it is that sum."""
    found = implementation.tally(*case)
    attainable = sum(case.power(voter) for voter in range(len(case.powers)))
    turnout = found.yes + found.no + found.abstain
    if found.attainable != attainable:
        return f"attainable is {found.attainable} and should be {attainable}"
    if turnout > attainable or (len(case.firsts()) == len(case.powers)) > (turnout == attainable):
        return f"{turnout} counted of {attainable}"
    return None


def caps_each_power(implementation: Implementation, case: TallyCase) -> str | None:
    """A cap counts as if no voter had more; and no choice gets more than a cap per ballot."""
    found = implementation.tally(*case)
    capped = [case.power(voter) for voter in range(len(case.powers))]
    other = implementation.tally(*case._replace(powers=capped, cap=None))
    if found != other:
        return f"{found} with the cap, {other} with powers up to it"
    turnout = found.yes + found.no + found.abstain
    if case.cap is not None and turnout > found.counted * case.cap:
        return f"{turnout} by {found.counted} ballots under a cap of {case.cap}"
    return None


def ignores_ballot_order(
    implementation: Implementation, case: TallyCase, order: Sequence[int] | None = None
) -> str | None:
    """Rows that change places, each with its voter and seq, are tallied the same. `order` lists
    the rows in their new order; without it they are reversed."""
    rows = range(len(case.choices))[::-1] if order is None else order
    return _same(implementation.tally(*case), implementation.tally(*case.rearranged(rows)))


def ignores_batches(
    implementation: Implementation, case: TallyCase, cuts: Sequence[int] | None = None
) -> str | None:
    """Batches that are cut anywhere, each collected apart, are tallied as the whole, in whichever
    order and grouping their partials merge. Without `cuts` there are three."""
    rows = len(case.choices)
    if cuts is None:
        cuts = (rows // 3, rows - rows // 3)
    bounds = [0, *cuts, rows]
    partials = [
        implementation.collect_ballots(part.choices, len(case.powers), part.voters, part.seqs)
        for part in (case.rearranged(range(start, stop)) for start, stop in pairwise(bounds))
    ]
    expected = implementation.tally(*case)
    for ordered in (partials, partials[::-1], [*partials[1:], partials[0]]):
        merged = ordered[0]
        for partial in ordered[1:]:
            merged = implementation.merge_ballots(merged, partial)
        wrong = _same(expected, implementation.finish_tally(merged, case.powers, case.cap))
        if wrong:
            return wrong
        # The same from the other end.
        merged = ordered[-1]
        for partial in ordered[-2::-1]:
            merged = implementation.merge_ballots(partial, merged)
        wrong = _same(expected, implementation.finish_tally(merged, case.powers, case.cap))
        if wrong:
            return wrong
    return None


def counts_a_batch_once(implementation: Implementation, case: TallyCase) -> str | None:
    """Ballots that come a second time change no power and no number of counted ballots; they are
    duplicates."""
    whole = case.rearranged(range(len(case.choices)))
    partial = implementation.collect_ballots(
        whole.choices, len(case.powers), whole.voters, whole.seqs
    )
    found = implementation.tally(*case)
    twice = implementation.merge_ballots(partial, partial)
    again = implementation.finish_tally(twice, case.powers, case.cap)
    unknown = found.rejected["unknown_voter"]
    known = len(case.choices) - unknown
    rejected = {
        **found.rejected,
        "unknown_voter": 2 * unknown,
        "duplicate": found.rejected["duplicate"] + known,
    }
    return _same(found._replace(rejected=rejected), again)


def rises_with_each_yes(implementation: Implementation, case: TallyCase) -> str | None:
    """One more ballot for, of anybody, never lowers yes and changes neither no nor abstain. It is
    the last ballot, after the others in their order."""
    found = implementation.tally(*case)
    owners, order = case.owners(), sorted(case.places())
    places = [order.index(place) for place in case.places()]
    for voter in (0, len(case.powers) - 1, len(case.powers)):
        if voter < 0:
            continue
        more = implementation.tally(
            [*case.choices, FOR],
            case.powers,
            [*owners, voter],
            [*places, len(places)],
            case.cap,
        )
        if more.yes < found.yes or (more.no, more.abstain) != (found.no, found.abstain):
            return f"{found[:3]} becomes {more[:3]} with a ballot of voter {voter} for"
    return None


def tallies_proposals_apart(
    implementation: Implementation, case: TallyCase, numbers: Sequence[int] | None = None
) -> str | None:
    """Many proposals are tallied as each by itself. `numbers` are the proposals of the ballots;
    without them they take turns on three."""
    rows = range(len(case.choices))
    if numbers is None:
        numbers = [i % 3 for i in rows]
    count = max(numbers, default=-1) + 2
    electorates = [
        Electorate(case.powers[: len(case.powers) - k % 2], case.cap) for k in range(count)
    ]
    whole = case.rearranged(rows)
    assert whole.voters is not None
    found = implementation.tally_many(whole.choices, numbers, whole.voters, electorates, whole.seqs)
    if len(found) != count:
        return f"{len(found)} tallies of {count} proposals"
    for k, electorate in enumerate(electorates):
        part = case.rearranged([i for i in rows if numbers[i] == k])
        alone = implementation.tally(
            part.choices, electorate.powers, part.voters, part.seqs, electorate.cap
        )
        wrong = _same(alone, found[k])
        if wrong:
            return f"proposal {k}: {wrong}"
    return None


def _same(found: Tallied, other: Tallied) -> str | None:
    return None if found == other else f"{found} and {other} differ"


TALLY_LAWS: Final[tuple[TallyLaw, ...]] = (
    accounts_for_every_ballot,
    counts_first_ballots_alone,
    stays_within_what_is_attainable,
    caps_each_power,
    ignores_ballot_order,
    ignores_batches,
    counts_a_batch_once,
    rises_with_each_yes,
    tallies_proposals_apart,
)
"""The laws that need nothing but a case."""
