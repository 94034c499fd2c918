"""A small network, and whatever can be proved of it: valid documents and what they are to show."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from qfs import canonical, signatures
from qfs.ledger.checkpoint import Checkpoint, sign_checkpoint
from qfs.ledger.checkpoints import origin_of
from qfs.ledger.consistency import prove_consistency
from qfs.ledger.evidence import read_artifact, read_manifest
from qfs.ledger.instance import Instance
from qfs.ledger.log_proofs import PROVED, prove_in_log
from qfs.ledger.note import Signer, VerifierKey
from qfs.ledger.proofs import prove
from qfs.ledger.receipt_checks import verify_receipt
from qfs.ledger.receipts import Receipts
from qfs.ledger.session import Session
from qfs.ledger.tree import read_tree
from qfs.protocol.votes import Vote
from qfs.rows import rows_of
from qfs.simulation.draws import Parameters
from qfs.simulation.run import create_network, run
from qfs.tables import ALLOCATIONS
from targets.scratch import folder

PARAMETERS: Final = Parameters(3, 3, 8)
OPERATOR: Final = signatures.from_seed(b"\x7f" * 32)
MAX_PROVED: Final = 3
"""Documents of each kind: as many as tell one node or voter from another."""


@dataclass
class World:
    """What a verifier knows from elsewhere, valid documents by kind, and what is true."""

    key: VerifierKey
    known: Checkpoint
    """a checkpoint from elsewhere"""
    digest: str
    """of the epoch that payments are proved of"""
    tally: str
    """digest of the proposal that receipts are of"""
    documents: dict[str, list[bytes]] = field(default_factory=dict)
    rows: set[tuple[str, int, tuple[Any, ...]]] = field(default_factory=set)
    """tables of that epoch: name, position, row"""
    receipts: dict[str, Any] = field(default_factory=dict)
    """by voter, what its receipt shows"""
    checkpoints: list[Checkpoint] = field(default_factory=list)
    """all that the operator has signed"""


@cache
def world() -> World:
    """The network of PARAMETERS with all its documents; it takes a second."""
    instance = create_network(folder() / "network", PARAMETERS)
    with Session(instance, "fuzz") as session:
        network = run(PARAMETERS, session, lambda done, total: None)
        votes = [vote for vote in session.state.governance if len(vote.leaves()) > 1]
    epoch = len(network.epochs) - 1
    signer = Signer(origin_of(instance.id), OPERATOR)
    with instance.open_log() as log:
        tree = read_tree(log)
    sizes = (1, tree.size // 2, tree.size - 1, tree.size)
    checkpoints = [Checkpoint(signer.name, size, tree.root(size)) for size in sizes]
    notes = [sign_checkpoint(checkpoint, [signer]) for checkpoint in checkpoints]
    manifest = read_manifest(instance.evidence(epoch))
    found = World(signer.verifier, checkpoints[-1], manifest.digest.hex(), votes[0].tally.hex())
    found.checkpoints, found.documents["checkpoint"] = checkpoints, notes
    _add_rows(found, instance, epoch, notes[-1])
    _add_receipts(found, instance, votes[0], notes[-1])
    found.documents["consistency"] = [
        canonical.encode(prove_consistency(instance, first, second))
        for first, second in (notes[:2], notes[1:3], notes[2:], (notes[0], notes[-1]))
    ]
    return found


def _add_rows(found: World, instance: Instance, epoch: int, note: bytes) -> None:
    folder = instance.evidence(epoch)
    manifest = read_manifest(folder)
    for kind in ("payment", "log proof"):
        found.documents[kind] = []
    for schema in PROVED:
        table = read_artifact(folder, manifest, schema.name)
        for index, row in enumerate(rows_of(table)):
            found.rows.add((schema.name, index, tuple(map(str, row))))
            if index >= MAX_PROVED:
                continue
            if schema == ALLOCATIONS:
                found.documents["payment"].append(canonical.encode(prove(folder, row[0])))
            proof = prove_in_log(instance, epoch, row[0], note)
            found.documents["log proof"].append(canonical.encode(proof))


def _add_receipts(found: World, instance: Instance, vote: Vote, note: bytes) -> None:
    receipts = Receipts(instance, vote, note)
    voters = [vote.proposal.snapshot.voter(leaf.voter) for leaf in vote.leaves()]
    made = [receipts.make(voter) for voter in voters]
    for voter, receipt in zip(voters, made, strict=True):
        found.receipts[voter] = verify_receipt(receipt)
    # Of the last one's log nobody has signed the root.
    given = [*made[:MAX_PROVED], Receipts(instance, vote).make(voters[0])]
    found.documents["receipt"] = [canonical.encode(receipt) for receipt in given]
