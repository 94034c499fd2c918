"""Columns: whatever is given reads as the same values with either backend, or is refused alike.

What is read is what lies in the memory. The functions that take columns keep every law of theirs.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import qfs
from qfs import columns, ids, laws
from qfs.laws import ALLOCATION_LAWS, Case
from qfs.limits import MAX_ID_BYTES, MAX_KEY_BYTES, MAX_SCALAR, MAX_VALUE
from targets import foreign
from targets.backends import NAMES, Outcome, computing_with, same
from targets.foreign import Drawn, Producer
from targets.source import Source

CHECKS = ("check_values", "check_counts", "check_ticks", "check_choices")
OBJECTS: tuple[Any, ...] = (None, True, 1.0, "1", b"1", 1 + 0j, [], 2**4000)
WIDTHS = {"c": "b", "C": "B", "s": "h", "S": "H", "i": "i", "I": "I", "l": "q", "L": "Q"}


def target(data: bytes) -> None:
    """Read a column of some kind, and hand it to a function that takes it."""
    source = Source(data)
    source.pick((_values, _texts, _foreign, _allocation, _other_functions))(source)


def _values(source: Source) -> None:
    given, name = _given(source), source.pick(CHECKS)
    same(lambda backend: getattr(backend, name)(columns.read_values(given, "fees"), "fees"))


def _texts(source: Source) -> None:
    given = [
        source.pick((b"", "", None, 7, "é", "\ud800", b"\x7f", b" ", b"a" * 129))
        if source.below(8) == 7
        else source.text()
        for _ in range(source.below(6))
    ]
    name, maximum = source.flag(), source.pick((1, MAX_ID_BYTES, MAX_KEY_BYTES))
    same(lambda backend: _checked_texts(backend, given, name, maximum))


def _checked_texts(backend: Any, given: Any, is_name: bool, maximum: int) -> Any:
    raw = ids.read_ids(given, "ids")
    return backend.check_names(raw, "ids", maximum) if is_name else backend.check_ids(raw, "ids")


def _foreign(source: Source) -> None:
    """Values or texts in Arrow memory."""
    check = source.pick((*CHECKS, "check_ids", "check_names"))
    made: list[Producer] = []
    start = source.rest()

    def read(backend: Any) -> Any:
        made.append(foreign.producer(Source(start)))
        given = made[-1].source()
        if check in CHECKS:
            return getattr(backend, check)(columns.read_values(given, "fees"), "fees")
        return _checked_texts(backend, given, check == "check_names", MAX_ID_BYTES)

    found = same(read)
    if found[0] == "error":
        return
    if check in CHECKS:
        read_values, expected = found[1], _integers_in(made[0])
    else:
        read_values, expected = found[1][0], _texts_in(made[0])
    assert read_values == expected, f"read {read_values}, in memory is {expected}"


def _texts_in(producer: Producer) -> list[bytes]:
    """The texts that lie in a producer's memory; an assertion fails where it is malformed."""
    texts = []
    for chunk in producer.chunks:
        start, rows = _place(producer, chunk)
        if not rows:
            # Arrow lets an array without rows have any offsets, or none, and nobody reads them.
            continue
        if producer.format in (b"vu", b"vz"):
            texts += [_view(chunk, row) for row in rows]
            continue
        code = "i" if producer.format.islower() else "q"
        ends = struct.unpack_from(f"={len(rows) + 1}{code}", _memory(chunk, 1), start * _size(code))
        assert [*ends] == sorted(ends), f"accepted with offsets {ends}"
        assert ends[0] >= 0, f"accepted with offsets {ends}"
        texts += [_memory(chunk, 2)[a:b] for a, b in pairwise(ends)]
    return texts


def _view(chunk: Drawn, row: int) -> bytes:
    length, rest = struct.unpack_from("=i12s", _memory(chunk, 1), 16 * row)
    if 0 <= length <= 12:
        return bytes(rest[:length])
    _, number, offset = struct.unpack("=4sii", rest)
    (size,) = struct.unpack_from("=q", _memory(chunk, 3))
    assert length > 0, f"accepted with a length of {length}"
    assert (number, chunk.n_buffers) == (0, 4), "accepted with a buffer that is not there"
    assert 0 <= offset <= size - length, "accepted with a text beyond its buffer"
    return _memory(chunk, 2)[offset : offset + length]


def _memory(chunk: Drawn, buffer: int) -> bytes:
    return (chunk.buffers[buffer] or b"").ljust(foreign.ROOM, b"\0")


def _size(code: str) -> int:
    return struct.calcsize(f"={code}")


def _place(producer: Producer, chunk: Drawn) -> tuple[int, range]:
    """The first row of an array in its memory, and all of them."""
    first = chunk.offset + (chunk.child_offset if producer.in_table else 0)
    return first, range(first, first + chunk.length)


def _integers_in(producer: Producer) -> list[int | None]:
    """The integers that lie in a producer's memory, by the text of the Arrow format."""
    kind = producer.format.decode().partition(":")[0]
    values: list[int | None] = []
    for chunk in producer.chunks:
        for row in _place(producer, chunk)[1]:
            if kind == "d":
                cell = _memory(chunk, 1)[16 * row : 16 * row + 16]
                values.append(int.from_bytes(cell, "little", signed=True))
            else:
                code = WIDTHS[kind]
                values += struct.unpack_from(f"={code}", _memory(chunk, 1), row * _size(code))
    return values


def _allocation(source: Source) -> None:
    """The API allocates alike with either backend, and every law of allocation holds."""
    weights, pool = _given(source), source.integer()
    caps = _given(source) if source.below(3) == 2 else None
    share = source.pick((None, "0.3", "1", "0.000000000000000001", Fraction(1, 3), 0.5, "x"))
    rotating, with_ids = source.flag(), source.flag()
    names = [source.text() for _ in range(source.below(8))] if with_ids else None
    options = {"max_share": share, "tie_break": "rotating", "epoch": source.integer()}
    if not rotating:
        options = {"max_share": share}
    found = same(lambda _: qfs.allocate(pool, weights, names, caps, **options))
    if found[0] == "value" and share is None and names is None:
        _require_laws(weights, caps, pool)


def _require_laws(weights: Any, caps: Any, pool: int) -> None:
    for name in NAMES:
        with computing_with(name) as backend:
            checked = [
                None if given is None else backend.to_list(_checked(backend, given))
                for given in (weights, caps)
            ]
            assert checked[0] is not None
            case = Case(pool, checked[0], checked[1])
            for law in ALLOCATION_LAWS:
                assert law(backend, case) is None, (name, law.__name__, law(backend, case))
            assert laws.ignores_row_order(backend, case) is None, name


def _checked(backend: Any, given: Any) -> Sequence[int]:
    values: Sequence[int] = backend.check_values(columns.read_values(given, "weights"), "weights")
    return values


def _other_functions(source: Source) -> None:
    """Issuance, tallies, scores and mul_div come to the same with either backend."""
    first, second, third = _given(source), _given(source), _given(source)
    number, other = source.integer(), source.integer()
    rate = source.pick(("0.1", "0", "1", "0.000000000000000001", "2", 0.1, None))
    calls: tuple[Callable[[], Any], ...] = (
        lambda: qfs.issue(first, rate, number, None if other % 2 else other),
        lambda: qfs.tally(first, second),
        lambda: qfs.tally(first, second, third, None, number),
        lambda: qfs.score((first, second), (first, first), (third, third)),
        lambda: qfs.mul_div(first, number, other, "half_up"),
        lambda: qfs.mul_div(first, second, third, "ceil"),
    )
    call = source.pick(calls)
    found = same(lambda _: call())
    if found[0] == "value" and call is calls[0]:
        _require_issued(found, first, rate, number)


def _require_issued(found: Outcome, fees: Any, rate: str, residue: int) -> None:
    """Nothing of a fee is lost: what is issued, withheld and carried is the rate of all fees."""
    _, withheld, total, left, charged = found[1]
    scale = 10**18
    exact = Fraction(rate) * scale * charged
    assert scale * (total + withheld) + left == residue + exact, (fees, found)
    assert sum(found[1][0]) == total, (fees, found)


def _given(source: Source) -> Any:
    """Values of some kind, in some memory; it can be read again and again."""
    kind = source.below(6)
    if kind in (0, 1):
        return [
            source.pick(OBJECTS) if source.below(32) == 31 else source.integer()
            for _ in range(source.below(12))
        ]
    if kind == 2:
        return tuple(source.below(5) for _ in range(source.below(70)))
    if kind == 3:
        width = array(code := source.pick("bBhHiIlLqQ")).itemsize
        view = memoryview(source.bytes(width * source.below(20))).cast("B").cast(code)
        return view[:: source.pick((1, 2, -1))]
    if kind == 4:
        rows = source.below(20)
        cells = b"".join((source.integer() % 2**128).to_bytes(16, "little") for _ in range(rows))
        return memoryview(cells).cast("B", (rows, 16)) if rows else []
    top = source.pick((MAX_VALUE, MAX_SCALAR, 2**64 - 1))
    return qfs.Column.from_ints(source.integer() % (min(top, MAX_VALUE) + 1) for _ in range(9))
