"""Columns and ids: the twins read the same from the same input, and refuse the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aims import must_meet, note_outcome
from hypothesis import given
from hypothesis import strategies as st
from inputs import cells, id_like, maxima, mixed, raw_ids, raw_integers, raw_values
from strategies import examples, scalars, slicings

from qfs.columns import Column, RawCells
from qfs.limits import MAX_VALUE
from qfs.words import RawIntegers


@must_meet("value", "null", "type", "range")
@examples(3)
@given(raw=raw_values, maximum=maxima, slices=slicings)
def test_check_values(
    same: Callable[..., Any], raw: Any, maximum: int, slices: tuple[int, int]
) -> None:
    """A column reads as the same values, or the same error, from either backend."""
    found = same("check_values", raw, "fees", maximum, slices=slices)
    note_outcome(found)
    if found[0] == "value" and maximum <= MAX_VALUE:
        assert same("to_column", found[1]) == found
        assert same("to_list", found[1]) == found


@must_meet("value", "null", "type", "range")
@examples(4)
@given(
    raw=st.one_of(
        raw_integers(),
        raw_integers(),
        st.lists(st.integers(-1, 2**32), max_size=6),
        mixed,
        st.lists(st.integers(0, 2**32), max_size=6).map(Column.from_ints),
        st.builds(RawCells, st.lists(scalars, max_size=3).map(cells), st.none()),
        st.builds(RawCells, st.lists(st.just(7), min_size=3).map(cells), st.integers(0, 2)),
    )
)
def test_check_counts(same: Callable[..., Any], raw: Any) -> None:
    """Counts read as the same values, or the same error, from either backend."""
    note_outcome(same("check_counts", raw, "uptime.n"))


@must_meet("value", "null", "type", "range")
@examples(4)
@given(
    raw=st.one_of(
        raw_integers(),
        raw_integers(),
        st.lists(st.integers(-1, 4), max_size=6),
        st.lists(st.one_of(st.integers(0, 9), st.integers(2**53 - 2, 2**53)), max_size=6),
        mixed,
        st.lists(st.sampled_from([0, 2, 3, 2**53 - 1, 2**53, 2**64]), max_size=4).map(
            Column.from_ints
        ),
        st.builds(RawCells, st.lists(st.just(1), min_size=3).map(cells), st.integers(0, 2)),
        st.lists(st.integers(0, 4), max_size=6).map(
            lambda listed: RawIntegers(memoryview(bytes(listed)), None)
        ),
    )
)
def test_check_ticks_and_choices(same: Callable[..., Any], raw: Any) -> None:
    """Ticks and choices read as the same values, or the same error, from either backend."""
    note_outcome(same("check_ticks", raw, "seq"))
    note_outcome(same("check_choices", raw, "choices"))


@must_meet("value", "range")
@given(raw=st.lists(scalars, max_size=4))
def test_to_column(same: Callable[..., Any], raw: list[int]) -> None:
    """A list becomes the same column, or the same error, from either backend."""
    note_outcome(same("to_column", raw))


@must_meet("value", "null", "type", "id", "duplicate")
@examples(4)
@given(raw=st.one_of(st.lists(id_like, max_size=6), raw_ids()))
def test_check_ids(same: Callable[..., Any], raw: Any) -> None:
    """Ids read as the same column in the same order, or the same error, from either backend."""
    note_outcome(same("check_ids", raw, "ids"))


@must_meet("value", "null", "type", "name")
@examples(4)
@given(
    raw=st.one_of(st.lists(id_like, max_size=6), raw_ids()),
    maximum=st.sampled_from([1, 2, 127, 128, 129, 4096]),
)
def test_check_names(same: Callable[..., Any], raw: Any, maximum: int) -> None:
    """Names read as the same texts, or the same error, from either backend."""
    note_outcome(same("check_names", raw, "names", maximum))
