"""What each database does in its own way: guards that must be there, locks, roles, secrets."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import traceback
from pathlib import Path
from typing import Any

import pytest

from qfs.errors import QfsError, StorageError
from qfs.ledger.log import (
    Entry,
    LeaseError,
    LogFormatError,
    create_log,
    open_log,
    verify,
)

pytestmark = pytest.mark.database

ENTRIES = [Entry("test.made", 0, {"n": n}) for n in range(3)]

# SQLite


def test_file_without_its_guards_is_read_and_not_written(sqlite_store: Any) -> None:
    with open_log(sqlite_store.place, writer="w") as log:
        log.append(ENTRIES)
    with sqlite_store.raw() as raw:
        guards = raw.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
        assert len(guards) == 9
        for name, statement in guards:
            for change in (None, statement.replace("append-only", "append only")):
                raw.execute(f"DROP TRIGGER {name}")
                if change is not None:
                    raw.execute(change)
                with pytest.raises(LogFormatError, match=name):
                    open_log(sqlite_store.place, writer="w")
                with open_log(sqlite_store.place) as reader:
                    assert verify(reader).size == 3
                raw.execute(f"DROP TRIGGER IF EXISTS {name}")
                raw.execute(statement)
        raw.execute("CREATE TRIGGER more AFTER INSERT ON event BEGIN SELECT 1; END")
        with pytest.raises(LogFormatError, match="more"):
            open_log(sqlite_store.place, writer="w")
        raw.execute("DROP TRIGGER more")
        raw.execute("ANALYZE")
    open_log(sqlite_store.place, writer="w").close()


def test_table_that_is_another_is_refused(sqlite_store: Any) -> None:
    with sqlite_store.raw() as raw:
        raw.execute("ALTER TABLE event RENAME TO hidden")
        raw.execute("CREATE VIEW event AS SELECT * FROM hidden")
    with pytest.raises(LogFormatError, match="table event"):
        open_log(sqlite_store.place)


@pytest.mark.parametrize(
    ("pragma", "words"), [("user_version = 2", "version 2"), ("application_id = 5", "is not a log")]
)
def test_other_versions_and_applications_are_refused(
    sqlite_store: Any, pragma: str, words: str
) -> None:
    with sqlite_store.raw() as raw:
        raw.execute(f"PRAGMA {pragma}")
    for writer in (None, "w"):
        with pytest.raises(LogFormatError, match=words):
            open_log(sqlite_store.place, writer=writer)


def test_writers_by_two_names_meet_at_one_lock(folder: Path, sqlite_store: Any) -> None:
    os.symlink(sqlite_store.place, folder / "link")
    with (
        open_log(folder / "link", writer="by-link"),
        pytest.raises(LeaseError, match="by-link"),
    ):
        open_log(sqlite_store.place, writer="w")


def test_writer_whose_lock_file_was_removed_is_refused(sqlite_store: Any) -> None:
    with open_log(sqlite_store.place, writer="elder") as elder:
        elder.append(ENTRIES)
        os.unlink(sqlite_store.place + ".lock")
        with open_log(sqlite_store.place, writer="younger") as younger:
            with pytest.raises(LeaseError, match="younger"):
                elder.append(ENTRIES)
            younger.append(ENTRIES)
            assert verify(younger).size == 6


def test_durable_whatever_the_file_was_set_to(sqlite_store: Any) -> None:
    """A journal mode is kept in the file; the writer puts it back."""
    with sqlite_store.raw() as raw:
        raw.execute("PRAGMA journal_mode = WAL")
    with open_log(sqlite_store.place, writer="w") as log:
        connection = log._open  # type: ignore[attr-defined]
        settings = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "recursive_triggers", "foreign_keys")
        }
        assert settings == {
            "journal_mode": "truncate",
            "synchronous": 2,
            "recursive_triggers": 1,
            "foreign_keys": 1,
        }
        log.append(ENTRIES)
    assert not os.path.exists(sqlite_store.place + "-wal")


def test_reader_cannot_write_by_any_statement(sqlite_store: Any) -> None:
    with (
        open_log(sqlite_store.place) as log,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        log._open.execute("CREATE TABLE x (y)")  # type: ignore[attr-defined]
    assert not os.path.exists(sqlite_store.place + ".lock")


def test_odd_file_names(folder: Path) -> None:
    for name in ("a b", "50%25?mode=rwc", "q#x", "\xe9", "postgresql:"):
        create_log(folder / name, {})
        with open_log(folder / name, writer="w") as log:
            log.append(ENTRIES)
        with open_log(str(folder / name)) as log:
            assert verify(log).size == 3


# PostgreSQL


def test_database_without_its_guards_is_read_and_not_written(postgres_store: Any) -> None:
    with open_log(postgres_store.place, writer="w") as log:
        log.append(ENTRIES)
    lease_kept = "CREATE OR REPLACE TRIGGER lease_kept"
    refusing = "ON lease FOR EACH STATEMENT EXECUTE FUNCTION refuse()"
    with postgres_store.raw(postgres_store.owner_place) as raw:
        for change, back, name in (
            (
                "ALTER TABLE event DISABLE TRIGGER event_follows",
                "ALTER TABLE event ENABLE TRIGGER event_follows",
                "event_follows",
            ),
            (
                f"{lease_kept} BEFORE UPDATE {refusing}",
                f"{lease_kept} BEFORE UPDATE OR DELETE OR TRUNCATE {refusing}",
                "lease_kept",
            ),
            (
                "CREATE TRIGGER more BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse()",
                "DROP TRIGGER more ON event",
                "more",
            ),
            (
                (
                    "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql"
                    " AS 'BEGIN RETURN NULL; END'"
                ),
                None,
                "refuse",
            ),
        ):
            raw.execute(change)
            with pytest.raises(LogFormatError, match=name):
                open_log(postgres_store.place, writer="w")
            with open_log(postgres_store.place) as reader:
                assert verify(reader).size == 3
            if back is not None:
                raw.execute(back)
        raw.execute("ALTER TABLE event DROP CONSTRAINT event_pkey")
        with pytest.raises(LogFormatError, match="primary key"):
            open_log(postgres_store.place)


def test_the_role_has_these_rights_and_no_other(postgres_store: Any) -> None:
    with postgres_store.raw(postgres_store.owner_place) as raw:
        rights = raw.execute(
            "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
            " WHERE table_schema = 'qfs' AND grantee <> 'qfs_owner' ORDER BY 1, 2"
        )
        assert rights == [
            ("event", "INSERT"),
            ("event", "SELECT"),
            ("instance", "SELECT"),
            ("lease", "INSERT"),
            ("lease", "SELECT"),
        ]
        query = "SELECT has_schema_privilege(?, 'qfs', ?)"
        assert raw.execute(query, "qfs_application", "CREATE") == [(False,)]
        assert raw.execute(query, "public", "USAGE") == [(False,)]


def test_owner_is_no_application_role(postgres_store: Any) -> None:
    from qfs.ledger.postgres import grant_postgres

    for role in ("qfs_owner", "postgres"):
        with pytest.raises(StorageError, match="its own"):
            grant_postgres(postgres_store.owner_place, role)
    for role in ("absent", 'x"; DROP SCHEMA qfs CASCADE; --'):
        with pytest.raises(StorageError, match="does not exist"):
            grant_postgres(postgres_store.owner_place, role)
    grant_postgres(postgres_store.owner_place, "qfs_application")
    with open_log(postgres_store.place, writer="w") as log:
        log.append(ENTRIES)


def test_log_is_created_whole_or_not_at_all(postgres_store: Any) -> None:
    server, database = postgres_store.server, postgres_store.database
    server.empty_database(database)
    with pytest.raises(StorageError):
        create_log(postgres_store.owner_place, {}, application_role="absent")
    with pytest.raises(LogFormatError, match="holds no log"):
        open_log(postgres_store.place)
    with pytest.raises(StorageError, match="no right"):
        create_log(postgres_store.place, {})


def test_commits_are_durable_whatever_the_database_is_set_to(postgres_store: Any) -> None:
    name = postgres_store.database
    postgres_store.server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    try:
        with open_log(postgres_store.place, writer="w") as log:
            assert log._row("SHOW synchronous_commit") == ("on",)  # type: ignore[attr-defined]
            assert log.append(ENTRIES)
    finally:
        postgres_store.server.execute(f"ALTER DATABASE {name} RESET synchronous_commit")


def test_other_version_is_refused(postgres_store: Any) -> None:
    with postgres_store.unguarded() as raw:
        raw.execute("UPDATE instance SET version = 2")
    with pytest.raises(LogFormatError, match="version 2"):
        open_log(postgres_store.place)


def test_reader_cannot_write(postgres_store: Any) -> None:
    with open_log(postgres_store.place) as log:
        connection = log._connection  # type: ignore[attr-defined]
        with pytest.raises(postgres_store.refusals, match="read-only"):
            connection.execute("INSERT INTO qfs.lease VALUES (1, 'x')")


SECRET = "s3cr3t-W0rd"


def assert_no_secret(call: Any) -> None:
    with pytest.raises(QfsError) as caught:
        call()
    error = caught.value
    shown = [str(error), repr(error), *traceback.format_exception(error)]
    for text in shown:
        for line in text.splitlines():
            # A traceback quotes the source line of the test, which names the constant only.
            assert SECRET not in line
            assert SECRET[:4] not in line


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{SECRET}@127.0.0.1:1/db",
        f"postgresql://127.0.0.1:1/db?user=u&password={SECRET}",
        f"postgresql://u:a@{SECRET}@127.0.0.1:1/db",
        f"postgresql://u:a/{SECRET}@127.0.0.1:1/db",
        f"postgresql://u:a?{SECRET}@127.0.0.1:1/db",
        f"postgresql://u:a#{SECRET}@127.0.0.1:1/db",
        f"postgresql://u:a%{SECRET}@127.0.0.1:1/db",
        f"postgresql://u:{SECRET}@127.0.0.1:port/db",
        f"postgresql://u:{SECRET}@[::1/db",
        f"postgresql://{SECRET}:@{SECRET}@x/{SECRET}@y",
    ],
)
def test_no_message_shows_a_password(server: Any, url: str) -> None:
    for writer in (None, "w"):
        assert_no_secret(lambda writer=writer: open_log(url, writer=writer))
    assert_no_secret(lambda: create_log(url, {}))


def test_refused_password_and_repr_show_nothing(postgres_store: Any) -> None:
    place = postgres_store.place
    user = place.partition("//")[2].partition(":")[0]
    rest = place.partition("@")[2]
    assert_no_secret(lambda: open_log(f"postgresql://{user}:{SECRET}@{rest}"))
    password = place.partition("@")[0].rpartition(":")[2]
    with open_log(place, writer="w") as log:
        assert password not in repr(log) + log.place
        with contextlib.suppress(LeaseError):
            open_log(place, writer="other")
        postgres_store.server.end_sessions(postgres_store.database)
        with pytest.raises(StorageError) as caught:
            log.append(ENTRIES)
        assert password not in "".join(traceback.format_exception(caught.value))
        assert log.place in str(caught.value)
