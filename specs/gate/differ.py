"""Compares two functions over all paths, by CrossHair's `diffbehavior`.

    python differ.py FILE FUNCTION OTHER SECONDS     in the process that `attempt` starts

"All paths exhausted" is said too where a path was given up, by a timeout or for want of a model.
So the state of each path is asked for besides, and only where all are decided the functions count
as the same.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import bounded
from bounded import Done, Limits, Outcome
from declared import Contract

EXHAUSTED = "All paths exhausted, none given up."


def attempt(root: Path, contract: Contract, limits: Limits) -> Outcome:
    """One run."""
    function = contract.name.partition(".")[2]
    command = [sys.executable, __file__, str(contract.path), function, *contract.same]
    done = bounded.run(root, [*command, str(limits.seconds)], limits)
    return done if isinstance(done, Outcome) else read(done)


def read(done: Done) -> Outcome:
    """What the last line of a run means."""
    lines = done.output.strip().splitlines()
    try:
        said: dict[str, Any] = json.loads(lines[-1])
        differences, runs = said["differences"], said["runs"]
    except (IndexError, ValueError, TypeError, KeyError):
        tail = lines[-1] if lines else f"exit code {done.code}"
        return Outcome(False, f"nothing was compared: {tail}", done.seconds, is_final=done.code > 0)
    if differences:
        return Outcome(False, f"differs: {differences[0]}", done.seconds)
    if done.code == 0 and any(run == [True, "CONFIRMED"] for run in runs):
        return Outcome(True, EXHAUSTED, done.seconds)
    given_up = any(exhausted for exhausted, _ in runs)
    words = "a path was given up" if given_up else "not all paths were exhausted"
    return Outcome(False, f"no difference found, but {words}", done.seconds, is_final=False)


def main(path: Path, names: list[str], seconds: float) -> None:
    # In this process alone: the gate itself runs without CrossHair.
    from crosshair import core, diff_behavior
    from crosshair.core_and_libs import AnalysisKind
    from crosshair.fnutil import FunctionInfo
    from crosshair.options import DEFAULT_OPTIONS, AnalysisOptionSet
    from crosshair.util import add_to_pypath

    runs = []
    explore = core.explore_loop

    def noted(*arguments: Any, **options: Any) -> Any:
        result = explore(*arguments, **options)
        status = result.top_analysis and result.top_analysis.verification_status
        runs.append([result.exhausted, getattr(status, "name", "none")])
        return result

    core.explore_loop = noted
    asked = AnalysisOptionSet(
        analysis_kind=[AnalysisKind.PEP316],
        per_condition_timeout=seconds,
        per_path_timeout=seconds,
    )
    with add_to_pypath(path.parent):
        module = importlib.import_module(path.stem)
    functions = [FunctionInfo.from_fn(getattr(module, name)) for name in names]
    found = diff_behavior.diff_behavior(*functions, DEFAULT_OPTIONS.overlay(asked))
    told = [found] if isinstance(found, str) else [_told(difference) for difference in found]
    print(json.dumps({"differences": told, "runs": runs}))


def _told(difference: Any) -> str:
    given = ", ".join(f"{name}={value}" for name, value in difference.args.items())
    results = [r.describe({}) for r in (difference.result1, difference.result2)]
    return f"given {given}: {results[0]}, the other {results[1]}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:4], float(sys.argv[4]))
