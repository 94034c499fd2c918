"""The kernel's own C steps and their models, for every input at a narrow width.

The steps are those of qfs_kernel/share.h, compiled with limbs of 4 bits, so that a word has 8.
"""

from __future__ import annotations

import os
import pathlib
import shlex
import shutil
import subprocess
import sysconfig
from collections.abc import Callable

import division
import issuing
import lanes
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADERS = ROOT / "qfs_kernel"
SOURCE = pathlib.Path(__file__).with_name("narrow") / "division.c"
LIMB, WORD = 4, 8

Record = Callable[[str, object], None]

if not (HEADERS / "share.h").exists():
    pytest.skip("no sources beside the tests", allow_module_level=True)


def printed(folder: pathlib.Path, step: str) -> bytes:
    """What the C program prints for every input of a step."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"no C compiler {compiler[0]}")
    program = folder / "division"
    options = ["-O2", f"-DQFS_LIMB_BITS={LIMB}", "-I", HEADERS, SOURCE, "-o", program]
    subprocess.run([*compiler, *options], check=True)
    return subprocess.run([program, step], capture_output=True, check=True).stdout


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.exhaustive("words of 8 bits: pool < 2^7, w <= weight < 2^8")
def test_every_share_is_that_of_the_model(tmp_path: pathlib.Path, record_property: Record) -> None:
    """The kernel's division step, of 4-bit limbs, is its model, and the division."""
    found = printed(tmp_path, "shares")
    at = 0
    for weight in range(1, 2**WORD):
        for pool in range(2 ** (WORD - 1)):
            ratio = division.ratio_of(pool, weight, WORD)
            expected = [division.share(ratio, w) for w in range(weight + 1)]
            assert expected == [divmod(pool * w, weight) for w in range(weight + 1)]
            flat = bytes(part for share in expected for part in share)
            assert found[at : at + len(flat)] == flat, (pool, weight)
            at += len(flat)
    assert at == len(found)
    record_property("inputs", at // 2)


@pytest.mark.slow
@pytest.mark.exhaustive("limbs of 4 bits, pool < 2^7, w <= weight < 2^8")
def test_every_share_in_lifted_words(record_property: Record) -> None:
    """The model of the division on lifted words is the division."""
    tried = 0
    for weight in range(1, 2**WORD):
        for pool in range(2 ** (WORD - 1)):
            ratio = lanes.lanes_ratio_of(pool, weight, LIMB)
            for w in range(weight + 1):
                quotient, rest = lanes.lanes_share(ratio, w)
                assert (quotient, rest) == (
                    pool * w // weight,
                    pool * w % weight * ratio.lift,
                )
            tried += weight + 1
    record_property("inputs", tried)


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.exhaustive("limbs of 4 bits: rate <= scale < 2^3, fee < 2^7, residue < scale")
def test_every_fee_is_that_of_the_model(tmp_path: pathlib.Path, record_property: Record) -> None:
    """The kernel's issuance step, of 4-bit limbs, is its model, and the division."""
    found = printed(tmp_path, "issues")
    at = 0
    for scale in range(1, 2 ** (LIMB - 1)):
        for rate in range(scale + 1):
            made = issuing.rate_of(rate, scale, WORD)
            for fee in range(2 ** (WORD - 1)):
                expected = [issuing.issue_step(made, fee, first) for first in range(scale)]
                assert expected == [divmod(first + fee * rate, scale) for first in range(scale)]
                flat = bytes(part for step in expected for part in step)
                assert found[at : at + len(flat)] == flat, (scale, rate, fee)
                at += len(flat)
    assert at == len(found)
    record_property("inputs", at // 2)
