"""`qfs replay`: the state of an instance, computed again from its log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qfs.cli.instance import instance_option
from qfs.cli.output import counting, json_option, nod, print_json, print_lines

if TYPE_CHECKING:
    from qfs.ledger.replaying import Replayed


@click.command()
@instance_option
@click.option("--resume", is_flag=True, help="Begin at the newest snapshot, not at genesis.")
@click.option("--to", type=click.IntRange(min=0), help="The last event to be applied.")
@json_option
def replay(folder: Path, resume: bool, to: int | None, as_json: bool) -> None:
    """Apply and audit every event of the log from genesis on, and print what it comes to.

    Exits with 3 and the event where one does not follow. After each epoch a snapshot is kept, so
    that --resume goes on where an interrupted replay was; with --to, or where the folder cannot
    be written, none is. What is printed depends on the log alone, but for the backend.
    """
    from qfs.ledger.instance import open_instance
    from qfs.ledger.replaying import replay_instance

    instance = open_instance(folder)
    with instance.open_log() as log, counting("replaying events") as done:
        found = replay_instance(instance, log, resume=resume, to=to, progress=done)
    if found.not_kept is not None:
        click.echo(f"no snapshots were kept: {found.not_kept}", err=True)
    if as_json:
        print_json({"ok": True, **_document(found)})
        return
    print_lines(_lines(found))


def _document(found: Replayed) -> dict[str, Any]:
    import qfs

    nod_state, atr = found.state.tokens.nod_state, found.state.tokens.atr_state
    return {
        "instance": found.state.instance.hex(),
        "events": found.head.size,
        "begun_at_event": found.begun,
        "tick": found.state.tick,
        "epochs": found.closed,
        "next_epoch": found.state.epoch,
        "supply": str(nod_state.supply),
        "pool": str(nod_state.pool),
        "residue": str(nod_state.residue),
        "atr_fees": str(atr.fees),
        "atr_retained": str(atr.retained),
        "state": found.state.digest.hex(),
        "tokens": found.state.tokens.digest.hex(),
        "head": found.head.hash.hex(),
        "backend": qfs.backend().name,
    }


def _lines(found: Replayed) -> list[tuple[str, object]]:
    from qfs.decimals import format_tokens

    figures = _document(found)
    begun = f", from event {found.begun} on" if found.begun else ""
    atr = [format_tokens(int(figures[name])) for name in ("atr_fees", "atr_retained")]
    return [
        ("instance", figures["instance"]),
        ("events", f"{found.head.size}{begun}"),
        ("tick", found.state.tick),
        ("epochs", f"{found.closed} closed, {found.state.epoch} is next"),
        ("supply", nod(int(figures["supply"]))),
        ("pool", nod(int(figures["pool"]))),
        ("residue", f"{figures['residue']} x 10^-18 of a base unit"),
        ("fees", f"{atr[0]} ATR, {atr[1]} kept by the treasury"),
        ("state digest", figures["state"]),
        ("tokens digest", figures["tokens"]),
        ("head", figures["head"]),
        ("backend", figures["backend"]),
    ]
