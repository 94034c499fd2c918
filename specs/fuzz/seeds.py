"""Inputs to begin with: what the project itself writes, and the shapes that a target knows."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import pyarrow as pa
import pyarrow.ipc
from targets import columns, documents, events, foreign, proofs, tables
from targets.scratch import file_of
from targets.stories import PUBLISHED, story

from qfs.rows import rows_of
from qfs.table_files import BASE_UNITS_SUFFIX, write_parquet
from qfs.tables import Table, to_arrow

RAW_CSV, RAW_OTHER = 0, 2


def _columns() -> Iterator[bytes]:
    """Every format of Arrow memory, in every shape, with nothing and with a few rows."""
    for number in range(len(foreign.FORMATS)):
        for shape in range(6):
            yield bytes([2, number % 6, number, 0, shape, 3, 20, *range(20)])
    checks = range(len(columns.CHECKS))
    yield from (bytes([0, kind, 5, *range(1, 40), check]) for kind in range(6) for check in checks)
    yield from (bytes([kind, 3, 4, *b"abcdefgh" * 4]) for kind in (1, 3, 4))


def _arrow_texts() -> Iterator[bytes]:
    """Two good texts in offsets of each width, and a view that lies well within its buffer; and
    what is wrong in one part: an offset below 0, one text twice, a view one byte too long."""
    for check in (4, 5):
        for text in (b"u", b"z", b"U", b"Z"):
            head = [2, check, foreign.FORMATS.index(text), 0, 0]
            yield bytes([*head, 2, 4, 5])
            yield bytes([*head, 2, 15, 1, 0])
            yield bytes([*head, 2, 1, 1, 2, *b"aa"])
        for text in (b"vu", b"vz"):
            head = [2, check, foreign.FORMATS.index(text), 0, 0]
            yield bytes([*head, 1, 3, 0, 0, 4])
            yield bytes([*head, 1, 3, 0, 0, 3])


def _tables() -> Iterator[bytes]:
    """The tables of the published logs, in each format that is read."""
    for name in PUBLISHED:
        for table in (t for event in story(name).events for t in event.tables):
            yield from _files(table)
            head = _schema_bytes(table)
            yield from (bytes([*head, 3 + kind, 3, *range(60)]) for kind in range(5))


def _files(table: Table) -> Iterator[bytes]:
    """A table in each format."""
    head = _schema_bytes(table)
    yield bytes([*head, RAW_CSV]) + _csv(table)
    path = file_of(b"", ".parquet")
    write_parquet(table, path)
    yield bytes([*head, RAW_OTHER, 1]) + path.read_bytes()
    yield bytes([*head, RAW_OTHER, 2]) + _ipc(table)


def _schema_bytes(table: Table) -> tuple[int, int]:
    if table.schema in tables.SMALL:
        return 0, tables.SMALL.index(table.schema)
    return 3, tables.LARGE.index(table.schema)


def _csv(table: Table) -> bytes:
    names = [
        column.name + (BASE_UNITS_SUFFIX if column.kind == "amount" else "")
        for column in table.schema.columns
    ]
    lines = [",".join(names), *(",".join(map(str, row)) for row in rows_of(table))]
    return ("\n".join(lines) + "\n").encode()


def _ipc(table: Table) -> bytes:
    columns = {name: to_arrow(column) for name, column in table.columns.items()}
    sink = io.BytesIO()
    arrow = pa.table(columns)
    with pyarrow.ipc.new_file(sink, arrow.schema) as writer:
        writer.write_table(arrow)
    return sink.getvalue()


def _proofs() -> Iterator[bytes]:
    """Every document of the network, as it is and with one change of each kind."""
    for kind in range(len(proofs.KINDS)):
        for document in range(4):
            yield bytes([kind, document, 0, 0, 0])
            yield from (bytes([kind, document, 0, 0, 1, 0, 9, how, 1]) for how in range(8))


def _events() -> Iterator[bytes]:
    """Every event of the published logs on its state, as it is and signed again; and its body."""
    for number, name in enumerate(PUBLISHED):
        for at in range(len(story(name).events)):
            yield bytes([number, 0, at])
            yield bytes([number, 0, at, 0, 0, 1, 0, 7, 0, 0, 0, 0, 2])
            yield bytes([number, 3, at, 2])
            yield bytes([number, 3, at, 1, 1, 3, 6])
    assert len(events.KINDS) < 256


def _late_events() -> Iterator[bytes]:
    """The fees of the first epoch again, signed for every later state; a later body."""
    yield bytes([0, 3, 0, 1, 1, 7, 6, 0])
    for at in range(8, len(story(PUBLISHED[0]).events)):
        yield bytes([0, 0, at, 0, 3, 1, 0, 0, 2, 0, 2])


def _documents() -> Iterator[bytes]:
    for number, kind in enumerate(sorted(documents.READERS)):
        valid = documents.READERS[kind][1]()
        yield bytes([number, 1]) + valid
        yield bytes([number, 0, 0, 0])
        yield from (bytes([number, 0, 0, 1, place, 6, 2, 0, 5]) for place in range(24))


def _texts() -> Iterator[bytes]:
    """Amounts, a Decimal, ids, and bodies of events."""
    amounts = (b"0", b"1.25", b"0.000000000000000001", b"340282366920938463463", b"007", b"1e3")
    yield from (bytes([kind]) + amount for kind in range(3) for amount in amounts)
    yield from (bytes([3]) + row.body for row in story(PUBLISHED[0]).rows[:6])
    yield bytes([3]) + b'{"a":[true,{"b":"c"}],"d":9007199254740991}'
    yield from (bytes([4]) + text for text in (b"node-1", b"a" * 128, b"a b", b""))


def _spellings() -> Iterator[bytes]:
    """Amounts that say the same in another way, and documents around the deepest one."""
    yield from (bytes([0]) + text for text in (b"007", b"0.10", b".5", b"1.", b"+1", b"1_0"))
    yield from (bytes([3]) + b"[" * depth + b"]" * depth for depth in range(32, 35))


def _key_spellings() -> Iterator[bytes]:
    key = documents.READERS["public key"][1]()
    number = sorted(documents.READERS).index("public key")
    for text in (key, key.upper(), key[:8] + key[8:].upper(), key + b"0", key[:-1]):
        yield bytes([number, 1]) + text


SEEDS: Final[dict[str, Callable[[], Iterable[bytes]]]] = {
    "columns": _columns,
    "tables": _tables,
    "proofs": _proofs,
    "events": _events,
    "documents": _documents,
    "texts": _texts,
}

ALWAYS: Final[dict[str, Callable[[], Iterable[bytes]]]] = {
    "columns": _arrow_texts,
    "documents": _key_spellings,
    "events": _late_events,
    "tables": lambda: _files(story(PUBLISHED[0]).events[1].tables[0]),
    "texts": _spellings,
}
"""Seeds that are kept though they reach no other branch of the package: well-formed ones, which a
change of one byte makes wrong in one part, and files, since Arrow's branches are not seen."""
