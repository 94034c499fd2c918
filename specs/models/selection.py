"""The kernel's choice of the rows that get a leftover unit: by digits, without sorting all rows.

As `qfs.kernel.allocation._pay_leftover` and its passes do it. Remainders are words of `word` bits,
read `digit_bits` at a time from the top; 128 and `QFS_DIGIT_BITS` in the kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Digits(NamedTuple):
    """How remainders are read."""

    shift: int
    """up to the top of a word, so that the first digit tells the remainders apart"""
    word: int
    digit_bits: int


def digit_of(digits: Digits, remainder: int, level: int) -> int:
    """`qfs_digit`: level 0 has the highest bits; the last level may have fewer than a digit."""
    value = remainder * 2**digits.shift % 2**digits.word
    from_top = digits.word - digits.digit_bits * (level + 1)
    value = value // 2**from_top if from_top >= 0 else value * 2**-from_top
    return value % 2**digits.digit_bits


def cut_digit(digits: Digits, found: Sequence[int], leftover: int) -> tuple[int, int]:
    """`choose_digit`: the digit at which the cut lies, and the units left at it."""
    digit = 2**digits.digit_bits - 1
    left = leftover
    while digit > 0:
        count = sum(1 for other in found if other == digit)
        if left <= count:
            break
        left -= count
        digit -= 1
    return digit, left


def winners(
    digits: Digits, remainders: Sequence[int], leftover: int, tie_keys: Sequence[int] | None = None
) -> list[int]:
    """The rows that are paid one unit, in the order in which they are paid.

    `remainders` are those of the rows that share; capped rows are not among them. They sum to
    leftover times the total weight, and each is below it.
    """
    if leftover == 0:
        return []
    paid: list[int] = []
    listed = list(range(len(remainders)))
    level, left = 0, leftover
    while True:
        found = [digit_of(digits, remainders[i], level) for i in listed]
        digit, left = cut_digit(digits, found, left)
        paid += [i for i, other in zip(listed, found, strict=True) if other > digit]
        listed = [i for i, other in zip(listed, found, strict=True) if other == digit]
        values = [remainders[i] for i in listed]
        if left == len(listed) or min(values) == max(values):
            break
        level += 1
    if left < len(listed):
        # All that are still listed have the same remainder, and stand in the order of the rows.
        if tie_keys is not None:
            listed = sorted(listed, key=tie_keys.__getitem__)
        listed = listed[:left]
    return paid + listed
