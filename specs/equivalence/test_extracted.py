"""The program extracted from the theories of `specs/proofs`: a third implementation of allocation,
issuance and tally, which gives what the reference and the kernel give.

Each input that is drawn is tried with its neighbours, of which one number differs by one.
"""

from __future__ import annotations

import csv
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import division
import pytest
from aims import met, must_meet, of_allocation
from ballots import tally_cases
from extracted import Extracted, absent_packages, build, or_none
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from strategies import batches, cases, examples, rates, scalars, values

import qfs
from qfs import reference
from qfs.errors import DuplicateIdError, TotalOverflowError
from qfs.laws import Case, TallyCase
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_RATE, MAX_SCALAR, MAX_TICK, MAX_VALUE

# The program is built first.
pytestmark = pytest.mark.slow

BACKENDS = [reference]
if os.environ.get("QFS_BACKEND") != "reference":
    from qfs import kernel

    BACKENDS.append(kernel)

FIGURES = ["mainnet", "sp_testnet_100", "sp_holesky_200"]


def drawn(times: int) -> settings:
    """So many times the examples of the profile in use. What fails is shown as it was drawn: to
    make it smaller would try all its neighbours again and again."""
    return settings(examples(times), phases=[Phase.explicit, Phase.generate])


@pytest.fixture(scope="session")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Extracted]:
    """The program, built once for all processes of a run."""
    absent = absent_packages()
    if absent:
        line = f"not installed: {' '.join(absent)} (packages of Debian)"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{line}, which CI does not allow")
        pytest.skip(line)
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "extracted"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        program = build(folder)
    running = Extracted(program)
    yield running
    running.close()


@pytest.fixture(autouse=True)
def inputs(extracted: Extracted, record_property: Any) -> Iterator[None]:
    """The number of inputs is recorded: a drawn example is many."""
    before = extracted.asked
    yield
    record_property("inputs", extracted.asked - before)


def near(numbers: Sequence[int], most: int) -> Iterator[list[int]]:
    """The numbers with one of them one less or one more, within 0 .. most."""
    for i, number in enumerate(numbers):
        for other in (number - 1, number + 1):
            if 0 <= other <= most:
                yield [*numbers[:i], other, *numbers[i + 1 :]]


def near_case(case: Case) -> Iterator[Case]:
    """An allocation, its neighbours, and all of its rows the other way round."""
    yield case
    keys = case.keys()
    yield Case(
        case.pool,
        case.weights[::-1],
        None if case.caps is None else case.caps[::-1],
        case.common_cap,
        [*keys][::-1],
    )
    for pool in near([case.pool], MAX_VALUE):
        yield case._replace(pool=pool[0])
    for weights in near(case.weights, MAX_VALUE):
        yield case._replace(weights=weights)
    for caps in near(case.caps or [], MAX_VALUE):
        yield case._replace(caps=caps)
    for common in near([] if case.common_cap is None else [case.common_cap], MAX_VALUE):
        yield case._replace(common_cap=common[0])


def assert_allocates(extracted: Extracted, case: Case) -> None:
    """The program and every backend come to the same, with every number that decided it."""
    found = extracted.allocate(*case)
    for backend in BACKENDS:
        expected = or_none(TotalOverflowError, backend.allocate, *case)
        if expected is not None:
            expected = expected._replace(amounts=[*expected.amounts])
        assert found == expected, (backend.__name__, case)


@must_meet(
    *("tie at the cut", "several rounds", "fallback", "all capped"),
    *("share equal to the cap", "share one above the cap", "total of 2^128 - 1", "no rows"),
    *("total above 2^128 - 1", "total of 2^127 or more", "pool of 0"),
)
@drawn(3)
@given(case=cases())
def test_allocate(extracted: Extracted, case: Case) -> None:
    """Allocation gives the same in all three, for an input and for its neighbours."""
    met(*of_allocation(case, rounds_taken=2))
    for other in near_case(case):
        assert_allocates(extracted, other)


@drawn(2)
@given(batch=batches())
def test_issue(extracted: Extracted, batch: tuple[list[int], int, int, int | None]) -> None:
    """Issuance gives the same in all three, for an input and for its neighbours."""
    fees, rate, residue, room = batch
    others = [batch]
    others += [(other, rate, residue, room) for other in near(fees, MAX_VALUE)]
    others += [(fees, *other, residue, room) for other in near([rate], MAX_RATE)]
    others += [(fees, rate, *other, room) for other in near([residue], BASE_UNITS_PER_TOKEN - 1)]
    if room is not None:
        others += [(fees, rate, residue, *other) for other in near([room], MAX_SCALAR)]
    for other in others:
        found = extracted.issue(*other)
        for backend in BACKENDS:
            expected = or_none(TotalOverflowError, backend.issue, *other)
            if expected is None:
                assert found is None, (backend.__name__, other)
            else:
                issued, withheld, _, last, _ = expected
                assert found == ([*issued], withheld, last), (backend.__name__, other)


@drawn(1)
@given(
    given_=st.lists(st.tuples(rates, st.lists(values, max_size=3)), max_size=4),
    residue=st.integers(0, BASE_UNITS_PER_TOKEN - 1),
    room=st.one_of(st.none(), scalars),
)
def test_issue_batches(
    extracted: Extracted, given_: list[tuple[int, list[int]]], residue: int, room: int | None
) -> None:
    """Batches at rates of their own issue and withhold the same in all three."""
    found = extracted.issue_batches(given_, residue, room)
    for backend in BACKENDS:
        issued, withheld, carried, left = 0, 0, residue, room
        for rate, fees in given_:
            batch = backend.issue(fees, rate, carried, left)
            issued, withheld, carried = (
                issued + batch.total,
                withheld + batch.withheld,
                batch.residue,
            )
            left = None if left is None else left - batch.total
        assert found == (issued, withheld, carried), backend.__name__


def near_tally(case: TallyCase) -> Iterator[TallyCase]:
    """A tally and its neighbours, also with another choice of each ballot, and with a seq twice."""
    yield case
    for powers in near(case.powers, MAX_VALUE):
        yield case._replace(powers=powers)
    for cap in near([] if case.cap is None else [case.cap], MAX_SCALAR):
        yield case._replace(cap=cap[0])
    for i, choice in enumerate(case.choices):
        choices = [*case.choices[:i], (choice + 1) % 3, *case.choices[i + 1 :]]
        yield case._replace(choices=choices)
    for seqs in near(case.seqs or [], MAX_TICK):
        yield case._replace(seqs=seqs)


def ballots_of(case: TallyCase) -> list[tuple[int, int, int]]:
    return list(zip(case.places(), case.owners(), case.choices, strict=True))


REFUSED = (DuplicateIdError, TotalOverflowError)


@drawn(2)
@given(case=tally_cases(above=True))
def test_tally(extracted: Extracted, case: TallyCase) -> None:
    """A tally is the same in all three, for an input and for its neighbours."""
    for other in near_tally(case):
        found = extracted.tally(ballots_of(other), other.powers, other.cap)
        for backend in BACKENDS:
            expected = or_none(REFUSED, backend.tally, *other)
            assert found == expected, (backend.__name__, other)


@drawn(1)
@given(case=tally_cases(), cut=st.integers(0, 12))
def test_partials(extracted: Extracted, case: TallyCase, cut: int) -> None:
    """Partials of batches, what they merge to and their tallies are the same in all three."""
    voters, rows = len(case.powers), range(len(case.choices))
    parts = [case.rearranged(rows[:cut]), case.rearranged(rows[cut:])]
    found = [extracted.collect_ballots(ballots_of(part), voters) for part in parts]
    merged = extracted.merge_ballots(*found)  # type: ignore[arg-type]
    finished = extracted.finish_tally(merged, case.powers, case.cap)  # type: ignore[arg-type]
    for backend in BACKENDS:
        expected = [
            backend.collect_ballots(part.choices, voters, part.owners(), part.places())
            for part in parts
        ]
        both = backend.merge_ballots(*expected)
        for partial, other in zip([*found, merged], [*expected, both], strict=True):
            assert partial == other._replace(firsts=[*other.firsts]), backend.__name__
        assert finished == backend.finish_tally(both, case.powers, case.cap), backend.__name__


@drawn(3)
@given(pool=values, weight=scalars.filter(bool), w=scalars)
def test_share(extracted: Extracted, pool: int, weight: int, w: int) -> None:
    """A share by a reciprocal is that of the model of the kernel, in words of 128 bits."""
    w = min(w, weight)
    ratio = division.ratio_of(pool, weight, 128)
    assert extracted.share(pool, weight, 128, w) == division.share(ratio, w)


def figures_of(data: Path, name: str) -> tuple[int, list[str], list[int]]:
    """Pool, ids and weights of a published epoch."""
    folder = data / "rocketpool"
    table, about, total = (
        ("nodes.csv", "epoch.json", "fee_total_wei")
        if name == "mainnet"
        else (f"{name}.csv", f"{name}.json", "pool_wei")
    )
    with (folder / table).open(newline="") as file:
        rows = list(csv.DictReader(file))
    pool = int(json.loads((folder / about).read_text())[total])
    if name == "mainnet":
        return pool, [row["node_id"] for row in rows], [qfs.amount(row["weight"]) for row in rows]
    return (
        pool,
        [row["unit_id"] for row in rows],
        [int(row["weight_base_units"]) for row in rows],
    )


@pytest.mark.parametrize("name", FIGURES)
def test_published_epochs(extracted: Extracted, data: Path, name: str) -> None:
    """Published epochs are allocated and issued the same in all three, with caps and without."""
    pool, ids, weights = figures_of(data, name)
    shares = [pool * weight // sum(weights) for weight in weights]
    caps = [share // 2 if i % 70 == 0 else 2 * share for i, share in enumerate(shares)]
    # A kernel takes ids as it has read them, and the program as numbers in their order.
    keys = [raw.encode() for raw in ids]
    for case in (
        Case(pool, weights, None, None, keys),
        Case(pool, weights, None, sorted(shares)[-30], keys),
        Case(pool, weights, caps, None, keys),
        Case(pool, weights[::-1], caps[::-1], pool // 100, keys[::-1]),
    ):
        assert_allocates(extracted, case)
    room = sum(weights) // 20
    found = extracted.issue(weights, MAX_RATE // 10, 7, room)
    for backend in BACKENDS:
        issued, withheld, _, residue, _ = backend.issue(weights, MAX_RATE // 10, 7, room)
        assert found == ([*issued], withheld, residue), backend.__name__


def test_published_oracles(extracted: Extracted, data: Path) -> None:
    """Published apportionments and water-fillings are what the extracted program gives."""
    plain = json.loads((data / "oracles" / "largest_remainder_cases.json").read_text())["cases"]
    capped = json.loads((data / "oracles" / "capped_cases.json").read_text())["cases"]
    assert (len(plain), len(capped)) == (10, 5)
    for case in plain:
        found = extracted.allocate(case["seats"], case["weights"])
        assert found is not None
        assert found.amounts == case["expected"], case["id"]
    for case in capped:
        found = extracted.allocate(case["pool"], case["weights"], case["caps"])
        assert found is not None
        assert found.amounts == case["expected"], case["id"]
        assert_allocates(extracted, Case(case["pool"], case["weights"], case["caps"]))
