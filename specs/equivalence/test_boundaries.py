"""Products and quotients of any limb width, at the limbs where something turns."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest
from programs import compiled, said, sources

Record = Callable[[str, object], None]

EDGES = 12
WORDS = EDGES**2
WIDTHS = {
    **{f"{bits} bits": [f"-DQFS_LIMB_BITS={bits}"] for bits in (8, 16, 32, 64)},
    "64 bits, portable": ["-DQFS_LIMB_BITS=64", "-DQFS_PORTABLE"],
}


@pytest.mark.exhaustive("each limb one of 12 beside 0, half a limb, its top bit and its end")
@sources
@pytest.mark.kernel
@pytest.mark.parametrize("width", WIDTHS)
def test_every_choice_of_limbs_at_their_edges(
    tmp_path: pathlib.Path, record_property: Record, width: str
) -> None:
    """Products, long divisions and a * b / c in all roundings are exact at limbs of 8 to 64 bits,
    with the compiler's 128-bit integers and without."""
    # The upper word of a dividend is below the divisor, and no two of the words are equal.
    quotients = WORDS * (WORDS - 1) // 2 * WORDS
    roundings = 4 * WORDS**2 * (WORDS - 1)
    done = said(compiled("exhaustive/boundary.c", tmp_path, *WIDTHS[width])).decode()
    assert done == f"{WORDS**2} products, {quotients} quotients, {roundings} roundings\n"
    record_property("inputs", WORDS**2 + quotients + roundings)
