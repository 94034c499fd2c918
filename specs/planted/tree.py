"""A copy of the project in a temporary folder, in which bugs are planted one after another."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from bugs import Bug

LEFT_OUT = (
    ".git",
    ".venv",
    ".hypothesis",
    ".*_cache",
    "__pycache__",
    "*.egg-info",
    "build",
    "dist",
)

BUILD = """
import runpy, setuptools, sys

wanted = {f"qfs_kernel.{name}" for name in sys.argv[1:]}
setup = setuptools.setup


def partial(**given):
    modules = [m for m in given["ext_modules"] if not wanted or m.name in wanted]
    for module in modules:
        # The same numbers in a quarter of the time of the compiler.
        module.extra_compile_args = [*module.extra_compile_args, "-O0"]
    return setup(**{**given, "ext_modules": modules})


setuptools.setup = partial
sys.argv = ["setup.py", "-q", "build_ext", "--inplace"]
runpy.run_path("setup.py", run_name="__main__")
"""
"""Builds some modules of the kernel as setup.py says; without names all of them."""

FRESH = """
import runpy, setuptools, sys

setuptools.setup = lambda **_: None
sources = runpy.run_path("setup.py", run_name="__main__")["source_hash"]()
from qfs import kernel

sys.exit(kernel.build_facts()["source_hash"] != sources)
"""

HASHED = "arithmetic"
"""The module that carries the hash of all sources of the kernel, by which the tests know it."""


class BuildError(Exception):
    """The kernel with a bug in it does not compile."""


class Tree:
    """A copy. A bug is in it from `plant` to the end of the `with` block."""

    def __init__(self, source: Path, folder: Path) -> None:
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
        self.root = folder
        self._undo: list[tuple[Path, bytes, int]] = []
        self._clock = 0

    def __enter__(self) -> Tree:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._undo:
            path, data, changed = self._undo.pop()
            path.write_bytes(data)
            os.utime(path, ns=(changed, changed))

    def plant(self, bug: Bug) -> None:
        """Change the file and build what it is part of.

        Raises:
            BuildError: it does not compile.
        """
        # What tests found, and C that was made from another text, would reach the next trial.
        shutil.rmtree(self.root / "build", ignore_errors=True)
        path = self.root / bug.file
        self._keep(path)
        path.write_text(bug.planted(path.read_text(encoding="utf-8")), encoding="utf-8")
        if not bug.compiled:
            # Compiled Python is told apart by seconds and size: no two texts share a second.
            self._clock += 1
            second = self._undo[-1][2] // 10**9 + self._clock
            os.utime(path, (second, second))
            return
        modules = {*bug.compiled, HASHED}
        for name in modules:
            for built in (self.root / "qfs_kernel").glob(f"{name}.*.so"):
                self._keep(built)
        self.build(*sorted(modules))

    def build(self, *modules: str) -> None:
        """Build these modules of the kernel, or all.

        Raises:
            BuildError: one does not compile.
        """
        done = self._python(BUILD, *modules)
        if done.returncode != 0:
            errors = [line for line in done.stdout.splitlines() if "rror" in line]
            raise BuildError((errors or ["the kernel is not built"])[-1])

    def is_kernel_fresh(self) -> bool:
        """Whether the kernel was built from these sources; so too where there is none."""
        return not (self.root / "setup.py").exists() or self._python(FRESH).returncode == 0

    def _python(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self.root,
            env={**os.environ, "QFS_REQUIRE_KERNEL": "1", "PYTHONPATH": str(self.root)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def _keep(self, path: Path) -> None:
        self._undo.append((path, path.read_bytes(), path.stat().st_mtime_ns))
