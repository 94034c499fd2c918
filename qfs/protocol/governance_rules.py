"""The rules of a vote: what a ruleset says of governance, and what a proposal freezes of it."""

from __future__ import annotations

from typing import Final, NamedTuple

from qfs.limits import BASE_UNITS_PER_TOKEN

ALL_COUNTED: Final = "all"
"""Turnout is all counted power, what abstains among it."""

FOR_AND_ABSTAIN: Final = "for_and_abstain"
"""Turnout is what was counted for and what abstains."""

TURNOUTS: Final = (ALL_COUNTED, FOR_AND_ABSTAIN)

MIN_QUORUM: Final = BASE_UNITS_PER_TOKEN * 51 // 100
MAX_QUORUM: Final = BASE_UNITS_PER_TOKEN * 90 // 100
MAX_POWER_SHARE: Final = BASE_UNITS_PER_TOKEN // 4
"""NOD-I3: no ruleset lets a node count for more than 25% of the supply."""


class GovernanceRules(NamedTuple):
    """The part of a ruleset that votes are held by. Shares in 10^-18, the others in ticks."""

    quorum: int = BASE_UNITS_PER_TOKEN * 66 // 100
    """turnout that is needed, of the supply, 0.51 .. 0.90"""
    emergency_quorum: int = BASE_UNITS_PER_TOKEN * 80 // 100
    """the same for an emergency, 0.51 .. 0.90"""
    turnout: str = ALL_COUNTED
    """"all" or "for_and_abstain\""""
    power_share: int = MAX_POWER_SHARE
    """the most of the supply that one node counts for, above 0, at most 0.25"""
    window_ticks: int = 720
    """how long ballots are taken"""
    timelock_ticks: int = 240
    """from the close until it can be executed"""
    grace_ticks: int = 1440
    """how long it can be executed"""
    emergency_window_ticks: int = 120
    emergency_timelock_ticks: int = 60
    cooldown_ticks: int = 120
    """the least distance of two proposals of one node"""


DEFAULTS: Final = GovernanceRules()
