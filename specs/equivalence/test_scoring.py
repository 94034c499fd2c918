"""Scores: the twins agree to the bit, with the protocol in fractions, and keep every law."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from math import prod
from typing import Any

import by_fractions
import pytest
from aims import met, must_meet, note_outcome
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples, score_cases, slicings

from qfs import laws
from qfs.columns import Column
from qfs.errors import OutOfRangeError
from qfs.laws import SCORE_LAWS, ScoreCase
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_COUNT


@must_meet(
    *("value", "range", "neutral", "one row assessed", "below the least", "at the least"),
    *("exact", "rounded", "full", "product", "weighted_sum", "product of 129 bits"),
)
@examples(3)
@given(
    case=score_cases(above=True),
    slices=slicings,
    kind=st.sampled_from([list, Column.from_ints, lambda values: array("I", values)]),
)
def test_score(
    same: Callable[..., Any],
    case: ScoreCase,
    slices: tuple[int, int],
    kind: Callable[[Any], Any],
) -> None:
    """Scores, neutral metrics and errors are the same from either backend, in any slices."""
    uptime, storage, ai = ((kind(n), kind(d)) for n, d in case.metrics())
    found = same("score", uptime, storage, ai, *case[3:], slices=slices)
    note_outcome(found)
    if found[0] == "value":
        note_scores(case, *found[1])


def note_scores(case: ScoreCase, scores: list[int], neutral: list[bool]) -> None:
    """What the scores of one table met."""
    if any(neutral):
        met("neutral")
    for _, denominators in case.metrics():
        assessed = [d for d in denominators if d >= case.min_samples]
        if len(assessed) == 1 < len(denominators):
            met("one row assessed")
        if case.min_samples in denominators:
            met("at the least")
        if case.min_samples > 1 and case.min_samples - 1 in denominators:
            met("below the least")
    if scores:
        met(case.policy)
    if BASE_UNITS_PER_TOKEN in scores:
        met("full")
    if case.policy == "product" and not any(neutral):
        note_products(case, scores)


def note_products(case: ScoreCase, scores: list[int]) -> None:
    """What the products of three ratios met."""
    for i, score in enumerate(scores):
        ratios = [(n[i], d[i]) for n, d in case.metrics()]
        over = BASE_UNITS_PER_TOKEN * prod(n for n, _ in ratios)
        under = prod(d for _, d in ratios)
        if score:
            met("exact" if over % under == 0 else "rounded")
        if score and over >= 2**128:
            met("product of 129 bits")


@given(case=score_cases())
def test_score_by_the_book(implementation: Any, case: ScoreCase) -> None:
    """Scores are what the text of the protocol says, computed in fractions."""
    found = implementation.score(*case)
    assert (list(found.scores), list(found.neutral)) == by_fractions.score(case)


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
