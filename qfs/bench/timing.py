"""Jobs timed in turn: one round runs each once, so that a slow minute of the machine hits all.

Each timed call follows an untimed one of the same job, so that a job finds caches and free memory
as it left them and not as another did. A round of a job counts where the process had the processor
for at least 97 percent of it. Time is of the clock, in seconds; the figures are minimum, median and
maximum over the rounds that count.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

LEAST_CPU_SHARE: Final = 0.97
LEAST_ROUNDS: Final = 7
SLOW_SECONDS: Final = 2.0
SLOW_ROUNDS: Final = 3
"""A call that takes longer than SLOW_SECONDS needs so many rounds only."""

MOST_TRIES: Final = 4
"""On a busy machine a job ends after so many times the rounds it needs, with what counts."""

SHORT_SECONDS: Final = 20e-3
"""Shorter calls are repeated until they take that long, and counted as one."""


@dataclass(frozen=True, slots=True)
class Job:
    """One way of doing what its group does, over `rows` rows."""

    group: str
    name: str
    rows: int
    run: Callable[[], object]


@dataclass(slots=True)
class Timing:
    """What came of one job."""

    job: Job
    once: float = 0.0
    """seconds of a call before the first round"""
    seconds: list[float] = field(default_factory=list)
    """one call each, of the rounds that count"""
    dropped: list[float] = field(default_factory=list)
    """the same of the rounds in which the processor was elsewhere"""

    @property
    def repeats(self) -> int:
        """Calls that are counted as one."""
        return max(1, int(SHORT_SECONDS / max(self.once, 1e-9)))

    @property
    def rounds(self) -> int:
        return len(self.seconds) + len(self.dropped)

    @property
    def fastest(self) -> float:
        """Seconds of the fastest round, also of one that does not count."""
        return min([*self.seconds, *self.dropped])

    def nanoseconds(self, choose: Callable[[Sequence[float]], float]) -> float:
        """Per row: of the fastest round (min), the median one, or the slowest (max)."""
        return choose(self.seconds) / self.job.rows * 1e9

    @property
    def median(self) -> float:
        """Nanoseconds per row of the median round."""
        return self.nanoseconds(statistics.median)

    def is_done(self, rounds: int) -> bool:
        """Enough rounds count, or there were too many that do not."""
        is_slow = bool(self.seconds) and min(self.seconds) > SLOW_SECONDS
        needed = min(rounds, SLOW_ROUNDS) if is_slow else rounds
        return len(self.seconds) >= needed or self.rounds >= MOST_TRIES * needed


def measure(jobs: Sequence[Job], rounds: int = LEAST_ROUNDS) -> list[Timing]:
    """Run all jobs in turn until `rounds` of each count. On a busy machine there may be fewer, or
    none of a job: its `seconds` are empty then."""
    timings = [Timing(job) for job in jobs]
    for timing in timings:
        # The first call pays for imports and compilation, the second sets the repeats.
        timing.once, _ = _timed(timing.job.run, 1)
        if timing.once < SLOW_SECONDS:
            timing.once, _ = _timed(timing.job.run, 1)
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        while waiting := [timing for timing in timings if not timing.is_done(rounds)]:
            for timing in waiting:
                _one_round(timing)
    finally:
        if was_enabled:
            gc.enable()
    return timings


def _one_round(timing: Timing) -> None:
    if timing.once < SLOW_SECONDS:
        timing.job.run()
    wall, cpu = _timed(timing.job.run, timing.repeats)
    if cpu >= LEAST_CPU_SHARE * wall:
        timing.seconds.append(wall / timing.repeats)
    else:
        timing.dropped.append(wall / timing.repeats)


def _timed(run: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Seconds by the clock and of the processor. What a call returns is freed in its time."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        run()
    return time.perf_counter() - wall, time.process_time() - cpu
