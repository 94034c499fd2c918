"""The units that are left when every share is rounded down, and who gets them."""

from __future__ import annotations

from inequalities import (
    a_product_grows_with_its_factor,
    a_smaller_product_has_a_smaller_factor,
    equal_numbers_have_equal_multiples,
)
from lemma import Statement, digits, divides, either, iff, lemma, one_if, within


@lemma
def one_more_row_keeps_the_account(pool, weight, weights, shares, rests, w, share, rest, rows):
    """Shares times weight and remainders of some rows make pool times their weights, and no row
    adds more than weight - 1 to the remainders: so with one row more."""
    return Statement(
        given={
            "rows": [
                pool * weights == shares * weight + rests,
                rests <= rows * (weight - 1),
            ],
            "row": divides(pool * w, weight, share, rest),
        },
        then=[
            pool * (weights + w) == (shares + share) * weight + (rests + rest),
            rests + rest <= (rows + 1) * (weight - 1),
        ],
        canaries={
            "a row adds less": {"then": rests + rest <= (rows + 1) * (weight - 2)},
        },
    )


@lemma
def fewer_units_are_left_than_rows_have_a_remainder(pool, weight, shares, rests, rows):
    """The remainders sum to weight times the units that are left, and each is below the weight. So
    rows with a remainder are more than the units, where there are any: a remainder of 0 gets
    none, and no cut is 0."""
    left = pool - shares
    return Statement(
        given={
            "account": pool * weight == shares * weight + rests,
            "rests": [weight >= 1, rows >= 1, within(0, rests, rows * (weight - 1) + 1)],
        },
        then=within(0, left, rows),
        canaries={
            "for remainders of up to the weight": {
                "rests": [weight >= 1, rows >= 1, within(0, rests, rows * weight + 1)]
            },
            "two fewer": {"then": left < rows - 1},
        },
        hints=[
            a_smaller_product_has_a_smaller_factor(left, rows, weight),
            a_smaller_product_has_a_smaller_factor(-1, left, weight),
        ],
    )


@lemma
def rows_at_the_cut_share_what_is_left(units, above, at):
    """With c the largest number that at least so many remainders reach, every row above it gets a
    unit, and for those at it at least one is left, and no more than they are."""
    return Statement(
        given={"cut": [above < units, units <= above + at]},
        then=within(1, units - above, at + 1),
        canaries={
            "for a larger c": {"cut": [above <= units, units <= above + at]},
            "fewer than they are": {"then": within(1, units - above, at)},
        },
    )


@lemma
def the_higher_digit_is_the_larger_remainder(place, a1, a0, b1, b0):
    """Of two numbers that are equal in all digits before, the one with the higher digit is the
    larger one, whatever follows."""
    return Statement(
        given={"lower": [place >= 1, *digits(place, a0, b0)], "digits": a1 > b1},
        then=a1 * place + a0 > b1 * place + b0,
        canaries={"or as high a digit": {"digits": a1 >= b1}},
        hints=[a_product_grows_with_its_factor(b1 + 1, a1, place)],
    )


@lemma
def units_paid_ahead_are_mended(digit, half, cut):
    """One unit was paid to rows above half. Adding one from above the cut up to half, or taking one
    from above half up to the cut, leaves it with the rows above the cut alone."""
    added = one_if([cut <= half, cut < digit, digit <= half])
    taken = one_if([cut > half, half < digit, digit <= cut])
    return Statement(
        given={},
        then=one_if(digit > half) + added - taken == one_if(digit > cut),
        canaries={
            "also to the rows at the cut": {
                "then": one_if(digit > half) + added - taken == one_if(digit >= cut)
            },
        },
    )


@lemma
def one_comparison_tells_a_range(base, digit, first, last, wraps, moved):
    """digit - first, cut to a byte, is at most last - first exactly where the digit lies in
    first .. last."""
    return Statement(
        given={
            "bytes": digits(base, digit, first, last),
            "moved": [digit - first == moved - wraps * base, within(0, moved, base)],
        },
        then=iff(moved <= last - first, [first <= digit, digit <= last]),
        canaries={
            "not cut": {"moved": [digit - first == moved - wraps]},
            "below it": {"then": iff(moved < last - first, [first <= digit, digit <= last])},
        },
        hints=[
            a_smaller_product_has_a_smaller_factor(wraps, 2, base),
            a_smaller_product_has_a_smaller_factor(-1, wraps, base),
            equal_numbers_have_equal_multiples(wraps, 0, base).when(wraps == 0),
            equal_numbers_have_equal_multiples(wraps, 1, base).when(wraps == 1),
        ],
    )


@lemma
def positions_end_before_the_digits_to_come(rows, row, listed):
    """Four bytes for each position listed so far, of at most one a row, and one more, end before
    the digit of the next row, which lies after three bytes for each row."""
    return Statement(
        given={"rows": within(0, row, rows), "listed": within(0, listed, row + 1)},
        then=4 * (listed + 1) <= 3 * rows + row + 1,
        canaries={
            "where more are listed than rows were read": {"listed": within(0, listed, row + 2)},
            "with a byte to spare": {"then": 4 * (listed + 1) < 3 * rows + row + 1},
        },
    )


@lemma
def a_leftover_unit_stays_within_the_cap(pool, weight, cap, w, share, rest):
    """A row that does not exceed its cap has room for a unit where its remainder is not 0."""
    return Statement(
        given={
            "share": divides(pool * w, weight, share, rest),
            "fits": pool * w <= cap * weight,
            "remainder": rest > 0,
        },
        then=share + 1 <= cap,
        canaries={
            "also where it is 0": {"remainder": rest >= 0},
            "for a row that exceeds it": {"fits": pool * w <= cap * weight + 1},
        },
        hints=[a_smaller_product_has_a_smaller_factor(share, cap, weight)],
    )


@lemma
def a_higher_weight_has_no_smaller_amount(pool, weight, a, b, share_a, rest_a, share_b, rest_b):
    """Of two weights the higher one has the larger share, or the same and a larger remainder or the
    same: so no unit less, in any order of ties."""
    return Statement(
        given={
            "a": divides(pool * a, weight, share_a, rest_a),
            "b": divides(pool * b, weight, share_b, rest_b),
            "order": [a > b, pool >= 0],
        },
        then=either(share_a > share_b, [share_a == share_b, rest_a >= rest_b]),
        canaries={
            "it always has a larger remainder": {"then": rest_a >= rest_b},
        },
        hints=[
            a_product_grows_with_its_factor(b, a, pool),
            a_product_grows_with_its_factor(share_a + 1, share_b, weight).when(share_a < share_b),
            equal_numbers_have_equal_multiples(share_a, share_b, weight).when(share_a == share_b),
        ],
    )
