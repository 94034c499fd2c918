"""A full disk and a read-only folder: a clear error, nothing half there, and later it works.

A limit on the size of files, at many sizes, stands for the disk that is full at another moment;
see narrow.py.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from instances import (
    FIRST_EPOCH,
    REGISTRAR,
    REPORTER,
    close,
    create,
    grown,
    new_nodes,
    register,
    write_inputs,
)

from qfs import signatures
from qfs.cli.root import run
from qfs.ledger.evidence import verify_evidence
from qfs.ledger.instance import Instance, open_instance
from qfs.ledger.session import load_state

pytestmark = [pytest.mark.database, pytest.mark.slow]

NOBODY = 65534
SCRIPT = Path(__file__).with_name("narrow.py")
LIMITS = [0, 100, 300, 600, 900, 1200, 1600, 2000, 2500, 3000, 4000, 5000, 8000]
LIMITS += [*range(12_000, 60_000, 8_000)]
FULL = ("File too large", "disk I/O error", "database or disk is full")


def narrow(
    folder: Path, work: Path, limits: str, arguments: list[str]
) -> Iterator[tuple[str, int, str, Path]]:
    """For each limit: its name, the exit code, what was said, and the folder as it was left."""
    work.mkdir()
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), str(work), limits, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SCRIPT.parent), *sys.path])},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for line in done.stdout.splitlines():
        found = json.loads(line)
        yield found["limit"], found["code"], found["said"], work / found["limit"]


def at_limits(folder: Path, work: Path, arguments: list[str]) -> Iterator[tuple[bool, Path]]:
    """Whether the command was done, and the folder, for each limit; some refuse, some suffice."""
    outcomes = []
    for _, code, said, left in narrow(folder, work, ",".join(map(str, LIMITS)), arguments):
        assert "Traceback" not in said, said
        assert code in (0, 1), said
        # The file that could not be written is named.
        assert code == 0 or (str(left) in said and any(text in said for text in FULL)), said
        outcomes.append(code)
        yield code == 0, left
    assert {*outcomes} == {0, 1}
    assert outcomes == sorted(outcomes, reverse=True)


def command(*arguments: str) -> int:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return run([*arguments])


def writable(folder: Path) -> None:
    for parent, _, files in os.walk(folder):
        os.chmod(parent, 0o755)
        for name in files:
            os.chmod(Path(parent) / name, 0o644)


def hashes(instance: Instance) -> list[bytes]:
    with instance.open_log("next") as log:
        return [event.hash for event in log.read()]


def test_init_on_a_full_disk(folder: Path) -> None:
    (folder / "empty").mkdir()
    arguments = ["init", "FOLDER/instance", "--name", "x"]
    for done, left in at_limits(folder / "empty", folder / "work", arguments):
        assert [path.name for path in left.iterdir()] == ["instance"] * done
        if not done:
            assert command("init", str(left / "instance"), "--name", "x") == 0
        with open_instance(left / "instance").open_log("a") as log:
            assert log.size() == 0


@pytest.fixture
def nodes(folder: Path) -> Path:
    path = folder / "nodes.csv"
    lines = [",".join(row) for row in new_nodes()]
    path.write_text("\n".join(["node_id,operator_id,role,public_key", *lines]) + "\n")
    return path


def test_register_on_a_full_disk(folder: Path, nodes: Path) -> None:
    elsewhere = create(folder / "elsewhere")
    create(folder / "before")
    register(elsewhere)
    wanted = hashes(elsewhere)
    arguments = ["node", "register", "--table", str(nodes), "--instance"]
    for done, left in at_limits(folder / "before", folder / "work", [*arguments, "FOLDER"]):
        assert hashes(open_instance(left)) == wanted * done
        if not done:
            assert command(*arguments, str(left)) == 0
        assert hashes(open_instance(left)) == wanted


def test_close_on_a_full_disk(folder: Path) -> None:
    """Once more where it failed; where it did not, it is closed for good."""
    before, twin = grown(folder / "before", 1), grown(folder / "twin", 1)
    digest, wanted = close(twin, FIRST_EPOCH + 1), hashes(twin)
    options = write_inputs(folder / "inputs", FIRST_EPOCH + 1)
    arguments = ["epoch", "close", *options, "--instance"]
    for done, left in at_limits(before.folder, folder / "work", [*arguments, "FOLDER"]):
        instance = open_instance(left)
        found = hashes(instance)
        assert found == wanted[: len(found)]
        assert (len(found) == len(wanted)) == done
        if instance.evidence(FIRST_EPOCH + 1).exists():
            verify_evidence(instance.evidence(FIRST_EPOCH + 1), digest.hex())
        assert command(*arguments, str(left)) == (1 if done else 0)
        assert hashes(instance) == wanted
        verify_evidence(instance.evidence(FIRST_EPOCH + 1), digest.hex())


def test_replay_on_a_full_disk(folder: Path) -> None:
    """It needs no disk: it goes on, and says that there is no snapshot to begin at."""
    instance = grown(folder / "before", 2)
    for path in (instance.folder / "snapshots").iterdir():
        path.unlink()
    arguments, limits = ["replay", "--instance", "FOLDER"], ",".join(map(str, LIMITS))
    kept = []
    for _, code, said, left in narrow(instance.folder, folder / "work", limits, arguments):
        assert code == 0, said
        again = open_instance(left)
        with again.open_log() as log:
            state, head = load_state(again, log)
            found = again.snapshots.newest(log)
        assert state.digest.hex() in said
        assert (found is None or found[1] != head) == ("no snapshots were kept" in said)
        kept.append(found is not None)
        assert hashes(again) == hashes(instance)
    assert {*kept} == {False, True}


def content(place: Path) -> dict[Path, bytes]:
    files = (path for path in place.rglob("*") if path.is_file())
    return {path.relative_to(place): path.read_bytes() for path in files}


def prepared(what: str, before: Path) -> None:
    """What the command finds."""
    if what == "init":
        before.mkdir()
    elif what == "register":
        create(before)
    else:
        grown(before, 1)
    if what == "replay":
        for path in (before / "snapshots").iterdir():
            path.unlink()


@pytest.fixture
def keys(folder: Path) -> list[Path]:
    """Private keys of whoever runs the command: the registrar's and the reporter's."""
    keys = [folder / "registrar.key", folder / "reporter.key"]
    for key, path in zip((REGISTRAR, REPORTER), keys, strict=True):
        signatures.write_private_key(path, key)
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
    return keys


@pytest.mark.parametrize("what", ["init", "register", "close", "replay"])
def test_read_only_folder(folder: Path, nodes: Path, keys: list[Path], what: str) -> None:
    """The log is read from it, and nothing is written."""
    folder.chmod(0o755)
    prepared(what, folder / "before")
    options = write_inputs(folder / "inputs", FIRST_EPOCH + 1)[:4]
    registrar, reporter = map(str, keys)
    arguments = {
        "init": ["init", "FOLDER/instance", "--name", "x"],
        "register": ["node", "register", "--table", str(nodes), "--key", registrar],
        "close": ["epoch", "close", *options, "--reporter", "reporter", "--key", reporter],
        "replay": ["replay"],
    }[what]
    if what != "init":
        arguments += ["--instance", "FOLDER"]
    ((_, code, said, left),) = narrow(folder / "before", folder / "work", "read-only", arguments)
    # A replay needs to write nothing.
    assert code == (0 if what == "replay" else 1), said
    assert "Traceback" not in said
    assert f"{'no snapshots were kept' if what == 'replay' else 'error'}: {left}" in said
    assert any(text in said for text in ("Permission denied", "readonly database")), said
    assert content(left) == content(folder / "before")
    writable(left)
    assert command(*(text.replace("FOLDER", str(left)) for text in arguments)) == 0
    if what == "close":
        verify_evidence(left / "epochs" / str(FIRST_EPOCH + 1))
