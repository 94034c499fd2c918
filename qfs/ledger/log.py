"""The log: an append-only list of chained events in a database, behind one port.

A log is opened either for reading or, by naming the writer, for writing. Of a log there is one
writer at a time: it holds a lock that the operating system or the database server gives up when
the writer dies, so no clock decides who may write, and a number (the fence) that grows with every
writer, so that one whose lock was lost without its knowledge is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from qfs.errors import (
    MissingDependencyError,
    UnknownOptionError,
    WrongTypeError,
    shown,
)
from qfs.ids import require_id
from qfs.ledger.events import (
    EMPTY,
    Entry,
    Event,
    EventError,
    Head,
    LeaseError,
    LogFormatError,
    LogTamperedError,
    StaleHeadError,
    Stored,
    UnknownOutcomeError,
    check,
    encode_genesis,
    instance_of,
)

__all__ = [
    "EMPTY",
    "Entry",
    "Event",
    "EventError",
    "EventLog",
    "Head",
    "LeaseError",
    "LogFormatError",
    "LogTamperedError",
    "StaleHeadError",
    "UnknownOutcomeError",
    "create_log",
    "open_log",
    "verify",
]

PROGRESS_EVENTS: Final = 4096
"""How often `verify` reports."""

_POSTGRES = ("postgresql://", "postgres://")

Progress = Callable[[int, int], None]


class EventLog(Protocol):
    """The port. Whatever keeps events behaves like this; `open_log` gives one.

    A log belongs to the thread and process that opened it.
    """

    @property
    def place(self) -> str:
        """Where it is kept, as shown in messages: never with a password."""

    @property
    def instance(self) -> bytes:
        """The 32 bytes that name the instance; every event hash contains them."""

    @property
    def genesis(self) -> bytes:
        """The canonical JSON of the document that the instance is the hash of."""

    @property
    def fence(self) -> int | None:
        """The number of this writer, higher than that of every writer before; None for readers."""

    def writer(self) -> str | None:
        """Who holds the log for writing now, this one itself included; None where nobody does."""

    def head(self) -> Head:
        """Where the log ends now, its last event checked."""

    def size(self) -> int:
        """The number of events as the database has it, nothing checked."""

    def append(self, entries: Iterable[Entry]) -> list[Event]:
        """Append entries in one transaction: when this returns, all of them are on disk.

        Returns:
            The new events, in order; none for no entries.

        Raises:
            EventError: an entry is at fault; nothing was written.
            LeaseError: this log was not opened for writing, or another writer took over.
            StaleHeadError: the log in the database has grown by another hand; nothing was written.
            UnknownOutcomeError: the answer to the commit was lost; see there.
            StorageError: the database cannot be written; nothing was written.
        """

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[Event]:
        """The events of sequence numbers start .. stop - 1, or to the end, as far as they exist.

        Each is checked before it is yielded: its hash, and that it follows the one before. From
        start = 0 this is the whole check; from elsewhere the event before `start` is the anchor.
        Memory is bounded; no transaction is open between two events.

        Raises:
            LogTamperedError: an event is not what was appended.
            StorageError: the database cannot be read.
        """

    def rows(self, start: int | None = None, stop: int | None = None) -> Iterator[Stored]:
        """The rows as they lie in the database, unchecked, in order of sequence number."""

    def close(self) -> None:
        """Give up the connection and the right to write. Closing twice is allowed."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def create_log(
    place: str | os.PathLike[str],
    genesis: Mapping[str, object],
    *,
    application_role: str | None = None,
) -> bytes:
    """Create an empty log, whole or not at all.

    Args:
        place: the path of a file that does not exist yet (SQLite), or the postgresql:// URL of a
            database without a log, in the role that shall own the tables.
        genesis: the document that names the instance.
        application_role: PostgreSQL: the role that shall read and append, and nothing else.

    Returns:
        The instance, 32 bytes.

    Raises:
        StorageError: something is there already, or it cannot be written.
        EvidenceError: the genesis document has no canonical form.
    """
    data, instance = encode_genesis(genesis), instance_of(genesis)
    url = _postgres_url(place)
    if url is not None:
        _require_psycopg()
        from qfs.ledger.postgres import create_postgres

        create_postgres(url, data, instance, application_role)
    elif application_role is not None:
        raise WrongTypeError("a log in a file has no roles", argument="application_role")
    else:
        from qfs.ledger.sqlite import create_sqlite

        create_sqlite(Path(place), data, instance)
    return instance


def open_log(
    place: str | os.PathLike[str], *, writer: str | None = None, instance: bytes | None = None
) -> EventLog:
    """Open a log for reading, or as its one writer.

    Args:
        place: the path of a SQLite file, or a postgresql:// URL.
        writer: the name of the writer, an id that others are told while it holds the log; None
            opens for reading, which works on a read-only folder too.
        instance: the instance it must be, 32 bytes, or None for any.

    Raises:
        LeaseError: another writer holds the log; it is named.
        LogFormatError: it is no log of this version, or of another instance.
        LogTamperedError: it is opened for writing and its guards or its last event were changed.
        StorageError: it does not exist or cannot be opened.
    """
    if writer is not None:
        writer = require_id(writer, "writer").decode("ascii")
    url = _postgres_url(place)
    if url is not None:
        _require_psycopg()
        from qfs.ledger.postgres import PostgresLog

        return PostgresLog(url, writer, instance)
    from qfs.ledger.sqlite import SqliteLog

    return SqliteLog(Path(place), writer, instance)


def verify(log: EventLog, known: Head | None = None, progress: Progress | None = None) -> Head:
    """Check every event of a log, from the first.

    Args:
        log: opened for reading or writing.
        known: a head of this log from elsewhere, or None. With it, a log whose tail was cut off
            or rewritten below that head is refused; without it, that cannot be seen.
        progress: called with the events done and the events there were at the start.

    Returns:
        The head that the events lead to.

    Raises:
        LogTamperedError: it names the first event that is wrong, and what is wrong.
    """
    total, head = log.size(), EMPTY
    try:
        _require_known(head, known)
        for event in check(log.instance, head, log.rows()):
            head = event.head
            _require_known(head, known)
            if progress is not None and head.size % PROGRESS_EVENTS == 0:
                progress(head.size, max(total, head.size))
        if known is not None and known.size > head.size:
            raise LogTamperedError(
                f"missing; the log ends here, it is known to have had {known.size} events",
                seq=head.size,
                fault="missing",
            )
    except LogTamperedError as error:
        error.source = log.place
        raise
    if progress is not None:
        progress(head.size, head.size)
    return head


def _require_known(head: Head, known: Head | None) -> None:
    if known is not None and head.size == known.size and head.hash != known.hash:
        raise LogTamperedError(
            f"the log has {head.hash.hex()} where {known.hash.hex()} is known",
            seq=max(head.size - 1, 0),
            fault="head",
        )


def role_of(url: str) -> str:
    """The role that a postgresql:// URL names.

    Raises:
        UnknownOptionError: it names none.
        MissingDependencyError: psycopg is not installed.
    """
    _require_psycopg()
    from qfs.ledger.postgres import role_in

    role = role_in(url)
    if role is None:
        raise UnknownOptionError("the URL names no role, as in postgresql://ROLE@", argument="log")
    return role


def _postgres_url(place: str | os.PathLike[str]) -> str | None:
    """The place if it is a URL of PostgreSQL, None if it is a path."""
    if not isinstance(place, str) or "://" not in place:
        return None
    if place.startswith(_POSTGRES):
        return place
    # What follows the scheme may hold a password.
    raise UnknownOptionError(
        f"{shown(place.partition('://')[0])}:// is neither a path nor a postgresql:// URL",
        argument="place",
    )


def _require_psycopg() -> None:
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            "a log in PostgreSQL needs psycopg: install qfs[postgres]"
        ) from error
