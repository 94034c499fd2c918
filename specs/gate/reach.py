"""Calls contracts with small numbers, and sees whether they call what they speak of.

    python reach.py FILE     the contracts of a file, with the package on PYTHONPATH

Prints, as JSON, by contract which of its functions no call reached. CrossHair confirms a contract
that never calls the code it is about.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from bounded import environment
from declared import Contract, read_file

SMALL = (1, 0, 2, 3, -1, 127)
MOST_CALLS = 50_000


def faults(root: Path, contracts: list[Contract], seconds: float) -> Iterator[str]:
    """Contracts that reach nothing of what they name, each file in a process of its own."""
    for path in sorted({contract.path for contract in contracts}):
        command = ["timeout", "--signal=KILL", str(seconds), sys.executable, __file__, str(path)]
        done = subprocess.run(
            command, cwd=root, env=environment(root), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            yield f"{path.stem}: cannot be called: {last[0]}"
            continue
        for name, missed in json.loads(done.stdout).items():
            for function in missed:
                yield f"{name}: no small input makes it call {function}"


def unreached(functions: list[Callable[..., object]], contract: Contract) -> list[str]:
    """What it speaks of that no call with small numbers reaches, of any of these functions."""
    code = functions[0].__code__
    names = code.co_varnames[: code.co_argcount]
    conditions = [compile(text, "<pre>", "eval") for text in contract.pres]
    missed = dict.fromkeys(contract.of)

    def see(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            missed.pop(f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}", None)

    for values in itertools.islice(itertools.product(SMALL, repeat=len(names)), MOST_CALLS):
        known: dict[str, Any] = {
            **functions[0].__globals__,
            **dict(zip(names, values, strict=True)),
        }
        if not all(eval(condition, known) for condition in conditions):
            continue
        sys.setprofile(see)
        try:
            for function in functions:
                function(*values)
        finally:
            sys.setprofile(None)
        if not missed:
            break
    return list(missed)


def main(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = {}
    for contract in read_file(path, ""):
        names = [contract.name.partition(".")[2], *contract.same]
        found[contract.name] = unreached([vars(module)[name] for name in names], contract)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
