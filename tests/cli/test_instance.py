"""An instance from the command line: making it, filling it, closing its epochs."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def without_lock(found: dict[str, bytes]) -> dict[str, bytes]:
    """What an instance says. A dry run is a writer for a moment, of which the lease is kept."""
    return {name: data for name, data in found.items() if not name.startswith("log.sqlite")}


def test_init_makes_an_instance_and_its_registrar(network: Any) -> None:
    names = {path.name for path in network.folder.iterdir()}
    assert {"instance.json", "registrar.key", "log.sqlite", "artifacts", "epochs"} <= names
    assert stat.S_IMODE((network.folder / "registrar.key").stat().st_mode) == 0o600
    shown = network.json("key", "show", str(network.folder / "registrar.key"))
    again = network.run("init", str(network.folder), "--name", "net")
    assert again[0] == 1
    assert "is in use" in again[2]
    apart = network.json(
        *("init", str(network.base / "other"), "--name", "net"),
        *("--registrar", shown["public_key"]),
    )
    assert "registrar_key" not in apart
    assert not (network.base / "other" / "registrar.key").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--name", "two words"), "name"),
        (("--name", "n", "--registrar", "ed25519:00"), "public_key"),
        (("--name", "n", "--log", "postgresql://u:p@h/d"), "log: the URL has a password"),
        (("--name", "n", "--first-epoch", str(2**60)), "first_epoch"),
    ],
)
def test_a_bad_init_leaves_nothing(network: Any, words: tuple[str, ...], message: str) -> None:
    code, out, err = network.run("init", str(network.base / "bad"), *words)
    assert (code, out) == (1, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (network.base / "bad").exists()


def test_nodes_are_registered_rotated_revoked_and_listed(network: Any) -> None:
    fresh = network.json("key", "new", str(network.base / "new.key"))["public_key"]
    single = ("node", "register", "eve", "--operator", "op-eve", "--public-key", fresh)
    assert network.on(*single)[0] == 0
    code, _, err = network.on(*single)
    assert code == 1
    assert "node_id" in err
    assert "registered already" in err
    assert network.on("node", "rotate", "ann", "--public-key", fresh)[0] == 0
    assert network.on("node", "revoke", "bea", "--tick", "5")[0] == 0
    assert network.on("node", "revoke", "bea", "--tick", "5")[0] == 1
    listed = network.json("node", "list", "--instance", str(network.folder))["nodes"]
    by_id = {node["node_id"]: node for node in listed}
    assert sorted(by_id) == ["ann", "bea", "cyd", "dot", "eve", "watch"]
    assert by_id["ann"]["public_key"] == fresh
    assert by_id["bea"]["revoked_tick"] == 5
    assert "revoked_tick" not in by_id["ann"]
    other = str(network.base / "new.key")
    code, _, err = network.on("node", "revoke", "cyd", "--key", other)
    assert code == 1
    assert "signature" in err


def test_rules_change_from_the_next_epoch_on(network: Any) -> None:
    rules = (network.base / "rules.toml").read_text()
    file = network.write("rules2.toml", rules + 'version = 2\nissuance.rate = "0.05"\n')
    assert network.on("ruleset", "change", file)[0] == 0
    code, _, err = network.on("ruleset", "change", file)
    assert code == 1
    assert "version 2 after version 2" in err
    shown = network.json("ruleset", "show", "--instance", str(network.folder))["rulesets"]
    assert [(r["first_epoch"], r["ruleset"]["issuance"]["rate"]) for r in shown] == [
        (0, "0.1"),
        (1, "0.05"),
    ]
    assert network.close(0)[0] == 0
    assert network.close(1)[0] == 0
    issued = [
        network.json("epoch", "show", str(network.folder), "--epoch", str(epoch))["manifest"][
            "issuance"
        ]["issued"]
        for epoch in (0, 1)
    ]
    # 1000 + 7 + 10^9 at a tenth, and at a twentieth with the residue of the first.
    assert issued == ["100000100", "50000051"]


def test_an_epoch_is_closed_from_telemetry_and_scored(network: Any) -> None:
    code, out, err = network.on("epoch", "close", *network.inputs(0))
    assert code == 0, err
    assert "3 nodes, policy product" in out
    assert "low_uptime  " in out
    assert "storage, AI model: assessed for nobody" in out
    manifest = network.json("epoch", "show", str(network.folder))["manifest"]
    assert manifest["scoring"] == {
        "eligible": 3,
        "excluded": {"low_uptime": 1, "wrong_role": 1},
        "neutral": ["storage", "ai"],
    }
    listed = network.json("node", "list", "--instance", str(network.folder))["nodes"]
    paid = {node["node_id"]: int(node["balance_base_units"]) for node in listed}
    # 100000100 by 1 : 0.9 : 0.95, which sum to 2.85.
    assert paid == {"ann": 35087754, "bea": 31578979, "cyd": 33333367, "dot": 0, "watch": 0}
    assert network.run("verify", str(network.folder / "epochs" / "0"))[0] == 0


def test_the_everyday_commands_import_neither_pandas_nor_what_they_do_not_print(
    network: Any,
) -> None:
    """For some calls pyarrow imports pandas, wherever that is installed: half a second."""
    code = (
        "import sys; from qfs.cli.root import run; code = run(sys.argv[1:]);"
        "print(*{'pandas', 'rich'} & set(sys.modules)); sys.exit(code)"
    )
    instance = ("--instance", str(network.folder))
    for words in (
        ("epoch", "close", *network.inputs(0), *instance),
        ("replay", *instance),
        ("verify", str(network.folder / "epochs" / "0")),
        ("node", "list", *instance),
    ):
        command = [sys.executable, "-c", code, *words, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "", words


def test_what_is_left_over_goes_on(network: Any) -> None:
    assert network.close(0)[0] == 0
    fees = network.fees(1, 3)
    assert network.on("epoch", "close", *network.options(network.telemetry(1, {}), fees))[0] == 0
    manifest = network.json("epoch", "show", str(network.folder))["manifest"]
    assert manifest["allocation"]["paid"] == "0"
    assert manifest["allocation"]["too_few_nodes"] is True
    # 0.7 of a unit was left of 1000000100.7; 0.3 more make it whole.
    assert manifest["issuance"]["issued"] == "1"
    assert manifest["closing"]["pool"] == "1"
    assert network.close(2)[0] == 0
    assert network.json("epoch", "show", str(network.folder))["manifest"]["opening"]["pool"] == "1"


def test_closing_twice_is_refused_and_changes_nothing(closed: Any) -> None:
    before = without_lock(files(closed.folder))
    for epoch in (0, 2):
        code, out, err = closed.on("epoch", "close", "--epoch", str(epoch))
        assert (code, out) == (1, "")
        assert f"{epoch} is closed" in err
    # The command that closed the last one, once more: its tables are of a closed epoch.
    telemetry, fees = closed.inputs(2)[:2], closed.inputs(2)[2:4]
    for words in (
        closed.inputs(2),
        (*telemetry, *closed.inputs(2)[4:]),
        (*fees, *closed.inputs(2)[4:]),
    ):
        code, out, err = closed.on("epoch", "close", *words)
        assert (code, out) == (1, "")
        assert "epoch: 2 is closed" in err
    code, _, err = closed.on("epoch", "close", "--epoch", "5")
    assert code == 1
    assert "3 is next" in err
    assert without_lock(files(closed.folder)) == before
    assert closed.json("replay", "--instance", str(closed.folder))["epochs"] == 3


def test_a_dry_run_prints_the_same_and_writes_nothing(network: Any) -> None:
    before = without_lock(files(network.folder))
    dry = network.json(
        "epoch", "close", "--instance", str(network.folder), *network.inputs(0), "--dry-run"
    )
    assert without_lock(files(network.folder)) == before
    assert network.json("replay", "--instance", str(network.folder))["events"] == 1
    done = network.json("epoch", "close", "--instance", str(network.folder), *network.inputs(0))
    assert done["manifest"] == dry["manifest"]


_INTERRUPT = """
import os, sys
from qfs.cli import root
from qfs.ledger.session import Session
step, arguments = sys.argv[1], sys.argv[2:]
if step == "evidence":
    from qfs.ledger import session
    session.write_epoch = lambda *a, **k: os._exit(9)
elif step == "event":
    Session._append, append = None, Session._append
    def once(self, happened, state):
        if happened[0].type == "epoch.close":
            os._exit(9)
        return append(self, happened, state)
    Session._append = once
elif step == "snapshot":
    from qfs.ledger.snapshots import Snapshots
    Snapshots.take = lambda *a: os._exit(9)
sys.exit(root.run(arguments))
"""


@pytest.mark.parametrize("step", ["evidence", "event", "snapshot"])
def test_an_interrupted_close_is_done_again_with_the_same_command(network: Any, step: str) -> None:
    command = ["epoch", "close", "--instance", str(network.folder), *network.inputs(0)]
    expected = network.json(*command, "--dry-run")["digest"]
    died = subprocess.run(
        [sys.executable, "-c", _INTERRUPT, step, *command],
        capture_output=True,
        check=False,
        env=os.environ,
    )
    assert died.returncode == 9, died.stderr
    code, out, err = network.run(*command)
    if step == "snapshot":
        # The event was on disk: the epoch is closed, and says so.
        assert (code, out) == (1, "")
        assert "epoch: 0 is closed" in err
    else:
        assert code == 0, err
        assert expected in out
    assert network.json("replay", "--instance", str(network.folder))["epochs"] == 1
    assert network.json("epoch", "show", str(network.folder))["digest"] == expected
    assert network.run("epoch", "close", "--instance", str(network.folder), "--epoch", "0")[0] == 1
    assert network.on("doctor")[0] == 0


BAD = {
    "count text": ("ann,0,1.5,10,0,0,0,0\n", "row 1, uptime_n: '1.5'"),
    "negative count": ("ann,0,1,10,0,0,0,0\nbea,0,-1,10,0,0,0,0\n", "row 2, uptime_n: '-1'"),
    "twice": ("ann,0,1,10,0,0,0,0\nann,0,1,10,0,0,0,0\n", "row 2, node_id: 'ann' stands twice"),
    "count above 32 bits": (f"ann,0,1,{2**32},0,0,0,0\n", f"row 1, uptime_d: '{2**32}'"),
    "no id": (",0,1,10,0,0,0,0\n", "row 1, node_id"),
    "another epoch": ("ann,0,1,1,0,0,0,0\nbea,7,1,1,0,0,0,0\n", "7 is outside 0 .. 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_telemetry_names_the_place_and_writes_nothing(network: Any, name: str) -> None:
    rows, words = BAD[name]
    header = "node_id,epoch,uptime_n,uptime_d,storage_n,storage_d,ai_n,ai_d\n"
    file = network.write("bad.csv", header + rows)
    before = without_lock(files(network.folder))
    code, out, err = network.on("epoch", "close", *network.options(file, network.fees(0, 5)))
    assert (code, out) == (1, "")
    assert words in err
    assert err.count("\n") == 1
    assert without_lock(files(network.folder)) == before


def test_bad_options_and_places_are_one_line(network: Any) -> None:
    inputs = network.inputs(0)
    assert network.on("epoch", "close", *inputs[:4])[0] == 2
    assert network.on("epoch", "close", *inputs, "--nodes", "x.csv")[0] == 2
    assert network.run("epoch", "close", *inputs)[0] == 2
    for words, message in (
        (("epoch", "close", *inputs[:4], "--reporter", "ann", "--key", inputs[-1]), "reporter"),
        (("epoch", "close", *inputs[:4], "--reporter", "zoe", "--key", inputs[-1]), "zoe"),
        (("epoch", "close", *inputs, "--tick", "9"), "lasts to tick 9"),
        (("epoch", "close", *inputs[:4], "--reporter", "watch", "--key", "/nowhere"), "/nowhere"),
        (("node", "revoke", "zoe"), "zoe"),
    ):
        code, out, err = network.on(*words)
        assert (code, out) == (1, ""), words
        assert message in err
        assert err.count("\n") == 1
    code, _, err = network.run("node", "list", "--instance", str(network.base / "nowhere"))
    assert code == 1
    assert "nowhere" in err


def test_a_second_writer_is_refused_and_told_who_writes(network: Any) -> None:
    from qfs.ledger.instance import open_instance

    with open_instance(network.folder).open_log("somebody"):
        code, _, err = network.close(0)
    assert code == 1
    assert "is held by writer somebody" in err
    assert network.close(0)[0] == 0


def test_the_report_says_who_was_left_out_and_what_was_neutral(network: Any) -> None:
    report = network.base / "report.html"
    code, out, err = network.on("epoch", "close", *network.inputs(0), "--report", str(report))
    assert code == 0, err
    assert "2 excluded" in out
    page = report.read_text()
    assert '<td class="id">low_uptime</td><td class="number">1</td>' in page
    assert "Storage and AI model were assessed for nobody" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_an_epoch_of_an_instance_is_shown_by_number(closed: Any) -> None:
    for epoch in (0, 1, 2):
        shown = closed.json("epoch", "show", str(closed.folder), "--epoch", str(epoch))
        assert shown["manifest"]["epoch"] == epoch
    assert closed.json("epoch", "show", str(closed.folder))["manifest"]["epoch"] == 2
    assert closed.run("epoch", "show", str(closed.folder), "--epoch", "7")[0] == 1
    evidence = str(closed.folder / "epochs" / "1")
    assert closed.run("epoch", "show", evidence, "--epoch", "1")[0] == 2
    assert closed.json("epoch", "show", evidence)["manifest"]["epoch"] == 1


def test_an_instance_without_epochs_has_none_to_show(network: Any) -> None:
    code, out, err = network.run("epoch", "show", str(network.folder), "--json")
    assert code == 1
    assert json.loads(out)["error"]["code"] == "evidence"
    assert "no closed epoch" in err
