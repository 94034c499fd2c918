"""Faults that may change no result, planted in the kernel's headers, and seen by the sanitizers.

`make sanitize` runs the kernel's tests under them.
"""

from __future__ import annotations

import pathlib
import shutil
from typing import NamedTuple

import pytest
from programs import HEADERS, SANITIZE, compiled, ended, sources


class Fault(NamedTuple):
    """A change of one header, and what a sanitizer says of it."""

    header: str
    old: str
    new: str
    message: str


FAULTS = {
    "a row too many": Fault(
        "allocation_rows.h",
        "for (int64_t i = first; i < rows; i++)",
        "for (int64_t i = first; i <= rows; i++)",
        "AddressSanitizer: heap-buffer-overflow",
    ),
    "a shift by the width": Fault(
        "u128.h",
        "if (bits >= QFS_LIMB_BITS) return u128_make(0,",
        "if (bits > QFS_LIMB_BITS) return u128_make(0,",
        "runtime error: shift exponent 64 is too large",
    ),
    "a signed overflow": Fault(
        "u128.h",
        "uint64_t crossed = (uint64_t)a.lo * b.hi + (uint64_t)a.hi * b.lo;",
        "int64_t crossed = (int64_t)a.lo * (int64_t)b.hi + (int64_t)a.hi * (int64_t)b.lo;",
        "runtime error: signed integer overflow",
    ),
}


@sources
@pytest.mark.kernel
@pytest.mark.parametrize("name", [None, *FAULTS])
def test_planted_faults_are_seen(tmp_path: pathlib.Path, name: str | None) -> None:
    """A step beyond memory, a shift by the width of a limb and a signed overflow end a program
    under the sanitizers, whatever its results are; without such a fault it ends well."""
    headers = tmp_path / "headers"
    headers.mkdir()
    for path in HEADERS.glob("*.h"):
        shutil.copy(path, headers)
    if name is not None:
        fault = FAULTS[name]
        text = (headers / fault.header).read_text(encoding="utf-8")
        assert text.count(fault.old) == 1
        (headers / fault.header).write_text(text.replace(fault.old, fault.new), encoding="utf-8")
    program = compiled("sanitizers/shares.c", tmp_path, *SANITIZE, headers=headers)
    done = ended(program)
    said = done.stderr.decode(errors="replace")
    assert (done.returncode != 0) == (name is not None), said
    assert name is None or FAULTS[name].message in said, said
