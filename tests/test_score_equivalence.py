"""Scores on both backends and by fractions from the text of the protocol: equal to the bit."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfs import laws, reference
from qfs.columns import Column
from qfs.errors import OutOfRangeError
from qfs.laws import SCORE_LAWS, ScoreCase
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_COUNT
from qfs.reference.scoring import POLICIES

ONE = BASE_UNITS_PER_TOKEN


def examples(times: int) -> settings:
    """So many times the examples of the profile in use."""
    return settings(max_examples=times * settings.default.max_examples)


edges = [0, 1, 2, 2**16 - 1, 2**16, 2**31 - 1, 2**31, MAX_COUNT - 1, MAX_COUNT]
# `integers` prefers the neighbourhood of its bounds; these have a pattern of bits of their own.
noise = st.binary(min_size=4, max_size=4).map(lambda b: int.from_bytes(b, "little"))
counts = st.one_of(st.sampled_from(edges), st.integers(0, 9), noise, noise)
least = st.one_of(st.sampled_from([1, 1, 2, MAX_COUNT]), counts.filter(bool))


@st.composite
def ratios(draw: st.DrawFn, min_samples: int, above: bool) -> tuple[int, int]:
    """A numerator and denominator: full, empty, beside both bounds and `min_samples`."""
    beside = [min_samples - 1, min_samples, min(min_samples + 1, MAX_COUNT)]
    d = draw(st.one_of(st.sampled_from(beside), counts))
    near = [0, min(1, d), d, d, max(d - 1, 0), d // 2, d // 3]
    if above:
        near += [min(d + 1, MAX_COUNT), MAX_COUNT]
    return draw(st.one_of(st.sampled_from(near), noise.map(lambda bits: bits % (d + 1)))), d


@st.composite
def sums(draw: st.DrawFn) -> tuple[int, int, int]:
    """Weights that sum to 10^18, some of them 0."""
    cuts = st.one_of(st.sampled_from([0, 1, ONE // 3, ONE // 2, ONE - 1, ONE]), st.integers(0, ONE))
    low, high = sorted((draw(cuts), draw(cuts)))
    return low, high - low, ONE - high


@st.composite
def cases(draw: st.DrawFn, above: bool = False) -> ScoreCase:
    """Few rows, among them often metrics without samples in all or in all but one of them."""
    min_samples = draw(least)
    rows = draw(st.integers(0, 8))
    pairs = []
    for _ in range(3):
        column = [draw(ratios(min_samples, above)) for _ in range(rows)]
        if draw(st.integers(0, 3)) == 0:
            few = draw(st.integers(0, rows))
            column = [(0, min(d, min_samples - 1)) for _, d in column[:few]] + column[few:]
        pairs.append(([n for n, _ in column], [d for _, d in column]))
    uptime, storage, ai = pairs
    policy = draw(st.sampled_from(POLICIES))
    return ScoreCase(uptime, storage, ai, policy, draw(sums()), min_samples)


def by_the_book(case: ScoreCase) -> tuple[list[int], list[bool]]:
    """Scores and neutral metrics: section 3 of the protocol, with fractions."""
    rows = range(len(case.uptime[0]))
    parts: list[list[Fraction]] = []
    neutral = []
    for numerators, denominators in (case.uptime, case.storage, case.ai):
        # A ratio with d below min_samples is unassessed and counts as 0.
        assessed = [i for i in rows if denominators[i] >= case.min_samples]
        part = [Fraction(0) for _ in rows]
        for i in assessed:
            part[i] = Fraction(numerators[i], denominators[i])
        # A metric that is unassessed for every node is neutral (1) for all, and recorded.
        neutral.append(assessed == [] and len(rows) > 0)
        parts.append([Fraction(1) for _ in rows] if neutral[-1] else part)
    exact = []
    for u, s, a in zip(*parts, strict=True):
        if case.policy == "product":
            exact.append(ONE * u * s * a)
        else:
            exact.append(case.weights[0] * u + case.weights[1] * s + case.weights[2] * a)
    return [value.numerator // value.denominator for value in exact], neutral


@pytest.mark.kernel
@examples(4)
@given(
    case=cases(above=True),
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
    expected = outcome(reference.score, *case)
    assert outcome(kernel.score, *case) == expected
    uptime, storage, ai = ((kind(n), kind(d)) for n, d in case.metrics())
    with sliced(*slices):
        assert outcome(kernel.score, uptime, storage, ai, *case[3:]) == expected


@examples(2)
@given(case=cases())
def test_score_by_the_book(implementation: Any, case: ScoreCase) -> None:
    found = implementation.score(*case)
    assert (list(found.scores), list(found.neutral)) == by_the_book(case)


@examples(2)
@given(case=cases(), data=st.data())
def test_laws_of_scores(implementation: Any, case: ScoreCase, data: st.DataObject) -> None:
    for law in SCORE_LAWS:
        assert law(implementation, case) is None
    order = data.draw(st.permutations(range(case.rows())))
    assert laws.keeps_scores_in_any_order(implementation, case, order) is None
    cut = data.draw(st.integers(0, case.rows()))
    assert laws.scores_rows_apart(implementation, case, cut) is None


@pytest.mark.kernel
@given(case=cases())
def test_the_scores_of_the_kernel_know_their_total(
    kernel: Any, sliced: Callable[..., Any], case: ScoreCase
) -> None:
    with sliced(2, 2):
        found = kernel.score(*case).scores
    assert found.has_total
    assert found.total == sum(by_the_book(case)[0])


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
