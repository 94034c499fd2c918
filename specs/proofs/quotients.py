"""Division by a number of limbs (Knuth, The Art of Computer Programming 2, 4.3.1, algorithm D), and
rounding.

A step divides n = rest * base + next by the divisor d = d1 * base + d0, for a rest below d. The
digit is first estimated by d1 alone.
"""

from __future__ import annotations

from inequalities import (
    a_division_has_one_quotient,
    a_product_grows_with_its_factor,
    a_product_of_bounded_factors_is_bounded,
    a_smaller_product_has_a_smaller_factor,
    equal_numbers_have_equal_multiples,
)
from lemma import Statement, digits, divides, iff, lemma, one_if, within


@lemma
def a_digit_is_below_the_base(base, d, rest, following, digit, left):
    """Where the rest is below the divisor, the quotient is one digit."""
    return Statement(
        given={
            "rest": [base >= 1, within(0, rest, d), within(0, following, base)],
            "division": divides(rest * base + following, d, digit, left),
        },
        then=within(0, digit, base),
        canaries={
            "where the rest is the divisor": {
                "rest": [base >= 1, within(0, rest, d + 1), within(0, following, base)]
            }
        },
        hints=[
            a_product_grows_with_its_factor(rest, d - 1, base),
            a_product_grows_with_its_factor(0, rest, base),
            a_smaller_product_has_a_smaller_factor(digit, base, d),
            a_smaller_product_has_a_smaller_factor(-1, digit, d),
        ],
    )


@lemma
def an_estimated_digit_is_not_too_small(base, d1, d0, rest, following, digit, estimate, left):
    """The rest divided by the divisor's upper limb is at least the digit."""
    d = d1 * base + d0
    n = rest * base + following
    return Statement(
        given={
            "limbs": [d1 >= 1, *digits(base, d0, following)],
            "estimate": divides(rest, d1, estimate, left),
            "digit": [digit >= 0, digit * d <= n],
        },
        then=digit <= estimate,
        canaries={
            "or larger": {"then": digit < estimate},
            "for a following limb that is too wide": {
                "limbs": [d1 >= 1, *digits(base, d0), within(0, following, base + 1)]
            },
        },
        hints=[
            a_product_grows_with_its_factor(0, d0, digit),
            a_smaller_product_has_a_smaller_factor(digit * d1, rest + 1, base),
            a_smaller_product_has_a_smaller_factor(digit, estimate + 1, d1),
        ],
    )


@lemma
def an_estimated_digit_is_two_too_large_at_most(
    base, d1, d0, rest, following, digit, estimate, left
):
    """An estimate below the base is the digit or at most two more, where the divisor's top bit is
    set."""
    d = d1 * base + d0
    n = rest * base + following
    return Statement(
        given={
            "limbs": [base >= 2, *digits(base, d0, following)],
            "normalised": 2 * d1 >= base,
            "estimate": [rest == estimate * d1 + left, left >= 0, within(0, estimate, base)],
            "digit": n < (digit + 1) * d,
        },
        then=estimate <= digit + 2,
        canaries={
            "one too large at most": {"then": estimate <= digit + 1},
            "where the divisor's top bit is not set": {"normalised": 3 * d1 >= base},
        },
        hints=[
            a_product_of_bounded_factors_is_bounded(estimate, base - 1, d0, base - 1),
            a_product_grows_with_its_factor(base, 2 * d1, base),
            a_product_grows_with_its_factor(0, left, base),
            equal_numbers_have_equal_multiples(rest, estimate * d1 + left, base),
            a_smaller_product_has_a_smaller_factor(estimate - digit - 1, 2, d),
        ],
    )


@lemma
def the_test_finds_a_digit_too_large(base, d1, d0, rest, following, estimate, left):
    """estimate * d0 > left * base + next exactly where estimate * d is above n."""
    return Statement(
        given={"estimate": rest == estimate * d1 + left},
        then=iff(
            estimate * d0 > left * base + following,
            estimate * (d1 * base + d0) > rest * base + following,
        ),
        canaries={
            "also where they are equal": {
                "then": iff(
                    estimate * d0 >= left * base + following,
                    estimate * (d1 * base + d0) > rest * base + following,
                )
            },
            "for a left that is one off": {"estimate": rest == estimate * d1 + left + 1},
        },
        hints=[equal_numbers_have_equal_multiples(rest, estimate * d1 + left, base)],
    )


@lemma
def above_a_limb_no_test_is_needed(base, d1, d0, rest, following, estimate, left):
    """Where what the estimate leaves is more than a limb, it is not too large."""
    return Statement(
        given={
            "limbs": [base >= 2, *digits(base, d0, estimate), following >= 0],
            "left": [rest == estimate * d1 + left, left >= base],
        },
        then=estimate * (d1 * base + d0) <= rest * base + following,
        canaries={
            "where it leaves two less": {"left": [rest == estimate * d1 + left, left >= base - 2]}
        },
        hints=[
            equal_numbers_have_equal_multiples(rest, estimate * d1 + left, base),
            a_product_grows_with_its_factor(base, left, base),
            a_product_of_bounded_factors_is_bounded(estimate, base - 1, d0, base - 1),
        ],
    )


@lemma
def an_estimate_above_a_limb_leaves_less_than_one(base, d1, d0, rest, estimate, left):
    """So the largest digit is tested too: the loop is not left before it."""
    return Statement(
        given={
            "limbs": [d1 >= 0, *digits(base, d0)],
            "rest": rest < d1 * base + d0,
            "estimate": [rest == estimate * d1 + left, estimate >= base],
        },
        then=left < base,
        canaries={
            "for an estimate that is a digit": {
                "estimate": [rest == estimate * d1 + left, estimate >= base - 1]
            }
        },
        hints=[a_product_grows_with_its_factor(base, estimate, d1)],
    )


@lemma
def the_largest_digit_is_estimated_where_upper_limbs_are_equal(base, d1, d0, hi, lo):
    """A rest below the divisor whose upper limb is not below the divisor's: these are equal, and
    the largest digit leaves the lower limb and one d1."""
    return Statement(
        given={
            "limbs": [base >= 2, *digits(base, d0, lo)],
            "rest": hi * base + lo < d1 * base + d0,
            "upper": hi >= d1,
        },
        then=hi * base + lo == (base - 1) * d1 + (lo + d1),
        canaries={
            "where the rest is the divisor": {"rest": hi * base + lo <= d1 * base + base},
            "where it is below": {"upper": hi >= d1 - 1},
        },
        hints=[
            a_smaller_product_has_a_smaller_factor(hi, d1 + 1, base),
            equal_numbers_have_equal_multiples(hi, d1, base),
        ],
    )


@lemma
def steps_make_the_quotient(base, d, n2, n1, n0, digit1, rest1, digit0, rest0):
    """The digits of two steps are those of the quotient, and the last rest is its rest."""
    return Statement(
        given={
            "first": n2 * base + n1 == digit1 * d + rest1,
            "second": divides(rest1 * base + n0, d, digit0, rest0),
        },
        then=divides((n2 * base + n1) * base + n0, d, digit1 * base + digit0, rest0),
        canaries={
            "whatever the first step leaves": {"first": n2 * base + n1 >= digit1 * d + rest1}
        },
        hints=[equal_numbers_have_equal_multiples(n2 * base + n1, digit1 * d + rest1, base)],
    )


@lemma
def scaling_changes_no_quotient(n, d, quotient, rest, by):
    """Dividend and divisor times the same number have the same quotient, and that many rests."""
    return Statement(
        given={"division": divides(n, d, quotient, rest), "by": by >= 1},
        then=divides(n * by, d * by, quotient, rest * by),
        canaries={
            "the rest stays as it is": {"then": n * by == quotient * (d * by) + rest},
            "by nothing": {"by": by >= 0},
        },
        hints=[
            equal_numbers_have_equal_multiples(n, quotient * d + rest, by),
            a_product_grows_with_its_factor(0, rest, by),
            a_product_grows_with_its_factor(rest + 1, d, by),
        ],
    )


@lemma
def normalising_loses_nothing(n, d, by, word):
    """A dividend below d * word, shifted with d until d fills a word, still fits in two words."""
    return Statement(
        given={"dividend": n < d * word, "by": by >= 1, "divisor": [word >= 1, d * by <= word]},
        then=n * by < word * word,
        canaries={
            "for a dividend of d * word": {"dividend": n <= d * word},
            "where d is shifted one more": {"divisor": [word >= 1, d * by <= word + 1]},
        },
        hints=[
            a_product_grows_with_its_factor(n + 1, d * word, by),
            a_product_grows_with_its_factor(d * by, word, word),
        ],
    )


@lemma
def the_upper_half_tells_whether_the_quotient_fits(word, c, hi, lo, quotient, rest):
    """hi * word + lo divided by c is below the word exactly where hi is below c."""
    return Statement(
        given={
            "dividend": [word >= 1, *digits(word, lo)],
            "division": divides(hi * word + lo, c, quotient, rest),
        },
        then=iff(hi < c, quotient < word),
        canaries={
            "also where hi is c": {"then": iff(hi <= c, quotient < word)},
        },
        hints=[
            a_product_grows_with_its_factor(hi + 1, c, word).when(hi < c),
            a_smaller_product_has_a_smaller_factor(quotient, word, c).when(hi < c),
            a_product_grows_with_its_factor(c, hi, word).when(hi >= c),
            a_smaller_product_has_a_smaller_factor(word, quotient + 1, c).when(hi >= c),
        ],
    )


@lemma
def half_up_compares_the_rest_with_its_opposite(n, c, quotient, rest, rounded, over):
    """1 more where the rest is not below c - rest gives floor(n / c + 1 / 2)."""
    return Statement(
        given={
            "division": divides(n, c, quotient, rest),
            "rounded": divides(2 * n + c, 2 * c, rounded, over),
        },
        then=rounded == quotient + one_if(rest >= c - rest),
        canaries={
            "where it is above it": {"then": rounded == quotient + one_if(rest > c - rest)},
        },
        hints=[
            a_division_has_one_quotient(
                2 * n + c,
                2 * c,
                rounded,
                over,
                quotient + one_if(rest >= c - rest),
                2 * rest + c - 2 * c * one_if(rest >= c - rest),
            )
        ],
    )


@lemma
def half_down_compares_the_rest_with_its_opposite(n, c, quotient, rest, rounded, short):
    """1 more where the rest is above c - rest gives ceil(n / c - 1 / 2)."""
    return Statement(
        given={
            "division": divides(n, c, quotient, rest),
            "rounded": [2 * n - c == rounded * (2 * c) - short, within(0, short, 2 * c)],
        },
        then=rounded == quotient + one_if(c - rest < rest),
        canaries={
            "where it is not below it": {"then": rounded == quotient + one_if(c - rest <= rest)},
        },
        hints=[
            a_division_has_one_quotient(
                c - 2 * n,
                2 * c,
                -rounded,
                short,
                -quotient - one_if(c - rest < rest),
                c - 2 * rest + 2 * c * one_if(c - rest < rest),
            )
        ],
    )


@lemma
def rounding_up_adds_one_where_there_is_a_rest(n, c, quotient, rest, rounded, short):
    """ceil(n / c) is the quotient, and 1 more where there is a rest."""
    return Statement(
        given={
            "division": divides(n, c, quotient, rest),
            "rounded": [n == rounded * c - short, within(0, short, c)],
        },
        then=rounded == quotient + one_if(rest > 0),
        canaries={"always": {"then": rounded == quotient + 1}},
        hints=[
            a_division_has_one_quotient(
                -n,
                c,
                -rounded,
                short,
                -quotient - one_if(rest > 0),
                c * one_if(rest > 0) - rest,
            )
        ],
    )
