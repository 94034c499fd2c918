"""The public functions: what is looked at first, and the kind of what comes back."""

from __future__ import annotations

import doctest
from array import array
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import qfs
from qfs import decimals, ids
from qfs.errors import OutOfRangeError
from qfs.limits import MAX_SCALAR, MAX_TICK, MAX_VALUE

Place = tuple[str, str, int | None]

ALLOCATE_FAULTS: list[tuple[dict[str, Any], Place]] = [
    # Each step mends the fault that the step before names, and leaves all later ones.
    (
        {
            "pool": -1,
            "weights": {1},
            "ids": {"a"},
            "caps": 5,
            "max_share": 0.3,
            "tie_break": "age",
            "epoch": -1,
        },
        ("range", "pool", None),
    ),
    ({"pool": True}, ("type", "pool", None)),
    ({"pool": None}, ("null", "pool", None)),
    ({"pool": 10}, ("type", "max_share", None)),
    ({"max_share": "1.1"}, ("range", "max_share", None)),
    ({"max_share": ".3"}, ("text", "max_share", None)),
    ({"max_share": "0.3"}, ("option", "tie_break", None)),
    ({"tie_break": "rotating"}, ("range", "epoch", None)),
    ({"epoch": None}, ("null", "epoch", None)),
    ({"epoch": MAX_TICK + 1}, ("range", "epoch", None)),
    ({"epoch": MAX_TICK, "ids": None}, ("type", "ids", None)),
    ({"ids": {"a"}}, ("type", "weights", None)),
    ({"weights": [-1, 1.0, None, MAX_VALUE]}, ("type", "ids", None)),
    ({"ids": ["b", "a b", "b"]}, ("type", "caps", None)),
    ({"caps": [-1, None]}, ("length", "ids", None)),
    ({"ids": ["b", "a b", "b", None]}, ("length", "caps", None)),
    ({"caps": [1, -1, None, 1]}, ("id", "ids", 1)),
    ({"ids": ["b", "a", "b", None]}, ("duplicate", "ids", 2)),
    ({"ids": ["b", "a", 7, None]}, ("type", "ids", 2)),
    ({"ids": ["b", "a", "c", None]}, ("null", "ids", 3)),
    ({"ids": ["b", "a", "c", "d"]}, ("range", "weights", 0)),
    ({"weights": [1, 1.0, None, MAX_VALUE]}, ("type", "weights", 1)),
    ({"weights": [1, 1, None, MAX_VALUE]}, ("null", "weights", 2)),
    ({"weights": [MAX_VALUE] * 4}, ("range", "caps", 1)),
    ({"caps": [1, 1, None, 1]}, ("null", "caps", 2)),
    ({"caps": [1, 1, 1, 1]}, ("total", "weights", None)),
]

ISSUE_FAULTS: list[tuple[dict[str, Any], Place]] = [
    ({"fees": {1}, "rate": 1, "residue": 10**18, "room": -1}, ("type", "rate", None)),
    ({"rate": Fraction(1, 3)}, ("text", "rate", None)),
    ({"rate": Decimal("1.5")}, ("range", "rate", None)),
    ({"rate": "1"}, ("range", "residue", None)),
    ({"residue": None}, ("null", "residue", None)),
    ({"residue": 10**18 - 1}, ("range", "room", None)),
    ({"room": MAX_SCALAR}, ("type", "fees", None)),
    ({"fees": [MAX_VALUE] * 4 + [None, -1]}, ("null", "fees", 4)),
    ({"fees": [MAX_VALUE] * 4}, ("total", "fees", None)),
]

MUL_DIV_FAULTS: list[tuple[dict[str, Any], Place]] = [
    ({"a": {1}, "b": 1.0, "c": [0, 1, 1], "rounding": "up"}, ("option", "rounding", None)),
    # Numbers are looked at before columns.
    ({"rounding": "ceil"}, ("type", "b", None)),
    ({"b": None}, ("null", "b", None)),
    ({"b": MAX_SCALAR + 1}, ("range", "b", None)),
    ({"b": MAX_SCALAR}, ("type", "a", None)),
    ({"a": [1, -1]}, ("length", "c", None)),
    ({"c": [0, None]}, ("range", "a", 1)),
    ({"a": [1, 2]}, ("null", "c", 1)),
    ({"c": [1, 0]}, ("overflow", "result", 0)),
    ({"b": 1}, ("division_by_zero", "c", 1)),
    ({"a": 1, "c": 0}, ("division_by_zero", "c", None)),
    ({"a": MAX_SCALAR, "b": 2, "c": 1}, ("overflow", "result", None)),
]

SHARES = {"uptime": "0.4", "storage": "0.3", "ai": "0.3"}
SCORE_FAULTS: list[tuple[dict[str, Any], Place]] = [
    (
        {
            "uptime": 1,
            "storage": ([1],),
            "ai": ([1], 1),
            "policy": "sum",
            "weights": 0.5,
            "min_samples": 0,
        },
        ("option", "policy", None),
    ),
    ({"policy": "product"}, ("type", "weights", None)),
    ({"policy": "weighted_sum"}, ("type", "weights", None)),
    ({"weights": None}, ("type", "weights", None)),
    ({"weights": {"uptime": 1, "cpu": "1"}}, ("option", "weights", None)),
    ({"weights": {"uptime": 1}}, ("null", "weights.storage", None)),
    ({"weights": {**SHARES, "uptime": 0}}, ("type", "weights.uptime", None)),
    ({"weights": {**SHARES, "ai": Fraction(1, 3)}}, ("text", "weights.ai", None)),
    ({"weights": {**SHARES, "ai": "0.300000000000000001"}}, ("range", "weights", None)),
    ({"weights": {**SHARES, "ai": "0.299999999999999999"}}, ("range", "weights", None)),
    ({"weights": SHARES}, ("range", "min_samples", None)),
    ({"min_samples": 2**32}, ("range", "min_samples", None)),
    ({"min_samples": None}, ("null", "min_samples", None)),
    ({"min_samples": 2**32 - 1}, ("type", "uptime", None)),
    ({"uptime": ([1, None], [-1, 1, 1])}, ("type", "storage", None)),
    ({"storage": ([2, 2], [1, 1])}, ("type", "ai.d", None)),
    ({"ai": ([0, 2**32], [0, 1])}, ("length", "uptime.d", None)),
    ({"uptime": ([1, None], [-1, 1])}, ("null", "uptime.n", 1)),
    ({"uptime": ([1, 1], [-1, 1])}, ("range", "uptime.d", 0)),
    ({"uptime": ([1, 9], [1, 1])}, ("range", "ai.n", 1)),
    # The lowest row with a numerator above its denominator, whatever the metric.
    ({"ai": ([0, 2**32 - 1], [0, 1])}, ("range", "storage.n", 0)),
    ({"storage": ([1, 2], [1, 1])}, ("range", "uptime.n", 1)),
    ({"uptime": ([1, 1], [1, 1])}, ("range", "storage.n", 1)),
    ({"storage": ([1, 1], [1, 1])}, ("range", "ai.n", 1)),
]


@pytest.mark.parametrize(
    ("function", "faults"),
    [
        (qfs.allocate, ALLOCATE_FAULTS),
        (qfs.issue, ISSUE_FAULTS),
        (qfs.mul_div, MUL_DIV_FAULTS),
        (qfs.score, SCORE_FAULTS),
    ],
    ids=["allocate", "issue", "mul_div", "score"],
)
def test_precedence_of_errors(
    api_backend: str, function: Callable[..., Any], faults: list[tuple[dict[str, Any], Place]]
) -> None:
    arguments: dict[str, Any] = {}
    for mended, place in faults:
        arguments |= mended
        with pytest.raises(qfs.QfsError) as caught:
            function(**arguments)
        error = caught.value
        assert (error.code, error.argument, error.index) == place, arguments


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        *[(qfs.allocate, {"pool": 1, "weights": [1, bad]}) for bad in (None, 1.0, True, -1, "1")],
        *[
            (qfs.allocate, {"pool": 1, "weights": [1, 1], "ids": i})
            for i in (["a", ""], ["a", "a"])
        ],
        (qfs.allocate, {"pool": 1, "weights": [1], "caps": [MAX_VALUE + 1]}),
        (qfs.allocate, {"pool": 1, "weights": (MAX_VALUE,) * 4}),
        (qfs.issue, {"fees": (MAX_VALUE,) * 4}),
        (qfs.issue, {"fees": [1, 2**128]}),
        *[(qfs.mul_div, {"a": [1, bad], "b": 1, "c": 1}) for bad in (None, 1.0, -1, 2**127)],
        (qfs.mul_div, {"a": [1, MAX_VALUE], "b": 2, "c": 1}),
        (qfs.mul_div, {"a": [1, 1], "b": 2, "c": [1, 0]}),
        *[
            (qfs.score, {"uptime": u, "storage": ([1], [1]), "ai": ([1], [1])})
            for u in (
                *[([bad], [2**32 - 1]) for bad in (None, 1.0, True, -1, "1", 2**32, 2**128)],
                *[([0], [bad]) for bad in (None, 2**32, 2**64)],
                *[([2], [1]), ((2,), array("I", [1])), ([1, 1], [1]), {1: 1, 2: 2}],
            )
        ],
    ],
)
def test_both_backends_say_the_same(
    using_backend: Any, function: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    said = []
    for name in ("reference", "kernel"):
        with using_backend(name), pytest.raises(qfs.QfsError) as caught:
            function(**arguments)
        error = caught.value
        said.append((type(error), error.code, error.argument, error.index, error.value, str(error)))
    assert said[0] == said[1]


def test_results_have_the_kind_of_their_argument(api_backend: str) -> None:
    for make, kind in [(list, list), (tuple, tuple), (lambda v: array("Q", v), qfs.Column)]:
        source = make([1, 2])
        for n, d in ((source, [1, 2]), ([1, 2], source)):
            scores = qfs.score((n, d), ([1, 1], (1, 1)), ([1, 1], [1, 1])).scores
            assert type(scores) is (kind if n is source else list)
            assert list(scores) == [10**18, 10**18]
        results = (
            qfs.allocate(3, source).amounts,
            qfs.issue(source, "1").issued,
            qfs.mul_div(source, 1, 1),
            qfs.mul_div(5, source, 5),
        )
        for result in results:
            assert type(result) is kind
            assert list(result) == [1, 2]
    assert type(qfs.mul_div(1, (1,), [1])) is tuple
    assert type(qfs.mul_div(1, 1, 1)) is int


def test_a_result_states_what_decided_it(api_backend: str) -> None:
    result = qfs.allocate(100, [70, 20, 10, 0], ids=list("dcba"), caps=[20, 50, 100, 9])
    assert result.amounts == [20, 50, 30, 0]
    assert (result.undistributed, result.capped, result.fallback) == (0, 2, False)
    assert (result.total_weight, result.shared_pool, result.shared_weight) == (100, 30, 10)
    assert (result.leftover, result.cut) == (0, None)
    result = qfs.allocate(10, (1, 1, 1), ids=["c", "b", "a"])
    assert (result.amounts, result.leftover, result.cut) == ((3, 3, 4), 1, 1)


def test_scores_by_weights_of_every_kind(api_backend: str) -> None:
    metrics = {"uptime": ([1, 0], [2, 0]), "storage": ([1, 1], [3, 1]), "ai": ([0, 0], [4, 4])}
    for weights in (
        {"uptime": "0.5", "storage": "0.3", "ai": "0.2"},
        {"ai": Decimal("0.2"), "storage": Fraction(3, 10), "uptime": "0.5"},
    ):
        result = qfs.score(**metrics, policy="weighted_sum", weights=weights)
        assert result == qfs.Scoring([350000000000000000, 300000000000000000], ())
        result = qfs.score(**metrics, policy="weighted_sum", weights=weights, min_samples=5)
        assert result == qfs.Scoring([10**18] * 2, ("uptime", "storage", "ai"))
    result = qfs.score(**metrics, min_samples=4)
    assert result == qfs.Scoring([0, 0], ("uptime", "storage"))


def test_counts_from_arrow_and_buffers(api_backend: str) -> None:
    for make in (
        lambda values: pa.array(values, pa.uint32()),
        lambda values: pa.chunked_array([values[:1], values[1:]], pa.int64()),
        lambda values: array("I", values),
        lambda values: qfs.Column.from_ints(values),
    ):
        counts = (make([1, 2**32 - 1]), make([2, 2**32 - 1]))
        result = qfs.score(counts, counts, counts)
        assert type(result.scores) is qfs.Column
        assert list(result.scores) == [125 * 10**15, 10**18]
    with pytest.raises(qfs.QfsError) as caught:
        qfs.score(([1], [1]), ([1], [1]), (pa.array([None], pa.uint32()), [1]))
    assert (caught.value.code, caught.value.argument, caught.value.index) == ("null", "ai.n", 0)


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", ">u4"])
def test_counts_of_every_width(api_backend: str, kind: str) -> None:
    """Counts are read from integers of any width, and the lowest row outside is named."""
    n, d = np.array([1, 0, 100], dtype=kind), np.array([2, 1, 100], dtype=kind)
    apart = np.stack([d, n], axis=1)[:, 0]
    expected = [125 * 10**15, 0, 10**18]
    for pair in ((n, d), (n, apart), (pa.array(n.astype("i8")), pa.array(d.astype("i8")))):
        assert list(qfs.score(pair, pair, pair).scores) == expected
    bits = 8 * np.dtype(kind).itemsize
    bad = -1 if "i" in kind else 2**32 if bits == 64 else None
    if bad is not None:
        n[1:] = bad
        with pytest.raises(OutOfRangeError) as caught:
            qfs.score((d, d), (n, d), (d, d))
        found = caught.value
        assert (found.argument, found.index, found.value) == ("storage.n", 1, bad)


def test_a_null_among_integers_comes_before_what_stands_after_it(api_backend: str) -> None:
    """Of a null and a value outside the lower index is named, whatever lies under the null."""
    good = [1, 1, 1]
    for values, index, code in [
        ([1, None, -1], 1, "null"),
        ([-1, None, 1], 0, "range"),
        ([None, -1, 1], 0, "null"),
    ]:
        chunks = pa.chunked_array([values[:1], values[1:]], pa.int64())
        for column in (pa.array(values, pa.int64()), chunks):
            with pytest.raises(qfs.QfsError) as caught:
                qfs.score((good, good), (good, good), (column, good))
            assert (caught.value.code, caught.value.index) == (code, index)
            with pytest.raises(qfs.QfsError) as caught:
                qfs.issue(column)
            assert (caught.value.code, caught.value.index) == (code, index)


@pytest.mark.parametrize("share", ["0.5", Decimal("0.5"), Decimal("5E-1"), Fraction(1, 2)])
def test_max_share_is_rounded_down(api_backend: str, share: Any) -> None:
    result = qfs.allocate(5, [9, 1], max_share=share)
    assert (result.amounts, result.undistributed) == ([2, 2], 1)
    assert qfs.allocate(5, [9, 1], max_share="1").amounts == qfs.allocate(5, [9, 1]).amounts
    assert qfs.allocate(5, [9, 1], max_share="0").undistributed == 5


def test_text_and_bytes_are_the_same_id(api_backend: str) -> None:
    with pytest.raises(qfs.QfsError) as caught:
        qfs.allocate(1, [1, 1], ids=["a", b"a"])
    assert (caught.value.code, caught.value.index) == ("duplicate", 1)
    assert qfs.allocate(1, [1, 1], ids=["b", b"a"]).amounts == [0, 1]


@pytest.mark.parametrize(
    ("node_id", "good"),
    [
        ("!", True),
        ("~", True),
        ("a" * 128, True),
        ("a" * 129, False),
        ("", False),
        (" ", False),
        ("\x7f", False),
        ("a\n", False),
        ("é", False),
        ("\ud800", False),
    ],
)
def test_bounds_of_an_id(api_backend: str, node_id: str, good: bool) -> None:
    sources: list[Any] = [[node_id]]
    if node_id.isascii():
        # Ids from Arrow that stand in order take a way of their own through the kernel.
        sources += [pa.array([node_id], kind) for kind in (pa.string(), pa.large_string())]
    for source in sources:
        if good:
            assert qfs.allocate(1, [1], ids=source).amounts == [1]
            assert ids.require_id(node_id, "id") == node_id.encode()
            continue
        with pytest.raises(qfs.QfsError) as caught:
            qfs.allocate(1, [1], ids=source)
        assert (caught.value.code, caught.value.index) == ("id", 0)


def test_examples_in_the_docstrings(api_backend: str) -> None:
    from qfs import api

    for module in (api, decimals):
        found = doctest.testmod(module)
        assert found.attempted > 0
        assert found.failed == 0
