"""What a sample has to meet: a strategy that loses its aim turns its test red.

A test says with `must_meet` which events its examples have to reach, and names each with `met`
where it occurs. The examples of the fast profile are always the same, so that what they meet
is too.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from hypothesis import settings

from qfs.laws import Case
from qfs.limits import MAX_SCALAR
from qfs.reference.allocation import exceeds

Test = TypeVar("Test", bound=Callable[..., None])

FULL = 100
"""A profile with fewer examples than this is not asked what it met."""

_met: Counter[str] = Counter()


def must_meet(*events: str) -> Callable[[Test], Test]:
    """The examples of the test below meet each of these events at least once."""

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def run(*arguments: Any, **options: Any) -> None:
            _met.clear()
            test(*arguments, **options)
            missed = [event for event in events if _met[event] == 0]
            if settings.default is not None and settings.default.max_examples >= FULL:
                assert missed == [], f"no example met these; the others: {dict(_met)}"

        return run  # type: ignore[return-value]

    return decorate


def met(*events: str) -> None:
    """The example at hand meets these."""
    _met.update(events)


def note_outcome(outcome: Sequence[Any]) -> None:
    """What a call came to: "value", or the code of its error."""
    met(outcome[0] if outcome[0] == "value" else outcome[2])


ALLOCATION = (
    "tie at the cut",
    "estimate corrected",
    "rest of 129 bits",
    "total of 2^127 or more",
    "total just below 2^127",
    "total just below 2^64",
    "total just above 2^64",
    "total of 2^128 - 1",
    "total above 2^128 - 1",
    "several rounds",
    "more rounds than are taken",
    "fallback",
    "all capped",
    "all but one capped",
    "share equal to the cap",
    "share one above the cap",
    "equal weights",
    "one giant",
    "no rows",
    "pool of 0",
)


def of_allocation(case: Case, rounds_taken: int) -> Iterator[str]:
    """The events of one allocation in which at most so many rounds are taken."""
    weights = case.counted()
    total = sum(weights)
    yield from _of_total(total)
    if not weights:
        yield "no rows"
    if len(weights) > 1 and len({*weights}) == 1:
        yield "equal weights"
    if len(weights) > 2 and sorted(weights)[-2] <= 2 < 2**100 < max(weights):
        yield "one giant"
    if case.pool == 0:
        yield "pool of 0"
    if not any(case.weights) and len(case.weights) > 0:
        yield "fallback"
    if total > MAX_SCALAR or not weights:
        return
    yield from _of_filling(case, rounds_taken)


def _of_total(total: int) -> Iterator[str]:
    if 2**127 <= total <= MAX_SCALAR:
        yield "total of 2^127 or more"
    named = {
        2**127 - 1: "total just below 2^127",
        2**64 - 1: "total just below 2^64",
        2**64: "total just above 2^64",
        MAX_SCALAR: "total of 2^128 - 1",
        MAX_SCALAR + 1: "total above 2^128 - 1",
    }
    if total in named:
        yield named[total]


def _of_filling(case: Case, rounds_taken: int) -> Iterator[str]:
    """Round by round, as the reference does."""
    weights = case.counted()
    pool, total = case.pool, sum(weights)
    caps = {i: cap for i in range(len(weights)) if (cap := case.cap(i)) is not None}
    below = [*range(len(weights))]
    for i, cap in caps.items():
        if weights[i] and pool * weights[i] == cap * total:
            yield "share equal to the cap"
        if pool * weights[i] // total == cap + 1:
            yield "share one above the cap"
    rounds = 0
    while over := [
        i for i in below if i in caps and total and exceeds(pool, total, weights[i], caps[i])
    ]:
        rounds += 1
        pool -= sum(caps[i] for i in over)
        total -= sum(weights[i] for i in over)
        below = [i for i in below if i not in over]
    if rounds > 1:
        yield "several rounds"
    if rounds >= rounds_taken:
        yield "more rounds than are taken"
    if total == 0:
        yield "all capped"
        return
    if len(weights) > 2 and len([i for i in below if weights[i]]) == 1:
        yield "all but one capped"
    yield from _of_shares(pool, total, [weights[i] for i in below])


def _of_shares(pool: int, total: int, weights: Sequence[int]) -> Iterator[str]:
    """What the kernel's division meets: an estimate from a reciprocal, corrected once."""
    bits = total.bit_length()
    factor = (pool << bits) // total
    for weight in weights:
        estimate = weight * factor >> bits
        rest = pool * weight - estimate * total
        if rest >= total:
            yield "estimate corrected"
        if rest >= 2**128:
            yield "rest of 129 bits"
    remainders = sorted((pool * weight % total for weight in weights), reverse=True)
    leftover = pool - sum(pool * weight // total for weight in weights)
    if 0 < leftover < len(remainders) and remainders[leftover - 1] == remainders[leftover]:
        yield "tie at the cut"
