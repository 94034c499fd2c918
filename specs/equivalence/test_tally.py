"""Tallies: the twins agree to the bit, keep every law, and agree with a dict of first ballots."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ballots import tally_cases
from hypothesis import event, given
from hypothesis import strategies as st
from strategies import examples, values

from qfs import laws, reference
from qfs.columns import Column
from qfs.laws import TALLY_LAWS, TallyCase
from qfs.limits import MAX_VALUE
from qfs.reference.tally import Electorate

Kind = Callable[[Sequence[int] | None, str], Any]


def as_lists(numbers: Sequence[int] | None, code: str) -> Any:
    return numbers


def as_words(numbers: Sequence[int] | None, code: str) -> Any:
    return None if numbers is None else memoryview(array(code, numbers))


def as_columns(numbers: Sequence[int] | None, code: str) -> Any:
    return None if numbers is None else Column.from_ints(numbers)


kinds = st.sampled_from([as_lists, as_words, as_columns])


@st.composite
def batches(draw: st.DrawFn) -> TallyCase:
    """A case that may have a seq twice and powers of too large a total."""
    case = draw(tally_cases(above=True))
    if case.seqs and draw(st.integers(0, 3)) == 0:
        rows = st.integers(0, len(case.seqs) - 1)
        seqs = [*case.seqs]
        for _ in range(draw(st.integers(1, 2))):
            seqs[draw(rows)] = seqs[draw(rows)]
        case = case._replace(seqs=seqs)
    return case


@pytest.mark.kernel
@examples(3)
@given(case=batches(), kind=kinds)
def test_tally(kernel: Any, outcome: Any, case: TallyCase, kind: Kind) -> None:
    """A tally, or its error, is the same from either backend, whatever the columns are."""
    expected = outcome(reference.tally, *case)
    choices, voters, seqs = (
        kind(numbers, code)
        for numbers, code in ((case.choices, "B"), (case.voters, "I"), (case.seqs, "Q"))
    )
    powers = case.powers if kind is as_lists else Column.from_ints(case.powers)
    assert outcome(kernel.tally, choices, powers, voters, seqs, case.cap) == expected
    event(expected[0] if expected[0] == "value" else expected[2])


@pytest.mark.kernel
@examples(2)
@given(case=batches(), kind=kinds, data=st.data())
def test_partials(
    kernel: Any, outcome: Any, case: TallyCase, kind: Kind, data: st.DataObject
) -> None:
    """Partials, what they merge to and their tallies are the same from either backend."""
    rows = len(case.choices)
    cut = data.draw(st.integers(0, rows))
    parts = [case.rearranged(range(cut)), case.rearranged(range(cut, rows))]
    collected: list[list[Any]] = [[], []]
    for part in parts:
        arguments = [
            [kind(part.choices, "B"), len(case.powers), kind(part.voters, "I")],
            [part.choices, len(case.powers), part.voters],
        ]
        seqs = [kind(part.seqs, "Q"), part.seqs]
        found = [
            outcome(backend.collect_ballots, *given_, seq)
            for backend, given_, seq in zip((kernel, reference), arguments, seqs, strict=True)
        ]
        assert found[0] == found[1]
        if found[0][0] == "error":
            return
        for which, backend in enumerate((kernel, reference)):
            collected[which].append(backend.collect_ballots(*arguments[which], seqs[which]))
    merged = [
        backend.merge_ballots(*partials)
        for backend, partials in zip((kernel, reference), collected, strict=True)
    ]
    assert [*merged[0].firsts] == [*merged[1].firsts]
    assert merged[0][1:] == merged[1][1:]
    # Each backend also takes the other's partials.
    expected = outcome(reference.finish_tally, merged[1], case.powers, case.cap)
    for partial in merged:
        assert outcome(kernel.finish_tally, partial, case.powers, case.cap) == expected


@pytest.mark.kernel
@examples(2)
@given(case=batches(), kind=kinds, joined=st.sampled_from([1, 3, 2**27]), data=st.data())
def test_tally_many(
    kernel: Any,
    outcome: Any,
    case: TallyCase,
    kind: Kind,
    joined: int,
    data: st.DataObject,
) -> None:
    """Tallies of many proposals are the same from either backend, in however many passes."""
    rows = len(case.choices)
    count = data.draw(st.integers(0, 4))
    number = st.integers(0, max(0, count - 1) if data.draw(st.integers(0, 3)) else count)
    numbers = data.draw(st.lists(number, min_size=rows, max_size=rows))
    electorates = [
        Electorate(case.powers[data.draw(st.integers(0, len(case.powers))) :], case.cap)
        for _ in range(count)
    ]
    voters = case.owners()
    expected = outcome(reference.tally_many, case.choices, numbers, voters, electorates, case.seqs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(kernel.tally_many.__globals__, "JOINED_VOTERS", joined)
        found = outcome(
            kernel.tally_many,
            kind(case.choices, "B"),
            kind(numbers, "I"),
            kind(voters, "I"),
            electorates,
            kind(case.seqs, "Q"),
        )
    assert found == expected


@examples(2)
@given(case=tally_cases(), data=st.data())
def test_laws_of_tallies(implementation: Any, case: TallyCase, data: st.DataObject) -> None:
    """Both backends keep the laws of tallies."""
    for law in TALLY_LAWS:
        assert law(implementation, case) is None
    rows = len(case.choices)
    order = data.draw(st.permutations(range(rows)))
    assert laws.ignores_ballot_order(implementation, case, order) is None
    cuts = sorted(data.draw(st.lists(st.integers(0, rows), max_size=4)))
    assert laws.ignores_batches(implementation, case, cuts) is None
    numbers = data.draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows))
    assert laws.tallies_proposals_apart(implementation, case, numbers) is None


@examples(2)
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.one_of(st.integers(0, 2), values)), max_size=200),
    cap=st.one_of(st.none(), values),
)
def test_sums_over_many_voters(
    implementation: Any, rows: list[tuple[int, int]], cap: int | None
) -> None:
    """Powers are looked at in runs of 64, some of which have no power at the cap or at 0."""
    rows = [(choice, power % (MAX_VALUE // 200)) for choice, power in rows]
    voted = [voter for voter, (choice, _) in enumerate(rows) if choice < 3]
    powers = [power for _, power in rows]
    counted = [power if cap is None else min(power, cap) for power in powers]
    found = implementation.tally([rows[voter][0] for voter in voted], powers, voted, None, cap)
    sums = [sum(counted[v] for v in voted if rows[v][0] == choice) for choice in range(3)]
    assert [found.no, found.yes, found.abstain] == sums
    assert found.attainable == sum(counted)
    assert found.counted == sum(counted[v] > 0 for v in voted)
    assert found.rejected["zero_power"] == sum(counted[v] == 0 for v in voted)


@pytest.mark.kernel
@pytest.mark.parametrize("gap", [1, 3, 40, 2**20, 2**37])
@pytest.mark.parametrize("rows", [1000, 5000])
def test_many_ballots(kernel: Any, rows: int, gap: int) -> None:
    """More ballots than the kernel asks for ahead, in order, shuffled, and with a seq twice."""
    count, stride = rows // 3, 7919
    voters = [i * i * stride % (count + 5) for i in range(rows)]
    choices = [(i * stride >> 3) % 3 for i in range(rows)]
    powers = [(i * 2**61 + i**7) % MAX_VALUE for i in range(count)]
    places = [i * gap for i in range(rows)]
    order = [(i * stride + 11) % rows for i in range(rows)]
    assert sorted(order) == [*range(rows)]
    expected = reference.tally(choices, powers, voters, places)
    for rearranged in (range(rows), range(rows)[::-1], order):
        arguments = [[column[i] for i in rearranged] for column in (choices, voters, places)]
        found = kernel.tally(arguments[0], powers, *arguments[1:])
        assert found == expected
        partial = kernel.collect_ballots(arguments[0], count, *arguments[1:])
        assert kernel.finish_tally(partial, powers) == expected
    with pytest.raises(Exception, match="already") as caught:
        kernel.tally(choices, powers, voters, [*places[::-1][:-1], places[rows // 2]])
    assert caught.value.index == rows - 1  # type: ignore[attr-defined]
