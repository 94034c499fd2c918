"""`qfs verify` and `qfs prove`: what anyone can do with evidence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from qfs.cli.output import json_option, nod, print_json, print_lines, progress

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("path", type=_PATH)
@click.option("--digest", help="The epoch's digest, as you have it from elsewhere.")
@click.option("--previous", type=_PATH, help="Evidence of the epoch before, to be followed.")
@click.option(
    "--backend",
    type=click.Choice(["auto", "kernel", "reference"]),
    help="What computes; default QFS_BACKEND.",
)
@json_option
def verify(
    path: Path, digest: str | None, previous: Path | None, backend: str | None, as_json: bool
) -> None:
    """Check an evidence folder, by computing the epoch again, or a proof.

    Exits with 3 and the first difference where something does not hold. Without --digest the
    parts are checked against each other only: compare the digest that is printed. --previous
    verifies the epoch before too, and that this one opens with what it closed with.
    """
    if backend is not None:
        os.environ["QFS_BACKEND"] = backend
    if path.is_dir():
        document = _verify_folder(path, digest, previous)
    elif previous is not None:
        raise click.UsageError("--previous goes with an evidence folder, not with a proof")
    else:
        document = _verify_proof(path, digest)
    if as_json:
        print_json({"ok": True, **document})
        return
    print_lines([("verified", document.pop("verified")), *document.items()])
    if digest is None:
        click.echo("compare the digest with one you have from elsewhere, or give it as --digest")


def _verify_folder(path: Path, digest: str | None, previous: Path | None) -> dict[str, Any]:
    import qfs
    from qfs.ledger.evidence import verify_evidence

    with progress(4 if previous is None else 8) as stage:
        before = None if previous is None else verify_evidence(previous, stage=stage)
        manifest = verify_evidence(path, digest, before, stage)
    return {
        "verified": f"evidence of epoch {manifest.epoch}, computed again from its inputs",
        "nodes": manifest.tables["allocations"].rows,
        "fees": manifest.tables["fees"].rows,
        "backend": qfs.backend().name,
        "digest": manifest.digest.hex(),
    }


def _verify_proof(path: Path, digest: str | None) -> dict[str, Any]:
    from qfs.ledger.proofs import read_proof, verify_proof

    proof = read_proof(path)
    found = verify_proof(proof, digest)
    return {
        "verified": f"proof of a payment in epoch {proof.manifest.epoch}",
        "node": proof.row.node_id,
        "amount": nod(int(proof.row.amount)),
        "digest": found.hex(),
    }


@click.command()
@click.argument("node")
@click.argument("folder", type=_PATH)
@click.option("--out", type=_PATH, help="New file for the proof; default stdout.")
@json_option
def prove(node: str, folder: Path, out: Path | None, as_json: bool) -> None:
    """Prove what a node was paid: one small file that `qfs verify` checks offline."""
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
