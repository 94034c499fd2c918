"""Tally: ballots against a frozen snapshot of voting powers, one counted ballot per voter.

A ballot is a row of three columns: its place in the log (seq), its voter as a position in the
snapshot, its choice. The result depends on the set of ballots alone, never on the order of the
rows or on how they are cut into batches.

Ballots are signed and checked before they come here. No ballot carries a power: it is looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from qfs.columns import require_integer, require_same_length
from qfs.errors import DuplicateIdError, OutOfRangeError, TotalOverflowError
from qfs.limits import MAX_SCALAR

AGAINST, FOR, ABSTAIN = range(3)
MAX_CHOICE: Final = ABSTAIN
"""Choices are 0 against, 1 for, 2 abstain."""

REASONS: Final = ("unknown_voter", "duplicate", "zero_power")
"""Why a ballot is refused, in the order in which this is checked."""

CHOICES_PER_SEQ: Final = 4
NO_BALLOT: Final = 2**64 - 1
"""Stands for a voter without a ballot; above every seq * 4 + choice."""


class Partial(NamedTuple):
    """What some ballots say about every voter of a snapshot; partials of any batches merge."""

    firsts: Sequence[int]
    """per voter seq * 4 + choice of the ballot with the lowest seq, or NO_BALLOT"""
    ballots: int
    """of voters in the snapshot"""
    unknown: int
    """ballots of anybody else"""


class Electorate(NamedTuple):
    """Who may vote on a proposal, frozen."""

    powers: Sequence[int]
    """base units, 0 .. 10^38 - 1, one per voter"""
    cap: int | None = None
    """the most that counts of any one power, 0 .. 2^128 - 1"""


class Tallied(NamedTuple):
    """Powers by choice, in base units, and what became of the ballots."""

    yes: int
    no: int
    abstain: int
    counted: int
    """ballots, one per voter"""
    rejected: dict[str, int]
    """ballots by reason, all of REASONS"""
    attainable: int
    """the sum of all powers as they count: yes + no + abstain if everybody voted"""


def tally(
    choices: Sequence[int],
    powers: Sequence[int],
    voters: Sequence[int] | None = None,
    seqs: Sequence[int] | None = None,
    cap: int | None = None,
) -> Tallied:
    """Count the ballots on one proposal.

    Args:
        choices: one per ballot, 0 against, 1 for, 2 abstain.
        powers: one per voter of the snapshot, base units, 0 .. 10^38 - 1.
        voters: per ballot the position of its voter in `powers`, 0 .. 2^32 - 1; without them
            ballot i is voter i's.
        seqs: per ballot its place in the log, 0 .. 2^53 - 1, each once; called "seq" in errors.
            Without them a ballot's place is its row.
        cap: the most that counts of any one power, base units, 0 .. 2^128 - 1, or None.

    Of a voter's ballots the one with the lowest seq counts. The reason of any other ballot is the
    first of these: its voter is not in the snapshot (unknown_voter), it is not the voter's first
    (duplicate), or the voter's power is 0 or capped to 0 (zero_power). Nothing is rounded.

    Raises:
        NullValueError, WrongTypeError, OutOfRangeError: the cap is no integer within its bounds.
        LengthMismatchError: not one voter and one seq per ballot, or without voters not one
            ballot per power.
        DuplicateIdError: two ballots have one seq; the index is the lowest that repeats another.
        TotalOverflowError: the powers as they count sum to more than 2^128 - 1, whoever voted.

    Powers 30, 30 and 90 under a cap of 40, with ballots 1, 0, 0 of voters 2, 0, 2, give 40 for
    and 30 against: the second ballot of voter 2 is a duplicate.
    """
    # Step 1. The arguments are in their bounds and fit together.
    require_cap(cap)
    require_ballots(len(choices), len(powers), voters, seqs)
    # Step 2. Of each voter the first ballot is kept.
    partial = collect_ballots(choices, len(powers), voters, seqs)
    # Step 3. It counts with the voter's power.
    return finish_tally(partial, powers, cap)


def tally_many(
    choices: Sequence[int],
    proposals: Sequence[int],
    voters: Sequence[int],
    electorates: Sequence[Electorate],
    seqs: Sequence[int] | None = None,
) -> list[Tallied]:
    """Count ballots on many proposals at once: per electorate what `tally` gives for its ballots.

    Args:
        choices, voters, seqs: as for `tally`; a seq stands once in the whole batch.
        proposals: per ballot the position of its proposal in `electorates`, 0 .. 2^32 - 1.
        electorates: one per proposal; two may have the same powers, and then share them.

    Raises:
        As `tally`, and OutOfRangeError for the lowest ballot on no proposal, before any seq. A
        cap or a total at fault is that of the first such electorate.
    """
    # Step 1. The arguments are in their bounds and fit together.
    for electorate in electorates:
        require_cap(electorate.cap)
    require_same_length(
        choices=len(choices),
        proposals=len(proposals),
        voters=len(voters),
        seq=None if seqs is None else len(seqs),
    )
    # Step 2. A ballot is on one of the proposals.
    for i, proposal in enumerate(proposals):
        if proposal >= len(electorates):
            raise unknown_proposal(proposal, len(electorates), i)
    # Step 3. Of each voter of each proposal the first ballot is kept.
    places = range(len(choices)) if seqs is None else seqs
    require_unique(places)
    partials = []
    for number, electorate in enumerate(electorates):
        rows = [i for i, proposal in enumerate(proposals) if proposal == number]
        partials.append(
            collect_ballots(
                [choices[i] for i in rows],
                len(electorate.powers),
                [voters[i] for i in rows],
                [places[i] for i in rows],
            )
        )
    # Step 4. It counts with the voter's power.
    return [
        finish_tally(partial, *electorate)
        for partial, electorate in zip(partials, electorates, strict=True)
    ]


def collect_ballots(
    choices: Sequence[int],
    voter_count: int,
    voters: Sequence[int] | None = None,
    seqs: Sequence[int] | None = None,
) -> Partial:
    """What these ballots say about each of `voter_count` voters; arguments as for `tally`.

    Raises:
        LengthMismatchError, DuplicateIdError: as `tally`.
    """
    # Step 1. There are one voter and one seq per ballot, and a seq stands once.
    require_ballots(len(choices), voter_count, voters, seqs)
    if seqs is not None:
        require_unique(seqs)
    firsts, unknown = [NO_BALLOT] * voter_count, 0
    for i, choice in enumerate(choices):
        voter = i if voters is None else voters[i]
        seq = i if seqs is None else seqs[i]
        # Step 2. A ballot of nobody in the snapshot is refused.
        if voter >= voter_count:
            unknown += 1
            continue
        # Step 3. Of a voter's ballots the one with the lowest seq is kept.
        firsts[voter] = min(firsts[voter], seq * CHOICES_PER_SEQ + choice)
    return Partial(firsts, len(choices) - unknown, unknown)


def merge_ballots(partial: Partial, other: Partial) -> Partial:
    """What the ballots of both say. Associative and commutative, whatever the batches.

    A seq is a place in one log: in which two batches have different ballots. A ballot that is in
    both is kept once, and counted as a duplicate once more.

    Raises:
        LengthMismatchError: they are of different numbers of voters.
    """
    # Step 1. Both are of one snapshot.
    require_same_length(partial=len(partial.firsts), other=len(other.firsts))
    # Step 2. Of a voter's ballots the one with the lowest seq is kept.
    firsts = [min(pair) for pair in zip(partial.firsts, other.firsts, strict=True)]
    return Partial(firsts, partial.ballots + other.ballots, partial.unknown + other.unknown)


def finish_tally(partial: Partial, powers: Sequence[int], cap: int | None = None) -> Tallied:
    """Count each voter's first ballot with the voter's power; arguments as for `tally`.

    Raises:
        NullValueError, WrongTypeError, OutOfRangeError, LengthMismatchError, TotalOverflowError:
            as `tally`.
    """
    # Step 1. There is one power per voter.
    require_cap(cap)
    require_same_length(powers=len(powers), partial=len(partial.firsts))
    sums, voted, counted, attainable = [0, 0, 0], 0, 0, 0
    for voter, first in enumerate(partial.firsts):
        # Step 2. A power counts up to the cap.
        power = powers[voter] if cap is None else min(powers[voter], cap)
        attainable += power
        # Step 3. The first ballot counts with it, unless it is 0.
        if first != NO_BALLOT:
            sums[first % CHOICES_PER_SEQ] += power
            voted += 1
            counted += power > 0
    # Step 4. The total is in its bounds.
    require_attainable(attainable)
    rejected = (partial.unknown, partial.ballots - voted, voted - counted)
    return Tallied(
        sums[FOR],
        sums[AGAINST],
        sums[ABSTAIN],
        counted,
        dict(zip(REASONS, rejected, strict=True)),
        attainable,
    )


def require_cap(cap: object) -> None:
    """The cap is None or an integer of 0 .. 2^128 - 1, else an error that names it."""
    if cap is not None:
        require_integer(cap, "cap", MAX_SCALAR)


def require_ballots(
    ballots: int, voter_count: int, voters: Sequence[int] | None, seqs: Sequence[int] | None
) -> None:
    """The columns have a row for each ballot, and without voters so have the powers.

    Raises:
        LengthMismatchError: it names the first that differs.
    """
    require_same_length(
        choices=ballots,
        powers=voter_count if voters is None else None,
        voters=None if voters is None else len(voters),
        seq=None if seqs is None else len(seqs),
    )


def require_unique(seqs: Iterable[int]) -> None:
    """Each seq stands once.

    Raises:
        DuplicateIdError: at the lowest row whose seq stands in a row before it.
    """
    rows: dict[int, int] = {}
    for i, seq in enumerate(seqs):
        if seq in rows:
            raise DuplicateIdError(
                f"{seq} stands in row {rows[seq]} already", argument="seq", index=i, value=seq
            )
        rows[seq] = i


def require_attainable(attainable: int) -> None:
    """The sum of all powers as they count is at most 2^128 - 1, else TotalOverflowError."""
    if attainable > MAX_SCALAR:
        raise TotalOverflowError(
            "the powers sum to more than 2^128 - 1", argument="powers", value=attainable
        )


def unknown_proposal(proposal: int, proposals: int, index: int) -> OutOfRangeError:
    """The error of a ballot on no proposal."""
    return OutOfRangeError(
        f"{proposal}, but there are {proposals} proposals",
        argument="proposals",
        index=index,
        value=proposal,
    )
