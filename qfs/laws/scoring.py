"""Laws of scores: what ratios of counts become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from qfs.backend import Implementation
from qfs.limits import BASE_UNITS_PER_TOKEN
from qfs.reference.scoring import NO_WEIGHTS, Counts

Ratio = tuple[int, int]


class ScoreCase(NamedTuple):
    """Rows to be scored: the arguments of `score`. No numerator is above its denominator."""

    uptime: Counts
    storage: Counts
    ai: Counts
    policy: str = "product"
    weights: tuple[int, int, int] = NO_WEIGHTS
    min_samples: int = 1

    def rows(self) -> int:
        """Number of rows."""
        return len(self.uptime[0])

    def metrics(self) -> tuple[Counts, Counts, Counts]:
        """The three columns of ratios."""
        return self[:3]

    def neutral(self) -> tuple[bool, bool, bool]:
        """Of each metric, whether there are rows and all of them are unassessed."""
        uptime, storage, ai = (
            self.rows() > 0 and all(d < self.min_samples for d in denominators)
            for _, denominators in self.metrics()
        )
        return uptime, storage, ai

    def counted(self) -> list[tuple[Ratio, ...]]:
        """The ratios of each row as they count, none of them with a denominator of 0."""
        columns: list[list[Ratio]] = []
        for (numerators, denominators), is_neutral in zip(
            self.metrics(), self.neutral(), strict=True
        ):
            unassessed = (1, 1) if is_neutral else (0, 1)
            columns.append(
                [
                    unassessed if d < self.min_samples else (n, d)
                    for n, d in zip(numerators, denominators, strict=True)
                ]
            )
        return list(zip(*columns, strict=True))

    def matters(self, metric: int) -> bool:
        """Whether a metric can change a score: in a sum one of weight 0 cannot."""
        return self.policy == "product" or self.weights[metric] > 0

    def rearranged(self, order: Sequence[int]) -> ScoreCase:
        """The rows of these numbers, in this order."""
        uptime, storage, ai = (
            ([numerators[i] for i in order], [denominators[i] for i in order])
            for numerators, denominators in self.metrics()
        )
        return ScoreCase(uptime, storage, ai, *self[3:])


ScoreLaw = Callable[[Implementation, ScoreCase], str | None]


def scores_every_row(implementation: Implementation, case: ScoreCase) -> str | None:
    """There is one score per row, each 0 .. 10^18."""
    scores = implementation.score(*case).scores
    if len(scores) != case.rows():
        return f"{len(scores)} scores for {case.rows()} rows"
    for i, score in enumerate(scores):
        if not 0 <= score <= BASE_UNITS_PER_TOKEN:
            return f"row {i} scores {score}, outside 0 .. 10^18"
    return None


def scores_the_floor(implementation: Implementation, case: ScoreCase) -> str | None:
    """A score is the largest integer that is not above the exact product or weighted sum."""
    scores = implementation.score(*case).scores
    for i, ((u, all_u), (s, all_s), (a, all_a)) in enumerate(case.counted()):
        one = all_u * all_s * all_a
        if case.policy == "product":
            exact = BASE_UNITS_PER_TOKEN * u * s * a
        else:
            parts = (u * all_s * all_a, all_u * s * all_a, all_u * all_s * a)
            exact = sum(w * part for w, part in zip(case.weights, parts, strict=True))
        if not scores[i] * one <= exact < (scores[i] + 1) * one:
            return f"row {i} scores {scores[i]}, which is not the floor of {exact} / {one}"
    return None


def names_the_neutral(implementation: Implementation, case: ScoreCase) -> str | None:
    """A metric is neutral exactly where there are rows and none has samples enough for it."""
    stated, found = tuple(implementation.score(*case).neutral), case.neutral()
    return None if stated == found else f"neutral is {stated} and should be {found}"


def scores_one_for_full_ratios_alone(implementation: Implementation, case: ScoreCase) -> str | None:
    """A score is 10^18 exactly where every ratio that matters is 1, as it counts."""
    scores = implementation.score(*case).scores
    for i, row in enumerate(case.counted()):
        is_full = all(n == d for k, (n, d) in enumerate(row) if case.matters(k))
        if is_full != (scores[i] == BASE_UNITS_PER_TOKEN):
            return f"row {i} scores {scores[i]}, but all its ratios are 1 is {is_full}"
    return None


def gives_no_credit_without_evidence(implementation: Implementation, case: ScoreCase) -> str | None:
    """A ratio of too few samples counts as if all of enough samples had failed; in a product it
    makes the score 0. A metric that is neutral is left out of this."""
    result = implementation.score(*case)
    failed: list[Counts] = []
    for (numerators, denominators), is_neutral in zip(case.metrics(), case.neutral(), strict=True):
        few = [d < case.min_samples and not is_neutral for d in denominators]
        failed.append(
            (
                [0 if is_few else n for n, is_few in zip(numerators, few, strict=True)],
                [case.min_samples if f else d for d, f in zip(denominators, few, strict=True)],
            )
        )
        for i, is_few in enumerate(few):
            if is_few and case.policy == "product" and result.scores[i] != 0:
                return f"row {i} scores {result.scores[i]} and is unassessed"
    uptime, storage, ai = failed
    other = implementation.score(uptime, storage, ai, *case[3:])
    return _same(result.scores, other.scores, "with its unassessed ratios as 0")


def rises_with_each_numerator(implementation: Implementation, case: ScoreCase) -> str | None:
    """One more success in every row that has a failure, in any one metric, lowers no score."""
    scores = implementation.score(*case).scores
    for k in range(3):
        columns = list(case.metrics())
        numerators, denominators = columns[k]
        columns[k] = (
            [n + (n < d) for n, d in zip(numerators, denominators, strict=True)],
            denominators,
        )
        uptime, storage, ai = columns
        raised = implementation.score(uptime, storage, ai, *case[3:]).scores
        for i, score in enumerate(raised):
            if score < scores[i]:
                return f"row {i} scores {scores[i]}, with a success more in metric {k} {score}"
    return None


def keeps_scores_in_any_order(
    implementation: Implementation, case: ScoreCase, order: Sequence[int] | None = None
) -> str | None:
    """Rows that change places keep their scores. `order` lists the rows in their new order;
    without it they are reversed."""
    if order is None:
        order = range(case.rows())[::-1]
    result = implementation.score(*case)
    moved = implementation.score(*case.rearranged(order))
    if moved.neutral != result.neutral:
        return f"neutral is {moved.neutral} after {result.neutral}"
    return _same([result.scores[i] for i in order], moved.scores, "in another order")


def scores_rows_apart(
    implementation: Implementation, case: ScoreCase, cut: int | None = None
) -> str | None:
    """Rows score the same in one call and in two that are cut anywhere, in the middle where `cut`
    is not given, where both parts have the neutral metrics of the whole."""
    rows = range(case.rows())
    cut = len(rows) // 2 if cut is None else cut
    result = implementation.score(*case)
    parts = [implementation.score(*case.rearranged(part)) for part in (rows[:cut], rows[cut:])]
    if any(part.neutral != result.neutral for part in parts):
        return None
    joined = [score for part in parts for score in part.scores]
    return _same(result.scores, joined, f"cut before row {cut}")


def _same(scores: Sequence[int], others: Sequence[int], how: str) -> str | None:
    for i, (score, other) in enumerate(zip(scores, others, strict=True)):
        if score != other:
            return f"row {i} scores {score}, {how} {other}"
    return None


SCORE_LAWS: Final[tuple[ScoreLaw, ...]] = (
    scores_every_row,
    scores_the_floor,
    names_the_neutral,
    scores_one_for_full_ratios_alone,
    gives_no_credit_without_evidence,
    rises_with_each_numerator,
    keeps_scores_in_any_order,
    scores_rows_apart,
)
"""The laws that need nothing but a case."""
