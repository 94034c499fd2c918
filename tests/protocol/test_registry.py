"""The registry: what is changed node by node is what is made as one table."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfs import signatures
from qfs.limits import NOT_REVOKED
from qfs.protocol import registry as registry_module
from qfs.protocol.events import TransitionError
from qfs.protocol.registry import NEW_NODES, Node, Registry, registrations
from qfs.rows import from_rows, rows_of
from qfs.tables import REGISTRY

KEYS = [signatures.from_seed(bytes([i]) * 32).public.text for i in (1, 2, 3)]
NAMES = [*"abcdefgh", "a1", "a!", "~", "zz"]
LIMIT = 2

actions = st.lists(
    st.one_of(
        st.tuples(
            st.just("register"),
            st.lists(
                st.tuples(
                    st.sampled_from(NAMES),
                    st.sampled_from(["op1", "op2", "op3", "op5", "op6", "op7"]),
                    st.sampled_from(["infrastructure", "infrastructure", "reporter"]),
                    st.sampled_from(KEYS),
                ),
                min_size=1,
                max_size=5,
                unique_by=lambda row: row[0],
            ),
        ),
        st.tuples(st.just("rotate"), st.sampled_from(NAMES), st.sampled_from(KEYS)),
        st.tuples(st.just("revoke"), st.sampled_from(NAMES)),
        st.tuples(st.just("fold")),
    ),
    max_size=25,
)


class Model:
    """The same as a plain dictionary."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def operators(self) -> Counter[str]:
        return Counter(
            node.operator_id
            for node in self.nodes.values()
            if node.role == "infrastructure" and not node.revoked
        )

    def act(self, action: Any, tick: int) -> str | None:
        """Do it, or the reason why not."""
        if action[0] == "register":
            if any(row[0] in self.nodes for row in action[1]):
                return "known_node"
            more = Counter(row[1] for row in action[1] if row[2] == "infrastructure")
            if any(self.operators()[operator] + n > LIMIT for operator, n in more.items()):
                return "operator"
            for row in action[1]:
                self.nodes[row[0]] = Node(*row, tick, NOT_REVOKED)
            return None
        if action[0] == "fold":
            return None
        node = self.nodes.get(action[1])
        if node is None:
            return "unknown_node"
        if node.revoked:
            return "revoked"
        if action[0] == "rotate":
            if node.public_key == action[2]:
                return "key"
            self.nodes[action[1]] = node._replace(public_key=action[2])
        else:
            self.nodes[action[1]] = node._replace(revoked_tick=tick)
        return None


def act(registry: Registry, action: Any, tick: int) -> Registry:
    if action[0] == "register":
        return registry.register(registrations(from_rows(NEW_NODES, action[1]), tick), tick, LIMIT)
    if action[0] == "rotate":
        return registry.rotate_key(action[1], action[2])
    if action[0] == "revoke":
        return registry.revoke(action[1], tick)
    return registry.folded()


@pytest.mark.slow
@given(actions, st.sampled_from([0, 2, 1024]))
@settings(max_examples=150)
def test_a_registry_is_the_table_of_its_nodes(script: list[Any], few: int) -> None:
    registry, model = Registry(), Model()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry_module, "_FEW", few)
        for tick, action in enumerate(script):
            before, old = registry, registry.table.digest
            try:
                registry = act(registry, action, tick)
                reason = None
            except TransitionError as error:
                reason = error.reason
            assert reason == model.act(action, tick)
            assert before.table.digest == old
            expected = from_rows(REGISTRY, sorted(model.nodes.values()))
            assert registry.table.digest == expected.digest
            assert Registry.of(expected).table.digest == expected.digest
            assert len(registry) == len(model.nodes)
            assert registry.folded().folded().table.digest == expected.digest
            for operator in ("op1", "op2", "op3", "op4"):
                count = model.operators()[operator]
                assert registry.nodes_of(operator) == registry.folded().nodes_of(operator) == count
            for name in NAMES:
                assert registry.get(name) == registry.folded().get(name) == model.nodes.get(name)


def test_a_folded_registry_keeps_nothing_beside_its_table() -> None:
    registry = act(Registry(), ("register", [("a", "op", "infrastructure", KEYS[0])]), 3)
    assert (len(registry.settled), len(registry.changed)) == (0, 1)
    folded = registry.folded()
    assert (len(folded.settled), len(folded.changed)) == (1, 0)
    assert folded.folded() is folded
    rotated = folded.rotate_key("a", KEYS[1])
    assert rotated.settled is folded.settled
    assert [*rotated.changed] == ["a"]
    assert [*rows_of(rotated.table)] == [("a", "op", "infrastructure", KEYS[1], 3, NOT_REVOKED)]


def test_who_is_active() -> None:
    registry = act(Registry(), ("register", [("a", "op", "infrastructure", KEYS[0])]), 3)
    assert registry.active("a", "infrastructure").node_id == "a"
    for found, name, role, reason in (
        (registry, "b", "infrastructure", "unknown_node"),
        (registry, "a", "reporter", "role"),
        (registry.revoke("a", 4), "a", "infrastructure", "revoked"),
    ):
        with pytest.raises(TransitionError) as caught:
            found.active(name, role)
        assert (caught.value.reason, caught.value.value) == (reason, name)


def test_a_refusal_names_the_row() -> None:
    registry = act(Registry(), ("register", [("b", "op", "infrastructure", KEYS[0])]), 3)
    rows = [(name, f"op-{name}", "infrastructure", KEYS[0]) for name in "abc"]
    with pytest.raises(TransitionError, match=r"node_id\[1\]: 'b' is registered already"):
        act(registry, ("register", rows), 4)


def test_many_new_nodes_keep_what_had_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many that they become part of the table at once, with what stood beside it."""
    rows = [(name, f"op-{name}", "infrastructure", KEYS[0]) for name in "abcde"]
    registry = act(Registry(), ("register", rows[:2]), 3).rotate_key("a", KEYS[1]).folded()
    registry = registry.rotate_key("b", KEYS[2])
    monkeypatch.setattr(registry_module, "_FEW", 2)
    found = act(registry, ("register", rows[2:]), 4)
    assert (len(found.settled), len(found.changed)) == (5, 0)
    assert [row[3] for row in rows_of(found.table)] == [KEYS[1], KEYS[2], *KEYS[:1] * 3]
