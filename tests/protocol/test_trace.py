"""One node's number step by step: it ends in the amount that the allocation paid, or says why."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfs.certified import CertifiedMath, Operation, Trace
from qfs.errors import (
    InvalidIdError,
    NullValueError,
    OutOfRangeError,
    QfsError,
    UnknownOptionError,
    VerificationError,
    WrongTypeError,
)
from qfs.limits import MAX_VALUE
from qfs.protocol.trace import MAX_COUNT, Scored, trace_score, trace_share
from qfs.reference.allocation import allocate, exceeds
from qfs.reference.arithmetic import mul_floor
from qfs.traces import document_of, replay

ONE = 10**18
HALVES = Scored(uptime=(1, 2), storage=(1, 2), ai=(1, 2))


def steps(operations: tuple[Operation, ...]) -> list[tuple[str, list[int], Any]]:
    return [(op.operation, [v for _, v in op.operands], op.result) for op in operations]


def test_a_share_by_hand() -> None:
    """Weight 1 of 3 in a pool of 10, the cap 30% of it: 3, a remainder of 1, and an extra unit
    that the cap of 4 admits."""
    found = trace_share(
        node="n1",
        weight=1,
        cap=4,
        shared_pool=10,
        shared_weight=3,
        capped=False,
        extra=1,
        pool=10,
        max_share=4 * ONE // 10,
    )
    assert steps(found) == [
        ("mul_floor", [10, 4 * ONE // 10], 4),
        ("product_exceeds", [10, 1, 4, 3], False),
        ("mul_div_rem", [10, 1, 3], (3, 1)),
        ("add", [3, 1], 4),
    ]
    assert {op.correlation_id for op in found} == {"n1"}


def test_a_capped_share_by_hand() -> None:
    found = trace_share(
        node="n1", weight=5, cap=300, shared_pool=700, shared_weight=10, capped=True, extra=0
    )
    assert steps(found) == [("product_exceeds", [700, 5, 300, 10], True), ("add", [300, 0], 300)]


def test_a_product_of_counts_by_hand() -> None:
    scored = Scored(uptime=(9, 10), storage=(1, 3), ai=(5, 7))
    found = trace_share(
        node="n1",
        weight=214285714285714285,
        cap=100,
        shared_pool=100,
        shared_weight=214285714285714285,
        capped=False,
        extra=0,
        scored=scored,
    )
    assert steps(found)[:5] == [
        ("mul", [10, 3], 30),
        ("mul", [30, 7], 210),
        ("mul", [9, 1], 9),
        ("mul", [9, 5], 45),
        ("mul_div_floor", [ONE, 45, 210], 214285714285714285),
    ]
    assert found[-1].result == 100


def test_a_weighted_sum_by_hand() -> None:
    """0.5 * 1/3 + 0.3 * 1/3 + 0.2 * 1/3 is a third; each part rounded down alone would give one
    unit less."""
    third = (1, 3)
    scored = Scored(
        uptime=third,
        storage=third,
        ai=third,
        policy="weighted_sum",
        weights=(5 * ONE // 10, 3 * ONE // 10 + 1, 2 * ONE // 10 - 1),
    )
    math = CertifiedMath(trace=True)
    assert trace_score(math, scored) == 333333333333333333
    parts = [5 * ONE // 10 // 3, (3 * ONE // 10 + 1) // 3, (2 * ONE // 10 - 1) // 3]
    assert sum(parts) == 333333333333333332


@st.composite
def ratios(draw: st.DrawFn) -> tuple[int, int]:
    d = draw(st.one_of(st.integers(0, 5), st.integers(0, MAX_COUNT), st.just(MAX_COUNT)))
    return draw(st.one_of(st.just(d), st.integers(0, d))), d


@st.composite
def scored_counts(draw: st.DrawFn) -> Scored:
    given: dict[str, Any] = {
        "uptime": draw(ratios()),
        "storage": draw(ratios()),
        "ai": draw(ratios()),
        "neutral": tuple(draw(st.lists(st.booleans(), min_size=3, max_size=3))),
        "min_samples": draw(st.integers(1, 3)),
    }
    if draw(st.booleans()):
        first = draw(st.integers(0, ONE))
        second = draw(st.integers(0, ONE - first))
        given.update(policy="weighted_sum", weights=(first, second, ONE - first - second))
    return Scored(**given)


@given(scored=scored_counts())
def test_scores_are_the_exact_ones_rounded_once(scored: Scored) -> None:
    counted = []
    for (n, d), neutral in zip(
        (scored.uptime, scored.storage, scored.ai), scored.neutral, strict=True
    ):
        unassessed = d < scored.min_samples
        counted.append(Fraction(1) if neutral else Fraction(0) if unassessed else Fraction(n, d))
    if scored.policy == "product":
        exact = ONE * counted[0] * counted[1] * counted[2]
    else:
        exact = sum(
            (w * ratio for w, ratio in zip(scored.weights, counted, strict=True)), Fraction(0)
        )
    trace = Trace()
    assert trace_score(CertifiedMath("n", trace), scored) == exact.__floor__()
    assert replay(document_of(trace)).operations == trace.operations


def test_no_evidence_is_no_credit_and_a_neutral_metric_is_none_at_all() -> None:
    counts = {"uptime": (1, 1), "storage": (3, 4), "ai": (0, 0)}
    math = CertifiedMath()
    assert trace_score(math, Scored(**counts)) == 0
    assert trace_score(math, Scored(**counts, neutral=(False, False, True))) == 3 * ONE // 4
    assert trace_score(math, Scored(**{**counts, "ai": (9, 9)}, min_samples=2)) == 0
    assert (
        trace_score(math, Scored(uptime=(2, 2), storage=(1, 2), ai=(2, 2), min_samples=2))
        == ONE // 2
    )


weights = st.one_of(st.integers(0, 9), st.integers(0, 10**30))


@given(
    pool=st.one_of(st.integers(0, 50), st.integers(0, MAX_VALUE)),
    rows=st.lists(weights, min_size=1, max_size=7),
    share=st.one_of(st.just(ONE), st.integers(1, ONE)),
)
def test_every_row_of_an_allocation_ends_in_its_amount(
    pool: int, rows: list[int], share: int
) -> None:
    cap = mul_floor(pool, share)
    result = allocate(pool, rows, None, cap)
    for weight, amount in zip(rows, result.amounts, strict=True):
        counted = 1 if result.fallback else weight
        capped = exceeds(result.shared_pool, result.shared_weight, counted, cap)
        whole = cap if capped else 0
        if not capped and result.shared_weight:
            whole = result.shared_pool * counted // result.shared_weight
        found = trace_share(
            node="n",
            weight=weight,
            cap=cap,
            shared_pool=result.shared_pool,
            shared_weight=result.shared_weight,
            capped=capped,
            extra=amount - whole,
            fallback=result.fallback,
            pool=pool,
            max_share=share,
        )
        assert found[-1].operation == "add"
        assert found[-1].result == amount


SHARE: dict[str, Any] = {
    "node": "n1",
    "weight": ONE // 8,
    "cap": 4,
    "shared_pool": 10,
    "shared_weight": 3 * ONE // 8,
    "capped": False,
    "extra": 1,
    "pool": 10,
    "max_share": 4 * ONE // 10,
    "scored": HALVES,
}


def test_the_share_that_the_changes_start_from() -> None:
    assert trace_share(**SHARE)[-1].result == 4


@pytest.mark.parametrize(
    ("changes", "figure", "expected"),
    [
        ({"weight": ONE // 8 + 1}, "node n1 weight", ONE // 8),
        ({"cap": 5}, "node n1 cap", 4),
        ({"capped": True}, "node n1 capped", False),
        ({"shared_pool": 13}, "node n1 capped", True),
    ],
)
def test_figures_that_do_not_follow_are_named(
    changes: dict[str, Any], figure: str, expected: object
) -> None:
    with pytest.raises(VerificationError) as caught:
        trace_share(**{**SHARE, **changes})
    assert (caught.value.argument, caught.value.expected) == (figure, expected)


@pytest.mark.parametrize(
    ("changes", "kind", "argument"),
    [
        ({"extra": 2}, OutOfRangeError, "extra"),
        ({"extra": -1}, OutOfRangeError, "extra"),
        # Without a remainder there is nothing to round up, and a cap is all that is paid.
        ({"shared_pool": 9, "extra": 1}, OutOfRangeError, "extra"),
        ({"shared_pool": 13, "capped": True, "extra": 1}, OutOfRangeError, "extra"),
        ({"weight": -1}, OutOfRangeError, "weight"),
        ({"cap": MAX_VALUE + 1}, OutOfRangeError, "cap"),
        ({"shared_pool": 1.0}, WrongTypeError, "shared_pool"),
        ({"shared_weight": None}, NullValueError, "shared_weight"),
        ({"node": ""}, InvalidIdError, "node"),
        ({"node": None}, NullValueError, "node"),
        ({"node": "a b"}, InvalidIdError, "node"),
    ],
)
def test_figures_out_of_their_bounds(
    changes: dict[str, Any], kind: type[QfsError], argument: str
) -> None:
    with pytest.raises(QfsError) as caught:
        trace_share(**{**SHARE, **changes})
    assert (type(caught.value), caught.value.argument) == (kind, argument)


def test_weights_are_read_by_the_weighted_sum_alone() -> None:
    halves = Scored(uptime=(1, 2), storage=(1, 2), ai=(1, 2), weights=(1, 2, 3))
    assert trace_score(CertifiedMath(), halves) == ONE // 8


WEIGHTED = {"policy": "weighted_sum"}


@pytest.mark.parametrize(
    ("changes", "kind", "argument"),
    [
        ({"uptime": (3, 2)}, OutOfRangeError, "uptime"),
        ({"storage": (0, MAX_COUNT + 1)}, OutOfRangeError, "storage"),
        ({"ai": (-1, 1)}, OutOfRangeError, "ai"),
        ({"ai": (1.0, 1)}, WrongTypeError, "ai"),
        ({"ai": (1, 1, 1)}, WrongTypeError, "ai"),
        ({"ai": None}, WrongTypeError, "ai"),
        ({"min_samples": 0}, OutOfRangeError, "min_samples"),
        ({"min_samples": MAX_COUNT + 1}, OutOfRangeError, "min_samples"),
        ({"policy": "sum"}, UnknownOptionError, "policy"),
        (WEIGHTED, OutOfRangeError, "weights"),
        ({**WEIGHTED, "weights": (ONE - 1, 0, 0)}, OutOfRangeError, "weights"),
        ({**WEIGHTED, "weights": (ONE, 1, 0)}, OutOfRangeError, "weights"),
        ({**WEIGHTED, "weights": (ONE, 0)}, OutOfRangeError, "weights"),
        ({**WEIGHTED, "weights": (-1, ONE, 1)}, OutOfRangeError, "weights"),
        ({"neutral": (True, False)}, WrongTypeError, "neutral"),
        ({"neutral": (1, 0, 0)}, WrongTypeError, "neutral"),
    ],
)
def test_counts_out_of_their_bounds(
    changes: dict[str, Any], kind: type[QfsError], argument: str
) -> None:
    given_counts: dict[str, Any] = {"uptime": (1, 2), "storage": (1, 2), "ai": (1, 2)}
    with pytest.raises(QfsError) as caught:
        Scored(**{**given_counts, **changes})
    assert (type(caught.value), caught.value.argument) == (kind, argument)
