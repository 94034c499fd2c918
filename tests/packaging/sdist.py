"""Leg "sdist": the source distribution holds all that building and testing need."""

from __future__ import annotations

import shutil
import sys
import tarfile

from common import BUILD, ROOT, require, run, sdist

shutil.rmtree(BUILD / "dist", ignore_errors=True)
# Setuptools would take every file that an older build listed there.
shutil.rmtree(ROOT / "qfs.egg-info", ignore_errors=True)
run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "-o", BUILD / "dist", ROOT)

with tarfile.open(sdist()) as archive:
    names = {name.partition("/")[2] for name in archive.getnames()}
checkout = {
    str(path.relative_to(ROOT))
    for folder in ("qfs", "qfs_kernel", "specs", "tests")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and path.suffix not in (".so", ".pyc")
} | {"conftest.py"}
require(checkout <= names, f"nothing is missing from {sdist().name}", sorted(checkout - names))
compiled = sorted(name for name in names if name.endswith((".so", ".pyc")))
require(not compiled, "nothing compiled is in it", compiled)
print(f"{sdist().name}: {len(names)} entries")
