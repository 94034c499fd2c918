"""The flow of an epoch's fees as proportional bars.

Two scales: the issued part of the fees widens to the pool below it. Floats are pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qfs.cli.figures import EpochFigures, counted, percent, short_tokens
from qfs.cli.report_svg import Frame, document, polygon, rectangle, text

_BAR = 30
_THIN = 8
_RIBBON = 44
_GAP = 2
_COLUMN_LINES = 52
_ROW = 23
_COLUMN = 230


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a bar, or with `fill` empty the whole that a row of labels begins with."""

    name: str
    base_units: int
    unit: str
    whole: int
    fill: str = ""

    @property
    def amount(self) -> str:
        return f"{short_tokens(self.base_units)} {self.unit}"

    @property
    def share(self) -> str:
        return percent(self.base_units, self.whole) if self.fill and self.base_units else ""


def flow_chart(figures: EpochFigures, narrow: bool = False) -> str:
    """Fees to issued and treasury, pool to paid and undistributed."""
    fees = _fee_parts(figures, narrow)
    sources, destinations = _pool_parts(figures)
    labels = _ROW * len(fees) + 12 if narrow else _COLUMN_LINES
    top = labels + _BAR
    pool = top + _RIBBON
    below = pool + _THIN + _GAP + _BAR
    height = below + (_ROW * len(destinations) + 14 if narrow else _COLUMN_LINES + 8)
    frame = Frame("flow-narrow" if narrow else "flow", 360 if narrow else 920, height, narrow)
    body = [
        _labels(frame, 0, fees),
        _bar(frame, labels, _BAR, fees[1:]),
        _ribbon(frame, (top, pool), figures),
        _bar(frame, pool, _THIN, sources),
        _bar(frame, pool + _THIN + _GAP, _BAR, destinations[1:]),
        _labels(frame, below + 10, destinations),
    ]
    title = f"Flow of the fees of epoch {figures.epoch}"
    told = "; ".join(f"{part.name} {part.amount}" for part in fees + sources + destinations)
    return document(frame, title, f"{told}.", "".join(body))


def _fee_parts(figures: EpochFigures, narrow: bool) -> list[_Part]:
    fees = figures.fees_base_units
    name = "Fees" if narrow else f"Fees of {counted(figures.fee_count, 'action')}"
    return [
        _Part(name, fees, "ATR", fees),
        _Part("issued as NOD", figures.issued_base_units, "NOD", fees, "nod"),
        _Part("kept by the treasury", figures.retained_base_units, "ATR", fees, "rest"),
    ]


def _pool_parts(figures: EpochFigures) -> tuple[list[_Part], list[_Part]]:
    pool = figures.pool_base_units
    sources = [
        _Part("issued", figures.issued_base_units, "NOD", pool, "nod"),
        _Part("carried in", figures.opening_pool_base_units, "NOD", pool, "carried"),
    ]
    at_cap = figures.capped_paid_base_units
    destinations = [
        _Part("Pool", pool, "NOD", pool),
        _Part("paid in proportion", figures.paid_base_units - at_cap, "NOD", pool, "nod"),
        _Part("paid at the cap", at_cap, "NOD", pool, "cap"),
        _Part("undistributed", figures.undistributed_base_units, "NOD", pool, "carried"),
    ]
    if not figures.capped_count:
        del destinations[2]
    return sources, destinations


def _labels(frame: Frame, y: float, parts: Sequence[_Part]) -> str:
    """The names and amounts of the parts: in columns, on a phone in rows."""
    drawn = []
    for position, part in enumerate(parts):
        indent = 17 if part.fill else 0
        weight = "" if part.fill else "strong"
        x = 0.0 if frame.narrow else float(_COLUMN * position)
        base = y + 15 + (_ROW * position if frame.narrow else 0)
        if part.fill:
            drawn.append(rectangle(x, base - 10, 11, 11, f"fill-{part.fill}"))
        if frame.narrow:
            drawn.append(text(indent, base, part.name, weight or "muted"))
            drawn.append(text(frame.width - 58, base, part.amount, weight, "end"))
            drawn.append(text(frame.width, base, part.share, "muted", "end"))
        else:
            name = f"{part.name}, {part.share}" if part.share else part.name
            drawn.append(text(x + indent, base, name, weight or "muted"))
            drawn.append(text(x + indent, base + 21, part.amount, "large strong"))
    return "".join(drawn)


def _bar(frame: Frame, y: float, height: float, parts: Sequence[_Part]) -> str:
    """The parts side by side. One that is not 0 is at least a line."""
    drawn, x = [rectangle(0, y, frame.width, height, "empty")], 0.0
    for part in parts:
        width = _scaled(frame, part.base_units, part.whole)
        if part.base_units:
            shown = max(1.5, width)
            start = min(x, frame.width - shown)
            drawn.append(rectangle(start, y, shown, height, f"fill-{part.fill} seam"))
        x += width
    return "".join(drawn)


def _ribbon(frame: Frame, rows: tuple[float, float], figures: EpochFigures) -> str:
    """From the issued part of the fees to the issued part of the pool."""
    upper = _scaled(frame, figures.issued_base_units, figures.fees_base_units)
    lower = _scaled(frame, figures.issued_base_units, figures.pool_base_units)
    top, bottom = rows
    drawn = ""
    if figures.issued_base_units:
        drawn = polygon([(0, top), (upper, top), (lower, bottom), (0, bottom)], "ribbon")
    if figures.opening_pool_base_units:
        carried = f"+ {short_tokens(figures.opening_pool_base_units)} NOD carried in"
        drawn += text(frame.width, bottom - 8, carried, "muted halo", "end")
    return drawn


def _scaled(frame: Frame, part: int, whole: int) -> float:
    return frame.width * (part / whole) if whole else 0.0
