"""Section 23 once more, from the text of the specification, beside from_text.py.

It believes every event but no ballot: which count, and what follows, is decided here.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

DEFAULTS = {
    "quorum": "0.66",
    "emergency_quorum": "0.8",
    "turnout": "all",
    "power_share": "0.25",
    "window_ticks": 720,
    "timelock_ticks": 240,
    "grace_ticks": 1440,
    "emergency_window_ticks": 120,
    "emergency_timelock_ticks": 60,
    "cooldown_ticks": 120,
}
REVOKED_TICK, PUBLIC_KEY = 5, 3


def _load() -> Any:
    path = Path(__file__).with_name("from_text.py")
    spec = importlib.util.spec_from_file_location("from_text", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


text: Any = _load()
text.KINDS["ballots"] = ["tick", "count", "choice", "tick", "text"]
text.KINDS["signatures"] = ["tick", "text", "text"]
text.WIDTHS["choice"] = 1


Node = tuple[bytes, list[int]]
"""A hash, and the sums for, against and abstain."""


def sums_of(sums: list[int]) -> bytes:
    return b"".join(part.to_bytes(16, "big") for part in sums)


def leaf_of(voter: int, seq: int, choice: int, power: int) -> Node:
    fields = ((seq, 8), (voter, 4), (choice, 1), (power, 16))
    digest = text.h("qfs/tally-leaf/v1", *(value.to_bytes(size, "big") for value, size in fields))
    return digest, [power if choice == place else 0 for place in (1, 0, 2)]


def sum_tree(leaves: list[Node]) -> Node:
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    (left, a), (right, b) = sum_tree(leaves[:split]), sum_tree(leaves[split:])
    digest = text.h("qfs/tally-node/v1", left, sums_of(a), right, sums_of(b))
    return digest, [x + y for x, y in zip(a, b, strict=True)]


class Vote:
    """A proposal, who may vote on it, and what was counted."""

    def __init__(self, document: dict[str, Any], held: list[tuple[str, int]]) -> None:
        self.document = document
        self.id = text.h("qfs/proposal/v1", text.canonical(document)).hex()
        self.held = held
        self.batches: list[dict[str, Any]] = []
        self.sums: list[tuple[int, list[int]]] = []
        self.counted: list[str] = []
        self.leaves: list[tuple[int, int, int, int]] = []
        self.refused: dict[str, int] = {}
        self.received = 0
        self.ended: dict[str, int] = {}

    def tally(self) -> bytes:
        """Section 24: the leaves in the order of their voters."""
        digest, sums = sum_tree([leaf_of(*leaf) for leaf in sorted(self.leaves)])
        size = len(self.leaves).to_bytes(8, "big")
        return bytes(text.h("qfs/tally/v1", size, digest, sums_of(sums)))

    def passes(self, yes: int, no: int, abstain: int) -> bool:
        return yes > no and self.has_quorum(yes, no, abstain)

    def has_quorum(self, yes: int, no: int, abstain: int) -> bool:
        turnout = yes + abstain + (no if self.document["turnout"] == "all" else 0)
        quorum = text.in_units(self.document["quorum"])
        return bool(turnout * text.ONE >= quorum * int(self.document["supply"]))

    def is_certain(self, yes: int, no: int, abstain: int) -> bool:
        rest = int(self.document["attainable"]) - yes - no - abstain
        if not self.passes(yes + rest, no, abstain):
            return True
        return self.has_quorum(yes, no, abstain) and yes > no + rest

    def state(self, tick: int) -> list[Any]:
        """Tick, state, and why it was rejected."""
        if self.ended:
            return [tick, *(name.upper() for name in self.ended), ""]
        close = self.document["close_tick"]
        if self.document["emergency"]:
            early = [at + 1 for at, (no, yes, rest) in self.sums if self.is_certain(yes, no, rest)]
            close = min([close, *early])
        if tick < close:
            return [tick, "ACTIVE", ""]
        no, yes, abstain = self.sums[-1][1] if self.sums else (0, 0, 0)
        if not self.passes(yes, no, abstain):
            why = "TIE" if yes == no else "MORE_AGAINST"
            return [tick, "REJECTED", why if self.has_quorum(yes, no, abstain) else "NO_QUORUM"]
        last = close + self.document["timelock_ticks"] + self.document["grace_ticks"]
        return [tick, "PASSED" if tick < last else "EXPIRED", ""]


class VotingInstance(text.Instance):  # type: ignore[misc]
    """An instance with votes. `seeds` are those of the keys that the registry has."""

    def __init__(self, genesis: str, seeds: dict[str, bytes]) -> None:
        super().__init__(genesis)
        self.seeds = {text.public_key(seed): seed for seed in seeds.values()}
        self.votes: dict[str, Vote] = {}
        self.parameters: dict[str, list[dict[str, Any]]] = {}

    def message(self, body: dict[str, Any]) -> bytes:
        if not body["type"].startswith("proposal."):
            return bytes(super().message(body))
        unsigned = {k: v for k, v in body["payload"].items() if k != "signature"}
        document = {"instance": self.id.hex(), "payload": unsigned}
        document |= {"tick": body["tick"], "type": body["type"]}
        return bytes(text.signed_bytes("qfs/node/v1", text.canonical(document)))

    def happen(self, body: dict[str, Any], rows: list[list[str]], signed: list[list[str]]) -> None:
        """Apply an event of any type."""
        payload, kind = body["payload"], body["type"]
        if not kind.startswith(("proposal.", "ballot.")):
            self.apply(body, rows)
            return
        self.tick = body["tick"]
        if "signature" in payload:
            who = payload["proposer"]
            assert payload["nonce"] == self.signed.get(who, 0)
            self.signed[who] = payload["nonce"] + 1
        if kind == "proposal.create":
            self.create(payload)
        elif kind == "ballot.record":
            self.record(self.votes[payload["proposal"]], rows, signed)
        elif kind == "proposal.cancel":
            self.votes[payload["proposal"]].ended["cancelled"] = self.tick
        else:
            self.execute(payload)

    def create(self, payload: dict[str, Any]) -> None:
        rules = DEFAULTS | self.ruleset_of(self.tick // self.epoch_ticks).get("governance", {})
        mates = [v for v in self.votes.values() if v.document["tick"] == self.tick]
        held = [
            (node, balance)
            for node, balance in sorted(self.balances.items())
            if int(self.registry[node][REVOKED_TICK]) == text.NEVER
        ]
        held = mates[0].held if mates else held
        supply = sum(balance for _, balance in held)
        cap = supply * text.in_units(rules["power_share"]) // text.ONE
        kind, prefix = payload["type"], "emergency_" if payload["emergency"] else ""
        voted = {"payload": payload["payload"], "type": kind}
        document = {
            "instance": self.id.hex(),
            "proposer": payload["proposer"],
            "tick": self.tick,
            "type": kind,
            "payload": payload["payload"],
            "payload_hash": text.h("qfs/payload/v1", text.canonical(voted)).hex(),
            "version": len(self.parameters.get(kind, [])),
            "emergency": payload["emergency"],
            "snapshot": text.named("balances", [[node, str(b)] for node, b in held]),
            "supply": str(supply),
            "attainable": str(sum(min(balance, cap) for _, balance in held)),
            "power_cap": str(cap),
            "quorum": rules[f"{prefix}quorum"],
            "turnout": rules["turnout"],
            "close_tick": self.tick + rules[f"{prefix}window_ticks"],
            "timelock_ticks": rules[f"{prefix}timelock_ticks"],
            "grace_ticks": rules["grace_ticks"],
        }
        vote = Vote(document, held)
        self.votes[vote.id] = vote

    def record(self, vote: Vote, rows: list[list[str]], signed: list[list[str]]) -> None:
        cap, sums = int(vote.document["power_cap"]), [0, 0, 0]
        if vote.sums:
            sums = [*vote.sums[-1][1]]
        counted = []
        for row, (seq, head, tail) in zip(rows, signed, strict=True):
            assert (row[0], seq) == (str(vote.received), str(vote.received))
            vote.received += 1
            signature = bytes.fromhex(head[2:]) + bytes.fromhex(tail[2:])
            assert row[4] == f"0x{text.h('qfs/signature/v1', signature).hex()}"
            why = self.refusal(vote, row, signature, cap)
            if why:
                vote.refused[why] = vote.refused.get(why, 0) + 1
                continue
            node, balance = vote.held[int(row[1])]
            vote.counted.append(node)
            sums[int(row[2])] += min(balance, cap)
            vote.leaves.append((int(row[1]), int(row[0]), int(row[2]), min(balance, cap)))
            counted.append(row)
        vote.sums.append((self.tick, sums))
        batch = {"tick": self.tick, "received": len(rows)}
        vote.batches.append(batch | text.named("ballots", counted))

    def refusal(self, vote: Vote, row: list[str], signature: bytes, cap: int) -> str | None:
        if int(row[1]) >= len(vote.held):
            return "unknown_voter"
        node, balance = vote.held[int(row[1])]
        if signature != self.ballot_signature(vote, node, int(row[2]), int(row[3])):
            return "signature"
        if int(self.registry[node][REVOKED_TICK]) != text.NEVER:
            return "revoked"
        if min(balance, cap) == 0:
            return "zero_power"
        return "duplicate" if node in vote.counted else None

    def signed_ballot(self, vote: Vote, node: str, choice: int, nonce: int) -> bytes:
        document = {"instance": self.id.hex(), "proposal": vote.id, "voter": node}
        document |= {"choice": choice, "nonce": nonce}
        return bytes(text.signed_bytes("qfs/ballot/v1", text.canonical(document)))

    def ballot_signature(self, vote: Vote, node: str, choice: int, nonce: int) -> bytes:
        """Ed25519 signs the same bytes the same way, so it is made and compared."""
        seed = self.seeds[self.registry[node][PUBLIC_KEY]]
        return bytes(text.ed25519_sign(seed, self.signed_ballot(vote, node, choice, nonce)))

    def execute(self, payload: dict[str, Any]) -> None:
        vote = self.votes[payload["proposal"]]
        history = self.parameters.setdefault(vote.document["type"], [])
        assert len(history) == vote.document["version"]
        assert vote.state(self.tick)[1] == "PASSED"
        assert payload["tally"] == vote.tally().hex()
        vote.ended["executed"] = self.tick
        history.append(
            {
                "version": len(history) + 1,
                "tick": self.tick,
                "proposal": vote.id,
                "payload": payload["payload"],
            }
        )

    def ordered(self) -> list[Vote]:
        return sorted(self.votes.values(), key=lambda vote: (vote.document["tick"], vote.id))

    def state(self) -> bytes:
        document = json.loads(super().state())
        if self.votes:
            document["governance"] = {
                "proposals": [
                    {
                        "id": vote.id,
                        "proposal": vote.document,
                        "batches": vote.batches,
                        "refused": vote.refused,
                        **vote.ended,
                    }
                    for vote in self.ordered()
                ],
                **({"parameters": self.parameters} if self.parameters else {}),
            }
        return bytes(text.canonical(document))
