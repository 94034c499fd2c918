"""The reference and the kernel agree to the bit, in values and in errors, at every boundary.

A third implementation of allocation, by fractions and from the text of the protocol alone, stands
against both; and both keep every law.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qfs import laws, reference
from qfs.columns import Column, RawCells
from qfs.ids import RawIds, RowLeaves, check_ids
from qfs.laws import ALLOCATION_LAWS, Batch, Case
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_RATE, MAX_SCALAR, MAX_TICK, MAX_VALUE
from qfs.reference.arithmetic import ROUNDINGS

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


def allocate_by_the_book(case: Case) -> tuple[list[int], int]:
    """Amounts and what is undistributed: section 4 of the protocol, with fractions."""
    pool, weights, caps, common, keys = case
    rows = range(len(weights))
    # If the sum of weights is 0 and there are nodes, every weight counts as 1.
    if sum(weights) == 0:
        weights = [1 for _ in rows]
    # cap_i is the least of those given.
    given = [[cap for cap in (common, caps and caps[i]) if cap is not None] for i in rows]
    paid, rest, left, total = {}, [*rows], pool, sum(weights)
    while True:
        # A node whose proportional share of what is left would exceed its cap is paid its cap
        # and leaves. One at a time and the last first: the protocol says the result is unique.
        shares = {i: Fraction(left * weights[i], total) for i in rest if weights[i]}
        over = [i for i, share in shares.items() if given[i] and share > min(given[i])]
        if not over:
            break
        leaver = over[-1]
        paid[leaver] = min(given[leaver])
        left, total = left - paid[leaver], total - weights[leaver]
        rest.remove(leaver)
    if total:
        # The rest share by largest remainder; ties go to the lower id, or by position.
        quotas = {i: Fraction(left * weights[i], total) for i in rest}
        paid |= {i: quota.numerator // quota.denominator for i, quota in quotas.items()}
        order = sorted(rest, key=lambda i: (paid[i] - quotas[i], i if keys is None else keys[i]))
        for i in order[: left - sum(paid[i] for i in rest)]:
            paid[i] += 1
    amounts = [paid.get(i, 0) for i in rows]
    return amounts, pool - sum(amounts)


@pytest.mark.kernel
@examples(4)
@given(case=cases(), slices=st.sampled_from([(4, 1), (1, 1), (2, 2)]), rounds=st.integers(1, 4))
def test_allocate(
    kernel: Any,
    outcome: Any,
    sliced: Callable[..., Any],
    case: Case,
    slices: tuple[int, int],
    rounds: int,
) -> None:
    expected = outcome(reference.allocate, *case)
    assert outcome(kernel.allocate, *case) == expected
    with sliced(*slices), pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{kernel.allocate.__module__}.MAX_ROUNDS", rounds)
        assert outcome(kernel.allocate, *case) == expected


@examples(3)
@given(case=cases())
def test_allocate_by_the_book(implementation: Any, case: Case) -> None:
    assume(sum(case.weights) <= MAX_SCALAR)
    found = implementation.allocate(*case)
    assert (list(found.amounts), found.undistributed) == allocate_by_the_book(case)


@examples(2)
@given(case=cases(), data=st.data())
def test_laws_of_allocation(implementation: Any, case: Case, data: st.DataObject) -> None:
    assume(sum(case.weights) <= MAX_SCALAR)
    for law in ALLOCATION_LAWS:
        assert law(implementation, case) is None
    order = data.draw(st.permutations(range(len(case.weights))))
    assert laws.ignores_row_order(implementation, case, order) is None
    room = MAX_VALUE // max(case.weights, default=1) if any(case.weights) else MAX_VALUE
    factor = data.draw(st.integers(1, min(room, MAX_SCALAR // max(sum(case.weights), 1))))
    assert laws.ignores_weight_unit(implementation, case, factor) is None


rates = st.one_of(numbers(MAX_RATE), st.sampled_from([MAX_RATE // 10, MAX_RATE // 3]))
residues = numbers(BASE_UNITS_PER_TOKEN - 1)
rooms = st.one_of(st.none(), scalars)
fee_lists = st.one_of(st.lists(values, max_size=10), weights_of_total())


@pytest.mark.kernel
@examples(2)
@given(fees=fee_lists, rate=rates, residue=residues, room=rooms)
def test_issue(
    kernel: Any, outcome: Any, fees: list[int], rate: int, residue: int, room: int | None
) -> None:
    arguments = (fees, rate, residue, room)
    assert outcome(kernel.issue, *arguments) == outcome(reference.issue, *arguments)


@examples(2)
@given(
    fees=fee_lists, rate=rates, residue=residues, room=rooms, cut=st.integers(0, 10), other=rates
)
def test_laws_of_issuance(
    implementation: Any,
    fees: list[int],
    rate: int,
    residue: int,
    room: int | None,
    cut: int,
    other: int,
) -> None:
    assume(sum(fees) <= MAX_SCALAR)
    assert laws.issues_the_floor(implementation, fees, rate, residue, room) is None
    assert laws.ignores_batching(implementation, fees, rate, cut, residue, room) is None
    batches = [Batch(rate, fees[:cut]), Batch(other, fees[cut:]), Batch(rate, [])]
    assert laws.accounts_for_every_fee(implementation, batches, residue, room) is None


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


@pytest.mark.kernel
@examples(3)
@given(
    operands=operands(),
    rounding=st.sampled_from([*ROUNDINGS, "nearest"]),
    maximum=st.sampled_from([MAX_VALUE, MAX_SCALAR, 0, 2**64]),
    single=st.sampled_from(["", "a", "bc"]),
)
def test_mul_div_many(
    kernel: Any,
    outcome: Any,
    operands: tuple[list[int], ...],
    rounding: str,
    maximum: int,
    single: str,
) -> None:
    columns = dict(zip("abc", operands, strict=True))
    columns |= {name: columns[name][:1] for name in single}
    arguments = (*columns.values(), rounding, maximum)
    expected = outcome(reference.mul_div_many, *arguments)
    assert outcome(kernel.mul_div_many, *arguments) == expected


@given(operands=operands(), rounding=st.sampled_from(ROUNDINGS))
def test_laws_of_mul_div(
    implementation: Any, operands: tuple[list[int], ...], rounding: str
) -> None:
    rows = [
        (a, b, c) for a, b, c in zip(*operands, strict=True) if c and -(-a * b // c) <= MAX_SCALAR
    ]
    a, b, c = ([row[i] for row in rows] for i in range(3))
    assert laws.rounds_once(implementation, a, b, c, rounding) is None


class Indexed:
    """An integer by `__index__` alone, as NumPy's are."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __index__(self) -> Any:
        return self.value

    def __repr__(self) -> str:
        return f"Indexed({self.value!r})"


odd = st.sampled_from(
    [
        *(None, True, False, 1.0, float("nan"), "1", b"1", Fraction(1), [1]),
        *(-1, -(2**200), MAX_VALUE + 1, 2**128 - 1, 2**128, 2**200),
        *(Indexed(7), Indexed(-1), Indexed(2**128), Indexed("7")),
    ]
)
# The first odd value decides, so that few may stand before it.
mixed = st.builds(
    lambda good, bad, rest: [*good, *bad, *rest],
    st.lists(st.one_of(values, st.just(0)), max_size=2),
    st.lists(odd, max_size=1),
    st.lists(st.one_of(values, odd), max_size=2),
)
maxima = st.sampled_from([*[MAX_VALUE] * 4, MAX_SCALAR, MAX_TICK, 2**32 - 1, 0])


def cells(numbers: Sequence[int]) -> memoryview:
    return memoryview(b"".join(number.to_bytes(16, "little") for number in numbers))


@pytest.mark.kernel
@examples(2)
@given(
    raw=st.one_of(
        st.lists(values),
        mixed,
        mixed.map(tuple),
        st.lists(values, max_size=6).map(Column.from_ints),
        st.builds(RawCells, st.lists(scalars, max_size=6).map(cells), st.none()),
        st.builds(RawCells, st.lists(scalars, min_size=3).map(cells), st.integers(0, 2)),
    ),
    maximum=maxima,
)
def test_check_values(kernel: Any, outcome: Any, raw: Any, maximum: int) -> None:
    expected = outcome(reference.check_values, raw, "fees", maximum)
    assert outcome(kernel.check_values, raw, "fees", maximum) == expected
    if expected[0] == "value" and maximum <= MAX_VALUE:
        assert kernel.check_values(raw, "fees", maximum).total == sum(expected[1])
        assert kernel.to_list(kernel.to_column(expected[1])) == expected[1]
        assert reference.to_list(reference.to_column(expected[1])) == expected[1]


@pytest.mark.kernel
@given(raw=st.lists(scalars, max_size=4))
def test_to_column(kernel: Any, outcome: Any, raw: list[int]) -> None:
    assert outcome(kernel.to_column, raw) == outcome(reference.to_column, raw)


id_like = st.one_of(
    st.sampled_from(["a", "b", "ab", "a!", "~", "!", "0xab", "a" * 127, "a" * 128, b"a", b"ab"]),
    st.sampled_from(
        ["", " ", "\x7f", "\x80", "é", "\ud800", "a" * 129, b"", b"a b", b"\xff", None, 7]
    ),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=4),
)
good_ids = st.sampled_from([b"a", b"ab", b"b", b"~", b"!", b"!!", b"a" * 128, b"a" * 127 + b"b"])
odd_ids = st.sampled_from([b"", b" ", b"a b", b"\x7f", b"\x80", b"a" * 129, b"ab", b"~"])


@st.composite
def raw_ids(draw: st.DrawFn) -> RawIds:
    """Ids as Arrow hands them over, in order for the most part."""
    ids = draw(st.lists(good_ids, max_size=5, unique=True)) + draw(st.lists(odd_ids, max_size=1))
    if draw(st.booleans()):
        ids = sorted(ids)
    offsets = array(draw(st.sampled_from("iq")), [2])
    for node_id in ids:
        offsets.append(offsets[-1] + len(node_id))
    null = draw(st.one_of(st.none(), st.integers(0, len(ids) - 1))) if ids else None
    return RawIds(memoryview(offsets), memoryview(b"??" + b"".join(ids)), null)


@pytest.mark.kernel
@examples(4)
@given(raw=st.one_of(st.lists(id_like, max_size=6), raw_ids()))
def test_check_ids(kernel: Any, outcome: Any, raw: Any) -> None:
    def checked(function: Callable[..., Any]) -> Any:
        ids = function(raw, "ids")
        return list(ids), ids.is_sorted

    assert outcome(checked, kernel.check_ids) == outcome(checked, reference.check_ids)


@pytest.mark.kernel
@examples(4)
@given(
    raw=st.one_of(st.lists(id_like, max_size=6), raw_ids()),
    maximum=st.sampled_from([1, 2, 127, 128, 129, 4096]),
)
def test_check_names(kernel: Any, outcome: Any, raw: Any, maximum: int) -> None:
    found = outcome(kernel.check_names, raw, "names", maximum)
    assert found == outcome(reference.check_names, raw, "names", maximum)


@pytest.mark.kernel
@given(
    rows=st.lists(st.tuples(values, st.integers(0, MAX_TICK)), max_size=20),
    slice_rows=st.sampled_from([1, 2, 8, 1 << 17]),
    range_cut=st.tuples(st.integers(-1, 21), st.integers(-1, 21)),
    index=st.integers(-1, 21),
)
def test_merkle_trees(
    kernel: Any,
    outcome: Any,
    sliced: Callable[..., Any],
    rows: list[tuple[int, int]],
    slice_rows: int,
    range_cut: tuple[int, int],
    index: int,
) -> None:
    leaves = RowLeaves(
        [
            check_ids([f"n{i * i}" for i in range(len(rows))], "ids"),
            Column.from_ints([value for value, _ in rows]),
            memoryview(array("Q", [tick for _, tick in rows])),
        ]
    )
    calls = {"root": (), "range_root": range_cut, "inclusion_proof": (index,)}
    with sliced(slice_rows, 1):
        for name, arguments in calls.items():
            found = outcome(getattr(kernel, name), leaves, *arguments)
            assert found == outcome(getattr(reference, name), list(leaves), *arguments)
