"""Runs a command again and again, each time killed at the next of its crash points.

    python crash_points.py INSTANCE WORK FIRST STEP ARGUMENT ...

A crash point is the moment before or after a call that changes what is on disk. For each of them,
from number FIRST in steps of STEP on, the instance is copied into a folder of its own in WORK and
the command runs on the copy until SIGKILL. Prints the number and the call at which it was killed,
a line each; the last line is the number of points there were, where the command reached its end.
The word INSTANCE in an argument stands for the copy.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Imported before the first fork, so that it is done once.
import qfs.cli.report
import qfs.ledger.session
import qfs.ledger.sqlite
import qfs.table_files
from qfs.backend import implementation
from qfs.cli.root import run
from qfs.tables import require_pyarrow

CALLS: list[tuple[Any, str]] = [
    *((os, name) for name in ("fsync", "link", "mkdir", "rename", "replace", "unlink", "chmod")),
    *((os, name) for name in ("fchmod", "rmdir")),
    (qfs.ledger.sqlite.SqliteLog, "_insert"),
    (qfs.ledger.sqlite.SqliteLog, "_take_lease"),
    (require_pyarrow().parquet, "write_table"),
    (Path, "write_bytes"),
]


class Points:
    """Counts the moments, and kills at one of them."""

    def __init__(self, fatal: int, report: int) -> None:
        self.passed = 0
        self.fatal = fatal
        self.report = report

    def pass_(self, what: str) -> None:
        if self.passed == self.fatal:
            os.write(self.report, f"{self.fatal} {what}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1

    def around(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            self.pass_(f"before {name}")
            result = call(*arguments, **options)
            self.pass_(f"after {name}")
            return result

        return called


def child(fatal: int, folder: Path, arguments: list[str]) -> None:
    """Run the command to its end or its death; never returns."""
    report = os.dup(1)
    os.dup2(2, 1)
    points = Points(fatal, report)
    for place, name in CALLS:
        setattr(place, name, points.around(getattr(place, name), name))
    code = 1
    try:
        code = run([text.replace("INSTANCE", str(folder)) for text in arguments])
        os.write(report, f"{points.passed}\n".encode())
    finally:
        os._exit(code)


def main(instance: Path, work: Path, first: int, step: int, arguments: list[str]) -> None:
    implementation()
    fatal = first
    while True:
        folder = work / str(fatal)
        shutil.copytree(instance, folder)
        process_id = os.fork()
        if process_id == 0:
            child(fatal, folder, arguments)
        _, status = os.waitpid(process_id, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))
        fatal += step


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
