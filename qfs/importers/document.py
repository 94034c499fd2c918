"""Foreign JSON read strictly: bounded, no floats, no repeated keys, every fault named by its path.

Numbers stay as they are written until a field says what it is.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
from dataclasses import dataclass
from typing import Final

from qfs import limits
from qfs.errors import (
    DuplicateIdError,
    InvalidIdError,
    NullValueError,
    NumberTextError,
    OutOfRangeError,
    QfsError,
    StorageError,
    TableError,
    WrongTypeError,
    shown,
)

MAX_FILE_BYTES: Final = 256 * 2**20
"""Largest file that is read. The mainnet files are below 4 MiB."""

MAX_PROOF_HASHES: Final = limits.MAX_ROWS.bit_length()

_MAX_AMOUNT_DIGITS: Final = len(str(limits.MAX_VALUE))
_MAX_INTEGER_DIGITS: Final = len(str(limits.MAX_TICK))
_MAX_NAME_CHARACTERS: Final = 80
_DIGITS: Final = re.compile(r"[0-9]+")
_HASH: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_NETWORK_NAME: Final = re.compile(rf"[!-~]{{1,{limits.MAX_ID_BYTES}}}")


def read_document(path: pathlib.Path) -> Field:
    """The document in a file, of which no value has been looked at but for repeated keys."""
    return _parse(_read_bytes(path), str(path))


def _read_bytes(path: pathlib.Path) -> bytes:
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            contents = b"" if size > MAX_FILE_BYTES else stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
        raise StorageError(problem, source=str(path)) from error
    # A device has no size, and a file can grow between the two calls.
    size = max(size, len(contents))
    if size > MAX_FILE_BYTES:
        problem = f"has at least {size} bytes, at most {MAX_FILE_BYTES} are read"
        raise OutOfRangeError(problem, value=size, source=str(path))
    return contents


@dataclass(frozen=True, slots=True)
class _Number:
    """A JSON number as it is written, so that none becomes a float and none a huge integer."""

    text: str

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class _Repeated:
    """A JSON object in which `key` stands twice."""

    key: str
    members: dict[str, object]


def _object(pairs: list[tuple[str, object]]) -> dict[str, object] | _Repeated:
    members: dict[str, object] = {}
    repeated = None
    for key, value in pairs:
        if key in members and repeated is None:
            repeated = key
        members[key] = value
    return members if repeated is None else _Repeated(repeated, members)


def _constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _parse(contents: bytes, source: str) -> Field:
    try:
        value: object = json.loads(
            contents.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_constant,
        )
    except (ValueError, RecursionError) as error:
        raise TableError(f"is not JSON: {error}", source=source) from error
    document = Field(source, "", value)
    _refuse_repeated(document)
    return document


def _refuse_repeated(document: Field) -> None:
    # The hook that sees a repeated key does not know where its object stands: look afterwards.
    waiting = [document]
    while waiting:
        field = waiting.pop()
        inner: list[tuple[str, object]] = []
        if isinstance(field.value, _Repeated):
            key = field.value.key
            raise field.inner(_name(key), None).error(DuplicateIdError, "stands twice", key)
        if isinstance(field.value, dict):
            inner = [(_name(key), value) for key, value in field.value.items()]
        elif isinstance(field.value, list):
            inner = [(str(position), value) for position, value in enumerate(field.value)]
        containers = [pair for pair in inner if isinstance(pair[1], (_Repeated, dict, list))]
        waiting.extend(field.inner(name, value) for name, value in reversed(containers))


def _name(key: str) -> str:
    plain = key.isascii() and key.isprintable() and len(key) <= _MAX_NAME_CHARACTERS
    return key if plain else shown(key)


@dataclass(frozen=True, slots=True)
class Field:
    """A value of the document together with where it stands, for the messages."""

    source: str
    path: str
    value: object

    def error(self, kind: type[QfsError], problem: str, value: object) -> QfsError:
        plain = value.text if isinstance(value, _Number) else value
        return kind(problem, argument=self.path or None, value=plain, source=self.source)

    def inner(self, name: str, value: object) -> Field:
        return Field(self.source, f"{self.path}.{name}" if self.path else name, value)

    def members(self) -> dict[str, object]:
        if not isinstance(self.value, dict):
            raise self._mistyped("an object")
        return self.value

    def member(self, key: str, name: str | None = None) -> Field:
        found = self.optional(key, name)
        if found is None:
            raise self.inner(key, None).error(TableError, "is missing", None)
        return found

    def optional(self, key: str, name: str | None = None) -> Field | None:
        members = self.members()
        return self.inner(name or key, members[key]) if key in members else None

    def text(self, what: str) -> str:
        if not isinstance(self.value, str):
            raise self._mistyped(what)
        return self.value

    def amount(self) -> int:
        """Base units from decimal text."""
        text = self.text("a decimal string")
        if _DIGITS.fullmatch(text) is None:
            raise self.error(NumberTextError, f"{shown(text)} is not of the form [0-9]+", text)
        return self._bounded(text, limits.MAX_VALUE, _MAX_AMOUNT_DIGITS)

    def integer(self, minimum: int = 0) -> int:
        """A JSON integer from `minimum` to MAX_TICK."""
        if not isinstance(self.value, _Number):
            raise self._mistyped("an integer")
        digits = self.value.text.removeprefix("-")
        if _DIGITS.fullmatch(digits) is None:
            raise self._mistyped("an integer")
        if digits != self.value.text:
            raise self.error(OutOfRangeError, f"{shown(self.value)} is negative", self.value)
        number = self._bounded(digits, limits.MAX_TICK, _MAX_INTEGER_DIGITS)
        if number < minimum:
            raise self.error(OutOfRangeError, f"{number} is below {minimum}", number)
        return number

    def hash(self) -> bytes:
        return self._hash_in(self.value, self.path)

    def hashes(self) -> tuple[bytes, ...]:
        if not isinstance(self.value, list):
            raise self._mistyped("a list")
        count = len(self.value)
        if count > MAX_PROOF_HASHES:
            problem = f"has {count} hashes, at most {MAX_PROOF_HASHES} are accepted"
            raise self.error(OutOfRangeError, problem, count)
        found = enumerate(self.value)
        return tuple(self._hash_in(value, f"{self.path}[{position}]") for position, value in found)

    def network_name(self) -> str:
        text = self.text("a string")
        if _NETWORK_NAME.fullmatch(text) is None:
            problem = f"{shown(text)} is not 1 to {limits.MAX_ID_BYTES} bytes of 0x21 to 0x7E"
            raise self.error(InvalidIdError, problem, text)
        return text

    def _hash_in(self, value: object, path: str) -> bytes:
        place = Field(self.source, path, value)
        text = place.text("0x and 64 hex digits")
        if _HASH.fullmatch(text) is None:
            raise place.error(TableError, f"{shown(text)} is not 0x and 64 hex digits", text)
        return bytes.fromhex(text[2:])

    def _bounded(self, digits: str, maximum: int, maximum_digits: int) -> int:
        # Counted before the conversion: int() is quadratic and refuses very long text itself.
        significant = digits.lstrip("0")
        if len(significant) > maximum_digits or int(significant or "0") > maximum:
            raise self.error(OutOfRangeError, f"{shown(digits)} is above {maximum}", digits)
        return int(significant or "0")

    def _mistyped(self, what: str) -> QfsError:
        if self.value is None:
            return self.error(NullValueError, f"is null, expected {what}", None)
        container = isinstance(self.value, (dict, list))
        got = f"a {type(self.value).__name__}" if container else shown(self.value)
        return self.error(WrongTypeError, f"expected {what}, got {got}", self.value)
