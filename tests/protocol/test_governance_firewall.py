"""The firewall: governance can name five infrastructure parameters, and nothing else at all."""

from __future__ import annotations

from typing import Any

import pytest
from chamber import FACTOR, PATCH, PATCH_VALUE, Chamber
from hypothesis import given
from hypothesis import strategies as st

from qfs.protocol.events import CREATE_PROPOSAL, EXECUTE_PROPOSAL, ProtocolEvent, TransitionError
from qfs.protocol.governance import Draft
from qfs.protocol.proposals import TYPES, FirewallError, checked_payload

HASH = "0123456789abcdef" * 4
GOOD: dict[str, dict[str, Any]] = {
    "storage_replication_factor": {"factor": 3},
    "ai_model_version_approval": {"version": "2.1.0-rc.1+build_7", "sha256": HASH},
    "network_bandwidth_parameters": {"max_mbps": 1000},
    "infrastructure_upgrade": {"component": "storage-node_2", "version": "v3", "sha256": HASH},
    "security_patch_deployment": {"id": "CVE-2026-0001", "sha256": HASH},
}
BOUNDS = [
    ("storage_replication_factor", "factor", 1, 10),
    ("network_bandwidth_parameters", "max_mbps", 1, 10_000),
]
TEXTS = [
    ("ai_model_version_approval", "version"),
    ("infrastructure_upgrade", "component"),
    ("infrastructure_upgrade", "version"),
    ("security_patch_deployment", "id"),
]
HASHES = [kind for kind, keys in TYPES.items() if "sha256" in keys]


def blocked(kind: object, payload: object) -> FirewallError:
    with pytest.raises(FirewallError) as caught:
        checked_payload(kind, payload)
    assert (caught.value.code, caught.value.reason) == ("firewall", "firewall")
    return caught.value


def test_the_registry_is_closed() -> None:
    assert {kind: {*keys} for kind, keys in TYPES.items()} == {
        kind: {*payload} for kind, payload in GOOD.items()
    }
    with pytest.raises(TypeError):
        TYPES["nod_supply"] = TYPES[FACTOR]  # type: ignore[index]
    with pytest.raises(TypeError):
        TYPES[FACTOR]["supply"] = TYPES[FACTOR]["factor"]  # type: ignore[index]


@pytest.mark.parametrize("kind", GOOD)
def test_each_type_has_exactly_its_keys(kind: str) -> None:
    good = GOOD[kind]
    assert dict(checked_payload(kind, good)) == good
    for key in good:
        blocked(kind, {k: v for k, v in good.items() if k != key})
    for extra in ("supply", "nod_balances", "factor ", "", "version2", 7):
        blocked(kind, good | {extra: 1})
    for other in GOOD:
        if other != kind:
            blocked(other, good)


@pytest.mark.parametrize(
    "kind",
    [
        *("nod_transfer", "nod.transfer", "chr_reward", "issuance_rate", "max_share", "balances"),
        *("content_moderation", "feed_ranking", "", " storage_replication_factor", "STORAGE"),
        *(None, 0, True, ("storage_replication_factor",), b"storage_replication_factor"),
    ],
)
def test_no_other_type_has_a_name(kind: object) -> None:
    blocked(kind, {"factor": 3})


@pytest.mark.parametrize(("kind", "key", "low", "high"), BOUNDS)
def test_every_number_is_bounded(kind: str, key: str, low: int, high: int) -> None:
    for value in (low, low + 1, high - 1, high):
        assert dict(checked_payload(kind, {key: value})) == {key: value}
    for bad in (low - 1, high + 1, -high, 2**64, 10**5000):
        error = blocked(kind, {key: bad})
        assert (error.argument, error.value) == (f"payload.{key}", bad)
    for bad_type in (True, 3.0, "3", None, [3], {"factor": 3}):
        blocked(kind, {key: bad_type})


@pytest.mark.parametrize(("kind", "key"), TEXTS)
def test_every_text_matches_its_pattern(kind: str, key: str) -> None:
    good = GOOD[kind]
    for value in ("a", "a" * 64, "a-b_2"):
        checked_payload(kind, good | {key: value})
    bad = ["", "a" * 65, "-a", ".a", "a b", "a\n", "a\x00", "ä", "a/b", "../a", "a;b", "a" * 10**6]
    for value in (*bad, b"a", 1, None, ["a"]):
        blocked(kind, good | {key: value})


@pytest.mark.parametrize("kind", HASHES)
def test_every_hash_is_a_hash(kind: str) -> None:
    bad = [HASH[:-1], HASH + "0", HASH.upper(), "0x" + HASH[2:], HASH[:-1] + "g", HASH + "\n", 0]
    for value in bad:
        blocked(kind, GOOD[kind] | {"sha256": value})


@pytest.mark.parametrize("payload", [None, [], [("factor", 3)], "factor", 3, ()])
def test_a_payload_is_a_mapping(payload: object) -> None:
    blocked(FACTOR, payload)


@pytest.mark.parametrize("kind", [kind for kind in GOOD if kind != PATCH])
def test_only_security_patches_are_emergencies(kind: str) -> None:
    chamber = Chamber(dict.fromkeys("abcd", 5))
    with pytest.raises(FirewallError):
        chamber.create(10, "a", kind, GOOD[kind], emergency=True)
    chamber.create(10, "a", PATCH, PATCH_VALUE, emergency=True)
    for word in (1, "yes", None):
        with pytest.raises(FirewallError):
            chamber.governance.propose(
                Draft("b", PATCH, PATCH_VALUE, word),  # type: ignore[arg-type]
                chamber.ground(11),
            )


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
HOSTILE = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["factor", "sha256", "version", "nod_state", "balances"]) | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(kind=st.sampled_from([*GOOD, "tokens", "balances"]) | HOSTILE, payload=HOSTILE)
def test_whatever_is_proposed_is_in_bounds_or_blocked(kind: Any, payload: Any) -> None:
    try:
        found = checked_payload(kind, payload)
    except FirewallError:
        return
    assert kind in GOOD
    assert dict(found) == payload
    assert {*payload} == {*GOOD[kind]}
    assert all(type(value) in (int, str) for value in payload.values())


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("nod_state", {"supply": "0"}),
        ("storage_replication_factor", {"factor": 3, "balances": {"a": "1000"}}),
        ("storage_replication_factor", {"factor": {"tokens": 1}}),
        ("infrastructure_upgrade", {"component": "../tokens", "version": "1", "sha256": HASH}),
        ("security_patch_deployment", {"id": "x", "sha256": HASH, "ruleset": {"version": 2}}),
    ],
)
def test_a_hostile_event_changes_nothing(network: Any, kind: str, payload: Any) -> None:
    """Through the whole machine: signed, at a good tick, by a node that may propose."""
    from qfs.protocol import events

    said = events.CreateProposal(network.nonce("a"), "a", kind, payload, False, "00" * 32, "")
    refusal = network.refused(network.signed(network.key_of("a"), said, tick=1))
    assert refusal.reason == "firewall"
    forged = ProtocolEvent(
        EXECUTE_PROPOSAL, 1, {"proposal": "00" * 32, "payload": payload, "tally": ""}
    )
    assert network.refused(forged).reason == "unknown_proposal"


def test_no_event_of_governance_touches_anything_else(busy: Any) -> None:
    """The token bundle byte for byte, and every other field of the state but tick and nonces."""
    seen: dict[str, int] = {}
    for before, event, after in busy.history:
        if event.type not in GOVERNING:
            assert after.governance is before.governance
            continue
        seen[event.type] = seen.get(event.type, 0) + 1
        assert after.tokens.to_bytes() == before.tokens.to_bytes()
        assert after.tokens is before.tokens
        for name in ("registry", "balances", "batches", "rulesets", "manifest", "epoch"):
            assert getattr(after, name) is getattr(before, name)
    assert {*seen} == {*GOVERNING}


GOVERNING = (CREATE_PROPOSAL, "ballot.record", "proposal.cancel", EXECUTE_PROPOSAL)


def test_a_refusal_of_the_firewall_is_a_refusal() -> None:
    assert issubclass(FirewallError, TransitionError)
