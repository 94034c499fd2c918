"""Contracts of qfs.reference.tally."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from qfs.errors import (
    DuplicateIdError,
    LengthMismatchError,
    OutOfRangeError,
    TotalOverflowError,
)
from qfs.laws import tally as laws
from qfs.laws.tally import TallyCase
from qfs.limits import MAX_COUNT, MAX_SCALAR, MAX_TICK, MAX_VALUE
from qfs.reference.tally import (
    NO_BALLOT,
    Electorate,
    Partial,
    collect_ballots,
    finish_tally,
    merge_ballots,
    require_attainable,
    require_ballots,
    require_cap,
    require_unique,
    tally,
    tally_many,
)

_REFERENCE: Any = SimpleNamespace(
    tally=tally,
    tally_many=tally_many,
    collect_ballots=collect_ballots,
    merge_ballots=merge_ballots,
    finish_tally=finish_tally,
)


def the_lowest_seq_counts(seq: int, other: int, power: int) -> bool:
    """Of two ballots of one voter the one with the lower seq counts, in whichever row it stands.

    of: qfs.reference.tally.tally
    bound: two ballots of one voter, for and against, seqs at the edges
    pre: seq in (0, 1, 2, MAX_TICK) and other in (0, 1, 2, MAX_TICK) and seq != other
    pre: 1 <= power <= MAX_VALUE
    post: __return__
    """
    found = tally([1, 0], [power], [0, 0], [seq, other])
    sums = (power, 0) if seq < other else (0, power)
    return (found.yes, found.no) == sums and found.rejected["duplicate"] == 1


def powers_are_counted_up_to_the_cap(power: int, other: int, cap: int, choice: int) -> bool:
    """The sums are of the powers, each up to the cap; a power of 0 is not counted.

    of: qfs.reference.tally.tally
    of: qfs.reference.tally.finish_tally
    bound: two voters, one of them for
    pre: 0 <= power <= MAX_VALUE and 0 <= other <= MAX_VALUE
    pre: 0 <= cap <= MAX_SCALAR
    pre: 0 <= choice <= 2
    post: __return__
    """
    found = tally([1, choice], [power, other], cap=cap)
    sums = [0, min(power, cap), 0]
    sums[choice] += min(other, cap)
    expected = (min(power, cap) > 0) + (min(other, cap) > 0)
    return [found.no, found.yes, found.abstain] == sums and found.counted == expected


def every_ballot_is_accounted_for(voter: int, other: int, power: int, cap: int) -> str | None:
    """A ballot is counted, or rejected for one reason.

    of: qfs.reference.tally.tally
    bound: two ballots, two voters and one who is nobody, one of them with any power
    pre: 0 <= voter <= 2 and 0 <= other <= 2
    pre: 0 <= power <= MAX_VALUE and 0 <= cap <= 1
    post: __return__ is None
    """
    case = TallyCase([1, 0], [power, 1], [voter, other], None, cap)
    return laws.accounts_for_every_ballot(_REFERENCE, case)


def first_ballots_alone_count(voter: int, other: int, seq: int, power: int) -> str | None:
    """The sums, the duplicates and the powerless are those of the first ballots.

    of: qfs.reference.tally.tally
    bound: three ballots of two voters and of nobody, seqs of 0 .. 3
    pre: 0 <= voter <= 2 and 0 <= other <= 2
    pre: 0 <= seq <= 3 and seq != 1 and seq != 2
    pre: 0 <= power <= MAX_VALUE
    post: __return__ is None
    """
    case = TallyCase([0, 1, 2], [power, 1], [voter, other, 0], [1, seq, 2])
    return laws.counts_first_ballots_alone(_REFERENCE, case)


def turnout_is_within_what_is_attainable(
    power: int, other: int, cap: int, voter: int
) -> str | None:
    """yes + no + abstain is at most the sum of the powers, each up to the cap.

    of: qfs.reference.tally.tally
    bound: two voters, ballots of one or both
    pre: 0 <= power <= MAX_VALUE and 0 <= other <= MAX_VALUE
    pre: 0 <= cap <= MAX_SCALAR
    pre: 0 <= voter <= 1
    post: __return__ is None
    """
    case = TallyCase([1, 0], [power, other], [0, voter], None, cap)
    return laws.stays_within_what_is_attainable(_REFERENCE, case)


def rows_may_change_places(voter: int, other: int, seq: int, power: int) -> str | None:
    """Ballots in the reversed order are tallied the same.

    of: qfs.reference.tally.tally
    bound: three ballots of two voters and of nobody, seqs of 0 .. 3
    pre: 0 <= voter <= 2 and 0 <= other <= 2
    pre: 0 <= seq <= 3 and seq != 1 and seq != 2
    pre: 0 <= power <= MAX_VALUE
    post: __return__ is None
    """
    case = TallyCase([0, 1, 2], [power, 1], [voter, other, 0], [1, seq, 2])
    return laws.ignores_ballot_order(_REFERENCE, case)


def batches_merge_to_the_whole(voter: int, other: int, seq: int, power: int) -> str | None:
    """Three batches of one ballot are tallied as one, in whichever order and grouping they merge.

    of: qfs.reference.tally.merge_ballots
    of: qfs.reference.tally.collect_ballots
    of: qfs.reference.tally.finish_tally
    bound: three ballots of two voters and of nobody, seqs of 0 .. 3
    pre: 0 <= voter <= 2 and 0 <= other <= 2
    pre: 0 <= seq <= 3 and seq != 1 and seq != 2
    pre: 0 <= power <= MAX_VALUE
    post: __return__ is None
    """
    case = TallyCase([0, 1, 2], [power, 1], [voter, other, 0], [1, seq, 2])
    return laws.ignores_batches(_REFERENCE, case)


def a_batch_counts_once(voter: int, other: int, power: int) -> str | None:
    """Ballots that come a second time are duplicates and change no sum.

    of: qfs.reference.tally.merge_ballots
    bound: two ballots, two voters and one who is nobody
    pre: 0 <= voter <= 2 and 0 <= other <= 2
    pre: 0 <= power <= MAX_VALUE
    post: __return__ is None
    """
    return laws.counts_a_batch_once(_REFERENCE, TallyCase([1, 0], [power, 1], [voter, other]))


def merging_takes_the_lower(first: int, other: int) -> bool:
    """Of what two batches say about a voter the lower is kept, whichever is first.

    of: qfs.reference.tally.merge_ballots
    bound: one voter
    pre: 0 <= first <= NO_BALLOT and 0 <= other <= NO_BALLOT
    post: __return__
    """
    one, two = Partial([first], 1, 2), Partial([other], 3, 4)
    merged = merge_ballots(one, two)
    return merged == merge_ballots(two, one) == Partial([min(first, other)], 4, 6)


def one_more_yes_lowers_nothing(choice: int, voter: int, power: int, other: int) -> str | None:
    """One more ballot for never lowers yes and changes neither no nor abstain.

    of: qfs.reference.tally.tally
    bound: one ballot before, of two voters
    pre: 0 <= choice <= 2 and 0 <= voter <= 2
    pre: 0 <= power <= MAX_VALUE and 0 <= other <= MAX_VALUE
    post: __return__ is None
    """
    return laws.rises_with_each_yes(_REFERENCE, TallyCase([choice], [power, other], [voter]))


def proposals_are_tallied_apart(number: int, voter: int, other: int, power: int) -> str | None:
    """Two proposals in one batch are tallied as each by itself.

    of: qfs.reference.tally.tally_many
    bound: two ballots, two voters and one who is nobody, two proposals
    pre: 0 <= number <= 1
    pre: 0 <= voter <= 2 and 0 <= other <= 2
    pre: 0 <= power <= MAX_VALUE
    post: __return__ is None
    """
    case = TallyCase([1, 0], [power, 1], [voter, other])
    return laws.tallies_proposals_apart(_REFERENCE, case, [number, 0])


def a_ballot_is_on_a_proposal(first: int, other: int) -> object:
    """The lowest ballot on no proposal is named.

    of: qfs.reference.tally.tally_many
    of: qfs.reference.tally.unknown_proposal
    bound: two ballots, one proposal
    pre: 0 <= first <= 2 and 0 <= other <= 2
    post: __return__ == (0 if first > 0 else 1 if other > 0 else None)
    """
    try:
        tally_many([1, 1], [first, other], [0, 0], [Electorate([1])])
    except OutOfRangeError as error:
        return error.index
    return None


def nobody_else_votes(voter: int) -> bool:
    """A ballot counts exactly where its voter is in the snapshot.

    of: qfs.reference.tally.collect_ballots
    bound: one ballot, two voters
    pre: 0 <= voter <= MAX_COUNT
    post: __return__ == (voter < 2)
    """
    partial = collect_ballots([1], 2, [voter])
    assert partial.ballots + partial.unknown == 1
    return partial.ballots == 1


def a_seq_stands_once(a: int, b: int, c: int) -> object:
    """The lowest row whose seq stands before it is named.

    of: qfs.reference.tally.require_unique
    bound: three ballots, seqs of 0 .. 3
    pre: 0 <= a <= 3 and 0 <= b <= 3 and 0 <= c <= 3
    post: __return__ == (1 if a == b else 2 if c in (a, b) else None)
    """
    try:
        require_unique([a, b, c])
    except DuplicateIdError as error:
        return error.index
    return None


def columns_have_one_length(powers: int, voters: int, seqs: int) -> bool:
    """Columns are accepted exactly where each has a row per ballot.

    of: qfs.reference.tally.require_ballots
    bound: one ballot, columns of up to two rows; 0 voters stand for none given
    pre: 0 <= powers <= 2 and 0 <= voters <= 2 and 0 <= seqs <= 2
    post: __return__ == (seqs == 1 and (voters == 1 or voters == 0 and powers == 1))
    """
    try:
        require_ballots(1, powers, [0] * voters if voters else None, [0] * seqs)
    except LengthMismatchError:
        return False
    return True


def a_cap_is_in_its_bounds(is_high: int, beside: int) -> bool:
    """A cap is accepted exactly where it is 0 .. 2^128 - 1.

    of: qfs.reference.tally.require_cap
    bound: caps beside the bounds
    pre: 0 <= is_high <= 1 and -2 <= beside <= 2
    post: __return__ == (beside <= 0 if is_high else beside >= 0)
    """
    try:
        require_cap(MAX_SCALAR + beside if is_high else beside)
    except OutOfRangeError:
        return False
    return True


def a_total_above_its_bound_is_refused(attainable: int) -> bool:
    """A total is refused exactly where it is above 2^128 - 1.

    of: qfs.reference.tally.require_attainable
    pre: 0 <= attainable
    post: __return__ == (attainable > MAX_SCALAR)
    """
    try:
        require_attainable(attainable)
    except TotalOverflowError:
        return True
    return False
