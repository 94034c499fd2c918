"""The steps of the kernel's scores and shares at 4-bit limbs, where every input can be tried."""

from __future__ import annotations

import os
import pathlib
import shlex
import shutil
import subprocess
import sysconfig

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADERS = ROOT / "qfs_kernel"
SOURCES = pathlib.Path(__file__).with_name("exhaustive")


# 9 ratios in three places, and the ways to split each scale of 1 .. 15 into three weights;
# 128 pools, and for each weight of 1 .. 255 the rows of 0 .. weight.
TRIED = {
    "score": f"{9**3 * 815} scores",
    "share": f"{128 * sum(range(2, 257))} shares are those of plain division",
}


@pytest.mark.kernel
@pytest.mark.exhaustive("every input of each step whose limbs have 4 bits")
@pytest.mark.skipif(not (HEADERS / "score.h").exists(), reason="no sources beside the tests")
@pytest.mark.parametrize("name", TRIED)
def test_every_input_at_narrow_limbs(tmp_path: pathlib.Path, name: str) -> None:
    """The kernel's steps of a score and of a share are exact for every input of 4-bit limbs."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"no C compiler {compiler[0]}")
    program, source = tmp_path / name, SOURCES / f"{name}.c"
    subprocess.run(
        [*compiler, "-O2", "-DQFS_LIMB_BITS=4", "-I", HEADERS, source, "-o", program], check=True
    )
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{TRIED[name]}\n")
