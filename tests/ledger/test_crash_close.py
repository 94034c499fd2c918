"""Killed while it closes an epoch or replays: nothing acknowledged is lost, nothing is half there.

The same command again finishes, to the same hashes as an instance that nobody disturbed. Besides
random moments, which QFS_CRASH_ROUNDS raises the number of, every moment before and after a call
that changes the disk is one to die at; see crash_points.py.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from instances import FIRST_EPOCH, close, copied, create, grown, register, write_inputs

from qfs.cli.root import run
from qfs.ledger.evidence import verify_evidence
from qfs.ledger.instance import Instance, open_instance
from qfs.ledger.log import EventLog, LeaseError
from qfs.ledger.replay import replay
from qfs.ledger.session import load_state

pytestmark = [pytest.mark.database, pytest.mark.slow]

ROUNDS = int(os.environ.get("QFS_CRASH_ROUNDS") or 20)
POINTS = Path(__file__).with_name("crash_points.py")
TIMES = Path(__file__).with_name("crash_times.py")
EPOCH = FIRST_EPOCH + 1


@dataclass(frozen=True)
class Undisturbed:
    """What the same events come to where nobody is killed."""

    before: Instance
    """with its nodes and one closed epoch"""
    options: list[str]
    """of the command that closes the next one"""
    hashes: list[bytes]
    sizes: tuple[int, int, int]
    """of the log: before the close, with what it records, with the close"""
    manifest: str
    state: bytes
    files: set[str]
    """of its artifacts"""

    def arguments(self, folder: Path) -> list[str]:
        return ["epoch", "close", "--instance", str(folder), *self.options, "--json"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    before = grown(folder / "before", 1)
    options = write_inputs(folder / "inputs", EPOCH)
    twin = copied(before, folder / "twin")
    manifest = close(twin, EPOCH).hex()
    with twin.open_log() as log:
        events = list(log.read())
        state, _ = load_state(twin, log)
    size = len(events)
    files = {path.name for path in (twin.folder / "artifacts").iterdir()}
    return Undisturbed(
        before,
        options,
        [event.hash for event in events],
        (size - 3, size - 1, size),
        manifest,
        state.digest,
        files,
    )


def command(arguments: list[str]) -> tuple[int, str]:
    """The exit code of a command, run here, and what it said."""
    said = io.StringIO()
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        return run(arguments), said.getvalue()


@contextlib.contextmanager
def writing(instance: Instance) -> Iterator[EventLog]:
    """Its log for the next writer. A server takes a moment to see that a client is gone."""
    deadline = time.monotonic() + 30
    while True:
        try:
            log = instance.open_log("next")
            break
        except LeaseError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    with log:
        yield log


def visible(folder: Path) -> set[str]:
    """What is in a folder, but for the leftovers of those who were killed."""
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def require_whole(instance: Instance, wanted: Undisturbed, acknowledged: bool) -> bool:
    """Nothing is half there; whether the epoch is closed."""
    with writing(instance) as log:
        # Reading from the start is the whole check of the chain.
        hashes = [event.hash for event in log.read()]
    assert len(hashes) in wanted.sizes
    assert hashes == wanted.hashes[: len(hashes)]
    closed = len(hashes) == wanted.sizes[-1]
    assert closed or not acknowledged
    evidence = instance.evidence(EPOCH)
    assert evidence.exists() or not closed
    if evidence.exists():
        verify_evidence(evidence, wanted.manifest)
    assert visible(evidence.parent) <= {str(FIRST_EPOCH), str(EPOCH)}
    assert visible(instance.folder / "artifacts") <= wanted.files
    return closed


def finish(instance: Instance, wanted: Undisturbed, acknowledged: bool) -> bool:
    """What is left is whole, and the same command finishes it; whether it was finished before."""
    closed = require_whole(instance, wanted, acknowledged)
    if not closed:
        code, said = command(wanted.arguments(instance.folder))
        assert code == 0, said
        assert wanted.manifest in said
    assert require_whole(instance, wanted, True)
    for options in (wanted.options, [], ["--epoch", str(EPOCH)]):
        code, said = command(["epoch", "close", "--instance", str(instance.folder), *options])
        assert code == 1, said
    with writing(instance) as log:
        assert [event.hash for event in log.read()] == wanted.hashes
        assert load_state(instance, log)[0].digest == wanted.state
        *_, last = replay(log, instance.artifacts)
        assert last.state.digest == wanted.state
    return closed


def killed_at_every_point(
    instance: Instance, work: Path, arguments: list[str]
) -> Iterator[tuple[str, Path]]:
    """The call at which a command was killed and what it left, for each of its points."""
    work.mkdir()
    script = [sys.executable, str(POINTS), str(instance.folder), str(work), "0", "1"]
    done = subprocess.run([*script, *arguments], capture_output=True, text=True, check=True)
    *lines, total = done.stdout.splitlines()
    assert len(lines) == int(total)
    for line in lines:
        number, _, call = line.partition(" ")
        yield call, work / number


@pytest.fixture(scope="module")
def interrupted(
    undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[str, Instance]]:
    """An instance for each moment at which closing its epoch was interrupted, and that moment."""
    work = tmp_path_factory.mktemp("interrupted") / "work"
    arguments = undisturbed.arguments(Path("INSTANCE"))
    found = killed_at_every_point(undisturbed.before, work, arguments)
    return [(call, open_instance(left)) for call, left in found]


def test_killed_at_every_point_of_a_close(
    undisturbed: Undisturbed, interrupted: list[tuple[str, Instance]], folder: Path
) -> None:
    calls = [call for call, _ in interrupted]
    # Before and after: the lease, the tables, the evidence and both appends.
    for name in ("_take_lease", "write_table", "link", "write_bytes", "replace", "_insert"):
        assert {f"before {name}", f"after {name}"} <= {*calls}
    assert calls.count("after _insert") == 2
    # What was closed stays closed: it depends on the second append and on nothing else.
    last = max(number for number, call in enumerate(calls) if call == "after _insert")
    for number, (_, left) in enumerate(interrupted):
        instance = copied(left, folder / str(number))
        assert finish(instance, undisturbed, False) == (number >= last)
        shutil.rmtree(instance.folder)


def test_killed_at_every_point_of_a_replay(undisturbed: Undisturbed, folder: Path) -> None:
    """It writes snapshots and nothing else."""
    instance = copied(undisturbed.before, folder / "instance")
    close(instance, EPOCH)
    for path in (instance.folder / "snapshots").iterdir():
        path.unlink()
    count = 0
    arguments = ["replay", "--instance", "INSTANCE"]
    for _, left in killed_at_every_point(instance, folder / "work", arguments):
        assert finish(open_instance(left), undisturbed, True)
        shutil.rmtree(left)
        count += 1
    assert count > 20


@pytest.mark.parametrize("first", ["after _insert", "before replace"])
def test_interrupted_twice(
    undisturbed: Undisturbed, interrupted: list[tuple[str, Instance]], folder: Path, first: str
) -> None:
    """What one left, another one is killed over, at every point; then it is finished."""
    if first != "after _insert" and ROUNDS <= 20:
        pytest.skip("left to make prove")
    left = next(left for call, left in interrupted if call == first)
    arguments = undisturbed.arguments(Path("INSTANCE"))
    for _, twice in killed_at_every_point(left, folder / "work", arguments):
        finish(open_instance(twice), undisturbed, False)
        shutil.rmtree(twice)


def kill_hard(process_id: int) -> None:
    # It is gone already where the command was faster.
    with contextlib.suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGKILL)


class Timed:
    """Runs a command in a process of its own, to be killed; learns how long it takes."""

    def __init__(self, arguments: Callable[[Path], list[str]], seed: str) -> None:
        self.arguments = arguments
        self.moments = random.Random(seed)
        self.seconds = 0.0

    def __enter__(self) -> Timed:
        self.errors = tempfile.TemporaryFile("w+")
        self.parent = subprocess.Popen(
            [sys.executable, TIMES],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.parent.kill()
        self.parent.communicate()
        self.errors.close()

    def start(self, folder: Path) -> int:
        assert self.parent.stdin is not None
        print(json.dumps(self.arguments(folder)), file=self.parent.stdin, flush=True)
        return self._answer()

    def _answer(self) -> int:
        assert self.parent.stdout is not None
        return int(self.parent.stdout.readline())

    def measure(self, folder: Path) -> None:
        self.start(folder)
        began = time.monotonic()
        assert self._answer() == 0, self.said()
        self.seconds = time.monotonic() - began

    def strike(self, folder: Path, kill: Callable[[int], object] = kill_hard) -> bool:
        """Kill at a random moment; whether the command ended well before that."""
        child = self.start(folder)
        time.sleep(self.moments.random() * self.seconds)
        kill(child)
        code = self._answer()
        assert "Traceback" not in self.said()
        return code == 0

    def said(self) -> str:
        self.errors.seek(0)
        return self.errors.read()


def test_killed_at_random_while_closing(undisturbed: Undisturbed, folder: Path) -> None:
    with Timed(undisturbed.arguments, "close") as timed:
        timed.measure(copied(undisturbed.before, folder / "measured").folder)
        for number in range(ROUNDS):
            instance = copied(undisturbed.before, folder / str(number))
            # Some are killed more than once before anybody finishes.
            for _ in range(1 + number % 3):
                acknowledged = timed.strike(instance.folder)
                closed = require_whole(instance, undisturbed, acknowledged)
                if closed:
                    break
            finish(instance, undisturbed, closed)
            shutil.rmtree(instance.folder)


def test_killed_at_random_while_replaying(undisturbed: Undisturbed, folder: Path) -> None:
    instance = copied(undisturbed.before, folder / "instance")
    close(instance, EPOCH)
    with Timed(lambda place: ["replay", "--instance", str(place)], "replay") as timed:
        timed.measure(instance.folder)
        for _ in range(ROUNDS):
            for path in (instance.folder / "snapshots").iterdir():
                path.unlink()
            timed.strike(instance.folder)
            assert finish(instance, undisturbed, True)


# PostgreSQL


@pytest.fixture
def in_postgres(
    server: Any, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Callable[[str], Instance]:
    """Makes the same instance with its log in PostgreSQL; its sessions are the application's."""
    import postgres_server

    def made(name: str) -> Instance:
        server.empty_database("instance")
        url = f"postgresql://{postgres_server.APPLICATION}@127.0.0.1:{server.port}/instance"
        monkeypatch.setenv("PGPASSWORD", postgres_server.PASSWORD)
        owner_url = server.url("instance", postgres_server.OWNER)
        instance = create(folder / name, url, owner_url)
        register(instance)
        close(instance, FIRST_EPOCH)
        return instance

    return made


@pytest.mark.parametrize("victim", ["client", "backend", "postmaster"])
def test_killed_with_a_server(
    server: Any, in_postgres: Callable[[str], Instance], undisturbed: Undisturbed, victim: str
) -> None:
    """The client, the process that serves it, or the server's first process is killed."""

    def kill(child: int) -> None:
        if victim == "client":
            kill_hard(child)
        elif victim == "postmaster":
            server.kill()
            server.start()
        else:
            # It is gone already where the command was faster.
            with contextlib.suppress(ValueError):
                server.kill_session("instance")

    # Its connection's password is set by now, and the process that runs the command inherits it.
    measured = in_postgres("measured")
    with Timed(undisturbed.arguments, victim) as timed:
        timed.measure(measured.folder)
        for number in range(max(2, ROUNDS // 12)):
            instance = in_postgres(str(number))
            acknowledged = timed.strike(instance.folder, kill)
            finish(instance, undisturbed, acknowledged)
