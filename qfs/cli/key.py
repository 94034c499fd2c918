"""`qfs key`: key files."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from qfs.cli.instance import read_key
from qfs.cli.output import json_option, print_json, print_lines

_PATH = click.Path(path_type=Path)


@click.group()
def key() -> None:
    """Make keys, and show their public half."""


@key.command()
@click.argument("file", type=_PATH)
@click.option(
    "--suite", type=click.Choice(["ed25519", "ml-dsa-65"]), default="ed25519", show_default=True
)
@click.option("--encrypt", is_flag=True, help="Ask for a passphrase and encrypt the file.")
@json_option
def new(file: Path, suite: str, encrypt: bool, as_json: bool) -> None:
    """Make a private key in a new FILE that only you may read; print its public key."""
    from qfs import signatures

    made = signatures.generate(suite)
    signatures.write_private_key(file, made, _ask_twice if encrypt else None)
    _print(file, made.public.text, as_json)


@key.command()
@click.argument("file", type=_PATH)
@json_option
def show(file: Path, as_json: bool) -> None:
    """Print the public key of a private key FILE."""
    _print(file, read_key(file).public.text, as_json)


def _print(file: Path, public_key: str, as_json: bool) -> None:
    if as_json:
        print_json({"ok": True, "file": str(file), "public_key": public_key})
        return
    print_lines([("private key", file), ("public key", public_key)])


def _ask_twice() -> bytes:
    first = getpass.getpass("passphrase: ")
    if getpass.getpass("again: ") != first:
        raise click.UsageError("the two passphrases differ")
    return first.encode()
