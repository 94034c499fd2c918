"""Tables from rows and back, joined and thinned: always the table that its rows are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfs.errors import DuplicateIdError, InvalidIdError, OutOfRangeError, QfsError, WrongTypeError
from qfs.limits import MAX_COUNT, MAX_TICK, MAX_VALUE, NOT_REVOKED
from qfs.rows import concat, find, from_rows, row_at, rows_of, without
from qfs.tables import BALANCES, BALLOTS, FEES, NODES, REGISTRY, TELEMETRY, Schema

pytestmark = pytest.mark.usefixtures("api_backend")

ROWS: dict[str, tuple[Schema, list[tuple[Any, ...]]]] = {
    "registry": (
        REGISTRY,
        [
            ("a", "op", "infrastructure", "ed25519:00", 0, NOT_REVOKED),
            ("ab", "op", "reporter", "k" * 4096, MAX_TICK, 5),
        ],
    ),
    "telemetry": (TELEMETRY, [("n", 7, 0, MAX_COUNT, 1, 2, 3, 4)]),
    "balances": (BALANCES, [("x", MAX_VALUE), ("y", 0)]),
    "fees": (FEES, [(1, "b", 5), (1, "c", 0), (2, "a", 7)]),
    "ballots": (BALLOTS, [(0, MAX_COUNT, 2, MAX_TICK, "0x" + "0" * 64), (9, 0, 0, 0, "0x")]),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_come_back_in_canonical_order(name: str) -> None:
    schema, rows = ROWS[name]
    for given_rows in (rows, rows[::-1]):
        table = from_rows(schema, given_rows)
        assert list(rows_of(table)) == rows
        assert [row_at(table, i) for i in range(len(table))] == rows
        assert table.digest == from_rows(schema, rows).digest


@pytest.mark.parametrize("name", ROWS)
def test_no_rows_are_a_table_too(name: str) -> None:
    schema = ROWS[name][0]
    assert len(from_rows(schema, [])) == 0
    assert list(rows_of(from_rows(schema, []))) == []


@pytest.mark.parametrize(
    ("rows", "error", "place"),
    [
        ([("a", 1), ("a", 2)], DuplicateIdError, ("node_id", 1)),
        ([("a", 1), ("", 2)], InvalidIdError, ("node_id", 1)),
        ([("a", 1), ("b", -1)], OutOfRangeError, ("weight", 1)),
        ([("a", MAX_VALUE + 1)], OutOfRangeError, ("weight", 0)),
        ([("a", 1.0)], WrongTypeError, ("weight", 0)),
        ([("a", True)], WrongTypeError, ("weight", 0)),
    ],
)
def test_bad_values_are_named(
    rows: list[tuple[Any, ...]], error: type[QfsError], place: tuple[str, int]
) -> None:
    with pytest.raises(error) as caught:
        from_rows(NODES, rows)
    assert (caught.value.argument, caught.value.index) == place


ids = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=3)
balances = st.dictionaries(ids, st.integers(0, MAX_VALUE), max_size=8)


@given(both=balances, cut=st.integers(0, 8), some=st.sets(st.integers(0, 7)))
def test_joined_and_thinned_tables_are_those_of_their_rows(
    both: dict[str, int], cut: int, some: set[int]
) -> None:
    rows = list(both.items())
    whole = from_rows(BALANCES, rows)
    joined = concat(from_rows(BALANCES, rows[:cut]), from_rows(BALANCES, rows[cut:]))
    assert joined.digest == whole.digest
    assert joined.amounts("balance").total == sum(both.values())
    gone = [row for row in sorted(some) if row < len(whole)]
    kept = [row for i, row in enumerate(rows_of(whole)) if i not in gone]
    assert list(rows_of(without(whole, gone))) == kept


@pytest.mark.parametrize("name", ["balances", "fees", "registry"])
def test_a_row_that_both_tables_have_is_refused(name: str) -> None:
    schema, rows = ROWS[name]
    # Of fees the action is the key: a later tick does not make it another.
    again = [(3, "b", 1)] if schema == FEES else rows[:1]
    with pytest.raises(DuplicateIdError):
        concat(from_rows(schema, rows), from_rows(schema, again))


@given(names=st.sets(ids, max_size=8), wanted=ids)
def test_an_id_is_found_where_it_stands(names: set[str], wanted: str) -> None:
    column = from_rows(BALANCES, [(name, 0) for name in sorted(names)]).ids("node_id")
    row = find(column, wanted.encode())
    assert (row is not None) == (wanted in names)
    assert row is None or column[row] == wanted.encode()
