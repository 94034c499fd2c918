"""The batches of ballots on a proposal as a log records them, each with the registry of then.

Only events of the registry and of the proposal are looked at, so nothing here depends on what the
state has come to: it is what a tally is made from again.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from qfs.ledger.artifacts import Artifacts
from qfs.ledger.events import Event
from qfs.ledger.instance import Instance
from qfs.ledger.replay import protocol_event
from qfs.ledger.tree import LogTree, read_tree
from qfs.protocol.events import (
    RECORD_BALLOTS,
    REGISTER,
    REVOKE,
    ROTATE_KEY,
    RecordBallots,
    Register,
    Revoke,
    RotateKey,
    parse_payload,
)
from qfs.protocol.registry import Registry
from qfs.rows import concat
from qfs.tables import Table

_LOOKED_AT: Final = (REGISTER, ROTATE_KEY, REVOKE, RECORD_BALLOTS)


class RecordedBatch(NamedTuple):
    """A batch of ballots, those that do not count among them."""

    event: Event
    first: int
    """the number of its first ballot"""
    ballots: Table
    signatures: Table
    registry: Registry
    """as it was when the batch was recorded"""


def read_recorded(
    instance: Instance, proposal: bytes, size: int | None = None
) -> tuple[LogTree, list[RecordedBatch]]:
    """The tree over the first `size` events of a log, or over all, and the batches among them.

    Raises:
        LogTamperedError: an event is not what was appended.
        VerificationError: a table is not what its event says.
        StorageError: a table is missing.
        TransitionError: an event of the registry does not follow from those before.
    """
    found = _Recorded(instance.artifacts, proposal.hex())
    with instance.open_log() as log:
        tree = read_tree(log, size, found.see)
    return tree, found.batches


class _Recorded:
    """What was seen of a log so far."""

    def __init__(self, artifacts: Artifacts, proposal: str) -> None:
        self._artifacts = artifacts
        self._proposal = proposal
        self._registry = Registry()
        self._next = 0
        self.batches: list[RecordedBatch] = []

    def see(self, event: Event) -> None:
        """Take the next event in."""
        if event.type not in _LOOKED_AT:
            return
        if event.payload.get("proposal", self._proposal) != self._proposal:
            return
        happened = protocol_event(event, self._artifacts)
        payload = parse_payload(happened)
        if isinstance(payload, RotateKey):
            self._registry = self._registry.rotate_key(payload.node_id, payload.public_key)
        elif isinstance(payload, Revoke):
            self._registry = self._registry.revoke(payload.node_id, event.tick)
        elif isinstance(payload, Register):
            assert happened.table is not None
            # Whether the keys are sound was looked at when they were registered, and is at replay.
            self._registry = Registry.of(concat(self._registry.table, happened.table))
        elif isinstance(payload, RecordBallots):
            assert happened.table is not None
            assert happened.signatures is not None
            tables = (happened.table, happened.signatures)
            self.batches.append(RecordedBatch(event, self._next, *tables, self._registry))
            self._next += len(happened.table)
