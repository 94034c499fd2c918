"""Issuance: a rate of each fee, and the residue that fees hand on to each other.

A rate is rate / scale, and fee * rate = quotient * scale + part.
"""

from __future__ import annotations

from inequalities import (
    a_product_grows_with_its_factor,
    a_smaller_product_has_a_smaller_factor,
    equal_numbers_have_equal_multiples,
)
from lemma import Statement, digits, divides, either, iff, lemma, within


@lemma
def a_factor_is_at_most_the_word(word, rate, scale, factor, cut):
    """floor(word * rate / scale) is at most the word, for a rate of at most 1."""
    return Statement(
        given={
            "rate": within(0, rate, scale + 1),
            "word": word >= 1,
            "factor": divides(word * rate, scale, factor, cut),
        },
        then=within(0, factor, word + 1),
        canaries={"it is below it": {"then": within(0, factor, word)}},
        hints=[
            a_product_grows_with_its_factor(rate, scale, word),
            a_product_grows_with_its_factor(0, rate, word),
            a_smaller_product_has_a_smaller_factor(factor, word + 1, scale),
            a_smaller_product_has_a_smaller_factor(-1, factor, scale),
        ],
    )


@lemma
def a_residue_carries_one_at_most(scale, limb, residue, part, carry, kept):
    """A residue and a part below the scale fit in a limb together, and make one unit exactly where
    they reach the scale."""
    return Statement(
        given={
            "scale": 2 * scale <= limb,
            "parts": digits(scale, residue, part),
            "sum": divides(residue + part, scale, carry, kept),
        },
        then=[
            residue + part < limb,
            within(0, carry, 2),
            iff(carry == 1, residue + part >= scale),
            either(carry == 1, kept == residue + part),
            either(carry == 0, kept == residue + part - scale),
        ],
        canaries={
            "where they are above it": {"then": iff(carry == 1, residue + part > scale)},
            "for a scale of more than half a limb": {"scale": 2 * scale <= limb + 2},
        },
        hints=[
            a_smaller_product_has_a_smaller_factor(carry, 2, scale),
            a_smaller_product_has_a_smaller_factor(-1, carry, scale),
        ],
    )


@lemma
def quotient_and_carry_make_what_is_issued(
    scale, fee, rate, residue, quotient, part, carry, kept, raw, left
):
    """The quotient of a fee alone and what its part adds to the residue make
    (residue + fee * rate) div scale, and its mod: fees can be divided in any order."""
    return Statement(
        given={
            "fee": fee * rate == quotient * scale + part,
            "sum": divides(residue + part, scale, carry, kept),
            "whole": divides(residue + fee * rate, scale, raw, left),
        },
        then=[raw == quotient + carry, left == kept],
        canaries={"without the carry": {"then": raw == quotient}},
        hints=[
            a_smaller_product_has_a_smaller_factor(raw - quotient - carry, 1, scale),
            a_smaller_product_has_a_smaller_factor(-1, raw - quotient - carry, scale),
            equal_numbers_have_equal_multiples(raw - quotient - carry, 0, scale),
        ],
    )


@lemma
def one_more_fee_keeps_the_account(
    scale, start, accrued, issued, withheld, residue, fee, rate, raw, kept, amount
):
    """scale * (issued + withheld) + residue is the first residue and rate * fee of every fee, also
    where the cap withholds a part of one."""
    return Statement(
        given={
            "before": scale * (issued + withheld) + residue == start + accrued,
            "fee": residue + fee * rate == raw * scale + kept,
        },
        then=scale * ((issued + amount) + (withheld + raw - amount)) + kept
        == start + (accrued + fee * rate),
        canaries={
            "what is withheld is lost": {
                "then": scale * ((issued + amount) + withheld) + kept
                == start + (accrued + fee * rate)
            },
        },
        hints=[equal_numbers_have_equal_multiples(residue + fee * rate, raw * scale + kept, 1)],
    )


@lemma
def no_fee_issues_more_than_itself(scale, fee, rate, residue, raw, kept):
    """For a rate of at most 1 and a residue below one unit."""
    return Statement(
        given={
            "rate": [rate <= scale, fee >= 0],
            "residue": within(0, residue, scale),
            "fee": divides(residue + fee * rate, scale, raw, kept),
        },
        then=raw <= fee,
        canaries={
            "for a residue of one unit": {"residue": within(0, residue, scale + 1)},
            "or less": {"then": raw < fee},
        },
        hints=[
            a_product_grows_with_its_factor(rate, scale, fee),
            a_smaller_product_has_a_smaller_factor(raw, fee + 1, scale),
        ],
    )
