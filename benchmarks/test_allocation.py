"""Allocation of a real-sized pool, with peers beside it.

    make bench

Weights are 70-bit, as wei-scale stakes are. The float64 peer is what many people write; it is
inexact and here only for its speed.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from qfs import reference
from qfs.backend import backend
from qfs.columns import Column

POOL = 54_673_228_959_804_884_991_183
ROWS = [1_000, 100_000, 1_000_000]
REFERENCE_ROWS = 100_000

needs_kernel = pytest.mark.skipif(
    backend().name != "kernel", reason="the kernel is not what computes here"
)


def weights(rows: int) -> list[int]:
    generator = random.Random(rows)
    return [generator.randrange(10**21) for _ in range(rows)]


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("share", [None, 3], ids=["uncapped", "max_share 0.3"])
@needs_kernel
def test_kernel(benchmark: Any, rows: int, share: int | None) -> None:
    from qfs import kernel

    benchmark.group = f"allocate {rows:,} rows"
    column = Column.from_ints(weights(rows))
    cap = None if share is None else POOL * share // 10
    result = benchmark(kernel.allocate, POOL, column, None, cap)
    assert result.amounts.total + result.undistributed == POOL


@pytest.mark.parametrize("rows", [rows for rows in ROWS if rows <= REFERENCE_ROWS])
def test_python_ints(benchmark: Any, rows: int) -> None:
    benchmark.group = f"allocate {rows:,} rows"
    result = benchmark(reference.allocate, POOL, weights(rows))
    assert sum(result.amounts) == POOL


@pytest.mark.parametrize("rows", ROWS)
def test_float64_inexact(benchmark: Any, rows: int) -> None:
    benchmark.group = f"allocate {rows:,} rows"
    values = np.array(weights(rows), dtype=np.float64)
    result = benchmark(lambda: np.floor(POOL * (values / values.sum())))
    assert len(result) == rows


@pytest.mark.parametrize("rows", ROWS)
def test_copy_of_the_same_bytes(benchmark: Any, rows: int) -> None:
    benchmark.group = f"allocate {rows:,} rows"
    cells = bytearray(16 * rows)
    assert len(benchmark(lambda: bytes(cells))) == 16 * rows


@pytest.mark.parametrize("rows", ROWS)
@needs_kernel
def test_issue(benchmark: Any, rows: int) -> None:
    from qfs import kernel

    benchmark.group = f"issue {rows:,} rows"
    column = Column.from_ints(weights(rows))
    result = benchmark(kernel.issue, column, 10**17)
    assert 10**18 * result.total + result.residue == 10**17 * column.total
