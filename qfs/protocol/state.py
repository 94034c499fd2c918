"""The state of an instance: what the log comes to, and the digest that names it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from immutables import Map

from qfs import canonical
from qfs.errors import shown
from qfs.hashing import STATE_TAG, tagged_hash
from qfs.limits import MAX_TICK, SPEC_VERSION
from qfs.protocol.epoch import Opening
from qfs.protocol.events import TableRef, TransitionError
from qfs.protocol.governance import InfrastructureGovernance
from qfs.protocol.governance_documents import document_of
from qfs.protocol.registry import Registry
from qfs.protocol.ruleset import Ruleset
from qfs.protocol.tokens import TokenStateBundle, create_token_state_bundle
from qfs.rows import from_rows
from qfs.signatures import PublicKey
from qfs.tables import BALANCES, Table

REGISTRAR: Final = ""
"""Whose number of signed events is kept under the empty name; a node's id is never empty."""


MAX_EPOCHS_AHEAD: Final = 1024
"""How far a tick may lie ahead of the epoch to be closed next."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Fees or telemetry that were recorded for an epoch that is not closed yet."""

    epoch: int
    reporter: str
    table: Table

    @property
    def kind(self) -> str:
        """`fees` or `telemetry`."""
        return self.table.schema.name


@dataclass(frozen=True, slots=True)
class State:
    """Everything that decides what may happen next, and what it does. Immutable."""

    instance: bytes
    registrar: PublicKey
    rulesets: tuple[tuple[int, Ruleset], ...]
    """each with the first epoch that it rules, from the one to be closed next"""
    epoch: int
    """the epoch to be closed next"""
    tick: int
    """of the last event"""
    tokens: TokenStateBundle = field(default_factory=create_token_state_bundle)
    registry: Registry = field(default_factory=Registry)
    balances: Table = field(default_factory=lambda: from_rows(BALANCES, []))
    batches: tuple[Batch, ...] = ()
    signed: Map[str, int] = field(default_factory=Map)
    """events signed so far, by signer: the next one's nonce"""
    manifest: bytes | None = None
    """digest of the last closed epoch"""
    governance: InfrastructureGovernance = field(default_factory=InfrastructureGovernance)
    spec_version: int = SPEC_VERSION
    """of the rules that its events are applied by"""

    def ruleset_of(self, epoch: int) -> Ruleset:
        """The rules of an epoch that is not closed yet."""
        return next(rules for first, rules in reversed(self.rulesets) if first <= epoch)

    @property
    def epoch_ticks(self) -> int:
        """The length of an epoch; it never changes."""
        return self.rulesets[0][1].epoch_ticks

    @property
    def opening(self) -> Opening:
        """What the next epoch to be closed starts from."""
        nod = self.tokens.nod_state
        return Opening(residue=nod.residue, pool=nod.pool, issued=nod.issued)

    def at(self, tick: int) -> State:
        """The same state at this or a later tick.

        Raises:
            TransitionError: the tick lies before the last event's, too far ahead, or is none.
        """
        if type(tick) is not int or not self.tick <= tick <= MAX_TICK:
            raise TransitionError(
                "tick",
                f"{shown(tick)} is outside {self.tick} .. 2^53 - 1; ticks never decrease",
                argument="tick",
                value=tick,
            )
        if tick // self.epoch_ticks > self.epoch + MAX_EPOCHS_AHEAD:
            # One event at the last tick there is would be the last event for ever.
            raise TransitionError(
                "tick",
                f"{tick} lies more than {MAX_EPOCHS_AHEAD} epochs after epoch {self.epoch},"
                " which is to be closed next",
                argument="tick",
                value=tick,
            )
        return replace(self, tick=tick)

    def tables(self, kind: str, epoch: int) -> list[Table]:
        """The recorded fees or telemetry of an epoch, in the order of the log."""
        return [b.table for b in self.batches if (b.kind, b.epoch) == (kind, epoch)]

    def document(self) -> dict[str, Any]:
        """The state with its tables by name, as it is hashed."""
        return {
            "spec_version": self.spec_version,
            "instance": self.instance.hex(),
            "registrar": self.registrar.text,
            "epoch": self.epoch,
            "tick": self.tick,
            "manifest": "" if self.manifest is None else self.manifest.hex(),
            "rulesets": [
                {"first_epoch": first, "ruleset": rules.document()}
                for first, rules in self.rulesets
            ],
            "tokens": self.tokens.digest.hex(),
            "registry": _entry(self.registry.table),
            "balances": _entry(self.balances),
            "batches": [
                {"epoch": b.epoch, "reporter": b.reporter, "kind": b.kind} | _entry(b.table)
                for b in self.batches
            ],
            "signed": dict(self.signed),
            **({"governance": document_of(self.governance)} if self.governance.votes else {}),
        }

    @property
    def digest(self) -> bytes:
        """What names the state, 32 bytes. It hashes tables that were not hashed before."""
        return tagged_hash(STATE_TAG, canonical.encode(self.document()))


def _entry(table: Table) -> dict[str, Any]:
    name = TableRef.of(table)
    return {"rows": name.rows, "root": name.root, "digest": name.digest}
