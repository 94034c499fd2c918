"""Governance as the auditor sees it: counted again from the ballots, in plain Python.

    NOD-I3  the voting power of a node is at most 25% of the supply
    NOD-I4  an event of governance changes one proposal as it says, and nothing else
    NOD-I5  a counted ballot never changes

Nothing of the modules that decide is used: totals, states, windows and ids are computed here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from qfs.limits import BASE_UNITS_PER_TOKEN, NOT_REVOKED
from qfs.protocol import audited_epoch, events
from qfs.protocol import audited_tables as tables
from qfs.protocol.events import ProtocolEvent
from qfs.protocol.invariant_errors import BALLOTS, POWER, REPLAY, InvariantError
from qfs.protocol.invariant_errors import require_same as _same
from qfs.protocol.state import State

POWER_DIVISOR: Final = 4
"""A node's power is at most the supply div 4, 25% of it rounded down."""

GOVERNING: Final = (
    *(events.CREATE_PROPOSAL, events.RECORD_BALLOTS),
    *(events.CANCEL_PROPOSAL, events.EXECUTE_PROPOSAL),
)
_PROPOSAL_TAG: Final = b"\x0fqfs/proposal/v1"
_AGAINST, _FOR, _ABSTAIN = 0, 1, 2


def check_powers(powers: Sequence[int], supply: int) -> None:
    """NOD-I3: no counted power is above 25% of the supply, rounded down.

    Args:
        powers: of counted ballots, base units.
        supply: that was frozen.

    Raises:
        InvariantError: one is; it names its position.
    """
    for index, power in enumerate(powers):
        if not 0 <= power * POWER_DIVISOR <= supply:
            raise InvariantError(
                POWER, f"power {index}: {power} is above {supply // POWER_DIVISOR}", value=power
            )


def check_ballots(
    before: Sequence[tuple[int, str, str]], after: Sequence[tuple[int, str, str]]
) -> None:
    """NOD-I5: of the counted ballots of a proposal, later ones are added and none changes.

    Each is (seq, voter, choice), in the order of the log.

    Raises:
        InvariantError: one changed or is missing, counts out of order, or a voter counts twice.
    """
    for index, ballot in enumerate(before):
        found = after[index] if index < len(after) else None
        if found != ballot:
            raise InvariantError(
                BALLOTS, f"ballot {ballot} is {found} now", value=found, expected=ballot
            )
    voters: dict[str, int] = {}
    last = -1
    for seq, voter, _ in after:
        if seq <= last:
            raise InvariantError(BALLOTS, f"ballot of seq {seq} counts after that of {last}")
        if voter in voters:
            raise InvariantError(
                BALLOTS, f"{voter} counts twice, with seq {voters[voter]} and {seq}"
            )
        voters[voter] = last = seq


def check_governance(before: State, event: ProtocolEvent, after: State) -> None:
    """NOD-I3, NOD-I4 and NOD-I5 after an event, of any type.

    Raises:
        InvariantError: one does not hold.
    """
    old, new = before.governance, after.governance
    if event.type not in GOVERNING:
        if new is not old:
            raise InvariantError(REPLAY, f"governance changed by {event.type}")
        return
    name = bytes.fromhex(event.payload["proposal"])
    is_new = event.type == events.CREATE_PROPOSAL
    for other, vote in old.votes.items():
        if other != name and new.votes.get(other) is not vote:
            raise InvariantError(REPLAY, f"proposal {other.hex()} changed by another's event")
    _same(REPLAY, "proposals", len(old.votes) + is_new, len(new.votes))
    _same(REPLAY, f"proposal {name.hex()} was there", not is_new, name in old.votes)
    if name not in new.votes:
        raise InvariantError(REPLAY, f"proposal {name.hex()} is missing")
    if event.type != events.EXECUTE_PROPOSAL and new.parameters is not old.parameters:
        raise InvariantError(REPLAY, f"parameters changed by {event.type}")
    if is_new:
        _check_creation(before, event, new.votes[name])
    else:
        _check_change(old.votes[name], event, new.votes[name])
    if event.type == events.EXECUTE_PROPOSAL:
        _check_parameters(before, event, after)
        _same(BALLOTS, "tally", _tally(new.votes[name]), event.payload["tally"])


def _check_change(vote: Any, event: ProtocolEvent, later: Any) -> None:
    """What an event changes of a proposal that was there, at a tick at which it may."""
    if later.proposal is not vote.proposal:
        raise InvariantError(REPLAY, "the proposal is another than was created")
    state, close = state_of(vote, event.tick)
    ends = [vote.cancelled, vote.executed]
    wanted = "ACTIVE"
    if event.type == events.RECORD_BALLOTS:
        _check_batch(vote, event, later)
    else:
        _same(BALLOTS, "ballots", (vote.batches, vote.refused), (later.batches, later.refused))
    if event.type == events.CANCEL_PROPOSAL:
        _same(REPLAY, "who cancels", vote.proposal.proposer, event.payload["proposer"])
        ends[0] = event.tick
    if event.type == events.EXECUTE_PROPOSAL:
        ends[1] = event.tick
        wanted = "PASSED"
        if event.tick < close + vote.proposal.terms.timelock_ticks:
            raise InvariantError(REPLAY, f"executed at tick {event.tick}, within its timelock")
    _same(REPLAY, f"state at tick {event.tick}", wanted, state)
    _same(REPLAY, "cancelled and executed", ends, [later.cancelled, later.executed])


def check_votes(state: State) -> None:
    """What must hold of every proposal that is not final, counted again from its ballots.

    Raises:
        InvariantError: it does not hold.
    """
    for vote in state.governance:
        if state_of(vote, state.tick)[0] in ("ACTIVE", "PASSED"):
            check_ballots([], _counted(vote))
            _check_totals(vote)


def state_of(vote: Any, tick: int) -> tuple[str, int]:
    """The state of a proposal at a tick, and the tick at which it closes."""
    terms = vote.proposal.terms
    close = terms.close_tick
    certain = (b.tick + 1 for b in vote.batches if _is_certain(terms, *b.powers))
    if terms.emergency:
        close = min(close, next(certain, close))
    if vote.executed is not None or vote.cancelled is not None:
        return ("EXECUTED" if vote.executed is not None else "CANCELLED"), close
    if tick < close:
        return "ACTIVE", close
    if not _passes(terms, *(vote.batches[-1].powers if vote.batches else (0, 0, 0))):
        return "REJECTED", close
    is_late = tick >= close + terms.timelock_ticks + terms.grace_ticks
    return ("EXPIRED" if is_late else "PASSED"), close


def _passes(terms: Any, yes: int, no: int, abstain: int) -> bool:
    turnout = yes + abstain + (no if terms.turnout == "all" else 0)
    return yes > no and BASE_UNITS_PER_TOKEN * turnout >= terms.supply * terms.quorum


def _is_certain(terms: Any, yes: int, no: int, abstain: int) -> bool:
    """Whether it fails where all others are for it, or passes where they stay away and where they
    are against it."""
    rest = terms.attainable - yes - no - abstain
    if not _passes(terms, yes + rest, no, abstain):
        return True
    return _passes(terms, yes, no, abstain) and yes > no + rest


def _check_creation(before: State, event: ProtocolEvent, vote: Any) -> None:
    proposal, payload = vote.proposal, event.payload
    ended = (len(vote.batches), len(vote.refused), vote.cancelled, vote.executed)
    _same(REPLAY, "ballots and ends of a new proposal", (0, 0, None, None), ended)
    mates = [v.proposal for v in before.governance if v.proposal.tick == event.tick]
    if not mates and event.tick <= before.tick:
        raise InvariantError(REPLAY, f"balances before tick {event.tick} are not known any more")
    held = _rows(mates[0].snapshot.table) if mates else _unrevoked(before)
    if _rows(proposal.snapshot.table) != held:
        raise InvariantError(REPLAY, "the snapshot is not the balances of the tick before")
    table, ref = proposal.snapshot.table, proposal.snapshot.ref
    named = (len(table), table.root.hex(), table.digest.hex())
    _same(REPLAY, "snapshot", named, (ref.rows, ref.root, ref.digest))
    expected = _proposal_document(before, event, [balance for _, balance in held])
    document = proposal.document()
    for name, value in expected.items():
        _same(REPLAY, f"proposal {name}", value, document[name])
    keys = sorted([*expected, "payload_hash", "snapshot"])
    _same(REPLAY, "keys of the proposal", keys, sorted(document))
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    name = hashlib.sha256(_PROPOSAL_TAG + text.encode("ascii")).hexdigest()
    _same(REPLAY, "id of the proposal", name, payload["proposal"])
    _same(REPLAY, "id of the proposal", name, proposal.id.hex())
    voters = [node_id for (node_id, _), power in zip(held, _powers(proposal), strict=True) if power]
    if payload["proposer"] not in voters:
        raise InvariantError(REPLAY, f"{payload['proposer']} proposes without power")


def _proposal_document(
    before: State, event: ProtocolEvent, balances: list[int]
) -> Mapping[str, Any]:
    """What was frozen, by the rules of the epoch of the tick."""
    payload, tick = event.payload, event.tick
    epoch = tick // before.rulesets[0][1].epoch_ticks
    rules = audited_epoch.rules_of(before, epoch).governance
    urgent = payload["emergency"]
    supply = sum(balances)
    cap = rules.power_share * supply // BASE_UNITS_PER_TOKEN
    most = sum(min(balance, cap) for balance in balances)
    quorum = rules.emergency_quorum if urgent else rules.quorum
    if supply == 0 or most * BASE_UNITS_PER_TOKEN < quorum * supply:
        raise InvariantError(REPLAY, "a quorum of the proposal can never be reached")
    digits = f"0.{quorum:018d}".rstrip("0")
    return {
        "instance": before.instance.hex(),
        "proposer": payload["proposer"],
        "tick": tick,
        "type": payload["type"],
        "payload": payload["payload"],
        "version": before.governance.parameters.version(payload["type"]),
        "emergency": urgent,
        "supply": str(supply),
        "attainable": str(most),
        "power_cap": str(cap),
        "quorum": digits,
        "turnout": rules.turnout,
        "close_tick": tick + (rules.emergency_window_ticks if urgent else rules.window_ticks),
        "timelock_ticks": rules.emergency_timelock_ticks if urgent else rules.timelock_ticks,
        "grace_ticks": rules.grace_ticks,
    }


def _unrevoked(state: State) -> list[tuple[Any, ...]]:
    """The balances of nodes that are not revoked, in canonical order."""
    registry = state.registry
    gone = {row[0]: row[5] for row in tables.rows(registry.settled) if row[5] != NOT_REVOKED}
    gone |= {name: node[5] for name, node in registry.changed.items() if node[5] != NOT_REVOKED}
    return [row for row in _rows(state.balances) if row[0] not in gone]


def _rows(table: Any) -> list[tuple[Any, ...]]:
    return [*tables.rows(table)]


def _powers(proposal: Any) -> list[int]:
    """By row of the snapshot, by the cap that was frozen."""
    balances = tables.values(proposal.snapshot.table, "balance")
    return [min(balance, proposal.power_cap) for balance in balances]


def _counted(vote: Any) -> list[tuple[int, str, str]]:
    rows = [row for batch in vote.batches for row in tables.rows(batch.counted)]
    return [(seq, str(voter), str(choice)) for seq, voter, choice, _, _ in rows]


def _check_totals(vote: Any) -> None:
    """The totals after every batch are the sums of the powers of the ballots so far."""
    terms, powers = vote.proposal.terms, _powers(vote.proposal)
    sums = [0, 0, 0]
    counted = []
    for batch in vote.batches:
        for _, voter, choice, _, _ in tables.rows(batch.counted):
            sums[choice] += powers[voter]
            counted.append(powers[voter])
        expected = (sums[_FOR], sums[_AGAINST], sums[_ABSTAIN])
        _same(BALLOTS, "power for, against, abstaining", expected, tuple(batch.powers))
    check_powers(counted, sum(tables.values(vote.proposal.snapshot.table, "balance")))
    if not sum(sums) <= sum(powers) == terms.attainable <= terms.supply:
        raise InvariantError(POWER, f"{sum(sums)} counted of {terms.attainable} attainable")


def _check_batch(vote: Any, event: ProtocolEvent, later: Any) -> None:
    """One batch more, of rows of the event; what counted before counts as it did."""
    assert event.table is not None
    _same(REPLAY, "batches", len(vote.batches) + 1, len(later.batches))
    check_ballots(_counted(vote), _counted(later))
    _same(BALLOTS, "batches before", vote.batches, later.batches[:-1])
    batch = later.batches[-1]
    given = _rows(event.table)
    first = sum(old.received for old in vote.batches)
    numbers = [row[0] for row in given]
    _same(REPLAY, "numbers of ballots", [*range(first, first + len(given))], numbers)
    _same(REPLAY, "the new batch", (event.tick, len(given)), (batch.tick, batch.received))
    rows = {row[0]: row for row in given}
    for row in _rows(batch.counted):
        _same(REPLAY, f"ballot {row[0]}", rows.get(row[0]), row)
    refused = sum(later.refused.values()) - sum(vote.refused.values())
    _same(REPLAY, "ballots of the batch", len(given), len(batch.counted) + refused)
    _check_totals(later)


def _tally(vote: Any) -> str:
    """The digest of the tree over the counted ballots in the order of their voters."""
    powers = _powers(vote.proposal)
    rows = [row for batch in vote.batches for row in tables.rows(batch.counted)]
    level: list[tuple[Any, ...]] = []
    for seq, voter, choice, _, _ in sorted(rows, key=lambda row: row[1]):
        figures = ((seq, 8), (voter, 4), (choice, 1), (powers[voter], 16))
        digest = _hash("leaf", *(number.to_bytes(size, "big") for number, size in figures))
        level.append((digest, *(powers[voter] if choice == c else 0 for c in (1, 0, 2))))
    size = len(level)
    # Pairs from the left are the tree of RFC 9162: a node without a sister moves up as it is.
    while len(level) > 1:
        pairs = [_above(*pair) for pair in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(level) & ~1 :]
    root = level[0] if level else (hashlib.sha256().digest(), 0, 0, 0)
    return _hash("", size.to_bytes(8, "big"), _node_bytes(root)).hex()


def _above(left: tuple[Any, ...], right: tuple[Any, ...]) -> tuple[Any, ...]:
    sums = (a + b for a, b in zip(left[1:], right[1:], strict=True))
    return _hash("node", _node_bytes(left), _node_bytes(right)), *sums


def _node_bytes(node: tuple[Any, ...]) -> bytes:
    return b"".join((node[0], *(part.to_bytes(16, "big") for part in node[1:])))


def _hash(part: str, *fields: bytes) -> bytes:
    tag = f"qfs/tally-{part}/v1" if part else "qfs/tally/v1"
    return hashlib.sha256(b"".join((bytes([len(tag)]), tag.encode("ascii"), *fields))).digest()


def _check_parameters(before: State, event: ProtocolEvent, after: State) -> None:
    """One parameter has one version more, which is what was voted."""
    old, new = before.governance.parameters, after.governance.parameters
    proposal = after.governance.votes[bytes.fromhex(event.payload["proposal"])].proposal
    _same(REPLAY, "payload", dict(proposal.payload), event.payload["payload"])
    _same(REPLAY, "version of the parameter", proposal.version, old.version(proposal.type))
    document = old.document()
    entry = {
        "version": proposal.version + 1,
        "tick": event.tick,
        "proposal": event.payload["proposal"],
        "payload": event.payload["payload"],
    }
    history = [*document.get(proposal.type, []), entry]
    _same(REPLAY, "parameters", document | {proposal.type: history}, new.document())
