"""All groups at all sizes, one after another; within one, its jobs in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from qfs.bench import jobs, peers
from qfs.bench.timing import Job, Timing, measure

SUITES: Final[dict[str, Callable[[int], list[Job]]]] = {
    "allocate": lambda rows: jobs.allocation(rows) + peers.allocation(rows),
    "issue": jobs.issuance,
    "score": jobs.scores,
    "root": jobs.roots,
    "tally": jobs.tallies,
}

MOST_ROWS: Final = {"root": 10_000_000, "tally": 10_000_000}
"""Making more ids or ballots, each a Python object first, takes too much memory and time."""


def run(
    groups: Sequence[str],
    sizes: Sequence[int],
    rounds: int,
    tell: Callable[[str], None],
    more: Callable[[str, int], list[Job]] = lambda group, rows: [],
) -> tuple[list[Timing], list[str]]:
    """The timings by group and size, and what is missing in words: peers that are not installed,
    and jobs of which no round counts.

    `more` gives further jobs of a group at a size.
    """
    timings: list[Timing] = []
    missing = [f"{name}: not installed" for name in peers.missing() if "allocate" in groups]
    for group in groups:
        for rows in sizes:
            if rows > MOST_ROWS.get(group, rows):
                missing.append(f"{group}, {rows:,} rows: at most {MOST_ROWS[group]:,} are timed")
                continue
            tell(f"{group}, {rows:,} rows")
            timings += measure(SUITES[group](rows) + more(group, rows), rounds)
    missing += [
        f"{t.job.group}: {t.job.name}, {t.job.rows:,} rows: the machine was too busy"
        for t in timings
        if not t.seconds
    ]
    return timings, missing
