"""The steps of the kernel's scores at 4-bit limbs, where every input can be tried."""

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
SOURCE = pathlib.Path(__file__).with_name("exhaustive") / "score.c"


@pytest.mark.kernel
@pytest.mark.exhaustive("every input of each step whose limbs have 4 bits")
@pytest.mark.skipif(not (HEADERS / "score.h").exists(), reason="no sources beside the tests")
def test_every_score_at_narrow_limbs(
    tmp_path: pathlib.Path, record_property: Callable[[str, object], None]
) -> None:
    """The kernel's steps of a score are exact for every input of 4-bit limbs."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"no C compiler {compiler[0]}")
    program = tmp_path / "score"
    subprocess.run(
        [*compiler, "-O2", "-DQFS_LIMB_BITS=4", "-I", HEADERS, SOURCE, "-o", program], check=True
    )
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    # 9 ratios in three places, and the ways to split each scale of 1 .. 15 into three weights.
    inputs = 9**3 * 815
    assert (done.returncode, done.stdout) == (0, f"{inputs} scores\n")
    record_property("inputs", inputs)
