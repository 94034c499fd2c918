"""Replaying an instance: where to begin, where to stop, and the snapshots on the way."""

from __future__ import annotations

from typing import NamedTuple

from qfs.errors import OutOfRangeError, StorageError
from qfs.ledger.events import EMPTY, Head
from qfs.ledger.instance import Instance
from qfs.ledger.log import EventLog, Progress
from qfs.ledger.replay import replay
from qfs.protocol.events import CLOSE_EPOCH
from qfs.protocol.genesis import initial_state
from qfs.protocol.state import State

PROGRESS_EVENTS = 64
"""How often `replay_instance` reports. An event may be a table of millions of rows."""


class Replayed(NamedTuple):
    """What a replay came to."""

    state: State
    head: Head
    begun: int
    """the first event that was applied"""
    closed: int
    """epochs that are closed in the state"""
    not_kept: StorageError | None
    """why no snapshots were taken, where they were to be"""


def replay_instance(
    instance: Instance,
    log: EventLog,
    *,
    resume: bool = False,
    to: int | None = None,
    progress: Progress | None = None,
) -> Replayed:
    """The state that the log of an instance leads to, every event audited.

    After each epoch a snapshot is taken, so that an interrupted replay can be resumed; where the
    folder cannot be written the replay goes on without.

    Args:
        instance: its artifacts and snapshots.
        log: its log, opened for reading or writing.
        resume: begin at the newest snapshot that the log bears out, if it is not beyond `to`.
        to: the last event to be applied; None for all, and snapshots are taken for all alone.
        progress: called with the events done and the events there are.

    Raises:
        OutOfRangeError: the log has no event `to`.
        QfsError: see `qfs.ledger.replay.replay`.
    """
    total = log.size()
    if to is not None and not 0 <= to < total:
        raise OutOfRangeError(f"the log has {total} events, from 0", argument="to", value=to)
    stop = total if to is None else to + 1
    first_epoch = initial_state(log.genesis).epoch
    start = instance.snapshots.newest(log) if resume else None
    if start is None or start[1].size > stop:
        start = initial_state(log.genesis), EMPTY
    state, head = start
    not_kept: StorageError | None = None
    for step in replay(log, instance.artifacts, start) if head.size < stop else ():
        state, head = step.state, step.event.head
        if to is None and step.event.type == CLOSE_EPOCH and not_kept is None:
            try:
                instance.snapshots.take(state, head)
            except StorageError as error:
                not_kept = error
        if progress is not None and head.size % PROGRESS_EVENTS == 0:
            progress(head.size, max(head.size, stop))
        if head.size == stop and to is not None:
            break
    if progress is not None:
        progress(head.size, head.size)
    return Replayed(state, head, start[1].size, state.epoch - first_epoch, not_kept)
