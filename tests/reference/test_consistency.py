"""Consistency proofs: published ones, all small sizes, and everything that is not consistent."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfs.errors import OutOfRangeError
from qfs.reference.consistency import (
    consistency_proof,
    consistency_ranges,
    is_consistent,
    root_from_consistency,
)
from qfs.reference.merkle import EMPTY_ROOT, leaf_hash, node_hash, root

SIZES = 24

# Sizes, roots and proof: transparency-dev/merkle, testdata/consistency/*/happy-path.json.
PUBLISHED: list[tuple[int, int, str, str, list[str]]] = [
    (
        1,
        1,
        "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=",
        "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=",
        [],
    ),
    (
        1,
        8,
        "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=",
        "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=",
        [
            "lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c=",
            "Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=",
            "a0eq8p7jwq+a+Im8H7klTavTEXfxYjLdaqsDXKOb9uQ=",
        ],
    ),
    (
        6,
        8,
        "duZ9rbzfHhDht03cYIq9L5jfsW+851J3tSMqEn8gh+8=",
        "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=",
        [
            "DrxdNDf74tsVi58Sah0RjjCBgQMdCpSfje3t68VY72o=",
            "yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA=",
            "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=",
        ],
    ),
    (
        2,
        5,
        "+sVCA+fMaWzw38tCySodnbr3CtnmIfS9jZhmLwDjwSU=",
        "Tju7H3tHjc/nH7YxYxUZo7yhLJrvyhYSv85ME6hiZNQ=",
        [
            "Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=",
            "vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=",
        ],
    ),
    (
        6,
        7,
        "duZ9rbzfHhDht03cYIq9L5jfsW+851J3tSMqEn8gh+8=",
        "3bib5AOAnjJXUNPSY814kpwpQreUKjS3fhIslZSnTIw=",
        [
            "DrxdNDf74tsVi58Sah0RjjCBgQMdCpSfje3t68VY72o=",
            "sIaT7C5yFZcTBkHoIR5+7cy0wmQTlj7ubB4u0W/7Gl8=",
            "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=",
        ],
    ),
]


def event_hashes(count: int) -> list[bytes]:
    return [hashlib.sha256(b"event %d" % i).digest() for i in range(count)]


@pytest.fixture(scope="module")
def events() -> list[bytes]:
    return event_hashes(SIZES)


@pytest.fixture(scope="module")
def roots(events: list[bytes]) -> list[bytes]:
    """The root of each size, each computed from its leaves alone."""
    return [root(events[:size]) for size in range(SIZES + 1)]


def holds_by_the_rfc(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> bool:
    """Verification as RFC 9162, section 2.1.4.2, words it: by the bits of the last positions."""
    if first == second:
        return not proof and first_root == second_root
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        return False
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    smaller = larger = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            smaller = node_hash(sibling, smaller)
            larger = node_hash(sibling, larger)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            larger = node_hash(larger, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and smaller == first_root and larger == second_root


@pytest.mark.parametrize("vector", PUBLISHED, ids=lambda vector: f"{vector[0]}-{vector[1]}")
def test_published_proofs(vector: tuple[int, int, str, str, list[str]]) -> None:
    first, second, *encoded_roots, encoded_proof = vector
    first_root, second_root = map(base64.b64decode, encoded_roots)
    proof = [base64.b64decode(step) for step in encoded_proof]
    assert root_from_consistency(first, second, proof, first_root) == second_root
    if first != second:
        assert not is_consistent(first, second, proof, second_root, first_root)
        assert not is_consistent(first, second, [], first_root, second_root)
        assert not is_consistent(first, second, proof[:-1], first_root, second_root)
        assert not is_consistent(first, second, [*proof, second_root], first_root, second_root)
        assert not is_consistent(first, second, [first_root, *proof], first_root, second_root)


def test_published_proofs_are_made(data: pathlib.Path) -> None:
    document: dict[str, Any] = json.loads((data / "oracles" / "rfc6962_vectors.json").read_text())
    leaves = [bytes.fromhex(text) for text in document["leaf_inputs_hex"]]
    for first, second, _, _, proof in PUBLISHED:
        made = consistency_proof(leaves, first, second)
        assert [base64.b64encode(step).decode() for step in made] == proof


def test_the_example_of_the_rfc() -> None:
    """RFC 9162, section 2.1.5: seven leaves, under the names that it gives the nodes."""
    leaves = [b"d%d" % i for i in range(7)]
    a, b, c, d, e, f, j = map(leaf_hash, leaves)
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, ell = node_hash(g, h), node_hash(i, j)
    assert root(leaves) == node_hash(k, ell)
    assert consistency_proof(leaves, 3, 7) == [c, d, g, ell]
    assert consistency_proof(leaves, 4, 7) == [ell]
    assert consistency_proof(leaves, 6, 7) == [i, j, k]


def test_all_small_sizes(implementation: Any, events: list[bytes], roots: list[bytes]) -> None:
    for second in range(1, SIZES + 1):
        for first in range(1, second + 1):
            ranges = consistency_ranges(first, second)
            proof = [implementation.range_root(events, start, stop) for start, stop in ranges]
            assert proof == consistency_proof(events, first, second)
            assert root_from_consistency(first, second, proof, roots[first]) == roots[second]
            assert is_consistent(first, second, proof, roots[first], roots[second])
            assert holds_by_the_rfc(first, second, proof, roots[first], roots[second])


def test_every_changed_hash_is_refused(events: list[bytes], roots: list[bytes]) -> None:
    for second in range(1, SIZES + 1):
        for first in range(1, second + 1):
            proof = consistency_proof(events, first, second)
            whole = b"".join([roots[first], roots[second], *proof])
            for i in range(len(whole)):
                altered = bytearray(whole)
                altered[i] ^= 1 << i % 8
                one, two, *rest = (bytes(altered[k : k + 32]) for k in range(0, len(whole), 32))
                assert not is_consistent(first, second, rest, one, two)
            for i in range(len(proof)):
                swapped = [*proof[:i], *proof[i + 1 :], proof[i]]
                if swapped != proof:
                    assert not is_consistent(first, second, swapped, roots[first], roots[second])


def test_a_proof_is_of_its_two_trees_alone(events: list[bytes], roots: list[bytes]) -> None:
    """Against the true roots of any other two sizes it does not hold."""
    pairs = [(first, second) for second in range(1, 14) for first in range(1, second + 1)]
    for first, second in pairs:
        proof = consistency_proof(events, first, second)
        for other in pairs:
            holds = is_consistent(*other, proof, roots[other[0]], roots[other[1]])
            # Of equal sizes every proof is empty.
            assert holds == (other == (first, second) or (not proof and other[0] == other[1]))


def test_sizes_that_are_claimed_are_judged_as_the_rfc_does(
    events: list[bytes], roots: list[bytes]
) -> None:
    """Roots do not say of how many leaves they are; the sizes come from signed checkpoints."""
    pairs = [(first, second) for second in range(1, 14) for first in range(1, second + 1)]
    for first, second in pairs:
        proof = consistency_proof(events, first, second)
        for claimed in pairs:
            arguments = (*claimed, proof, roots[first], roots[second])
            assert is_consistent(*arguments) == holds_by_the_rfc(*arguments)


def test_a_log_that_was_rewritten_has_no_proof(events: list[bytes], roots: list[bytes]) -> None:
    """Replace, remove, insert or swap events below the first size: the honest way to a proof."""
    second = SIZES - 1
    for first in range(2, second):
        for place in (0, first // 2, first - 1):
            other = hashlib.sha256(b"another event").digest()
            rewritten = [
                [*events[:place], other, *events[place + 1 :]],
                [*events[:place], *events[place + 1 :]],
                [*events[:place], other, *events[place:]],
                [*events[: place - 1], events[place], events[place - 1], *events[place + 1 :]],
            ]
            for log in rewritten[: 4 if place else 3]:
                proof = consistency_proof(log, first, second)
                assert not is_consistent(first, second, proof, roots[first], root(log[:second]))


def test_the_tree_of_no_leaves(roots: list[bytes]) -> None:
    assert is_consistent(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)
    assert is_consistent(0, 5, [], EMPTY_ROOT, roots[5])
    assert not is_consistent(0, 0, [], EMPTY_ROOT, roots[1])
    assert not is_consistent(0, 5, [], roots[1], roots[5])
    assert not is_consistent(0, 5, [roots[5]], EMPTY_ROOT, roots[5])


@pytest.mark.parametrize(
    ("first", "second", "argument"),
    [(-1, 3, "first"), (0, 3, "first"), (3, 2, "second"), (1, 0, "second"), (2, 6, "second")],
)
def test_sizes_that_cannot_be(first: int, second: int, argument: str) -> None:
    with pytest.raises(OutOfRangeError) as caught:
        consistency_proof(event_hashes(5), first, second)
    assert caught.value.argument == argument
    if second <= 5:
        for attempt in (
            lambda: consistency_ranges(first, second),
            lambda: root_from_consistency(first, second, [], EMPTY_ROOT),
        ):
            with pytest.raises(OutOfRangeError):
                attempt()
    if first != 0 and second <= 5:
        with pytest.raises(OutOfRangeError):
            is_consistent(first, second, [], EMPTY_ROOT, EMPTY_ROOT)


@given(st.data())
def test_the_ranges_of_large_trees(data: st.DataObject) -> None:
    """Whatever the sizes, the ranges and what the verifier has tile both trees."""
    second = data.draw(st.integers(1, 2**53 - 1))
    first = data.draw(
        st.one_of(
            st.integers(1, second),
            st.integers(0, second.bit_length() - 1).map(lambda bit: 1 << bit),
            st.integers(max(1, second - 3), second),
        )
    )
    ranges = sorted(consistency_ranges(first, second))
    assert len(ranges) <= second.bit_length() + 1
    if first & (first - 1) == 0 or first == second:
        ranges.insert(0, (0, first))
    stops = [stop for _, stop in ranges]
    assert [start for start, _ in ranges] == [0, *stops[:-1]]
    assert stops[-1] == second
    assert first in stops
    for start, stop in ranges:
        size = stop - start
        # Every subtree is perfect but the rightmost one of the larger tree.
        assert size & (size - 1) == 0 or stop == second
        assert start % (1 << (size - 1).bit_length()) == 0


def test_a_law_of_the_proof(events: list[bytes], roots: list[bytes]) -> None:
    """Proofs compose: what leads from 5 to 11 and from 11 to 23 leads from 5 to 23."""
    start, middle, end = 5, 11, 23
    found = root_from_consistency(
        start, middle, consistency_proof(events, start, middle), roots[start]
    )
    assert found is not None
    proof = consistency_proof(events, middle, end)
    assert root_from_consistency(middle, end, proof, found) == roots[end]
