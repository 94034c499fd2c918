"""The command line: `qfs NOUN VERB`, one file per noun.

Exit codes: 0 done, 1 error, 2 wrong usage, 3 verification failed. Results go to stdout, progress
and errors to stderr. Everything heavy is imported by the command that needs it, so that `qfs`
starts quickly.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the `qfs` command."""
    try:
        from qfs.cli.root import run
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit('qfs: the command line needs click: pip install "qfs[cli]"')
    sys.exit(run(sys.argv[1:]))
