"""`qfs doctor`: everything in order says so, and every disorder is named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qfs.ledger.instance import open_instance

pytestmark = pytest.mark.once

MACHINE = [
    *("qfs", "python", "backend", "hashing", "cryptography", "pyarrow", "msgspec", "immutables"),
    *("psycopg", "pycryptodome", "sqlite"),
]
INSTANCE = [
    *("config", "permissions", "genesis", "registrar key", "log", "writer", "artifacts"),
    *("snapshot", "evidence", "leftovers"),
]


def checked(network: Any, *words: str, code: int = 0) -> dict[str, tuple[str, str]]:
    """Status and text of each check of the instance."""
    found = network.json("doctor", "--instance", str(network.folder), *words, code=code)
    assert found["ok"] is (code == 0)
    return {c["name"]: (c["status"], c["text"]) for c in found["checks"]}


def test_an_instance_in_order_is_ok_in_all_lines(closed: Any) -> None:
    for words in ((), ("--deep",)):
        found = checked(closed, *words)
        assert list(found) == MACHINE + INSTANCE
        assert {name: found[name][0] for name in INSTANCE} == dict.fromkeys(INSTANCE, "ok")
    code, out, err = closed.on("doctor")
    assert (code, err) == (0, "")
    assert out.count("\n") == len(MACHINE + INSTANCE)


def test_a_new_instance_is_in_order(network: Any) -> None:
    found = checked(network)
    assert {found[name][0] for name in INSTANCE} == {"ok"}


def test_the_machine_alone(network: Any) -> None:
    found = network.json("doctor")
    assert [check["name"] for check in found["checks"]] == MACHINE
    backend = next(c["text"] for c in found["checks"] if c["name"] == "backend")
    assert backend.startswith(("kernel: ", "reference: "))
    if backend.startswith("kernel"):
        assert "source_hash" in backend


def change(network: Any, disorder: str) -> None:
    folder: Path = network.folder
    artifacts = sorted((folder / "artifacts").iterdir())
    newest = max((folder / "snapshots").iterdir())
    manifest = folder / "epochs" / "1" / "manifest.json"
    telemetry = [path for path in artifacts if path.name.startswith("telemetry")]
    changes: dict[str, Callable[[], object]] = {
        "config": lambda: (folder / "instance.json").write_text("{}"),
        "open to all": lambda: folder.chmod(0o777),
        "open log": lambda: (folder / "log.sqlite").chmod(0o666),
        "open key": lambda: (folder / "registrar.key").chmod(0o640),
        "another key": lambda: shutil.copy(network.base / "reporter.key", folder / "registrar.key"),
        "no log": lambda: (folder / "log.sqlite").unlink(),
        "no artifact": lambda: telemetry[0].unlink(),
        "no folder": lambda: (folder / "artifacts").rename(folder / "kept"),
        "another snapshot": lambda: newest.write_bytes(
            newest.read_bytes().replace(b'"tick":30', b'"tick":31')
        ),
        "no snapshots": lambda: [p.unlink() for p in (folder / "snapshots").iterdir()],
        "another epoch": lambda: shutil.copy(folder / "epochs" / "0" / "manifest.json", manifest),
        "no manifest": lambda: manifest.unlink(),
        "no evidence": lambda: shutil.rmtree(folder / "epochs" / "1"),
        "early evidence": lambda: shutil.copytree(folder / "epochs" / "2", folder / "epochs" / "3"),
        "leftover": lambda: (folder / "epochs" / ".3-x1y2").mkdir(),
        "leftover file": lambda: (folder / "artifacts" / ".fees-1.parquet-ab").write_text(""),
    }
    changes[disorder]()


@pytest.mark.parametrize(
    ("disorder", "check", "status", "words"),
    [
        ("config", "config", "fail", "instance.json"),
        ("open to all", "permissions", "fail", "may be written by anybody"),
        ("open log", "permissions", "fail", "log.sqlite may be written by anybody"),
        ("open key", "permissions", "fail", "has mode 0640"),
        ("another key", "registrar key", "fail", "is not the key of the genesis"),
        ("no log", "log", "fail", "log.sqlite"),
        ("no artifact", "artifacts", "fail", "is missing"),
        ("no folder", "permissions", "fail", "artifacts is missing"),
        ("another snapshot", "snapshot", "warn", "is not borne out by the log"),
        ("no snapshots", "snapshot", "warn", "there is none"),
        ("another epoch", "evidence", "fail", "has digest"),
        ("no manifest", "evidence", "fail", "epoch 1"),
        ("no evidence", "evidence", "warn", "is missing"),
        ("early evidence", "evidence", "warn", "epoch 3 was not closed to its end"),
        ("leftover", "leftovers", "warn", ".3-x1y2"),
        ("leftover file", "leftovers", "warn", ".fees-1.parquet-ab"),
    ],
)
def test_a_disorder_is_named(
    closed: Any, disorder: str, check: str, status: str, words: str
) -> None:
    change(closed, disorder)
    found = checked(closed, code=1 if status == "fail" else 0)
    assert found[check][0] == status, found
    assert words in found[check][1]


def test_what_an_artifact_says_is_read_only_with_deep(closed: Any) -> None:
    one, other = sorted((closed.folder / "artifacts").glob("fees-*"))[:2]
    one.write_bytes(other.read_bytes())
    assert checked(closed)["artifacts"][0] == "ok"
    status, text = checked(closed, "--deep", code=1)["artifacts"]
    assert status == "fail"
    assert one.name in text
    assert "event " in text


def test_a_broken_chain_is_a_failure_of_the_log(closed: Any) -> None:
    import sqlite3

    with sqlite3.connect(closed.folder / "log.sqlite") as connection:
        connection.execute("DROP TRIGGER event_not_deleted")
        connection.execute("DELETE FROM event WHERE seq = 3")
    connection.close()
    status, text = checked(closed, code=1)["log"]
    assert status == "fail"
    assert "event 3" in text


def test_a_writer_is_named_and_not_disturbed(closed: Any) -> None:
    with open_instance(closed.folder).open_log("somebody") as log:
        status, text = checked(closed)["writer"]
        assert status == "warn"
        assert "somebody" in text
        assert log.writer() == "somebody"
        with open_instance(closed.folder).open_log() as reader:
            assert reader.writer() == "somebody"
    with open_instance(closed.folder).open_log() as reader:
        assert reader.writer() is None
    assert checked(closed)["writer"][0] == "ok"


def test_it_changes_nothing(closed: Any) -> None:
    def everything() -> dict[str, tuple[int, bytes]]:
        return {
            str(p): (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"")
            for p in closed.folder.rglob("*")
        }

    before = everything()
    checked(closed, "--deep")
    assert everything() == before


def run_apart(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_not_installed_is_a_line_and_no_traceback(closed: Any) -> None:
    code = (
        "import sys\n"
        "for name in ('psycopg', 'immutables', 'Crypto'): sys.modules[name] = None\n"
        "from qfs.cli.root import run\n"
        f"sys.exit(run(['doctor', '--json', '--instance', {str(closed.folder)!r}]))"
    )
    done = run_apart(code)
    assert done.returncode == 1, done.stderr
    found = {c["name"]: c["status"] for c in json.loads(done.stdout)["checks"]}
    assert [found[name] for name in ("psycopg", "immutables", "pycryptodome")] == ["warn"] * 3
    assert found["instance"] == "fail"


@pytest.mark.slow
def test_a_backend_that_cannot_be_had_is_a_failure() -> None:
    code = "import sys; from qfs.cli.root import run; sys.exit(run(['doctor']))"
    done = run_apart(code, QFS_BACKEND="gpu")
    assert done.returncode == 1
    assert "fail  backend" in done.stdout
    meant = run_apart(code, QFS_BACKEND="reference")
    assert meant.returncode == 0
    assert "ok    backend       reference: QFS_BACKEND=reference" in meant.stdout
