"""Changes of a JSON document that an input stands for.

Bytes that libFuzzer turns over seldom leave a document readable, and never the hash of one. An
input that stands for changes of a valid document gets behind its form, into what it means.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any

from targets.source import EDGES, Source

MAX_CHANGES = 4
TEXTS = (
    *("", "0", "1", "00", "-1", "1e3", "1.5", " ", "a b", "x" * 200, "../../log.sqlite", "\x7f"),
    *("0" * 64, "f" * 64, "AB" * 32, "0x" + "0" * 64, str(2**128), str(10**38), "9" * 39),
)
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, 1.5, [[]], {"": 0}, {"a": {"b": 1}})

Path = tuple[str | int, ...]


def edited(source: Source, document: Any, spares: Sequence[Any] = ()) -> Any:
    """The document with up to four changes; none where the input has come to its end.

    `spares` are other documents of the kind, of which parts may be taken.
    """
    found = copy.deepcopy(document)
    for _ in range(source.below(MAX_CHANGES + 1)):
        places = [*_places(found, ())]
        if not places:
            break
        _change(source, found, source.pick(places), spares)
    return found


def encoded(document: Any) -> bytes:
    """The document in the form that canonical JSON has, also where it holds what that refuses."""
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _places(value: Any, before: Path) -> Iterator[Path]:
    if isinstance(value, dict):
        items: list[tuple[str | int, Any]] = [*value.items()]
    else:
        items = [*enumerate(value)] if isinstance(value, list) else []
    for key, item in items:
        yield (*before, key)
        yield from _places(item, (*before, key))


def _change(source: Source, document: Any, place: Path, spares: Sequence[Any]) -> None:
    *inside, key = place
    holder = _at(document, inside)
    kind = source.below(8)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.insert(int(key), copy.deepcopy(holder[int(key)]))
    elif kind == 1:
        holder[source.pick(TEXTS)] = holder[key]
    elif kind == 2 and spares:
        spare = _at(source.pick(spares), place)
        holder[key] = copy.deepcopy(spare)
    elif kind in (2, 3):
        holder[key] = copy.deepcopy(_at(document, source.pick([*_places(document, ())])))
    elif kind == 4:
        holder[key] = source.pick((*TEXTS, *EDGES, *map(str, EDGES)))
    elif kind == 5:
        holder[key] = copy.deepcopy(source.pick(OTHERS))
    else:
        holder[key] = _nearby(source, holder[key])


def _nearby(source: Source, value: Any) -> Any:
    """A value a little beside this one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + source.pick((1, -1, 2, 10, 512, -512))
    if isinstance(value, str) and value.isdecimal() and len(value) < 40:
        return str(int(value) + source.pick((1, -1, 10)))
    if isinstance(value, str) and value:
        at = source.below(len(value))
        kind = source.below(4)
        if kind == 3:
            return value[:at] + value[at + 1 :] + value[at : at + source.below(3)]
        other = chr(32 + source.below(96)) if kind == 2 else _alike(source, value[at])
        return value[:at] + other + value[at + 1 :]
    if isinstance(value, list):
        return value[::-1] if source.flag() else value[: source.below(len(value) + 1)]
    return source.integer()


def _alike(source: Source, character: str) -> str:
    """A digit for a digit, a letter of hex for one: what is then still a number or a hash."""
    for among in ("0123456789", "abcdef"):
        if character in among:
            return source.pick(among)
    return chr(ord(character) ^ 1)


def _at(document: Any, place: Sequence[str | int]) -> Any:
    """What stands at a place; another document may have nothing there."""
    for key in place:
        try:
            document = document[key]
        except (KeyError, IndexError, TypeError):
            return 0
    return document
