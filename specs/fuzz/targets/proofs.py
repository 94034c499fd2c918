"""Proofs: a document that verifies shows what is true, or it is refused with a coded error.

The verifier has from elsewhere what `qfs verify` asks for: the digest, the operator's key, a
checkpoint. The inputs are valid documents of a small network with changes, or raw bytes. Whatever
verifies must say of its node, its voter or its log what the network itself has.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from qfs.errors import QfsError
from qfs.ledger.checkpoints import read_note, trusted
from qfs.ledger.consistency import read_consistency, verify_consistency
from qfs.ledger.log_proofs import LogProof, Proved, read_log_proof, verify_log_proof
from qfs.ledger.proofs import read_proof, verify_proof
from qfs.ledger.receipt_checks import verify_receipt
from qfs.ledger.receipts import read_receipt
from qfs.ledger.verification import kind_of
from targets.editing import edited, encoded
from targets.scratch import file_of
from targets.source import Source
from targets.world import World, world

KINDS = ("payment", "log proof", "receipt", "consistency", "checkpoint")


def target(data: bytes) -> None:
    """Verify a document, with and without what is to be had from elsewhere."""
    source = Source(data)
    here = world()
    kind = source.pick(KINDS)
    valid = here.documents[kind]
    given = source.pick(valid)
    if source.below(8) == 7:
        given = source.rest()
    elif kind == "checkpoint" or source.below(8) == 7:
        at = source.below(len(given) + 1)
        given = given[:at] + source.text() + given[at + source.below(8) :]
    else:
        spares = [msgspec.json.decode(other) for other in valid]
        given = encoded(edited(source, msgspec.json.decode(given), spares))
    path = file_of(given, ".json")
    is_unchanged = given in valid
    try:
        found = kind_of(path)
    except QfsError as error:
        assert error.code != "error"
        assert not is_unchanged, "a valid document is not recognised"
        return
    for is_anchored in (True, False):
        _verify(here, found, path, given, is_anchored)


def _verify(here: World, kind: str, path: Path, given: bytes, is_anchored: bool) -> None:
    try:
        _CHECKS[kind](here, path, is_anchored)
    except QfsError as error:
        assert error.code != "error"
        assert str(error)
        # Where a key is given, a receipt is refused whose log nobody signed.
        needed = here.documents[kind][:3] if is_anchored else here.documents[kind]
        assert given not in needed, f"a valid {kind} is refused: {error}"


def _payment(here: World, path: Path, is_anchored: bool) -> None:
    proof = read_proof(path)
    digest = verify_proof(proof, here.digest if is_anchored else None)
    if is_anchored:
        assert digest.hex() == here.digest
        row = (proof.row.node_id, proof.row.weight, proof.row.cap, proof.row.amount)
        assert ("allocations", proof.index, row) in here.rows, "a payment that was never made"


def _log_proof(here: World, path: Path, is_anchored: bool) -> None:
    proof = read_log_proof(path)
    keys, known = ([here.key], here.known) if is_anchored else (None, None)
    found = verify_log_proof(proof, keys, known)
    if is_anchored:
        _require_shown(here, proof, found)


def _require_shown(here: World, proof: LogProof, found: Proved) -> None:
    columns = proof.row.columns
    rows = {row for name, index, row in here.rows if (name, index) == _place(proof)}
    assert {tuple(sorted(row)) for row in rows} == {tuple(sorted(columns.values()))}
    amount = columns.get("amount")
    assert found.amount == (None if amount is None else int(amount))
    assert (found.node, found.reason) == (columns["node_id"], columns.get("reason"))
    assert (found.digest.hex(), found.checkpoint) == (here.digest, here.known)


def _place(proof: LogProof) -> tuple[str, int]:
    return proof.row.table, proof.row.index


def _receipt(here: World, path: Path, is_anchored: bool) -> None:
    receipt = read_receipt(path)
    if not is_anchored:
        verify_receipt(receipt)
        return
    found = verify_receipt(receipt, here.tally, [here.key], here.known)
    assert found == here.receipts[found.voter], "another ballot than the one that counts"


def _consistency(here: World, path: Path, is_anchored: bool) -> None:
    proof = read_consistency(path)
    keys = [here.key] if is_anchored else None
    first, second = verify_consistency(proof, keys)
    if is_anchored:
        assert first in here.checkpoints
        assert second in here.checkpoints
    assert first.size <= second.size
    assert first.origin == second.origin
    assert first.size < second.size or first.root == second.root


def _checkpoint(here: World, path: Path, is_anchored: bool) -> None:
    note = read_note(path)
    found = trusted(note, [here.key] if is_anchored else None, None)
    if is_anchored:
        assert found in here.checkpoints, "a checkpoint that nobody signed"
    assert note.startswith(found.text)


_CHECKS = {
    "payment": _payment,
    "log proof": _log_proof,
    "receipt": _receipt,
    "consistency": _consistency,
    "checkpoint": _checkpoint,
}
