"""The invariant auditor: what must hold after every event, and in full after every epoch.

    NOD-I1  no transfer: a balance grows by an allocation, and in no other way
    NOD-I2  supply = sum of balances = sum of allocations; issued = allocated + pool
    NOD-I3  the voting power of a node is at most 25% of the supply
    NOD-I4  a state follows from its log: an event changes what it speaks of and nothing else
    NOD-I5  a counted ballot never changes

It shares no code with what it watches. It reads states and the memory of tables, and computes
everything it compares by itself, in plain Python, so that a fault in a transition or in a backend
is not repeated here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from qfs.limits import BASE_UNITS_PER_TOKEN, NOT_REVOKED
from qfs.protocol import audited_epoch, events
from qfs.protocol import audited_tables as tables
from qfs.protocol.audited_allocation import misallocated, order_of
from qfs.protocol.audited_votes import check_governance, check_votes
from qfs.protocol.events import ProtocolEvent
from qfs.protocol.invariant_errors import NO_TRANSFER, REPLAY, SUPPLY, InvariantError
from qfs.protocol.invariant_errors import require_same as _same
from qfs.protocol.state import State

FEW: Final = 1024
"""Maps of no more entries are compared whole after every event."""

_BY_REGISTRAR: Final = (events.REGISTER, events.ROTATE_KEY, events.REVOKE, events.CHANGE_RULESET)
_BY_REPORTER: Final = (events.RECORD_FEES, events.RECORD_TELEMETRY, events.RECORD_REWARD)
_BY_NODE: Final = (events.CREATE_PROPOSAL, events.CANCEL_PROPOSAL)
_BY_NOBODY: Final = (events.RECORD_BALLOTS, events.EXECUTE_PROPOSAL)
_CONSTANTS: Final = ("instance", "registrar", "spec_version")
_PLAIN_TOKENS: Final = ("chr_state", "flx_state", "psync_state", "res_state")
_PAID_ROLE: Final = b"infrastructure"
_REGISTRAR: Final = ""


class Auditor:
    """Watches a chain of states from one event to the next.

    An event other than `epoch.close` costs what it touches, however many nodes there are. Events
    that were tried and given up may be shown again, in this or another way.
    """

    def __init__(self, state: State) -> None:
        """Begin at a state, which is checked in full.

        Raises:
            InvariantError: an invariant does not hold in it.
        """
        check_state(state)
        self._allocated = {state.epoch: tables.total(state.balances, "balance")}

    def check(self, before: State, event: ProtocolEvent, after: State) -> None:
        """Return if the state after an event may follow the state before it.

        Raises:
            InvariantError: it may not; it names the invariant and the first figure or node.
        """
        for name in _CONSTANTS:
            _same(REPLAY, name, getattr(before, name), getattr(after, name))
        _same(REPLAY, "tick", event.tick, after.tick)
        if after.tick < before.tick:
            raise InvariantError(REPLAY, f"tick {after.tick} after {before.tick}")
        check_governance(before, event, after)
        if event.type == events.CLOSE_EPOCH:
            self._check_close(before, event, after)
            return
        _check_unpaid(before, after)
        _check_tokens(before, event, after)
        _check_signed(before, event, after)
        _check_nodes(before, event, after)
        _check_rulesets(before, event, after)
        _check_batches(before, event, after)

    def _check_close(self, before: State, event: ProtocolEvent, after: State) -> None:
        _check_closed(before, event, after)
        _check_issuance(before, after)
        paid = _check_growth(before, event.payload, after)
        total = self._allocated.get(before.epoch)
        if total is None:
            raise InvariantError(SUPPLY, f"epoch {before.epoch} does not follow what was audited")
        supply = after.tokens.nod_state.supply
        _same(SUPPLY, "supply is the sum of allocations", total + paid, supply)
        self._allocated[before.epoch + 1] = total + paid
        check_state(after)
        _same(REPLAY, "state", after.digest.hex(), event.payload["state"])


def check_state(state: State) -> None:
    """What must hold in any state by itself, in full: NOD-I1, NOD-I2, and of open votes NOD-I3.

    Raises:
        InvariantError: it does not hold.
    """
    nod, atr = state.tokens.nod_state, state.tokens.atr_state
    total = tables.total(state.balances, "balance")
    _same(SUPPLY, "supply is the sum of balances", total, nod.supply)
    _same(SUPPLY, "issued = allocated + pool", nod.supply + nod.pool, nod.issued)
    _same(SUPPLY, "fees = retained + issued", atr.retained + nod.issued, atr.fees)
    _same(SUPPLY, "balances", state.balances.digest.hex(), nod.balances.hex())
    if not 0 <= nod.residue < BASE_UNITS_PER_TOKEN:
        raise InvariantError(SUPPLY, f"residue: {nod.residue} is outside 0 .. 10^18 - 1")
    stranger = tables.first_stranger(state.balances, state.registry.table, _PAID_ROLE)
    if stranger is not None:
        raise InvariantError(NO_TRANSFER, f"{stranger} holds NOD and is no infrastructure node")
    check_votes(state)


def check_replays(first: bytes, second: bytes) -> None:
    """NOD-I4: two replays of one log came to states of one digest.

    Raises:
        InvariantError: they did not.
    """
    _same(REPLAY, "state", first.hex(), second.hex())


# After every event but epoch.close


def _check_unpaid(before: State, after: State) -> None:
    """No balance and no figure of NOD and ATR has changed."""
    if not tables.is_known_same(before.balances, after.balances):
        row = tables.first_difference(before.balances, after.balances)
        raise InvariantError(NO_TRANSFER, f"balances changed without an allocation, at {row}")
    for name in ("nod_state", "atr_state"):
        old, new = getattr(before.tokens, name), getattr(after.tokens, name)
        for figure in old.document():
            _same(SUPPLY, f"{name}.{figure}", getattr(old, figure), getattr(new, figure))
    _same(REPLAY, "epoch", before.epoch, after.epoch)
    _same(REPLAY, "manifest", before.manifest, after.manifest)


def _check_tokens(before: State, event: ProtocolEvent, after: State) -> None:
    """The tokens with a supply grow by the rewards of an action, and in no other way."""
    rewards = dict.fromkeys(_PLAIN_TOKENS, 0)
    if event.type == events.RECORD_REWARD:
        figures = ("s_chr", "action_cost", "c_holo")
        score, cost, coherence = (int(event.payload[name]) for name in figures)
        one = BASE_UNITS_PER_TOKEN
        m = one + coherence // 10
        action = score * cost // one * m // one
        # PSYNC and RES are m, FLX a tenth of CHR times m.
        rewards = dict.fromkeys(_PLAIN_TOKENS, m)
        rewards |= {"chr_state": action, "flx_state": action // 10 * m // one}
    for name, reward in rewards.items():
        old, new = getattr(before.tokens, name).supply, getattr(after.tokens, name).supply
        _same(REPLAY, f"{name}.supply", old + reward, new)


def _check_signed(before: State, event: ProtocolEvent, after: State) -> None:
    """The signer has signed one event more, and nobody else has."""
    if event.type in _BY_REGISTRAR:
        signer = _REGISTRAR
    elif event.type in _BY_REPORTER:
        signer = event.payload["reporter"]
    elif event.type in _BY_NODE:
        signer = event.payload["proposer"]
    elif event.type in _BY_NOBODY:
        _require_changes("events signed", before.signed, {}, after.signed)
        return
    else:
        raise InvariantError(REPLAY, f"{event.type} changes a state")
    nonce = before.signed.get(signer, 0)
    _same(REPLAY, f"nonce of {signer or 'the registrar'}", nonce, event.payload["nonce"])
    _require_changes("events signed", before.signed, {signer: nonce + 1}, after.signed)


def _check_nodes(before: State, event: ProtocolEvent, after: State) -> None:
    """Only the nodes that the event names have changed, and as it says."""
    old, new = before.registry, after.registry
    if event.type == events.REGISTER:
        assert event.table is not None
        changes = {row[0]: row for row in tables.rows(event.table)}
        for node_id, row in changes.items():
            if _node(before, node_id) is not None:
                raise InvariantError(REPLAY, f"node {node_id} was registered already")
            _same(REPLAY, f"node {node_id}", (event.tick, NOT_REVOKED), row[4:])
    elif event.type in (events.ROTATE_KEY, events.REVOKE):
        node_id = event.payload["node_id"]
        known = _node(before, node_id)
        if known is None or known[5] != NOT_REVOKED:
            raise InvariantError(REPLAY, f"node {node_id} is not registered, or was revoked")
        if event.type == events.REVOKE:
            changes = {node_id: (*known[:5], event.tick)}
        else:
            changes = {node_id: (*known[:3], event.payload["public_key"], *known[4:])}
    else:
        changes = {}
    if new.settled is old.settled:
        _require_changes("node", old.changed, changes, new.changed)
        return
    _same(REPLAY, "nodes kept beside a new table", 0, len(new.changed))
    _require_nodes(before, changes, after)


def _check_rulesets(before: State, event: ProtocolEvent, after: State) -> None:
    """The rules of epochs that have begun are the same."""
    if event.type != events.CHANGE_RULESET:
        _same(REPLAY, "rulesets", before.rulesets, after.rulesets)
        return
    first = event.tick // before.rulesets[0][1].epoch_ticks + 1
    begun = tuple(entry for entry in before.rulesets if entry[0] < first)
    _same(REPLAY, "rulesets of epochs that have begun", begun, after.rulesets[:-1])
    start, rules = after.rulesets[-1]
    _same(REPLAY, "first epoch of the new ruleset", first, start)
    _same(REPLAY, "new ruleset", event.payload["ruleset"], rules.document())


def _check_batches(before: State, event: ProtocolEvent, after: State) -> None:
    """What was recorded is there still; a record adds one batch, which is its own."""
    adds = event.type in (events.RECORD_FEES, events.RECORD_TELEMETRY)
    _require_batches(before.batches, after.batches[: -1 if adds else None])
    if not adds:
        return
    batch = after.batches[-1]
    if batch.table is not event.table:
        raise InvariantError(REPLAY, "the new batch has another table than its event")
    named = (event.payload["epoch"], event.payload["reporter"])
    _same(REPLAY, "the new batch", named, (batch.epoch, batch.reporter))


def _require_batches(expected: Sequence[Any], found: Sequence[Any]) -> None:
    _same(REPLAY, "batches", len(expected), len(found))
    for index, (old, new) in enumerate(zip(expected, found, strict=True)):
        if old is not new:
            raise InvariantError(REPLAY, f"batch {index} is another than before")


def _require_changes(
    name: str, old: Mapping[str, Any], changes: Mapping[str, Any], new: Mapping[str, Any]
) -> None:
    """A map has these entries more or otherwise. Entries of a large map that are not among them
    are counted here, and compared at the end of the epoch."""
    for key, value in changes.items():
        _same(REPLAY, f"{name} {key}", value, new.get(key))
    _same(REPLAY, f"{name}, number", len(old) + sum(k not in old for k in changes), len(new))
    if len(new) <= FEW and new is not old:
        for key, value in new.items():
            if key not in changes:
                _same(REPLAY, f"{name} {key}", old.get(key), value)


def _node(state: State, node_id: str) -> tuple[Any, ...] | None:
    found = state.registry.changed.get(node_id)
    return tuple(found) if found is not None else tables.row_of(state.registry.settled, node_id)


# After epoch.close


def _check_closed(before: State, event: ProtocolEvent, after: State) -> None:
    """What closing leaves as it is, and what it moves on by one epoch."""
    payload, epoch = event.payload, before.epoch
    _same(REPLAY, "epoch that is closed", epoch, payload["epoch"])
    _same(REPLAY, "epoch", epoch + 1, after.epoch)
    if after.tick < after.epoch * before.rulesets[0][1].epoch_ticks:
        raise InvariantError(REPLAY, f"epoch {epoch} is closed at tick {after.tick}, within it")
    manifest = None if after.manifest is None else after.manifest.hex()
    _same(REPLAY, "manifest", payload["manifest"], manifest)
    for name in _PLAIN_TOKENS:
        _same(REPLAY, name, getattr(before.tokens, name), getattr(after.tokens, name))
    _require_changes("events signed", before.signed, {}, after.signed)
    later = tuple(entry for entry in before.rulesets if entry[0] > epoch + 1)
    next_rules = (epoch + 1, audited_epoch.rules_of(before, epoch + 1))
    _same(REPLAY, "rulesets", (next_rules, *later), after.rulesets)
    _require_batches([b for b in before.batches if b.epoch != epoch], after.batches)
    _same(REPLAY, "nodes kept beside a new table", 0, len(after.registry.changed))
    _require_nodes(before, {}, after)


def _require_nodes(before: State, changes: Mapping[str, tuple[Any, ...]], after: State) -> None:
    """The table of nodes after is the one before, with what had changed and these changes."""
    due = {node_id: tuple(node) for node_id, node in before.registry.changed.items()}
    due.update(changes)
    wrong = tables.first_unmerged(before.registry.settled, due, after.registry.settled)
    if wrong is not None:
        raise InvariantError(REPLAY, f"node {wrong} changed without an event")


def _check_growth(before: State, payload: Mapping[str, Any], after: State) -> int:
    """No balance has shrunk, and each grew by its allocation. What was paid, base units."""
    missing = tables.first_missing(before.balances, after.balances)
    if missing is not None:
        raise InvariantError(NO_TRANSFER, f"{missing} has lost its balance")
    rules = audited_epoch.rules_of(before, before.epoch)
    old, new = before.tokens.nod_state, after.tokens.nod_state
    pool = old.pool + new.issued - old.issued
    cap = pool * rules.max_share // BASE_UNITS_PER_TOKEN
    shares = audited_epoch.shares(before, before.epoch, after.registry.settled)
    amounts: list[int] = []
    names = map(bytes.decode, tables.texts(after.balances.texts("node_id")))
    for name, growth in zip(names, tables.growths(before.balances, after.balances), strict=True):
        is_paid = len(amounts) < len(shares) and shares[len(amounts)].node_id == name
        most = cap if is_paid else 0
        if not 0 <= growth <= most:
            raise InvariantError(
                NO_TRANSFER, f"{name}: balance changed by {growth}; 0 .. {most} is allowed"
            )
        if is_paid:
            amounts.append(growth)
    if len(amounts) < len(shares):
        raise InvariantError(NO_TRANSFER, f"{shares[len(amounts)].node_id} has no balance")
    paid = sum(amounts)
    least, order = rules.min_active_nodes, order_of(rules.tie_break, before.epoch, shares)
    wrong = misallocated(shares, cap, amounts, pool - paid, least, order)
    if wrong is not None:
        raise InvariantError(NO_TRANSFER, f"{wrong}: paid other than by the rule")
    for name, table in (
        ("allocations", audited_epoch.allocations(shares, cap, amounts)),
        ("balances", after.balances),
    ):
        named = {"rows": len(table), "root": table.root.hex(), "digest": table.digest.hex()}
        _same(NO_TRANSFER, f"table {name} of the event", named, payload[name])
    _same(SUPPLY, "allocated by the epoch", paid, new.supply - old.supply)
    _same(SUPPLY, "pool", pool - paid, new.pool)
    return paid


def _check_issuance(before: State, after: State) -> None:
    """The fees of the epoch are issued at its rate up to its cap, to the last 10^-18."""
    rules = audited_epoch.rules_of(before, before.epoch)
    fees = audited_epoch.fees_of(before, before.epoch)
    old, new = before.tokens.nod_state, after.tokens.nod_state
    old_atr, new_atr = before.tokens.atr_state, after.tokens.atr_state
    raw, residue = divmod(old.residue + rules.issuance_rate * fees, BASE_UNITS_PER_TOKEN)
    issued = min(raw, rules.epoch_cap_base_units)
    _same(SUPPLY, "issued by the epoch", issued, new.issued - old.issued)
    _same(SUPPLY, "residue", residue, new.residue)
    _same(SUPPLY, "fees of the epoch", fees, new_atr.fees - old_atr.fees)
    _same(SUPPLY, "retained of the epoch", fees - issued, new_atr.retained - old_atr.retained)
