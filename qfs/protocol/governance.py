"""InfrastructureGovernance: proposals on infrastructure parameters, decided by weighted votes.

Immutable: every operation gives another one or raises, and then nothing has changed. The state of
a proposal is derived from what was frozen and counted, and from the tick (`qfs.protocol.verdict`).
It knows nodes and the balances that a snapshot froze; it cannot name a token, move a balance, or
reach any other rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from immutables import Map

from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_TICK
from qfs.protocol import ballots as batches
from qfs.protocol import verdict
from qfs.protocol.events import TransitionError
from qfs.protocol.governance_rules import GovernanceRules
from qfs.protocol.parameters import Parameters
from qfs.protocol.proposals import (
    SECURITY_PATCH,
    FirewallError,
    Proposal,
    checked_payload,
    payload_hash,
)
from qfs.protocol.registry import INFRASTRUCTURE, Registry
from qfs.protocol.snapshot import Snapshot, attainable, cap_of, freeze, power
from qfs.protocol.verdict import Terms
from qfs.protocol.votes import Standing, Vote
from qfs.tables import Table

MAX_OPEN_PROPOSALS: Final = 1024
"""Proposals that are active, or passed and may still be executed."""


class Draft(NamedTuple):
    """What a proposer says; all else of a proposal follows from the state."""

    proposer: str
    type: str
    payload: Mapping[str, Any]
    emergency: bool = False


class Ground(NamedTuple):
    """What a proposal is created on."""

    instance: bytes
    tick: int
    last_tick: int
    """of the last event"""
    balances: Table
    registry: Registry
    rules: GovernanceRules


@dataclass(frozen=True, slots=True)
class InfrastructureGovernance:
    """All proposals of an instance, and the parameters that they have set."""

    votes: Map[bytes, Vote] = field(default_factory=Map)
    """by id"""
    parameters: Parameters = field(default_factory=Parameters)

    # What is asked

    def __iter__(self) -> Iterator[Vote]:
        """All votes in the order of their creation, those of one tick by id."""
        return iter(
            sorted(self.votes.values(), key=lambda vote: (vote.proposal.tick, vote.proposal.id))
        )

    def get(self, proposal: bytes) -> Vote:
        """The vote on a proposal.

        Raises:
            TransitionError: there is no such proposal.
        """
        vote = self.votes.get(proposal)
        if vote is None:
            raise TransitionError(
                "unknown_proposal",
                f"{proposal.hex()} is no proposal",
                argument="proposal",
                value=proposal.hex(),
            )
        return vote

    def standing(self, proposal: bytes, tick: int) -> Standing:
        """Where a proposal stands at a tick that is not before the last event's.

        Raises:
            TransitionError: there is no such proposal.
        """
        vote = self.get(proposal)
        terms, progress, powers = vote.proposal.terms, vote.progress, vote.powers
        state, reason = vote.outcome(tick)
        close = verdict.close_of(terms, progress)
        expires = verdict.expires_at(terms, progress)
        ends = {verdict.ACTIVE: close, verdict.PASSED: expires}
        return Standing(
            proposal=vote.proposal,
            state=state,
            reason=reason,
            powers=powers,
            turnout=verdict.turnout(terms, powers),
            quorum_needed=verdict.quorum_needed(terms),
            has_quorum=verdict.has_quorum(terms, powers),
            open_power=terms.attainable - powers.counted,
            close_tick=close,
            executable_from=verdict.executable_from(terms, progress),
            expires_at=expires,
            ticks_left=ends.get(state, tick) - tick,
            voters=sum(len(batch.counted) for batch in vote.batches),
            refused=dict(sorted(vote.refused.items())),
            is_stale=vote.executed is None and self._is_stale(vote.proposal),
            cancelled=vote.cancelled,
            executed=vote.executed,
        )

    def _is_stale(self, proposal: Proposal) -> bool:
        return self.parameters.version(proposal.type) != proposal.version

    # Create

    def propose(self, draft: Draft, ground: Ground) -> Proposal:
        """The proposal that a draft becomes here and now, with its id. Nothing changes.

        Raises:
            TransitionError: it is refused; see `create`.
        """
        payload = checked_payload(draft.type, draft.payload)
        if type(draft.emergency) is not bool:
            raise FirewallError("is neither true nor false", argument="emergency")
        if draft.emergency and draft.type != SECURITY_PATCH:
            raise FirewallError(f"{draft.type} is never an emergency", argument="emergency")
        ground.registry.active(draft.proposer, INFRASTRUCTURE)
        snapshot = self._snapshot(ground)
        cap = cap_of(snapshot.supply, ground.rules.power_share)
        terms = _terms(draft.emergency, ground, snapshot.supply, attainable(snapshot, cap))
        row = snapshot.row(draft.proposer)
        if row is None or power(snapshot, row, cap) == 0:
            raise TransitionError(
                "zero_power", f"{draft.proposer} has no power", argument="proposer"
            )
        return Proposal(
            instance=ground.instance,
            proposer=draft.proposer,
            tick=ground.tick,
            type=draft.type,
            payload=payload,
            version=self.parameters.version(draft.type),
            terms=terms,
            power_cap=cap,
            snapshot=snapshot,
        )

    def create(self, draft: Draft, ground: Ground) -> tuple[InfrastructureGovernance, Proposal]:
        """With one proposal more, and that proposal.

        Raises:
            FirewallError: governance does not decide on this, or the value is out of its bounds.
            TransitionError: the proposer is no active node with power; no snapshot can be had at
                this tick, its supply is 0 or can never be a quorum; the same proposal exists; the
                proposer's last one is too recent; too many are open.
        """
        proposal = self.propose(draft, ground)
        if proposal.id in self.votes:
            raise TransitionError(
                "duplicate",
                f"{proposal.id.hex()} was created already",
                argument="proposal",
                value=proposal.id.hex(),
            )
        self._require_cooldown(proposal, ground.rules.cooldown_ticks)
        still_open = (verdict.ACTIVE, verdict.PASSED)
        if sum(v.outcome(ground.tick).state in still_open for v in self) >= MAX_OPEN_PROPOSALS:
            raise TransitionError("open", f"{MAX_OPEN_PROPOSALS} proposals are open")
        return replace(self, votes=self.votes.set(proposal.id, Vote(proposal))), proposal

    def _snapshot(self, ground: Ground) -> Snapshot:
        """The balances as of the tick before: as they are, if nothing has happened at this tick.

        Of several proposals of one tick the first froze them for all.
        """
        for vote in self.votes.values():
            if vote.proposal.tick == ground.tick:
                return vote.proposal.snapshot
        if ground.last_tick >= ground.tick:
            raise TransitionError(
                "tick",
                f"something has happened at tick {ground.tick}; a proposal is created first of"
                " all at its tick, on the balances as of the tick before",
                argument="tick",
                value=ground.tick,
            )
        return freeze(ground.balances, ground.registry)

    def _require_cooldown(self, proposal: Proposal, cooldown: int) -> None:
        own = [v.proposal.tick for v in self if v.proposal.proposer == proposal.proposer]
        if own and proposal.tick - own[-1] < cooldown:
            raise TransitionError(
                "cooldown",
                f"the last proposal of {proposal.proposer} was at tick {own[-1]};"
                f" the next may be at tick {own[-1] + cooldown}",
                argument="tick",
                value=proposal.tick,
            )

    # Vote

    def vote(
        self, tick: int, proposal: bytes, ballots: Table, signed: Table, registry: Registry
    ) -> InfrastructureGovernance:
        """With a batch of ballots: those that count are counted, the others by their reason.

        Raises:
            TransitionError: there is no such proposal, it takes no ballots at this tick, the
                tables are not a batch that follows those before, or none of its ballots counts.
        """
        found = self._taking(tick, proposal)
        batches.require_numbered(ballots, found.received)
        raw = batches.signatures_of(ballots, signed)
        return self.record(
            tick, proposal, ballots, batches.faults(found.proposal, ballots, raw, registry)
        )

    def record(
        self, tick: int, proposal: bytes, ballots: Table, fault_of: Sequence[str | None]
    ) -> InfrastructureGovernance:
        """The same for ballots whose signatures have been looked at; see `ballots.faults`."""
        found = self._taking(tick, proposal)
        batches.require_numbered(ballots, found.received)
        voted = found.voted or bytes(len(found.proposal.snapshot))
        judged = batches.judge(found.proposal, ballots, fault_of, voted)
        batches.require_some(judged)
        return self._with(found.counting(tick, ballots, judged))

    def _taking(self, tick: int, proposal: bytes) -> Vote:
        """The vote on a proposal that takes ballots."""
        found = self.get(proposal)
        state = found.outcome(tick).state
        if state == verdict.ACTIVE:
            return found
        is_stopped = state in (verdict.CANCELLED, verdict.EXECUTED)
        raise TransitionError(
            state.lower() if is_stopped else "late",
            f"the proposal is {state} at tick {tick} and takes no ballots",
            argument="proposal",
            value=proposal.hex(),
        )

    # Cancel, execute

    def cancel(self, tick: int, proposal: bytes, proposer: str) -> InfrastructureGovernance:
        """With a proposal that its proposer has taken back.

        Raises:
            TransitionError: there is no such proposal, it is another's, or it is not active.
        """
        found = self.get(proposal)
        if found.proposal.proposer != proposer:
            raise TransitionError(
                "proposer",
                f"is of {found.proposal.proposer}, who alone can cancel it",
                argument="proposer",
                value=proposer,
            )
        self._require_state(found, tick, verdict.ACTIVE)
        return self._with(replace(found, cancelled=tick))

    def execute(
        self, tick: int, proposal: bytes, payload: Mapping[str, Any]
    ) -> InfrastructureGovernance:
        """With a proposal executed: its parameter is what was voted, from this tick on.

        Raises:
            TransitionError: there is no such proposal, it has not passed or not for long enough,
                was executed, cancelled or has expired; the payload is not the one that was voted;
                or the parameter was changed since the proposal was created.
        """
        found = self.get(proposal)
        self._require_state(found, tick, verdict.PASSED)
        frozen = found.proposal
        first = verdict.executable_from(frozen.terms, found.progress)
        if tick < first:
            raise TransitionError(
                "timelock", f"can be executed from tick {first} on", argument="tick", value=tick
            )
        given = payload_hash(frozen.type, checked_payload(frozen.type, payload))
        if given != frozen.payload_hash:
            raise TransitionError(
                "payload_hash",
                f"{frozen.payload_hash.hex()} was voted on, this is {given.hex()}",
                argument="payload",
            )
        if self._is_stale(frozen):
            raise TransitionError(
                "stale",
                f"{frozen.type} has version {self.parameters.version(frozen.type)} now, the"
                f" proposal is on version {frozen.version}",
                argument="proposal",
                value=proposal.hex(),
            )
        # The flag before the effect: nothing that the effect sets off finds it executable.
        flagged = self._with(replace(found, executed=tick))
        written = flagged.parameters.written(frozen.type, tick, frozen.id, frozen.payload)
        return replace(flagged, parameters=written)

    def _require_state(self, found: Vote, tick: int, wanted: str) -> None:
        state, reason = found.outcome(tick)
        if state != wanted:
            because = f" ({reason})" if reason else ""
            raise TransitionError(
                state.lower(),
                f"the proposal is {state}{because} at tick {tick}, not {wanted}",
                argument="proposal",
                value=found.proposal.id.hex(),
            )

    def _with(self, vote: Vote) -> InfrastructureGovernance:
        return replace(self, votes=self.votes.set(vote.proposal.id, vote))


def _terms(emergency: bool, ground: Ground, supply: int, most: int) -> Terms:
    """What is frozen of the rules, where the vote can end and can be a quorum."""
    rules, tick = ground.rules, ground.tick
    window = rules.emergency_window_ticks if emergency else rules.window_ticks
    timelock = rules.emergency_timelock_ticks if emergency else rules.timelock_ticks
    quorum = rules.emergency_quorum if emergency else rules.quorum
    if supply == 0:
        raise TransitionError("supply", "there is no supply to vote with", argument="supply")
    if most * BASE_UNITS_PER_TOKEN < quorum * supply:
        raise TransitionError(
            "quorum",
            f"all powers together are {most}, which of a supply of {supply} is no quorum",
            argument="quorum",
            value=most,
        )
    if tick + window + timelock + rules.grace_ticks > MAX_TICK:
        raise TransitionError(
            "tick", "the vote would end after the last tick there is", argument="tick", value=tick
        )
    return Terms(
        supply, most, quorum, rules.turnout, tick + window, timelock, rules.grace_ticks, emergency
    )
