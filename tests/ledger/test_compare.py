"""Where two instances or two evidence folders first differ: planted at every level, and named."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from qfs import signatures
from qfs.errors import EvidenceError
from qfs.ledger.compare import compare
from qfs.ledger.compare_evidence import MAX_FIELDS, Difference, differing
from qfs.ledger.evidence import read_artifact, read_manifest, write_epoch
from qfs.ledger.instance import Instance, create_instance, open_instance
from qfs.ledger.log import Entry
from qfs.ledger.session import Session
from qfs.protocol import events
from qfs.protocol.events import ProtocolEvent, TableRef
from qfs.protocol.genesis import genesis_of
from qfs.protocol.registry import NEW_NODES, registrations
from qfs.protocol.ruleset import Ruleset
from qfs.rows import first_differing_row, from_rows, rows_of
from qfs.table_files import write_parquet
from qfs.tables import ALLOCATIONS, BALANCES, FEES, TELEMETRY, Table

pytestmark = pytest.mark.once

REGISTRAR = signatures.from_seed(bytes(32))
REPORTER = signatures.from_seed(b"\1" * 32)
OTHER = signatures.from_seed(b"\2" * 32)
TICKS = 10
RULES = Ruleset(epoch_ticks=TICKS, min_active_nodes=1, max_share=10**18)
NODES = ("ann", "bea", "cyd", "dot")
COUNTS = dict.fromkeys(NODES, (10, 10))

Rows = Sequence[tuple[Any, ...]]


def create(folder: Path, rules: Ruleset = RULES, name: str = "net") -> Instance:
    """An instance with four nodes and a reporter."""
    instance = create_instance(folder, genesis_of(name, REGISTRAR.public, rules))
    key = REPORTER.public.text
    new = from_rows(
        NEW_NODES,
        [*((n, f"op-{n}", "infrastructure", key) for n in NODES), ("watch", "w", "reporter", key)],
    )
    with Session(instance, "test") as session:
        rows = registrations(new, 0)
        payload = events.Register(0, TableRef.of(rows), "")
        session.sign(REGISTRAR, 0, payload, rows)
    return instance


def inputs(
    session: Session, epoch: int, counts: dict[str, tuple[int, int]], fees: Sequence[int]
) -> list[ProtocolEvent]:
    tick = (epoch + 1) * TICKS - 1
    telemetry = from_rows(TELEMETRY, [(n, epoch, u, d, 0, 0, 0, 0) for n, (u, d) in counts.items()])
    paid = from_rows(FEES, [(epoch * TICKS + i, f"x{epoch}-{i}", f) for i, f in enumerate(fees)])
    nonce = session.nonce("watch")
    return [
        session.signed(REPORTER, tick, payload, table)
        for payload, table in (
            (events.RecordTelemetry(nonce, "watch", epoch, TableRef.of(telemetry), ""), telemetry),
            (events.RecordFees(nonce + 1, "watch", epoch, TableRef.of(paid), ""), paid),
        )
    ]


def close(
    instance: Instance,
    counts: dict[str, tuple[int, int]] | None = None,
    fees: Sequence[int] = (1000, 20),
    tick: int | None = None,
) -> None:
    """Close the next epoch. By default 102 to four equal nodes: 26, 26, 25, 25."""
    with Session(instance, "test") as session:
        epoch = session.state.epoch
        happened = inputs(session, epoch, COUNTS if counts is None else counts, fees)
        when = (epoch + 1) * TICKS if tick is None else tick
        session.commit(happened, session.close(epoch, when, happened), when)


def copy(instance: Instance, name: str) -> Instance:
    folder = instance.folder.with_name(name)
    shutil.copytree(instance.folder, folder)
    return open_instance(folder)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Instance, Instance]:
    """Two equal instances with epoch 0 closed."""
    a = create(tmp_path / "a")
    close(a)
    return a, copy(a, "b")


def found(a: Instance, b: Instance) -> list[Difference]:
    """The differences; the other way round they are the same with the sides swapped."""
    there, back = compare(a.folder, b.folder), compare(b.folder, a.folder)
    assert [dataclasses.replace(d, a=d.b, b=d.a) for d in back] == there
    return there


def places(differences: list[Difference], level: str) -> list[str]:
    return [d.place for d in differences if d.level == level]


def evidence(folder: Path, table: Table | None = None, **figures: Any) -> None:
    """Change evidence: another table, other figures of the manifest; all else fits together."""
    manifest = read_manifest(folder)
    tables = {name: read_artifact(folder, manifest, name) for name in manifest.tables}
    if table is not None:
        tables[table.schema.name] = table
    changed = msgspec.structs.replace(
        manifest, tables={name: TableRef.of(t) for name, t in tables.items()}, **figures
    )
    shutil.rmtree(folder)
    write_epoch(folder, changed, tables.values(), write_parquet)


def rewritten(folder: Path, name: str, change: Callable[[dict[str, list[Any]]], None]) -> Table:
    """A table of evidence with other values, by the id in its first column."""
    table = read_artifact(folder, read_manifest(folder), name)
    rows = {str(row[0]): list(row) for row in rows_of(table)}
    change(rows)
    return from_rows(table.schema, rows.values())


# Instances


def test_equal_instances_have_no_difference(pair: tuple[Instance, Instance]) -> None:
    assert found(*pair) == []
    # Neither do other bytes of the same rows, nor snapshots, which decide nothing.
    path = next((pair[1].folder / "artifacts").glob("telemetry-*"))
    table = read_artifact(pair[1].evidence(0), read_manifest(pair[1].evidence(0)), "telemetry")
    path.unlink()
    import pyarrow as pa
    import pyarrow.parquet as pq

    from qfs.tables import to_arrow

    columns = {name: to_arrow(column) for name, column in table.columns.items()}
    pq.write_table(pa.table(columns), path, compression="none")
    shutil.rmtree(pair[1].folder / "snapshots")
    assert found(*pair) == []


@pytest.mark.parametrize(
    ("name", "rules", "fields"),
    [
        ("other", RULES, ["name"]),
        ("net", dataclasses.replace(RULES, min_samples=2), ["ruleset.scoring.min_samples"]),
        (
            "other",
            dataclasses.replace(RULES, epoch_ticks=5, tie_break="rotating"),
            ["name", "ruleset.allocation.tie_break", "ruleset.epoch.ticks"],
        ),
    ],
)
def test_genesis(tmp_path: Path, name: str, rules: Ruleset, fields: list[str]) -> None:
    a, b = create(tmp_path / "a"), create(tmp_path / "b", rules, name)
    differences = found(a, b)
    assert places(differences, "genesis") == fields
    assert len(differences) == len(fields)


def test_a_prefix_names_its_size(pair: tuple[Instance, Instance]) -> None:
    a, b = pair
    close(a)
    assert found(a, b) == [Difference("length", "the logs agree up to size 4", 7, 4)]


def test_the_first_event_is_named_with_its_fields(pair: tuple[Instance, Instance]) -> None:
    a, b = pair
    for instance, node in ((a, "ann"), (b, "bea")):
        with Session(instance, "test") as session:
            payload = events.Revoke(session.nonce(), node, "")
            session.sign(REGISTRAR, 12, payload)
            session.sign(REGISTRAR, 13, events.Revoke(session.nonce(), "cyd", ""))
    differences = found(a, b)
    fields = ["payload.node_id", "payload.signature"]
    assert places(differences, "event") == [f"event 4 registry.revoke {f}" for f in fields]
    assert len(differences) == 2
    assert (differences[0].a, differences[0].b) == ("ann", "bea")


def test_events_of_other_types_and_ticks(pair: tuple[Instance, Instance]) -> None:
    a, b = pair
    with Session(a, "test") as session:
        session.sign(REGISTRAR, 12, events.Revoke(session.nonce(), "ann", ""))
    with Session(b, "test") as session:
        key = OTHER.public.text
        session.sign(REGISTRAR, 13, events.RotateKey(session.nonce(), "ann", key, ""))
    differences = found(a, b)
    assert places(differences, "event") == [
        "event 4 payload.public_key",
        "event 4 payload.signature",
        "event 4 tick",
        "event 4 type",
    ]
    assert (differences[0].a, differences[0].b) == (None, OTHER.public.text)
    assert (differences[-1].a, differences[-1].b) == ("registry.revoke", "registry.rotate_key")


def test_a_registration(tmp_path: Path) -> None:
    both = [create(tmp_path / name) for name in "ab"]
    for instance, key in zip(both, (REPORTER, OTHER), strict=True):
        with Session(instance, "test") as session:
            new = from_rows(NEW_NODES, [("eve", "op-eve", "infrastructure", key.public.text)])
            rows = registrations(new, 3)
            session.sign(REGISTRAR, 3, events.Register(1, TableRef.of(rows), ""), rows)
    differences = found(*both)
    assert places(differences, "row") == ["registry node eve public_key"]
    assert differences[-1].b == OTHER.public.text


def test_a_row_of_telemetry_and_the_score_it_leads_to(pair: tuple[Instance, Instance]) -> None:
    a, b = pair
    close(a)
    close(b, {**COUNTS, "cyd": (19, 20)})
    differences = found(a, b)
    assert differences[0].place.startswith("event 4 telemetry.record ")
    assert places(differences, "row") == [f"telemetry node cyd uptime_{part}" for part in "nd"]
    last = differences[-1]
    assert (last.level, last.place) == ("operation", "node cyd score")
    assert last.a == "mul(a=10, b=1) = 10"
    assert last.b == "mul(a=20, b=1) = 20"


def test_a_node_that_only_one_telemetry_has(pair: tuple[Instance, Instance]) -> None:
    a, b = pair
    close(a)
    close(b, {node: COUNTS[node] for node in ("ann", "bea", "dot")})
    differences = found(a, b)
    assert places(differences, "row") == ["telemetry node cyd"]
    row = next(d for d in differences if d.level == "row")
    assert (row.a["uptime_n"], row.b) == (10, None)
    # cyd has no amount in b; the first that has one in both and differs is ann.
    assert places(differences, "operation") == ["node ann whether the share exceeds the cap"]


def test_a_fee_and_the_pool_it_leads_to(pair: tuple[Instance, Instance]) -> None:
    a, b = pair
    close(a)
    close(b, fees=(1000, 40))
    differences = found(a, b)
    assert differences[0].place.startswith("event 5 fees.record ")
    assert places(differences, "row") == ["fees tick 11 action x1-1 fee"]
    assert places(differences, "operation") == ["node ann cap"]
    assert differences[-1].a == f"mul_floor(a=102, b={10**18}) = 102"
    assert differences[-1].b == f"mul_floor(a=104, b={10**18}) = 104"


def test_another_tick_of_the_closing_alone(pair: tuple[Instance, Instance]) -> None:
    a, b = pair
    close(a)
    close(b, tick=25)
    differences = found(a, b)
    assert {d.place for d in differences} == {
        "event 6 epoch.close tick",
        "event 6 epoch.close payload.state",
    }


def forge(b: Instance, a: Instance, payload_of: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Give b, which lacks a's last event, a closing of another content."""
    with a.open_log() as log:
        last = list(log.read())[-1]
    with b.open_log("forger") as log:
        log.append([Entry(last.type, last.tick, payload_of(last.payload))])


def not_yet_closed(tmp_path: Path) -> tuple[Instance, Instance]:
    """a with epoch 0 closed, and b that has all but the closing, with the files of it."""
    a = create(tmp_path / "a")
    with Session(a, "test") as session:
        happened = inputs(session, 0, COUNTS, (1000, 20))
        session.append(happened)
        b = copy(a, "b")
        session.commit([], session.close(0, TICKS), TICKS)
    for name in ("artifacts", "epochs"):
        shutil.copytree(a.folder / name, b.folder / name, dirs_exist_ok=True)
    return a, b


def test_one_unit_of_an_amount_moved_in_a_closing(tmp_path: Path) -> None:
    """cyd is paid dot's unit: not the tie, as the forger took it from a floor."""
    a, b = not_yet_closed(tmp_path)

    def move(rows: dict[str, list[Any]]) -> None:
        rows["cyd"][3] += 1
        rows["dot"][3] -= 1

    table = rewritten(b.evidence(0), "allocations", move)
    evidence(b.evidence(0), table)
    b.artifacts.put(table)
    ref = msgspec.to_builtins(TableRef.of(table))
    manifest = read_manifest(b.evidence(0)).digest.hex()
    forge(b, a, lambda p: {**p, "allocations": ref, "manifest": manifest})
    differences = found(a, b)
    assert places(differences, "event") == [
        f"event 3 epoch.close payload.{field}"
        for field in ("allocations.digest", "allocations.root", "manifest")
    ]
    assert places(differences, "manifest") == ["tables.allocations.digest"]
    assert [(d.place, d.a, d.b) for d in differences if d.level == "row"] == [
        ("allocations node cyd amount", 25, 26)
    ]
    last = differences[-1]
    assert last.place == "node cyd amount, decided by the order of ties"
    assert (last.a, last.b) == ("add(a=25, b=0) = 25", "add(a=25, b=1) = 26")


def test_a_balance_alone(tmp_path: Path) -> None:
    a, b = not_yet_closed(tmp_path)
    balances = from_rows(BALANCES, [("ann", 27), ("bea", 26), ("cyd", 25), ("dot", 24)])
    b.artifacts.put(balances)
    ref = msgspec.to_builtins(TableRef.of(balances))
    forge(b, a, lambda p: {**p, "balances": ref})
    differences = found(a, b)
    assert [(d.place, d.a, d.b) for d in differences if d.level == "row"] == [
        ("balances node ann balance", 26, 27)
    ]


def test_artifacts_and_evidence_of_equal_logs(pair: tuple[Instance, Instance]) -> None:
    a, b = pair
    fees = next((b.folder / "artifacts").glob("fees-*"))
    kept = fees.read_bytes()
    fees.unlink()
    assert found(a, b) == [
        Difference("artifact", "event 2 fees.record fees"),
        Difference("artifact", "fees", "is readable", "is missing"),
    ]
    write_parquet(from_rows(FEES, [(0, "x0-0", 1000), (1, "x0-1", 21)]), fees)
    differences = found(a, b)
    assert [(d.place, d.a, d.b) for d in differences[1:]] == [
        ("fees tick 1 action x0-1 fee", 20, 21)
    ]
    fees.write_bytes(kept[:-9])
    assert places(found(a, b), "artifact")[-1] == "fees"
    fees.write_bytes(kept)
    assert found(a, b) == []
    shutil.rmtree(b.evidence(0))
    assert found(a, b) == [Difference("evidence", "epoch 0", "is there", "is missing")]


# Evidence folders


def of_evidence(a: Instance, b: Instance) -> list[Difference]:
    return compare(a.evidence(0), b.evidence(0))


def test_a_tie(pair: tuple[Instance, Instance]) -> None:
    """Of four equal nodes two get a unit: by the ids ann and bea, in b ann and dot."""
    a, b = pair

    def move(rows: dict[str, list[Any]]) -> None:
        assert [row[3] for row in rows.values()] == [26, 26, 25, 25]
        rows["bea"][3], rows["dot"][3] = 25, 26

    evidence(b.evidence(0), rewritten(b.evidence(0), "allocations", move))
    differences = of_evidence(a, b)
    assert [d.place for d in differences] == [
        "tables.allocations.digest",
        "allocations node bea amount",
        "node bea amount, decided by the order of ties",
    ]
    assert (differences[1].a, differences[1].b) == (26, 25)


def test_a_score(pair: tuple[Instance, Instance]) -> None:
    """A weight that is not the score of its counts does not follow, and is said not to."""
    a, b = pair

    def more(rows: dict[str, list[Any]]) -> None:
        rows["dot"][1] -= 1

    evidence(b.evidence(0), rewritten(b.evidence(0), "allocations", more))
    differences = of_evidence(a, b)
    assert places(differences, "row") == ["allocations node dot weight"]
    last = differences[-1]
    assert (last.level, last.a) == ("operation", "follows from what is recorded")
    assert last.b.startswith("node dot weight: the recorded 999999999999999999 does not follow")


def test_a_cap(pair: tuple[Instance, Instance]) -> None:
    a, b = pair

    def lower(rows: dict[str, list[Any]]) -> None:
        for row in rows.values():
            row[2] -= 1

    evidence(b.evidence(0), rewritten(b.evidence(0), "allocations", lower))
    differences = of_evidence(a, b)
    assert places(differences, "row") == ["allocations node ann cap"]
    assert "node ann cap" in differences[-1].b


def test_two_units_of_an_amount_do_not_follow(pair: tuple[Instance, Instance]) -> None:
    a, b = pair

    def more(rows: dict[str, list[Any]]) -> None:
        rows["bea"][3] += 2

    evidence(b.evidence(0), rewritten(b.evidence(0), "allocations", more))
    differences = of_evidence(a, b)
    assert (differences[1].place, differences[1].a, differences[1].b) == (
        *("allocations node bea amount", 26, 28),
    )
    assert "extra" in differences[-1].b


def test_a_reason(pair: tuple[Instance, Instance]) -> None:
    a, b = pair

    def other(rows: dict[str, list[Any]]) -> None:
        rows["watch"][1] = "revoked"

    evidence(b.evidence(0), rewritten(b.evidence(0), "excluded", other))
    differences = of_evidence(a, b)
    assert [(d.place, d.a, d.b) for d in differences[1:]] == [
        ("excluded node watch reason", "wrong_role", "revoked")
    ]


def test_a_figure_of_the_manifest(pair: tuple[Instance, Instance]) -> None:
    a, b = pair
    allocation = msgspec.structs.replace(read_manifest(a.evidence(0)).allocation, shared_pool="101")
    evidence(b.evidence(0), allocation=allocation)
    differences = of_evidence(a, b)
    assert [(d.place, d.a, d.b) for d in differences] == [("allocation.shared_pool", "102", "101")]


def test_other_rules_lead_to_another_operation(tmp_path: Path) -> None:
    a = create(tmp_path / "a")
    b = create(tmp_path / "b", dataclasses.replace(RULES, max_share=10**18 // 5))
    close(a)
    close(b)
    differences = of_evidence(a, b)
    assert [d.place for d in differences] == ["ruleset.allocation.max_share", "node ann cap"]
    assert (differences[0].a, differences[0].b) == ("1", "0.2")


def test_other_tie_rules_name_the_rule_first(tmp_path: Path) -> None:
    a = create(tmp_path / "a")
    b = create(tmp_path / "b", dataclasses.replace(RULES, tie_break="rotating"))
    moved = []
    for epoch in range(6):
        paid = []
        for instance in (a, b):
            close(instance)
            folder = instance.evidence(epoch)
            paid.append(list(rows_of(read_artifact(folder, read_manifest(folder), "allocations"))))
        differences = compare(a.evidence(epoch), b.evidence(epoch))
        # What came before differs too, from epoch 1 on; the rule is the reason.
        assert differences[0].place == "ruleset.allocation.tie_break"
        first = next((one[0] for one, other in zip(*paid, strict=True) if one != other), None)
        expected = [] if first is None else [f"node {first} amount, decided by the order of ties"]
        assert [d.place for d in differences[1:]] == expected
        moved += expected
    assert moved


def test_another_epoch_before_is_named_beside_what_differs(tmp_path: Path) -> None:
    a = create(tmp_path / "a")
    b = copy(a, "b")
    close(a)
    close(b, {**COUNTS, "dot": (9, 10)})
    for instance in (a, b):
        close(instance)
    differences = compare(a.evidence(1), b.evidence(1))
    assert [d.place for d in differences] == ["previous"]


def test_evidence_of_another_kind_is_refused(pair: tuple[Instance, Instance]) -> None:
    a, _ = pair
    for paths in ((a.folder, a.evidence(0)), (a.evidence(0), a.folder / "artifacts")):
        with pytest.raises(EvidenceError, match="of one kind"):
            compare(*paths)


# Parts


def test_only_so_many_fields_are_listed() -> None:
    many = {f"k{i:03}": i for i in range(MAX_FIELDS + 9)}
    assert len(list(differing("event", "", many, {}))) == MAX_FIELDS
    assert list(differing("event", "", many, many)) == []


def test_a_number_is_not_the_text_of_it() -> None:
    assert list(differing("event", "e", {"a": 1}, {"a": "1"})) == [
        Difference("event", "e a", 1, "1")
    ]
    assert list(differing("event", "e", {"a": 1}, {"a": True})) != []
    assert list(differing("event", "e", {"a": {}}, {})) == [Difference("event", "e a", {}, None)]


rows_strategy = st.dictionaries(
    st.sampled_from("abcdef"), st.tuples(*[st.integers(0, 2)] * 3), max_size=6
)


@given(rows_strategy, rows_strategy)
def test_the_first_differing_row_is_that_of_the_lists(
    one: dict[str, tuple[int, int, int]], other: dict[str, tuple[int, int, int]]
) -> None:
    tables = [
        from_rows(ALLOCATIONS, [(node, *values) for node, values in rows.items()])
        for rows in (one, other)
    ]
    lists = [[*rows_of(table)] for table in tables]
    longest = max(map(len, lists))
    padded = [found + [None] * (longest - len(found)) for found in lists]
    expected = next((i for i in range(longest) if padded[0][i] != padded[1][i]), None)
    assert first_differing_row(*tables) == expected
