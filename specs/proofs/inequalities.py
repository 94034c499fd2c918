"""Products and inequalities, which the other lemmas use at terms of their own."""

from __future__ import annotations

from lemma import Statement, divides, hint, within


@hint
def a_product_grows_with_its_factor(a, b, c):
    """What is not larger stays so when both are multiplied by a number that is not negative."""
    return Statement(
        given={"order": a <= b, "by": c >= 0},
        then=a * c <= b * c,
        canaries={"by a negative number": {"by": c >= -1}},
    )


@hint
def a_smaller_product_has_a_smaller_factor(a, b, c):
    """Where a * c < b * c for a c that is not negative, a < b."""
    return Statement(
        given={"order": a * c < b * c, "by": c >= 0},
        then=a < b,
        canaries={
            "by a negative number": {"by": c >= -1},
            "of equal products": {"order": a * c <= b * c},
        },
    )


@hint
def a_product_of_bounded_factors_is_bounded(a, most_a, b, most_b):
    """0 <= a <= A and 0 <= b <= B make 0 <= a * b <= A * B."""
    return Statement(
        given={"a": within(0, a, most_a + 1), "b": within(0, b, most_b + 1)},
        then=[a * b >= 0, a * b <= most_a * most_b],
        canaries={
            "of a negative factor": {"a": within(-1, a, most_a + 1)},
            "below the product of the bounds": {"then": a * b < most_a * most_b},
        },
    )


@hint
def equal_numbers_have_equal_multiples(a, b, c):
    """a = b makes a * c = b * c."""
    return Statement(
        given={"equal": a == b},
        then=a * c == b * c,
        canaries={"equal but for one": {"equal": a == b + 1}},
    )


@hint
def a_division_has_one_quotient(number, by, quotient, rest, other, other_rest):
    """Quotient and rest are the only ones."""
    return Statement(
        given={
            "division": divides(number, by, quotient, rest),
            "other": divides(number, by, other, other_rest),
        },
        then=[quotient == other, rest == other_rest],
        canaries={
            "a rest as large as the divisor": {
                "other": [number == other * by + other_rest, within(0, other_rest, by + 1)]
            }
        },
        hints=[
            # Neither is above the other: the products differ by less than one divisor.
            a_smaller_product_has_a_smaller_factor(quotient, other + 1, by),
            a_smaller_product_has_a_smaller_factor(other, quotient + 1, by),
        ],
    )
