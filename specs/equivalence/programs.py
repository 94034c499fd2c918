"""C programs beside the tests, compiled against the kernel's own headers."""

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
PROGRAMS = pathlib.Path(__file__).parent

SANITIZE = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
"""Undefined behaviour and steps beyond memory end the program."""

EMULATED = (f"-I{PROGRAMS / 'lanes'}", "-DQFS_LANES_HEADER=<intrinsics.h>")
"""The lanes in plain C."""

CELL_BYTES = 16

sources = pytest.mark.skipif(not HEADERS.is_dir(), reason="no sources beside the tests")


def compiled(
    source: str, folder: pathlib.Path, *options: str, headers: pathlib.Path = HEADERS
) -> pathlib.Path:
    """The program of a C file of this folder; with QFS_SANITIZE=1 under the sanitizers."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no C compiler {compiler[0]}, which CI does not allow")
        pytest.skip(f"no C compiler {compiler[0]}")
    path = PROGRAMS / source
    program = folder / path.stem
    given = [*options, *(SANITIZE if os.environ.get("QFS_SANITIZE") == "1" else ())]
    command = [*compiler, "-O2", *given, "-I", headers, path, "-o", program]
    # What is preloaded for this Python is none of the compiler's.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    subprocess.run(command, check=True, env=environment)
    return program


def packed(*numbers: int) -> bytes:
    """Numbers as a program reads them, and writes them: cells of 16 bytes, little-endian."""
    return b"".join(number.to_bytes(CELL_BYTES, "little") for number in numbers)


def said(program: pathlib.Path, *arguments: str, given: bytes = b"") -> bytes:
    """What a program prints that ends well."""
    done = ended(program, *arguments, given=given)
    assert done.returncode == 0, (done.stdout[-500:], done.stderr.decode(errors="replace"))
    return done.stdout


def ended(
    program: pathlib.Path, *arguments: str, given: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([program, *arguments], input=given, capture_output=True, check=False)
