"""One node's number step by step: its score and its share, computed again with a trace.

The figures come from a recorded allocation. Nothing here decides them; where they contradict one
another the first that does not follow is named.
"""

from __future__ import annotations

from dataclasses import dataclass

from qfs.certified import CertifiedMath, Operation, Trace
from qfs.columns import require_integer
from qfs.errors import OutOfRangeError, UnknownOptionError, VerificationError, WrongTypeError, shown
from qfs.ids import require_id
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_COUNT, MAX_SCALAR, MAX_VALUE
from qfs.reference.scoring import METRICS, NEUTRAL, NOTHING, POLICIES, Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A node's counts, numerator and denominator each, and how they become its score.

    Raises:
        UnknownOptionError: the policy is none of POLICIES.
        QfsError: a count, or the weights, out of their bounds; the error names the metric.
    """

    uptime: Ratio
    storage: Ratio
    ai: Ratio
    neutral: tuple[bool, bool, bool] = (False, False, False)
    """uptime, storage, ai: unassessed for every node of the epoch, so that it counts as 1"""
    policy: str = "product"
    weights: tuple[int, int, int] = (0, 0, 0)
    """of uptime, storage and ai, in 10^-18, with a sum of 10^18; read by "weighted_sum" alone"""
    min_samples: int = 1
    """a metric with a lower denominator counts as 0; 1 .. 2^32 - 1"""

    def __post_init__(self) -> None:
        for metric in METRICS:
            _require_ratio(getattr(self, metric), metric)
        if require_integer(self.min_samples, "min_samples", MAX_COUNT) < 1:
            raise OutOfRangeError(
                f"0 is outside 1 .. {MAX_COUNT}", argument="min_samples", value=self.min_samples
            )
        if [type(flag) for flag in self.neutral] != [bool] * len(METRICS):
            raise WrongTypeError(
                f"{shown(self.neutral)} is not three of True and False",
                argument="neutral",
                value=self.neutral,
            )
        if self.policy not in POLICIES:
            raise UnknownOptionError(
                f"{shown(self.policy)} is none of {', '.join(POLICIES)}",
                argument="policy",
                value=self.policy,
            )
        if self.policy == "weighted_sum":
            for i, weight in enumerate(self.weights):
                require_integer(weight, "weights", BASE_UNITS_PER_TOKEN, i)
            if len(self.weights) != len(METRICS) or sum(self.weights) != BASE_UNITS_PER_TOKEN:
                raise OutOfRangeError(
                    f"{shown(self.weights)} are not three that sum to 1",
                    argument="weights",
                    value=self.weights,
                )

    def counted(self) -> tuple[Ratio, Ratio, Ratio]:
        """The three ratios as they count: neutral is 1, too few samples are 0."""
        uptime, storage, ai = (
            NEUTRAL if neutral else ratio if ratio[1] >= self.min_samples else NOTHING
            for ratio, neutral in zip(
                (self.uptime, self.storage, self.ai), self.neutral, strict=True
            )
        )
        return uptime, storage, ai


def trace_score(math: CertifiedMath, scored: Scored) -> int:
    """The score in 10^-18, 0 .. 10^18, rounded down once, at the end.

    product: 10^18 * u * s * a / (U * S * A). weighted_sum: the weights times the ratios.
    """
    ratios = scored.counted()
    (u, u_all), (s, s_all), (a, a_all) = ratios
    everything = math.mul(math.mul(u_all, s_all), a_all)
    if scored.policy == "product":
        return math.mul_div_floor(BASE_UNITS_PER_TOKEN, math.mul(math.mul(u, s), a), everything)
    # Whole parts and remainders apart: over the common denominator the remainders are below
    # 2^98, where the sum of the whole products would need 156 bits.
    whole = parts = 0
    for (n, d), weight in zip(ratios, scored.weights, strict=True):
        quotient, remainder = math.mul_div_rem(weight, n, d)
        whole = math.add(whole, quotient)
        parts = math.add(parts, math.mul_div_floor(remainder, everything, d))
    return math.add(whole, math.div_rem(parts, everything)[0])


def trace_share(
    *,
    node: str,
    weight: int,
    cap: int,
    shared_pool: int,
    shared_weight: int,
    capped: bool,
    extra: int,
    fallback: bool = False,
    pool: int | None = None,
    max_share: int | None = None,
    scored: Scored | None = None,
) -> tuple[Operation, ...]:
    """The operations that lead to what a node is paid; the result of the last is the amount.

    Args:
        node: the node's id, the correlation id of every operation.
        weight, cap: the node's row of the allocations, base units.
        shared_pool, shared_weight: what the rows below their caps shared, and by which weight.
        capped: whether the node was paid its cap because its share exceeded it.
        extra: 1 where it got one of the units that division left, else 0.
        fallback: every weight was 0, so that every weight counted as 1.
        pool, max_share: of the epoch, base units and 10^-18; with both the cap is computed too.
        scored: the node's counts; with them the weight is computed too.

    Raises:
        VerificationError: the weight is not the score, the cap not the share of the pool, or the
            node is capped where its share does not exceed the cap, or the other way round.
        QfsError: a figure out of its bounds.

    A share of 10 * 1 by 3 with an extra unit: product_exceeds, mul_div_rem (3, 1), add 4.
    """
    trace = Trace()
    math = CertifiedMath(require_id(node, "node").decode("ascii"), trace)
    for name, value, maximum in (
        ("weight", weight, MAX_SCALAR),
        ("cap", cap, MAX_VALUE),
        ("shared_pool", shared_pool, MAX_VALUE),
        ("shared_weight", shared_weight, MAX_SCALAR),
    ):
        require_integer(value, name, maximum)
    if scored is not None:
        _require_same(trace_score(math, scored), weight, node, "weight")
    if pool is not None and max_share is not None:
        _require_same(math.mul_floor(pool, max_share), cap, node, "cap")
    counted = 1 if fallback else weight
    exceeds = math.product_exceeds(shared_pool, counted, cap, shared_weight)
    _require_same(exceeds, capped, node, "capped")
    share, remainder = cap, 0
    if not capped:
        share = 0
        if shared_weight:
            share, remainder = math.mul_div_rem(shared_pool, counted, shared_weight)
    # A row without a remainder never gets a unit of what division left.
    math.add(share, require_integer(extra, "extra", 1 if remainder else 0))
    return trace.operations


def _require_ratio(ratio: object, metric: str) -> None:
    if not isinstance(ratio, tuple) or len(ratio) != 2:
        raise WrongTypeError(
            f"{shown(ratio)} is not a numerator and a denominator", argument=metric, value=ratio
        )
    n, d = (require_integer(count, metric, MAX_COUNT, i) for i, count in enumerate(ratio))
    if n > d:
        raise OutOfRangeError(
            f"{n} of {d}; a numerator is at most its denominator",
            argument=metric,
            index=0,
            value=n,
        )


def _require_same(computed: int, recorded: int, node: str, figure: str) -> None:
    if computed != recorded:
        raise VerificationError(
            f"the recorded {recorded} does not follow; the recorded figures give {computed}",
            argument=f"node {node} {figure}",
            value=recorded,
            expected=computed,
        )
