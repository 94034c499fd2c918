"""A simulated network: a function of its seed, and every law of the state holds on its way."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qfs.cli.root import run as qfs
from qfs.errors import QfsError, StorageError, VerificationError
from qfs.ledger import replays, voting
from qfs.ledger.evidence import read_artifact, verify_evidence
from qfs.ledger.instance import Instance, open_instance
from qfs.ledger.replay import replay
from qfs.ledger.session import Session, load_state
from qfs.protocol import events
from qfs.protocol.manifest import Manifest
from qfs.protocol.state import State
from qfs.reference.eligibility import REASONS
from qfs.rows import rows_of
from qfs.simulation import network, plan, vote_attempts
from qfs.simulation.attempts import AFTER_CLOSE, ATTEMPTS, Attempt, _by_reporter
from qfs.simulation.draws import Parameters
from qfs.simulation.fees import fee_rows
from qfs.simulation.network import Network, SimulationError
from qfs.simulation.nodes import TELEMETRY_REPORTER
from qfs.simulation.rules import ruleset_of
from qfs.simulation.run import DOCUMENT, INSTANCE, KEYS, create_network, simulate
from qfs.simulation.telemetry import STRANGER, report
from qfs.simulation.vote_attempts import VOTE_ATTEMPTS, Stage, VoteAttempt

ONE = 10**18

# Seven epochs begin the cycle of rules again; one node alone is always too few.
GIVEN = [
    Parameters(0, 7, 12),
    Parameters(11, 3, 1),
    *(
        pytest.param(given, marks=pytest.mark.slow)
        for given in (Parameters(7, 6, 50), Parameters(2**53 - 1, 8, 20))
    ),
]
SMALL = Parameters(3, 3, 8)


def silent(done: int, total: int) -> None:
    """Nobody is told how far it is."""


class Lived:
    """A network that was run without its replays, with the state after each event."""

    def __init__(self, folder: Path, given: Parameters) -> None:
        self.given = given
        self.instance = create_network(folder, given)
        self.states: list[State] = []
        self.actions: list[plan.Happening] = []
        with Session(self.instance, "test") as session:
            self.initial = session.state
            self.network = Network(given, session)
            for happening in plan.plan(given, len(ATTEMPTS)):
                before = session.state
                self.network.act(happening)
                self.actions.append(happening)
                if session.state is not before:
                    self.states.append(session.state)

    @property
    def manifests(self) -> list[Manifest]:
        """Of each epoch, verified after the one before."""
        found: list[Manifest] = []
        for epoch, figures in enumerate(self.network.epochs):
            before = found[-1] if found else None
            folder = self.instance.evidence(epoch)
            found.append(verify_evidence(folder, figures["manifest"], before))
        return found


@pytest.fixture(scope="module", params=GIVEN, ids=lambda given: f"seed {given.seed}")
def lived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return Lived(tmp_path_factory.mktemp("simulation") / "instance", request.param)


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole simulation."""
    folder = tmp_path_factory.mktemp("simulated") / "out"
    simulate(folder, Parameters(7, 6, 20), silent)
    return folder


def document_of(folder: Path) -> Any:
    return json.loads((folder / DOCUMENT).read_bytes())


# A function of the seed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "threads", "hash_seed"),
    [("reference", 1, 0), pytest.param("kernel", 2, 1, marks=pytest.mark.kernel)],
)
def test_the_same_bytes_in_another_process(
    seven: Path, tmp_path: Path, root: Path, backend: str, threads: int, hash_seed: int
) -> None:
    """In another folder, with another backend, thread count, hash seed, locale and time zone."""
    out = tmp_path / "else where"
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "QFS_BACKEND": backend,
        "QFS_THREADS": str(threads),
        "PYTHONHASHSEED": str(hash_seed),
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "C",
    }
    done = subprocess.run(
        [sys.executable, "-m", "qfs.cli", *_words(out)],
        env=environment,
        cwd=root,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (out / DOCUMENT).read_bytes() == (seven / DOCUMENT).read_bytes()
    assert json.loads(done.stdout) == document_of(seven)
    assert head_of(out) == head_of(seven)
    names = [sorted(p.name for p in (f / INSTANCE / "artifacts").iterdir()) for f in (out, seven)]
    assert names[0] == names[1]
    keys = [sorted((p.name, p.read_bytes()) for p in (f / KEYS).iterdir()) for f in (out, seven)]
    assert keys[0] == keys[1]


def _words(out: Path) -> list[str]:
    options = {"seed": 7, "epochs": 6, "nodes": 20, "out": out}
    return ["simulate", "--json", *(f"--{name}={value}" for name, value in options.items())]


def head_of(folder: Path) -> tuple[int, str]:
    with open_instance(folder / INSTANCE).open_log() as log:
        return log.head().size, log.head().hash.hex()


def test_other_parameters_are_another_instance(tmp_path: Path) -> None:
    """Signatures of one network are good for nothing in another, though they share their keys."""
    given = [(1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4), (12, 2, 3), (1, 22, 3)]
    made = [create_network(tmp_path / str(g), Parameters(*g)).id for g in given]
    assert len({*made}) == len(given)


@pytest.mark.slow
def test_another_seed_is_another_network(seven: Path, tmp_path: Path) -> None:
    mine = document_of(seven)
    other = Lived(tmp_path / "other", Parameters(8, 6, 20))
    assert other.instance.id.hex() != mine["instance"]
    pairs = list(zip(mine["epochs"], other.network.epochs, strict=True))
    assert len(pairs) == 6
    assert all(one["fees"] != two["fees"] for one, two in pairs)


def test_the_numbers_of_a_seed_are_published() -> None:
    """Whoever writes the generator anew gets these; they do not depend on rules or formats."""
    given = Parameters(7, 6, 50)
    rows = [fee_rows(given, index) for index in range(6)]
    reports = [[tuple(report(given, i, n)) for n in range(50)] for i in range(6)]
    digest = hashlib.sha256(repr((rows, reports)).encode("ascii")).hexdigest()
    assert digest == "cd6d656269439b2e86028b4668b1cd7461e9aa79e4eeb6c6120660782ee2d222"


@pytest.mark.slow
def test_the_document_says_nothing_of_where_and_when(seven: Path) -> None:
    text = (seven / DOCUMENT).read_text(encoding="ascii")
    for word in (str(seven), str(seven.parent), "tmp", os.sep + "home"):
        assert word not in text
    document = json.loads(text, parse_float=lambda number: pytest.fail(f"the float {number}"))
    assert text == json.dumps(document, indent=2, sort_keys=True) + "\n"
    # Counts and ticks are numbers; whatever could be an amount is text.
    assert all(abs(number) < 2**53 for number in numbers(document))


def numbers(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, int):
        yield value


# Replays


@pytest.mark.slow
def test_the_replays_are_many_and_agree(seven: Path) -> None:
    document = document_of(seven)
    found = document["replays"]
    assert len(found) >= 5
    assert {one["digest"] for one in found} == {document["state"]}
    assert {one["threads"] for one in found} == {1, 2, 3}
    assert {0, 1} < {one["hash_seed"] for one in found}
    if replays.kernel_is_built():
        assert {one["backend"] for one in found} == {"kernel", "reference"}
        assert "note" not in document
    else:
        assert {one["backend"] for one in found} == {"reference"}
        assert "no kernel" in document["note"]


def test_replays_that_differ_end_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "import json, os; print(json.dumps({'state': os.environ['PYTHONHASHSEED'], 'head': ''}))"
    monkeypatch.setattr(replays, "_CODE", code)
    out = tmp_path / "out"
    assert qfs(["simulate", "--epochs", "1", "--nodes", "4", "--out", str(out)]) == 3
    error = capsys.readouterr().err
    assert re.search(r"hash seed 1 comes to state 1 .* hash seed 0 to 0", error)
    assert list(tmp_path.iterdir()) == []


def test_a_replay_that_comes_to_another_state_than_the_network_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import json; print(json.dumps({'state': '0' * 64, 'head': '0' * 64}))"
    monkeypatch.setattr(replays, "_CODE", code)
    with pytest.raises(VerificationError, match="the network came to"):
        simulate(tmp_path / "out", Parameters(1, 1, 4), silent)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_process_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match=r"the replay by (kernel|reference) with 1 threads"):
        replays.replays(tmp_path)


def test_each_process_has_its_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import json, sys, os, qfs; b = qfs.backend();"
        " print(json.dumps({'head': '', 'state': [b.name, os.environ['QFS_THREADS'], hash('x')]}))"
    )
    monkeypatch.setattr(replays, "_CODE", code)
    settings = [replays.Setting("reference", 3, seed) for seed in (0, 1, 0)]
    found = [replays._replayed(tmp_path, setting) for setting in settings]
    assert [one.state[:2] for one in found] == [["reference", "3"]] * 3
    assert found[0].state == found[2].state != found[1].state


# The laws of the state, event after event


def test_the_fold_of_the_log_is_the_state_that_was_lived(lived: Lived) -> None:
    with lived.instance.open_log() as log:
        steps = list(replay(log, lived.instance.artifacts))
        resumed, head = load_state(lived.instance, log)
    assert len(steps) == len(lived.states)
    for step, state in zip(steps, lived.states, strict=True):
        assert step.state.document() == state.document()
        assert step.state.digest == state.digest
    assert resumed.digest == lived.states[-1].digest
    assert head == steps[-1].event.head


@pytest.mark.slow
def test_a_network_that_stops_and_goes_on_comes_to_the_same(tmp_path: Path) -> None:
    """A new session begins before each third action: from genesis, from snapshots, and from
    snapshots with fees of the epoch after, which the close of epoch 4 leaves."""
    given = Parameters(3, 6, 8)
    whole = Lived(tmp_path / "whole", given)
    instance = create_network(tmp_path / "parts", given)
    with Session(instance, "test") as first:
        parts = Network(given, first)
    for number, happening in enumerate(plan.plan(given, len(ATTEMPTS))):
        if number % 3 == 0:
            parts.session.__exit__(None, None, None)
            parts.session = Session(instance, f"test-{number}")
        parts.act(happening)
    parts.session.__exit__(None, None, None)
    assert parts.epochs == whole.network.epochs
    assert parts.refused == whole.network.refused
    assert parts.session.state.digest == whole.states[-1].digest
    assert log_of(instance) == log_of(whole.instance)


def test_balances_and_pool_are_what_was_issued(lived: Lived) -> None:
    """After every event; and only the close of an epoch changes a balance."""
    assert len(lived.states) > 20
    before = lived.initial
    for state in lived.states:
        nod, atr = state.tokens.nod_state, state.tokens.atr_state
        balances = dict(rows_of(state.balances))
        assert sum(balances.values()) == nod.supply
        assert sum(balances.values()) + nod.pool == nod.issued
        assert atr.retained + nod.issued == atr.fees
        assert nod.balances == state.balances.digest
        if state.epoch == before.epoch:
            assert state.tokens.nod_state == before.tokens.nod_state
        for node, balance in rows_of(before.balances):
            assert balances[node] >= balance
        before = state


def test_the_identity_of_issuance(lived: Lived) -> None:
    """10^18 (issued + withheld) + residue = sum of rate * fee, with fees and rates of the plan."""
    fees = Counter[int]()
    for _, action in lived.actions:
        if isinstance(action, plan.Fees):
            fees[action.epoch] += sum(fee for _, _, fee in action.rows)
    left = right = 0
    for manifest in lived.manifests:
        epoch, issuance = manifest.epoch, manifest.issuance
        assert int(issuance.fees) == fees[epoch] > 0
        left += ONE * (int(issuance.issued) + int(issuance.withheld))
        right += ruleset_of(lived.given, epoch).issuance_rate * fees[epoch]
        assert left + int(manifest.closing.residue) == right
        assert int(issuance.retained) == fees[epoch] - int(issuance.issued)


def test_every_epoch_verifies_and_follows(lived: Lived) -> None:
    manifests = lived.manifests
    assert len(manifests) == lived.given.epochs
    for before, manifest in itertools.pairwise(manifests):
        assert manifest.opening == before.closing
        assert manifest.previous == before.digest.hex()
        with pytest.raises(VerificationError):
            verify_evidence(lived.instance.evidence(before.epoch), before=manifest)
    for manifest in manifests:
        allocation, rules = manifest.allocation, ruleset_of(lived.given, manifest.epoch)
        assert manifest.ruleset == rules.document()
        assert int(allocation.paid) + int(allocation.undistributed) == int(allocation.pool)
        assert int(manifest.issuance.issued) <= rules.epoch_cap_base_units


def test_what_is_paid_is_credited(lived: Lived) -> None:
    """By epoch, balances grow by the allocations and by nothing else."""
    before: dict[str, int] = {}
    lived_through = itertools.pairwise([lived.initial, *lived.states])
    closed = [after for start, after in lived_through if start.epoch != after.epoch]
    assert [state.epoch for state in closed] == [*range(1, lived.given.epochs + 1)]
    for state, manifest in zip(closed, lived.manifests, strict=True):
        folder = lived.instance.evidence(manifest.epoch)
        paid = {row[0]: row[-1] for row in rows_of(read_artifact(folder, manifest, "allocations"))}
        after = dict(rows_of(state.balances))
        assert {n: after[n] - before.get(n, 0) for n in after} == {n: paid.get(n, 0) for n in after}
        assert paid.keys() <= after.keys()
        before = after


# What it shows


@pytest.mark.slow
def test_everything_that_it_is_for_happens(seven: Path) -> None:
    document = document_of(seven)
    epochs = document["epochs"]
    assert [e["epoch"] for e in epochs] == [*range(6)]
    assert [e["cap_reached"] for e in epochs] == [False, False, True, False, False, False]
    assert [e["too_few_nodes"] for e in epochs] == [False, False, False, True, False, False]
    assert (epochs[3]["paid"], epochs[3]["undistributed"]) == ("0", epochs[3]["pool"])
    assert epochs[4]["pool"] == str(int(epochs[3]["pool"]) + int(epochs[4]["issued"]))
    assert [e["neutral"] for e in epochs] == [[], ["ai"], [], [], ["storage"], []]
    assert epochs[4]["ticks_after_its_end"] > 300
    assert sum(e["capped"] for e in epochs) > 0
    assert [e["ruleset_version"] for e in epochs] == [1, 2, 3, 4, 5, 5]
    assert document["log"]["by_type"].keys() == events.PAYLOADS.keys()
    assert sum(document["log"]["by_type"].values()) == document["log"]["events"]


def test_every_reason_to_be_excluded_occurs(lived: Lived) -> None:
    found = Counter[str]()
    for manifest in lived.manifests:
        assert manifest.scoring is not None
        found.update(manifest.scoring.excluded)
    if lived.given.nodes == 50:
        assert sorted(found) == sorted(REASONS[1:])
    assert found["not_registered"] >= lived.given.epochs, "the stranger is told each time"


@pytest.mark.slow
def test_what_must_be_refused_was(seven: Path) -> None:
    refused = document_of(seven)["refused"]
    found = {one["attempt"]: one["reason"] for one in refused}
    expected = {one.name: one.reason for one in (*ATTEMPTS, *AFTER_CLOSE, *VOTE_ATTEMPTS)}
    assert expected.items() <= found.items()
    assert found["an epoch closed with other balances"] == "mismatch"
    assert found["telemetry of a closed epoch"] == "closed"
    assert {"type", "revoked", "signature", "closed", "nonce", "role"} <= {*found.values()}
    seen = {event.type for event in log_of(open_instance(seven / INSTANCE))}
    assert not {"nod.transfer", "nod.burn"} & seen


def log_of(instance: Instance) -> list[Any]:
    with instance.open_log() as log:
        return list(log.read())


@pytest.mark.parametrize("number", [0, 1])
def test_an_attempt_that_is_not_refused_as_it_should_be_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Number 0 is allowed and so accepted, number 1 is refused for another reason than said."""
    planted = [
        Attempt("a fee as any other", "closed", _by_reporter),
        Attempt("an event sent again", "closed", lambda w: _by_reporter(w, ahead=-1)),
    ][number]
    monkeypatch.setattr(network, "ATTEMPTS", (planted,) * len(ATTEMPTS))
    words = ["was accepted at tick", "was refused for nonce, not for closed"][number]
    with pytest.raises(SimulationError, match=words):
        simulate(tmp_path / "out", Parameters(1, 1, 4), silent)
    assert list(tmp_path.iterdir()) == []


# The instance is a real one


@pytest.mark.slow
def test_the_instance_goes_on(seven: Path, tmp_path: Path) -> None:
    """Its folder can be moved, its epochs verify, and its reporters' keys are those it has now."""
    moved = tmp_path / "moved"
    shutil.copytree(seven, moved)
    place = moved / INSTANCE
    for epoch in range(1, 6):
        folder = place / "epochs" / str(epoch)
        before = place / "epochs" / str(epoch - 1)
        assert qfs(["verify", str(folder), "--previous", str(before)]) == 0
    fees, telemetry = tmp_path / "fees.csv", tmp_path / "telemetry.csv"
    fees.write_text("tick,action_id,fee\n3500,more,10\n")
    header = "node_id,epoch,uptime_n,uptime_d,storage_n,storage_d,ai_n,ai_d\n"
    telemetry.write_text(header + "".join(f"node-0000{n},6,512,512,1,1,1,1\n" for n in range(9)))
    for kind, path in (("fees", fees), ("telemetry", telemetry)):
        name = f"reporter-{kind}"
        key = moved / KEYS / f"{name}.key"
        options = ["--instance", str(place), "--reporter", name, "--key", str(key)]
        words = ["epoch", "close", f"--{kind}", str(path), *options]
        assert qfs([*words, "--dry-run"]) == 0
    assert qfs(["node", "revoke", f"{STRANGER}-0", "--instance", str(place)]) == 1
    assert qfs(["node", "revoke", TELEMETRY_REPORTER, "--instance", str(place)]) == 0


def test_the_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "mine").write_text("mine")
    with pytest.raises(StorageError):
        simulate(used, SMALL, silent)
    assert [path.name for path in tmp_path.rglob("*")] == ["used", "mine"]

    def interrupt(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "new", SMALL, interrupt)
    assert [path.name for path in tmp_path.rglob("*")] == ["used", "mine"]


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ((-1, 1, 1), "seed"),
        ((2**53, 1, 1), "seed"),
        ((1, 0, 1), "epochs"),
        ((1, 1001, 1), "epochs"),
        ((1, 1, 0), "nodes"),
        ((1, 1, 100_001), "nodes"),
        ((1, 1, True), "nodes"),
    ],
)
def test_parameters_have_bounds(given: tuple[int, int, int], argument: str) -> None:
    with pytest.raises(QfsError) as caught:
        Parameters(*given)
    assert caught.value.argument == argument
    assert Parameters(2**53 - 1, 1000, 100_000).nodes == 100_000
    assert Parameters(0, 1, 1).epochs == 1


def test_the_plan_is_in_order_whatever_its_size() -> None:
    """And every epoch is closed once, in order, after its last tick and its late telemetry."""
    given = Parameters(5, 20, 3)
    happenings = list(plan.plan(given, len(ATTEMPTS)))
    ticks = [happening.tick for happening in happenings]
    assert ticks == sorted(ticks)
    assert [a.epoch for _, a in happenings if isinstance(a, plan.Close)] == [*range(20)]
    tried = [n for _, a in happenings if isinstance(a, plan.Attempts) for n in a.numbers]
    assert sorted(tried) == [*range(len(ATTEMPTS))]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_any_seed_gets_through(tmp_path: Path, seed: int) -> None:
    """Every action is accepted and every attempt refused for its reason, also where few are."""
    given = Parameters(seed, 1 + seed % 5, 1 + seed * seed % 29)
    network = Lived(tmp_path / "instance", given).network
    assert len(network.epochs) == given.epochs
    assert {one.name for one in ATTEMPTS} <= {one["attempt"] for one in network.refused}


@pytest.mark.slow
def test_the_command_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert qfs(["simulate", "--epochs", "3", "--nodes", "6", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    document = document_of(out)
    assert re.search(r"^ +2 .*issuance cap reached$", printed, re.MULTILINE)
    assert printed.count(document["state"]) == len(document["replays"])
    assert f"qfs verify {out / INSTANCE / 'epochs' / '2'}" in printed
    assert qfs(["simulate", "--out", str(out)]) == 1
    assert qfs(["simulate", "--epochs", "0", "--out", str(tmp_path / "none")]) == 2


@pytest.mark.slow
def test_votes_are_held(seven: Path) -> None:
    """One is executed, one cancelled, one closes early; ballots that come twice do not count."""
    found = document_of(seven)["proposals"]
    assert [p["state"] for p in found].count("CANCELLED") == 1
    assert [p["state"] for p in found].count("EXECUTED") >= 1
    urgent = next(p for p in found if p["emergency"])
    assert urgent["closed_at_tick"] <= urgent["created_at_tick"] + 120
    for proposal in found:
        cast = [int(proposal[name]) for name in ("for", "against", "abstain")]
        assert 0 < sum(cast) <= int(proposal["supply"])
        assert proposal["voters"] > 0
    assert any(proposal["refused"].get("duplicate", 0) for proposal in found)


@pytest.mark.slow
def test_ballots_within_a_batch_are_refused_and_counted(seven: Path) -> None:
    """One signed by a key that was rotated away, one of a node revoked since, one that repeats a
    voter: each is in the log beside ballots that count."""
    long = [p for p in document_of(seven)["proposals"] if p["state"] == "EXECUTED"]
    found = Counter[str]()
    for proposal in long:
        found.update(proposal["refused"])
    assert {"signature", "revoked", "duplicate"} <= found.keys()
    with open_instance(seven / INSTANCE).open_log() as log:
        state, _ = load_state(open_instance(seven / INSTANCE), log)
    for vote in state.governance:
        assert vote.received == sum(len(b.counted) for b in vote.batches) + sum(
            vote.refused.values()
        )


def test_an_attempt_in_a_vote_that_is_accepted_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancellation by the proposer itself is allowed while ballots are taken."""

    def cancelled(world: Any, vote: Any) -> Any:
        key = world.keys.current(vote.proposal.proposer)
        return voting.cancellation(world.session, key, world.tick, vote.proposal)

    planted = VoteAttempt(Stage.VOTING, "a cancellation as any other", "proposer", cancelled)
    monkeypatch.setattr(vote_attempts, "VOTE_ATTEMPTS", (planted,))
    with pytest.raises(SimulationError, match="a cancellation as any other was accepted at tick"):
        simulate(tmp_path / "out", Parameters(7, 3, 20), silent)
    assert list(tmp_path.iterdir()) == []
