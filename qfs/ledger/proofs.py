"""Proof of one node's payment: from its row to the digest of the epoch, in one small file.

The row is a leaf of the allocations table, the path leads to the table's root, root and number of
rows give the table's digest, the manifest names that digest, and the manifest's own digest is the
epoch's: the one thing to be had from elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from qfs import canonical
from qfs.backend import implementation
from qfs.decimals import parse_integer
from qfs.errors import EvidenceError, QfsError, VerificationError
from qfs.files import new_file, read_bounded
from qfs.ids import RowLeaves, require_id
from qfs.ledger.evidence import read_artifact, read_manifest
from qfs.limits import MAX_VALUE
from qfs.protocol.events import TableRef
from qfs.protocol.manifest import Manifest, parse_digest, parse_manifest, require_digest
from qfs.reference.merkle import leaf_hash, root_from_proof
from qfs.rows import checked_column, find
from qfs.tables import ALLOCATIONS, INTEGERS, ColumnSpec, Schema, Table, TableColumn, table_digest

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
    row = find(table.ids("node_id"), node_id)
    if row is None:
        raise EvidenceError(f"no node {node} in this epoch", argument="node", value=node)
    return row


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
    require_row(manifest, ALLOCATIONS, msgspec.to_builtins(proof.row), proof.index, proof.path)
    found = manifest.digest
    if trusted_digest is not None:
        require_digest(found, trusted_digest)
    return found


def require_row(
    manifest: Manifest, schema: Schema, row: Mapping[str, str], index: int, path: Sequence[str]
) -> None:
    """A row stands at a position of the table of this schema that a manifest names.

    Args:
        manifest: as parsed, so its digests have their form.
        schema: of the table, one that the manifest has.
        row: every column as text, amounts in base units.
        index: the position.
        path: the sibling hashes in hex, lowest first.

    Raises:
        VerificationError: a step does not hold; it is named.
        QfsError: a value is malformed.
    """
    entry = manifest.tables[schema.name]
    place = f"manifest.tables.{schema.name}"
    require_row_of(TableRef(entry.rows, entry.root, entry.digest), schema, row, index, path, place)


def require_row_of(
    entry: TableRef,
    schema: Schema,
    row: Mapping[str, str],
    index: int,
    path: Sequence[str],
    place: str,
) -> None:
    """The same for a table that is named at a place, which errors tell."""
    name = schema.name
    if not 0 <= index < entry.rows:
        raise VerificationError(f"row {index} of {entry.rows}", argument="index", value=index)
    siblings = [parse_digest(text, f"path[{i}]") for i, text in enumerate(path)]
    root = root_from_proof(leaf_hash(_leaf(schema, row)), index, entry.rows, siblings)
    if root is None or root.hex() != entry.root:
        raise VerificationError(
            f"the row does not lead to the root of the {name}",
            argument="path",
            value=None if root is None else root.hex(),
            expected=entry.root,
        )
    digest = table_digest(name, entry.rows, root)
    if digest.hex() != entry.digest:
        raise VerificationError(
            f"the root does not lead to the digest of the {name}",
            argument=f"{place}.digest",
            value=entry.digest,
            expected=digest.hex(),
        )


def _leaf(schema: Schema, row: Mapping[str, str]) -> bytes:
    """The bytes of the leaf that a row of texts and amounts is."""
    names = [column.name for column in schema.columns]
    if sorted(row) != sorted(names):
        raise EvidenceError(
            f"columns {', '.join(row)}; {', '.join(names)} are needed", argument="row"
        )
    try:
        columns = [_column(row[column.name], column) for column in schema.columns]
    except QfsError as error:
        error.source = "proof row"
        raise
    leaf = RowLeaves(columns)[0]
    assert isinstance(leaf, bytes)
    return leaf


def _column(text: str, column: ColumnSpec) -> TableColumn:
    if column.kind == "amount":
        return checked_column([parse_integer(text, column.name, MAX_VALUE)], column)
    if column.kind in INTEGERS:
        maximum = INTEGERS[column.kind].maximum
        return checked_column([parse_integer(text, column.name, maximum)], column)
    return checked_column([text], column)
