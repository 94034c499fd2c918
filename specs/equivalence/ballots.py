"""Ballots that lie beside the boundaries of a tally: few voters with many ballots each, ballots of
nobody, powers of nothing, and seqs beside each other and far apart."""

from __future__ import annotations

from hypothesis import strategies as st
from strategies import noise, numbers, scalars, values, weights_of_total

from qfs.laws import TallyCase
from qfs.limits import MAX_COUNT, MAX_TICK, MAX_VALUE

# The kernel marks seqs that span up to 64 places per ballot, sorts others by 11 bits at a time, and
# keeps those that span less than 2^30 in 32 bits.
TURNS = (2**11, 2**22, 2**30, 2**32, 2**44)

seqs_of_ballots = st.one_of(
    st.integers(0, 30),
    st.sampled_from([p + d for p in TURNS for d in (-2, -1, 0, 1)]),
    st.integers(MAX_TICK - 3, MAX_TICK),
    noise.map(lambda bits: bits % (MAX_TICK + 1)),
)


def seq_columns(ballots: int) -> st.SearchStrategy[list[int] | None]:
    """A seq per ballot, each once, ascending or in any order; or none."""
    anywhere = st.lists(seqs_of_ballots, min_size=ballots, max_size=ballots, unique=True)
    return st.one_of(
        st.none(),
        anywhere,
        anywhere.map(sorted),
        st.permutations(range(ballots)),
        st.builds(
            lambda order, base: [base + place for place in order],
            st.permutations(range(ballots)),
            st.sampled_from([2**30 - 2, 2**32 - 2, MAX_TICK - ballots]),
        ),
    )


@st.composite
def tally_cases(draw: st.DrawFn, above: bool = False) -> TallyCase:
    """A snapshot and its ballots; with `above` the powers may sum to more than 2^128 - 1."""
    lists = [
        st.lists(st.integers(0, 3), max_size=6),
        st.lists(st.one_of(st.integers(0, 1), numbers(MAX_VALUE // 2)), max_size=6),
    ]
    if above:
        lists += [weights_of_total(), st.lists(values, max_size=6)]
    powers = draw(st.one_of(lists))
    caps = st.one_of(scalars, st.integers(0, 4), st.sampled_from([*powers, 2**64]))
    cap = draw(st.one_of(st.none(), caps))
    ballots, voters = len(powers), None
    if draw(st.integers(0, 4)) > 0:
        ballots = draw(st.integers(0, 12))
        somebody = st.integers(0, max(0, len(powers) - 1))
        beyond = st.sampled_from([0, len(powers), len(powers) + 1, 2**31, MAX_COUNT])
        voter = st.one_of(somebody, somebody, beyond)
        voters = draw(st.lists(voter, min_size=ballots, max_size=ballots))
    choices = draw(st.lists(st.integers(0, 2), min_size=ballots, max_size=ballots))
    return TallyCase(choices, powers, voters, draw(seq_columns(ballots)), cap)
