"""Peak memory of an allocation and of the whole job, by number of nodes.

    python benchmarks/memory.py allocate 1000000 10000000
    python benchmarks/memory.py close 1000000 10000000

Each size runs in a process of its own; the peak is what the operating system accounts for it
(ru_maxrss). The inputs are made by another process, so that making them does not count.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

POOL = 54_673_228_959_804_884_991_183


def make(folder: Path, rows: int) -> None:
    """Tables of `rows` nodes in canonical order and one fee."""
    import random

    from qfs.columns import Column
    from qfs.ids import from_checked
    from qfs.table_files import write_parquet
    from qfs.tables import FEES, NODES, Table, tick_column

    generator = random.Random(rows)
    ids = from_checked([b"node-%010d" % i for i in range(rows)], is_sorted=True)
    cells = bytearray()
    for _ in range(rows):
        cells += generator.randrange(10**21).to_bytes(16, "little")
    write_parquet(
        Table(NODES, {"node_id": ids, "weight": Column.trusted(cells)}), folder / "nodes.parquet"
    )
    fee = {
        "tick": tick_column([512]),
        "action_id": from_checked([b"x"], is_sorted=True),
        "fee": Column.from_ints([10 * POOL]),
    }
    write_parquet(Table(FEES, fee), folder / "fees.parquet")


def allocate(folder: Path, rows: int) -> None:
    """`qfs.allocate` over a NumPy column of random cells."""
    import numpy as np

    import qfs

    cells = np.zeros(rows, dtype=[("lo", "<u8"), ("hi", "<u8")])
    cells["lo"] = np.random.default_rng(rows).integers(0, 2**63, rows, dtype="u8")
    result = qfs.allocate(POOL, cells)
    assert result.undistributed == 0
    report(rows)


def close(folder: Path, rows: int) -> None:
    """`qfs epoch close` over Parquet tables."""
    from qfs.cli.root import run

    paths = ["--nodes", str(folder / "nodes.parquet"), "--fees", str(folder / "fees.parquet")]
    assert run(["epoch", "close", *paths, "--out", str(folder / "evidence"), "--json"]) == 0
    report(rows)


def report(rows: int) -> None:
    """Print the peak of this process so far."""
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = f"{rows:>12,} nodes {peak_kib / 1024:>8.0f} MiB {1024 * peak_kib / rows:>8.1f} B/node"
    print(line, file=sys.stderr)


def main(job: str, sizes: list[str]) -> None:
    """Run a job once for each size, each in a fresh process."""
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            if job == "close":
                subprocess.run([sys.executable, __file__, "make", size, name], check=True)
            command = [sys.executable, __file__, f"{job}-once", size, name]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    jobs = {"make": make, "allocate-once": allocate, "close-once": close}
    if sys.argv[1] in jobs:
        jobs[sys.argv[1]](Path(sys.argv[3]), int(sys.argv[2]))
    else:
        main(sys.argv[1], sys.argv[2:])
