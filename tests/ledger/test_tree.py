"""The tree over a log's events: the reference's, whatever the database and the chunks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qfs.errors import OutOfRangeError
from qfs.ledger import stored
from qfs.ledger.events import chain
from qfs.ledger.log import Entry, LogTamperedError, create_log, open_log
from qfs.ledger.tree import EventHashes, read_tree
from qfs.reference import consistency, merkle

pytestmark = pytest.mark.once

EVENTS = 19


@pytest.fixture
def place(store: Any) -> str:
    """A log of 19 events."""
    with open_log(store.place, writer="w") as log:
        log.append([Entry("test.event", i, {"number": i}) for i in range(EVENTS)])
    return str(store.place)


def hashes_in(place: str) -> list[bytes]:
    with open_log(place) as log:
        return [event.hash for event in log.read()]


@pytest.mark.parametrize("chunk", [1, 4, 4096])
def test_roots_and_proofs_of_every_size(
    place: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "CHUNK_EVENTS", chunk)
    with open_log(place) as log:
        tree = read_tree(log)
        assert tree.head == log.head()
    hashes = hashes_in(place)
    assert list(tree.hashes) == hashes
    assert tree.root() == merkle.root(hashes)
    for size in range(EVENTS + 1):
        root = merkle.root(hashes[:size])
        assert tree.root(size) == root
        for seq in range(size):
            proof = tree.inclusion(seq, size)
            leaf = merkle.leaf_hash(hashes[seq])
            assert merkle.root_from_proof(leaf, seq, size, proof) == root
        for first in range(size + 1):
            proof = tree.consistency(first, size)
            earlier = merkle.root(hashes[:first])
            assert consistency.is_consistent(first, size, proof, earlier, root)
            if 0 < first < size:
                assert not consistency.is_consistent(first, size, proof, earlier, bytes(32))


def test_what_is_not_there_is_refused(place: str) -> None:
    with open_log(place) as log:
        tree = read_tree(log)
    refused: list[Callable[[], object]] = [
        lambda: tree.root(EVENTS + 1),
        lambda: tree.root(-1),
        lambda: tree.inclusion(0, 0),
        lambda: tree.inclusion(3, 3),
        lambda: tree.inclusion(-1, 3),
        lambda: tree.inclusion(0, EVENTS + 1),
        lambda: tree.consistency(2, 1),
        lambda: tree.consistency(-1, 1),
        lambda: tree.consistency(0, EVENTS + 1),
        lambda: tree.consistency(1, EVENTS + 1),
        lambda: EventHashes(bytes(33)),
    ]
    for call in refused:
        with pytest.raises(OutOfRangeError):
            call()


def test_no_events_have_the_root_of_nothing(tmp_path: Path) -> None:
    create_log(tmp_path / "log", {"name": "x"})
    with open_log(tmp_path / "log") as log:
        tree = read_tree(log)
    assert (tree.size, tree.root()) == (0, merkle.EMPTY_ROOT)
    assert tree.consistency(0, 0) == []


@pytest.mark.parametrize("size", [0, 1, 7, EVENTS, EVENTS + 5])
def test_only_the_first_events_are_read(place: str, size: int) -> None:
    seen: list[int] = []
    with open_log(place) as log:
        tree = read_tree(log, size, lambda event: seen.append(event.seq))
    assert seen == [*range(min(size, EVENTS))]
    assert tree.size == tree.head.size == len(seen)
    assert tree.root() == merkle.root(hashes_in(place)[:size])


def test_an_event_takes_32_bytes_and_no_more() -> None:
    """What is kept of the log is one buffer: reading it out again copies a hash at a time."""
    data = bytearray(range(64))
    hashes = EventHashes(data)
    assert hashes._data is data
    assert (len(hashes), hashes[0], hashes[-1]) == (2, bytes(data[:32]), bytes(data[32:]))
    with pytest.raises(IndexError):
        hashes[2]


@pytest.mark.parametrize("seq", [0, 9, EVENTS - 1])
def test_a_changed_event_is_named(store: Any, place: str, seq: int) -> None:
    with store.unguarded() as raw:
        raw.execute("UPDATE event SET hash = ? WHERE seq = ?", bytes(32), seq)
    with open_log(place) as log, pytest.raises(LogTamperedError) as caught:
        read_tree(log)
    assert (caught.value.seq, caught.value.fault) == (seq, "hash")


def test_events_that_are_each_right_and_not_one_chain(store: Any, place: str) -> None:
    """An event that was dropped, and one in place of another with all of its own hashes right."""
    with open_log(place) as log:
        before = next(log.read(4, 5)).head
        _, rows, _ = chain(log.instance, before, [Entry("test.other", before.tick, {})])
    with store.unguarded() as raw:
        raw.execute("DELETE FROM event WHERE seq = ?", 5)
    with open_log(place) as log, pytest.raises(LogTamperedError) as caught:
        read_tree(log)
    assert (caught.value.seq, caught.value.fault) == (5, "missing")
    with store.unguarded() as raw:
        raw.execute("INSERT INTO event (seq, previous, hash, body) VALUES (?, ?, ?, ?)", *rows[0])
    with open_log(place) as log, pytest.raises(LogTamperedError) as caught:
        read_tree(log)
    assert (caught.value.seq, caught.value.fault) == (6, "previous")


def test_progress_reaches_the_end(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qfs.ledger.tree.PROGRESS_EVENTS", 4)
    told: list[tuple[int, int]] = []
    with open_log(place) as log:
        read_tree(log, progress=lambda done, total: told.append((done, total)))
    assert told == [(4, 19), (8, 19), (12, 19), (16, 19), (19, 19)]
