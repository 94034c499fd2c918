"""`qfs init`, and what the commands on an instance share."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qfs.cli.output import json_option, print_json, print_lines

if TYPE_CHECKING:
    from qfs.ledger.session import Session
    from qfs.signatures import PrivateKey

_PATH = click.Path(path_type=Path)

instance_option = click.option(
    "--instance",
    "folder",
    type=_PATH,
    default=".",
    envvar="QFS_INSTANCE",
    help="Folder of the instance; default QFS_INSTANCE or the current one.",
)
tick_option = click.option(
    "--tick",
    type=click.IntRange(min=0),
    help="When it happens; default: that of the last event.",
)

epoch_option = click.option(
    "--epoch", "number", type=click.IntRange(min=0), help="Of an instance; default: the last."
)


def key_option(what: str) -> Callable[[Any], Any]:
    """An option for a private key file."""
    return click.option("--key", "key_file", type=_PATH, help=f"Private key of {what}.")


@click.command()
@click.argument("folder", type=_PATH)
@click.option("--name", required=True, help="Name of the network, for people.")
@click.option("--ruleset", "ruleset_file", type=_PATH, help="TOML; defaults where absent.")
@click.option("--first-epoch", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--registrar", help="Public key of the registrar; default: a new key is made.")
@click.option("--log", "log_url", help="postgresql:// URL without a password; default: a file.")
@click.option("--log-owner", help="PostgreSQL: URL of the role that owns the tables; not kept.")
@json_option
def init(
    folder: Path,
    name: str,
    ruleset_file: Path | None,
    first_epoch: int,
    registrar: str | None,
    log_url: str | None,
    log_owner: str | None,
    as_json: bool,
) -> None:
    """Create an instance: its genesis, its log, and a registrar key unless there is one.

    The registrar's key registers and revokes nodes, rotates their keys and changes the rules.
    Without --registrar it is made and kept in FOLDER/registrar.key.
    """
    from qfs import signatures
    from qfs.cli.epoch import read_ruleset_file
    from qfs.ledger.instance import REGISTRAR_KEY, create_instance
    from qfs.protocol.genesis import genesis_of

    key = signatures.generate() if registrar is None else None
    public = key.public if key is not None else signatures.parse_public_key(registrar or "")
    genesis = genesis_of(name, public, read_ruleset_file(ruleset_file), first_epoch)
    made = create_instance(folder, genesis, log_url, log_owner, key)
    document = {
        "instance": made.id.hex(),
        "log": made.log_place,
        "registrar": public.text,
        "first_epoch": first_epoch,
    }
    if key is not None:
        document["registrar_key"] = str(folder / REGISTRAR_KEY)
    if as_json:
        print_json({"ok": True, "folder": str(folder), **document})
        return
    print_lines([("created", folder), *((k.replace("_", " "), v) for k, v in document.items())])


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[Session]:
    """The instance in a folder, with the right to write."""
    from qfs.ledger.instance import open_instance
    from qfs.ledger.session import Session

    with Session(open_instance(folder), _writer()) as session:
        yield session


def read_key(path: Path) -> PrivateKey:
    """A private key; an encrypted one asks for its passphrase where there is somebody to ask."""
    from qfs import signatures

    return signatures.read_private_key(path, _ask if sys.stdin.isatty() else None)


def registrar_key(folder: Path, key_file: Path | None) -> PrivateKey:
    """The registrar's key, from the file that is named or from the instance's folder."""
    from qfs.ledger.instance import REGISTRAR_KEY

    return read_key(key_file or folder / REGISTRAR_KEY)


def evidence_folder(path: Path, epoch: int | None) -> Path:
    """The evidence at a path: that of an instance's epoch, the newest by default, or the path.

    Raises:
        UsageError: an epoch is named, and the path is no instance.
        EvidenceError: the instance has no closed epoch.
    """
    from qfs.errors import EvidenceError
    from qfs.ledger.instance import is_instance, open_instance

    if not is_instance(path):
        if epoch is not None:
            raise click.UsageError("--epoch goes with an instance; this is the folder of one epoch")
        return path
    instance = open_instance(path)
    if epoch is None:
        closed = [int(p.name) for p in instance.evidence(0).parent.iterdir() if p.name.isdecimal()]
        if not closed:
            raise EvidenceError("has no closed epoch yet", source=str(path))
        epoch = max(closed)
    return instance.evidence(epoch)


def _ask() -> bytes:
    return getpass.getpass("passphrase: ").encode()


def _writer() -> str:
    """Who writes, as others are told while the instance is held."""
    host = "".join(c for c in socket.gethostname() if c.isalnum() or c in "-.") or "host"
    return f"{host[:64]}/{os.getpid()}"
