"""What the nodes of a simulated network report: mostly good, sometimes late, wrong or nothing."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from qfs.simulation.draws import Parameters
from qfs.simulation.rules import CYCLE, HEARTBEATS

Arrival = Literal["on time", "late", "too late", "never"]
"""On time in the epoch, late before it is closed, too late after that."""

Counts = tuple[int, int, int, int, int, int]
"""heartbeats seen and expected, proofs passed and challenged, inferences matched and checked"""

OUTAGE_EPOCH: Final = 3
"""Nearly all nodes are down: fewer than the rules need are left."""

SURVIVORS: Final = 2
NO_AI_PHASE: Final = 1
NO_STORAGE_PHASE: Final = 4
STRANGER: Final = "stranger"
"""a node that reports and was never registered"""

_CHALLENGES = 64
_INFERENCES = 40


class Report(NamedTuple):
    """The counts of a node for an epoch, and when they arrive."""

    arrival: Arrival
    counts: Counts


def report(given: Parameters, index: int, node: int) -> Report:
    """What a node reports for an epoch."""
    return Report(_arrival(given, index, node), _counts(given, index, node))


def _arrival(given: Parameters, index: int, node: int) -> Arrival:
    drawn = given.below(1000, "arrival", index, node)
    if drawn < 30:
        return "never"
    if drawn < 40:
        return "too late"
    return "late" if drawn < 90 else "on time"


def _counts(given: Parameters, index: int, node: int) -> Counts:
    seen, expected = _heartbeats(given, index, node)
    challenged = 0 if given.chance(10, "unchallenged", index, node) else _CHALLENGES
    checked = 0 if given.chance(10, "unchecked", index, node) else _INFERENCES
    if index % CYCLE == NO_STORAGE_PHASE:
        challenged = 0
    if index % CYCLE == NO_AI_PHASE:
        checked = 0
    passed = challenged - _failed(given, challenged, "storage", index, node)
    matched = checked - _failed(given, checked, "ai", index, node)
    return seen, expected, passed, challenged, matched, checked


def _heartbeats(given: Parameters, index: int, node: int) -> tuple[int, int]:
    """Seen and expected. Few are malformed, more seen than expected; of few nothing is expected."""
    if index == OUTAGE_EPOCH and node >= SURVIVORS:
        return HEARTBEATS // 2 - given.below(HEARTBEATS // 4, "outage", index, node), HEARTBEATS
    if given.chance(10, "malformed", index, node):
        return HEARTBEATS + 1 + given.below(9, "excess", index, node), HEARTBEATS
    if given.chance(20, "unexpected", index, node):
        return 0, 0
    # Outages last as long as a heavy tail has it: most are none, a few take the whole epoch.
    missed = min(HEARTBEATS, given.tail(4 << 20, "missed", index, node) - 2)
    return HEARTBEATS - max(0, missed), HEARTBEATS


def _failed(given: Parameters, checks: int, what: str, index: int, node: int) -> int:
    """Failed checks: a node has its own habit, and an epoch its luck."""
    if checks == 0:
        return 0
    habit = given.below(checks // 3, what, "habit", node)
    return given.below(habit + 1, what, "luck", index, node)
