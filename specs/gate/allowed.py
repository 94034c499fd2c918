"""The allow-list: what is known not to be proved, why, and what holds in its place."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keys import functions_in


@dataclass(frozen=True)
class Unconfirmed:
    """A contract that CrossHair does not confirm, without finding a counterexample."""

    reason: str
    instead: list[str]
    """contracts that are confirmed in its place"""


@dataclass(frozen=True)
class Uncontracted:
    """A function of the reference without a contract."""

    reason: str
    checked: str
    """file::test, the test that does instead"""


@dataclass(frozen=True)
class Allowed:
    """All entries, by name."""

    unconfirmed: dict[str, Unconfirmed]
    uncontracted: dict[str, Uncontracted]


def load(path: Path) -> tuple[Allowed, list[str]]:
    """The entries, and what is wrong with the file."""
    document = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    faults = [f"{path.name}: unknown table {name!r}" for name in document.keys() - _KINDS.keys()]
    found: dict[str, dict[str, Any]] = {kind: {} for kind in _KINDS}
    for kind, make in _KINDS.items():
        wanted = {"name", *make.__annotations__}
        for entry in document.get(kind, []):
            name = str(entry.get("name", "?"))
            if entry.keys() != wanted or not all(entry.values()):
                faults.append(f"{path.name}: {name}: needs {', '.join(sorted(wanted))}")
            elif name in found[kind]:
                faults.append(f"{path.name}: {name} stands twice")
            else:
                found[kind][name] = make(**{k: v for k, v in entry.items() if k != "name"})
    return Allowed(**found), sorted(faults)


def faults_of(
    allowed: Allowed, root: Path, contracts: dict[str, list[str]], functions: list[str]
) -> Iterator[str]:
    """Entries that say what is not so.

    `contracts` has what each speaks of; `functions` are those that need a contract or an entry.
    """
    yield from _unconfirmed_faults(allowed, list(contracts))
    spoken_of = {
        function
        for name, of in contracts.items()
        for function in of
        if name not in allowed.unconfirmed
    }
    for function, without in allowed.uncontracted.items():
        path, _, test = without.checked.partition("::")
        if function not in functions:
            yield f"allow-list: there is no function {function} of the reference"
        elif function in spoken_of:
            yield f"allow-list: {function} has a contract by now"
        elif not (root / path).is_file() or test not in functions_in(root / path):
            yield f"allow-list: {function}: there is no test {without.checked}"
    for function in functions:
        if function not in spoken_of and function not in allowed.uncontracted:
            yield f"{function} has neither a contract nor an entry in the allow-list"


def _unconfirmed_faults(allowed: Allowed, contracts: list[str]) -> Iterator[str]:
    for name, entry in allowed.unconfirmed.items():
        if name not in contracts:
            yield f"allow-list: there is no contract {name}"
        for other in entry.instead:
            if other not in contracts or other in allowed.unconfirmed:
                yield f"allow-list: {name}: {other} is no confirmed contract"


_KINDS: dict[str, Any] = {"unconfirmed": Unconfirmed, "uncontracted": Uncontracted}
