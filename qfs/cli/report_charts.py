"""The two charts of how an epoch's pool was shared: amount by rank, and the Lorenz curve.

Floats are pixel coordinates and their logarithms only; every number that is read comes from
integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from qfs.cli.figures import (
    EpochFigures,
    counted,
    percent,
    round_tokens,
    short_tokens,
)
from qfs.cli.ranking import Ranking, capped_runs, cumulative, ranks_to_half, sampled_ranks
from qfs.cli.report_svg import Frame, Point, document, dot, line, polygon, polyline, text

_LEFT = 70
_RIGHT = 14
_TOP = 34
_BOTTOM = 44
_PAD = 0.12
_LEAST_DECADES = 1.2
_MOST_TICKS = 9
_DOTS = 20
_LEAST_MEDIAN = 40
_EVEN_SAMPLES = 100


@dataclass(frozen=True, slots=True)
class _Scale:
    """Maps a rank and an amount to a point; both axes are logarithmic."""

    frame: Frame
    ranks: float
    low: float
    high: float

    @property
    def right(self) -> float:
        return self.frame.width - _RIGHT

    @property
    def bottom(self) -> float:
        return self.frame.height - _BOTTOM

    def x(self, rank: int) -> float:
        return _LEFT + (self.right - _LEFT) * log10(rank) / self.ranks

    def y(self, base_units: int) -> float:
        share = (log10(base_units) - self.low) / (self.high - self.low)
        return self.bottom - (self.bottom - _TOP) * share

    def points(self, ranks: Sequence[int], amount: Callable[[int], int]) -> list[Point]:
        """The points of the ranks that have something to show on a logarithmic axis."""
        pairs = ((rank, amount(rank)) for rank in ranks)
        return [(self.x(rank), self.y(value)) for rank, value in pairs if value]


def rank_chart(
    figures: EpochFigures, ranking: Ranking, narrow: bool = False, style: str = ""
) -> str:
    """What each node was paid by its rank, and what it had been due without caps."""
    frame = Frame(
        "rank-narrow" if narrow else "rank", 360 if narrow else 920, 340 if narrow else 440, narrow
    )
    title = f"Epoch {figures.epoch}: NOD paid to each node, by rank"
    last = ranking.paid_count
    if last == 0:
        body = text(frame.width / 2, frame.height / 2, "Nothing was paid.", "muted", "middle")
        return document(frame, title, "No node was paid anything.", body, style)
    ranks = sampled_ranks(ranking, last)
    scale = _scale(figures, ranking, frame)
    parts = [
        _amount_axis(scale),
        _rank_axis(scale, len(ranking.amounts), last),
        _without_caps(figures, ranking, scale, ranks),
        _cap_line(figures, ranking, scale),
        polyline(scale.points(ranks, lambda rank: ranking.amounts[rank - 1]), "curve"),
        _plateaus(ranking, scale, ranks),
        _dots(figures, ranking, scale),
        _curve_labels(ranking, scale, ranks),
    ]
    return document(frame, title, _told(figures, ranking), "".join(parts), style)


def _told(figures: EpochFigures, ranking: Ranking) -> str:
    """The chart in words."""
    last = ranking.paid_count
    return (
        f"On logarithmic axes: the highest of {counted(last, 'paid node')} was paid"
        f" {short_tokens(ranking.amounts[0])} NOD, the middle one"
        f" {short_tokens(ranking.amounts[(last - 1) // 2])}, the lowest"
        f" {short_tokens(ranking.amounts[last - 1])}."
        f" {counted(figures.capped_count, 'node')} at the cap."
    )


def _scale(figures: EpochFigures, ranking: Ranking, frame: Frame) -> _Scale:
    """Both curves and the cap fit, and an axis always spans more than a decade."""
    highest = ranking.amounts[0]
    if figures.capped_count:
        highest = max(highest, ranking.proportional(figures.pool_base_units, 1))
    low = log10(ranking.amounts[ranking.paid_count - 1])
    high = log10(highest)
    missing = max(0.0, _LEAST_DECADES - (high - low)) / 2
    return _Scale(
        frame,
        log10(max(2, ranking.paid_count)),
        low - _PAD - missing,
        high + _PAD + missing,
    )


def _amount_axis(scale: _Scale) -> str:
    first, last = max(0, ceil(scale.low)), floor(scale.high)
    step = max(1, ceil((last - first + 1) / _MOST_TICKS))
    digits = (1, 2, 5) if scale.high - scale.low < 2.5 else (1,)
    drawn = [text(0, 14, "NOD paid to the node", "muted")]
    for exponent in range(max(0, floor(scale.low)), last + 1, step):
        for digit in digits:
            value = digit * 10**exponent
            if scale.low <= log10(value) <= scale.high:
                y = scale.y(value)
                drawn.append(line((_LEFT, y), (scale.right, y), "grid"))
                label = round_tokens(exponent, digit)
                drawn.append(text(_LEFT - 10, y + 4.5, label, "muted", "end"))
    return "".join(drawn)


def _rank_axis(scale: _Scale, nodes: int, last: int) -> str:
    y = scale.bottom
    drawn = [line((_LEFT, y), (scale.right, y), "axis")]
    ticks = [10**power for power in range(floor(scale.ranks) + 1)]
    # The last rank has a label of its own, unless a power of ten is in its way.
    if last > 10 and scale.right - scale.x(ticks[-1]) > 70:
        ticks.append(last)
    elif last < 10:
        ticks = list(range(1, last + 1))
    for tick in ticks:
        x = scale.x(tick)
        anchor = "end" if scale.right - x < 20 and tick > 99 else "middle"
        drawn.append(line((x, y), (x, y + 5), "axis"))
        drawn.append(text(x, y + 20, f"{tick:,}", "muted", anchor))
    unpaid = f"; {nodes - last:,} of {nodes:,} were paid nothing" if nodes > last else ""
    name = "rank" if scale.frame.narrow and unpaid else "rank of the node"
    drawn.append(text(scale.right, y + 40, f"{name}{unpaid}", "muted", "end"))
    return "".join(drawn)


def _without_caps(
    figures: EpochFigures, ranking: Ranking, scale: _Scale, ranks: Sequence[int]
) -> str:
    """The proportional shares; where caps held them back, what lies between."""
    if not figures.capped_count:
        return ""

    def due(rank: int) -> int:
        # Below the axis it would leave the chart; there it says nothing.
        share = ranking.proportional(figures.pool_base_units, rank)
        return share if share and log10(share) >= scale.low else 0

    points = scale.points(ranks, due)
    if not points:
        return ""
    drawn = [_held(ranking, scale, ranks, due), polyline(points, "uncapped")]
    drawn.append(dot(points[0], 3, "open"))
    x, y = points[0]
    label = "without the cap" if scale.frame.narrow else "in proportion, without the cap"
    drawn.append(text(x + 10, y - 9, label, "muted halo"))
    return "".join(drawn)


def _held(ranking: Ranking, scale: _Scale, ranks: Sequence[int], due: Callable[[int], int]) -> str:
    """What the common cap held back: the area between the plateau and the shares above it."""
    plateau = ranking.amounts[0]
    level = scale.y(plateau)
    runs = capped_runs(ranking)
    last = runs[0][1] if runs and runs[0][0] == 1 else 0
    edge: list[Point] = []
    for rank in (rank for rank in ranks if rank <= last and ranking.amounts[rank - 1] == plateau):
        if due(rank) >= plateau:
            edge.append((scale.x(rank), scale.y(due(rank))))
        elif edge and due(rank):
            (x0, y0), (x1, y1) = edge[-1], (scale.x(rank), scale.y(due(rank)))
            edge.append((x0 + (x1 - x0) * (level - y0) / (y1 - y0), level))
            break
        else:
            break
    return polygon([*edge, (edge[-1][0], level), (edge[0][0], level)], "held") if edge else ""


def _cap_line(figures: EpochFigures, ranking: Ranking, scale: _Scale) -> str:
    if not figures.capped_count:
        return ""
    cap = max(figures.caps)
    if cap == 0 or not scale.low <= log10(cap) <= scale.high:
        return ""
    y = scale.y(cap)
    label = f"{'' if cap == min(figures.caps) else 'highest '}cap {short_tokens(cap)} NOD"
    if not scale.frame.narrow:
        label += f", {percent(cap, figures.pool_base_units)} of the pool"
    # The curve falls away below the line, unless it never leaves it: then that side is free.
    at = y + 20 if figures.capped_count == ranking.paid_count else y - 8
    return line((_LEFT, y), (scale.right, y), "limit") + text(
        scale.right, at, label, "of-cap halo", "end"
    )


def _plateaus(ranking: Ranking, scale: _Scale, ranks: Sequence[int]) -> str:
    drawn = []
    for first, last in capped_runs(ranking):
        run = [rank for rank in ranks if first <= rank <= last]
        drawn.append(polyline(scale.points(run, lambda rank: ranking.amounts[rank - 1]), "plateau"))
    return "".join(drawn)


def _dots(figures: EpochFigures, ranking: Ranking, scale: _Scale) -> str:
    """The highest paid nodes one by one."""
    drawn = []
    for rank, index in enumerate(ranking.top[:_DOTS], start=1):
        amount = figures.amounts[index]
        if not amount:
            break
        fill = "fill-cap" if figures.is_capped(index) else "fill-nod"
        drawn.append(
            dot(
                (scale.x(rank), scale.y(amount)),
                4,
                f"dot {fill}",
                f"{rank}. {figures.node_ids[index]}: {short_tokens(amount)} NOD,"
                f" {percent(amount, figures.pool_base_units)} of the pool",
            )
        )
    return "".join(drawn)


def _curve_labels(ranking: Ranking, scale: _Scale, ranks: Sequence[int]) -> str:
    """Above the falling curve its name, below it the node in the middle."""
    last = ranking.paid_count
    rank = [rank for rank in ranks if log10(rank) <= scale.ranks / 2][-1]
    x, y = scale.x(rank), scale.y(ranking.amounts[rank - 1])
    name = text(x + 9, y - 9, "paid", "of-nod halo")
    if last < _LEAST_MEDIAN or ranking.amounts[0] < 2 * ranking.amounts[last - 1]:
        return name
    middle = (last + 1) // 2
    amount = ranking.amounts[middle - 1]
    at = (scale.x(middle), scale.y(amount))
    label = f"half the nodes: {short_tokens(amount)} or more"
    return (
        name + dot(at, 4, "dot fill-nod") + text(at[0] - 8, at[1] + 18, label, "muted halo", "end")
    )


def lorenz_chart(figures: EpochFigures, ranking: Ranking) -> str:
    """Which part of the nodes was paid which part of the whole."""
    frame = Frame("lorenz", 400, 400)
    title = f"Epoch {figures.epoch}: share of the payments by share of the nodes"
    nodes, paid = len(ranking.amounts), figures.paid_base_units
    if not paid:
        body = text(200, 200, "Nothing was paid.", "muted", "middle")
        return document(frame, title, "No node was paid anything.", body)
    even = {nodes * step // _EVEN_SAMPLES for step in range(1, _EVEN_SAMPLES)} - {0}
    ranks = sorted(even | set(sampled_ranks(ranking, nodes)))
    half = ranks_to_half(ranking, paid)
    curve = _lorenz_points(ranking.amounts, paid, ranks)
    parts = [
        _lorenz_axes(),
        polygon([*curve, (_share_x(0, 1), _share_y(0, 1))], "ribbon"),
        line((_share_x(0, 1), _share_y(0, 1)), (_share_x(1, 1), _share_y(1, 1)), "axis"),
        text(_share_x(45, 100) - 8, _share_y(45, 100) - 2, "equal amounts", "muted halo", "end"),
    ]
    if figures.capped_count:
        due = _lorenz_points(ranking.weights, ranking.total_weight, ranks)
        parts.append(polyline(due, "uncapped"))
    parts.append(polyline(curve, "curve"))
    parts.append(_half_label(ranking, paid, half))
    told = (
        f"{counted(half, 'node')}, {percent(half, nodes)} of all, were paid half or more of"
        f" {short_tokens(paid)} NOD."
    )
    return document(frame, title, told, "".join(parts))


def _share_x(part: int, whole: int) -> float:
    return 44 + 342 * (part / whole)


def _share_y(part: int, whole: int) -> float:
    return 356 - 342 * (part / whole)


def _lorenz_points(values: Sequence[int], total: int, ranks: Sequence[int]) -> list[Point]:
    """From all nodes to none. The ranks count from the highest, the axis from the lowest."""
    nodes = len(values)
    sums = cumulative(values, ranks)
    return [(_share_x(1, 1), _share_y(1, 1))] + [
        (_share_x(nodes - rank, nodes), _share_y(total - above, total))
        for rank, above in zip(ranks, sums, strict=True)
    ]


def _lorenz_axes() -> str:
    drawn = []
    for quarter in range(5):
        x, y = _share_x(quarter, 4), _share_y(quarter, 4)
        kind = "axis" if quarter == 0 else "grid"
        drawn.append(line((44, y), (386, y), kind))
        drawn.append(line((x, 356), (x, 14), kind))
        drawn.append(text(38, y + 4.5, f"{quarter * 25}%", "muted", "end"))
        drawn.append(text(x, 374, f"{quarter * 25}%", "muted", "end" if quarter == 4 else "middle"))
    drawn.append(text(386, 394, "of the nodes, from the lowest paid", "muted", "end"))
    drawn.append(text(52, 28, "of the payments", "muted halo"))
    return "".join(drawn)


def _half_label(ranking: Ranking, paid: int, half: int) -> str:
    """The point where the highest paid reach half, and the words where there is room."""
    nodes = len(ranking.amounts)
    above = cumulative(ranking.amounts, [half])[0]
    x, y = _share_x(nodes - half, nodes), _share_y(paid - above, paid)
    words = (counted(half, "node"), f"{'is' if half == 1 else 'are'} paid {percent(above, paid)}")
    left = x > _share_x(70, 100)
    at, anchor = (x - 12, "end") if left else (x + 12, "start")
    return (
        dot((x, y), 4, "dot fill-nod")
        + text(at, y + (0 if left else 16), words[0], "of-nod halo", anchor)
        + text(at, y + (17 if left else 33), words[1], "muted halo", anchor)
    )
