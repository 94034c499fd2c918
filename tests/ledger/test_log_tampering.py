"""What the database refuses, what verification finds, and what only a known head finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qfs.errors import QfsError
from qfs.ledger.events import EMPTY, Stored, chain, event_hash
from qfs.ledger.log import (
    Entry,
    EventLog,
    Head,
    LogFormatError,
    LogTamperedError,
    open_log,
    verify,
)

pytestmark = pytest.mark.database

INSERT = "INSERT INTO event (seq, previous, hash, body) VALUES (?, ?, ?, ?)"
ENTRIES = [Entry("test.made", n, {"n": n}) for n in range(5)]


@pytest.fixture
def filled(store: Any) -> Any:
    """A log of five events."""
    with open_log(store.place, writer="w") as log:
        log.append(ENTRIES)
    return store


def rows_of(store: Any) -> list[Stored]:
    with open_log(store.place) as log:
        return list(log.rows())


def following(store: Any, count: int = 1) -> list[Stored]:
    """Rows that would be the next events."""
    with open_log(store.place) as log:
        entries = [Entry("test.made", 9, {"forged": n}) for n in range(count)]
        return chain(log.instance, log.head(), entries)[1]


# What the database refuses to everyone who connects with the application's rights


STATEMENTS = [
    "UPDATE event SET body = body WHERE seq = 2",
    "UPDATE event SET seq = seq + 10",
    "UPDATE event SET hash = previous WHERE seq = 4",
    "DELETE FROM event",
    "DELETE FROM event WHERE seq = 4",
    "UPDATE instance SET hash = genesis",
    "DELETE FROM instance",
    "UPDATE lease SET owner = 'me'",
    "DELETE FROM lease",
    "INSERT INTO lease (fence, owner) VALUES (3, 'ahead')",
    "INSERT INTO lease (fence, owner) VALUES (1, 'again')",
    "INSERT INTO lease (fence, owner) VALUES (0, 'before')",
    "INSERT INTO lease (fence, owner) VALUES (2, '')",
    "INSERT INTO event SELECT * FROM event",
    "INSERT INTO event SELECT seq + 5, previous, hash, body FROM event",
    "INSERT INTO event SELECT seq - 5, previous, hash, body FROM event",
]
SQLITE_STATEMENTS = [
    "INSERT OR REPLACE INTO event SELECT seq, previous, hash, body FROM event WHERE seq = 2",
    "INSERT OR REPLACE INTO event SELECT seq, previous, hash, x'7b7d' FROM event WHERE seq = 4",
    "REPLACE INTO event SELECT 0, zeroblob(32), hash, body FROM event WHERE seq = 3",
    "INSERT OR REPLACE INTO event SELECT NULL, hash, hash, body FROM event WHERE seq = 4",
    (
        "INSERT INTO event SELECT * FROM event WHERE seq = 4"
        " ON CONFLICT (seq) DO UPDATE SET body = x'7b7d'"
    ),
    "UPDATE OR REPLACE event SET seq = 3 WHERE seq = 4",
    "INSERT OR REPLACE INTO lease (fence, owner) VALUES (1, 'me')",
    "INSERT OR REPLACE INTO instance VALUES (1, zeroblob(32), x'7b7d')",
    "INSERT INTO instance VALUES (2, zeroblob(32), x'7b7d')",
]
POSTGRES_STATEMENTS = [
    "TRUNCATE event",
    "TRUNCATE event, lease, instance CASCADE",
    (
        "INSERT INTO event SELECT * FROM event WHERE seq = 4"
        " ON CONFLICT (seq) DO UPDATE SET body = '{}'"
    ),
    "INSERT INTO instance VALUES (true, 1, '', '')",
    "ALTER TABLE event DISABLE TRIGGER ALL",
    "ALTER TABLE event ADD COLUMN more text",
    "ALTER TABLE event OWNER TO qfs_application",
    "ALTER SCHEMA qfs RENAME TO gone",
    "DROP TABLE event",
    "DROP TRIGGER event_follows ON event",
    "DROP FUNCTION refuse() CASCADE",
    "DROP SCHEMA qfs CASCADE",
    "CREATE TABLE qfs.more (x int)",
    "CREATE RULE r AS ON INSERT TO event DO INSTEAD NOTHING",
    (
        "CREATE OR REPLACE FUNCTION qfs.refuse() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NULL; END'"
    ),
    "SET session_replication_role = replica",
    "SET ROLE qfs_owner",
    "MERGE INTO event USING (SELECT 2) AS x ON seq = 2 WHEN MATCHED THEN DELETE",
]


def test_the_application_cannot_change_what_is_there(filled: Any) -> None:
    statements = STATEMENTS + (
        SQLITE_STATEMENTS if filled.name == "sqlite" else POSTGRES_STATEMENTS
    )
    before = rows_of(filled)
    with filled.raw() as raw:
        leases = raw.execute("SELECT * FROM lease")
        for statement in statements:
            try:
                raw.execute(statement)
            except filled.refusals:
                pass
            else:
                pytest.fail(f"not refused: {statement}")
            assert rows_of(filled) == before, statement
        assert raw.execute("SELECT * FROM lease") == leases
    with open_log(filled.place, writer="w") as log:
        log.append(ENTRIES[-1:])
        assert verify(log).size == 6


WRONG_NEXT: dict[str, Callable[[list[Stored]], Stored]] = {
    "the last again": lambda r: r[4],
    "one skipped": lambda r: r[5]._replace(seq=6),
    "in front": lambda r: r[5]._replace(seq=-1),
    "far ahead": lambda r: r[5]._replace(seq=2**62),
    "not chained": lambda r: r[5]._replace(previous=r[3].hash),
    "chained to nothing": lambda r: r[5]._replace(previous=bytes(32)),
    "hash cut": lambda r: r[5]._replace(hash=r[5].hash[:31]),
    "hash too long": lambda r: r[5]._replace(hash=r[5].hash + b"x"),
    "no hash": lambda r: r[5]._replace(hash=None),  # type: ignore[arg-type]
    "no body": lambda r: r[5]._replace(body=None),  # type: ignore[arg-type]
    "no previous": lambda r: r[5]._replace(previous=None),  # type: ignore[arg-type]
    "no number": lambda r: r[5]._replace(seq=None),  # type: ignore[arg-type]
    "empty body": lambda r: r[5]._replace(body=b""),
    "body too large": lambda r: r[5]._replace(body=b" " * ((1 << 20) + 1)),
}


def test_only_the_next_event_is_taken(filled: Any) -> None:
    good = rows_of(filled) + following(filled)
    with filled.raw() as raw:
        for name, change in WRONG_NEXT.items():
            for verb in ("INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE")[
                : 3 if filled.name == "sqlite" else 1
            ]:
                try:
                    raw.execute(INSERT.replace("INSERT", verb), *change(good))
                except filled.refusals:
                    refused = True
                else:
                    # IGNORE leaves a row out that breaks a CHECK, without an error.
                    refused = verb == "INSERT OR IGNORE"
                assert refused, name
                assert rows_of(filled) == good[:5], name
        raw.execute(INSERT, *good[5])
    assert rows_of(filled) == good


def test_a_batch_is_taken_or_refused_whole(filled: Any) -> None:
    good = following(filled, 3)
    values = ", ".join(["(?, ?, ?, ?)"] * 3)
    statement = f"INSERT INTO event (seq, previous, hash, body) VALUES {values}"
    gap = [good[0], good[1], good[2]._replace(seq=8)]
    with filled.raw() as raw:
        with pytest.raises(filled.refusals):
            raw.execute(statement, *[value for row in gap for value in row])
        assert len(rows_of(filled)) == 5
        raw.execute(statement, *[value for row in good for value in row])
    assert len(rows_of(filled)) == 8


def test_postgres_computes_the_hash_too(postgres_store: Any) -> None:
    (row,) = following(postgres_store)
    with postgres_store.raw() as raw:
        for wrong in (row._replace(hash=bytes(32)), row._replace(body=row.body + b" ")):
            with pytest.raises(postgres_store.refusals):
                raw.execute(INSERT, *wrong)


def test_nothing_of_a_session_stands_for_what_the_guards_use(postgres_store: Any) -> None:
    """Neither a table of its own for the table of events, nor a function for sha256."""
    (row,) = following(postgres_store)
    server, database = postgres_store.server, postgres_store.database
    insert = INSERT.replace("INTO event", "INTO qfs.event")
    server.execute("CREATE SCHEMA play AUTHORIZATION qfs_application", database)
    try:
        with postgres_store.raw() as raw:
            raw.execute("CREATE TEMP TABLE event (seq bigint, hash bytea)")
            raw.execute("INSERT INTO pg_temp.event VALUES (8, ?)", bytes(32))
            with pytest.raises(postgres_store.refusals, match="not the next"):
                raw.execute(insert, *row._replace(seq=9, previous=bytes(32)))
            raw.execute(
                "CREATE FUNCTION play.sha256(bytea) RETURNS bytea LANGUAGE sql"
                " AS 'SELECT decode(repeat(''00'', 32), ''hex'')'"
            )
            raw.execute("SET search_path = play, pg_catalog")
            with pytest.raises(postgres_store.refusals, match="not the next"):
                raw.execute(insert, *row._replace(hash=bytes(32)))
            raw.execute(insert, *row)
    finally:
        server.execute("DROP SCHEMA play CASCADE", database)


# What verification finds after the owner changed the data


def found(log: EventLog) -> tuple[int, str]:
    with pytest.raises(LogTamperedError) as caught:
        verify(log)
    assert log.place in str(caught.value)
    assert f"event {caught.value.seq}" in str(caught.value)
    return caught.value.seq, caught.value.fault


def test_every_flipped_byte_is_found_and_its_event_named(filled: Any) -> None:
    rows = rows_of(filled)
    with filled.unguarded() as raw, open_log(filled.place) as log:
        for seq in (0, 2, 4):
            for column in ("body", "hash", "previous"):
                good = getattr(rows[seq], column)
                statement = f"UPDATE event SET {column} = ? WHERE seq = {seq}"
                for position in range(len(good)):
                    bad = good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :]
                    raw.execute(statement, bad)
                    expected = "previous" if column == "previous" else "hash"
                    assert found(log) == (seq, expected)
                    # Reading finds it as well, at that event and right behind it.
                    for start in (seq, seq + 1):
                        with pytest.raises(LogTamperedError):
                            list(log.read(start, start + 1))
                raw.execute(statement, good)
        assert verify(log).size == 5


def rewrite(raw: Any, rows: list[Stored]) -> None:
    raw.execute("DELETE FROM event")
    for row in rows:
        raw.execute(INSERT, *row)


REWRITTEN: dict[str, tuple[tuple[int, str], Callable[[list[Stored]], list[Stored]]]] = {
    "first dropped": ((0, "missing"), lambda r: r[1:]),
    "dropped": ((2, "missing"), lambda r: r[:2] + r[3:]),
    "dropped and renumbered": (
        (2, "previous"),
        lambda r: r[:2] + [row._replace(seq=row.seq - 1) for row in r[3:]],
    ),
    "swapped": (
        (1, "previous"),
        lambda r: [r[0], r[3]._replace(seq=1), r[2], r[1]._replace(seq=3), r[4]],
    ),
    "duplicated": (
        (3, "previous"),
        lambda r: r[:3] + [row._replace(seq=row.seq + 1) for row in r[2:]],
    ),
    "duplicated at the end": ((5, "previous"), lambda r: [*r, r[4]._replace(seq=5)]),
    "inserted in front": (
        (-1, "repeated"),
        lambda r: [r[0]._replace(seq=-1), *r],
    ),
    "inserted far behind": ((5, "missing"), lambda r: [*r, r[4]._replace(seq=10**6)]),
    "another body, rehashed": (
        (3, "previous"),
        lambda r: [*r[:2], rehashed(r[2]), *r[3:]],
    ),
}
INSTANCE: list[bytes] = []


def rehashed(row: Stored) -> Stored:
    body = row.body.replace(b'"n":2', b'"n":7')
    return row._replace(body=body, hash=event_hash(INSTANCE[0], row.previous, body))


@pytest.mark.parametrize("name", REWRITTEN)
def test_every_rearrangement_is_found_and_its_place_named(filled: Any, name: str) -> None:
    place, change = REWRITTEN[name]
    INSTANCE[:] = [filled.instance]
    rows = rows_of(filled)
    with filled.unguarded() as raw:
        rewrite(raw, change(rows))
    with open_log(filled.place) as log:
        assert found(log) == place


def test_changed_genesis_or_instance_is_refused(filled: Any) -> None:
    with filled.unguarded() as raw:
        ((digest, genesis),) = raw.execute("SELECT hash, genesis FROM instance")
        for column, bad in (("hash", bytes(32)), ("genesis", bytes(genesis)[:-1] + b" ")):
            raw.execute(f"UPDATE instance SET {column} = ?", bad)
            with pytest.raises(LogFormatError, match="genesis"):
                open_log(filled.place)
            raw.execute("UPDATE instance SET hash = ?, genesis = ?", digest, genesis)
        raw.execute("DELETE FROM instance")
        with pytest.raises(LogFormatError):
            open_log(filled.place)


# What no look at the log alone can find


def test_cut_or_rewritten_tail_is_found_only_against_a_known_head(filled: Any) -> None:
    """Without a head from elsewhere, a shorter or another consistent history looks whole."""
    rows = rows_of(filled)
    with open_log(filled.place) as log:
        heads = [event.head for event in log.read()]
    other = chain(filled.instance, heads[1], [Entry("test.forged", 9, {})])[1]
    for history, size, fault in ((rows[:3], 3, "missing"), (rows[:2] + other, 3, "head")):
        with filled.unguarded() as raw:
            rewrite(raw, history)
        with open_log(filled.place) as log:
            assert verify(log).size == size
            assert verify(log, heads[1]).size == size
            with pytest.raises(LogTamperedError) as caught:
                verify(log, heads[2] if fault == "head" else heads[4])
            assert caught.value.fault == fault
            assert caught.value.seq == (2 if fault == "head" else 3)
    with filled.unguarded() as raw:
        rewrite(raw, [])
    with open_log(filled.place) as log:
        assert verify(log) == EMPTY
        with pytest.raises(LogTamperedError):
            verify(log, Head(1, heads[0].hash, 0))


def test_flipped_bytes_of_a_file_change_no_event_unnoticed(sqlite_store: Any) -> None:
    """Anywhere in the file: an error, or the same events. Every 37th byte of all pages."""
    with open_log(sqlite_store.place, writer="w") as log:
        log.append(ENTRIES)
        expected = list(log.read())
    with open(sqlite_store.place, "rb") as file:
        good = file.read()
    errors = 0
    for position in range(0, len(good), 37):
        with open(sqlite_store.place, "r+b") as file:
            file.seek(position)
            file.write(bytes([good[position] ^ 0x11]))
        try:
            with open_log(sqlite_store.place) as log:
                assert verify(log).hash == expected[-1].hash
                assert list(log.read()) == expected
        except QfsError:
            errors += 1
        with open(sqlite_store.place, "r+b") as file:
            file.seek(position)
            file.write(good[position : position + 1])
    assert errors > 10
