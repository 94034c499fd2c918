"""`qfs tally`: counting the ballots of a proposal again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qfs.cli.instance import instance_option
from qfs.cli.output import json_option, nod, print_json, print_lines, progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfs.ledger.instance import Instance
    from qfs.ledger.recorded import RecordedBatch
    from qfs.ledger.tallying import Tallied
    from qfs.protocol.proposals import Proposal


@click.command()
@click.argument("name", metavar="PROPOSAL")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Also write it all into this new folder."
)
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    help="With --out: show the log up to this one; default: the last one signed, if it covers all.",
)
@instance_option
@json_option
def tally(
    name: str, out: Path | None, checkpoint: Path | None, folder: Path, as_json: bool
) -> None:
    """Count the ballots on PROPOSAL again from the log, and compare with the state.

    Reads the batches that the log records, verifies every signature with the key that the
    registry had then, and counts as `qfs.tally` does. Exits with 3 where the state has something
    else. The folder of --out has the snapshot, ballots, signatures and registries, so that anyone
    can count without the instance: `qfs verify FOLDER`.
    """
    from qfs.cli.proposal import find, state_at
    from qfs.ledger.instance import open_instance
    from qfs.ledger.recorded import read_recorded
    from qfs.ledger.tallying import batches_of, require_recorded, tally_again, write_tally

    if checkpoint is not None and out is None:
        raise click.UsageError("--checkpoint goes with --out")
    instance = open_instance(folder)
    with progress(3) as stage:
        stage("reading the state")
        vote = find(state_at(folder, None)[0].governance, name)
        stage("reading the ballots")
        log = read_recorded(instance, vote.proposal.id)
        stage("counting")
        found = tally_again(vote.proposal, batches_of(log[1]))
        require_recorded(found, vote)
    if out is not None:
        write_tally(out, vote.proposal, log, found, _note(instance, log[1], checkpoint))
    document = {"batches": len(log[1]), **tally_document(vote.proposal, found)}
    if as_json:
        print_json({"ok": True, **document, "same_as_state": True})
        return
    print_tally(document)
    click.echo("the state has the same")
    if out is not None:
        click.echo(f"check it  qfs verify {out} --digest {found.digest.hex()}")


def _note(
    instance: Instance, recorded: Sequence[RecordedBatch], given: Path | None
) -> bytes | None:
    """The checkpoint that is named, or the last one signed where it covers all batches."""
    from qfs.ledger.checkpoints import kept, read_note, stated

    if given is not None:
        return read_note(given)
    path = next(reversed(kept(instance)), None)
    note = None if path is None else read_note(path)
    if note is None or any(batch.event.seq >= stated(note).size for batch in recorded):
        return None
    return note


def tally_document(proposal: Proposal, found: Tallied) -> dict[str, Any]:
    """What ballots come to, as JSON; amounts are text."""
    powers = found.powers
    return {
        "proposal": proposal.id.hex(),
        "yes_base_units": str(powers.yes),
        "no_base_units": str(powers.no),
        "abstain_base_units": str(powers.abstain),
        "counted": found.ballots,
        "refused": found.refused,
        "verdict": found.verdict,
        "digest": found.digest.hex(),
    }


def print_tally(document: dict[str, Any]) -> None:
    """The same for people."""
    names = {"yes_base_units": "for", "no_base_units": "against", "abstain_base_units": "abstain"}
    lines: list[tuple[str, object]] = []
    for key, value in document.items():
        if key in names:
            lines.append((names[key], nod(int(value))))
        elif key == "refused":
            words = ", ".join(f"{count:,} {reason}" for reason, count in value.items())
            lines.append((key, words or "none"))
        else:
            lines.append((key.replace("_", " "), value))
    print_lines(lines)
