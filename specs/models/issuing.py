"""The kernel's steps of an issuance, as qfs_kernel/issue.h does them: a reciprocal of the scale.

Numbers are words of `word` bits, 128 in the kernel, of two limbs.
"""

from __future__ import annotations

from typing import NamedTuple


class Rate(NamedTuple):
    """`qfs_rate`: a rate in units of 1 / scale, made ready for many fees."""

    rate: int
    scale: int
    factor: int
    """floor(K * rate / scale) with K = 2^(word - 1)"""
    word: int


def rate_of(rate: int, scale: int, word: int) -> Rate:
    """`qfs_rate_make`, for rate <= scale < 2^(word / 2 - 1)."""
    return Rate(rate, scale, 2 ** (word - 1) * rate // scale, word)


def issue_step(rate: Rate, fee: int, residue: int) -> tuple[int, int]:
    """`qfs_rate_of` and `qfs_carry`: what a fee issues, and the residue that it leaves.

    For fee < 2^(word - 1) and residue < scale.
    """
    limb = 2 ** (rate.word // 2)
    estimate = 2 * fee * rate.factor // 2**rate.word
    rest = (fee * rate.rate - estimate * rate.scale) % limb
    more = rest >= rate.scale
    part = rest - rate.scale if more else rest
    total = (residue + part) % limb
    carry = total >= rate.scale
    return estimate + more + carry, total - rate.scale if carry else total
