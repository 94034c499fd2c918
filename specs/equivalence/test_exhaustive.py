"""Steps of the kernel at 4-bit limbs, where every input can be tried."""

from __future__ import annotations

import os
import pathlib
import shlex
import shutil
import subprocess
import sysconfig
from collections.abc import Callable

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADERS = ROOT / "qfs_kernel"
PROGRAMS = pathlib.Path(__file__).with_name("exhaustive")


Record = Callable[[str, object], None]

narrow = pytest.mark.exhaustive("every input of each step whose limbs have 4 bits")
sources = pytest.mark.skipif(not HEADERS.is_dir(), reason="no sources beside the tests")


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


def tried(name: str, folder: pathlib.Path) -> str:
    """What a program that tries every input prints, when all results were right."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"no C compiler {compiler[0]}")
    program, source = folder / name, PROGRAMS / f"{name}.c"
    subprocess.run(
        [*compiler, "-O2", "-DQFS_LIMB_BITS=4", "-I", HEADERS, source, "-o", program], check=True
    )
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout
