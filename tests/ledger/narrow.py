"""Runs a command where it cannot write: with a limit on the size of files, or without the right to.

    python narrow.py FOLDER WORK LIMITS ARGUMENT ...

LIMITS are numbers of bytes with commas between, or `read-only`. For each of them the folder is
copied into one of its own in WORK and the command runs on the copy in a process of its own. Prints
a line of JSON for each: the limit, the exit code, what the command said. The word FOLDER in an
argument stands for the copy.

A limit fails writes as a full disk does. Root may write anywhere, and becomes somebody else.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import resource
import shutil
import signal
import sys
from pathlib import Path

import qfs
from qfs import signatures
from qfs.cli.root import run
from qfs.tables import require_pyarrow

NOBODY = 65534


def import_all() -> None:
    """Everything that is imported when it is needed, as long as it may be read."""
    for module in pkgutil.walk_packages(qfs.__path__, "qfs."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    require_pyarrow()
    key = signatures.from_seed(bytes(32))
    signatures.verify(key.public, "qfs/test/v1", b"", signatures.sign(key, "qfs/test/v1", b""))


def limited(limit: str, folder: Path) -> None:
    """What this process may do from now on."""
    if limit != "read-only":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), hard))
        return
    for parent, _, files in os.walk(folder):
        os.chmod(parent, 0o555)
        for name in files:
            os.chmod(Path(parent) / name, 0o444)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def child(limit: str, folder: Path, arguments: list[str], said: int) -> None:
    """Run the command; never returns. What it says goes through a pipe, which has no limit."""
    os.dup2(said, 1)
    os.dup2(said, 2)
    code = 1
    try:
        limited(limit, folder)
        code = run([text.replace("FOLDER", str(folder)) for text in arguments])
    except BaseException as error:
        print(f"Traceback: {error!r}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main(folder: Path, work: Path, limits: list[str], arguments: list[str]) -> None:
    for limit in limits:
        copy = work / limit
        shutil.copytree(folder, copy)
        reading, writing = os.pipe()
        process_id = os.fork()
        if process_id == 0:
            child(limit, copy, arguments, writing)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            said = pipe.read()
        _, status = os.waitpid(process_id, 0)
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps({"limit": limit, "code": code, "said": said}), flush=True)


if __name__ == "__main__":
    import_all()
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3].split(","), sys.argv[4:])
