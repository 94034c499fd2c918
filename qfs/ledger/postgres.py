"""The log in a PostgreSQL database.

The tables belong to the role that created them; the application's role may SELECT and INSERT,
and triggers refuse everything but the next events, whoever inserts. The server computes the hash
of every new event again. One database holds one log, in the schema `qfs`.

The writer holds a session's advisory lock, which the server releases when the session ends,
however it ends. A pool that shares one session between clients would defeat it; then the fence
and the guards still keep the chain from forking.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from qfs.errors import QfsError, StorageError
from qfs.ledger.events import (
    Head,
    LogFormatError,
    Stored,
    UnknownOutcomeError,
)
from qfs.ledger.postgres_schema import (
    FUNCTIONS,
    GRANTS,
    LOCK_KEY,
    SCHEMA_VERSION,
    STATEMENTS,
    TRIGGERS,
)
from qfs.ledger.stored import CHUNK_BYTES, CHUNK_EVENTS, LOCK_SECONDS, StoredLog

_HOST = re.compile(r"[A-Za-z0-9._:/,%-]*")
_PORT = re.compile(r"[0-9,]*")
_CONNECT_SECONDS = 10

_COLUMNS = "SELECT seq, previous, hash, body FROM qfs.event"
_LAST = f"{_COLUMNS} ORDER BY seq DESC LIMIT 1"
# The first row always, and as many more as fit.
_CHUNK = f"""
SELECT seq, previous, hash, body FROM (
    SELECT *, sum(octet_length(body)) OVER (ORDER BY seq) - octet_length(body) AS bytes_before
    FROM (
        {_COLUMNS} WHERE seq >= %s AND seq < %s ORDER BY seq LIMIT {CHUNK_EVENTS}
    ) AS rows
) AS counted WHERE bytes_before <= {CHUNK_BYTES} ORDER BY seq
"""
_IS_LOCKED = """
SELECT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = %s::oid AND objid = %s::oid
)
"""
_COPY = "COPY qfs.event (seq, previous, hash, body) FROM STDIN (FORMAT BINARY)"
_STATE = """
SELECT (SELECT max(fence) FROM qfs.lease), seq, hash FROM (SELECT 1) AS one
LEFT JOIN (SELECT seq, hash FROM qfs.event ORDER BY seq DESC LIMIT 1) AS last ON true
"""
_LAST_LEASE = "SELECT fence, owner FROM qfs.lease ORDER BY fence DESC LIMIT 1"
_TAKE_LEASE = """
INSERT INTO qfs.lease (fence, owner)
SELECT coalesce(max(fence), 0) + 1, %s FROM qfs.lease RETURNING fence
"""
_TRIGGERS = """
SELECT c.relname || '.' || t.tgname, p.proname || ' ' || t.tgtype FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_proc p ON p.oid = t.tgfoid
WHERE n.nspname = 'qfs' AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgqual IS NULL
"""
_FUNCTIONS = """
SELECT p.proname, p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'qfs'
"""
_KEYED = """
SELECT count(*) FROM pg_index i WHERE i.indisprimary AND i.indisvalid
AND i.indrelid IN ('qfs.event'::regclass, 'qfs.lease'::regclass, 'qfs.instance'::regclass)
"""


def create_postgres(
    url: str, genesis: bytes, instance: bytes, application_role: str | None
) -> None:
    """Create an empty log in a database that has none, in one transaction."""
    connection, place = _connect(url)
    with contextlib.closing(connection), _errors(place):
        try:
            with connection.transaction():
                for statement in STATEMENTS:
                    connection.execute(statement)
                connection.execute(
                    "INSERT INTO qfs.instance (version, hash, genesis) VALUES (%s, %s, %s)",
                    (SCHEMA_VERSION, instance, genesis),
                )
                if application_role is not None:
                    _grant(connection, application_role)
        except psycopg.errors.DuplicateSchema:
            raise StorageError("holds a log already", source=place) from None


def role_in(url: str) -> str | None:
    """The role that a URL names, or None."""
    try:
        role = conninfo_to_dict(url).get("user")
    except psycopg.Error:
        raise StorageError("the URL of the log cannot be read") from None
    return None if role is None else str(role)


def grant_postgres(url: str, application_role: str) -> None:
    """Let a role read and append, in the role that owns the log.

    Raises:
        StorageError: the database refuses it.
    """
    connection, place = _connect(url)
    with contextlib.closing(connection), _errors(place), connection.transaction():
        _grant(connection, application_role)


def _grant(connection: psycopg.Connection[Any], role: str) -> None:
    # A superuser and a member of the owner can drop the guards, and need no grant for it.
    query = "SELECT pg_has_role(%s, current_user, 'MEMBER')"
    if connection.execute(query, (role,)).fetchone() == (True,):
        raise StorageError(f"the role {role} owns the log; the application needs its own")
    for statement in GRANTS:
        connection.execute(sql.SQL(statement).format(role=sql.Identifier(role)))


class PostgresLog(StoredLog):
    """See `qfs.ledger.log.EventLog`."""

    def __init__(self, url: str, writer: str | None, instance: bytes | None) -> None:
        self._connection, place = _connect(url)
        super().__init__(place, instance)
        try:
            with self._errors():
                self._configure(read_only=writer is None)
                self._load(guarded=writer is not None)
                if writer is not None:
                    self._take_lease(writer)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._fence = None
        # A forked child that closed it would end the session of its parent.
        if self._is_own_process():
            self._connection.close()

    def _errors(self) -> contextlib.AbstractContextManager[None]:
        return _errors(self._place)

    def _row(self, query: str, *values: object) -> tuple[Any, ...] | None:
        return self._connection.execute(query, values, binary=True).fetchone()

    def _configure(self, read_only: bool) -> None:
        connection = self._connection
        connection.execute("SET default_transaction_isolation = 'read committed'")
        connection.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
        if read_only:
            connection.execute("SET default_transaction_read_only = on")
        # An acknowledged event is on disk, whatever the database's own setting is.
        if self._row("SHOW synchronous_commit") == ("off",):
            connection.execute("SET synchronous_commit = on")

    def _load(self, guarded: bool) -> None:
        try:
            found = self._row("SELECT version, hash, genesis FROM qfs.instance")
        except psycopg.errors.UndefinedTable:
            raise LogFormatError("holds no log", source=self._place) from None
        version, instance, genesis = found or (SCHEMA_VERSION, b"", b"")
        if version != SCHEMA_VERSION:
            raise LogFormatError(
                f"is a log of version {version}; this release knows {SCHEMA_VERSION}",
                source=self._place,
            )
        if self._row(_KEYED) != (3,):
            raise LogFormatError("a primary key is missing", source=self._place)
        self._set_instance(instance, genesis)
        if guarded:
            self._require_same("trigger", _TRIGGERS, TRIGGERS)
            self._require_same("function", _FUNCTIONS, FUNCTIONS)

    def _require_same(self, kind: str, query: str, expected: dict[str, str]) -> None:
        found: dict[str, str] = dict(self._connection.execute(query).fetchall())
        for name in sorted({*expected, *found}):
            if expected.get(name) != found.get(name):
                raise LogFormatError(
                    f"its {kind} {name} is missing, added or changed", source=self._place
                )

    def _take_lease(self, writer: str) -> None:
        if self._row("SELECT pg_try_advisory_lock(%s)", LOCK_KEY) != (True,):
            raise self._held_by(self._last_lease(), "is held by")
        taken = self._row(_TAKE_LEASE, writer)
        assert taken is not None, "INSERT ... RETURNING returns the row, or raises"
        self._believed = self.head()
        self._fence = taken[0]

    def writer(self) -> str | None:
        self._require_owner()
        with self._errors():
            held = self._row(_IS_LOCKED, LOCK_KEY >> 32, LOCK_KEY & 0xFFFF_FFFF)
            last = self._last_lease() if held == (True,) else None
        return None if last is None else last[1]

    def _last_lease(self) -> tuple[int, str] | None:
        row = self._row(_LAST_LEASE)
        return None if row is None else (row[0], row[1])

    def _last(self) -> Stored | None:
        with self._errors():
            row = self._row(_LAST)
        return None if row is None else Stored._make(row)

    def _chunk(self, start: int, stop: int) -> list[Stored]:
        with self._errors():
            rows = self._connection.execute(_CHUNK, (start, stop), binary=True).fetchall()
        return [Stored._make(row) for row in rows]

    def _insert(self, rows: list[Stored], believed: Head) -> None:
        connection = self._connection
        with self._errors():
            try:
                connection.execute("BEGIN")
                self._require_unchanged(believed)
                cursor = connection.cursor()
                with cursor.copy(_COPY) as copy:
                    copy.set_types(("int8", "bytea", "bytea", "bytea"))
                    for row in rows:
                        copy.write_row(row)
                if cursor.rowcount != len(rows):
                    raise StorageError(
                        f"took {cursor.rowcount} of {len(rows)} events", source=self._place
                    )
            except BaseException:
                self._undo()
                raise
            self._commit()

    def _require_unchanged(self, believed: Head) -> None:
        state = self._row(_STATE)
        assert state is not None, "a query from one row returns one row"
        fence, seq, digest = state
        if fence != self._fence:
            raise self._held_by(self._last_lease(), "was taken over by")
        self._require_end(seq, digest, believed)

    def _commit(self) -> None:
        try:
            done = self._connection.execute("COMMIT").statusmessage
        except psycopg.Error as error:
            # The server that answers an error has rolled back. One that does not answer may
            # have committed first.
            status = self._connection.info.transaction_status
            if status in (TransactionStatus.IDLE, TransactionStatus.INERROR):
                self._undo()
                raise
            raise UnknownOutcomeError(
                "the connection was lost while the commit was made; open the log again",
                source=self._place,
            ) from error
        if done != "COMMIT":
            raise StorageError(f"the commit was answered with {done}", source=self._place)

    def _undo(self) -> None:
        with contextlib.suppress(psycopg.Error):
            # A connection that is gone takes its transaction along.
            if not self._connection.closed:
                self._connection.execute("ROLLBACK")


def _connect(url: str) -> tuple[psycopg.Connection[Any], str]:
    """A connection, and the place as messages show it.

    A URL that is not parsed as it was meant, such as one with an unescaped @ in its password,
    puts pieces of the password where a host or port belongs. Nothing of it is shown.
    """
    try:
        options = conninfo_to_dict(url)
    except psycopg.Error:
        _refuse_url()
    host, port = str(options.get("host") or ""), str(options.get("port") or "")
    name = str(options.get("dbname") or "")
    if not _HOST.fullmatch(host) or not _PORT.fullmatch(port) or "@" in name:
        _refuse_url()
    user = f"{options['user']}@" if options.get("user") else ""
    place = f"postgresql://{user}{host}{f':{port}' if port else ''}/{name}"
    options.setdefault("connect_timeout", _CONNECT_SECONDS)
    options.setdefault("application_name", "qfs")
    try:
        connection = psycopg.connect(make_conninfo("", **options), autocommit=True)
    except psycopg.Error as error:
        problem = str(error).strip().partition("\n")[0]
        for key in ("password", "sslpassword"):
            if options.get(key):
                problem = problem.replace(str(options[key]), "***")
        # Not chained: the cause would show what was left out here.
        raise StorageError(f"cannot be reached: {problem}", source=place) from None
    return connection, place


def _refuse_url() -> NoReturn:
    raise LogFormatError(
        "not a URL postgresql://user:password@host:port/database; in user and password"
        " @ : / ? # % are written as %40 %3A %2F %3F %23 %25",
        argument="place",
    ) from None


@contextlib.contextmanager
def _errors(place: str) -> Iterator[None]:
    """Turns errors of PostgreSQL into ours, which name the place."""
    try:
        yield
    except QfsError as error:
        error.source = error.source or place
        raise
    except psycopg.Error as error:
        message = error.diag.message_primary or str(error).strip().partition("\n")[0]
        # Without a state it does not come from the server: psycopg lost it.
        state = error.sqlstate or "08"
        known = _PROBLEMS.get(state) or _PROBLEMS.get(state[:2])
        raise StorageError(f"{known} ({message})" if known else message, source=place) from error


_PROBLEMS: Final = {
    "08": "the connection was lost",
    "23": "the database refused it",
    "25006": "is read-only",
    "42501": "the role has no right to do this",
    "53100": "the disk is full",
    "55P03": "is locked by another connection",
    "57": "the server ended the connection",
}
