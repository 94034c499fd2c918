"""The log in a SQLite file.

The file refuses changes of events by any connection, whatever its settings: triggers refuse
UPDATE and DELETE, and a guard before each INSERT refuses whatever is not the next event, also
INSERT OR REPLACE, which deletes without firing a DELETE trigger unless recursive_triggers is on.
Whoever owns the file can still drop the triggers; that is what the chain is for.

The writer holds an flock on a file beside the database, which the kernel releases with the
process. The lock file is a file of its own because closing any descriptor of the database would
release SQLite's own locks. Where its lock does not reach (two hard links, a removed lock file),
the fence in the database still refuses the elder writer.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from qfs.errors import QfsError, StorageError
from qfs.ledger.events import (
    EMPTY,
    MAX_BODY_BYTES,
    MAX_GENESIS_BYTES,
    Head,
    LogFormatError,
    Stored,
    UnknownOutcomeError,
)
from qfs.ledger.stored import CHUNK_BYTES, CHUNK_EVENTS, LOCK_SECONDS, StoredLog

APPLICATION_ID: Final = 0x71667331
"""`qfs1`, at byte 68 of the file."""

SCHEMA_VERSION: Final = 1
LOCK_SUFFIX: Final = ".lock"

_TABLES = f"""
CREATE TABLE instance (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    genesis BLOB NOT NULL CHECK (length(genesis) BETWEEN 1 AND {MAX_GENESIS_BYTES})
) STRICT;
CREATE TABLE event (
    seq INTEGER PRIMARY KEY CHECK (seq >= 0),
    previous BLOB NOT NULL CHECK (length(previous) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    body BLOB NOT NULL CHECK (length(body) BETWEEN 1 AND {MAX_BODY_BYTES})
) STRICT;
CREATE TABLE lease (
    fence INTEGER PRIMARY KEY CHECK (fence >= 1),
    owner TEXT NOT NULL CHECK (length(owner) BETWEEN 1 AND 128)
) STRICT;
"""

_GUARDS = """
CREATE TRIGGER event_follows BEFORE INSERT ON event BEGIN
    SELECT RAISE(ABORT, 'the log is append-only: this is not the next event')
    WHERE NEW.seq IS NOT (SELECT coalesce(max(seq), -1) + 1 FROM event);
    SELECT RAISE(ABORT, 'the log is append-only: not chained to the last event')
    WHERE NEW.previous IS NOT
        coalesce((SELECT hash FROM event ORDER BY seq DESC LIMIT 1), zeroblob(32));
END;
CREATE TRIGGER lease_follows BEFORE INSERT ON lease BEGIN
    SELECT RAISE(ABORT, 'the log is append-only: this is not the next lease')
    WHERE NEW.fence IS NOT (SELECT coalesce(max(fence), 0) + 1 FROM lease);
END;
CREATE TRIGGER instance_stands BEFORE INSERT ON instance
WHEN EXISTS (SELECT 1 FROM instance) BEGIN
    SELECT RAISE(ABORT, 'the log is append-only: it has its instance');
END;
""" + "".join(
    f"""
CREATE TRIGGER {table}_not_{action.lower()}d BEFORE {action} ON {table} BEGIN
    SELECT RAISE(ABORT, 'the log is append-only: no {action}');
END;
"""
    for table in ("instance", "event", "lease")
    for action in ("UPDATE", "DELETE")
)

_INSERT = "INSERT INTO event (seq, previous, hash, body) VALUES (?, ?, ?, ?)"
_INSTANCE = "SELECT hash, genesis FROM instance"
_COLUMNS = "SELECT seq, previous, hash, body FROM event"


def create_sqlite(path: Path, genesis: bytes, instance: bytes) -> None:
    """Create an empty log in a new file."""
    path = path.absolute()
    with (
        _errors(str(path)),
        tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder,
    ):
        partial = Path(folder) / "log"
        connection = sqlite3.connect(partial, isolation_level=None)
        with contextlib.closing(connection):
            connection.executescript(
                f"PRAGMA application_id = {APPLICATION_ID};"
                f"PRAGMA user_version = {SCHEMA_VERSION};"
                f"PRAGMA synchronous = FULL; BEGIN; {_TABLES} {_GUARDS}"
            )
            connection.execute("INSERT INTO instance VALUES (1, ?, ?)", (instance, genesis))
            connection.execute("COMMIT")
        # A link, unlike a rename, never takes the place of what is there.
        os.link(partial, path)
        _sync(path.parent)


class SqliteLog(StoredLog):
    """See `qfs.ledger.log.EventLog`."""

    def __init__(self, path: Path, writer: str | None, instance: bytes | None) -> None:
        path = path.absolute()
        super().__init__(str(path), instance)
        self._lock: int | None = None
        self._connection: sqlite3.Connection | None = None
        try:
            with self._errors():
                # One name for one log, so that writers through a symlink meet at one lock.
                real = path.resolve(strict=True)
                mode = "ro" if writer is None else "rw"
                self._connection = sqlite3.connect(
                    f"{real.as_uri()}?mode={mode}",
                    uri=True,
                    isolation_level=None,
                    timeout=LOCK_SECONDS,
                )
                self._configure(self._connection)
                self._load(self._connection, guarded=writer is not None)
                if writer is not None:
                    self._take_lease(real, writer)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        connection, self._connection = self._connection, None
        lock, self._lock = self._lock, None
        self._fence = None
        with self._errors():
            if connection is not None:
                connection.close()
            # The lock of a writer that forked is held until the children close it too.
            if lock is not None:
                os.close(lock)

    @property
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StorageError("is closed", source=self._place)
        return self._connection

    def _errors(self) -> contextlib.AbstractContextManager[None]:
        return _errors(self._place)

    def _configure(self, connection: sqlite3.Connection) -> None:
        # What the schema of a file from elsewhere may call, and how far its pages are believed.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA recursive_triggers = ON")
        # With TRUNCATE, FULL also syncs the journal after the truncation that commits; with WAL,
        # which SQLite before 3.51.3 can corrupt, a read-only folder could not be read.
        connection.execute("PRAGMA synchronous = FULL")

    def _load(self, connection: sqlite3.Connection, guarded: bool) -> None:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise LogFormatError("is not a log", source=self._place)
        if version != SCHEMA_VERSION:
            raise LogFormatError(
                f"is a log of version {version}; this release knows {SCHEMA_VERSION}",
                source=self._place,
            )
        self._require_schema(connection, ("table", "trigger") if guarded else ("table",))
        instance, genesis = connection.execute(_INSTANCE).fetchone() or (b"", b"")
        self._set_instance(instance, genesis)

    def _require_schema(self, connection: sqlite3.Connection, kinds: tuple[str, ...]) -> None:
        """The tables, and for a writer the triggers, are as they were created."""
        query = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
        with contextlib.closing(sqlite3.connect(":memory:")) as fresh:
            fresh.executescript(_TABLES + _GUARDS)
            expected = {row[1]: row for row in fresh.execute(query) if row[0] in kinds}
        # SQLite keeps tables of its own, of statistics for example, under names of its own.
        found = {
            row[1]: row
            for row in connection.execute(query)
            if row[0] in kinds and not row[1].startswith("sqlite_")
        }
        for name in sorted({*expected, *found}):
            if expected.get(name) != found.get(name):
                kind = (expected.get(name) or found[name])[0]
                raise LogFormatError(
                    f"its {kind} {name} is missing, added or changed", source=self._place
                )

    def _take_lease(self, real: Path, writer: str) -> None:
        connection = self._open
        lock = real.with_name(real.name + LOCK_SUFFIX)
        with _errors(str(lock)):
            self._lock = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._held_by(self._last_lease(), "is held by") from None
        (mode,) = connection.execute("PRAGMA journal_mode = TRUNCATE").fetchone()
        if mode != "truncate":
            raise StorageError(f"its journal mode is {mode}, not truncate", source=self._place)
        connection.execute("BEGIN IMMEDIATE")
        with self._undoing(connection):
            last = self._last_lease()
            fence = 1 if last is None else last[0] + 1
            connection.execute("INSERT INTO lease (fence, owner) VALUES (?, ?)", (fence, writer))
            connection.execute("COMMIT")
        self._believed = self.head()
        self._fence = fence

    def writer(self) -> str | None:
        self._require_owner()
        real = Path(self._place).resolve()
        with self._errors():
            try:
                lock = os.open(real.with_name(real.name + LOCK_SUFFIX), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            try:
                # A shared lock, given back at once: it is had exactly where nobody writes.
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                last = self._last_lease()
                return None if last is None else last[1]
            finally:
                os.close(lock)
        return None

    def _last_lease(self) -> tuple[int, str] | None:
        query = "SELECT fence, owner FROM lease ORDER BY fence DESC LIMIT 1"
        row: tuple[int, str] | None = self._open.execute(query).fetchone()
        return row

    def _last(self) -> Stored | None:
        with self._errors():
            row = self._open.execute(f"{_COLUMNS} ORDER BY seq DESC LIMIT 1").fetchone()
        return None if row is None else Stored._make(row)

    def _chunk(self, start: int, stop: int) -> list[Stored]:
        query = f"{_COLUMNS} WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT {CHUNK_EVENTS}"
        rows, room = [], CHUNK_BYTES
        with self._errors(), contextlib.closing(self._open.execute(query, (start, stop))) as found:
            # The cursor is closed before anything is yielded: an open one would hold a lock that
            # keeps the writer from committing.
            for row in map(Stored._make, found):
                rows.append(row)
                room -= len(row.body)
                if room < 0:
                    break
        return rows

    def _insert(self, rows: list[Stored], believed: Head) -> None:
        connection = self._open
        with self._errors():
            connection.execute("BEGIN IMMEDIATE")
            with self._undoing(connection):
                self._require_unchanged(believed)
                done = connection.executemany(_INSERT, rows).rowcount
                if done != len(rows):
                    raise StorageError(f"took {done} of {len(rows)} events")
            try:
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._settle(believed, error)
                raise

    def _require_unchanged(self, believed: Head) -> None:
        last = self._last_lease()
        if last is None or last[0] != self._fence:
            raise self._held_by(last, "was taken over by")
        row = self._last()
        if row is None:
            self._require_end(None, None, believed)
        else:
            self._require_end(row.seq, row.hash, believed)

    def _settle(self, believed: Head, error: sqlite3.Error) -> None:
        """After a failed commit: undo it, and see whether that left the log as it was."""
        try:
            if self._open.in_transaction:
                self._open.execute("ROLLBACK")
            row = self._last()
        except (sqlite3.Error, QfsError):
            row = None
            unknown = True
        else:
            unknown = (EMPTY.hash if row is None else row.hash) != believed.hash
        if unknown:
            raise UnknownOutcomeError(
                f"the commit failed ({error}) and may have been made; open the log again",
                source=self._place,
            ) from error

    @contextlib.contextmanager
    def _undoing(self, connection: sqlite3.Connection) -> Iterator[None]:
        try:
            yield
        except BaseException:
            # SQLite has rolled back by itself after some errors, a full disk among them.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def _errors(place: str) -> Iterator[None]:
    """Turns errors of SQLite and of the operating system into ours, which name the place."""
    try:
        yield
    except QfsError as error:
        error.source = error.source or place
        raise
    except sqlite3.Error as error:
        raise _translated(error, place) from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise StorageError(reason, source=place) from error


def _translated(error: sqlite3.Error, place: str) -> QfsError:
    extended = getattr(error, "sqlite_errorcode", None)
    if extended in _NEEDS_ROLLBACK:
        return StorageError(
            "an interrupted write has to be undone first; open it for writing once", source=place
        )
    primary = (extended or 0) & 0xFF
    if primary == sqlite3.SQLITE_NOTADB:
        return LogFormatError("is not a SQLite database", source=place)
    known = _PROBLEMS.get(primary)
    return StorageError(f"{known} ({error})" if known else str(error), source=place)


_NEEDS_ROLLBACK: Final = (
    sqlite3.SQLITE_READONLY_ROLLBACK,
    sqlite3.SQLITE_READONLY_RECOVERY,
    sqlite3.SQLITE_READONLY_CANTINIT,
)
_PROBLEMS: Final = {
    sqlite3.SQLITE_BUSY: "is locked by another connection",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_CONSTRAINT: "the database refused it",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written",
    sqlite3.SQLITE_PERM: "cannot be opened",
    sqlite3.SQLITE_READONLY: "is read-only",
}


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
