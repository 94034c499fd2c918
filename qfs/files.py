"""Files and folders that appear whole or not at all, and errors that name them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from qfs.errors import QfsError, StorageError


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turns an OSError on a path into a StorageError that names it."""
    try:
        yield
    except QfsError:
        raise
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise StorageError(reason, source=str(path)) from error


def read_bounded(path: Path, maximum_bytes: int) -> bytes:
    """The bytes of a file.

    Raises:
        StorageError: it cannot be read, or is larger than `maximum_bytes`.
    """
    with storage_errors(path), path.open("rb") as file:
        # One byte more than is allowed, and not the size that the file claims to have.
        data = file.read(maximum_bytes + 1)
    if len(data) > maximum_bytes:
        raise StorageError(f"larger than {maximum_bytes} bytes", source=str(path))
    return data


def require_free(folder: Path) -> None:
    """The folder can be filled: it does not exist, or is empty.

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
            left but parent folders that had to be made.
    """
    require_free(folder)
    with storage_errors(folder):
        target = folder.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with storage_errors(folder):
            yield partial
            for parent, _, files in os.walk(partial):
                for name in files:
                    sync(Path(parent) / name)
                sync(Path(parent))
            partial.chmod(0o755)
            # Renaming onto an empty folder is allowed, onto a filled one it fails.
            partial.replace(target)
            sync(target.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to fill, which gets its name and reaches the disk when all went well.

    Raises:
        StorageError: something has that name, or it could not be written; then nothing is left.
    """
    with storage_errors(path):
        if path.exists() or path.is_symlink():
            raise StorageError("exists already; a new file is needed", source=str(path))
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with storage_errors(path), os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
            # A link, unlike a rename, never takes the place of a file that appeared meanwhile.
            os.link(name, path)
            sync(path.absolute().parent)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
