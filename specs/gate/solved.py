"""The layer that z3 solves: the lemmas of `specs/proofs`, which steps of the code rest on.

A claim is a function marked `lemma`, or `hint` where it serves other lemmas alone; its statement is
its docstring. The steps name their lemmas in comments, as "(lemma shares.its_name)": there is no
such name without a lemma, and no lemma without one.
"""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import sys
from collections.abc import Iterator
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any

import bounded
import keys
from bounded import Limits, Outcome
from claims import ALL, UNPROVED, Claim, Job, Row, row_of

FOLDER = Path("specs", "proofs")
HARNESS = ("__main__", "lemma", "solving")
NAMING = ("qfs_kernel/*.h", "qfs_kernel/*.p*x*", "qfs/**/*.py", "docs/*.md")
"""The files that may name lemmas."""
NAMES = re.compile(r"\blemmas? ((?:[a-z]\w*\.[a-z]\w*(?:, and |, | and |,)?)+)")
LINE_STARTS = re.compile(r"\n\s*(?:\*(?!/)|#|//)?\s*")
LIMITS = Limits(seconds=600.0, grace=60.0)
"""For the lemmas of a file, which end after so many steps of the solver anyway."""


def claims_of(root: Path) -> list[Claim]:
    """The lemmas of every file, each with the places that name it."""
    named = names_in(root)
    return [
        _claim(path, node, mark, named)
        for path in sorted((root / FOLDER).glob("*.py"))
        if path.stem not in HARNESS
        for node in keys.parsed(path).body
        if isinstance(node, ast.FunctionDef)
        for mark in map(ast.unparse, node.decorator_list)
        if mark in ("lemma", "hint")
    ]


def _claim(path: Path, node: ast.FunctionDef, mark: str, named: dict[str, list[str]]) -> Claim:
    name = f"{path.stem}.{node.name}"
    statement = " ".join((ast.get_docstring(node) or "").split())
    claim = Claim(path, f"lemma/{name}", "lemma", node.lineno, statement, named.get(name, []))
    if not statement:
        claim.faults.append("no sentence says what holds")
    if mark == "lemma" and not claim.of:
        claim.faults.append("no step names it, and it is not marked `hint`")
    return claim


@cache
def names_in(root: Path) -> dict[str, list[str]]:
    """The lemmas that are named, each with the files that do."""
    found: dict[str, list[str]] = {}
    for pattern in NAMING:
        for path in sorted(root.glob(pattern)):
            for name in names_of(path.read_text(encoding="utf-8", errors="replace")):
                files = found.setdefault(name, [])
                if (file := path.relative_to(root).as_posix()) not in files:
                    files.append(file)
    return found


def names_of(text: str) -> list[str]:
    """The lemmas that a text names, across the line breaks of its comments."""
    flat = LINE_STARTS.sub(" ", text).replace("`", "")
    return [
        name
        for names in NAMES.findall(flat)
        for name in re.findall(r"[a-z]\w*\.[a-z]\w*", names)
        if not name.endswith((".py", ".h"))
    ]


def static_faults(root: Path, claims: list[Claim]) -> Iterator[str]:
    """Names that are no lemma's."""
    known = {claim.name.removeprefix("lemma/") for claim in claims}
    for name, files in names_in(root).items():
        if name not in known:
            yield f"{files[0]}: there is no lemma {name}"


def key_files(root: Path, path: Path) -> list[Path]:
    """What a lemma's row speaks of: its file, the lemmas that serve it, and what proves them."""
    harness = [root / FOLDER / f"{name}.py" for name in HARNESS]
    return [path, *sorted({*keys.key_files(root, path)[1:], *harness})]


def jobs_of(root: Path, claims: list[Claim], known: dict[str, str]) -> Iterator[Job]:
    """Prove those of a file together."""
    for _, of in groupby(claims, key=lambda claim: claim.path):
        group = list(of)
        yield Job(group, partial(_rows_of, root, group, known))


def _rows_of(root: Path, claims: list[Claim], known: dict[str, str]) -> Iterator[tuple[str, Row]]:
    """A row for each lemma of one file."""
    names = [claim.name.removeprefix("lemma/") for claim in claims]
    command = [sys.executable, str(root / FOLDER), "--json", *names]
    done = bounded.run(root, command, LIMITS)
    output = done.words if isinstance(done, Outcome) else done.output
    said: dict[str, dict[str, Any]] = {}
    for line in output.splitlines():
        if line.startswith("{"):
            found = json.loads(line)
            said[found["name"]] = found
    last = (output.strip().splitlines() or ["nothing"])[-1]
    for claim, name in zip(claims, names, strict=True):
        yield claim.name, _row(claim, said.get(name), last, known[claim.name])


def _row(claim: Claim, found: dict[str, Any] | None, last: str, key: str) -> Row:
    """A lemma holds where it was proved and each of its canaries refuted, of which there is one."""
    faults = [f"not looked at: {last}"] if found is None else found["faults"]
    refuted = len(found["refuted"]) if found else 0
    holds = not faults and refuted > 0
    return row_of(
        claim,
        key,
        f"z3 {importlib.metadata.version('z3-solver')}",
        holds=holds,
        words="proved" if holds else "; ".join(faults),
        word=ALL if holds else UNPROVED,
        reach=f"{refuted} {'canary' if refuted == 1 else 'canaries'} refuted",
        seconds=round(found["seconds"], 1) if found else 0.0,
        attempts=1,
    )
