"""The rows of the report: kept as JSON, shown as Markdown."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from allowed import Allowed
from declared import Contract

ALL = "proved for all inputs"
BOUNDED = "proved up to bound"
UNPROVED = "not proved"
CHECKED = "checked by tests"

INTRODUCTION = """# What is proved, and what is not

Written by `make contracts`; `make contracts-check` fails where a row is missing or older than a
file it speaks of. A row is a contract of `specs/contracts/` on the reference, or a function that
has none.

- **proved for all inputs**: CrossHair executed the function with symbolic arguments, followed every
  path and found no counterexample among all arguments within their documented bounds.
- **proved up to bound**: the same for the shapes or values that the row names, and no others.
- **not proved**: CrossHair came to no end; the row says what is proved instead.
- **checked by tests**: a prover has no part in it; the named tests sample or enumerate.

A proof takes CrossHair's model of Python and its solver, z3, for granted. It speaks of the
reference, in pure Python; what the compiled kernel computes is compared with the reference by
tests, and is not proved.
"""


def row_of(contract: Contract, key: str, **found: object) -> dict[str, Any]:
    """A row as it is kept."""
    return {"key": key, "statement": contract.statement, "of": contract.of, **found}


def load(path: Path) -> dict[str, dict[str, Any]]:
    """The rows by name of their contract; none where there is no file yet."""
    if not path.exists():
        return {}
    rows: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def dump(rows: dict[str, dict[str, Any]]) -> str:
    """The rows as text."""
    return json.dumps(rows, indent=1, sort_keys=True) + "\n"


def word_of(contract: Contract, row: dict[str, Any]) -> str:
    """How far a row goes."""
    if not row["confirmed"]:
        return UNPROVED
    return ALL if contract.bound is None else BOUNDED


def markdown(contracts: list[Contract], rows: dict[str, dict[str, Any]], allowed: Allowed) -> str:
    """The report."""
    words = Counter(word_of(contract, rows[contract.name]) for contract in contracts)
    seconds = sum(rows[contract.name]["seconds"] for contract in contracts)
    counts = ", ".join(f"{words[word]} {word}" for word in (ALL, BOUNDED, UNPROVED))
    lines = [INTRODUCTION]
    lines.append(f"{len(contracts)} contracts: {counts}; in {seconds:.0f} s. Besides,")
    lines.append(f"{len(allowed.uncontracted)} functions {CHECKED}.\n")
    lines.append("| statement | speaks of | layer | word | bound | seconds | tool | key |")
    lines.append("|---|---|---|---|---|---:|---|---|")
    for contract in contracts:
        row = rows[contract.name]
        word = word_of(contract, row)
        bound = contract.bound or "none"
        if word == UNPROVED:
            entry = allowed.unconfirmed[contract.name]
            bound = f"{entry.reason}; instead: {', '.join(entry.instead)}"
        again = "" if row["attempts"] == 1 else f" ({row['attempts']} attempts)"
        cells = [
            f"`{contract.name}`: {contract.statement}",
            ", ".join(f"`{name.removeprefix('qfs.')}`" for name in contract.of),
            "contract",
            word,
            bound,
            f"{row['seconds']:.1f}{again}",
            row["tool"],
            f"`{row['key'][:12]}`",
        ]
        lines.append(_line(cells))
    for name, other in sorted(allowed.uncontracted.items()):
        by = f"{other.checked}: {other.reason}"
        lines.append(_line(["no contract", f"`{name.removeprefix('qfs.')}`", "test", CHECKED, by]))
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    padded = [*cells, *([""] * (8 - len(cells)))]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in padded) + " |"
