"""What happens in a simulated network, in order: a function of its parameters and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from qfs.protocol.ruleset import Ruleset
from qfs.simulation import fees, nodes
from qfs.simulation.draws import EPOCH_TICKS, Parameters, first_tick, last_tick
from qfs.simulation.fees import FeeRow, Reward
from qfs.simulation.nodes import NewNode
from qfs.simulation.rules import CYCLE, ruleset_of
from qfs.simulation.telemetry import STRANGER, Arrival, Counts, report
from qfs.simulation.votes import Cast, Propose, Settle, TryVote, votes

LATE_PHASE: Final = 4
"""Its epoch is closed late: the next one has already fees."""

ATTEMPT_OFFSET: Final = EPOCH_TICKS - 30
_CLOSE_DELAY = 20
_LATE_CLOSE_DELAY = 300


class Register(NamedTuple):
    """New nodes, in one event."""

    nodes: list[NewNode]


class Rotate(NamedTuple):
    """Another key for a node."""

    node_id: str


class Revoke(NamedTuple):
    """A node, or a reporter, is revoked."""

    node_id: str


class Change(NamedTuple):
    """Rules for the next epoch."""

    ruleset: Ruleset


class Fees(NamedTuple):
    """A batch of fees."""

    epoch: int
    rows: list[FeeRow]


class Telemetry(NamedTuple):
    """Reports of nodes; those that come too late are refused."""

    epoch: int
    rows: list[tuple[str, int, int, int, int, int, int, int]]
    too_late: bool


class Close(NamedTuple):
    """An epoch is closed."""

    epoch: int


class Attempts(NamedTuple):
    """Where in an epoch what must be refused is tried, by its name in `attempts`."""

    numbers: range


Voting = Propose | Cast | Settle | TryVote
Action = Register | Rotate | Revoke | Change | Fees | Reward | Telemetry | Close | Attempts | Voting


class Happening(NamedTuple):
    """An action at a tick."""

    tick: int
    action: Action


def plan(given: Parameters, attempts: int) -> Iterator[Happening]:
    """Everything that happens, in the order of ticks.

    Args:
        given: seed, epochs and nodes.
        attempts: how many things that must be refused are tried, spread over the epochs.
    """
    waiting: list[Happening] = []
    revoked: list[int] = []
    for index in range(given.epochs):
        # Before all else that is new: a proposal is the first event of its tick.
        waiting += (Happening(*voting) for voting in votes(index))
        waiting += _registry(given, index, revoked)
        waiting += _rules(given, index)
        waiting += _activity(given, index)
        waiting.append(
            Happening(
                first_tick(index) + ATTEMPT_OFFSET,
                Attempts(range(index, attempts, given.epochs)),
            )
        )
        waiting += _ending(given, index)
        # Sorting is stable: what stands first here happens first at its tick.
        waiting.sort(key=lambda happening: happening.tick)
        end = last_tick(index)
        yield from (happening for happening in waiting if happening.tick <= end)
        waiting = [happening for happening in waiting if happening.tick > end]
    yield from waiting


def _registry(given: Parameters, index: int, revoked: list[int]) -> Iterator[Happening]:
    start = first_tick(index)
    if index == 0:
        yield Happening(start, Register(nodes.first_nodes(given)))
        yield Happening(start + nodes.REPORTER_REVOKED_TICK, Revoke(nodes.REVOKED_REPORTER))
        yield Happening(start + nodes.REPORTER_ROTATED_TICK, Rotate(nodes.FEES_REPORTER))
    for tick, node in nodes.joining(given, index):
        yield Happening(tick, Register([nodes.new_node(given, node)]))
    for tick, node in nodes.rotating(given, index):
        if node not in revoked:
            yield Happening(tick, Rotate(nodes.node_id(node)))
    gone = nodes.revoked_in(given, index)
    if gone is not None and gone[1] not in revoked:
        # Rotated in this epoch too it keeps working: the last tick but one is after all others.
        revoked.append(gone[1])
        yield Happening(last_tick(index) - 1, Revoke(nodes.node_id(gone[1])))


def _rules(given: Parameters, index: int) -> Iterator[Happening]:
    now, following = ruleset_of(given, index), ruleset_of(given, index + 1)
    if index + 1 < given.epochs and now.version != following.version:
        yield Happening(first_tick(index) + EPOCH_TICKS // 2, Change(following))


def _activity(given: Parameters, index: int) -> Iterator[Happening]:
    for batch in range(fees.BATCHES):
        tick = first_tick(index) + (batch + 1) * EPOCH_TICKS // fees.BATCHES - 1
        yield Happening(tick, Fees(index, fees.fee_rows(given, index, batch)))
    for number, reward in enumerate(fees.rewards(given, index)):
        yield Happening(first_tick(index) + 300 + number, reward)


def _ending(given: Parameters, index: int) -> Iterator[Happening]:
    """Telemetry on time at the last tick, the late part and the close in the next epoch."""
    after = first_tick(index + 1)
    delay = 1 + given.below(_CLOSE_DELAY, "close", index)
    if index % CYCLE == LATE_PHASE:
        delay += _LATE_CLOSE_DELAY
    yield Happening(last_tick(index), _telemetry(given, index, "on time"))
    yield Happening(after, _telemetry(given, index, "late"))
    yield Happening(after + delay, Close(index))
    too_late = _telemetry(given, index, "too late")
    if too_late.rows:
        yield Happening(after + delay, too_late)


def _telemetry(given: Parameters, index: int, arrival: Arrival) -> Telemetry:
    rows = []
    for node in range(nodes.registered_by(given, index)):
        found = report(given, index, node)
        if found.arrival == arrival:
            rows.append((nodes.node_id(node), index, *found.counts))
    if arrival == "on time":
        counts: Counts = report(given, index, given.nodes).counts
        rows.append((f"{STRANGER}-{index}", index, *counts))
    return Telemetry(index, rows, arrival == "too late")
