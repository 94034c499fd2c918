"""Sums over many rows: in half limbs, without carries, and in any order."""

from __future__ import annotations

from inequalities import (
    a_product_grows_with_its_factor,
    equal_numbers_have_equal_multiples,
)
from lemma import Statement, digits, divides, either, iff, lemma, within


@lemma
def half_limbs_sum_within_a_limb(half, count, total, value):
    """As many half limbs as half a limb can be sum to less than a limb."""
    return Statement(
        given={
            "before": [half >= 2, count >= 0, within(0, total, count * (half - 1) + 1)],
            "value": within(0, value, half),
            "count": count + 1 <= half,
        },
        then=[
            within(0, total + value, (count + 1) * (half - 1) + 1),
            total + value < half * half,
        ],
        canaries={
            "two more than that": {"count": count + 1 <= half + 2},
            "for a value of half a limb and more": {"value": within(0, value, half * half)},
        },
        hints=[a_product_grows_with_its_factor(count + 1, half, half - 1)],
    )


@lemma
def sums_of_halves_make_the_sum(half, s0, s1, s2, s3, total, h1, h0, l1, l0):
    """The four sums of half limbs, each in its place, are the sum of the values: so with one value
    more."""
    base = half * half
    value = (h1 * half + h0) * base + l1 * half + l0
    return Statement(
        given={"before": total == s0 + s2 * half + (s1 + s3 * half) * base},
        then=total + value == (s0 + l0) + (s2 + l1) * half + ((s1 + h0) + (s3 + h1) * half) * base,
        canaries={
            "in another's place": {
                "then": total + value
                == (s0 + l0) + (s2 + h0) * half + ((s1 + l1) + (s3 + h1) * half) * base
            },
        },
    )


@lemma
def a_sum_of_upper_halves_is_two_limbs(half, upper, lower, u1, u0, carry, low):
    """A sum of upper halves, shifted up by half a limb and cut into two limbs, plus that of the
    lower halves never carries out of two limbs."""
    base = half * half
    return Statement(
        given={
            "sums": [half >= 2, *digits(base, upper, lower)],
            "halves": divides(upper, half, u1, u0),
            "sum": [
                u1 * base + u0 * half + lower == carry * (base * base) + low,
                within(0, low, base * base),
            ],
        },
        then=[u1 * base + u0 * half == upper * half, carry == 0],
        canaries={
            "the sum fits in a limb": {"then": low < base},
            "shifted by a whole limb": {"then": u1 * base + u0 * half == upper * base},
        },
        hints=[
            equal_numbers_have_equal_multiples(upper, u1 * half + u0, half),
            a_product_grows_with_its_factor(upper + 1, base, half),
            a_product_grows_with_its_factor(0, upper, half),
            a_product_grows_with_its_factor(half + 1, base, base),
            a_product_grows_with_its_factor(base * base, carry * (base * base), 1).when(carry >= 1),
            a_product_grows_with_its_factor(1, carry, base * base).when(carry >= 1),
            a_product_grows_with_its_factor(carry, -1, base * base).when(carry <= -1),
        ],
    )


@lemma
def carries_counted_apart_lose_nothing(word, high, low, value, carry, kept, total):
    """A total as high * word + low: adding a value to low and the carry to high adds the value."""
    return Statement(
        given={
            "before": total == high * word + low,
            "sum": low + value == carry * word + kept,
        },
        then=total + value == (high + carry) * word + kept,
        canaries={"or the carry lost": {"then": total + value == high * word + kept}},
    )


@lemma
def a_join_by_or_is_no_smaller(a, x, b, y, joined, bit):
    """Bit by bit from the top: where x OR y is no smaller than x so far, it is not with the next
    bit."""
    return Statement(
        given={
            "so far": joined >= x,
            "bits": [*digits(2, a, b, bit), iff(bit == 1, either(a == 1, b == 1))],
        },
        then=2 * joined + bit >= 2 * x + a,
        canaries={
            "nor than both together": {"then": 2 * joined + bit >= 2 * x + a + 2 * y + b},
            "by AND": {"bits": [*digits(2, a, b, bit), iff(bit == 1, [a == 1, b == 1])]},
        },
    )


@lemma
def the_lower_key_has_the_lower_seq(seq, choice, other_seq, other_choice):
    """Of seq * 4 + choice the lowest belongs to the lowest seq, whatever the choices are."""
    return Statement(
        given={
            "choices": digits(4, choice, other_choice),
            "seqs": either(seq < other_seq, seq > other_seq),
        },
        then=iff(seq * 4 + choice < other_seq * 4 + other_choice, seq < other_seq),
        canaries={
            "for five choices": {"choices": digits(5, choice, other_choice)},
            "of equal seqs": {"seqs": seq <= other_seq},
        },
    )
