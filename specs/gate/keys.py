"""What a row speaks of: the files whose change makes it stale.

Imports are read from the sources. Those of the package count wherever they stand, and so do the
modules beside the file, of the tests and of the models.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TYPE_ALONE = ("qfs.backend", ["Implementation"])
"""Imported for its name in annotations; no result depends on that module."""

SHARED = ("specs/models", "specs/equivalence", "specs/proofs")
"""Folders whose modules are imported by their name alone."""

KERNEL_SUFFIXES = (".pyx", ".pxd", ".h")


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def key_files(root: Path, path: Path) -> list[Path]:
    """A file and the modules of the project that it imports, directly or through others.

    Imports inside functions count. Of a package its `__init__` counts where a name is taken from
    it, not where it is passed on the way to a module.
    """
    return [path, *sorted(_closure(root, [path])[1:])]


@cache
def test_files(root: Path, path: Path) -> list[Path]:
    """The same of a test that runs the kernel: its fixtures, both twins and the sources besides.

    C sources beside a test that starts a program, itself or by a module beside it, count too, and
    the theories where it asks the program that is extracted from them.
    """
    fixtures = [f for f in (root / "conftest.py", path.with_name("conftest.py")) if f.is_file()]
    twins = [*root.glob("qfs/reference/*.py"), *root.glob("qfs/kernel/*.py")]
    found = _closure(root, [path, *twins])
    found += _compiled(root / "qfs_kernel")
    theories = root / "specs" / "proofs"
    if any(file.parent == theories for file in found):
        found += [file for file in theories.iterdir() if file.is_file()]
    beside = (file for file in _closure(root, [path]) if file.parent == path.parent)
    if any("subprocess" in file.read_text(encoding="utf-8") for file in beside):
        found += _compiled(path.parent)
    return [path, *sorted({*found[1:], *fixtures})]


def key_of(root: Path, files: list[Path]) -> str:
    """A hash of these files and their names."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.relative_to(root)}\0".encode())
        whole.update(_hash(file))
    return whole.hexdigest()


@cache
def _hash(file: Path) -> bytes:
    return hashlib.sha256(file.read_bytes()).digest()


def _closure(root: Path, start: list[Path]) -> list[Path]:
    found = list(start)
    for source in found:
        for name in _imports(root, source):
            module = _source(root, name)
            if module is not None and module not in found:
                found.append(module)
    return found


def _compiled(folder: Path) -> list[Path]:
    suffixes = (*KERNEL_SUFFIXES, ".c")
    return [file for file in folder.rglob("*") if file.suffix in suffixes and _is_source(file)]


def _is_source(file: Path) -> bool:
    """Not what Cython wrote beside its source."""
    return file.suffix != ".c" or not file.with_suffix(".pyx").exists()


@cache
def _imports(root: Path, source: Path) -> list[str]:
    return list(_imported(root, source))


def _imported(root: Path, source: Path) -> Iterator[str]:
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


@cache
def _source(root: Path, module: str) -> Path | None:
    parts = module.split(".")
    places = [root] if parts[0] == "qfs" else [root / folder for folder in SHARED]
    for place in places:
        plain = place.joinpath(*parts)
        for path in (plain.with_suffix(".py"), plain / "__init__.py"):
            if path.is_file():
                return path
    return None


@cache
def source_of(root: Path, full_name: str) -> Path | None:
    """The file that defines a function, or a method of a class; None where none does."""
    *owners, name = full_name.split(".")
    for depth in (len(owners), len(owners) - 1):
        path = _source(root, ".".join(owners[:depth])) if depth > 0 else None
        if path is not None and path.name != "__init__.py":
            body: list[ast.stmt] = parsed(path).body
            for owner in owners[depth:]:
                classes = [n for n in body if isinstance(n, ast.ClassDef) and n.name == owner]
                body = [inner for node in classes for inner in node.body]
            found = any(isinstance(n, ast.FunctionDef) and n.name == name for n in body)
            return path if found else None
    return None


def functions_in(path: Path) -> list[str]:
    """Names of the functions that a file defines at its top."""
    return [node.name for node in parsed(path).body if isinstance(node, ast.FunctionDef)]


def reference_functions(root: Path) -> list[str]:
    """Full names of the public functions of the reference."""
    folder = root / "qfs" / "reference"
    return [
        f"qfs.reference.{path.stem}.{name}"
        for path in sorted(folder.glob("*.py"))
        for name in functions_in(path)
        if not name.startswith("_")
    ]
