"""Timings as a table, and as a document that says what they were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from qfs.backend import backend, build_facts
from qfs.bench.jobs import COPY, PYTHON
from qfs.bench.timing import Timing

_PACKAGES = ("qfs", "numpy", "polars", "duckdb", "numba", "pyarrow")


def facts() -> dict[str, str]:
    """What the figures depend on: machine, versions, and which code computed."""
    chosen = backend()
    found = {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "backend": f"{chosen.name}, CPU path {chosen.isa}",
    }
    found |= {f"kernel {name}": fact for name, fact in build_facts().items()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def ratio(timings: Iterable[Timing], to: str, timing: Timing) -> float | None:
    """How many times the job `to` takes of what this one takes, of the same group and rows."""
    for other in timings:
        same = (other.job.group, other.job.rows) == (timing.job.group, timing.job.rows)
        if same and other.job.name == to:
            return other.median / timing.median
    return None


def documents(timings: Sequence[Timing]) -> list[dict[str, object]]:
    """The timings for a program: nanoseconds per row, as text with two decimals."""
    return [
        {
            "group": timing.job.group,
            "name": timing.job.name,
            "rows": timing.job.rows,
            "rounds": len(timing.seconds),
            "rounds_dropped": len(timing.dropped),
            "min_ns_per_row": f"{timing.nanoseconds(min):.2f}",
            "median_ns_per_row": f"{timing.median:.2f}",
            "max_ns_per_row": f"{timing.nanoseconds(max):.2f}",
        }
        for timing in timings
    ]


def lines(timings: Sequence[Timing]) -> Iterator[list[str]]:
    """One line of cells per timing; the first has the names of the columns."""
    yield [
        *("rows", "", "rounds", "min", "median", "max"),
        *("times Python ints", "copies of the bytes"),
    ]
    for timing in timings:
        python, copy = (ratio(timings, name, timing) for name in (PYTHON, COPY))
        yield [
            f"{timing.job.rows:,}",
            f"{timing.job.group}: {timing.job.name}",
            str(len(timing.seconds)),
            f"{timing.nanoseconds(min):.2f}",
            f"{timing.median:.2f}",
            f"{timing.nanoseconds(max):.2f}",
            "" if python is None else f"{python:.1f}",
            "" if copy is None else f"{1 / copy:.1f}",
        ]


def markdown(timings: Sequence[Timing]) -> str:
    """A table; nanoseconds per row."""
    header, *rows = lines(timings)
    marks = ["---:", "---", *["---:"] * (len(header) - 2)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (header, marks, *rows))
