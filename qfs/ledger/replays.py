"""Replays in fresh processes: one log, under every backend, thread count and hash seed.

A process takes its backend, its threads and the order of its hash tables from its environment
when it starts, so what shall not depend on them is computed in processes of its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

import qfs.errors
from qfs.errors import StorageError, VerificationError
from qfs.ledger.events import EMPTY
from qfs.ledger.instance import open_instance
from qfs.ledger.replay import replay

_AT_ONCE = 4
_CODE = "from qfs.ledger.replays import main; main()"


class Setting(NamedTuple):
    """What a process is started with."""

    backend: str
    threads: int
    hash_seed: int
    """PYTHONHASHSEED, 0 .. 2^32 - 1"""


class Replayed(NamedTuple):
    """What a replay from the first event came to."""

    setting: Setting
    state: str
    """digest of the state, hex"""
    head: str
    """hash of the last event, hex"""


SETTINGS: Final = (
    Setting("kernel", 1, 0),
    Setting("kernel", 2, 1),
    Setting("kernel", 3, 2_718_281_828),
    Setting("reference", 1, 1),
    Setting("reference", 2, 3_141_592_653),
    Setting("reference", 3, 0),
)


def replays(folder: Path) -> tuple[list[Replayed], str]:
    """Replay the log of an instance once for each setting, and compare.

    Where no kernel is built, the reference takes its place, each hash seed as it was.

    Returns:
        The replays in the order of `SETTINGS`, and a note, empty where both backends ran.

    Raises:
        VerificationError: a replay failed, or two came to different digests; they are named.
    """
    settings, note = list(SETTINGS), ""
    if not kernel_is_built():
        settings = [setting._replace(backend="reference") for setting in SETTINGS]
        note = "no kernel is built here: every replay used the reference"
    with ThreadPoolExecutor(min(_AT_ONCE, os.cpu_count() or 1)) as pool:
        found = list(pool.map(lambda setting: _replayed(folder, setting), settings))
    for one in found:
        if one[1:] != found[0][1:]:
            raise VerificationError(
                f"{_words(one.setting)} comes to state {one.state} and head {one.head},"
                f" {_words(found[0].setting)} to {found[0].state} and {found[0].head}",
                argument="replays",
                value=one.state,
                expected=found[0].state,
            )
    return found, note


def kernel_is_built() -> bool:
    """Whether there is a kernel to load: one that is broken is, and fails its replays."""
    try:
        return importlib.util.find_spec("qfs_kernel.arithmetic") is not None
    except ModuleNotFoundError:
        return False


def main() -> None:
    """In the fresh process: replay the instance of the first argument, print what it came to."""
    try:
        print(json.dumps(_replay(Path(sys.argv[1]))))
    except qfs.errors.QfsError as error:
        sys.exit(str(error))


def _replay(folder: Path) -> dict[str, str]:
    instance, state, head = open_instance(folder), None, EMPTY
    with instance.open_log() as log:
        for step in replay(log, instance.artifacts):
            state, head = step.state, step.event.head
    if state is None:
        raise StorageError("has no event", source=str(folder))
    return {"state": state.digest.hex(), "head": head.hash.hex()}


def _replayed(folder: Path, setting: Setting) -> Replayed:
    # Output as bytes and errors as text on one pipe each; nothing is read from the terminal.
    done = subprocess.run(
        [sys.executable, "-P", "-c", _CODE, str(folder)],
        env=dict(_environment(setting)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        raise VerificationError(
            f"{_words(setting)} fails: {done.stderr.strip() or done.returncode}",
            argument="replays",
        )
    document: Any = json.loads(done.stdout)
    return Replayed(setting, document["state"], document["head"])


def _environment(setting: Setting) -> Iterator[tuple[str, str]]:
    # The package that runs here, wherever it was imported from.
    here = str(Path(qfs.errors.__file__).resolve().parents[1])
    older = os.environ.get("PYTHONPATH")
    yield from os.environ.items()
    yield "PYTHONPATH", os.pathsep.join([here, older] if older else [here])
    yield "QFS_BACKEND", setting.backend
    yield "QFS_THREADS", str(setting.threads)
    yield "PYTHONHASHSEED", str(setting.hash_seed)


def _words(setting: Setting) -> str:
    return (
        f"the replay by {setting.backend} with {setting.threads} threads"
        f" and hash seed {setting.hash_seed}"
    )
