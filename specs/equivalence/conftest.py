"""One way to hold the kernel against the reference: every CPU path, any slices and threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from strategies import WHOLE

import qfs
from qfs import reference
from qfs.backend import _choose as chosen_backend
from qfs.ids import IdColumn


def _cpu_paths() -> tuple[str, ...]:
    try:
        from qfs.kernel.build import cpu_paths
    except ImportError:
        # Without a kernel the tests that ask for a path are skipped.
        return ("baseline",)
    return cpu_paths()


@pytest.fixture(
    scope="module",
    params=[pytest.param(path, marks=pytest.mark.kernel) for path in _cpu_paths()],
)
def cpu_path(request: pytest.FixtureRequest) -> Iterator[str]:
    """The kernel computes on each CPU path of this machine in turn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QFS_BACKEND", "kernel")
        patch.setenv("QFS_ISA", request.param)
        chosen_backend.cache_clear()
        assert qfs.backend().isa == request.param
        yield request.param
    chosen_backend.cache_clear()
    qfs.backend()


@pytest.fixture(scope="module")
def same(cpu_path: str, kernel: Any, outcome: Any, sliced: Any) -> Callable[..., tuple[Any, ...]]:
    """`same("issue", fees, rate)` calls both backends and compares what the calls come to: values,
    or class, code, argument and index of the error. Returns it."""

    def check(
        name: str, *arguments: Any, slices: tuple[int, int] = WHOLE, **options: Any
    ) -> tuple[Any, ...]:
        expected = outcome(looked_at, getattr(reference, name), *arguments, **options)
        with sliced(*slices):
            found = outcome(looked_at, getattr(kernel, name), *arguments, **options)
        assert found == expected, (cpu_path, slices)
        return ("value", expected[1][0]) if expected[0] == "value" else expected

    def looked_at(function: Callable[..., Any], *arguments: Any, **options: Any) -> list[Any]:
        """The value, and what its columns say of themselves: whether ids are in order, which is
        compared, and a total, which has to be the sum."""
        value = function(*arguments, **options)
        columns = [value, *(value if isinstance(value, tuple) else ())]
        for column in columns:
            if isinstance(column, qfs.Column) and column.has_total:
                assert column.total == sum(column)
        return [value, [column.is_sorted for column in columns if isinstance(column, IdColumn)]]

    return check
