"""See `qfs.reference.scoring`: one pass over slices of counts."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from qfs import slices
from qfs.columns import Column
from qfs.kernel.columns import COUNT_FORMAT, check_counts
from qfs.kernel.memory import blank
from qfs.limits import CELL_BYTES
from qfs.reference.scoring import (
    METRICS,
    NO_WEIGHTS,
    Counts,
    Scores,
    above_denominator,
    column_names,
    require_rule,
    row_count,
)
from qfs.slices import cut, over_slices
from qfs_kernel import scoring

Views = tuple[memoryview, memoryview]


def score(
    uptime: Counts,
    storage: Counts,
    ai: Counts,
    policy: str = "product",
    weights: tuple[int, int, int] = NO_WEIGHTS,
    min_samples: int = 1,
) -> Scores:
    """See `qfs.reference.scoring.score`."""
    require_rule(policy, weights, min_samples)
    rows = row_count(uptime, storage, ai)
    uptime_counts = _counts(uptime, "uptime")
    storage_counts = _counts(storage, "storage")
    ai_counts = _counts(ai, "ai")
    # Step 1. A metric that no row has assessed is neutral.
    neutral = (
        _is_neutral(uptime_counts, min_samples),
        _is_neutral(storage_counts, min_samples),
        _is_neutral(ai_counts, min_samples),
    )
    scores = blank(CELL_BYTES * rows)

    # Steps 2 to 4, row by row.
    def one_slice(start: int, stop: int) -> tuple[int, int, int]:
        return scoring.score(
            _rows_of(uptime_counts, start, stop),
            _rows_of(storage_counts, start, stop),
            _rows_of(ai_counts, start, stop),
            weights if policy == "weighted_sum" else None,
            min_samples,
            neutral,
            cut(scores, start, stop),
        )

    total = 0
    for number, (fault, row, part) in enumerate(over_slices(rows, one_slice)):
        if fault >= 0:
            i = number * slices.SLICE_ROWS + row
            n, d = (counts[i] for counts in (uptime_counts, storage_counts, ai_counts)[fault])
            raise above_denominator(METRICS[fault], n, d, i)
        total += part
    return Scores(Column.trusted(scores, total), neutral)


def _is_neutral(counts: Views, min_samples: int) -> bool:
    return len(counts[1]) > 0 and not scoring.reaches(counts[1], min_samples)


def _rows_of(counts: Views, start: int, stop: int) -> Views:
    return counts[0][start:stop], counts[1][start:stop]


def _counts(counts: Counts, metric: str) -> Views:
    names = column_names(metric)
    return _as_counts(counts[0], names[0]), _as_counts(counts[1], names[1])


def _as_counts(values: Sequence[int], argument: str) -> memoryview:
    """The values as native integers of 32 bits; what has that form is taken where it lies."""
    if isinstance(values, (array, memoryview)):
        view = memoryview(values)
        if view.format == COUNT_FORMAT and view.c_contiguous:
            return view
    return check_counts(values if isinstance(values, Column) else list(values), argument)
