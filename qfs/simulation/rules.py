"""The rules of a simulated network: one ruleset per epoch, in a cycle of six."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from qfs.limits import BASE_UNITS_PER_TOKEN
from qfs.protocol.ruleset import Ruleset
from qfs.simulation.draws import EPOCH_TICKS, Parameters
from qfs.simulation.fees import total_fees

CYCLE: Final = 6

NODES_PER_OPERATOR: Final = 3
HEARTBEATS: Final = 512
"""expected of a node in an epoch, by all rules that expect a number"""

_PERCENT = BASE_UNITS_PER_TOKEN // 100


def ruleset_of(given: Parameters, index: int) -> Ruleset:
    """The rules of an epoch.

    In a cycle: the default; scores by weighted sum and rotating ties; a higher rate and an
    issuance cap at half of what the epoch's fees come to; a lower rate; a tight cap per node, for
    two epochs in which a node may be expected for a part of the epoch only.
    """
    cycle, phase = divmod(index, CYCLE)
    rules = Ruleset(
        version=cycle * (CYCLE - 1) + min(phase, CYCLE - 2) + 1,
        epoch_ticks=EPOCH_TICKS,
        max_nodes_per_operator=NODES_PER_OPERATOR,
        expected_heartbeats=HEARTBEATS,
    )
    if phase == 1:
        return replace(rules, score_policy="weighted_sum", tie_break="rotating")
    if phase == 2:
        rate = 12 * _PERCENT
        cap = total_fees(given, index) * rate // BASE_UNITS_PER_TOKEN // 2
        return replace(rules, issuance_rate=rate, epoch_cap_base_units=cap)
    if phase == 3:
        return replace(rules, issuance_rate=8 * _PERCENT, tie_break="rotating")
    if phase >= 4:
        share = min(BASE_UNITS_PER_TOKEN, 135 * _PERCENT // given.nodes)
        return replace(rules, max_share=share, expected_heartbeats=0)
    return rules
