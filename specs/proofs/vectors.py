"""The share in limbs of 52 bits, of which several products are added before any carry.

A limb has the base `limb`, all limbs of a weight together hold below `whole`, and everything is
scaled by 2^shift.
"""

from __future__ import annotations

from inequalities import (
    a_product_grows_with_its_factor,
    a_smaller_product_has_a_smaller_factor,
    equal_numbers_have_equal_multiples,
)
from lemma import Statement, divides, iff, lemma, within


@lemma
def sums_of_few_halves_need_no_carry(limb, word, most, count, total, half):
    """As many halves of products, each below a limb, as a word is limbs, add up below the word."""
    return Statement(
        given={
            "width": [limb >= 1, most * limb <= word],
            "before": [within(0, count, most), within(0, total, count * (limb - 1) + 1)],
            "half": within(0, half, limb),
        },
        then=[
            within(0, total + half, (count + 1) * (limb - 1) + 1),
            total + half < word,
        ],
        canaries={
            "one more than that": {
                "before": [
                    within(0, count, most + 2),
                    within(0, total, count * (limb - 1) + 1),
                ]
            },
        },
        hints=[a_product_grows_with_its_factor(count + 1, most, limb)],
    )


@lemma
def a_carry_passed_on_keeps_the_value(limb, upper, lower, over, kept):
    """What a limb has above its width is added to the next one, and the number stays the same."""
    return Statement(
        given={"cut": divides(lower, limb, over, kept)},
        then=upper * limb + lower == (upper + over) * limb + kept,
        canaries={"or lost": {"then": upper * limb + lower == upper * limb + kept}},
    )


@lemma
def a_part_below_the_lowest_limb_changes_no_quotient(limb, whole, rest, low, quotient, left):
    """What is below the first limb and carries nothing may be left out of a number that is cut at a
    later limb."""
    return Statement(
        given={
            "low": within(0, low, limb),
            "quotient": divides(rest, whole, quotient, left),
        },
        then=divides(rest * limb + low, whole * limb, quotient, left * limb + low),
        canaries={
            "also what carries": {"low": within(0, low, limb + 1)},
        },
        hints=[
            equal_numbers_have_equal_multiples(rest, quotient * whole + left, limb),
            a_product_grows_with_its_factor(left + 1, whole, limb),
            a_product_grows_with_its_factor(0, left, limb),
        ],
    )


@lemma
def twice_the_scaled_weight_fits_in_its_limbs(weight, power, by, whole):
    """A weight below 2^bits, scaled so that 2^(bits + 1) is all of its limbs: twice it fits."""
    return Statement(
        given={
            "weight": within(1, weight, power),
            "scale": [by >= 1, 2 * power * by == whole],
        },
        then=2 * (weight * by) < whole,
        canaries={
            "scaled by a bit more": {"scale": [by >= 1, power * by == whole]},
        },
        hints=[a_product_grows_with_its_factor(weight + 1, power, by)],
    )


@lemma
def adding_the_opposite_subtracts(whole, scaled, opposite, estimate, number, wraps, rest):
    """number + estimate * opposite is number - estimate * weight, cut to whole limbs."""
    return Statement(
        given={
            "opposite": opposite == whole - scaled,
            "rest": [
                number + estimate * opposite == wraps * whole + rest,
                within(0, rest, whole),
            ],
            "true": within(0, number - estimate * scaled, whole),
        },
        then=rest == number - estimate * scaled,
        canaries={
            "for the complement alone": {"opposite": opposite == whole - 1 - scaled},
            "where that is below 0": {"true": within(-1, number - estimate * scaled, whole)},
        },
        hints=[
            a_smaller_product_has_a_smaller_factor(wraps - estimate, 1, whole),
            a_smaller_product_has_a_smaller_factor(-1, wraps - estimate, whole),
            equal_numbers_have_equal_multiples(wraps, estimate, whole),
        ],
    )


@lemma
def the_opposite_carries_where_the_rest_is_not_below(whole, scaled, opposite, rest, carry, kept):
    """Adding the opposite to a rest below twice the weight carries out of the last limb exactly
    where the rest is not below the weight, and leaves the rest less the weight there."""
    return Statement(
        given={
            "opposite": opposite == whole - scaled,
            "weight": within(1, scaled, whole + 1),
            "rest": within(0, rest, 2 * scaled),
            "sum": divides(rest + opposite, whole, carry, kept),
        },
        then=[
            iff(carry >= 1, rest >= scaled),
            iff(carry == 1, [rest >= scaled, kept == rest - scaled]),
            within(0, carry, 2),
        ],
        canaries={
            "where it is above it": {"then": iff(carry >= 1, rest > scaled)},
            "for the complement alone": {"opposite": opposite == whole - 1 - scaled},
        },
        hints=[
            a_smaller_product_has_a_smaller_factor(carry, 2, whole),
            a_smaller_product_has_a_smaller_factor(carry, 1, whole).when(rest < scaled),
            a_smaller_product_has_a_smaller_factor(0, carry, whole).when(rest >= scaled),
            a_smaller_product_has_a_smaller_factor(-1, carry, whole),
        ],
    )


@lemma
def complements_and_one_make_the_opposite(lower, limb, low, opposite, carry, digit, over, kept):
    """Limb by limb: the complement of each and, from the lowest on, 1 that is carried. `low` is
    what was taken so far, below `lower`."""
    return Statement(
        given={
            "so far": [carry * lower + opposite == lower - low, within(0, carry, 2)],
            "limb": [limb >= 2, within(0, digit, limb)],
            "next": divides(limb - 1 - digit + carry, limb, over, kept),
        },
        then=[
            over * (limb * lower) + kept * lower + opposite == limb * lower - (digit * lower + low),
            within(0, over, 2),
        ],
        canaries={
            "without the carry": {"next": divides(limb - 1 - digit, limb, over, kept)},
        },
        hints=[
            equal_numbers_have_equal_multiples(limb - 1 - digit + carry, over * limb + kept, lower),
            a_smaller_product_has_a_smaller_factor(over, 2, limb),
            a_smaller_product_has_a_smaller_factor(-1, over, limb),
        ],
    )


@lemma
def a_scaled_weight_is_cut_at_the_limb(by, rest, extra, hi, lo, above, below):
    """(hi * 2^64 + lo) * 2^shift: the first limb is lo * 2^shift, and what follows is that of hi
    and the bits of lo that left, which do not meet. Here 2^64 is limb * extra."""
    limb = by * rest
    base = limb * extra
    return Statement(
        given={
            "width": [by >= 1, rest >= 1, extra >= 1],
            "low": [divides(lo, rest, above, below), within(0, lo, base)],
        },
        then=[
            (hi * base + lo) * by == (hi * (extra * by) + above) * limb + below * by,
            within(0, below * by, limb),
            within(0, above, extra * by),
        ],
        canaries={
            "the bits that left are lost": {
                "then": (hi * base + lo) * by == hi * (extra * by) * limb + below * by
            },
        },
        hints=[
            equal_numbers_have_equal_multiples(lo, above * rest + below, by),
            a_product_grows_with_its_factor(below + 1, rest, by),
            a_product_grows_with_its_factor(0, below, by),
            a_smaller_product_has_a_smaller_factor(above, extra * by, rest),
            a_smaller_product_has_a_smaller_factor(-1, above, rest),
        ],
    )
