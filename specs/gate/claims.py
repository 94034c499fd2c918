"""A claim: one statement that a row of the report is about, whatever layer checks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Rows = dict[str, Row]

ALL = "proved for all inputs"
BOUNDED = "proved up to bound"
MODEL = "proved for all n (model)"
UNPROVED = "not proved"
TRIED = "checked for all inputs"
SAMPLED = "checked by samples"
CAUGHT = "caught"
CHECKED = "checked by tests"
WORDS = (ALL, BOUNDED, MODEL, UNPROVED, TRIED, SAMPLED, CAUGHT, CHECKED)


@dataclass
class Claim:
    """What a source declares; a row says how far it holds."""

    path: Path
    """the file that declares it"""
    name: str
    """unique among all layers"""
    layer: str
    line: int = 0
    """of its `def`"""
    statement: str = ""
    of: list[str] = field(default_factory=list)
    """what it speaks of"""
    bound: str | None = None
    """what of all inputs it is confined to; None: all inputs"""
    faults: list[str] = field(default_factory=list)
    """of its own text"""


@dataclass(frozen=True)
class Job:
    """What one run of a checker does."""

    claims: Sequence[Claim]
    run: Callable[[], Iterable[tuple[str, Row]]]
    """gives the row of each, by its name"""


def row_of(claim: Claim, key: str, tool: str, **found: object) -> Row:
    """A row as it is kept."""
    start = {"layer": claim.layer, "statement": claim.statement, "of": claim.of}
    return {**start, "key": key, "tool": tool, **found}
