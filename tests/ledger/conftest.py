"""The databases that the log is tested on.

Every test that takes `store` or `new_store` runs on SQLite and on PostgreSQL. Without PostgreSQL
its half is skipped with a line at the end, and with CI=true it fails.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from qfs.ledger.events import chain
from qfs.ledger.log import Entry, create_log, open_log

GENESIS = {"name": "test", "registrar": "ab" * 32}


def _load(name: str) -> ModuleType:
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


# Tests and the helpers below import these by name.
postgres_server = _load("postgres_server")
instances = _load("instances")
votes_on_disk = _load("votes_on_disk")
ABSENT: str | None = postgres_server.absent()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if ABSENT is not None:
        terminalreporter.write_line(f"the log was not tested on PostgreSQL: {ABSENT}")


class Raw:
    """A connection of its own to the log's database, as someone else would open it."""

    def __init__(self, connection: Any, mark: str) -> None:
        self.connection = connection
        self.mark = mark

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement with ? for each value, in a transaction of its own; its rows."""
        cursor = self.connection.execute(statement.replace("?", self.mark), values)
        return cursor.fetchall() if cursor.description else []


def append_by_hand(store: Store, entries: list[Entry]) -> None:
    """What another program with the application's rights can do: append the next events."""
    with open_log(store.place) as log:
        _, rows, _ = chain(log.instance, log.head(), entries)
    with store.raw() as raw:
        for row in rows:
            raw.execute("INSERT INTO event (seq, previous, hash, body) VALUES (?, ?, ?, ?)", *row)


class SqliteStore:
    """A log in a file. Whoever can write the file is application and owner."""

    name = "sqlite"
    refusals: tuple[type[Exception], ...] = (sqlite3.DatabaseError,)

    def __init__(self, folder: Path) -> None:
        self.place = str(folder / "log.db")
        self.instance = create_log(self.place, GENESIS)

    def append_by_hand(self, entries: list[Entry]) -> None:
        append_by_hand(self, entries)

    @contextlib.contextmanager
    def raw(self) -> Iterator[Raw]:
        # Default settings: recursive_triggers and foreign_keys are off.
        with contextlib.closing(sqlite3.connect(self.place, isolation_level=None)) as connection:
            yield Raw(connection, "?")

    @contextlib.contextmanager
    def unguarded(self) -> Iterator[Raw]:
        """A connection of the owner, who took the guards away; they are back afterwards."""
        with self.raw() as raw:
            guards = raw.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
            raw.execute("PRAGMA ignore_check_constraints = ON")
            for name, _ in guards:
                raw.execute(f"DROP TRIGGER {name}")
            yield raw
            for _, statement in guards:
                raw.execute(statement)


class PostgresStore:
    """A log written in the application's role. The one before it in the database is removed."""

    name = "postgres"
    database = "log"

    def __init__(self, server: Any) -> None:
        import psycopg

        self.refusals: tuple[type[Exception], ...] = (psycopg.Error,)
        self.server = server
        server.empty_database(self.database)
        self.place = server.url(self.database)
        self.owner_place = server.url(self.database, postgres_server.OWNER)
        self.instance = create_log(
            self.owner_place, GENESIS, application_role=postgres_server.APPLICATION
        )

    def append_by_hand(self, entries: list[Entry]) -> None:
        append_by_hand(self, entries)

    @contextlib.contextmanager
    def raw(self, place: str | None = None) -> Iterator[Raw]:
        import psycopg

        with contextlib.closing(
            psycopg.connect(place or self.place, autocommit=True)
        ) as connection:
            connection.execute("SET search_path = qfs")
            yield Raw(connection, "%s")

    @contextlib.contextmanager
    def unguarded(self) -> Iterator[Raw]:
        """A connection of the owner, who took the guards away; they are back afterwards."""
        with self.raw(self.owner_place) as raw:
            for table in ("event", "lease", "instance"):
                raw.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            raw.execute("ALTER TABLE event DROP CONSTRAINT IF EXISTS event_seq_check")
            yield raw
            for table in ("event", "lease", "instance"):
                raw.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


Store = SqliteStore | PostgresStore


@pytest.fixture(scope="session")
def server() -> Iterator[Any]:
    """The PostgreSQL server of the tests."""
    if ABSENT is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{ABSENT}, which CI does not allow")
        pytest.skip(ABSENT)
    with postgres_server.running(fsync=False) as running:
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: a killed process loses nothing that it wrote."""
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(
        prefix="qfs-log-", dir=memory if os.access(memory, os.W_OK) else None
    ) as name:
        yield Path(name)


@pytest.fixture(params=["sqlite", "postgres"])
def new_store(request: pytest.FixtureRequest, folder: Path) -> Callable[[], Store]:
    """Makes new empty logs in one kind of database."""
    if request.param == "postgres":
        server = request.getfixturevalue("server")
        return lambda: PostgresStore(server)
    return lambda: SqliteStore(Path(tempfile.mkdtemp(dir=folder)))


@pytest.fixture
def sqlite_store(folder: Path) -> SqliteStore:
    return SqliteStore(folder)


@pytest.fixture
def postgres_store(server: Any) -> PostgresStore:
    return PostgresStore(server)


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    """A new empty log."""
    return new_store()
