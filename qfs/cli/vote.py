"""`qfs vote`: signing a ballot, and recording ballots."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from qfs.cli.instance import key_option, read_key, tick_option, writing
from qfs.cli.output import json_option, print_json, print_lines
from qfs.cli.proposal import dry_run_option, find, required, say, values_text, written
from qfs.limits import MAX_TICK

if TYPE_CHECKING:
    from collections.abc import Callable

    from qfs.ledger.ballot_files import Collected
    from qfs.protocol.ballots import Ballot
    from qfs.protocol.proposals import Proposal
    from qfs.signatures import PrivateKey

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("name", metavar="PROPOSAL")
@click.argument("choice", type=click.Choice(["for", "against", "abstain"]), required=False)
@click.option("--voter", help="The node that votes and signs.")
@key_option("the voter")
@click.option(
    "--nonce", type=click.IntRange(0, MAX_TICK), default=0, help="Any number, by your own count."
)
@click.option("--out", type=_PATH, help="Only sign: write the ballot into this new file.")
@click.option(
    "--ballots", type=_PATH, multiple=True, help="Record those of a file or folder; may repeat."
)
@click.option(
    "--instance",
    "folder",
    type=_PATH,
    default=".",
    envvar="QFS_INSTANCE",
    help="Folder of the instance; not needed to sign from a proposal's file.",
)
@tick_option
@dry_run_option
@json_option
def vote(
    name: str,
    choice: str | None,
    voter: str | None,
    key_file: Path | None,
    nonce: int,
    out: Path | None,
    ballots: tuple[Path, ...],
    folder: Path,
    tick: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Vote on PROPOSAL, for --voter with its --key, or record --ballots that others signed.

    \b
    qfs vote ID for --voter ann --key ann.key             signs and records one ballot
    qfs vote ID for --voter ann --key ann.key --out FILE  signs, and leaves the log alone
    qfs vote ID --ballots FOLDER                          records signed ballots as one batch

    To sign where the instance is not, give the file of `qfs proposal show ID --out FILE` in place
    of the id: the id is computed from its content, so what you read there is what you sign.

    Of a folder, the files that end in .ballot are read in the order of their names; of a voter's
    ballots the first that has no fault counts, for good. What does not count is told by its reason,
    and ballots that count already are left out, so the command can be repeated.
    """
    if ballots:
        if (choice, voter, key_file, out) != (None, None, None, None):
            raise click.UsageError("--ballots are signed already: give PROPOSAL and --instance")
        _record(name, lambda found: _collected(ballots, found), folder, tick, dry_run, as_json)
        return
    if choice is None or voter is None:
        raise click.UsageError("give for, against or abstain, with --voter and --key; or --ballots")
    signer = _Signer(read_key(required(key_file)), voter, choice, nonce)
    if out is None:
        _record(name, signer.collected, folder, tick, dry_run, as_json)
        return
    if tick is not None or dry_run:
        raise click.UsageError("--out only signs: --tick and --dry-run go with recording")
    _write(name, signer, folder, out, as_json)


class _Signer(NamedTuple):
    """Who votes, and how."""

    key: PrivateKey
    voter: str
    choice: str
    nonce: int

    def ballot(self, instance: bytes, proposal: bytes) -> Ballot:
        """The signed ballot for this place."""
        from qfs.ledger.ballot_files import CHOICES
        from qfs.protocol.ballots import sign_ballot

        code = CHOICES.index(self.choice)
        return sign_ballot(self.key, instance, proposal, self.voter, code, self.nonce)

    def collected(self, found: Proposal) -> Collected:
        """The ballot alone."""
        from qfs.ledger.ballot_files import Collected

        return Collected([self.ballot(found.instance, found.id)], 0)


def _collected(paths: tuple[Path, ...], found: Proposal) -> Collected:
    from qfs.ledger.ballot_files import collect

    return collect(paths, found.instance, found.id)


def _write(name: str, signer: _Signer, folder: Path, out: Path, as_json: bool) -> None:
    """Sign for a proposal that is given as a file, or for one of the instance."""
    from qfs.cli.proposal import state_at
    from qfs.ledger.ballot_files import write_ballot
    from qfs.ledger.proposal_files import document_of, read_proposal

    if Path(name).is_file():
        found = read_proposal(Path(name))
    else:
        found = document_of(find(state_at(folder, None)[0].governance, name).proposal)
    instance, proposal = bytes.fromhex(found.instance), found.id
    write_ballot(out, instance, proposal, signer.ballot(instance, proposal))
    what = f"{found.type}: {values_text(found.payload)}"
    document = {"proposal": proposal.hex(), "voter": signer.voter, "choice": signer.choice}
    if as_json:
        print_json({"ok": True, **document, "ballot": str(out)})
        return
    print_lines([("on", what), *document.items(), ("ballot", out)])
    click.echo("signed; it counts once it is recorded: qfs vote PROPOSAL --ballots FILE")


def _record(
    name: str,
    gather: Callable[[Proposal], Collected],
    folder: Path,
    tick: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Record ballots as one batch, and print what became of them."""
    from qfs.ledger.voting import recording, sift

    with writing(folder) as session:
        before = find(session.state.governance, name)
        sifted = sift(before, gather(before.proposal))
        event = recording(before, session.tick(tick), sifted.ballots)
        if dry_run:
            after, seq = session.try_out([event]), None
        else:
            seq = session.append([event])[0].seq
            after = session.state
    vote = after.governance.get(before.proposal.id)
    refused = {
        reason: count - before.refused.get(reason, 0)
        for reason, count in sorted(vote.refused.items())
        if count != before.refused.get(reason, 0)
    }
    document = {
        "proposal": vote.proposal.id.hex(),
        "recorded": vote.received - before.received,
        "counted": len(vote.batches[-1].counted),
        "refused": refused,
        "left_out": sifted.left_out,
    }
    if as_json:
        print_json({"ok": True, **document, **written(seq)})
        return
    print_lines([(key.replace("_", " "), _text(value)) for key, value in document.items()])
    say("recorded", seq)


def _text(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{count:,} {reason}" for reason, count in value.items()) or "none"
    return value
