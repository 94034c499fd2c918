"""Columns and ids: the twins read the same from the same input, and refuse the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inputs import cells, id_like, maxima, mixed, raw_ids, raw_integers
from strategies import examples, scalars, values

from qfs import reference
from qfs.columns import Column, RawCells
from qfs.limits import MAX_VALUE
from qfs.words import RawIntegers


@pytest.mark.kernel
@examples(2)
@given(
    raw=st.one_of(
        st.lists(values),
        mixed,
        mixed.map(tuple),
        st.lists(values, max_size=6).map(Column.from_ints),
        st.builds(RawCells, st.lists(scalars, max_size=6).map(cells), st.none()),
        st.builds(RawCells, st.lists(scalars, min_size=3).map(cells), st.integers(0, 2)),
        raw_integers(),
        raw_integers(),
    ),
    maximum=maxima,
)
def test_check_values(kernel: Any, outcome: Any, raw: Any, maximum: int) -> None:
    """A column reads as the same values, or the same error, from either backend."""
    expected = outcome(reference.check_values, raw, "fees", maximum)
    assert outcome(kernel.check_values, raw, "fees", maximum) == expected
    if expected[0] == "value" and maximum <= MAX_VALUE:
        assert kernel.check_values(raw, "fees", maximum).total == sum(expected[1])
        assert kernel.to_list(kernel.to_column(expected[1])) == expected[1]
        assert reference.to_list(reference.to_column(expected[1])) == expected[1]


@pytest.mark.kernel
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
def test_check_counts(kernel: Any, outcome: Any, raw: Any) -> None:
    """Counts read as the same values, or the same error, from either backend."""
    found = outcome(kernel.check_counts, raw, "uptime.n")
    assert found == outcome(reference.check_counts, raw, "uptime.n")
    if found[0] == "value":
        assert kernel.check_counts(raw, "uptime.n").format == "I"


@pytest.mark.kernel
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
def test_check_ticks_and_choices(kernel: Any, outcome: Any, raw: Any) -> None:
    """Ticks and choices read as the same values, or the same error, from either backend."""
    for name, code in (("check_ticks", "Q"), ("check_choices", "B")):
        found = outcome(getattr(kernel, name), raw, "seq")
        assert found == outcome(getattr(reference, name), raw, "seq")
        if found[0] == "value":
            assert getattr(kernel, name)(raw, "seq").format == code


@pytest.mark.kernel
@given(raw=st.lists(scalars, max_size=4))
def test_to_column(kernel: Any, outcome: Any, raw: list[int]) -> None:
    """A list becomes the same column, or the same error, from either backend."""
    assert outcome(kernel.to_column, raw) == outcome(reference.to_column, raw)


@pytest.mark.kernel
@examples(4)
@given(raw=st.one_of(st.lists(id_like, max_size=6), raw_ids()))
def test_check_ids(kernel: Any, outcome: Any, raw: Any) -> None:
    """Ids read as the same column in the same order, or the same error, from either backend."""

    def checked(function: Callable[..., Any]) -> Any:
        ids = function(raw, "ids")
        return list(ids), ids.is_sorted

    assert outcome(checked, kernel.check_ids) == outcome(checked, reference.check_ids)


@pytest.mark.kernel
@examples(4)
@given(
    raw=st.one_of(st.lists(id_like, max_size=6), raw_ids()),
    maximum=st.sampled_from([1, 2, 127, 128, 129, 4096]),
)
def test_check_names(kernel: Any, outcome: Any, raw: Any, maximum: int) -> None:
    """Names read as the same texts, or the same error, from either backend."""
    found = outcome(kernel.check_names, raw, "names", maximum)
    assert found == outcome(reference.check_names, raw, "names", maximum)
