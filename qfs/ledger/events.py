"""Events: what the log is a list of, how each is hashed onto the one before, how a run is checked.

An event's body is the canonical JSON of {payload, seq, tick, type}, and

    hash = H("qfs/event/v1", instance, hash of the event before, body)

where the event before the first is 32 zero bytes. Sequence numbers start at 0, so that an event's
number is its position as a leaf of the log's tree and the size of the log is the next number.
Nothing here reads or writes anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, NamedTuple

import msgspec

from qfs import canonical
from qfs.errors import EvidenceError, QfsError, StorageError, VerificationError, shown
from qfs.hashing import EVENT_TAG, INSTANCE_TAG, tagged_hash
from qfs.limits import HASH_BYTES, MAX_TICK

NO_HASH: Final = bytes(HASH_BYTES)
"""What stands for the hash of the event before the first."""

MAX_BODY_BYTES: Final = 1 << 20
MAX_GENESIS_BYTES: Final = 1 << 20
MAX_BATCH_EVENTS: Final = 1 << 16
MAX_BATCH_BYTES: Final = 1 << 26
MAX_SEQ: Final = MAX_TICK
"""A sequence number is a number in canonical JSON too."""

assert MAX_BODY_BYTES <= MAX_BATCH_BYTES, "any one event fits in a batch"
assert MAX_BODY_BYTES <= canonical.MAX_BYTES
assert MAX_GENESIS_BYTES <= canonical.MAX_BYTES

_TYPE = re.compile(r"[a-z][a-z0-9_.]{0,63}")

Fault = Literal["missing", "repeated", "previous", "size", "hash", "body", "tick", "head"]


class EventError(QfsError, ValueError):
    """An entry that cannot become an event. `index` is its position in the batch."""

    code = "event"


class LogFormatError(QfsError, ValueError):
    """A file or database that is no log of this version, or the log of another instance."""

    code = "log_format"


class LogTamperedError(VerificationError):
    """A stored event that is not what was appended.

    Attributes:
        seq: the first sequence number at which something is wrong.
        fault: what is wrong there: `missing`; `repeated` (a number that stands twice or comes
            before its place); `previous` (not chained to the event before); `size`; `hash` (not
            the hash of the body); `body` (not a canonical event of this number); `tick`
            (decreased); `head` (the log does not contain the head it should).
    """

    code = "log_tampered"

    def __init__(self, problem: str, *, seq: int, fault: Fault) -> None:
        super().__init__(problem, argument=f"event {seq}", value=seq)
        self.seq = seq
        self.fault = fault


class LeaseError(QfsError):
    """The right to write, which someone else holds, or which this log does not have.

    Attributes:
        holder: who took it last, or None where that is not known.
    """

    code: ClassVar[str] = "lease"
    holder: str | None = None


class StaleHeadError(QfsError):
    """The log does not end where its writer believes: someone else appended."""

    code = "stale_head"


class UnknownOutcomeError(StorageError):
    """A commit whose answer was lost: the batch is in the log whole, or not at all.

    Open the log again and compare its head. The log that raised this appends no more.
    """

    code = "unknown_outcome"


class Entry(NamedTuple):
    """What a caller appends. The payload holds dicts, lists, text, bools and integers."""

    type: str
    tick: int
    payload: Mapping[str, Any]


class Stored(NamedTuple):
    """A row as it lies in a database, not checked yet."""

    seq: int
    previous: bytes
    hash: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log ends: the number of its events, and the hash and tick of the last."""

    size: int
    hash: bytes
    tick: int


EMPTY: Final = Head(0, NO_HASH, 0)


@dataclass(frozen=True, slots=True)
class Event:
    """An event, checked: its hash is that of its content, its instance and the hash before."""

    seq: int
    type: str
    tick: int
    payload: dict[str, Any]
    hash: bytes
    previous: bytes

    @property
    def head(self) -> Head:
        """The head of a log that ends with this event."""
        return Head(self.seq + 1, self.hash, self.tick)


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    payload: dict[str, Any]
    seq: int
    tick: int
    type: str


_decoder = msgspec.json.Decoder(_Body)


def encode_genesis(genesis: Mapping[str, object]) -> bytes:
    """The canonical bytes of the document that an instance begins with.

    Raises:
        EvidenceError: it has no canonical form, or is too large.
    """
    data = canonical.encode(dict(genesis))
    if len(data) > MAX_GENESIS_BYTES:
        raise EvidenceError(f"{len(data)} bytes, more than {MAX_GENESIS_BYTES}", argument="genesis")
    return data


def instance_of(genesis: Mapping[str, object]) -> bytes:
    """The 32 bytes that name an instance: H("qfs/instance/v1", canonical JSON of its genesis)."""
    return tagged_hash(INSTANCE_TAG, encode_genesis(genesis))


def event_hash(instance: bytes, previous: bytes, body: bytes) -> bytes:
    """The hash of an event. Instance and previous hash have 32 bytes, so the body needs no length.

    Raises:
        ValueError: instance or previous hash has another length.
    """
    if len(instance) != HASH_BYTES or len(previous) != HASH_BYTES:
        raise ValueError("instance and previous hash have 32 bytes each")
    return tagged_hash(EVENT_TAG, instance, previous, body)


def chain(
    instance: bytes, head: Head, entries: Iterable[Entry]
) -> tuple[list[Event], list[Stored], Head]:
    """The events that entries become behind a head, as events and as rows, and the new head.

    Raises:
        EventError: an entry is not one, its tick is below the one before, it is too large, or
            the batch is; `index` is the entry's position.
    """
    events: list[Event] = []
    rows: list[Stored] = []
    room = MAX_BATCH_BYTES
    for index, entry in enumerate(entries):
        if index == MAX_BATCH_EVENTS:
            raise _entry_error(index, f"more than {MAX_BATCH_EVENTS} events in one batch")
        body, payload = _encode(head, entry, index)
        room -= len(body)
        if room < 0:
            raise _entry_error(index, f"the batch has more than {MAX_BATCH_BYTES} bytes")
        digest = event_hash(instance, head.hash, body)
        rows.append(Stored(head.size, head.hash, digest, body))
        event = Event(head.size, entry.type, entry.tick, payload, digest, head.hash)
        events.append(event)
        head = event.head
    return events, rows, head


def parse(instance: bytes, row: Stored) -> Event:
    """The event in a row, its hash checked against its body and the previous hash beside it.

    Raises:
        LogTamperedError: the row is not an event of this instance; the fault is named.
    """
    seq, previous, digest, body = row
    if not isinstance(body, bytes) or not 0 < len(body) <= MAX_BODY_BYTES:
        raise LogTamperedError(
            f"its body is not 1 to {MAX_BODY_BYTES} bytes", seq=seq, fault="size"
        )
    if not isinstance(previous, bytes) or len(previous) != HASH_BYTES:
        raise LogTamperedError("its previous hash is not 32 bytes", seq=seq, fault="previous")
    computed = event_hash(instance, previous, body)
    if computed != digest:
        recorded = digest.hex() if isinstance(digest, bytes) else shown(digest)
        raise LogTamperedError(
            f"recorded with hash {recorded}, computed {computed.hex()}", seq=seq, fault="hash"
        )
    try:
        found = canonical.decode(body, _Body, "body")
    except EvidenceError as error:
        raise LogTamperedError(f"its body is {error.problem}", seq=seq, fault="body") from error
    if found.seq != seq:
        raise LogTamperedError(f"its body says {found.seq}", seq=seq, fault="body")
    if not _TYPE.fullmatch(found.type):
        raise LogTamperedError(f"type {shown(found.type)}", seq=seq, fault="body")
    return Event(seq, found.type, found.tick, found.payload, digest, previous)


def check(instance: bytes, head: Head, rows: Iterable[Stored]) -> Iterator[Event]:
    """The events in a run of rows that continues from a head, each checked before it is yielded.

    Raises:
        LogTamperedError: it names the first wrong sequence number and what is wrong.
    """
    for row in rows:
        expected = head.size
        if row.seq > expected:
            raise LogTamperedError(
                f"missing; event {row.seq} is what follows", seq=expected, fault="missing"
            )
        if row.seq < expected:
            raise LogTamperedError(
                f"stands where event {expected} belongs", seq=row.seq, fault="repeated"
            )
        if row.previous != head.hash:
            raise LogTamperedError(
                f"chained to {shown(row.previous)}, the hash of the event before is"
                f" {head.hash.hex()}",
                seq=expected,
                fault="previous",
            )
        event = parse(instance, row)
        if event.tick < head.tick:
            raise LogTamperedError(
                f"tick {event.tick} after tick {head.tick}", seq=expected, fault="tick"
            )
        head = event.head
        yield event


def _encode(head: Head, entry: Entry, index: int) -> tuple[bytes, dict[str, Any]]:
    """The body of an entry behind a head, and the payload as reading it back gives it."""
    if not isinstance(entry, Entry):
        raise _entry_error(index, f"{shown(entry)} is no Entry")
    if not isinstance(entry.type, str) or not _TYPE.fullmatch(entry.type):
        raise _entry_error(index, f"type {shown(entry.type)} is not [a-z][a-z0-9_.]{{0,63}}")
    if type(entry.tick) is not int or not 0 <= entry.tick <= MAX_TICK:
        raise _entry_error(index, f"tick {shown(entry.tick)} is not an integer of 0 .. 2^53 - 1")
    if entry.tick < head.tick:
        raise _entry_error(index, f"tick {entry.tick} after tick {head.tick}; ticks never decrease")
    if head.size > MAX_SEQ:
        raise _entry_error(index, f"the last sequence number is {MAX_SEQ}")
    payload = dict(entry.payload) if isinstance(entry.payload, Mapping) else None
    if payload is None:
        raise _entry_error(index, f"payload {shown(entry.payload)} is not a mapping")
    document = {"payload": payload, "seq": head.size, "tick": entry.tick, "type": entry.type}
    try:
        body = canonical.encode(document)
    except (EvidenceError, TypeError, ValueError, RecursionError) as error:
        raise _entry_error(index, f"no canonical form: {error}") from error
    if len(body) > MAX_BODY_BYTES:
        raise _entry_error(index, f"{len(body)} bytes, more than {MAX_BODY_BYTES}")
    recorded = _decoder.decode(body).payload
    # What JSON has no form for would be recorded as something else: a set in an order of its own.
    if recorded != payload:
        raise _entry_error(index, "the payload holds more than dicts, lists, text, bools, integers")
    return body, recorded


def _entry_error(index: int, problem: str) -> EventError:
    return EventError(problem, argument="entries", index=index)
