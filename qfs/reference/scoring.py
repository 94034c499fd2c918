"""Scores: what three ratios of counts say about a node, as one number in 10^-18.

The counts are attested by whoever signs them; a score is exact, and as true as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from qfs.columns import require_integer, require_same_length
from qfs.errors import OutOfRangeError, UnknownOptionError, shown
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_COUNT, MAX_RATE
from qfs.reference.arithmetic import mul_div

POLICIES = ("product", "weighted_sum")
METRICS = ("uptime", "storage", "ai")
NO_WEIGHTS: Final = (0, 0, 0)

Counts = tuple[Sequence[int], Sequence[int]]
"""Numerators and denominators, one of each per row, each 0 .. 2^32 - 1."""

Ratio = tuple[int, int]

NEUTRAL: Final[Ratio] = (1, 1)
NOTHING: Final[Ratio] = (0, 1)


class Scores(NamedTuple):
    """A score per row, in 10^-18 and at most 10^18, and the metrics that decided nothing."""

    scores: Sequence[int]
    neutral: tuple[bool, bool, bool]
    """of uptime, storage and ai: no row has enough samples, so that it counts as 1 for all"""


def score(
    uptime: Counts,
    storage: Counts,
    ai: Counts,
    policy: str = "product",
    weights: tuple[int, int, int] = NO_WEIGHTS,
    min_samples: int = 1,
) -> Scores:
    """One score per row from its three ratios.

    Args:
        uptime: heartbeats seen and expected.
        storage: proofs of replication passed and challenged.
        ai: inferences matched and checked.
        policy: "product" multiplies the ratios, "weighted_sum" adds them by weight.
        weights: of uptime, storage and ai, in 10^-18, with a sum of 10^18; read by "weighted_sum"
            alone.
        min_samples: a ratio with a lower denominator is unassessed, 1 .. 2^32 - 1.

    An unassessed ratio counts as 0: no evidence, no credit. A metric that is unassessed in every
    row counts as 1 in every row. Rounding: down, once, from the exact product or sum.

    Raises:
        UnknownOptionError, OutOfRangeError, LengthMismatchError: for an argument.
        OutOfRangeError: a numerator is above its denominator, at the lowest row; at one row
            uptime comes before storage and storage before ai.

    The ratios 1/2, 1/3 and 1/1 multiply to 166666666666666666.
    """
    require_rule(policy, weights, min_samples)
    metrics = (uptime, storage, ai)
    scores = []
    # Step 1. A metric that no row has assessed is neutral.
    rows = row_count(*metrics)
    neutral = [rows > 0 and max(denominators) < min_samples for _, denominators in metrics]
    for i in range(rows):
        # Step 2. A numerator is at most its denominator.
        row = [(numerators[i], denominators[i]) for numerators, denominators in metrics]
        for metric, (n, d) in zip(METRICS, row, strict=True):
            if n > d:
                raise above_denominator(metric, n, d, i)
        # Step 3. A neutral ratio counts as 1, any other of too few samples as 0.
        ratios = [
            NEUTRAL if neutral[k] else row[k] if row[k][1] >= min_samples else NOTHING
            for k in range(len(METRICS))
        ]
        # Step 4. The exact product or weighted sum, rounded down once.
        scores.append(_product(*ratios) if policy == "product" else _sum(weights, *ratios))
    uptime_neutral, storage_neutral, ai_neutral = neutral
    return Scores(scores, (uptime_neutral, storage_neutral, ai_neutral))


def require_rule(policy: object, weights: Sequence[int], min_samples: object) -> None:
    """The arguments beside the counts are in their bounds.

    Raises:
        UnknownOptionError: the policy is none of POLICIES.
        OutOfRangeError: the weights of a sum do not sum to 10^18, or one is below 0; min_samples
            is outside 1 .. 2^32 - 1.
        NullValueError, WrongTypeError: min_samples is no integer.
    """
    if policy not in POLICIES:
        raise UnknownOptionError(
            f"{shown(policy)} is none of {', '.join(POLICIES)}", argument="policy", value=policy
        )
    if policy == "weighted_sum" and (sum(weights) != MAX_RATE or min(weights) < 0):
        raise OutOfRangeError(
            f"{shown(weights)} in 10^-18 do not sum to exactly 1", argument="weights", value=weights
        )
    if require_integer(min_samples, "min_samples", MAX_COUNT) < 1:
        raise OutOfRangeError(
            f"0 is outside 1 .. {MAX_COUNT}", argument="min_samples", value=min_samples
        )


def row_count(uptime: Counts, storage: Counts, ai: Counts) -> int:
    """Rows of all six columns.

    Raises:
        LengthMismatchError: they differ; it names the first that differs from "uptime.n".
    """
    require_same_length(
        **{
            name: len(values)
            for metric, counts in zip(METRICS, (uptime, storage, ai), strict=True)
            for name, values in zip(column_names(metric), counts, strict=True)
        }
    )
    return len(uptime[0])


def column_names(metric: str) -> tuple[str, str]:
    """What the numerators and the denominators of a metric are called in errors."""
    return f"{metric}.n", f"{metric}.d"


def above_denominator(metric: str, n: int, d: int, index: int) -> OutOfRangeError:
    """The error of a row whose numerator is above its denominator."""
    return OutOfRangeError(
        f"{n} is above its denominator, {d}",
        argument=column_names(metric)[0],
        index=index,
        value=n,
    )


def _product(uptime: Ratio, storage: Ratio, ai: Ratio) -> int:
    (u, all_u), (s, all_s), (a, all_a) = uptime, storage, ai
    return mul_div(u * s * a, BASE_UNITS_PER_TOKEN, all_u * all_s * all_a)


def _sum(weights: tuple[int, int, int], uptime: Ratio, storage: Ratio, ai: Ratio) -> int:
    (u, all_u), (s, all_s), (a, all_a) = uptime, storage, ai
    w_u, w_s, w_a = weights
    numerator = w_u * u * all_s * all_a + w_s * s * all_u * all_a + w_a * a * all_u * all_s
    return numerator // (all_u * all_s * all_a)
