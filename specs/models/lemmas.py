"""What the models rest on, at the kernel's full width.

Together: an estimate is the quotient or one less, one comparison settles that, and so the step
gives quotient and remainder; the amounts and remainders of `qfs.reference` are the same.
"""

from __future__ import annotations

import division

from qfs.limits import MAX_SCALAR, MAX_VALUE

WORD = 2**128


def an_estimate_is_at_most_one_low(pool: int, weight: int, w: int, scale: int) -> int:
    """A share estimated by any reciprocal is the quotient or one less, so that the rest it leaves
    is below twice the weight. Scale is 2^bits in one kernel step and 2^(bits + 1) in the other.

    of: division.estimate
    of: division.reciprocal
    pre: 0 <= pool
    pre: 1 <= weight
    pre: 0 <= w <= scale
    pre: 1 <= scale
    post: 0 <= __return__ < 2 * weight
    """
    factor = division.reciprocal(pool, weight, scale)
    return pool * w - weight * division.estimate(factor, scale, w)


def one_comparison_settles_the_rest(product: int, taken: int, guess: int, weight: int) -> bool:
    """From products modulo 2^128, and a 129th bit where the weight is 2^127 or more, the step finds
    whether the rest is below the weight.

    of: division.settled
    pre: 1 <= weight < WORD
    pre: 0 <= taken <= product < taken + 2 * weight
    pre: product < WORD * WORD // 2
    pre: 0 <= guess < WORD // 2
    post: __return__
    """
    found = division.settled(product, taken, guess, weight, 128)
    if product - taken < weight:
        return found == (guess, product - taken)
    return found == (guess + 1, product - taken - weight)


def a_remainder_fits_in_a_word(pool: int, weight: int, w: int) -> int:
    """The remainder of an amount rounded down is right although its products are cut to 128 bits.

    of: division.remainder
    pre: 0 <= pool <= MAX_VALUE
    pre: 1 <= weight <= MAX_SCALAR
    pre: 0 <= w <= weight
    post: __return__ == pool * w % weight
    """
    ratio = division.Ratio(pool, weight, 0, 0, 128)
    return division.remainder(ratio, w, pool * w // weight)
