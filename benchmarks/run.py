"""Measures everything and writes it into docs/performance.md and docs/scaling.svg.

    python benchmarks/run.py [--rows N ...] [--rounds N]

The same as `qfs bench`, with the peers that are compiled here besides. What stands between the
marks in the page is replaced.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import compiled

from qfs.bench import peers, suites, table
from qfs.bench.timing import Job, Timing
from qfs.cli.bench_chart import scaling_chart

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
CHART = ROOT / "docs" / "scaling.svg"
BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->\n"
ROWS = (1_000, 100_000, 1_000_000, 10_000_000, 100_000_000)


def main(arguments: list[str]) -> None:
    """Measure, and replace the figures of the page."""
    parser = argparse.ArgumentParser(prog="python benchmarks/run.py")
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    missing_here: list[str] = []

    def more(group: str, rows: int) -> list[Job]:
        if group != "allocate" or rows > peers.MOST_ROWS:
            return []
        jobs, missing = compiled.allocation(rows)
        missing_here[:] = missing
        return jobs

    timings, missing = suites.run(
        tuple(suites.SUITES),
        options.rows,
        options.rounds,
        lambda what: print(what, flush=True),
        more,
    )
    timings = [timing for timing in timings if timing.seconds]
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    body = document(timings, [*missing, *(f"{name}: cannot be built" for name in missing_here)])
    PAGE.write_text(f"{before}{BEGIN}{body}{END}{after}", encoding="utf-8")
    CHART.write_text(scaling_chart(timings, "allocate"), encoding="utf-8")
    print(body)


def document(timings: list[Timing], missing: list[str]) -> str:
    """What stands between the marks."""
    facts = table.facts() | {"commit": commit()}
    lines = [f"- {name}: {fact}" for name, fact in facts.items()]
    lines += [f"- not measured: {what}" for what in missing]
    return "\n" + "\n".join(lines) + "\n\n" + table.markdown(timings) + "\n"


def commit() -> str:
    """The commit of the checkout, and whether files differ from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "qfs", "qfs_kernel", "benchmarks")
    return git("rev-parse", "--short=12", "HEAD") + (" with changes" if changed else "")


if __name__ == "__main__":
    main(sys.argv[1:])
