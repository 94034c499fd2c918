"""Folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from qfs.errors import StorageError
from qfs.table_files import storage_errors


def require_free(folder: Path) -> None:
    """The folder can be written: it does not exist, or is empty.

    Raises:
        StorageError: it holds something, or is a file.
    """
    with storage_errors(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise StorageError("is in use; a new or empty folder is needed", source=str(folder))


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which gets its name and reaches the disk when all went well.

    Raises:
        StorageError: the folder is in use, or something could not be written; then nothing is
            left behind.
    """
    require_free(folder)
    folder = folder.absolute()
    with storage_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with storage_errors(folder):
            yield partial
            _sync(partial)
            partial.chmod(0o755)
            # Renaming onto an empty folder is allowed, onto a filled one it fails.
            partial.replace(folder)
            _sync_one(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _sync(folder: Path) -> None:
    """Bring everything below a folder to disk before it gets its name."""
    for parent, _, files in os.walk(folder):
        for name in files:
            _sync_one(Path(parent) / name)
        _sync_one(Path(parent))


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
