"""Every CPU path of the kernel gives the bits of the baseline, on many rows at every boundary.

The equivalence suite holds each path against the reference on few rows; here a column is long
enough to be cut into slices and to have rows in every lane, and its values turn on the limbs.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qfs import reference, slices
from qfs.backend import SMALL_ROWS, _choose, implementation, implementation_for
from qfs.columns import Column, read_values
from qfs.errors import BackendError, QfsError
from qfs.limits import MAX_SCALAR, MAX_VALUE
from qfs.reference.allocation import Allocated

try:
    from qfs.kernel.build import cpu_paths

    PATHS = cpu_paths()
except ImportError:
    PATHS = ("baseline",)

pytestmark = pytest.mark.kernel

ROWS = 300_011
CELL = np.dtype([("lo", "<u8"), ("hi", "<u8")])
POWERS = [8, 32, 51, 52, 53, 63, 64, 65, 102, 103, 104, 105, 116, 126]
EDGES = sorted({0, 1, 2, 3, *(2**p + d for p in POWERS for d in (-2, -1, 0, 1))})
TOTALS = [2**p + d for p in (20, 51, 52, 64, 75, 103, 104, 105, 127) for d in (-1, 0, 1)]


def cells(values: list[int]) -> Any:
    words = b"".join(value.to_bytes(16, "little") for value in values)
    return np.frombuffer(words, dtype=CELL)


def weights_of(total: int, rows: int) -> Column:
    """Rows at the edges, and any below them, with exactly this total."""
    generator = random.Random(total)
    share = max(total // rows, 1)
    few = [edge for edge in EDGES if edge <= share * 2] or [1]
    table = few + [generator.randrange(share + 1) for _ in range(3000)]
    picked = cells(table)[np.random.default_rng(total % 2**32).integers(0, len(table), rows)]
    values = [edge for edge in EDGES if edge * len(EDGES) < total]
    while (rest := total - sum(Column.trusted(picked.tobytes())) - sum(values)) < 0:
        picked = picked[: len(picked) // 2]
    while rest > 0:
        values.append(min(rest, MAX_VALUE))
        rest -= values[-1]
    # The large ones come first, where lanes take them.
    column = Column.trusted(cells(values[::-1]).tobytes() + picked.tobytes(), total)
    assert sum(column) == total
    return column


def pools_for(total: int) -> list[int]:
    """Remainders of 0, of the weights themselves and of their complements; pools at the edges."""
    times = [1, 3, 2**11, 2**50, max(MAX_VALUE // total - 1, 1)]
    near = [total * k + d for k in times for d in (-1, 0, 1)]
    return [pool for pool in [*near, *EDGES[-40:], 10**22 + 7, MAX_VALUE] if 0 < pool <= MAX_VALUE]


def on(path: str, allocate: Callable[..., Allocated], *arguments: Any) -> Allocated:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "cpu_path", path)
        return allocate(*arguments)


def require_same(allocate: Callable[..., Allocated], *arguments: Any) -> Allocated:
    expected = on("baseline", allocate, *arguments)
    for path in PATHS[1:]:
        found = on(path, allocate, *arguments)
        assert found[1:] == expected[1:], (path, arguments[0])
        assert found.amounts == expected.amounts, (path, arguments[0])
    return expected


@pytest.mark.parametrize("total", TOTALS)
def test_paths_agree_on_long_columns(kernel: Any, total: int) -> None:
    weights = weights_of(total, ROWS)
    for number, pool in enumerate(pools_for(total)):
        if number % 4 == total % 4:
            result = require_same(kernel.allocate, pool, weights)
            assert result.amounts.total == pool


@pytest.mark.parametrize("total", TOTALS)
def test_paths_agree_with_caps(kernel: Any, total: int) -> None:
    rows = 20_003
    weights = weights_of(total, rows)
    generator = random.Random(total)
    for pool in generator.sample(pools_for(total), 4):
        shares = on("baseline", kernel.allocate, pool, weights).amounts
        steps = [-1, 0, 0, 1, MAX_VALUE]
        caps = Column.from_ints(
            min(max(share + generator.choice(steps), 0), MAX_VALUE) for share in shares
        )
        largest = max(shares)
        for own, common in [(caps, None), (None, largest), (None, largest // 2), (caps, largest)]:
            result = require_same(kernel.allocate, pool, weights, own, common)
            assert result.amounts.total + result.undistributed == pool


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("total", TOTALS)
def test_each_path_is_the_reference(kernel: Any, path: str, total: int) -> None:
    weights = weights_of(total, 150)
    ints = list(weights)
    for pool in random.Random(total).sample(pools_for(total), 6):
        for common in (None, pool // 3):
            expected = reference.allocate(pool, ints, None, common)
            found = on(path, kernel.allocate, pool, weights, None, common)
            assert list(found.amounts) == expected.amounts
            assert found[1:] == expected[1:]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("total", TOTALS)
def test_estimates_that_are_one_too_low(kernel: Any, path: str, total: int) -> None:
    """Weights that are a good part of the total, whose estimate needs its correction often."""
    generator = random.Random(total)
    for _ in range(60):
        cuts = sorted(generator.randrange(total + 1) for _ in range(23))
        values = [high - low for low, high in zip([0, *cuts], [*cuts, total], strict=True)]
        weights = [value for value in values if value <= MAX_VALUE]
        pool = generator.choice([total, MAX_VALUE, 2 ** generator.randrange(1, 127)])
        pool = generator.randrange(min(pool, MAX_VALUE)) + 1
        caps = [min(pool * w // total + generator.randrange(2), MAX_VALUE) for w in weights]
        for own in (None, caps):
            expected = reference.allocate(pool, weights, own)
            found = on(path, kernel.allocate, pool, Column.from_ints(weights), own)
            assert list(found.amounts) == expected.amounts
            assert found[1:] == expected[1:]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("total", [21 * 5**k for k in (3, 12, 24, 36, 48)])
def test_shares_that_division_leaves_nothing_of(kernel: Any, path: str, total: int) -> None:
    """Every estimate of these is just below the quotient, and some are a unit away."""
    weights = [total // 21] * 7 + [total // 3 - 1, total // 3 + 1]
    for pool in (21, total // 3, total // 7, total // 21 * 10, total - total // 21):
        for near in (pool - 1, pool, pool + 1):
            expected = reference.allocate(near, weights)
            found = on(path, kernel.allocate, near, Column.from_ints(weights))
            assert list(found.amounts) == expected.amounts
            assert found[1:] == expected[1:]


@pytest.mark.parametrize("path", PATHS)
def test_any_number_of_rows_at_any_address(kernel: Any, sliced: Any, path: str) -> None:
    generator = random.Random(5)
    for rows in range(60):
        values = [generator.choice([generator.randrange(10**21), 7, 0]) for _ in range(rows)]
        expected = reference.allocate(10**20, values)
        memory = bytearray(rows % 16) + bytearray(cells(values).tobytes())
        weights = Column.trusted(memoryview(memory)[rows % 16 :])
        for rows_per_slice in (1 << 17, 8, 13):
            with sliced(rows_per_slice, 2):
                found = on(path, kernel.allocate, 10**20, weights)
            assert list(found.amounts) == expected.amounts
            assert found[1:] == expected[1:]


@pytest.mark.parametrize("path", PATHS)
def test_equal_remainders_are_paid_in_order(kernel: Any, sliced: Any, path: str) -> None:
    """Ties at the cut in all rows, across slices, and with keys that turn the order round."""
    rows = 1000
    weights = Column.from_ints([3] * rows)
    keys = [*range(rows, 0, -1)]
    for leftover in (1, 499, 500, 501, 999):
        with sliced(64, 2):
            first = on(path, kernel.allocate, 5 * rows + leftover, weights)
            last = on(path, kernel.allocate, 5 * rows + leftover, weights, None, None, keys)
        assert list(first.amounts) == [6] * leftover + [5] * (rows - leftover)
        assert list(last.amounts) == [5] * (rows - leftover) + [6] * leftover


@pytest.mark.parametrize("wanted", ["", "auto", *PATHS])
def test_the_backend_says_which_path_it_takes(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    for name in ("cpu_path", "threads"):
        monkeypatch.setattr(slices, name, getattr(slices, name))
    monkeypatch.setenv("QFS_BACKEND", "kernel")
    monkeypatch.setenv("QFS_ISA", wanted)
    chosen, _ = _choose.__wrapped__()
    assert chosen.isa == slices.cpu_path == (wanted if wanted in PATHS else PATHS[-1])


@pytest.mark.parametrize("rows", [1, SMALL_ROWS - 1, SMALL_ROWS])
def test_few_rows_are_left_to_the_reference(rows: int) -> None:
    taken = implementation_for(rows)
    assert taken is (reference if rows < SMALL_ROWS else implementation())


def test_a_path_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, kernel: Any) -> None:
    monkeypatch.setenv("QFS_ISA", "avx512ifma")
    monkeypatch.setattr(kernel, "cpu_paths", lambda: ("baseline",))
    with pytest.raises(BackendError, match="QFS_ISA=avx512ifma, but this machine runs baseline"):
        _choose.__wrapped__()


@pytest.mark.parametrize("path", PATHS)
def test_sums_and_faults_of_long_columns(kernel: Any, path: str) -> None:
    """A value above the maximum is found in every place; the sum is exact above 2^128."""
    values = [MAX_VALUE, 0, 2**127 % MAX_VALUE, 2**64 - 1, 1] * 2001
    for rows in (0, 1, 3, 4, 5, 1000, 10_005):
        column = Column.trusted(cells(values[:rows]).tobytes())
        assert kernel.to_column(column).total == sum(values[:rows])
    assert sum(values) > MAX_SCALAR
    for bad in (0, 1, 2, 3, 4, 700, 10_004):
        # Beside ones, so that nothing else has its upper half, and beside others.
        wrong = cells([1] * len(values) if bad % 2 else values).copy()
        wrong[bad]["lo"], wrong[bad]["hi"] = (MAX_VALUE + 1) % 2**64, (MAX_VALUE + 1) >> 64
        with pytest.raises(QfsError) as caught:
            kernel.check_values(read_values(wrong, "weights"), "weights")
        assert caught.value.index == bad
