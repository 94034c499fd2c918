"""A session: the one writer of an instance, with the state that its log has come to."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from qfs.errors import QfsError
from qfs.files import storage_errors, sync
from qfs.ledger.events import EMPTY, Entry, Event, Head
from qfs.ledger.evidence import Stage, read_manifest, silent, write_epoch
from qfs.ledger.instance import Instance
from qfs.ledger.log import EventLog
from qfs.ledger.replay import replay
from qfs.protocol import closing, events
from qfs.protocol.closing import Closing
from qfs.protocol.events import ProtocolEvent, Signed
from qfs.protocol.genesis import initial_state
from qfs.protocol.invariants import Auditor
from qfs.protocol.state import REGISTRAR, State
from qfs.protocol.transitions import closing_event, engine_of
from qfs.signatures import PrivateKey
from qfs.tables import Table


def load_state(instance: Instance, log: EventLog) -> tuple[State, Head]:
    """The state that a log has come to, from the newest snapshot on.

    Raises:
        QfsError: see `qfs.ledger.replay.replay`.
    """
    start = instance.snapshots.newest(log) or (initial_state(log.genesis), EMPTY)
    state, head = start
    for step in replay(log, instance.artifacts, start):
        state, head = step.state, step.event.head
    return state, head


class Session:
    """Applies events to the state first and appends them to the log then, tables before both.

    What is refused is not written; what is written is on disk when a method returns.
    """

    def __init__(self, instance: Instance, writer: str) -> None:
        self.instance = instance
        self._log = instance.open_log(writer)
        try:
            self.state, self._head = load_state(instance, self._log)
            self._auditor = Auditor(self.state)
        except BaseException:
            self._log.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._log.close()

    def nonce(self, signer: str = REGISTRAR) -> int:
        """How many events a signer has signed: a reporter by its id, the registrar by default."""
        return self.state.signed.get(signer, 0)

    def tick(self, wanted: int | None = None) -> int:
        """The tick for the next event: what is wanted, else that of the last event."""
        return self.state.tick if wanted is None else wanted

    def sign(
        self, key: PrivateKey, tick: int, payload: Signed, table: Table | None = None
    ) -> Event:
        """Sign and append one event."""
        (event,) = self.append([self.signed(key, tick, payload, table)])
        return event

    def signed(
        self, key: PrivateKey, tick: int, payload: Signed, table: Table | None = None
    ) -> ProtocolEvent:
        """An event for `append`, signed for this instance."""
        signed = events.sign(key, self.instance.id, tick, payload)
        return ProtocolEvent(events.TYPES[type(signed)], tick, events.document(signed), table)

    def try_out(self, happened: Sequence[ProtocolEvent]) -> State:
        """The state that events would lead to; nothing is written.

        Raises:
            TransitionError: one is refused.
        """
        state = self.state
        for event in happened:
            after = engine_of(state.spec_version).apply(state, event)
            self._auditor.check(state, event, after)
            state = after
        return state

    def append(self, happened: Sequence[ProtocolEvent]) -> list[Event]:
        """Append events in one transaction, all or none.

        Raises:
            TransitionError: one is refused; nothing was written.
            StorageError: the log or an artifact cannot be written.
        """
        state = self.try_out(happened)
        for event in happened:
            for table in event.tables:
                self.instance.artifacts.put(table)
        return self._append(happened, state)

    def _append(self, happened: Sequence[ProtocolEvent], state: State) -> list[Event]:
        written = self._log.append(Entry(e.type, e.tick, e.payload) for e in happened)
        self.state = state
        if written:
            self._head = written[-1].head
        return written

    def close(self, epoch: int, tick: int, before: Sequence[ProtocolEvent] = ()) -> Closing:
        """What closing an epoch would come to after these events; nothing is written.

        Raises:
            TransitionError: it is closed, not over, or not the next, or an event is refused.
        """
        return closing.close(self.try_out(before), epoch, tick)

    def commit(
        self,
        before: Sequence[ProtocolEvent],
        found: Closing,
        tick: int,
        stage: Stage = silent,
    ) -> None:
        """Append events and close the epoch as `close` found it.

        Tables and evidence are written first, and then the event that makes it so. Interrupted
        before that, it can be done again and comes to the same.

        Once that is written the epoch is closed: a snapshot that cannot be kept is only warned of.

        Raises:
            StorageError: something cannot be written; the epoch is not closed.
            UnknownOutcomeError: it may be closed; see there.
        """
        self.append(before)
        stage("hashing")
        event = closing_event(found, tick)
        self._auditor.check(self.state, event, found.state)
        stage("writing tables")
        for table in (found.state.balances, *found.tables):
            self.instance.artifacts.put(table)
        folder = self.instance.evidence(found.closed.epoch)
        if not _holds(folder, found):
            write_epoch(folder, found.manifest, found.tables, self.instance.artifacts.place)
        stage("appending")
        self._append([event], found.state)
        try:
            self.instance.snapshots.take(self.state, self._head)
        except QfsError as error:
            warnings.warn(f"no snapshot was kept: {error}", RuntimeWarning, stacklevel=2)


def _holds(folder: Path, found: Closing) -> bool:
    """Whether the folder has this evidence already, from a close that was interrupted.

    Evidence of another close, which the log knows nothing of, gets another name beside: what was
    recorded has changed since the interruption, or the log is an older copy of itself, and then
    it tells. So nothing is lost.

    Raises:
        StorageError: what is there is no evidence, or cannot be moved.
    """
    with storage_errors(folder):
        if not folder.exists() or not any(folder.iterdir()):
            return False
        digest = read_manifest(folder).digest
        if digest != found.manifest.digest:
            folder.rename(folder.with_name(f"{folder.name}-unlogged-{digest.hex()}"))
        sync(folder.parent)
        return digest == found.manifest.digest
