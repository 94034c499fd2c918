"""`qfs prove`: what a node was paid, or that its ballot counts, in one file anyone can check."""

from __future__ import annotations

from pathlib import Path

import click

from qfs.cli.output import json_option, nod, print_json

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("node")
@click.argument("folder", type=_PATH, required=False)
@click.option("--instance", type=_PATH, help="Prove it from the log of this instance.")
@click.option("--epoch", type=click.IntRange(min=0), help="Instance: which epoch.")
@click.option("--proposal", help="Instance: make the receipt of its ballot on this proposal.")
@click.option(
    "--checkpoint", type=_PATH, help="Instance: up to this one; default: the last one signed."
)
@click.option("--out", type=_PATH, help="New file for the proof; default stdout.")
@json_option
def prove(
    node: str,
    folder: Path | None,
    instance: Path | None,
    epoch: int | None,
    proposal: str | None,
    checkpoint: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Prove what NODE was paid, or that its ballot counts, in one file for `qfs verify`.

    From an evidence FOLDER the proof leads to the digest of the epoch. From an instance it leads
    on to a signed checkpoint of the log, so that the operator's key is all that has to be known;
    and it proves as well that a node was excluded, and why.

    With --proposal it is a voter's receipt: that the ballot is in the log, that it counts in the
    totals, and with which power. Without a signed checkpoint it leads to a root of the log that
    nobody signed.
    """
    if instance is not None:
        if folder is not None or (epoch is None) == (proposal is None):
            raise click.UsageError("--instance takes --epoch or --proposal, and no FOLDER")
        if proposal is not None:
            _prove_ballot(node, instance, proposal, checkpoint, out, as_json)
            return
        assert epoch is not None
        _prove_in_log(node, instance, epoch, checkpoint, out, as_json)
        return
    if folder is None or (epoch, proposal, checkpoint) != (None, None, None):
        raise click.UsageError("give FOLDER alone, or --instance with --epoch or --proposal")
    from qfs import canonical
    from qfs.ledger import proofs

    proof = proofs.prove(folder, node)
    if out is None:
        click.echo(canonical.encode(proof), nl=False)
        return
    proofs.write_proof(proof, out)
    if as_json:
        print_json({"ok": True, "proof": str(out), "digest": proof.manifest.digest.hex()})
        return
    click.echo(f"proof of {nod(int(proof.row.amount))} for {node} in {out}")
    click.echo(f"check it  qfs verify {out} --digest {proof.manifest.digest.hex()}")


def _prove_in_log(
    node: str, folder: Path, epoch: int, checkpoint: Path | None, out: Path | None, as_json: bool
) -> None:
    from qfs import canonical
    from qfs.ledger.checkpoints import kept, read_note
    from qfs.ledger.instance import open_instance
    from qfs.ledger.log_proofs import prove_in_log, write_log_proof

    instance = open_instance(folder)
    path = checkpoint or next(reversed(kept(instance)), None)
    if path is None:
        raise click.UsageError("no checkpoint was signed yet: qfs checkpoint sign")
    proof = prove_in_log(instance, epoch, node, read_note(path))
    if out is None:
        click.echo(canonical.encode(proof), nl=False)
        return
    write_log_proof(proof, out)
    columns = proof.row.columns
    if as_json:
        print_json({"ok": True, "proof": str(out), "table": proof.row.table, "row": columns})
        return
    what = (
        nod(int(columns["amount"])) if "amount" in columns else f"exclusion ({columns['reason']})"
    )
    click.echo(f"proof of {what} for {node} in {out}")
    click.echo(f"check it  qfs verify {out} --verifier-key KEY")


def _prove_ballot(
    voter: str,
    folder: Path,
    name: str,
    checkpoint: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    from qfs import canonical
    from qfs.cli.proposal import find, state_at
    from qfs.ledger.checkpoints import kept, read_note
    from qfs.ledger.instance import open_instance
    from qfs.ledger.receipts import Receipts, write_receipt

    instance = open_instance(folder)
    path = checkpoint or next(reversed(kept(instance)), None)
    vote = find(state_at(folder, None)[0].governance, name)
    receipt = Receipts(instance, vote, None if path is None else read_note(path)).make(voter)
    if out is None:
        click.echo(canonical.encode(receipt), nl=False)
        return
    write_receipt(receipt, out)
    if as_json:
        print_json({"ok": True, "receipt": str(out), "digest": receipt.counted.digest})
        return
    key = "" if path is None else " --verifier-key KEY"
    click.echo(f"receipt of the ballot of {voter} in {out}")
    click.echo(f"check it  qfs verify {out} --digest {receipt.counted.digest}{key}")
