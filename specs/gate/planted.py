"""The layer of planted bugs: one row that sums up what `python specs/planted` found."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import keys
from claims import CAUGHT, Claim, Row, row_of

FOLDER = Path("specs", "planted")
RESULTS = FOLDER / "results.json"


def claims_of(root: Path) -> list[Claim]:
    """One, where there are planted bugs."""
    if not (root / FOLDER).is_dir():
        return []
    statement = "Bugs that make one law false, planted one after another, turn a test red."
    claim = Claim(root / RESULTS, "planted", "planted", statement=statement)
    claim.bound = "PLANTED.md lists them"
    return [claim]


def faults(root: Path) -> list[str]:
    """What its own check finds: a bug without a row, a stale row, a survivor."""
    if not (root / FOLDER).is_dir():
        return []
    command = [sys.executable, str(root / FOLDER), "--check", "--root", str(root)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines() or done.stderr.splitlines()[-1:]
    found = [line.removeprefix("RED: ") for line in lines if line.startswith("RED: ")]
    if done.returncode != 0 and not found:
        found = lines[-1:] or [f"exit code {done.returncode}"]
    return [f"planted: {line}" for line in found]


def key_of(root: Path) -> str:
    """Of its results, whose own keys name the sources."""
    path = root / RESULTS
    return keys.key_of(root, [path] if path.is_file() else [])


def row(root: Path, claim: Claim) -> Row:
    """What the results add up to."""
    path = root / RESULTS
    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    layers = Counter(str(found["layer"]) for found in rows.values())
    caught = sum(number for layer, number in layers.items() if layer)
    by = ", ".join(f"{number} by {layer}" for layer, number in layers.most_common() if layer)
    return row_of(
        claim,
        key_of(root),
        "see PLANTED.md",
        holds=caught > 0,
        words="passed" if caught else "no bug was planted",
        word=CAUGHT,
        reach=f"{caught} of {len(rows)} bugs: {by}",
        caught=caught,
        planted=len(rows),
        seconds=round(sum(found["seconds"] for found in rows.values()), 1),
        attempts=1,
    )
