"""Writes specs/vectors/votes-v1.json: votes of a small instance, with the state after each event.

As make_log.py does for all else. Run it by hand only before version 1 is released.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from qfs import canonical, signatures
from qfs.protocol import ballots as batches
from qfs.protocol import events
from qfs.protocol.genesis import genesis_of
from qfs.protocol.governance import Draft
from qfs.protocol.governing import ground_of
from qfs.protocol.ruleset import from_toml
from qfs.reference import merkle


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


log: Any = _load("make_log")

RULES = """
epoch.ticks = 10
allocation.max_share = "0.5"
governance.window_ticks = 6
governance.timelock_ticks = 2
governance.grace_ticks = 5
governance.emergency_window_ticks = 4
governance.emergency_timelock_ticks = 1
governance.cooldown_ticks = 3
"""

LATER_RULES = """
version = 2
epoch.ticks = 10
governance.quorum = "0.51"
governance.turnout = "for_and_abstain"
governance.power_share = "0.2"
governance.window_ticks = 6
governance.timelock_ticks = 0
governance.grace_ticks = 5
governance.cooldown_ticks = 3
"""

SEEDS = {
    "registrar": bytes(range(32)),
    "r1": bytes([1] * 32),
    **{f"n{n}": bytes([16 + n] * 32) for n in range(1, 6)},
    "n4 from event 9 on": bytes([9] * 32),
}
KEYS = {name: signatures.from_seed(seed) for name, seed in SEEDS.items()}
HASH = "0123456789abcdef" * 4
FACTOR = "storage_replication_factor"


class Votes(log.Story):  # type: ignore[misc]
    """An instance whose nodes propose and vote."""

    def __init__(self, genesis: bytes) -> None:
        super().__init__(genesis)
        self.keys = dict(KEYS)

    def by_node(self, tick: int, payload: Any) -> None:
        key = self.keys[payload.proposer]
        signed = events.sign(key, self.state.instance, tick, payload)
        name = events.TYPES[type(signed)]
        self.tell(events.ProtocolEvent(name, tick, events.document(signed)))

    def propose(
        self, tick: int, who: str, kind: str, value: dict[str, Any], emergency: bool = False
    ) -> bytes:
        draft = Draft(who, kind, value, emergency)
        made = self.state.governance.propose(draft, ground_of(self.state, tick))
        payload = events.CreateProposal(
            self.nonce(who), who, kind, value, emergency, made.id.hex(), ""
        )
        self.by_node(tick, payload)
        self.told[-1]["proposal"] = canonical.encode(made.document()).decode()
        return made.id

    def ballot(self, name: bytes, who: str, choice: int, nonce: int = 0) -> batches.Ballot:
        key = self.keys[who]
        return batches.sign_ballot(key, self.state.instance, name, who, choice, nonce)

    def vote(self, tick: int, name: bytes, *ballots: batches.Ballot) -> None:
        vote = self.state.governance.get(name)
        tables = batches.tables_of(vote.proposal.snapshot, ballots, vote.received)
        payload = events.RecordBallots(name.hex(), *map(events.TableRef.of, tables))
        event = events.ProtocolEvent(events.RECORD_BALLOTS, tick, events.document(payload), *tables)
        first = batches.message(self.state.instance, name, *ballots[0][:3])
        self.tell(
            event,
            signatures=log.as_text(tables[1]),
            first_signed_bytes=signatures.signed_bytes(batches.PURPOSE, first).hex(),
        )

    def all_for(self, tick: int, name: bytes, who: str) -> None:
        self.vote(tick, name, *(self.ballot(name, voter, 1) for voter in who.split()))

    def execute(self, tick: int, name: bytes, value: Mapping[str, Any]) -> None:
        tally = self.state.governance.get(name).tally.hex()
        payload = events.ExecuteProposal(name.hex(), dict(value), tally)
        self.tell(events.ProtocolEvent(events.EXECUTE_PROPOSAL, tick, events.document(payload)))


def happen(story: Votes) -> None:
    """Ballots of every kind, one proposal cancelled, one urgent, two on one parameter."""
    nodes = [(f"n{n}", f"o{n}", "infrastructure", KEYS[f"n{n}"].public.text) for n in range(1, 6)]
    story.register(0, *nodes, ("r1", "watch", "reporter", KEYS["r1"].public.text))
    story.fees(3, 0, (2, "a1", 123_456_789_012_345_678_901))
    full = {node[0]: (10, 10, 0, 0, 0, 0) for node in nodes}
    story.telemetry(9, 0, full | {"n2": (9, 10, 0, 0, 0, 0)})
    story.close(10)
    first = story.propose(12, "n1", FACTOR, {"factor": 3})
    other = story.propose(12, "n2", "network_bandwidth_parameters", {"max_mbps": 2500})
    story.vote(
        13,
        first,
        story.ballot(first, "n1", 1, 7),
        story.ballot(first, "n2", 0),
        # Signed for the other proposal.
        story.ballot(other, "n3", 1),
        story.ballot(first, "n2", 1, 1),
    )
    story.sign(14, events.Revoke(story.nonce(), "n5", ""))
    rotated = KEYS["n4 from event 9 on"]
    stale = story.ballot(first, "n4", 0)
    story.sign(14, events.RotateKey(story.nonce(), "n4", rotated.public.text, ""))
    story.keys["n4"] = rotated
    ballots = [stale, story.ballot(first, "n5", 1), story.ballot(first, "n4", 2)]
    story.vote(15, first, *ballots, story.ballot(first, "n3", 1))
    story.by_node(15, events.CancelProposal(story.nonce("n2"), "n2", other.hex(), ""))
    story.execute(20, first, {"factor": 3})
    patch = {"id": "CVE-2026-0001", "sha256": HASH}
    urgent = story.propose(21, "n3", "security_patch_deployment", patch, emergency=True)
    story.all_for(22, urgent, "n1 n2 n3")
    story.vote(22, urgent, story.ballot(urgent, "n4", 2))
    story.execute(24, urgent, patch)
    rules = from_toml(LATER_RULES.encode(), "rules").document()
    story.sign(25, events.ChangeRuleset(story.nonce(), rules, ""))
    story.close(30)
    one = story.propose(31, "n1", FACTOR, {"factor": 4})
    two = story.propose(31, "n2", FACTOR, {"factor": 5})
    for name in (one, two):
        story.all_for(32, name, "n1 n2 n3 n4")
    story.execute(37, two, {"factor": 5})
    # The first of the two has passed, and can never be executed now.
    upgrade = {"component": "storage-node", "version": "2.0.1", "sha256": HASH}
    last = story.propose(38, "n4", "infrastructure_upgrade", upgrade)
    story.vote(39, last, story.ballot(last, "n1", 1), story.ballot(last, "n2", 0))
    model = {"version": "4.1.0-rc.2", "sha256": HASH}
    story.propose(45, "n3", "ai_model_version_approval", model)


def vector() -> dict[str, Any]:
    """The whole vector, as it is published."""
    rules = from_toml(RULES.encode(), "rules")
    document = genesis_of("votes", KEYS["registrar"].public, rules)
    genesis = canonical.encode(msgspec.to_builtins(document))
    story = Votes(genesis)
    before = log.state_of(story.state)
    happen(story)
    hashes = [bytes.fromhex(event["hash"]) for event in story.told]
    state = story.state
    return {
        "spec_version": state.spec_version,
        "seeds": {name: seed.hex() for name, seed in SEEDS.items()},
        "genesis": genesis.decode(),
        "instance": state.instance.hex(),
        **before,
        "events": story.told,
        "log_root": merkle.root(hashes).hex(),
        "standing": [
            {
                "proposal": vote.proposal.id.hex(),
                "states": [
                    [tick, *(word or "" for word in vote.outcome(tick))] for tick in range(45, 60)
                ],
            }
            for vote in state.governance
        ],
    }


if __name__ == "__main__":
    target = Path(__file__).parents[2] / "specs" / "vectors" / "votes-v1.json"
    target.write_text(json.dumps(vector(), indent=1) + "\n", encoding="ascii")
