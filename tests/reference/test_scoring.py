"""Scores: exact at every boundary, no credit without evidence, and neutral only where nobody has
any."""

from __future__ import annotations

from array import array
from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from qfs import laws
from qfs.columns import Column
from qfs.errors import (
    LengthMismatchError,
    OutOfRangeError,
    QfsError,
    UnknownOptionError,
    WrongTypeError,
)
from qfs.laws import SCORE_LAWS, ScoreCase
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_COUNT
from qfs.reference.scoring import POLICIES, Scores

ONE = BASE_UNITS_PER_TOKEN
WEIGHTS = (4 * ONE // 10, 3 * ONE // 10, 3 * ONE // 10)
FULL = ([1], [1])
TOP = MAX_COUNT

Row = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


def columns(rows: list[Row]) -> tuple[Any, Any, Any]:
    uptime, storage, ai = (
        ([row[k][0] for row in rows], [row[k][1] for row in rows]) for k in range(3)
    )
    return uptime, storage, ai


def scores(implementation: Any, *arguments: Any) -> list[int]:
    return list(implementation.score(*arguments).scores)


def test_a_product_is_rounded_down_once(implementation: Any) -> None:
    rows: list[Row] = [
        ((1, 2), (1, 3), (1, 1)),
        # Each ratio rounded by itself would give 296296296296296295.
        ((2, 3), (2, 3), (2, 3)),
        ((TOP - 1, TOP), (TOP - 1, TOP), (TOP - 1, TOP)),
        ((1, TOP), (1, TOP), (1, TOP)),
        ((1, TOP), (TOP, TOP), (1, 1)),
        ((TOP, TOP), (TOP, TOP), (TOP, TOP)),
    ]
    expected = [
        166666666666666666,
        296296296296296296,
        ONE * (TOP - 1) ** 3 // TOP**3,
        0,
        ONE // TOP,
        ONE,
    ]
    assert scores(implementation, *columns(rows)) == expected


def test_a_sum_is_rounded_down_once(implementation: Any) -> None:
    rows: list[Row] = [
        ((1, 2), (1, 3), (1, 1)),
        # Each part rounded by itself would give 142857142857142856.
        ((1, 7), (1, 7), (1, 7)),
        ((TOP - 1, TOP), (TOP - 1, TOP), (TOP - 1, TOP)),
        ((TOP, TOP), (TOP, TOP), (TOP, TOP)),
        ((0, TOP), (0, TOP), (1, TOP)),
    ]
    expected = [
        6 * ONE // 10,
        142857142857142857,
        ONE - 1 - ONE // TOP,
        ONE,
        WEIGHTS[2] // TOP,
    ]
    assert scores(implementation, *columns(rows), "weighted_sum", WEIGHTS) == expected


@pytest.mark.parametrize("weights", [(ONE, 0, 0), (0, ONE, 0), (0, 0, ONE)])
def test_a_weight_of_one_leaves_one_ratio(
    implementation: Any, weights: tuple[int, int, int]
) -> None:
    given = columns([((1, 7), (2, 7), (3, 7))])
    expected = (weights.index(ONE) + 1) * ONE // 7
    assert scores(implementation, *given, "weighted_sum", weights) == [expected]


@pytest.mark.parametrize("min_samples", [1, 2, 10, TOP])
def test_samples_on_both_sides_of_the_bound(implementation: Any, min_samples: int) -> None:
    counts = [min_samples - 1, min_samples, min(min_samples + 1, TOP)]
    full = ([TOP] * 3, [TOP] * 3)
    for k in range(3):
        metrics = [full] * 3
        metrics[k] = (counts, counts)
        found = implementation.score(*metrics, "product", WEIGHTS, min_samples)
        assert (list(found.scores), found.neutral) == ([0, ONE, ONE], (False,) * 3)
        found = implementation.score(*metrics, "weighted_sum", WEIGHTS, min_samples)
        assert list(found.scores) == [ONE - WEIGHTS[k], ONE, ONE]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_metric_without_samples_anywhere_is_neutral(implementation: Any, policy: str) -> None:
    few = ([4, 0, 0], [4, 4, 0])
    full = ([5, 5, 5], [5, 5, 5])
    for chosen in product([False, True], repeat=3):
        metrics = [few if is_few else full for is_few in chosen]
        found = implementation.score(*metrics, policy, WEIGHTS, 5)
        assert (list(found.scores), found.neutral) == ([ONE] * 3, chosen)
    # One row with a single sample, and the others have no credit.
    found = implementation.score(full, full, ([0, 0, 5], [4, 0, 5]), policy, WEIGHTS, 5)
    without = 0 if policy == "product" else ONE - WEIGHTS[2]
    assert (list(found.scores), found.neutral) == ([without, without, ONE], (False,) * 3)


@pytest.mark.parametrize("policy", POLICIES)
def test_without_rows_nothing_is_neutral(implementation: Any, policy: str) -> None:
    empty: tuple[list[int], list[int]] = ([], [])
    found = implementation.score(empty, empty, empty, policy, WEIGHTS)
    assert (list(found.scores), found.neutral) == ([], (False, False, False))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("min_samples", [1, 2, TOP])
def test_laws_at_the_bounds(implementation: Any, policy: str, min_samples: int) -> None:
    ratios = [(0, 0), (0, 1), (1, 1), (1, 2), (0, TOP), (1, TOP), (TOP - 1, TOP), (TOP, TOP)]
    rows: list[Any] = list(product(ratios, repeat=3))
    for given in (rows, rows[:4], rows[-1:]):
        case = ScoreCase(*columns(given), policy, WEIGHTS, min_samples)
        for law in SCORE_LAWS:
            assert law(implementation, case) is None


@pytest.mark.parametrize(
    ("law", "lie"),
    [
        (laws.scores_every_row, lambda s, n: (s[:-1], n)),
        (laws.scores_every_row, lambda s, n: ([x + 1 for x in s], n)),
        (laws.scores_the_floor, lambda s, n: ([x - (x > 0) for x in s], n)),
        (laws.scores_the_floor, lambda s, n: ([x + (x < ONE) for x in s], n)),
        (laws.names_the_neutral, lambda s, n: (s, (False, False, False))),
        (laws.scores_one_for_full_ratios_alone, lambda s, n: ([ONE] * 4, n)),
        (laws.gives_no_credit_without_evidence, lambda s, n: ([1] * 4, n)),
        (laws.rises_with_each_numerator, lambda s, n: ([ONE - x for x in s], n)),
        (laws.keeps_scores_in_any_order, lambda s, n: (sorted(s), n)),
        (laws.scores_rows_apart, lambda s, n: ([x // len(s) for x in s], n)),
    ],
)
def test_each_law_notices_wrong_scores(implementation: Any, law: Any, lie: Any) -> None:
    class Liar:
        def score(self, *arguments: Any) -> Scores:
            return Scores(*lie(*implementation.score(*arguments)))

    # A row of no credit, two of some, and one of all; nobody has samples of the last metric.
    storage = ([3, 3, 3, 3], [3, 4, 5, 3])
    case = ScoreCase(([0, 4, 4, 9], [0, 5, 6, 9]), storage, ([0] * 4, [0] * 4))
    assert law(implementation, case) is None
    assert law(Liar(), case) is not None


def test_a_numerator_above_its_denominator(implementation: Any) -> None:
    good = ([0] * 4, [0] * 4)
    bad = [([0, 0, 0, 2], [0, 0, 0, 1]), ([0, 9, TOP, 0], [0, 9, TOP - 1, 0])]
    for metrics, argument, index, value in [
        ((good, good, bad[0]), "ai.n", 3, 2),
        ((good, bad[1], bad[0]), "storage.n", 2, TOP),
        # The lowest row comes first, and in one row the first metric.
        ((bad[0], bad[1], good), "storage.n", 2, TOP),
        ((good, bad[0], bad[0]), "storage.n", 3, 2),
        ((bad[0], good, bad[0]), "uptime.n", 3, 2),
    ]:
        with pytest.raises(OutOfRangeError, match="above its denominator") as caught:
            implementation.score(*metrics, min_samples=5)
        error = caught.value
        assert (error.argument, error.index, error.value) == (argument, index, value)


@pytest.mark.parametrize(
    ("arguments", "kind", "argument"),
    [
        (("sum",), UnknownOptionError, "policy"),
        ((["product"],), UnknownOptionError, "policy"),
        (("weighted_sum",), OutOfRangeError, "weights"),
        (("weighted_sum", (ONE // 2, ONE // 2, 1)), OutOfRangeError, "weights"),
        (("weighted_sum", (ONE // 2, ONE // 2 - 1, 0)), OutOfRangeError, "weights"),
        (("weighted_sum", (ONE + 1, -1, 0)), OutOfRangeError, "weights"),
        (("product", WEIGHTS, 0), OutOfRangeError, "min_samples"),
        (("product", WEIGHTS, -1), OutOfRangeError, "min_samples"),
        (("product", WEIGHTS, TOP + 1), OutOfRangeError, "min_samples"),
        (("product", WEIGHTS, True), WrongTypeError, "min_samples"),
    ],
)
def test_arguments_out_of_bounds(
    implementation: Any, arguments: Any, kind: type[QfsError], argument: str
) -> None:
    with pytest.raises(kind) as caught:
        # The lengths differ too: options come first.
        implementation.score(FULL, ([], []), FULL, *arguments)
    assert (caught.value.argument, caught.value.index) == (argument, None)


def test_lengths(implementation: Any) -> None:
    names = ("uptime.d", "storage.n", "storage.d", "ai.n", "ai.d")
    for position, name in enumerate(names, 1):
        lists = [[1]] * position + [[1, 1]] * (6 - position)
        metrics = list(zip(lists[::2], lists[1::2], strict=True))
        with pytest.raises(LengthMismatchError) as caught:
            implementation.score(*metrics)
        assert caught.value.argument == name


def test_counts_of_every_kind(implementation: Any) -> None:
    n, d = [0, 1, 3, TOP - 1], [1, 3, 3, TOP]
    expected = [ONE * Fraction(x, y) ** 3 // 1 for x, y in zip(n, d, strict=True)]
    apart = array("I", [0, 9, 1, 9, 3, 9, TOP - 1, 9])
    for numerators, denominators in [
        (n, d),
        (tuple(n), tuple(d)),
        (array("I", n), array("I", d)),
        (array("Q", n), array("q", d)),
        (memoryview(array("I", n)), memoryview(array("I", d)).toreadonly()),
        (memoryview(apart)[::2], memoryview(array("I", [7, *d]))[1:]),
        (Column.from_ints(n), Column.from_ints(d)),
        (Column.from_ints([5, *n])[1:], d),
    ]:
        counts = (numerators, denominators)
        assert scores(implementation, counts, counts, counts) == expected


def test_rows_alone_and_together(implementation: Any) -> None:
    rows: list[Row] = [((i, i + 3), (5, 7), (TOP - i, TOP)) for i in range(10)]
    case = ScoreCase(*columns(rows))
    for cut in range(11):
        assert laws.scores_rows_apart(implementation, case, cut) is None
    order = [9, 3, 5, 7, 1, 0, 2, 4, 6, 8]
    assert laws.keeps_scores_in_any_order(implementation, case, order) is None
