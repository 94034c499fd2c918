"""A closed epoch as a picture in the terminal.

Integer arithmetic only. Every segment has a glyph of its own and says it beside its number, so
the picture reads the same without colour; without Unicode it uses ASCII.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qfs.cli.canvas import FAINT, STRONG, Canvas, Span, bar_of, canvas_on
from qfs.cli.figures import (
    ELLIPSIS,
    EpochFigures,
    counted,
    percent,
    round_tokens,
    short_tokens,
)
from qfs.cli.ranking import top_nodes

if TYPE_CHECKING:
    from rich.console import Console

_TOP = 10
_BANDS = 5
_RANK = 2
_SHARE = 7
_MARK = 3
_LEAST_BAR = 8
_PAID = "cyan"
_CAPPED = "yellow"
_REST = "bright_black"


@dataclass(frozen=True, slots=True)
class _Segment:
    """A part of a bar. `shade` picks the glyph: 0 solid, 1 dense, 2 light."""

    name: str
    base_units: int
    shade: int
    style: str


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the lower part: a node or a band of nodes."""

    label: str
    middle: str
    paid: int
    mark: str
    style: str


@dataclass(frozen=True, slots=True)
class _Columns:
    """Widths of the columns of the lower part that are not fixed."""

    label: int
    bar: int
    middle: int


def render(figures: EpochFigures, console: Console) -> None:
    """Print the picture of a closed epoch, at most 80 columns wide."""
    canvas = canvas_on(console)
    _flow(figures, canvas)
    if figures.paid_base_units:
        _nodes(figures, canvas)
    canvas.line()


def _flow(figures: EpochFigures, canvas: Canvas) -> None:
    at_cap = figures.capped_paid_base_units
    canvas.packed([[fact] for fact in _facts(figures)])
    canvas.line()
    fees = (f"Fees {short_tokens(figures.fees_base_units)} ATR", STRONG)
    canvas.packed([[fees], [(f"from {counted(figures.fee_count, 'action')}", FAINT)]])
    _stacked(
        canvas,
        figures.fees_base_units,
        [
            _Segment("issued", figures.issued_base_units, 0, _PAID),
            _Segment("treasury", figures.retained_base_units, 2, _REST),
        ],
    )
    canvas.line()
    canvas.packed(
        [
            [(f"Pool {short_tokens(figures.pool_base_units)} NOD", STRONG)],
            [(f"= {short_tokens(figures.issued_base_units)} issued", FAINT)],
            [(f"+ {short_tokens(figures.opening_pool_base_units)} carried in", FAINT)],
        ]
    )
    segments = [
        _Segment("paid at the cap", at_cap, 1, _CAPPED),
        _Segment("paid in proportion", figures.paid_base_units - at_cap, 0, _PAID),
        _Segment("undistributed", figures.undistributed_base_units, 2, _REST),
    ]
    _stacked(canvas, figures.pool_base_units, segments if at_cap else segments[1:])
    if figures.leftover_units:
        units = counted(figures.leftover_units, "base unit")
        canvas.packed([[(f"{units} of it went to the largest remainders", FAINT)]])


def _facts(figures: EpochFigures) -> list[Span]:
    facts = [
        (f"Epoch {figures.epoch}", STRONG),
        (counted(len(figures.node_ids), "node"), ""),
        *([] if not figures.excluded else [(f"{sum(figures.excluded.values()):,} excluded", "")]),
        (f"{figures.capped_count:,} at the cap", ""),
        (f"max share {figures.max_share_text}", ""),
        (f"rate {figures.rate_text}", ""),
    ]
    if figures.withheld_base_units:
        facts.append((f"withheld {short_tokens(figures.withheld_base_units)}", _CAPPED))
    if figures.fallback:
        facts.append(("every weight was 0: equal shares", _CAPPED))
    if not figures.paid_base_units:
        facts.append(("nothing was paid", _CAPPED))
    return facts


def _stacked(canvas: Canvas, whole: int, segments: Sequence[_Segment]) -> None:
    """A bar as wide as the picture, and under it what its segments are."""
    cells = _cells([segment.base_units for segment in segments], canvas.width)
    canvas.line(
        *((canvas.shades[s.shade] * n, s.style) for s, n in zip(segments, cells, strict=True))
    )
    canvas.packed(
        [
            [
                (canvas.shades[s.shade], s.style),
                (f" {s.name} {short_tokens(s.base_units)}", "" if s.base_units else FAINT),
                (f" {percent(s.base_units, whole)}" if s.base_units else "", FAINT),
            ]
            for s in segments
        ]
    )


def _cells(parts: Sequence[int], width: int) -> list[int]:
    """`width` cells in proportion to the parts, at least one for each that is not 0."""
    whole = sum(parts)
    if whole == 0:
        return [0] * len(parts)
    cells = [max(part * width // whole, 1 if part else 0) for part in parts]
    largest = max(range(len(parts)), key=lambda i: parts[i])
    cells[largest] += width - sum(cells)
    return cells


def _nodes(figures: EpochFigures, canvas: Canvas) -> None:
    """The top nodes one by one, then the others in bands; each part to a scale of its own."""
    top = top_nodes(figures, _TOP)
    rows = [
        _Row(
            f"{rank:>{_RANK}} {figures.node_ids[index]}",
            _aligned(canvas, short_tokens(figures.amounts[index])),
            figures.amounts[index],
            "cap" if figures.is_capped(index) else "",
            _CAPPED if figures.is_capped(index) else _PAID,
        )
        for rank, index in enumerate(top, start=1)
    ]
    rest = _bands(figures, canvas, top)
    nodes = len(figures.node_ids)
    headings = _aligned(canvas, "paid NOD"), _aligned(canvas, "nodes")
    columns = _columns(canvas, [*headings, *(row.middle for row in rows + rest)])
    canvas.line()
    heading = f"Top {len(top)} of {nodes:,}" if rest else counted(nodes, "node")
    _table(figures, canvas, columns, (heading, headings[0]), rows)
    if rest:
        _table(figures, canvas, columns, (f"Other {nodes - len(top):,}", headings[1]), rest)


def _columns(canvas: Canvas, middle: Sequence[str]) -> _Columns:
    """A third of the line for the labels, or less where the numbers need it."""
    numbers = max(len(text) for text in middle)
    room = canvas.width - numbers - _SHARE - _MARK - 4
    label = max(8, min(canvas.width // 3 - 2, room - _LEAST_BAR))
    return _Columns(label, room - label, numbers)


def _table(
    figures: EpochFigures,
    canvas: Canvas,
    columns: _Columns,
    heading: tuple[str, str],
    rows: Sequence[_Row],
) -> None:
    """Rows with their bars; above the bars, what the longest of them stands for."""
    largest = max(row.paid for row in rows)
    scale = f"0 to {percent(largest, figures.pool_base_units)}" if largest else ""
    canvas.line(
        (f"{_clipped(canvas, heading[0], columns.label):<{columns.label}} ", STRONG),
        (f"{scale[: columns.bar]:<{columns.bar}} ", FAINT),
        (f"{heading[1]:>{columns.middle}} {'of pool':>{_SHARE}}", FAINT),
    )
    for row in rows:
        bar = bar_of(canvas, row.paid, largest, columns.bar)
        canvas.line(
            (f"{_clipped(canvas, row.label, columns.label):<{columns.label}} ", ""),
            (f"{bar:<{columns.bar}} ", row.style),
            (f"{row.middle:>{columns.middle}} ", ""),
            (f"{percent(row.paid, figures.pool_base_units):>{_SHARE}} ", ""),
            (row.mark, STRONG),
        )


def _bands(figures: EpochFigures, canvas: Canvas, top: Sequence[int]) -> list[_Row]:
    """The nodes below the top in decades of what they were paid, highest first."""
    powers = [10**exponent for exponent in range(39)]
    counts, sums = [0] * 40, [0] * 40
    above = set(top)
    for index, amount in enumerate(figures.amounts):
        if index not in above:
            band = bisect_right(powers, amount)
            counts[band] += 1
            sums[band] += amount
    used = [band for band in range(39, 0, -1) if counts[band]]
    if not used and not counts[0]:
        return []
    rows = []
    shown = used[0] - _BANDS if used else 0
    for band in (band for band in used if band > shown):
        rows.append(
            _band_row(canvas, f"from {round_tokens(band - 1)} NOD", counts[band], sums[band])
        )
    below = [band for band in used if band <= shown]
    if below:
        count, paid = sum(counts[band] for band in below), sum(sums[band] for band in below)
        rows.append(_band_row(canvas, f"below {round_tokens(shown)} NOD", count, paid))
    if counts[0]:
        rows.append(_band_row(canvas, "nothing", counts[0], 0))
    return rows


def _aligned(canvas: Canvas, amount: str) -> str:
    """With the room of an ellipsis after an exact amount, so that the points stay in line."""
    text = canvas.text(amount)
    return text if amount.endswith(ELLIPSIS) else text + " " * len(canvas.text(ELLIPSIS))


def _band_row(canvas: Canvas, label: str, count: int, paid: int) -> _Row:
    return _Row(" " * (_RANK + 1) + label, _aligned(canvas, f"{count:,}"), paid, "", _PAID)


def _clipped(canvas: Canvas, label: str, width: int) -> str:
    """A long id keeps its two ends, which is where ids differ."""
    if len(label) <= width:
        return label
    mark = canvas.text(ELLIPSIS)
    tail = (width - len(mark)) // 3
    return label[: width - len(mark) - tail] + mark + label[len(label) - tail :]
