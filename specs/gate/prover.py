"""Runs CrossHair on one contract and reads what it says.

Its exit code says nothing but "counterexample": all else is told apart by its lines.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import bounded
from bounded import Done, Limits, Outcome
from declared import Contract

MESSAGE = re.compile(r"(?P<path>.+?):(?P<line>\d+): (?P<kind>info|error|warning): (?P<text>.*)$")
CONFIRMED = "Confirmed over all paths."
NOT_CONFIRMED = "Not confirmed."
VACUOUS = "Unable to meet precondition."


def attempt(root: Path, contract: Contract, limits: Limits) -> Outcome:
    """One run."""
    command = [sys.executable, "-m", "crosshair", "check", "--report_all"]
    command += ["--analysis_kind=PEP316", f"--per_condition_timeout={limits.seconds}"]
    command += [f"--per_path_timeout={limits.seconds}", f"{contract.path}:{contract.line}"]
    done = bounded.run(root, command, limits)
    return done if isinstance(done, Outcome) else read(contract, done)


def read(contract: Contract, done: Done) -> Outcome:
    """What the lines of a run mean for a contract with one post."""
    seconds = done.seconds
    found = [match for line in done.output.splitlines() if (match := MESSAGE.match(line))]
    said = [(int(match["line"]), match["kind"], match["text"]) for match in found]
    if said == [(line, "info", CONFIRMED) for line in contract.posts] and said and done.code == 0:
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
    tail = done.output.strip().splitlines()[-1] if done.output.strip() else "exit code"
    words = f"{len(contract.posts)} posts declared and none reported: {tail}"
    is_final = done.code >= 0 and "MemoryError" not in done.output
    return Outcome(False, words, seconds, is_final=is_final)
