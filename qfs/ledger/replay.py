"""Replay: the log folded into the state, every event checked, applied and audited."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from qfs.errors import MissingDependencyError, QfsError, StorageError, VerificationError
from qfs.ledger.artifacts import Artifacts
from qfs.ledger.events import EMPTY, Event, Head
from qfs.ledger.log import EventLog
from qfs.protocol.events import (
    TABLE_FIELDS,
    ProtocolEvent,
    TableRef,
    TransitionError,
    parse_payload,
)
from qfs.protocol.genesis import initial_state
from qfs.protocol.invariants import Auditor
from qfs.protocol.state import State
from qfs.protocol.transitions import engine_of
from qfs.tables import SCHEMAS, Table


class Step(NamedTuple):
    """The state after an event of the log."""

    event: Event
    state: State


class ReplayError(VerificationError):
    """An event of the log that the rules refuse, whose table is another than it says, or after
    which an invariant does not hold.

    Attributes:
        seq: its sequence number.
    """

    code = "replay"

    def __init__(self, problem: str, *, seq: int) -> None:
        super().__init__(problem, argument=f"event {seq}", value=seq)
        self.seq = seq


def replay(
    log: EventLog, artifacts: Artifacts, start: tuple[State, Head] | None = None
) -> Iterator[Step]:
    """The states that the log leads to, one after each event.

    Args:
        log: opened for reading or writing.
        artifacts: where the tables are that its events speak of.
        start: a state and the head that it belongs to; None begins before the first event.

    Raises:
        LogTamperedError: an event is not what was appended.
        ReplayError: an event is refused by the rules, breaks an invariant, or has an artifact
            that is not what it says.
        StorageError: an artifact is missing.
    """
    state, head = start if start is not None else (initial_state(log.genesis), EMPTY)
    auditor = Auditor(state)
    for event in log.read(head.size):
        if event.seq == head.size and event.previous != head.hash:
            raise ReplayError("does not follow the state it was read for", seq=event.seq)
        try:
            happened = protocol_event(event, artifacts)
            after = engine_of(state.spec_version).apply(state, happened)
            auditor.check(state, happened, after)
        except TransitionError as error:
            raise ReplayError(f"{event.type} is refused: {error}", seq=event.seq) from error
        except VerificationError as error:
            raise ReplayError(str(error), seq=event.seq) from error
        state = after
        yield Step(event, state)


def protocol_event(event: Event, artifacts: Artifacts) -> ProtocolEvent:
    """An event of the log with the tables it speaks of.

    Raises:
        TransitionError: its payload is not one of its type.
        VerificationError: a table is not what the event says.
        StorageError: a table is missing.
    """
    happened = ProtocolEvent(event.type, event.tick, event.payload)
    fields = TABLE_FIELDS.get(event.type, ())
    if not fields:
        return happened
    payload = parse_payload(happened)
    found = [_artifact(artifacts, field, getattr(payload, field)) for field in fields]
    return ProtocolEvent(event.type, event.tick, event.payload, *found)


def _artifact(artifacts: Artifacts, field: str, entry: TableRef) -> Table:
    try:
        return artifacts.get(SCHEMAS[field], entry.digest)
    except (StorageError, MissingDependencyError, VerificationError):
        raise
    except QfsError as error:
        # A file that was stored as this table and cannot be read as one was changed.
        raise VerificationError(str(error), argument=field, value=entry.digest) from error
