"""Proposals: the closed set of what can be proposed, and what a proposal is named by.

The firewall: a proposal is of one of five types, each with an exact set of keys, and each key with
its bounds or its pattern. Nothing else has a name here: no token, no balance, no social parameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from qfs import canonical
from qfs.decimals import format_tokens
from qfs.errors import shown
from qfs.hashing import PAYLOAD_TAG, PROPOSAL_TAG, tagged_hash
from qfs.protocol.events import TransitionError
from qfs.protocol.snapshot import Snapshot
from qfs.protocol.verdict import Terms

STORAGE_REPLICATION: Final = "storage_replication_factor"
AI_MODEL: Final = "ai_model_version_approval"
BANDWIDTH: Final = "network_bandwidth_parameters"
UPGRADE: Final = "infrastructure_upgrade"
SECURITY_PATCH: Final = "security_patch_deployment"

PayloadItems = tuple[tuple[str, int | str], ...]
"""A checked payload: its keys in order, each with its value."""


class FirewallError(TransitionError):
    """A proposal of something that governance does not decide, or of a value out of its bounds."""

    code = "firewall"

    def __init__(self, problem: str, **place: Any) -> None:
        super().__init__("firewall", problem, **place)


class Within(NamedTuple):
    """An integer with its bounds."""

    minimum: int
    maximum: int


class Matching(NamedTuple):
    """A text with its pattern, which the whole of it matches."""

    pattern: str
    words: str


_NAME: Final = Matching("[a-z][a-z0-9_-]{0,63}", "1 to 64 of a-z 0-9 _ -, a letter first")
_VERSION: Final = Matching(
    "[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}", "1 to 64 of letters, digits . + _ -, no sign first"
)
_SHA256: Final = Matching("[0-9a-f]{64}", "64 lowercase hex digits")

TYPES: Final[Mapping[str, Mapping[str, Within | Matching]]] = MappingProxyType(
    {
        STORAGE_REPLICATION: MappingProxyType({"factor": Within(1, 10)}),
        AI_MODEL: MappingProxyType({"version": _VERSION, "sha256": _SHA256}),
        BANDWIDTH: MappingProxyType({"max_mbps": Within(1, 10_000)}),
        UPGRADE: MappingProxyType({"component": _NAME, "version": _VERSION, "sha256": _SHA256}),
        SECURITY_PATCH: MappingProxyType({"id": _VERSION, "sha256": _SHA256}),
    }
)
"""All that governance can change: by type its keys, by key what a value must be."""


def checked_payload(kind: object, payload: object) -> PayloadItems:
    """The payload of a proposal of this type.

    Raises:
        FirewallError: there is no such type, a key is missing or one too many, or a value is of
            another type, out of its bounds, or does not match its pattern.
    """
    if type(kind) is not str or kind not in TYPES:
        raise FirewallError(
            f"{shown(kind)} is none of {', '.join(TYPES)}", argument="type", value=kind
        )
    keys = TYPES[kind]
    if not isinstance(payload, Mapping):
        raise FirewallError(f"{shown(payload)} is no mapping", argument="payload", value=payload)
    given = dict(payload)
    if any(type(key) is not str for key in given) or sorted(given) != sorted(keys):
        raise FirewallError(
            f"keys {shown([*given])}; {kind} has exactly {', '.join(keys)}", argument="payload"
        )
    for key, wanted in keys.items():
        _require_value(key, given[key], wanted)
    return tuple((key, given[key]) for key in sorted(keys))


def _require_value(key: str, value: object, wanted: Within | Matching) -> None:
    place: dict[str, Any] = {"argument": f"payload.{key}", "value": value}
    if isinstance(wanted, Within):
        # A bool is an int to Python, and none here.
        if type(value) is not int or not wanted.minimum <= value <= wanted.maximum:
            raise FirewallError(
                f"{shown(value)} is no integer of {wanted.minimum} .. {wanted.maximum}", **place
            )
    elif type(value) is not str or not re.fullmatch(wanted.pattern, value, re.ASCII):
        raise FirewallError(f"{shown(value)} is not {wanted.words}", **place)


def payload_hash(kind: str, payload: PayloadItems) -> bytes:
    """What is voted on, 32 bytes."""
    return tagged_hash(PAYLOAD_TAG, canonical.encode({"type": kind, "payload": dict(payload)}))


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal with all that was frozen when it was created. Named by its canonical bytes."""

    instance: bytes
    proposer: str
    tick: int
    """at which it was created; the snapshot is of the tick before"""
    type: str
    payload: PayloadItems
    version: int
    """of the parameter that it changes"""
    terms: Terms
    power_cap: int
    """the most that one node counts for, base units"""
    snapshot: Snapshot
    _id: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        name = tagged_hash(PROPOSAL_TAG, canonical.encode(self.document()))
        object.__setattr__(self, "_id", name)

    @property
    def id(self) -> bytes:
        """What names it, 32 bytes."""
        return self._id

    @property
    def payload_hash(self) -> bytes:
        """What is voted on, 32 bytes."""
        return payload_hash(self.type, self.payload)

    def document(self) -> dict[str, Any]:
        """All of it as it is hashed: the id names every one of these."""
        terms, ref = self.terms, self.snapshot.ref
        return {
            "instance": self.instance.hex(),
            "proposer": self.proposer,
            "tick": self.tick,
            "type": self.type,
            "payload": dict(self.payload),
            "payload_hash": self.payload_hash.hex(),
            "version": self.version,
            "emergency": terms.emergency,
            "snapshot": {"rows": ref.rows, "root": ref.root, "digest": ref.digest},
            "supply": str(terms.supply),
            "attainable": str(terms.attainable),
            "power_cap": str(self.power_cap),
            "quorum": format_tokens(terms.quorum),
            "turnout": terms.turnout,
            "close_tick": terms.close_tick,
            "timelock_ticks": terms.timelock_ticks,
            "grace_ticks": terms.grace_ticks,
        }
