"""See `qfs.reference.tally`: ballots in the memory of their columns, one item per voter."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from qfs.columns import Column, require_rows, require_same_length
from qfs.errors import WrongTypeError
from qfs.kernel.columns import (
    NATIVE_BYTES,
    Code,
    check_choices,
    check_counts,
    check_ticks,
    to_column,
)
from qfs.kernel.memory import blank
from qfs.limits import MAX_SCALAR
from qfs.reference.tally import (
    ABSTAIN,
    AGAINST,
    FOR,
    REASONS,
    Electorate,
    Partial,
    Tallied,
    require_attainable,
    require_ballots,
    require_cap,
    require_unique,
    unknown_proposal,
)
from qfs_kernel import tally as kernel

SPARSE: Final = 64
"""Seqs of a batch span at most so many places per ballot where each place has a mark of a bit."""

NARROW_SEQS: Final = 2**30
"""Seqs that span fewer places than this fit with their choice into 32 bits."""

SAMPLE: Final = 64
"""So many ballots tell whether the others may be in the order of their seqs."""

JOINED_VOTERS: Final = 2**27
"""Voters of the snapshots that are tallied in one pass, unless a single one has more."""


class _Firsts(NamedTuple):
    """What is kept of each voter's first ballot."""

    items: memoryview
    unknown: int
    """ballots of nobody"""
    packed: bool = False
    """whether an item has the choices of four voters"""


class _Ballots(NamedTuple):
    """The columns as native integers of 8, 32 and 64 bits."""

    choices: memoryview
    voters: memoryview | None
    seqs: memoryview | None


def tally(
    choices: Sequence[int],
    powers: Sequence[int],
    voters: Sequence[int] | None = None,
    seqs: Sequence[int] | None = None,
    cap: int | None = None,
) -> Tallied:
    """See `qfs.reference.tally.tally`. Ballots in the order of their seqs are tallied fastest."""
    # Step 1. The arguments are in their bounds and fit together.
    require_cap(cap)
    require_ballots(len(choices), len(powers), voters, seqs)
    # Step 2. Of each voter the first ballot is kept.
    ballots = _native(choices, voters, seqs)
    firsts = _first_choices(len(powers), ballots)
    # Step 3. It counts with the voter's power.
    return _finished(firsts, 0, len(choices) - firsts.unknown, Electorate(powers, cap))


def tally_many(
    choices: Sequence[int],
    proposals: Sequence[int],
    voters: Sequence[int],
    electorates: Sequence[Electorate],
    seqs: Sequence[int] | None = None,
) -> list[Tallied]:
    """See `qfs.reference.tally.tally_many`; the snapshots are joined to one and tallied at once."""
    # Step 1. The arguments are in their bounds and fit together.
    for electorate in electorates:
        require_cap(electorate.cap)
    require_same_length(
        choices=len(choices),
        proposals=len(proposals),
        voters=len(voters),
        seq=None if seqs is None else len(seqs),
    )
    ballots = _native(choices, voters, seqs)
    numbers = _words(proposals, "I", "proposals", check_counts)
    # Step 2. A ballot is on one of the proposals.
    fault = kernel.lowest_from(numbers, len(electorates))
    if fault >= 0:
        raise unknown_proposal(numbers[fault], len(electorates), fault)
    # Step 3. Of each voter of each proposal the first ballot is kept.
    if ballots.seqs is not None:
        _require_unique(ballots.seqs)
    # Step 4. It counts with the voter's power.
    found: list[Tallied] = []
    while len(found) < len(electorates):
        found += _joined(ballots, numbers, electorates, len(found))
    return found


def collect_ballots(
    choices: Sequence[int],
    voter_count: int,
    voters: Sequence[int] | None = None,
    seqs: Sequence[int] | None = None,
) -> Partial:
    """See `qfs.reference.tally.collect_ballots`."""
    # Step 1. There are one voter and one seq per ballot, and a seq stands once.
    require_ballots(len(choices), voter_count, voters, seqs)
    ballots = _native(choices, voters, seqs)
    if ballots.seqs is not None:
        _require_unique(ballots.seqs)
    firsts = _room("Q", voter_count)
    # Steps 2 and 3, ballot by ballot.
    unknown = kernel.collect_ballots(*ballots, 0, firsts)
    return Partial(firsts[:voter_count], len(choices) - unknown, unknown)


def merge_ballots(partial: Partial, other: Partial) -> Partial:
    """See `qfs.reference.tally.merge_ballots`."""
    # Step 1. Both are of one snapshot.
    require_same_length(partial=len(partial.firsts), other=len(other.firsts))
    firsts, others = firsts_of(partial), firsts_of(other)
    # Step 2. Of a voter's ballots the one with the lowest seq is kept.
    merged = blank(8 * len(firsts)).cast("Q")
    kernel.merge(firsts, others, merged)
    return Partial(merged, partial.ballots + other.ballots, partial.unknown + other.unknown)


def finish_tally(partial: Partial, powers: Sequence[int], cap: int | None = None) -> Tallied:
    """See `qfs.reference.tally.finish_tally`."""
    # Step 1. There is one power per voter.
    require_cap(cap)
    require_same_length(powers=len(powers), partial=len(partial.firsts))
    firsts = _Firsts(firsts_of(partial), partial.unknown)
    # Steps 2 and 3, voter by voter.
    found = _counted(firsts, 0, partial.ballots, Electorate(powers, cap))
    # Step 4. The total is in its bounds.
    require_attainable(found.attainable)
    return found


def _finished(firsts: _Firsts, place: int, ballots: int, electorate: Electorate) -> Tallied:
    """The tally of first ballots in any form; `ballots` are those of voters in the snapshot."""
    found = _counted(firsts, place, ballots, electorate)
    require_attainable(found.attainable)
    return found


def _counted(firsts: _Firsts, place: int, ballots: int, electorate: Electorate) -> Tallied:
    """The first ballots from a place on, with the powers of an electorate."""
    powers = to_column(electorate.powers).data
    most = MAX_SCALAR if electorate.cap is None else electorate.cap
    sums, voted, powerless = kernel.finish_tally(firsts.items, place, firsts.packed, powers, most)
    rejected = (firsts.unknown, ballots - voted, powerless)
    return Tallied(
        sums[FOR],
        sums[AGAINST],
        sums[ABSTAIN],
        voted - powerless,
        dict(zip(REASONS, rejected, strict=True)),
        sum(sums),
    )


def _first_choices(voter_count: int, ballots: _Ballots) -> _Firsts:
    """Each voter's first ballot in whichever form is fastest."""
    choices, voters, seqs = ballots
    if voters is None:
        if seqs is not None:
            _require_unique(seqs)
        return _Firsts(choices, 0)
    if seqs is None or not len(seqs) or kernel.seq_bounds(seqs[:SAMPLE])[0]:
        # With the item of nobody, four choices to a byte.
        packed = blank((voter_count >> 2) + 1)
        unknown = kernel.collect_in_order(choices, voters, seqs, voter_count, packed)
        if unknown >= 0:
            return _Firsts(packed, unknown, packed=True)
    assert seqs is not None
    low, high = _require_unique(seqs)
    firsts = _room("I" if high - low < NARROW_SEQS else "Q", voter_count)
    return _Firsts(firsts, kernel.collect_ballots(*ballots, low, firsts))


def _joined(
    ballots: _Ballots, numbers: memoryview, electorates: Sequence[Electorate], first: int
) -> list[Tallied]:
    """The tallies of the electorates from `first` on, as many as fit into one pass."""
    starts = [0, len(electorates[first].powers)]
    for electorate in electorates[first + 1 :]:
        if starts[-1] + len(electorate.powers) > JOINED_VOTERS:
            break
        starts.append(starts[-1] + len(electorate.powers))
    require_rows(starts[-1], "electorates")
    found = memoryview(array("I", bytes(4 * len(numbers))))
    counted, unknown = (memoryview(array("Q", bytes(8 * (len(starts) - 1)))) for _ in range(2))
    assert ballots.voters is not None
    kernel.places(
        numbers, ballots.voters, memoryview(array("Q", starts)), first, found, counted, unknown
    )
    firsts = _first_choices(starts[-1], ballots._replace(voters=found))
    return [
        _finished(firsts._replace(unknown=unknown[i]), start, counted[i], electorates[first + i])
        for i, start in enumerate(starts[:-1])
    ]


def _require_unique(seqs: memoryview) -> tuple[int, int]:
    """The lowest and the highest seq, each of which stands once; (0, 0) where there are none."""
    if len(seqs) == 0:
        return 0, 0
    ascend, low, high = kernel.seq_bounds(seqs)
    if not ascend:
        if high - low < SPARSE * len(seqs):
            repeat = kernel.marks_repeat(seqs, low, bytearray((high - low >> 3) + 1))
        else:
            items, others = (memoryview(array("Q", bytes(8 * len(seqs)))) for _ in range(2))
            repeat = kernel.sorted_repeat(seqs, high.bit_length(), items, others)
        if repeat:
            require_unique(seqs)
            raise WrongTypeError("the seqs changed while they were read", argument="seq")
    return low, high


def _native(
    choices: Sequence[int], voters: Sequence[int] | None, seqs: Sequence[int] | None
) -> _Ballots:
    return _Ballots(
        _words(choices, "B", "choices", check_choices),
        None if voters is None else _words(voters, "I", "voters", check_counts),
        None if seqs is None else _words(seqs, "Q", "seq", check_ticks),
    )


def _words(
    values: Sequence[int],
    code: Code,
    argument: str,
    check: Callable[[Sequence[int], str], memoryview],
) -> memoryview:
    """The values as native integers: the memory itself where it is of that form already."""
    if isinstance(values, (array, bytes, bytearray, memoryview)):
        view = memoryview(values)
        if view.format == code and view.c_contiguous:
            return view
    return check(values if isinstance(values, Column) else list(values), argument)


def firsts_of(partial: Partial) -> memoryview:
    """What the ballots say about each voter, as native integers of 64 bits."""
    firsts = partial.firsts
    return firsts if isinstance(firsts, memoryview) else memoryview(array("Q", firsts))


def _room(code: Code, voter_count: int) -> memoryview:
    """An item per voter, and one for the ballots of nobody."""
    return blank(NATIVE_BYTES[code] * (voter_count + 1)).cast(code)
