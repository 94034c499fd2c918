"""Walking two columns of ids in canonical order side by side."""

from __future__ import annotations

from collections.abc import Iterator

from qfs.ids import IdColumn


def joined_rows(
    ids: IdColumn, other_ids: IdColumn
) -> Iterator[tuple[int, int | None] | tuple[None, int]]:
    """The union of both columns, in order: the row of each id in both, None where it has none.

    Both columns are unique and in canonical order. Of `a, b` and `b, c` it gives (0, None),
    (1, 0) and (None, 1).
    """
    row = other_row = 0
    while row < len(ids) and other_row < len(other_ids):
        if ids[row] < other_ids[other_row]:
            yield row, None
            row += 1
        elif ids[row] > other_ids[other_row]:
            yield None, other_row
            other_row += 1
        else:
            yield row, other_row
            row += 1
            other_row += 1
    for rest in range(row, len(ids)):
        yield rest, None
    for rest in range(other_row, len(other_ids)):
        yield None, rest
