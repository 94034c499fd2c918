"""Contracts of qfs.reference.scoring."""

from __future__ import annotations

from qfs.errors import LengthMismatchError, OutOfRangeError, QfsError, UnknownOptionError
from qfs.laws import scoring as laws
from qfs.laws.scoring import ScoreCase
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_COUNT
from qfs.reference import scoring

_WEIGHTS = (BASE_UNITS_PER_TOKEN // 2, BASE_UNITS_PER_TOKEN // 4, BASE_UNITS_PER_TOKEN // 4)


def _one_row(
    u: int, all_u: int, s: int, all_s: int, a: int, all_a: int, policy: str = "product"
) -> ScoreCase:
    """One node's three ratios."""
    weights = _WEIGHTS if policy == "weighted_sum" else scoring.NO_WEIGHTS
    return ScoreCase(([u], [all_u]), ([s], [all_s]), ([a], [all_a]), policy, weights)


def a_product_is_rounded_down_once(
    u: int, all_u: int, s: int, all_s: int, a: int, all_a: int
) -> str | None:
    """A product is the largest integer that is not above 10^18 times the three ratios.

    of: qfs.reference.scoring.score
    bound: one row
    pre: 0 <= u <= all_u <= MAX_COUNT
    pre: 0 <= s <= all_s <= MAX_COUNT
    pre: 0 <= a <= all_a <= MAX_COUNT
    post: __return__ is None
    """
    return laws.scores_the_floor(scoring, _one_row(u, all_u, s, all_s, a, all_a))


def a_sum_is_rounded_down_once(
    u: int, all_u: int, s: int, all_s: int, a: int, all_a: int
) -> str | None:
    """A sum by weights 1/2, 1/4, 1/4 is the largest integer that is not above the exact one.

    of: qfs.reference.scoring.score
    bound: one row, these weights
    pre: 0 <= u <= all_u <= MAX_COUNT
    pre: 0 <= s <= all_s <= MAX_COUNT
    pre: 0 <= a <= all_a <= MAX_COUNT
    post: __return__ is None
    """
    case = _one_row(u, all_u, s, all_s, a, all_a, "weighted_sum")
    return laws.scores_the_floor(scoring, case)


def a_score_is_a_fraction(u: int, all_u: int, s: int, all_s: int, a: int, all_a: int) -> str | None:
    """A product is 0 .. 10^18.

    of: qfs.reference.scoring.score
    bound: one row
    pre: 0 <= u <= all_u <= MAX_COUNT
    pre: 0 <= s <= all_s <= MAX_COUNT
    pre: 0 <= a <= all_a <= MAX_COUNT
    post: __return__ is None
    """
    return laws.scores_every_row(scoring, _one_row(u, all_u, s, all_s, a, all_a))


def one_ratio_scores_at_most_one(n: int, d: int) -> str | None:
    """A node of one ratio, the others being full, scores 0 .. 10^18.

    of: qfs.reference.scoring.score
    bound: one row, two ratios full
    pre: 0 <= n <= d <= MAX_COUNT
    post: __return__ is None
    """
    return laws.scores_every_row(scoring, _one_row(n, d, 1, 1, 1, 1))


def full_ratios_alone_score_one(n: int, d: int) -> str | None:
    """The score is 10^18 exactly where the ratio is 1, the other two being so.

    of: qfs.reference.scoring.score
    bound: one row, two ratios full
    pre: 0 <= n <= d <= MAX_COUNT
    post: __return__ is None
    """
    return laws.scores_one_for_full_ratios_alone(scoring, _one_row(n, d, 1, 1, 1, 1))


def a_score_rises_with_its_numerator(n: int, d: int, s: int) -> bool:
    """One more success lowers no score.

    of: qfs.reference.scoring.score
    bound: one row, one of the ratios s / 7 and one full
    pre: 0 <= n < d <= MAX_COUNT
    pre: 0 <= s <= 7
    post: __return__
    """
    fewer = scoring.score(([n], [d]), ([s], [7]), ([1], [1])).scores[0]
    more = scoring.score(([n + 1], [d]), ([s], [7]), ([1], [1])).scores[0]
    return fewer <= more


def too_few_samples_are_no_credit(n: int, d: int, other: int, min_samples: int) -> int:
    """A node of too few samples scores 0 in a product, where another node has enough.

    of: qfs.reference.scoring.score
    bound: two rows
    pre: 1 <= min_samples <= MAX_COUNT
    pre: 0 <= n <= d < min_samples <= other <= MAX_COUNT
    post: __return__ == 0
    """
    ones = ([min_samples] * 2, [min_samples] * 2)
    found = scoring.score(([n, other], [d, other]), ones, ones, min_samples=min_samples)
    return found.scores[0]


def a_metric_of_no_evidence_is_neutral(d: int, other: int, min_samples: int) -> bool:
    """A metric is neutral exactly where no node has samples enough for it.

    of: qfs.reference.scoring.score
    bound: two rows
    pre: 1 <= min_samples <= MAX_COUNT
    pre: 0 <= d <= MAX_COUNT and 0 <= other <= MAX_COUNT
    post: __return__ == (d < min_samples and other < min_samples)
    """
    ones = ([min_samples] * 2, [min_samples] * 2)
    return scoring.score(([0, 0], [d, other]), ones, ones, min_samples=min_samples).neutral[0]


def a_rule_outside_its_bounds_is_refused(w: int, v: int, x: int) -> bool:
    """Weights of a sum are accepted exactly where none is below 0 and they sum to 10^18.

    of: qfs.reference.scoring.require_rule
    bound: weights within 2 of 10^18 / 2, 10^18 / 2 and 0
    pre: -2 <= w <= 2 and -2 <= v <= 2 and -2 <= x <= 2
    post: __return__ == (w + v + x == 0 and x >= 0)
    """
    half = BASE_UNITS_PER_TOKEN // 2
    try:
        scoring.require_rule("weighted_sum", (half + w, half + v, x), 1)
    except OutOfRangeError:
        return False
    return True


def no_samples_are_no_rule(min_samples: int) -> bool:
    """The least number of samples is accepted exactly where it is 1 .. 2^32 - 1.

    of: qfs.reference.scoring.require_rule
    bound: -2 .. 2
    pre: -2 <= min_samples <= 2
    post: __return__ == (min_samples >= 1)
    """
    try:
        scoring.require_rule("product", scoring.NO_WEIGHTS, min_samples)
    except OutOfRangeError:
        return False
    return True


def only_the_two_policies_are_accepted(number: int) -> bool:
    """Of some words exactly the two policies are accepted.

    of: qfs.reference.scoring.require_rule
    bound: five words
    pre: 0 <= number < 5
    post: __return__ == (number < 2)
    """
    word = ("product", "weighted_sum", "", "sum", "Product")[number]
    try:
        scoring.require_rule(word, (BASE_UNITS_PER_TOKEN, 0, 0), 1)
    except UnknownOptionError:
        return False
    return True


def all_columns_have_one_length(a: int, b: int, c: int) -> bool:
    """Rows are counted exactly where all columns have the same number of them.

    of: qfs.reference.scoring.row_count
    of: qfs.reference.scoring.column_names
    bound: columns of up to two rows
    pre: 0 <= a <= 2 and 0 <= b <= 2 and 0 <= c <= 2
    post: __return__ == (a == b == c)
    """
    ones = ([1] * a, [1] * a)
    try:
        return scoring.row_count(ones, ([1] * a, [1] * b), ([1] * c, [1] * a)) == a
    except LengthMismatchError:
        return False


def a_numerator_above_its_denominator_is_named(row: int, metric: int) -> tuple[object, object]:
    """The error of such a ratio has the row and the metric of it.

    of: qfs.reference.scoring.above_denominator
    bound: two rows
    pre: 0 <= row <= 1 and 0 <= metric <= 2
    post: __return__ == (("uptime.n", "storage.n", "ai.n")[metric], row)
    """
    columns = [([1, 1], [1, 1]) for _ in range(3)]
    columns[metric][0][row] = 2
    try:
        scoring.score(*columns)
    except QfsError as error:
        return error.argument, error.index
    return None, None
