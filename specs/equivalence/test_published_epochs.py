"""Published epochs: both backends and the protocol in fractions give every node the same.

Only where the folder of published figures is (QFS_TEST_DATA), which is no part of the project.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import by_fractions
import pytest
from strategies import WHOLE

import qfs
from qfs.laws import ScoreCase
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_RATE

SLICES = [WHOLE, (1024, 1), (256, 3)]
VALIDATORS = ["sp_testnet_100", "sp_holesky_200"]


def rows_of(data: Path, name: str) -> list[dict[str, str]]:
    with (data / "rocketpool" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def document(data: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((data / "rocketpool" / f"{name}.json").read_text())
    return found


@pytest.fixture(scope="session")
def epochs(data: Path) -> dict[str, tuple[int, list[int]]]:
    """Pool and weights by name."""
    nodes = [qfs.amount(row["weight"]) for row in rows_of(data, "nodes")]
    found = {"mainnet": (int(document(data, "epoch")["fee_total_wei"]), nodes)}
    for name in VALIDATORS:
        weights = [int(row["weight_base_units"]) for row in rows_of(data, name)]
        found[name] = (int(document(data, name)["pool_wei"]), weights)
    return found


def capped(pool: int, weights: list[int]) -> Iterator[tuple[Any, ...]]:
    """Without a cap, under one that some reach, and with own caps on both sides of the shares."""
    yield pool, weights
    shares = [pool * weight // sum(weights) for weight in weights]
    yield pool, weights, None, sorted(shares)[-30]
    yield (
        pool,
        weights,
        [share // 2 if i % 70 == 0 else 2 * share for i, share in enumerate(shares)],
    )


@pytest.mark.parametrize("slices", SLICES)
@pytest.mark.parametrize("name", ["mainnet", *VALIDATORS])
def test_published_epochs(
    same: Callable[..., Any],
    epochs: dict[str, tuple[int, list[int]]],
    name: str,
    slices: tuple[int, int],
) -> None:
    """Allocations of published epochs, and their rests, are the same from either backend."""
    for case in capped(*epochs[name]):
        same("allocate", *case, slices=slices)
    pool, weights = epochs[name]
    same("issue", weights, MAX_RATE // 10, 7, sum(weights) // 20, slices=slices)
    same("mul_div_many", weights, [pool], [sum(weights)], "half_up", slices=slices)


@pytest.fixture(scope="session")
def by_the_book(epochs: dict[str, tuple[int, list[int]]]) -> dict[str, list[Any]]:
    """Amounts and undistributed of each case, by name of the epoch."""
    return {
        name: [by_fractions.allocate(*case) for case in capped(*epoch)]
        for name, epoch in epochs.items()
    }


@pytest.mark.parametrize("name", ["mainnet", *VALIDATORS])
def test_published_epochs_by_the_book(
    implementation: Any,
    epochs: dict[str, tuple[int, list[int]]],
    by_the_book: dict[str, list[Any]],
    name: str,
) -> None:
    """Allocations of published epochs are what the text of the protocol says, in fractions."""
    pool, weights = epochs[name]
    for case, expected in zip(capped(pool, weights), by_the_book[name], strict=True):
        found = implementation.allocate(*case)
        assert ([*found.amounts], found.undistributed) == expected
    issued = implementation.issue(weights, MAX_RATE // 10, 7, sum(weights) // 20)
    book = by_fractions.issue(weights, MAX_RATE // 10, 7, sum(weights) // 20)
    assert ([*issued.issued], *issued[1:]) == book


@pytest.mark.parametrize("policy", ["product", "weighted_sum"])
def test_published_telemetry_by_the_book(implementation: Any, data: Path, policy: str) -> None:
    """Scores of published telemetry are what the text of the protocol says, in fractions."""
    rows = rows_of(data, "telemetry_testnet_108_115")
    seen = [int(row["successes"]) for row in rows]
    expected = [n + int(row["missed"]) for n, row in zip(seen, rows, strict=True)]
    third = BASE_UNITS_PER_TOKEN // 3
    case = ScoreCase(
        (seen, expected),
        (expected, expected),
        ([0] * len(rows), [0] * len(rows)),
        policy,
        (third, third, BASE_UNITS_PER_TOKEN - 2 * third),
        100,
    )
    found = implementation.score(*case)
    assert ([*found.scores], [*found.neutral]) == by_fractions.score(case)
