"""Why this amount, for scored epochs: of every node one explanation, and it follows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from qfs import signatures, traces
from qfs.cli.root import run
from qfs.errors import EvidenceError, VerificationError
from qfs.ledger.evidence import read_artifact, read_manifest, write_epoch
from qfs.ledger.exclusion import explain_exclusion
from qfs.ledger.explain import explain
from qfs.limits import NOT_REVOKED
from qfs.protocol.eligibility import contributions
from qfs.protocol.epoch import Opening, close_epoch
from qfs.protocol.events import TableRef
from qfs.protocol.manifest import epoch_tables, manifest_of
from qfs.protocol.ruleset import Ruleset
from qfs.reference.eligibility import REASONS
from qfs.rows import from_rows, rows_of
from qfs.table_files import write_parquet
from qfs.tables import EXCLUDED, FEES, REGISTRY, TELEMETRY

KEY = signatures.from_seed(bytes(32)).public.text
RULES = Ruleset(
    epoch_ticks=10, min_active_nodes=1, max_share=4 * 10**17, expected_heartbeats=10, min_samples=3
)
REGISTERED = {
    # role, registered, revoked
    "late": ("infrastructure", 20, NOT_REVOKED),
    "reporter": ("reporter", 0, NOT_REVOKED),
    "revoked": ("infrastructure", 0, 19),
    "silent": ("infrastructure", 0, NOT_REVOKED),
    "above": ("infrastructure", 0, NOT_REVOKED),
    "beats": ("infrastructure", 0, NOT_REVOKED),
    "low": ("infrastructure", 0, NOT_REVOKED),
    "ann": ("infrastructure", 0, NOT_REVOKED),
    "bea": ("infrastructure", 0, 20),
    "cyd": ("infrastructure", 19, NOT_REVOKED),
    "dot": ("infrastructure", 0, NOT_REVOKED),
}
COUNTS = {
    "stranger": (10, 10, 5, 5, 0, 0),
    "late": (10, 10, 5, 5, 0, 0),
    "revoked": (10, 10, 5, 5, 0, 0),
    "above": (10, 10, 6, 5, 0, 0),
    "beats": (9, 9, 5, 5, 0, 0),
    "low": (8, 10, 5, 5, 0, 0),
    "ann": (10, 10, 5, 5, 0, 0),
    "bea": (9, 10, 4, 7, 2, 2),
    "cyd": (10, 10, 2, 3, 1, 1),
    "dot": (10, 10, 2, 2, 0, 0),
}
WHY = {
    "stranger": ("not_registered", "It reported, but is not registered."),
    "late": ("not_registered", "registered at tick 20, after the epoch's last tick, 19."),
    "reporter": ("wrong_role", "registered as reporter; only infrastructure is paid"),
    "revoked": ("revoked", "revoked at tick 19; the epoch's last tick is 19"),
    "silent": ("no_telemetry", "No telemetry"),
    "above": ("malformed", "storage is 6 of 5"),
    "beats": ("malformed", "uptime is of 9 heartbeats, the rules expect 10"),
    "low": ("low_uptime", "seen 8 times of 10, and the rules ask for 0.9 of them: 8 is below 9"),
}


def write(folder: Path, rules: Ruleset = RULES, counts: Any = COUNTS, fees: int = 12345) -> Path:
    """The evidence of epoch 1 over these nodes."""
    registry = from_rows(
        REGISTRY, [(node, f"op-{node}", r, KEY, a, b) for node, (r, a, b) in REGISTERED.items()]
    )
    telemetry = from_rows(TELEMETRY, [(node, 1, *row) for node, row in counts.items()])
    fee_table = from_rows(FEES, [(10, "x", fees)])
    found = contributions(1, rules, registry, telemetry)
    closed = close_epoch(1, rules, Opening(), fee_table, found)
    write_epoch(folder, manifest_of(closed, None), epoch_tables(closed), write_parquet)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "evidence")


@pytest.mark.parametrize("node", WHY)
def test_an_excluded_node_is_told_the_first_reason_with_its_numbers(
    folder: Path, node: str, capsys: pytest.CaptureFixture[str]
) -> None:
    reason, words = WHY[node]
    found = explain_exclusion(folder, read_manifest(folder), node)
    assert found is not None
    assert found.reason == reason
    assert words in found.sentence
    assert (found.counts is None) == (node not in COUNTS)
    assert run(["explain", node, str(folder)]) == 0
    printed = capsys.readouterr().out
    assert words in printed
    assert f"{node} was excluded from epoch 1 and paid nothing: {reason}." in printed
    assert run(["explain", node, str(folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["excluded"], document["amount"]) == (reason, "0")


def test_no_heartbeats_expected(tmp_path: Path) -> None:
    rules = Ruleset(epoch_ticks=10, min_active_nodes=1)
    folder = write(tmp_path / "e", rules, {**COUNTS, "low": (0, 0, 5, 5, 0, 0)})
    found = explain_exclusion(folder, read_manifest(folder), "low")
    assert found is not None
    assert found.reason == "no_uptime"
    assert "expected 0 heartbeats" in found.sentence


def test_the_least_that_is_enough_is_rounded_up(tmp_path: Path) -> None:
    rules = Ruleset(epoch_ticks=10, min_active_nodes=1)
    folder = write(tmp_path / "e", rules, {**COUNTS, "low": (13, 15, 5, 5, 0, 0)})
    found = explain_exclusion(folder, read_manifest(folder), "low")
    assert found is not None
    # 0.9 of 15 is 13.5.
    assert "13 is below 14" in found.sentence


def test_every_reason_there_is_is_explained() -> None:
    assert {reason for reason, _ in WHY.values()} | {"no_uptime", "eligible"} == {*REASONS}
    from qfs.cli.figures import REASONS as NAMED

    assert list(NAMED) == [reason for reason in REASONS if reason != "eligible"]


@pytest.mark.parametrize("policy", ["product", "weighted_sum"])
@pytest.mark.parametrize("fees", [12345, 7, 0])
def test_the_operations_of_every_node_lead_to_its_amount(
    tmp_path: Path, policy: str, fees: int
) -> None:
    rules = Ruleset(**{**_fields(RULES), "score_policy": policy})
    folder = write(tmp_path / "e", rules, fees=fees)
    table = read_artifact(folder, read_manifest(folder), "allocations")
    assert len(table) == 4
    for node, weight, cap, amount in rows_of(table):
        found = explain(folder, node)
        operations = found.operations
        assert operations[-1].result == amount
        results = [op.result for op in operations]
        assert weight in results
        assert cap in results
        assert found.scored is not None
        assert found.scored.uptime == COUNTS[node][:2]
        # Anyone can compute them again from the document alone.
        document = traces.trace_document(operations)
        data = traces.canonical.encode(document)
        assert traces.replay(traces.read_document(data)).operations == operations


def _fields(rules: Ruleset) -> dict[str, Any]:
    return {name: getattr(rules, name) for name in Ruleset.__dataclass_fields__}


def test_what_is_printed_of_a_scored_node(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "bea", str(folder), "--trace"]) == 0
    printed = capsys.readouterr().out
    # min_samples is 3: two inferences are too few, for bea alone, and so no metric is neutral
    # but the one that nobody has three samples of.
    for line in (
        "uptime          9 of 10",
        "storage         4 of 7",
        "AI model        2 of 2, assessed for nobody: neutral, counts as 1",
        "score           9/10 * 4/7 * 1/1 = 0.514285714285714285, rounded down",
        "policy          product",
    ):
        assert line in printed
    assert "mul_div_floor(a=1000000000000000000, b=36, c=70) = 514285714285714285" in printed
    assert run(["explain", "dot", str(folder)]) == 0
    assert "2 of 2, fewer than 3: counts as 0" in capsys.readouterr().out
    assert run(["explain", "bea", str(folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["counts"] == {"uptime": [9, 10], "storage": [4, 7], "ai": [2, 2]}
    assert document["neutral"] == ["ai"]
    assert document["trace"]["format"] == "qfs-trace-v1"


def test_a_weighted_sum_shows_its_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "e", Ruleset(**{**_fields(RULES), "score_policy": "weighted_sum"}))
    assert run(["explain", "bea", str(folder)]) == 0
    # 0.36 + 0.3 * 4/7 + 0.3
    line = "0.4 * 9/10 + 0.3 * 4/7 + 0.3 * 1/1 = 0.831428571428571428, rounded down"
    assert line in capsys.readouterr().out


def test_a_node_of_neither_table_is_an_error(folder: Path) -> None:
    assert run(["explain", "nobody", str(folder)]) == 1
    assert run(["explain", "n\u00f6", str(folder)]) == 1
    with pytest.raises(EvidenceError, match="no node nobody"):
        explain(folder, "nobody")


def test_a_reason_that_does_not_follow_is_refused(folder: Path) -> None:
    manifest = read_manifest(folder)
    tables = {name: read_artifact(folder, manifest, name) for name in manifest.tables}
    rows = [(node, "revoked" if node == "low" else r) for node, r in rows_of(tables["excluded"])]
    tables["excluded"] = from_rows(EXCLUDED, rows)
    refs = {name: TableRef.of(table) for name, table in tables.items()}
    shutil.rmtree(folder)
    changed = msgspec.structs.replace(manifest, tables=refs)
    write_epoch(folder, changed, tables.values(), write_parquet)
    with pytest.raises(VerificationError, match="recorded as revoked, computed as low_uptime"):
        explain_exclusion(folder, read_manifest(folder), "low")
    assert run(["explain", "low", str(folder)]) == 3


def test_a_weight_that_is_not_the_score_is_refused(folder: Path) -> None:
    manifest = read_manifest(folder)
    tables = {name: read_artifact(folder, manifest, name) for name in manifest.tables}
    tables["telemetry"] = from_rows(
        TELEMETRY,
        [
            (node, epoch, 9 if node == "ann" else n, *rest)
            for node, epoch, n, *rest in rows_of(tables["telemetry"])
        ],
    )
    refs = {name: TableRef.of(table) for name, table in tables.items()}
    shutil.rmtree(folder)
    changed = msgspec.structs.replace(manifest, tables=refs)
    write_epoch(folder, changed, tables.values(), write_parquet)
    with pytest.raises(VerificationError, match="node ann weight"):
        explain(folder, "ann")
    assert run(["explain", "ann", str(folder)]) == 3


def test_given_weights_are_explained_without_a_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "nodes.csv").write_text("node_id,weight\nann,2\nbea,1\ncyd,1\n")
    (tmp_path / "fees.csv").write_text("tick,action_id,fee_base_units\n512,x,1010\n")
    inputs = [w for n in ("nodes", "fees") for w in (f"--{n}", str(tmp_path / f"{n}.csv"))]
    out = str(tmp_path / "e")
    assert run(["epoch", "close", *inputs, "--out", out]) == 0
    capsys.readouterr()
    assert run(["explain", "bea", out, "--trace"]) == 0
    printed = capsys.readouterr().out
    assert "score" not in printed
    assert "mul_floor" in printed
    assert explain(Path(out), "bea").scored is None
