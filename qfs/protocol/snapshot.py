"""The frozen snapshot: who may vote on a proposal, and with what power.

Power is min(balance, cap), and nothing else: no interface takes a weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qfs.backend import implementation
from qfs.limits import BASE_UNITS_PER_TOKEN, NOT_REVOKED
from qfs.protocol.events import TableRef
from qfs.protocol.registry import Registry
from qfs.protocol.verdict import Powers
from qfs.rows import find, without
from qfs.tables import BALANCES, Table


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The balances of nodes that are not revoked, in canonical order. A voter is its row."""

    table: Table
    ref: TableRef

    def __len__(self) -> int:
        return len(self.table)

    @property
    def supply(self) -> int:
        """The sum of all balances, base units."""
        return self.table.amounts("balance").total

    def row(self, node_id: str) -> int | None:
        """The row of a node, its voter index, or None."""
        return find(self.table.ids("node_id"), node_id.encode("ascii", "replace"))

    def voter(self, row: int) -> str:
        """The node of a row."""
        return self.table.ids("node_id")[row].decode("ascii")

    def balance(self, row: int) -> int:
        """The balance of a row, base units."""
        return self.table.amounts("balance")[row]


def snapshot_of(table: Table) -> Snapshot:
    """The snapshot that a table is."""
    assert table.schema == BALANCES
    return Snapshot(table, TableRef.of(table))


def freeze(balances: Table, registry: Registry) -> Snapshot:
    """The snapshot of these balances, without the nodes that are revoked."""
    nodes = registry.table
    ticks, ids = nodes.ticks("revoked_tick"), nodes.ids("node_id")
    held = balances.ids("node_id")
    rows = (find(held, ids[row]) for row, tick in enumerate(ticks) if tick != NOT_REVOKED)
    revoked = [row for row in rows if row is not None]
    return snapshot_of(without(balances, revoked) if revoked else balances)


def cap_of(supply: int, share: int) -> int:
    """The most that one node counts for: floor(supply * share), the share in 10^-18."""
    return supply * share // BASE_UNITS_PER_TOKEN


def power(snapshot: Snapshot, row: int, cap: int) -> int:
    """What the ballot of a row counts for, base units."""
    return min(snapshot.balance(row), cap)


def tally(
    snapshot: Snapshot, cap: int, seqs: Sequence[int], voters: Sequence[int], choices: Sequence[int]
) -> Powers:
    """Counted power by choice; of a voter's ballots the one with the lowest seq counts."""
    found = implementation().tally(choices, snapshot.table.amounts("balance"), voters, seqs, cap)
    return Powers(found.yes, found.no, found.abstain)


def attainable(snapshot: Snapshot, cap: int) -> int:
    """The sum of all powers: what is counted where everybody votes, base units."""
    balances = snapshot.table.amounts("balance")
    return implementation().tally([], balances, [], None, cap).attainable
