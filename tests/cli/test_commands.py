"""The command line: what a user types, what is printed, and the exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import rfc8785

from qfs.cli.output import Stopwatch
from qfs.cli.root import run

RULESET = 'allocation.max_share = "0.9"\nallocation.min_active_nodes = 1\n'


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, str]:
    """Paths of a small network: three nodes, two fees."""
    files = {
        "nodes": "node_id,weight\nalice,2\nbob,1\ncarol,0.5\n",
        "fees": "tick,action_id,fee\n513,x1,100\n600,x2,0.000000000000000009\n",
        "ruleset": RULESET,
    }
    paths = {}
    for name, text in files.items():
        path = tmp_path / (f"{name}.toml" if name == "ruleset" else f"{name}.csv")
        path.write_text(text)
        paths[name] = str(path)
    return paths


def close(inputs: dict[str, str], *more: str) -> int:
    options = [word for name, path in inputs.items() for word in (f"--{name}", path)]
    return run(["epoch", "close", *options, *more])


def test_close_show_verify_explain_prove(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, proof = tmp_path / "evidence", tmp_path / "proof.json"
    assert close(inputs, "--out", str(out), "--report", str(tmp_path / "report.html")) == 0
    printed = capsys.readouterr().out
    digest = next(line.split()[-1] for line in printed.splitlines() if "epoch digest" in line)
    assert f"qfs verify {out} --digest {digest}" in printed
    assert "alice" in printed
    assert digest in (tmp_path / "report.html").read_text()

    assert run(["epoch", "show", str(out)]) == 0
    assert digest in capsys.readouterr().out
    assert run(["verify", str(out), "--digest", digest]) == 0
    assert run(["verify", str(out), "--digest", "0" * 64]) == 3
    capsys.readouterr()

    assert run(["explain", "bob", str(out)]) == 0
    assert "bob was paid 2.857142857142857143 NOD in epoch 1, rank 2 of 3" in (
        capsys.readouterr().out
    )
    assert run(["prove", "bob", str(out), "--out", str(proof)]) == 0
    capsys.readouterr()
    assert run(["verify", str(proof), "--digest", digest]) == 0
    assert "bob" in capsys.readouterr().out
    assert run(["verify", str(proof), "--digest", "0" * 64]) == 3


def test_timings_are_shown_where_they_are_asked_for(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert close(inputs, "--dry-run", "--json") == 0
    plain = capsys.readouterr()
    assert (plain.err, "timings" in json.loads(plain.out)) == ("", False)
    assert close(inputs, "--out", str(tmp_path / "evidence"), "--timings", "--json") == 0
    printed = capsys.readouterr()
    timings = json.loads(printed.out)["timings"]
    assert list(timings) == [
        *("reading nodes", "reading fees", "issuing and allocating", "computing roots"),
        *("writing nodes", "writing fees", "writing allocations", "total"),
    ]
    seconds = [timings[name] for name in timings if name != "total"]
    assert all(value >= 0 for value in seconds)
    assert timings["total"] == pytest.approx(sum(seconds), abs=0.005)
    lines = [line.rsplit(maxsplit=2) for line in printed.err.splitlines()]
    assert lines == [[name, f"{value:.3f}", "s"] for name, value in timings.items()]


def test_a_stage_that_comes_again_adds_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time counts from the start of a stage to the next, or to the stop."""
    ticks, stages = iter([1.0, 2.5, 2.5, 4.5, 4.5, 5.0]), list[str]()
    monkeypatch.setattr("qfs.cli.output.time.perf_counter", lambda: next(ticks))
    watch = Stopwatch(stages.append)
    for stage in ("reading", "writing", "reading"):
        watch(stage)
    watch.stop()
    watch.stop()
    assert stages == ["reading", "writing", "reading"]
    assert watch.rounded() == {"reading": 2.0, "writing": 2.0, "total": 4.0}


def test_json_carries_amounts_as_text(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "evidence"
    assert close(inputs, "--out", str(out), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is True
    assert document["manifest"]["issuance"]["issued"] == "10000000000000000000"
    assert document["manifest"]["closing"]["residue"] == "900000000000000000"
    assert run(["explain", "alice", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["amount"] == "5714285714285714286"
    assert run(["verify", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == document["digest"]
    assert run(["verify", str(out), "--digest", "0" * 64, "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "verification"


def test_dry_run_prints_the_same_and_writes_nothing(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.iterdir())
    out = tmp_path / "evidence"
    assert close(inputs, "--out", str(out), "--dry-run", "--json") == 0
    dry = json.loads(capsys.readouterr().out)
    assert sorted(tmp_path.iterdir()) == before
    assert close(inputs, "--dry-run") == 0
    assert "nothing was written" in capsys.readouterr().out
    assert close(inputs, "--out", str(out), "--json") == 0
    assert json.loads(capsys.readouterr().out)["manifest"] == dry["manifest"]


def test_next_epoch_continues_from_the_evidence_of_the_last(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert close(inputs, "--out", str(first), "--json") == 0
    before = json.loads(capsys.readouterr().out)
    Path(inputs["fees"]).write_text("tick,action_id,fee_base_units\n1024,y,1\n")
    arguments = ("--previous", str(first), "--out", str(second))
    assert close(inputs, *arguments, "--json") == 0
    after = json.loads(capsys.readouterr().out)
    assert after["manifest"]["epoch"] == 2
    assert after["manifest"]["previous"] == before["digest"]
    assert after["manifest"]["opening"] == before["manifest"]["closing"]
    # 0.9 carried in and a tenth of one unit make a whole one.
    assert after["manifest"]["issuance"]["issued"] == "1"
    assert after["manifest"]["closing"]["residue"] == "0"
    assert run(["verify", str(second)]) == 0
    for number in ("1", "3"):
        assert close(inputs, "--previous", str(first), "--epoch", number, "--dry-run") == 1
        assert "does not follow epoch 1" in capsys.readouterr().err


def test_the_epoch_before_is_verified_and_followed(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, other = tmp_path / "first", tmp_path / "second", tmp_path / "other"
    assert close(inputs, "--out", str(first)) == 0
    Path(inputs["nodes"]).write_text("node_id,weight\nzoe,2\n")
    assert close(inputs, "--out", str(other)) == 0
    Path(inputs["fees"]).write_text("tick,action_id,fee\n1024,y,1\n")
    assert close(inputs, "--previous", str(first), "--out", str(second)) == 0
    assert run(["verify", str(second), "--previous", str(first)]) == 0
    assert run(["verify", str(second), "--previous", str(other)]) == 3
    assert run(["verify", str(first), "--previous", str(first)]) == 3
    # Ticks of an epoch of another length would be counted twice or not at all.
    Path(inputs["ruleset"]).write_text(RULESET + "epoch.ticks = 100\n")
    capsys.readouterr()
    assert close(inputs, "--previous", str(first), "--dry-run") == 1
    assert "epoch.ticks" in capsys.readouterr().err
    Path(inputs["ruleset"]).write_text(RULESET)
    manifest = json.loads((first / "manifest.json").read_bytes())
    manifest["closing"]["issued"] = manifest["closing"]["pool"] = "5000"
    (first / "manifest.json").write_bytes(rfc8785.dumps(manifest))
    assert close(inputs, "--previous", str(first), "--dry-run") == 3


@pytest.mark.parametrize("command", ["show", "explain", "prove", "verify"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        (("ruleset",), {}),
        (("ruleset", "allocation"), 1),
        (("ruleset", "issuance", "rate"), 7),
        (("opening", "pool"), "abc"),
        (("closing", "pool"), "9" * 5000),
        (("allocation", "cut"), "-1"),
    ],
)
def test_edited_manifest_is_one_line_and_no_traceback(
    inputs: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    field: tuple[str, ...],
    value: object,
) -> None:
    out = tmp_path / "evidence"
    assert close(inputs, "--out", str(out)) == 0
    manifest = json.loads((out / "manifest.json").read_bytes())
    place = manifest
    for name in field[:-1]:
        place = place[name]
    place[field[-1]] = value
    (out / "manifest.json").write_bytes(rfc8785.dumps(manifest))
    capsys.readouterr()
    words = {"show": ["epoch", "show"], "verify": ["verify"]}.get(command, [command, "bob"])
    assert run([*words, str(out)]) in (1, 3)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1


def test_report_that_cannot_be_written_stops_the_epoch(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.iterdir())
    report = tmp_path / "absent" / "report.html"
    assert close(inputs, "--out", str(tmp_path / "evidence"), "--report", str(report)) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_output_through_a_link_to_an_empty_folder(inputs: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert close(inputs, "--out", str(tmp_path / "link")) == 0
    assert run(["verify", str(tmp_path / "real")]) == 0


def test_wrong_usage_exits_with_2(inputs: dict[str, str], tmp_path: Path) -> None:
    assert close(inputs) == 2
    assert close(inputs, "--dry-run", "--report", str(tmp_path / "r.html")) == 2
    assert run(["epoch", "close"]) == 2
    assert run(["epoch", "closed"]) == 2
    assert run(["verify"]) == 2
    assert run(["verify", "x", "--backend", "gpu"]) == 2


def test_an_option_that_does_not_fit_names_what_it_goes_with(
    inputs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert close(inputs, "--reporter", "watch") == 2
    assert "--reporter goes with --instance FOLDER" in capsys.readouterr().err
    assert close(inputs, "--instance", "net") == 2
    assert "--nodes does not go with --instance" in capsys.readouterr().err


BAD_INPUT = {
    "duplicate id": ("nodes", "node_id,weight\na,1\na,2\n", "row 2, node_id: 'a' stands twice"),
    "float text": ("nodes", "node_id,weight\na,1e3\n", "row 1, weight: '1e3'"),
    "negative fee": ("fees", "tick,action_id,fee\n512,x,-1\n", "row 1, fee: '-1'"),
    "duplicate action": (
        "fees",
        "tick,action_id,fee\n512,x,1\n513,x,1\n",
        "row 2, action_id: 'x' stands twice",
    ),
    "tick with decimals": ("fees", "tick,action_id,fee\n512.0,x,1\n", "row 1, tick: '512.0'"),
    "tick above 2^53": (
        "fees",
        "tick,action_id,fee\n9007199254740992,x,1\n",
        "row 1, tick: '9007199254740992' is 9007199254740992, above 2^53 - 1",
    ),
    "two epochs": ("fees", "tick,action_id,fee\n512,x,1\n1024,y,1\n", "outside epoch 1"),
    "no fees to tell the epoch": ("fees", "tick,action_id,fee\n", "epoch: there are no fees"),
    "weights above 2^128": (
        "nodes",
        "node_id,weight_base_units\n"
        + "".join(f"{c},99999999999999999999999999999999999999\n" for c in "abcd"),
        "weights: the weights sum to more than 2^128 - 1",
    ),
    "empty file": ("nodes", "", "Empty CSV file"),
    "missing column": ("fees", "tick,fee\n512,1\n", "action_id: column missing"),
    "float rate": ("ruleset", "issuance.rate = 0.1\n", "issuance.rate: 0.1 is a float; write it"),
    "share above 1": ("ruleset", 'allocation.max_share = "1.5"\n', "allocation.max_share: '1.5'"),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_exits_with_1_and_writes_nothing(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    which, text, words = BAD_INPUT[name]
    Path(inputs[which]).write_text(text)
    before = sorted(tmp_path.iterdir())
    assert close(inputs, "--out", str(tmp_path / "evidence")) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert words in printed.err
    assert sorted(tmp_path.iterdir()) == before


def test_output_folder_that_holds_an_epoch_is_refused_before_any_work(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "evidence"
    assert close(inputs, "--out", str(out)) == 0
    Path(inputs["nodes"]).unlink()
    capsys.readouterr()
    assert close(inputs, "--out", str(out)) == 1
    assert "holds the evidence of an epoch already" in capsys.readouterr().err
    report = tmp_path / "report.html"
    report.write_text("mine")
    assert close(inputs, "--out", str(tmp_path / "new"), "--report", str(report)) == 1
    assert report.read_text() == "mine"


def test_unreadable_file_is_an_error(inputs: dict[str, str], tmp_path: Path) -> None:
    if os.geteuid() == 0:
        # Root reads everything, so a file that is none stands in for one that may not be read.
        Path(inputs["nodes"]).unlink()
        Path(inputs["nodes"]).mkdir()
    else:
        Path(inputs["nodes"]).chmod(0)
    assert close(inputs, "--out", str(tmp_path / "evidence")) == 1
    assert not (tmp_path / "evidence").exists()


def test_demo_runs_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "demo"
    assert run(["demo", "--out", str(out), "--nodes", "300", "--fees", "200"]) == 0
    printed = capsys.readouterr().out
    assert "verified  epoch 7" in printed
    assert sorted(p.name for p in out.iterdir()) == ["evidence", "network", "report.html"]
    assert run(["demo", "--out", str(out)]) == 1


def test_demo_is_a_function_of_its_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digests = []
    for number, seed in enumerate((7, 7, 8)):
        out = tmp_path / str(number)
        assert (
            run(["demo", "--out", str(out), "--nodes", "50", "--fees", "50", "--seed", str(seed)])
            == 0
        )
        capsys.readouterr()
        assert run(["epoch", "show", str(out / "evidence"), "--json"]) == 0
        digests.append(json.loads(capsys.readouterr().out)["digest"])
    assert digests[0] == digests[1] != digests[2]


def test_rocketpool_import_leads_to_the_published_amounts(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published = data / "rocketpool" / "rp-rewards-mainnet-29.json"
    assert (
        run(["import", "rocketpool", str(published), "--out", str(tmp_path / "rp"), "--json"]) == 0
    )
    document = json.loads(capsys.readouterr().out)
    assert run(document["next"][1:]) == 0
    amounts = json.loads(published.read_text())["nodeRewards"]
    capsys.readouterr()
    for node in sorted(amounts)[:: len(amounts) // 20]:
        assert run(["explain", node, str(tmp_path / "rp" / "evidence"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["amount"] == amounts[node]["collateralRpl"]


def run_apart(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "ignore::RuntimeWarning", "-m", "qfs.cli", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_reader_that_stops_early_is_no_traceback(inputs: dict[str, str]) -> None:
    options = " ".join(f"--{name} {path}" for name, path in inputs.items())
    command = f"{sys.executable} -m qfs.cli epoch close {options} --dry-run | head -1"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, env=os.environ
    )
    assert "Traceback" not in done.stderr
    assert done.stdout


def test_help_needs_nothing_heavy() -> None:
    code = (
        "import sys; from qfs.cli.root import run; run(['--help']);"
        "heavy = {'pyarrow', 'rich', 'msgspec', 'numpy', 'cryptography'} & set(sys.modules);"
        "sys.exit(1 if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
