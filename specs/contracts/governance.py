"""Contracts of the verdict, and of what a proposal is created by.

Quorums are constants here: their product with a symbolic supply is then linear, which the solver
decides for every supply.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR, MAX_TICK
from qfs.protocol import governance, snapshot, verdict
from qfs.protocol.events import TransitionError
from qfs.protocol.governance_rules import ALL_COUNTED, DEFAULTS, FOR_AND_ABSTAIN, MAX_POWER_SHARE
from qfs.protocol.verdict import Powers, Terms


def _terms(
    supply: int,
    attainable: int,
    *,
    turnout: str = ALL_COUNTED,
    close: int = 720,
    timelock: int = 240,
    grace: int = 1440,
    emergency: bool = False,
) -> Terms:
    quorum = DEFAULTS.emergency_quorum if emergency else DEFAULTS.quorum
    return Terms(supply, attainable, quorum, turnout, close, timelock, grace, emergency)


def _state(terms: Terms, powers: Powers, tick: int) -> verdict.Outcome:
    return verdict.outcome(terms, [(0, powers)], tick, executed=False, cancelled=False)


def _passes(terms: Terms, powers: Powers) -> bool:
    return verdict.failure(terms, powers) is None


def _holds(terms: Terms, now: Powers, yes: int, no: int, left: int) -> bool:
    """Whether a certain result stays, where those left stay away, and where they abstain."""
    if not verdict.is_certain(terms, now):
        return True
    ends = (now.plus(Powers(yes, no, 0)), now.plus(Powers(yes, no, left)))
    return all(_passes(terms, end) == _passes(terms, now) for end in ends)


def ballots_are_taken_until_the_close(tick: int, close: int, yes: int, no: int) -> bool:
    """It is active exactly before it closes, so it is never votable and decided at once.

    of: qfs.protocol.verdict.outcome
    bound: a supply of 100
    pre: 0 <= tick <= MAX_TICK and 0 <= close <= MAX_TICK
    pre: 0 <= yes and 0 <= no and yes + no <= 100
    post: __return__
    """
    found = _state(_terms(100, 100, close=close), Powers(yes, no, 0), tick)
    return (found.state == verdict.ACTIVE) == (tick < close)


def there_is_one_state_per_tick(tick: int, timelock: int, grace: int, yes: int, no: int) -> bool:
    """After the close it is rejected, passed or expired, by the verdict and the tick alone.

    of: qfs.protocol.verdict.outcome
    bound: a supply of 100, closed at tick 0
    pre: 0 <= tick <= MAX_TICK
    pre: 0 <= timelock <= MAX_TICK and 1 <= grace <= MAX_TICK
    pre: 0 <= yes and 0 <= no and yes + no <= 100
    post: __return__
    """
    terms = _terms(100, 100, close=0, timelock=timelock, grace=grace)
    found = _state(terms, Powers(yes, no, 0), tick)
    if not (100 * (yes + no) >= 66 * 100 and yes > no):
        return found.state == verdict.REJECTED and found.reason is not None
    if tick < timelock + grace:
        return found == (verdict.PASSED, None)
    return found == (verdict.EXPIRED, None)


def a_final_state_is_never_left(tick: int, later: int, yes: int, no: int) -> bool:
    """What is rejected or expired at a tick is so at every later one, for the same reason.

    of: qfs.protocol.verdict.outcome
    bound: a supply of 100 and the default windows
    pre: 0 <= tick <= later <= MAX_TICK
    pre: 0 <= yes and 0 <= no and yes + no <= 100
    post: __return__
    """
    terms, powers = _terms(100, 100), Powers(yes, no, 0)
    before = _state(terms, powers, tick)
    return before.state not in verdict.TERMINAL or before == _state(terms, powers, later)


def what_was_done_to_it_comes_first(tick: int, executed: bool, cancelled: bool) -> bool:
    """What was executed or cancelled is so at every tick, whatever was counted.

    of: qfs.protocol.verdict.outcome
    bound: no ballots
    pre: 0 <= tick <= MAX_TICK
    pre: executed or cancelled
    post: __return__
    """
    found = verdict.outcome(_terms(100, 100), [], tick, executed=executed, cancelled=cancelled)
    return found == (verdict.EXECUTED if executed else verdict.CANCELLED, None)


def one_more_yes_never_turns_a_pass(
    supply: int, yes: int, no: int, abstain: int, more: int
) -> bool:
    """What passes also passes with more power for it.

    of: qfs.protocol.verdict.failure
    bound: the default quorum
    pre: 1 <= supply <= MAX_SCALAR
    pre: 0 <= yes and 0 <= no and 0 <= abstain and 0 <= more
    post: __return__
    """
    terms = _terms(supply, supply)
    if not _passes(terms, Powers(yes, no, abstain)):
        return True
    return _passes(terms, Powers(yes + more, no, abstain))


def more_turnout_keeps_a_quorum(supply: int, yes: int, no: int, abstain: int, more: int) -> bool:
    """A quorum stays one, whatever more is counted, where all that is counted counts for it.

    of: qfs.protocol.verdict.has_quorum
    bound: the default quorum
    pre: 1 <= supply <= MAX_SCALAR
    pre: 0 <= yes and 0 <= no and 0 <= abstain and 0 <= more
    post: __return__
    """
    terms, powers = _terms(supply, supply), Powers(yes, no, abstain)
    if not verdict.has_quorum(terms, powers):
        return True
    return verdict.has_quorum(terms, Powers(yes, no + more, abstain))


def a_tie_never_passes(supply: int, each: int, abstain: int) -> bool:
    """As much against as for it is a failure, under any turnout.

    of: qfs.protocol.verdict.failure
    bound: the default quorum
    pre: 1 <= supply <= MAX_SCALAR
    pre: 0 <= each and 0 <= abstain
    post: not __return__
    """
    return _passes(_terms(supply, supply), Powers(each, each, abstain))


def a_quorum_is_met_to_the_last_base_unit(supply: int, turnout: int) -> bool:
    """Turnout is a quorum exactly from the least that is said to be needed.

    of: qfs.protocol.verdict.quorum_needed
    of: qfs.protocol.verdict.has_quorum
    bound: the default quorum
    pre: 0 <= supply <= MAX_SCALAR and 0 <= turnout <= MAX_SCALAR
    post: __return__
    """
    terms = _terms(supply, supply)
    return verdict.has_quorum(terms, Powers(yes=turnout)) == (
        turnout >= verdict.quorum_needed(terms)
    )


def an_early_close_holds(
    supply: int, yes: int, no: int, abstain: int, more_yes: int, more_no: int, left: int
) -> bool:
    """What is certain is the same whatever the power does that is not counted yet: votes for it,
    votes against it, abstains or stays away.

    of: qfs.protocol.verdict.is_certain
    bound: the quorum of an emergency
    pre: 1 <= supply <= MAX_SCALAR
    pre: 0 <= yes and 0 <= no and 0 <= abstain and 0 <= more_yes and 0 <= more_no and 0 <= left
    pre: yes + no + abstain + more_yes + more_no + left <= supply
    post: __return__
    """
    attainable = yes + no + abstain + more_yes + more_no + left
    return _holds(
        _terms(supply, attainable, emergency=True),
        Powers(yes, no, abstain),
        more_yes,
        more_no,
        left,
    )


def an_early_close_holds_without_those_against(
    supply: int, yes: int, no: int, abstain: int, more_yes: int, more_no: int, left: int
) -> bool:
    """The same where the turnout is what is for it and what abstains.

    of: qfs.protocol.verdict.is_certain
    bound: the quorum of an emergency
    pre: 1 <= supply <= MAX_SCALAR
    pre: 0 <= yes and 0 <= no and 0 <= abstain and 0 <= more_yes and 0 <= more_no and 0 <= left
    pre: yes + no + abstain + more_yes + more_no + left <= supply
    post: __return__
    """
    attainable = yes + no + abstain + more_yes + more_no + left
    terms = _terms(supply, attainable, turnout=FOR_AND_ABSTAIN, emergency=True)
    return _holds(terms, Powers(yes, no, abstain), more_yes, more_no, left)


def what_is_not_certain_can_still_turn(
    supply: int, yes: int, no: int, abstain: int, rest: int
) -> bool:
    """Where it is not certain it passes if all others are for it, and fails if they are against
    it or stay away.

    of: qfs.protocol.verdict.is_certain
    bound: the quorum of an emergency
    pre: 1 <= supply <= MAX_SCALAR
    pre: 0 <= yes and 0 <= no and 0 <= abstain and 0 <= rest
    pre: yes + no + abstain + rest <= supply
    post: __return__
    """
    now = Powers(yes, no, abstain)
    terms = _terms(supply, now.counted + rest, emergency=True)
    if verdict.is_certain(terms, now):
        return True
    against = now.plus(Powers(no=rest))
    fails = not _passes(terms, now) or not _passes(terms, against)
    return fails and _passes(terms, now.plus(Powers(yes=rest)))


def it_closes_no_later_than_planned(tick: int, close: int, yes: int) -> int:
    """An emergency closes at its tick, or right after the batch that decided it.

    of: qfs.protocol.verdict.close_of
    bound: a supply of 100, one batch for it
    pre: 0 <= tick < close <= MAX_TICK
    pre: 0 <= yes <= 100
    post: __return__ == (tick + 1 if yes >= 80 else close)
    """
    terms = _terms(100, 100, close=close, emergency=True)
    return verdict.close_of(terms, [(tick, Powers(yes=yes))])


def only_an_emergency_closes_early(tick: int, close: int, yes: int) -> int:
    """Any other vote closes at its tick, however certain it is.

    of: qfs.protocol.verdict.close_of
    bound: a supply of 100, one batch for it
    pre: 0 <= tick < close <= MAX_TICK
    pre: 0 <= yes <= 100
    post: __return__ == close
    """
    return verdict.close_of(_terms(100, 100, close=close), [(tick, Powers(yes=yes))])


def a_quorum_that_cannot_be_reached_is_refused(supply: int, most: int) -> bool:
    """A proposal has terms exactly where there is a supply and all powers together are a quorum.

    of: qfs.protocol.governance._terms
    bound: the default quorum, a supply of 0 .. 4
    pre: 0 <= most <= supply <= 4
    post: __return__ == (supply > 0 and 100 * most >= 66 * supply)
    """
    ground: Any = SimpleNamespace(rules=DEFAULTS, tick=0)
    try:
        governance._terms(False, ground, supply, most)
    except TransitionError:
        return False
    return True


def a_vote_ends_within_the_ticks_there_are(early: int) -> bool:
    """A proposal has terms exactly where the last tick of its windows is one.

    of: qfs.protocol.governance._terms
    bound: the last tick at which it can be created, and its neighbours
    pre: -2 <= early <= 2
    post: __return__ == (early >= 0)
    """
    ground: Any = SimpleNamespace(rules=DEFAULTS, tick=MAX_TICK - 2400 - early)
    try:
        governance._terms(False, ground, 1, 1)
    except TransitionError:
        return False
    return True


def no_node_has_more_than_a_quarter(supply: int) -> int:
    """NOD-I3: the cap is a quarter of the supply, rounded down.

    of: qfs.protocol.snapshot.cap_of
    bound: the highest share that a ruleset may have
    pre: 0 <= supply <= MAX_SCALAR
    post: 4 * __return__ <= supply < 4 * (__return__ + 1)
    """
    assert MAX_POWER_SHARE * 4 == BASE_UNITS_PER_TOKEN
    return snapshot.cap_of(supply, MAX_POWER_SHARE)
