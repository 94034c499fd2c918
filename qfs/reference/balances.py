"""Crediting: what an epoch allocates is added to the balances, and to nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from qfs.columns import require_rows, require_same_length
from qfs.errors import ResultOverflowError
from qfs.ids import IdColumn, from_checked
from qfs.limits import MAX_VALUE
from qfs.reference.joins import joined_rows


def merge_add(
    ids: IdColumn, values: Sequence[int], other_ids: IdColumn, other_values: Sequence[int]
) -> tuple[IdColumn, Sequence[int]]:
    """The union of two tables by id, the values added where both have the id.

    Args:
        ids: unique and in canonical order, as `other_ids`; the result is so too.
        values: base units, each 0 .. 10^38 - 1, as `other_values`.

    Raises:
        LengthMismatchError: not one value per id.
        OutOfRangeError: the union has more than 2^32 - 1 rows.
        ResultOverflowError: a sum is above 10^38 - 1; the index is its row in `values`. A value
            that is added to nothing cannot be.

    Balances a: 5, b: 1 and credits b: 2, c: 0 give a: 5, b: 3, c: 0.
    """
    # Step 1. Every id has a value.
    require_values(ids, values, other_ids, other_values)
    # Step 2. The union has no more rows than a column may have.
    joined = list(joined_rows(ids, other_ids))
    require_rows(len(joined), "ids")
    merged_ids, merged_values = [], []
    for row, other_row in joined:
        # Step 3. The lower of the next two ids, or both where they are one.
        value = credit = 0
        if other_row is not None:
            node_id, credit = other_ids[other_row], other_values[other_row]
        if row is not None:
            node_id, value = ids[row], values[row]
        # Step 4. A value that stands alone is kept, two are added.
        total = value + credit
        # Step 5. The sum is in its bounds.
        if total > MAX_VALUE:
            assert row is not None, "a value that stands alone is in its bounds"
            raise overflow(value, credit, row)
        merged_ids.append(node_id)
        merged_values.append(total)
    return from_checked(merged_ids, is_sorted=True), merged_values


def require_values(
    ids: IdColumn, values: Sequence[int], other_ids: IdColumn, other_values: Sequence[int]
) -> None:
    """Both tables have one value per id and stand in canonical order, else LengthMismatchError."""
    assert ids.is_sorted, "ids are in canonical order"
    assert other_ids.is_sorted, "other_ids are in canonical order"
    require_same_length(ids=len(ids), values=len(values))
    require_same_length(other_ids=len(other_ids), other_values=len(other_values))


def overflow(value: int, credit: int, row: int) -> ResultOverflowError:
    """The error for a sum above 10^38 - 1."""
    return ResultOverflowError(
        f"{value} + {credit} is above 10^38 - 1",
        argument="values",
        index=row,
        value=value + credit,
    )
