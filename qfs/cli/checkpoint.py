"""`qfs checkpoint`: signed statements of how far a log has come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qfs.cli.instance import instance_option, read_key
from qfs.cli.output import json_option, print_json, print_lines

if TYPE_CHECKING:
    from qfs.ledger.checkpoint import Checkpoint
    from qfs.ledger.note import VerifierKey

_PATH = click.Path(path_type=Path)

verifier_key_option = click.option(
    "--verifier-key",
    "verifier_keys",
    multiple=True,
    help="Key of the log's operator, as `qfs checkpoint sign` prints it; may be repeated.",
)


@click.group()
def checkpoint() -> None:
    """Sign checkpoints of an instance's log, show them, and prove that one continues another."""


@checkpoint.command()
@instance_option
@click.option("--key", "key_files", type=_PATH, multiple=True, required=True, help="Private key.")
@click.option("--name", help="Name of the keys; default: the origin of the log.")
@click.option("--out", type=_PATH, help="Also write it into this new file.")
@json_option
def sign(
    folder: Path, key_files: tuple[Path, ...], name: str | None, out: Path | None, as_json: bool
) -> None:
    """Check the chain of the log and sign how many events it has and the root of its tree.

    Give --key twice to sign with two keys, such as one of Ed25519 and one of ML-DSA-65. What was
    signed is kept in the folder of the instance, and nothing is signed that contradicts it.
    Publish every checkpoint where the operator of the log cannot take it back.
    """
    from qfs.files import new_file
    from qfs.ledger.checkpoints import origin_of, sign_instance
    from qfs.ledger.instance import open_instance
    from qfs.ledger.note import Signer

    instance = open_instance(folder)
    signers = [Signer(name or origin_of(instance.id), read_key(file)) for file in key_files]
    signed = sign_instance(instance, signers)
    if out is not None:
        with new_file(out) as file:
            file.write(signed.note)
    keys = [signer.verifier.text for signer in signers]
    path = out or signed.path
    if as_json:
        document = {"ok": True, "file": str(path), **checkpoint_document(signed.checkpoint)}
        print_json(document | {"verifier_keys": keys})
        return
    print_lines(
        [
            ("checkpoint", path),
            *checkpoint_document(signed.checkpoint).items(),
            *(("verifier key", key) for key in keys),
        ]
    )


@checkpoint.command()
@click.argument("old", type=_PATH)
@click.argument("new", type=_PATH)
@instance_option
@click.option("--out", type=_PATH, required=True, help="New file for the proof.")
@json_option
def consistency(old: Path, new: Path, folder: Path, out: Path, as_json: bool) -> None:
    """Prove that the log of checkpoint NEW begins with that of checkpoint OLD.

    `qfs verify` checks the proof without the log.
    """
    from qfs.ledger import consistency as proofs
    from qfs.ledger.checkpoints import read_note, stated
    from qfs.ledger.instance import open_instance

    first, second = read_note(old), read_note(new)
    proof = proofs.prove_consistency(open_instance(folder), first, second)
    proofs.write_consistency(proof, out)
    sizes = stated(first).size, stated(second).size
    if as_json:
        print_json({"ok": True, "proof": str(out), "first": sizes[0], "second": sizes[1]})
        return
    click.echo(f"proof that the log of {sizes[1]} events begins with that of {sizes[0]} in {out}")
    click.echo(f"check it  qfs verify {out} --verifier-key KEY")


@checkpoint.command()
@click.argument("file", type=_PATH)
@json_option
def show(file: Path, as_json: bool) -> None:
    """Show what a checkpoint FILE says and who is said to have signed it; nothing is verified."""
    from qfs.ledger.checkpoints import read_note, stated
    from qfs.ledger.note import KEY_ID_BYTES, split_note

    note = read_note(file)
    document = checkpoint_document(stated(note))
    signatures = [
        {"name": name, "key_id": blob[:KEY_ID_BYTES].hex()} for name, blob in split_note(note)[1]
    ]
    if as_json:
        print_json({"ok": True, **document, "signatures": signatures, "verified": False})
        return
    lines = [("signature", f"{line['name']}, key id {line['key_id']}") for line in signatures]
    print_lines([*document.items(), *lines])
    click.echo(f"not verified; check it  qfs verify {file} --verifier-key KEY")


def checkpoint_document(found: Checkpoint) -> dict[str, Any]:
    """A checkpoint as names and values."""
    return {"origin": found.origin, "events": found.size, "root": found.root.hex()}


def read_verifier_keys(texts: tuple[str, ...]) -> list[VerifierKey] | None:
    """The keys that were given, or None where none was."""
    from qfs.ledger.note import parse_verifier_key

    return [parse_verifier_key(text) for text in texts] or None
