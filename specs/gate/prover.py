"""Runs CrossHair on one contract, within bounds of time and memory, and reads what it says.

Its exit code says nothing but "counterexample": all else is told apart by its lines.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from declared import Contract

MESSAGE = re.compile(r"(?P<path>.+?):(?P<line>\d+): (?P<kind>info|error|warning): (?P<text>.*)$")
CONFIRMED = "Confirmed over all paths."
NOT_CONFIRMED = "Not confirmed."
VACUOUS = "Unable to meet precondition."

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
    """What came of one contract."""

    is_confirmed: bool
    words: str
    """what was found instead, in one line"""
    seconds: float
    attempts: int = 1
    is_final: bool = True
    """more time cannot change it"""


def prove(root: Path, contract: Contract, limits: Limits, retry: bool) -> Outcome:
    """Run CrossHair; where time or memory ran out, once more with twice the time."""
    outcome = _attempt(root, contract, limits)
    if outcome.is_final or not retry:
        return outcome
    again = _attempt(root, contract, replace(limits, seconds=2 * limits.seconds))
    total = outcome.seconds + again.seconds
    return Outcome(again.is_confirmed, again.words, total, 2, again.is_final)


def _attempt(root: Path, contract: Contract, limits: Limits) -> Outcome:
    command = [sys.executable, "-m", "crosshair", "check", "--report_all"]
    command += ["--analysis_kind=PEP316", f"--per_condition_timeout={limits.seconds}"]
    command += [f"--per_path_timeout={limits.seconds}", f"{contract.path}:{contract.line}"]
    # Ended from outside, with its children, also where the gate itself is gone by then.
    limit = str(2 * limits.seconds + limits.grace)
    bounded = ["timeout", "--signal=KILL", limit, "nice", "-n", "10"]
    bounded += ["sh", "-c", 'ulimit -v "$0" && exec "$@"', str(MEMORY_KIB), *command]
    environment = {**os.environ, "PYTHONPATH": str(root), "QFS_BACKEND": "reference"}
    environment |= {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    start = time.monotonic()
    done = subprocess.run(
        bounded,
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    spent = time.monotonic() - start
    if abs(done.returncode) in (KILLED, 128 + KILLED):
        return Outcome(False, "ran away and was ended", spent, is_final=False)
    return read(contract, done.stdout, done.returncode, spent)


def read(contract: Contract, output: str, code: int, seconds: float) -> Outcome:
    """What the lines of a run mean for a contract with one post."""
    found = [match for line in output.splitlines() if (match := MESSAGE.match(line))]
    said = [(int(match["line"]), match["kind"], match["text"]) for match in found]
    if said == [(line, "info", CONFIRMED) for line in contract.posts] and said and code == 0:
        return Outcome(True, CONFIRMED, seconds)
    for _, kind, text in said:
        if kind == "error":
            return Outcome(False, f"counterexample or error: {text}", seconds)
    if any(text == VACUOUS for _, _, text in said):
        # Also said where time ran out on every path before its preconditions were decided.
        words = "vacuous: no input is found that meets the preconditions"
        return Outcome(False, words, seconds, is_final=False)
    if any(text == NOT_CONFIRMED for _, _, text in said):
        return Outcome(False, "not confirmed", seconds, is_final=False)
    if said:
        lines = ", ".join(f"line {line}: {text}" for line, _, text in said)
        return Outcome(False, f"posts declared at {contract.posts}, reported {lines}", seconds)
    tail = output.strip().splitlines()[-1] if output.strip() else f"exit code {code}"
    words = f"{len(contract.posts)} posts declared and none reported: {tail}"
    return Outcome(False, words, seconds, is_final=code >= 0 and "MemoryError" not in output)
