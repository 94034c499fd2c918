"""The core decides numbers and orders without floats, chance, clocks, or the order of a set.

Core are the modules of every result; the check reads their sources and imports none.
"""

from __future__ import annotations

import ast
import pathlib
import re
from collections.abc import Callable, Iterator

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]

if not (ROOT / "qfs").is_dir():
    pytest.skip("no sources beside the tests", allow_module_level=True)


def shown(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))


CORE_MODULES = {
    *("limits", "errors", "hashing", "arrow", "columns", "ids", "decimals"),
    *("kernel", "api", "laws", "reference", "fixed128", "certified", "traces", "protocol"),
    *("synthetic", "simulation"),
}
CORE = [
    path
    for path in sorted((ROOT / "qfs").rglob("*.py"))
    if path.relative_to(ROOT / "qfs").with_suffix("").parts[0] in CORE_MODULES
]
KERNEL = [p for end in ("pyx", "pxd", "h") for p in sorted((ROOT / "qfs_kernel").glob(f"*.{end}"))]
BANNED_MODULES = {
    *("random", "secrets", "uuid", "time", "datetime", "os", "locale", "platform", "math"),
    *("statistics", "numpy", "pandas", "threading", "multiprocessing"),
}
BANNED_NAMES = {"hash", "id"}
BANNED_CALLS = {"float", "complex", "round", "vars", "globals", "input", "eval"}
SETS = {"set", "frozenset"}

ALLOWED = {("qfs/fixed128.py", "hash")}
"""(file, finding) that are known to decide neither a number nor an order."""


def findings(text: str) -> list[str]:
    """What in the source could make a number or an order differ from run to run."""
    tree = ast.parse(text)
    members = [
        right
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for operator, right in zip(node.ops, node.comparators, strict=True)
        if isinstance(operator, (ast.In, ast.NotIn))
    ]
    return [what for node in ast.walk(tree) for what in _findings(node, members)]


def _findings(node: ast.AST, members: list[ast.expr]) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, (float, complex)):
        yield f"the number {node.value}"
    if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div):
        yield "true division"
    if isinstance(node, (ast.Set, ast.SetComp)) and node not in members:
        yield "a set that is more than asked for a member"
    if isinstance(node, ast.Name) and node.id in BANNED_NAMES:
        yield node.id
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in BANNED_CALLS:
            yield f"{node.func.id}()"
        if node.func.id in SETS and node not in members:
            yield "a set that is more than asked for a member"
    names = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
    yield from (f"import {name}" for name in names if name.split(".")[0] in BANNED_MODULES)


ORDERED = {"list", "tuple", "enumerate", "zip", "map", "filter", "iter", "reversed", "next"}
"""Calls that take the order of what they are given; `sorted`, `min` and `sum` do not."""


def unordered(text: str) -> list[str]:
    """The sets of a source that something goes through in the order of their hashes."""
    found = []
    for node in ast.walk(ast.parse(text)):
        taken: list[ast.expr] = []
        if isinstance(node, (ast.For, ast.comprehension)):
            taken = [node.iter]
        elif isinstance(node, ast.Starred):
            taken = [node.value]
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            joins = isinstance(node.func, ast.Attribute) and node.func.attr == "join"
            taken = node.args if name in ORDERED or joins else []
        found += [ast.unparse(source) for source in taken if _is_set(source)]
    return found


def _is_set(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return any(_is_set(side) or _is_keys(side) for side in (node.left, node.right))
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return isinstance(node, (ast.Set, ast.SetComp)) or (is_call and node.func.id in SETS)


def _is_keys(node: ast.expr) -> bool:
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_call and node.func.attr in ("keys", "items")


@pytest.mark.parametrize("path", sorted((ROOT / "qfs").rglob("*.py")), ids=shown)
def test_no_set_is_gone_through_in_its_own_order(path: pathlib.Path) -> None:
    """Nowhere in the package, messages included: the first difference is the same for everybody."""
    assert unordered(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "times"),
    [
        ("for x in {*a, *b}: pass", 1),
        ("x = [y for y in set(z)]", 1),
        ("x = list({y for y in z})", 1),
        ("x = ', '.join({*a})", 1),
        ("x = [*{*a}]", 1),
        ("for x in a.keys() - b.keys(): pass", 1),
        ("for x in a.keys(): pass", 0),
        ("for x in sorted({*a, *b}): pass", 0),
        ("x = {y for y in z}", 0),
        ("x in {1, 2}", 0),
        ("x = min({*a})", 0),
    ],
)
def test_a_set_that_is_gone_through_is_found(source: str, times: int) -> None:
    assert len(unordered(source)) == times


@pytest.mark.parametrize("path", CORE, ids=shown)
def test_the_core_is_deterministic(path: pathlib.Path) -> None:
    found = findings(path.read_text(encoding="utf-8"))
    assert [what for what in found if (shown(path), what) not in ALLOWED] == []


@pytest.mark.parametrize("path", KERNEL, ids=shown)
def test_the_kernel_has_no_floats(
    path: pathlib.Path, code_of: Callable[[pathlib.Path], str]
) -> None:
    code = code_of(path)
    assert re.findall(r"\b(?:float|double|rand|random|time|clock|hash)\b", code) == []
    # In C a quotient of integers is one; Cython's single stroke is true division.
    if path.suffix != ".h":
        assert re.findall(r"(?<!/)/(?!/)", code.replace("//", "")) == []


@pytest.mark.parametrize(
    "planted",
    [
        "x = 0.5",
        "x = 1e18",
        "x = 2j",
        "x = a / b",
        "x /= 2",
        "import random",
        "from time import time",
        "import os.path",
        "def f():\n    import numpy as np",
        "x = float(y)",
        "x = round(y)",
        "key = hash(y)",
        "key = id(y)",
        "z.sort(key=hash)",
        "for x in {1, 2}: pass",
        "x = list({y for y in z})",
        "x = [y for y in set(z)]",
        "x = sorted(frozenset(z))",
    ],
)
def test_a_planted_violation_is_found(planted: str) -> None:
    assert len(findings(planted)) == 1


@pytest.mark.parametrize("harmless", ["x = a // b", "x in {1, 2}", "x not in set(y)", "'1/2 0.5'"])
def test_what_is_harmless_is_let_through(harmless: str) -> None:
    assert findings(harmless) == []
