"""Ratios within one run that must hold: loose enough for a busy machine, tight enough to notice
that a fast path is no longer taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from qfs.bench.jobs import PYTHON
from qfs.bench.table import ratio
from qfs.bench.timing import Timing

ROWS: Final = 100_000


class Bound(NamedTuple):
    """`slow` takes at least `least` times what `fast` takes, both of one group."""

    group: str
    fast: str
    slow: str
    least: float


BOUNDS: Final = (
    Bound("allocate", "qfs", PYTHON, 50),
    Bound("allocate", "qfs, max_share 0.30", PYTHON, 35),
    Bound("allocate", "qfs, list in and out", PYTHON, 6),
    Bound("issue", "qfs", PYTHON, 8),
    Bound("score", "qfs", PYTHON, 6),
)


def faults(timings: Sequence[Timing]) -> list[str]:
    """The bounds that do not hold, and those that could not be measured."""
    found = []
    for bound in BOUNDS:
        fast = [t for t in timings if (t.job.group, t.job.name) == (bound.group, bound.fast)]
        measured = ratio(timings, bound.slow, fast[0]) if fast else None
        if measured is None:
            found.append(f"{bound.group}: {bound.fast} or {bound.slow} was not measured")
        elif measured < bound.least:
            found.append(
                f"{bound.group}: {bound.fast} is {measured:.1f} times as fast as {bound.slow};"
                f" at least {bound.least:g} is expected"
            )
    return found
