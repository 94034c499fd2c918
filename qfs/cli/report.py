"""A closed epoch as one self-contained HTML page.

No script, no request to anywhere, no clock: the same figures give the same bytes. Whatever comes
from outside is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from qfs.cli.figures import (
    ELLIPSIS,
    METRICS,
    REASONS,
    EpochFigures,
    counted,
    percent,
    short_tokens,
    tokens,
)
from qfs.cli.ranking import Ranking, cumulative, rank_nodes, ranks_to_half
from qfs.cli.report_charts import lorenz_chart, rank_chart
from qfs.cli.report_flow import flow_chart
from qfs.cli.report_style import PAGE_STYLE, STANDALONE_STYLE
from qfs.limits import TOKEN_DECIMALS

_TOP = 20
_COARSE_DECIMALS = 4
_SIZED = ("highest", "highest 10")


def render_svg(figures: EpochFigures) -> str:
    """The chart of amount by rank as a file of its own, light or dark as the reader prefers."""
    return rank_chart(figures, rank_nodes(figures, _TOP), style=STANDALONE_STYLE)


def render_html(figures: EpochFigures) -> str:
    """The page of a closed epoch. About 100 kilobytes, however many nodes there are."""
    ranking = rank_nodes(figures, _TOP)
    title = f"Epoch {figures.epoch}: allocation of fees to nodes"
    sections = [
        _header(figures, ranking),
        _flow(figures),
        _scores(figures),
        _ranks(figures, ranking),
        _concentration(figures, ranking),
        _top_nodes(figures, ranking),
        _check(figures, ranking),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{PAGE_STYLE}</style>\n</head>\n<body>\n"
        "<main>\n" + "\n".join(section for section in sections if section) + "\n</main>\n"
        '<footer class="note">Amounts are exact to the base unit, 10<sup>&minus;18</sup> of a'
        " token; an ellipsis says that digits were left out. Percentages are rounded.</footer>\n"
        "</body>\n</html>\n"
    )


def _exact(base_units: int) -> str:
    """All 18 decimals, those after the fourth set back."""
    digits = tokens(base_units, TOKEN_DECIMALS)
    split = len(digits) - TOKEN_DECIMALS + _COARSE_DECIMALS
    return f'{digits[:split]}<span class="fine">{digits[split:]}</span>'


def _coarse(base_units: int) -> str:
    """A short amount whose ellipsis hangs outside the column, so that the points stay in line."""
    return short_tokens(base_units).replace(ELLIPSIS, f'<span class="cut">{ELLIPSIS}</span>')


def _header(figures: EpochFigures, ranking: Ranking) -> str:
    headline = (
        ("Paid to nodes", figures.paid_base_units, "NOD"),
        ("Issued from the fees", figures.issued_base_units, "NOD"),
        ("Undistributed, for the next epoch", figures.undistributed_base_units, "NOD"),
    )
    entries = "".join(
        f'<div><dt>{name}</dt><dd>{short_tokens(amount)} <span class="unit">{unit}</span>'
        f'<span class="fine">{tokens(amount, TOKEN_DECIMALS)}</span></dd></div>'
        for name, amount, unit in headline
    )
    return (
        f'<h1>Epoch {figures.epoch}</h1>\n<p class="lede">{_lede(figures, ranking)}</p>\n'
        f'{_notice(figures)}<dl class="headline">{entries}</dl>'
    )


def _lede(figures: EpochFigures, ranking: Ranking) -> str:
    fees = (
        f"{counted(figures.fee_count, 'action')} paid {short_tokens(figures.fees_base_units)} ATR"
        f" in fees, of which {short_tokens(figures.issued_base_units)} were issued as NOD."
    )
    opening, pool = figures.opening_pool_base_units, short_tokens(figures.pool_base_units)
    made = f"With {short_tokens(opening)} NOD from earlier epochs, the" if opening else "The"
    nodes, paid = len(ranking.amounts), ranking.paid_count
    if not paid:
        return f"{fees} {made} pool was {pool} NOD."
    who = counted(nodes, "node") if paid == nodes else f"{paid:,} of {counted(nodes, 'node')}"
    much = short_tokens(figures.paid_base_units) if figures.undistributed_base_units else "all"
    how = "in equal shares" if figures.fallback else "in proportion to weight"
    at_cap = f", {figures.capped_count:,} of them up to their cap of at most {_max_share(figures)}"
    return (
        f"{fees} {made} pool was {pool} NOD; {who} {'was' if paid == 1 else 'were'} paid {much}"
        f" of it {how}{at_cap if figures.capped_count else ''}."
    )


def _max_share(figures: EpochFigures) -> str:
    return f"{escape(figures.max_share_text)} of the pool"


def _notice(figures: EpochFigures) -> str:
    notices = []
    if figures.fallback:
        notices.append("Every weight was 0, so every weight counted as 1: equal shares.")
    if not figures.paid_base_units:
        notices.append("Nothing was paid; the pool stays for the next epoch.")
    if figures.withheld_base_units:
        notices.append(
            "The epoch reached its limit of issuance:"
            f" {tokens(figures.withheld_base_units, TOKEN_DECIMALS)} were withheld."
        )
    return "".join(f'<p class="notice">{notice}</p>\n' for notice in notices)


def _flow(figures: EpochFigures) -> str:
    rate = escape(figures.rate_text)
    rows = (
        ("", "Fees", figures.fees_base_units, "ATR"),
        ("part", "less kept by the treasury", figures.retained_base_units, "ATR"),
        ("of", "of it withheld at the limit", figures.withheld_base_units, "ATR"),
        ("sum", f"Issued at the rate {rate}", figures.issued_base_units, "NOD"),
        ("part", "plus carried in from earlier epochs", figures.opening_pool_base_units, "NOD"),
        ("sum", "Pool", figures.pool_base_units, "NOD"),
        ("part", "less paid to nodes", figures.paid_base_units, "NOD"),
        ("sum", "Undistributed", figures.undistributed_base_units, "NOD"),
    )
    # A limit that was not reached is no part of the account.
    shown = [row for row in rows if row[0] != "of" or figures.withheld_base_units]
    body = "".join(
        f'<tr class="{kind}"><th scope="row">{name}</th><td class="number">{_exact(amount)}</td>'
        f'<td class="unit">{unit}</td></tr>'
        for kind, name, amount, unit in shown
    )
    return (
        "<section>\n<h2>Where the fees went</h2>\n"
        f'<figure><div class="wide">{flow_chart(figures)}</div>'
        f'<div class="narrow">{flow_chart(figures, narrow=True)}</div></figure>\n'
        f'<div class="beside"><table class="account"><tbody>{body}</tbody></table>\n'
        f'<div class="note">{_rule(figures)}</div></div>\n</section>'
    )


def _rule(figures: EpochFigures) -> str:
    """How the pool is shared, with the numbers of this epoch."""
    total = figures.shared_weight_base_units
    if not figures.paid_base_units:
        return ""
    if figures.fallback:
        rule = "Every node counts the same, up to its cap."
    else:
        rule = (
            "A node is paid <em>t</em> times its weight, or its cap where that is less;"
            " <em>t</em> is the same for all."
        )
    if not total:
        return f"<p>{rule}</p><p>Every node with weight reached its cap.</p>"
    scaled = figures.shared_pool_base_units * 10**TOKEN_DECIMALS // total
    size = short_tokens(scaled) if scaled else "below 1e-18"
    here = "" if figures.fallback else f"Here <em>t</em> is {size} and "
    left = "division left nothing"
    if figures.leftover_units:
        left = (
            f"the {counted(figures.leftover_units, 'base unit')} that division left went to the"
            " largest remainders, one each"
        )
    text = f"{here}{left}."
    return f"<p>{rule}</p><p>{text[0].upper()}{text[1:]}</p>"


def _scores(figures: EpochFigures) -> str:
    """Who was left out, and which metrics said nothing about anybody."""
    if figures.excluded is None:
        return ""
    scored, left_out = len(figures.node_ids), sum(figures.excluded.values())
    rows = "".join(
        f'<tr><th scope="row">{meaning}</th><td class="id">{reason}</td>'
        f'<td class="number">{figures.excluded[reason]:,}</td></tr>'
        for reason, meaning in REASONS.items()
        if reason in figures.excluded
    )
    table = (
        '<table class="excluded"><thead><tr><th scope="col">Left out</th>'
        '<th scope="col">recorded as</th><th scope="col" class="number">nodes</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>\n"
    )
    names = [METRICS[metric] for metric in figures.neutral]
    neutral = "Each of the three metrics was assessed for at least one node."
    if names:
        verb = "was" if len(names) == 1 else "were"
        neutral = (
            f"{' and '.join(names)} {verb} assessed for nobody, and so {verb} neutral:"
            " counted as 1 for every node."
        )
    neutral = neutral[0].upper() + neutral[1:]
    return (
        "<section>\n<h2>Who was scored</h2>\n"
        f'<p class="note">{counted(scored, "node")} {"was" if scored == 1 else "were"} scored by'
        f" attested counts, {left_out:,} {'was' if left_out == 1 else 'were'} left out."
        f" {neutral}</p>\n"
        f"{table if rows else ''}</section>"
    )


def _ranks(figures: EpochFigures, ranking: Ranking) -> str:
    if not figures.paid_base_units:
        return ""
    return (
        "<section>\n<h2>What each node was paid</h2>\n"
        f'<p class="note">{_ranks_note(figures, ranking)}</p>\n'
        f'<figure><div class="wide">{rank_chart(figures, ranking)}</div>'
        f'<div class="narrow">{rank_chart(figures, ranking, narrow=True)}</div></figure>\n'
        "</section>"
    )


def _ranks_note(figures: EpochFigures, ranking: Ranking) -> str:
    axes = "Every node by its rank; both axes are logarithmic."
    if not figures.capped_count:
        return f"{axes} No node reached its cap of at most {_max_share(figures)}."
    due = figures.pool_base_units * ranking.capped_weight // ranking.total_weight
    held = due - figures.capped_paid_base_units
    to_whom = (
        "it went to the others in proportion to their weight"
        if figures.shared_weight_base_units
        else "no other node could take it, so it stays undistributed"
    )
    return (
        f"{axes} The cap held back {short_tokens(held)} NOD from"
        f" {counted(figures.capped_count, 'node')}; {to_whom}."
    )


def _concentration(figures: EpochFigures, ranking: Ranking) -> str:
    if not figures.paid_base_units:
        return ""
    nodes = len(ranking.amounts)
    half = ranks_to_half(ranking, figures.paid_base_units)
    rows = "".join(
        _group_row(figures, ranking, name, first, last) for name, first, last in _groups(nodes)
    )
    dashed = " The dashed curve is that of the weights." if figures.capped_count else ""
    due = '<th scope="col" class="number">weight</th>'
    return (
        "<section>\n<h2>How concentrated it is</h2>\n"
        f'<p class="note">{counted(half, "node")} of {nodes:,},'
        f" {escape(percent(half, nodes))}, {'is' if half == 1 else 'are'} paid at least half."
        f"{dashed}</p>\n"
        f'<div class="pair"><figure>{lorenz_chart(figures, ranking)}</figure>\n'
        '<table class="groups"><thead><tr><th scope="col">Nodes</th><td class="meter"></td>'
        f'<th scope="col" class="number">paid</th>{due}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>\n</section>"
    )


def _groups(nodes: int) -> list[tuple[str, int, int]]:
    """Name, first and last rank. Groups that small networks do not have are left out."""
    candidates = (
        ("highest", 1, 1),
        ("highest 10", 1, 10),
        ("highest 1%", 1, nodes // 100),
        ("highest 10%", 1, nodes // 10),
        ("upper half", 1, nodes // 2),
        ("lower half", nodes // 2 + 1, nodes),
    )
    groups, seen = [], set()
    for name, first, last in candidates:
        if 1 <= first <= last <= nodes and (first, last) not in seen:
            seen.add((first, last))
            groups.append((name, first, last))
    return groups


def _group_row(figures: EpochFigures, ranking: Ranking, name: str, first: int, last: int) -> str:
    paid, weight = (
        below - above
        for above, below in (
            cumulative(column, [first - 1, last]) for column in (ranking.amounts, ranking.weights)
        )
    )
    whole, total = figures.paid_base_units, ranking.total_weight
    size = f" ({last - first + 1:,})" if name not in _SIZED else ""
    bars = "".join(
        f'<span style="width:{percent(part, of, 1).strip("<>")}"></span>'
        for part, of in ((paid, whole), (weight, total))
    )
    return (
        f'<tr><th scope="row">{name}{size}</th><td class="meter" aria-hidden="true">{bars}</td>'
        f'<td class="number">{escape(percent(paid, whole))}</td>'
        f'<td class="number fine">{escape(percent(weight, total))}</td></tr>'
    )


def _top_nodes(figures: EpochFigures, ranking: Ranking) -> str:
    if not ranking.top:
        return ""
    rows = "".join(
        _node_row(figures, rank, index) for rank, index in enumerate(ranking.top, start=1)
    )
    shown, nodes = len(ranking.top), len(ranking.amounts)
    heading = f"The {shown} highest paid nodes" if shown < nodes else "All nodes"
    columns = ("Weight", "Cap, NOD", "Paid, NOD", "Of the pool")
    head = "".join(f'<th scope="col" class="number">{name}</th>' for name in columns)
    return (
        f"<section>\n<h2>{heading}</h2>\n"
        '<div class="scroll"><table class="nodes"><thead><tr><th scope="col">Rank</th>'
        f'<th scope="col">Node</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>\n'
        "</section>"
    )


def _node_row(figures: EpochFigures, rank: int, index: int) -> str:
    amount = figures.amounts[index]
    mark = '<span class="capped">at the cap</span> ' if figures.is_capped(index) else ""
    share = escape(percent(amount, figures.pool_base_units))
    return (
        f'<tr><td class="fine">{rank}</td><td class="id">{escape(figures.node_ids[index])}</td>'
        f'<td class="number" data-name="weight">{_coarse(figures.weights[index])}</td>'
        f'<td class="number" data-name="cap">{_coarse(figures.caps[index])}</td>'
        f'<td class="number" data-name="paid">{_exact(amount)}</td>'
        f'<td class="number">{mark}{share}</td></tr>'
    )


def _check(figures: EpochFigures, ranking: Ranking) -> str:
    return (
        '<section class="check">\n<h2>How to check this</h2>\n'
        "<p>With the evidence of this epoch at hand, this command computes every amount again, on"
        " any machine and without a network, and names the first one that differs:</p>\n"
        f"<pre>{escape(figures.verify_command)}</pre>\n"
        f"<p>The evidence has the digest <code>{escape(figures.evidence_digest)}</code>.</p>\n"
        f"{_by_hand(figures, ranking.top)}</section>"
    )


def _by_hand(figures: EpochFigures, top: Sequence[int]) -> str:
    """The division of the highest paid node below its cap, with all its digits."""
    pool, total = figures.shared_pool_base_units, figures.shared_weight_base_units
    inner = [i for i in top if not figures.is_capped(i) and figures.amounts[i]]
    if not inner or not total:
        return ""
    index = inner[0]
    weight, amount = figures.effective_weight(index), figures.amounts[index]
    quotient, remainder = divmod(pool * weight, total)
    terms = (
        ("pool, less what is paid at the cap", "P", pool),
        ("weight of the nodes below the cap", "W", total),
        ("weight of this node", "w", weight),
        ("P &times; w &divide; W, rounded down", "", quotient),
        ("remainder", "", remainder),
        ("paid", "", amount),
    )
    rows = "".join(
        f'<tr><th scope="row">{name}</th><td><em>{symbol}</em></td><td class="id">{value}</td></tr>'
        for name, symbol, value in terms
    )
    units = counted(figures.leftover_units, "largest remainder")
    last = "Its remainder is not among the largest, so it is paid the quotient."
    if amount == quotient + 1:
        last = f"Its remainder is among the {units}, so it is paid one base unit more."
    return (
        "<p>One of the divisions by hand, in base units, for the node"
        f" <code>{escape(figures.node_ids[index])}</code>:</p>\n"
        f'<table class="hand"><tbody>{rows}</tbody></table>\n<p>{last}</p>\n'
    )
