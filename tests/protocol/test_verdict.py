"""The verdict: one state per tick, ties fail, and an early close that no completion can turn."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR
from qfs.protocol import verdict
from qfs.protocol.governance_rules import TURNOUTS
from qfs.protocol.verdict import Powers, Terms

ONE = BASE_UNITS_PER_TOKEN
SHARES = [ONE * 51 // 100, ONE * 66 // 100, ONE * 90 // 100]


def terms_of(powers: list[int], quorum: int, turnout: str, emergency: bool = True) -> Terms:
    total = sum(powers)
    return Terms(total, total, quorum, turnout, 100, 10, 20, emergency)


def passes_by_fractions(terms: Terms, powers: Powers) -> bool:
    """The rule said again, in exact fractions of the supply."""
    part = powers.yes + powers.abstain
    if terms.turnout == "all":
        part += powers.no
    enough = Fraction(part, terms.supply) >= Fraction(terms.quorum, ONE)
    return enough and powers.yes > powers.no


def completions(powers: Powers, rest: list[int]) -> Iterator[Powers]:
    """Everything that voters who have not voted can still do: choose, or stay away."""
    for choices in product((None, "yes", "no", "abstain"), repeat=len(rest)):
        found = powers
        for power, choice in zip(rest, choices, strict=True):
            if choice is not None:
                found = found._replace(**{choice: getattr(found, choice) + power})
        yield found


@pytest.mark.parametrize("turnout", TURNOUTS)
@pytest.mark.parametrize("quorum", SHARES)
@pytest.mark.parametrize("held", [[1, 1, 1, 1], [1, 2, 3, 3], [5, 1, 1, 3], [2, 2, 4, 0]])
def test_a_result_is_certain_exactly_where_no_completion_changes_it(
    held: list[int], quorum: int, turnout: str
) -> None:
    """Every way to have voted so far, and from each every way to go on."""
    terms = terms_of(held, quorum, turnout)
    seen = {True: 0, False: 0}
    for choices in product((None, "yes", "no", "abstain"), repeat=len(held)):
        cast = dict.fromkeys(("yes", "no", "abstain"), 0)
        rest = []
        for power, choice in zip(held, choices, strict=True):
            if choice is None:
                rest.append(power)
            else:
                cast[choice] += power
        powers = Powers(**cast)
        ends = {verdict.failure(terms, end) is None for end in completions(powers, rest)}
        assert verdict.is_certain(terms, powers) == (len(ends) == 1), (choices, ends)
        seen[len(ends) == 1] += 1
    assert seen[True]
    assert seen[False]


@given(
    st.integers(1, MAX_SCALAR),
    st.tuples(*[st.integers(0, MAX_SCALAR)] * 3),
    st.sampled_from(SHARES) | st.integers(SHARES[0], SHARES[-1]),
    st.sampled_from(TURNOUTS),
)
def test_it_passes_exactly_where_the_fractions_say_so(
    supply: int, cast: tuple[int, int, int], quorum: int, turnout: str
) -> None:
    terms = terms_of([supply], quorum, turnout)
    powers = Powers(*(power % (supply + 1) for power in cast))
    assert (verdict.failure(terms, powers) is None) == passes_by_fractions(terms, powers)


@pytest.mark.parametrize("supply", [100, 10**29, 10**38 - 100])
def test_a_quorum_is_met_to_the_last_base_unit(supply: int) -> None:
    terms = terms_of([supply], ONE * 66 // 100, "all")
    needed = verdict.quorum_needed(terms)
    assert needed == -(-supply * 66 // 100)
    assert verdict.failure(terms, Powers(yes=needed)) is None
    assert verdict.failure(terms, Powers(yes=needed - 1)) == verdict.NO_QUORUM
    assert verdict.failure(terms, Powers(yes=needed - 2, abstain=2)) is None


@pytest.mark.parametrize(
    ("cast", "reason"),
    [
        (Powers(40, 40, 0), "TIE"),
        (Powers(0, 0, 80), "TIE"),
        (Powers(39, 40, 0), "MORE_AGAINST"),
        (Powers(65, 0, 0), "NO_QUORUM"),
        (Powers(33, 32, 0), "NO_QUORUM"),
        (Powers(33, 32, 1), None),
        (Powers(34, 33, 0), None),
    ],
)
def test_a_tie_fails_and_abstention_counts_for_the_quorum_alone(
    cast: Powers, reason: str | None
) -> None:
    assert verdict.failure(terms_of([100], ONE * 66 // 100, "all"), cast) == reason


def test_turnout_of_a_ruleset_can_leave_out_what_is_against() -> None:
    terms = terms_of([100], ONE * 66 // 100, "for_and_abstain")
    assert verdict.failure(terms, Powers(34, 33, 0)) == verdict.NO_QUORUM
    assert verdict.failure(terms, Powers(34, 33, 32)) is None


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=5),
    st.lists(st.integers(0, 3), min_size=5, max_size=5),
    st.sampled_from(SHARES),
    st.sampled_from(TURNOUTS),
    st.integers(0, 60),
)
def test_one_more_yes_never_turns_a_pass(
    held: list[int], choices: list[int], quorum: int, turnout: str, more: int
) -> None:
    terms = terms_of([*held, more], quorum, turnout)
    sums = [0, 0, 0, 0]
    for power, choice in zip(held, choices, strict=False):
        sums[choice] += power
    powers = Powers(*sums[:3])
    if verdict.failure(terms, powers) is None:
        assert verdict.failure(terms, powers._replace(yes=powers.yes + more)) is None


TIMES = [0, 3, 4, 5, 9, 10, 11, 13, 14, 15, 19, 20, 21, 33, 34, 35, 50]


@pytest.mark.parametrize("emergency", [True, False])
def test_windows_are_half_open(emergency: bool) -> None:
    terms = Terms(100, 100, ONE * 66 // 100, "all", 20, 5, 10, emergency)
    progress = [(3, Powers(yes=40)), (9, Powers(yes=80)), (10, Powers(yes=90))]
    close = 10 if emergency else 20
    assert verdict.close_of(terms, progress) == close
    for tick in TIMES:
        found = verdict.outcome(terms, progress, tick, executed=False, cancelled=False)
        expected = "ACTIVE" if tick < close else "PASSED" if tick < close + 15 else "EXPIRED"
        assert found == (expected, None), tick
    assert verdict.executable_from(terms, progress) == close + 5
    assert verdict.expires_at(terms, progress) == close + 15


def test_an_early_close_is_never_after_the_scheduled_one() -> None:
    terms = Terms(100, 100, ONE * 66 // 100, "all", 20, 5, 10, True)
    assert verdict.close_of(terms, [(19, Powers(yes=80))]) == 20
    assert verdict.close_of(terms, [(19, Powers(yes=50))]) == 20
    assert verdict.close_of(terms, []) == 20


def test_an_emergency_that_has_failed_for_certain_closes_too() -> None:
    terms = Terms(100, 100, ONE * 80 // 100, "all", 20, 5, 10, True)
    progress = [(3, Powers(no=49)), (5, Powers(no=50)), (6, Powers(no=50, yes=50))]
    assert verdict.close_of(terms, progress) == 6
    found = verdict.outcome(terms, progress, 6, executed=False, cancelled=False)
    assert found == ("REJECTED", "TIE")


@given(
    st.integers(0, 60),
    st.lists(st.tuples(st.integers(0, 19), st.integers(0, 40), st.integers(0, 2)), max_size=4),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_a_terminal_state_is_never_left(
    tick: int,
    cast: list[tuple[int, int, int]],
    emergency: bool,
    executed: bool,
    cancelled: bool,
) -> None:
    terms = Terms(100, 100, ONE * 66 // 100, "all", 20, 5, 10, emergency)
    progress: list[tuple[int, Powers]] = []
    sums = [0, 0, 0]
    for at, power, choice in sorted(cast):
        sums[choice] += min(power, 100 - sum(sums))
        progress.append((at, Powers(*sums)))
    found = [
        verdict.outcome(terms, progress, t, executed=executed, cancelled=cancelled)
        for t in range(tick, tick + 60)
    ]
    assert all(outcome.state in verdict.STATES for outcome in found)
    assert all((o.reason is None) == (o.state != "REJECTED") for o in found)
    order = {"ACTIVE": 0, "PASSED": 1, "REJECTED": 2, "EXPIRED": 2, "EXECUTED": 2, "CANCELLED": 2}
    ranks = [order[outcome.state] for outcome in found]
    assert ranks == sorted(ranks)
    final = [outcome for outcome in found if outcome.state in verdict.TERMINAL]
    assert len({*final}) <= 1
