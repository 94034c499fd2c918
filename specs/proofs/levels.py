"""Water-filling: where the water stands, and which rows are above their caps there.

A row of weight w exceeds its cap at a pool and a weight where pool * w > cap * weight.
"""

from __future__ import annotations

from inequalities import (
    a_product_grows_with_its_factor,
    a_smaller_product_has_a_smaller_factor,
    equal_numbers_have_equal_multiples,
)
from lemma import Statement, divides, either, iff, lemma


@lemma
def a_threshold_tells_who_exceeds_a_common_cap(pool, weight, cap, w, threshold, rest):
    """A row exceeds the common cap exactly where its weight is above floor(cap * weight / pool)."""
    return Statement(
        given={"threshold": divides(cap * weight, pool, threshold, rest)},
        then=iff(pool * w > cap * weight, w > threshold),
        canaries={
            "or where it is that": {"then": iff(pool * w > cap * weight, w >= threshold)},
            "for a threshold rounded up": {
                "threshold": [cap * weight == threshold * pool - rest, rest >= 0, rest < pool]
            },
        },
        hints=[
            a_product_grows_with_its_factor(threshold + 1, w, pool).when(w > threshold),
            a_product_grows_with_its_factor(w, threshold, pool).when(w <= threshold),
        ],
    )


@lemma
def where_no_threshold_fits_no_row_exceeds(word, pool, weight, cap, w, threshold, rest):
    """A pool of 0 and a threshold above every weight leave no row above the common cap."""
    return Statement(
        given={
            "weights": [w >= 0, w < word, weight >= 0, cap >= 0, pool >= 0],
            "threshold": either(
                pool == 0, [threshold >= word, *divides(cap * weight, pool, threshold, rest)]
            ),
        },
        then=pool * w <= cap * weight,
        canaries={
            "for a threshold that is no weight's bound": {
                "threshold": divides(cap * weight, pool, threshold, rest)
            },
        },
        hints=[
            equal_numbers_have_equal_multiples(pool, 0, w).when(pool == 0),
            a_product_grows_with_its_factor(0, cap, weight),
            a_product_grows_with_its_factor(w, threshold, pool).when(pool > 0),
        ],
    )


@lemma
def share_and_rest_tell_who_exceeds(pool, weight, cap, w, share, rest):
    """A row exceeds its cap exactly where its share, rounded down, is above it, or is the cap and
    leaves a rest."""
    return Statement(
        given={"share": divides(pool * w, weight, share, rest)},
        then=iff(pool * w > cap * weight, either(share > cap, [share == cap, rest > 0])),
        canaries={
            "by the share alone": {"then": iff(pool * w > cap * weight, share > cap)},
            "where the share is the cap": {"then": iff(pool * w > cap * weight, share >= cap)},
        },
        hints=[
            a_product_grows_with_its_factor(cap + 1, share, weight).when(share > cap),
            a_product_grows_with_its_factor(share + 1, cap, weight).when(share < cap),
            equal_numbers_have_equal_multiples(share, cap, weight).when(share == cap),
        ],
    )


@lemma
def rows_that_leave_raise_the_level(pool, weight, caps, weights):
    """What is left of pool and weight when rows above their caps leave, with these sums of caps and
    weights: per unit of weight it is not less than before, and more than nothing."""
    return Statement(
        given={
            "level": [pool >= 0, weight > 0, caps >= 0],
            "leave": pool * weights > caps * weight,
            "stay": [weights >= 0, weights < weight],
        },
        then=[(pool - caps) * weight > pool * (weight - weights), pool - caps > 0],
        canaries={
            "where they take their share or more": {"leave": pool * weights <= caps * weight},
            "and twice as much": {"then": (pool - caps) * weight > 2 * pool * (weight - weights)},
        },
        hints=[
            a_product_grows_with_its_factor(weights, weight, pool),
            a_smaller_product_has_a_smaller_factor(caps, pool, weight),
        ],
    )


@lemma
def sums_of_rows_that_exceed_exceed(pool, weight, caps, weights, cap, w):
    """Rows that exceed their caps do so together, so that they can leave at once."""
    return Statement(
        given={"rows": pool * weights > caps * weight, "row": pool * w > cap * weight},
        then=pool * (weights + w) > (caps + cap) * weight,
        canaries={"with a row that does not": {"row": pool * w <= cap * weight}},
    )


@lemma
def a_capped_row_stays_capped(pool, weight, cap, w, later_pool, later_weight):
    """A row above its cap at one level is so at every higher one."""
    return Statement(
        given={
            "weights": [weight > 0, later_weight > 0, w >= 0],
            "rises": later_pool * weight >= pool * later_weight,
            "capped": pool * w > cap * weight,
        },
        then=later_pool * w > cap * later_weight,
        canaries={
            "where the level sinks": {"rises": later_pool * weight >= pool * later_weight - 1},
            "also of a row at its cap": {"capped": pool * w >= cap * weight},
        },
        hints=[
            # weight * (later_pool * w) >= w * (pool * later_weight) > cap * weight * later_weight
            a_product_grows_with_its_factor(pool * later_weight, later_pool * weight, w),
            a_product_grows_with_its_factor(cap * weight + 1, pool * w, later_weight),
            a_smaller_product_has_a_smaller_factor(cap * later_weight, later_pool * w, weight),
        ],
    )


@lemma
def a_row_that_shares_is_part_of_the_weight(weight, w, others):
    """A row whose weight is above the one that is shared is not among those that share."""
    return Statement(
        given={"part": [weight == w + others, others >= 0]},
        then=w <= weight,
        canaries={"or as heavy": {"then": w < weight}},
    )


@lemma
def rows_after_one_that_fits_fit(pool, weight, cap, w, later_cap, later_w):
    """In the order of cap / weight, no row after one within its cap exceeds its own."""
    return Statement(
        given={
            "weights": [w > 0, later_w > 0, weight >= 0],
            "order": cap * later_w <= later_cap * w,
            "fits": pool * w <= cap * weight,
        },
        then=pool * later_w <= later_cap * weight,
        canaries={
            "in any order": {"order": cap * later_w >= later_cap * w},
            "after one that exceeds": {"fits": pool * w <= cap * weight + 1},
        },
        hints=[
            a_product_grows_with_its_factor(pool * w, cap * weight, later_w),
            a_product_grows_with_its_factor(cap * later_w, later_cap * w, weight),
            a_smaller_product_has_a_smaller_factor(later_cap * weight, pool * later_w, w).when(
                pool * later_w > later_cap * weight
            ),
        ],
    )


@lemma
def cross_multiplication_orders_caps(cap_a, a, cap_b, b, cap_c, c):
    """cap / weight, compared by products, is an order: what is not later than what is not later is
    not later."""
    return Statement(
        given={
            "weights": [a > 0, b > 0, c > 0],
            "first": cap_a * b <= cap_b * a,
            "second": cap_b * c <= cap_c * b,
        },
        then=cap_a * c <= cap_c * a,
        canaries={"with a weight of 0": {"weights": [a >= 0, b >= 0, c >= 0]}},
        hints=[
            a_product_grows_with_its_factor(cap_a * b, cap_b * a, c),
            a_product_grows_with_its_factor(cap_b * c, cap_c * b, a),
            a_smaller_product_has_a_smaller_factor(cap_c * a, cap_a * c, b).when(
                cap_a * c > cap_c * a
            ),
        ],
    )
