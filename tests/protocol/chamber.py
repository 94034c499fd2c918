"""Governance without a log: nodes with balances, and votes that are signed or taken as signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qfs import signatures
from qfs.limits import NOT_REVOKED
from qfs.protocol import ballots as batches
from qfs.protocol.governance import Draft, Ground, InfrastructureGovernance
from qfs.protocol.governance_rules import GovernanceRules
from qfs.protocol.proposals import Proposal
from qfs.protocol.registry import Registry
from qfs.protocol.votes import Standing
from qfs.rows import from_rows
from qfs.tables import BALANCES, BALLOTS, REGISTRY, Table

INSTANCE = b"\x11" * 32
AGAINST, FOR, ABSTAIN = 0, 1, 2
FACTOR = "storage_replication_factor"
PATCH = "security_patch_deployment"
PATCH_VALUE = {"id": "CVE-1", "sha256": "ab" * 32}
RULES = GovernanceRules(
    window_ticks=10,
    timelock_ticks=4,
    grace_ticks=6,
    emergency_window_ticks=5,
    emergency_timelock_ticks=2,
    cooldown_ticks=3,
)
KEYS = {name: signatures.from_seed(name.encode() * 32) for name in "abcdexyz"}


def registry_of(names: Sequence[str], revoked: Mapping[str, int] | None = None) -> Registry:
    """Infrastructure nodes, each with the key of its name."""
    gone = revoked or {}
    rows = [
        (n, f"op-{n}", "infrastructure", KEYS[n].public.text, 0, gone.get(n, NOT_REVOKED))
        for n in names
    ]
    return Registry.of(from_rows(REGISTRY, rows))


def balances_of(held: Mapping[str, int]) -> Table:
    return from_rows(BALANCES, sorted(held.items()))


class Chamber:
    """An instance of which nothing is kept but what governance sees."""

    def __init__(
        self,
        held: Mapping[str, int],
        rules: GovernanceRules = RULES,
        revoked: Mapping[str, int] | None = None,
        instance: bytes = INSTANCE,
    ) -> None:
        self.instance = instance
        self.rules = rules
        self.balances = balances_of(held)
        self.registry = registry_of(sorted(held), revoked)
        self.governance = InfrastructureGovernance()
        self.tick = 0

    def ground(self, tick: int) -> Ground:
        """What a proposal is created on, first of all at its tick."""
        return Ground(self.instance, tick, tick - 1, self.balances, self.registry, self.rules)

    def create(
        self,
        tick: int,
        proposer: str = "a",
        kind: str = FACTOR,
        payload: Mapping[str, Any] | None = None,
        emergency: bool = False,
    ) -> Proposal:
        value = {"factor": 3} if payload is None else payload
        draft = Draft(proposer, kind, value, emergency)
        self.governance, proposal = self.governance.create(draft, self.ground(tick))
        self.tick = tick
        return proposal

    def emergency(self, tick: int, proposer: str = "a") -> Proposal:
        return self.create(tick, proposer, PATCH, PATCH_VALUE, emergency=True)

    def ballots(self, proposal: Proposal, choices: Mapping[str, int], nonce: int = 0) -> Any:
        """Signed ballots of these voters, as the two tables of a batch."""
        signed = [
            batches.sign_ballot(KEYS[n], self.instance, proposal.id, n, choice, nonce)
            for n, choice in choices.items()
        ]
        return self.batch(proposal, signed)

    def batch(self, proposal: Proposal, signed: Sequence[batches.Ballot]) -> tuple[Table, Table]:
        first = self.governance.get(proposal.id).received
        return batches.tables_of(proposal.snapshot, signed, first)

    def vote(self, tick: int, proposal: Proposal, **choices: int) -> None:
        tables = self.ballots(proposal, choices)
        self.governance = self.governance.vote(tick, proposal.id, *tables, self.registry)
        self.tick = tick

    def cancel(self, tick: int, proposal: Proposal, proposer: str = "a") -> None:
        self.governance = self.governance.cancel(tick, proposal.id, proposer)

    def execute(
        self, tick: int, proposal: Proposal, payload: Mapping[str, Any] | None = None
    ) -> None:
        value = dict(proposal.payload) if payload is None else payload
        self.governance = self.governance.execute(tick, proposal.id, value)

    def standing(self, proposal: Proposal, tick: int) -> Standing:
        return self.governance.standing(proposal.id, tick)

    def state(self, proposal: Proposal, tick: int) -> str:
        return self.standing(proposal, tick).state


def unsigned(first: int, rows: Sequence[tuple[int, int]]) -> Table:
    """Ballots of voter indices with choices, for the layer below signatures."""
    name = "0x" + "00" * 32
    return from_rows(
        BALLOTS, [(first + i, voter, choice, 0, name) for i, (voter, choice) in enumerate(rows)]
    )
