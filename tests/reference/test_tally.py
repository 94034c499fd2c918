"""Tallies: the lowest seq of a voter counts, powers are capped, and no ballot disappears."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import pytest

from qfs.errors import (
    DuplicateIdError,
    LengthMismatchError,
    OutOfRangeError,
    QfsError,
    TotalOverflowError,
    WrongTypeError,
)
from qfs.limits import MAX_COUNT, MAX_SCALAR, MAX_TICK, MAX_VALUE
from qfs.reference.tally import (
    ABSTAIN,
    AGAINST,
    FOR,
    NO_BALLOT,
    Electorate,
    Partial,
    Tallied,
)


def plain(partial: Partial) -> tuple[list[int], int, int]:
    return list(partial.firsts), partial.ballots, partial.unknown


def rejected(unknown_voter: int = 0, duplicate: int = 0, zero_power: int = 0) -> dict[str, int]:
    return {"unknown_voter": unknown_voter, "duplicate": duplicate, "zero_power": zero_power}


def test_the_first_ballot_of_a_voter_counts_with_its_capped_power(implementation: Any) -> None:
    found = implementation.tally([1, 0, 0], [30, 30, 90], [2, 0, 2], cap=40)
    assert found == Tallied(40, 30, 0, 2, rejected(duplicate=1), 100)


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_the_lowest_seq_counts_whatever_the_order(
    implementation: Any, order: tuple[int, ...]
) -> None:
    ballots = [(ABSTAIN, 1, 9), (AGAINST, 0, 8), (FOR, 1, 3), (FOR, 0, MAX_TICK)]
    choices, voters, seqs = zip(*(ballots[i] for i in order), strict=True)
    found = implementation.tally(choices, [5, 7, 11], voters, seqs)
    assert found == Tallied(7, 5, 0, 2, rejected(duplicate=2), 23)


def test_without_seqs_the_first_row_counts(implementation: Any) -> None:
    for choices in product(range(3), repeat=2):
        found = implementation.tally(choices, [5], [0, 0])
        sums = [0, 0, 0]
        sums[choices[0]] = 5
        assert found == Tallied(sums[1], sums[0], sums[2], 1, rejected(duplicate=1), 5)


def test_without_voters_each_ballot_is_that_of_its_row(implementation: Any) -> None:
    found = implementation.tally([1, 0, 2], [1, 2, 4])
    assert found == Tallied(1, 2, 4, 3, rejected(), 7)
    found = implementation.tally([1, 0, 2], [1, 2, 4], seqs=[0, MAX_TICK, 5])
    assert found == Tallied(1, 2, 4, 3, rejected(), 7)


def test_of_two_reasons_the_first_is_given(implementation: Any) -> None:
    # Voter 3 is nobody, twice; voter 0 has no power, twice; voter 1 votes twice.
    voters, seqs = [3, 0, 1, 3, 0, 1], [5, 4, 3, 2, 1, 0]
    found = implementation.tally([0, 0, 0, 1, 1, 1], [0, 6, 9], voters, seqs)
    assert found == Tallied(6, 0, 0, 1, rejected(2, 2, 1), 15)
    # A cap of 0 leaves nobody any power.
    found = implementation.tally([0, 0, 0, 1, 1, 1], [0, 6, 9], voters, seqs, 0)
    assert found == Tallied(0, 0, 0, 0, rejected(2, 2, 2), 0)


def test_nothing_to_count(implementation: Any) -> None:
    assert implementation.tally([], []) == Tallied(0, 0, 0, 0, rejected(), 0)
    assert implementation.tally([], [3], []) == Tallied(0, 0, 0, 0, rejected(), 3)
    assert implementation.tally([1], [], [0]) == Tallied(0, 0, 0, 0, rejected(1), 0)
    assert implementation.tally_many([], [], [], []) == []


@pytest.mark.parametrize("voter", [2, 3, 2**31, MAX_COUNT])
def test_a_voter_beyond_the_snapshot_is_nobody(implementation: Any, voter: int) -> None:
    found = implementation.tally([1, 1], [5, 7], [voter, 1])
    assert found == Tallied(7, 0, 0, 1, rejected(1), 12)


@pytest.mark.parametrize("cap", [0, 1, 9, 10, 11, 2**64, MAX_VALUE, MAX_SCALAR])
def test_a_power_counts_up_to_the_cap(implementation: Any, cap: int) -> None:
    powers = [10, 2**64 + 1, MAX_VALUE]
    counted = [min(power, cap) for power in powers]
    found = implementation.tally([1, 0, 2], powers, cap=cap)
    assert found[:3] == (counted[0], counted[1], counted[2])
    assert found.attainable == sum(counted)
    assert found.rejected == rejected(zero_power=3 if cap == 0 else 0)


def test_sums_carry_across_64_bits(implementation: Any) -> None:
    powers = [2**64 - 1, 2**64 - 1, 2**63, 2**63, 2**64, 1]
    found = implementation.tally([1, 1, 0, 0, 2, 2], powers)
    assert found[:3] == (2**65 - 2, 2**64, 2**64 + 1)


def test_the_attainable_total_is_in_its_bounds(implementation: Any) -> None:
    rest = MAX_SCALAR - 3 * MAX_VALUE
    assert 0 <= rest <= MAX_VALUE
    powers = [MAX_VALUE] * 3 + [rest]
    assert implementation.tally([1] * 4, powers).yes == MAX_SCALAR
    assert implementation.tally([], powers, []).attainable == MAX_SCALAR
    for choices, voters in [([1] * 5, range(5)), ([], [])]:
        with pytest.raises(TotalOverflowError) as caught:
            implementation.tally(choices, [*powers, 1], [*voters])
        assert (caught.value.argument, caught.value.index) == ("powers", None)
        assert caught.value.value == MAX_SCALAR + 1
    # What the cap takes away is not attainable.
    assert implementation.tally([1] * 5, [*powers, 1], cap=rest).attainable == 4 * rest + 1


@pytest.mark.parametrize(
    ("cap", "error"),
    [
        (-1, OutOfRangeError),
        (MAX_SCALAR + 1, OutOfRangeError),
        (1.0, WrongTypeError),
        (True, WrongTypeError),
        ("1", WrongTypeError),
    ],
)
def test_a_cap_is_an_integer_within_its_bounds(
    implementation: Any, cap: Any, error: type[QfsError]
) -> None:
    for name, arguments in [
        ("tally", ([1], [], None, None, cap)),
        ("finish_tally", (Partial([], 0, 0), [1], cap)),
        ("tally_many", ([1], [], [], [Electorate([], 1), Electorate([], cap)])),
    ]:
        with pytest.raises(error) as caught:
            getattr(implementation, name)(*arguments)
        assert (caught.value.argument, caught.value.index) == ("cap", None)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (([1, 1], [5]), "powers"),
        (([1], [5, 5]), "powers"),
        (([1, 1], [5], [0]), "voters"),
        (([1], [5], [0], [1, 2]), "seq"),
        (([1], [5], None, []), "seq"),
        (([1, 1], [5], [0], [1]), "voters"),
    ],
)
def test_columns_of_other_lengths_are_refused(
    implementation: Any, arguments: tuple[Any, ...], named: str
) -> None:
    with pytest.raises(LengthMismatchError) as caught:
        implementation.tally(*arguments)
    assert caught.value.argument == named


@pytest.mark.parametrize(
    ("seqs", "index"),
    [
        ([7, 7, 7], 1),
        ([7, 8, 7], 2),
        ([8, 9, 8, 9], 2),
        ([9, 8, 8, 9], 2),
        ([0, 0], 1),
        ([MAX_TICK, 0, MAX_TICK], 2),
        ([MAX_TICK - 1, MAX_TICK, 3, MAX_TICK, 3], 3),
        ([3, 2, 2**40, 1, 2**40, 2], 4),
    ],
)
def test_a_seq_stands_once(implementation: Any, seqs: list[int], index: int) -> None:
    """Also where the ballots are of different voters, and of nobody."""
    rows = len(seqs)
    for voters in ([0] * rows, [*range(rows)], [rows] * rows):
        for name, arguments in [
            ("tally", ([1] * rows, voters)),
            ("collect_ballots", (rows, voters)),
            ("tally_many", ([*range(rows)], voters, [Electorate([1])] * rows)),
        ]:
            with pytest.raises(DuplicateIdError) as caught:
                getattr(implementation, name)([1] * rows, *arguments, seqs)
            assert (caught.value.argument, caught.value.index) == ("seq", index)
            assert caught.value.value == seqs[index]


@pytest.mark.parametrize("row", [1, 63, 64, 65, 66, 199])
def test_a_seq_that_stands_twice_is_found_late_in_their_order(
    implementation: Any, row: int
) -> None:
    seqs = [3 * i for i in range(200)]
    seqs[row] = seqs[row - 1]
    with pytest.raises(DuplicateIdError) as caught:
        implementation.tally([1] * 200, [1] * 9, [i % 9 for i in range(200)], seqs)
    assert (caught.value.argument, caught.value.index) == ("seq", row)


@pytest.mark.parametrize("row", [0, 1, 63, 64, 65, 198])
def test_an_order_may_break_anywhere(implementation: Any, row: int) -> None:
    """Two rows change places, of one voter with two choices, of whom the lower seq counts."""
    seqs = [*range(200)]
    seqs[row], seqs[row + 1] = seqs[row + 1], seqs[row]
    voters, choices = [*range(200)], [ABSTAIN] * 200
    voters[row + 1] = row
    choices[row], choices[row + 1] = AGAINST, FOR
    found = implementation.tally(choices, [1] * 200, voters, seqs)
    assert (found.yes, found.no, found.abstain) == (1, 0, 198)


@pytest.mark.parametrize("base", [0, 1, 2**30, MAX_TICK - 2**32])
@pytest.mark.parametrize("span", [2**30 - 1, 2**30, 2**30 + 1, 2**31 - 1, 2**31, 2**32])
def test_seqs_far_apart_keep_their_order(implementation: Any, base: int, span: int) -> None:
    """The later ballot of voter 0 stands first; the lowest seq is another voter's."""
    seqs = [base + span, base, base + 1]
    found = implementation.tally([FOR, ABSTAIN, AGAINST], [5, 7], [0, 1, 0], seqs)
    assert (found.yes, found.no, found.abstain) == (0, 5, 7)


def test_partials_of_batches_merge_to_the_whole(implementation: Any) -> None:
    choices, voters, seqs = [0, 1, 2, 1, 0, 1], [0, 1, 0, 5, 1, 2], [9, 8, 1, 2, 3, MAX_TICK]
    whole = implementation.collect_ballots(choices, 3, voters, seqs)
    assert plain(whole) == ([4 * 1 + 2, 4 * 3 + 0, 4 * MAX_TICK + 1], 5, 1)
    for cut in range(7):
        parts = [
            implementation.collect_ballots(choices[rows], 3, voters[rows], seqs[rows])
            for rows in (slice(cut), slice(cut, None))
        ]
        for a, b in (parts, parts[::-1]):
            assert plain(implementation.merge_ballots(a, b)) == plain(whole)
    powers = [1, 2, 4]
    assert implementation.finish_tally(whole, powers) == implementation.tally(
        choices, powers, voters, seqs
    )


def test_a_ballot_in_both_partials_counts_once(implementation: Any) -> None:
    partial = implementation.collect_ballots([1, 0], 2, [0, 1], [3, 4])
    twice = implementation.merge_ballots(partial, partial)
    assert plain(twice) == ([13, 16], 4, 0)
    assert implementation.finish_tally(twice, [5, 6]) == Tallied(
        5, 6, 0, 2, rejected(duplicate=2), 11
    )


def test_no_ballots_are_the_neutral_partial(implementation: Any) -> None:
    none = implementation.collect_ballots([], 2, [])
    assert plain(none) == ([NO_BALLOT] * 2, 0, 0)
    some = implementation.collect_ballots([1], 2, [1])
    assert plain(implementation.merge_ballots(none, some)) == plain(some)


def test_partials_and_powers_are_of_one_snapshot(implementation: Any) -> None:
    two, three = (implementation.collect_ballots([], count, []) for count in (2, 3))
    with pytest.raises(LengthMismatchError) as caught:
        implementation.merge_ballots(two, three)
    assert caught.value.argument == "other"
    with pytest.raises(LengthMismatchError) as caught:
        implementation.finish_tally(two, [1, 2, 3])
    assert caught.value.argument == "partial"


def test_many_proposals_are_tallied_apart(implementation: Any) -> None:
    powers = [5, 7]
    electorates = [Electorate(powers), Electorate(powers, 6), Electorate([0, 1, 9]), Electorate([])]
    choices = [1, 0, 1, 2, 0, 1, 1, 0]
    proposals = [0, 1, 0, 2, 1, 2, 3, 0]
    voters = [0, 0, 0, 2, 1, 0, 0, 2]
    seqs = [7, 1, 6, 5, 4, 3, 2, 8]
    found = implementation.tally_many(choices, proposals, voters, electorates, seqs)
    assert found == [
        Tallied(5, 0, 0, 1, rejected(1, 1), 12),
        Tallied(0, 11, 0, 2, rejected(), 11),
        Tallied(0, 0, 9, 1, rejected(zero_power=1), 10),
        Tallied(0, 0, 0, 0, rejected(1), 0),
    ]
    # Without seqs the earlier row of a proposal comes first.
    (only,) = implementation.tally_many([0, 1], [0, 0], [1, 1], electorates[:1])
    assert only == Tallied(0, 7, 0, 1, rejected(duplicate=1), 12)


@pytest.mark.parametrize(("proposals", "index"), [([0, 1, 2], 2), ([5, 0, 2], 0), ([0, 2, 2], 1)])
def test_a_ballot_is_on_one_of_the_proposals(
    implementation: Any, proposals: list[int], index: int
) -> None:
    electorates = [Electorate([1]), Electorate([1])]
    with pytest.raises(OutOfRangeError) as caught:
        # Seqs that stand twice are found after this.
        implementation.tally_many([1] * 3, proposals, [0] * 3, electorates, [4, 4, 4])
    assert (caught.value.argument, caught.value.index) == ("proposals", index)
    with pytest.raises(LengthMismatchError) as caught_length:
        implementation.tally_many([1] * 3, proposals, [0] * 2, electorates)
    assert caught_length.value.argument == "voters"
