"""What the databases of the log share: who may call, what is believed, what is checked."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Final, Self

from qfs.errors import OutOfRangeError, QfsError, WrongTypeError, shown
from qfs.hashing import INSTANCE_TAG, tagged_hash
from qfs.ledger.events import (
    EMPTY,
    MAX_SEQ,
    NO_HASH,
    Entry,
    Event,
    Head,
    LeaseError,
    LogFormatError,
    LogTamperedError,
    StaleHeadError,
    Stored,
    UnknownOutcomeError,
    chain,
    check,
    parse,
)

CHUNK_EVENTS: Final = 4096
CHUNK_BYTES: Final = 8 << 20
"""A chunk of a read ends at either bound, so that a read holds 8 MiB and one event at most."""

LOCK_SECONDS: Final = 5
"""How long a statement waits for another connection's lock before it is an error."""

_SMALLEST_SEQ = -(2**63)
_LARGEST_SEQ = 2**63 - 1


class StoredLog(ABC):
    """The part of `qfs.ledger.log.EventLog` that no database does in its own way."""

    def __init__(self, place: str, expected_instance: bytes | None) -> None:
        self._place = place
        self._expected_instance = expected_instance
        self._instance = NO_HASH
        self._genesis = b""
        self._fence: int | None = None
        # None while it is not known what the database holds: nothing is appended then.
        self._believed: Head | None = None
        self._owner = _current_thread()

    @property
    def place(self) -> str:
        return self._place

    @property
    def instance(self) -> bytes:
        return self._instance

    @property
    def genesis(self) -> bytes:
        return self._genesis

    @property
    def fence(self) -> int | None:
        return self._fence

    def __repr__(self) -> str:
        kind = "reader" if self._fence is None else f"writer {self._fence}"
        return f"<{type(self).__name__} {self._place}, {kind}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def head(self) -> Head:
        self._require_owner()
        row = self._last()
        return EMPTY if row is None else self._parse(row).head

    def size(self) -> int:
        self._require_owner()
        row = self._last()
        return 0 if row is None else row.seq + 1

    def append(self, entries: Iterable[Entry]) -> list[Event]:
        self._require_owner()
        if self._fence is None:
            raise LeaseError("is open for reading; open it with a writer", source=self._place)
        believed = self._believed
        if believed is None:
            raise StaleHeadError(
                "an earlier append was cut short; open the log again", source=self._place
            )
        events, rows, after = chain(self._instance, believed, entries)
        if not rows:
            return []
        self._believed = None
        try:
            self._insert(rows, believed)
        except UnknownOutcomeError:
            raise
        except QfsError:
            # Nothing was written, and the database is where it was.
            self._believed = believed
            raise
        self._believed = after
        return events

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[Event]:
        for name, value in (("start", start), ("stop", stop)):
            if value is not None and type(value) is not int:
                raise WrongTypeError(f"{shown(value)} is not an integer", argument=name)
            if value is not None and not 0 <= value <= MAX_SEQ + 1:
                raise OutOfRangeError(
                    f"{shown(value)} is no sequence number", argument=name, value=value
                )
        return self._read(start, stop)

    def _read(self, start: int, stop: int | None) -> Iterator[Event]:
        self._require_owner()
        head = EMPTY
        if start > 0:
            anchor = self._chunk(start - 1, start)
            # Without it `start` is beyond the end, or that event is missing and will be named.
            head = self._parse(anchor[0]).head if anchor else Head(start - 1, NO_HASH, 0)
        try:
            yield from check(self._instance, head, self.rows(start, stop))
        except LogTamperedError as error:
            error.source = self._place
            raise

    def rows(self, start: int | None = None, stop: int | None = None) -> Iterator[Stored]:
        self._require_owner()
        following = _SMALLEST_SEQ if start is None else start
        last = _LARGEST_SEQ if stop is None else stop
        while following < last:
            chunk = self._chunk(following, last)
            yield from chunk
            if not chunk:
                return
            following = chunk[-1].seq + 1

    def _set_instance(self, instance: bytes, genesis: bytes) -> None:
        if not isinstance(genesis, bytes) or tagged_hash(INSTANCE_TAG, genesis) != instance:
            raise LogFormatError("its genesis is not that of its instance", source=self._place)
        if self._expected_instance not in (None, instance):
            raise LogFormatError(
                f"is the log of instance {instance.hex()}, another is expected",
                source=self._place,
            )
        self._instance, self._genesis = instance, genesis

    def _held_by(self, last: tuple[int, str] | None, words: str) -> LeaseError:
        fence, holder = last or (0, None)
        error = LeaseError(f"{words} writer {holder} (fence {fence})", source=self._place)
        error.holder = holder
        return error

    def _require_end(self, seq: int | None, digest: bytes | None, believed: Head) -> None:
        """The last event in the database is the one that this writer believes to be the last."""
        size = 0 if seq is None else seq + 1
        if (size, NO_HASH if seq is None else digest) != (believed.size, believed.hash):
            raise StaleHeadError(
                f"holds {size} events, its writer believes {believed.size};"
                " someone else wrote to it",
                source=self._place,
            )

    def _parse(self, row: Stored) -> Event:
        try:
            return parse(self._instance, row)
        except LogTamperedError as error:
            error.source = self._place
            raise

    def _is_own_process(self) -> bool:
        return self._owner[0] == os.getpid()

    def _require_owner(self) -> None:
        # A connection shared with a forked child or another thread would mix two conversations
        # with the database, and a lock that two hold is none.
        if self._owner != _current_thread():
            raise LeaseError(
                "was opened by another thread or process; each opens its own", source=self._place
            )

    @abstractmethod
    def _last(self) -> Stored | None:
        """The row with the highest sequence number."""

    @abstractmethod
    def _chunk(self, start: int, stop: int) -> list[Stored]:
        """The first rows of start .. stop - 1, in order, as many as a chunk holds, at least one."""

    @abstractmethod
    def _insert(self, rows: list[Stored], believed: Head) -> None:
        """Insert rows in one transaction, if the database still ends with what is believed.

        A QfsError means that nothing was written, except UnknownOutcomeError.
        """

    @abstractmethod
    def close(self) -> None:
        """Give up the connection and the right to write."""


def _current_thread() -> tuple[int, int]:
    return os.getpid(), threading.get_ident()
