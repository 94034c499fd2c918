"""Crashes: what was acknowledged is kept, nothing is half there, and writing goes on.

A child process appends batches and prints each acknowledged event; it, or its database server, is
killed at a random moment. QFS_CRASH_ROUNDS raises the number of rounds.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qfs.errors import StorageError
from qfs.ledger.log import Entry, EventLog, LeaseError, create_log, open_log, verify

pytestmark = [pytest.mark.database, pytest.mark.slow]

ROUNDS = int(os.environ.get("QFS_CRASH_ROUNDS") or 20)
GENESIS = {"name": "crash"}

WRITER = """
import sys
from qfs.errors import QfsError
from qfs.ledger.log import Entry, open_log

try:
    with open_log(sys.argv[1], writer="child") as log:
        for batch in range(10**6):
            size = (1, 3, 40, 200)[batch % 4]
            entries = [Entry("a", batch, {"n": n, "x": "y" * (n % 7 * 90)}) for n in range(size)]
            tick = log.head().tick
            entries = [e._replace(tick=tick + 1) for e in entries]
            last = log.append(entries)[-1]
            print(last.seq, last.hash.hex(), flush=True)
except QfsError as error:
    print("error", error.code, flush=True)
"""


def start_writer(place: str) -> tuple[subprocess.Popen[str], str]:
    """A child that writes, and the line with which it acknowledged its first batch."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, place], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    return child, child.stdout.readline()


def acknowledged(
    child: subprocess.Popen[str], first: str
) -> tuple[list[tuple[int, str]], list[str]]:
    """What a child that has ended acknowledged, and the codes of its errors."""
    assert child.stdout is not None
    # Not communicate(timeout=...): it passes over what readline has read ahead.
    with child.stdout as output:
        text = output.read()
    child.wait()
    # A line that was cut off acknowledges nothing.
    lines = [line.split() for line in (first + text).split("\n")[:-1]]
    events = [(int(first), second) for first, second in lines if first != "error"]
    return events, [second for first, second in lines if first == "error"]


def reopened(place: str) -> EventLog:
    """The log as the next writer has it. A server takes a moment to see that a client is gone."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return open_log(place, writer="next")
        except LeaseError as error:
            if error.holder != "child" or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def crash(place: str, kill: Callable[[subprocess.Popen[str]], object], delay: float) -> int:
    """Let a child write, kill, and check what is left; the number of acknowledged batches."""
    child, first = start_writer(place)
    time.sleep(delay)
    kill(child)
    kept, _ = acknowledged(child, first)
    with reopened(place) as log:
        # Reading from the start is the whole check of the chain.
        events = list(log.read())
        head = log.head()
        assert head.size == len(events)
        for seq, digest in kept:
            assert events[seq].hash.hex() == digest
        # A batch is there whole or not at all: a tick is one batch of 1, 3, 40 or 200.
        assert {*Counter(event.tick for event in events).values()} <= {1, 3, 40, 200}
        (event,) = log.append([Entry("a", head.tick + 1, {})])
        assert event.seq == head.size
        assert event.previous == head.hash
        assert verify(log, head) == event.head
    return len(kept)


def test_killed_writer_of_a_file(folder: Path) -> None:
    """kill -9 at random moments. Four rounds in turn go on with the same file."""
    moments = random.Random(7)
    kept = 0
    for round_ in range(ROUNDS):
        place = str(folder / f"log-{round_ // 4}")
        if round_ % 4 == 0:
            create_log(place, GENESIS)
        kept += crash(place, lambda child: child.kill(), moments.random() * 0.05)
    assert kept > ROUNDS


@pytest.mark.parametrize("victim", ["client", "client again", "backend", "postmaster"])
def test_killed_writer_or_server(postgres_store: Any, victim: str) -> None:
    """The client, the process that serves it, or the server's first process is killed."""
    server = postgres_store.server
    moments = random.Random(victim)

    def kill(child: subprocess.Popen[str]) -> None:
        if victim == "postmaster":
            server.kill()
            server.start()
        elif victim == "backend":
            server.kill_session(postgres_store.database)
        else:
            child.kill()

    for _ in range(max(1, ROUNDS // 20)):
        assert crash(postgres_store.place, kill, moments.random() * 0.1) > 0


def test_writer_is_told_that_its_server_is_gone(postgres_store: Any) -> None:
    child, first = start_writer(postgres_store.place)
    postgres_store.server.kill()
    _, errors = acknowledged(child, first)
    assert errors in (["storage"], ["unknown_outcome"])
    assert child.returncode == 0
    postgres_store.server.start()
    with reopened(postgres_store.place) as log:
        verify(log)


def test_unfinished_write_is_undone_by_the_next_writer(folder: Path) -> None:
    """A crash with pages of an unfinished transaction in the file: a reader may not undo it."""
    place = str(folder / "log")
    create_log(place, GENESIS)
    with open_log(place, writer="w") as log:
        head = log.append([Entry("a", 0, {"n": n}) for n in range(100)])[-1].head
    code = """
import os, signal, sqlite3, sys
from qfs.ledger.events import Entry, chain
from qfs.ledger.log import open_log
with open_log(sys.argv[1]) as log:
    rows = chain(log.instance, log.head(), [Entry("a", 0, {"x": "y" * 900})] * 500)[1]
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 5")
connection.execute("BEGIN IMMEDIATE")
connection.executemany("INSERT INTO event (seq, previous, hash, body) VALUES (?, ?, ?, ?)", rows)
os.kill(os.getpid(), signal.SIGKILL)
"""
    size = os.path.getsize(place)
    assert subprocess.run([sys.executable, "-c", code, place], check=False).returncode == -9
    assert os.path.getsize(place) > size + 100_000
    with pytest.raises(StorageError, match="for writing once"):
        open_log(place)
    with open_log(place, writer="w") as log:
        assert verify(log) == head
        log.append([Entry("a", 0, {})])
    with open_log(place) as reader:
        assert verify(reader).size == 101


FULL_DISK = """
import os, resource, signal, sys
from qfs.errors import StorageError
from qfs.ledger.log import Entry, UnknownOutcomeError, open_log, verify

place = sys.argv[1]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
batch = [Entry("a", 0, {"n": n, "x": "y" * 1000}) for n in range(60)]
refused = {"storage": 0, "unknown_outcome": 0}
log = open_log(place, writer="w")
head = log.append(batch)[-1].head
size, limit = os.path.getsize(place), 512
while log.head() == head:
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        log.append(batch)
    except StorageError as error:
        assert place in str(error), error
        refused[error.code] += 1
        # A full disk refuses to make a file longer. Below the size of the file the limit also
        # keeps SQLite from putting back what it has overwritten; that is for the next writer.
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        if isinstance(error, UnknownOutcomeError):
            assert limit < size, limit
            log.close()
            log = open_log(place, writer="w")
            assert log.head() == head
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    with open_log(place) as reader:
        assert verify(reader) == log.head()
    limit += 3000
assert verify(log).size == 120
log.append(batch)
log.close()
print(refused["storage"])
"""


def test_full_disk_leaves_the_log_as_it_was(folder: Path) -> None:
    """A limit on the size of files fails writes as a full disk does, at every size in turn."""
    place = str(folder / "log")
    create_log(place, GENESIS)
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, place], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert int(done.stdout) > 20
    with open_log(place) as log:
        assert verify(log).size == 180


def test_full_disk_leaves_no_new_log(folder: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
        with pytest.raises(StorageError):
            create_log(folder / "log", GENESIS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(folder.iterdir()) == []


READ_ONLY = """
import os, sys
import qfs.ledger.sqlite
from qfs.errors import StorageError
from qfs.ledger.log import create_log, open_log, verify

if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
for call in (lambda: open_log(sys.argv[1], writer="w"), lambda: create_log(sys.argv[1] + "2", {})):
    try:
        call()
    except StorageError as error:
        assert sys.argv[1] in str(error), error
    else:
        raise AssertionError("written to a read-only folder")
with open_log(sys.argv[1]) as log:
    print(verify(log).size)
"""


def test_read_only_folder_is_read_and_not_written(folder: Path) -> None:
    place = folder / "log"
    create_log(place, GENESIS)
    with open_log(place, writer="w") as log:
        log.append([Entry("a", 0, {})] * 3)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    place.chmod(0o444)
    folder.chmod(0o555)
    try:
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(place)],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        folder.chmod(0o755)
    assert (done.stderr, done.stdout) == ("", "3\n")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_created_file_is_readable_as_the_umask_says(folder: Path) -> None:
    create_log(folder / "log", GENESIS)
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((folder / "log").stat().st_mode) == 0o644 & ~mask


def test_reader_that_stays_is_waited_for_and_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A foreign connection that keeps reading holds the commit up; then nothing is written."""
    from qfs.ledger import sqlite

    place = str(folder / "log")
    create_log(place, GENESIS)
    monkeypatch.setattr(sqlite, "LOCK_SECONDS", 0.05)
    with open_log(place, writer="w") as log:
        head = log.append([Entry("a", 0, {})])[-1].head
        reader = sqlite3.connect(place, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM event").fetchall()
        with pytest.raises(StorageError, match="locked by another connection"):
            log.append([Entry("a", 0, {})])
        reader.close()
        assert log.head() == head
        assert log.append([Entry("a", 0, {})])[-1].seq == 1
