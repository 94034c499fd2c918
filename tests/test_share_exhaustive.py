"""The steps of the kernel's shares at 4-bit limbs, for every pool, total weight and row."""

from __future__ import annotations

import os
import pathlib
import shlex
import shutil
import subprocess
import sysconfig

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
SHARE = ROOT / "tests" / "exhaustive" / "share.c"


@pytest.mark.kernel
@pytest.mark.skipif(not (ROOT / "qfs_kernel" / "share.h").exists(), reason="no sources here")
def test_every_share_at_narrow_limbs(tmp_path: pathlib.Path) -> None:
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"no C compiler {compiler[0]}")
    flags = ["-O2", "-DQFS_LIMB_BITS=4", "-I", ROOT / "qfs_kernel"]
    subprocess.run([*compiler, *flags, SHARE, "-o", tmp_path / "share"], check=True)
    done = subprocess.run([tmp_path / "share"], capture_output=True, text=True, check=False)
    # 128 pools, and for each weight of 1 .. 255 the rows of 0 .. weight.
    expected = f"{128 * sum(range(2, 257))} shares are those of plain division\n"
    assert (done.returncode, done.stdout) == (0, expected)
