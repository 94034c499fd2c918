"""The log against a plain list: the same is done to both, in any order, and they agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from qfs.ledger.log import (
    EMPTY,
    Entry,
    Event,
    EventError,
    Head,
    LeaseError,
    LogTamperedError,
    StaleHeadError,
    open_log,
    verify,
)

pytestmark = pytest.mark.database


class Machine(RuleBasedStateMachine):
    """A log and a list, to which the same is done."""

    make_store: Callable[[], Any]

    @initialize()
    def begin(self) -> None:
        self.store = self.make_store()
        self.log = open_log(self.store.place, writer="w0")
        self.model: list[tuple[str, int, dict[str, Any]]] = []
        self.events: list[Event] = []
        self.openings = 1

    def batch(self, drawn: list[tuple[str, int, int]]) -> list[Entry]:
        tick = self.model[-1][1] if self.model else 0
        made = []
        for kind, step, number in drawn:
            tick += step
            made.append(Entry(kind, tick, {"n": number, "list": [kind, {"deep": True}]}))
        return made

    drawn = st.lists(
        st.tuples(st.sampled_from(["a", "b.c", "d_1"]), st.integers(0, 2), st.integers(0, 9)),
        max_size=5,
    )

    @rule(drawn=drawn)
    def append(self, drawn: list[tuple[str, int, int]]) -> None:
        batch = self.batch(drawn)
        self.events += self.log.append(batch)
        self.model += [(entry.type, entry.tick, dict(entry.payload)) for entry in batch]

    @rule(drawn=drawn, bad=st.sampled_from([Entry("A", 0, {}), Entry("a", 0, {"x": None})]))
    def refused(self, drawn: list[tuple[str, int, int]], bad: Entry) -> None:
        with pytest.raises(EventError):
            self.log.append([*self.batch(drawn), bad])

    @rule()
    def reopen(self) -> None:
        self.log.close()
        self.log = open_log(self.store.place, writer=f"w{self.openings}")
        self.openings += 1
        assert self.log.fence == self.openings

    @rule()
    def second_writer(self) -> None:
        with pytest.raises(LeaseError):
            open_log(self.store.place, writer="other")

    @rule(drawn=drawn.filter(len))
    def someone_else_appends(self, drawn: list[tuple[str, int, int]]) -> None:
        batch = self.batch(drawn)
        self.store.append_by_hand(batch)
        with pytest.raises(StaleHeadError):
            self.log.append(batch)
        self.reopen()
        self.events += self.log.read(len(self.events))
        self.model += [(entry.type, entry.tick, dict(entry.payload)) for entry in batch]

    @rule(statement=st.sampled_from(["DELETE FROM event", "UPDATE event SET seq = seq + 1"]))
    def tamper(self, statement: str) -> None:
        with self.store.raw() as raw:
            # Where there is no event, SQLite finds nothing to refuse.
            try:
                raw.execute(statement)
                assert not self.model
            except self.store.refusals:
                pass

    @rule(start=st.integers(0, 30), length=st.integers(0, 30))
    def read(self, start: int, length: int) -> None:
        found = list(self.log.read(start, start + length))
        assert found == self.events[start : start + length]

    @rule(data=st.data())
    def known_head(self, data: st.DataObject) -> None:
        size = data.draw(st.integers(0, len(self.events) + 1))
        known = EMPTY if size == 0 else Head(size, bytes(32), 0)
        if 0 < size <= len(self.events):
            assert verify(self.log, self.events[size - 1].head) == self.log.head()
        if size > 0:
            with pytest.raises(LogTamperedError):
                verify(self.log, known)
        else:
            assert verify(self.log, known).size == len(self.events)

    @invariant()
    def same(self) -> None:
        assert [(e.type, e.tick, e.payload) for e in self.events] == self.model
        with open_log(self.store.place) as reader:
            assert list(reader.read()) == self.events
            assert reader.head() == (self.events[-1].head if self.events else EMPTY)

    def teardown(self) -> None:
        if hasattr(self, "log"):
            self.log.close()


def test_log_behaves_like_a_list(new_store: Callable[[], Any], store: Any) -> None:
    def machine() -> Machine:
        made = Machine.__new__(Machine)
        made.make_store = new_store
        Machine.__init__(made)
        return made

    # A step on a server takes ten times as long.
    examples = settings().max_examples // (5 if store.name == "sqlite" else 20)
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=12)
    )
