"""The planted bugs: what each changes, which law it breaks, and whether it can still be planted."""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

FOLDER = Path("specs", "planted")
TABLE = "bug"
COMPILED = (".pyx", ".pxd", ".h")


@dataclass(frozen=True)
class Bug:
    """One change of one file that makes a law false."""

    id: str
    law: str
    """what no longer holds, in a sentence that is true without the bug"""
    file: str
    """what is changed, from the root of the project"""
    old: str
    """stands in the file exactly once"""
    new: str
    area: str
    """whose tests are to catch it, as `layers.toml` names them"""
    modules: tuple[str, ...] = ()
    """the modules of the kernel that a header is part of; a .pyx is its own"""
    equivalent: str = ""
    """why nothing can catch it; empty for a bug that something must catch"""

    @property
    def compiled(self) -> tuple[str, ...]:
        """The modules of the kernel to be built again."""
        path = Path(self.file)
        return (path.stem,) if path.suffix == ".pyx" else self.modules

    def planted(self, text: str) -> str:
        """The text of the file with the bug in it."""
        assert text.count(self.old) == 1
        return text.replace(self.old, self.new)


def load(root: Path) -> tuple[list[Bug], list[str]]:
    """The bugs in the order of their files, and what is wrong with how they are written."""
    bugs: list[Bug] = []
    faults: list[str] = []
    for path in sorted((root / FOLDER).glob("*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8")).get(TABLE, []):
            wrong = _entry_fault(entry)
            if wrong is not None:
                faults.append(f"{path.name}: {entry.get('id', 'a bug')}: {wrong}")
                continue
            modules = tuple(entry.pop("modules", ()))
            bugs.append(Bug(**entry, modules=modules))
    for name, count in Counter(bug.id for bug in bugs).items():
        if count > 1:
            faults.append(f"{name}: the id stands {count} times")
    if not bugs:
        faults.append("there are no bugs")
    return bugs, faults


def anchor_faults(root: Path, bugs: list[Bug]) -> list[str]:
    """The bugs whose old text does not stand in its file exactly once."""
    found = []
    for bug in bugs:
        path = root / bug.file
        text = path.read_text(encoding="utf-8") if path.is_file() else None
        if text is None:
            found.append(f"{bug.id}: there is no file {bug.file}")
        elif text.count(bug.old) != 1:
            found.append(f"{bug.id}: its old text stands in {bug.file} {text.count(bug.old)} times")
    return found


def _entry_fault(entry: dict[str, Any]) -> str | None:
    known = {field.name for field in fields(Bug)}
    needed = known - {"modules", "equivalent"}
    if not needed <= entry.keys() <= known:
        return f"it needs {', '.join(sorted(needed))} and has {', '.join(sorted(entry))}"
    texts = [entry[name] for name in needed]
    if not all(isinstance(text, str) for text in texts):
        return "its fields are text"
    if not all(entry[name] for name in needed - {"new"}):
        return "a field is empty"
    if entry["old"] == entry["new"]:
        return "it changes nothing"
    suffix = Path(entry["file"]).suffix
    if (suffix in COMPILED and suffix != ".pyx") != bool(entry.get("modules")):
        return "the modules of the kernel are named for a header, and for nothing else"
    return None
