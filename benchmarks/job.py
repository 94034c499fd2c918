"""The whole job beside pyarrow alone: `qfs epoch close`, and reading and writing its tables.

    python benchmarks/job.py 10000000
    python benchmarks/job.py 10000000 unsorted

The nodes come in canonical order, or with `unsorted` in any. pyarrow reads the same nodes and
fees and writes the same three tables, with the same encoding, and brings them to the disk. Both
run in this process, in turn; prints the seconds of each stage and the ratios of each round.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qfs.cli.root import run

ROUNDS = 5
TOKENS = pa.decimal128(38, 18)


def make(folder: Path, rows: int, *, in_order: bool) -> None:
    """Nodes with weights of up to 70 bits, and one fee."""
    generator, cells = np.random.default_rng(rows), np.zeros((rows, 2), "u8")
    cells[:, 0] = generator.integers(0, 2**64, rows, dtype="u8")
    cells[:, 1] = generator.integers(0, 2**6, rows, dtype="u8")
    numbers = np.arange(rows) if in_order else generator.permutation(rows)
    nodes = {
        "node_id": pa.array(np.char.mod("node-%010d", numbers).tolist()),
        "weight": pa.Array.from_buffers(TOKENS, rows, [None, pa.py_buffer(cells)]),
    }
    pq.write_table(pa.table(nodes), folder / "nodes.parquet", compression="zstd")
    (folder / "fees.csv").write_text("tick,action_id,fee\n512,x,546732.28959804884991183\n")


def ours(folder: Path) -> tuple[float, float, dict[str, float]]:
    """Seconds of the wall clock and the processor, and of each stage."""
    shutil.rmtree(folder / "evidence", ignore_errors=True)
    paths = ["--nodes", f"{folder}/nodes.parquet", "--fees", f"{folder}/fees.csv"]
    words = ["epoch", "close", *paths, "--out", f"{folder}/evidence", "--json", "--timings"]
    printed = io.StringIO()
    wall, processor = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        code = run(words)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    assert code == 0, printed.getvalue()
    return wall, processor, json.loads(printed.getvalue())["timings"]


def theirs(folder: Path, allocations: Any) -> tuple[float, float]:
    """Seconds that pyarrow takes to read the nodes and to write nodes and allocations."""
    wall, processor = time.perf_counter(), time.process_time()
    nodes = pq.read_table(folder / "nodes.parquet")
    for name, table in (("nodes", nodes), ("allocations", allocations)):
        path = folder / f"written-{name}.parquet"
        pq.write_table(table, path, compression="zstd")
        with path.open("rb") as file:
            os.fsync(file.fileno())
    return time.perf_counter() - wall, time.process_time() - processor


def main(rows: int, *, in_order: bool) -> None:
    """Run both in turn and print what each round came to."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, rows, in_order=in_order)
        ours(folder)
        written = next((folder / "evidence" / "tables").glob("allocations-*"))
        allocations = pq.read_table(written)
        walls, processors = [], []
        for _ in range(ROUNDS):
            wall, processor, stages = ours(folder)
            their_wall, their_processor = theirs(folder, allocations)
            walls.append(wall / their_wall)
            processors.append(processor / their_processor)
            print(f"qfs {wall:.2f} s, cpu {processor:.2f}; pyarrow {their_wall:.2f} s,", end=" ")
            print(f"cpu {their_processor:.2f}; {stages}")
    for what, ratios in (("wall", walls), ("cpu", processors)):
        low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
        print(f"{what}: {low:.2f} .. {middle:.2f} .. {high:.2f} times pyarrow alone")


if __name__ == "__main__":
    main(int(sys.argv[1]), in_order="unsorted" not in sys.argv[2:])
