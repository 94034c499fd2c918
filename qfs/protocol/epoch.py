"""Closing an epoch: fees become issued NOD, the pool becomes allocations, to the base unit."""

from __future__ import annotations

from dataclasses import dataclass

from qfs.backend import implementation
from qfs.errors import EpochError, OutOfRangeError, TotalOverflowError
from qfs.limits import MAX_SCALAR, MAX_TICK, MAX_VALUE
from qfs.protocol.allocator import NodAllocation, NODAllocator
from qfs.protocol.eligibility import Contributions
from qfs.protocol.ruleset import Ruleset
from qfs.reference.issuance import Issued
from qfs.tables import Table


@dataclass(frozen=True, slots=True)
class Opening:
    """What an epoch starts from: what the epoch before it left. All 0 for the first."""

    residue: int = 0
    """of issuance, in 10^-18 of a base unit"""
    pool: int = 0
    """issued and not yet allocated, base units"""
    issued: int = 0
    """by all epochs so far, base units"""


@dataclass(frozen=True, slots=True)
class ClosedEpoch:
    """Everything that closing an epoch decides."""

    epoch: int
    ruleset: Ruleset
    opening: Opening
    fees: Table
    nodes: Table
    issuance: Issued
    pool: int
    """what was allocated or left: opening pool + issued, base units"""
    allocation: NodAllocation
    closing: Opening
    contributions: Contributions | None = None
    """where the weights of the nodes come from; None where they were given"""

    @property
    def retained(self) -> int:
        """What the treasury keeps of the fees, base units."""
        return self.issuance.fees - self.issuance.total


def close_epoch(
    epoch: int,
    ruleset: Ruleset,
    opening: Opening,
    fees: Table,
    nodes: Table | Contributions,
) -> ClosedEpoch:
    """Issue the ruleset's rate of the epoch's fees and allocate the pool to the nodes.

    Fees are taken in (tick, action id) order, the canonical order of their table. The residue
    and what was not distributed go on to the next epoch. Nodes come with weights that are given,
    or as what telemetry came to.

    Raises:
        EpochError: a fee's tick lies outside the epoch.
        OutOfRangeError: the pool or the total issued leaves its bounds.
        TotalOverflowError: the fees or the weights sum to more than 2^128 - 1.
    """
    _require_ticks_inside(epoch, ruleset.epoch_ticks, fees)
    found = nodes if isinstance(nodes, Contributions) else None
    nodes = nodes.nodes if isinstance(nodes, Contributions) else nodes
    issuance = implementation().issue(
        fees.amounts("fee"), ruleset.issuance_rate, opening.residue, ruleset.epoch_cap_base_units
    )
    pool = opening.pool + issuance.total
    if pool > MAX_VALUE:
        raise OutOfRangeError(f"{pool} is outside 0 .. 10^38 - 1", argument="pool", value=pool)
    issued = opening.issued + issuance.total
    if issued > MAX_SCALAR:
        raise TotalOverflowError("above 2^128 - 1 base units", argument="issued", value=issued)
    allocation = NODAllocator(ruleset).allocate(pool, nodes, epoch)
    closing = Opening(issuance.residue, allocation.result.undistributed, issued)
    return ClosedEpoch(
        epoch, ruleset, opening, fees, nodes, issuance, pool, allocation, closing, found
    )


def epoch_of(fees: Table, ruleset: Ruleset) -> int:
    """The epoch of the first fee, for a caller that names none.

    Raises:
        EpochError: there is no fee to tell it.
    """
    if len(fees) == 0:
        raise EpochError("there are no fees to tell the epoch from; name it", argument="epoch")
    return int(fees.ticks("tick")[0]) // ruleset.epoch_ticks


def _require_ticks_inside(epoch: int, epoch_ticks: int, fees: Table) -> None:
    first = epoch * epoch_ticks
    last = first + epoch_ticks - 1
    if last > MAX_TICK:
        raise EpochError(f"its last tick {last} is above 2^53 - 1", argument="epoch", value=epoch)
    if len(fees) == 0:
        return
    # The table is in order of ticks, so its first and last row bound them all.
    ticks = fees.ticks("tick")
    for row in (0, len(fees) - 1):
        if not first <= ticks[row] <= last:
            action = fees.ids("action_id")[row].decode("ascii")
            raise EpochError(
                f"tick {ticks[row]} of action {action} is outside epoch {epoch},"
                f" ticks {first} .. {last}",
                argument="fees",
                value=ticks[row],
            )
