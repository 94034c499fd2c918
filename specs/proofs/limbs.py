"""Numbers of limbs, in any base: products, carries, borrows, comparisons and shifts."""

from __future__ import annotations

from inequalities import (
    a_product_grows_with_its_factor,
    a_product_of_bounded_factors_is_bounded,
    a_smaller_product_has_a_smaller_factor,
    equal_numbers_have_equal_multiples,
)
from lemma import Statement, digits, divides, either, iff, lemma, one_if, within


@lemma
def half_limbs_make_the_product(half, a1, a0, b1, b0, l1, l0, m1, m0, o1, o0):
    """Four products of half limbs, added with two carries, make that of two limbs, and no sum on
    the way leaves a limb."""
    limb, high = half * half, a1 * b1 + m1 + o1
    a, b = a1 * half + a0, b1 * half + b0
    low = o0 * half + l0
    return Statement(
        given={
            "halves": [half >= 2, *digits(half, a1, a0, b1, b0)],
            "low": divides(a0 * b0, half, l1, l0),
            "middle": divides(a1 * b0 + l1, half, m1, m0),
            "other": divides(a0 * b1 + m0, half, o1, o0),
        },
        then=[
            a * b == high * limb + low,
            *digits(limb, high, low, a1 * b0 + l1, a0 * b1 + m0),
        ],
        canaries={
            "without the carry of the middle": {
                "then": a * b == (high - m1) * limb + o0 * half + l0
            },
            "the middle is smaller by one than it can be": {"then": a1 * b0 + l1 < limb - half - 1},
        },
        hints=[
            equal_numbers_have_equal_multiples(a1 * b0 + l1, m1 * half + m0, half),
            equal_numbers_have_equal_multiples(a0 * b1 + m0, o1 * half + o0, half),
            a_product_of_bounded_factors_is_bounded(a0, half - 1, b0, half - 1),
            a_product_of_bounded_factors_is_bounded(a1, half - 1, b0, half - 1),
            a_product_of_bounded_factors_is_bounded(a0, half - 1, b1, half - 1),
            a_product_of_bounded_factors_is_bounded(a1, half - 1, b1, half - 1),
            a_smaller_product_has_a_smaller_factor(l1, half, half),
            a_product_grows_with_its_factor(a1, half - 1, half),
            a_product_grows_with_its_factor(b1, half - 1, half),
            a_product_grows_with_its_factor(o0, half - 1, half),
            a_product_of_bounded_factors_is_bounded(a, limb - 1, b, limb - 1),
            a_smaller_product_has_a_smaller_factor(high, limb, limb),
            a_smaller_product_has_a_smaller_factor(-1, m1, half),
            a_smaller_product_has_a_smaller_factor(-1, o1, half),
        ],
    )


@lemma
def four_products_make_the_whole(base, a1, a0, b1, b0, over, m1, m0, carry, low, p11h, p11l):
    """Four products of limbs make that of numbers of two limbs, and the upper two limbs of it have
    room for every carry."""
    word = base * base
    a, b = a1 * base + a0, b1 * base + b0
    high = (p11h + over) * base + p11l + m1 + carry
    return Statement(
        given={
            "limbs": [base >= 2, *digits(base, a1, a0, b1, b0)],
            "middle": [
                a0 * b1 + a1 * b0 == over * word + m1 * base + m0,
                *digits(base, m1, m0),
                over >= 0,
            ],
            "low": [m0 * base + a0 * b0 == carry * word + low, within(0, low, word), carry >= 0],
            "high": divides(a1 * b1, base, p11h, p11l),
        },
        then=[a * b == high * word + low, within(0, high, word), p11h + over < base],
        canaries={
            "without the carry of the middle": {"then": a * b == (high - over * base) * word + low},
            "the middle never carries": {"then": over == 0},
            "the upper half of the highest product is free for two carries": {
                "then": p11h + over < base - 1
            },
        },
        hints=[
            a_product_of_bounded_factors_is_bounded(a0, base - 1, b0, base - 1),
            a_product_of_bounded_factors_is_bounded(a1, base - 1, b0, base - 1),
            a_product_of_bounded_factors_is_bounded(a0, base - 1, b1, base - 1),
            a_product_of_bounded_factors_is_bounded(a1, base - 1, b1, base - 1),
            a_smaller_product_has_a_smaller_factor(over, 2, word),
            a_smaller_product_has_a_smaller_factor(p11h, base - 1, base),
            a_product_grows_with_its_factor(a1, base - 1, base),
            a_product_grows_with_its_factor(b1, base - 1, base),
            a_product_of_bounded_factors_is_bounded(a, word - 1, b, word - 1),
            equal_numbers_have_equal_multiples(
                a0 * b1 + a1 * b0, over * word + m1 * base + m0, base
            ),
            equal_numbers_have_equal_multiples(a1 * b1, p11h * base + p11l, word),
            a_smaller_product_has_a_smaller_factor(high, word, word),
        ],
    )


@lemma
def lower_limbs_make_the_product_modulo_the_word(
    base, a1, a0, b1, b0, hi, lo, words, crossed, lost, high
):
    """The product of two limbs each, cut to two: of the crossed products the lowest limb is enough,
    also where they wrapped in a machine word before, which is a whole number of limbs."""
    a, b = a1 * base + a0, b1 * base + b0
    return Statement(
        given={
            "low": divides(a0 * b0, base, hi, lo),
            "wrapped": a0 * b1 + a1 * b0 == words * base + crossed,
            "cut": divides(hi + crossed, base, lost, high),
        },
        then=[
            a * b == (a1 * b1 + words + lost) * (base * base) + high * base + lo,
            within(0, high * base + lo, base * base),
        ],
        canaries={
            "the highest product counts too": {
                "then": a * b == (words + lost) * (base * base) + high * base + lo
            },
            "the crossed products wrapped inside a limb": {
                "wrapped": a0 * b1 + a1 * b0 == words * (base - 1) + crossed
            },
        },
        hints=[
            equal_numbers_have_equal_multiples(a0 * b1 + a1 * b0, words * base + crossed, base),
            equal_numbers_have_equal_multiples(hi + crossed, lost * base + high, base),
            a_product_grows_with_its_factor(high, base - 1, base),
            a_product_grows_with_its_factor(0, high, base),
        ],
    )


@lemma
def a_carry_shows_as_a_smaller_sum(base, a, b, carry, total):
    """Of two limbs the sum carries at most 1, and does so exactly where what stays is below one of
    them."""
    return Statement(
        given={"limbs": digits(base, a, b, total), "sum": a + b == carry * base + total},
        then=[within(0, carry, 2), iff(carry == 1, total < a), iff(carry == 1, total < b)],
        canaries={
            "or equal to it": {"then": iff(carry == 1, total <= a)},
            "of three limbs": {"sum": a + b + total == carry * base + total},
        },
        hints=[
            a_smaller_product_has_a_smaller_factor(carry, 2, base),
            a_smaller_product_has_a_smaller_factor(-1, carry, base),
        ],
    )


@lemma
def carries_of_two_limbs_never_meet(base, a1, a0, b1, b0, c0, lo, c1, middle, c2, hi):
    """The sum of numbers of two limbs: of the upper limbs' two carries at most one is 1."""
    return Statement(
        given={
            "limbs": [base >= 2, *digits(base, a1, a0, b1, b0, lo, middle, hi)],
            "low": a0 + b0 == c0 * base + lo,
            "high": a1 + b1 == c1 * base + middle,
            "carried": middle + c0 == c2 * base + hi,
        },
        then=[
            a1 * base + a0 + b1 * base + b0 == (c1 + c2) * (base * base) + hi * base + lo,
            within(0, c1 + c2, 2),
            iff(c2 == 1, hi < c0),
        ],
        canaries={
            "the carry into the upper limb never goes over": {"then": c2 == 0},
            "both carries are 1": {"then": iff(c1 == 1, c2 == 1)},
        },
        hints=[
            a_carry_shows_as_a_smaller_sum(base, a0, b0, c0, lo),
            a_carry_shows_as_a_smaller_sum(base, a1, b1, c1, middle),
            a_carry_shows_as_a_smaller_sum(base, middle, c0, c2, hi),
            equal_numbers_have_equal_multiples(a1 + b1, c1 * base + middle, base),
            equal_numbers_have_equal_multiples(middle + c0, c2 * base + hi, base),
        ],
    )


@lemma
def limbs_compare_from_the_top(base, a1, a0, b1, b0):
    """The number with the lower upper part is the lower one, and where these are equal that with
    the lower lower part."""
    below = either(a1 < b1, [a1 == b1, a0 < b0])
    return Statement(
        given={"limbs": [base >= 1, *digits(base, a0, b0)]},
        then=iff(a1 * base + a0 < b1 * base + b0, below),
        canaries={
            "by the upper parts alone": {"then": iff(a1 * base + a0 < b1 * base + b0, a1 < b1)},
            "where a lower part leaves its limb": {
                "limbs": [base >= 1, within(0, a0, base + 1), within(0, b0, base)]
            },
        },
        hints=[
            a_product_grows_with_its_factor(a1 + 1, b1, base).when(a1 < b1),
            a_product_grows_with_its_factor(b1 + 1, a1, base).when(b1 < a1),
        ],
    )


@lemma
def a_borrow_comes_from_the_upper_limb(base, a1, a0, b1, b0, t0, lo, t1, hi):
    """The difference of numbers of two limbs, each limb's cut to its width: 1 less in the upper one
    where the lower one wrapped, and a word more in all exactly where the first is below."""
    borrow = one_if(a1 * base + a0 < b1 * base + b0)
    lower = one_if(a0 < b0)
    return Statement(
        given={
            "limbs": [base >= 2, *digits(base, a1, a0, b1, b0, lo, hi)],
            "low": a0 - b0 == lo - t0 * base,
            "high": a1 - b1 - lower == hi - t1 * base,
        },
        then=a1 * base + a0 - b1 * base - b0 == hi * base + lo - borrow * (base * base),
        canaries={
            "without the lower limb's borrow": {"high": a1 - b1 == hi - t1 * base},
        },
        hints=[
            a_smaller_product_has_a_smaller_factor(t0, 2, base),
            a_smaller_product_has_a_smaller_factor(-1, t0, base),
            a_smaller_product_has_a_smaller_factor(t1, 2, base),
            a_smaller_product_has_a_smaller_factor(-1, t1, base),
            limbs_compare_from_the_top(base, a1, a0, b1, b0),
            equal_numbers_have_equal_multiples(a1 - b1 - lower, hi - t1 * base, base),
        ],
    )


@lemma
def a_borrow_tells_the_lower(base, a1, a0, b1, b0, wraps, difference):
    """Whether a is below b, by the borrow of the lower limbs and the cut difference of the upper
    ones, without a branch."""
    borrow = one_if(a0 < b0)
    return Statement(
        given={
            "limbs": [base >= 2, *digits(base, a1, a0, b1, b0, difference)],
            "difference": a1 - b1 == difference - wraps * base,
        },
        then=iff(a1 * base + a0 < b1 * base + b0, either(a1 < b1, difference < borrow)),
        canaries={
            "by the upper limbs alone": {"then": iff(a1 * base + a0 < b1 * base + b0, a1 < b1)},
            "by the difference alone": {
                "then": iff(a1 * base + a0 < b1 * base + b0, difference < borrow)
            },
        },
        hints=[
            limbs_compare_from_the_top(base, a1, a0, b1, b0),
            a_smaller_product_has_a_smaller_factor(wraps, 2, base),
            a_smaller_product_has_a_smaller_factor(-1, wraps, base),
            equal_numbers_have_equal_multiples(wraps, 0, base).when(wraps == 0),
        ],
    )


@lemma
def a_difference_survives_the_word(word, a, b, a1, a0, b1, b0, wraps, difference):
    """Where a - b lies in 0 .. word - 1, it is the cut difference of a and b, both cut before."""
    return Statement(
        given={
            "difference": within(0, a - b, word),
            "a": divides(a, word, a1, a0),
            "b": divides(b, word, b1, b0),
            "cut": [a0 - b0 == difference - wraps * word, within(0, difference, word)],
        },
        then=difference == a - b,
        canaries={
            "also where it is the word": {"difference": within(0, a - b, word + 1)},
            "also below 0": {"difference": within(-1, a - b, word)},
        },
        hints=[
            a_smaller_product_has_a_smaller_factor(a1 - b1 - wraps, 1, word),
            a_smaller_product_has_a_smaller_factor(-1, a1 - b1 - wraps, word),
            equal_numbers_have_equal_multiples(a1 - b1 - wraps, 0, word),
        ],
    )


@lemma
def a_shift_up_moves_bits_between_limbs(by, rest, a1, a0, x1, x0, y1, y0):
    """Two limbs times 2^s: what leaves the lower limb is the lowest bits of the upper one, and
    nothing else is there. Here `by` is 2^s and `rest` what a limb has beyond it."""
    base = by * rest
    hi, lo = y0 * by + x1, x0 * by
    return Statement(
        given={
            "lower": [divides(a0, rest, x1, x0), *digits(by, x1)],
            "upper": [divides(a1, rest, y1, y0), *digits(by, y1)],
        },
        then=[
            (a1 * base + a0) * by == y1 * (base * base) + hi * base + lo,
            *digits(base, hi, lo),
        ],
        canaries={
            "the lower limb's upper bits are lost": {
                "then": (a1 * base + a0) * by == y1 * (base * base) + (hi - x1) * base + lo
            },
            "a lower limb that is too wide": {"lower": divides(a0, rest, x1, x0)},
        },
        hints=[
            equal_numbers_have_equal_multiples(a0, x1 * rest + x0, by),
            equal_numbers_have_equal_multiples(a1, y1 * rest + y0, base * by),
            a_product_grows_with_its_factor(y0, rest - 1, by),
            a_product_grows_with_its_factor(x0, rest - 1, by),
            a_product_grows_with_its_factor(0, y0, by),
            a_product_grows_with_its_factor(0, x0, by),
        ],
    )


@lemma
def a_shift_down_moves_bits_between_limbs(by, rest, a1, a0, x1, x0, y1, y0):
    """Two limbs divided by 2^s, rounded down: the upper one's lowest bits become the lower one's
    highest."""
    base = by * rest
    return Statement(
        given={
            "upper": divides(a1, by, x1, x0),
            "lower": [divides(a0, by, y1, y0), *digits(rest, y1)],
        },
        then=[
            divides(a1 * base + a0, by, x1 * base + x0 * rest + y1, y0),
            within(0, x0 * rest + y1, base),
        ],
        canaries={
            "the upper limb's lowest bits are lost": {
                "then": divides(a1 * base + a0, by, x1 * base + y1, y0)
            },
        },
        hints=[
            equal_numbers_have_equal_multiples(a1, x1 * by + x0, base),
            a_product_grows_with_its_factor(x0, by - 1, rest),
            a_product_grows_with_its_factor(0, x0, rest),
        ],
    )
