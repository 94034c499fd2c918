"""Where a picture in the terminal goes: its width, its glyphs, and bars in them.

Integer arithmetic only. Without Unicode the glyphs are ASCII.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from qfs.cli.figures import ELLIPSIS

if TYPE_CHECKING:
    from rich.console import Console

Span = tuple[str, str]
"""text and style"""

STRONG: Final = "bold"
FAINT: Final = "dim"

_WIDTH: Final = 80
_EIGHTHS: Final = " \u258f\u258e\u258d\u258c\u258b\u258a\u2589"


@dataclass(frozen=True, slots=True)
class Canvas:
    """Where the picture goes: its width, and the glyphs that it can use."""

    console: Console
    width: int
    ascii_only: bool

    @property
    def solid(self) -> str:
        """The glyph of a full cell."""
        return "#" if self.ascii_only else "\u2588"

    @property
    def shades(self) -> Sequence[str]:
        """Glyphs of a full cell, from solid to light."""
        return "#=." if self.ascii_only else "\u2588\u2593\u2591"

    def text(self, text: str) -> str:
        """As this terminal can write it."""
        if not self.ascii_only:
            return text
        return text.replace(ELLIPSIS, "..").encode("ascii", "backslashreplace").decode("ascii")

    def line(self, *spans: Span) -> None:
        """One line, cut where the picture ends."""
        from rich.text import Text

        line = Text.assemble(*((self.text(text), style) for text, style in spans))
        line.rstrip()
        self.console.print(line, no_wrap=True, overflow="crop", crop=True, highlight=False)

    def packed(self, parts: Sequence[Sequence[Span]]) -> None:
        """The parts with two spaces between, on as few lines as they fit."""
        line: list[Span] = []
        used = 0
        for part in parts:
            size = sum(len(self.text(text)) for text, _ in part)
            if line and used + 2 + size > self.width:
                self.line(*line)
                line, used = [], 0
            gap = [("  ", "")] if line else []
            line += [*gap, *part]
            used += 2 * len(gap) + size
        if line:
            self.line(*line)


def canvas_on(console: Console) -> Canvas:
    """A canvas at most 80 columns wide."""
    return Canvas(console, min(console.width, _WIDTH), console.options.ascii_only)


def bar_of(canvas: Canvas, part: int, largest: int, room: int) -> str:
    """In eighths of a cell where the terminal has the glyphs. Something is always visible."""
    if part == 0:
        return ""
    if canvas.ascii_only:
        return canvas.solid * (part * room // largest) or "."
    full, eighths = divmod(max(1, part * room * 8 // largest), 8)
    return canvas.solid * full + _EIGHTHS[eighths].strip()
