"""Tables as the auditor reads them: from their memory, row by row, with nothing of a backend."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, repeat
from typing import Any

from qfs.columns import Column
from qfs.ids import TextColumn
from qfs.tables import Table

_WORD_BITS = 64


def total(table: Table, column: str) -> int:
    """The sum of a column of amounts, whatever the table believes it to be."""
    low, high = _words(table.amounts(column))
    return sum(low) + (sum(high) << _WORD_BITS)


def values(table: Table, column: str) -> Iterator[int]:
    """The amounts of a column."""
    return (
        high << _WORD_BITS | low for low, high in zip(*_words(table.amounts(column)), strict=True)
    )


def _words(column: Column) -> tuple[memoryview, memoryview]:
    """The lower and the upper 64 bits of each value."""
    words = array("Q")
    if sys.byteorder == "little":
        view = column.data.cast("Q")
    else:
        words.frombytes(column.data)
        words.byteswap()
        view = memoryview(words)
    return view[::2], view[1::2]


def texts(column: TextColumn) -> Iterator[bytes]:
    """The texts of a column."""
    data = column.data.tobytes()
    return (data[start:end] for start, end in pairwise(column.offsets))


def row(table: Table, index: int) -> tuple[Any, ...]:
    """A row as text and integers."""
    columns = (table.columns[column.name] for column in table.schema.columns)
    return tuple(
        column[index].decode("ascii") if isinstance(column, TextColumn) else column[index]
        for column in columns
    )


def rows(table: Table) -> Iterator[tuple[Any, ...]]:
    """All rows in their order."""
    return (row(table, index) for index in range(len(table)))


def row_of(table: Table, node_id: str) -> tuple[Any, ...] | None:
    """The row of a node, or None."""
    ids, wanted = table.texts("node_id"), node_id.encode("utf-8", "replace")
    index = _first_not_below(ids, wanted)
    return row(table, index) if index < len(ids) and ids[index] == wanted else None


def is_known_same(first: Table, second: Table) -> bool:
    """Whether both are one table, or have one digest that was computed before."""
    if first is second:
        return True
    # A cached property lies among the attributes once it has been asked for.
    known = [table.__dict__.get("digest") for table in (first, second)]
    return known[0] is not None and known[0] == known[1]


def first_difference(first: Table, second: Table) -> str:
    """The id of the first row in which two tables differ, for a message."""
    for one, other in zip(rows(first), rows(second), strict=False):
        if one != other:
            return str(min(one[0], other[0]))
    shorter, longer = sorted((first, second), key=len)
    return str(row(longer, len(shorter))[0]) if len(shorter) < len(longer) else "no row"


def places(inner: TextColumn, outer: TextColumn) -> Iterator[int]:
    """For each text of one column its row in another; both ascend. It ends before the first text
    that the other column does not have."""
    if len(inner) == len(outer) and _same_texts(inner, 0, outer, 0, len(inner)):
        yield from range(len(inner))
        return
    rows = enumerate(texts(outer))
    for text in texts(inner):
        row, other = next(((r, o) for r, o in rows if o >= text), (0, b""))
        if other != text:
            return
        yield row


def first_missing(inner: Table, outer: Table) -> str | None:
    """The first node of one table that another does not have, or None."""
    ids = inner.texts("node_id")
    found = sum(1 for _ in places(ids, outer.texts("node_id")))
    return None if found == len(ids) else ids[found].decode("ascii")


def first_stranger(balances: Table, registry: Table, role: bytes) -> str | None:
    """The first node with a balance that is not in the registry in this role, or None."""
    holders, roles = balances.texts("node_id"), registry.texts("role")
    missing = first_missing(balances, registry)
    if missing is not None:
        return missing
    if len(holders) == len(registry) and bytes(roles.data) == role * len(roles):
        return None
    for index, place in enumerate(places(holders, registry.texts("node_id"))):
        if roles[place] != role:
            return holders[index].decode("ascii")
    return None


def growths(before: Table, after: Table) -> Iterator[int]:
    """For each balance after an epoch how much more it is than before it; it may be negative.

    Nodes that are in the table before must be in the one after.
    """
    rows = places(before.texts("node_id"), after.texts("node_id"))
    held = zip(rows, values(before, "balance"), strict=True)
    row, old = next(held, (-1, 0))
    for index, new in enumerate(values(after, "balance")):
        if index != row:
            yield new
            continue
        yield new - old
        row, old = next(held, (-1, 0))


def first_unmerged(
    before: Table, changes: Mapping[str, tuple[Any, ...]], after: Table
) -> str | None:
    """The first node whose row after is not the one of `changes`, or else the one before; or None.

    Rows that stand between two changes are compared as memory.
    """
    if before is after and not changes:
        return None
    ids, start, place = before.texts("node_id"), 0, 0
    for node_id in (*sorted(changes), None):
        wanted = None if node_id is None else node_id.encode("ascii")
        end = len(before) if wanted is None else _first_not_below(ids, wanted)
        count = end - start
        if place + count > len(after) or not _same_rows(before, start, after, place, count):
            return _first_of(before, start, after, place)
        place += count
        if node_id is None or wanted is None:
            break
        if place == len(after) or row(after, place) != changes[node_id]:
            return node_id
        start, place = end + (end < len(ids) and ids[end] == wanted), place + 1
    return None if place == len(after) else str(row(after, place)[0])


def _first_of(before: Table, start: int, after: Table, place: int) -> str:
    """The first node in which rows from here on differ."""
    index = 0
    while start + index < len(before) and place + index < len(after):
        one, other = row(before, start + index), row(after, place + index)
        if one != other:
            return str(min(one[0], other[0]))
        index += 1
    return str(row(before, start + index)[0])


def _first_not_below(ids: Sequence[bytes], wanted: bytes) -> int:
    low, high = 0, len(ids)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if ids[middle] < wanted else (low, middle)
    return low


def _same_rows(first: Table, start: int, second: Table, place: int, count: int) -> bool:
    for column in first.schema.columns:
        one, other = first.columns[column.name], second.columns[column.name]
        if isinstance(one, TextColumn) and isinstance(other, TextColumn):
            if not _same_texts(one, start, other, place, count):
                return False
        elif isinstance(one, memoryview) and isinstance(other, memoryview):
            if one[start : start + count] != other[place : place + count]:
                return False
        else:
            return False
    return True


def _same_texts(first: TextColumn, start: int, second: TextColumn, place: int, count: int) -> bool:
    """Whether `count` texts of two columns, from these rows on, are equal."""
    one = first.offsets[start : start + count + 1]
    other = second.offsets[place : place + count + 1]
    if first.data[one[0] : one[-1]] != second.data[other[0] : other[-1]]:
        return False
    shift = other[0] - one[0]
    if shift == 0 and one.format == other.format:
        return one == other
    return all(a + b == c for a, b, c in zip(one, repeat(shift), other, strict=False))


def reports(tables: Sequence[Table]) -> list[tuple[Any, ...]]:
    """The rows of several tables of telemetry in the order of their ids, which are bytes."""
    found: list[tuple[Any, ...]] = []
    for table in tables:
        _, *counts = (table.columns[column.name] for column in table.schema.columns)
        found.extend(zip(texts(table.texts("node_id")), *counts, strict=True))
    return found if len(tables) == 1 else sorted(found)
