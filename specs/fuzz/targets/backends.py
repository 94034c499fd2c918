"""What a call comes to, with either backend."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import qfs
from qfs.ids import IdColumn, TextColumn

# `qfs.backend` as an attribute is the function of that name.
backend: Any = importlib.import_module("qfs.backend")

Outcome = tuple[Any, ...]
"""("value", the value in plain Python), or ("error", class, code, argument, index)."""


def _chosen(name: str) -> Any:
    before = os.environ.get("QFS_BACKEND")
    os.environ["QFS_BACKEND"] = name
    backend._choose.cache_clear()
    try:
        return backend._choose()
    finally:
        backend._choose.cache_clear()
        if before is None:
            del os.environ["QFS_BACKEND"]
        else:
            os.environ["QFS_BACKEND"] = before


NAMES: Final = (
    ("reference",) if os.environ.get("QFS_BACKEND") == "reference" else ("reference", "kernel")
)
"""The backends that are compared: the reference alone where it alone is asked for."""

_CHOSEN: Final = {name: _chosen(name) for name in NAMES}


@contextlib.contextmanager
def computing_with(name: str) -> Iterator[Any]:
    """The package computes with this backend inside, however few the rows are."""
    before, small = backend._choose, backend.SMALL_ROWS
    backend._choose = lambda: _CHOSEN[name]
    backend.SMALL_ROWS = 0
    try:
        yield _CHOSEN[name][1]
    finally:
        backend._choose, backend.SMALL_ROWS = before, small


def outcome(call: Callable[..., Any], *arguments: Any) -> Outcome:
    """What a call comes to. An exception that is no QfsError goes through: it is a finding."""
    try:
        return ("value", plain(call(*arguments)))
    except qfs.QfsError as error:
        _require_whole(error)
        return ("error", type(error).__name__, error.code, error.argument, error.index)


def same(call: Callable[[Any], Any]) -> Outcome:
    """What `call(implementation)` comes to, which is the same with every backend."""
    found = {}
    for name in NAMES:
        with computing_with(name) as implementation:
            found[name] = outcome(call, implementation)
    expected = found["reference"]
    for name, other in found.items():
        assert other == expected, f"{name}: {other}\nreference: {expected}"
    return expected


def plain(value: Any) -> Any:
    """A result in Python's own types."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return tuple(plain(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, qfs.Column):
        assert not value.has_total or value.total == sum(value), "a total that is not the sum"
        return value.tolist()
    if isinstance(value, TextColumn):
        ordered = value.is_sorted if isinstance(value, IdColumn) else None
        return [list(value), ordered]
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [plain(item) for item in value]
    return value


def _require_whole(error: qfs.QfsError) -> None:
    """An error says something, and can be shown however large the value at fault is."""
    assert error.code != "error", f"{type(error)} has no code of its own"
    assert error.problem, f"{type(error)} says nothing"
    assert len(str(error)) < 100_000, f"{type(error)}: a message of {len(str(error))} characters"
