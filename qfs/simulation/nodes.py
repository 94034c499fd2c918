"""The nodes of a simulated network: when they come, who operates them, when they go."""

from __future__ import annotations

from typing import Final, NamedTuple

from qfs.protocol.registry import INFRASTRUCTURE, REPORTER
from qfs.simulation.draws import EPOCH_TICKS, Parameters, first_tick
from qfs.simulation.rules import NODES_PER_OPERATOR

TELEMETRY_REPORTER: Final = "reporter-telemetry"
FEES_REPORTER: Final = "reporter-fees"
REVOKED_REPORTER: Final = "reporter-revoked"
REPORTERS: Final = (TELEMETRY_REPORTER, FEES_REPORTER, REVOKED_REPORTER)

JOINS: Final = 2
"""nodes that are registered one by one in an epoch, as long as there are any"""

ROTATIONS: Final = 2

REPORTER_REVOKED_TICK: Final = 200
REPORTER_ROTATED_TICK: Final = 250


class NewNode(NamedTuple):
    """A node as it is registered; its key is the first of its name."""

    node_id: str
    operator_id: str
    role: str


def node_id(node: int) -> str:
    """The id of a node by its number."""
    return f"node-{node:05d}"


def key_seed(given: Parameters, name: str, generation: int) -> bytes:
    """What the Ed25519 key of a name is made of, 32 bytes; each rotation is a generation."""
    return given.word("key", name, generation)


def new_node(given: Parameters, node: int) -> NewNode:
    """A node; one operator in four has as many nodes as the rules allow."""
    group, place = divmod(node, NODES_PER_OPERATOR)
    shared = given.chance(250, "operator", group)
    operator = f"operator-{group:05d}" if shared else f"operator-{group:05d}-{place}"
    return NewNode(node_id(node), operator, INFRASTRUCTURE)


def first_nodes(given: Parameters) -> list[NewNode]:
    """Who is registered at once in the beginning."""
    reporters = [NewNode(name, "network", REPORTER) for name in REPORTERS]
    return reporters + [new_node(given, node) for node in range(_registered_first(given))]


def registered_by(given: Parameters, index: int) -> int:
    """How many nodes are registered by the end of an epoch: those of numbers below it."""
    return min(given.nodes, _registered_first(given) + JOINS * (index + 1))


def joining(given: Parameters, index: int) -> list[tuple[int, int]]:
    """Tick and number of each node that is registered by itself in an epoch."""
    first = _registered_first(given) if index == 0 else registered_by(given, index - 1)
    return [(_tick(given, index, "join", n), n) for n in range(first, registered_by(given, index))]


def rotating(given: Parameters, index: int) -> list[tuple[int, int]]:
    """Tick and number of nodes that get another key in an epoch, were they not revoked."""
    last = registered_by(given, index - 1) if index else _registered_first(given)
    return [
        (_tick(given, index, "rotate", n), given.below(last, "rotated", index, n))
        for n in range(ROTATIONS)
    ]


def revoked_in(given: Parameters, index: int) -> tuple[int, int] | None:
    """Tick and number of the node that is revoked in an epoch, were it not already.

    None in the first epoch, and where a quarter of the nodes could be gone.
    """
    if index == 0 or index > given.nodes // 4:
        return None
    # Node 0 stays: it tries what an infrastructure node must not get.
    number = 1 + given.below(registered_by(given, index - 1) - 1, "revoked", index)
    return _tick(given, index, "revoke"), number


def _registered_first(given: Parameters) -> int:
    later = min(JOINS * given.epochs, given.nodes // 5)
    return given.nodes - later


def _tick(given: Parameters, index: int, *name: str | int) -> int:
    """A tick of an epoch, neither its first nor its last."""
    return first_tick(index) + 1 + given.below(EPOCH_TICKS - 2, "tick", index, *name)
