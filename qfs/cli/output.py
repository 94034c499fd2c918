"""What commands share: aligned lines, JSON, and progress on stderr."""

from __future__ import annotations

import contextlib
import csv
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from qfs.decimals import format_tokens

EXIT_ERROR = 1
EXIT_VERIFICATION_FAILED = 3

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON; amounts are text.")


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(document, indent=2))


def print_lines(lines: Sequence[tuple[str, object]]) -> None:
    """Names and values, aligned."""
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        click.echo(f"{name:<{width}}  {value}")


def print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Lines of cells, aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A new CSV file of these rows."""
    with path.open("x", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def nod(base_units: int) -> str:
    """An amount of NOD, with every decimal."""
    return f"{format_tokens(base_units)} NOD"


@contextlib.contextmanager
def progress(stages: int) -> Iterator[Callable[[str], None]]:
    """A function to call at the start of each stage; draws a bar where stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda stage: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<28}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=stages)
        started = False

        def stage(text: str) -> None:
            nonlocal started
            bar.update(task, description=text, advance=1 if started else 0)
            started = True

        yield stage


class Stopwatch:
    """Passes each stage on, and keeps how long it took by the clock of the machine.

    What lies before the first stage and after the last call of `stop` is not counted.
    """

    def __init__(self, stage: Callable[[str], None]) -> None:
        self.seconds: dict[str, float] = {}
        """by stage, in the order in which they began; one that comes again adds to itself"""
        self._stage = stage
        self._running: tuple[str, float] | None = None

    def __call__(self, text: str) -> None:
        self.stop()
        self._stage(text)
        self._running = text, time.perf_counter()

    def stop(self) -> None:
        """The stage that runs is over."""
        if self._running is not None:
            text, began = self._running
            self.seconds[text] = self.seconds.get(text, 0.0) + time.perf_counter() - began
            self._running = None

    def rounded(self) -> dict[str, float]:
        """Seconds with three decimals, by stage and in total."""
        self.stop()
        seconds = self.seconds | {"total": sum(self.seconds.values())}
        return {name: round(value, 3) for name, value in seconds.items()}

    def show(self) -> None:
        """Print them on stderr."""
        seconds = self.rounded()
        width = max(len(name) for name in seconds)
        for name, value in seconds.items():
            click.echo(f"{name:<{width}}  {value:>9.3f} s", err=True)


@contextlib.contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function to call with what is done and what there is; draws a bar as `progress` does."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
