"""The log's RFC 9162 tree: its leaves are the event hashes, 32 bytes each, in order.

The hashes are read from the log once, each event checked on the way, and kept in one buffer of 32
bytes an event. Everything else follows from them: roots, inclusion and consistency.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qfs.errors import OutOfRangeError
from qfs.ledger.events import EMPTY, Event, Head
from qfs.ledger.log import PROGRESS_EVENTS, EventLog, Progress
from qfs.limits import HASH_BYTES
from qfs.reference.consistency import consistency_proof
from qfs.reference.merkle import range_root, require_leaf, sibling_ranges


class EventHashes(Sequence[bytes]):
    """The hashes of events 0, 1, ... in one buffer."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes | bytearray) -> None:
        if len(data) % HASH_BYTES:
            raise OutOfRangeError(f"{len(data)} bytes are no hashes", argument="data")
        self._data = data

    def __len__(self) -> int:
        return len(self._data) // HASH_BYTES

    def __getitem__(self, index: Any) -> Any:
        position = range(len(self))[index] * HASH_BYTES
        return bytes(self._data[position : position + HASH_BYTES])


@dataclass(frozen=True, slots=True)
class LogTree:
    """The tree over the events of a log as far as they were read."""

    hashes: EventHashes
    head: Head
    """of the last event that was read"""

    @property
    def size(self) -> int:
        """Number of events."""
        return len(self.hashes)

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` events, or over all, 32 bytes.

        Raises:
            OutOfRangeError: there are not so many.
        """
        return range_root(self.hashes, 0, self.size if size is None else size)

    def inclusion(self, seq: int, size: int) -> list[bytes]:
        """The sibling hashes from event `seq` up to the root over the first `size` events.

        Raises:
            OutOfRangeError: there are not so many, or the event is none of them.
        """
        self._require_size(size)
        require_leaf(seq, size)
        return [range_root(self.hashes, start, stop) for start, stop in sibling_ranges(seq, size)]

    def consistency(self, first: int, second: int) -> list[bytes]:
        """What leads from the root over `first` events to that over `second`; empty from 0.

        Raises:
            OutOfRangeError: not 0 <= first <= second <= size.
        """
        self._require_size(second)
        return consistency_proof(self.hashes, first, second) if first else []

    def _require_size(self, size: int) -> None:
        if not 0 <= size <= self.size:
            raise OutOfRangeError(
                f"there are {self.size} events, not {size}", argument="size", value=size
            )


def _unseen(event: Event) -> None:
    """Nobody looks at the events on the way."""


def read_tree(
    log: EventLog,
    size: int | None = None,
    seen: Callable[[Event], None] = _unseen,
    progress: Progress | None = None,
) -> LogTree:
    """The tree over the first `size` events of a log, or over all, the chain checked.

    Args:
        log: opened for reading or writing.
        size: how many events; fewer are read where the log has fewer.
        seen: called with each event in order.
        progress: called with the events done and the events there are to do.

    Raises:
        LogTamperedError: an event is not what was appended; it is named.
    """
    total = log.size() if size is None else min(size, log.size())
    data, head = bytearray(), EMPTY
    for event in log.read(0, size):
        data += event.hash
        head = event.head
        seen(event)
        if progress is not None and head.size % PROGRESS_EVENTS == 0:
            progress(head.size, max(total, head.size))
    if progress is not None:
        progress(head.size, head.size)
    return LogTree(EventHashes(data), head)
