"""`qfs explain` and `qfs prove`: what anyone can do with evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qfs.cli.output import json_option, nod, print_json

if TYPE_CHECKING:
    from qfs.ledger.explain import Explanation

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("node")
@click.argument("folder", type=_PATH, required=False)
@click.option("--instance", type=_PATH, help="Prove it from the log of this instance.")
@click.option("--epoch", type=click.IntRange(min=0), help="Instance: which epoch.")
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
    checkpoint: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Prove what NODE was paid: one small file that `qfs verify` checks offline.

    From an evidence FOLDER the proof leads to the digest of the epoch. From an instance it leads
    on to a signed checkpoint of the log, so that the operator's key is all that has to be known;
    and it proves as well that a node was excluded, and why.
    """
    if instance is not None:
        if folder is not None or epoch is None:
            raise click.UsageError("--instance takes --epoch and no FOLDER")
        _prove_in_log(node, instance, epoch, checkpoint, out, as_json)
        return
    if folder is None or epoch is not None or checkpoint is not None:
        raise click.UsageError("give FOLDER alone, or --instance with --epoch")
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


@click.command()
@click.argument("node")
@click.argument("folder", type=_PATH)
@json_option
def explain(node: str, folder: Path, as_json: bool) -> None:
    """Say why a node was paid its amount, from the recorded numbers."""
    from qfs.ledger.explain import explain as explain_node

    found = explain_node(folder, node)
    if as_json:
        print_json({"ok": True, **_document(found)})
        return
    click.echo("\n".join(_sentences(found)))


def _document(found: Explanation) -> dict[str, Any]:
    return {
        "node": found.node,
        "epoch": found.manifest.epoch,
        "rank": found.rank,
        "nodes": found.nodes,
        "weight": str(found.weight),
        "cap": str(found.cap),
        "amount": str(found.amount),
        "capped": found.capped,
        "share": None if found.share is None else str(found.share),
        "remainder": None if found.remainder is None else str(found.remainder),
        "extra": str(found.extra),
        "shared_pool": found.manifest.allocation.shared_pool,
        "shared_weight": found.manifest.allocation.shared_weight,
        "cut": found.manifest.allocation.cut or None,
    }


def _sentences(found: Explanation) -> list[str]:
    figures, ruleset = found.manifest.allocation, found.manifest.ruleset["allocation"]
    epoch, rank = found.manifest.epoch, f"rank {found.rank} of {found.nodes}"
    lines = [
        f"{found.node} was paid {nod(found.amount)} in epoch {epoch}, {rank}.",
        "",
        f"pool            {figures.pool} base units",
        f"weight          {found.weight} of {figures.total_weight} in all",
        f"cap             {found.cap} = pool * {ruleset['max_share']}, rounded down",
    ]
    if figures.too_few_nodes:
        return [*lines, "", f"Fewer than {ruleset['min_active_nodes']} nodes: nothing was paid."]
    if figures.fallback:
        lines.append("Every weight is 0, so every weight counted as 1.")
    if figures.capped:
        lines.append(
            f"{figures.capped} nodes would have exceeded their cap, were paid it and left;"
            f" the others shared {figures.shared_pool} by a weight of {figures.shared_weight}."
        )
    lines.append("")
    if found.capped:
        return [*lines, f"Its share exceeds the cap, so it was paid the cap: {found.amount}."]
    if found.share is None:
        return [*lines, "It has no weight, and every node with weight is at its cap."]
    weight = 1 if figures.fallback else found.weight
    lines += [
        f"share           {figures.shared_pool} * {weight} / {figures.shared_weight}",
        f"                = {found.share}, remainder {found.remainder}",
        f"left over       {figures.leftover} base units, one each to the largest remainders",
    ]
    if figures.cut:
        lines.append(f"smallest remainder that got one: {figures.cut}")
    return [*lines, f"paid            {found.share} + {found.extra} = {found.amount}"]
