"""Builds the optional kernel.

Without a compiler the install succeeds and `qfs` runs in pure Python, saying so at run time.
QFS_REQUIRE_KERNEL=1 makes a failed build an error, QFS_NO_KERNEL=1 builds a pure wheel,
QFS_PORTABLE=1 leaves the compiler's 128-bit type unused. QFS_SANITIZE=1 builds for tests: a step
beyond memory or undefined behaviour ends the process (gcc and clang, see docs/proofs.md).
"""

from __future__ import annotations

import hashlib
import os
import pathlib

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = pathlib.Path(__file__).parent
MODULES = (
    *("allocation", "arithmetic", "balances", "columns", "eligibility", "export", "issuance"),
    *("merkle", "merkle_sum", "scoring", "selection", "tally", "texts"),
)
SHARED = "qfs_kernel._memoryviews"
"""What Cython writes for views of memory, here once: in each module it would be most of its C."""

SOURCE_SUFFIXES = (".pyx", ".pxd", ".h")


def flag(name: str) -> bool:
    value = os.environ.get(name, "0")
    if value not in ("0", "1", ""):
        raise SystemExit(f"{name} is 0 or 1, not {value!r}")
    return value == "1"


def source_hash() -> str:
    """Of all kernel sources, so that a test can tell a stale build from a fresh one."""
    sources = sorted(p for p in (ROOT / "qfs_kernel").iterdir() if p.suffix in SOURCE_SUFFIXES)
    return hashlib.sha256(b"\0".join(p.read_bytes() for p in sources)).hexdigest()[:16]


class BuildKernel(build_ext):
    def build_extensions(self) -> None:
        # Only the C compilers run side by side: Cython keeps some of its options in globals.
        options = {"build_dir": self.build_temp, "shared_utility_qualified_name": SHARED}
        in_c = cythonize(self.extensions, force=self.force, quiet=not self.verbose, **options)
        for extension, translated in zip(self.extensions, in_c, strict=True):
            extension.sources = translated.sources
        self.parallel = self.parallel or os.cpu_count() or 1
        super().build_extensions()

    def build_extension(self, ext: Extension) -> None:
        # A failed rebuild must not leave a stale object to load.
        pathlib.Path(self.get_ext_fullpath(ext.name)).unlink(missing_ok=True)
        super().build_extension(ext)


REQUIRED, PURE = flag("QFS_REQUIRE_KERNEL"), flag("QFS_NO_KERNEL")
if REQUIRED and PURE:
    raise SystemExit("QFS_REQUIRE_KERNEL=1 and QFS_NO_KERNEL=1 contradict each other")

# Debug information would be most of the wheel and a quarter of the compile time.
COMPILE_ARGUMENTS, LINK_ARGUMENTS = [] if os.name == "nt" else ["-O3", "-g0"], []
if flag("QFS_SANITIZE"):
    # Optimised, undefined steps may be gone before they can be seen.
    LINK_ARGUMENTS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    COMPILE_ARGUMENTS = ["-O1", "-g", "-fno-omit-frame-pointer", *LINK_ARGUMENTS]

MACROS = [("QFS_SOURCE_HASH", f'"{source_hash()}"')]
if flag("QFS_PORTABLE"):
    MACROS.append(("QFS_PORTABLE", "1"))

setup(
    cmdclass={"build_ext": BuildKernel},
    ext_modules=[]
    if PURE
    else [
        Extension(
            name,
            [name.replace(".", "/") + suffix],
            include_dirs=["qfs_kernel"],
            depends=[str(p.relative_to(ROOT)) for p in sorted(ROOT.glob("qfs_kernel/*.h"))],
            define_macros=MACROS,
            extra_compile_args=COMPILE_ARGUMENTS,
            extra_link_args=LINK_ARGUMENTS,
            optional=not REQUIRED,
        )
        for name, suffix in [(SHARED, ".c"), *((f"qfs_kernel.{m}", ".pyx") for m in MODULES)]
    ],
)
