"""The models and the reference give the same, on shapes of which every path can be followed.

Each function and the one that it names take the same numbers, look whether they fit the shape, and
compute: one as the kernel does, the other as `qfs.reference` does.
"""

from __future__ import annotations

import division
import lanes
import selection

from qfs.reference import allocation

Share = tuple[int, int] | None
"""Quotient and remainder; None outside of the shape."""


def a_share_in_narrow_words(pool: int, weight: int, w: int) -> Share:
    """The kernel's division step gives the quotient and the remainder of the reference.

    of: division.ratio_of
    of: division.share
    of: qfs.reference.allocation.floor_shares
    bound: words of 4 bits, of which every weight is a path: pool < 8, w <= weight < 16
    same: _a_share_by_the_reference
    """
    if not _is_share(pool, weight, w):
        return None
    known = _one_of(weight, 16)
    return division.share(division.ratio_of(pool, known, 4), w)


def a_share_in_narrow_limbs(pool: int, weight: int, w: int) -> Share:
    """The division step on other limbs, as eight rows are computed at a time, gives the same.

    of: lanes.lanes_ratio_of
    of: lanes.lanes_share
    of: qfs.reference.allocation.floor_shares
    bound: limbs of 3 bits, of which every weight is a path: pool < 8, w <= weight < 16
    same: _a_share_by_the_reference
    """
    if not _is_share(pool, weight, w):
        return None
    known = _one_of(weight, 16)
    ratio = lanes.lanes_ratio_of(pool, known, 3)
    quotient, lifted = lanes.lanes_share(ratio, w)
    return quotient, lifted // ratio.lift


def _a_share_by_the_reference(pool: int, weight: int, w: int) -> Share:
    if not _is_share(pool, weight, w):
        return None
    known = _one_of(weight, 16)
    amounts, remainders = allocation.floor_shares(pool, known, [w], [False], None)
    return amounts[0], remainders[0]


def _is_share(pool: int, weight: int, w: int) -> bool:
    return 0 <= pool < 8 and 1 <= weight < 16 and 0 <= w <= weight


def the_winner_of_two(total: int, r: int, s: int) -> list[int] | None:
    """Of two rows the kernel's selection by digits pays the one that the reference pays.

    of: selection.winners
    of: qfs.reference.allocation.largest_remainders
    bound: two rows, remainders of 4 bits in two digits
    same: _the_winner_of_two
    """
    if not _are_remainders(total, [r, s], 16):
        return None
    known = _one_of(total, 16)
    digits = selection.Digits(4 - known.bit_length(), 4, 2)
    return sorted(selection.winners(digits, [r, s], 0 if r + s == 0 else 1))


def _the_winner_of_two(total: int, r: int, s: int) -> list[int] | None:
    if not _are_remainders(total, [r, s], 16):
        return None
    _one_of(total, 16)
    return sorted(allocation.largest_remainders([r, s], 0 if r + s == 0 else 1))


def the_winners_of_three(total: int, r: int, s: int, t: int) -> list[int] | None:
    """Of three rows the kernel's selection by digits pays those that the reference pays.

    of: selection.winners
    of: qfs.reference.allocation.largest_remainders
    bound: three rows, remainders of 3 bits in two digits, the last of one bit
    same: _the_winners_of_three
    """
    if not _are_remainders(total, [r, s, t], 8):
        return None
    known = _one_of(total, 8)
    digits = selection.Digits(3 - known.bit_length(), 3, 2)
    return sorted(selection.winners(digits, [r, s, t], _leftover(known, r + s + t)))


def _the_winners_of_three(total: int, r: int, s: int, t: int) -> list[int] | None:
    if not _are_remainders(total, [r, s, t], 8):
        return None
    known = _one_of(total, 8)
    return sorted(allocation.largest_remainders([r, s, t], _leftover(known, r + s + t)))


def _are_remainders(total: int, remainders: list[int], most: int) -> bool:
    """As a division leaves them: each below the total, and they sum to a multiple of it."""
    whole = [leftover * total for leftover in range(len(remainders))]
    return (
        1 <= total < most
        and all(0 <= remainder < total for remainder in remainders)
        and sum(remainders) in whole
    )


def _leftover(total: int, remainders: int) -> int:
    return 0 if remainders == 0 else 1 if remainders == total else 2


def _one_of(value: int, stop: int) -> int:
    """The same number of 0 .. stop - 1, each a path of its own: what is multiplied by it is linear.

    Halving keeps the paths short.
    """
    start = 0
    while stop - start > 1:
        middle = (start + stop) // 2
        if value < middle:
            stop = middle
        else:
            start = middle
    return start
