"""Steps of the kernel at narrow limbs, where every input can be tried."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest
from programs import compiled, said, sources

Record = Callable[[str, object], None]

narrow = pytest.mark.exhaustive("every input of each step whose limbs have 4 bits")


@narrow
@sources
@pytest.mark.kernel
def test_every_division_at_narrow_limbs(tmp_path: pathlib.Path, record_property: Record) -> None:
    """The kernel's long division is exact for every input of 4-bit limbs."""
    inputs = 256 * sum(range(1, 256))
    assert tried("divide", tmp_path) == f"{inputs} divisions are plain division\n"
    record_property("inputs", inputs)


@narrow
@sources
@pytest.mark.kernel
def test_every_score_at_narrow_limbs(tmp_path: pathlib.Path, record_property: Record) -> None:
    """The kernel's steps of a score are exact for every input of 4-bit limbs."""
    # 9 ratios in three places, and the ways to split each scale of 1 .. 15 into three weights.
    inputs = 9**3 * 815
    assert tried("score", tmp_path) == f"{inputs} scores\n"
    record_property("inputs", inputs)


@narrow
@sources
@pytest.mark.kernel
def test_every_fee_at_narrow_limbs(tmp_path: pathlib.Path, record_property: Record) -> None:
    """The kernel's steps of issuance are exact for every input of 4-bit limbs."""
    # Scales of 1 .. 7, each with the rates up to it and the residues below it; fees of 7 bits.
    inputs = 2**7 * sum((scale + 1) * scale for scale in range(1, 8))
    assert tried("issue", tmp_path) == f"{inputs} fees\n"
    record_property("inputs", inputs)


@narrow
@sources
@pytest.mark.kernel
def test_every_share_at_narrow_limbs(tmp_path: pathlib.Path, record_property: Record) -> None:
    """The kernel's steps of a share are exact for every input of 4-bit limbs."""
    # 128 pools, and for each weight of 1 .. 255 the rows of 0 .. weight.
    inputs = 128 * sum(range(2, 257))
    assert tried("share", tmp_path) == f"{inputs} shares are those of plain division\n"
    record_property("inputs", inputs)


@narrow
@sources
@pytest.mark.kernel
def test_every_pair_of_narrow_words(tmp_path: pathlib.Path, record_property: Record) -> None:
    """Sums, differences, orders, shifts and products are exact for every pair of words of two
    4-bit limbs."""
    assert tried("words", tmp_path) == f"{2**16} pairs of words\n"
    record_property("inputs", 2**16)


@pytest.mark.exhaustive("limbs of 8 bits: every word, with every one whose limbs are among 16")
@sources
@pytest.mark.kernel
def test_pairs_of_wider_words(tmp_path: pathlib.Path, record_property: Record) -> None:
    """Sums, differences, orders, shifts and products are exact for every word of two 8-bit limbs
    with each of 256 others."""
    assert tried("words", tmp_path, bits=8) == f"{2**24} pairs of words\n"
    record_property("inputs", 2**24)


@pytest.mark.exhaustive("every pair of numbers of four limbs of 4 bits")
@sources
@pytest.mark.kernel
@pytest.mark.slow
def test_every_pair_of_four_limbs(tmp_path: pathlib.Path, record_property: Record) -> None:
    """Sums and orders of numbers of four limbs are exact for every pair of 4-bit limbs."""
    assert tried("pairs", tmp_path, "-O3") == f"{2**32} pairs of four limbs\n"
    record_property("inputs", 2**32)


@pytest.mark.exhaustive("every product of two limbs, and quotient of two limbs by one, of 8 bits")
@sources
@pytest.mark.kernel
def test_every_limb_of_8_bits(tmp_path: pathlib.Path, record_property: Record) -> None:
    """The portable product and quotient of limbs are exact for every input of 8-bit limbs."""
    inputs = 2**16 + 2**8 * sum(range(1, 2**8))
    assert tried("limbs", tmp_path, bits=8) == f"{inputs} products and quotients of limbs\n"
    record_property("inputs", inputs)


@narrow
@sources
@pytest.mark.kernel
def test_every_rounding_at_narrow_limbs(tmp_path: pathlib.Path, record_property: Record) -> None:
    """a * b / c is exact, or an overflow, in all four roundings of every a, b and c of 4-bit
    limbs."""
    inputs = 4 * 2**16 * (2**8 - 1)
    assert tried("mul_div", tmp_path) == f"{inputs} roundings\n"
    record_property("inputs", inputs)


@pytest.mark.exhaustive("limbs of 4 bits: every four words whose limbs are among 8")
@sources
@pytest.mark.kernel
def test_orders_at_narrow_limbs(tmp_path: pathlib.Path, record_property: Record) -> None:
    """Shares are compared with caps, and rows by their caps, exactly for words of 4-bit limbs."""
    assert tried("order", tmp_path) == f"{2**24} orders\n"
    record_property("inputs", 2**24)


@pytest.mark.exhaustive("limbs of 4 bits: weight < 2^5, w <= weight, cap <= pool < 2^7")
@sources
@pytest.mark.kernel
def test_every_row_with_a_cap_at_small_weights(
    tmp_path: pathlib.Path, record_property: Record
) -> None:
    """The pass over rows pays what water-filling and the shares say, with a common cap and with
    one of each row, for every input of 4-bit limbs whose weight is below 32."""
    record_property("inputs", tried_rows(tmp_path, 2**5 - 1))


@pytest.mark.exhaustive("limbs of 4 bits: w <= weight < 2^8, cap <= pool < 2^7")
@sources
@pytest.mark.kernel
@pytest.mark.slow
def test_every_row_with_a_cap(tmp_path: pathlib.Path, record_property: Record) -> None:
    """The pass over rows pays what water-filling and the shares say, with a common cap and with
    one of each row, for every input of 4-bit limbs."""
    record_property("inputs", tried_rows(tmp_path, 2**8 - 1))


def tried_rows(folder: pathlib.Path, most_weight: int) -> int:
    inputs = sum(range(1, 2**7 + 1)) * sum(range(2, most_weight + 2))
    done = tried("rows", folder, "-O3", f"-DMOST_WEIGHT={most_weight}")
    assert done == f"{inputs} rows with caps\n"
    return inputs


def tried(name: str, folder: pathlib.Path, *options: str, bits: int = 4) -> str:
    """What a program that tries every input prints, when all results were right."""
    program = compiled(f"exhaustive/{name}.c", folder, f"-DQFS_LIMB_BITS={bits}", *options)
    return said(program).decode()
