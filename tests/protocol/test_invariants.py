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
from qfs.hashing import tie_hash
from qfs.protocol import audited_epoch, audited_tables, events
from qfs.protocol.audited_votes import check_ballots, check_powers
from qfs.protocol.eligibility import contributions
from qfs.protocol.invariant_errors import InvariantError
from qfs.protocol.invariants import Auditor, check_replays, check_state
from qfs.protocol.registry import Node, Registry
from qfs.protocol.ruleset import Ruleset
from qfs.protocol.state import Batch, State
from qfs.protocol.tokens import TokenState
from qfs.rows import concat, from_rows, rows_of
from qfs.tables import BALANCES, FEES, REGISTRY, Table

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRANSITIONS = (
    *("transitions", "closing", "allocator", "epoch", "eligibility", "registry"),
    *("governing", "governance", "votes", "ballots", "verdict", "snapshot", "proposals"),
    *("parameters", "governance_rules", "governance_documents"),
)
AUDIT = (
    *("invariants", "invariant_errors", "audited_allocation"),
    *("audited_epoch", "audited_tables", "audited_votes"),
)

Change = Callable[[State], State]


@pytest.mark.skipif(not (ROOT / "qfs").is_dir(), reason="no sources beside the tests")
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
        row = list(rows.get(name, (name, *next(iter(rows.values()))[1:])))
        for column, value in columns.items():
            if column != "name":
                row[names.index(column)] = value
        rows[name] = tuple(row)
        return replace(state, registry=Registry.of(from_rows(REGISTRY, sorted(rows.values()))))

    return change


def kept_node(name: str, **values: Any) -> Change:
    """The same in the entries beside the table."""

    def change(state: State) -> State:
        known = state.registry.get(name) or next(iter(state.registry.changed.values()), None)
        node = known or Node(name, "x", "infrastructure", OTHER_KEY.text, 0, 5)
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
    assert error.invariant == invariant


SPECIAL: list[tuple[str, str, str, Change]] = [
    ("register", "a new node of another row", "NOD-I4", kept_node("g", operator_id="x")),
    ("register", "a new node that is missing", "NOD-I4", forgotten_node("g")),
    ("rotate", "another key than that of the event", "NOD-I4", kept_node("d", public_key="x")),
    ("rotate", "its operator too", "NOD-I4", kept_node("d", operator_id="x")),
    ("revoke", "at another tick", "NOD-I4", kept_node("d", revoked_tick=3)),
    ("revoke", "its key too", "NOD-I4", kept_node("d", public_key="x")),
    ("change", "not at all", "NOD-I4", lambda s: replace(s, rulesets=s.rulesets[:-1])),
    (
        "change",
        "from now on",
        "NOD-I4",
        lambda s: replace(s, rulesets=(*s.rulesets[:-1], (2, s.rulesets[-1][1]))),
    ),
    (
        "change",
        "to other rules",
        "NOD-I4",
        lambda s: replace(s, rulesets=(*s.rulesets[:-1], (3, Ruleset(version=9, epoch_ticks=8)))),
    ),
    ("fees", "not recorded", "NOD-I4", batches(lambda b: b[:-1])),
    ("fees", "by another", "NOD-I4", batches(lambda b: (*b[:-1], replace(b[-1], reporter="x")))),
    ("fees", "of another epoch", "NOD-I4", batches(lambda b: (*b[:-1], replace(b[-1], epoch=3)))),
    ("telemetry", "other rows", "NOD-I4", batches(lambda b: (*b[:-1], A_BATCH))),
    ("telemetry", "instead of an earlier one", "NOD-I4", batches(lambda b: (b[-1], *b[1:]))),
    ("close", "to a revoked node", "NOD-I1", moved({"b": 1})),
    ("close", "to the wrong node", "NOD-I1", moved({"a": -1, "c": 1})),
    ("close", "a batch of the next epoch lost", "NOD-I4", batches(lambda b: b[:-1])),
    (
        "close",
        "rules of the next epoch",
        "NOD-I4",
        lambda s: replace(s, rulesets=((2, replace(s.rulesets[0][1], version=7)),)),
    ),
]


@pytest.mark.parametrize(
    ("kind", "invariant", "change"),
    [pytest.param(k, i, c, id=f"{k}-{n}") for k, n, i, c in SPECIAL],
)
def test_a_violation_of_its_own_is_named(
    busy: Any, kind: str, invariant: str, change: Change
) -> None:
    assert found(busy, an_event(busy, kind), change).invariant == invariant


def test_honest_events_pass(busy: Any) -> None:
    """What the fixture applied was audited as it went; again, and in full, from any point on."""
    busy.apply(busy.closing())
    assert {event.type for _, event, _ in busy.history} == {*events.PAYLOADS}
    auditor = Auditor(busy.history[0][0])
    for before, event, after in busy.history:
        auditor.check(before, event, after)
        check_state(after)
        # What was tried may be tried again.
        auditor.check(before, event, after)
        Auditor(before).check(before, event, after)


def test_the_first_node_is_named(busy: Any) -> None:
    error = found(busy, an_event(busy, "fees"), moved({"a": -5, "c": 5}))
    assert "at a" in str(error)
    error = found(busy, an_event(busy, "close"), moved({"c": -5, "d": 5}))
    assert "c: " in str(error)
    error = found(busy, an_event(busy, "close"), registered(name="d", role="reporter"))
    assert "node d " in str(error)


@pytest.mark.parametrize("tie_break", ["id", "rotating"])
def test_the_unit_left_over_goes_by_the_rule_of_ties(new_network: Any, tie_break: str) -> None:
    """Three nodes of one weight share 4 units in each epoch; nobody else may have the fourth."""
    network = new_network(Ruleset(epoch_ticks=8, tie_break=tie_break, max_share=10**18))
    network.apply(network.infrastructure(*"abc"))
    network.apply(network.reporters("rep"))
    winners = set()
    for epoch in range(6):
        network.apply(network.fees([(8 * epoch, f"f{epoch}", 40)], epoch))
        network.apply(network.telemetry([(name, 1, 1) for name in "abc"], epoch))
        first = min("abc", key=lambda name: tie_hash(epoch, name.encode()))
        winner = first if tie_break == "rotating" else "a"
        for other in {*"abc"} - {winner}:
            error = found(network, network.closing(), moved({winner: -1, other: 1}))
            assert str(error) == f"NOD-I1: {winner}: paid other than by the rule"
        winners.add(winner)
        network.apply(network.closing())
    assert winners == ({"a"} if tie_break == "id" else {*"abc"})


@pytest.mark.parametrize("name", ["manifest", "allocations", "balances", "state", "epoch"])
def test_an_event_that_says_something_else_is_named(busy: Any, name: str) -> None:
    event = busy.closing()
    after = busy.engine.apply(busy.state, event)
    wrong: Any = {"epoch": 7}.get(name, "11" * 32)
    if name in ("allocations", "balances"):
        wrong = event.payload[name] | {"root": "11" * 32}
    changed = event._replace(payload={**event.payload, name: wrong})
    with pytest.raises(InvariantError) as caught:
        busy.auditor.check(busy.state, changed, after)
    expected = "NOD-I1" if name in ("allocations", "balances") else "NOD-I4"
    assert caught.value.invariant == expected


def test_an_unknown_event_changes_nothing(busy: Any) -> None:
    event = busy.reward()._replace(type="nod.transfer")
    with pytest.raises(InvariantError, match=r"nod\.transfer changes a state"):
        busy.auditor.check(busy.state, event, busy.state)


def test_ticks_that_decrease_are_named(busy: Any) -> None:
    event = busy.reward()._replace(tick=3)
    with pytest.raises(InvariantError, match="tick 3 after 22"):
        busy.auditor.check(busy.state, event, replace(busy.state, tick=3))


def test_closing_within_the_epoch_is_named(busy: Any) -> None:
    event = busy.closing()
    after = replace(busy.engine.apply(busy.state, event), tick=15)
    with pytest.raises(InvariantError, match="NOD-I4: epoch 1 is closed at tick 15, within it"):
        busy.auditor.check(replace(busy.state, tick=15), event._replace(tick=15), after)


def test_an_epoch_that_was_not_followed_is_refused(busy: Any) -> None:
    auditor = Auditor(busy.history[0][0])
    event = busy.closing()
    after = busy.engine.apply(busy.state, event)
    with pytest.raises(InvariantError, match="does not follow what was audited"):
        auditor.check(busy.state, event, after)


@pytest.mark.parametrize(
    ("invariant", "change"),
    [
        ("NOD-I2", nod(supply=1)),
        ("NOD-I2", nod(pool=1)),
        ("NOD-I2", nod(residue=10**18)),
        ("NOD-I2", nod(residue=-(10**18))),
        ("NOD-I2", nod(balances=bytes(32))),
        ("NOD-I2", atr(fees=1)),
        ("NOD-I2", moved({"a": 1}, consistent=False)),
        ("NOD-I1", registered(name="c", role="reporter")),
        ("NOD-I1", forgotten_node("d")),
        ("NOD-I1", forgotten_node("a")),
    ],
)
def test_a_state_that_cannot_be_is_no_beginning(busy: Any, invariant: str, change: Change) -> None:
    with pytest.raises(InvariantError) as caught:
        Auditor(change(busy.state))
    assert caught.value.invariant == invariant


def test_an_entry_of_many_is_counted(new_network: Any) -> None:
    """Above the number of entries that are compared whole, the touched one and the count are."""
    network = new_network()
    for start in (0, 600):
        network.apply(network.infrastructure(*(f"n{i}" for i in range(start, start + 600))))
    event = network.rotation("n5")
    after = network.engine.apply(network.state, event)
    network.auditor.check(network.state, event, after)
    for change in (kept_node("n5", public_key="x"), kept_node("new", node_id="new")):
        with pytest.raises(InvariantError):
            network.auditor.check(network.state, event, change(after))
    # The end of the epoch compares them all.
    network.auditor.check(network.state, event, kept_node("n7", operator_id="x")(after))
    network.apply(event)
    closing = network.closing()
    closed = registered(name="n7", operator_id="x")(network.engine.apply(network.state, closing))
    with pytest.raises(InvariantError, match="NOD-I4: node n7 changed without an event"):
        network.auditor.check(network.state, closing, closed)


def test_many_nodes_at_once(new_network: Any) -> None:
    """A registration so large that the table is made anew is compared in full."""
    network = new_network()
    network.apply(network.infrastructure("a5", "b", "n3x"))
    network.apply(network.rotation("b"))
    event = network.infrastructure(*(f"n{i}" for i in range(1100)))
    after = network.engine.apply(network.state, event)
    assert len(after.registry.changed) == 0
    network.auditor.check(network.state, event, after)
    for change in (
        registered(name="b", operator_id="x"),
        registered(name="n1099", role="reporter"),
        registered(name="n3x", registered_tick=1),
        registered(name="n3y"),
        forgotten_node("n7"),
        forgotten_node("a5"),
    ):
        with pytest.raises(InvariantError) as caught:
            network.auditor.check(network.state, event, change(after))
        assert caught.value.invariant == "NOD-I4"


def test_the_cost_of_an_event_is_that_of_what_it_touches(
    new_network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are read for a rotation among 10 and among 1,100 nodes."""
    reads, seen, row = [], list[int](), audited_tables.row

    def counting(table: Table, index: int) -> tuple[Any, ...]:
        seen.append(index)
        return row(table, index)

    for count in (10, 1100):
        network = new_network()
        network.apply(network.infrastructure(*(f"n{i}" for i in range(count))))
        network.apply(network.closing())
        event = network.rotation("n5")
        after = network.engine.apply(network.state, event)
        seen.clear()
        with monkeypatch.context() as patch:
            patch.setattr(audited_tables, "row", counting)
            patch.setattr(Table, "digest", property(lambda table: pytest.fail("a digest")))
            patch.setattr(audited_tables, "total", lambda *_: pytest.fail("a sum"))
            patch.setattr(audited_tables, "places", lambda *_: pytest.fail("a join"))
            network.auditor.check(network.state, event, after)
        reads.append(len(seen))
    assert reads == [1, 1]


# Sums and laws by themselves


def test_sums_are_of_the_memory_and_not_of_what_is_claimed() -> None:
    values = [1, 2**64, 10**38 - 1]
    claimed = Column.trusted(Column.from_ints(values).data, total=7)
    table = Table(BALANCES, {"balance": claimed})
    assert audited_tables.total(table, "balance") == sum(values)
    assert [*audited_tables.values(table, "balance")] == values


@pytest.mark.parametrize("policy", ["product", "weighted_sum"])
@pytest.mark.parametrize("samples", [1, 5])
@pytest.mark.parametrize("heartbeats", [0, 10])
def test_both_writings_of_the_rules_agree(
    network: Any, policy: str, samples: int, heartbeats: int
) -> None:
    state = network.state
    rules = replace(
        state.rulesets[0][1],
        score_policy=policy,
        min_samples=samples,
        expected_heartbeats=heartbeats,
    )
    network.state = replace(state, rulesets=((0, rules),))
    network.apply(network.infrastructure("e", "f"))
    network.apply(network.revocation("b", tick=7))
    network.apply(
        network.telemetry(
            [("a", 9, 10, 3, 4), ("b", 10, 10), ("c", 10, 10, 9, 5), ("d", 8, 9), ("x", 1, 1)]
        )
    )
    network.apply(network.telemetry([("e", 10, 10, 1, 7), ("f", 4, 4, 2, 2)], tick=7))
    first, second = network.state.tables("telemetry", 0)
    table = network.state.registry.table
    expected = contributions(0, rules, table, concat(first, second)).nodes
    found = audited_epoch.shares(network.state, 0, table)
    assert len(found) > 1
    assert [*rows_of(expected)] == found


# What others call


def test_powers() -> None:
    check_powers([], 0)
    check_powers([25, 0, 24], 103)
    with pytest.raises(InvariantError, match="NOD-I3: power 1: 26 is above 25") as caught:
        check_powers([25, 26], 103)
    assert caught.value.invariant == "NOD-I3"
    with pytest.raises(InvariantError, match="power 0"):
        check_powers([-1], 100)


def test_ballots() -> None:
    one, two, three = (4, "a", "for"), (5, "b", "against"), (9, "c", "abstain")
    check_ballots([], [])
    check_ballots([one], [one, two, three])
    for before, after, words in (
        ([one, two], [one], "is None now"),
        ([one, two], [one, (5, "b", "for")], "is .*'for'.* now"),
        ([one], [(3, "x", "for"), one], "'x', 'for'.* now"),
        ([one], [one, three, two], "of seq 5 counts after that of 9"),
        ([one], [one, (4, "b", "for")], "of seq 4 counts after that of 4"),
        ([one], [one, (6, "a", "against")], "a counts twice, with seq 4 and 6"),
    ):
        with pytest.raises(InvariantError, match=words) as caught:
            check_ballots(before, after)
        assert caught.value.invariant == "NOD-I5"


def test_two_replays() -> None:
    check_replays(b"\1" * 32, b"\1" * 32)
    with pytest.raises(InvariantError, match="NOD-I4"):
        check_replays(b"\1" * 32, b"\2" * 32)
