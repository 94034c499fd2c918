"""The kernel's division of a row's share, as qfs_kernel/share.h does it: no division per row.

`ratio_of` divides once for a table; `share` multiplies by that reciprocal and corrects the estimate
at most once. Numbers are words of `word` bits, 128 in the kernel: what goes over is lost here too.
"""

from __future__ import annotations

from typing import NamedTuple


class Ratio(NamedTuple):
    """`qfs_ratio`: a pool shared by a total weight, made ready for many rows."""

    pool: int
    """below 2^(word - 1)"""
    weight: int
    """at least 1"""
    factor: int
    """floor(2^bits * pool / weight), where bits is the length of weight"""
    shift: int
    """word - bits"""
    word: int


def ratio_of(pool: int, weight: int, word: int) -> Ratio:
    """`qfs_ratio_make`."""
    bits = 0
    # As many bits as weight needs; a prover takes each number of them as a path of its own.
    while weight >= 2**bits:
        bits += 1
    return Ratio(pool, weight, reciprocal(pool, weight, 2**bits), word - bits, word)


def reciprocal(pool: int, weight: int, scale: int) -> int:
    """The factor that a weight is multiplied by, in units of 1 / scale."""
    return pool * scale // weight


def estimate(factor: int, scale: int, w: int) -> int:
    """floor(w * factor / scale): the quotient or one less, for w <= scale."""
    return w * factor // scale


def share(ratio: Ratio, w: int) -> tuple[int, int]:
    """`qfs_share`: floor(pool * w / weight) and the remainder, for w <= weight."""
    modulus = 2**ratio.word
    lifted = w * 2**ratio.shift % modulus
    guess = estimate(ratio.factor, modulus, lifted)
    return settled(ratio.pool * w, guess * ratio.weight, guess, ratio.weight, ratio.word)


def settled(product: int, taken: int, guess: int, weight: int, word: int) -> tuple[int, int]:
    """The second half of `qfs_share`: one comparison corrects the guess.

    `product` is pool * w and `taken` guess * weight. Both are taken modulo 2^word, unless the rest
    may need a bit more than that; then the lower limb of their upper halves supplies it.
    """
    modulus = 2**word
    is_wide = weight >= modulus // 2
    rest = (product - taken) % modulus
    over = False
    if is_wide:
        borrow = 1 if product % modulus < taken % modulus else 0
        over = (product // modulus - taken // modulus - borrow) % 2 ** (word // 2) != 0
    if over or rest >= weight:
        return (guess + 1) % modulus, (rest - weight) % modulus
    return guess, rest


def remainder(ratio: Ratio, w: int, amount: int) -> int:
    """`qfs_remainder`: of an amount rounded down, from products modulo 2^word alone."""
    modulus = 2**ratio.word
    return (ratio.pool * w % modulus - amount * ratio.weight % modulus) % modulus
