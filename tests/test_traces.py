"""Documents of traces: their form, their digest, and that a changed one does not replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfs import canonical
from qfs.certified import MAX_OPERATIONS, OPERATIONS, CertifiedMath, Trace
from qfs.errors import EvidenceError, QfsError, VerificationError
from qfs.limits import MAX_SCALAR
from qfs.traces import OperationEntry, TraceDocument, document_of, read_document, replay


def traced(*steps: tuple[str, tuple[int, ...]], correlation_id: str = "n1") -> Trace:
    math = CertifiedMath(correlation_id, trace=True)
    assert math.trace is not None
    for name, operands in steps:
        getattr(math, name)(*operands)
    return math.trace


EXAMPLE = traced(
    ("mul_div_rem", (7, 3, 4)), ("add", (5, 1)), ("product_exceeds", (2, 3, 5, 1)), ("sub", (6, 6))
)


def test_the_document_of_a_trace() -> None:
    trace = traced(("mul_div_rem", (7, 3, 4)), ("product_exceeds", (2, 3, 5, 1)))
    assert canonical.encode(document_of(trace)) == (
        b'{"format":"qfs-trace-v1","operations":['
        b'{"correlation_id":"n1","operands":{"a":"7","b":"3","c":"4"},'
        b'"operation":"mul_div_rem","result":["5","1"],"sequence":0},'
        b'{"correlation_id":"n1","operands":{"a":"2","b":"3","c":"5","d":"1"},'
        b'"operation":"product_exceeds","result":true,"sequence":1}]}'
    )


def test_an_empty_correlation_id_is_left_out() -> None:
    document = document_of(traced(("minimum", (1, 2)), correlation_id=""))
    assert b"correlation_id" not in canonical.encode(document)
    assert replay(document).operations[0].correlation_id == ""


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    trace = Trace()
    for name in draw(st.lists(st.sampled_from([*OPERATIONS]), max_size=8)):
        math = CertifiedMath(draw(st.sampled_from(["", "n1", '"\\~'])), trace)
        values = st.one_of(st.integers(0, 9), st.integers(0, MAX_SCALAR))
        operands = [draw(values) for _ in OPERATIONS[name]]
        try:
            getattr(math, name)(*operands)
        except QfsError:
            continue
    return trace


@given(trace=traces())
def test_a_document_replays_to_the_trace_it_was_made_of(trace: Trace) -> None:
    document = document_of(trace)
    again = read_document(canonical.encode(document))
    assert again == document
    assert again.digest == document.digest
    assert replay(again).operations == trace.operations


def changed(position: int, **fields: Any) -> TraceDocument:
    operations = list(document_of(EXAMPLE).operations)
    operations[position] = msgspec.structs.replace(operations[position], **fields)
    return TraceDocument("qfs-trace-v1", operations)


CHANGES: dict[str, tuple[int, dict[str, Any], str]] = {
    "result": (1, {"result": "7"}, "trace operation 1 add"),
    "remainder": (0, {"result": ["5", "2"]}, "trace operation 0 mul_div_rem"),
    "quotient without remainder": (0, {"result": "5"}, "trace operation 0 mul_div_rem"),
    "verdict": (2, {"result": False}, "trace operation 2 product_exceeds"),
    "verdict as text": (2, {"result": "1"}, "trace operation 2 product_exceeds"),
    "verdict in Python's words": (2, {"result": "True"}, "trace operation 2 product_exceeds"),
    "pair in Python's words": (
        0,
        {"result": "['5', '1']"},
        "trace operation 0 mul_div_rem",
    ),
    "leading zero": (1, {"result": "06"}, "trace operation 1 add"),
    "operand": (1, {"operands": {"a": "5", "b": "2"}}, "trace operation 1 add"),
    "operand as no number": (1, {"operands": {"a": "5", "b": "+1"}}, "trace operation 1 add"),
    "operand too large": (
        1,
        {"operands": {"a": "5", "b": str(MAX_SCALAR + 1)}},
        "trace operation 1 add",
    ),
    "operand missing": (1, {"operands": {"a": "5"}}, "trace operation 1 add"),
    "operand of another name": (1, {"operands": {"a": "5", "c": "1"}}, "trace operation 1 add"),
    "operand too many": (
        1,
        {"operands": {"a": "5", "b": "1", "c": "0"}},
        "trace operation 1 add",
    ),
    "operation": (1, {"operation": "sub"}, "trace operation 1 sub"),
    "unknown operation": (1, {"operation": "pow"}, "trace operation 1"),
    "a method that is no operation": (1, {"operation": "_done"}, "trace operation 1"),
    "number": (1, {"sequence": 2}, "trace operation 1"),
    "correlation id": (1, {"correlation_id": "a b"}, "trace operation 1 add"),
    "impossible": (
        3,
        {"operands": {"a": "5", "b": "6"}, "result": "0"},
        "trace operation 3 sub",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_first_operation_that_differs_is_named(name: str) -> None:
    position, fields, place = CHANGES[name]
    with pytest.raises(VerificationError) as caught:
        replay(changed(position, **fields))
    assert caught.value.argument == place


def test_of_two_changes_the_first_is_named() -> None:
    operations = [
        msgspec.structs.replace(entry, result="9") for entry in document_of(EXAMPLE).operations
    ]
    with pytest.raises(VerificationError) as caught:
        replay(TraceDocument("qfs-trace-v1", [document_of(EXAMPLE).operations[0], *operations[1:]]))
    error = caught.value
    assert (error.argument, error.value, error.expected) == ("trace operation 1 add", "9", "6")


def test_a_dropped_or_exchanged_operation_is_noticed() -> None:
    operations = document_of(EXAMPLE).operations
    first, second, *rest = operations
    for other in ([first, *rest], [second, first, *rest], [first, first, second, *rest]):
        with pytest.raises(VerificationError):
            replay(TraceDocument("qfs-trace-v1", other))
    # One that lacks its end is whole in itself; what names it is another digest.
    shorter = TraceDocument("qfs-trace-v1", operations[:-1])
    replay(shorter)
    assert shorter.digest != document_of(EXAMPLE).digest


def test_every_field_changes_the_digest() -> None:
    documents = [changed(position, **fields) for position, fields, _ in CHANGES.values()]
    digests = {document.digest for document in [document_of(EXAMPLE), *documents]}
    assert len(digests) == 1 + len(CHANGES)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data + b" ",
        lambda data: data.replace(b"qfs-trace-v1", b"qfs-trace-v2"),
        lambda data: data.replace(b'"format"', b'"Format"'),
        lambda data: data.replace(b'"sequence":1', b'"sequence":1.0'),
        lambda data: data.replace(b'"6"', b"6"),
        lambda data: data.replace(b'"correlation_id":"n1"', b'"correlation_id":""'),
        lambda data: data.replace(b'"result":true', b'"result":null'),
    ],
)
def test_bytes_that_are_no_trace(damage: Callable[[bytes], bytes]) -> None:
    data = canonical.encode(document_of(EXAMPLE))
    assert damage(data) != data
    with pytest.raises(EvidenceError):
        read_document(damage(data))


def test_the_largest_trace_is_within_what_a_document_may_hold() -> None:
    largest = OperationEntry(
        sequence=MAX_OPERATIONS - 1,
        operation="product_exceeds",
        operands=dict.fromkeys("abcd", str(MAX_SCALAR)),
        result=False,
        correlation_id='"' * 128,
    )
    assert (len(canonical.encode(largest)) + 1) * MAX_OPERATIONS < canonical.MAX_BYTES - 100
    full = traced(*[("minimum", (i, 0)) for i in range(MAX_OPERATIONS)])
    document = document_of(full)
    assert len(replay(document)) == MAX_OPERATIONS
    with pytest.raises(EvidenceError):
        replay(TraceDocument("qfs-trace-v1", [*document.operations, document.operations[0]]))
