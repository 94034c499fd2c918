"""`qfs diff`: where two instances or two evidence folders first differ."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from qfs.cli.output import EXIT_VERIFICATION_FAILED, counting, json_option, print_json

_PATH = click.Path(path_type=Path)
_MOST_CHARACTERS = 400


@click.command()
@click.argument("a", type=_PATH)
@click.argument("b", type=_PATH)
@json_option
def diff(a: Path, b: Path, as_json: bool) -> int:
    """Name the first event, then the first row and operation, in which A and B differ.

    A and B are two instances, or two evidence folders. Exits with 0 where they are equal and
    with 3 where they differ. Nothing here says which one is right: `qfs replay` and `qfs verify`
    do.
    """
    from qfs.ledger.compare import compare

    with counting("comparing events") as done:
        found = compare(a, b, done)
    if as_json:
        print_json({"ok": not found, "equal": not found, "differences": [asdict(d) for d in found]})
    elif not found:
        click.echo("equal")
    else:
        for difference in found:
            click.echo(f"{difference.level}: {difference.place}")
            if (difference.a, difference.b) != (None, None):
                click.echo(f"  A  {_shown(difference.a)}")
                click.echo(f"  B  {_shown(difference.b)}")
    return EXIT_VERIFICATION_FAILED if found else 0


def _shown(value: object) -> str:
    if value is None:
        return "absent"
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    text = str(value)
    if len(text) <= _MOST_CHARACTERS:
        return text
    return f"{text[:_MOST_CHARACTERS]}... ({len(text)} characters)"
