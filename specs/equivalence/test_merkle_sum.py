"""Merkle-sum trees: the twins agree on every ballot and node, and with a tree built by the book."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import by_fractions
import pytest
from aims import met, must_meet, note_outcome
from ballots import tally_cases
from hypothesis import given
from hypothesis import strategies as st
from strategies import slicings

from qfs import laws, reference
from qfs.laws import TallyCase
from qfs.limits import MAX_TICK, MAX_VALUE
from qfs.reference.merkle_sum import CountedBallot
from qfs.reference.tally import NO_BALLOT, Partial


def partial_of(implementation: Any, case: TallyCase) -> Partial:
    found = implementation.collect_ballots(case.choices, len(case.powers), case.voters, case.seqs)
    assert isinstance(found, Partial)
    return found


@must_meet("value", "range", "empty")
@given(
    case=tally_cases(above=True),
    slices=slicings,
    cut=st.tuples(st.integers(-1, 7), st.integers(-1, 7)),
)
def test_merkle_sum_trees(
    same: Callable[..., Any],
    kernel: Any,
    outcome: Any,
    sliced: Any,
    case: TallyCase,
    slices: tuple[int, int],
    cut: tuple[int, int],
) -> None:
    """Counted ballots, roots and levels, or errors, are the same from either backend."""
    partial = partial_of(reference, case)
    ballots = reference.counted_ballots(partial, case.powers, case.cap)
    same("counted_ballots", partial, case.powers, case.cap)
    note_outcome(same("sum_root", ballots, slices=slices))
    note_outcome(same("sum_range_root", ballots, *cut, slices=slices))
    same("sum_levels", ballots, slices=slices)
    if not ballots:
        met("empty")
    columns = kernel.counted_ballots(partial_of(kernel, case), case.powers, case.cap)
    for name, arguments in (("sum_root", ()), ("sum_range_root", cut), ("sum_levels", ())):
        expected = outcome(getattr(reference, name), ballots, *arguments)
        with sliced(*slices):
            assert outcome(getattr(kernel, name), columns, *arguments) == expected


@st.composite
def any_partials(draw: st.DrawFn) -> Partial:
    """What no ballots come to: choices that there are none, seqs of more than 53 bits."""
    seqs = st.sampled_from([0, 7, MAX_TICK, MAX_TICK + 1, 2**62 - 1])
    firsts = st.builds(lambda seq, choice: 4 * seq + choice, seqs, st.integers(0, 3))
    listed = draw(st.lists(st.one_of(firsts, st.just(NO_BALLOT)), max_size=5))
    return Partial(listed, len(listed), 0)


@must_meet("value", "range")
@given(partial=any_partials())
def test_what_can_be_no_leaf(kernel: Any, outcome: Any, partial: Partial) -> None:
    """A ballot that can be no leaf is refused by either backend, and by the same words."""
    powers = [voter for voter, _ in enumerate(partial.firsts)]

    def rooted(backend: Any) -> Any:
        return backend.sum_root(backend.counted_ballots(partial, powers))

    expected = outcome(rooted, reference)
    note_outcome(expected)
    assert outcome(rooted, kernel) == expected


@given(case=tally_cases(), slices=slicings)
def test_sum_root_by_the_book(
    implementation: Any, sliced: Any, case: TallyCase, slices: tuple[int, int]
) -> None:
    """A root is that of the protocol, the tree being built level by level."""
    ballots = implementation.counted_ballots(
        partial_of(implementation, case), case.powers, case.cap
    )
    with sliced(*slices):
        assert implementation.sum_root(ballots) == by_fractions.sum_root([*ballots])


@given(case=tally_cases(), slices=slicings)
def test_laws_of_merkle_sum_trees(
    implementation: Any, sliced: Any, case: TallyCase, slices: tuple[int, int]
) -> None:
    """Both backends keep the laws of Merkle-sum trees."""
    partial = partial_of(implementation, case)
    ballots = implementation.counted_ballots(partial, case.powers, case.cap)
    with sliced(*slices):
        assert laws.lists_what_counts(implementation, partial, case.powers, case.cap) is None
        assert laws.roots_sum_up(implementation, ballots) is None
        assert laws.proves_every_ballot(implementation, ballots) is None
        assert laws.no_ballot_holds_changed(implementation, ballots) is None


def many(implementation: Any, rows: int, cap: int | None) -> Sequence[CountedBallot]:
    """Ballots of which a few count for nothing, with powers of all lengths."""
    powers = [(i * 2**61 + i**7) * (i % 11 > 0) % (MAX_VALUE // rows) for i in range(rows)]
    choices, voters = [i % 3 for i in range(rows)], [(i * 7919 + 3) % rows for i in range(rows)]
    partial = implementation.collect_ballots(choices, rows, voters)
    found = implementation.counted_ballots(partial, powers, cap)
    assert isinstance(found, Sequence)
    return found


@pytest.mark.kernel
@pytest.mark.parametrize("cap", [None, 2**64, 2**70 + 5])
@pytest.mark.parametrize("rows", [63, 64, 65, 129, 1000])
def test_many_leaves(kernel: Any, sliced: Any, rows: int, cap: int | None) -> None:
    """Trees of more runs than one are the same, in any slices and on any number of threads."""
    ballots = many(reference, rows, cap)
    levels = reference.sum_levels(ballots)
    columns = many(kernel, rows, cap)
    assert [*columns] == ballots
    assert (columns[-1], columns[1:3]) == (ballots[-1], ballots[1:3])
    for slices in ((2**17, 1), (64, 1), (128, 3), (1024, 2), (8, 2)):
        with sliced(*slices):
            found = kernel.sum_levels(columns)
            assert [len(level) for level in found] == [len(level) for level in levels]
            assert [[*level] for level in found] == levels
            assert kernel.sum_root(columns) == levels[-1][0]
            size = len(ballots)
            for start, stop in ((0, size - 1), (1, size), (size // 3, size // 2 + 1)):
                expected = reference.sum_range_root(ballots, start, stop)
                assert kernel.sum_range_root(columns, start, stop) == expected
    assert found[0][1:3] == levels[0][1:3]
    assert found[-2][0:2] == levels[-2][0:2]


@pytest.mark.kernel
def test_without_a_library(kernel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no libcrypto is found hashlib hashes, to the same."""
    expected = reference.sum_levels(many(reference, 129, None))
    monkeypatch.setitem(kernel.sum_levels.__globals__, "sha256_library", lambda: None)
    columns = many(kernel, 129, None)
    assert kernel.sum_levels(columns) == expected
    assert kernel.sum_root(columns) == expected[-1][0]


@pytest.mark.kernel
@pytest.mark.parametrize("heavy_choices", [[1, 1, 1, 1], [0, 1, 2, 0], [2, 2, 1, 1]])
@pytest.mark.parametrize("rows", [4, 64, 68, 200])
def test_totals_over_their_bound(
    kernel: Any, outcome: Any, sliced: Any, rows: int, heavy_choices: list[int]
) -> None:
    """Sums over 2^128 - 1 are refused, also where none of the three is by itself."""
    heavy = [i * (rows - 1) // 3 for i in range(4)]
    powers = [MAX_VALUE if i in heavy else 1 for i in range(rows)]
    choices = [1] * rows
    for place, choice in zip(heavy, heavy_choices, strict=True):
        choices[place] = choice
    partials = [backend.collect_ballots(choices, rows) for backend in (reference, kernel)]
    ballots = reference.counted_ballots(partials[0], powers)
    columns = kernel.counted_ballots(partials[1], powers)
    for name in ("sum_root", "sum_levels"):
        expected = outcome(getattr(reference, name), ballots)
        assert expected[2] == "total"
        for slices in ((2**17, 1), (64, 2), (1, 1)):
            with sliced(*slices):
                assert outcome(getattr(kernel, name), columns) == expected
    part = reference.sum_range_root(ballots, 0, rows - 1)
    assert kernel.sum_range_root(columns, 0, rows - 1) == part
