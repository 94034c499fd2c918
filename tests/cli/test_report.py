"""What must be true of the pictures of a closed epoch."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Sequence
from fractions import Fraction
from html import unescape
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from qfs.cli.figures import ELLIPSIS, EpochFigures, percent, round_tokens, short_tokens, tokens
from qfs.cli.ranking import rank_nodes, sampled_ranks
from qfs.cli.report import render_html, render_svg
from qfs.errors import LengthMismatchError, OutOfRangeError, VerificationError
from qfs.reference.allocation import allocate

pytestmark = pytest.mark.once

Console = pytest.importorskip("rich.console").Console
render = pytest.importorskip("qfs.cli.chart").render

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "br", "hr", "img", "link", "input"}
DIGEST = "0123456789abcdef" * 4
HOSTILE = "<a&\"b'>" + "x" * 121
MOST_BYTES = 120_000


def close(
    weights: Sequence[int],
    fees: int = 52_310_441_123_456_789_012_345,
    opening: int = 369_079_300_000_000_000_123,
    max_share: str = "0.05",
    caps: Sequence[int] | None = None,
    ids: Sequence[str] | None = None,
) -> EpochFigures:
    """The figures of an epoch as the reference allocates it."""
    issued = fees // 10
    pool = opening + issued
    share = Fraction(max_share)
    cap = pool * share.numerator // share.denominator
    result = allocate(pool, weights, caps, cap)
    return EpochFigures(
        epoch=412,
        fee_count=1284,
        fees_base_units=fees,
        rate_text="0.1",
        issued_base_units=issued,
        withheld_base_units=0,
        retained_base_units=fees - issued,
        opening_pool_base_units=opening,
        pool_base_units=pool,
        paid_base_units=sum(result.amounts),
        undistributed_base_units=result.undistributed,
        capped_count=result.capped,
        fallback=result.fallback,
        shared_pool_base_units=result.shared_pool,
        shared_weight_base_units=result.shared_weight,
        leftover_units=result.leftover,
        max_share_text=max_share,
        evidence_digest=DIGEST,
        verify_command="qfs verify 'a & <b>'",
        node_ids=ids or [f"node-{index:07}" for index in range(len(weights))],
        weights=weights,
        caps=[cap if caps is None else min(cap, caps[i]) for i in range(len(weights))],
        amounts=list(result.amounts),
    )


def heavy_tail(nodes: int) -> list[int]:
    return [10**24 // (1 + index * 2_654_435_761 % (10 * nodes)) for index in range(nodes)]


def nothing_paid() -> EpochFigures:
    """Fewer nodes than the ruleset asks for: the pool stays."""
    figures = close([5, 7])
    return dataclasses.replace(
        figures,
        paid_base_units=0,
        undistributed_base_units=figures.pool_base_units,
        capped_count=0,
        leftover_units=0,
        amounts=[0, 0],
    )


CASES = {
    "heavy tail": close(heavy_tail(3000)),
    "no nodes": close([]),
    "no fees": close([1, 2], fees=0, opening=0),
    "one node": close([7], max_share="1"),
    "nothing paid": nothing_paid(),
    "all capped": close([5, 3, 2], max_share="0.2"),
    "equal": close([10**18] * 40),
    "fallback": close([0] * 50, max_share="0.30"),
    "largest": close(
        [10**37 // (1 + i * i) for i in range(9)], fees=10**38 - 1, opening=10**37, max_share="0.3"
    ),
    "dust": close(heavy_tail(300), fees=2000, opening=3),
    "caps of their own": close(heavy_tail(900), caps=[10**18 * (1 + i % 50) for i in range(900)]),
    "hostile ids": close([3, 2, 2], max_share="1", ids=["!", HOSTILE, "~"]),
}
CASES["withheld"] = dataclasses.replace(CASES["equal"], withheld_base_units=10**18 + 1)
CASES["scored"] = dataclasses.replace(
    CASES["equal"],
    excluded={"low_uptime": 3, "no_telemetry": 1200, "wrong_role": 1},
    neutral=("storage", "ai"),
)


@pytest.fixture(params=list(CASES))
def figures(request: pytest.FixtureRequest) -> EpochFigures:
    return CASES[request.param]


class Page(HTMLParser):
    """Collects the text, the elements and whatever is not closed where it should be."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def drawn(figures: EpochFigures, width: int, encoding: str = "utf-8") -> list[str]:
    """The lines of the terminal picture, decoded from what was written."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    render(figures, Console(file=stream, width=width))
    stream.flush()
    return raw.getvalue().decode(encoding).splitlines()


def test_same_figures_same_bytes(figures: EpochFigures) -> None:
    again = dataclasses.replace(figures)
    assert render_html(figures) == render_html(again)
    assert render_svg(figures) == render_svg(again)
    assert drawn(figures, 80) == drawn(again, 80)


def test_page_is_well_formed_and_self_contained(figures: EpochFigures) -> None:
    page = render_html(figures)
    parsed = Page(page)
    assert not parsed.wrong
    assert not parsed.open
    assert "http" not in page
    assert "url(" not in page
    assert "@import" not in page
    assert not parsed.tags & {"script", "link", "iframe", "img", "object", "embed"}
    assert not [name for name, _ in parsed.attributes if name in ("src", "href", "srcset")]
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    names = [value for name, value in parsed.attributes if name == "id"]
    assert len(names) == len(set(names))


def test_svg_parses_and_tells_what_it_shows(figures: EpochFigures) -> None:
    root = ElementTree.fromstring(render_svg(figures))
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    labels = (root.get("aria-labelledby") or "").split()
    named = {element.get("id"): element for element in root}
    assert [named[label].tag for label in labels] == [f"{SVG}title", f"{SVG}desc"]
    assert all(named[label].text for label in labels)


def test_every_coordinate_is_on_the_chart(figures: EpochFigures) -> None:
    root = ElementTree.fromstring(render_svg(figures))
    width, height = int(root.get("width", "0")), int(root.get("height", "0"))
    for element in root.iter():
        for pair in (element.get("points") or "").split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_embedded_charts_parse_too(figures: EpochFigures) -> None:
    charts = re.findall(r"<svg.*?</svg>", render_html(figures), flags=re.DOTALL)
    assert len(charts) == (5 if figures.paid_base_units else 2)
    for chart in charts:
        root = ElementTree.fromstring(chart)
        assert [child.tag for child in root][:2] == ["title", "desc"]


def test_main_chart_of_the_page_is_the_svg(figures: EpochFigures) -> None:
    body = render_svg(figures).rpartition("</style>")[2].partition("/>")[2]
    assert (body in render_html(figures)) == (figures.paid_base_units > 0)


def test_totals_are_shown_exactly(figures: EpochFigures) -> None:
    text = Page(render_html(figures)).text
    totals = [
        figures.fees_base_units,
        figures.issued_base_units,
        figures.retained_base_units,
        figures.opening_pool_base_units,
        figures.pool_base_units,
        figures.paid_base_units,
        figures.undistributed_base_units,
        figures.withheld_base_units,
    ]
    for total in totals:
        assert total == 0 or tokens(total, 18) in text
    for amount in sorted(figures.amounts, reverse=True)[:20]:
        assert tokens(amount, 18) in text
    assert figures.evidence_digest in text
    assert figures.verify_command in text


def test_what_comes_from_outside_is_escaped() -> None:
    page, svg = render_html(CASES["hostile ids"]), render_svg(CASES["hostile ids"])
    for picture in (page, svg):
        assert "<a&" not in picture
        assert "&lt;a&amp;&quot;b&#x27;&gt;" in picture
        assert HOSTILE in unescape(picture)
    assert "qfs verify &#x27;a &amp; &lt;b&gt;&#x27;" in page


def test_every_byte_of_an_id_survives() -> None:
    ids = sorted(f"{chr(byte)}n" for byte in range(0x21, 0x7F))[:20]
    figures = close([5] * len(ids), max_share="1", ids=ids)
    text = Page(render_html(figures)).text
    titles = [title.text or "" for title in ElementTree.fromstring(render_svg(figures)).iter()]
    for name in ids:
        assert name in text
        assert any(f" {name}: " in title for title in titles)


def test_division_by_hand_is_that_of_the_node() -> None:
    figures = CASES["heavy tail"]
    text = Page(render_html(figures)).text
    order = sorted(range(len(figures.amounts)), key=lambda i: -figures.amounts[i])
    index = next(i for i in order if not figures.is_capped(i))
    quotient, remainder = divmod(
        figures.shared_pool_base_units * figures.weights[index], figures.shared_weight_base_units
    )
    assert str(quotient) in text
    assert str(remainder) in text
    assert figures.amounts[index] - quotient in (0, 1)


def test_capped_nodes_are_those_that_were_capped(figures: EpochFigures) -> None:
    capped = [i for i in range(len(figures.node_ids)) if figures.is_capped(i)]
    if figures.paid_base_units:
        assert len(capped) == figures.capped_count
        assert sum(figures.amounts[i] for i in capped) == figures.capped_paid_base_units


def test_many_nodes_stay_small() -> None:
    figures = close(heavy_tail(100_000), max_share="0.01")
    assert len(render_html(figures).encode()) < MOST_BYTES
    assert len(render_svg(figures).encode()) < MOST_BYTES // 4
    most = drawn(figures, 80)
    assert len(most) < 40


@pytest.mark.parametrize("nodes", [1, 2, 21, 400, 3000, 100_000])
def test_samples_keep_the_ends_and_the_plateau(nodes: int) -> None:
    figures = close(heavy_tail(nodes), max_share="0.02")
    ranking = rank_nodes(figures, 20)
    ranks = sampled_ranks(ranking, nodes)
    assert ranks == sorted(set(ranks))
    assert (ranks[0], ranks[-1]) == (1, nodes)
    assert len(ranks) <= 400
    assert {ranking.capped[0], ranking.capped[-1]} <= set(ranks)
    assert len(ranking.capped) == figures.capped_count


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_terminal_picture_fits(figures: EpochFigures, width: int, encoding: str) -> None:
    lines = drawn(figures, width, encoding)
    assert lines
    assert max(len(line) for line in lines) <= min(width, 80)
    assert "\x1b" not in "".join(lines)


def test_terminal_picture_shows_the_figures() -> None:
    lines = drawn(CASES["heavy tail"], 80)
    text = "\n".join(lines)
    assert "issued 5,231.0441" in text
    assert "treasury 47,079.3970" in text
    capped = [line for line in lines if line.endswith(" cap")]
    assert len(capped) == min(10, CASES["heavy tail"].capped_count)
    assert "every weight was 0" in "\n".join(drawn(CASES["fallback"], 80))
    assert "nothing was paid" in "\n".join(drawn(CASES["nothing paid"], 80))


def test_terminal_picture_takes_ids_literally() -> None:
    lines = drawn(close([2, 1], max_share="1", ids=["[red]", ":smile:"]), 80)
    assert any("[red]" in line for line in lines)
    assert any(":smile:" in line for line in lines)


@pytest.mark.parametrize(
    ("base_units", "decimals", "text"),
    [
        (0, 4, "0.0000"),
        (1, 4, f"0.0000{ELLIPSIS}"),
        (1, 18, "0.000000000000000001"),
        (1_234_567_890_000_000_000_000, 4, f"1,234.5678{ELLIPSIS}"),
        (1_234_500_000_000_000_000_000, 4, "1,234.5000"),
        (1_999_999_999_999_999_999, 0, f"1{ELLIPSIS}"),
        (10**38 - 1, 18, "99,999,999,999,999,999,999.999999999999999999"),
    ],
)
def test_tokens(base_units: int, decimals: int, text: str) -> None:
    assert tokens(base_units, decimals) == text


@pytest.mark.parametrize(("base_units", "decimals"), [(-1, 4), (1, -1), (1, 19)])
def test_tokens_refuses(base_units: int, decimals: int) -> None:
    with pytest.raises(OutOfRangeError):
        tokens(base_units, decimals)


@pytest.mark.parametrize(
    ("base_units", "text"),
    [
        (0, "0"),
        (123, "1.230e-16"),
        (123456, f"1.234{ELLIPSIS}e-13"),
        (10**14, "0.0001"),
        (10**14 - 1, f"9.999{ELLIPSIS}e-5"),
        (10**38 - 1, f"9.999{ELLIPSIS}e19"),
        (10**30, "1.000e12"),
        (10**29, "100,000,000,000"),
    ],
)
def test_short_tokens(base_units: int, text: str) -> None:
    assert short_tokens(base_units) == text
    assert len(text) <= 16


def test_round_tokens() -> None:
    texts = [round_tokens(exponent) for exponent in (0, 13, 14, 17, 18, 24, 25)]
    assert texts == ["1e-18", "1e-5", "0.0001", "0.1", "1", "1,000,000", "1e7"]
    assert round_tokens(16, 5) == "0.05"


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "0.00%"),
        (0, 7, "0.00%"),
        (1, 3, "33.33%"),
        (2, 3, "66.67%"),
        (1, 20_000, "0.01%"),
        (1, 20_001, "<0.01%"),
        (99_999, 100_000, ">99.99%"),
        (7, 7, "100.00%"),
    ],
)
def test_percent(part: int, whole: int, text: str) -> None:
    assert percent(part, whole) == text


def test_figures_that_do_not_add_up_are_refused() -> None:
    figures = CASES["equal"]
    changes: dict[str, dict[str, Any]] = {
        "fees_base_units": {"retained_base_units": 0},
        "pool_base_units": {"undistributed_base_units": 1},
        "paid_base_units": {"amounts": [0] * 40},
    }
    for field, change in changes.items():
        with pytest.raises(VerificationError, match=field):
            dataclasses.replace(figures, **change)
    with pytest.raises(LengthMismatchError, match="caps"):
        dataclasses.replace(figures, caps=figures.caps[1:])


def test_who_was_left_out_stands_in_the_order_of_the_checks() -> None:
    page = Page(render_html(CASES["scored"]))
    words = [word.strip() for word in page.words if word.strip()]
    text = " ".join(words)
    rows = ("wrong_role 1", "no_telemetry 1,200", "low_uptime 3")
    assert [text.index(row) for row in rows] == sorted(text.index(row) for row in rows)
    assert "1,204 were left out" in text
    assert "Storage and AI model were assessed for nobody" in text
    alone = dataclasses.replace(CASES["scored"], excluded={}, neutral=("ai",))
    assert "AI model was assessed for nobody" in render_html(alone)
    assert "Left out" not in render_html(alone)
    assert "Who was scored" not in render_html(CASES["equal"])
