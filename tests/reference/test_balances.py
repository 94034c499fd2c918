"""Crediting: sums by id, the greatest balance there can be, and memory that changes meanwhile."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Any

import pytest

from qfs.columns import Column
from qfs.errors import LengthMismatchError, OutOfRangeError, ResultOverflowError, WrongTypeError
from qfs.ids import IdColumn, from_checked
from qfs.limits import MAX_VALUE

Table = tuple[IdColumn, Sequence[int]]


def table(rows: dict[bytes, int]) -> Table:
    return from_checked([*rows], is_sorted=True), [*rows.values()]


def merged(
    implementation: Any, rows: dict[bytes, int], other: dict[bytes, int]
) -> dict[bytes, int]:
    ids, values = implementation.merge_add(*table(rows), *table(other))
    assert ids.is_sorted
    return dict(zip(ids, values, strict=True))


def test_values_of_one_id_are_added_and_the_others_kept(implementation: Any) -> None:
    found = merged(implementation, {b"a": 5, b"b": 1}, {b"b": 2, b"c": 0})
    assert [*found.items()] == [(b"a", 5), (b"b", 3), (b"c", 0)]


def test_ids_that_begin_alike_are_different(implementation: Any) -> None:
    long = b"a" * 127
    found = merged(
        implementation, {b"a": 1, long: 2, long + b"b": 3}, {b"a!": 10, long: 20, long + b"a": 30}
    )
    assert [*found.items()] == [
        (b"a", 1),
        (b"a!", 10),
        (long, 22),
        (long + b"a", 30),
        (long + b"b", 3),
    ]


def test_tables_without_rows(implementation: Any) -> None:
    assert merged(implementation, {}, {}) == {}
    assert merged(implementation, {b"a": MAX_VALUE}, {}) == {b"a": MAX_VALUE}
    assert merged(implementation, {}, {b"a": MAX_VALUE}) == {b"a": MAX_VALUE}


def test_the_greatest_balance_and_one_more(implementation: Any) -> None:
    rows, other = {b"a": 1, b"c": MAX_VALUE - 7}, {b"b": MAX_VALUE, b"c": 7}
    assert merged(implementation, rows, other)[b"c"] == MAX_VALUE
    for above in (8, 9, MAX_VALUE):
        with pytest.raises(ResultOverflowError) as caught:
            implementation.merge_add(*table(rows), *table({**other, b"c": above}))
        assert (caught.value.argument, caught.value.index) == ("values", 1)
        assert caught.value.value == MAX_VALUE - 7 + above
        assert str(caught.value).startswith(f"values[1]: {MAX_VALUE - 7} + {above} is above")


def test_the_lowest_row_at_fault_is_named(implementation: Any) -> None:
    full = {b"b": MAX_VALUE, b"c": MAX_VALUE}
    with pytest.raises(ResultOverflowError) as caught:
        implementation.merge_add(*table({b"0": 0, **full}), *table({b"a": 0, **full}))
    assert caught.value.index == 1


def test_one_value_per_id(implementation: Any) -> None:
    ids, values = table({b"a": 1})
    with pytest.raises(LengthMismatchError) as caught:
        implementation.merge_add(ids, [], ids, values)
    assert caught.value.argument == "values"
    with pytest.raises(LengthMismatchError) as caught:
        implementation.merge_add(ids, values, ids, [1, 2])
    assert caught.value.argument == "other_values"


def test_tables_out_of_order(implementation: Any) -> None:
    unordered = from_checked([b"b", b"a"], is_sorted=False), [1, 2]
    for tables in ((unordered, table({})), (table({}), unordered)):
        with pytest.raises(AssertionError, match="canonical order"):
            implementation.merge_add(*tables[0], *tables[1])


def test_no_more_rows_than_a_column_has(
    implementation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qfs.columns.MAX_ROWS", 3)
    assert len(merged(implementation, {b"a": 1, b"b": 1}, {b"b": 1, b"c": 1})) == 3
    with pytest.raises(OutOfRangeError) as caught:
        merged(implementation, {b"a": 1, b"b": MAX_VALUE}, {b"0": 1, b"b": 1, b"c": 1})
    assert (caught.value.argument, caught.value.value) == ("ids", 4)


def test_the_result_is_of_its_own_memory(implementation: Any) -> None:
    data = bytearray(b"ab")
    ids = IdColumn(memoryview(array("i", [0, 1, 2])), memoryview(data), is_sorted=True)
    found, values = implementation.merge_add(ids, [1, 2], *table({}))
    data[:] = b"xy"
    assert ([*found], [*values]) == ([b"a", b"b"], [1, 2])


@pytest.mark.kernel
def test_the_total_is_carried_through(kernel: Any) -> None:
    ids = from_checked([b"a", b"b"], is_sorted=True)
    values = Column.from_ints([1, MAX_VALUE])
    _, found = kernel.merge_add(ids, values, *table({b"a": MAX_VALUE - 1}))
    assert found.has_total
    assert found.total == 2 * MAX_VALUE
    # A slice does not know its total, the result does.
    _, found = kernel.merge_add(ids, values[:2], *table({b"c": 5}))
    assert found.has_total
    assert found.total == MAX_VALUE + 6


@pytest.mark.kernel
@pytest.mark.parametrize("code", ["i", "q"])
@pytest.mark.parametrize("offsets", [[0, 2], [-1, 0], [1, 0], [0, 2**31 - 1]])
def test_offsets_that_someone_wrote_over_lead_to_an_error(
    kernel: Any, code: str, offsets: list[int]
) -> None:
    odd = IdColumn(memoryview(array(code, offsets)), memoryview(b"a"), is_sorted=True), [1]
    for tables in ((odd, table({})), (table({}), odd), (odd, table({b"a": 1}))):
        with pytest.raises(WrongTypeError, match="changed"):
            kernel.merge_add(*tables[0], *tables[1])


@pytest.mark.kernel
@pytest.mark.parametrize("measured", [(1, 2), (2, 1), (3, 2), (2, 3), (0, 0), (-1, 0)])
def test_ids_written_between_the_passes_lead_to_an_error(
    kernel: Any, monkeypatch: pytest.MonkeyPatch, measured: tuple[int, int]
) -> None:
    module = kernel.merge_add.__module__
    monkeypatch.setattr(f"{module}.balances.measure", lambda ids, other_ids: measured)
    with pytest.raises(WrongTypeError, match="changed"):
        kernel.merge_add(*table({b"a": 1}), *table({b"b": 1}))


@pytest.mark.kernel
@pytest.mark.parametrize(("rows", "size"), [(3, 3), (1, 3), (2, 3), (3, 2), (3, 0), (0, 0), (4, 4)])
def test_nothing_is_written_beyond_what_was_measured(kernel: Any, rows: int, size: int) -> None:
    module = sys.modules[kernel.merge_add.__module__]
    parts = [table({b"a": 1, b"c": 1}), table({b"b": 1})]
    texts = [module.TextRows(ids.offsets, ids.data) for ids, _ in parts]
    cells = [Column.from_ints(values).data for _, values in parts]
    lengths = (8 * (rows + 1), size, 16 * rows)
    outputs = [bytearray(b"\xee" * (length + 64)) for length in lengths]
    offsets, data, sums = (memoryview(o)[:n] for o, n in zip(outputs, lengths, strict=True))
    code, _, _ = module.balances.merge_add(
        texts[0], cells[0], texts[1], cells[1], MAX_VALUE, offsets.cast("q"), data, sums
    )
    assert code == (0 if (rows, size) == (3, 3) else 2)
    for output, length in zip(outputs, lengths, strict=True):
        assert output[length:] == b"\xee" * 64
