"""What else allocates, with the libraries that are installed here, and whether it is exact.

None of the three has 128-bit integers with an exact product, so each gives something up: float64
loses base units, Polars' Int128 wraps without a word, and a decimal that is too large is refused.
The weights are shortened for them until they fit; the names say so.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Final

from qfs.bench import inputs
from qfs.bench.inputs import POOL
from qfs.bench.timing import Job

SHORT_POOL: Final = POOL >> 40
SHORT_BITS: Final = 40
"""36-bit pool and 40-bit weights: their product fits in 38 decimal digits."""
MOST_ROWS: Final = 10_000_000
"""More Python ints on their way into these libraries need more memory than most machines have."""


def allocation(rows: int) -> list[Job]:
    """Jobs of the installed libraries; none of more than MOST_ROWS."""
    made: list[Job] = []
    if rows > MOST_ROWS:
        return made
    for name, make in (("numpy", _numpy), ("polars", _polars), ("duckdb", _duckdb)):
        if importlib.util.find_spec(name) is not None:
            made += [Job("allocate", text, rows, run) for text, run in make(rows).items()]
    return made


def missing() -> list[str]:
    """The libraries that are not installed, so that their rows are not missed in silence."""
    return [n for n in ("numpy", "polars", "duckdb") if importlib.util.find_spec(n) is None]


def _numpy(rows: int) -> dict[str, Callable[[], object]]:
    import numpy as np

    cells = inputs.cells(rows, inputs.WEI_BITS, "weights")
    words = np.frombuffer(cells, dtype="<u8").reshape(rows, 2)
    weights = words[:, 1] * 2.0**64 + words[:, 0]
    return {"NumPy float64, not exact": lambda: np.floor(POOL * (weights / weights.sum()))}


def _polars(rows: int) -> dict[str, Callable[[], object]]:
    import polars as pl

    short = inputs.integers(inputs.cells(rows, SHORT_BITS, "weights"))
    weights = pl.DataFrame({"w": pl.Series(short, dtype=pl.Int128)})
    share = pl.col("w") * pl.lit(SHORT_POOL, pl.Int128) // pl.lit(sum(short), pl.Int128)
    return {"Polars Int128, short weights, floors only": lambda: weights.select(share)}


def _duckdb(rows: int) -> dict[str, Callable[[], object]]:
    import duckdb
    import numpy as np

    short = np.frombuffer(inputs.cells(rows, SHORT_BITS, "weights"), dtype="<u8")[::2].copy()
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.register("given", {"w": short})
    connection.execute("CREATE TABLE nodes AS SELECT w::HUGEINT AS w FROM given")
    total = int(short.sum())
    query = f"SELECT w * {SHORT_POOL} // {total} AS amount FROM nodes"
    return {
        "DuckDB HUGEINT, short weights, floors only": lambda: connection.execute(
            query
        ).fetchnumpy(),
    }
