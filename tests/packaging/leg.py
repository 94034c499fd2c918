"""Runs one leg of the Makefile: says what it checks, keeps its output and its result.

    python leg.py [--kernel] NAME WHAT COMMAND ...
    python leg.py --summary NAME ...

A leg that passed is not run again until a file of the checkout, the command or the environment
changes; FORCE=1 and CI=true run it regardless. --kernel marks a leg that needs the compiled
kernel: without a compiler it is skipped, and with CI=true that is a failure. So is a leg whose
command ends with exit code 77: its last line says what is missing.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess
import sys
import time

from compiler import reason_against

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "legs"
ENVIRONMENT = pathlib.Path(sys.prefix)
IN_CI = os.environ.get("CI") == "true"
NOT_SOURCES = ("build", "dist", "__pycache__")
GENERATED_SUFFIXES = (".so", ".pyc", ".egg-info")
SKIPPED = 77
"""The exit code by which a command says that it could not run, as Automake has it."""


def source_files(folder: pathlib.Path) -> list[pathlib.Path]:
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix in GENERATED_SUFFIXES or path.name in NOT_SOURCES or path == ENVIRONMENT:
            continue
        if path.is_dir():
            # A hidden folder is a cache, an environment or the history, but for the CI's.
            if not path.name.startswith(".") or path.name == ".ci":
                found += source_files(path)
        else:
            found.append(path)
    return found


def state(command: list[str]) -> str:
    """A hash of all that the result of a leg depends on."""
    installed = ENVIRONMENT / "dev.stamp"
    facts = [*command, sys.prefix, sys.version, os.environ.get("QFS_TEST_DATA", "")]
    facts.append(str(installed.stat().st_mtime_ns) if installed.exists() else "")
    whole = hashlib.sha256("\0".join(facts).encode())
    for path in source_files(ROOT):
        whole.update(f"\0{path.relative_to(ROOT)}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def run(name: str, what: str, command: list[str], needs_kernel: bool) -> int:
    missing = reason_against() if needs_kernel else None
    result = RESULTS / name
    if missing:
        result.write_text(f"\nskipped, {missing}\n")
        print(f"== {name}: skipped, {missing}", flush=True)
        return 1 if IN_CI else 0
    before = state(command)
    if result.exists() and not IN_CI and not os.environ.get("FORCE"):
        key, last_line = result.read_text().splitlines()
        if key == before:
            print(f"== {name}: nothing changed since it passed: {last_line}", flush=True)
            return 0
    print(f"\n== {name}: {what}", flush=True)
    result.unlink(missing_ok=True)
    start = time.monotonic()
    last_line = ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            text = line.decode(errors="replace")
            print(text, end="", flush=True)
            last_line = text.strip(" =\n") or last_line
    seconds = time.monotonic() - start
    if process.returncode == SKIPPED:
        result.write_text(f"\n{last_line}\n")
        print(f"== {name}: {last_line}", flush=True)
        return 1 if IN_CI else 0
    if process.returncode != 0:
        print(f"== {name}: FAILED after {seconds:.0f} s", flush=True)
        return 1
    # The state is that of before the run: an edit during it makes the leg run again.
    result.write_text(f"{before}\n{last_line}\n")
    print(f"== {name}: passed in {seconds:.0f} s", flush=True)
    return 0


def summary(names: list[str]) -> int:
    print("\nLegs of this run:")
    for name in names:
        print(f"  {name:16}{(RESULTS / name).read_text().splitlines()[1]}")
    return 0


def main(arguments: list[str]) -> int:
    RESULTS.mkdir(parents=True, exist_ok=True)
    if arguments[0] == "--summary":
        return summary(arguments[1:])
    needs_kernel = arguments[0] == "--kernel"
    name, what, *command = arguments[1:] if needs_kernel else arguments
    return run(name, what, command, needs_kernel)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
