"""Governance as a part of the state document, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from immutables import Map

from qfs.decimals import parse_integer, parse_rate
from qfs.limits import MAX_SCALAR
from qfs.protocol.events import TableRef
from qfs.protocol.governance import InfrastructureGovernance
from qfs.protocol.parameters import Parameters, Version
from qfs.protocol.proposals import Proposal, checked_payload
from qfs.protocol.snapshot import Snapshot, snapshot_of
from qfs.protocol.verdict import Terms
from qfs.protocol.votes import Vote
from qfs.tables import BALANCES, BALLOTS, Schema, Table

GetTable = Callable[[Schema, str], Table]
"""The table of a schema and a digest, 64 hex digits."""


def document_of(governance: InfrastructureGovernance) -> dict[str, Any]:
    """All proposals in the order of their creation, and all parameters that were ever set."""
    parameters = governance.parameters.document()
    document: dict[str, Any] = {"proposals": [_vote_document(vote) for vote in governance]}
    return document | ({"parameters": parameters} if parameters else {})


def _vote_document(vote: Vote) -> dict[str, Any]:
    ends = {"cancelled": vote.cancelled, "executed": vote.executed}
    return {
        "id": vote.proposal.id.hex(),
        "proposal": vote.proposal.document(),
        "batches": [
            {"tick": batch.tick, "received": batch.received} | _entry(batch.counted)
            for batch in vote.batches
        ],
        "refused": dict(vote.refused),
        **{name: tick for name, tick in ends.items() if tick is not None},
    }


def _entry(table: Table) -> dict[str, Any]:
    name = TableRef.of(table)
    return {"rows": name.rows, "root": name.root, "digest": name.digest}


def tables_of(governance: InfrastructureGovernance) -> Iterator[Table]:
    """The tables that its document names."""
    for vote in governance:
        yield vote.proposal.snapshot.table
        yield from (batch.counted for batch in vote.batches)


def governance_of(document: Mapping[str, Any], get: GetTable) -> InfrastructureGovernance:
    """The governance of a document that `document_of` gave, or of none at all.

    Totals are counted again from the tables.
    """
    snapshots: dict[str, Snapshot] = {}
    votes = {}
    for entry in document.get("proposals", ()):
        digest = entry["proposal"]["snapshot"]["digest"]
        if digest not in snapshots:
            snapshots[digest] = snapshot_of(get(BALANCES, digest))
        vote = _vote_of(entry, snapshots[digest], get)
        votes[vote.proposal.id] = vote
    histories = {
        name: tuple(
            Version(
                found["version"],
                found["tick"],
                bytes.fromhex(found["proposal"]),
                checked_payload(name, found["payload"]),
            )
            for found in history
        )
        for name, history in document.get("parameters", {}).items()
    }
    return InfrastructureGovernance(Map(votes), Parameters(Map(histories)))


def _vote_of(entry: Mapping[str, Any], snapshot: Snapshot, get: GetTable) -> Vote:
    vote = Vote(_proposal_of(entry["proposal"], snapshot))
    for batch in entry["batches"]:
        vote = vote.with_batch(batch["tick"], batch["received"], get(BALLOTS, batch["digest"]))
    return vote.ended(Map(entry["refused"]), entry.get("cancelled"), entry.get("executed"))


def _proposal_of(found: Mapping[str, Any], snapshot: Snapshot) -> Proposal:
    def figure(name: str) -> int:
        return parse_integer(found[name], name, MAX_SCALAR)

    return Proposal(
        instance=bytes.fromhex(found["instance"]),
        proposer=found["proposer"],
        tick=found["tick"],
        type=found["type"],
        payload=checked_payload(found["type"], found["payload"]),
        version=found["version"],
        terms=Terms(
            supply=figure("supply"),
            attainable=figure("attainable"),
            quorum=parse_rate(found["quorum"], "quorum"),
            turnout=found["turnout"],
            close_tick=found["close_tick"],
            timelock_ticks=found["timelock_ticks"],
            grace_ticks=found["grace_ticks"],
            emergency=found["emergency"],
        ),
        power_cap=figure("power_cap"),
        snapshot=snapshot,
    )
