"""Proof of one node's payment: from its row to the digest of the epoch, in one small file.

The row is a leaf of the allocations table, the path leads to the table's root, root and number of
rows give the table's digest, the manifest names that digest, and the manifest's own digest is the
epoch's: the one thing to be had from elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import msgspec

from qfs import canonical
from qfs.backend import implementation
from qfs.columns import Column
from qfs.decimals import parse_integer
from qfs.errors import EvidenceError, QfsError, VerificationError
from qfs.files import new_file, read_bounded
from qfs.ids import RowLeaves, from_checked, require_id
from qfs.ledger.evidence import read_artifact, read_manifest
from qfs.limits import MAX_VALUE
from qfs.protocol.manifest import Manifest, parse_digest, parse_manifest, require_digest
from qfs.reference.merkle import leaf_hash, root_from_proof
from qfs.tables import ALLOCATIONS, Table, table_digest

FORMAT: Final = "qfs-proof-v1"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of the allocations table; amounts in base units."""

    node_id: str
    weight: str
    cap: str
    amount: str


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an epoch paid one node, and why that can be believed."""

    format: Literal["qfs-proof-v1"]
    row: Row
    index: int
    path: list[str]
    manifest: Manifest


def find_node(table: Table, node: str) -> int:
    """The row of a node in a table ordered by node id.

    Raises:
        EvidenceError: no row has this id.
    """
    node_id = require_id(node, "node")
    ids = table.ids("node_id")
    low, high = 0, len(ids)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if ids[middle] < node_id else (low, middle)
    if low == len(ids) or ids[low] != node_id:
        raise EvidenceError(f"no node {node} in this epoch", argument="node", value=node)
    return low


def prove(folder: Path, node: str) -> Proof:
    """The proof of a node's payment from an evidence folder.

    Raises:
        EvidenceError: the epoch has no such node.
        QfsError: the folder cannot be read as evidence.
    """
    manifest = read_manifest(folder)
    table = read_artifact(folder, manifest, ALLOCATIONS.name)
    index = find_node(table, node)
    weight, cap, amount = (str(table.amounts(name)[index]) for name in ("weight", "cap", "amount"))
    path = implementation().inclusion_proof(table.leaves, index)
    return Proof(FORMAT, Row(node, weight, cap, amount), index, [h.hex() for h in path], manifest)


def write_proof(proof: Proof, path: Path) -> None:
    """Write a proof into a new file."""
    with new_file(path) as file:
        file.write(canonical.encode(proof))


def read_proof(path: Path) -> Proof:
    """The proof in a file.

    Raises:
        StorageError: it cannot be read.
        EvidenceError: it is no proof.
    """
    return canonical.decode(read_bounded(path, canonical.MAX_BYTES), Proof, path.name)


def verify_proof(proof: Proof, trusted_digest: str | None = None) -> bytes:
    """The digest of the epoch that a proof leads to, 32 bytes.

    Args:
        proof: as read.
        trusted_digest: the digest of the epoch from elsewhere, 64 hex digits, or None.

    Raises:
        VerificationError: a step does not hold; it is named.
        QfsError: a value is malformed.
    """
    manifest = parse_manifest(canonical.encode(proof.manifest))
    entry = manifest.tables[ALLOCATIONS.name]
    if not 0 <= proof.index < entry.rows:
        raise VerificationError(
            f"row {proof.index} of {entry.rows}", argument="index", value=proof.index
        )
    path = [parse_digest(text, f"path[{i}]") for i, text in enumerate(proof.path)]
    leaf = leaf_hash(_leaf(proof.row))
    root = root_from_proof(leaf, proof.index, entry.rows, path)
    if root is None or root.hex() != entry.root:
        raise VerificationError(
            "the row does not lead to the root of the allocations",
            argument="path",
            value=None if root is None else root.hex(),
            expected=entry.root,
        )
    digest = table_digest(ALLOCATIONS.name, entry.rows, root)
    if digest.hex() != entry.digest:
        raise VerificationError(
            "the root does not lead to the digest of the allocations",
            argument="manifest.tables.allocations.digest",
            value=entry.digest,
            expected=digest.hex(),
        )
    found = manifest.digest
    if trusted_digest is not None:
        require_digest(found, trusted_digest)
    return found


def _leaf(row: Row) -> bytes:
    """The bytes of the leaf that a row of the allocations table is."""
    try:
        ids = from_checked([require_id(row.node_id, "node_id")], is_sorted=True)
        amounts = [
            Column.from_ints([parse_integer(text, name, MAX_VALUE)])
            for name, text in (("weight", row.weight), ("cap", row.cap), ("amount", row.amount))
        ]
    except QfsError as error:
        error.source = "proof row"
        raise
    leaf = RowLeaves([ids, *amounts])[0]
    assert isinstance(leaf, bytes)
    return leaf
