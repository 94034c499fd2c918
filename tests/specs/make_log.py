"""Writes specs/vectors/log-v1.json: a small instance, event by event, with the state after each.

It is written once for a spec version and then replayed for ever: a later release must come to the
same states from it, whatever its own rules are. Run it by hand only before version 1 is released.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from qfs import canonical, signatures
from qfs.ledger.events import EMPTY, Entry, chain
from qfs.protocol import events
from qfs.protocol.closing import close
from qfs.protocol.genesis import genesis_of, initial_state
from qfs.protocol.registry import NEW_NODES, registrations
from qfs.protocol.ruleset import from_toml
from qfs.protocol.state import REGISTRAR, State
from qfs.protocol.transitions import closing_event, engine_of
from qfs.reference import merkle
from qfs.rows import from_rows, rows_of
from qfs.tables import FEES, TELEMETRY, Table

FIRST_EPOCH = 3

RULES = """
epoch.ticks = 10
issuance.epoch_cap = "0.000000000001"
allocation.max_share = "0.5"
registry.max_nodes_per_operator = 2
scoring.min_samples = 10
"""

LATER_RULES = """
version = 2
epoch.ticks = 10
issuance.rate = "0.15"
issuance.epoch_cap = "0.000000000000001502"
allocation.max_share = "0.4"
allocation.tie_break = "rotating"
registry.max_nodes_per_operator = 2
eligibility.expected_heartbeats = 100
scoring.policy = "weighted_sum"
scoring.min_samples = 10
"""

LAST_RULES = """
version = 3
epoch.ticks = 10
issuance.rate = "0.01"
allocation.max_share = "1"
allocation.min_active_nodes = 1
allocation.tie_break = "rotating"
"""

SEEDS = {
    "registrar": bytes(range(32)),
    "r1": bytes([1] * 32),
    "r1 from event 13 on": bytes([2] * 32),
    "nodes": bytes([3] * 32),
    "n2 from event 4 on": bytes([4] * 32),
}
KEYS = {name: signatures.from_seed(seed) for name, seed in SEEDS.items()}
NODES_KEY = KEYS["nodes"].public.text

FULL = (100, 100, 12, 12, 0, 0)
"""Counts of uptime, storage and ai."""


class Story:
    """An instance in memory that keeps what happens to it."""

    def __init__(self, genesis: bytes) -> None:
        self.state: State = initial_state(genesis)
        self.head = EMPTY
        self.told: list[dict[str, Any]] = []
        self.reporter_key = KEYS["r1"]

    def sign(self, tick: int, payload: events.Signed, table: Table | None = None) -> None:
        """An event by the registrar, or by the reporter."""
        by_registrar = isinstance(payload, events.ByRegistrar)
        key = KEYS["registrar"] if by_registrar else self.reporter_key
        signed = events.sign(key, self.state.instance, tick, payload)
        name = events.TYPES[type(signed)]
        self.tell(events.ProtocolEvent(name, tick, events.document(signed), table))

    def nonce(self, signer: str = REGISTRAR) -> int:
        return self.state.signed.get(signer, 0)

    def register(self, tick: int, *nodes: tuple[str, str, str, str]) -> None:
        table = registrations(from_rows(NEW_NODES, nodes), tick)
        ref = events.TableRef.of(table)
        self.sign(tick, events.Register(self.nonce(), ref, ""), table)

    def fees(self, tick: int, epoch: int, *rows: tuple[int, str, int]) -> None:
        table = from_rows(FEES, rows)
        ref = events.TableRef.of(table)
        self.sign(tick, events.RecordFees(self.nonce("r1"), "r1", epoch, ref, ""), table)

    def telemetry(self, tick: int, epoch: int, counts: Mapping[str, tuple[int, ...]]) -> None:
        rows = [(node_id, epoch, *numbers) for node_id, numbers in counts.items()]
        table = from_rows(TELEMETRY, rows)
        ref = events.TableRef.of(table)
        self.sign(tick, events.RecordTelemetry(self.nonce("r1"), "r1", epoch, ref, ""), table)

    def close(self, tick: int) -> None:
        closing = close(self.state, self.state.epoch, tick)
        tables = {table.schema.name: table for table in (*closing.tables, closing.state.balances)}
        self.tell(
            closing_event(closing, tick),
            manifest=canonical.encode(closing.manifest).decode(),
            tables={name: as_text(table) for name, table in sorted(tables.items())},
        )

    def tell(self, event: events.ProtocolEvent, **more: Any) -> None:
        self.state = engine_of(self.state.spec_version).apply(self.state, event)
        entry = Entry(event.type, event.tick, event.payload)
        _, (row,), self.head = chain(self.state.instance, self.head, [entry])
        told: dict[str, Any] = {"body": row.body.decode(), "hash": row.hash.hex()}
        if event.table is not None:
            told |= {"schema": event.table.schema.name, "rows": as_text(event.table)}
        self.told.append(told | more | state_of(self.state))


def as_text(table: Table) -> list[list[str]]:
    return [[str(value) for value in row] for row in rows_of(table)]


def state_of(state: State) -> dict[str, str]:
    return {"state": canonical.encode(state.document()).decode(), "digest": state.digest.hex()}


def happen(story: Story) -> None:
    """Five epochs: every reason to exclude, too few nodes, caps, ties, no rows, no weight."""
    infrastructure = [(n, o, "infrastructure", NODES_KEY) for n, o in OPERATORS]
    reporter = ("r1", "watch", "reporter", KEYS["r1"].public.text)
    story.register(30, *infrastructure, reporter)
    story.fees(33, 3, (30, "a2", 1005), (30, "a1", 777), (33, "a3", 1))
    telemetry = {"n1": FULL, "n2": (95, 100, 12, 12, 5, 9), "n3": (90, 100, 9, 9, 0, 0)}
    story.telemetry(39, 3, telemetry | {"n4": (89, 100, 12, 12, 0, 0), "x9": FULL, "r1": FULL})
    story.fees(39, 3, (39, "a4", 12345), (38, "a5", 8))
    story.sign(
        40, events.RotateKey(story.nonce(), "n2", KEYS["n2 from event 4 on"].public.text, "")
    )
    story.sign(40, events.Revoke(story.nonce(), "n4", ""))
    # Of epoch 4, though it comes before the close of epoch 3.
    story.register(40, ("n6", "o2", "infrastructure", NODES_KEY))
    story.close(41)
    reward = ("a6", "2000000000000000000", "3000000000000000000", "5000000000000000000", "1")
    story.sign(42, events.RecordReward(story.nonce("r1"), "r1", *reward, ""))
    rules = from_toml(LATER_RULES.encode(), "rules").document()
    story.sign(43, events.ChangeRuleset(story.nonce(), rules, ""))
    telemetry = {"n1": (11, 10, 12, 12, 0, 0), "n2": (0, 0, 12, 12, 0, 0), "n3": FULL, "n4": FULL}
    story.telemetry(49, 4, telemetry | {"n6": (100, 100, 20, 20, 10, 10)})
    story.fees(49, 4, (41, "a6", 50_000))
    rotated = KEYS["r1 from event 13 on"]
    story.sign(50, events.RotateKey(story.nonce(), "r1", rotated.public.text, ""))
    story.reporter_key = rotated
    # Of epoch 5, which has begun and which the rules of version 2 are for.
    story.fees(50, 5, (50, "a7", 20_001))
    story.close(50)
    telemetry = {"n1": FULL, "n2": FULL, "n3": FULL, "n5": (90, 100, 0, 0, 10, 10)}
    story.telemetry(59, 5, telemetry | {"n6": (99, 99, 12, 12, 0, 0)})
    # Logged in epoch 6, while epoch 5 waits to be closed: of epoch 7.
    rules = from_toml(LAST_RULES.encode(), "rules").document()
    story.sign(60, events.ChangeRuleset(story.nonce(), rules, ""))
    story.close(60)
    # An epoch of which nothing was recorded.
    story.close(70)
    nobody = (100, 100, 0, 12, 12, 12)
    story.telemetry(79, 7, {"n1": nobody, "n2": nobody, "n3": nobody, "n5": nobody, "n6": nobody})
    story.fees(79, 7, (71, "a8", 60), (72, "a9", 29))
    story.close(1000)


OPERATORS = [("n1", "o1"), ("n2", "o1"), ("n3", "o2"), ("n4", "o3"), ("n5", "o3")]


def vector() -> dict[str, Any]:
    """The whole vector, as it is published."""
    rules = from_toml(RULES.encode(), "rules")
    registrar = KEYS["registrar"].public
    document = genesis_of("example", registrar, rules, FIRST_EPOCH)
    genesis = canonical.encode(msgspec.to_builtins(document))
    story = Story(genesis)
    before = state_of(story.state)
    happen(story)
    hashes = [bytes.fromhex(event["hash"]) for event in story.told]
    return {
        "spec_version": story.state.spec_version,
        "seeds": {name: seed.hex() for name, seed in SEEDS.items()},
        "genesis": genesis.decode(),
        "instance": story.state.instance.hex(),
        **before,
        "events": story.told,
        "log_root": merkle.root(hashes).hex(),
        "tokens": story.state.tokens.to_bytes().decode(),
        "registry": as_text(story.state.registry.table),
    }


if __name__ == "__main__":
    target = Path(__file__).parents[2] / "specs" / "vectors" / "log-v1.json"
    target.write_text(json.dumps(vector(), indent=1) + "\n", encoding="ascii")
