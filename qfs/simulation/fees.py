"""The actions of a simulated epoch: what each paid, and which were rewarded."""

from __future__ import annotations

from typing import Final, NamedTuple

from qfs.limits import BASE_UNITS_PER_TOKEN
from qfs.simulation.draws import EPOCH_TICKS, Parameters, first_tick

BATCHES: Final = 4
"""of fees in an epoch, each recorded when its ticks are over"""

REWARDS: Final = 3
"""rewarded actions in an epoch"""

_LEAST_ACTIONS = 40
_MOST_ACTIONS = 20_000
_LARGEST_FEE = 200_000 * BASE_UNITS_PER_TOKEN

FeeRow = tuple[int, str, int]
"""tick, action id, fee in base units: a row of the table of fees"""


class Reward(NamedTuple):
    """What a rewarded action is rewarded by; in 10^-18."""

    action_id: str
    s_chr: int
    action_cost: int
    c_holo: int
    c_crit: int


def fee_rows(given: Parameters, index: int, batch: int | None = None) -> list[FeeRow]:
    """The fees of an epoch, or those of one of its batches: heavy-tailed, some of them 0."""
    rows = []
    for number in range(_LEAST_ACTIONS + min(2 * given.nodes, _MOST_ACTIONS)):
        offset = given.below(EPOCH_TICKS, "fee tick", index, number)
        if batch is None or offset * BATCHES // EPOCH_TICKS == batch:
            is_free = given.chance(20, "free", index, number)
            fee = 0 if is_free else given.tail(_LARGEST_FEE, "fee", index, number)
            rows.append((first_tick(index) + offset, _action_id(given, index, number), fee))
    return rows


def total_fees(given: Parameters, index: int) -> int:
    """What all actions of an epoch paid, base units."""
    return sum(fee for _, _, fee in fee_rows(given, index))


def rewards(given: Parameters, index: int) -> list[Reward]:
    """The rewarded actions of an epoch."""
    return [
        Reward(
            action_id=_action_id(given, index, number),
            s_chr=given.below(10 * BASE_UNITS_PER_TOKEN, "s_chr", index, number),
            action_cost=given.below(BASE_UNITS_PER_TOKEN, "cost", index, number),
            c_holo=BASE_UNITS_PER_TOKEN - given.below(10**17, "c_holo", index, number),
            c_crit=BASE_UNITS_PER_TOKEN * 8 // 10,
        )
        for number in range(REWARDS)
    ]


def _action_id(given: Parameters, index: int, number: int) -> str:
    return f"0x{given.word('action', index, number)[:20].hex()}"
