"""Leg "sanitize": the kernel's tests, with gcc's address and undefined behaviour sanitizers.

    python sanitized.py [all]

Builds the kernel in a copy of the checkout with QFS_SANITIZE=1 and the lanes in plain C, so that
both CPU paths run on any machine, then runs the tests in that copy; `all` runs the slow ones too.
The C programs of specs/equivalence are built with the sanitizers as well.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator

from common import ROOT, attempt, require, run

LEFT_OUT = (".*", "__pycache__", "*.egg-info", "*.so", "build", "dist")

STEPS = ("exhaustive", "boundaries", "lanes", "carries", "issuance", "scoring", "tally")
PARTS = (
    *(f"specs/equivalence/test_{name}.py" for name in STEPS),
    "tests/reference",
    *(f"tests/test_{name}.py" for name in ("columns", "arrow", "cells", "rows", "api")),
)
"""Every module of the kernel is called by one of these."""

EVERYTHING = (
    *("specs/equivalence", "specs/models", "tests/reference"),
    *("tests/test_cpu_paths.py", "tests/test_tables.py", *PARTS[len(STEPS) + 1 :]),
)
"""What `all` runs."""

PRELOADED = ("libasan.so", "libstdc++.so.6")
"""The first has to be there before Python, the second before an exception of C++ is thrown."""

OPTIONS = {
    # Python keeps what it allocates until it ends.
    "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    # Every object in memory of its own, with guards beside it.
    "PYTHONMALLOC": "malloc",
    "QFS_BACKEND": "kernel",
    "QFS_SANITIZE": "1",
}

BUILD = {"QFS_REQUIRE_KERNEL": "1", "QFS_SANITIZE": "1"}

TOO_LITTLE_SCRATCH = """
from qfs_kernel.allocation import Level
from qfs_kernel.selection import settle

settle(bytearray(16 * 8), bytearray(4 * 8 - 2), Level(1, 1, None, False, "baseline"), 0)
"""

DIGIT_OUTSIDE_THE_WORD = """
from array import array
from qfs_kernel.allocation import Level
from qfs_kernel.selection import survey

level, row = Level(1, 3, None, False, "baseline"), (1).to_bytes(16, "little")
survey(row, None, level, bytes(16), array("I", [0]), 40, array("I", bytes(4 * 256)))
"""


def main(arguments: list[str]) -> None:
    everything = arguments == ["all"]
    with copied() as folder:
        print("building the kernel with sanitizers and with lanes in plain C", flush=True)
        lanes = f"-I{folder / 'specs/equivalence/lanes'} -DQFS_LANES_HEADER=<intrinsics.h>"
        build = ("setup.py", "-q", "build_ext", "--inplace", "-j", str(os.cpu_count() or 1))
        run(sys.executable, *build, cwd=folder, CFLAGS=lanes, **BUILD)
        environment = {**OPTIONS, "LD_PRELOAD": preloaded(), "PYTHONPATH": str(folder)}
        paths = "from qfs_kernel.allocation import CPU_PATHS; print(*CPU_PATHS)"
        found = run(sys.executable, "-c", paths, cwd=folder, **environment).stdout
        require(found == "baseline avx512ifma\n", "both CPU paths can run", found)
        for fault, message in (
            (TOO_LITTLE_SCRATCH, "AddressSanitizer: heap-buffer-overflow"),
            (DIGIT_OUTSIDE_THE_WORD, "runtime error: shift exponent"),
        ):
            done = attempt(sys.executable, "-c", fault, cwd=folder, **environment)
            require(done.returncode != 0 and message in done.stdout, f"{message} is seen")
        parts = EVERYTHING if everything else PARTS
        print(f"testing {' '.join(parts)}", flush=True)
        pytest = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadfile"]
        marks = "kernel" if everything else "kernel and not slow"
        done = subprocess.run(
            # The lanes are in plain C here; whether the processor has them nobody has asked.
            [*pytest, "-m", marks, "-k", "not processor", *parts],
            cwd=folder,
            env={**os.environ, **environment},
        )
    sys.exit(done.returncode)


@contextlib.contextmanager
def copied() -> Iterator[pathlib.Path]:
    """The checkout without what was built, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="qfs-sanitized-") as folder:
        copy = pathlib.Path(folder, "qfs")
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        yield copy


def preloaded() -> str:
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    found = [run(*compiler, f"-print-file-name={name}").stdout.strip() for name in PRELOADED]
    require(all(os.path.isabs(path) for path in found), "the compiler has its sanitizers", found)
    return " ".join(found)


if __name__ == "__main__":
    main(sys.argv[1:])
