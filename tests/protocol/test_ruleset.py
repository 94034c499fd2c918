"""Rulesets: what they accept, what they refuse, and that their digest names their content."""

from __future__ import annotations

import pytest

from qfs.errors import (
    NumberTextError,
    OutOfRangeError,
    QfsError,
    RulesetError,
    UnknownOptionError,
    WrongTypeError,
)
from qfs.protocol.ruleset import Ruleset, from_document, from_toml

FULL = b"""
version = 3
[epoch]
ticks = 100
[issuance]
rate = "0.15"
epoch_cap = "2.5"
[allocation]
max_share = "1"
min_active_nodes = 1
tie_break = "rotating"
[registry]
max_nodes_per_operator = 2
[eligibility]
min_uptime = "0.5"
expected_heartbeats = 4294967295
[scoring]
min_samples = 10
policy = "weighted_sum"
uptime_weight = "0.5"
storage_weight = "0.25"
ai_weight = "0.25"
"""


def test_all_fields_are_read_exactly() -> None:
    assert from_toml(FULL, "r.toml") == Ruleset(
        version=3,
        epoch_ticks=100,
        issuance_rate=15 * 10**16,
        epoch_cap_base_units=25 * 10**17,
        max_share=10**18,
        min_active_nodes=1,
        tie_break="rotating",
        max_nodes_per_operator=2,
        min_uptime=5 * 10**17,
        expected_heartbeats=2**32 - 1,
        min_samples=10,
        score_policy="weighted_sum",
        uptime_weight=5 * 10**17,
        storage_weight=25 * 10**16,
        ai_weight=25 * 10**16,
    )


def test_defaults_are_those_of_the_protocol() -> None:
    ruleset = from_toml(b"", "r.toml")
    assert ruleset == Ruleset()
    assert ruleset.document() == {
        "version": 1,
        "epoch": {"ticks": 512},
        "issuance": {"rate": "0.1", "epoch_cap": "1000000"},
        "allocation": {"max_share": "0.3", "min_active_nodes": 3, "tie_break": "id"},
        "registry": {"max_nodes_per_operator": 1},
        "eligibility": {"min_uptime": "0.9", "expected_heartbeats": 0},
        "scoring": {
            "policy": "product",
            "min_samples": 1,
            "uptime_weight": "0.4",
            "storage_weight": "0.3",
            "ai_weight": "0.3",
        },
    }


@pytest.mark.parametrize("text", [b"", FULL])
def test_document_round_trips_and_keeps_the_digest(text: bytes) -> None:
    ruleset = from_toml(text, "r.toml")
    again = from_document(ruleset.document())
    assert again == ruleset
    assert again.digest == ruleset.digest


def test_every_field_changes_the_digest() -> None:
    changed = [
        b"version = 2",
        b"epoch.ticks = 511",
        b'issuance.rate = "0.11"',
        b'issuance.epoch_cap = "1000000.000000000000000001"',
        b'allocation.max_share = "0.300000000000000001"',
        b"allocation.min_active_nodes = 4",
        b'allocation.tie_break = "rotating"',
        b"registry.max_nodes_per_operator = 2",
        b'eligibility.min_uptime = "0.900000000000000001"',
        b"eligibility.expected_heartbeats = 1",
        b"scoring.min_samples = 2",
        b'scoring.policy = "weighted_sum"',
        b'scoring.uptime_weight = "0.5"\nscoring.ai_weight = "0.2"',
        b'scoring.storage_weight = "0.4"\nscoring.ai_weight = "0.2"',
    ]
    digests = {from_toml(text, "r.toml").digest for text in [b"", *changed]}
    assert len(digests) == 1 + len(changed)


def test_spelling_of_a_number_does_not_change_the_digest() -> None:
    assert from_toml(b'issuance.rate = "0.10"', "r").digest == Ruleset().digest


REFUSED: dict[str, tuple[bytes, type[QfsError], str]] = {
    "float rate": (b"issuance.rate = 0.1", RulesetError, "issuance.rate"),
    "float inside an array": (b"issuance.rate = [0.1]", WrongTypeError, "issuance.rate"),
    "infinity": (b"allocation.max_share = inf", RulesetError, "allocation.max_share"),
    "integer rate": (b"issuance.rate = 1", WrongTypeError, "issuance.rate"),
    "rate below": (b'issuance.rate = "0.009"', OutOfRangeError, "issuance.rate"),
    "rate above": (
        b'issuance.rate = "0.150000000000000001"',
        OutOfRangeError,
        "issuance.rate",
    ),
    "share above 1": (b'allocation.max_share = "1.1"', OutOfRangeError, "allocation.max_share"),
    "share 0": (b'allocation.max_share = "0"', OutOfRangeError, "allocation.max_share"),
    "negative share": (b'allocation.max_share = "-1"', NumberTextError, "allocation.max_share"),
    "cap too large": (
        b'issuance.epoch_cap = "100000000000000000000"',
        OutOfRangeError,
        "issuance.epoch_cap",
    ),
    "no ticks": (b"epoch.ticks = 0", OutOfRangeError, "epoch.ticks"),
    "bool": (b"epoch.ticks = true", WrongTypeError, "epoch.ticks"),
    "text count": (b'allocation.min_active_nodes = "3"', WrongTypeError, "allocation."),
    "other tie": (b'allocation.tie_break = "random"', UnknownOptionError, "allocation.tie_break"),
    "no nodes per operator": (
        b"registry.max_nodes_per_operator = 0",
        OutOfRangeError,
        "registry.max_nodes_per_operator",
    ),
    "uptime above 1": (b'eligibility.min_uptime = "1.1"', OutOfRangeError, "eligibility."),
    "float uptime": (b"eligibility.min_uptime = 0.9", RulesetError, "eligibility.min_uptime"),
    "heartbeats above 2^32 - 1": (
        b"eligibility.expected_heartbeats = 4294967296",
        OutOfRangeError,
        "eligibility.expected_heartbeats",
    ),
    "no samples": (b"scoring.min_samples = 0", OutOfRangeError, "scoring.min_samples"),
    "other policy": (b'scoring.policy = "sum"', UnknownOptionError, "scoring.policy"),
    "weights above 1": (b'scoring.ai_weight = "0.300000000000000001"', RulesetError, "scoring"),
    "weights below 1": (b'scoring.ai_weight = "0.299999999999999999"', RulesetError, "scoring"),
    "unknown field": (b"allocation.bonus = 1", RulesetError, "allocation.bonus"),
    "unknown table": (b"[x]\ny = 1", RulesetError, "x.y"),
    "too deep": (b"[allocation.x]\ny = 1", RulesetError, "allocation.x"),
    "not toml": (b"[", RulesetError, ""),
    "not utf-8": (b"version = 1 # \xff", RulesetError, ""),
    "too long": (b"#" * 70000, RulesetError, ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_fields_are_named(name: str) -> None:
    text, kind, field = REFUSED[name]
    with pytest.raises(QfsError) as caught:
        from_toml(text, "rules.toml")
    assert type(caught.value) is kind
    assert caught.value.source == "rules.toml"
    assert (caught.value.argument or "").startswith(field)


# Votes


VOTES = b"""
[governance]
quorum = "0.51"
emergency_quorum = "0.9"
turnout = "for_and_abstain"
power_share = "0.000000000000000001"
window_ticks = 1
timelock_ticks = 0
grace_ticks = 9007199254740991
emergency_window_ticks = 2
emergency_timelock_ticks = 3
cooldown_ticks = 4
"""


def test_rules_of_votes_are_read_exactly() -> None:
    rules = from_toml(VOTES, "r.toml")
    assert rules.governance == (
        *(51 * 10**16, 90 * 10**16, "for_and_abstain", 1),
        *(1, 0, 2**53 - 1, 2, 3, 4),
    )
    assert from_document(rules.document()) == rules
    assert rules.document()["governance"] == {
        "quorum": "0.51",
        "emergency_quorum": "0.9",
        "turnout": "for_and_abstain",
        "power_share": "0.000000000000000001",
        "window_ticks": 1,
        "timelock_ticks": 0,
        "grace_ticks": 2**53 - 1,
        "emergency_window_ticks": 2,
        "emergency_timelock_ticks": 3,
        "cooldown_ticks": 4,
    }


def test_rules_of_votes_that_are_the_default_leave_no_trace() -> None:
    """So that a ruleset from before there were votes has the digest that it had."""
    assert "governance" not in Ruleset().document()
    said = from_toml(b'governance.quorum = "0.660"\ngovernance.window_ticks = 720', "r.toml")
    assert said.document() == Ruleset().document()
    assert said.digest == Ruleset().digest
    one = from_toml(b"governance.window_ticks = 721", "r.toml")
    assert one.document()["governance"] == {"window_ticks": 721}
    assert one.digest != said.digest


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("quorum", ["0.51", "0.9"], ["0.509999999999999999", "0.900000000000000001", "0", "1"]),
        ("emergency_quorum", ["0.51", "0.9"], ["0.5", "0.91"]),
        ("power_share", ["0.25", "0.000000000000000001"], ["0", "0.250000000000000001", "1"]),
        ("turnout", ["all", "for_and_abstain"], ["against", "", "ALL"]),
    ],
)
def test_rules_of_votes_are_bounded(field: str, good: list[str], bad: list[str]) -> None:
    for text in good:
        from_document({"governance": {field: text}})
    for text in bad:
        with pytest.raises(QfsError) as caught:
            from_document({"governance": {field: text}})
        assert caught.value.argument == f"governance.{field}"


@pytest.mark.parametrize(
    ("field", "least"),
    [
        *(("window_ticks", 1), ("timelock_ticks", 0), ("grace_ticks", 1)),
        *(("emergency_window_ticks", 1), ("emergency_timelock_ticks", 0), ("cooldown_ticks", 1)),
    ],
)
def test_windows_are_bounded(field: str, least: int) -> None:
    for ticks in (least, 2**53 - 1):
        from_document({"governance": {field: ticks}})
    for wrong in (least - 1, 2**53, True, "1", None):
        with pytest.raises(QfsError):
            from_document({"governance": {field: wrong}})


def test_a_floating_quorum_is_refused() -> None:
    with pytest.raises(RulesetError, match="write it as text"):
        from_toml(b"governance.quorum = 0.66", "r.toml")
    with pytest.raises(RulesetError, match="no such field"):
        from_toml(b'governance.voting = "all"', "r.toml")
