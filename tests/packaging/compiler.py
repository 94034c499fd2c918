"""Writes to a file what the kernel in the environment depends on; make rebuilds it on a change.

The first line is "yes" where the kernel can be compiled for this Python, otherwise why not: one
line is compiled against Python.h with the compiler that the build would use, since the headers
are missing as often as the compiler. The second is a hash of what is compiled, which also tells
where a source became older. The file keeps its time while both are the same and the compiled
modules are there.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import shlex
import subprocess
import sys
import sysconfig

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ("qfs_kernel/*.pyx", "qfs_kernel/*.pxd", "qfs_kernel/*.h", "setup.py", "pyproject.toml")


def reason_against() -> str | None:
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    command = [*compiler, "-fsyntax-only", "-I", sysconfig.get_path("include"), "-x", "c", "-"]
    try:
        done = subprocess.run(
            command, input="#include <Python.h>\n", capture_output=True, text=True
        )
    except OSError as error:
        return f"the C compiler {compiler[0]} does not start: {error.strerror}"
    if done.returncode != 0:
        return f"{compiler[0]} cannot compile against Python.h: {done.stderr.splitlines()[0]}"
    return None


def source_hash() -> str:
    whole = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            whole.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return whole.hexdigest()


def is_compiled() -> bool:
    """Whether every module is there: other environments put theirs in the same folder."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    modules = [*ROOT.glob("qfs_kernel/*.pyx"), ROOT / "qfs_kernel" / "_memoryviews"]
    return all(path.with_suffix(suffix).exists() for path in modules)


def main(file: pathlib.Path) -> None:
    reason = reason_against()
    facts = f"{reason or 'yes'}\n{source_hash()}\n"
    is_same = file.exists() and file.read_text() == facts
    if not is_same or (reason is None and not is_compiled()):
        file.write_text(facts)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
