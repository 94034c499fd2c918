"""The log on both databases: what is appended is read, by one writer, in order, whole or not."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from qfs import canonical
from qfs.errors import (
    MissingDependencyError,
    OutOfRangeError,
    QfsError,
    StorageError,
    UnknownOptionError,
    WrongTypeError,
)
from qfs.ledger import log as logs
from qfs.ledger import stored
from qfs.ledger.events import chain
from qfs.ledger.log import (
    EMPTY,
    Entry,
    EventError,
    Head,
    LeaseError,
    LogFormatError,
    StaleHeadError,
    UnknownOutcomeError,
    create_log,
    open_log,
    verify,
)

pytestmark = pytest.mark.database

GENESIS = {"name": "test", "registrar": "ab" * 32}


def entries(count: int, tick: int = 0, size: int = 10) -> list[Entry]:
    return [Entry("test.made", tick, {"n": n, "x": "y" * size}) for n in range(count)]


# Reading what was appended


def test_what_was_appended_is_read_and_verifies(store: Any) -> None:
    with open_log(store.place, writer="w") as log:
        assert log.head() == EMPTY == verify(log)
        assert list(log.read()) == []
        first = log.append(entries(3, tick=5))
        second = log.append(entries(1, tick=5) + entries(1, tick=7))
        made = first + second
        assert [event.seq for event in made] == [0, 1, 2, 3, 4]
        assert [event.tick for event in made] == [5, 5, 5, 5, 7]
        assert log.head() == made[-1].head == verify(log) == Head(5, made[-1].hash, 7)
        assert list(log.read()) == made
    with open_log(store.place, instance=store.instance) as reader:
        assert list(reader.read()) == made
        assert reader.head() == made[-1].head == verify(reader, made[2].head)
        assert reader.instance == store.instance
        assert reader.genesis == canonical.encode(GENESIS)
        assert reader.size() == 5


def test_every_range_is_a_slice(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_log(store.place, writer="w") as log:
        made = log.append(entries(7))
        for start in range(9):
            assert list(log.read(start)) == made[start:]
            for stop in range(9):
                assert list(log.read(start, stop)) == made[start:stop]
        for bad in (-1, 2**64):
            with pytest.raises(OutOfRangeError):
                log.read(bad)
        for wrong in (1.0, True, "1"):
            with pytest.raises(WrongTypeError):
                log.read(0, wrong)  # type: ignore[arg-type]


def test_reading_is_cut_by_bytes_and_holds_no_lock(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events of 300 kB: a chunk holds 28 of them, and the writer writes between two events."""
    with open_log(store.place, writer="w") as log, open_log(store.place) as reader:
        made = log.append(entries(60, size=300_000))
        chunks: list[int] = []
        take = reader._chunk  # type: ignore[attr-defined]

        def counted(start: int, stop: int) -> Any:
            rows = take(start, stop)
            chunks.append(sum(len(row.body) for row in rows))
            return rows

        monkeypatch.setattr(reader, "_chunk", counted)
        found = []
        for event in reader.read():
            found.append(event)
            if event.seq in (0, 30):
                made += log.append(entries(1))
        assert found == made
        assert max(chunks) <= stored.CHUNK_BYTES + 300_100
        assert len([size for size in chunks if size]) >= 3


def test_largest_event_and_no_event(store: Any) -> None:
    with open_log(store.place, writer="w") as log:
        assert log.append([]) == []
        overhead = len(chain(log.instance, EMPTY, entries(1, size=0))[1][0].body)
        log.append(entries(1, size=(1 << 20) - overhead))
        assert len(next(log.rows()).body) == 1 << 20
        with pytest.raises(EventError):
            log.append(entries(1, size=(1 << 20)))
        assert verify(log).size == 1


def test_progress_is_told(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "PROGRESS_EVENTS", 4)
    told: list[tuple[int, int]] = []
    with open_log(store.place, writer="w") as log:
        log.append(entries(10))
        verify(log, progress=lambda done, total: told.append((done, total)))
    assert told == [(4, 10), (8, 10), (10, 10)]


# One writer


def test_second_writer_is_refused_and_the_holder_named(store: Any) -> None:
    with open_log(store.place, writer="first-writer") as log:
        with pytest.raises(LeaseError, match="first-writer") as caught:
            open_log(store.place, writer="second")
        assert caught.value.holder == "first-writer"
        assert caught.value.code == "lease"
        assert log.fence == 1
        log.append(entries(1))
    with open_log(store.place, writer="second") as log:
        assert log.fence == 2
        assert log.append(entries(1))[0].seq == 1


def test_reader_and_closed_log_do_not_append(store: Any) -> None:
    with open_log(store.place) as reader:
        assert reader.fence is None
        with pytest.raises(LeaseError, match="reading"):
            reader.append(entries(1))
    log = open_log(store.place, writer="w")
    log.close()
    log.close()
    with pytest.raises(LeaseError):
        log.append(entries(1))
    with pytest.raises(StorageError):
        log.head()


def test_writer_whose_lock_was_lost_is_refused_by_the_fence(store: Any) -> None:
    with open_log(store.place, writer="elder") as log:
        log.append(entries(1))
        with store.raw() as raw:
            raw.execute("INSERT INTO lease (fence, owner) VALUES (2, 'younger')")
        with pytest.raises(LeaseError, match="younger") as caught:
            log.append(entries(1))
        assert caught.value.holder == "younger"
        assert log.head().size == 1


def test_stale_head_is_refused(store: Any) -> None:
    with open_log(store.place, writer="w") as log:
        log.append(entries(2))
        store.append_by_hand(entries(1))
        for _ in range(2):
            with pytest.raises(StaleHeadError, match="3 events"):
                log.append(entries(1))
        assert verify(log).size == 3
    with open_log(store.place, writer="w") as log:
        assert log.append(entries(1))[0].seq == 3


def test_log_belongs_to_thread_and_process(store: Any) -> None:
    with open_log(store.place, writer="w") as log:
        caught: list[BaseException] = []

        def use() -> None:
            for call in (lambda: log.append(entries(1)), log.head, lambda: list(log.read())):
                try:
                    call()
                except LeaseError as error:
                    caught.append(error)

        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        assert len(caught) == 3
        child = os.fork()
        if child == 0:
            code = 1
            try:
                log.append(entries(1))
            except LeaseError:
                log.close()
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        # The child's closing took nothing from the parent.
        log.append(entries(1))
        with pytest.raises(LeaseError):
            open_log(store.place, writer="other")


@pytest.mark.parametrize("writer", ["", "two words", "\xe9", "x" * 129])
def test_writer_needs_a_name(store: Any, writer: str) -> None:
    with pytest.raises(QfsError):
        open_log(store.place, writer=writer)


# Whole or not at all


class HalfwayError(Exception):
    """Raised by a test in the middle of a batch."""


def interrupted() -> Any:
    yield from entries(2, tick=4)
    raise HalfwayError


def test_error_in_a_batch_leaves_nothing(store: Any) -> None:
    with open_log(store.place, writer="w") as log:
        log.append(entries(2, tick=4))
        head = log.head()
        with pytest.raises(EventError) as caught:
            log.append([*entries(2, tick=4), *entries(1, tick=3), *entries(2, tick=4)])
        assert caught.value.index == 2
        with pytest.raises(HalfwayError):
            log.append(interrupted())
        assert log.head() == head == verify(log)
        assert log.append(entries(1, tick=4))[0].seq == 2


@pytest.mark.parametrize("place", [0, 1, 5, 9])
def test_refusal_in_the_middle_of_a_batch_leaves_nothing(
    store: Any, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """The database refuses one row of ten: it gets a body that is too large for it."""

    def spoiled(instance: bytes, head: Head, batch: Any) -> Any:
        events, rows, after = chain(instance, head, batch)
        rows[place] = rows[place]._replace(body=b" " * ((1 << 20) + 1))
        return events, rows, after

    with open_log(store.place, writer="w") as log:
        log.append(entries(2))
        head = log.head()
        with monkeypatch.context() as patch:
            patch.setattr(stored, "chain", spoiled)
            with pytest.raises(StorageError, match="refused"):
                log.append(entries(10))
        assert log.head() == head == verify(log)
        assert [event.seq for event in log.append(entries(10))] == list(range(2, 12))


def test_interrupt_leaves_nothing_and_the_log_is_opened_again(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_log(store.place, writer="w") as log:
        log.append(entries(1))

        def interrupt(believed: Head) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(log, "_require_unchanged", interrupt)
            with pytest.raises(KeyboardInterrupt):
                log.append(entries(3))
        with pytest.raises(StaleHeadError, match="open the log again"):
            log.append(entries(1))
        assert verify(log).size == 1
    with open_log(store.place, writer="w") as log:
        assert log.append(entries(1))[0].seq == 1


def test_lost_answer_to_a_commit_is_not_taken_for_either(postgres_store: Any) -> None:
    """The server's process of the session dies between the last row and the commit."""
    with open_log(postgres_store.place, writer="w") as log:
        log.append(entries(1))
        commit = log._commit  # type: ignore[attr-defined]

        def cut_off() -> None:
            postgres_store.server.end_sessions(postgres_store.database)
            commit()

        log._commit = cut_off  # type: ignore[attr-defined]
        with pytest.raises(UnknownOutcomeError) as caught:
            log.append(entries(3))
        assert isinstance(caught.value, StorageError)
        with pytest.raises(StaleHeadError):
            log.append(entries(1))
    with open_log(postgres_store.place, writer="w") as log:
        assert verify(log).size == 1


class FailingCommit:
    """A SQLite connection whose next commit reports a failure, before or after it is made."""

    def __init__(self, connection: sqlite3.Connection, made: bool) -> None:
        self.connection = connection
        self.made = made
        self.fails = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def execute(self, statement: str, *values: Any) -> Any:
        if statement == "COMMIT" and self.fails:
            self.fails = False
            if self.made:
                self.connection.execute(statement)
            raise sqlite3.OperationalError("disk I/O error")
        return self.connection.execute(statement, *values)


def test_failed_commit_is_undone_or_said_to_be_unknown(sqlite_store: Any) -> None:
    with open_log(sqlite_store.place, writer="w") as log:
        log.append(entries(1))
        log._connection = FailingCommit(log._connection, made=False)  # type: ignore[attr-defined]
        with pytest.raises(StorageError) as undone:
            log.append(entries(3))
        assert not isinstance(undone.value, UnknownOutcomeError)
        assert verify(log).size == 1
        log.append(entries(3))
        log._connection = FailingCommit(log._connection, made=True)  # type: ignore[attr-defined]
        with pytest.raises(UnknownOutcomeError):
            log.append(entries(3))
        with pytest.raises(StaleHeadError):
            log.append(entries(1))
        assert verify(log).size == 7


# Creating and opening


def test_created_once(store: Any) -> None:
    place = getattr(store, "owner_place", store.place)
    with pytest.raises(StorageError, match=r"already|exists"):
        create_log(place, {"name": "other"})
    with open_log(store.place, instance=store.instance) as log:
        assert log.head() == EMPTY


def test_other_instance_is_refused_and_nothing_taken(store: Any) -> None:
    for writer in (None, "w"):
        with pytest.raises(LogFormatError, match=store.instance.hex()):
            open_log(store.place, writer=writer, instance=bytes(32))
    with open_log(store.place, writer="w") as log:
        assert log.fence == 1


def test_places_that_are_no_log(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "text").write_text("no database, but long enough to have a header " * 10)
    (folder / "empty").touch()
    for name, expected in (
        ("absent", StorageError),
        ("absent/log", StorageError),
        ("", (LogFormatError, StorageError)),
        ("text", LogFormatError),
        ("empty", LogFormatError),
    ):
        for writer in (None, "w"):
            with pytest.raises(expected) as caught:  # type: ignore[call-overload]
                open_log(folder / name, writer=writer)
            assert str(folder / name) in str(caught.value)
    with pytest.raises(StorageError):
        create_log(folder / "absent" / "log", GENESIS)
    with pytest.raises(UnknownOptionError) as refused:
        open_log("mysql://user:secret@host/db")
    assert "secret" not in str(refused.value)
    with pytest.raises(WrongTypeError):
        create_log(folder / "log", GENESIS, application_role="someone")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingDependencyError, match=r"qfs\[postgres\]"):
        open_log("postgresql://host/db")
    assert sorted(p.name for p in folder.iterdir()) == ["empty", "text"]


def test_who_writes_is_told_and_not_disturbed(store: Any) -> None:
    with open_log(store.place) as reader:
        assert reader.writer() is None
        with open_log(store.place, writer="first") as log:
            assert (reader.writer(), log.writer()) == ("first", "first")
            log.append([Entry("a", 1, {})])
            # Asking takes nothing: the writer still has its place, and nobody else gets it.
            with pytest.raises(LeaseError):
                open_log(store.place, writer="second")
            assert reader.writer() == "first"
        # A server ends the session of a connection that was closed a moment later.
        deadline = time.monotonic() + 10
        while reader.writer() is not None:
            assert time.monotonic() < deadline
        with open_log(store.place, writer="second"):
            assert reader.writer() == "second"
