"""Runs a prover in a process of its own, within bounds of time and memory."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from keys import SHARED

KILLED = 9
MEMORY_KIB = 6 * 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What one run may take."""

    seconds: float
    """of the processor, for the condition"""
    grace: float
    """of the clock, for imports and a busy machine beside twice that"""


@dataclass(frozen=True)
class Outcome:
    """What came of one claim."""

    holds: bool
    words: str
    """what was found instead, in one line"""
    seconds: float
    attempts: int = 1
    is_final: bool = True
    """more time cannot change it"""


@dataclass(frozen=True)
class Done:
    """What a process said before it ended."""

    code: int
    output: str
    seconds: float


class Attempt(Protocol):
    """One run of a prover; within a process that is ended where it takes too long."""

    def __call__(self, limits: Limits) -> Outcome: ...


def with_retry(attempt: Attempt, limits: Limits, retry: bool) -> Outcome:
    """Run it; where time or memory ran out, once more with twice the time."""
    outcome = attempt(limits)
    if outcome.is_final or not retry:
        return outcome
    again = attempt(replace(limits, seconds=2 * limits.seconds))
    total = outcome.seconds + again.seconds
    return Outcome(again.holds, again.words, total, 2, again.is_final)


def environment(root: Path) -> dict[str, str]:
    """The package and the models of this project, and nothing left to chance."""
    places = [root, *(root / folder for folder in SHARED)]
    found = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))}
    found |= {"QFS_BACKEND": "reference", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    return found


def run(root: Path, command: list[str], limits: Limits) -> Done | Outcome:
    """What the command said, or that it had to be ended."""
    # Ended from outside, with its children, also where the gate itself is gone by then.
    limit = str(2 * limits.seconds + limits.grace)
    bounded = ["timeout", "--signal=KILL", limit, "nice", "-n", "10"]
    bounded += ["sh", "-c", 'ulimit -v "$0" && exec "$@"', str(MEMORY_KIB), *command]
    start = time.monotonic()
    done = subprocess.run(
        bounded,
        cwd=root,
        env=environment(root),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    spent = time.monotonic() - start
    if abs(done.returncode) in (KILLED, 128 + KILLED):
        return Outcome(False, "ran away and was ended", spent, is_final=False)
    return Done(done.returncode, done.stdout, spent)
