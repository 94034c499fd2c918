"""The main job on a real network: Rocket Pool's interval 29, 2,216 node operators.

The pool of the published interval is issued as a tenth of one fee, shared by the re-derived
weights, and compared with what was really paid.
"""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfs.decimals import amount


@pytest.fixture
def rows(data: Path) -> list[dict[str, str]]:
    with (data / "rocketpool" / "nodes.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def pool(data: Path) -> int:
    return int(json.loads((data / "rocketpool" / "epoch.json").read_text())["fee_total_wei"])


def write_nodes(folder: Path, suffix: str, rows: list[dict[str, str]]) -> Path:
    path = folder / f"nodes{suffix}"
    if suffix == ".csv":
        lines = [f"{row['node_id']},{row['weight']}\n" for row in rows]
        path.write_text("node_id,weight\n" + "".join(lines))
        return path
    weights = [Decimal(row["weight"]) for row in rows]
    table = pa.table(
        {
            "node_id": [row["node_id"] for row in rows],
            "weight": pa.array(weights, pa.decimal128(38, 18)),
        }
    )
    if suffix == ".parquet":
        pq.write_table(table, path, row_group_size=500)
    else:
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=300)
    return path


def close(folder: Path, nodes: Path, pool: int, **environment: str) -> dict[str, Any]:
    fees = folder / "fees.csv"
    fees.write_text(f"tick,action_id,fee_base_units\n14848,interval-29,{10 * pool}\n")
    arguments = ["--nodes", str(nodes), "--fees", str(fees), "--out", str(folder / "evidence")]
    done = subprocess.run(
        [sys.executable, "-m", "qfs.cli", "epoch", "close", *arguments, "--json"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_amounts_are_those_paid_or_one_unit_more(
    data: Path, tmp_path: Path, rows: list[dict[str, str]], pool: int
) -> None:
    document = close(tmp_path, write_nodes(tmp_path, ".csv", rows), pool)
    (path,) = (tmp_path / "evidence" / "tables").glob("allocations-*")
    table = pq.read_table(path).to_pylist()
    paid = {row["node_id"]: amount(f"{row['amount']:f}") for row in table}
    with (data / "rocketpool" / "expected_floor.csv").open(newline="") as file:
        floors = {r["node_id"]: int(r["amount_base_units"]) for r in csv.DictReader(file)}
    assert paid.keys() == floors.keys()
    extra = [paid[node] - floors[node] for node in floors]
    assert set(extra) == {0, 1}
    assert sum(extra) == 1082
    assert sum(paid.values()) == pool
    assert document["manifest"]["allocation"]["leftover"] == 1082


@pytest.mark.slow
def test_digest_depends_on_nothing_but_the_content(
    tmp_path: Path, rows: list[dict[str, str]], pool: int
) -> None:
    kernel = "reference" if os.environ.get("QFS_BACKEND") == "reference" else "kernel"
    runs = [
        (".csv", kernel, "1", "0"),
        (".csv", "reference", "1", "1"),
        (".parquet", kernel, "2", "2"),
        (".parquet", "reference", "1", "3"),
        (".arrow", kernel, "3", "4"),
        (".arrow", "reference", "1", "5"),
        (".csv", kernel, "3", "random"),
    ]
    digests, tables = set(), set()
    for number, (suffix, backend, threads, hash_seed) in enumerate(runs):
        folder = tmp_path / str(number)
        folder.mkdir()
        shuffled = rows[:]
        if number:
            random.Random(number).shuffle(shuffled)
        nodes = write_nodes(folder, suffix, shuffled)
        document = close(
            folder,
            nodes,
            pool,
            QFS_BACKEND=backend,
            QFS_THREADS=threads,
            PYTHONHASHSEED=hash_seed,
        )
        digests.add(document["digest"])
        tables.add(json.dumps(document["manifest"]["tables"], sort_keys=True))
    assert len(digests) == len(tables) == 1
