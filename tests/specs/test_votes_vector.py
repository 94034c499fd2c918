"""The published votes: what the code makes of them, and what follows from the text alone."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from qfs import canonical
from qfs.protocol.events import ProtocolEvent
from qfs.protocol.genesis import initial_state
from qfs.protocol.invariants import Auditor
from qfs.protocol.transitions import engine_of
from qfs.rows import from_rows
from qfs.tables import SCHEMAS, Table

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    path = ROOT / "specs" / "vectors" / "votes-v1.json"
    if not path.exists():
        pytest.skip("the vectors lie in the checkout, not in the wheel")
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def table(schema: str, rows: list[list[str]]) -> Table:
    texts = ("id", "name", "key")
    columns = SCHEMAS[schema].columns
    return from_rows(
        SCHEMAS[schema],
        [
            [text if c.kind in texts else int(text) for c, text in zip(columns, row, strict=True)]
            for row in rows
        ],
    )


def happened(published: dict[str, Any]) -> Iterator[tuple[ProtocolEvent, dict[str, Any]]]:
    for event in published["events"]:
        body = json.loads(event["body"])
        tables = [table(event["schema"], event["rows"])] if "rows" in event else []
        if "signatures" in event:
            tables.append(table("signatures", event["signatures"]))
        yield ProtocolEvent(body["type"], body["tick"], body["payload"], *tables), event


def test_the_votes_are_as_their_maker_makes_them(published: dict[str, Any]) -> None:
    assert json.loads(json.dumps(load("make_votes").vector())) == published


def test_they_replay_to_the_published_states(published: dict[str, Any], api_backend: str) -> None:
    state = initial_state(published["genesis"].encode())
    auditor = Auditor(state)
    for event, expected in happened(published):
        after = engine_of(state.spec_version).apply(state, event)
        auditor.check(state, event, after)
        state = after
        assert canonical.encode(state.document()).decode() == expected["state"]
        assert state.digest.hex() == expected["digest"]


@pytest.mark.slow
def test_the_text_gives_the_same_states_and_verdicts(published: dict[str, Any]) -> None:
    votes = load("votes_from_text")
    seeds = {name: bytes.fromhex(seed) for name, seed in published["seeds"].items()}
    instance, previous = votes.VotingInstance(published["genesis"], seeds), bytes(32)
    assert instance.id.hex() == published["instance"]
    hashes = []
    for event in published["events"]:
        body = json.loads(event["body"])
        for name in ("rows", "signatures"):
            if name in event:
                schema = event["schema"] if name == "rows" else name
                assert body["payload"][schema] == votes.text.named(schema, event[name])
        signer = body["payload"].get("proposer", body["payload"].get("reporter"))
        if "signature" in body["payload"]:
            key = instance.registry[signer][3] if signer else instance.registrar
            signature = votes.text.ed25519_sign(instance.seeds[key], instance.message(body))
            assert body["payload"]["signature"] == signature.hex()
        instance.happen(body, event.get("rows", []), event.get("signatures", []))
        if "proposal" in event:
            vote = instance.votes[body["payload"]["proposal"]]
            assert event["proposal"].encode() == votes.text.canonical(vote.document)
        if "first_signed_bytes" in event:
            vote, row = instance.votes[body["payload"]["proposal"]], event["rows"][0]
            node = vote.held[int(row[1])][0]
            signed = instance.signed_ballot(vote, node, int(row[2]), int(row[3]))
            assert event["first_signed_bytes"] == signed.hex()
        assert instance.state().decode() == event["state"]
        assert event["digest"] == votes.text.h("qfs/state/v1", instance.state()).hex()
        previous = votes.text.h("qfs/event/v1", instance.id, previous, event["body"].encode())
        assert event["hash"] == previous.hex()
        hashes.append(previous)
    assert published["log_root"] == votes.text.tree(hashes).hex()
    assert published["standing"] == [
        {"proposal": vote.id, "states": [vote.state(tick) for tick in range(45, 60)]}
        for vote in instance.ordered()
    ]


def test_everything_that_they_are_for_happens(published: dict[str, Any]) -> None:
    last = json.loads(published["events"][-1]["state"])["governance"]
    refused = [reason for found in last["proposals"] for reason in found["refused"]]
    assert sorted(refused) == ["duplicate", "revoked", "signature"]
    first = last["proposals"][0] if last["proposals"][0]["refused"] else last["proposals"][1]
    assert first["refused"] == {"duplicate": 1, "revoked": 1, "signature": 2}
    ends = [("cancelled" in found, "executed" in found) for found in last["proposals"]]
    assert sorted(ends) == [(False, False)] * 3 + [(False, True)] * 3 + [(True, False)]
    states = {state for found in published["standing"] for _, state, _ in found["states"]}
    assert states == {"ACTIVE", "REJECTED", "PASSED", "EXPIRED", "EXECUTED", "CANCELLED"} - {
        "PASSED"
    }
    assert {found["proposal"]["turnout"] for found in last["proposals"]} == {
        "all",
        "for_and_abstain",
    }
