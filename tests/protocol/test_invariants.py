"""The auditor: honest events pass, and every planted violation is caught and named."""

from __future__ import annotations

import ast
import pathlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from qfs import signatures
from qfs.columns import Column
from qfs.protocol import audited_epoch, audited_tables, events
from qfs.protocol.audited_epoch import Share, misallocated
from qfs.protocol.invariants import (
    Auditor,
    InvariantError,
    check_ballots,
    check_powers,
    check_replays,
    check_state,
)
from qfs.protocol.registry import Registry
from qfs.protocol.ruleset import Ruleset
from qfs.protocol.state import Batch, State
from qfs.protocol.tokens import AtrState, NodState, TokenState, TokenStateBundle
from qfs.rows import from_rows, rows_of
from qfs.tables import BALANCES, FEES, REGISTRY, Table

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRANSITIONS = ("transitions", "closing", "allocator", "epoch", "eligibility", "registry")
AUDIT = ("invariants", "audited_epoch", "audited_tables")

Change = Callable[[State], State]


def test_the_auditor_shares_nothing_with_what_it_watches() -> None:
    allowed = {"qfs.protocol.events", "qfs.protocol.state"}
    allowed |= {f"qfs.protocol.{name}" for name in AUDIT}
    allowed |= {"qfs.errors", "qfs.limits", "qfs.columns", "qfs.ids", "qfs.tables"}
    for name in AUDIT:
        path = ROOT / "qfs" / "protocol" / f"{name}.py"
        found = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= inner if node.module == "qfs.protocol" else {str(node.module)}
        ours = {module for module in found if module.split(".")[0] in ("qfs", "qfs_kernel")}
        assert ours <= allowed, f"{name} imports {sorted(ours - allowed)}"


# Planting


def nod(**figures: Any) -> Change:
    """Another nod_state; its own checks are passed by, as a fault would pass them by."""
    return lambda state: with_tokens(state, nod_state=forged(state.tokens.nod_state, figures))


def atr(**figures: Any) -> Change:
    return lambda state: with_tokens(state, atr_state=forged(state.tokens.atr_state, figures))


def forged(old: Any, figures: dict[str, Any]) -> Any:
    """A copy with other figures, each given as the number to add or as a value."""
    new = object.__new__(type(old))
    for name in old.__slots__:
        value = getattr(old, name)
        if name in figures:
            value = value + figures[name] if isinstance(figures[name], int) else figures[name]
        object.__setattr__(new, name, value)
    return new


def with_tokens(state: State, **states: Any) -> State:
    return replace(state, tokens=forged(state.tokens, states))


def supply(token: str, by: int) -> Change:
    def change(state: State) -> State:
        old = getattr(state.tokens, f"{token}_state").supply
        return with_tokens(state, **{f"{token}_state": TokenState(token, old + by)})

    return change


def moved(by: dict[str, int], consistent: bool = True) -> Change:
    """Balances changed by hand, by default with the digest of the table in nod_state."""

    def change(state: State) -> State:
        held = dict(rows_of(state.balances)) if len(state.balances) else {}
        for name, amount in by.items():
            held[name] = held.get(name, 0) + amount
        table = from_rows(BALANCES, sorted(held.items()))
        state = replace(state, balances=table)
        return nod(balances=table.digest)(state) if consistent else state

    return change


def without_balance(name: str) -> Change:
    def change(state: State) -> State:
        table = from_rows(BALANCES, [row for row in rows_of(state.balances) if row[0] != name])
        return nod(balances=table.digest)(replace(state, balances=table))

    return change


def registered(**columns: Any) -> Change:
    """The row of a node in the registry with other values, folded into its table."""

    def change(state: State) -> State:
        rows = {row[0]: row for row in rows_of(state.registry.table)}
        name = columns.get("name", "c")
        names = [column.name for column in REGISTRY.columns]
        row = list(rows.get(name, (name, *rows["c"][1:])))
        for column, value in columns.items():
            if column != "name":
                row[names.index(column)] = value
        rows[name] = tuple(row)
        return replace(state, registry=Registry.of(from_rows(REGISTRY, sorted(rows.values()))))

    return change


def kept_node(name: str, **values: Any) -> Change:
    """The same in the entries beside the table."""

    def change(state: State) -> State:
        node = state.registry.get(name) or state.registry.get("c")
        assert node is not None
        changed = state.registry.changed.set(name, node._replace(**values))
        return replace(state, registry=replace(state.registry, _changed=changed))

    return change


def forgotten_node(name: str) -> Change:
    def change(state: State) -> State:
        rows = [row for row in rows_of(state.registry.table) if row[0] != name]
        return replace(state, registry=Registry.of(from_rows(REGISTRY, rows)))

    return change


def set_to(**fields: Any) -> Change:
    return lambda state: replace(state, **fields)


def batches(change: Callable[[tuple[Batch, ...]], tuple[Batch, ...]]) -> Change:
    return lambda state: replace(state, batches=change(state.batches))


def signed(signer: str, by: int) -> Change:
    return lambda state: replace(
        state, signed=state.signed.set(signer, state.signed.get(signer, 0) + by)
    )


OTHER_KEY = signatures.from_seed(b"\7" * 32).public
A_BATCH = Batch(2, "rep", from_rows(FEES, [(16, "zz", 1)]))

EVERYWHERE: dict[str, tuple[str, Change]] = {
    "instance": ("NOD-I4", set_to(instance=bytes(32))),
    "registrar": ("NOD-I4", set_to(registrar=OTHER_KEY)),
    "spec_version": ("NOD-I4", set_to(spec_version=2)),
    "tick": ("NOD-I4", lambda s: replace(s, tick=s.tick + 1)),
    "epoch": ("NOD-I4", lambda s: replace(s, epoch=s.epoch + 1)),
    "manifest": ("NOD-I4", set_to(manifest=b"\5" * 32)),
    "no manifest": ("NOD-I4", set_to(manifest=None)),
    "another ruleset now": (
        "NOD-I4",
        lambda s: replace(s, rulesets=((s.rulesets[0][0], Ruleset()), *s.rulesets[1:])),
    ),
    "chr more": ("NOD-I4", supply("chr", -1)),
    "flx less": ("NOD-I4", supply("flx", -1)),
    "psync less": ("NOD-I4", supply("psync", -1)),
    "res less": ("NOD-I4", supply("res", -1)),
    "a transfer": ("NOD-I1", moved({"a": -5, "c": 5})),
    "a transfer behind the digest": ("NOD-I1", moved({"a": -5, "c": 5}, consistent=False)),
    "a burn": ("NOD-I1", moved({"a": -5})),
    "a mint": ("NOD-I1", moved({"a": 5})),
    "a balance gone": ("NOD-I1", without_balance("a")),
    "a new holder": ("NOD-I1", moved({"rep": 1})),
    "supply": ("NOD-I2", nod(supply=1)),
    "pool": ("NOD-I2", nod(pool=1)),
    "issued": ("NOD-I2", nod(issued=1)),
    "supply and issued": ("NOD-I2", nod(supply=1, issued=1)),
    "pool to supply": ("NOD-I2", nod(supply=1, pool=-1)),
    "residue": ("NOD-I2", nod(residue=1)),
    "residue too large": ("NOD-I2", nod(residue=10**18)),
    "digest of balances": ("NOD-I2", nod(balances=bytes(32))),
    "fees": ("NOD-I2", atr(fees=1)),
    "retained": ("NOD-I2", atr(retained=1)),
    "fees and retained": ("NOD-I2", atr(fees=1, retained=1)),
    "nonce of another": ("NOD-I4", signed("someone", 1)),
    "nonce of the registrar": ("NOD-I4", signed("", 1)),
    "nonce of the reporter": ("NOD-I4", signed("rep", 1)),
    "nonce taken back": ("NOD-I4", signed("", -1)),
    "a node's role": ("NOD-I4", registered(role="reporter")),
    "a node's key": ("NOD-I4", registered(public_key=OTHER_KEY.text)),
    "a node's operator": ("NOD-I4", registered(operator_id="x")),
    "a node registered earlier": ("NOD-I4", registered(registered_tick=1)),
    "a node revoked": ("NOD-I4", registered(revoked_tick=1)),
    "a node that nobody registered": ("NOD-I4", registered(name="bb")),
    "the last node that nobody registered": ("NOD-I4", registered(name="zz")),
    "a node forgotten": ("NOD-I4", forgotten_node("d")),
    "the first node forgotten": ("NOD-I4", forgotten_node("a")),
    "a node beside the table": ("NOD-I4", kept_node("c", operator_id="x")),
    "a new node beside the table": ("NOD-I4", kept_node("y", node_id="y")),
    "one batch more": ("NOD-I4", batches(lambda b: (*b, A_BATCH))),
    "all batches gone": ("NOD-I4", batches(lambda b: ())),
    "another batch": ("NOD-I4", batches(lambda b: (A_BATCH, *b[1:]))),
}
"""Wrong after an event of any type."""

TRIES = ["register", "rotate", "revoke", "change", "fees", "telemetry", "reward", "close"]


def an_event(network: Any, name: str) -> events.ProtocolEvent:
    return {
        "register": lambda: network.infrastructure("g", "h"),
        "rotate": lambda: network.rotation("d"),
        "revoke": lambda: network.revocation("d"),
        "change": lambda: network.change(min_active_nodes=4),
        "fees": lambda: network.fees([(16, "new", 5)], epoch=2),
        "telemetry": lambda: network.telemetry([("a", 1, 1)], epoch=2),
        "reward": lambda: network.reward(),
        "close": lambda: network.closing(),
    }[name]()


def found(busy: Any, event: events.ProtocolEvent, change: Change) -> InvariantError:
    after = busy.engine.apply(busy.state, event)
    busy.auditor.check(busy.state, event, after)
    with pytest.raises(InvariantError) as caught:
        busy.auditor.check(busy.state, event, change(after))
    assert str(caught.value).startswith(f"{caught.value.invariant}: ")
    return caught.value


@pytest.mark.parametrize("name", EVERYWHERE)
@pytest.mark.parametrize("kind", TRIES)
def test_a_planted_violation_is_named(busy: Any, kind: str, name: str) -> None:
    invariant, change = EVERYWHERE[name]
    error = found(busy, an_event(busy, kind), change)
    assert error.invariant in (invariant, *())
