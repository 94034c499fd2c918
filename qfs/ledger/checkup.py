"""A checkup of an instance: whether everything that its log speaks of is there, and is right."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from qfs.errors import QfsError
from qfs.ledger import log as logs
from qfs.ledger.check import Check
from qfs.ledger.compare import CLOSING_TABLES, named_digest
from qfs.ledger.events import Event
from qfs.ledger.evidence import read_manifest
from qfs.ledger.instance import (
    ARTIFACTS,
    CONFIG,
    EPOCHS,
    LOG,
    REGISTRAR_KEY,
    SNAPSHOTS,
    Instance,
    open_instance,
)
from qfs.ledger.log import EventLog, Progress
from qfs.protocol.events import CLOSE_EPOCH, TABLE_FIELDS
from qfs.protocol.genesis import initial_state
from qfs.signatures import InvalidKeyError, read_private_key
from qfs.tables import SCHEMAS, Schema

_OTHERS_WRITE: Final = stat.S_IWOTH
_SHOWN: Final = 3


def check_instance(
    folder: Path, deep: bool = False, progress: Progress | None = None
) -> Iterator[Check]:
    """Look at an instance, and change nothing.

    Args:
        folder: of the instance.
        deep: read every artifact, too, and compare it with the digest it is named by.
        progress: called with the events done and the events there are.
    """
    try:
        instance = open_instance(folder)
    except QfsError as error:
        yield Check("config", "fail", str(error))
        return
    yield Check("config", "ok", f"instance {instance.id.hex()}, log in {_place(instance)}")
    yield _permissions(instance)
    try:
        log = instance.open_log()
    except QfsError as error:
        yield Check("log", "fail", str(error))
        return
    with log:
        yield from _check_log(instance, log, deep, progress)
    yield _leftovers(instance)


def _check_log(
    instance: Instance, log: EventLog, deep: bool, progress: Progress | None
) -> Iterator[Check]:
    try:
        state = initial_state(log.genesis)
        yield Check("genesis", "ok", f"spec version {state.spec_version}")
        yield _registrar_key(instance, state.registrar.text)
    except QfsError as error:
        yield Check("genesis", "fail", str(error))
    try:
        head = logs.verify(log, progress=progress)
    except QfsError as error:
        yield Check("log", "fail", str(error))
        return
    yield Check("log", "ok", f"{head.size} events, the chain holds; head {head.hash.hex()}")
    writer = log.writer()
    if writer is None:
        yield Check("writer", "ok", "nobody writes now")
    else:
        yield Check("writer", "warn", f"held by {writer}, so what follows may be in the making")
    yield _artifacts(instance, log, deep)
    closed = {e.payload.get("epoch", -1): e for e in log.read() if e.type == CLOSE_EPOCH}
    yield _snapshot(instance, log, len(closed))
    yield _evidence(instance, closed)


def _place(instance: Instance) -> str:
    """Where the log is, without what may follow a user's name."""
    return LOG if "://" not in instance.log_place else "PostgreSQL"


def _permissions(instance: Instance) -> Check:
    folder = instance.folder
    paths = [folder, *(folder / name for name in (CONFIG, LOG, ARTIFACTS, SNAPSHOTS, EPOCHS))]
    wrong = [
        f"{path} may be written by anybody"
        for path in paths
        if path.exists() and path.stat().st_mode & _OTHERS_WRITE
    ]
    missing = [path for path in paths[3:] if not path.is_dir()]
    wrong += [f"{path} is missing" for path in missing]
    key = folder / REGISTRAR_KEY
    if key.exists() and (mode := stat.S_IMODE(key.stat().st_mode)) & 0o077:
        wrong.append(f"{key} has mode {mode:04o}; a private key has 0600")
    if wrong:
        return Check("permissions", "fail", "; ".join(wrong))
    return Check("permissions", "ok", "nobody else may write here or read the key")


def _registrar_key(instance: Instance, registrar: str) -> Check:
    path = instance.folder / REGISTRAR_KEY
    if not path.exists():
        return Check("registrar key", "ok", "is kept elsewhere")
    try:
        key = read_private_key(path)
    except InvalidKeyError as error:
        return Check("registrar key", "warn", f"was not compared: {error.problem}")
    except QfsError as error:
        return Check("registrar key", "fail", str(error))
    if key.public.text != registrar:
        return Check("registrar key", "fail", f"{path} is not the key of the genesis")
    return Check("registrar key", "ok", "is that of the genesis")


def _named(event: Event) -> list[tuple[Schema, str]]:
    """The tables that an event names, each with its digest."""
    if event.type == CLOSE_EPOCH:
        fields = CLOSING_TABLES
    else:
        fields = {field: SCHEMAS[field] for field in TABLE_FIELDS.get(event.type, ())}
    return [(schema, named_digest(event, name)) for name, schema in fields.items()]


def _artifacts(instance: Instance, log: EventLog, deep: bool) -> Check:
    count, wrong = 0, []
    for event in log.read():
        try:
            for schema, digest in _named(event):
                count += 1
                path = instance.artifacts.path(schema, digest)
                if not path.is_file():
                    wrong.append(f"{path} of event {event.seq} is missing")
                elif deep:
                    instance.artifacts.get(schema, digest)
        except QfsError as error:
            wrong.append(f"event {event.seq}: {error}")
    if wrong:
        return Check("artifacts", "fail", _some(wrong))
    looked = "are what they are named by" if deep else "are there; --deep reads them"
    return Check("artifacts", "ok", f"all {count} that events name {looked}")


def _snapshot(instance: Instance, log: EventLog, closed: int) -> Check:
    names = sorted(path.name for path in (instance.folder / SNAPSHOTS).glob("*.json"))
    found = instance.snapshots.newest(log)
    if found is None:
        if names:
            return Check("snapshot", "warn", f"{names[-1]} is not borne out by the log")
        if closed:
            return Check("snapshot", "warn", "there is none, so every start replays from genesis")
        return Check("snapshot", "ok", "none yet, as no epoch is closed")
    size = found[1].size
    if names and int(names[-1].removesuffix(".json")) != size:
        return Check("snapshot", "warn", f"{names[-1]} is not borne out by the log; {size} is")
    return Check("snapshot", "ok", f"the newest, of size {size}, is borne out by the log")


def _evidence(instance: Instance, closed: dict[int, Event]) -> Check:
    wrong, missing = [], []
    for epoch, event in closed.items():
        folder = instance.evidence(epoch)
        if not folder.is_dir():
            missing.append(f"{folder} is missing")
            continue
        try:
            digest = read_manifest(folder).digest.hex()
        except QfsError as error:
            wrong.append(f"epoch {epoch}: {error}")
            continue
        if digest != (logged := event.payload.get("manifest")):
            wrong.append(f"{folder} has digest {digest}, the log {logged}")
    if wrong:
        return Check("evidence", "fail", _some(wrong + missing))
    if missing:
        return Check("evidence", "warn", _some(missing))
    known = {str(epoch) for epoch in closed}
    folders = sorted(p.name for p in (instance.folder / EPOCHS).glob("[0-9]*"))
    if early := [name for name in folders if name not in known]:
        text = f"epoch {early[0]} was not closed to its end; close it again with the same command"
        return Check("evidence", "warn", text)
    return Check("evidence", "ok", f"{len(closed)} epochs closed, each as the log names it")


def _leftovers(instance: Instance) -> Check:
    folder = instance.folder
    found = [
        str(path)
        for inner in (folder, *(folder / name for name in (ARTIFACTS, SNAPSHOTS, EPOCHS)))
        for path in sorted(inner.glob(".*-*"))
    ]
    if found:
        return Check("leftovers", "warn", f"of interrupted work, to be removed: {_some(found)}")
    return Check("leftovers", "ok", "no temporary files")


def _some(lines: list[str]) -> str:
    more = len(lines) - _SHOWN
    return "; ".join(lines[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
