"""An instance on disk: its log, its artifacts, its snapshots, its closed epochs.

    instance.json       what instance this is, and where its log is kept
    registrar.key       the registrar's private key, unless it is kept elsewhere
    log.sqlite          the log, unless it is kept in PostgreSQL
    artifacts/          tables by digest
    snapshots/          states after epochs, to begin a replay from
    epochs/<number>/    evidence of a closed epoch

The log is what counts; with the artifacts, everything else can be made again from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import msgspec

from qfs import canonical
from qfs.errors import EvidenceError, UnknownOptionError
from qfs.files import new_folder, read_bounded, require_free
from qfs.ledger.artifacts import Artifacts
from qfs.ledger.events import instance_of
from qfs.ledger.log import EventLog, create_log, open_log, role_of
from qfs.ledger.snapshots import Snapshots
from qfs.protocol.genesis import Genesis
from qfs.protocol.manifest import parse_digest
from qfs.signatures import PrivateKey, write_private_key

CONFIG: Final = "instance.json"
LOG: Final = "log.sqlite"
ARTIFACTS: Final = "artifacts"
SNAPSHOTS: Final = "snapshots"
EPOCHS: Final = "epochs"
REGISTRAR_KEY: Final = "registrar.key"

_PASSWORD = re.compile(r"[a-z]+://[^/@]*:[^/@]*@|[?&]password=")


class _Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["qfs-instance-v1"]
    instance: str
    log: str
    """path from the folder, or a postgresql:// URL without a password"""


@dataclass(frozen=True)
class Instance:
    """An instance in a folder. Nothing in it is open until it is asked for."""

    folder: Path
    id: bytes
    """32 bytes"""
    log_place: str

    @cached_property
    def artifacts(self) -> Artifacts:
        """The tables of its events."""
        return Artifacts(self.folder / ARTIFACTS)

    @property
    def snapshots(self) -> Snapshots:
        """The states after its epochs."""
        return Snapshots(self.folder / SNAPSHOTS, self.artifacts)

    def evidence(self, epoch: int) -> Path:
        """The folder for the evidence of an epoch."""
        return self.folder / EPOCHS / str(epoch)

    def open_log(self, writer: str | None = None) -> EventLog:
        """Its log, for reading or as its one writer; see `qfs.ledger.log.open_log`."""
        return open_log(self.log_place, writer=writer, instance=self.id)


def create_instance(
    folder: Path,
    genesis: Genesis,
    log_url: str | None = None,
    owner_url: str | None = None,
    registrar_key: PrivateKey | None = None,
) -> Instance:
    """Create an instance in a folder that does not exist yet, or is empty.

    Args:
        folder: where.
        genesis: what the instance begins with.
        log_url: a postgresql:// URL for its log, in the role that reads and appends, or None for
            a file in the folder. It is kept in the folder, so it has no password.
        owner_url: the same database in the role that shall own the tables, used once and not
            kept; the role of `log_url` may then append and read, and nothing else.
        registrar_key: to be kept in the folder, in a file that only its owner may read, or None.

    Raises:
        StorageError: the folder is in use, or the log cannot be created; nothing is left.
    """
    if owner_url is not None and log_url is None:
        raise UnknownOptionError("a log in a file has no owner", argument="owner_url")
    if log_url is not None and _PASSWORD.search(log_url):
        raise UnknownOptionError(
            "the URL has a password, which would be kept in the instance's folder;"
            " leave it to ~/.pgpass or PGPASSWORD",
            argument="log",
        )
    require_free(folder)
    document = msgspec.to_builtins(genesis)
    with new_folder(folder) as partial:
        for name in (ARTIFACTS, SNAPSHOTS, EPOCHS):
            (partial / name).mkdir()
        if registrar_key is not None:
            write_private_key(partial / REGISTRAR_KEY, registrar_key)
        config = _Config("qfs-instance-v1", instance_of(document).hex(), log_url or LOG)
        (partial / CONFIG).write_bytes(canonical.encode(config))
        # Last: what is in a database stays when the folder cannot be written.
        place = owner_url or log_url or partial / LOG
        role = None if owner_url is None or log_url is None else role_of(log_url)
        create_log(place, document, application_role=role)
    return open_instance(folder)


def open_instance(folder: Path) -> Instance:
    """The instance in a folder.

    Raises:
        StorageError: there is none.
        EvidenceError: its configuration is none.
    """
    data = read_bounded(folder / CONFIG, canonical.MAX_BYTES)
    config = canonical.decode(data, _Config, CONFIG)
    instance = parse_digest(config.instance, f"{CONFIG} instance")
    if config.log == LOG:
        return Instance(folder, instance, str(folder / LOG))
    if "://" not in config.log:
        raise EvidenceError(f"neither {LOG} nor a URL", argument=f"{CONFIG} log")
    return Instance(folder, instance, config.log)


def is_instance(path: Path) -> bool:
    """Whether a folder is one of an instance."""
    return (path / CONFIG).is_file()
