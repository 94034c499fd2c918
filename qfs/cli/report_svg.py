"""Elements of the charts of the page: text, lines and areas of an SVG.

Floats stand here for pixel coordinates only, written with one decimal, so that the same figures
give the same bytes. Every number that is read as text comes from integers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

Point = tuple[float, float]

_NAMESPACE = "http://www.w3.org/2000/svg"
_MARGIN = 20


@dataclass(frozen=True, slots=True)
class Frame:
    """The area of a chart. A narrow one is drawn for a phone: fewer words, the same sizes."""

    name: str
    width: int
    height: int
    narrow: bool = False


def document(frame: Frame, title: str, description: str, body: str, style: str = "") -> str:
    """An SVG with a title and a description for those who cannot see it.

    With a `style` it stands alone: it carries the style, its namespace and its size.
    """
    margin = _MARGIN if style else 0
    width, height = frame.width + 2 * margin, frame.height + 2 * margin
    alone = paper = ""
    if style:
        alone = f'xmlns="{_NAMESPACE}" width="{width}" height="{height}" '
        paper = f'<rect class="paper" x="{-margin}" y="{-margin}" width="100%" height="100%"/>'
        paper = f"<style>{style}</style>{paper}"
    return (
        f'<svg {alone}viewBox="{-margin} {-margin} {width} {height}" class="chart" role="img"'
        f' aria-labelledby="{frame.name}-title {frame.name}-description">'
        f'<title id="{frame.name}-title">{escape(title)}</title>'
        f'<desc id="{frame.name}-description">{escape(description)}</desc>{paper}{body}</svg>'
    )


def pixels(value: float) -> str:
    return f"{value:.1f}"


def text(x: float, y: float, content: str, classes: str = "", anchor: str = "start") -> str:
    """A label. `anchor` says which end of it, or its middle, is at x."""
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    look = f' class="{classes}"' if classes else ""
    return f'<text x="{pixels(x)}" y="{pixels(y)}"{where}{look}>{escape(content)}</text>'


def rectangle(x: float, y: float, width: float, height: float, classes: str) -> str:
    return (
        f'<rect class="{classes}" x="{pixels(x)}" y="{pixels(y)}"'
        f' width="{pixels(width)}" height="{pixels(height)}"/>'
    )


def line(start: Point, end: Point, classes: str) -> str:
    return (
        f'<line class="{classes}" x1="{pixels(start[0])}" y1="{pixels(start[1])}"'
        f' x2="{pixels(end[0])}" y2="{pixels(end[1])}"/>'
    )


def polyline(points: Iterable[Point], classes: str) -> str:
    return f'<polyline class="{classes}" points="{_points(points)}"/>'


def polygon(points: Iterable[Point], classes: str) -> str:
    return f'<polygon class="{classes}" points="{_points(points)}"/>'


def dot(at: Point, radius: float, classes: str, tooltip: str = "") -> str:
    """A point; the tooltip appears where a pointer rests on it."""
    where = f'cx="{pixels(at[0])}" cy="{pixels(at[1])}" r="{pixels(radius)}"'
    if not tooltip:
        return f'<circle class="{classes}" {where}/>'
    return f'<circle class="{classes}" {where}><title>{escape(tooltip)}</title></circle>'


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{pixels(x)},{pixels(y)}" for x, y in points)
