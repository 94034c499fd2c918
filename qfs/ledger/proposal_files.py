"""A proposal outside of its instance: the document that its id is the hash of.

What it says was frozen is as true as the id is: whoever has the id from the log has it all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from qfs import canonical
from qfs.decimals import parse_integer
from qfs.errors import EvidenceError
from qfs.files import new_file, read_bounded
from qfs.hashing import PROPOSAL_TAG, tagged_hash
from qfs.limits import MAX_SCALAR
from qfs.protocol.events import TableRef
from qfs.protocol.governance_documents import governance_of
from qfs.protocol.manifest import parse_digest
from qfs.protocol.proposals import Proposal, checked_payload, payload_hash
from qfs.tables import Table


class ProposalDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`Proposal.document`; see there."""

    instance: str
    proposer: str
    tick: int
    type: str
    payload: dict[str, int | str]
    payload_hash: str
    version: int
    emergency: bool
    snapshot: TableRef
    supply: str
    attainable: str
    power_cap: str
    quorum: str
    turnout: Literal["all", "for_and_abstain"]
    close_tick: int
    timelock_ticks: int
    grace_ticks: int

    @property
    def id(self) -> bytes:
        """What names the proposal, 32 bytes."""
        return tagged_hash(PROPOSAL_TAG, canonical.encode(self))

    @property
    def cap(self) -> int:
        """The most that one node counts for, base units."""
        return parse_integer(self.power_cap, "power_cap", MAX_SCALAR)


def document_of(proposal: Proposal) -> ProposalDocument:
    """The document of a proposal."""
    return msgspec.convert(proposal.document(), ProposalDocument)


def proposal_of(document: ProposalDocument, table: Table) -> Proposal:
    """The proposal of a document, with the table of its snapshot."""
    entry = {
        "id": document.id.hex(),
        "proposal": msgspec.to_builtins(document),
        "batches": [],
        "refused": {},
    }
    (vote,) = governance_of({"proposals": [entry]}, lambda schema, digest: table)
    return vote.proposal


def require_form(document: ProposalDocument) -> None:
    """The parts of a document that is signed for are what they say.

    Raises:
        EvidenceError: the hash of the payload is another, or a digest is none.
        FirewallError: governance does not decide on this.
    """
    parse_digest(document.instance, "instance")
    parse_digest(document.snapshot.root, "snapshot.root")
    payload = checked_payload(document.type, document.payload)
    found = payload_hash(document.type, payload).hex()
    if found != document.payload_hash:
        raise EvidenceError(
            f"the payload has the hash {found}", argument="payload_hash", value=found
        )


def write_proposal(path: Path, proposal: Proposal) -> None:
    """Write a proposal into a new file, from which it can be voted on."""
    with new_file(path) as file:
        file.write(canonical.encode(document_of(proposal)))


def read_proposal(path: Path) -> ProposalDocument:
    """The proposal in a file of `write_proposal`.

    Raises:
        StorageError: it cannot be read.
        QfsError: it is no proposal.
    """
    data = read_bounded(path, canonical.MAX_BYTES)
    found = canonical.decode(data, ProposalDocument, path.name)
    require_form(found)
    return found
