"""Evidence: written whole or not at all, verified by computing again, every change found."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rfc8785

from qfs import canonical
from qfs.columns import Column
from qfs.errors import EvidenceError, QfsError, StorageError, VerificationError
from qfs.hashing import EVIDENCE_TAG, tagged_hash
from qfs.ids import check_ids
from qfs.ledger.evidence import read_manifest, verify_evidence, write_evidence
from qfs.ledger.explain import explain
from qfs.ledger.proofs import Proof, prove, read_proof, verify_proof, write_proof
from qfs.protocol.epoch import ClosedEpoch, Opening, close_epoch
from qfs.protocol.ruleset import Ruleset
from qfs.tables import FEES, NODES, tick_column
from qfs.tables import canonical as in_order

WEIGHTS = [90, 5, 5, 7, 0, 33, 1]
BEFORE = bytes(32)
"""Digest of an epoch before this one: it opens with what that one left."""


@pytest.fixture
def closed() -> ClosedEpoch:
    ids = check_ids([f"node-{i}" for i in range(len(WEIGHTS))], "ids")
    actions = check_ids(["x", "y"], "ids")
    fees = {"tick": tick_column([1, 2]), "action_id": actions, "fee": Column.from_ints([9999, 4])}
    return close_epoch(
        0,
        Ruleset(),
        Opening(residue=5, pool=3, issued=3),
        in_order(FEES, fees),
        in_order(NODES, {"node_id": ids, "weight": Column.from_ints(WEIGHTS)}),
    )


@pytest.fixture
def folder(tmp_path: Path, closed: ClosedEpoch) -> Path:
    write_evidence(tmp_path / "evidence", closed, BEFORE)
    return tmp_path / "evidence"


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "manifest.json"
    document = json.loads(path.read_bytes())
    change(document)
    path.write_bytes(rfc8785.dumps(document))


def edit_table(folder: Path, name: str, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change rows of a table in place, under the name of its old digest."""
    (path,) = (folder / "tables").glob(f"{name}-*.parquet")
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)


def test_what_was_written_verifies(folder: Path, closed: ClosedEpoch) -> None:
    manifest = verify_evidence(folder)
    assert manifest.digest == read_manifest(folder).digest
    verify_evidence(folder, manifest.digest.hex())
    assert manifest.closing_state() == closed.closing
    assert sorted(p.name for p in folder.iterdir()) == ["manifest.json", "tables"]


def test_manifest_is_canonical_json_and_its_hash_the_digest(folder: Path) -> None:
    data = (folder / "manifest.json").read_bytes()
    assert rfc8785.dumps(json.loads(data)) == data
    assert read_manifest(folder).digest == tagged_hash(EVIDENCE_TAG, data)


def test_another_digest_is_refused(folder: Path) -> None:
    with pytest.raises(VerificationError, match="digest"):
        verify_evidence(folder, "00" * 32)
    with pytest.raises(EvidenceError, match="hex"):
        verify_evidence(folder, "xyz")


def test_every_changed_byte_of_the_manifest_is_found(folder: Path) -> None:
    path = folder / "manifest.json"
    good = path.read_bytes()
    digest = read_manifest(folder).digest.hex()
    for position in range(len(good)):
        path.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        with pytest.raises(QfsError):
            verify_evidence(folder, digest)


LEAVES = [
    ("opening", "residue"),
    ("opening", "pool"),
    ("opening", "issued"),
    ("closing", "residue"),
    ("closing", "pool"),
    ("closing", "issued"),
    *(("issuance", field) for field in ("fees", "issued", "withheld", "retained")),
    *(
        ("allocation", field)
        for field in ("pool", "paid", "undistributed", "total_weight", "shared_pool", "cut")
    ),
]


@pytest.mark.parametrize(("part", "field"), LEAVES, ids=lambda text: text)
def test_changed_figure_is_found_without_the_digest(folder: Path, part: str, field: str) -> None:
    def change(document: dict[str, Any]) -> None:
        document[part][field] = str(int(document[part][field]) + 1)

    edit_manifest(folder, change)
    with pytest.raises(VerificationError):
        verify_evidence(folder)


@pytest.mark.parametrize("column", ["weight", "cap", "amount"])
def test_changed_allocation_names_node_column_and_values(folder: Path, column: str) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[3][column] = rows[3][column] + 1

    before = pq.read_table(next((folder / "tables").glob("allocations-*")))[column][3].as_py()
    edit_table(folder, "allocations", change)
    with pytest.raises(VerificationError) as caught:
        verify_evidence(folder)
    error = caught.value
    assert error.argument == f"allocations node node-3 {column}"
    assert error.expected == int(before.scaleb(18))
    assert error.value == error.expected + 10**18
    assert str(error.value) in str(error)
    assert str(error.expected) in str(error)


def test_one_unit_moved_between_nodes_is_found(folder: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        unit = rows[0]["amount"].__class__("0.000000000000000001")
        rows[1]["amount"] -= unit
        rows[2]["amount"] += unit

    edit_table(folder, "allocations", change)
    with pytest.raises(VerificationError, match="node-1 amount"):
        verify_evidence(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.pop(2), "node node-2: computed, but not recorded"),
        (lambda rows: rows.append(rows[0] | {"node_id": "zz"}), "zz: recorded, but not computed"),
        (lambda rows: rows.insert(0, rows[0] | {"node_id": "A"}), "node A: recorded, but not"),
    ],
    ids=["missing", "one more at the end", "one more in front"],
)
def test_missing_or_added_node_is_named(
    folder: Path, change: Callable[[list[dict[str, Any]]], None], words: str
) -> None:
    edit_table(folder, "allocations", change)
    with pytest.raises(VerificationError, match=words):
        verify_evidence(folder)


@pytest.mark.parametrize("name", ["nodes", "fees"])
def test_changed_input_is_found(folder: Path, name: str) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        column = "weight" if name == "nodes" else "fee"
        rows[0][column] += 1

    edit_table(folder, name, change)
    with pytest.raises(VerificationError, match=f"tables.{name}.root"):
        verify_evidence(folder)


@pytest.mark.parametrize("name", ["nodes", "fees", "allocations"])
def test_missing_or_cut_table_is_an_error(folder: Path, name: str) -> None:
    (path,) = (folder / "tables").glob(f"{name}-*")
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(QfsError):
        verify_evidence(folder)
    path.unlink()
    with pytest.raises(StorageError):
        verify_evidence(folder)


HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "unknown field": lambda d: d.update(extra=1),
    "missing field": lambda d: d.pop("closing"),
    "null": lambda d: d.update(previous=None),
    "other format": lambda d: d.update(format="qfs-evidence-v2"),
    "other spec version": lambda d: d.update(spec_version=2),
    "path in a digest": lambda d: d["tables"]["nodes"].update(digest="../../etc/passwd"),
    "unknown table": lambda d: d["tables"].update(extra=d["tables"]["nodes"]),
    "huge number": lambda d: d["opening"].update(pool="9" * 5000),
    "pool above its bound": lambda d: d["opening"].update(pool="1" + "0" * 38),
    "float text": lambda d: d["opening"].update(pool="1.5"),
    "negative epoch": lambda d: d.update(epoch=-1),
    "ruleset field": lambda d: d["ruleset"].update(bonus=1),
    "ruleset spelling": lambda d: d["ruleset"]["issuance"].update(rate="0.10"),
    "previous": lambda d: d.update(previous="zz"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_manifest_is_refused(folder: Path, name: str) -> None:
    edit_manifest(folder, HOSTILE[name])
    with pytest.raises(QfsError):
        verify_evidence(folder)


def test_manifest_in_another_spelling_is_refused(folder: Path) -> None:
    path = folder / "manifest.json"
    document = json.loads(path.read_bytes())
    for spelling in (json.dumps(document), json.dumps(document, sort_keys=True, indent=1)):
        path.write_text(spelling)
        with pytest.raises(EvidenceError, match="canonical"):
            verify_evidence(folder)


def test_folder_in_use_is_left_alone(folder: Path, closed: ClosedEpoch, tmp_path: Path) -> None:
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with pytest.raises(StorageError, match="holds the evidence of an epoch already"):
        write_evidence(folder, closed, BEFORE)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine").write_text("x")
    with pytest.raises(StorageError, match="in use"):
        write_evidence(other, closed, BEFORE)
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(StorageError, match="in use"):
        write_evidence(file, closed, BEFORE)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evidence", "file", "other"]


def test_empty_folder_is_filled(tmp_path: Path, closed: ClosedEpoch) -> None:
    (tmp_path / "evidence").mkdir()
    write_evidence(tmp_path / "evidence", closed, BEFORE)
    verify_evidence(tmp_path / "evidence")


def test_full_disk_leaves_nothing_behind(tmp_path: Path, folder: Path) -> None:
    """A file size limit makes every larger write fail, as a full disk does."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))

    arguments = []
    for name in ("nodes", "fees"):
        (table,) = (folder / "tables").glob(f"{name}-*")
        arguments += [f"--{name}", str(table)]
    command = [sys.executable, "-m", "qfs.cli", "epoch", "close", *arguments]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "new" / "evidence")],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "new").iterdir()) == []


# Proofs


@pytest.mark.parametrize("index", range(len(WEIGHTS)))
def test_every_node_has_a_proof_that_holds(folder: Path, tmp_path: Path, index: int) -> None:
    proof = prove(folder, f"node-{index}")
    write_proof(proof, tmp_path / "proof.json")
    again = read_proof(tmp_path / "proof.json")
    digest = read_manifest(folder).digest
    assert verify_proof(again) == verify_proof(again, digest.hex()) == digest
    with pytest.raises(StorageError):
        write_proof(proof, tmp_path / "proof.json")


@pytest.mark.slow
def test_every_changed_byte_of_a_proof_fails(folder: Path, tmp_path: Path) -> None:
    digest = read_manifest(folder).digest.hex()
    path = tmp_path / "proof.json"
    write_proof(prove(folder, "node-3"), path)
    good = path.read_bytes()
    for position in range(len(good)):
        path.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        with pytest.raises(QfsError):
            verify_proof(read_proof(path), digest)


def test_proof_of_another_row_or_position_fails(folder: Path) -> None:
    proof, other = prove(folder, "node-3"), prove(folder, "node-4")
    for changed in (
        msgspec.structs.replace(proof, row=other.row),
        msgspec.structs.replace(proof, index=4),
        msgspec.structs.replace(proof, index=len(WEIGHTS)),
        msgspec.structs.replace(proof, path=proof.path[:-1]),
        msgspec.structs.replace(proof, path=[*proof.path, "00" * 32]),
        msgspec.structs.replace(proof, path=proof.path[::-1]),
    ):
        with pytest.raises(VerificationError):
            verify_proof(changed)


def test_unknown_node_and_no_proof(folder: Path, tmp_path: Path) -> None:
    for node in ("node-9", "node-", "zz", "A"):
        with pytest.raises(EvidenceError, match="no node"):
            prove(folder, node)
    with pytest.raises(QfsError):
        prove(folder, "no node")
    path = tmp_path / "x.json"
    for text in (b"", b"{}", b"[]", b"\xff", b"[" * 100000, canonical.encode({"format": "x"})):
        path.write_bytes(text)
        with pytest.raises(EvidenceError):
            read_proof(path)
    with pytest.raises(StorageError):
        read_proof(tmp_path / "absent")


def test_proof_model_has_no_optional_part(folder: Path) -> None:
    document = msgspec.to_builtins(prove(folder, "node-0"))
    for field in document:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({k: v for k, v in document.items() if k != field}, Proof)


# Explanations


def test_explanation_adds_up_for_every_node(folder: Path, closed: ClosedEpoch) -> None:
    table = closed.allocation.table
    extras = 0
    for index, amount in enumerate(table.amounts("amount")):
        found = explain(folder, f"node-{index}")
        assert found.amount == amount
        base = found.cap if found.capped else found.share
        assert base is not None
        assert found.extra in (0, 1)
        assert base + found.extra == amount
        extras += found.extra
        if found.extra:
            assert found.remainder is not None
            assert found.remainder >= int(found.manifest.allocation.cut)
    assert extras == closed.allocation.result.leftover


def test_explanation_refuses_edited_tables(folder: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[3]["amount"] += 1

    edit_table(folder, "allocations", change)
    with pytest.raises(VerificationError):
        explain(folder, "node-3")
    shutil.rmtree(folder / "tables")
    with pytest.raises(StorageError):
        explain(folder, "node-3")


def test_an_opening_out_of_nowhere_is_refused(tmp_path: Path, closed: ClosedEpoch) -> None:
    """Only an epoch before this one can have left anything."""
    write_evidence(tmp_path / "evidence", closed, None)
    with pytest.raises(VerificationError, match="none before it opens with nothing"):
        verify_evidence(tmp_path / "evidence")


def test_explanation_must_follow_from_the_numbers(folder: Path, closed: ClosedEpoch) -> None:
    """Amounts that were changed together with every digest are still no explanation."""
    table = closed.allocation.table
    for row in range(len(table)):
        amounts = table.amounts("amount").tolist()
        amounts[row] += 57
        changed = replace(table, columns={**table.columns, "amount": Column.from_ints(amounts)})
        allocation = replace(closed.allocation, table=changed)
        shutil.rmtree(folder)
        write_evidence(folder, replace(closed, allocation=allocation), BEFORE)
        with pytest.raises(VerificationError, match=f"node-{row} amount"):
            explain(folder, f"node-{row}")
        with pytest.raises(VerificationError, match=f"node-{row} amount"):
            verify_evidence(folder)


def test_manifest_without_an_end_is_not_read_to_it(folder: Path) -> None:
    path = folder / "manifest.json"
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(StorageError, match="larger than"):
        read_manifest(folder)
