"""Fuzzes the entry points: `python specs/fuzz [TARGET ...] [--seconds N] [--runs N]`.

Each target runs in a process of its own under libFuzzer (atheris), one to a processor, from the
inputs in `specs/fuzz/corpus`. New inputs and findings go to `build/fuzz`; the committed corpus
changes only with `--corpus`, which makes the seeds again, adds what was found, and keeps the
smallest set of inputs that reaches as much.

Exit code 0: nothing was found; 1: a finding, shown with the file that leads to it; 2: not run.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import libfuzzer  # noqa: E402

NAMES = ("columns", "tables", "proofs", "events", "documents", "texts")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python specs/fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=int, default=60, help="of each target, by the clock")
    parser.add_argument("--runs", type=int, default=-1, help="inputs of each target")
    parser.add_argument("--seed", type=int, default=0, help="of libFuzzer; 0 takes another")
    parser.add_argument("--corpus", action="store_true", help="write specs/fuzz/corpus again")
    options = parser.parse_args(arguments)
    names = options.targets or [*NAMES]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        parser.error(f"{', '.join(unknown)}: the targets are {', '.join(NAMES)}")
    if importlib.util.find_spec("atheris") is None:
        print("fuzzing needs atheris: pip install 'qfs[dev]', or pip install atheris")
        return 2
    if options.corpus:
        import corpus

        for name in names:
            print(corpus.rewrite(name), flush=True)
        return 0

    def fuzz(name: str) -> int:
        return libfuzzer.fuzz(name, options.seconds, options.runs, options.seed)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return max(pool.map(fuzz, names))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
