"""Runs commands, each in a process of its own that somebody may kill.

Reads a list of arguments a line, as JSON. Prints the process that runs them, and, when it is gone,
its exit code, negative for the signal that killed it. What the command says goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys

# Imported before the first fork, so that a moment to be killed at is one of the command's work.
import qfs.cli.report
import qfs.ledger.postgres
import qfs.ledger.replaying
import qfs.ledger.session
import qfs.ledger.sqlite  # noqa: F401
from qfs.backend import implementation
from qfs.cli.root import run
from qfs.tables import require_pyarrow


def child(arguments: list[str]) -> None:
    """Run the command to its end or its death; never returns."""
    os.dup2(2, 1)
    code = 1
    try:
        code = run(arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    require_pyarrow()
    implementation()
    for line in sys.stdin:
        process_id = os.fork()
        if process_id == 0:
            child(json.loads(line))
        print(process_id, flush=True)
        _, status = os.waitpid(process_id, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
