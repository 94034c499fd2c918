"""Numbers, allocations, fees, operands and scores that lie beside the boundaries.

A boundary is a power that arithmetic turns on, a tie, a cap beside the exact share, and a
total beside what two limbs hold.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from qfs.laws import Case, ScoreCase
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_COUNT, MAX_RATE, MAX_SCALAR, MAX_VALUE
from qfs.reference.scoring import POLICIES

POWERS = [2**32, 2**52, 2**53, 2**63, 2**64, 2**104, 2**126, 10**18, 10**38]
EDGES = sorted({0, 1, 2, 3, *(p + d for p in POWERS for d in (-2, -1, 0, 1))})
TOTALS = [2**64, 2**127, 2**128]


def examples(times: int) -> settings:
    """So many times the examples of the profile in use."""
    return settings(max_examples=times * settings.default.max_examples)


# `integers` prefers the neighbourhood of its bounds; these have a pattern of bits of their own.
noise = st.binary(min_size=16, max_size=16).map(lambda b: int.from_bytes(b, "little"))


def numbers(maximum: int) -> st.SearchStrategy[int]:
    """Integers of 0 .. maximum: edges, small ones, any, and any of any length in bits."""
    edges = [edge for edge in {*EDGES, maximum - 1, maximum} if 0 <= edge <= maximum]
    return st.one_of(
        st.sampled_from(sorted(edges)),
        st.integers(0, min(9, maximum)),
        noise.map(lambda bits: bits % (maximum + 1)),
        st.builds(lambda bits, cut: (bits >> cut) % (maximum + 1), noise, st.integers(0, 127)),
    )


values = numbers(MAX_VALUE)
scalars = numbers(MAX_SCALAR)


@st.composite
def weights_of_total(draw: st.DrawFn) -> list[int]:
    """Weights whose total lies just below, at or just above a power that arithmetic turns on."""
    total = draw(st.sampled_from(TOTALS)) + draw(st.integers(-2, 1))
    rows = draw(st.integers(4, 9))
    parts = [total // rows] * rows
    parts[draw(st.integers(0, rows - 1))] += total % rows
    for _ in range(draw(st.integers(0, 3))):
        giver, taker = draw(st.permutations(range(rows)))[:2]
        moved = draw(noise) % (min(parts[giver], MAX_VALUE - parts[taker]) + 1)
        parts[giver] -= moved
        parts[taker] += moved
    return parts


weight_lists = st.one_of(
    st.lists(values, max_size=12),
    st.lists(st.integers(0, 3), max_size=12),
    st.builds(lambda w, n: [w] * n, values, st.integers(0, 12)),
    # One giant among small ones, and weights so near to each other that the remainders are too.
    st.builds(lambda small, giant: [*small, giant, 1], st.lists(st.integers(0, 2)), values),
    st.builds(
        lambda w, steps: [w + step for step in steps],
        numbers(MAX_VALUE - 3),
        st.lists(st.integers(0, 3), max_size=12),
    ),
    weights_of_total(),
    weights_of_total(),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Allocations with ties at the cut, caps beside the exact share, and all but one capped."""
    weights = draw(weight_lists)
    rows, total = len(weights), max(sum(weights), 1)
    pool = draw(st.one_of(values, st.integers(0, 4 * rows + 1)))
    shares = [min(pool * w // total, MAX_VALUE) for w in weights]
    caps = common = None
    capped = draw(st.sampled_from(["", "", "own", "common", "own and common"]))
    if "own" in capped:
        caps = draw(own_caps(shares))
    if "common" in capped:
        largest = max(shares, default=0)
        near = [max(largest - 1, 0), largest, pool // 2 + 1, pool // 3, 0]
        common = draw(st.one_of(st.sampled_from(near), values))
    names = [b"%d" % i for i in range(rows)]
    keys = st.one_of(st.none(), st.permutations(range(rows)), st.permutations(names))
    return Case(pool, weights, caps, common, draw(keys))


def own_caps(shares: list[int]) -> st.SearchStrategy[list[int]]:
    """A cap per row: beside its share, rising so that more rounds follow, or all but one low."""
    rows = len(shares)
    near = [
        st.one_of(st.sampled_from([max(share - 1, 0), share, min(share + 1, MAX_VALUE)]), values)
        for share in shares
    ]
    rising = [min(share * (i + 3) // (rows + 1), MAX_VALUE) for i, share in enumerate(shares)]
    all_but_one = st.integers(0, max(rows - 1, 0)).map(
        lambda one: [MAX_VALUE if i == one else share // 2 for i, share in enumerate(shares)]
    )
    return st.one_of(st.tuples(*near).map(list), st.just(rising), all_but_one)


rates = st.one_of(numbers(MAX_RATE), st.sampled_from([MAX_RATE // 10, MAX_RATE // 3]))
residues = numbers(BASE_UNITS_PER_TOKEN - 1)
rooms = st.one_of(st.none(), scalars)
fee_lists = st.one_of(st.lists(values, max_size=10), weights_of_total())


@st.composite
def operands(draw: st.DrawFn) -> tuple[list[int], list[int], list[int]]:
    """Factors and divisors: any, exact multiples, and quotients beside a tie and beside a bound."""
    rows = []
    for _ in range(draw(st.integers(0, 6))):
        a, b, c = draw(scalars), draw(scalars), draw(scalars)
        kind = draw(st.sampled_from(["any", "tie", "bound", "multiple"]))
        if kind == "tie":
            # An odd number of halves, or one unit beside it.
            b, c = draw(st.sampled_from([1, 3, 5])), max(c & ~1, 2)
            a = c // 2 + draw(st.sampled_from([0, 0, -1, 1]))
        elif kind == "bound" and a and b:
            bound = draw(st.sampled_from([MAX_VALUE, MAX_SCALAR, 2**64]))
            c = min(max(a * b // bound + draw(st.integers(-1, 1)), 0), MAX_SCALAR)
        elif kind == "multiple" and c:
            a = a // c * c
        rows.append((a, b, c))
    a, b, c = ([row[i] for row in rows] for i in range(3))
    return a, b, c


ONE = BASE_UNITS_PER_TOKEN
count_edges = [0, 1, 2, 2**16 - 1, 2**16, 2**31 - 1, 2**31, MAX_COUNT - 1, MAX_COUNT]
# `integers` prefers the neighbourhood of its bounds; these have a pattern of bits of their own.
count_noise = st.binary(min_size=4, max_size=4).map(lambda b: int.from_bytes(b, "little"))
counts = st.one_of(st.sampled_from(count_edges), st.integers(0, 9), count_noise, count_noise)
least = st.one_of(st.sampled_from([1, 1, 2, MAX_COUNT]), counts.filter(bool))


@st.composite
def ratios_of(draw: st.DrawFn, min_samples: int, above: bool) -> tuple[int, int]:
    """A numerator and denominator: full, empty, beside both bounds and `min_samples`."""
    beside = [min_samples - 1, min_samples, min(min_samples + 1, MAX_COUNT)]
    d = draw(st.one_of(st.sampled_from(beside), counts))
    near = [0, min(1, d), d, d, max(d - 1, 0), d // 2, d // 3]
    if above:
        near += [min(d + 1, MAX_COUNT), MAX_COUNT]
    return draw(st.one_of(st.sampled_from(near), count_noise.map(lambda bits: bits % (d + 1)))), d


@st.composite
def weight_triples(draw: st.DrawFn) -> tuple[int, int, int]:
    """Weights that sum to 10^18, some of them 0."""
    cuts = st.one_of(st.sampled_from([0, 1, ONE // 3, ONE // 2, ONE - 1, ONE]), st.integers(0, ONE))
    low, high = sorted((draw(cuts), draw(cuts)))
    return low, high - low, ONE - high


@st.composite
def score_cases(draw: st.DrawFn, above: bool = False) -> ScoreCase:
    """Few rows, among them often metrics without samples in all or in all but one of them."""
    min_samples = draw(least)
    rows = draw(st.integers(0, 8))
    pairs = []
    for _ in range(3):
        column = [draw(ratios_of(min_samples, above)) for _ in range(rows)]
        if draw(st.integers(0, 3)) == 0:
            few = draw(st.integers(0, rows))
            column = [(0, min(d, min_samples - 1)) for _, d in column[:few]] + column[few:]
        pairs.append(([n for n, _ in column], [d for _, d in column]))
    uptime, storage, ai = pairs
    policy = draw(st.sampled_from(POLICIES))
    return ScoreCase(uptime, storage, ai, policy, draw(weight_triples()), min_samples)
