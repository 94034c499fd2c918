"""See `qfs.reference.balances`: one pass for the size of the union, one that writes it."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from qfs.columns import Column, require_rows
from qfs.errors import WrongTypeError
from qfs.ids import IdColumn
from qfs.kernel.columns import to_column
from qfs.limits import CELL_BYTES, MAX_VALUE
from qfs.reference.balances import overflow, require_values
from qfs_kernel import balances
from qfs_kernel.texts import TextRows


def merge_add(
    ids: IdColumn, values: Sequence[int], other_ids: IdColumn, other_values: Sequence[int]
) -> tuple[IdColumn, Sequence[int]]:
    """See `qfs.reference.balances.merge_add`; the values are a Column that knows its total."""
    # Step 1. Every id has a value.
    require_values(ids, values, other_ids, other_values)
    column, other_column = to_column(values), to_column(other_values)
    first, other = TextRows(ids.offsets, ids.data), TextRows(other_ids.offsets, other_ids.data)
    # Step 2. The union has no more rows than a column may have.
    rows, size = balances.measure(first, other)
    _require_unchanged(rows >= 0)
    require_rows(rows, "ids")
    offsets = array("q", bytes(8 * (rows + 1)))
    data, cells = bytearray(size), bytearray(CELL_BYTES * rows)
    # Steps 3 to 5, id by id.
    code, row, other_row = balances.merge_add(
        first, column.data, other, other_column.data, MAX_VALUE, offsets, data, cells
    )
    if code == 1:
        raise overflow(column[row], other_column[other_row], row)
    _require_unchanged(code == 0)
    merged = IdColumn(memoryview(offsets), memoryview(data).toreadonly(), is_sorted=True)
    return merged, Column.trusted(cells, column.total + other_column.total)


def _require_unchanged(same: bool) -> None:
    """Both passes agree. They read the caller's memory, which nobody may write meanwhile."""
    if not same:
        raise WrongTypeError("the ids changed while they were read", argument="ids")
