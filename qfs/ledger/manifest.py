"""The manifest: the one document that names everything in an evidence folder.

Its digest is the digest of the epoch. It is canonical JSON; amounts are base units as decimal
strings, digests lowercase hex.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from qfs import canonical
from qfs.decimals import parse_integer
from qfs.errors import EvidenceError, QfsError, VerificationError
from qfs.hashing import EVIDENCE_TAG, tagged_hash
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR, MAX_VALUE, SPEC_VERSION
from qfs.protocol import ruleset as rulesets
from qfs.protocol.epoch import ClosedEpoch, Opening
from qfs.tables import ALLOCATIONS, FEES, NODES, Table

FORMAT: Final = "qfs-evidence-v1"
EVIDENCE_TABLES: Final = (NODES.name, FEES.name, ALLOCATIONS.name)
"""The schemas of the tables that an epoch's evidence holds, each once."""


class TableEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What names a table: its rows, RFC 9162 root and digest."""

    rows: int
    root: str
    digest: str


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state before or after an epoch; see `qfs.protocol.epoch.Opening`."""

    issued: str
    pool: str
    residue: str


class Issuance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the fees issued, base units."""

    fees: str
    issued: str
    withheld: str
    retained: str


class Allocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the pool paid, and the numbers that decided it; see `Allocated`."""

    pool: str
    paid: str
    undistributed: str
    capped: int
    fallback: bool
    too_few_nodes: bool
    total_weight: str
    shared_pool: str
    shared_weight: str
    leftover: int
    cut: str = ""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The manifest of one epoch."""

    format: Literal["qfs-evidence-v1"]
    spec_version: int
    epoch: int
    opening: State
    closing: State
    ruleset: dict[str, Any]
    ruleset_digest: str
    tables: dict[str, TableEntry]
    issuance: Issuance
    allocation: Allocation
    previous: str = ""
    """digest of the epoch before, empty where there is none"""

    @property
    def digest(self) -> bytes:
        """What names the epoch, 32 bytes."""
        return tagged_hash(EVIDENCE_TAG, canonical.encode(self))

    def opening_state(self) -> Opening:
        """The opening state as numbers, checked against their bounds."""
        return _state(self.opening, "opening")

    def closing_state(self) -> Opening:
        """The closing state as numbers, checked against their bounds."""
        return _state(self.closing, "closing")


def manifest_of(closed: ClosedEpoch, previous: bytes | None) -> Manifest:
    """The manifest of a closed epoch."""
    result, issuance = closed.allocation.result, closed.issuance
    return Manifest(
        format=FORMAT,
        spec_version=SPEC_VERSION,
        epoch=closed.epoch,
        opening=_state_text(closed.opening),
        closing=_state_text(closed.closing),
        ruleset=closed.ruleset.document(),
        ruleset_digest=closed.ruleset.digest.hex(),
        tables={
            "allocations": _entry(closed.allocation.table),
            "fees": _entry(closed.fees),
            "nodes": _entry(closed.nodes),
        },
        issuance=Issuance(
            fees=str(issuance.fees),
            issued=str(issuance.total),
            withheld=str(issuance.withheld),
            retained=str(closed.retained),
        ),
        allocation=Allocation(
            pool=str(closed.pool),
            paid=str(closed.pool - result.undistributed),
            undistributed=str(result.undistributed),
            capped=result.capped,
            fallback=result.fallback,
            too_few_nodes=closed.allocation.too_few_nodes,
            total_weight=str(result.total_weight),
            shared_pool=str(result.shared_pool),
            shared_weight=str(result.shared_weight),
            leftover=result.leftover,
            cut="" if result.cut is None else str(result.cut),
        ),
        previous="" if previous is None else previous.hex(),
    )


def parse_manifest(data: bytes) -> Manifest:
    """The manifest of these bytes.

    Raises:
        EvidenceError: it is not one, or of a spec version that this release does not know.
        VerificationError: its states or its ruleset contradict themselves.
    """
    manifest = canonical.decode(data, Manifest, "manifest.json")
    if manifest.spec_version != SPEC_VERSION:
        raise EvidenceError(
            f"spec version {manifest.spec_version}; this release knows {SPEC_VERSION}",
            argument="manifest.json",
        )
    _require_tables(manifest)
    _require_amounts(manifest)
    _require_states(manifest)
    _require_ruleset(manifest)
    return manifest


def require_digest(found: bytes, trusted: str) -> None:
    """The digest is the one that is had from elsewhere, 64 hex digits.

    Raises:
        VerificationError: it is another.
    """
    if found != parse_digest(trusted, "digest"):
        raise VerificationError(
            f"the digest is {found.hex()}, not {trusted}",
            argument="digest",
            value=found.hex(),
            expected=trusted,
        )


def _require_tables(manifest: Manifest) -> None:
    if sorted(manifest.tables) != sorted(EVIDENCE_TABLES):
        raise EvidenceError(
            f"tables {', '.join(manifest.tables)}; {', '.join(EVIDENCE_TABLES)} are needed",
            argument="manifest.json",
        )
    for name, entry in manifest.tables.items():
        for text in (entry.root, entry.digest):
            parse_digest(text, f"manifest.json tables.{name}")


def _require_amounts(manifest: Manifest) -> None:
    for name in ("issuance", "allocation"):
        for field, value in msgspec.to_builtins(getattr(manifest, name)).items():
            if isinstance(value, str):
                parse_integer(value, f"manifest.json {name}.{field}", MAX_SCALAR)


def _require_states(manifest: Manifest) -> None:
    opening, closing = manifest.opening_state(), manifest.closing_state()
    if not manifest.previous and opening != Opening():
        raise VerificationError(
            "an epoch with none before it opens with nothing", argument="manifest opening"
        )
    for name, state in (("opening", opening), ("closing", closing)):
        if state.pool > state.issued:
            raise VerificationError(
                f"{state.pool} is more than the {state.issued} that were ever issued",
                argument=f"manifest {name}.pool",
                value=state.pool,
            )


def _require_ruleset(manifest: Manifest) -> None:
    ruleset = rulesets.from_document(manifest.ruleset)
    if ruleset.document() != manifest.ruleset:
        raise EvidenceError("not in canonical form", argument="manifest.json ruleset")
    if ruleset.digest.hex() != manifest.ruleset_digest:
        raise VerificationError(
            f"recorded as {manifest.ruleset_digest}, the ruleset has {ruleset.digest.hex()}",
            argument="manifest ruleset_digest",
            value=manifest.ruleset_digest,
            expected=ruleset.digest.hex(),
        )


def parse_digest(text: str, argument: str) -> bytes:
    """The 32 bytes of a digest written as lowercase hex."""
    if len(text) != 64 or not all(digit in "0123456789abcdef" for digit in text):
        raise EvidenceError("not 64 lowercase hex digits", argument=argument, value=text)
    return bytes.fromhex(text)


def _state(state: State, name: str) -> Opening:
    try:
        return Opening(
            residue=parse_integer(state.residue, f"{name}.residue", BASE_UNITS_PER_TOKEN - 1),
            pool=parse_integer(state.pool, f"{name}.pool", MAX_VALUE),
            issued=parse_integer(state.issued, f"{name}.issued", MAX_SCALAR),
        )
    except QfsError as error:
        error.source = "manifest.json"
        raise


def _state_text(state: Opening) -> State:
    return State(issued=str(state.issued), pool=str(state.pool), residue=str(state.residue))


def _entry(table: Table) -> TableEntry:
    return TableEntry(rows=len(table), root=table.root.hex(), digest=table.digest.hex())
