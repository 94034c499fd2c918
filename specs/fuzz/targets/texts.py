"""Amounts as text, ids, and canonical JSON.

Each is compared with a judgement of its own: decimals with `decimal`, ids with their bounds byte
by byte, canonical JSON with the standard library's parser and the package rfc8785.
"""

from __future__ import annotations

import contextlib
import decimal
import json
import re
from fractions import Fraction
from typing import Any

import rfc8785

import qfs
from qfs import canonical, decimals, ids
from qfs.errors import EvidenceError, QfsError
from qfs.limits import MAX_SCALAR, MAX_TICK
from targets.backends import outcome
from targets.source import Source

MAX_DEPTH = 32
_EXACT = decimal.Context(prec=200, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


def target(data: bytes) -> None:
    """Read the bytes behind the first one as one kind of text."""
    source = Source(data)
    source.pick((_tokens, _integer, _fraction, _json, _id))(source.rest())


def _tokens(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    found = outcome(qfs.amount, text)
    expected = None
    if re.fullmatch(rb"[0-9]+(\.[0-9]{1,18})?", data) and len(data) <= 64:
        whole = text.partition(".")[0]
        exact = int(decimal.Decimal(text).scaleb(18, _EXACT))
        if (whole == "0" or whole[0] != "0") and exact <= MAX_SCALAR:
            expected = exact
    assert found[1] == expected if found[0] == "value" else expected is None, (text, found)
    if expected is not None:
        written = qfs.text(expected)
        assert qfs.amount(written) == expected
        assert written == (text.rstrip("0").rstrip(".") if "." in text else text)


def _integer(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    found = outcome(decimals.parse_integer, text, "fee")
    if found[0] == "value":
        assert str(found[1]) == text
        assert found[1] <= MAX_SCALAR
    else:
        is_one = re.fullmatch(rb"0|[1-9][0-9]{0,38}", data)
        assert not (is_one and int(data) <= MAX_SCALAR), (text, found)


def _fraction(data: bytes) -> None:
    """Text, and a Decimal of the same text, are the same fraction or both none."""
    text = data.decode("utf-8", "surrogateescape")
    given: list[Any] = [text]
    # No number, or one that no Decimal holds, is left out.
    with contextlib.suppress(decimal.DecimalException):
        given.append(_EXACT.create_decimal(text))
    found = [outcome(decimals.parse_fraction, value, "rate") for value in given]
    for result, value in zip(found, given, strict=True):
        if result[0] == "value":
            assert 0 <= result[1] <= 1
            assert result[1] == Fraction(str(value)), (value, result)
    rates = [outcome(decimals.parse_rate, value, "rate") for value in given]
    if len(rates) == 2 and rates[0][0] == "value":
        assert rates[0] == rates[1], (text, rates)


def _json(data: bytes) -> None:
    """What is accepted is canonical by two other programs, and what is canonical is accepted."""
    try:
        value = canonical.decode(data, Any, "document")
    except EvidenceError as error:
        assert not _is_canonical(data), (data, str(error))
        return
    assert canonical.encode(value) == data
    assert _is_canonical(data), data
    assert value == json.loads(data)
    assert rfc8785.dumps(value) == data


def _is_canonical(data: bytes) -> bool:
    """Whether other programs find nothing wrong with it."""
    try:
        value = json.loads(data.decode("ascii"), object_pairs_hook=_once)
        return _is_restricted(value, 0) and rfc8785.dumps(value) == data
    except (ValueError, RecursionError, rfc8785.CanonicalizationError):
        return False


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _is_restricted(value: Any, depth: int) -> bool:
    if depth > MAX_DEPTH:
        return False
    if isinstance(value, str):
        return all(" " <= character <= "~" for character in value)
    if isinstance(value, bool):
        return True
    if isinstance(value, int):
        return 0 <= value <= MAX_TICK
    if isinstance(value, list):
        return all(_is_restricted(item, depth + 1) for item in value)
    if isinstance(value, dict):
        pairs = value.items()
        return all(_is_restricted(k, 0) and _is_restricted(v, depth + 1) for k, v in pairs)
    return False


def _id(data: bytes) -> None:
    """Bytes and text of the same bytes are the same id, or neither is one."""
    good = 1 <= len(data) <= 128 and all(0x21 <= byte <= 0x7E for byte in data)
    given: list[Any] = [data, data.decode("latin-1")]
    for value in given:
        try:
            assert ids.require_id(value, "node") == data
            assert good, value
        except QfsError as error:
            assert not good, (value, str(error))
