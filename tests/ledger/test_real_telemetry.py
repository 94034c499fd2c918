"""Eight epochs of a real network's uptime through an instance, by its commands.

Rocket Pool's testnet, intervals 108 to 115: attestations made and missed by about 1,400 units.
Nobody assessed storage or AI. The fees are made up, and so is the epoch before, in which three
nodes report and the cap keeps a tenth of the pool back. Everything is compared with a computation
by fractions that shares no code with the package.
"""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from qfs import signatures
from qfs.decimals import amount
from qfs.ledger.instance import open_instance
from qfs.ledger.replay import replay
from qfs.ledger.session import load_state

pytestmark = pytest.mark.database

EPOCHS = range(107, 116)
TICKS = 512
RATE, CAP, LEAST_UPTIME = Fraction(1, 10), Fraction(30, 100), Fraction(90, 100)
REGISTRAR, REPORTER = (signatures.from_seed(bytes([n]) * 32) for n in (7, 8))

COMMANDS = """
import json, sys
from qfs.cli.root import run
for command in json.load(open(sys.argv[1])):
    code = run(command)
    if code:
        sys.exit(code)
    print("\\0")
"""


class Report(NamedTuple):
    unit: str
    seen: int
    expected: int


class Outcome(NamedTuple):
    """What an epoch comes to, amounts in base units."""

    weights: dict[str, int]
    amounts: dict[str, int]
    excluded: dict[str, int]
    issued: int
    pool: int
    undistributed: int


@pytest.fixture(scope="module")
def reports(data: Path) -> dict[int, list[Report]]:
    found: dict[int, list[Report]] = {epoch: [] for epoch in EPOCHS}
    path = data / "rocketpool" / "telemetry_testnet_108_115.csv"
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            seen, missed = int(row["successes"]), int(row["missed"])
            found[int(row["interval"])].append(Report(row["unit_id"], seen, seen + missed))
    first = [Report(report.unit, 100, 100) for report in found[108][:3]]
    return {**found, 107: first}


def fees(epoch: int) -> list[tuple[int, str, int]]:
    generator = random.Random(epoch)
    return [
        (epoch * TICKS + generator.randrange(TICKS), f"a-{epoch}-{n}", generator.randrange(10**21))
        for n in range(60)
    ]


def shared(pool: int, weights: dict[str, int]) -> dict[str, int]:
    """By largest remainder; no share above 0.30 of the pool."""
    cap, left, open_, paid = floor(CAP * pool), pool, dict(weights), {}
    while True:
        total = sum(open_.values())
        above = [node for node, weight in open_.items() if Fraction(left * weight, total) > cap]
        if not above:
            break
        for node in above:
            paid[node] = cap
            del open_[node]
        left -= cap * len(above)
        if not open_:
            return paid
    exact = {node: Fraction(left * weight, total) for node, weight in open_.items()}
    paid |= {node: floor(share) for node, share in exact.items()}
    spare = left - sum(floor(share) for share in exact.values())
    order = sorted(exact, key=lambda node: (floor(exact[node]) - exact[node], node.encode()))
    for node in order[:spare]:
        paid[node] += 1
    return paid


@pytest.fixture(scope="module")
def expected(reports: dict[int, list[Report]]) -> dict[int, Outcome]:
    units = {report.unit for listed in reports.values() for report in listed}
    outcomes, kept, exact_issued = {}, 0, Fraction(0)
    for epoch in EPOCHS:
        ratios = {r.unit: Fraction(r.seen, r.expected) for r in reports[epoch]}
        weights = {u: floor(10**18 * ratio) for u, ratio in ratios.items() if ratio >= LEAST_UPTIME}
        # What is below a base unit goes on to the next epoch.
        before = floor(exact_issued)
        exact_issued += RATE * sum(fee for _, _, fee in fees(epoch))
        issued = floor(exact_issued) - before
        amounts = shared(kept + issued, weights)
        pool, kept = kept + issued, kept + issued - sum(amounts.values())
        excluded = {
            "low_uptime": len(ratios) - len(weights),
            "no_telemetry": len(units) - len(ratios),
            "wrong_role": 1,
        }
        excluded = {reason: count for reason, count in excluded.items() if count}
        outcomes[epoch] = Outcome(weights, amounts, excluded, issued, pool, kept)
    return outcomes


def write(path: Path, header: str, rows: list[tuple[object, ...]], shuffle: int) -> str:
    """A CSV file, its rows in an order of its own for each number but 0."""
    rows = rows[:]
    if shuffle:
        random.Random(f"{shuffle} {path.name}").shuffle(rows)
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return str(path)


def commands(folder: Path, reports: dict[int, list[Report]], shuffle: int) -> list[list[str]]:
    """Everything that is done to the network, each command with the files it reads."""
    registrar, reporter = str(folder / "registrar.key"), str(folder / "reporter.key")
    signatures.write_private_key(Path(registrar), REGISTRAR)
    signatures.write_private_key(Path(reporter), REPORTER)
    public = REPORTER.public.text
    units = sorted({report.unit for listed in reports.values() for report in listed})
    nodes: list[tuple[object, ...]] = [(u, f"of-{u}", "infrastructure", public) for u in units]
    nodes.append(("reporter", "operations", "reporter", public))
    table = write(folder / "nodes.csv", "node_id,operator_id,role,public_key", nodes, shuffle)
    instance = str(folder / "instance")
    at = ("--instance", instance)
    begin = ["init", instance, "--name", "testnet", "--first-epoch", "107", "--json"]
    listed = [
        [*begin, "--registrar", REGISTRAR.public.text],
        ["node", "register", "--table", table, *at, "--key", registrar, "--json"],
    ]
    header = "node_id,epoch,uptime_n,uptime_d,storage_n,storage_d,ai_n,ai_d"
    for epoch in EPOCHS:
        counts = [(r.unit, epoch, r.seen, r.expected, 0, 0, 0, 0) for r in reports[epoch]]
        telemetry = write(folder / f"telemetry-{epoch}.csv", header, counts, shuffle)
        taken: list[tuple[object, ...]] = [*fees(epoch)]
        paid = write(folder / f"fees-{epoch}.csv", "tick,action_id,fee_base_units", taken, shuffle)
        signed = ("--reporter", "reporter", "--key", reporter)
        given = ("--telemetry", telemetry, "--fees", paid, *signed, "--json")
        listed.append(["epoch", "close", *at, *given])
    return listed


def done(folder: Path, listed: list[list[str]], **environment: str) -> list[dict[str, Any]]:
    """What the commands print, run in a process of their own."""
    (folder / "commands.json").write_text(json.dumps(listed))
    result = subprocess.run(
        [sys.executable, "-c", COMMANDS, str(folder / "commands.json")],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return [json.loads(text) for text in result.stdout.split("\0\n")[:-1]]


class Network(NamedTuple):
    folder: Path
    closed: dict[int, dict[str, Any]]
    """what each close printed"""


@pytest.fixture(scope="module")
def network(reports: dict[int, list[Report]], tmp_path_factory: pytest.TempPathFactory) -> Network:
    folder = tmp_path_factory.mktemp("network")
    backend = "reference" if os.environ.get("QFS_BACKEND") == "reference" else "kernel"
    printed = done(
        folder,
        commands(folder, reports, 0),
        QFS_BACKEND=backend,
        QFS_THREADS="1",
        PYTHONHASHSEED="0",
    )
    assert printed[1]["done"] == "registered 1405 nodes"
    return Network(folder, dict(zip(EPOCHS, printed[2:], strict=True)))


def table(network: Network, epoch: int, name: str) -> list[dict[str, Any]]:
    folder = network.folder / "instance" / "epochs" / str(epoch) / "tables"
    (path,) = folder.glob(f"{name}-*.parquet")
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


@pytest.mark.parametrize("epoch", EPOCHS)
def test_every_score_and_amount(network: Network, expected: dict[int, Outcome], epoch: int) -> None:
    wanted, rows = expected[epoch], table(network, epoch, "allocations")
    assert [row["node_id"] for row in rows] == sorted(wanted.weights)
    assert {r["node_id"]: amount(f"{r['weight']:f}") for r in rows} == wanted.weights
    assert {r["node_id"]: amount(f"{r['amount']:f}") for r in rows} == wanted.amounts
    manifest = network.closed[epoch]["manifest"]
    assert manifest["scoring"] == {
        "eligible": len(wanted.weights),
        "excluded": wanted.excluded,
        "neutral": ["storage", "ai"],
    }
    assert manifest["issuance"]["issued"] == str(wanted.issued)
    assert manifest["allocation"]["pool"] == str(wanted.pool)
    assert manifest["allocation"]["undistributed"] == str(wanted.undistributed)
    assert manifest["closing"]["pool"] == str(wanted.undistributed)


def test_numbers_of_the_network(expected: dict[int, Outcome]) -> None:
    """Counted in the published file by other means, and what the cap leaves of the first epoch."""
    low = [outcome.excluded.get("low_uptime", 0) for outcome in expected.values()]
    assert low == [0, 1, 5, 15, 6, 5, 16, 1, 3]
    eligible = [len(outcome.weights) for outcome in expected.values()]
    assert eligible == [3, 1338, 1389, 1383, 1395, 1396, 1384, 1395, 1394]
    first = expected[107]
    assert first.undistributed == first.pool - 3 * (3 * first.pool // 10) > 0
    assert expected[108].pool == expected[108].issued + first.undistributed
    assert not any(expected[epoch].undistributed for epoch in EPOCHS[1:])


def test_balances_are_what_was_paid(network: Network, expected: dict[int, Outcome]) -> None:
    (document,) = done(
        network.folder, [["node", "list", "--instance", str(network.folder / "instance"), "--json"]]
    )
    totals: dict[str, int] = {}
    for outcome in expected.values():
        for node, paid in outcome.amounts.items():
            totals[node] = totals.get(node, 0) + paid
    found = {n["node_id"]: int(n["balance_base_units"]) for n in document["nodes"]}
    assert {node: balance for node, balance in found.items() if balance} == {
        node: total for node, total in totals.items() if total
    }
    assert found["reporter"] == 0


def test_evidence_and_proofs_are_verified(network: Network, expected: dict[int, Outcome]) -> None:
    """Each epoch by the digest that its close printed, following the one before; and a payment."""
    listed, node = [], min(expected[115].amounts)
    for epoch in EPOCHS:
        folder = network.folder / "instance" / "epochs" / str(epoch)
        digest = network.closed[epoch]["digest"]
        before = () if epoch == 107 else ("--previous", str(folder.with_name(str(epoch - 1))))
        listed.append(["verify", str(folder), "--digest", digest, *before, "--json"])
    proof = str(network.folder / "proof.json")
    listed.append(["prove", node, str(folder), "--out", proof, "--json"])
    listed.append(["verify", proof, "--digest", digest, "--json"])
    printed = done(network.folder, listed)
    assert all(document["ok"] for document in printed)
    assert amount(printed[-1]["amount"].removesuffix(" NOD")) == expected[115].amounts[node]


def test_log_replays_to_the_state(network: Network) -> None:
    instance = open_instance(network.folder / "instance")
    with instance.open_log() as log:
        state, head = load_state(instance, log)
        steps = list(replay(log, instance.artifacts))
        resumed = list(replay(log, instance.artifacts, (steps[10].state, steps[10].event.head)))
    assert len(steps) == head.size == 1 + 3 * len(EPOCHS)
    assert {step.state.digest for step in (steps[-1], resumed[-1])} == {state.digest}
    assert [s.event.payload["manifest"] for s in steps if s.event.type == "epoch.close"] == [
        closed["digest"] for closed in network.closed.values()
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "hash_seed"), [("reference", "1"), ("kernel", "random")])
def test_everything_is_the_same_again(
    network: Network,
    reports: dict[int, list[Report]],
    tmp_path: Path,
    backend: str,
    hash_seed: str,
) -> None:
    """With other rows first, another backend, other threads and another seed of the hashes."""
    if os.environ.get("QFS_BACKEND") == "reference":
        backend = "reference"
    printed = done(
        tmp_path,
        commands(tmp_path, reports, len(hash_seed)),
        QFS_BACKEND=backend,
        QFS_THREADS="3",
        PYTHONHASHSEED=hash_seed,
    )
    assert [d["digest"] for d in printed[2:]] == [d["digest"] for d in network.closed.values()]
    heads = []
    for folder in (network.folder, tmp_path):
        with open_instance(folder / "instance").open_log() as log:
            heads.append(log.head())
    assert heads[0] == heads[1]
