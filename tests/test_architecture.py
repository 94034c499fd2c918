"""What the sources promise by their shape: directions, sizes, twins and constants.

Reads the sources beside the tests as text and imports none of them, so that a module that cannot
be imported is checked too.
"""

from __future__ import annotations

import ast
import pathlib
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

CodeOf = Callable[[pathlib.Path], str]

ROOT = pathlib.Path(__file__).resolve().parents[1]

if not (ROOT / "qfs").is_dir():
    pytest.skip("no sources beside the tests", allow_module_level=True)

pytestmark = pytest.mark.once

LAYERS = [
    ["errors", "limits", "hashing"],
    ["files", "cells"],
    ["slices"],
    ["arrow", "canonical"],
    ["words"],
    ["columns"],
    ["ids", "decimals"],
    ["reference"],
    ["kernel"],
    ["backend"],
    ["fixed128"],
    ["api", "tables", "certified", "laws", "signatures", "synthetic"],
    ["table_files", "rows", "traces"],
    ["protocol"],
    ["ledger"],
    ["bench", "importers", "simulation"],
    ["cli"],
]
"""A module imports from the layers above its own, and a package also from itself."""

LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}
MAY_DEPEND = {
    *("arrow", "canonical", "tables", "table_files", "rows", "signatures", "traces"),
    *("protocol", "ledger", "bench", "importers", "simulation", "cli"),
}
"""Parts that may import other packages; every other part needs nothing but Python."""

ONLY_IMPORTED_BY = {"qfs_kernel": {"kernel"}, "kernel": {"kernel", "backend"}}
"""By part of qfs: nothing else can reach the kernel past the choice of the backend."""

NEVER_IMPORTED = {"specs", "tests", "benchmarks", "conftest"}
NOT_IN_PROTOCOL = "qfs.api"

GOVERNANCE = [
    f"qfs.protocol.{name}"
    for name in (
        *("governance", "governance_rules", "governance_documents", "votes", "ballots"),
        *("verdict", "snapshot", "proposals", "parameters"),
    )
]
OUT_OF_ITS_REACH = {
    f"qfs.protocol.{name}"
    for name in ("tokens", "treasury", "ruleset", "state", "closing", "epoch", "allocator")
}
"""What holds or names a token, a balance that can be written, or a rule of payment."""

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70

PYTHON = sorted((ROOT / "qfs").rglob("*.py"))
CYTHON = sorted((ROOT / "qfs_kernel").glob("*.pyx"))
HEADERS = sorted((ROOT / "qfs_kernel").glob("*.h"))
KERNEL_SOURCES = [*CYTHON, *sorted((ROOT / "qfs_kernel").glob("*.pxd")), *HEADERS]


def shown(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))


def parsed(path: pathlib.Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), shown(path))


def module_name(path: pathlib.Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in PYTHON}


def imports(path: pathlib.Path, *, inside_functions: bool = True) -> Iterator[str]:
    """Full names of what a module imports, wherever in it the import stands."""
    nodes = list(ast.walk(parsed(path)))
    if not inside_functions:
        later = [n for f in nodes if isinstance(f, ast.FunctionDef) for n in ast.walk(f)]
        nodes = [node for node in nodes if node not in later]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{shown(path)}:{node.lineno}: relative import"
            assert node.module is not None
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module for name in inner)


def part(name: str) -> str:
    """The file or package of qfs that a module belongs to."""
    return name.split(".")[1] if "." in name else name


# Directions


def test_every_module_has_its_layer() -> None:
    parts = {part(name) for name in MODULES} - {"qfs"}
    assert sorted(parts - LAYER.keys()) == []


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_one_way(name: str) -> None:
    for imported in imports(MODULES[name]):
        top = imported.split(".")[0]
        assert top not in NEVER_IMPORTED, f"{name} imports {imported}"
        allowed = ONLY_IMPORTED_BY.get(part(imported) if top == "qfs" else top, {part(name)})
        assert part(name) in allowed, f"{name} imports {imported}"
        if top != "qfs" or name == "qfs":
            continue
        own, other = part(name), part(imported)
        if other == "qfs":
            # The commands use the package as its users do; nothing below them can.
            assert own == "cli", f"{name} imports the public names of qfs"
            continue
        assert LAYER[other] < LAYER[own] or own == other, f"{name} imports {imported}"
        if own in ("protocol", "ledger"):
            assert imported != NOT_IN_PROTOCOL, f"{name} imports {imported}"


def test_governance_reaches_nothing_that_holds_a_token() -> None:
    """Not by any chain of imports: what is not imported cannot be named."""
    reached = [*GOVERNANCE]
    for name in reached:
        found = {other for other in imports(MODULES[name]) if other in MODULES}
        reached += sorted(found - {*reached})
    assert "qfs.protocol.registry" in reached
    assert sorted(OUT_OF_ITS_REACH & {*reached}) == []


def test_no_module_imports_itself_in_a_circle() -> None:
    waiting = {
        name: {*imports(path, inside_functions=False)} & MODULES.keys() - {name}
        for name, path in MODULES.items()
    }
    while waiting:
        ready = [name for name, needed in waiting.items() if not needed & waiting.keys()]
        assert ready, f"a circle among {sorted(waiting)}"
        for name in ready:
            del waiting[name]


@pytest.mark.parametrize("name", [n for n in MODULES if part(n) not in MAY_DEPEND])
def test_the_core_needs_nothing_but_python(name: str) -> None:
    allowed = sys.stdlib_module_names | {"qfs", "qfs_kernel"}
    found = {imported.split(".")[0] for imported in imports(MODULES[name])}
    assert sorted(found - allowed) == []


def test_import_qfs_needs_nothing_but_python() -> None:
    """Nor anything on the way: a part that may depend is not reached from the public names."""
    reached: list[str] = ["qfs"]
    for name in reached:
        found = imports(MODULES[name], inside_functions=False)
        reached += [other for other in found if other in MODULES and other not in reached]
    assert {"qfs.certified", "qfs.columns", "qfs.arrow"} <= {*reached}
    allowed = sys.stdlib_module_names | {"qfs", "qfs_kernel"}
    needed = {
        imported.split(".")[0]
        for name in reached
        for imported in imports(MODULES[name], inside_functions=False)
    }
    assert sorted(needed - allowed) == []


@pytest.mark.parametrize("path", [*CYTHON, ROOT / "qfs_kernel" / "__init__.py"], ids=shown)
def test_the_kernel_knows_nothing_of_the_package(path: pathlib.Path) -> None:
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    modules = [words[1] for words in lines if words[:1] in (["import"], ["from"], ["cimport"])]
    assert [m for m in modules if m.split(".")[0] == "qfs"] == []


# Sizes


class Function(NamedTuple):
    """A function of a .pyx file."""

    name: str
    body: str
    lines: int


def cython_functions(text: str) -> list[Function]:
    """Functions and methods, from the header to the last line that is indented below it."""
    lines = text.splitlines()
    header = re.compile(r"(\s*)(?:def|cpdef|cdef)\s[^=(]*?(\w+)\(")
    found = []
    for first, line in enumerate(lines):
        match = header.match(line)
        if match is None:
            continue
        depth = len(match.group(1))
        end = first + 1
        while end < len(lines):
            inner = lines[end].lstrip()
            if inner and len(lines[end]) - len(inner) <= depth and not inner.startswith(")"):
                break
            end += 1
        body = "\n".join(lines[first:end]).rstrip()
        found.append(Function(match.group(2), body, body.count("\n") + 1))
    return found


@pytest.mark.parametrize("path", [*PYTHON, *KERNEL_SOURCES], ids=shown)
def test_files_and_functions_are_short(path: pathlib.Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_FILE_LINES
    if path.suffix == ".py":
        functions = [
            (node.name, (node.end_lineno or 0) - node.lineno + 1)
            for node in ast.walk(parsed(path))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        ]
    else:
        functions = [(function.name, function.lines) for function in cython_functions(text)]
    assert [(name, lines) for name, lines in functions if lines > MAX_FUNCTION_LINES] == []


def test_functions_of_cython_are_found_with_their_lengths() -> None:
    text = textwrap.dedent(
        """
        cdef class A:
            cdef int x

            def one(self,
                    int a):
                return a

        cdef inline int two(
            int a,
        ) noexcept nogil:
            if a:

                return 1
            return 2

        cdef int three = 4
        """
    )
    found = [(function.name, function.lines) for function in cython_functions(text)]
    assert found == [("one", 3), ("two", 7)]


# Twins


def functions_of(path: pathlib.Path) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in parsed(path).body if isinstance(node, ast.FunctionDef)}


def twins_in(package: str) -> dict[str, tuple[pathlib.Path, ast.FunctionDef]]:
    paths = sorted((ROOT / "qfs" / package).glob("*.py"))
    return {name: (path, node) for path in paths for name, node in functions_of(path).items()}


REFERENCE = twins_in("reference")
KERNEL = twins_in("kernel")
(PROTOCOL,) = (
    node
    for node in parsed(ROOT / "qfs" / "backend.py").body
    if isinstance(node, ast.ClassDef) and node.name == "Implementation"
)
IMPLEMENTED = {node.name: node for node in PROTOCOL.body if isinstance(node, ast.FunctionDef)}


def parameters(node: ast.FunctionDef) -> str:
    """Names, kinds, annotations and defaults, as text; without self."""
    arguments = ast.parse(ast.unparse(node)).body[0].args  # type: ignore[attr-defined]
    arguments.args = [a for a in arguments.args if a.arg != "self"]
    return ast.unparse(arguments)


@pytest.mark.parametrize("name", IMPLEMENTED)
def test_twins_have_the_same_parameters(name: str) -> None:
    expected = parameters(IMPLEMENTED[name])
    assert parameters(REFERENCE[name][1]) == expected
    assert parameters(KERNEL[name][1]) == expected
    assert KERNEL[name][0].name == REFERENCE[name][0].name, "twins stand in files of one name"


def test_every_implemented_function_is_exported_by_the_reference() -> None:
    tree = parsed(ROOT / "qfs" / "reference" / "__init__.py")
    (exported,) = (node.value for node in tree.body if isinstance(node, ast.Assign))
    assert sorted(ast.literal_eval(exported)) == sorted(IMPLEMENTED)


STEP = re.compile(r"# Step (\d+)\. (.+)$", re.MULTILINE)
STEPS = re.compile(r"# Steps (\d+) (and|to) (\d+), .+$", re.MULTILINE)
ANY_STEP = re.compile(r"# Steps? \d.*$", re.MULTILINE)


def source_of(path: pathlib.Path, node: ast.FunctionDef) -> str:
    return ast.get_source_segment(path.read_text(encoding="utf-8"), node) or ""


def headings(text: str) -> list[tuple[int, str]]:
    return [(int(number), words) for number, words in STEP.findall(text)]


WITH_STEPS = [n for n, (path, node) in REFERENCE.items() if ANY_STEP.search(source_of(path, node))]


@pytest.mark.parametrize("name", WITH_STEPS)
def test_twins_take_the_same_steps(name: str) -> None:
    """The kernel's steps stand in qfs/kernel, or in the .pyx function of that name where qfs/kernel
    says for which steps it calls it. Together they are the reference's, each once, in order."""
    expected = headings(source_of(*REFERENCE[name]))
    assert [number for number, _ in expected] == [*range(1, len(expected) + 1)]
    text = source_of(*KERNEL[name])
    functions = [f for path in CYTHON for f in cython_functions(path.read_text(encoding="utf-8"))]
    inner = headings("\n".join(f.body for f in functions if f.name == name))
    found: list[tuple[int, str]] = []
    for comment in ANY_STEP.findall(text):
        group = STEPS.match(comment)
        if group is None:
            assert STEP.match(comment), f"not a heading: {comment}"
            found += headings(comment)
            continue
        first, word, last = int(group[1]), group[2], int(group[3])
        assert (last == first + 1) == (word == "and"), f"not a heading: {comment}"
        named = [step for step in inner if first <= step[0] <= last]
        assert [number for number, _ in named] == [*range(first, last + 1)], comment
        found += named
    assert found == expected
    # A step in a .pyx function that qfs/kernel does not name there would be taken unseen.
    assert [step for step in inner if step not in found] == []


def test_steps_stand_in_twins_only() -> None:
    for path in CYTHON:
        for function in cython_functions(path.read_text(encoding="utf-8")):
            if ANY_STEP.search(function.body):
                assert function.name in WITH_STEPS, f"{shown(path)}: {function.name}"
    for name, (path, node) in KERNEL.items():
        if ANY_STEP.search(source_of(path, node)):
            assert name in WITH_STEPS, name
    assert {"allocate", "assess", "issue", "merge_add", "mul_div_many"} <= {*WITH_STEPS}


# Constants


def limit_values() -> dict[str, int]:
    """The integers of qfs/limits.py by name."""
    scope: dict[str, object] = {}
    exec(compile(parsed(ROOT / "qfs" / "limits.py"), "limits", "exec"), scope)
    return {n: v for n, v in scope.items() if isinstance(v, int) and n.isupper()}


def written_integers(code: str) -> set[int]:
    """Every integer that stands in the code, powers worked out, and each also less 1."""
    powers = re.findall(r"\b(0x[0-9A-Fa-f]+|[0-9]+)(?:\s*\*\*\s*([0-9]+))?\b", code)
    values = {int(base, 0) ** int(power or 1) for base, power in powers}
    return values | {value - 1 for value in values if value > 2**16}


def kernel_limits() -> dict[str, int]:
    """LIMITS as arithmetic.pyx writes it."""
    text = (ROOT / "qfs_kernel" / "arithmetic.pyx").read_text(encoding="utf-8")
    (written,) = re.findall(r"^LIMITS = (\{.*?^\})", text, re.DOTALL | re.MULTILINE)
    return {key: eval(value) for key, value in re.findall(r'"(\w+)": ([0-9xA-F *-]+)', written)}


def test_limits_of_the_kernel_are_ours() -> None:
    ours, theirs = limit_values(), kernel_limits()
    assert len(theirs) > 5
    assert {name: ours.get(name) for name in theirs} == theirs


@pytest.mark.parametrize("path", KERNEL_SOURCES, ids=shown)
def test_no_limit_is_typed_into_the_kernel_unseen(path: pathlib.Path, code_of: CodeOf) -> None:
    """A limit that the kernel writes as a number is in LIMITS, so that a change is noticed."""
    # The version is compared by itself; 18 and 32 are what a power of ten and SHA-256 are.
    apart = ("SPEC_VERSION", "TOKEN_DECIMALS", "HASH_BYTES")
    ours = {value for name, value in limit_values().items() if name not in apart}
    typed = ours & written_integers(code_of(path))
    assert sorted(typed - {*kernel_limits().values()}) == []


@pytest.mark.parametrize("path", [p for p in PYTHON if p.name != "limits.py"], ids=shown)
def test_no_large_limit_is_typed_twice(path: pathlib.Path, code_of: CodeOf) -> None:
    large = {value: name for name, value in limit_values().items() if value >= 10**9}
    written = written_integers(code_of(path))
    assert sorted(name for value, name in large.items() if value in written) == []
