"""The verdict: what a vote comes to, from its terms, what was counted, and the tick.

Everything here is a function of numbers that are frozen or counted; no state of a proposal is
ever stored. Fractions are compared by cross multiplication, so nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from qfs.limits import BASE_UNITS_PER_TOKEN
from qfs.protocol.governance_rules import FOR_AND_ABSTAIN

ACTIVE: Final = "ACTIVE"
REJECTED: Final = "REJECTED"
PASSED: Final = "PASSED"
EXPIRED: Final = "EXPIRED"
EXECUTED: Final = "EXECUTED"
CANCELLED: Final = "CANCELLED"
STATES: Final = (ACTIVE, REJECTED, PASSED, EXPIRED, EXECUTED, CANCELLED)
TERMINAL: Final = (REJECTED, EXPIRED, EXECUTED, CANCELLED)

NO_QUORUM: Final = "NO_QUORUM"
TIE: Final = "TIE"
MORE_AGAINST: Final = "MORE_AGAINST"


class Terms(NamedTuple):
    """What a vote is held by, frozen when the proposal is created."""

    supply: int
    """balances of the nodes of the snapshot, base units"""
    attainable: int
    """the sum of their powers, at most the supply"""
    quorum: int
    """in 10^-18 of the supply"""
    turnout: str
    """"all" or "for_and_abstain\""""
    close_tick: int
    """ballots are taken before it"""
    timelock_ticks: int
    grace_ticks: int
    emergency: bool
    """whether it closes as soon as its result is certain"""


class Powers(NamedTuple):
    """Counted power by choice, base units."""

    yes: int = 0
    no: int = 0
    abstain: int = 0

    @property
    def counted(self) -> int:
        """All of it."""
        return self.yes + self.no + self.abstain

    def plus(self, more: Powers) -> Powers:
        """Both together."""
        return Powers(self.yes + more.yes, self.no + more.no, self.abstain + more.abstain)


class Outcome(NamedTuple):
    """The state that a proposal is in, and why it was rejected where it was."""

    state: str
    reason: str | None = None


Progress = Sequence[tuple[int, Powers]]
"""What was counted after each batch of ballots, with the batch's tick, in the order of the log."""


def counted(progress: Progress) -> Powers:
    """What is counted now."""
    return progress[-1][1] if progress else Powers()


def turnout(terms: Terms, powers: Powers) -> int:
    """The power that counts for the quorum, base units."""
    if terms.turnout == FOR_AND_ABSTAIN:
        return powers.yes + powers.abstain
    return powers.counted


def quorum_needed(terms: Terms) -> int:
    """The least turnout that is a quorum, base units: quorum * supply, rounded up."""
    return -(-terms.quorum * terms.supply // BASE_UNITS_PER_TOKEN)


def has_quorum(terms: Terms, powers: Powers) -> bool:
    """Whether turnout * 10^18 >= quorum * supply."""
    return turnout(terms, powers) * BASE_UNITS_PER_TOKEN >= terms.quorum * terms.supply


def failure(terms: Terms, powers: Powers) -> str | None:
    """Why it fails, or None where it passes: a quorum, and more for than against."""
    if not has_quorum(terms, powers):
        return NO_QUORUM
    if powers.yes == powers.no:
        return TIE
    return MORE_AGAINST if powers.yes < powers.no else None


def is_certain(terms: Terms, powers: Powers) -> bool:
    """Whether the result is the same whatever the power does that is not counted yet.

    It passes for certain if it passes where nobody else votes, and has more for than against even
    where all others vote against. It fails for certain if it fails where all others vote for it,
    which is best for the quorum and for the majority, under either rule of turnout.
    """
    rest = terms.attainable - powers.counted
    if failure(terms, powers._replace(yes=powers.yes + rest)) is not None:
        return True
    return has_quorum(terms, powers) and powers.yes > powers.no + rest


def close_of(terms: Terms, progress: Progress) -> int:
    """The tick from which no ballot is taken.

    That of the terms; for an emergency 1 + the tick of the first batch that made the result
    certain, where this is earlier.
    """
    if terms.emergency:
        for tick, powers in progress:
            if is_certain(terms, powers):
                return min(terms.close_tick, tick + 1)
    return terms.close_tick


def outcome(
    terms: Terms, progress: Progress, tick: int, *, executed: bool, cancelled: bool
) -> Outcome:
    """The one state of a proposal at a tick. All windows are half-open."""
    if executed:
        return Outcome(EXECUTED)
    if cancelled:
        return Outcome(CANCELLED)
    close = close_of(terms, progress)
    if tick < close:
        return Outcome(ACTIVE)
    reason = failure(terms, counted(progress))
    if reason is not None:
        return Outcome(REJECTED, reason)
    if tick < close + terms.timelock_ticks + terms.grace_ticks:
        return Outcome(PASSED)
    return Outcome(EXPIRED)


def executable_from(terms: Terms, progress: Progress) -> int:
    """The first tick at which it can be executed, if it passes."""
    return close_of(terms, progress) + terms.timelock_ticks


def expires_at(terms: Terms, progress: Progress) -> int:
    """The first tick at which it cannot be executed any more."""
    return executable_from(terms, progress) + terms.grace_ticks
