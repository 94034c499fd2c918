#!/usr/bin/env python3
"""One target in a process of its own, under libFuzzer: `fuzzing.py [libFuzzer option ...]`.

QFS_FUZZ_TARGET names the target, since libFuzzer starts this file again by itself when it merges.

The package and the targets are instrumented while they are imported, so that libFuzzer sees which
branches an input takes, and what the comparisons in them compare. The kernel is as it was built.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent


def main(arguments: list[str]) -> None:
    sys.path[:0] = [str(HERE), str(HERE.parents[1])]
    # A corpus is as large as the package needs; branches of the targets help to find it.
    is_merge = any("merge" in argument for argument in arguments)
    with atheris.instrument_imports(include=["qfs"] if is_merge else ["qfs", "targets"]):
        from targets import TARGETS
    target = TARGETS[os.environ["QFS_FUZZ_TARGET"]]
    # What is made once is no part of any input.
    target(b"")
    atheris.Setup(arguments, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
