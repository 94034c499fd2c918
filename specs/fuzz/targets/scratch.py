"""Files for readers that take a path, in memory where there is a file system of it."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path


@cache
def folder() -> Path:
    """A folder that goes with the process."""
    memory = "/dev/shm"
    is_free = "TMPDIR" not in os.environ and os.access(memory, os.W_OK)
    made = Path(tempfile.mkdtemp(prefix="qfs-fuzz-", dir=memory if is_free else None))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def file_of(data: bytes, suffix: str) -> Path:
    """A file with these bytes. The next one of its suffix takes its place."""
    path = folder() / f"input{suffix}"
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    return path
