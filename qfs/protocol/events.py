"""What can happen to an instance: the closed set of event types, their payloads, who signs them.

A payload is canonical JSON. Rows travel beside it, as tables that the payload names by digest. A
signed payload carries the number of events that its signer had signed before (`nonce`), so that
it fits in one place of one log; the signature is over instance, type, tick and payload.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from qfs import canonical, signatures
from qfs.errors import EvidenceError, QfsError, shown
from qfs.limits import MAX_COUNT
from qfs.signatures import PrivateKey, PublicKey
from qfs.tables import Table

REGISTER: Final = "registry.register"
ROTATE_KEY: Final = "registry.rotate_key"
REVOKE: Final = "registry.revoke"
CHANGE_RULESET: Final = "ruleset.change"
RECORD_FEES: Final = "fees.record"
RECORD_TELEMETRY: Final = "telemetry.record"
RECORD_REWARD: Final = "reward.record"
CLOSE_EPOCH: Final = "epoch.close"
CREATE_PROPOSAL: Final = "proposal.create"
RECORD_BALLOTS: Final = "ballot.record"
CANCEL_PROPOSAL: Final = "proposal.cancel"
EXECUTE_PROPOSAL: Final = "proposal.execute"

REGISTRAR_PURPOSE: Final = "qfs/registrar/v1"
REPORT_PURPOSE: Final = "qfs/report/v1"
NODE_PURPOSE: Final = "qfs/node/v1"


class TableRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What names a table: its rows, RFC 9162 root and digest."""

    rows: int
    root: str
    digest: str

    @classmethod
    def of(cls, table: Table) -> TableRef:
        """The name of this table."""
        return cls(len(table), table.root.hex(), table.digest.hex())


class Register(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """New nodes, as rows of a registry table. Signed by the registrar."""

    nonce: int
    registry: TableRef
    signature: str


class RotateKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another public key for a node. Signed by the registrar."""

    nonce: int
    node_id: str
    public_key: str
    signature: str


class Revoke(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A node that earns nothing any more; what it holds it keeps. Signed by the registrar."""

    nonce: int
    node_id: str
    signature: str


class ChangeRuleset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules for the epochs after the one in which they are logged. Signed by the registrar."""

    nonce: int
    ruleset: dict[str, Any]
    signature: str


class RecordFees(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fees of an epoch that is not closed yet. Signed by a reporter."""

    nonce: int
    reporter: str
    epoch: int
    fees: TableRef
    signature: str


class RecordTelemetry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Counts of an epoch that is not closed yet. Signed by a reporter, who attests them."""

    nonce: int
    reporter: str
    epoch: int
    telemetry: TableRef
    signature: str


class RecordReward(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An action that is rewarded in CHR, FLX, PSYNC and RES; its fee goes with the fees.

    Amounts in base units. Signed by a reporter.
    """

    nonce: int
    reporter: str
    action_id: str
    s_chr: str
    action_cost: str
    c_holo: str
    c_crit: str
    signature: str


class CloseEpoch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An epoch is closed. It says what everybody computes, so nobody signs it.

    Attributes:
        epoch: the epoch.
        manifest: digest of its manifest, which names inputs, rules and results.
        allocations: what was paid.
        balances: of all nodes, after it.
        state: digest of the whole state after it.
    """

    epoch: int
    manifest: str
    allocations: TableRef
    balances: TableRef
    state: str


class CreateProposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A proposal on an infrastructure parameter. Signed by the node that proposes.

    Attributes:
        type, payload: what is proposed; see `qfs.protocol.proposals.TYPES`.
        emergency: whether it closes as soon as its result is certain; security patches only.
        proposal: the id that it gets. It names all that is frozen, so the proposer signs that too.
    """

    nonce: int
    proposer: str
    type: str
    payload: dict[str, Any]
    emergency: bool
    proposal: str
    signature: str


class RecordBallots(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch of ballots on a proposal. Each is signed by its voter; nobody signs the batch."""

    proposal: str
    ballots: TableRef
    signatures: TableRef


class CancelProposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A proposal is taken back. Signed by the node that proposed it."""

    nonce: int
    proposer: str
    proposal: str
    signature: str


class ExecuteProposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A proposal that has passed is executed. Anyone may, so nobody signs it.

    Attributes:
        payload: what was voted.
        tally: digest of the tally, which names every counted ballot and the totals.
    """

    proposal: str
    payload: dict[str, Any]
    tally: str


Payload = (
    Register
    | RotateKey
    | Revoke
    | ChangeRuleset
    | RecordFees
    | RecordTelemetry
    | RecordReward
    | CloseEpoch
    | CreateProposal
    | RecordBallots
    | CancelProposal
    | ExecuteProposal
)
ByRegistrar = Register | RotateKey | Revoke | ChangeRuleset
ByReporter = RecordFees | RecordTelemetry | RecordReward
ByNode = CreateProposal | CancelProposal
Signed = ByRegistrar | ByReporter | ByNode
Governing = CreateProposal | RecordBallots | CancelProposal | ExecuteProposal

PAYLOADS: Final[dict[str, type[Payload]]] = {
    REGISTER: Register,
    ROTATE_KEY: RotateKey,
    REVOKE: Revoke,
    CHANGE_RULESET: ChangeRuleset,
    RECORD_FEES: RecordFees,
    RECORD_TELEMETRY: RecordTelemetry,
    RECORD_REWARD: RecordReward,
    CLOSE_EPOCH: CloseEpoch,
    CREATE_PROPOSAL: CreateProposal,
    RECORD_BALLOTS: RecordBallots,
    CANCEL_PROPOSAL: CancelProposal,
    EXECUTE_PROPOSAL: ExecuteProposal,
}
TYPES: Final = {payload: name for name, payload in PAYLOADS.items()}

TABLE_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    REGISTER: ("registry",),
    RECORD_FEES: ("fees",),
    RECORD_TELEMETRY: ("telemetry",),
    RECORD_BALLOTS: ("ballots", "signatures"),
}
"""Types with tables that the state needs, and the payload's fields, which are the schemas' names.
"""


class ProtocolEvent(NamedTuple):
    """Something that happens at a tick, with the rows it speaks of."""

    type: str
    tick: int
    payload: Mapping[str, Any]
    table: Table | None = None
    signatures: Table | None = None
    """what bears out the rows of `table`, where they are ballots"""

    @property
    def tables(self) -> list[Table]:
        """The tables that are there."""
        return [table for table in (self.table, self.signatures) if table is not None]


class TransitionError(QfsError, ValueError):
    """An event that the state refuses. Nothing has changed.

    Attributes:
        reason: stable name of the kind of refusal.
    """

    code = "transition"

    def __init__(self, reason: str, problem: str, **place: Any) -> None:
        super().__init__(problem, **place)
        self.reason = reason


def parse_payload(event: ProtocolEvent) -> Payload:
    """The payload of an event as its type has it.

    Raises:
        TransitionError: an unknown type, or a payload that is not of this type.
    """
    kind = PAYLOADS.get(event.type) if isinstance(event.type, str) else None
    if kind is None:
        raise TransitionError("type", f"{shown(event.type)} is none of {', '.join(PAYLOADS)}")
    try:
        # What has no canonical form cannot stand in a log, and so cannot happen.
        plain = dict(event.payload)
        canonical.encode(plain)
        payload = msgspec.convert(plain, kind, strict=True)
    except (EvidenceError, msgspec.ValidationError, TypeError, ValueError) as error:
        raise TransitionError("payload", f"{event.type}: {error}", argument="payload") from None
    for field in TABLE_FIELDS.get(event.type, ()):
        rows = getattr(payload, field).rows
        if rows > MAX_COUNT:
            raise TransitionError("payload", f"{rows} rows", argument="rows", value=rows)
    return payload


def document(payload: Payload) -> dict[str, Any]:
    """The payload as it stands in the log."""
    plain: dict[str, Any] = msgspec.to_builtins(payload)
    return plain


def sign(key: PrivateKey, instance: bytes, tick: int, payload: Signed) -> Signed:
    """The payload with its signature."""
    signature = signatures.sign(key, _purpose(payload), _message(instance, tick, payload))
    return msgspec.structs.replace(payload, signature=signature.hex())


def verify(key: PublicKey, instance: bytes, tick: int, payload: Signed) -> None:
    """Return if the payload is signed by this key.

    Raises:
        TransitionError: it is not.
    """
    try:
        signature = bytes.fromhex(payload.signature)
        if signature.hex() != payload.signature:
            raise ValueError("not lowercase hex")
        signatures.verify(key, _purpose(payload), _message(instance, tick, payload), signature)
    except (ValueError, signatures.SignatureError):
        raise TransitionError(
            "signature", "the signature does not verify", argument="signature"
        ) from None


def _purpose(payload: Signed) -> str:
    if isinstance(payload, ByNode):
        return NODE_PURPOSE
    return REGISTRAR_PURPOSE if isinstance(payload, ByRegistrar) else REPORT_PURPOSE


def _message(instance: bytes, tick: int, payload: Signed) -> bytes:
    unsigned = document(payload)
    del unsigned["signature"]
    return canonical.encode(
        {
            "instance": instance.hex(),
            "payload": unsigned,
            "tick": tick,
            "type": TYPES[type(payload)],
        }
    )
