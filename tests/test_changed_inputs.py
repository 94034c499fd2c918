"""Memory that is written while it is read: an error, or some result, but never a crash.

A column is read in place. The caller must not write it during the call; these tests do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import qfs
from qfs.errors import QfsError

ROWS = 1000


class Meddler:
    """An integer that writes to the weights when it is looked at, after they were checked."""

    def __init__(self, weights: Any, value: int) -> None:
        self.weights = weights
        self.value = value

    def __index__(self) -> int:
        self.weights[:, 0] = self.value
        return 10**30


@pytest.mark.parametrize("value", [0, 1, 2**32, 2**63])
@pytest.mark.parametrize("pool", [10, 50_000, 9_000_000_000, 10**19, 10**37])
@pytest.mark.usefixtures("api_backend")
def test_weights_written_during_the_call(pool: int, value: int) -> None:
    weights = np.ones((ROWS, 2), dtype=np.uint64)
    weights[:, 1] = 0
    weights[:, 0] = np.arange(1, ROWS + 1)
    caps: list[object] = [10**30] * (ROWS - 1) + [Meddler(weights, value)]
    try:
        result = qfs.allocate(pool, weights, caps=caps)
    except QfsError:
        return
    assert len(result.amounts) == ROWS


def test_masked_arrays_are_refused() -> None:
    with pytest.raises(QfsError, match="masked"):
        qfs.allocate(5, np.ma.array([1, 2], mask=[0, 1]))


def test_a_column_cannot_be_made_or_changed_unchecked() -> None:
    with pytest.raises(TypeError):
        qfs.Column(b"\xff" * 16)  # type: ignore[call-arg]
    with pytest.raises(QfsError):
        qfs.Column.from_cells(b"\xff" * 16)
    with pytest.raises(QfsError):
        qfs.Column.from_cells(b"\x00" * 15)
    column = qfs.Column.from_cells((7).to_bytes(16, "little"))
    assert (list(column), column.total) == ([7], 7)
    with pytest.raises(TypeError):
        column.__init__()  # type: ignore[misc]
