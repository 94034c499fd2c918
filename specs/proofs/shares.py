"""The share of a row by one reciprocal for all rows: estimate, rest, correction.

A row of weight w is owed floor(pool * w / weight). The factor is floor(scale * pool / weight), and
the estimate floor(w * factor / scale).
"""

from __future__ import annotations

from inequalities import (
    a_division_has_one_quotient,
    a_product_grows_with_its_factor,
    a_smaller_product_has_a_smaller_factor,
    equal_numbers_have_equal_multiples,
)
from lemma import Statement, digits, divides, either, hint, iff, lemma, one_if, within


@lemma
def the_rest_of_an_estimate_is_below_twice_the_weight(
    pool, weight, w, scale, factor, cut, estimate, lost
):
    """What an estimate by a rounded reciprocal leaves is not negative and below twice the weight,
    for any scale that is not below w."""
    rest = pool * w - estimate * weight
    return Statement(
        given={
            "factor": divides(scale * pool, weight, factor, cut),
            "estimate": divides(w * factor, scale, estimate, lost),
            "w": w >= 0,
            "room": w <= scale,
        },
        then=within(0, rest, 2 * weight),
        canaries={
            "below the weight": {"then": within(0, rest, weight)},
            "for a scale of a third of w": {"room": w <= 3 * scale},
            "for a factor rounded up": {
                "factor": [scale * pool == factor * weight - cut, within(0, cut, weight)]
            },
        },
        hints=[
            # scale * rest = w * cut + lost * weight, and each part is below scale * weight.
            equal_numbers_have_equal_multiples(scale * pool, factor * weight + cut, w),
            equal_numbers_have_equal_multiples(w * factor, estimate * scale + lost, weight),
            a_product_grows_with_its_factor(0, cut, w),
            a_product_grows_with_its_factor(0, lost, weight),
            a_product_grows_with_its_factor(w, scale, cut),
            a_product_grows_with_its_factor(cut + 1, weight, scale),
            a_product_grows_with_its_factor(lost + 1, scale, weight),
            a_smaller_product_has_a_smaller_factor(-1, rest, scale),
            a_smaller_product_has_a_smaller_factor(rest, 2 * weight, scale),
        ],
    )


@lemma
def an_estimate_is_one_too_small_at_most(
    pool, weight, w, scale, factor, cut, estimate, lost, share, rest
):
    """An estimate by a rounded reciprocal is the share or one less, for any scale that is not below
    w."""
    return Statement(
        given={
            "factor": divides(scale * pool, weight, factor, cut),
            "estimate": divides(w * factor, scale, estimate, lost),
            "w": w >= 0,
            "room": w <= scale,
            "share": divides(pool * w, weight, share, rest),
        },
        then=[share - 1 <= estimate, estimate <= share],
        canaries={
            "it is the share": {"then": estimate == share},
            "for a scale of a third of w": {"room": w <= 3 * scale},
        },
        hints=[
            the_rest_of_an_estimate_is_below_twice_the_weight(
                pool, weight, w, scale, factor, cut, estimate, lost
            ),
            a_smaller_product_has_a_smaller_factor(estimate, share + 1, weight),
            a_smaller_product_has_a_smaller_factor(share, estimate + 2, weight),
        ],
    )


@lemma
def one_comparison_corrects_the_estimate(product, weight, estimate, share, rest):
    """Where what an estimate leaves is below twice the weight, comparing it with the weight gives
    the quotient and its rest."""
    left = product - estimate * weight
    more = one_if(left >= weight)
    return Statement(
        given={
            "left": within(0, left, 2 * weight),
            "share": divides(product, weight, share, rest),
        },
        then=[share == estimate + more, rest == left - more * weight],
        canaries={
            "where it is above the weight": {"then": share == estimate + one_if(left > weight)},
            "where it may be twice the weight": {"left": within(0, left, 2 * weight + 1)},
            "without the correction": {"then": share == estimate},
        },
        hints=[
            a_division_has_one_quotient(product, weight, share, rest, estimate, left).when(
                left < weight
            ),
            a_division_has_one_quotient(
                product, weight, share, rest, estimate + 1, left - weight
            ).when(left >= weight),
        ],
    )


@lemma
def a_bit_above_the_word_settles_the_rest(word, weight, p1, p0, t1, t0, wraps, low):
    """Two products whose difference is below twice the weight, itself below a word: their upper
    halves less the borrow tell whether it leaves the word, and then it is not below the weight."""
    over = p1 - t1 - wraps
    difference = (p1 * word + p0) - (t1 * word + t0)
    return Statement(
        given={
            "word": [weight < word, *digits(word, p0, t0, low)],
            "difference": within(0, difference, 2 * weight),
            "low": p0 - t0 == low - wraps * word,
        },
        then=[
            wraps == one_if(p0 < t0),
            within(0, over, 2),
            iff(difference >= weight, either(over > 0, low >= weight)),
            difference - weight == over * word + low - weight,
        ],
        canaries={
            "without the borrow": {
                "then": iff(difference >= weight, either(p1 - t1 > 0, low >= weight))
            },
            "without the bit": {"then": iff(difference >= weight, low >= weight)},
            "for a weight of two words": {"word": [weight < 2 * word, *digits(word, p0, t0, low)]},
        },
        hints=[
            a_smaller_product_has_a_smaller_factor(wraps, 2, word),
            a_smaller_product_has_a_smaller_factor(-1, wraps, word),
            a_smaller_product_has_a_smaller_factor(over, 2, word),
            a_smaller_product_has_a_smaller_factor(-1, over, word),
        ],
    )


@lemma
def a_factor_fits_where_the_pool_is_below_the_weight(word, pool, weight, factor, cut):
    """With the word itself as the scale the factor is below it."""
    return Statement(
        given={
            "pool": within(0, pool, weight),
            "word": word >= 1,
            "factor": divides(word * pool, weight, factor, cut),
        },
        then=within(0, factor, word),
        canaries={"where the pool is the weight": {"pool": within(0, pool, weight + 1)}},
        hints=[
            a_product_grows_with_its_factor(pool + 1, weight, word),
            a_product_grows_with_its_factor(0, pool, word),
            a_smaller_product_has_a_smaller_factor(factor, word, weight),
            a_smaller_product_has_a_smaller_factor(-1, factor, weight),
        ],
    )


@lemma
def a_factor_fits_where_twice_the_pool_does(word, pool, weight, scale, factor, cut):
    """With a scale of at most twice the weight, as the first power of two above it is, the factor
    is at most twice the pool."""
    return Statement(
        given={
            "pool": [pool >= 0, 2 * pool < word],
            "scale": within(0, scale, 2 * weight + 1),
            "factor": divides(scale * pool, weight, factor, cut),
        },
        then=[within(0, factor, word), factor <= 2 * pool],
        canaries={
            "for a pool of half a word": {"pool": [pool >= 0, 2 * pool <= word]},
            "for a scale above twice the weight": {"scale": within(0, scale, 3 * weight)},
        },
        hints=[
            a_product_grows_with_its_factor(scale, 2 * weight, pool),
            a_product_grows_with_its_factor(0, scale, pool),
            a_smaller_product_has_a_smaller_factor(factor, 2 * pool + 1, weight),
            a_smaller_product_has_a_smaller_factor(-1, factor, weight),
        ],
    )


@lemma
def a_factor_is_not_below_the_pool(pool, weight, scale, factor, cut, w, share, rest):
    """With a scale that is not below the weight, and no share is above it."""
    return Statement(
        given={
            "pool": pool >= 0,
            "scale": scale >= weight,
            "factor": divides(scale * pool, weight, factor, cut),
            "w": w <= weight,
            "share": divides(pool * w, weight, share, rest),
        },
        then=[pool <= factor, share <= factor],
        canaries={
            "with any scale": {"scale": scale >= 1},
            "it is above it": {"then": pool < factor},
        },
        hints=[
            a_product_grows_with_its_factor(weight, scale, pool),
            a_smaller_product_has_a_smaller_factor(pool, factor + 1, weight),
            a_product_grows_with_its_factor(w, weight, pool),
            a_smaller_product_has_a_smaller_factor(share, pool + 1, weight),
        ],
    )


@lemma
def the_estimate_falls_short_by_w_at_most(pool, weight, w, scale, factor, cut, estimate, lost):
    """What an estimate leaves, in units of weight / scale, is at least its fraction, the rest of
    its own division, and at most w more."""
    return Statement(
        given={
            "factor": divides(scale * pool, weight, factor, cut),
            "estimate": w * factor == estimate * scale + lost,
            "w": w >= 0,
        },
        then=[
            scale * (pool * w - estimate * weight) == lost * weight + w * cut,
            within(0, w * cut, w * weight + 1),
        ],
        canaries={
            "it leaves its fraction": {
                "then": scale * (pool * w - estimate * weight) == lost * weight
            },
        },
        hints=[
            equal_numbers_have_equal_multiples(scale * pool, factor * weight + cut, w),
            equal_numbers_have_equal_multiples(w * factor, estimate * scale + lost, weight),
            a_product_grows_with_its_factor(0, cut, w),
            a_product_grows_with_its_factor(cut, weight, w),
        ],
    )


@lemma
def a_fraction_that_reaches_no_integer_tells_the_share(base, weight, wh, wl, f, g, short, left):
    """The fraction has the upper limb f, and is less than w.hi + 2 of that limb's units too small.
    Where that stays below an integer, what the estimate leaves is below the weight: it is the
    share."""
    w, lost = wh * base + wl, f * base + g
    return Statement(
        given={
            "limbs": [base >= 2, wh >= 0, *digits(base, wl, f, g)],
            "left": base * base * left == lost * weight + short,
            "short": within(0, short, w * weight + 1),
            "weight": weight >= 1,
            "margin": f + wh + 2 <= base,
        },
        then=within(0, left, weight),
        canaries={
            "for a margin less by one": {"margin": f + wh + 1 <= base},
            "for a weight of which only the lower limb is looked at": {"margin": f + 2 <= base},
        },
        hints=[
            a_product_grows_with_its_factor(f + wh + 2, base, base),
            a_product_grows_with_its_factor(0, lost, weight),
            a_product_grows_with_its_factor(0, f, base),
            a_product_grows_with_its_factor(lost + w + 1, base * base, weight),
            a_smaller_product_has_a_smaller_factor(left, weight, base * base),
            a_smaller_product_has_a_smaller_factor(-1, left, base * base),
        ],
    )


@hint
def the_fraction_bounds_the_shifted_remainder(base, weight, by, top, v0, wh, wl, f, g, short, left):
    """The same in the weight's own units: left * by is at least f * top, and below
    (f + w.hi + 2) * (top + 1)."""
    w, lost, shifted = wh * base + wl, f * base + g, top * base + v0
    word = base * base
    return Statement(
        given={
            "limbs": [base >= 2, wh >= 0, top >= 1, *digits(base, wl, f, g, v0)],
            "left": word * left == lost * weight + short,
            "short": within(0, short, w * weight + 1),
            "shift": [by >= 1, weight * by == shifted],
        },
        then=within(f * top, left * by, (f + wh + 2) * (top + 1)),
        canaries={
            "without the weight's upper limb": {
                "then": within(f * top, left * by, (f + 2) * (top + 1))
            },
            "for the weight not shifted": {"shift": [by >= 1, weight == shifted]},
        },
        hints=[
            equal_numbers_have_equal_multiples(word * left, lost * weight + short, by),
            equal_numbers_have_equal_multiples(weight * by, shifted, lost),
            equal_numbers_have_equal_multiples(weight * by, shifted, w),
            a_product_grows_with_its_factor(0, short, by),
            a_product_grows_with_its_factor(short, w * weight, by),
            # f * top * word <= lost * shifted
            a_product_grows_with_its_factor(0, f, base),
            a_product_grows_with_its_factor(f * base, lost, shifted),
            a_product_grows_with_its_factor(0, v0, f * base),
            a_smaller_product_has_a_smaller_factor(f * top - 1, left * by, word),
            # (lost + w) * shifted < (f + wh + 2) * base * (top + 1) * base
            a_product_grows_with_its_factor(0, wh, base),
            a_product_grows_with_its_factor(lost + w, (f + wh + 2) * base - 1, shifted),
            a_product_grows_with_its_factor(shifted + 1, (top + 1) * base, (f + wh + 2) * base),
            a_smaller_product_has_a_smaller_factor(left * by, (f + wh + 2) * (top + 1), word),
        ],
    )


@lemma
def the_fraction_tells_the_remainders_upper_limb(
    base, weight, by, top, v0, wh, wl, f, g, short, left, x, x0, y, y0
):
    """Of remainder * 2^shift the upper limb is at least floor(f * top / base), where top is that
    of weight * 2^shift, and below that and w.hi + 4."""
    w, lost, shifted = wh * base + wl, f * base + g, top * base + v0
    return Statement(
        given={
            "limbs": [base >= 2, wh >= 0, top >= 1, *digits(base, wl, f, g, v0, top)],
            "left": base * base * left == lost * weight + short,
            "short": within(0, short, w * weight + 1),
            "shift": [by >= 1, weight * by == shifted],
            "guess": divides(f * top, base, x, x0),
            "limb": divides(left * by, base, y, y0),
        },
        then=[x <= y, y < x + wh + 4],
        canaries={
            "it is that": {"then": x == y},
            "below that and w.hi + 2": {"then": y < x + wh + 2},
        },
        hints=[
            the_fraction_bounds_the_shifted_remainder(
                base, weight, by, top, v0, wh, wl, f, g, short, left
            ),
            a_smaller_product_has_a_smaller_factor(x, y + 1, base),
            a_product_grows_with_its_factor(top + 1, base, wh + 2),
            a_smaller_product_has_a_smaller_factor(y, x + wh + 4, base),
        ],
    )


@lemma
def equal_digits_hold_all_between(bucket, count, margin, x, y, digit, inside, wraps, total, last):
    """x and x + margin, cut to a limb, with the same first digit: so has every y from x to below
    x + margin, if margin leaves a digit's width of the limb."""
    base = bucket * count
    return Statement(
        given={
            "margin": [margin >= 1, margin + bucket <= base],
            "first": divides(x, bucket, digit, inside),
            "last": [x + margin == wraps * base + total, within(0, total, base)],
            "same": divides(total, bucket, digit, last),
            "y": within(x, y, x + margin),
        },
        then=within(digit * bucket, y, (digit + 1) * bucket),
        canaries={
            "for a margin of all but one": {"margin": [margin >= 1, margin < base]},
        },
        hints=[
            # The sum does not wrap: two numbers with one digit are less than a bucket apart.
            a_smaller_product_has_a_smaller_factor(wraps, 1, base),
            a_smaller_product_has_a_smaller_factor(-1, wraps, base),
            equal_numbers_have_equal_multiples(wraps, 0, base),
        ],
    )
