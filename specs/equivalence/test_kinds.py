"""Every kind of source: the twins read the same values from the same memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inputs import Indexed
from kinds import LARGE_SOURCES, LARGEST, SMALL_SOURCES
from strategies import few_examples, scalars, slicings, values

from qfs import columns, reference
from qfs.columns import Column

Make = Callable[[list[int]], Any]
INDEXED: dict[str, Make] = {"integers by index": lambda v: [Indexed(value) for value in v]}


@pytest.mark.parametrize("kind", SMALL_SOURCES)
@few_examples(6)
@given(drawn=st.lists(scalars, min_size=1, max_size=9), slices=slicings)
def test_small_values_of_every_kind(
    same: Callable[..., Any], kind: str, drawn: list[int], slices: tuple[int, int]
) -> None:
    """Integers of every width and layout read as they are, up to the largest that it holds."""
    largest = LARGEST[kind]
    numbers = [value if value <= largest else largest - value % 3 for value in drawn]
    read_the_same(same, SMALL_SOURCES[kind], numbers, slices)


@pytest.mark.parametrize("kind", [*LARGE_SOURCES, *INDEXED])
@few_examples(6)
@given(numbers=st.lists(values, max_size=9), slices=slicings)
def test_large_values_of_every_kind(
    same: Callable[..., Any], kind: str, numbers: list[int], slices: tuple[int, int]
) -> None:
    """Values of 127 bits read as they are, from every kind of memory that has room for them."""
    read_the_same(same, (LARGE_SOURCES | INDEXED)[kind], numbers, slices)


@few_examples(6)
@given(start=values, length=st.integers(0, 9), step=st.sampled_from([1, 2, 2**64]))
def test_ranges(same: Callable[..., Any], start: int, length: int, step: int) -> None:
    """A range reads as its values, and one that leaves the bounds is refused at the first."""
    source = range(start, start + length * step, step)
    found = same("check_values", columns.read_values(source, "fees"), "fees")
    assert found[0] == "error" or found == ("value", [*source])


def read_the_same(
    same: Callable[..., Any], make: Make, numbers: list[int], slices: tuple[int, int]
) -> None:
    raw = columns.read_values(make(numbers), "fees")
    assert same("check_values", raw, "fees", slices=slices) == ("value", numbers)


class Capsules:
    """Memory that goes out through the capsules of one backend."""

    def __init__(self, implementation: Any, cells: memoryview) -> None:
        self.capsules = implementation.export_cells(cells)

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        found: tuple[object, object] = self.capsules
        return found


@pytest.mark.kernel
@few_examples(6)
@given(numbers=st.lists(values, max_size=9), cut=st.integers(0, 3))
def test_export_cells(kernel: Any, numbers: list[int], cut: int) -> None:
    """Arrow gets the same type and values from either backend's capsules, of a cut column too."""
    cells = Column.from_ints(numbers)[cut:].data
    found = [pa.array(Capsules(implementation, cells)) for implementation in (reference, kernel)]
    assert found[0].type == found[1].type == pa.decimal128(38, 18)
    assert found[0].equals(found[1])
    assert [*columns.read_values(found[1], "fees").data] == [*cells]
