"""Artifacts: tables in files that are named by their content, and nothing else under that name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from instances import fees_of, telemetry_of

from qfs.errors import QfsError, StorageError, VerificationError
from qfs.ledger.artifacts import Artifacts
from qfs.table_files import write_parquet
from qfs.tables import FEES, TELEMETRY

pytestmark = pytest.mark.database


def test_what_is_put_is_got(tmp_path: Path) -> None:
    artifacts, table = Artifacts(tmp_path), fees_of(3)
    path = artifacts.put(table)
    before = path.stat()
    assert artifacts.put(table) == path
    assert Artifacts(tmp_path).put(table) == path
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert Artifacts(tmp_path).get(FEES, table.digest.hex()).digest == table.digest
    assert list(tmp_path.iterdir()) == [path]


def test_name_of_a_table_that_is_there_reaches_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wrote it may have been killed between giving it its name and syncing the folder."""
    Artifacts(tmp_path).put(fees_of(3))
    synced, fsync = [], os.fsync

    def spy(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    Artifacts(tmp_path).put(fees_of(3))
    assert str(tmp_path) in synced


@pytest.mark.parametrize("damage", ["empty", "cut", "other", "folder"])
def test_damaged_file_is_not_relied_upon(tmp_path: Path, damage: str) -> None:
    table = fees_of(3)
    path = Artifacts(tmp_path).put(table)
    whole = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "other":
        write_parquet(fees_of(4), path)
    else:
        path.write_bytes(whole[: len(whole) // 2] if damage == "cut" else b"")
    for call in (
        lambda artifacts: artifacts.put(table),
        lambda artifacts: artifacts.get(FEES, table.digest.hex()),
    ):
        with pytest.raises(QfsError, match=path.name):
            call(Artifacts(tmp_path))


def test_damage_after_the_first_look_is_found_when_it_is_read(tmp_path: Path) -> None:
    artifacts, table = Artifacts(tmp_path), fees_of(3)
    path = artifacts.put(table)
    path.unlink()
    write_parquet(fees_of(4), path)
    with pytest.raises(VerificationError, match=fees_of(4).digest.hex()):
        artifacts.get(FEES, table.digest.hex())


def test_missing_table_is_named(tmp_path: Path) -> None:
    digest = telemetry_of(3).digest.hex()
    with pytest.raises(StorageError, match=f"telemetry-{digest}.parquet: is missing"):
        Artifacts(tmp_path).get(TELEMETRY, digest)


def test_digest_is_no_path(tmp_path: Path) -> None:
    for digest in ("", "../x", "A" * 64, "0" * 63):
        with pytest.raises(QfsError, match="64 lowercase hex digits"):
            Artifacts(tmp_path).get(FEES, digest)
