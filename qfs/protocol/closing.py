"""Closing an epoch of an instance: from what the log recorded to balances and the next state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

from qfs.backend import implementation
from qfs.protocol.eligibility import contributions
from qfs.protocol.epoch import ClosedEpoch, close_epoch
from qfs.protocol.events import TransitionError
from qfs.protocol.manifest import Manifest, epoch_tables, manifest_of
from qfs.protocol.state import State
from qfs.protocol.tokens import TokenStateBundle
from qfs.rows import concat, from_rows
from qfs.tables import BALANCES, FEES, TELEMETRY, Schema, Table


@dataclass(frozen=True, slots=True)
class Closing:
    """A closed epoch, its manifest, and the state after it."""

    closed: ClosedEpoch
    manifest: Manifest
    state: State

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that are evidence of the epoch."""
        return epoch_tables(self.closed)


def close(state: State, epoch: int, tick: int) -> Closing:
    """Close an epoch at a tick.

    Raises:
        TransitionError: it is closed already, not the next one, or not over yet.
        QfsError: its amounts leave their bounds.
    """
    state = state.at(tick)
    _require_due(state, epoch)
    registry = state.registry.folded()
    fees = _joined(FEES, state.tables(FEES.name, epoch))
    telemetry = _joined(TELEMETRY, state.tables(TELEMETRY.name, epoch))
    ruleset = state.ruleset_of(epoch)
    found = contributions(epoch, ruleset, registry.table, telemetry)
    closed = close_epoch(epoch, ruleset, state.opening, fees, found)
    manifest = manifest_of(closed, state.manifest)
    balances = _credited(state.balances, closed.allocation.table)
    later = [entry for entry in state.rulesets if entry[0] > epoch + 1]
    after = replace(
        state,
        epoch=epoch + 1,
        tokens=_settled(state, closed, balances),
        registry=registry,
        balances=balances,
        batches=tuple(batch for batch in state.batches if batch.epoch != epoch),
        rulesets=((epoch + 1, state.ruleset_of(epoch + 1)), *later),
        manifest=manifest.digest,
    )
    return Closing(closed, manifest, after)


def _require_due(state: State, epoch: int) -> None:
    if epoch < state.epoch:
        raise TransitionError("closed", f"{epoch} is closed", argument="epoch", value=epoch)
    if epoch > state.epoch:
        raise TransitionError(
            "epoch",
            f"{epoch}; epochs are closed in order, {state.epoch} is next",
            argument="epoch",
            value=epoch,
        )
    end = (epoch + 1) * state.epoch_ticks
    if state.tick < end:
        raise TransitionError(
            "epoch",
            f"{epoch} lasts to tick {end - 1}; it is tick {state.tick}",
            argument="epoch",
            value=epoch,
        )


def _joined(schema: Schema, tables: list[Table]) -> Table:
    return reduce(concat, tables, from_rows(schema, []))


def _credited(balances: Table, allocations: Table) -> Table:
    ids, values = implementation().merge_add(
        balances.ids("node_id"),
        balances.amounts("balance"),
        allocations.ids("node_id"),
        allocations.amounts("amount"),
    )
    return Table(BALANCES, {"node_id": ids, "balance": implementation().to_column(values)})


def _settled(state: State, closed: ClosedEpoch, balances: Table) -> TokenStateBundle:
    tokens, nod, atr = state.tokens, state.tokens.nod_state, state.tokens.atr_state
    return replace(
        tokens,
        nod_state=replace(
            nod,
            supply=nod.supply + closed.pool - closed.closing.pool,
            pool=closed.closing.pool,
            issued=closed.closing.issued,
            residue=closed.closing.residue,
            balances=balances.digest,
        ),
        atr_state=replace(
            atr,
            fees=atr.fees + closed.issuance.fees,
            retained=atr.retained + closed.retained,
        ),
    )
