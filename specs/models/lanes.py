"""The same division as qfs_kernel/share_ifma.h does it, on limbs of 52 bits.

The reciprocal has one bit more, and everything is lifted by a power of two, so that the total
weight ends one bit below a whole number of limbs. Numbers are taken modulo that many limbs.
"""

from __future__ import annotations

from typing import NamedTuple

from division import estimate, reciprocal


class LanesRatio(NamedTuple):
    """`qfs_ratio52`: a pool shared by a total weight, made ready for many rows."""

    pool: int
    factor: int
    """floor(2^(bits + 1) * pool / weight), where bits is the length of weight"""
    opposite: int
    """modulus - weight * lift"""
    lift: int
    """a power of two"""
    modulus: int
    """2^limb for each of the limbs; twice the lifted weight is not above it"""


def lanes_ratio_of(pool: int, weight: int, limb: int) -> LanesRatio:
    """`qfs_ratio52_make`, for limbs of `limb` bits."""
    bits = 0
    while weight >= 2**bits:
        bits += 1
    width = limb * (bits // limb + 1)
    lift = 2 ** (width - 1 - bits)
    factor = reciprocal(pool, weight, 2 ** (bits + 1))
    return LanesRatio(pool, factor, 2**width - weight * lift, lift, 2**width)


def lanes_share(ratio: LanesRatio, w: int) -> tuple[int, int]:
    """`qfs_lanes_share`: the quotient, and its remainder times the lift, for w <= weight."""
    lifted = w * ratio.lift % ratio.modulus
    guess = estimate(ratio.factor, ratio.modulus, lifted)
    # Adding the opposite is subtracting the weight; it carries where the rest is not below it.
    rest = (lifted * ratio.pool + guess * ratio.opposite) % ratio.modulus
    trial = rest + ratio.opposite
    if trial >= ratio.modulus:
        return guess + 1, trial % ratio.modulus
    return guess, rest
