"""`qfs replay`: the state from the log alone, from anywhere, and what stands in its way."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qfs.ledger.instance import open_instance

pytestmark = pytest.mark.once


def replayed(network: Any, *words: str, code: int = 0) -> Any:
    return network.json("replay", "--instance", str(network.folder), *words, code=code)


def without_place(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "begun_at_event"}


def test_from_genesis_and_from_a_snapshot_lead_to_one_state(closed: Any) -> None:
    whole = replayed(closed)
    assert (whole["events"], whole["begun_at_event"], whole["epochs"]) == (10, 0, 3)
    assert whole["supply"] == str(3 * 100000100 + 2)
    assert int(whole["atr_fees"]) == 3 * (1000 + 7 + 10**9)
    assert int(whole["atr_fees"]) - int(whole["atr_retained"]) == int(whole["supply"])
    resumed = replayed(closed, "--resume")
    assert resumed["begun_at_event"] == 10
    assert without_place(resumed) == without_place(whole)
    with open_instance(closed.folder).open_log() as log:
        assert log.head().hash.hex() == whole["head"]
        (last,) = log.read(9)
        assert last.payload["state"] == whole["state"]


def test_the_output_is_the_same_every_time(closed: Any) -> None:
    first = closed.on("replay")
    assert first[0] == 0
    assert closed.on("replay") == first
    shutil.rmtree(closed.folder / "snapshots")
    (closed.folder / "snapshots").mkdir()
    assert closed.on("replay") == first


@pytest.mark.parametrize("to", range(10))
def test_to_an_event_is_the_state_after_it(closed: Any, to: int) -> None:
    found = replayed(closed, "--to", str(to))
    assert found["events"] == to + 1
    assert found["epochs"] == to // 3
    assert found["head"] != replayed(closed)["head"] or to == 9
    with open_instance(closed.folder).open_log() as log:
        (event,) = log.read(to, to + 1)
    if event.type == "epoch.close":
        assert found["state"] == event.payload["state"]


def test_to_beyond_the_end_is_an_error(closed: Any) -> None:
    code, out, err = closed.on("replay", "--to", "10")
    assert (code, out) == (1, "")
    assert "to: the log has 10 events" in err


def test_to_before_the_snapshot_begins_at_genesis(closed: Any) -> None:
    assert replayed(closed, "--resume", "--to", "3")["begun_at_event"] == 0
    assert replayed(closed, "--resume", "--to", "9")["begun_at_event"] == 10


def test_snapshots_are_kept_on_the_way_but_not_with_to(closed: Any) -> None:
    snapshots = closed.folder / "snapshots"
    for path in snapshots.iterdir():
        path.unlink()
    replayed(closed, "--to", "9")
    assert list(snapshots.iterdir()) == []
    replayed(closed)
    assert sorted(p.name for p in snapshots.iterdir()) == [f"{n:016}.json" for n in (7, 10)]


@pytest.mark.slow
def test_an_interrupted_replay_resumes(closed: Any) -> None:
    for path in (closed.folder / "snapshots").iterdir():
        path.unlink()
    whole = replayed(closed, "--to", "9")
    code = (
        "import os, sys; from qfs.cli.root import run; from qfs.ledger.snapshots import Snapshots\n"
        "take = Snapshots.take\n"
        "def once(self, state, head):\n"
        "    take(self, state, head)\n"
        "    os._exit(9) if head.size == 7 else None\n"
        "Snapshots.take = once; sys.exit(run(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "replay", "--instance", str(closed.folder)]
    assert subprocess.run(command, check=False, env=os.environ).returncode == 9
    resumed = replayed(closed, "--resume")
    assert resumed["begun_at_event"] == 7
    assert without_place(resumed) == without_place(whole)


def test_a_snapshot_that_the_log_does_not_bear_out_is_not_begun_at(closed: Any) -> None:
    newest = max((closed.folder / "snapshots").iterdir())
    data = newest.read_bytes()
    newest.write_bytes(data.replace(b'"tick":30', b'"tick":31'))
    assert newest.read_bytes() != data
    found = replayed(closed, "--resume")
    assert found["begun_at_event"] == 7
    assert without_place(found) == without_place(replayed(closed))


def test_where_nothing_can_be_kept_it_says_so_and_goes_on(closed: Any) -> None:
    expected = closed.on("replay")
    shutil.rmtree(closed.folder / "snapshots")
    (closed.folder / "snapshots").write_text("a file where the folder was")
    code, out, err = closed.on("replay")
    assert (code, out) == (0, expected[1])
    assert "no snapshots were kept" in err
    assert err.count("\n") == 1


@pytest.mark.slow
def test_a_folder_that_may_only_be_read_is_replayed(closed: Any, tmp_path: Path) -> None:
    expected = closed.on("replay")[1]
    for path in (closed.folder / "snapshots").iterdir():
        path.unlink()
    user = 65534 if os.geteuid() == 0 else None
    place = Path("/tmp") if user else tmp_path
    folder = place / f"qfs-read-only-{os.getpid()}"
    shutil.copytree(closed.folder, folder)
    try:
        (folder / "registrar.key").unlink()
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        code = f"import sys; sys.path[:] = {sys.path!r}; from qfs.cli.root import run;"
        if user is not None:
            # Root may write everywhere, so somebody else reads.
            # All that is imported comes first: nobody may read the sources of a private folder.
            code += (
                "import contextlib, io, os\nwith contextlib.redirect_stdout(io.StringIO()):"
                " run(['doctor', '--deep', '--instance', sys.argv[-1]])\n"
                f"os.setuid({user});"
            )
        done = subprocess.run(
            [
                *(sys.executable, "-c", f"{code} sys.exit(run(sys.argv[1:]))"),
                *("replay", "--instance", str(folder)),
            ],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ,
        )
        assert (done.returncode, done.stdout) == (0, expected), done.stderr
        assert "no snapshots were kept" in done.stderr
        assert "Permission denied" in done.stderr
    finally:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.slow
def test_progress_is_drawn_on_a_terminal_and_on_stderr_alone(closed: Any) -> None:
    expected = closed.on("replay")[1]
    ours, theirs = os.openpty()
    code = "import sys; from qfs.cli.root import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "replay", "--instance", str(closed.folder)]
    environment = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, text=True, env=environment
    )
    os.close(theirs)
    drawn = b""
    # A terminal that nobody writes to any more is an error to read.
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 1 << 16):
            drawn += piece
    os.close(ours)
    out, _ = process.communicate()
    assert (process.returncode, out) == (0, expected)
    assert b"replaying events" in drawn
    assert b"10/10" in drawn


def artifact(network: Any, kind: str, seq: int) -> Path:
    with open_instance(network.folder).open_log() as log:
        (event,) = log.read(seq, seq + 1)
    digest = event.payload[kind]["digest"]
    path: Path = network.folder / "artifacts" / f"{kind}-{digest}.parquet"
    return path


def test_an_artifact_that_was_changed_is_a_violation_of_its_event(closed: Any) -> None:
    one, other = artifact(closed, "telemetry", 4), artifact(closed, "telemetry", 7)
    one.write_bytes(other.read_bytes())
    code, out, err = closed.on("replay")
    assert (code, out) == (3, "")
    assert "event 4" in err
    assert replayed(closed, code=3)["error"]["field"] == "event 4"
    one.write_bytes(b"PAR1")
    code, _, err = closed.on("replay")
    assert code == 3
    assert "event 4" in err
    # What comes before it stands.
    assert replayed(closed, "--to", "3")["epochs"] == 1


def test_an_artifact_that_is_missing_is_named(closed: Any) -> None:
    path = artifact(closed, "fees", 5)
    path.unlink()
    code, out, err = closed.on("replay")
    assert (code, out) == (1, "")
    assert str(path) in err


def test_an_event_that_does_not_follow_is_named(closed: Any) -> None:
    from qfs.ledger.log import Entry

    with open_instance(closed.folder).open_log() as log:
        (last,) = log.read(9)
    forged = dict(last.payload, epoch=3)
    with open_instance(closed.folder).open_log("forger") as log:
        log.append([Entry("epoch.close", 40, forged)])
    code, out, err = closed.on("replay")
    assert (code, out) == (3, "")
    assert "event 10" in err
    assert "epoch.close is refused" in err
    assert closed.on("replay", "--to", "9")[0] == 0


@pytest.mark.parametrize(
    "payload", [{}, {"fees": "x"}, {"fees": {"digest": 7}}, {"fees": {"digest": "../../x"}}]
)
def test_a_payload_that_names_no_table_is_a_violation(closed: Any, payload: Any) -> None:
    from qfs.ledger.log import Entry

    with open_instance(closed.folder).open_log("forger") as log:
        log.append([Entry("fees.record", 40, payload)])
    code, out, err = closed.on("replay")
    assert (code, out) == (3, "")
    assert "event 10" in err
