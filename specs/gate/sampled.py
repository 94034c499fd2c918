"""The layers that try inputs: the tests of `specs/equivalence` and `specs/models`.

A claim is a test function; its statement is the first sentence of its docstring. Each is run with
the profile "deep", and one that is marked `symbolic` with the profile of that name besides. What
is marked `exhaustive` says by that mark what all its inputs are.
"""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from claims import SAMPLED, TRIED, Claim, Job, Row, row_of
from keys import parsed

FOLDERS = ("equivalence", "models")
PROFILES = {"equivalence": "deep", "symbolic": "symbolic"}
"""by layer"""
SECONDS = 3600.0
"""Until the tests of one file are ended from outside."""
SENTENCE = re.compile(r"(.+?\.)(?:\s|$)", re.DOTALL)


@dataclass
class Sampled(Claim):
    """A test function."""

    function: str = ""


def claims_of(root: Path) -> list[Sampled]:
    """The tests of every file, and each that is marked `symbolic` a second time."""
    return [
        claim
        for folder in FOLDERS
        for path in sorted((root / "specs" / folder).glob("test_*.py"))
        for node in parsed(path).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        for claim in _claims(path, node)
    ]


def _claims(path: Path, node: ast.FunctionDef) -> Iterator[Sampled]:
    marks = dict(_marks(node, _named(path)))
    text = " ".join((ast.get_docstring(node) or "").split())
    sentence = SENTENCE.match(text)
    layers = ["equivalence", *(["symbolic"] if "symbolic" in marks else [])]
    for layer in layers:
        name = f"{layer}/{path.stem}::{node.name}"
        claim = Sampled(path, name, layer, node.lineno, function=node.name)
        claim.statement = sentence.group(1) if sentence else ""
        claim.bound = marks.get("exhaustive")
        if not sentence:
            claim.faults.append("its docstring has no sentence that says what holds")
        if claim.bound == "":
            claim.faults.append("the mark `exhaustive` does not say of what")
        yield claim


def _named(path: Path) -> dict[str, ast.expr]:
    """What a file gives a name at its top: a mark that several tests share, for one."""
    return {
        node.targets[0].id: node.value
        for node in parsed(path).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def _marks(node: ast.FunctionDef, named: dict[str, ast.expr]) -> Iterator[tuple[str, str]]:
    """The names of pytest's marks, each with its argument where that is a text."""
    for written in node.decorator_list:
        decorator = named.get(written.id, written) if isinstance(written, ast.Name) else written
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(called, ast.Attribute) and ast.unparse(called.value) == "pytest.mark":
            arguments = decorator.args if isinstance(decorator, ast.Call) else []
            texts = [a.value for a in arguments if isinstance(a, ast.Constant)]
            yield called.attr, str(texts[0]) if texts else ""


def jobs_of(root: Path, claims: list[Sampled], keys: dict[str, str]) -> Iterator[Job]:
    """Run those of a file and layer together."""
    for _, of in groupby(claims, key=lambda claim: (claim.path, claim.layer)):
        group = list(of)
        yield Job(group, partial(_rows_of, root, group, keys))


def _rows_of(root: Path, claims: list[Sampled], keys: dict[str, str]) -> Iterator[tuple[str, Row]]:
    path, layer = claims[0].path, claims[0].layer
    tool = f"Hypothesis {importlib.metadata.version('hypothesis')}"
    if layer == "symbolic":
        tool += f", CrossHair {importlib.metadata.version('crosshair-tool')}"
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder, "counts.json")
        command = ["timeout", "--signal=KILL", str(SECONDS)]
        command += [sys.executable, "-m", "pytest", "-q", "-p", "counting", f"--counts={counts}"]
        command += ["-p", "no:xdist", f"--hypothesis-profile={PROFILES[layer]}"]
        command += [f"{path}::{claim.function}" for claim in claims]
        gate = str(Path(__file__).parent)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), gate])}
        environment["CI"] = "true"
        environment.pop("QFS_BACKEND", None)
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, check=False
        )
        text = counts.read_text(encoding="utf-8") if counts.exists() else "[]"
    tests: list[dict[str, Any]] = json.loads(text)
    tail = (done.stdout.strip() or done.stderr.strip()).splitlines()[-1:] or ["nothing said"]
    for claim in claims:
        found = [test for test in tests if test["function"] == claim.function]
        row = _row(claim, found, keys[claim.name], tool)
        if row["words"] == "ran nothing":
            row["words"] += f": {tail[0]}"
        if done.returncode != 0 and row["holds"] and not _has_failed(tests):
            row |= {"holds": False, "words": f"exit code {done.returncode}: {tail[0]}"}
        yield claim.name, row


def _has_failed(tests: list[dict[str, Any]]) -> bool:
    """So that the exit code of the whole run says nothing about the others."""
    return any(test["outcome"] != "passed" for test in tests)


def _row(claim: Sampled, tests: list[dict[str, Any]], key: str, tool: str) -> Row:
    outcomes = [test["outcome"] for test in tests]
    examples = sum(test["examples"] or 0 for test in tests)
    inputs = sum(int(test.get("inputs", 0)) for test in tests)
    number = inputs or examples
    is_tried = claim.bound is not None
    kind = "inputs" if is_tried else "examples"
    if not number and not is_tried and all(test["examples"] is None for test in tests):
        number, kind, tool = len(tests), "cases", tool.replace("Hypothesis", "pytest, Hypothesis")
    bad = [outcome or "did not end" for outcome in outcomes if outcome != "passed"]
    words = "passed"
    if not tests:
        words = "ran nothing"
    elif bad:
        words = bad[0]
    elif not number:
        words = "recorded no number of inputs" if is_tried else "no example ran to its end"
    return row_of(
        claim,
        key,
        tool,
        holds=words == "passed",
        words=words,
        word=TRIED if is_tried else SAMPLED,
        reach=f"{number:,} {kind}" + (f": {claim.bound}" if is_tried else ""),
        seconds=round(sum(test["seconds"] for test in tests), 1),
        attempts=1,
    )
