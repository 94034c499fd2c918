"""See `qfs.reference.issuance`."""

from __future__ import annotations

from collections.abc import Sequence

from qfs.columns import Column
from qfs.errors import TotalOverflowError
from qfs.kernel.columns import to_column
from qfs.kernel.memory import blank
from qfs.limits import MAX_SCALAR
from qfs.reference.issuance import Issued
from qfs_kernel import issuance


def issue(fees: Sequence[int], rate: int, residue: int = 0, room: int | None = None) -> Issued:
    """See `qfs.reference.issuance.issue`."""
    column = to_column(fees)
    # Step 1. The total is in its bounds.
    if column.total > MAX_SCALAR:
        raise TotalOverflowError(
            "the fees sum to more than 2^128 - 1 base units", argument="fees", value=column.total
        )
    issued = blank(len(column.data))
    # Steps 2 and 3, fee by fee.
    withheld, total, residue = issuance.issue(
        column.data, rate, residue, MAX_SCALAR if room is None else room, issued
    )
    return Issued(Column.trusted(issued, total), withheld, total, residue, column.total)
