"""Raw columns and ids, good and bad, as callers hand them over."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st
from strategies import values

from qfs import words
from qfs.ids import RawIds
from qfs.limits import MAX_SCALAR, MAX_TICK, MAX_VALUE
from qfs.words import RawIntegers


class Indexed:
    """An integer by `__index__` alone, as NumPy's are."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __index__(self) -> Any:
        return self.value

    def __repr__(self) -> str:
        return f"Indexed({self.value!r})"


odd = st.sampled_from(
    [
        *(None, True, False, 1.0, float("nan"), "1", b"1", Fraction(1), [1]),
        *(-1, -(2**200), MAX_VALUE + 1, 2**128 - 1, 2**128, 2**200),
        *(Indexed(7), Indexed(-1), Indexed(2**128), Indexed("7")),
    ]
)
# The first odd value decides, so that few may stand before it.
mixed = st.builds(
    lambda good, bad, rest: [*good, *bad, *rest],
    st.lists(st.one_of(values, st.just(0)), max_size=2),
    st.lists(odd, max_size=1),
    st.lists(st.one_of(values, odd), max_size=2),
)
maxima = st.sampled_from([*[MAX_VALUE] * 4, MAX_SCALAR, MAX_TICK, 2**32 - 1, 0])


def cells(numbers: Sequence[int]) -> memoryview:
    return memoryview(b"".join(number.to_bytes(16, "little") for number in numbers))


@st.composite
def raw_integers(draw: st.DrawFn) -> RawIntegers:
    """Integers of any width as they lie in memory, beside the bounds of their width and of 2^32."""
    code = draw(st.sampled_from(words.FORMATS))
    bits = 8 * array(code).itemsize
    low, high = (0, 2**bits - 1) if code.isupper() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    edges = [low, -1, 0, 1, 2**32 - 1, 2**32, high]
    edge = st.sampled_from([edge for edge in edges if low <= edge <= high])
    good = st.integers(0, min(high, 2**32 - 1))
    listed = draw(st.lists(good, max_size=4)) + draw(st.lists(st.one_of(good, edge), max_size=3))
    rows = st.integers(0, len(listed) - 1)
    null = draw(st.one_of(st.none(), st.none(), rows)) if listed else None
    return RawIntegers(memoryview(array(code, listed)), null)


id_like = st.one_of(
    st.sampled_from(["a", "b", "ab", "a!", "~", "!", "0xab", "a" * 127, "a" * 128, b"a", b"ab"]),
    st.sampled_from(
        ["", " ", "\x7f", "\x80", "é", "\ud800", "a" * 129, b"", b"a b", b"\xff", None, 7]
    ),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=4),
)
good_ids = st.sampled_from([b"a", b"ab", b"b", b"~", b"!", b"!!", b"a" * 128, b"a" * 127 + b"b"])
odd_ids = st.sampled_from([b"", b" ", b"a b", b"\x7f", b"\x80", b"a" * 129, b"ab", b"~"])


@st.composite
def raw_ids(draw: st.DrawFn) -> RawIds:
    """Ids as Arrow hands them over, in order for the most part."""
    ids = draw(st.lists(good_ids, max_size=5, unique=True)) + draw(st.lists(odd_ids, max_size=1))
    if draw(st.booleans()):
        ids = sorted(ids)
    offsets = array(draw(st.sampled_from("iq")), [2])
    for node_id in ids:
        offsets.append(offsets[-1] + len(node_id))
    null = draw(st.one_of(st.none(), st.integers(0, len(ids) - 1))) if ids else None
    return RawIds(memoryview(offsets), memoryview(b"??" + b"".join(ids)), null)
