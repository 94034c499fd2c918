"""Trying one bug: the layers one after another, until one catches it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bugs import Bug
from layers import CONTRACT, Layer
from tree import BuildError, Tree

PASSED, FAILED = 0, 1
"""Exit codes of pytest, and of `contracts.py`; any other means that nothing was found out."""

FAILURE = re.compile(r"^(?:FAILED|ERROR) (?P<test>.+?)(?: - .*)?$", re.MULTILINE)
NAMED_LAW = re.compile(r"(?:<function | = )(\w+)(?: at 0x|\()|\b(NOD-I[1-5])\b")
DEFINED = re.compile(r"^def (\w+)\(", re.MULTILINE)


class TrialError(Exception):
    """A layer that did not say whether it catches the bug."""


@dataclass(frozen=True)
class Caught:
    """Who catches a bug, and how long that took."""

    layer: str
    """empty where nothing does"""
    test: str
    law: str
    """the law or invariant by its name, where the test says it"""
    seconds: float


NOTHING = ("", "", "")

Known = tuple[str, str] | None
"""The layer and the test that caught a bug before."""


class Trials:
    """Tries bugs in trees of one project."""

    def __init__(self, root: Path, seconds: float) -> None:
        self.root = root
        self.seconds = seconds
        self._sound: set[str] = set()
        """tests that are known to pass without a bug"""

    def first(self, tree: Tree, bug: Bug, layers: list[Layer], known: Known = None) -> Caught:
        """Who catches a bug: the test that is known to, or else the first layer that can.

        Raises:
            TrialError: a layer says nothing, or catches something else than the bug.
        """
        start = time.monotonic()
        layer_name, test, law = NOTHING
        with tree:
            try:
                tree.plant(bug)
            except BuildError as error:
                raise TrialError(f"it does not compile: {error}") from error
            if known is not None:
                layer_name, (test, law) = known[0], self._again(tree, known[1])
            for layer in layers:
                if test:
                    break
                layer_name, (test, law) = layer.name, self._run(tree, bug, layer)
            spent = time.monotonic() - start
        if test and layer_name != CONTRACT:
            self._require_sound(tree, bug, test)
        return Caught(layer_name if test else "", test, law, round(spent, 1))

    def _again(self, tree: Tree, test: str) -> tuple[str, str]:
        """The test and the law it names, where it fails; twice nothing where it does not."""
        code, output = self._pytest(tree, test)
        return (test, self._law_in(output)) if code == FAILED else ("", "")

    def _run(self, tree: Tree, bug: Bug, layer: Layer) -> tuple[str, str]:
        """The test of a layer that fails and the law it names; twice nothing where all pass."""
        if layer.name == CONTRACT:
            script = [str(Path(__file__).with_name("contracts.py")), str(tree.root), bug.file]
            code, output = self._call(tree, [*script, *layer.arguments])
        else:
            code, output = self._pytest(tree, "-x", *layer.arguments)
        if code == PASSED:
            return "", ""
        failure = FAILURE.search(output)
        if code != FAILED or failure is None:
            raise TrialError(f"{layer.name} ends with code {code}: {_last_line(output)}")
        return failure["test"], self._law_in(output)

    def find_sound(self, tree: Tree, tests: list[str]) -> None:
        """Run these without a bug, which is cheaper at once than one by one when each is needed."""
        code, output = self._pytest(tree, *tests) if tests else (PASSED, "")
        if code in (PASSED, FAILED):
            failed = {failure["test"] for failure in FAILURE.finditer(output)}
            self._sound |= {*tests} - failed

    def _require_sound(self, tree: Tree, bug: Bug, test: str) -> None:
        """The test passes without the bug: else it has caught something else."""
        if test in self._sound:
            return
        code, output = self._pytest(tree, test)
        if code != PASSED:
            raise TrialError(f"{test} fails without the bug too: {_last_line(output)}")
        self._sound.add(test)

    def _pytest(self, tree: Tree, *arguments: str) -> tuple[int, str]:
        options = ["-q", "-rfE", "--tb=short", "--no-header", "-p", "no:cacheprovider"]
        options += ["-p", "first_failure"]
        return self._call(tree, ["-m", "pytest", *options, *arguments])

    def _call(self, tree: Tree, arguments: list[str]) -> tuple[int, str]:
        data = os.environ.get("QFS_TEST_DATA") or self.root.parent / "shared" / "data"
        places = [str(tree.root), str(Path(__file__).parent)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "PYTHONHASHSEED": "0"}
        environment |= {"QFS_TEST_DATA": str(Path(data).resolve()), "COLUMNS": "500"}
        environment.pop("QFS_BACKEND", None)
        # Ended from outside, with its children, also where the harness itself is gone by then.
        bounded = ["timeout", "--signal=KILL", str(self.seconds), sys.executable, *arguments]
        done = subprocess.run(
            bounded,
            cwd=tree.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        return done.returncode, done.stdout

    def _law_in(self, output: str) -> str:
        for law, invariant in NAMED_LAW.findall(output):
            if invariant or law in self._laws:
                return str(invariant or law)
        return ""

    @cached_property
    def _laws(self) -> set[str]:
        files = (self.root / "qfs" / "laws").glob("*.py")
        return {name for p in files for name in DEFINED.findall(p.read_text(encoding="utf-8"))}


def _last_line(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1] if lines else "no output"
