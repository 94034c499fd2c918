"""The layers that are to catch a bug, in order of cost, and the tests that each consists of."""

from __future__ import annotations

import hashlib
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path

TABLE = Path("specs", "planted", "layers.toml")
CONTRACT = "contract"
"""The layer that is run by the prover of `specs/gate`, and not by pytest."""


@dataclass(frozen=True)
class Layer:
    """One layer of one area."""

    name: str
    arguments: tuple[str, ...]
    """of pytest; for contracts their files"""

    def files(self, root: Path) -> list[Path]:
        """The tests that it names, and what lies beside them that is no test."""
        named = [root / argument.partition("::")[0] for argument in self.arguments]
        paths = {path for path in named if path.is_file()}
        folders = {path.parent for path in paths}
        paths.update(p for path in named if path.is_dir() for p in path.rglob("*.py"))
        if self.name != CONTRACT:
            beside = [p for folder in folders for p in folder.glob("*.py")]
            paths.update(p for p in beside if not p.name.startswith("test_"))
            paths.update(p for folder in folders for p in folder.rglob("*.[ch]"))
        return sorted(paths)


def load(root: Path) -> tuple[dict[str, list[Layer]], list[str]]:
    """The layers of each area, the cheapest first, and what is wrong with the table."""
    document = tomllib.loads((root / TABLE).read_text(encoding="utf-8"))
    order: list[str] = document.pop("order")
    areas: dict[str, list[Layer]] = {}
    faults = []
    for area, given in document.items():
        areas[area] = [Layer(n, tuple(shlex.split(given[n]))) for n in order if n in given]
        faults += [f"{TABLE}: {area}: no layer {name}" for name in given if name not in order]
        for layer in areas[area]:
            if not layer.files(root):
                faults.append(f"{TABLE}: {area}: {layer.name} names no file")
    return areas, faults


def hash_of(root: Path, layer: Layer) -> str:
    """Of everything that the layer consists of, in hex."""
    digest = hashlib.sha256()
    for part in (layer.name, *layer.arguments):
        digest.update(part.encode() + b"\0")
    for path in layer.files(root):
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
