"""Leg "no-compiler": where nothing can compile, the install succeeds and says so at run time."""

from __future__ import annotations

from common import CHECK_FALLBACK, attempt, fresh_environment, require, run, sdist

python = fresh_environment("no-compiler")
# Only the environment's own folder is searched for programs, and CC names none.
hidden = {"PATH": str(python.parent), "CC": str(python.parent / "no-such-compiler")}
install = (python, "-m", "pip", "install", "--no-cache-dir", "--no-deps", sdist())

demanded = attempt(*install, **hidden, QFS_REQUIRE_KERNEL="1")
require(demanded.returncode != 0, "QFS_REQUIRE_KERNEL=1 fails without a compiler")
require("no-such-compiler" in demanded.stdout, "it fails because of the compiler, and says so")

run(*install, **hidden)
require(True, "the install without QFS_REQUIRE_KERNEL succeeds")
print(run(python, "-I", CHECK_FALLBACK, QFS_BACKEND="auto").stdout, end="")
print(run(python, "-I", CHECK_FALLBACK, "kernel", QFS_BACKEND="kernel").stdout, end="")
