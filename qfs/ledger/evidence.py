"""Evidence of an epoch: a folder that anyone can verify offline.

    manifest.json                    opening and closing state, ruleset, figures, table digests
    tables/<schema>-<digest>.parquet inputs as given, results as decided

Inputs are fees, and either nodes with weights or registry and telemetry. Results are the
allocations, and with telemetry who was excluded.

It is written whole or not at all. Whoever holds the manifest's digest from elsewhere detects any
change; without it the folder proves only that its parts fit together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from qfs import canonical
from qfs.errors import StorageError, VerificationError
from qfs.files import new_folder, read_bounded, require_free, storage_errors
from qfs.protocol import ruleset as rulesets
from qfs.protocol.eligibility import Contributions, contributions
from qfs.protocol.epoch import ClosedEpoch, close_epoch
from qfs.protocol.manifest import (
    Manifest,
    epoch_tables,
    manifest_of,
    parse_digest,
    parse_manifest,
    require_digest,
)
from qfs.rows import row_at
from qfs.table_files import read_table, write_parquet
from qfs.tables import FEES, NODES, REGISTRY, SCHEMAS, TELEMETRY, Table

INPUTS: Final = ((NODES.name,), (REGISTRY.name, TELEMETRY.name))
"""Beside the fees: nodes with weights, or what weights come from."""

MANIFEST: Final = "manifest.json"
TABLES: Final = "tables"

Stage = Callable[[str], None]


def silent(stage: str) -> None:
    """A stage that nobody is told of."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A folder that was read: its manifest, and its tables with the digests they claim."""

    manifest: Manifest
    tables: dict[str, Table]


def write_evidence(
    folder: Path, closed: ClosedEpoch, previous: bytes | None, stage: Stage = silent
) -> Manifest:
    """Write the evidence of an epoch into a folder that does not exist yet, or is empty.

    Raises:
        StorageError: the folder holds something already, or cannot be written.
    """
    require_no_epoch(folder)
    manifest = manifest_of(closed, previous)
    write_epoch(folder, manifest, epoch_tables(closed), write_parquet, stage)
    return manifest


def write_epoch(
    folder: Path,
    manifest: Manifest,
    tables: Iterable[Table],
    write: Callable[[Table, Path], None],
    stage: Stage = silent,
) -> None:
    """Write a manifest and its tables, each by `write`, into a new or empty folder.

    Raises:
        StorageError: the folder is in use, or cannot be written; then nothing is left.
    """
    with new_folder(folder) as partial:
        (partial / TABLES).mkdir()
        for table in tables:
            stage(f"writing {table.schema.name}")
            write(table, partial / table_path(manifest, table.schema.name))
        (partial / MANIFEST).write_bytes(canonical.encode(manifest))


def require_no_epoch(folder: Path) -> None:
    """The folder can take evidence: it does not exist, or is empty.

    Raises:
        StorageError: it holds the evidence of an epoch, or anything else.
    """
    with storage_errors(folder):
        if (folder / MANIFEST).exists():
            raise StorageError("holds the evidence of an epoch already", source=str(folder))
    require_free(folder)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder.

    Raises:
        StorageError: there is none.
        EvidenceError: it is no manifest.
    """
    return parse_manifest(read_bounded(folder / MANIFEST, canonical.MAX_BYTES))


def read_artifact(folder: Path, manifest: Manifest, name: str) -> Table:
    """A table of a folder, checked against the digest by which the manifest names it.

    Raises:
        VerificationError: the file's content has another digest.
        QfsError: the file cannot be read as a table.
    """
    table = read_table(folder / table_path(manifest, name), SCHEMAS[name])
    _require_digest(table, manifest)
    return table


def _require_digest(table: Table, manifest: Manifest) -> None:
    name = table.schema.name
    entry = manifest.tables[name]
    for part, recorded, found in (
        ("rows", entry.rows, len(table)),
        ("root", entry.root, table.root.hex()),
        ("digest", entry.digest, table.digest.hex()),
    ):
        if recorded != found:
            raise VerificationError(
                f"recorded as {recorded}, the file has {found}",
                argument=f"tables.{name}.{part}",
                value=recorded,
                expected=found,
            )


def verify_evidence(
    folder: Path,
    trusted_digest: str | None = None,
    before: Manifest | None = None,
    stage: Stage = silent,
) -> Manifest:
    """Compute an epoch again from its recorded inputs and compare everything.

    Args:
        folder: the evidence.
        trusted_digest: the digest of the epoch from elsewhere, 64 hex digits, or None.
        before: the verified manifest of the epoch before, or None.
        stage: called with what is done next.

    Raises:
        VerificationError: something differs; it names the first difference.
        QfsError: the folder cannot be read as evidence.
    """
    manifest = read_manifest(folder)
    if trusted_digest is not None:
        require_digest(manifest.digest, trusted_digest)
    if before is not None:
        require_follows(manifest, before)
    inputs = {}
    for name in (FEES.name, *INPUTS[manifest.scoring is not None]):
        stage(f"reading {name}")
        inputs[name] = read_artifact(folder, manifest, name)
    stage("computing the epoch again")
    closed = _closed_again(manifest, inputs)
    stage("comparing")
    for computed in epoch_tables(closed):
        name = computed.schema.name
        if name not in inputs:
            recorded = read_table(folder / table_path(manifest, name), computed.schema)
            require_same_rows(recorded, computed)
            _require_digest(recorded, manifest)
    previous = parse_digest(manifest.previous, "previous") if manifest.previous else None
    expected = msgspec.to_builtins(manifest_of(closed, previous))
    _require_same("", msgspec.to_builtins(manifest), expected)
    return manifest


def _closed_again(manifest: Manifest, inputs: dict[str, Table]) -> ClosedEpoch:
    epoch, ruleset = manifest.epoch, rulesets.from_document(manifest.ruleset)
    nodes: Table | Contributions
    if manifest.scoring is None:
        nodes = inputs[NODES.name]
    else:
        nodes = contributions(epoch, ruleset, inputs[REGISTRY.name], inputs[TELEMETRY.name])
    return close_epoch(epoch, ruleset, manifest.opening_state(), inputs[FEES.name], nodes)


def require_follows(manifest: Manifest, before: Manifest) -> None:
    """The epoch opens with what the one before it closed with, by the digest that it names.

    Raises:
        VerificationError: it does not; the first difference is named.
    """
    _require_same("previous", manifest.previous, before.digest.hex())
    _require_same("epoch", manifest.epoch, before.epoch + 1)
    _require_same(
        "opening", msgspec.to_builtins(manifest.opening), msgspec.to_builtins(before.closing)
    )
    _require_same("ruleset.epoch", manifest.ruleset["epoch"], before.ruleset["epoch"])


def require_same_rows(recorded: Table, expected: Table) -> None:
    """The tables are equal, else the first row and column that differ are named.

    Raises:
        VerificationError: they are not.
    """
    if recorded.digest == expected.digest:
        return
    name = recorded.schema.name
    recorded_ids, expected_ids = recorded.ids("node_id"), expected.ids("node_id")
    for row in range(max(len(recorded), len(expected))):
        here = recorded_ids[row] if row < len(recorded) else None
        wanted = expected_ids[row] if row < len(expected) else None
        if here != wanted:
            # Both are in canonical order: the lower id is the one that the other lacks.
            extra = wanted is None or (here is not None and here < wanted)
            node = (here if extra else wanted) or b""
            words = ("recorded, but not computed", "computed, but not recorded")
            raise VerificationError(
                words[0 if extra else 1],
                argument=f"{name} node {node.decode()}",
                value=here,
                expected=wanted,
            )
        for column, was, is_now in zip(
            recorded.columns, row_at(recorded, row), row_at(expected, row), strict=True
        ):
            if was != is_now:
                raise VerificationError(
                    f"recorded as {was}, computed as {is_now}",
                    argument=f"{name} node {expected_ids[row].decode()} {column}",
                    value=was,
                    expected=is_now,
                )


def _require_same(path: str, recorded: object, expected: object) -> None:
    if isinstance(recorded, dict) and isinstance(expected, dict):
        for key in sorted({*recorded, *expected}):
            name = f"{path}.{key}" if path else key
            _require_same(name, recorded.get(key), expected.get(key))
    elif recorded != expected:
        raise VerificationError(
            f"recorded as {recorded}, computed as {expected}",
            argument=f"manifest {path}",
            value=recorded,
            expected=expected,
        )


def table_path(manifest: Manifest, name: str) -> Path:
    """Where a table lies, from the evidence folder."""
    return Path(TABLES) / f"{name}-{manifest.tables[name].digest}.parquet"
