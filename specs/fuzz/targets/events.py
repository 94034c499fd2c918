"""Events: in a log as bytes, and on a state as what changes it.

An event's body is the one canonical form of an event, or is refused. Applied to a state an event
gives a state that the invariant auditor accepts, the same with either backend, or is refused with a
reason, and the state it was applied to has not changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from qfs import canonical
from qfs.errors import QfsError
from qfs.ledger.events import LogTamperedError, Stored, event_hash, parse
from qfs.protocol import events
from qfs.protocol.events import PAYLOADS, TABLE_FIELDS, ProtocolEvent, TableRef, TransitionError
from qfs.protocol.invariants import Auditor
from qfs.protocol.state import State
from qfs.protocol.transitions import engine_of
from qfs.rows import from_rows, rows_of
from qfs.tables import SCHEMAS, Table
from targets.backends import NAMES, computing_with
from targets.editing import edited, encoded
from targets.source import EDGES, Source
from targets.stories import PUBLISHED, Story, story

MAX_EVENTS = 3
"""Applied one after another, so that what the first one has done is met by the next."""

KINDS = [*PAYLOADS, "nod.transfer", "balances.set", ""]


def target(data: bytes) -> None:
    """A body in a log, or events on a state of a published log."""
    source = Source(data)
    published = story(source.pick(PUBLISHED))
    if source.below(4) == 3:
        _body(source, published)
    else:
        _apply(source, published)


def _body(source: Source, published: Story) -> None:
    row = source.pick(published.rows)
    kind = source.below(3)
    body = source.rest() if kind == 0 else row.body
    if kind == 1:
        spares = [msgspec.json.decode(other.body) for other in published.rows]
        body = encoded(edited(source, msgspec.json.decode(body), spares))
    instance = published.states[0].instance
    given = Stored(row.seq, row.previous, event_hash(instance, row.previous, body), body)
    if kind == 2 and source.left:
        given = given._replace(hash=source.bytes(32))
    try:
        event = parse(instance, given)
    except LogTamperedError as error:
        assert error.seq == row.seq
        return
    assert given.hash == event.hash == event_hash(instance, row.previous, body)
    again = {"payload": event.payload, "seq": event.seq, "tick": event.tick, "type": event.type}
    assert canonical.encode(again) == body


def _apply(source: Source, published: Story) -> None:
    at = source.below(len(published.events))
    state, digest = published.states[at], published.digests[at]
    for _ in range(1 + source.below(MAX_EVENTS)):
        number = at if source.below(4) < 3 else source.below(len(published.events))
        event = _event(source, published, state, published.events[number])
        after = _applied(state, digest, event)
        if after is not None:
            at = min(at + 1, len(published.events) - 1)
            state, digest = after


def _event(source: Source, published: Story, state: State, event: ProtocolEvent) -> ProtocolEvent:
    """An event of the log, changed, and signed again where the input says so."""
    payload = edited(source, dict(event.payload), [dict(e.payload) for e in published.events])
    tables = [_table(source, table) for table in event.tables]
    kind, tick = event.type, event.tick
    twist = source.below(8)
    if twist == 1:
        kind = source.pick(KINDS)
    elif twist == 2:
        tick = state.tick + source.pick((0, 1, 5, 10, 512, -1))
    elif twist == 3:
        tick = source.pick(EDGES)
    elif twist == 4:
        tables = tables[:1] if source.flag() else [*tables, _empty(source)]
    repairs = source.below(4)
    changed = ProtocolEvent(kind, tick, payload, *tables[:2])
    return changed if repairs == 0 else _repaired(published, state, changed, repairs > 1)


def _table(source: Source, table: Table) -> Table:
    """A table with other rows, as far as it is one."""
    rows = [list(row) for row in rows_of(table)]
    changed = edited(source, rows)
    if changed == rows:
        return table
    try:
        return from_rows(table.schema, changed)
    except (QfsError, ValueError, TypeError):
        # Rows of another length: from_rows takes those of a caller in the package.
        return table


def _empty(source: Source) -> Table:
    return from_rows(source.pick([*SCHEMAS.values()]), [])


def _repaired(
    published: Story, state: State, event: ProtocolEvent, with_nonce: bool
) -> ProtocolEvent:
    """The event with the names of its tables, its nonce and its signature as they have to be."""
    payload = dict(event.payload)
    fields = TABLE_FIELDS.get(event.type, ())
    for field, table in zip(fields, event.tables, strict=False):
        payload[field] = msgspec.to_builtins(TableRef.of(table))
    if with_nonce and "nonce" in payload:
        signer = payload.get("reporter", payload.get("proposer", ""))
        payload["nonce"] = state.signed.get(signer, 0) if isinstance(signer, str) else 0
    try:
        parsed = events.parse_payload(event._replace(payload=payload))
        signed = published.signed(state, event.tick, parsed)
        return event._replace(payload=events.document(signed))
    except QfsError:
        return event._replace(payload=payload)


def _applied(state: State, digest: bytes, event: ProtocolEvent) -> tuple[State, bytes] | None:
    """The state after the event and its digest, looked at from all sides; None where refused."""
    shown = repr(event.payload)
    found: dict[str, tuple[Any, ...]] = {}
    after: State | None = None
    for name in NAMES:
        with computing_with(name):
            try:
                after = engine_of(state.spec_version).apply(state, event)
                found[name] = ("state", after.digest)
            except TransitionError as error:
                assert error.reason, "a refusal without a reason"
                assert str(error), "a refusal without a word"
                found[name] = ("refused", error.reason, error.code, error.argument, error.index)
    assert len(set(found.values())) == 1, found
    assert state.digest == digest, "the state has changed"
    assert repr(event.payload) == shown, "the payload has changed"
    if after is None:
        return None
    assert isinstance(event.payload, Mapping)
    Auditor(state).check(state, event, after)
    assert all(batch.epoch >= after.epoch for batch in after.batches), "rows of a closed epoch"
    new: bytes = found["reference"][1]
    assert new != digest, "an event that leaves no trace"
    return after, new
