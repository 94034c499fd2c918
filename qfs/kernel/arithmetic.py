"""See `qfs.reference.arithmetic`."""

from __future__ import annotations

from collections.abc import Sequence

from qfs.columns import Column
from qfs.errors import DivisionByZeroError
from qfs.kernel.columns import check_values
from qfs.limits import CELL_BYTES, MAX_SCALAR
from qfs.reference.arithmetic import ROUNDINGS, overflow, require_rounding, row_count
from qfs_kernel import arithmetic


def mul_div_many(
    a: Sequence[int],
    b: Sequence[int],
    c: Sequence[int],
    rounding: str = "floor",
    maximum: int = MAX_SCALAR,
) -> Sequence[int]:
    """See `qfs.reference.arithmetic.mul_div_many`."""
    require_rounding(rounding)
    results = bytearray(CELL_BYTES * row_count(a, b, c))
    # Steps 1 to 4, row by row.
    code, i = arithmetic.mul_div_many(
        _operand(a),
        _operand(b),
        _operand(c),
        ROUNDINGS.index(rounding),
        maximum,
        results,
    )
    if code == 0:
        return Column.trusted(results)
    a_i, b_i, c_i = (x[i if len(x) > 1 else 0] for x in (a, b, c))
    if c_i == 0:
        raise DivisionByZeroError("a divisor is at least 1", argument="c", index=i, value=0)
    raise overflow(a_i, b_i, c_i, maximum, i)


def _operand(values: Sequence[int]) -> memoryview:
    """Cells of 0 .. 2^128 - 1: an operand may be a scalar, which a column does not hold."""
    column = check_values(values, "values", MAX_SCALAR)
    assert isinstance(column, Column)
    return column.data
