"""Where two instances, or the evidence of two epochs, first differ.

A difference is followed inwards: from the event to the table that it names, to the row, to the
first operation on the way to a node's amount that has other operands or another result. Nothing
here says which of the two is right; `qfs verify` and `qfs replay` do.
"""

from __future__ import annotations

from filecmp import cmp
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import msgspec

from qfs.errors import EvidenceError, QfsError
from qfs.ledger.compare_evidence import Difference, compare_evidence, compare_rows, differing
from qfs.ledger.events import Event
from qfs.ledger.evidence import MANIFEST
from qfs.ledger.instance import Instance, is_instance, open_instance
from qfs.ledger.log import EventLog, Progress
from qfs.protocol.events import CLOSE_EPOCH, RECORD_FEES, RECORD_TELEMETRY, TABLE_FIELDS
from qfs.table_files import read_table
from qfs.tables import ALLOCATIONS, BALANCES, SCHEMAS, Schema

PROGRESS_EVENTS: Final = 1024
CLOSING_TABLES: Final = {"allocations": ALLOCATIONS, "balances": BALANCES}


def compare(a: Path, b: Path, progress: Progress | None = None) -> list[Difference]:
    """The first difference of two instances or of two evidence folders, from outside inwards.

    Returns:
        Differences of ever smaller things, the first being the outermost: nothing where the two
        are equal. Fields of one event or genesis that differ stand one after another.

    Raises:
        EvidenceError: they are not both instances or both evidence.
        LogTamperedError: an event of a log is not what was appended.
        QfsError: something cannot be read.
    """
    kinds = [is_instance(path) for path in (a, b)]
    if all(kinds):
        return _compare_instances(open_instance(a), open_instance(b), progress)
    for path, is_other in zip((a, b), kinds, strict=True):
        if is_other or not (path / MANIFEST).is_file():
            raise EvidenceError(
                "two instances or two evidence folders are compared; this is not of one kind with"
                " the other",
                source=str(path),
            )
    return compare_evidence(a, b)


def _compare_instances(
    a: Instance, b: Instance, progress: Progress | None = None
) -> list[Difference]:
    with a.open_log() as log_a, b.open_log() as log_b:
        if log_a.genesis != log_b.genesis:
            documents = [msgspec.json.decode(log.genesis) for log in (log_a, log_b)]
            return list(differing("genesis", "", *documents))
        found = _first_event(a, b, log_a, log_b, progress)
        if found:
            return found
        sizes = log_a.size(), log_b.size()
        if sizes[0] != sizes[1]:
            return [Difference("length", f"the logs agree up to size {min(sizes)}", *sizes)]
    return []


def _first_event(
    a: Instance, b: Instance, log_a: EventLog, log_b: EventLog, progress: Progress | None
) -> list[Difference]:
    """The first event that differs, or that stands for files that differ."""
    total = min(log_a.size(), log_b.size())
    for one, other in zip_longest(log_a.read(0, total), log_b.read(0, total)):
        assert one is not None
        assert other is not None
        found = _of_event(a, b, one, other) if one.hash != other.hash else _of_files(a, b, one)
        if found:
            return found
        if progress is not None and one.seq % PROGRESS_EVENTS == 0:
            progress(one.seq, total)
    return []


def _of_event(a: Instance, b: Instance, one: Event, other: Event) -> list[Difference]:
    place = f"event {one.seq} {one.type}"
    if one.type != other.type:
        place = f"event {one.seq}"
    bodies = [{"type": e.type, "tick": e.tick, "payload": e.payload} for e in (one, other)]
    found = list(differing("event", place, *bodies))
    # Events of different types are about different things: there is nothing further in.
    return found if one.type != other.type else found + _inside(a, b, one, other)


def _inside(a: Instance, b: Instance, one: Event, other: Event) -> list[Difference]:
    """What differs in the tables that two events of one type name, and what came of it."""
    found: list[Difference] = []
    fields = TABLE_FIELDS.get(one.type, ())
    for field in fields:
        found += _of_tables(a, b, SCHEMAS[field], *(named_digest(e, field) for e in (one, other)))
    epoch = one.payload.get("epoch")
    closes = one.type in (CLOSE_EPOCH, RECORD_FEES, RECORD_TELEMETRY)
    if closes and isinstance(epoch, int) and epoch == other.payload.get("epoch"):
        found += _of_evidence(a, b, epoch, after_input=bool(fields))
    if one.type == CLOSE_EPOCH and not found:
        for name, schema in CLOSING_TABLES.items():
            found = found or _of_tables(
                a, b, schema, named_digest(one, name), named_digest(other, name)
            )
    return found


def _of_files(a: Instance, b: Instance, event: Event) -> list[Difference]:
    """The event is the same in both; what it names may have been changed in one of them."""
    schemas = {field: SCHEMAS[field] for field in TABLE_FIELDS.get(event.type, ())}
    if event.type == CLOSE_EPOCH:
        schemas = CLOSING_TABLES
    for name, schema in schemas.items():
        digest = named_digest(event, name)
        if found := _of_tables(a, b, schema, digest, digest):
            return [Difference("artifact", f"event {event.seq} {event.type} {name}"), *found]
    epoch = event.payload.get("epoch")
    if event.type == CLOSE_EPOCH and isinstance(epoch, int):
        return _of_evidence(a, b, epoch, after_input=False)
    return []


def _of_tables(
    a: Instance, b: Instance, schema: Schema, digest_a: str, digest_b: str
) -> list[Difference]:
    """The first row of two artifacts that differs, or that one of them cannot be read."""
    paths = [i.artifacts.path(schema, d) for i, d in ((a, digest_a), (b, digest_b))]
    if all(path.is_file() for path in paths) and cmp(paths[0], paths[1], shallow=False):
        return []
    states = [_read(path, schema) for path in paths]
    if isinstance(states[0], str) or isinstance(states[1], str):
        words = [state if isinstance(state, str) else "is readable" for state in states]
        return [Difference("artifact", schema.name, *words)] if words[0] != words[1] else []
    return compare_rows(states[0], states[1])


def _read(path: Path, schema: Schema) -> Any:
    """The table in a file whatever its digest, or why it cannot be read."""
    if not path.is_file():
        return "is missing"
    try:
        return read_table(path, schema)
    except QfsError as error:
        return error.problem


def _of_evidence(a: Instance, b: Instance, epoch: int, *, after_input: bool) -> list[Difference]:
    """What differs in the evidence of an epoch; of an input, only what came of it."""
    folders = a.evidence(epoch), b.evidence(epoch)
    there = [(folder / MANIFEST).is_file() for folder in folders]
    if not all(there):
        if there[0] == there[1] or after_input:
            return []
        words = ["is there" if found else "is missing" for found in there]
        return [Difference("evidence", f"epoch {epoch}", *words)]
    return compare_evidence(*folders, skip_inputs=after_input)


def named_digest(event: Event, name: str) -> str:
    """The digest by which an event names a table.

    Raises:
        EvidenceError: it names none; the event is none of ours.
    """
    entry = event.payload.get(name)
    digest = entry.get("digest") if isinstance(entry, dict) else None
    if not isinstance(digest, str):
        raise EvidenceError(f"{event.type} names no table {name}", argument=f"event {event.seq}")
    return digest
