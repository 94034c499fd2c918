"""The published log of an instance comes to the published states, now and in every later release.

This is the guard of old epochs and old spec versions. `log-v1.json` was made under SPEC_VERSION 1
and has epochs under three rulesets. Whatever a release changes, it must replay this file under the
rules that the file was made by, byte for byte; a new spec version adds a file and changes none.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from qfs import canonical
from qfs.ledger.artifacts import Artifacts
from qfs.ledger.evidence import verify_evidence
from qfs.ledger.instance import create_instance
from qfs.ledger.replay import ReplayError, replay
from qfs.ledger.session import Session
from qfs.protocol.closing import close
from qfs.protocol.events import CLOSE_EPOCH, ProtocolEvent, TransitionError
from qfs.protocol.genesis import Genesis, initial_state
from qfs.protocol.invariants import Auditor
from qfs.protocol.state import State
from qfs.protocol.transitions import closing_event, engine_of
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
    path = ROOT / "specs" / "vectors" / "log-v1.json"
    if not path.exists():
        pytest.skip("the vectors lie in the checkout, not in the wheel")
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def table_of(event: dict[str, Any]) -> Table | None:
    """The rows beside an event, read back as the table that they are."""
    if "rows" not in event:
        return None
    schema = SCHEMAS[event["schema"]]
    texts = ("id", "name", "key")
    rows = [
        [
            text if c.kind in texts else int(text)
            for c, text in zip(schema.columns, row, strict=True)
        ]
        for row in event["rows"]
    ]
    return from_rows(schema, rows)


def happened(published: dict[str, Any]) -> list[ProtocolEvent]:
    bodies = [json.loads(event["body"]) for event in published["events"]]
    return [
        ProtocolEvent(body["type"], body["tick"], body["payload"], table_of(event))
        for body, event in zip(bodies, published["events"], strict=True)
    ]


def state_of(state: State) -> dict[str, str]:
    return {"state": canonical.encode(state.document()).decode(), "digest": state.digest.hex()}


def told(event: dict[str, Any]) -> dict[str, str]:
    return {"state": event["state"], "digest": event["digest"]}


def test_the_log_is_as_its_maker_makes_it(published: dict[str, Any]) -> None:
    assert json.loads(json.dumps(load("make_log").vector())) == published


def test_it_replays_under_the_rules_of_its_spec_version(
    published: dict[str, Any], api_backend: str
) -> None:
    state = initial_state(published["genesis"].encode())
    assert state.spec_version == published["spec_version"] == 1
    assert state_of(state) == told(published)
    auditor = Auditor(state)
    for event, expected in zip(happened(published), published["events"], strict=True):
        after = engine_of(state.spec_version).apply(state, event)
        auditor.check(state, event, after)
        state = after
        assert state_of(state) == told(expected)
    assert state.tokens.to_bytes().decode() == published["tokens"]


def test_its_epochs_close_again_to_the_same_manifests(published: dict[str, Any]) -> None:
    state, closed = initial_state(published["genesis"].encode()), []
    for event, expected in zip(happened(published), published["events"], strict=True):
        if event.type == CLOSE_EPOCH:
            closing = close(state, state.epoch, event.tick)
            assert canonical.encode(closing.manifest).decode() == expected["manifest"]
            assert closing_event(closing, event.tick) == event
            closed.append((closing.closed.ruleset.version, closing.closed.epoch))
        state = engine_of(state.spec_version).apply(state, event)
    assert closed == [(1, 3), (1, 4), (2, 5), (2, 6), (3, 7)], "each under its own rules"


def test_no_event_of_it_fits_elsewhere(published: dict[str, Any]) -> None:
    """Each is refused twice in a row, in another instance, and one tick later."""
    events = happened(published)
    other = published["genesis"].replace('"name":"example"', '"name":"exampel"')
    for source in (published["genesis"], other):
        state = initial_state(source.encode())
        for event in events:
            engine = engine_of(state.spec_version)
            if source != other:
                later = event._replace(tick=event.tick + 1)
                if event.type != CLOSE_EPOCH:
                    with pytest.raises(TransitionError):
                        engine.apply(state, later)
                state = engine.apply(state, event)
            with pytest.raises(TransitionError):
                engine.apply(state, event)


@pytest.mark.database
def test_an_instance_on_disk_replays_it(published: dict[str, Any], tmp_path: Path) -> None:
    genesis = canonical.decode(published["genesis"].encode(), Genesis, "genesis")
    instance = create_instance(tmp_path / "net", genesis)
    assert instance.id.hex() == published["instance"]
    digests = []
    with Session(instance, "test") as session:
        for event in happened(published):
            if event.type == CLOSE_EPOCH:
                epoch = session.state.epoch
                session.commit([], session.close(epoch, event.tick), event.tick)
                digests.append(verify_evidence(instance.evidence(epoch)).digest.hex())
            else:
                session.append([event])
    with instance.open_log() as log:
        steps = list(replay(log, instance.artifacts))
    assert [step.event.hash.hex() for step in steps] == [e["hash"] for e in published["events"]]
    assert [step.state.digest.hex() for step in steps] == [e["digest"] for e in published["events"]]
    recorded = [json.loads(e["body"])["payload"] for e in published["events"] if "manifest" in e]
    assert digests == [payload["manifest"] for payload in recorded]


@pytest.mark.database
def test_a_log_with_another_state_does_not_replay(
    published: dict[str, Any], tmp_path: Path
) -> None:
    """An event that claims another state is appended by hand, since a session refuses it."""
    from qfs.ledger.events import Entry

    genesis = canonical.decode(published["genesis"].encode(), Genesis, "genesis")
    instance = create_instance(tmp_path / "net", genesis)
    artifacts = Artifacts(tmp_path / "net" / "artifacts")
    with instance.open_log("test") as log:
        for event in happened(published):
            payload = dict(event.payload)
            if event.type == CLOSE_EPOCH:
                payload["state"] = "0" * 64
            elif event.table is not None:
                artifacts.put(event.table)
            log.append([Entry(event.type, event.tick, payload)])
    with instance.open_log() as log, pytest.raises(ReplayError, match="recorded as 0000") as error:
        list(replay(log, artifacts))
    assert error.value.seq == 7


# The same from the text of the specification


def test_the_text_gives_the_same_states(published: dict[str, Any]) -> None:
    text = load("from_text")
    instance = text.Instance(published["genesis"])
    assert instance.id.hex() == published["instance"]
    assert instance.state().decode() == published["state"]
    assert published["digest"] == text.h("qfs/state/v1", instance.state()).hex()
    for event in published["events"]:
        body = json.loads(event["body"])
        if "rows" in event:
            name = text.named(event["schema"], event["rows"])
            assert body["payload"][event["schema"]] == name
        instance.apply(body, event.get("rows", []))
        if "manifest" in event:
            assert event["manifest"].encode() == text.canonical(instance.document)
            for name, rows in instance.closed.items():
                assert event["tables"][name] == rows
            assert body["payload"] == {
                "epoch": instance.document["epoch"],
                "manifest": instance.manifest,
                "allocations": instance.document["tables"]["allocations"],
                "balances": instance.balances_named(),
                "state": event["digest"],
            }
        assert instance.state().decode() == event["state"]
        assert event["digest"] == text.h("qfs/state/v1", instance.state()).hex()
    tokens = instance.tokens()
    assert json.loads(published["tokens"])["tokens"] == tokens


def test_the_text_gives_the_same_hashes_and_signatures(published: dict[str, Any]) -> None:
    text = load("from_text")
    seeds = {name: bytes.fromhex(seed) for name, seed in published["seeds"].items()}
    instance, previous = text.Instance(published["genesis"]), bytes(32)
    assert instance.registrar == text.public_key(seeds["registrar"])
    for number, event in enumerate(published["events"]):
        body = json.loads(event["body"])
        assert event["body"].encode() == text.canonical(body)
        assert body["seq"] == number
        hashed = text.h("qfs/event/v1", instance.id, previous, event["body"].encode())
        assert event["hash"] == hashed.hex()
        previous = hashed
        if "signature" in body["payload"]:
            reporter = "r1" if number < 13 else "r1 from event 13 on"
            seed = seeds[reporter if "reporter" in body["payload"] else "registrar"]
            signature = text.ed25519_sign(seed, instance.message(body))
            assert body["payload"]["signature"] == signature.hex()
    hashes = [bytes.fromhex(event["hash"]) for event in published["events"]]
    assert published["log_root"] == text.tree(hashes).hex()
