"""`qfs bench`: time on this machine, with peers beside it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from qfs.cli.output import EXIT_ERROR, json_option, print_json

if TYPE_CHECKING:
    from qfs.bench.timing import Timing

MAX_ROWS: Final = 100_000_000
GROUPS: Final = ("allocate", "issue", "score", "root", "tally")


@click.command()
@click.option(
    "--rows",
    multiple=True,
    type=click.IntRange(1, MAX_ROWS),
    default=(1_000, 100_000, 1_000_000),
    show_default=True,
    help="Repeat it for several sizes.",
)
@click.option("--group", "groups", multiple=True, type=click.Choice(GROUPS), help="Default: all.")
@click.option("--rounds", type=click.IntRange(1, 1000), default=7, show_default=True)
@click.option("--chart", type=click.Path(path_type=Path), help="Write the scaling chart (SVG).")
@click.option("--check", is_flag=True, help="Fail where a ratio is not what it should be.")
@json_option
def bench(
    rows: tuple[int, ...],
    groups: tuple[str, ...],
    rounds: int,
    chart: Path | None,
    check: bool,
    as_json: bool,
) -> int:
    """Time what qfs computes, in one process and in turn with peers.

    Peers are loops in Python ints, a copy of the same bytes, and NumPy, Polars and DuckDB where
    they are installed. Rounds in which the processor was elsewhere are dropped; on a busy machine
    compare the ratios. With --check it runs 100,000 rows only and exits with 1 where a fast path
    was lost.
    """
    from qfs.backend import backend
    from qfs.bench import gate, suites, table

    sizes = (gate.ROWS,) if check else tuple(sorted(set(rows)))
    timings, missing = suites.run(groups or GROUPS, sizes, rounds, _tell)
    faults = gate.faults(timings, backend().isa) if check else []
    timings = [timing for timing in timings if timing.seconds]
    if chart is not None:
        _write_chart(chart, timings, (groups or GROUPS)[0])
    if as_json:
        print_json(
            {
                "ok": not faults,
                "facts": table.facts(),
                "missing": missing,
                "timings": table.documents(timings),
                "faults": faults,
            }
        )
    else:
        _print(table.facts(), timings, missing, faults)
    return EXIT_ERROR if faults else 0


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        click.echo(what, err=True)


def _write_chart(path: Path, timings: Sequence[Timing], group: str) -> None:
    from qfs.cli.bench_chart import scaling_chart
    from qfs.files import new_file

    with new_file(path) as file:
        file.write(scaling_chart(timings, group).encode("utf-8"))


def _print(
    facts: dict[str, str], timings: Sequence[Timing], missing: list[str], faults: list[str]
) -> None:
    from qfs.bench.table import lines

    for name, fact in facts.items():
        click.echo(f"{name}: {fact}")
    click.echo("\nnanoseconds per row\n")
    cells = list(lines(timings))
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    for row in cells:
        aligned = [
            cell.ljust(width) if i == 1 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(aligned).rstrip())
    for what in missing:
        click.echo(f"not measured: {what}")
    for fault in faults:
        click.echo(f"RED: {fault}", err=True)
