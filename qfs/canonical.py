"""Canonical JSON: RFC 8785 restricted, so that equal content has equal bytes.

Keys and texts are printable ASCII, numbers are integers of 0 .. 2^53 - 1, amounts are decimal
strings; absent keys are left out, null and floats refused.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

import msgspec

from qfs.errors import EvidenceError, shown
from qfs.limits import MAX_TICK

MAX_BYTES = 1 << 24
MAX_DEPTH = 32

_Model = TypeVar("_Model")
_encoder = msgspec.json.Encoder(order="sorted")


def encode(value: object) -> bytes:
    """The canonical bytes of a mapping, list, text, bool, integer or msgspec Struct of these.

    Raises:
        EvidenceError: it holds something that has no canonical form; the path to it is named.
    """
    _require_canonical(value, "document", 0)
    return _encoder.encode(value)


def decode(data: bytes, model: type[_Model], name: str) -> _Model:
    """The document as a model; accepted only if encoding it gives the same bytes back.

    Raises:
        EvidenceError: too large, not JSON, not of this shape, or not in canonical form.
    """
    if len(data) > MAX_BYTES:
        raise EvidenceError(f"{len(data)} bytes, more than {MAX_BYTES}", argument=name)
    try:
        value = msgspec.json.decode(data, type=model)
        again = encode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise EvidenceError(f"not a document of this kind: {error}", argument=name) from error
    if again != data:
        raise EvidenceError("not in canonical form", argument=name)
    return value


def _require_canonical(value: Any, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise EvidenceError("nested too deeply", argument=path)
    if isinstance(value, msgspec.Struct):
        value = _written_fields(value)
    if isinstance(value, dict):
        for key, item in value.items():
            _require_text(key, f"{path} key")
            _require_canonical(item, f"{path}.{key}", depth + 1)
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            _require_canonical(item, f"{path}[{i}]", depth + 1)
    elif isinstance(value, str):
        _require_text(value, path)
    elif isinstance(value, bool):
        pass
    elif not isinstance(value, int) or not 0 <= value <= MAX_TICK:
        raise EvidenceError(
            f"{shown(value)} is neither text nor an integer of 0 .. 2^53 - 1", argument=path
        )


def _written_fields(value: msgspec.Struct) -> dict[str, Any]:
    """The fields that are encoded: some models leave out those at their default."""
    omitting = value.__struct_config__.omit_defaults
    written = {}
    for field in _fields(type(value)):
        item = getattr(value, field.name)
        if not (omitting and item == field.default):
            written[field.encode_name] = item
    return written


@cache
def _fields(model: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """The fields of a model. To ask for them evaluates its annotations, which takes longer than
    all else that is done to an event, so each model is asked once."""
    return msgspec.structs.fields(model)


def _require_text(value: object, path: str) -> None:
    if not isinstance(value, str) or not (value.isascii() and value.isprintable()):
        raise EvidenceError(f"{shown(value)} is not printable ASCII text", argument=path)
