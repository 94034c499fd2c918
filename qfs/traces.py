"""Traces as documents: their canonical JSON, their digest, and computing them again.

An auditor needs nothing of what made a trace. Every operation in it stands with its operands, so
each is computed again by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from qfs import canonical
from qfs.certified import MAX_OPERATIONS, OPERATIONS, CertifiedMath, Operation, Result, Trace
from qfs.decimals import parse_integer
from qfs.errors import EvidenceError, QfsError, VerificationError, shown
from qfs.hashing import TRACE_TAG, tagged_hash

FORMAT: Final = "qfs-trace-v1"


class OperationEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One operation. A number is a decimal string; a quotient with remainder is a list of two."""

    sequence: int
    operation: str
    operands: dict[str, str]
    result: str | bool | list[str]
    correlation_id: str = ""
    """absent where there is none"""


class TraceDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A trace as it is published. Its canonical bytes are `qfs.canonical.encode` of it."""

    format: Literal["qfs-trace-v1"]
    operations: list[OperationEntry]

    @property
    def digest(self) -> bytes:
        """What names the trace, 32 bytes."""
        return tagged_hash(TRACE_TAG, canonical.encode(self))


def document_of(trace: Trace) -> TraceDocument:
    """The document of a trace."""
    return TraceDocument(FORMAT, [_entry(operation) for operation in trace])


def trace_document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Operations as a plain document, as `document_of` has it and `read_document` reads it."""
    document = TraceDocument(FORMAT, [_entry(operation) for operation in operations])
    plain: dict[str, Any] = msgspec.to_builtins(document)
    return plain


def operation_text(operation: Operation) -> str:
    """An operation with its operands and its result: `mul_div_rem(a=7, b=1, c=2) = 3 rest 1`."""
    operands = ", ".join(f"{name}={value}" for name, value in operation.operands)
    result = operation.result
    text = f"{result[0]} rest {result[1]}" if isinstance(result, tuple) else f"{result}"
    return f"{operation.operation}({operands}) = {text}"


def read_document(data: bytes, name: str = "trace") -> TraceDocument:
    """The document of these bytes; what it says is for `replay` to check.

    Raises:
        EvidenceError: it is no trace, or not in canonical form.
    """
    return canonical.decode(data, TraceDocument, name)


def replay(document: TraceDocument) -> Trace:
    """Compute every operation of a trace again, from its recorded operands.

    Raises:
        EvidenceError: it has more operations than a trace holds.
        VerificationError: an operation is unknown, has other operands than it takes, cannot be
            computed, or has another result or place than recorded. The first such is named, with
            what is recorded as its `value` and what is right as `expected`.
    """
    if len(document.operations) > MAX_OPERATIONS:
        raise EvidenceError(
            f"{len(document.operations)} operations, more than {MAX_OPERATIONS}", argument="trace"
        )
    trace = Trace()
    for sequence, entry in enumerate(document.operations):
        place = f"trace operation {sequence}"
        if entry.sequence != sequence:
            raise VerificationError(
                f"it is numbered {entry.sequence}",
                argument=place,
                value=entry.sequence,
                expected=sequence,
            )
        _replay_one(entry, place, trace)
    return trace


def _replay_one(entry: OperationEntry, place: str, trace: Trace) -> None:
    names = OPERATIONS.get(entry.operation)
    if names is None:
        raise VerificationError(
            f"no such operation; there are {', '.join(OPERATIONS)}",
            argument=place,
            value=entry.operation,
        )
    place = f"{place} {entry.operation}"
    if sorted(entry.operands) != sorted(names):
        raise VerificationError(
            f"operands {shown(sorted(entry.operands))}; {', '.join(names)} are needed",
            argument=place,
            value=sorted(entry.operands),
            expected=sorted(names),
        )
    try:
        operands = {name: parse_integer(entry.operands[name], name) for name in names}
        math = CertifiedMath(entry.correlation_id, trace)
        computed = _text(getattr(math, entry.operation)(**operands))
    except QfsError as error:
        raise VerificationError(f"it cannot be computed: {error}", argument=place) from error
    # A bool and a text never are equal, so the kind of the result is compared as well.
    if computed != entry.result:
        raise VerificationError(
            f"the result is {shown(computed)}, not {shown(entry.result)}",
            argument=place,
            value=entry.result,
            expected=computed,
        )


def _entry(operation: Operation) -> OperationEntry:
    return OperationEntry(
        sequence=operation.sequence,
        operation=operation.operation,
        operands={name: str(value) for name, value in operation.operands},
        result=_text(operation.result),
        correlation_id=operation.correlation_id,
    )


def _text(result: Result) -> str | bool | list[str]:
    if isinstance(result, bool):
        return result
    if isinstance(result, tuple):
        return [str(part) for part in result]
    return str(result)
