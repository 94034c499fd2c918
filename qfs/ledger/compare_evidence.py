"""Where the evidence of two epochs first differs: a figure, a row, an operation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from qfs.certified import Operation
from qfs.errors import QfsError
from qfs.ledger.evidence import read_manifest, table_path
from qfs.ledger.explain import operations, scored_of
from qfs.protocol.manifest import Manifest
from qfs.reference.allocation import exceeds
from qfs.rows import find, first_differing_row, row_at
from qfs.table_files import read_table
from qfs.tables import ALLOCATIONS, EXCLUDED, SCHEMAS, TELEMETRY, Schema, Table
from qfs.traces import operation_text

MAX_FIELDS: Final = 64
"""Fields of one document that are listed; the others follow from them more often than not."""

INPUTS: Final = ("registry", "telemetry", "nodes", "fees")
BEFORE: Final = ("format", "spec_version", "epoch", "previous", "ruleset", "opening")
AFTER: Final = ("scoring", "issuance", "allocation", "closing")
"""Fields of a manifest in the order in which one follows from the other."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where two things differ, with what stands there in each."""

    level: str
    """genesis, event, length, artifact, evidence, manifest, row or operation"""
    place: str
    a: Any = None
    """text, integer, bool, list or dict; None where nothing stands there"""
    b: Any = None


def differing(level: str, place: str, a: Any, b: Any) -> Iterator[Difference]:
    """The paths at which two documents of one place differ, in order, at most MAX_FIELDS."""
    found = (
        Difference(level, f"{place} {path}".strip(), one, other)
        for path, one, other in _paths("", a, b)
    )
    return islice(found, MAX_FIELDS)


def _paths(path: str, a: Any, b: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted({*a, *b}):
            yield from _paths(f"{path}.{key}" if path else key, a.get(key), b.get(key))
    elif type(a) is not type(b) or a != b:
        yield path, a, b


def compare_evidence(a: Path, b: Path, *, skip_inputs: bool = False) -> list[Difference]:
    """The first figure of two manifests that differs, then the first row, then the operation.

    Tables are read whatever their digests: one that was changed is what is looked for.

    Args:
        a, b: evidence folders.
        skip_inputs: the rows of inputs that differ are known; look for what came of them.

    Raises:
        QfsError: a manifest or a table cannot be read.
    """
    pair = _Pair(a, b)
    before = list(pair.fields(BEFORE))
    # That another epoch came before says nothing by itself; what this one opens with does.
    found = [difference for difference in before if difference.place == "previous"]
    if other := [difference for difference in before if difference.place != "previous"]:
        return [other[0], *pair.operation(None)]
    for name in INPUTS:
        if rows := pair.rows(name):
            shown = [] if skip_inputs else [*pair.names(name), *rows]
            return [*found, *shown, *pair.operation(_node_of(rows[0]))]
    if rows := pair.rows(EXCLUDED.name):
        return [*found, *pair.names(EXCLUDED.name), *rows, *pair.operation(_node_of(rows[0]))]
    figure = next(pair.fields(AFTER), None)
    rows = pair.rows(ALLOCATIONS.name)
    found += [figure] if figure is not None else pair.names(ALLOCATIONS.name)
    return [*found, *rows, *pair.operation(_node_of(rows[0]) if rows else None)]


class _Pair:
    """Two evidence folders side by side."""

    def __init__(self, a: Path, b: Path) -> None:
        self.folders = a, b
        self.manifests = read_manifest(a), read_manifest(b)
        self._tables: dict[str, tuple[Table | None, Table | None]] = {}

    def fields(self, names: tuple[str, ...]) -> Iterator[Difference]:
        """The figures of the manifests that differ."""
        documents = [msgspec.to_builtins(manifest) for manifest in self.manifests]
        for name in names:
            one, other = ({name: d[name]} if name in d else {} for d in documents)
            yield from differing("manifest", "", one, other)

    def names(self, table: str) -> list[Difference]:
        """By what digests the manifests name a table, where they differ."""
        entries = [
            {"tables": {table: msgspec.to_builtins(m.tables[table])}} if table in m.tables else {}
            for m in self.manifests
        ]
        return list(differing("manifest", "", *entries))[:1]

    def tables(self, name: str) -> tuple[Table | None, Table | None]:
        """A table of both, None where there is none; whatever its digest."""
        if name not in self._tables:
            one, other = (
                read_table(folder / table_path(manifest, name), SCHEMAS[name])
                if name in manifest.tables
                else None
                for folder, manifest in zip(self.folders, self.manifests, strict=True)
            )
            self._tables[name] = one, other
        return self._tables[name]

    def rows(self, name: str) -> list[Difference]:
        """The first row of a table that differs, column by column."""
        one, other = self.tables(name)
        if one is None or other is None:
            words = [None if table is None else f"{len(table)} rows" for table in (one, other)]
            return [Difference("row", name, *words)] if one is not other else []
        return compare_rows(one, other)

    def operation(self, node: str | None) -> list[Difference]:
        """The first operation that differs on the way to a node's amount.

        Of the node that is named, if that one was paid in both and differs; else of the first in
        order whose amount, weight or cap differs.
        """
        rows = self.rows(ALLOCATIONS.name)
        for candidate in (node, _node_of(rows[0]) if rows else None):
            if candidate is not None and (found := self._operation(candidate)):
                return [found]
        return []

    def _operation(self, node: str) -> Difference | None:
        traces = [
            _trace(manifest, table, telemetry, node)
            for manifest, table, telemetry in zip(
                self.manifests,
                self.tables(ALLOCATIONS.name),
                self.tables(TELEMETRY.name),
                strict=True,
            )
        ]
        if None in traces:
            return None
        one, other = traces
        if isinstance(one, str) or isinstance(other, str):
            words = [t if isinstance(t, str) else "follows from what is recorded" for t in traces]
            return None if one == other else Difference("operation", f"node {node}", *words)
        assert one is not None
        assert other is not None
        for this, that in zip(_steps(one), _steps(other), strict=False):
            if this != that:
                tie = this[0] == "amount" and self._is_tie(node)
                step = f"{this[0]}, decided by the order of ties" if tie else this[0]
                return Difference("operation", f"node {node} {step}", this[1], that[1])
        return None

    def _is_tie(self, node: str) -> bool:
        """Whether the node's remainder is the smallest that got a unit, in both."""
        return all(
            table is not None and _remainder(manifest, table, node) == manifest.allocation.cut
            for manifest, table in zip(self.manifests, self.tables(ALLOCATIONS.name), strict=True)
        )


def compare_rows(a: Table, b: Table) -> list[Difference]:
    """The first row in which two tables of one schema differ, column by column, or nothing."""
    row = first_differing_row(a, b)
    if row is None:
        return []
    schema = a.schema
    rows = [row_at(table, row) if row < len(table) else None for table in (a, b)]
    keys = [None if found is None else _key(schema, found) for found in rows]
    if keys[0] != keys[1]:
        # The lower key is the one that the other table lacks.
        only_a = keys[1] is None or (keys[0] is not None and keys[0] < keys[1])
        number = 0 if only_a else 1
        found = rows[number]
        assert found is not None
        there = dict(zip((c.name for c in schema.columns), found, strict=True))
        sides = (there, None) if only_a else (None, there)
        return [Difference("row", _place(schema, found), *sides)]
    one, other = rows
    assert one is not None
    assert other is not None
    return [
        Difference("row", f"{_place(schema, one)} {column.name}", was, now)
        for column, was, now in zip(schema.columns, one, other, strict=True)
        if was != now
    ]


def _key(schema: Schema, row: tuple[Any, ...]) -> tuple[Any, ...]:
    names = [column.name for column in schema.columns]
    return tuple(row[names.index(name)] for name in schema.order)


def _place(schema: Schema, row: tuple[Any, ...]) -> str:
    words = (
        f"{name.removesuffix('_id')} {value}"
        for name, value in zip(schema.order, _key(schema, row), strict=True)
    )
    return f"{schema.name} {' '.join(words)}"


def _node_of(found: Difference) -> str | None:
    """The node that a row is of, where rows are by node."""
    words = found.place.split(" ")
    return words[2] if found.level == "row" and words[1:2] == ["node"] else None


def _trace(
    manifest: Manifest, table: Table | None, telemetry: Table | None, node: str
) -> tuple[Operation, ...] | str | None:
    """The operations of a node, why they do not follow, or None where it has no row."""
    row = None if table is None else find(table.ids("node_id"), node.encode("ascii"))
    if table is None or row is None:
        return None
    weight, cap, amount = (table.amounts(name)[row] for name in ("weight", "cap", "amount"))
    share = _share(manifest, weight, cap)
    try:
        scored = None if telemetry is None else scored_of(manifest, telemetry, node)
        return operations(manifest, node, weight, cap, amount - share, scored)
    except QfsError as error:
        return str(error)


def _share(manifest: Manifest, weight: int, cap: int) -> int:
    figures = manifest.allocation
    pool, total = int(figures.shared_pool), int(figures.shared_weight)
    counted = 1 if figures.fallback else weight
    if exceeds(pool, total, counted, cap):
        return cap
    return pool * counted // total if total else 0


def _remainder(manifest: Manifest, table: Table, node: str) -> str:
    row = find(table.ids("node_id"), node.encode("ascii"))
    figures = manifest.allocation
    if row is None or not int(figures.shared_weight):
        return ""
    counted = 1 if figures.fallback else table.amounts("weight")[row]
    return str(int(figures.shared_pool) * counted % int(figures.shared_weight))


def _steps(trace: tuple[Operation, ...]) -> list[tuple[str, str]]:
    """What each operation of `trace_share` is for, and the operation as text."""
    count = len(trace)
    capped = next(i for i in range(count) if trace[i].operation == "product_exceeds")
    names = []
    for i, operation in enumerate(trace):
        if i < capped:
            names.append("cap" if operation.operation == "mul_floor" else "score")
        elif i == capped:
            names.append("whether the share exceeds the cap")
        else:
            names.append("amount" if i == count - 1 else "share and remainder")
    return [(name, operation_text(operation)) for name, operation in zip(names, trace, strict=True)]
