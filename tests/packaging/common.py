"""What the packaging legs share: the built archives, fresh environments and the tests outside."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
CHECK_FALLBACK = pathlib.Path(__file__).with_name("check_fallback.py")


def require(condition: object, what: str, found: object = "") -> None:
    """Say what was checked, or fail with it and with what was found instead."""
    if not condition:
        sys.exit(f"FAILED: {what} {found}")
    print(f"ok: {what}", flush=True)


def run(
    *command: str | pathlib.Path, cwd: pathlib.Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run to success, with `variables` in the environment, and show the output where it fails."""
    done = attempt(*command, cwd=cwd, **variables)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\nFAILED: {' '.join(map(str, command))}")
    return done


def attempt(
    *command: str | pathlib.Path, cwd: pathlib.Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def sdist() -> pathlib.Path:
    """The source distribution that the leg of that name built."""
    (archive,) = (BUILD / "dist").glob("qfs-*.tar.gz")
    return archive


def wheel_from_sdist(name: str, **flags: str) -> pathlib.Path:
    """Build a wheel of the source distribution, with the build tools of this environment.

    The archive keeps its name from build to build, so pip's cache would hand out an old wheel.
    """
    folder = BUILD / "wheels" / name
    shutil.rmtree(folder, ignore_errors=True)
    options = ("--no-deps", "--no-build-isolation", "--no-cache-dir")
    run(sys.executable, "-m", "pip", "wheel", *options, "-w", folder, sdist(), **flags)
    (wheel,) = folder.glob("*.whl")
    return wheel


def fresh_environment(name: str, wheel: pathlib.Path | None = None) -> pathlib.Path:
    """A new virtual environment with nothing but `wheel`; returns its Python.

    Without a wheel it has a pip of its own, to install as a user would.
    """
    folder = BUILD / "environments" / name
    shutil.rmtree(folder, ignore_errors=True)
    python = folder / "bin" / "python"
    if wheel is None:
        run(sys.executable, "-m", "venv", folder)
    else:
        run(sys.executable, "-m", "venv", "--without-pip", folder)
        run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", wheel)
    return python


def share_test_tools(python: pathlib.Path) -> None:
    """Let an environment import pytest and the like from this one, behind its own packages.

    A plain path in a .pth file does not activate the .pth files in that folder, so the editable
    install of the checkout stays out of sight.
    """
    paths = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = pathlib.Path(run(python, "-c", paths).stdout.strip())
    tools = run(sys.executable, "-c", paths).stdout
    (own / "test_tools.pth").write_text(tools)
    where = pathlib.Path(run(python, "-Ic", "import qfs; print(qfs.__file__)").stdout.strip())
    require(where.is_relative_to(own), f"qfs is imported from {where.relative_to(ROOT)}")


@contextmanager
def tests_outside() -> Iterator[pathlib.Path]:
    """The source distribution without the two packages, in a folder outside the checkout."""
    with tempfile.TemporaryDirectory(prefix="qfs-tests-") as folder:
        shutil.unpack_archive(sdist(), folder)
        (outside,) = pathlib.Path(folder).iterdir()
        for package in ("qfs", "qfs_kernel", "qfs.egg-info"):
            shutil.rmtree(outside / package)
        yield outside


def run_tests(python: pathlib.Path, *arguments: str, **variables: str) -> None:
    """The tests outside the checkout, isolated from the folder they run in; shows the output."""
    with tests_outside() as folder:
        done = subprocess.run(
            [python, "-Im", "pytest", "-q", "-n", "auto", "--dist", "loadfile", *arguments],
            cwd=folder,
            env={**os.environ, **variables},
        )
    if done.returncode != 0:
        sys.exit(done.returncode)
