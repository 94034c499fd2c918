"""What became of each bug: kept as JSON, shown as Markdown."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import layers as tables
from bugs import Bug
from layers import CONTRACT, Layer
from trial import Caught, Known

Rows = dict[str, dict[str, Any]]

ROWS = Path("specs", "planted", "results.json")
PAGE = Path("specs", "PLANTED.md")

LEAST_CAUGHT = 95
"""percent"""

INTRODUCTION = """# Planted bugs, and what catches them

Written by `python specs/planted`; `python specs/planted --check` fails where a row is missing or
older than what it speaks of. Each row is one change of one file that makes one law false. It is
made in a copy, the layers are run in order of cost, and the first test that fails is named; from
then on that test is asked first. It passes without the bug.

- **lanes**: the eight-lane source of the kernel, with its instructions in plain C.
- **law**: the functions of `qfs.laws`, on sampled inputs, and the invariant auditor.
- **equivalence**: reference, kernel and a third writing by fractions give the same.
- **vector**: the published vectors.
- **unit**, **ledger**, **state machine**: tests of the changed part, of what is kept, and of runs
  of many steps.
- **corpus**, **fuzz**: the committed inputs of `specs/fuzz`, and libFuzzer from them.
- **contract**: the prover finds a counterexample. It is dear, so it is tried last; the list at the
  end says what it finds when it is asked alone.

A score says how many of these bugs are caught, and nothing of the bugs that nobody has thought of.
"""


def load(path: Path) -> Rows:
    """The rows by the id of their bug; none where there is no file yet."""
    if not path.exists():
        return {}
    rows: Rows = json.loads(path.read_text(encoding="utf-8"))
    return rows


def dump(rows: Rows) -> str:
    """The rows as text."""
    return json.dumps(rows, indent=1, sort_keys=True) + "\n"


def key_of(root: Path, bug: Bug, layers: list[Layer]) -> str:
    """A hash of the changed file, the bug, and these layers, in hex."""
    digest = hashlib.sha256((root / bug.file).read_bytes())
    digest.update(repr((bug.file, bug.old, bug.new, bug.modules)).encode())
    for layer in layers:
        digest.update(tables.hash_of(root, layer).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Work:
    """A bug to be tried by some layers; `alone` are the contracts, whatever else catches it."""

    bug: Bug
    layers: list[Layer]
    alone: bool
    keys: dict[str, str]
    """of the row, by the layer that catches the bug; the empty one where none does"""
    known: Known
    """what caught it before"""

    @classmethod
    def of(cls, root: Path, bug: Bug, layers: list[Layer], known: Known, *, alone: bool) -> Work:
        """With the keys of the sources as they are: an edit during the run makes a row stale."""
        keys = {layer.name: key_of(root, bug, [layer]) for layer in layers}
        return cls(bug, layers, alone, {**keys, "": key_of(root, bug, layers)}, known)

    def keep(self, rows: Rows, caught: Caught) -> None:
        """Put the row of what was found among the others."""
        row = {**asdict(caught), "key": self.keys[caught.layer]}
        if self.alone:
            rows[self.bug.id][CONTRACT] = row
            return
        alone = rows.get(self.bug.id, {}).get(CONTRACT)
        rows[self.bug.id] = row if alone is None else {**row, CONTRACT: alone}


def known_of(root: Path, row: dict[str, Any], layers: list[Layer]) -> Known:
    """The layer and the test that caught a bug, where the layer still has it; not the prover."""
    file = root / row["test"].partition("::")[0]
    for layer in layers:
        if layer.name == row["layer"] != CONTRACT and file in layer.files(root):
            return row["layer"], row["test"]
    return None


def is_fresh(root: Path, bug: Bug, row: dict[str, Any], layers: list[Layer]) -> bool:
    """Whether a row speaks of the bug, its file and its tests as they are."""
    decisive = [layer for layer in layers if row["layer"] in ("", layer.name)]
    return bool(row["key"] == key_of(root, bug, decisive))


def is_contract_fresh(root: Path, bug: Bug, row: dict[str, Any], layers: list[Layer]) -> bool:
    """The same of what the contracts alone find; so too where they were not asked."""
    if CONTRACT not in row:
        return True
    contracts = [layer for layer in layers if layer.name == CONTRACT]
    return bool(row[CONTRACT]["key"] == key_of(root, bug, contracts))


def faults_of(bugs: list[Bug], rows: Rows) -> list[str]:
    """Bugs that survive without a reason or are caught in spite of one, and too low a score."""
    found = []
    for bug in bugs:
        if bug.id in rows and not rows[bug.id]["layer"] and not bug.equivalent:
            found.append(f"{bug.id}: survives: {bug.law}")
        elif bug.id in rows and rows[bug.id]["layer"] and bug.equivalent:
            found.append(f"{bug.id}: is caught by {rows[bug.id]['test']}; it is not equivalent")
    caught = sum(bool(rows[bug.id]["layer"]) for bug in bugs if bug.id in rows)
    if bugs and all(bug.id in rows for bug in bugs) and 100 * caught < LEAST_CAUGHT * len(bugs):
        found.append(f"{caught} of {len(bugs)} are caught, fewer than {LEAST_CAUGHT}%")
    return found


def markdown(bugs: list[Bug], rows: Rows) -> str:
    """The page. A bug that was not tried yet has no row in it."""
    waiting = sum(bug.id not in rows for bug in bugs)
    bugs = [bug for bug in bugs if bug.id in rows]
    counts = Counter(rows[bug.id]["layer"] for bug in bugs)
    survivors = [bug for bug in bugs if not rows[bug.id]["layer"]]
    caught = len(bugs) - len(survivors)
    seconds = sum(rows[bug.id]["seconds"] for bug in bugs)
    named = sum(bool(rows[bug.id]["law"]) for bug in bugs)
    by = ", ".join(f"{number} by {name}" for name, number in counts.most_common() if name)
    lines = [INTRODUCTION]
    lines.append(f"**{caught} of {len(bugs)} caught**, {100 * caught // max(len(bugs), 1)}%: {by}.")
    lines.append(
        f"{named} of them by a law or an invariant that the test names. {seconds:.0f} s.\n"
    )
    if waiting:
        lines.append(f"{waiting} more were not tried yet.\n")
    lines.append("## Survivors\n")
    lines += [f"- `{bug.id}`, {bug.law} {bug.equivalent}" for bug in survivors] or ["None."]
    lines.append("\n## Bugs\n")
    lines.append("| bug | what holds without it | file | layer | test | law | seconds |")
    lines.append("|---|---|---|---|---|---|---:|")
    lines += [_line(bug, rows[bug.id]) for bug in bugs]
    asked = [bug for bug in bugs if CONTRACT in rows[bug.id]]
    if asked:
        lines += ["", *_contracts(asked, rows)]
    return "\n".join(lines) + "\n"


def _line(bug: Bug, row: dict[str, Any]) -> str:
    test = f"`{row['test'].rpartition('/')[2]}`" if row["test"] else ""
    law = f"`{row['law']}`" if row["law"] else ""
    cells = [f"`{bug.id}`", bug.law, f"`{bug.file}`", row["layer"] or "none", test, law]
    cells = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(cells)} | {row['seconds']:.1f} |"


def _contracts(asked: list[Bug], rows: Rows) -> list[str]:
    found = sum(bool(rows[bug.id][CONTRACT]["test"]) for bug in asked)
    lines = ["## What the contracts find alone\n"]
    lines.append(f"A counterexample to {found} of {len(asked)} bugs of the reference.\n")
    lines += ["| bug | contract | seconds |", "|---|---|---:|"]
    for bug in asked:
        row = rows[bug.id][CONTRACT]
        name = f"`{row['test']}`" if row["test"] else "none"
        lines.append(f"| `{bug.id}` | {name} | {row['seconds']:.1f} |")
    return lines
