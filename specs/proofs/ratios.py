"""Scores: ratios of counts over a common denominator, divided once."""

from __future__ import annotations

from inequalities import (
    a_product_grows_with_its_factor,
    a_product_of_bounded_factors_is_bounded,
    a_smaller_product_has_a_smaller_factor,
)
from lemma import Statement, digits, divides, iff, lemma, within


@lemma
def three_counts_and_the_scale_fit_in_three_limbs(half, a, b, c, scale):
    """Two counts of half a limb multiply to a limb, three to a limb and a half, and the scale times
    that to three limbs."""
    limb = half * half
    return Statement(
        given={"counts": [half >= 2, *digits(half, a, b, c)], "scale": within(0, scale, limb)},
        then=[
            within(0, a * b, limb),
            within(0, a * b * c, limb * half),
            within(0, scale * (a * b * c), limb * limb * half),
        ],
        canaries={
            "in two limbs": {"then": scale * (a * b * c) < limb * limb},
            "for a count of half a limb and more": {
                "counts": [half >= 2, *digits(half, b, c), within(0, a, half + 3)]
            },
        },
        hints=[
            a_product_of_bounded_factors_is_bounded(a, half - 1, b, half - 1),
            a_product_of_bounded_factors_is_bounded(a * b, limb - 1, c, half - 1),
            a_product_grows_with_its_factor(half, limb, half),
            a_product_of_bounded_factors_is_bounded(scale, limb - 1, a * b * c, limb * half - 1),
        ],
    )


@lemma
def ratios_multiply_to_one_at_most(na, da, nb, db, nc, dc):
    """The product of the numerators is at most that of the denominators."""
    return Statement(
        given={"ratios": [within(0, n, d + 1) for n, d in ((na, da), (nb, db), (nc, dc))]},
        then=within(0, na * nb * nc, da * db * dc + 1),
        canaries={
            "it is below it": {"then": na * nb * nc < da * db * dc},
            "for a ratio above 1": {
                "ratios": [within(0, n, d + 1) for n, d in ((na - 1, da), (nb, db), (nc, dc))]
            },
        },
        hints=[
            a_product_of_bounded_factors_is_bounded(na, da, nb, db),
            a_product_of_bounded_factors_is_bounded(na * nb, da * db, nc, dc),
        ],
    )


@lemma
def a_quotient_of_a_limb_is_one_step(limb, scale, n, d, quotient, rest, high, low):
    """A dividend of at most the scale times the divisor: its quotient is at most the scale, which
    is a limb, and what it has above its lowest limb is below the divisor."""
    return Statement(
        given={
            "dividend": within(0, n, scale * d + 1),
            "scale": scale < limb,
            "division": divides(n, d, quotient, rest),
            "limbs": divides(n, limb, high, low),
        },
        then=[within(0, quotient, scale + 1), within(0, high, d)],
        canaries={
            "it is below the scale": {"then": quotient < scale},
            "for a scale of a whole limb": {"scale": scale <= limb},
        },
        hints=[
            a_smaller_product_has_a_smaller_factor(quotient, scale + 1, d),
            a_smaller_product_has_a_smaller_factor(-1, quotient, d),
            a_product_grows_with_its_factor(scale + 1, limb, d),
            a_smaller_product_has_a_smaller_factor(high, d, limb),
            a_smaller_product_has_a_smaller_factor(-1, high, limb),
        ],
    )


@lemma
def parts_of_a_weighted_sum_fit(half, w0, w1, w2, na, da, nb, db, nc, dc):
    """Weights that sum to the scale: the sum over the common denominator is at most the scale times
    it, and its first two parts over theirs fit in two limbs."""
    limb, scale = half * half, w0 + w1 + w2
    parts = w0 * na * db + w1 * nb * da
    whole = parts * dc + w2 * nc * (da * db)
    return Statement(
        given={
            "ratios": [
                half >= 2,
                *digits(half, da, db, dc),
                within(0, na, da + 1),
                within(0, nb, db + 1),
                within(0, nc, dc + 1),
            ],
            "weights": [w0 >= 0, w1 >= 0, w2 >= 0, scale < limb],
        },
        then=[
            within(0, parts, (w0 + w1) * (da * db) + 1),
            parts < limb * limb,
            within(0, whole, scale * (da * db * dc) + 1),
        ],
        canaries={
            "the sum is below it": {"then": whole < scale * (da * db * dc)},
            "the parts over the common denominator fit": {"then": parts * dc < limb * limb},
        },
        hints=[
            a_product_of_bounded_factors_is_bounded(na, da, db, db),
            a_product_of_bounded_factors_is_bounded(nb, db, da, da),
            a_product_of_bounded_factors_is_bounded(w0, w0, na * db, da * db),
            a_product_of_bounded_factors_is_bounded(w1, w1, nb * da, da * db),
            a_product_of_bounded_factors_is_bounded(da, half - 1, db, half - 1),
            a_product_of_bounded_factors_is_bounded(w0 + w1, limb - 1, da * db, limb - 1),
            a_product_of_bounded_factors_is_bounded(parts, (w0 + w1) * (da * db), dc, dc),
            a_product_of_bounded_factors_is_bounded(nc, dc, da * db, da * db),
            a_product_of_bounded_factors_is_bounded(w2, w2, nc * (da * db), dc * (da * db)),
        ],
    )


@lemma
def a_weighted_sum_over_the_common_denominator(w0, w1, w2, na, da, nb, db, nc, dc):
    """Each part over its own denominator, times the others', sums to the weighted sum."""
    whole = (w0 * na * db + w1 * nb * da) * dc + w2 * nc * (da * db)
    return Statement(
        given={},
        then=whole == w0 * na * (db * dc) + w1 * nb * (da * dc) + w2 * nc * (da * db),
        canaries={
            "without the third denominator": {
                "then": whole == w0 * na * db + w1 * nb * da + w2 * nc * (da * db)
            },
        },
    )


@lemma
def a_least_ratio_is_compared_by_products(scale, n, d, least, floor, rest):
    """n / d is below least / scale exactly where n * scale < least * d, and so is n below least * d
    over the scale rounded up; nothing is divided."""
    return Statement(
        given={
            "needed": [least * d == floor * scale - rest, within(0, rest, scale)],
        },
        then=iff(n * scale < least * d, n < floor),
        canaries={
            "or where they are equal": {"then": iff(n * scale <= least * d, n < floor)},
            "rounded down": {"needed": divides(least * d, scale, floor, rest)},
        },
        hints=[
            a_product_grows_with_its_factor(n + 1, floor, scale).when(n < floor),
            a_product_grows_with_its_factor(floor, n, scale).when(n >= floor),
        ],
    )
