"""The kernel's lanes of eight rows, at every number of limbs, against integers of Python.

The lanes are written with AVX-512 IFMA, which few machines have. Here their headers are compiled
with `lanes/intrinsics.h`, which says in plain C what each instruction does, so that any machine
tests them; and where the processor has the instructions, with these besides.
"""

from __future__ import annotations

import itertools
import pathlib
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from programs import EMULATED, compiled, packed, said, sources

Record = Callable[[str, object], None]

LANES, LIMB, WORD = 8, 52, 128
LARGEST = 2**WORD - 1
TOP_BITS = (1, 8, 26, 50, 51, 52, 53, 63, 64, 65, 102, 103, 104, 105, 115, 116, 126, 127)
EDGES = sorted({0, 1, 2, 3, *(2**top + d for top in TOP_BITS for d in (-1, 0, 1))})
POOLS = [edge for edge in EDGES if edge < 2**127] + [10**18, 10**38 - 1]
WEIGHTS = [edge for edge in EDGES if edge] + [10**18, 21 * 5**48, 3 * 2**100, LARGEST - 1, LARGEST]
UNCAPPED, COMMON_CAP, OWN_CAPS = range(3)


def _has_lanes() -> bool:
    try:
        from qfs.kernel.build import cpu_paths
    except ImportError:
        return False
    return "avx512ifma" in cpu_paths()


WAYS = {
    "in plain C": EMULATED,
    "in plain C, portable": [*EMULATED, "-DQFS_PORTABLE"],
    **({"by the processor": []} if _has_lanes() else {}),
}

every_way = pytest.mark.parametrize("way", WAYS)


class Rows(NamedTuple):
    """Rows that share a pool at a level of the water."""

    pool: int
    weight: int
    kind: int
    """of caps"""
    common_cap: int
    cells: list[int]
    caps: list[int]


@sources
@pytest.mark.kernel
@every_way
def test_shares_at_the_edges_of_limbs(
    tmp_path: pathlib.Path, record_property: Record, way: str
) -> None:
    """Row by row and in lanes, a share and its remainder are those of division, for pools,
    weights and rows at the edges of every limb."""
    draw = random.Random(52)
    pairs = list(itertools.product(POOLS, WEIGHTS))
    groups = [
        (pool, weight, rows[i : i + LANES])
        for pool, weight in pairs
        for rows in [shared_by(pool, weight, 3 * LANES, draw)]
        for i in range(0, len(rows), LANES)
    ]
    given = b"".join(packed(pool, weight, *rows) for pool, weight, rows in groups)
    found = said(compiled("lanes/lanes.c", tmp_path, *WAYS[way]), "shares", given=given)
    at = 0
    for pool, weight, rows in groups:
        expected = shares_of(pool, weight, rows)
        assert found[at : at + len(expected)] == expected, (pool, weight, rows)
        at += len(expected)
    assert at == len(found)
    combinations = {(limbs_of(weight), pool_limbs_of(pool, weight)) for pool, weight in pairs}
    assert combinations == set(itertools.product((1, 2, 3), (1, 2, 3)))
    record_property("inputs", LANES * len(groups))


@sources
@pytest.mark.kernel
@every_way
def test_passes_at_the_edges_of_limbs(
    tmp_path: pathlib.Path, record_property: Record, way: str
) -> None:
    """Row by row and in lanes, the passes find the rows above their caps and write the amounts,
    digits and sums of the definition, however many rows there are and whatever caps them."""
    cases = list(levels(random.Random(512)))
    given = b"".join(
        packed(c.pool, c.weight, c.common_cap, c.kind, len(c.cells), *c.cells, *c.caps)
        for c in cases
    )
    found = said(compiled("lanes/lanes.c", tmp_path, *WAYS[way]), "passes", given=given)
    at = 0
    for case in cases:
        for in_lanes in (False, True):
            expected = passes_of(case, in_lanes)
            assert found[at : at + len(expected)] == expected, (case, in_lanes)
            at += len(expected)
    assert at == len(found)
    assert {len(case.cells) % LANES for case in cases} == set(range(LANES))
    record_property("inputs", sum(len(case.cells) for case in cases))


def limbs_of(weight: int) -> int:
    """As few as hold the weight and one bit more."""
    return weight.bit_length() // LIMB + 1


def pool_limbs_of(pool: int, weight: int) -> int:
    factor = 2 * ((pool << weight.bit_length()) // weight)
    return max(-(-factor.bit_length() // LIMB), 1)


def shared_by(pool: int, weight: int, count: int, draw: random.Random) -> list[int]:
    """Rows of at most this weight: at its ends, at the edges of limbs, beside shares that are at
    such an edge, and anywhere."""
    rows = [0, weight, weight - 1, weight // 2, weight // 2 + 1, -(-weight // 3)]
    if pool:
        edges = draw.choices([edge for edge in EDGES if edge <= pool], k=3)
        rows += [-(-edge * weight // pool) - d for edge in edges for d in (0, 1)]
    rows += draw.sample(EDGES, 4)
    rows = [row for row in rows if 0 <= row <= weight]
    rows += [draw.randrange(weight + 1) for _ in range(count - len(rows))]
    draw.shuffle(rows)
    return rows


def shares_of(pool: int, weight: int, rows: list[int]) -> bytes:
    """Shares and remainders; then shares, and the limbs of the remainders, which are lifted so
    that the weight ends a bit below a whole number of limbs."""
    divided = [divmod(pool * w, weight) for w in rows]
    lift = LIMB * limbs_of(weight) - 1 - weight.bit_length()
    limbs = [(rest << lift) >> (LIMB * k) & (2**LIMB - 1) for k in range(3) for _, rest in divided]
    flat = itertools.chain.from_iterable(divided)
    return packed(*flat, *(share for share, _ in divided), *limbs)


def levels(draw: random.Random) -> Iterator[Rows]:
    """Every kind of caps at many levels, with 0 to 24 rows."""
    counts = itertools.cycle(range(3 * LANES + 1))
    pools, weights = [*POOLS[::2], POOLS[-1]], [*WEIGHTS[::2], *WEIGHTS[-3:]]
    for pool, weight in itertools.product(pools, weights):
        for kind in (UNCAPPED, COMMON_CAP, OWN_CAPS):
            rows = shared_by(pool, weight, 3 * LANES, draw)
            yield with_caps(pool, weight, kind, rows, next(counts), draw)


def with_caps(
    pool: int, weight: int, kind: int, rows: list[int], count: int, draw: random.Random
) -> Rows:
    """Caps beside the shares. Some rows are heavier than the level, as rows are that were capped
    at a lower one; they exceed their caps at this one too."""
    if kind == UNCAPPED:
        return Rows(pool, weight, kind, LARGEST, rows[:count], [])
    shares = [pool * w // weight for w in rows]
    common = max(draw.choice([*shares, pool, LARGEST]) + draw.choice([-1, 0, 0, 1]), 0)
    common = min(common, LARGEST)
    # The multiplier sees nothing of a weight that ends at 0 in all limbs.
    beyond = 2 << weight.bit_length()
    heavier = [min(w, LARGEST) for w in (weight + draw.choice([1, weight]), beyond, beyond + 1)]
    if kind == COMMON_CAP:
        threshold = common * weight // pool if pool else LARGEST
        rows = [*rows, *(w for w in heavier if w > max(weight, threshold))]
        rows += [w for w in (threshold - 1, threshold, threshold + 1) if 0 <= w <= weight]
        draw.shuffle(rows)
        return Rows(pool, weight, kind, common, rows[:count], [])
    if draw.random() < 0.7:
        common = LARGEST
    caps = [min(max(s + draw.choice([-1, 0, 0, 1, LARGEST]), 0), LARGEST) for s in shares]
    pairs = list(zip(rows, caps, strict=True))
    pairs += [(w, draw.choice([pool, pool // 2])) for w in heavier if pool and w > weight]
    draw.shuffle(pairs)
    return Rows(
        pool, weight, kind, common, [w for w, _ in pairs][:count], [c for _, c in pairs][:count]
    )


def passes_of(case: Rows, in_lanes: bool) -> bytes:
    """What both passes come to, by the definition; how many rows lanes took is said first."""
    pool, weight = case.pool, case.weight
    taken = len(case.cells) // LANES * LANES if in_lanes else 0
    caps = [min(cap, case.common_cap) for cap in case.caps]
    caps = caps or [case.common_cap] * len(case.cells)
    half = digit_of(weight // 2, weight)
    over, amounts, digits = [], [], []
    for w, cap in zip(case.cells, caps, strict=True):
        share, rest = divmod(pool * w, weight)
        if case.kind != UNCAPPED and pool * w > cap * weight:
            over.append((w, cap))
            amounts.append(cap)
            digits.append(0)
        else:
            digits.append(digit_of(rest, weight))
            amounts.append(share + (digits[-1] > half))
    sums = (sum(cap for _, cap in over) % 2**WORD, sum(w for w, _ in over) % 2**WORD)
    filled = b"" if case.kind == UNCAPPED else packed(taken, len(over), *sums)
    return filled + packed(taken, sum(amounts) % 2**WORD, *amounts) + bytes(digits)


def digit_of(remainder: int, weight: int) -> int:
    """The first digit of a remainder: 8 bits, from where the weight begins."""
    return (remainder << (WORD - weight.bit_length())) >> (WORD - 8)
