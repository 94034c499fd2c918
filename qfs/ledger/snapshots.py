"""Snapshots: the state after an epoch, so that a replay need not begin at the first event.

A snapshot is taken after an `epoch.close` event only, because that event says the digest of the
state after it: so a snapshot is believed as far as the log is, and not at all without it. Its
tables are artifacts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from immutables import Map

from qfs import canonical
from qfs.errors import QfsError, VerificationError
from qfs.files import new_file, read_bounded, storage_errors
from qfs.hashing import STATE_TAG, tagged_hash
from qfs.ledger.artifacts import Artifacts
from qfs.ledger.events import Head
from qfs.ledger.log import EventLog
from qfs.protocol import ruleset as rulesets
from qfs.protocol.events import CLOSE_EPOCH
from qfs.protocol.governance_documents import governance_of, tables_of
from qfs.protocol.registry import Registry
from qfs.protocol.state import Batch, State
from qfs.protocol.tokens import load_token_state_bundle
from qfs.signatures import parse_public_key
from qfs.tables import BALANCES, REGISTRY, SCHEMAS

KEPT: Final = 2
"""The newest, and the one before it in case that one cannot be read."""


class _Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["qfs-snapshot-v1"]
    size: int
    head: str
    state: dict[str, Any]
    tokens: str


class Snapshots:
    """The snapshots of an instance, in a folder."""

    def __init__(self, folder: Path, artifacts: Artifacts) -> None:
        self.folder = folder
        self.artifacts = artifacts

    def take(self, state: State, head: Head) -> None:
        """Keep the state after the `epoch.close` event that the head is at.

        Raises:
            StorageError: it cannot be written.
        """
        path = self._path(head.size)
        recorded = [batch.table for batch in state.batches]
        voted = tables_of(state.governance)
        for table in (state.registry.table, state.balances, *recorded, *voted):
            self.artifacts.put(table)
        snapshot = _Snapshot(
            "qfs-snapshot-v1",
            head.size,
            head.hash.hex(),
            state.document(),
            state.tokens.to_bytes().decode("ascii"),
        )
        data = canonical.encode(snapshot)
        if not path.exists() or read_bounded(path, canonical.MAX_BYTES) != data:
            # What is there instead is damaged, or of another log.
            with storage_errors(path):
                path.unlink(missing_ok=True)
            with new_file(path) as file:
                file.write(data)
        # Those after it are of a state that this one leads to, or of another log: they do not
        # push it out.
        for old in [old for old in self._paths() if old <= path][:-KEPT]:
            with storage_errors(old):
                old.unlink(missing_ok=True)

    def newest(self, log: EventLog) -> tuple[State, Head] | None:
        """The newest snapshot that the log bears out, or None."""
        for path in reversed(self._paths()):
            try:
                return self._read(path, log)
            except QfsError:
                # Whatever is wrong with it, the log has it all; only time is lost.
                continue
        return None

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("*.json"))

    def _path(self, size: int) -> Path:
        return self.folder / f"{size:016d}.json"

    def _read(self, path: Path, log: EventLog) -> tuple[State, Head]:
        data = read_bounded(path, canonical.MAX_BYTES)
        snapshot = canonical.decode(data, _Snapshot, path.name)
        event = None
        if snapshot.size > 0:
            event = next(iter(log.read(snapshot.size - 1, snapshot.size)), None)
        if event is None or (event.hash.hex(), event.type) != (snapshot.head, CLOSE_EPOCH):
            raise VerificationError("is of another log", argument=path.name)
        # Before anything is made of it: a document of this digest is one that `take` wrote.
        digest = tagged_hash(STATE_TAG, canonical.encode(snapshot.state))
        state = self._state(snapshot) if event.payload.get("state") == digest.hex() else None
        if state is None or state.digest != digest:
            raise VerificationError("is not the state that the log says", argument=path.name)
        return state, event.head

    def _state(self, snapshot: _Snapshot) -> State:
        found = snapshot.state
        get = self.artifacts.get
        return State(
            instance=bytes.fromhex(found["instance"]),
            registrar=parse_public_key(found["registrar"]),
            rulesets=tuple(
                (entry["first_epoch"], rulesets.from_document(entry["ruleset"]))
                for entry in found["rulesets"]
            ),
            epoch=found["epoch"],
            tick=found["tick"],
            tokens=load_token_state_bundle(snapshot.tokens.encode("ascii")),
            registry=Registry.of(get(REGISTRY, found["registry"]["digest"])),
            balances=get(BALANCES, found["balances"]["digest"]),
            batches=tuple(
                Batch(b["epoch"], b["reporter"], get(SCHEMAS[b["kind"]], b["digest"]))
                for b in found["batches"]
            ),
            signed=Map(found["signed"]),
            manifest=bytes.fromhex(found["manifest"]) or None,
            governance=governance_of(found.get("governance", {}), get),
        )
