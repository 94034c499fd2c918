"""The chart of `qfs bench`: nanoseconds per row against rows, both axes logarithmic.

Floats are measured times and pixel coordinates; nothing here is an amount.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

from qfs.bench.timing import Timing
from qfs.cli.report_style import STANDALONE_STYLE
from qfs.cli.report_svg import Frame, Point, document, dot, line, pixels, polyline, text

_FRAME = Frame("scaling", 920, 460)
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 320, 30, 44
_LABEL_PIXELS = 17
_NOT_DRAWN = ("qfs, ", "copy into", "copy by")
"""Variants, which are in the table."""
_SIZES = ("", " thousand", " million", " billion")


def scaling_chart(timings: Sequence[Timing], group: str) -> str:
    """One curve per way of doing it, labelled at its largest number of rows."""
    curves: dict[str, list[Timing]] = {}
    for timing in timings:
        if timing.job.group == group and not timing.job.name.startswith(_NOT_DRAWN):
            curves.setdefault(timing.job.name, []).append(timing)
    drawn = [timing for curve in curves.values() for timing in curve]
    title = f"{group}: nanoseconds per row, by rows"
    if not drawn:
        body = text(_FRAME.width / 2, _FRAME.height / 2, "No round counts.", "muted", "middle")
        return document(_FRAME, title, "The machine was too busy.", body, STANDALONE_STYLE)
    plane = _Plane(drawn)
    parts = [plane.axes()]
    ends = []
    for name, curve in curves.items():
        look = "curve" if name.startswith("qfs") else "uncapped"
        points = [plane.at(timing) for timing in sorted(curve, key=lambda t: t.job.rows)]
        parts.append(polyline(points, look))
        parts += [dot(at, 3, "fill-nod" if look == "curve" else "open") for at in points]
        ends.append((points[-1], name, curve))
    parts.append(_labels(ends))
    told = "; ".join(f"{name} {_time(curve[-1].median)}" for _, name, curve in ends)
    return document(_FRAME, title, f"At the most rows: {told}.", "".join(parts), STANDALONE_STYLE)


class _Plane:
    """Maps rows and nanoseconds to a point."""

    def __init__(self, drawn: Sequence[Timing]) -> None:
        rows = [log10(timing.job.rows) for timing in drawn]
        times = [log10(timing.median) for timing in drawn]
        self.rows = (min(rows), max(max(rows), min(rows) + 1))
        self.times = (floor(min(times)), max(ceil(max(times)), floor(min(times)) + 1))

    def x(self, exponent: float) -> float:
        low, high = self.rows
        return _LEFT + (_FRAME.width - _LEFT - _RIGHT) * (exponent - low) / (high - low)

    def y(self, exponent: float) -> float:
        low, high = self.times
        return (
            _FRAME.height
            - _BOTTOM
            - (_FRAME.height - _TOP - _BOTTOM) * (exponent - low) / (high - low)
        )

    def at(self, timing: Timing) -> Point:
        return self.x(log10(timing.job.rows)), self.y(log10(timing.median))

    def axes(self) -> str:
        parts = [text(_LEFT - 50, 12, "ns per row", "muted")]
        right, bottom = _FRAME.width - _RIGHT, _FRAME.height - _BOTTOM
        for exponent in range(self.times[0], self.times[1] + 1):
            at = self.y(exponent)
            parts.append(line((_LEFT, at), (right, at), "grid"))
            parts.append(text(_LEFT - 8, at + 4, _power(exponent), "muted", "end"))
        for exponent in range(ceil(self.rows[0]), floor(self.rows[1]) + 1):
            at = self.x(exponent)
            size = f"{10 ** (exponent % 3)}{_SIZES[exponent // 3]}"
            parts.append(line((at, bottom), (at, bottom + 5), "axis"))
            parts.append(text(at, bottom + 20, size, "muted", "middle"))
        parts.append(text(right, bottom + 38, "rows", "muted", "end"))
        return "".join(parts)


def _labels(ends: list[tuple[Point, str, list[Timing]]]) -> str:
    """Names beside the last points, moved apart where they would lie on one another."""
    parts = []
    below = 0.0
    for (x, y), name, curve in sorted(ends, key=lambda end: end[0][1]):
        at = max(y, below + _LABEL_PIXELS)
        below = at
        edge = _FRAME.width - _RIGHT
        parts.append(
            f'<path class="axis" fill="none" d="M{pixels(x + 4)} {pixels(y)}'
            f' L{pixels(edge + 8)} {pixels(y)} L{pixels(edge + 16)} {pixels(at)}"/>'
        )
        look = "of-nod" if name.startswith("qfs") else "muted"
        parts.append(text(edge + 20, at + 4, f"{name}  {_time(curve[-1].median)}", look))
    return "".join(parts)


def _power(exponent: int) -> str:
    return f"{10**exponent:,}" if exponent >= 0 else f"{10.0**exponent:g}"


def _time(nanoseconds: float) -> str:
    return f"{nanoseconds:,.0f}" if nanoseconds >= 100 else f"{nanoseconds:.2g}"
