"""Laws of few numbers, which a solver can draw: on the CrossHair backend of Hypothesis.

    pytest -m symbolic --hypothesis-profile=symbolic specs/equivalence

Two numbers of 127 bits that are drawn apart never meet, so that `>` for `>=` stays unseen. On this
backend the numbers are symbols, and each path through the function is asked for numbers that take
it. With any other profile the same tests sample.
"""

from __future__ import annotations
import __future__

import importlib.util
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from qfs import reference
from qfs.errors import ResultOverflowError
from qfs.ids import from_checked
from qfs.laws import Case, conserves, issues_the_floor, keeps_order, respects_caps
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_COUNT, MAX_RATE, MAX_SCALAR, MAX_TICK, MAX_VALUE
from qfs.reference import allocation, arithmetic, eligibility
from qfs.reference.eligibility import Registered, Reported, Rule

ONE = BASE_UNITS_PER_TOKEN
values = st.integers(0, MAX_VALUE)
positive = st.integers(1, MAX_VALUE)
scalars = st.integers(0, MAX_SCALAR)
residues = st.integers(0, ONE - 1)
rates = st.integers(0, MAX_RATE)
counts = st.integers(0, MAX_COUNT)
ticks = st.integers(0, MAX_TICK - 1)


@pytest.mark.symbolic
@given(pool=values, total=positive, weight=values, cap=values)
def test_a_share_above_its_cap_exceeds_it(pool: int, total: int, weight: int, cap: int) -> None:
    """A share exceeds its cap where it is above it, and not where it equals it."""
    exceeds_above(allocation.exceeds, pool, total, weight, cap)


def exceeds_above(exceeds: Any, pool: int, total: int, weight: int, cap: int) -> None:
    assert exceeds(pool, total, weight, cap) == (pool * weight - cap * total >= 1)


@pytest.mark.symbolic
@given(n=counts, d=st.integers(1, MAX_COUNT), least=rates)
def test_an_uptime_at_its_least_is_enough(n: int, d: int, least: int) -> None:
    """An uptime is too low where it is below the least, and not where it equals it."""
    is_low_below(eligibility._is_low, n, d, least)


def is_low_below(is_low: Any, n: int, d: int, least: int) -> None:
    assert is_low(n, d, least) == (least * d - n * ONE >= 1)


@pytest.mark.symbolic
@given(a=scalars, b=scalars, c=st.integers(1, MAX_SCALAR))
def test_mul_div_has_every_result_within_bounds(a: int, b: int, c: int) -> None:
    """mul_div gives the floor of the quotient up to 2^128 - 1, and an overflow above."""
    floors_within_bounds(reference.mul_div_many, a, b, c)


def floors_within_bounds(mul_div_many: Any, a: int, b: int, c: int) -> None:
    try:
        (found,) = mul_div_many([a], [b], [c])
    except ResultOverflowError:
        assert a * b >= (MAX_SCALAR + 1) * c
    else:
        assert found <= MAX_SCALAR
        assert found * c <= a * b < (found + 1) * c


@pytest.mark.symbolic
@given(remainder=scalars, divisor=st.integers(1, MAX_SCALAR))
def test_a_tie_is_rounded_as_the_name_says(remainder: int, divisor: int) -> None:
    """Of a half, half_up takes the larger and half_down the smaller."""
    rounds_ties(arithmetic._rounds_up, remainder % divisor, divisor)


def rounds_ties(rounds_up: Any, remainder: int, divisor: int) -> None:
    assert rounds_up(remainder, divisor, "half_up") == (2 * remainder - divisor >= 0)
    assert rounds_up(remainder, divisor, "half_down") == (2 * remainder - divisor >= 1)


@pytest.mark.symbolic
@given(fee=values, rate=rates, residue=residues, room=scalars)
def test_a_fee_issues_its_floor(fee: int, rate: int, residue: int, room: int) -> None:
    """A fee issues what the rate gives, up to the room, and the residue keeps the rest."""
    assert issues_the_floor(reference, [fee], rate, residue, room) is None  # type: ignore[arg-type]


@pytest.mark.symbolic
@given(first=values, second=values, rate=rates, residue=residues)
def test_a_fee_in_two_parts_issues_the_same(
    first: int, second: int, rate: int, residue: int
) -> None:
    """Two fees issue together what one fee of their sum issues, and leave the same residue."""
    whole = reference.issue([first + second], rate, residue)
    parts = reference.issue([first, second], rate, residue)
    assert (parts.total, parts.residue) == (whole.total, whole.residue)


@pytest.mark.symbolic
@given(pool=values, first=values, second=values)
def test_two_nodes_share_the_pool(pool: int, first: int, second: int) -> None:
    """Two nodes are paid the whole pool, the heavier at least as much as the other."""
    case = Case(pool, [first, second])
    assert conserves(reference, case) is None  # type: ignore[arg-type]
    assert keeps_order(reference, case) is None  # type: ignore[arg-type]


@pytest.mark.symbolic
@given(pool=values, cap=values, other=values)
def test_two_equal_nodes_keep_their_caps(pool: int, cap: int, other: int) -> None:
    """Of two equal nodes neither is paid above its cap, and nothing is lost."""
    case = Case(pool, [1, 1], [cap, other])
    assert conserves(reference, case) is None  # type: ignore[arg-type]
    assert respects_caps(reference, case) is None  # type: ignore[arg-type]


@pytest.mark.symbolic
@given(a=values, b=values, c=values, leftover=st.integers(0, 2))
def test_ties_at_the_cut_go_to_the_earlier_row(a: int, b: int, c: int, leftover: int) -> None:
    """The leftover units go to the largest remainders, of equal ones to the earlier row."""
    winners = allocation.largest_remainders([a, b, c], leftover)
    assert len(winners) == leftover
    remainders = (a, b, c)
    for loser in {0, 1, 2} - {*winners}:
        for winner in winners:
            above = remainders[winner] - remainders[loser]
            assert above >= (1 if loser < winner else 0)


@pytest.mark.symbolic
@given(registered=ticks, revoked=ticks, last=ticks)
def test_a_node_counts_from_its_registration_to_its_revocation(
    registered: int, revoked: int, last: int
) -> None:
    """A node is eligible where it is registered by the last tick and revoked after it."""
    ids = from_checked([b"a"], is_sorted=True)
    found = reference.assess(
        Registered(ids, [b"node"], [registered], [revoked]),  # type: ignore[arg-type]
        Reported(ids, ([1], [1]), ([0], [0]), ([0], [0])),
        Rule(b"node", last, ONE, 0),
    )
    (reason,) = found.reasons
    assert (reason == eligibility.NOT_REGISTERED) == (registered - last >= 1)
    assert (reason == eligibility.ELIGIBLE) == (registered - last <= 0 and revoked - last >= 1)


# Planted

large = st.integers(10**6, 2**64)
many = st.integers(10**6, MAX_COUNT)
PLANTS: dict[str, tuple[Callable[..., Any], str, str, Callable[..., None], list[Any]]] = {
    "a share equal to its cap of three tenths": (
        *(allocation.exceeds, "weight > cap", "weight >= cap"),
        lambda exceeds, weight, total: exceeds_above(exceeds, 10**21, total, weight, 3 * 10**20),
        [large, large],
    ),
    "an uptime equal to its least of nine tenths": (
        *(eligibility._is_low, "TOKEN < min", "TOKEN <= min"),
        lambda is_low, n, d: is_low_below(is_low, n, d, 9 * 10**17),
        [many, many],
    ),
    "a quotient equal to its bound": (
        *(arithmetic.mul_div_many, "quotient > maximum", "quotient >= maximum"),
        lambda mul_div_many, a: floors_within_bounds(mul_div_many, a, 3, 2),
        [st.integers(10**20, MAX_SCALAR)],
    ),
    "a remainder that is half of the divisor": (
        *(arithmetic._rounds_up, "2 * remainder >= divisor", "2 * remainder > divisor"),
        lambda rounds_up, third, divisor: rounds_ties(rounds_up, 3 * third, divisor),
        [large, large],
    ),
}
"""A function, what stands in it, what is planted, the law that it breaks, and the arguments."""


def planted(function: Callable[..., Any], text: str, other: str) -> Callable[..., Any]:
    """The function with another text in it; the module keeps its own."""
    source = inspect.getsource(function)
    assert source.count(text) == 1
    scope = dict(vars(inspect.getmodule(function)))
    flags = __future__.annotations.compiler_flag
    exec(compile(source.replace(text, other), function.__name__, "exec", flags), scope)
    changed: Callable[..., Any] = scope[function.__name__]
    return changed


def is_found(plant: str, profile: settings) -> bool:
    """Whether a profile finds the planted fault, with numbers that are drawn apart."""
    function, text, other, law, arguments = PLANTS[plant]
    changed = planted(function, text, other)

    @profile
    @given(drawn=st.tuples(*arguments))
    def keeps_the_law(drawn: tuple[int, ...]) -> None:
        law(changed, *drawn)

    try:
        keeps_the_law()
    except AssertionError:
        return True
    return False


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("hypothesis_crosshair_provider") is None,
    reason="hypothesis-crosshair is not installed",
)
@pytest.mark.once
@pytest.mark.parametrize("plant", PLANTS)
def test_planted_at_a_boundary(plant: str) -> None:
    """A fault at one exact boundary is missed by 1,000 draws and found by the symbolic profile."""
    usual, symbolic = settings.get_profile("fast"), settings.get_profile("symbolic")
    found_at_once = [Phase.generate]
    assert not is_found(plant, settings(usual, max_examples=1000, phases=found_at_once))
    assert is_found(plant, settings(symbolic, phases=found_at_once))
