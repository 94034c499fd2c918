"""Quorum and majority: a turnout of the supply, and what uncounted power can still change.

A quorum is turnout * scale >= quorum * supply.
"""

from __future__ import annotations

from inequalities import a_product_grows_with_its_factor
from lemma import Statement, divides, iff, lemma, negation, within


@lemma
def the_least_turnout_is_rounded_up(scale, quorum, supply, turnout, needed, short):
    """A turnout is a quorum exactly from ceil(quorum * supply / scale) on."""
    return Statement(
        given={
            "needed": [quorum * supply == needed * scale - short, within(0, short, scale)],
        },
        then=iff(turnout * scale >= quorum * supply, turnout >= needed),
        canaries={
            "rounded down": {"needed": divides(quorum * supply, scale, needed, short)},
            "above it": {"then": iff(turnout * scale >= quorum * supply, turnout > needed)},
        },
        hints=[
            a_product_grows_with_its_factor(needed, turnout, scale).when(turnout >= needed),
            a_product_grows_with_its_factor(turnout + 1, needed, scale).when(turnout < needed),
        ],
    )


@lemma
def one_more_yes_never_turns_a_pass(scale, bar, yes, no, others, more):
    """What passes also passes with more power for it, under either rule of turnout: `others` is
    what counts for the quorum beside those for it."""
    return Statement(
        given={
            "scale": scale >= 1,
            "passes": [(yes + others) * scale >= bar, yes > no],
            "more": more >= 0,
        },
        then=[(yes + more + others) * scale >= bar, yes + more > no],
        canaries={"with less": {"more": more >= -1}},
        hints=[a_product_grows_with_its_factor(yes + others, yes + more + others, scale)],
    )


@lemma
def a_quorum_above_all_powers_is_never_met(scale, quorum, supply, powers, turnout):
    """Where all powers together are no quorum, no part of them is."""
    return Statement(
        given={
            "scale": scale >= 1,
            "powers": powers * scale < quorum * supply,
            "turnout": turnout <= powers,
        },
        then=turnout * scale < quorum * supply,
        canaries={"where they just are": {"powers": powers * scale <= quorum * supply}},
        hints=[a_product_grows_with_its_factor(turnout, powers, scale)],
    )


@lemma
def a_certain_pass_passes(scale, bar, yes, no, others, rest, for_it, against, counts):
    """A quorum, and more for it than against if all the rest were against: it passes whatever the
    rest does. `counts` is what it adds to the quorum beside those for it."""
    return Statement(
        given={
            "scale": scale >= 1,
            "certain": [(yes + others) * scale >= bar, yes > no + rest],
            "rest": [for_it >= 0, against >= 0, counts >= 0, for_it + against <= rest],
        },
        then=[(yes + for_it + others + counts) * scale >= bar, yes + for_it > no + against],
        canaries={
            "where it has but as many": {
                "certain": [(yes + others) * scale >= bar, yes >= no + rest]
            },
        },
        hints=[
            a_product_grows_with_its_factor(yes + others, yes + for_it + others + counts, scale)
        ],
    )


@lemma
def a_certain_failure_fails(scale, bar, yes, no, others, rest, for_it, against, counts):
    """Where it fails although all the rest is for it, it fails whatever the rest does."""
    passes_at_best = [(yes + rest + others) * scale >= bar, yes + rest > no]
    passes = [(yes + for_it + others + counts) * scale >= bar, yes + for_it > no + against]
    return Statement(
        given={
            "scale": scale >= 1,
            "fails": negation(passes_at_best),
            "rest": [for_it >= 0, against >= 0, counts >= 0, for_it + against <= rest],
            "counted": for_it + counts <= rest,
        },
        then=negation(passes),
        canaries={
            "where the rest counts twice": {"counted": for_it + counts <= 2 * rest},
        },
        hints=[
            a_product_grows_with_its_factor(
                yes + for_it + others + counts, yes + rest + others, scale
            )
        ],
    )


@lemma
def two_capped_powers_are_no_quorum(scale, quorum, supply, cap, a, b):
    """Powers of at most a quarter of the supply: two of them miss any quorum above a half."""
    return Statement(
        given={
            "cap": [4 * cap <= supply, supply >= 1, scale >= 1],
            "powers": [a <= cap, b <= cap],
            "quorum": 2 * quorum > scale,
        },
        then=(a + b) * scale < quorum * supply,
        canaries={
            "or of a half": {"quorum": 2 * quorum >= scale},
            "for powers of a third": {"cap": [3 * cap <= supply, supply >= 1, scale >= 1]},
        },
        hints=[
            a_product_grows_with_its_factor(2 * (a + b), supply, scale),
            a_product_grows_with_its_factor(scale + 1, 2 * quorum, supply),
        ],
    )
