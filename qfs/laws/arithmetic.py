"""The law of rounding."""

from __future__ import annotations

from collections.abc import Sequence

from qfs.backend import Implementation


def rounds_once(
    implementation: Implementation,
    a: Sequence[int],
    b: Sequence[int],
    c: Sequence[int],
    rounding: str,
) -> str | None:
    """A result is the exact quotient rounded once: down, up, or to the nearer, a tie as named."""
    results = implementation.mul_div_many(a, b, c, rounding)
    for i, result in enumerate(results):
        # Twice the result above the exact quotient, in units of 1 / c.
        over = 2 * (result * c[i] - a[i] * b[i])
        right = {
            "floor": -2 * c[i] < over <= 0,
            "ceil": 0 <= over < 2 * c[i],
            "half_up": -c[i] < over <= c[i],
            "half_down": -c[i] <= over < c[i],
        }
        if not right[rounding]:
            return f"row {i}: {result} is not {a[i]} * {b[i]} / {c[i]}, rounding {rounding}"
    return None
