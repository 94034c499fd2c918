"""Legs "wheel" (kernel) and "pure-wheel" (pure): built from the source distribution, a wheel has
the right files and works."""

from __future__ import annotations

import pathlib
import sys
import zipfile

from common import (
    CHECK_FALLBACK,
    ROOT,
    fresh_environment,
    require,
    run,
    run_tests,
    share_test_tools,
    wheel_from_sdist,
)

PACKAGES = ("qfs/", "qfs_kernel/")
MODULES = {path.stem for path in (ROOT / "qfs_kernel").glob("*.pyx")}
SHARED = "_memoryviews"
"""What Cython's code in the other modules calls: compiled, and without functions of the kernel."""


def check_contents(wheel: pathlib.Path, compiled: set[str]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    types = {"qfs/py.typed", "qfs_kernel/py.typed", *(f"qfs_kernel/{m}.pyi" for m in MODULES)}
    require(types <= set(names), "it has the type information", names)
    built = {name.partition(".")[0] for name in names if name.endswith((".so", ".pyd"))}
    require(
        built == {f"qfs_kernel/{module}" for module in compiled},
        f"its compiled modules are {', '.join(sorted(compiled)) or 'none'}",
        built,
    )
    python = {str(path.relative_to(ROOT)) for path in (ROOT / "qfs").rglob("*.py")}
    require(python <= set(names), "it has every Python file", sorted(python - set(names)))
    foreign = [
        name
        for name in names
        if not name.startswith((*PACKAGES, "qfs-"))
        or (name.startswith(PACKAGES) and name.endswith((".c", ".h", ".pyx", ".pxd")))
    ]
    require(not foreign, "it has no C or Cython sources, no tests and nothing else", foreign)


def pure() -> None:
    wheel = wheel_from_sdist("pure", QFS_NO_KERNEL="1")
    require(wheel.name.endswith("-py3-none-any.whl"), f"QFS_NO_KERNEL=1 builds {wheel.name}")
    check_contents(wheel, set())
    python = fresh_environment("pure", wheel)
    print(run(python, "-I", CHECK_FALLBACK, QFS_BACKEND="auto").stdout, end="")


def kernel() -> None:
    wheel = wheel_from_sdist("kernel", QFS_REQUIRE_KERNEL="1")
    print(f"built from the source distribution: {wheel.name}")
    check_contents(wheel, {*MODULES, SHARED})
    python = fresh_environment("wheel", wheel)
    share_test_tools(python)
    # Whether kernel and reference agree does not depend on where they are installed.
    run_tests(python, "tests", "-m", "not database and not once and not slow", QFS_BACKEND="kernel")


if __name__ == "__main__":
    {"kernel": kernel, "pure": pure}[sys.argv[1]]()
