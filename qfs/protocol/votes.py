"""A vote: a proposal and what became of it, and where that leaves it at a tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import NamedTuple

from immutables import Map

from qfs.backend import implementation
from qfs.protocol import verdict
from qfs.protocol.ballots import Judged, only
from qfs.protocol.proposals import Proposal
from qfs.protocol.snapshot import tally
from qfs.protocol.verdict import Outcome, Powers
from qfs.reference.merkle_sum import CountedBallot, tally_digest
from qfs.rows import from_rows
from qfs.tables import BALLOTS, Table, join


class Batch(NamedTuple):
    """A batch of ballots of which at least one counted."""

    tick: int
    received: int
    """ballots, those that were refused among them"""
    counted: Table
    powers: Powers
    """of all that is counted after it"""


@dataclass(frozen=True, slots=True)
class Vote:
    """A proposal and what became of it so far."""

    proposal: Proposal
    batches: tuple[Batch, ...] = ()
    refused: Map[str, int] = field(default_factory=Map)
    """ballots that do not count, by reason"""
    cancelled: int | None = None
    """the tick at which it was"""
    executed: int | None = None
    voted: bytes = b""
    """by row of the snapshot, 1 where a ballot counts; follows from the batches"""

    @property
    def progress(self) -> list[tuple[int, Powers]]:
        """What was counted after each batch, with its tick."""
        return [(batch.tick, batch.powers) for batch in self.batches]

    @property
    def powers(self) -> Powers:
        """What is counted."""
        return self.batches[-1].powers if self.batches else Powers()

    @property
    def received(self) -> int:
        """Ballots so far, and so the number of the next one."""
        return sum(batch.received for batch in self.batches)

    def outcome(self, tick: int) -> Outcome:
        """Its state at a tick that is not before the last event's."""
        return verdict.outcome(
            self.proposal.terms,
            self.progress,
            tick,
            executed=self.executed is not None,
            cancelled=self.cancelled is not None,
        )

    def has_voted(self, voter: str) -> bool:
        """Whether a ballot of this node counts."""
        row = self.proposal.snapshot.row(voter)
        return row is not None and self.voted[row : row + 1] == b"\1"

    def counted_ballots(self) -> Table:
        """All counted ballots in the order of the log."""
        tables = [batch.counted for batch in self.batches]
        return reduce(_after, tables) if tables else from_rows(BALLOTS, [])

    def leaves(self) -> Sequence[CountedBallot]:
        """The counted ballots in the order of their voters: the leaves of the tally's tree."""
        table, proposal, chosen = self.counted_ballots(), self.proposal, implementation()
        balances = proposal.snapshot.table.amounts("balance")
        voters, seqs = table.counts("voter_index"), table.ticks("seq")
        partial = chosen.collect_ballots(table.choices("choice"), len(balances), voters, seqs)
        return chosen.counted_ballots(partial, balances, proposal.power_cap)

    @property
    def tally(self) -> bytes:
        """What names the tally, 32 bytes: every counted ballot and the totals."""
        leaves = self.leaves()
        return tally_digest(len(leaves), implementation().sum_root(leaves))

    def counting(self, tick: int, ballots: Table, judged: Judged) -> Vote:
        """The vote after a batch of which these rows count."""
        refused = self.refused
        for reason, count in judged.refused.items():
            refused = refused.set(reason, refused.get(reason, 0) + count)
        after = self.with_batch(tick, len(ballots), only(ballots, judged.counted))
        return replace(after, refused=refused)

    def with_batch(self, tick: int, received: int, counted: Table) -> Vote:
        """The vote after a batch of so many ballots, of which these count."""
        voters, choices = counted.counts("voter_index"), counted.choices("choice")
        snapshot, cap = self.proposal.snapshot, self.proposal.power_cap
        more = tally(snapshot, cap, counted.ticks("seq"), voters, choices)
        voted = bytearray(self.voted or bytes(len(snapshot)))
        for voter in voters:
            voted[voter] = 1
        batch = Batch(tick, received, counted, self.powers.plus(more))
        return replace(self, batches=(*self.batches, batch), voted=bytes(voted))

    def ended(self, refused: Map[str, int], cancelled: int | None, executed: int | None) -> Vote:
        """The vote with these ballots refused, and cancelled or executed at these ticks."""
        return replace(self, refused=refused, cancelled=cancelled, executed=executed)


class Standing(NamedTuple):
    """Where a proposal stands at a tick. Powers in base units."""

    proposal: Proposal
    state: str
    reason: str | None
    """why it was rejected"""
    powers: Powers
    turnout: int
    quorum_needed: int
    """the least turnout that is a quorum"""
    has_quorum: bool
    open_power: int
    """that is not counted"""
    close_tick: int
    executable_from: int
    expires_at: int
    ticks_left: int
    """until it closes, or until it expires; 0 once it is final"""
    voters: int
    """whose ballots count"""
    refused: dict[str, int]
    is_stale: bool
    """whether its parameter was changed since: it can never be executed"""
    cancelled: int | None
    executed: int | None


def _after(first: Table, second: Table) -> Table:
    """Two tables of ballots of which the second is of later numbers."""
    columns = {name: join(first.columns[name], second.columns[name]) for name in first.columns}
    return Table(BALLOTS, columns)
