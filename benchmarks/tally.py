"""Tallies: ours and peers in one process, in turn, as nanoseconds per ballot and as ratios.

    python benchmarks/tally.py 10000000 10000000     ballots, and voters in the snapshot

Every way counts one ballot per voter, the one with the lowest seq, against powers of 64 bits: peers
have no exact sum of 128 bits that keeps its overflow. NumPy sorts by voter and seq, Polars, DuckDB
and pyarrow group by voter and join the powers. The copy is of the columns that a tally reads.

Prints for each way the least time by the clock, among the rounds in which the process had the
processor for at least 97 percent of it, and the least and the median time of the processor, among
all rounds: that of threads is added up, so the clock is what counts for Polars, DuckDB and pyarrow.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

import qfs
from qfs import kernel

ROUNDS = 7
SLOW_ROUNDS = 3
SLOW = ("NumPy", "pyarrow", "DuckDB", "Polars")
LEAST_SHARE = 0.97
CHOICES = 3
COPY = "copy of the same columns"


def by_sorting(choices: Any, voters: Any, seqs: Any, powers: Any) -> list[int]:
    """NumPy: sort by voter and seq, take the first row of each voter, add up by choice."""
    order = np.lexsort((seqs, voters))
    sorted_voters = voters[order]
    is_first = np.empty(len(order), dtype=bool)
    is_first[:1] = True
    np.not_equal(sorted_voters[1:], sorted_voters[:-1], out=is_first[1:])
    first = order[is_first]
    counted, chosen = powers[voters[first]], choices[first]
    return [int(counted[chosen == choice].sum()) for choice in range(CHOICES)]


def by_polars(ballots: pl.DataFrame, snapshot: pl.DataFrame) -> list[int]:
    """Polars: the row with the lowest seq of each voter, joined with the powers."""
    sums = (
        ballots.lazy()
        .group_by("voter")
        .agg(pl.col("choice").sort_by("seq").first())
        .join(snapshot.lazy(), on="voter")
        .group_by("choice")
        .agg(pl.col("power").sum())
        .collect()
    )
    found = dict(sums.iter_rows())
    return [int(found.get(choice, 0)) for choice in range(CHOICES)]


def by_duckdb(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """DuckDB: arg_min by voter, joined with the powers."""
    rows = connection.execute(
        "SELECT choice, sum(power) FROM"
        " (SELECT voter, arg_min(choice, seq) AS choice FROM ballots GROUP BY voter)"
        " JOIN snapshot USING (voter) GROUP BY choice"
    ).fetchall()
    found = dict(rows)
    return [int(found.get(choice, 0)) for choice in range(CHOICES)]


def by_pyarrow(ballots: pa.Table, snapshot: pa.Table) -> list[int]:
    """pyarrow: the lowest seq * 4 + choice of each voter, joined with the powers."""
    key = pc.add(pc.multiply(ballots["seq"], 4), ballots["choice"].cast(pa.uint64()))
    firsts = pa.table({"voter": ballots["voter"], "key": key}).group_by("voter")
    joined = firsts.aggregate([("key", "min")]).join(snapshot, "voter", join_type="inner")
    chosen = pc.bit_wise_and(joined["key_min"], pa.scalar(3, pa.uint64()))
    sums = pa.table({"choice": chosen, "power": joined["power"]}).group_by("choice")
    rows = sums.aggregate([("power", "sum")])
    found = dict(zip(rows["choice"].to_pylist(), rows["power_sum"].to_pylist(), strict=True))
    return [int(found.get(choice, 0)) for choice in range(CHOICES)]


def jobs(rows: int, voters_count: int) -> dict[str, Callable[[], list[int] | None]]:
    """What is timed, by name."""
    generator = np.random.default_rng(rows)
    voters = generator.integers(0, voters_count, rows, dtype=np.uint32)
    choices = generator.integers(0, CHOICES, rows, dtype=np.uint8)
    seqs = 2 * np.arange(rows, dtype=np.uint64)
    powers = generator.integers(1, 2**38, voters_count, dtype=np.uint64)
    order = generator.permutation(rows)
    shuffled = choices[order], voters[order], seqs[order]
    cells = np.zeros((voters_count, 2), dtype=np.uint64)
    cells[:, 0] = powers
    column = kernel.check_values(qfs.Column.trusted(memoryview(cells).cast("B")), "powers")
    names = np.arange(voters_count, dtype=np.uint32)
    frames = pl.DataFrame({"choice": choices, "voter": voters, "seq": seqs})
    powers_frame = pl.DataFrame({"voter": names, "power": powers})
    connection = duckdb.connect()
    connection.register("ballots", frames.to_arrow())
    connection.register("snapshot", powers_frame.to_arrow())

    def ours(c: Any, v: Any, s: Any) -> list[int]:
        found = qfs.tally(c, column, v, s)
        return [found.no, found.yes, found.abstain]

    def copy() -> None:
        for source in (choices, voters, seqs, cells):
            source.copy()

    return {
        "qfs.tally, in the order of seq": lambda: ours(choices, voters, seqs),
        "qfs.tally, any order": lambda: ours(*shuffled),
        COPY: copy,
        "NumPy lexsort": lambda: by_sorting(choices, voters, seqs, powers),
        "Polars group_by, join": lambda: by_polars(frames, powers_frame),
        "DuckDB arg_min, join": lambda: by_duckdb(connection),
        "pyarrow group_by, join": lambda: by_pyarrow(frames.to_arrow(), powers_frame.to_arrow()),
    }


def main(rows: int, voters: int) -> None:
    """Time all jobs in turn, compare what they find and print a table."""
    clock: dict[str, list[float]] = {}
    processor: dict[str, list[float]] = {}
    found: dict[str, list[int]] = {}
    all_jobs = jobs(rows, voters)
    for number in range(ROUNDS):
        for name, job in all_jobs.items():
            if name.startswith(SLOW) and number >= SLOW_ROUNDS:
                continue
            wall, spent = time.perf_counter(), time.process_time()
            sums = job()
            wall, spent = time.perf_counter() - wall, time.process_time() - spent
            if sums is not None:
                found[name] = sums
            processor.setdefault(name, []).append(spent / rows * 1e9)
            if spent >= LEAST_SHARE * wall:
                clock.setdefault(name, []).append(wall / rows * 1e9)
    (first, *others) = found.values()
    if any(sums != first for sums in others):
        raise SystemExit(f"the ways differ: {found}")
    print(f"{rows:,} ballots, {voters:,} voters, ns per ballot: rounds and least by the clock;")
    print("least and median of the processor; least of the processor against a copy")
    base = min(processor[COPY])
    for name, values in processor.items():
        walls = clock.get(name, [])
        least = f"{min(walls):9.2f}" if walls else "        -"
        line = f"{min(values):9.2f} {statistics.median(values):9.2f} {min(values) / base:9.2f}"
        print(f"{name:32} {len(walls):2} {least} {line}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
