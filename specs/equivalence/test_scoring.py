"""Scores: the twins agree to the bit, with the protocol in fractions, and keep every law."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import by_fractions
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples, score_cases

from qfs import laws, reference
from qfs.columns import Column
from qfs.errors import OutOfRangeError
from qfs.laws import SCORE_LAWS, ScoreCase
from qfs.limits import MAX_COUNT


@pytest.mark.kernel
@examples(4)
@given(
    case=score_cases(above=True),
    slices=st.sampled_from([(4, 1), (1, 1), (2, 2), (1, 3)]),
    kind=st.sampled_from([list, Column.from_ints, lambda values: array("I", values)]),
)
def test_score(
    kernel: Any,
    outcome: Any,
    sliced: Callable[..., Any],
    case: ScoreCase,
    slices: tuple[int, int],
    kind: Callable[[Any], Any],
) -> None:
    """Scores, neutral metrics and errors are the same from either backend, in any slices."""
    expected = outcome(reference.score, *case)
    assert outcome(kernel.score, *case) == expected
    uptime, storage, ai = ((kind(n), kind(d)) for n, d in case.metrics())
    with sliced(*slices):
        assert outcome(kernel.score, uptime, storage, ai, *case[3:]) == expected


@examples(2)
@given(case=score_cases())
def test_score_by_the_book(implementation: Any, case: ScoreCase) -> None:
    """Scores are what the text of the protocol says, computed in fractions."""
    found = implementation.score(*case)
    assert (list(found.scores), list(found.neutral)) == by_fractions.score(case)


@examples(2)
@given(case=score_cases(), data=st.data())
def test_laws_of_scores(implementation: Any, case: ScoreCase, data: st.DataObject) -> None:
    """Scores keep every law, whatever the order of the rows and wherever they are cut."""
    for law in SCORE_LAWS:
        assert law(implementation, case) is None
    order = data.draw(st.permutations(range(case.rows())))
    assert laws.keeps_scores_in_any_order(implementation, case, order) is None
    cut = data.draw(st.integers(0, case.rows()))
    assert laws.scores_rows_apart(implementation, case, cut) is None


@pytest.mark.kernel
@given(case=score_cases())
def test_the_scores_of_the_kernel_know_their_total(
    kernel: Any, sliced: Callable[..., Any], case: ScoreCase
) -> None:
    """The total that the kernel's scores remember is their sum."""
    with sliced(2, 2):
        found = kernel.score(*case).scores
    assert found.has_total
    assert found.total == sum(by_fractions.score(case)[0])


@pytest.mark.kernel
@pytest.mark.parametrize("value", [MAX_COUNT + 1, 2**64, 2**64 + 1])
def test_counts_too_large_for_the_kernel(kernel: Any, value: int) -> None:
    """The protocol hands counts over that were checked before; a cell is never cut short."""
    full = ([1, 1], [1, 1])
    for values in ([1, value], Column.from_ints([1, value])):
        for metrics, argument in [
            ((([1, 1], values), full, full), "uptime.d"),
            ((full, (values, [1, 1]), full), "storage.n"),
        ]:
            with pytest.raises(OutOfRangeError) as caught:
                kernel.score(*metrics)
            assert (caught.value.argument, caught.value.index) == (argument, 1)
