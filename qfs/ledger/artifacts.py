"""Artifacts: the tables that events speak of, in files named by the digest of their content.

A file is written whole before it has its name, never changed, and checked against its name
whenever it is read. So writing one twice does nothing, and a lost one is missed by name. One that
is there already is read before it is relied upon, once by each object.
"""

from __future__ import annotations

import os
from pathlib import Path

from qfs.errors import StorageError, VerificationError
from qfs.files import new_file, storage_errors, sync
from qfs.protocol.manifest import parse_digest
from qfs.table_files import read_table, write_parquet
from qfs.tables import Schema, Table


class Artifacts:
    """The tables in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sound: set[Path] = set()

    def path(self, schema: Schema, digest: str) -> Path:
        """Where the table of this digest, 64 hex digits, belongs."""
        parse_digest(digest, "digest")
        return self.folder / f"{schema.name}-{digest}.parquet"

    def put(self, table: Table) -> Path:
        """Store a table, on disk when this returns; one that is there stays as it is.

        Raises:
            StorageError: it cannot be written.
            QfsError: a file of this name is there and is something else; see `get`.
        """
        digest = table.digest.hex()
        path = self.path(table.schema, digest)
        if path in self._sound:
            return path
        if not path.exists():
            try:
                with new_file(path) as file:
                    write_parquet(table, file)
            except StorageError:
                # Somebody else stored the same table meanwhile.
                if not path.exists():
                    raise
            else:
                self._sound.add(path)
                return path
        self.get(table.schema, digest)
        # Whoever stored it may have been killed before its name was on disk.
        with storage_errors(self.folder):
            sync(self.folder)
        return path

    def get(self, schema: Schema, digest: str) -> Table:
        """The table of this digest.

        Raises:
            StorageError: it is not there.
            VerificationError: the file's content has another digest.
            QfsError: the file cannot be read as a table.
        """
        path = self.path(schema, digest)
        if not path.exists():
            raise StorageError("is missing", source=str(path))
        table = read_table(path, schema)
        if table.digest.hex() != digest:
            raise VerificationError(
                f"{path.name} has content of digest {table.digest.hex()}",
                argument="artifact",
                value=table.digest.hex(),
                expected=digest,
            )
        self._sound.add(path)
        return table

    def place(self, table: Table, path: Path) -> None:
        """Put a stored table under another name too, without a copy where the disk allows it."""
        stored = self.put(table)
        try:
            os.link(stored, path)
        except OSError:
            write_parquet(table, path)
