"""Documents that come from elsewhere: what is read is what is written again, or it is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from qfs import canonical, signatures, traces
from qfs.certified import CertifiedMath
from qfs.errors import QfsError
from qfs.importers import rocketpool
from qfs.importers.rocketpool import NodeReward
from qfs.ledger import ballot_files, note, proposal_files
from qfs.ledger.checkpoint import parse_checkpoint
from qfs.protocol import genesis, proposals, ruleset, tokens
from qfs.protocol.ballots import Ballot
from qfs.protocol.events import PAYLOADS, ProtocolEvent, document, parse_payload
from targets.editing import edited, encoded
from targets.scratch import file_of
from targets.source import Source
from targets.stories import PUBLISHED, Story, story

RULES = b"""version = 2
[epoch]
ticks = 10
[allocation]
max_share = "0.4"
tie_break = "rotating"
[scoring]
policy = "weighted_sum"
[governance]
quorum = "0.51"
"""
INSTANCE, PROPOSAL = bytes(32), b"\1" * 32
SIGNED = "ab" * 64


def target(data: bytes) -> None:
    """Read a document of one kind: raw bytes, or one of the project's own with changes."""
    source = Source(data)
    kind = source.pick(sorted(READERS))
    read, seed = READERS[kind]
    if source.flag():
        given = source.rest()
    else:
        valid = seed()
        given = valid
        if source.flag():
            at = source.below(len(valid) + 1)
            given = valid[:at] + source.text() + valid[at + source.below(8) :]
        elif valid.startswith(b"{"):
            given = encoded(edited(source, msgspec.json.decode(valid)))
    try:
        read(given)
    except QfsError as error:
        assert str(error)
        assert error.code != "error"


def _ruleset(data: bytes) -> None:
    found = ruleset.from_toml(data, "rules")
    _require_rules(found)


def _require_rules(found: ruleset.Ruleset) -> None:
    again = ruleset.from_document(found.document())
    assert again == found
    assert again.digest == found.digest
    weights = found.uptime_weight + found.storage_weight + found.ai_weight
    assert weights == 10**18
    assert 10**16 <= found.issuance_rate <= 15 * 10**16
    assert 0 < found.max_share <= 10**18


def _rules_document(data: bytes) -> None:
    _require_rules(ruleset.from_document(canonical.decode(data, dict[str, Any], "ruleset")))


def _genesis(data: bytes) -> None:
    state = genesis.initial_state(data)
    rules = state.rulesets[0][1]
    name = msgspec.json.decode(data)["name"]
    made = genesis.genesis_of(name, state.registrar, rules, state.epoch)
    assert canonical.encode(msgspec.to_builtins(made)) == data
    assert state.digest != state.instance


def _proposal(data: bytes) -> None:
    found = proposal_files.read_proposal(file_of(data, ".json"))
    assert canonical.encode(found) == data
    payload = proposals.checked_payload(found.type, found.payload)
    assert dict(payload) == found.payload
    assert found.cap >= 0


def _ballots(data: bytes) -> None:
    collected = ballot_files.collect([file_of(data, ".ballot")], INSTANCE, PROPOSAL)
    lines = [ballot_files.line_of(INSTANCE, PROPOSAL, ballot) for ballot in collected.ballots]
    if not collected.elsewhere:
        assert b"".join(lines).splitlines() == data.splitlines()


def _tokens(data: bytes) -> None:
    found = tokens.load_token_state_bundle(data)
    assert found.to_bytes() == data
    nod = found.nod_state
    assert nod.supply + nod.pool == nod.issued


def _payload(data: bytes) -> None:
    """A payload is what is written of it, whatever type it is of."""
    given = canonical.decode(data, dict[str, Any], "payload")
    kind = given.pop("type", "")
    parsed = parse_payload(ProtocolEvent(kind, 0, given))
    assert document(parsed) == given


def _trace(data: bytes) -> None:
    found = traces.read_document(data)
    assert canonical.encode(found) == data
    traces.replay(found)


def _public_key(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    assert signatures.parse_public_key(text).text == text


def _verifier_key(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    assert note.parse_verifier_key(text).text == text


def _note(data: bytes) -> None:
    text, lines = note.split_note(data)
    assert data.startswith(text + b"\n")
    written = "".join(f"\N{EM DASH} {name} {note.to_base64(blob)}\n" for name, blob in lines)
    assert data == text + b"\n" + written.encode()
    assert parse_checkpoint(text).text == text


def _private_key(data: bytes) -> None:
    path = file_of(data, ".key")
    path.chmod(0o600)
    signatures.read_private_key(path)


def _rewards(data: bytes) -> None:
    rocketpool.check(rocketpool.read(file_of(data, ".json")))


@cache
def _first() -> Story:
    return story(PUBLISHED[0])


def _seed_proposal() -> bytes:
    vote = next(iter(story("votes-v1").states[-1].governance))
    return canonical.encode(proposal_files.document_of(vote.proposal))


def _seed_payload() -> bytes:
    event = _first().events[1]
    assert event.type in PAYLOADS
    return canonical.encode({**event.payload, "type": event.type})


def _seed_note() -> bytes:
    key = signatures.from_seed(b"\7" * 32)
    text = b"qfs/log\n7\n" + note.to_base64(bytes(32)).encode() + b"\n"
    return note.sign_note(text, [note.Signer("qfs/log", key)])


def _seed_private_key() -> bytes:
    path = file_of(b"", ".new")
    path.unlink()
    signatures.write_private_key(path, signatures.from_seed(b"\7" * 32))
    return path.read_bytes()


def _seed_trace() -> bytes:
    math = CertifiedMath("n1", trace=True)
    math.mul_div_floor(math.add(3, 4), 5, 6)
    assert math.trace is not None
    return canonical.encode(traces.document_of(math.trace))


def _seed_rewards() -> bytes:
    """A file of two nodes, its tree and its proofs."""
    nodes = [NodeReward(bytes([n]) * 20, 0, 10**18 + n, 5, 7 * n, None, ()) for n in (1, 2)]
    leaves = [rocketpool.leaf_hash(node) for node in nodes]
    rewards = {
        f"0x{node.address.hex()}": {
            "rewardNetwork": node.network,
            "collateralRpl": str(node.collateral_rpl_base_units),
            "oracleDaoRpl": str(node.oracle_dao_rpl_base_units),
            "smoothingPoolEth": str(node.smoothing_pool_eth_base_units),
            "merkleProof": [f"0x{other.hex()}"],
        }
        for node, other in zip(nodes, leaves[::-1], strict=True)
    }
    document = {
        "index": 3,
        "network": "mainnet",
        "rewardsFileVersion": 3,
        "merkleRoot": f"0x{rocketpool.tree_root(leaves).hex()}",
        "totalRewards": {},
        "nodeRewards": rewards,
    }
    return encoded(document)


READERS: dict[str, tuple[Callable[[bytes], None], Callable[[], bytes]]] = {
    "ballots": (
        _ballots,
        lambda: ballot_files.line_of(INSTANCE, PROPOSAL, Ballot("n1", 1, 7, b"\xab" * 64)),
    ),
    "genesis": (_genesis, lambda: _first().genesis),
    "note": (_note, cache(_seed_note)),
    "payload": (_payload, cache(_seed_payload)),
    "private key": (_private_key, cache(_seed_private_key)),
    "proposal": (_proposal, cache(_seed_proposal)),
    "public key": (_public_key, lambda: _first().states[0].registrar.text.encode()),
    "ruleset": (_ruleset, lambda: RULES),
    "rules document": (
        _rules_document,
        lambda: canonical.encode(_first().states[-1].rulesets[-1][1].document()),
    ),
    "rewards": (_rewards, cache(_seed_rewards)),
    "tokens": (_tokens, lambda: _first().states[-1].tokens.to_bytes()),
    "trace": (_trace, cache(_seed_trace)),
    "verifier key": (
        _verifier_key,
        lambda: note.VerifierKey("qfs/log", signatures.from_seed(b"\7" * 32).public).text.encode(),
    ),
}
