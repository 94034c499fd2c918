"""Runs a target under libFuzzer, and says what came of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
CORPUS: Final = ROOT / "specs" / "fuzz" / "corpus"
FOUND: Final = ROOT / "build" / "fuzz"

MEMORY: Final = "/dev/shm"
MAX_INPUT_BYTES: Final = 2048
MAX_INPUT_SECONDS: Final = 25
"""An input that takes longer is a finding: the slowest of all takes a tenth of a second."""

MAX_MEMORY_MB: Final = 2048

_STATUS = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)")
_RUNS = re.compile(r"stat::number_of_executed_units: (\d+)")
_RATE = re.compile(r"stat::average_exec_per_sec: +(\d+)")
_KEPT = re.compile(r"Test unit written to (\S+)")
_FAULT = "Uncaught Python exception"


def fuzz(name: str, seconds: int, runs: int, seed: int) -> int:
    """Fuzz one target and print a line; 1 where there is a finding, which is printed too."""
    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    done = start(
        name,
        f"-max_total_time={seconds}",
        f"-runs={runs}",
        f"-seed={seed}",
        "-len_control=0",
        f"-timeout={MAX_INPUT_SECONDS}",
        f"-rss_limit_mb={MAX_MEMORY_MB}",
        f"-artifact_prefix={found.parent / name}-",
        "-print_final_stats=1",
        str(found),
        *([str(CORPUS / name)] if (CORPUS / name).is_dir() else []),
    )
    lines = [summary(name, done.stdout)]
    if done.returncode != 0:
        # All of it where nothing was thrown: it ended in another way, in C perhaps.
        at = max(done.stdout.find(_FAULT), 0)
        lines.append(done.stdout[at:] if at else done.stdout[-4000:])
        lines.append(f"FINDING: {name}, exit code {done.returncode}")
    # In one piece: other targets are running.
    print("\n".join(lines), flush=True)
    return int(done.returncode != 0)


def start(name: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run libFuzzer on a target to its end, all that it says in `stdout`."""
    # It starts itself again to merge, by the name of its file.
    here = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{here}{os.pathsep}{os.environ.get('PATH', '')}"}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "QFS_FUZZ_TARGET": name}
    program = str(Path(__file__).with_name("fuzzing.py"))
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    # It ends without Python's own end, and so leaves behind what was to be removed then.
    with tempfile.TemporaryDirectory(prefix="qfs-fuzz-", dir=memory) as folder:
        return subprocess.run(
            [str(here / "python3"), program, f"-max_len={MAX_INPUT_BYTES}", *options],
            cwd=ROOT,
            env={**environment, "TMPDIR": folder},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )


def summary(name: str, output: str) -> str:
    """One line on a run: inputs, speed, branches and values reached, inputs kept."""
    statuses = _STATUS.findall(output)
    branches, features, kept = statuses[-1] if statuses else ("?", "?", "?")
    runs, rate = _RUNS.search(output), _RATE.search(output)
    return (
        f"{name}: {int(runs[1]) if runs else 0:,} inputs, {rate[1] if rate else '?'} a second,"
        f" {branches} branches, {features} features, {kept} inputs kept"
    )
