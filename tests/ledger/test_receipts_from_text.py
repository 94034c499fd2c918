"""Section 25 once more, from the text of the specification: receipts checked by other code."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from votes_on_disk import Voted, changed_bytes, voted

from qfs import canonical
from qfs.ledger.receipts import Receipts
from qfs.ledger.recorded import read_recorded
from qfs.ledger.tallying import batches_of, tally_again


def _load() -> Any:
    path = Path(__file__).parents[1] / "specs" / "votes_from_text.py"
    spec = importlib.util.spec_from_file_location("votes_from_text", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


votes: Any = _load()
text = votes.text
BALLOT = ("seq", "voter_index", "choice", "nonce", "signature_hash")
BALANCE = ("node_id", "balance")


def beside(index: int, size: int) -> list[bool]:
    """Whether each sibling of a leaf stands left of it, lowest first."""
    if size < 2:
        return []
    split = 1
    while split * 2 < size:
        split *= 2
    if index < split:
        return [*beside(index, split), False]
    return [*beside(index - split, size - split), True]


def root_of(leaf: bytes, index: int, size: int, path: list[str]) -> bytes:
    node = hashlib.sha256(b"\0" + leaf).digest()
    for sibling, is_left in zip(map(bytes.fromhex, path), beside(index, size), strict=True):
        pair = sibling + node if is_left else node + sibling
        node = hashlib.sha256(b"\1" + pair).digest()
    return node


def require_row(schema: str, names: tuple[str, ...], found: Any, table: Any) -> list[str]:
    row = [found["columns"][name] for name in names]
    assert sorted(found["columns"]) == sorted(names)
    root = root_of(text.leaf(schema, row), found["index"], table["rows"], found["path"])
    rows = table["rows"].to_bytes(8, "big")
    assert root.hex() == table["root"]
    digest = text.h("qfs/table/v1", text.sized(schema.encode()), rows, root)
    assert digest.hex() == table["digest"]
    return row


def totals(data: bytes, log_root: bytes, tally: bytes) -> list[int]:
    """What a receipt shows under a root of the log and the digest of a tally.

    Raises:
        AssertionError, ValueError, KeyError, InvalidSignature: it does not hold.
    """
    receipt = json.loads(data)
    assert text.canonical(receipt) == data
    assert receipt["format"] == "qfs-receipt-v1"
    # 1. The proposal.
    proposal = receipt["proposal"]
    name = text.h("qfs/proposal/v1", text.canonical(proposal)).hex()
    voted_on = {"type": proposal["type"], "payload": proposal["payload"]}
    assert text.h("qfs/payload/v1", text.canonical(voted_on)).hex() == proposal["payload_hash"]
    # 2. The event.
    instance, event, log = bytes.fromhex(proposal["instance"]), receipt["event"], receipt["log"]
    previous, body = bytes.fromhex(event["previous"]), event["body"].encode()
    digest = text.h("qfs/event/v1", instance, previous, body)
    assert root_of(digest, event["seq"], log["size"], event["path"]) == log_root
    assert log["root"] == log_root.hex()
    happened = json.loads(body)
    assert (happened["seq"], happened["type"]) == (event["seq"], "ballot.record")
    assert happened["payload"]["proposal"] == name
    # 3. The rows.
    batch = happened["payload"]["ballots"]
    row = require_row("ballots", BALLOT, receipt["ballot"], batch)
    voter, balance = require_row("balances", BALANCE, receipt["balance"], proposal["snapshot"])
    seq, index, choice, nonce = map(int, row[:4])
    assert index == receipt["balance"]["index"]
    # 4. The signature.
    signature = bytes.fromhex(receipt["signature"])
    assert row[4] == f"0x{text.h('qfs/signature/v1', signature).hex()}"
    message = text.canonical(
        {
            "choice": choice,
            "instance": instance.hex(),
            "nonce": nonce,
            "proposal": name,
            "voter": voter,
        }
    )
    key = Ed25519PublicKey.from_public_bytes(
        bytes.fromhex(receipt["public_key"].removeprefix("ed25519:"))
    )
    key.verify(signature, text.signed_bytes("qfs/ballot/v1", message))
    # 5. The tally.
    counted = receipt["counted"]
    power = min(int(balance), int(proposal["power_cap"]))
    node, sums = votes.leaf_of(index, seq, choice, power)
    ways = beside(counted["index"], counted["size"])
    for sibling, is_left in zip(counted["path"], ways, strict=True):
        other = (
            bytes.fromhex(sibling["digest"]),
            [int(sibling[part]) for part in ("yes", "no", "abstain")],
        )
        (left, a), (right, b) = (other, (node, sums)) if is_left else ((node, sums), other)
        node = text.h("qfs/tally-node/v1", left, votes.sums_of(a), right, votes.sums_of(b))
        sums = [x + y for x, y in zip(a, b, strict=True)]
    size = counted["size"].to_bytes(8, "big")
    assert text.h("qfs/tally/v1", size, node, votes.sums_of(sums)) == tally
    assert counted["digest"] == tally.hex()
    return list(sums)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Voted:
    return voted(tmp_path_factory.mktemp("text") / "instance")


def test_receipts_hold_by_the_text(here: Voted) -> None:
    """With what was tallied again from the log, and not with what the receipt says of itself."""
    tree, recorded = read_recorded(here.instance, here.vote.proposal.id)
    found = tally_again(here.vote.proposal, batches_of(recorded))
    for note in (here.note, None):
        receipts = Receipts(here.instance, here.vote, note)
        for number in (0, 1, 2, 3, 5):
            receipt = receipts.make(f"node-{number}")
            size = tree.size if note else receipt.event.seq + 1
            data = canonical.encode(receipt)
            assert totals(data, tree.root(size), found.digest) == [*found.powers]


def test_the_text_refuses_what_the_code_refuses(here: Voted) -> None:
    receipts = Receipts(here.instance, here.vote)
    receipt = receipts.make("node-3")
    root = bytes.fromhex(receipt.log.root)
    data = canonical.encode(receipt)
    assert totals(data, root, receipts.digest)
    refusals = (AssertionError, ValueError, KeyError, TypeError, InvalidSignature, OverflowError)
    for other in changed_bytes(data, 29):
        with pytest.raises(refusals):
            totals(other, root, receipts.digest)
