"""Governance from the command line, as operators and voters use it."""

from __future__ import annotations

import copy
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from qfs.cli.canvas import canvas_on
from qfs.cli.figures import percent, short_tokens
from qfs.cli.proposal_chart import draw
from qfs.ledger.instance import open_instance
from qfs.ledger.parameters import read_parameters
from qfs.ledger.session import load_state
from qfs.protocol.verdict import Powers
from qfs.protocol.votes import Standing

FACTOR = "storage_replication_factor"
START = 11
CLOSE = START + 720
EXECUTABLE = CLOSE + 240
EXPIRES = EXECUTABLE + 1440


def kept(network: Any) -> dict[str, bytes]:
    """What the instance says; of a writer that wrote nothing the lease is left in the log."""
    with open_instance(network.folder).open_log() as log:
        events = b"".join(event.hash for event in log.read())
    found = {
        str(path): path.read_bytes()
        for path in network.folder.rglob("*")
        if path.is_file() and not path.name.startswith("log.sqlite")
    }
    return {**found, "log": events}


def signed(network: Any, node: str) -> tuple[str, ...]:
    return "--voter", node, "--key", str(network.base / "reporter.key")


def created(network: Any, *words: str, proposer: str = "ann") -> Any:
    key = str(network.base / "reporter.key")
    return network.json(
        *("proposal", "create", *(words or (FACTOR, "factor=3"))),
        *("--proposer", proposer, "--key", key, "--instance", str(network.folder)),
    )


def shown(network: Any, name: str, *words: str) -> Any:
    return network.json("proposal", "show", name, "--instance", str(network.folder), *words)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("template") / "network"


@pytest.fixture
def funded(template: Path, tmp_path: Path, new_network: Any, network_at: Any) -> Any:
    """An instance with one closed epoch: ann, bea and cyd hold power, a quarter each."""
    if not template.exists():
        made = new_network("first")
        code, _, err = made.close(0)
        assert code == 0, err
        shutil.copytree(made.base, template)
    shutil.copytree(template, tmp_path / "copy")
    return network_at(tmp_path / "copy")


@pytest.fixture
def proposed(funded: Any) -> tuple[Any, str]:
    """With a proposal of ann."""
    return funded, created(funded)["id"]


def vote(network: Any, name: str, *words: str) -> Any:
    return network.json("vote", name, *words, "--instance", str(network.folder))


def voted(network: Any, name: str, **choices: str) -> None:
    for node, choice in choices.items():
        vote(network, name, choice, *signed(network, node))


def test_from_a_proposal_to_a_parameter(funded: Any) -> None:
    on = ("--instance", str(funded.folder))
    made = created(funded)
    assert made["proposal"]["tick"] == START
    name = made["id"][:8]
    assert created(funded, "network_bandwidth_parameters", "max_mbps=9", proposer="bea")["ok"]
    voted(funded, name, ann="for", bea="against", cyd="for")
    standing = shown(funded, name)
    supply = int(standing["proposal"]["supply"])
    quarter = str(supply // 4)
    assert standing["state"] == "ACTIVE"
    assert standing["voters"] == 3
    assert standing["no_base_units"] == standing["proposal"]["power_cap"] == quarter
    assert standing["yes_base_units"] == str(2 * (supply // 4))
    assert standing["abstain_base_units"] == standing["open_power_base_units"] == "0"
    assert standing["has_quorum"] is True
    assert "reason" not in standing
    code, _, err = funded.on("proposal", "execute", name, "--tick", str(EXECUTABLE - 1))
    assert code == 1
    assert f"can be executed from tick {EXECUTABLE} on" in err
    assert read_parameters(funded.folder)[FACTOR] is None
    done = funded.json("proposal", "execute", name, "--tick", str(EXECUTABLE), *on)
    assert "before" not in done
    assert done["after"]["payload"] == {"factor": 3}
    assert shown(funded, name)["executed"] == EXECUTABLE
    listed = funded.json("proposal", "list", *on)["proposals"]
    assert [entry["state"] for entry in listed] == ["EXECUTED", "REJECTED"]
    assert listed[1]["reason"] == "NO_QUORUM"
    only = funded.json("proposal", "list", "--state", "executed", *on)["proposals"]
    assert [entry["id"] for entry in only] == [made["id"]]
    parameters = funded.json("parameter", "list", *on)["parameters"]
    assert len(parameters) == 5
    entry = {"version": 1, "tick": EXECUTABLE, "proposal": made["id"], "payload": {"factor": 3}}
    assert parameters[0] == {"parameter": FACTOR, "version": 1, "history": [entry]}
    read = read_parameters(funded.folder)
    current = read[FACTOR]
    assert current is not None
    assert (current.version, current.value, current.tick) == (1, {"factor": 3}, EXECUTABLE)
    assert [name for name, version in read.items() if version is not None] == [FACTOR]
    text = funded.on("parameter", "list", "--history")[1]
    assert f"{FACTOR}    factor = 3, version 1, from tick {EXECUTABLE}\n" in text
    assert f"  version 1 from tick {EXECUTABLE}, by {made['id'][:12]}: factor = 3\n" in text
    assert text.count("never set") == 4
    assert funded.run("verify", str(funded.folder))[0] == 0


def test_a_dry_run_says_the_same_and_writes_nothing(proposed: tuple[Any, str]) -> None:
    network, name = proposed
    key = str(network.base / "reporter.key")
    create = ("proposal", "create", FACTOR, "factor=4", "--proposer", "bea", "--key", key)
    ballot = ("vote", name, "for", *signed(network, "ann"))
    before = kept(network)
    for words in (create, ballot):
        code, out, _ = network.on(*words, "--dry-run")
        assert code == 0
        assert out.endswith("dry run: nothing was written\n")
        assert kept(network) == before
    on = ("--instance", str(network.folder))
    would = network.json(*create, "--dry-run", *on)
    assert would.pop("dry_run") is True
    does = network.json(*create, *on)
    assert does.pop("event") > 0
    assert would == does
    voted(network, name, ann="for", bea="for", cyd="for")
    before = kept(network)
    code, _, err = network.on("proposal", "execute", name, "--dry-run")
    assert (code, "ACTIVE" in err) == (1, True)
    execute = ("proposal", "execute", name, "--tick", str(EXECUTABLE), *on)
    would = network.json(*execute, "--dry-run")
    assert kept(network) == before
    assert would.pop("dry_run") is True
    does = network.json(*execute)
    assert does.pop("event") > 0
    assert would == does


def test_voters_sign_where_the_instance_is_not(
    proposed: tuple[Any, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, name = proposed
    file, box = tmp_path / "proposal.json", tmp_path / "box"
    box.mkdir()
    assert shown(network, name[:6], "--out", str(file))["id"] == name
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    for node, choice in (("ann", "for"), ("cyd", "abstain")):
        out = ("--out", str(box / f"{node}.ballot"))
        said = network.json("vote", str(file), choice, *signed(network, node), *out)
        assert (said["proposal"], said["choice"]) == (name, choice)
    assert shown(network, name)["voters"] == 0
    (box / "notes.txt").write_text("not a ballot")
    done = vote(network, name, "--ballots", str(box), "--tick", "40")
    assert (done["recorded"], done["counted"]) == (2, 2)
    assert (done["refused"], done["left_out"]) == ({}, {})
    # Once more with a ballot that came later: what is recorded stays out of the log.
    network.json(
        "vote", str(file), "against", *signed(network, "bea"), "--out", str(box / "b.ballot")
    )
    done = vote(network, name, "--ballots", str(box))
    assert (done["recorded"], done["counted"]) == (1, 1)
    assert done["left_out"] == {"counted_already": 2}
    before = kept(network)
    code, _, err = network.on("vote", name, "--ballots", str(box))
    assert (code, "3 counted_already" in err) == (1, True)
    assert kept(network) == before


def test_what_does_not_count_is_told_by_its_reason(
    proposed: tuple[Any, str], tmp_path: Path
) -> None:
    """Of ballots put together in one file, and another's place, a stranger, a forgery, a repeat."""
    network, name = proposed
    other = created(network, "network_bandwidth_parameters", "max_mbps=9", proposer="bea")["id"]
    stranger = tmp_path / "stranger.key"
    network.json("key", "new", str(stranger))
    on = ("--instance", str(network.folder))
    forged = ("--voter", "bea", "--key", str(stranger))
    ballots = (
        (other, "for", *signed(network, "ann")),
        (name, "for", *signed(network, "nobody")),
        (name, "for", *forged),
        (name, "for", *signed(network, "ann")),
        (name, "against", *signed(network, "ann"), "--nonce", "1"),
    )
    lines = b""
    for number, words in enumerate(ballots):
        out = tmp_path / f"{number}.ballot"
        network.json("vote", *words, "--out", str(out), *on)
        lines += out.read_bytes()
    together = tmp_path / "all.ballots"
    together.write_bytes(lines)
    done = vote(network, name, "--ballots", str(together))
    assert (done["recorded"], done["counted"]) == (3, 1)
    assert done["refused"] == {"duplicate": 1, "signature": 1}
    assert done["left_out"] == {"another_place": 1, "unknown_voter": 1}
    standing = shown(network, name)
    assert (standing["voters"], standing["no_base_units"]) == (1, "0")
    assert shown(network, other)["voters"] == 0


def test_a_changed_ballot_or_proposal_is_another(proposed: tuple[Any, str], tmp_path: Path) -> None:
    network, name = proposed
    on = ("--instance", str(network.folder))
    ballot, file = tmp_path / "a.ballot", tmp_path / "p.json"
    network.json("vote", name, "against", *signed(network, "ann"), "--out", str(ballot), *on)
    ballot.write_bytes(ballot.read_bytes().replace(b'"against"', b'"for"'))
    code, _, err = network.on("vote", name, "--ballots", str(ballot))
    assert (code, "1 signature" in err) == (1, True)
    shown(network, name, "--out", str(file))
    honest = file.read_bytes()
    document = json.loads(honest)
    document["proposer"] = "bea"
    file.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")))
    out = tmp_path / "b.ballot"
    said = network.json("vote", str(file), "for", *signed(network, "ann"), "--out", str(out))
    assert said["proposal"] != name
    code, _, err = network.on("vote", name, "--ballots", str(out))
    assert (code, "1 another_place" in err) == (1, True)
    # What a voter is shown is what is hashed.
    document = json.loads(honest)
    document["payload"] = {"factor": 9}
    file.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")))
    unsigned = tmp_path / "c.ballot"
    code, _, err = network.run(
        "vote", str(file), "for", *signed(network, "ann"), "--out", str(unsigned)
    )
    assert (code, "payload_hash" in err, unsigned.exists()) == (1, True, False)


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"format":"qfs-ballot-v1"}', "\x00", "[" * 40, '{"choice":"for"}\n'],
)
def test_a_file_without_ballots_is_refused(
    proposed: tuple[Any, str], tmp_path: Path, text: str
) -> None:
    network, name = proposed
    file = tmp_path / "x.ballot"
    file.write_text(text)
    code, _, err = network.on("vote", name, "--ballots", str(file))
    assert code == 1
    assert err.count("\n") == 1
    assert ("line 1" in err) == bool(text)


def test_only_its_proposer_cancels(proposed: tuple[Any, str], tmp_path: Path) -> None:
    network, name = proposed
    stranger = tmp_path / "stranger.key"
    network.json("key", "new", str(stranger))
    before = kept(network)
    code, _, err = network.on("proposal", "cancel", name, "--key", str(stranger))
    assert (code, "signature" in err) == (1, True)
    assert kept(network) == before
    key = str(network.base / "reporter.key")
    on = ("--instance", str(network.folder))
    assert network.json("proposal", "cancel", name, "--key", key, *on)["state"] == "CANCELLED"
    code, _, err = network.on("vote", name, "for", *signed(network, "ann"))
    assert (code, "CANCELLED" in err) == (1, True)


def test_a_key_that_others_can_read_signs_nothing(proposed: tuple[Any, str]) -> None:
    network, name = proposed
    key = network.base / "reporter.key"
    key.chmod(0o644)
    for words in (
        ("vote", name, "for", *signed(network, "ann")),
        ("proposal", "cancel", name, "--key", str(key)),
        ("proposal", "create", FACTOR, "factor=1", "--proposer", "bea", "--key", str(key)),
    ):
        code, _, err = network.on(*words)
        assert code == 1
        assert "reporter.key" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("factor=11",), "11 is no integer of 1 .. 10"),
        (("factor=03.0",), "'03.0' is no integer"),
        (("factor=-1",), "'-1' is no integer"),
        (("factor=" + "9" * 30,), "is no integer"),
        (("factor=\N{SUPERSCRIPT TWO}",), "is no integer"),
        (("max_mbps=3",), "has exactly factor"),
    ],
)
def test_the_firewall_speaks(funded: Any, words: tuple[str, ...], message: str) -> None:
    key = str(funded.base / "reporter.key")
    before = kept(funded)
    code, out, err = funded.on(
        "proposal", "create", FACTOR, *words, "--proposer", "ann", "--key", key
    )
    assert (code, out) == (1, "")
    assert message in err
    assert kept(funded) == before


@pytest.mark.parametrize(
    "words",
    [
        ("proposal", "create", FACTOR, "factor", "--proposer", "ann"),
        ("proposal", "create", FACTOR, "factor=1", "factor=1", "--proposer", "ann"),
        ("proposal", "create", FACTOR, "factor=3", "--proposer", "ann"),
        ("proposal", "cancel", "abcdef"),
        ("proposal", "list", "--state", "open"),
        ("vote", "abcdef"),
        ("vote", "abcdef", "for"),
        ("vote", "abcdef", "for", "--voter", "ann"),
        ("vote", "abcdef", "perhaps", "--voter", "ann"),
        ("vote", "abcdef", "for", "--ballots", "x"),
        ("vote", "abcdef", "--ballots", "x", "--voter", "ann"),
        ("vote", "abcdef", "--ballots", "x", "--out", "y"),
    ],
)
def test_wrong_usage_is_said(funded: Any, words: tuple[str, ...]) -> None:
    code, out, err = funded.on(*words)
    assert (code, out) == (2, "")
    assert "Error" in err


def test_a_proposal_file_that_is_not_there_is_said(proposed: tuple[Any, str]) -> None:
    network, _ = proposed
    out = str(network.base / "x.ballot")
    code, _, err = network.on("vote", "gone.json", "for", *signed(network, "ann"), "--out", out)
    assert (code, "there is no such file" in err) == (1, True)


def test_a_proposal_is_named_by_the_start_of_its_id(proposed: tuple[Any, str]) -> None:
    network, name = proposed
    for short in (name, name[:6], name[:63]):
        assert shown(network, short)["id"] == name
    for wrong in ("", name[:5], name + "0", "0" * 64, name[:20].upper() + "x"):
        code, _, err = network.on("proposal", "show", wrong)
        assert (code, "proposal" in err) == (1, True)


def picture(network: Any, name: str, tick: int, width: int = 80, encoding: str = "utf-8") -> str:
    instance = open_instance(network.folder)
    with instance.open_log() as log:
        state, _ = load_state(instance, log)
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    standing = state.governance.standing(bytes.fromhex(name), tick)
    current = state.governance.parameters.current(standing.proposal.type)
    draw(standing, current, tick, canvas_on(Console(file=stream, width=width)))
    stream.flush()
    return raw.getvalue().decode(encoding)


def test_the_picture_tells_the_state_and_its_reason(proposed: tuple[Any, str]) -> None:
    network, name = proposed
    vote(network, name, "for", *signed(network, "ann"))
    active = picture(network, name, START)
    assert active.startswith("ACTIVE  720 ticks left to vote\n")
    assert "quorum needs" in active
    assert picture(network, name, CLOSE - 1).startswith("ACTIVE  1 tick left to vote\n")
    rejected = picture(network, name, CLOSE)
    assert rejected.startswith("REJECTED  because of no quorum (NO_QUORUM)\n")
    voted(network, name, bea="for", cyd="against")
    passed = picture(network, name, CLOSE)
    assert passed.startswith("PASSED  1,680 ticks left until it expires\n")
    assert "quorum reached" in passed
    assert picture(network, name, EXPIRES - 1).startswith("PASSED  1 tick left until it expires")
    assert picture(network, name, EXPIRES).startswith("EXPIRED\n")
    network.on("proposal", "execute", name, "--tick", str(EXECUTABLE))
    assert picture(network, name, EXPIRES).startswith(f"EXECUTED  at tick {EXECUTABLE}\n")


def test_the_picture_tells_ties_and_defeats(proposed: tuple[Any, str]) -> None:
    network, _ = proposed
    other = created(network, FACTOR, "factor=5", proposer="bea")["id"]
    voted(network, other, ann="for", bea="against", cyd="abstain")
    assert picture(network, other, CLOSE + 1).startswith(
        "REJECTED  because of a tie, which fails (TIE)\n"
    )
    third = created(network, FACTOR, "factor=7", proposer="cyd")["id"]
    voted(network, third, ann="for", bea="against", cyd="against")
    assert picture(network, third, CLOSE + 2).startswith(
        "REJECTED  because of not more for than against (MORE_AGAINST)\n"
    )


def test_a_proposal_goes_stale_when_another_was_executed(proposed: tuple[Any, str]) -> None:
    network, name = proposed
    other = created(network, FACTOR, "factor=5", proposer="bea")["id"]
    for each in (name, other):
        voted(network, each, ann="for", bea="for", cyd="for")
        assert "STALE" not in picture(network, each, EXECUTABLE)
    assert network.on("proposal", "execute", other, "--tick", str(EXECUTABLE + 1))[0] == 0
    assert "STALE: the parameter was changed since" in picture(network, name, EXECUTABLE + 1)
    assert shown(network, name)["is_stale"] is True
    code, _, err = network.on("proposal", "execute", name)
    assert (code, "has version 1 now" in err) == (1, True)


def test_an_emergency_is_for_patches_and_for_quorums_that_can_be(funded: Any) -> None:
    patch = ("security_patch_deployment", "id=p-1", f"sha256={'5a' * 32}", "--emergency")
    key = str(funded.base / "reporter.key")
    on = ("--instance", str(funded.folder))
    words = ("proposal", "create", FACTOR, "factor=3", "--emergency", "--proposer", "ann")
    code, _, err = funded.on(*words, "--key", key)
    assert (code, "is never an emergency" in err) == (1, True)
    # Three quarters are no quorum of 0.80, and nobody could ever make it one.
    code, _, err = funded.on("proposal", "create", *patch, "--proposer", "ann", "--key", key)
    assert (code, "quorum" in err) == (1, True)
    assert funded.json("proposal", "list", *on)["proposals"] == []


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("width", [50, 80, 200])
def test_the_picture_fits(proposed: tuple[Any, str], width: int, encoding: str) -> None:
    network, name = proposed
    voted(network, name, ann="for", bea="against", cyd="abstain")
    lines = picture(network, name, 300, width, encoding).splitlines()
    assert name in lines
    assert all(len(line) <= min(width, 80) for line in lines if line != name)
    rows = {line.split()[0]: line for line in lines if line}
    solid = "#" if encoding == "ascii" else "\N{FULL BLOCK}"
    bars = {row: rows[row].count(solid) for row in ("for", "against", "abstain", "turnout")}
    assert bars["for"] == bars["against"] == bars["abstain"] > 0
    assert 3 * bars["for"] <= bars["turnout"] + 1
    for row, share in (("for", "25.00%"), ("turnout", "75.00%")):
        assert rows[row].endswith(share)


def turnout_row(standing: Standing, yes: int) -> tuple[str, str]:
    """The row of the turnout, and the one under it, where this much of 10,000 is for."""
    frozen = copy.copy(standing.proposal)
    terms = frozen.terms._replace(supply=10_000, attainable=10_000)
    object.__setattr__(frozen, "terms", terms)
    changed = standing._replace(
        proposal=frozen,
        powers=Powers(yes=yes),
        turnout=yes,
        quorum_needed=6600,
        has_quorum=yes >= 6600,
        open_power=10_000 - yes,
    )
    raw = io.StringIO()
    draw(changed, None, START, canvas_on(Console(file=raw, width=80)))
    lines = raw.getvalue().splitlines()
    row = next(number for number, line in enumerate(lines) if line.startswith("turnout"))
    return lines[row], lines[row + 1]


def test_bars_and_mark_have_one_scale(proposed: tuple[Any, str]) -> None:
    """The whole width is the supply, and the mark is in the cell where the quorum is reached."""
    network, name = proposed
    instance = open_instance(network.folder)
    with instance.open_log() as log:
        state, _ = load_state(instance, log)
    standing = state.governance.standing(bytes.fromhex(name), START)
    sign, block = "\N{BOX DRAWINGS HEAVY VERTICAL}", "\N{FULL BLOCK}"
    for yes in (0, 100, 5000, 6599, 6600, 6601, 8000, 10_000):
        row, under = turnout_row(standing, yes)
        assert len(row) == 80
        figures = max(short_tokens(yes), "0", key=len), max(percent(yes, 10_000), "0.00%", key=len)
        room = 80 - len("turnout  ") - 1 - len("  ".join(figures))
        mark = 6600 * room // 10_000
        assert row.index(sign) == under.index("^") == len("turnout  ") + mark
        assert "quorum 66.00%" in under
        cells = yes * room // 10_000
        assert row.count(block) == cells - (cells > mark)


def test_keys_of_both_suites_vote(new_network: Any) -> None:
    network = new_network("two suites")
    public = network.json("key", "new", str(network.base / "pq.key"), "--suite", "ml-dsa-65")
    assert network.on("node", "rotate", "cyd", "--public-key", public["public_key"])[0] == 0
    assert network.close(0)[0] == 0
    name = created(network)["id"]
    voted(network, name, ann="for")
    key = ("--voter", "cyd", "--key", str(network.base / "pq.key"))
    assert vote(network, name, "against", *key)["counted"] == 1
    old = ("--voter", "cyd", "--key", str(network.base / "reporter.key"))
    code, _, err = network.on("vote", name, "for", *old)
    assert (code, "1 signature" in err) == (1, True)
