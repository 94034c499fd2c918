"""Where a proposal stands, as a picture in the terminal, as lines and as JSON.

Integer arithmetic only. All bars of power have one scale, the supply, so that the mark of the
quorum stands at its place among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from qfs.cli.canvas import FAINT, STRONG, Canvas, Span, bar_of, canvas_on
from qfs.cli.figures import counted, percent, short_tokens
from qfs.decimals import format_tokens
from qfs.limits import BASE_UNITS_PER_TOKEN

if TYPE_CHECKING:
    from qfs.protocol.parameters import Version
    from qfs.protocol.proposals import Proposal
    from qfs.protocol.votes import Standing

_LABEL: Final = 8
_STYLES: Final = {
    "ACTIVE": "cyan",
    "PASSED": "green",
    "EXECUTED": "green",
    "REJECTED": "red",
    "EXPIRED": "yellow",
    "CANCELLED": "yellow",
}
_REASONS: Final = {
    "NO_QUORUM": "no quorum",
    "TIE": "a tie, which fails",
    "MORE_AGAINST": "not more for than against",
}


def print_standing(standing: Standing, current: Version | None, tick: int) -> None:
    """Print the picture of a proposal at a tick, and what it would change."""
    from rich.console import Console

    draw(standing, current, tick, canvas_on(Console()))


def draw(standing: Standing, current: Version | None, tick: int, canvas: Canvas) -> None:
    """The picture, at most 80 columns wide."""
    from qfs.cli.proposal import values_text, version_text

    found = standing.proposal
    canvas.packed(
        [
            [(standing.state, f"{STRONG} {_STYLES[standing.state]}")],
            *([(text, "")] for text in remarks(standing)),
        ]
    )
    canvas.line((found.type, STRONG))
    canvas.line(("  to   ", FAINT), (values_text(dict(found.payload)), ""))
    if standing.executed is None:
        canvas.line(("  now  ", FAINT), (version_text(current), ""))
    canvas.line((f"proposed by {found.proposer} at tick {found.tick}, id", FAINT))
    # Whole, however narrow: it is there to be copied.
    canvas.console.print(found.id.hex(), style=FAINT, soft_wrap=True, highlight=False)
    canvas.line()
    _powers(standing, canvas)
    canvas.line()
    _time(standing, tick, canvas)
    refused = ", ".join(f"{count:,} {reason}" for reason, count in standing.refused.items())
    ballots = f"{counted(standing.voters, 'ballot')} counted"
    canvas.line((ballots, ""), (f"; refused: {refused}" if refused else ", none refused", ""))


def remarks(standing: Standing) -> list[str]:
    """What is to be said beside the state."""
    found = []
    if standing.reason is not None:
        found.append(f"because of {_REASONS[standing.reason]} ({standing.reason})")
    if standing.executed is not None:
        found.append(f"at tick {standing.executed}")
    if standing.cancelled is not None:
        found.append(f"at tick {standing.cancelled}")
    if standing.state == "ACTIVE":
        found.append(f"{counted(standing.ticks_left, 'tick')} left to vote")
    if standing.state == "PASSED":
        found.append(f"{counted(standing.ticks_left, 'tick')} left until it expires")
    if standing.proposal.terms.emergency:
        found.append("emergency")
    if standing.is_stale and standing.state in ("ACTIVE", "PASSED"):
        found.append("STALE: the parameter was changed since, so it can never be executed")
    return found


def _powers(standing: Standing, canvas: Canvas) -> None:
    terms, powers = standing.proposal.terms, standing.powers
    rows = (
        ("for", powers.yes, "green"),
        ("against", powers.no, "red"),
        ("abstain", powers.abstain, "bright_black"),
        ("turnout", standing.turnout, "cyan"),
    )
    amounts = [canvas.text(short_tokens(power)) for _, power, _ in rows]
    shares = [percent(power, terms.supply) for _, power, _ in rows]
    width = max(map(len, amounts)) + 2 + max(map(len, shares))
    room = canvas.width - _LABEL - 1 - width - 1
    mark = _mark(standing, room)
    heading = f"of a supply of {short_tokens(terms.supply)} NOD"
    canvas.line((" " * (_LABEL + 1), ""), (heading, FAINT))
    for (label, power, style), amount, share in zip(rows, amounts, shares, strict=True):
        bar = bar_of(canvas, power, terms.supply, room)
        figures = f"{amount}  {share:>{len(max(shares, key=len))}}"
        line: list[Span] = [(f"{label:<{_LABEL}} ", STRONG if label == "turnout" else "")]
        line += _marked(canvas, bar, style, room, mark if label == "turnout" else None)
        canvas.line(*line, (f" {figures:>{width}}", ""))
    _under(canvas, mark, f"quorum {percent(terms.quorum, BASE_UNITS_PER_TOKEN)}")
    missing = standing.quorum_needed - standing.turnout
    needed = "reached" if standing.has_quorum else f"needs {short_tokens(missing)} more"
    canvas.packed(
        [
            [(f"quorum {needed};", "")],
            [(f"not voted {short_tokens(standing.open_power)};", "")],
            [(f"a node counts for at most {short_tokens(standing.proposal.power_cap)}", FAINT)],
        ]
    )


def _mark(standing: Standing, room: int) -> int:
    """The cell in which the quorum is reached."""
    terms = standing.proposal.terms
    return min(terms.quorum * room // BASE_UNITS_PER_TOKEN, room - 1)


def _marked(canvas: Canvas, bar: str, style: str, room: int, mark: int | None) -> list[Span]:
    """A bar in its room, with the mark of the quorum where there is one."""
    cells = f"{bar:<{room}}"
    if mark is None:
        return [(cells, style)]
    sign = "|" if canvas.ascii_only else "\N{BOX DRAWINGS HEAVY VERTICAL}"
    return [(cells[:mark], style), (sign, STRONG), (cells[mark + 1 :], style)]


def _under(canvas: Canvas, mark: int, words: str) -> None:
    """Words under the mark, on the side where there is room."""
    at = _LABEL + 1 + mark
    if at > len(words):
        canvas.line((f"{words + ' ^':>{at + 1}}", ""))
    else:
        canvas.line((" " * at + "^ " + words, ""))


def _time(standing: Standing, tick: int, canvas: Canvas) -> None:
    """How much of its time has gone, until it closes and until it expires."""
    found = standing.proposal
    stretches = (
        ("vote", found.tick, standing.close_tick),
        ("timelock", standing.close_tick, standing.executable_from),
        ("execute", standing.executable_from, standing.expires_at),
    )
    ends = [f"{start} .. {end}" for _, start, end in stretches]
    width = max(map(len, ends))
    room = canvas.width - _LABEL - 1 - width - 1
    canvas.line((" " * (_LABEL + 1), ""), (f"tick {tick}", FAINT))
    for (label, start, end), text in zip(stretches, ends, strict=True):
        length = max(end - start, 1)
        gone = min(max(tick - start, 0), end - start)
        bar = bar_of(canvas, gone, length, room)
        rest = "." if canvas.ascii_only else "\N{MIDDLE DOT}"
        canvas.line(
            (f"{label:<{_LABEL}} ", ""),
            (bar, "blue"),
            (rest * (room - len(bar)), FAINT),
            (f" {text:>{width}}", ""),
        )


def terms_lines(found: Proposal) -> list[tuple[str, object]]:
    """What was frozen, as names and values."""
    from qfs.cli.proposal import values_text

    terms = found.terms
    return [
        ("type", found.type),
        ("payload", values_text(dict(found.payload))),
        ("proposer", found.proposer),
        ("snapshot", f"{counted(len(found.snapshot), 'node')} as of tick {found.tick - 1}"),
        ("supply", f"{format_tokens(terms.supply)} NOD"),
        ("cap of a node", f"{format_tokens(found.power_cap)} NOD"),
        ("quorum", f"{percent(terms.quorum, BASE_UNITS_PER_TOKEN)} of the supply"),
        ("ballots", f"from tick {found.tick}, before tick {terms.close_tick}"),
        ("timelock", counted(terms.timelock_ticks, "tick")),
        ("can be executed for", counted(terms.grace_ticks, "tick")),
    ]


def summary(standing: Standing, digits: int) -> list[str]:
    """A proposal as the cells of a line."""
    from qfs.cli.proposal import values_text

    found, supply = standing.proposal, standing.proposal.terms.supply
    reason = "" if standing.reason is None else f" {standing.reason}"
    return [
        found.id.hex()[:digits],
        f"tick {found.tick}",
        f"{standing.state}{reason}",
        f"for {percent(standing.powers.yes, supply)}",
        f"against {percent(standing.powers.no, supply)}",
        f"{found.type}: {values_text(dict(found.payload))}",
    ]


def standing_document(standing: Standing) -> dict[str, Any]:
    """Where a proposal stands, as JSON; powers are text."""
    figures = {
        "yes": standing.powers.yes,
        "no": standing.powers.no,
        "abstain": standing.powers.abstain,
        "turnout": standing.turnout,
        "quorum_needed": standing.quorum_needed,
        "open_power": standing.open_power,
    }
    optional = {
        "reason": standing.reason,
        "cancelled": standing.cancelled,
        "executed": standing.executed,
    }
    return {
        "id": standing.proposal.id.hex(),
        "state": standing.state,
        **{name: value for name, value in optional.items() if value is not None},
        **{f"{name}_base_units": str(value) for name, value in figures.items()},
        "has_quorum": standing.has_quorum,
        "is_stale": standing.is_stale,
        "close_tick": standing.close_tick,
        "executable_from": standing.executable_from,
        "expires_at": standing.expires_at,
        "ticks_left": standing.ticks_left,
        "voters": standing.voters,
        "refused": standing.refused,
        "proposal": standing.proposal.document(),
    }
