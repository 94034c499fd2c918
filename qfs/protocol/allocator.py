"""NODAllocator: the policy around the arithmetic of an allocation."""

from __future__ import annotations

from dataclasses import dataclass

from qfs.backend import implementation
from qfs.columns import Column
from qfs.ids import tie_keys
from qfs.limits import CELL_BYTES
from qfs.protocol.ruleset import Ruleset
from qfs.reference.allocation import Allocated
from qfs.reference.arithmetic import mul_floor
from qfs.tables import ALLOCATIONS, Table, TableColumn


@dataclass(frozen=True, slots=True)
class NodAllocation:
    """The allocations table of an epoch, and the numbers that decided it."""

    table: Table
    result: Allocated
    too_few_nodes: bool
    """fewer than the ruleset's min_active_nodes, so that nothing was paid"""


@dataclass(frozen=True, slots=True)
class NODAllocator:
    """Allocates pools to nodes under a ruleset."""

    ruleset: Ruleset

    def allocate(self, pool: int, nodes: Table, epoch: int) -> NodAllocation:
        """Share a pool of base units, 0 .. 10^38 - 1, among the nodes of a table.

        No node is paid more than floor(pool * max_share). With fewer nodes than
        min_active_nodes, whatever their weights, nothing is paid and all of the pool is
        undistributed; the table then lists every node with an amount of 0.

        Raises:
            TotalOverflowError: the weights sum to more than 2^128 - 1.
        """
        ids, weights = nodes.ids("node_id"), nodes.amounts("weight")
        cap = mul_floor(pool, self.ruleset.max_share)
        too_few = len(nodes) < self.ruleset.min_active_nodes
        backend = implementation()
        keys = tie_keys(ids, self.ruleset.tie_break, epoch)
        result = backend.allocate(0 if too_few else pool, weights, None, cap, keys)
        if too_few:
            result = result._replace(undistributed=pool)
        caps = Column.trusted(cap.to_bytes(CELL_BYTES, "little") * len(nodes), cap * len(nodes))
        columns: dict[str, TableColumn] = {
            "node_id": ids,
            "weight": weights,
            "cap": caps,
            "amount": backend.to_column(result.amounts),
        }
        return NodAllocation(Table(ALLOCATIONS, columns), result, too_few)
