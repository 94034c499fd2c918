"""A voter's receipt: that a ballot stands in the log and counts in the tally, in one file.

    proposal -> its id <- ballot.record event -> log
                             |
    ballot -> root and digest of its table    signature -> public key
      |
    balance -> snapshot that the proposal froze
      |
    power -> leaf of the Merkle-sum tree -> digest of the tally, with its totals

Nothing is stated twice: voter index, choice and power of the leaf are those of the ballot, the
balance and the cap. The root of the log stands in a signed checkpoint where there is one.

It shows that this ballot is in the totals. It does not show that no other ballot was left out,
nor that the key was the one that the registry had: both follow from the log, and are what `qfs
tally` and `qfs verify` of the instance compute again. No secrecy is claimed: who voted how is
public in the log.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from pathlib import Path
from typing import Final, Literal

import msgspec

from qfs import canonical
from qfs.backend import implementation
from qfs.errors import EvidenceError
from qfs.files import new_file, read_bounded
from qfs.ledger.checkpoints import origin_of, require_reaches, trusted
from qfs.ledger.instance import Instance
from qfs.ledger.kept_tree import KeptTree
from qfs.ledger.log_proofs import ProvedEvent, proved_event
from qfs.ledger.log_roots import LogRoot, log_root
from qfs.ledger.note import to_base64
from qfs.ledger.proposal_files import ProposalDocument, document_of
from qfs.ledger.recorded import read_recorded
from qfs.protocol.votes import Vote
from qfs.reference.merkle_sum import EMPTY, SumNode, receipt_from_levels, tally_digest
from qfs.rows import row_at
from qfs.tables import Table

FORMAT: Final = "qfs-receipt-v1"


class ReceiptRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a table: every column as text, its position, and the path to the table's root."""

    columns: dict[str, str]
    index: int
    path: list[str]


class SumSibling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A subtree of the tally beside the way: its hash and its sums, base units."""

    digest: str
    yes: str
    no: str
    abstain: str


class CountedLeaf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the ballot stands among those that count, and the digest that this leads to."""

    index: int
    size: int
    path: list[SumSibling]
    digest: str


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A receipt. `checkpoint` is the base64 of a note that states `log`, or empty."""

    format: Literal["qfs-receipt-v1"]
    proposal: ProposalDocument
    ballot: ReceiptRow
    signature: str
    public_key: str
    event: ProvedEvent
    log: LogRoot
    balance: ReceiptRow
    counted: CountedLeaf
    checkpoint: str = ""


class Receipts:
    """Makes the receipts of a proposal; what they share is read and hashed once."""

    def __init__(self, instance: Instance, vote: Vote, note: bytes | None = None) -> None:
        """Read what the receipts of a proposal lead to.

        Args:
            instance: read for its log and tables.
            vote: the proposal and what the log has counted on it.
            note: a checkpoint of the log, up to which it is shown; its signatures are not checked.
                None leads to the root over the events up to the ballot's, which nobody signed.

        Raises:
            VerificationError: the note is no checkpoint of this log, or a table is not what its
                event says.
            LogTamperedError: the log's chain is broken.
            StorageError: a table is missing.
        """
        known = None if note is None else trusted(note, None, origin_of(instance.id))
        self._vote = vote
        self._note = note
        self._leaves = vote.leaves()
        self._levels = implementation().sum_levels(self._leaves)
        root = self._levels[-1][0] if self._leaves else EMPTY
        self.digest: Final = tally_digest(len(self._leaves), root)
        size = None if known is None else known.size
        self._log, self._batches = read_recorded(instance, vote.proposal.id, size)
        if known is not None:
            require_reaches(self._log, known)
        self._balances = KeptTree(vote.proposal.snapshot.table.leaves)
        self._trees = [KeptTree(batch.ballots.leaves) for batch in self._batches]
        self._starts = [batch.first for batch in self._batches]

    def make(self, voter: str) -> Receipt:
        """The receipt of a voter whose ballot counts.

        Raises:
            EvidenceError: no ballot of the voter counts, or none under this checkpoint.
        """
        frozen = self._vote.proposal
        index = frozen.snapshot.row(voter)
        leaf = None if index is None else self._leaf(index)
        if index is None or leaf is None:
            raise EvidenceError(
                f"no ballot of {voter} counts on this proposal", argument="voter", value=voter
            )
        counted = receipt_from_levels(self._leaves, self._levels, leaf)
        number = bisect_right(self._starts, counted.ballot.seq) - 1
        row = counted.ballot.seq - self._starts[number] if number >= 0 else -1
        if not 0 <= row < len(self._batches[number].ballots):
            raise EvidenceError(
                f"the ballot of {voter} is not among the first {self._log.size} events, which are"
                " all that the checkpoint covers",
                argument="voter",
                value=voter,
            )
        batch = self._batches[number]
        node = batch.registry.get(voter)
        assert node is not None
        # Without a checkpoint nothing says how long the log is, but the event itself.
        size = batch.event.seq + 1 if self._note is None else self._log.size
        return Receipt(
            format=FORMAT,
            proposal=document_of(frozen),
            ballot=_row(batch.ballots, row, self._trees[number]),
            signature=_signature(batch.signatures, row),
            public_key=node.public_key,
            event=proved_event(self._log, batch.event, size),
            log=log_root(self._log, size),
            balance=_row(frozen.snapshot.table, index, self._balances),
            counted=CountedLeaf(
                leaf, counted.size, [_sibling(node) for node in counted.path], self.digest.hex()
            ),
            checkpoint="" if self._note is None else to_base64(self._note),
        )

    def _leaf(self, voter: int) -> int | None:
        """The leaf of a row of the snapshot, or None: leaves are in the order of their voters."""
        leaf = bisect_left(self._leaves, voter, key=lambda ballot: ballot.voter)
        if leaf == len(self._leaves) or self._leaves[leaf].voter != voter:
            return None
        return leaf


def _row(table: Table, row: int, tree: KeptTree) -> ReceiptRow:
    names = [column.name for column in table.schema.columns]
    columns = dict(zip(names, map(str, row_at(table, row)), strict=True))
    return ReceiptRow(columns, row, [value.hex() for value in tree.inclusion(row)])


def _signature(table: Table, row: int) -> str:
    """The signature of a row in hex, put together from its halves."""
    halves = (table.texts(name)[row].decode("ascii") for name in ("head", "tail"))
    return "".join(half[2:] for half in halves)


def _sibling(node: SumNode) -> SumSibling:
    return SumSibling(node.digest.hex(), *map(str, node.sums))


def write_receipt(receipt: Receipt, path: Path) -> None:
    """Write a receipt into a new file."""
    with new_file(path) as file:
        file.write(canonical.encode(receipt))


def read_receipt(path: Path) -> Receipt:
    """The receipt in a file.

    Raises:
        StorageError: it cannot be read.
        EvidenceError: it is no receipt.
    """
    return canonical.decode(read_bounded(path, canonical.MAX_BYTES), Receipt, path.name)
