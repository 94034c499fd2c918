"""Ratios within one run that must hold: loose enough for a busy machine, tight enough to notice
that a fast path is no longer taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from qfs.bench.jobs import PYTHON
from qfs.bench.timing import Timing

ROWS: Final = 100_000


class Bound(NamedTuple):
    """`slow` takes at least `least` times what `fast` takes, both of one group."""

    group: str
    fast: str
    slow: str
    least: float


BOUNDS: Final = (
    Bound("allocate", "qfs", PYTHON, 60),
    Bound("allocate", "qfs, baseline path", PYTHON, 60),
    Bound("allocate", "qfs, max_share 0.30", PYTHON, 50),
    Bound("allocate", "qfs, list in and out", PYTHON, 6),
    Bound("issue", "qfs", PYTHON, 6),
    Bound("score", "qfs", PYTHON, 10),
    Bound("root", "qfs", "hashlib", 2),
    Bound("tally", "qfs", PYTHON, 10),
)
LANES: Final = Bound("allocate", "qfs", "qfs, baseline path", 1.2)
"""Where the processor has the eight-lane path."""


def faults(timings: Sequence[Timing], isa: str) -> list[str]:
    """The bounds that do not hold, by the fastest rounds of a run on this CPU path.

    All rounds are looked at: on a busy machine the fastest of each job are still near the truth.
    """
    fastest = {(t.job.group, t.job.name): t.fastest for t in timings if t.rounds}
    found = []
    for bound in (*BOUNDS, LANES) if isa == "avx512ifma" else BOUNDS:
        pair = [fastest.get((bound.group, name)) for name in (bound.fast, bound.slow)]
        if pair[0] is None or pair[1] is None:
            found.append(f"{bound.group}: {bound.fast} or {bound.slow} was not run")
        elif pair[1] < bound.least * pair[0]:
            found.append(
                f"{bound.group}: {bound.slow} takes {pair[1] / pair[0]:.1f} times as long as"
                f" {bound.fast}; at least {bound.least:g} is expected"
            )
    return found
