"""Events without a database: how they are hashed, what becomes one, what a run of them must be."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from qfs import canonical
from qfs.errors import EvidenceError
from qfs.ledger import events
from qfs.ledger.events import (
    EMPTY,
    Entry,
    Event,
    EventError,
    Head,
    LogTamperedError,
    Stored,
    chain,
    check,
    event_hash,
    instance_of,
)
from qfs.limits import MAX_TICK

INSTANCE = instance_of({"name": "test"})
ENTRIES = [Entry("node.registered", 3, {"node": f"n{i}", "n": i}) for i in range(6)]


def rows() -> list[Stored]:
    return chain(INSTANCE, EMPTY, ENTRIES)[1]


def forged(row: Stored, **changes: Any) -> Stored:
    """The row with changes, its hash right again."""
    row = row._replace(**changes)
    return row._replace(hash=event_hash(INSTANCE, row.previous, row.body))


def test_hashes_follow_from_the_text() -> None:
    """Computed with hashlib and another canonical JSON writer alone."""

    def h(tag: str, *fields: bytes) -> bytes:
        return hashlib.sha256(bytes([len(tag)]) + tag.encode() + b"".join(fields)).digest()

    instance = h("qfs/instance/v1", rfc8785.dumps({"name": "test"}))
    assert instance == INSTANCE
    previous = bytes(32)
    for seq, (event, entry) in enumerate(
        zip(chain(INSTANCE, EMPTY, ENTRIES)[0], ENTRIES, strict=True)
    ):
        document = {"seq": seq, "type": entry.type, "tick": entry.tick, "payload": entry.payload}
        assert event.previous == previous
        previous = h("qfs/event/v1", instance, previous, rfc8785.dumps(document))
        assert event.hash == previous


def test_known_vector() -> None:
    made, made_rows, head = chain(INSTANCE, EMPTY, [Entry("a", 0, {})])
    assert INSTANCE.hex() == "9dab8c2e4dd6bc957e7068c81a172dc09554b7f069a143bd9647fd411a2b938a"
    assert made_rows[0].body == b'{"payload":{},"seq":0,"tick":0,"type":"a"}'
    assert made[0].hash.hex() == "07f50231f4f812af4ceaa4fe3025863862f434d065e174d2b69e6ac4adfcfad8"
    assert head == Head(1, made[0].hash, 0)


def test_chain_then_check_gives_the_same_events() -> None:
    made, made_rows, head = chain(INSTANCE, EMPTY, ENTRIES)
    assert list(check(INSTANCE, EMPTY, made_rows)) == made
    assert made[-1].head == head
    assert [e.payload for e in made] == [e.payload for e in ENTRIES]


@given(st.lists(st.integers(0, 6), max_size=4))
def test_batching_does_not_matter(cuts: list[int]) -> None:
    whole = chain(INSTANCE, EMPTY, ENTRIES)
    bounds = [0, *sorted(cuts), len(ENTRIES)]
    head, made = EMPTY, []
    for start, stop in itertools.pairwise(bounds):
        part, _, head = chain(INSTANCE, head, ENTRIES[start:stop])
        made += part
    assert (made, head) == (whole[0], whole[2])


def test_another_instance_gives_other_hashes_and_is_refused() -> None:
    other = instance_of({"name": "test2"})
    assert chain(other, EMPTY, ENTRIES)[2].hash != chain(INSTANCE, EMPTY, ENTRIES)[2].hash
    with pytest.raises(LogTamperedError) as caught:
        list(check(other, EMPTY, rows()))
    assert (caught.value.seq, caught.value.fault) == (0, "hash")


def test_payload_is_a_copy() -> None:
    payload: dict[str, Any] = {"list": [1]}
    (event,), _, _ = chain(INSTANCE, EMPTY, [Entry("a", 0, payload)])
    payload["list"].append(2)
    assert event.payload == {"list": [1]}


BAD_ENTRIES: dict[str, Any] = {
    "no entry": ("a", 3, {}),
    "empty type": Entry("", 3, {}),
    "upper case": Entry("Node", 3, {}),
    "digit first": Entry("1a", 3, {}),
    "newline": Entry("a\n", 3, {}),
    "65 characters": Entry("a" * 65, 3, {}),
    "type no text": Entry(b"a", 3, {}),  # type: ignore[arg-type]
    "tick below 0": Entry("a", -1, {}),
    "tick too large": Entry("a", MAX_TICK + 1, {}),
    "tick bool": Entry("a", True, {}),
    "tick float": Entry("a", 3.0, {}),  # type: ignore[arg-type]
    "tick decreased": Entry("a", 2, {}),
    "payload list": Entry("a", 3, []),  # type: ignore[arg-type]
    "payload None": Entry("a", 3, None),  # type: ignore[arg-type]
    "null": Entry("a", 3, {"x": None}),
    "float": Entry("a", 3, {"x": 1.0}),
    "large number": Entry("a", 3, {"x": MAX_TICK + 1}),
    "negative": Entry("a", 3, {"x": -1}),
    "beyond ASCII": Entry("a", 3, {"x": "\xe9"}),
    "control character": Entry("a", 3, {"x": "\n"}),
    "key no text": Entry("a", 3, {1: 1}),  # type: ignore[dict-item]
    "set": Entry("a", 3, {"x": {"p", "q"}}),
    "bytes": Entry("a", 3, {"x": b"p"}),
    "Decimal": Entry("a", 3, {"x": Decimal("1.5")}),
    "tuple": Entry("a", 3, {"x": (1, 2)}),
    "object": Entry("a", 3, {"x": object()}),
    "too deep": Entry("a", 3, {"x": eval("[" * 50 + "]" * 50)}),
    "too large": Entry("a", 3, {"x": "y" * events.MAX_BODY_BYTES}),
}


@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_bad_entry_is_refused_and_its_position_named(name: str) -> None:
    with pytest.raises(EventError) as caught:
        chain(INSTANCE, EMPTY, [ENTRIES[0], BAD_ENTRIES[name]])
    assert caught.value.index == 1
    assert caught.value.argument == "entries"


def test_bounds_are_reached_and_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = Entry("a" * 64, MAX_TICK, {"x": MAX_TICK, "b": True, "t": "~ "})
    (event,), (row,), _ = chain(INSTANCE, EMPTY, [longest])
    assert event.type == longest.type
    overhead = len(chain(INSTANCE, EMPTY, [Entry("a", 0, {"x": ""})])[1][0].body)
    exact = Entry("a", 0, {"x": "y" * (events.MAX_BODY_BYTES - overhead)})
    (event,), (row,), _ = chain(INSTANCE, EMPTY, [exact])
    assert len(row.body) == events.MAX_BODY_BYTES
    assert list(check(INSTANCE, EMPTY, [row])) == [event]

    body = len(rows()[0].body)
    monkeypatch.setattr(events, "MAX_BATCH_EVENTS", 6)
    monkeypatch.setattr(events, "MAX_BATCH_BYTES", 6 * body)
    assert len(chain(INSTANCE, EMPTY, ENTRIES)[0]) == 6
    with pytest.raises(EventError, match="more than 6 events"):
        chain(INSTANCE, EMPTY, [*ENTRIES, Entry("a", 3, {})])
    monkeypatch.setattr(events, "MAX_BATCH_BYTES", 6 * body - 1)
    with pytest.raises(EventError, match="bytes"):
        chain(INSTANCE, EMPTY, ENTRIES)
    with pytest.raises(EventError, match="last sequence number"):
        chain(INSTANCE, Head(MAX_TICK + 1, bytes(32), 0), [Entry("a", 0, {})])
    with pytest.raises(ValueError, match="32 bytes"):
        event_hash(INSTANCE, b"", b"{}")


def body_of(row: Stored, **changes: Any) -> bytes:
    document = {"seq": row.seq, "type": "a", "tick": 3, "payload": {}} | changes
    return canonical.encode(document)


Change = Callable[[list[Stored]], list[Stored]]
WRONG: dict[str, tuple[int, str, Change]] = {
    "dropped": (2, "missing", lambda r: r[:2] + r[3:]),
    "first dropped": (0, "missing", lambda r: r[1:]),
    "repeated": (2, "repeated", lambda r: [*r[:3], r[2], *r[3:]]),
    "in front": (-1, "repeated", lambda r: [forged(r[0], seq=-1), *r]),
    "swapped": (2, "missing", lambda r: [*r[:2], r[3], r[2], *r[4:]]),
    "dropped, renumbered": (
        2,
        "previous",
        lambda r: r[:2] + [row._replace(seq=row.seq - 1) for row in r[3:]],
    ),
    "inserted, renumbered": (
        3,
        "previous",
        lambda r: (
            r[:2]
            + [forged(r[2], body=body_of(r[2]))]
            + [row._replace(seq=row.seq + 1) for row in r[2:]]
        ),
    ),
    "replaced by a forged event": (
        3,
        "previous",
        lambda r: [*r[:2], forged(r[2], body=body_of(r[2])), *r[3:]],
    ),
    "bodies swapped": (
        2,
        "hash",
        lambda r: [*r[:2], r[2]._replace(body=r[3].body), r[3]._replace(body=r[2].body), *r[4:]],
    ),
    "hash": (2, "hash", lambda r: [*r[:2], r[2]._replace(hash=bytes(32)), *r[3:]]),
    "hash cut": (2, "hash", lambda r: [*r[:2], r[2]._replace(hash=r[2].hash[:-1]), *r[3:]]),
    "previous": (2, "previous", lambda r: [*r[:2], r[2]._replace(previous=bytes(32)), *r[3:]]),
    "body empty": (2, "size", lambda r: [*r[:2], r[2]._replace(body=b""), *r[3:]]),
    "body too large": (
        2,
        "size",
        lambda r: [*r[:2], forged(r[2], body=b" " * (events.MAX_BODY_BYTES + 1)), *r[3:]],
    ),
    "body no JSON": (2, "body", lambda r: [*r[:2], forged(r[2], body=b"{"), *r[3:]]),
    "body not canonical": (
        2,
        "body",
        lambda r: [*r[:2], forged(r[2], body=r[2].body.replace(b":", b": ", 1)), *r[3:]],
    ),
    "body with a field more": (
        2,
        "body",
        lambda r: [*r[:2], forged(r[2], body=body_of(r[2], extra=1)), *r[3:]],
    ),
    "body of a later number": (
        2,
        "body",
        lambda r: [*r[:2], forged(r[2], body=body_of(r[2], seq=3)), *r[3:]],
    ),
    "body of a lower number": (
        2,
        "body",
        lambda r: [*r[:2], forged(r[2], body=body_of(r[2], seq=1)), *r[3:]],
    ),
    "body with a bad type": (
        2,
        "body",
        lambda r: [*r[:2], forged(r[2], body=body_of(r[2], type="A")), *r[3:]],
    ),
    "tick decreased": (
        2,
        "tick",
        lambda r: [*r[:2], forged(r[2], body=body_of(r[2], tick=2)), *r[3:]],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_first_wrong_number_and_fault_are_named(name: str) -> None:
    seq, fault, change = WRONG[name]
    good: list[Event] = []
    with pytest.raises(LogTamperedError) as caught:
        good.extend(check(INSTANCE, EMPTY, change(rows())))
    assert (caught.value.seq, caught.value.fault) == (seq, fault)
    assert f"event {seq}" in str(caught.value)
    assert caught.value.code == "log_tampered"


def test_a_run_continues_from_a_head_and_from_no_other() -> None:
    made, stored, _ = chain(INSTANCE, EMPTY, ENTRIES)
    head = made[2].head
    assert list(check(INSTANCE, head, stored[3:])) == made[3:]
    for wrong, fault in (
        (Head(3, bytes(32), 3), "previous"),
        (Head(2, head.hash, 3), "missing"),
        (Head(4, head.hash, 3), "repeated"),
        (Head(3, head.hash, 4), "tick"),
    ):
        with pytest.raises(LogTamperedError) as caught:
            list(check(INSTANCE, wrong, stored[3:]))
        assert caught.value.fault == fault


def test_genesis_must_be_canonical_and_bounded() -> None:
    for genesis in ({"x": None}, {"x": 1.5}, {"x": "y" * events.MAX_GENESIS_BYTES}):
        with pytest.raises(EvidenceError):
            instance_of(genesis)
