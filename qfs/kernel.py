"""The kernel wearing the reference's signatures: same names, parameters, steps and errors.

Passes run over slices (`qfs.slices`) on QFS_THREADS threads; no result depends on how many.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final

from qfs import limits, slices
from qfs.columns import MAX_SIGNED_CELL, Column, Raw, RawCells, require_integer
from qfs.errors import (
    BackendError,
    DivisionByZeroError,
    TotalOverflowError,
    WrongTypeError,
)
from qfs.hashing import sha256_functions
from qfs.ids import IdColumn, RawIdColumn, RawIds, RowLeaves
from qfs.ids import check_ids as check_each_id
from qfs.limits import CELL_BYTES, MAX_SCALAR, MAX_VALUE
from qfs.reference import merkle as reference_merkle
from qfs.reference.allocation import Allocated, Caps, TieKeys, require_same_rows
from qfs.reference.arithmetic import ROUNDINGS, overflow, require_rounding, row_count
from qfs.reference.issuance import Issued
from qfs.slices import cut, cut_optional, over_slices
from qfs_kernel import BUILD, LIMITS, SPEC_VERSION, allocation, arithmetic, issuance, merkle
from qfs_kernel import columns as kernel_columns

MAX_ROUNDS: Final = 32
"""Water-filling rounds before the rows are sorted by cap / weight instead.

Each round is one pass. Real caps need a handful; an adversary can make them as many as rows."""


def check_build() -> None:
    """The kernel was built for these limits.

    Raises:
        BackendError: it was not; it names the limit.
    """
    if SPEC_VERSION != limits.SPEC_VERSION:
        raise BackendError(
            f"the kernel computes spec version {SPEC_VERSION}, this is {limits.SPEC_VERSION}"
        )
    for name, value in LIMITS.items():
        here = getattr(limits, name, None)
        if here != value:
            raise BackendError(f"the kernel was built for {name} = {value}, this is {here}")


def build_facts() -> dict[str, str]:
    """Compiler, kind of 128-bit integers and source hash of the loaded kernel."""
    return dict(BUILD)


# Columns


def check_values(raw: Raw, argument: str, maximum: int = MAX_VALUE) -> Sequence[int]:
    """See `qfs.reference.columns.check_values`; the result is a Column that knows its total."""
    if isinstance(raw, Column) and maximum >= MAX_VALUE:
        return to_column(raw)
    if isinstance(raw, (Column, RawCells)):
        signed = isinstance(raw, RawCells) and raw.signed
        largest = min(maximum, MAX_SIGNED_CELL) if signed else maximum
        fault, total = kernel_columns.scan(raw.data, largest)
        null = raw.first_null if isinstance(raw, RawCells) else None
        if null is not None and (fault < 0 or null <= fault):
            require_integer(None, argument, maximum, null)
        if fault >= 0:
            value = raw.value(fault) if isinstance(raw, RawCells) else raw[fault]
            require_integer(value, argument, maximum, fault)
            raise WrongTypeError("it changed while it was read", argument=argument, index=fault)
        return Column.trusted(raw.data, total)
    cells = bytearray(CELL_BYTES * len(raw))
    fault, total = kernel_columns.pack(raw, maximum, cells)
    if fault >= 0:
        require_integer(raw[fault], argument, maximum, fault)
        raise WrongTypeError("it changed while it was read", argument=argument, index=fault)
    return Column.trusted(cells, total)


def check_ids(raw: RawIdColumn, argument: str) -> IdColumn:
    """See `qfs.reference.columns.check_ids`; ids in canonical order are checked in one pass."""
    if (
        isinstance(raw, RawIds)
        and raw.first_null is None
        and kernel_columns.ids_ascend(raw.offsets, raw.data)
    ):
        return IdColumn(raw.offsets, raw.data, is_sorted=True)
    return check_each_id(raw, argument)


def to_column(values: Sequence[int]) -> Column:
    """Checked values as a column."""
    if isinstance(values, Column):
        if values.has_total:
            return values
        return Column.trusted(values.data, kernel_columns.scan(values.data, MAX_SCALAR)[1])
    column = check_values(list(values), "values")
    assert isinstance(column, Column)
    return column


def to_list(values: Sequence[int]) -> list[int]:
    """Values as a list of ints."""
    return kernel_columns.unpack(values.data) if isinstance(values, Column) else list(values)


# Arithmetic


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


# Issuance


def issue(fees: Sequence[int], rate: int, residue: int = 0, room: int | None = None) -> Issued:
    """See `qfs.reference.issuance.issue`."""
    column = to_column(fees)
    # Step 1. The total is in its bounds.
    if column.total > MAX_SCALAR:
        raise TotalOverflowError(
            "the fees sum to more than 2^128 - 1 base units", argument="fees", value=column.total
        )
    issued = bytearray(len(column.data))
    # Steps 2 and 3, fee by fee.
    withheld, total, residue = issuance.issue(
        column.data, rate, residue, MAX_SCALAR if room is None else room, issued
    )
    return Issued(Column.trusted(issued, total), withheld, total, residue, column.total)


# Allocation


def allocate(
    pool: int,
    weights: Sequence[int],
    caps: Caps = None,
    common_cap: int | None = None,
    tie_keys: TieKeys = None,
) -> Allocated:
    """See `qfs.reference.allocation.allocate`."""
    require_same_rows(weights, caps, tie_keys)
    column = to_column(weights)
    own_caps = None if caps is None else to_column(caps).data
    # Step 1. The total is in its bounds.
    if column.total > MAX_SCALAR:
        raise TotalOverflowError(
            "the weights sum to more than 2^128 - 1", argument="weights", value=column.total
        )
    # Step 2. Where every weight is 0, every weight counts as 1.
    fallback = len(column) > 0 and column.total == 0
    if fallback:
        column = Column.trusted((1).to_bytes(CELL_BYTES, "little") * len(column), len(column))
    # Step 3. Water-filling: rows whose share exceeds their cap are paid the cap and leave.
    capped, shared_pool, shared_weight = _water_fill(pool, column, own_caps, common_cap)
    # Step 4. The rest share what is left in proportion, rounded down.
    level = allocation.Level(shared_pool, shared_weight, common_cap, capped > 0)
    amounts, paid, histograms = _floor_shares(column, own_caps, level)
    # Step 5. One base unit each to the largest remainders.
    leftover = pool - paid if shared_weight else 0
    _require_unchanged(0 <= leftover <= len(column) and pool - paid >= 0)
    cut = _pay_leftover(column, own_caps, level, amounts, histograms, leftover, tie_keys)
    return Allocated(
        Column.trusted(amounts, paid + leftover),
        undistributed=pool - paid - leftover,
        capped=capped,
        fallback=fallback,
        total_weight=column.total,
        shared_pool=shared_pool,
        shared_weight=shared_weight,
        leftover=leftover,
        cut=cut,
    )


def _water_fill(
    pool: int, weights: Column, caps: memoryview | None, common_cap: int | None
) -> tuple[int, int, int]:
    """How many rows are capped, and the pool and weight that the others share.

    Each round measures, at the level reached so far, all rows that exceed their cap; the level
    only rises, so the rows of earlier rounds are among them and nothing needs to be remembered.
    """
    shared_pool, shared_weight, capped = pool, weights.total, 0
    if caps is None and common_cap is None:
        return capped, shared_pool, shared_weight
    for _ in range(MAX_ROUNDS):
        level = allocation.Level(shared_pool, shared_weight, common_cap, True)

        def one_slice(start: int, stop: int, level: Any = level) -> tuple[int, int, int]:
            return allocation.water_fill(
                cut(weights.data, start, stop), cut_optional(caps, start, stop), level
            )

        sums = over_slices(len(weights), one_slice)
        found = sum(count for count, _, _ in sums)
        if found == capped:
            return capped, shared_pool, shared_weight
        capped = found
        shared_pool = pool - sum(cap_sum for _, cap_sum, _ in sums)
        shared_weight = weights.total - sum(weight_sum for _, _, weight_sum in sums)
        _require_unchanged(shared_pool >= 0 and shared_weight >= 0)
    whole = allocation.Level(pool, weights.total, common_cap, True)
    scratch = array("I", bytes(4 * len(weights)))
    shared_pool, shared_weight = allocation.water_fill_sorted(weights.data, caps, whole, scratch)
    level = allocation.Level(shared_pool, shared_weight, common_cap, True)
    capped, _, _ = allocation.water_fill(weights.data, caps, level)
    return capped, shared_pool, shared_weight


def _floor_shares(
    weights: Column, caps: memoryview | None, level: allocation.Level
) -> tuple[bytearray, int, list[array[int]]]:
    """Amounts rounded down, their sum, and per slice the rows by first digit of remainder."""
    amounts = bytearray(len(weights.data))
    writable = memoryview(amounts)

    def one_slice(start: int, stop: int) -> tuple[int, array[int]]:
        histogram = array("I", bytes(4 * allocation.DIGITS))
        paid = allocation.floor_shares(
            cut(weights.data, start, stop),
            cut_optional(caps, start, stop),
            level,
            cut(writable, start, stop),
            histogram,
        )
        return paid, histogram

    done = over_slices(len(weights), one_slice)
    return amounts, sum(paid for paid, _ in done), [histogram for _, histogram in done]


def _pay_leftover(
    weights: Column,
    caps: memoryview | None,
    level: allocation.Level,
    amounts: bytearray,
    histograms: list[array[int]],
    leftover: int,
    tie_keys: TieKeys,
) -> int | None:
    """Pay the leftover units by selection, digit by digit; returns the remainder at the cut."""
    if leftover == 0:
        return None
    digit, left = allocation.choose_digit(_add_up(histograms), leftover)
    positions = _cut_at_digit(weights, caps, level, amounts, histograms, digit)
    digit_level = 0
    while True:
        _require_unchanged(0 < left <= len(positions) and digit_level < allocation.LEVELS)
        lowest, highest = allocation.remainder_bounds(weights.data, level, amounts, positions)
        if left == len(positions) or lowest == highest:
            break
        digit_level += 1
        kept, left = allocation.cut_listed(
            weights.data, level, amounts, positions, digit_level, left
        )
        positions = positions[:kept]
    if left < len(positions):
        # All that are still listed have the same remainder, and stand in the order of the rows.
        if tie_keys is not None:
            positions = array("I", sorted(positions, key=tie_keys.__getitem__))
        positions = positions[:left]
    allocation.pay_listed(amounts, positions)
    return int(lowest)


def _cut_at_digit(
    weights: Column,
    caps: memoryview | None,
    level: allocation.Level,
    amounts: bytearray,
    histograms: list[array[int]],
    digit: int,
) -> array[int]:
    """Pay the rows above the first digit of the cut; the positions of those that have it."""
    firsts = [0]
    for histogram in histograms:
        firsts.append(firsts[-1] + histogram[digit])
    positions = array("I", bytes(4 * firsts[-1]))
    writable, listed = memoryview(amounts), memoryview(positions)

    def one_slice(start: int, stop: int) -> int:
        number = start // slices.SLICE_ROWS
        return allocation.cut_at_digit(
            cut(weights.data, start, stop),
            cut_optional(caps, start, stop),
            level,
            cut(writable, start, stop),
            digit,
            listed[firsts[number] : firsts[number + 1]],
            start,
        )

    _require_unchanged(sum(over_slices(len(weights), one_slice)) == len(positions))
    return positions


def _require_unchanged(same: bool) -> None:
    """The passes agree. They read the caller's memory, which nobody may write meanwhile."""
    if not same:
        raise WrongTypeError("the values changed while they were read", argument="weights")


def _add_up(histograms: list[array[int]]) -> array[int]:
    if len(histograms) == 1:
        return histograms[0]
    return array("I", map(sum, zip(*histograms, strict=True)))


# Merkle tree


def root(leaves: Sequence[bytes]) -> bytes:
    """See `qfs.reference.merkle.root`."""
    return range_root(leaves, 0, len(leaves))


def range_root(leaves: Sequence[bytes], start: int, stop: int) -> bytes:
    """See `qfs.reference.merkle.range_root`."""
    reference_merkle.require_range(start, stop, len(leaves))
    if start == stop:
        return reference_merkle.EMPTY_ROOT
    hash_functions = sha256_functions()
    if not isinstance(leaves, RowLeaves) or hash_functions is None:
        return reference_merkle.range_root(leaves, start, stop)
    rows = merkle.Rows([_leaf_field(field) for field in leaves.fields])
    # Whole slices are perfect subtrees, so the tree over their roots is the top of the tree.
    level = over_slices(
        stop - start,
        lambda a, b: merkle.range_root(rows, start + a, start + b, *hash_functions),
    )
    while len(level) > 1:
        pairs = [reference_merkle.node_hash(*level[i : i + 2]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """See `qfs.reference.merkle.inclusion_proof`."""
    reference_merkle.require_leaf(index, len(leaves))
    ranges = reference_merkle.sibling_ranges(index, len(leaves))
    return [range_root(leaves, start, stop) for start, stop in ranges]


def _leaf_field(field: IdColumn | Column | memoryview) -> tuple[str, Any, Any, int]:
    if isinstance(field, IdColumn):
        return "ids", field.data, field.offsets.cast("B"), field.offsets.itemsize
    if isinstance(field, Column):
        return "cells", field.data, None, CELL_BYTES
    return "words", field.cast("B"), None, field.itemsize
