"""Coq: compiles theories, and says what each theorem rests on."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

SECONDS = 1800.0
"""Until one of its programs is ended from outside."""

CLOSED = "Closed under the global context"


class AbsentError(Exception):
    """Programs of Coq that are not installed."""


@dataclass
class Checked:
    """What Coq says of some theorems."""

    assumptions: dict[str, list[str]]
    """by theorem; empty for one that is closed under the global context"""
    faults: list[str]
    """of all of them"""


def require(folder: Path) -> None:
    """Coq is installed.

    Raises:
        AbsentError: it is not; the words name the packages of Debian.
    """
    done = _run(["make", "-s", "-f", str(folder / "Makefile"), "absent"], folder)
    # The others are for the program that is extracted.
    absent = [name for name in done.stdout.split() if name == "coq"]
    if done.returncode != 0:
        absent = ["make"]
    if absent:
        raise AbsentError(f"not installed: {' '.join(absent)} (packages of Debian)")


def version() -> str:
    """The name and version of what checks."""
    done = subprocess.run(["coqc", "--print-version"], capture_output=True, text=True, check=True)
    return f"Coq {done.stdout.split()[0]}"


def check(folder: Path, names: list[str]) -> Checked:
    """Compile the theories of a folder, and ask of each `File.theorem` what it rests on."""
    modules = list(dict.fromkeys(name.partition(".")[0] for name in names))
    with tempfile.TemporaryDirectory(prefix="theories-") as made:
        place = Path(made)
        done = _run(["make", "-j2", "-C", made, "-f", str(folder / "Makefile"), "theories"], place)
        if done.returncode != 0:
            return Checked({}, [f"does not compile: {_error(done)}"])
        missing = [module for module in modules if not (place / f"{module}.vo").exists()]
        if missing:
            return Checked({}, [f"{missing[0]}: the Makefile does not compile it"])
        assumptions = {}
        lines = [f"From Qfs Require {' '.join(modules)}."]
        lines += [f"Print Assumptions {name}." for name in names]
        (place / "Assumptions.v").write_text("\n".join(lines) + "\n", encoding="utf-8")
        done = _run(["coqc", "-q", "-Q", ".", "Qfs", "Assumptions.v"], place)
        if done.returncode != 0:
            return Checked({}, [f"what theorems rest on cannot be printed: {_error(done)}"])
        parts = re.split(rf"^(?={CLOSED}|Axioms:)", done.stdout, flags=re.MULTILINE)[1:]
        if len(parts) != len(names):
            return Checked({}, [f"{len(parts)} answers of Coq for {len(names)} theorems"])
        for name, part in zip(names, parts, strict=True):
            assumptions[name] = [] if part.strip() == CLOSED else [" ".join(part.split())]
        return Checked(assumptions, _checked_again(place))


def _checked_again(place: Path) -> list[str]:
    """What `coqchk`, which shares no tactic with the compiler, finds in the compiled files."""
    modules = [path.stem for path in sorted(place.glob("*.vo")) if path.stem != "Assumptions"]
    command = ["coqchk", "-silent", "-o", "-Q", ".", "Qfs", *(f"Qfs.{name}" for name in modules)]
    done = _run(command, place)
    if done.returncode != 0:
        return [f"coqchk: {_error(done)}"]
    # It prints the summary where errors go.
    printed = done.stdout + done.stderr
    context = dict(re.findall(r"^\* ([^:\n]+): *(.*?)(?=^\*|\Z)", printed, re.DOTALL | re.M))
    if not {"Theory", "Axioms"} <= context.keys() or "predicative" not in context["Theory"]:
        return ["coqchk: no summary of what the theories rest on"]
    del context["Theory"]
    found = [
        f"{what}: {name}"
        for what, listed in context.items()
        for name in listed.split()
        if name != "<none>"
    ]
    return [f"coqchk: {', '.join(found)}"] if found else []


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["timeout", "--signal=KILL", str(SECONDS), *command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _error(done: subprocess.CompletedProcess[str]) -> str:
    """The lines of an error, in one; the place of it first."""
    lines = (done.stderr or done.stdout).strip().splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("File ")), 0)
    return " ".join(" ".join(lines[start:]).split())[:300] or f"exit code {done.returncode}"
