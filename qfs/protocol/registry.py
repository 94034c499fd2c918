"""The registry: which nodes there are, who operates them, and by what key they speak.

Immutable. A table in canonical order holds most nodes; what changed since is kept beside it, so
that one change costs the same however many nodes there are. `folded` joins the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import compress
from typing import Final, NamedTuple

from immutables import Map

from qfs.errors import QfsError, shown
from qfs.limits import NOT_REVOKED
from qfs.protocol.events import TransitionError
from qfs.rows import concat, find, from_rows, row_at, rows_of, without
from qfs.signatures import parse_public_key
from qfs.tables import REGISTRY, Schema, Table, tick_column

INFRASTRUCTURE: Final = "infrastructure"
"""The role that is paid. Only nodes of this role hold NOD."""

REPORTER: Final = "reporter"
"""The role that records fees, telemetry and rewards. It is never paid."""

ROLES: Final = (INFRASTRUCTURE, REPORTER)


class Node(NamedTuple):
    """A row of the registry."""

    node_id: str
    operator_id: str
    role: str
    public_key: str
    registered_tick: int
    revoked_tick: int

    @property
    def revoked(self) -> bool:
        """Whether it was revoked at any tick."""
        return self.revoked_tick != NOT_REVOKED


NEW_NODES: Final = Schema("new nodes", REGISTRY.columns[:4], REGISTRY.order)
"""What is known of a node before it is registered."""


def registrations(new: Table, tick: int) -> Table:
    """New nodes as rows of the registry from this tick on."""
    assert new.schema == NEW_NODES
    return Table(
        REGISTRY,
        {
            **new.columns,
            "registered_tick": tick_column([tick] * len(new)),
            "revoked_tick": tick_column([NOT_REVOKED] * len(new)),
        },
    )


@dataclass(frozen=True)
class _Base:
    """A registry table, and what is looked up in it."""

    table: Table

    @cached_property
    def operators(self) -> Mapping[str, int]:
        """Unrevoked infrastructure nodes by operator."""
        return _count_operators(self.table)

    def row(self, node_id: str) -> int | None:
        """Where the node of this id stands, or None."""
        return find(self.table.ids("node_id"), node_id.encode("ascii"))

    def get(self, node_id: str) -> Node | None:
        """The node of this id, or None."""
        row = self.row(node_id)
        return None if row is None else Node(*row_at(self.table, row))


_PAID_ROLE: Final = INFRASTRUCTURE.encode("ascii")
_FEW: Final = 1024
"""More new nodes than this become part of the table at once."""


@dataclass(frozen=True, slots=True)
class Registry:
    """All nodes that were ever registered."""

    _base: _Base = field(default_factory=lambda: _Base(from_rows(REGISTRY, [])))
    _changed: Map[str, Node] = field(default_factory=Map)
    _operators: Map[str, int] = field(default_factory=Map)
    """nodes more or fewer than the base has, by operator"""

    @classmethod
    def of(cls, table: Table) -> Registry:
        """The registry that a table is."""
        return cls(_Base(table))

    def __len__(self) -> int:
        new = sum(self._base.row(node_id) is None for node_id in self._changed)
        return len(self._base.table) + new

    @property
    def settled(self) -> Table:
        """The table that most nodes stand in, some of them as they were before."""
        return self._base.table

    @property
    def changed(self) -> Map[str, Node]:
        """The nodes that are new or otherwise since, by id."""
        return self._changed

    def get(self, node_id: str) -> Node | None:
        """The node of this id, or None."""
        return self._changed.get(node_id) or self._base.get(node_id)

    def active(self, node_id: str, role: str) -> Node:
        """The node of this id, which is not revoked and has this role.

        Raises:
            TransitionError: there is none such.
        """
        node = self.get(node_id)
        if node is None:
            raise TransitionError(
                "unknown_node", f"{node_id} is not registered", argument="node_id", value=node_id
            )
        if node.revoked:
            raise TransitionError(
                "revoked",
                f"{node_id} was revoked at tick {node.revoked_tick}",
                argument="node_id",
                value=node_id,
            )
        if node.role != role:
            raise TransitionError(
                "role",
                f"{node_id} has role {node.role}; {role} is needed",
                argument="node_id",
                value=node_id,
            )
        return node

    def register(self, new: Table, tick: int, max_nodes_per_operator: int) -> Registry:
        """The registry with new nodes.

        Raises:
            TransitionError: a row is not a new node, or an operator would have too many.
        """
        nodes = [Node(*row) for row in rows_of(new)]
        for index, node in enumerate(nodes):
            _require_new(node, tick, index, self)
        added = _count_operators(new)
        for operator, count in added.items():
            total = self.nodes_of(operator) + count
            if total > max_nodes_per_operator:
                raise TransitionError(
                    "operator",
                    f"{operator} would have {total} nodes; at most {max_nodes_per_operator}",
                    argument="operator_id",
                    value=operator,
                )
        if len(new) > _FEW:
            return Registry.of(concat(self.folded()._base.table, new))
        changed = self._changed.update({node.node_id: node for node in nodes})
        return replace(self, _changed=changed, _operators=self._plus(added))

    def nodes_of(self, operator: str) -> int:
        """How many unrevoked infrastructure nodes an operator has."""
        return self._base.operators.get(operator, 0) + self._operators.get(operator, 0)

    def rotate_key(self, node_id: str, public_key: str) -> Registry:
        """The registry with another key for a node that is not revoked."""
        node = self._unrevoked(node_id)
        if node.public_key == public_key:
            raise TransitionError("key", "is the key it has", argument="public_key")
        _require_key(public_key, None)
        return self._with(node._replace(public_key=public_key))

    def revoke(self, node_id: str, tick: int) -> Registry:
        """The registry in which a node is revoked from this tick on."""
        node = self._unrevoked(node_id)
        if tick == NOT_REVOKED:
            raise TransitionError("tick", "stands for never", argument="tick", value=tick)
        less = {node.operator_id: -1} if node.role == INFRASTRUCTURE else {}
        registry = self._with(node._replace(revoked_tick=tick))
        return replace(registry, _operators=self._plus(less))

    def folded(self) -> Registry:
        """The same registry as one table."""
        if not self._changed:
            return self
        known = [self._base.row(node_id) for node_id in self._changed]
        kept = without(self._base.table, [row for row in known if row is not None])
        return Registry.of(concat(kept, from_rows(REGISTRY, sorted(self._changed.values()))))

    @property
    def table(self) -> Table:
        """All nodes in canonical order."""
        return self.folded()._base.table

    def _unrevoked(self, node_id: str) -> Node:
        node = self.get(node_id)
        return self.active(node_id, INFRASTRUCTURE if node is None else node.role)

    def _with(self, node: Node) -> Registry:
        return replace(self, _changed=self._changed.set(node.node_id, node))

    def _plus(self, counts: Mapping[str, int]) -> Map[str, int]:
        operators = self._operators
        for operator, count in counts.items():
            operators = operators.set(operator, operators.get(operator, 0) + count)
        return operators


def _require_new(node: Node, tick: int, index: int, registry: Registry) -> None:
    if registry.get(node.node_id) is not None:
        raise _at(index, "known_node", "node_id", node.node_id, "is registered already")
    if node.role not in ROLES:
        raise _at(index, "role", "role", node.role, f"is none of {', '.join(ROLES)}")
    if node.registered_tick != tick:
        words = f"is not the tick of the event, {tick}"
        raise _at(index, "tick", "registered_tick", node.registered_tick, words)
    if node.revoked:
        raise _at(index, "revoked", "revoked_tick", node.revoked_tick, "a new node is not revoked")
    _require_key(node.public_key, index)


def _require_key(public_key: str, index: int | None) -> None:
    try:
        parse_public_key(public_key)
    except QfsError as error:
        raise TransitionError("key", error.problem, argument="public_key", index=index) from None


def _at(index: int, reason: str, argument: str, value: object, words: str) -> TransitionError:
    return TransitionError(
        reason, f"{shown(value)} {words}", argument=argument, index=index, value=value
    )


def _count_operators(table: Table) -> Counter[str]:
    """Unrevoked infrastructure nodes by operator."""
    paid = (
        role == _PAID_ROLE and revoked == NOT_REVOKED
        for role, revoked in zip(table.texts("role"), table.ticks("revoked_tick"), strict=True)
    )
    return Counter(text.decode("ascii") for text in compress(table.texts("operator_id"), paid))
