"""What the contract files declare: read from their sources, none of which is imported.

CrossHair passes over a function whose docstring it does not understand. So a docstring holds these
headers and no others, each on a line of its own, after the statement:

    of: qfs.reference.module.function    what it speaks of, once or more
    bound: words                         what of all inputs it is confined to; none: all inputs
    pre: expression                      the inputs, any number
    post: expression of __return__       exactly once
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

HEADERS = ("of", "bound", "pre", "post")
HEADER = re.compile(r"\s*(\w+):(?:\s+(.*))?$")
RAISES = re.compile(r"\s*:?raises?\b", re.IGNORECASE)
TYPE_ALONE = ("qfs.backend", ["Implementation"])
"""Imported for its name in annotations; no result depends on that module."""


@dataclass
class Contract:
    """One function of a contract file."""

    path: Path
    name: str
    """file.function"""
    line: int
    """of its `def`"""
    statement: str = ""
    of: list[str] = field(default_factory=list)
    bound: str | None = None
    pres: list[str] = field(default_factory=list)
    posts: list[int] = field(default_factory=list)
    """lines of the file"""
    faults: list[str] = field(default_factory=list)


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def contracts_of(root: Path) -> list[Contract]:
    """The contracts of every file."""
    paths = sorted((root / "specs" / "contracts").glob("*.py"))
    return [contract for path in paths for contract in read_file(path)]


def read_file(path: Path) -> list[Contract]:
    """Every public function of a contract file; one with an underscore is a helper."""
    return [
        _read(path, node)
        for node in parsed(path).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


def reference_functions(root: Path) -> list[str]:
    """Full names of the public functions of the reference."""
    folder = root / "qfs" / "reference"
    return [
        f"qfs.reference.{path.stem}.{node.name}"
        for path in sorted(folder.glob("*.py"))
        for node in parsed(path).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


def functions_in(path: Path) -> list[str]:
    """Names of the functions that a file defines at its top."""
    return [node.name for node in parsed(path).body if isinstance(node, ast.FunctionDef)]


def source_of(root: Path, full_name: str) -> Path | None:
    """The file that defines a function, or a method of a class; None where none does."""
    *owners, name = full_name.split(".")
    for depth in (len(owners), len(owners) - 1):
        path = root.joinpath(*owners[:depth]).with_suffix(".py")
        if depth > 0 and path.is_file():
            body: list[ast.stmt] = parsed(path).body
            for owner in owners[depth:]:
                classes = [n for n in body if isinstance(n, ast.ClassDef) and n.name == owner]
                body = [inner for node in classes for inner in node.body]
            found = any(isinstance(n, ast.FunctionDef) and n.name == name for n in body)
            return path if found else None
    return None


@cache
def key_files(root: Path, path: Path) -> list[Path]:
    """A contract file and the modules of the package that it imports, directly or through others.

    Imports inside functions count. Of a package its `__init__` counts where a name is taken from
    it, not where it is passed on the way to a module.
    """
    found = [path]
    for source in found:
        for name in _imports(root, source):
            module = _source(root, name)
            if module is not None and module not in found:
                found.append(module)
    return [path, *sorted(found[1:])]


def key_of(root: Path, path: Path) -> str:
    """A hash of all files that a contract file speaks of."""
    whole = hashlib.sha256()
    for source in key_files(root, path):
        whole.update(f"{source.relative_to(root)}\0".encode())
        whole.update(hashlib.sha256(source.read_bytes()).digest())
    return whole.hexdigest()


def _read(path: Path, node: ast.FunctionDef) -> Contract:
    contract = Contract(path, f"{path.stem}.{node.name}", node.lineno)
    words: list[str] = []
    for line, text in _docstring_lines(node):
        header = HEADER.match(text)
        if RAISES.match(text):
            # CrossHair takes such a line as leave to raise, whatever the inputs.
            contract.faults.append(f"line {line}: an error that is announced confirms anything")
        elif header and header.group(1) in HEADERS:
            _take(contract, header.group(1), (header.group(2) or "").strip(), line)
        elif header or (text.strip() and (contract.of or contract.posts)):
            contract.faults.append(f"line {line}: {text.strip()!r} is none of {', '.join(HEADERS)}")
        else:
            words.append(text.strip())
    contract.statement = " ".join(" ".join(words).split())
    if len(contract.posts) != 1:
        contract.faults.append(f"{len(contract.posts)} lines `post:` instead of one")
    if not contract.of:
        contract.faults.append("no line `of:`")
    if not contract.statement:
        contract.faults.append("no statement")
    return contract


def _docstring_lines(node: ast.FunctionDef) -> list[tuple[int, str]]:
    first = node.body[0]
    if not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)):
        return []
    text = first.value.value
    lines = text.splitlines() if isinstance(text, str) else []
    return [(first.lineno + offset, line) for offset, line in enumerate(lines)]


def _take(contract: Contract, header: str, text: str, line: int) -> None:
    if not text:
        contract.faults.append(f"line {line}: nothing behind `{header}:`")
    if header == "of":
        contract.of.append(text)
    elif header == "bound":
        contract.bound = text
    else:
        try:
            tree = ast.parse(text, mode="eval")
        except SyntaxError:
            contract.faults.append(f"line {line}: {text!r} is no expression")
            tree = ast.parse("__return__", mode="eval")
        if header == "pre":
            contract.pres.append(text)
        else:
            contract.posts.append(line)
            names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
            if "__return__" not in names:
                contract.faults.append(f"line {line}: the post does not speak of __return__")


def _imports(root: Path, source: Path) -> Iterator[str]:
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [alias.name for alias in node.names]
            if (node.module, names) == TYPE_ALONE:
                continue
            for name in names:
                inner = f"{node.module}.{name}"
                yield inner if _source(root, inner) is not None else node.module


def _source(root: Path, module: str) -> Path | None:
    if module.split(".")[0] != "qfs":
        return None
    plain = root.joinpath(*module.split("."))
    for path in (plain.with_suffix(".py"), plain / "__init__.py"):
        if path.is_file():
            return path
    return None
