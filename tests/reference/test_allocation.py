"""Allocation: published apportionments, real epochs to the last unit, caps, ties, and slices."""

from __future__ import annotations

import csv
import hashlib
import json
import pathlib
import random
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

import pytest

import qfs
from qfs import ids as id_columns
from qfs import laws
from qfs.errors import LengthMismatchError, TotalOverflowError
from qfs.laws import ALLOCATION_LAWS, Case
from qfs.limits import MAX_SCALAR, MAX_VALUE


class Epoch(NamedTuple):
    """A published epoch, its rows by id."""

    pool: int
    ids: list[str]
    weights: list[int]
    published: list[int]


@pytest.fixture(scope="module")
def mainnet(data: pathlib.Path) -> Epoch:
    folder = data / "rocketpool"
    with (
        open(folder / "nodes.csv", newline="") as nodes,
        open(folder / "expected_floor.csv", newline="") as expected,
    ):
        weights = {row["node_id"]: qfs.amount(row["weight"]) for row in csv.DictReader(nodes)}
        paid = {row["node_id"]: int(row["amount_base_units"]) for row in csv.DictReader(expected)}
    pool = int(json.loads((folder / "epoch.json").read_text())["fee_total_wei"])
    assert list(weights) == sorted(paid)
    return Epoch(pool, list(weights), list(weights.values()), [paid[i] for i in weights])


def load_validators(data: pathlib.Path, name: str) -> Epoch:
    about = json.loads((data / "rocketpool" / f"{name}.json").read_text())
    with open(data / "rocketpool" / f"{name}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert int(about["total_weight"]) == sum(int(row["weight_base_units"]) for row in rows)
    return Epoch(
        int(about["pool_wei"]),
        [row["unit_id"] for row in rows],
        [int(row["weight_base_units"]) for row in rows],
        [int(row["amount_base_units"]) for row in rows],
    )


def assert_laws(implementation: Any, case: Case) -> None:
    assert [law(implementation, case) for law in ALLOCATION_LAWS] == [None] * len(ALLOCATION_LAWS)


def test_published_apportionments(implementation: Any, data: pathlib.Path) -> None:
    cases = json.loads((data / "oracles" / "largest_remainder_cases.json").read_text())["cases"]
    assert len(cases) == 10
    for case in cases:
        found = implementation.allocate(case["seats"], case["weights"])
        assert case["expected"] == list(found.amounts), case["id"]
        assert (found.undistributed, found.capped, found.fallback) == (0, 0, False)
        assert_laws(implementation, Case(case["seats"], case["weights"]))


def test_published_water_filling(implementation: Any, data: pathlib.Path) -> None:
    cases = json.loads((data / "oracles" / "capped_cases.json").read_text())["cases"]
    assert len(cases) == 5
    for case in cases:
        found = implementation.allocate(case["pool"], case["weights"], case["caps"])
        assert case["expected"] == list(found.amounts), case["id"]
        assert_laws(implementation, Case(case["pool"], case["weights"], case["caps"]))


def test_what_the_caps_refuse_stays_undistributed(implementation: Any, api_backend: str) -> None:
    found = implementation.allocate(1000, [90, 5, 5], None, 300)
    assert list(found.amounts) == [300, 300, 300]
    assert (found.undistributed, found.capped, found.shared_weight) == (100, 3, 0)
    result = qfs.allocate(1000, [90, 5, 5], max_share="0.30")
    assert (result.amounts, result.undistributed) == ([300, 300, 300], 100)
    assert_laws(implementation, Case(1000, [90, 5, 5], None, 300))


@pytest.mark.parametrize(("rows", "threads"), [(1 << 17, 1), (64, 1), (64, 2), (16, 3)])
@pytest.mark.parametrize("seed", [None, 1])
def test_mainnet_epoch(
    api_backend: str,
    mainnet: Epoch,
    sliced: Callable[..., Any],
    rows: int,
    threads: int,
    seed: int | None,
) -> None:
    order = list(range(len(mainnet.ids)))
    if seed is not None:
        random.Random(seed).shuffle(order)
    with sliced(rows, threads):
        result = qfs.allocate(
            mainnet.pool,
            [mainnet.weights[i] for i in order],
            ids=[mainnet.ids[i] for i in order],
        )
    assert (len(order), sum(result.amounts), result.undistributed) == (2216, mainnet.pool, 0)
    more = [amount - mainnet.published[i] for amount, i in zip(result.amounts, order, strict=True)]
    assert set(more) == {0, 1}
    assert sum(more) == result.leftover == 1082


def test_mainnet_epoch_keeps_the_laws(implementation: Any, mainnet: Epoch) -> None:
    assert_laws(implementation, Case(mainnet.pool, mainnet.weights, tie_keys=mainnet.ids))
    capped = Case(mainnet.pool, mainnet.weights, None, mainnet.pool // 100, mainnet.ids)
    assert implementation.allocate(*capped).capped > 0
    assert_laws(implementation, capped)


@pytest.mark.parametrize(
    ("name", "units", "lost"), [("sp_testnet_100", 1293, 490), ("sp_holesky_200", 1119, 590)]
)
def test_validator_epochs(
    implementation: Any, data: pathlib.Path, name: str, units: int, lost: int
) -> None:
    epoch = load_validators(data, name)
    total = sum(epoch.weights)
    assert [epoch.pool * w // total for w in epoch.weights] == epoch.published
    found = implementation.allocate(epoch.pool, epoch.weights, None, None, epoch.ids)
    more = [a - b for a, b in zip(found.amounts, epoch.published, strict=True)]
    assert (len(more), set(more), sum(more)) == (units, {0, 1}, lost)
    # Many validators weigh the same, so that the cut goes through a tie.
    assert_laws(implementation, Case(epoch.pool, epoch.weights, tie_keys=epoch.ids))


def test_not_monotone_in_the_pool(implementation: Any) -> None:
    assert list(implementation.allocate(3, [1, 3, 3]).amounts) == [1, 1, 1]
    assert list(implementation.allocate(4, [1, 3, 3]).amounts) == [0, 2, 2]


@pytest.mark.parametrize(
    ("pool", "weights", "expected", "undistributed"),
    [
        (0, [], [], 0),
        (7, [], [], 7),
        (0, [1, 2], [0, 0], 0),
        (0, [0, 0], [0, 0], 0),
        (1, [0, 0], [1, 0], 0),
        (7, [0, 0, 0], [3, 2, 2], 0),
        (7, [0, 5], [0, 7], 0),
        (MAX_VALUE, [1], [MAX_VALUE], 0),
        (MAX_VALUE, [MAX_VALUE], [MAX_VALUE], 0),
        (3, [1, 1], [2, 1], 0),
    ],
)
def test_smallest_and_largest(
    implementation: Any, pool: int, weights: list[int], expected: list[int], undistributed: int
) -> None:
    found = implementation.allocate(pool, weights)
    assert list(found.amounts) == expected
    assert found.undistributed == undistributed
    assert found.fallback == (len(weights) > 0 and not any(weights))
    assert_laws(implementation, Case(pool, weights))


def test_caps_of_zero_and_nobody_left(implementation: Any) -> None:
    found = implementation.allocate(10, [5, 5, 0], [0, 3, 10])
    assert list(found.amounts) == [0, 3, 0]
    assert (found.undistributed, found.capped, found.cut) == (7, 2, None)
    # The fallback gives a row without weight its equal part, up to its cap.
    found = implementation.allocate(10, [0, 0], [2, 9])
    assert (list(found.amounts), found.fallback) == ([2, 8], True)
    # A share that equals the cap does not exceed it.
    found = implementation.allocate(10, [1, 1], [5, 5])
    assert (list(found.amounts), found.capped) == ([5, 5], 0)
    for case in [Case(10, [5, 5, 0], [0, 3, 10]), Case(10, [0, 0], [2, 9]), Case(9, [1], None, 0)]:
        assert_laws(implementation, case)


def test_the_lower_of_both_caps_holds(implementation: Any) -> None:
    found = implementation.allocate(100, [1, 1, 1], [10, 90, 90], 40)
    assert list(found.amounts) == [10, 40, 40]
    assert (found.undistributed, found.capped) == (10, 3)


def cascade(rows: int) -> Case:
    """Caps of which each round of water-filling reaches only one.

    Each weight is all the later ones together, and each cap lies at the level of the round before
    its own: exceeded as soon as the level has risen once more.
    """
    weights = [2 ** max(rows - 2 - i, 0) for i in range(rows)]
    pool = 2**40 * sum(weights)
    caps = []
    left, weight, before = pool, sum(weights), Fraction(2**40 - 2**20)
    for w in weights:
        level = Fraction(left, weight)
        caps.append(ceil(before * w))
        assert before * w <= caps[-1] < level * w
        left, weight, before = left - caps[-1], weight - w, level
    return Case(pool, weights, caps)


@pytest.mark.slow
@pytest.mark.parametrize("max_rounds", [1, 2, 32, 1000])
@pytest.mark.parametrize("rows", [5, 40, 64])
def test_adversarial_caps_take_many_rounds(
    implementation: Any,
    monkeypatch: pytest.MonkeyPatch,
    sliced: Callable[..., Any],
    rows: int,
    max_rounds: int,
) -> None:
    if hasattr(implementation, "MAX_ROUNDS"):
        monkeypatch.setattr(implementation, "MAX_ROUNDS", max_rounds)
    case = cascade(rows)
    order = random.Random(rows).sample(range(rows), rows)
    shuffled = case._replace(caps=[case.caps[i] for i in order], tie_keys=order)  # type: ignore[index]
    with sliced(8, 2):
        found = implementation.allocate(*case)
        assert_laws(implementation, case)
        assert_laws(implementation, shuffled)
        assert_laws(implementation, shuffled._replace(common_cap=case.caps[0]))  # type: ignore[index]
    assert found.capped == rows
    assert list(found.amounts) == list(case.caps)  # type: ignore[arg-type]


@pytest.mark.kernel
def test_cascade_needs_more_rounds_than_the_kernel_takes(
    kernel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sorts = []
    real = sys.modules[kernel.allocate.__module__].allocation

    class Passes:
        """The kernel's passes, with the sort counted."""

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def water_fill_sorted(self, *arguments: Any) -> Any:
            sorts.append(len(arguments[3]))
            return real.water_fill_sorted(*arguments)

    monkeypatch.setattr(f"{kernel.allocate.__module__}.allocation", Passes())
    kernel.allocate(*cascade(40))
    assert sorts == [40]


def test_ties_go_to_the_lower_id(api_backend: str) -> None:
    assert qfs.allocate(2, [1, 1, 1], ids=["c", "a", "b"]).amounts == [0, 1, 1]
    # Bytes decide, a prefix first: no locale, no numeric order.
    ids = ["b", "B", "a10", "a2", "a"]
    for paid in range(1, 5):
        amounts = qfs.allocate(paid, [1] * 5, ids=ids).amounts
        winners = {ids[i] for i, amount in enumerate(amounts) if amount}
        assert winners == set(sorted(ids, key=str.encode)[:paid])


def test_rotating_ties_follow_the_stated_hash(api_backend: str) -> None:
    def key(epoch: int, node_id: str) -> bytes:
        text = node_id.encode()
        head = b"\x0aqfs/tie/v1" + epoch.to_bytes(8, "big") + len(text).to_bytes(2, "big")
        return hashlib.sha256(head + text).digest()

    ids = [f"node-{i}" for i in range(12)]
    wins = dict.fromkeys(ids, 0)
    for epoch in [2**53 - 1, *range(600)]:
        amounts = qfs.allocate(4, [1] * 12, ids=ids, tie_break="rotating", epoch=epoch).amounts
        winners = {node_id for node_id, amount in zip(ids, amounts, strict=True) if amount}
        assert winners == set(sorted(ids, key=lambda i, epoch=epoch: key(epoch, i))[:4])
        for winner in winners:
            wins[winner] += 1
    # Equal nodes come out nearly equal over many epochs: about 200 units each.
    assert min(wins.values()) > 160
    assert max(wins.values()) < 240


def test_row_order_and_tie_keys(implementation: Any) -> None:
    keys = id_columns.check_ids(["d", "b", "a", "c"], "ids")
    for pool in range(12):
        case = Case(pool, [2, 2, 2, 2], None, None, keys)
        assert_laws(implementation, case)
        for order in ([3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1]):
            assert laws.ignores_row_order(implementation, case, order) is None


def test_totals(implementation: Any) -> None:
    largest = [MAX_VALUE] * 3 + [MAX_SCALAR - 3 * MAX_VALUE]
    assert sum(implementation.allocate(MAX_VALUE, largest).amounts) == MAX_VALUE
    assert_laws(implementation, Case(MAX_VALUE, largest))
    with pytest.raises(TotalOverflowError) as caught:
        implementation.allocate(1, [*largest, 1])
    error = caught.value
    assert (error.code, error.argument, error.index) == ("total", "weights", None)
    assert error.value == MAX_SCALAR + 1


@pytest.mark.parametrize("low_bits", range(0, 110, 5))
def test_remainders_that_differ_in_one_place(implementation: Any, low_bits: int) -> None:
    # Below the total such a pool pays nobody a whole unit, and the remainders are the weights.
    weights = [2**115 + ((i * 37 % 64) // 2 << low_bits) for i in range(64)]
    order = sorted(range(64), key=lambda i: (-weights[i], i))
    for pool in range(64):
        found = implementation.allocate(pool, weights)
        assert [i for i in range(64) if found.amounts[i]] == sorted(order[:pool])


def test_weights_that_fill_128_bits(implementation: Any) -> None:
    # Twice such a total needs a bit more, which an estimate of the quotient must not lose.
    numbers = random.Random(128)
    wide = 0
    while wide < 150:
        weights = [numbers.randrange(MAX_VALUE) for _ in range(4)]
        pool, total = numbers.randrange(MAX_VALUE), sum(weights)
        if not 2**127 <= total <= MAX_SCALAR:
            continue
        wide += 1
        found = implementation.allocate(pool, weights)
        more = [a - pool * w // total for a, w in zip(found.amounts, weights, strict=True)]
        assert (min(more) >= 0, max(more) <= 1, sum(more)) == (True, True, found.leftover)
        assert laws.pays_largest_remainders(implementation, Case(pool, weights)) is None


@pytest.mark.parametrize(
    ("caps", "keys", "argument"), [([1], None, "caps"), (None, [1, 2, 3], "tie_keys")]
)
def test_lengths(
    implementation: Any, caps: Sequence[int] | None, keys: Sequence[int] | None, argument: str
) -> None:
    with pytest.raises(LengthMismatchError) as caught:
        implementation.allocate(1, [1, 2], caps, None, keys)
    assert caught.value.argument == argument
