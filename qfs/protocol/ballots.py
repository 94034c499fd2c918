"""Ballots: what a voter signs, how a batch of them stands in tables, and which of them count.

A batch is two tables with the same rows: `ballots`, which the tally and every proof is made from,
and `signatures`, which bears it out and whose hashes stand in the first. `seq` numbers the ballots
of one proposal through all of its batches, so it is the order of the log.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from qfs import canonical, signatures
from qfs.columns import require_integer
from qfs.hashing import SIGNATURE_TAG, tagged_hash
from qfs.limits import MAX_TICK
from qfs.protocol.events import TransitionError
from qfs.protocol.proposals import Proposal
from qfs.protocol.registry import Registry
from qfs.protocol.snapshot import Snapshot, power
from qfs.reference.tally import MAX_CHOICE
from qfs.rows import from_rows
from qfs.signatures import PrivateKey, PublicKey, SignatureError, accepted_public_key
from qfs.tables import BALLOTS, SIGNATURES, Table, take

PURPOSE: Final = "qfs/ballot/v1"

UNKNOWN_VOTER: Final = "unknown_voter"
BAD_SIGNATURE: Final = "signature"
REVOKED: Final = "revoked"
ZERO_POWER: Final = "zero_power"
DUPLICATE: Final = "duplicate"
REFUSALS: Final = (UNKNOWN_VOTER, BAD_SIGNATURE, REVOKED, ZERO_POWER, DUPLICATE)
"""Why a ballot does not count, in the order in which it is looked at."""


class Ballot(NamedTuple):
    """A signed ballot, which fits one proposal of one instance."""

    voter: str
    choice: int
    """0 against, 1 for, 2 abstain"""
    nonce: int
    """any number of 0 .. 2^53 - 1, by which a voter tells its ballots apart"""
    signature: bytes


class Judged(NamedTuple):
    """Which rows of a batch count, and how many do not, by reason."""

    counted: Sequence[int]
    refused: dict[str, int]


def message(instance: bytes, proposal: bytes, voter: str, choice: int, nonce: int) -> bytes:
    """What a voter signs: canonical JSON that names the one place where it counts."""
    return canonical.encode(
        {
            "instance": instance.hex(),
            "proposal": proposal.hex(),
            "voter": voter,
            "choice": choice,
            "nonce": nonce,
        }
    )


def sign_ballot(
    key: PrivateKey, instance: bytes, proposal: bytes, voter: str, choice: int, nonce: int = 0
) -> Ballot:
    """The ballot of a voter, signed by its registered key.

    Raises:
        WrongTypeError, NullValueError, OutOfRangeError: choice or nonce is no integer of its
            bounds.
    """
    choice = require_integer(choice, "choice", MAX_CHOICE)
    nonce = require_integer(nonce, "nonce", MAX_TICK)
    signed = message(instance, proposal, voter, choice, nonce)
    return Ballot(voter, choice, nonce, signatures.sign(key, PURPOSE, signed))


def require_ballot(key: PublicKey, instance: bytes, proposal: bytes, ballot: Ballot) -> None:
    """Return if the ballot is signed by this key for this place.

    Raises:
        SignatureError: it is not.
    """
    voter, choice, nonce, signature = ballot
    signed = message(instance, proposal, voter, choice, nonce)
    signatures.verify(key, PURPOSE, signed, signature)


def signature_hash(signature: bytes) -> str:
    """What names a signature in a table of ballots."""
    return f"0x{tagged_hash(SIGNATURE_TAG, signature).hex()}"


def tables_of(snapshot: Snapshot, ballots: Sequence[Ballot], first: int) -> tuple[Table, Table]:
    """A batch as its two tables, in this order, numbered from `first`.

    Raises:
        TransitionError: a voter is not in the snapshot.
    """
    rows, signed = [], []
    for seq, ballot in enumerate(ballots, first):
        index = snapshot.row(ballot.voter)
        if index is None:
            raise TransitionError(
                UNKNOWN_VOTER,
                f"{ballot.voter} is not in the snapshot",
                argument="voter",
                index=seq - first,
                value=ballot.voter,
            )
        rows.append((seq, index, ballot.choice, ballot.nonce, signature_hash(ballot.signature)))
        middle = (len(ballot.signature) + 1) // 2
        halves = (ballot.signature[:middle], ballot.signature[middle:])
        signed.append((seq, *(f"0x{half.hex()}" for half in halves)))
    return from_rows(BALLOTS, rows), from_rows(SIGNATURES, signed)


def require_numbered(ballots: Table, first: int) -> None:
    """Return if the ballots are numbered from `first`, without a gap.

    Raises:
        TransitionError: they are not, or there is none.
    """
    seqs = ballots.ticks("seq")
    if not len(seqs):
        raise TransitionError("ballots", "a batch without a ballot", argument="ballots")
    if (seqs[0], seqs[-1]) != (first, first + len(seqs) - 1):
        raise TransitionError(
            "seq",
            f"{seqs[0]} .. {seqs[-1]} in {len(seqs)} rows; {first} is next",
            argument="seq",
            value=seqs[0],
        )


def signatures_of(ballots: Table, signed: Table) -> list[bytes]:
    """The signatures of a batch, by row.

    Raises:
        TransitionError: the two tables do not belong together.
    """
    if ballots.ticks("seq") != signed.ticks("seq"):
        raise TransitionError("table", "other rows than the ballots", argument="signatures")
    columns = (signed.texts("head"), signed.texts("tail"), ballots.texts("signature_hash"))
    found = []
    for row, (head, tail, name) in enumerate(
        zip(*(column.texts() for column in columns), strict=True)
    ):
        try:
            halves = (bytes.fromhex(head[2:]), bytes.fromhex(tail[2:]))
        except ValueError:
            halves = b"", b""
        signature = b"".join(halves)
        is_canonical = (head, tail) == tuple(f"0x{half.hex()}" for half in halves)
        if (
            not is_canonical
            or not 0 <= len(halves[0]) - len(halves[1]) <= 1
            or signature_hash(signature) != name
        ):
            raise TransitionError(
                "table",
                "is not the two halves of the signature whose hash the ballot names",
                argument="signatures",
                index=row,
            )
        found.append(signature)
    return found


def faults(
    proposal: Proposal, ballots: Table, signed: Sequence[bytes], registry: Registry
) -> list[str | None]:
    """By row, why the ballot is not one of a node that may vote, or None.

    The signature is verified with the voter's key as it is now, before anything else is asked of
    the ballot. A key that was rotated or revoked later uncounts nothing.
    """
    choices, nonces = ballots.choices("choice"), ballots.ticks("nonce")
    found: list[str | None] = []
    for row, index in enumerate(ballots.counts("voter_index")):
        node = None
        if index < len(proposal.snapshot):
            node = registry.get(proposal.snapshot.voter(index))
        if node is None:
            found.append(UNKNOWN_VOTER)
            continue
        ballot = Ballot(node.node_id, choices[row], nonces[row], signed[row])
        try:
            key = accepted_public_key(node.public_key)
            require_ballot(key, proposal.instance, proposal.id, ballot)
        except SignatureError:
            found.append(BAD_SIGNATURE)
            continue
        found.append(REVOKED if node.revoked else None)
    return found


def judge(
    proposal: Proposal, ballots: Table, fault_of: Sequence[str | None], voted: bytes
) -> Judged:
    """Which ballots of a batch count: of a voter's ballots the first one that has no fault.

    Args:
        proposal: what is voted on.
        ballots: the batch.
        fault_of: see `faults`.
        voted: by row of the snapshot, 1 where a ballot of this voter counts already.
    """
    counted: list[int] = []
    refused: Counter[str] = Counter()
    now = bytearray(voted)
    for row, (index, fault) in enumerate(zip(ballots.counts("voter_index"), fault_of, strict=True)):
        if fault is None and power(proposal.snapshot, index, proposal.power_cap) == 0:
            fault = ZERO_POWER
        if fault is None and now[index]:
            fault = DUPLICATE
        if fault is not None:
            refused[fault] += 1
            continue
        now[index] = 1
        counted.append(row)
    return Judged(counted, dict(refused))


def only(ballots: Table, rows: Sequence[int]) -> Table:
    """The ballots of these rows, which ascend."""
    if len(rows) == len(ballots):
        return ballots
    positions = array("I", rows)
    columns = {name: take(column, positions) for name, column in ballots.columns.items()}
    return Table(BALLOTS, columns)


def require_some(judged: Judged) -> None:
    """Return if a ballot of the batch counts: nobody fills the log with others.

    Raises:
        TransitionError: none does. The reason is theirs where they have one in common.
    """
    if judged.counted:
        return
    reasons = [reason for reason in REFUSALS if reason in judged.refused]
    words = ", ".join(f"{judged.refused[reason]} {reason}" for reason in reasons)
    raise TransitionError(
        reasons[0] if len(reasons) == 1 else "ballots",
        f"no ballot of the batch counts: {words}",
        argument="ballots",
        value=judged.refused,
    )
