"""The kernel's step of an issuance, as qfs_kernel/share.h does it: by the reciprocal of a limb.

Numbers are limbs of `limb` bits, 64 in the kernel, of which a `u128` has two.
"""

from __future__ import annotations

from typing import NamedTuple


class Rate(NamedTuple):
    """`qfs_rate`: a rate in units of 1 / scale, made ready for many fees."""

    rate: int
    scale: int
    """with its top bit set, after shift"""
    reciprocal: int
    shift: int
    limb: int


def rate_of(rate: int, scale: int, limb: int) -> Rate:
    """`qfs_rate_make`."""
    shift = limb - scale.bit_length()
    lifted = scale << shift
    whole = 2**limb
    # `qfs_reciprocal`: (whole - 1 - lifted, whole - 1), two limbs, divided by lifted.
    reciprocal = ((whole - 1 - lifted) * whole + whole - 1) // lifted
    return Rate(rate, lifted, reciprocal, shift, limb)


def divided(hi: int, lo: int, rate: Rate) -> tuple[int, int]:
    """`qfs_limb_div_by`: quotient and remainder of two limbs by one, for hi < scale.

    Source: Moeller and Granlund, Improved division by invariant integers (2011), algorithm 4.
    """
    whole, d = 2**rate.limb, rate.scale
    q1, q0 = guessed(rate.reciprocal, hi, lo, whole)
    q1 = (q1 + 1) % whole
    return settled(q1, q0, (lo - q1 * d) % whole, d, whole)


def guessed(reciprocal: int, hi: int, lo: int, whole: int) -> tuple[int, int]:
    """The limbs of a sum modulo two limbs: the quotient, two off at most, and a measure of it."""
    return divmod((reciprocal * hi + hi * whole + lo) % whole**2, whole)


def settled(q1: int, q0: int, rest: int, d: int, whole: int) -> tuple[int, int]:
    """The quotient and remainder, from a guess and the rest that it leaves modulo a limb."""
    if rest > q0:
        q1 = (q1 - 1) % whole
        rest = (rest + d) % whole
    if rest >= d:
        q1 = (q1 + 1) % whole
        rest = (rest - d) % whole
    return q1, rest


def issue_step(rate: Rate, fee: int, residue: int) -> tuple[int, int]:
    """`qfs_issue_step`: what a fee issues, and the residue that it leaves.

    For rate <= scale and residue < scale, so that the quotient fits in two limbs.
    """
    return split(rate, fee * rate.rate + residue)


def split(rate: Rate, raw: int) -> tuple[int, int]:
    """The second half of `qfs_issue_step`: raw, three limbs, by the scale, a limb at a time."""
    whole = 2**rate.limb
    # All three limbs go up by shift, as the scale did.
    lifted = raw * 2**rate.shift
    high, rest = divided(lifted // whole**2 % whole, lifted // whole % whole, rate)
    low, rest = divided(rest, lifted % whole, rate)
    return high * whole + low, rest // 2**rate.shift
