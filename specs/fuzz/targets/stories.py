"""The published logs as states, events and keys, from which events are made that come close."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from qfs import signatures
from qfs.ledger.events import Stored, parse
from qfs.protocol import events
from qfs.protocol.events import Payload, ProtocolEvent
from qfs.protocol.genesis import initial_state
from qfs.protocol.state import State
from qfs.protocol.transitions import engine_of
from qfs.rows import from_rows
from qfs.signatures import PrivateKey
from qfs.tables import SCHEMAS, SIGNATURES, Schema, Table

VECTORS: Final = Path(__file__).resolve().parents[2] / "vectors"
PUBLISHED: Final = ("log-v1", "votes-v1")
_TEXTS: Final = ("id", "name", "key")


@dataclass(frozen=True)
class Story:
    """A log: genesis, rows, events, and the state before each of them and at the end."""

    genesis: bytes
    rows: list[Stored]
    events: list[ProtocolEvent]
    states: list[State]
    digests: list[bytes]
    keys: dict[str, PrivateKey]
    """by the text of the public key"""

    def signed(self, state: State, tick: int, payload: Payload) -> Payload:
        """The payload signed by whoever has to, where its key is known."""
        if not isinstance(payload, events.Signed):
            return payload
        if isinstance(payload, events.ByRegistrar):
            wanted = state.registrar.text
        else:
            name = payload.reporter if isinstance(payload, events.ByReporter) else payload.proposer
            node = state.registry.get(name)
            wanted = "" if node is None else node.public_key
        key = self.keys.get(wanted)
        return payload if key is None else events.sign(key, state.instance, tick, payload)


@cache
def story(name: str) -> Story:
    """A published log, replayed."""
    document = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    keys = [signatures.from_seed(bytes.fromhex(seed)) for seed in document["seeds"].values()]
    state = initial_state(document["genesis"].encode())
    rows, happened, states, previous = [], [], [state], bytes(32)
    digests = [state.digest]
    for told in document["events"]:
        row = Stored(len(rows), previous, bytes.fromhex(told["hash"]), told["body"].encode())
        found = parse(state.instance, row)
        event = ProtocolEvent(found.type, found.tick, found.payload, *_tables(told))
        state = engine_of(state.spec_version).apply(state, event)
        digests.append(bytes.fromhex(told["digest"]))
        assert state.digest == digests[-1]
        previous = row.hash
        rows.append(row)
        happened.append(event)
        states.append(state)
    by_text = {key.public.text: key for key in keys}
    return Story(document["genesis"].encode(), rows, happened, states, digests, by_text)


def _tables(told: dict[str, Any]) -> list[Table]:
    found = [(SCHEMAS[told["schema"]], told["rows"])] if "schema" in told else []
    found += [(SIGNATURES, told["signatures"])] if "signatures" in told else []
    return [from_rows(schema, [read_row(schema, row) for row in rows]) for schema, rows in found]


def read_row(schema: Schema, row: list[Any]) -> list[Any]:
    """A row of texts as text and integers."""
    pairs = zip(schema.columns, row, strict=True)
    return [value if column.kind in _TEXTS else int(value) for column, value in pairs]
