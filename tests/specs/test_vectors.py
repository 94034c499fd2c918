"""The published vectors: what the code computes, and what hashlib alone computes from the text."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey

from qfs.backend import Implementation

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    path = ROOT / "specs" / "vectors" / "v1.json"
    if not path.exists():
        pytest.skip("the vectors lie in the checkout, not in the wheel")
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def h(tag: str, *fields: bytes) -> str:
    """The tagged hash as the specification writes it."""
    return hashlib.sha256(bytes([len(tag)]) + tag.encode() + b"".join(fields)).hexdigest()


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def from_text() -> ModuleType:
    """The rules written once more, from the text of the specification."""
    return load("from_text")


def test_the_code_gives_what_is_published(published: dict[str, Any]) -> None:
    assert json.loads(json.dumps(load("make_vectors").vectors())) == published


def test_either_backend_gives_the_published_amounts(
    published: dict[str, Any], implementation: Implementation
) -> None:
    for case in published["issue"]:
        room = None if case["room"] is None else int(case["room"])
        fees = [int(fee) for fee in case["fees"]]
        result = implementation.issue(fees, int(case["rate"]), int(case["residue"]), room)
        assert [str(amount) for amount in result.issued] == case["issued"]
        assert str(result.residue) == case["residue_after"]
    for case in published["score"]:
        rule = (case["policy"], tuple(int(weight) for weight in case.get("weights", "000")))
        uptime, storage, ai = (
            ([row[k][0] for row in case["rows"]], [row[k][1] for row in case["rows"]])
            for k in range(3)
        )
        found = implementation.score(uptime, storage, ai, *rule, case["min_samples"])
        assert [str(value) for value in found.scores] == case["scores"]
        assert list(found.neutral) == case["neutral"]
    for case in published["mul_div"]:
        a, b, c = ([int(case[name])] for name in "abc")
        result = implementation.mul_div_many(a, b, c, case["rounding"])
        assert [str(value) for value in result] == [case["result"]]


def test_tie_hashes_follow_from_the_text(published: dict[str, Any]) -> None:
    for case in published["tie_hash"]:
        node_id = case["id"].encode()
        sized = len(node_id).to_bytes(2, "big") + node_id
        assert case["hash"] == h("qfs/tie/v1", case["epoch"].to_bytes(8, "big"), sized)


def test_epoch_hashes_follow_from_the_text(published: dict[str, Any]) -> None:
    epoch = published["epoch"]
    assert epoch["ruleset_digest"] == h("qfs/ruleset/v1", epoch["ruleset_canonical"].encode())
    assert epoch["epoch_digest"] == h("qfs/evidence/v1", epoch["manifest"].encode())
    leaves = [hashlib.sha256(b"\0" + bytes.fromhex(x)).digest() for x in epoch["allocation_leaves"]]
    assert len(leaves) == 4
    left, right = (hashlib.sha256(b"\1" + a + b).digest() for a, b in (leaves[:2], leaves[2:]))
    root = hashlib.sha256(b"\1" + left + right).digest()
    assert epoch["allocation_root"] == root.hex()
    assert epoch["proof_of_n3"] == [leaves[3].hex(), left.hex()]
    assert epoch["allocation_digest"] == h(
        "qfs/table/v1", b"\0\x0ballocations", (4).to_bytes(8, "big"), root
    )
    manifest = json.loads(epoch["manifest"])
    assert manifest["tables"]["allocations"]["digest"] == epoch["allocation_digest"]
    assert manifest["ruleset_digest"] == epoch["ruleset_digest"]


def test_table_digests_follow_from_the_text(published: dict[str, Any]) -> None:
    widths = {"amount": 16, "tick": 8, "count": 4, "choice": 1}
    assert len(published["tables"]) == 8
    for table in published["tables"]:
        hashes = []
        for row in table["rows"]:
            leaf = b""
            for (_, kind), text in zip(table["columns"], row, strict=True):
                leaf += (
                    int(text).to_bytes(widths[kind], "big")
                    if kind in widths
                    else len(text).to_bytes(2, "big") + text.encode("ascii")
                )
            hashes.append(hashlib.sha256(b"\0" + leaf).digest())
        assert 2 <= len(hashes) <= 3
        root = hashlib.sha256(b"\1" + hashes[0] + hashes[1]).digest()
        if len(hashes) == 3:
            root = hashlib.sha256(b"\1" + root + hashes[2]).digest()
        name = table["schema"].encode()
        sized = len(name).to_bytes(2, "big") + name
        assert table["root"] == root.hex()
        assert table["digest"] == h("qfs/table/v1", sized, len(hashes).to_bytes(8, "big"), root)


def test_leaves_follow_from_the_text(published: dict[str, Any]) -> None:
    """Pool 10^19 + 105: 6 were carried in; a cap of 0.4 binds for n1."""
    pool = 10**19 + 99 + 6
    cap = pool * 4 // 10
    share = (pool - cap) // 3
    amounts = [cap, share, share, share]
    assert pool - sum(amounts) == 0
    for number, (leaf, weight, amount) in enumerate(
        zip(published["epoch"]["allocation_leaves"], (70, 10, 10, 10), amounts, strict=True), 1
    ):
        numbers = b"".join(value.to_bytes(16, "big") for value in (weight, cap, amount))
        assert bytes.fromhex(leaf) == b"\0\x02n" + str(number).encode() + numbers


def test_event_hashes_follow_from_the_text(published: dict[str, Any]) -> None:
    events = published["events"]
    assert events["instance"] == h("qfs/instance/v1", events["genesis"].encode())
    instance, previous = bytes.fromhex(events["instance"]), bytes(32)
    for number, (body, expected) in enumerate(zip(events["bodies"], events["hashes"], strict=True)):
        assert json.loads(body)["seq"] == number
        assert h("qfs/event/v1", instance, previous, body.encode()) == expected
        previous = bytes.fromhex(expected)
    assert events["head"] == events["hashes"][-1]
    first, second = (
        hashlib.sha256(b"\0" + bytes.fromhex(value)).digest() for value in events["hashes"]
    )
    assert events["log_root"] == hashlib.sha256(b"\1" + first + second).hexdigest()


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def walk(leaf: bytes, index: int, size: int, path: list[str]) -> bytes:
    """RFC 9162, section 2.1.3.2, in its own words: fn, sn, and the path."""
    fn, sn, value = index, size - 1, sha256(b"\0" + leaf)
    for sibling in map(bytes.fromhex, path):
        assert sn != 0
        if fn & 1 or fn == sn:
            value = sha256(b"\1" + sibling + value)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            value = sha256(b"\1" + value + sibling)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    return value


def checkpoint_lines(note: bytes, verifier_key: str) -> list[str]:
    """The lines of a checkpoint that this key signed."""
    name, key_id, encoded = verifier_key.split("+", 2)
    typed = base64.b64decode(encoded)
    assert typed[:1] == b"\x01"
    assert sha256(name.encode() + b"\n" + typed)[:4].hex() == key_id
    text, line = note.decode().split("\n\n")
    assert line.startswith(f"\N{EM DASH} {name} ")
    signature = base64.b64decode(line.split()[2])
    assert signature[:4].hex() == key_id
    Ed25519PublicKey.from_public_bytes(typed[1:]).verify(signature[4:], f"{text}\n".encode())
    return text.split("\n")


def test_the_proof_in_a_log_follows_from_the_text(published: dict[str, Any]) -> None:
    vector = published["log_proof"]
    proof = json.loads(vector["proof"])
    assert vector["proof"].encode() == canonical_json(proof)
    instance = h("qfs/instance/v1", vector["genesis"].encode())
    assert proof["instance"] == instance
    # Step 1.
    note = base64.b64decode(proof["checkpoint"])
    assert note == vector["checkpoint"].encode()
    origin, size, root = checkpoint_lines(note, vector["verifier_key"])
    assert (origin, size) == (f"qfs/{instance}", "3")
    # Step 2.
    event = proof["event"]
    fields = bytes.fromhex(instance), bytes.fromhex(event["previous"]), event["body"].encode()
    digest = bytes.fromhex(h("qfs/event/v1", *fields))
    assert walk(digest, event["seq"], 3, event["path"]) == base64.b64decode(root)
    # Step 3.
    body, manifest = json.loads(event["body"]), proof["manifest"]
    assert (body["seq"], body["type"]) == (1, "epoch.close")
    assert body["payload"]["epoch"] == manifest["epoch"] == 7
    assert body["payload"]["manifest"] == h("qfs/evidence/v1", canonical_json(manifest))
    assert body["payload"]["manifest"] == published["epoch"]["epoch_digest"]
    entry = manifest["tables"]["allocations"]
    assert body["payload"]["allocations"] == entry
    # Step 4.
    row = proof["row"]
    amounts = (int(row["columns"][name]) for name in ("weight", "cap", "amount"))
    leaf = b"\0\x02n3" + b"".join(amount.to_bytes(16, "big") for amount in amounts)
    assert walk(leaf, row["index"], 4, row["path"]).hex() == entry["root"]
    assert (
        h(
            "qfs/table/v1",
            b"\0\x0ballocations",
            (4).to_bytes(8, "big"),
            bytes.fromhex(entry["root"]),
        )
        == entry["digest"]
    )


def test_the_consistency_proof_follows_from_the_text(published: dict[str, Any]) -> None:
    """From one event to three: the second event, and the third, in the tree ((0 1) 2)."""
    vector = published["log_proof"]
    proof = json.loads(vector["consistency"])
    assert vector["consistency"].encode() == canonical_json(proof)
    first, second = (
        checkpoint_lines(base64.b64decode(proof[name]), vector["verifier_key"])
        for name in ("first", "second")
    )
    assert (first[0], first[1], second[1]) == (second[0], "1", "3")
    value = base64.b64decode(first[2])
    for sibling in map(bytes.fromhex, proof["path"]):
        value = sha256(b"\1" + value + sibling)
    assert len(proof["path"]) == 2
    assert value == base64.b64decode(second[2])


def test_the_key_id_of_ml_dsa_follows_from_the_text(published: dict[str, Any]) -> None:
    vector = published["log_proof"]
    public = MLDSA65PrivateKey.from_seed_bytes(bytes(range(32))).public_key().public_bytes_raw()
    origin = vector["checkpoint"].split("\n")[0].encode()
    typed = b"\xffqfs/ml-dsa-65/v1" + public
    assert sha256(origin + b"\n" + typed)[:4].hex() == vector["ml_dsa_65_verifier_key_id"]


def test_the_genesis_names_the_instance(published: dict[str, Any]) -> None:
    text, case = from_text(), published["genesis"]
    document = json.loads(case["genesis"])
    assert case["genesis"].encode() == canonical_json(document)
    assert document["registrar"] == text.public_key(bytes.fromhex(case["registrar_seed"]))
    assert sorted(document) == [
        *("first_epoch", "format", "name", "registrar", "ruleset", "spec_version")
    ]
    assert case["instance"] == h("qfs/instance/v1", case["genesis"].encode())
    assert case["state"] == h("qfs/state/v1", text.Instance(case["genesis"]).state())


def test_signed_events_follow_from_the_text(published: dict[str, Any]) -> None:
    text, types = from_text(), []
    for case in published["signed_events"]:
        message, payload = json.loads(case["message"]), json.loads(case["payload"])
        unsigned = {name: value for name, value in payload.items() if name != "signature"}
        assert message == {
            "instance": "ab" * 32,
            "payload": unsigned,
            "tick": 3600,
            "type": case["type"],
        }
        tag = case["purpose"].encode()
        signed = bytes([len(tag)]) + tag + canonical_json(message)
        assert case["signed_bytes"] == signed.hex()
        assert case["signature"] == text.ed25519_sign(bytes.fromhex(case["seed"]), signed).hex()
        assert payload["signature"] == case["signature"]
        types.append((case["type"], case["purpose"]))
    assert types == [
        ("registry.register", "qfs/registrar/v1"),
        ("registry.rotate_key", "qfs/registrar/v1"),
        ("registry.revoke", "qfs/registrar/v1"),
        ("ruleset.change", "qfs/registrar/v1"),
        ("fees.record", "qfs/report/v1"),
        ("telemetry.record", "qfs/report/v1"),
        ("reward.record", "qfs/report/v1"),
    ]


def canonical_json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def test_token_hashes_follow_from_the_text(published: dict[str, Any]) -> None:
    tokens = published["tokens"]
    empty = hashlib.sha256(b"").digest()
    assert tokens["empty_balances"] == h("qfs/table/v1", b"\0\x08balances", bytes(8), empty)
    snapshot = json.loads(tokens["snapshot"])
    assert tokens["snapshot"].encode() == canonical_json(snapshot)
    assert sorted(snapshot) == ["digest", "format", "tokens"]
    assert snapshot["format"] == "qfs-tokens-v1"
    assert snapshot["digest"] == tokens["digest"]
    assert tokens["digest"] == h("qfs/tokens/v1", canonical_json(snapshot["tokens"]))
    nothing = {token: dict.fromkeys(snapshot["tokens"][token], "0") for token in snapshot["tokens"]}
    nothing["nod"]["balances"] = tokens["empty_balances"]
    assert tokens["empty_digest"] == h("qfs/tokens/v1", canonical_json(nothing))


def test_rewards_follow_from_the_text(published: dict[str, Any]) -> None:
    one = 10**18
    for case, (rate, cap) in zip(
        published["rewards"],
        [(one // 10, 10**24), (one // 10, 150), (one // 10, 10**24), (15 * one // 100, 10**38)],
        strict=True,
    ):
        given = {name: int(text) for name, text in case["given"].items()}
        m = one + given["c_holo"] // 10
        chr_reward = given["s_chr"] * given["action_cost"] // one * m // one
        raw, residue = divmod(given["residue"] + given["atr_fees"] * rate, one)
        nod = min(raw, cap - given["issued_this_epoch"])
        assert {name: int(text) for name, text in case["rewards"].items()} == {
            "chr_reward": chr_reward,
            "flx_reward": chr_reward * (one // 10) // one * m // one,
            "psync_reward": m,
            "atr_reward": given["atr_fees"] - nod,
            "res_reward": m,
            "nod_reward": nod,
            "fees": given["atr_fees"],
            "withheld": raw - nod,
            "residue": residue,
        }


def test_the_trace_follows_from_the_text(published: dict[str, Any]) -> None:
    case = published["trace"]
    document = json.loads(case["trace"])
    assert case["trace"].encode() == canonical_json(document)
    assert case["digest"] == h("qfs/trace/v1", case["trace"].encode())
    assert [(op["operation"], op["result"]) for op in document["operations"]] == [
        ("ratio_at_least", True),
        ("product_exceeds", False),
        ("mul_div_rem", ["3", "1"]),
        ("add", "4"),
    ]
