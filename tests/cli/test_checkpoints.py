"""`qfs checkpoint`, `qfs prove` from an instance, and `qfs verify` of whatever it is given."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from qfs.cli.root import run

NODES = ["alice", "bob", "carol", "dave"]


class Net(NamedTuple):
    """An instance with one closed epoch, in a folder beside its operator's keys."""

    root: Path

    @property
    def folder(self) -> str:
        return str(self.root / "net")

    def path(self, name: str) -> str:
        return str(self.root / name)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cli")
    net = Net(root)
    for name, suite in (("a", "ed25519"), ("b", "ml-dsa-65"), ("stranger", "ed25519")):
        assert run(["key", "new", net.path(f"{name}.pem"), "--suite", suite]) == 0
    assert run(["key", "new", net.path("reporter.pem")]) == 0
    assert run(["init", net.folder, "--name", "net"]) == 0
    from qfs.signatures import read_private_key

    key = read_private_key(root / "reporter.pem").public.text
    rows = [f"{node},op-{node},infrastructure,{key}\n" for node in NODES]
    rows.append(f"reporter,ops,reporter,{key}\n")
    (root / "nodes.csv").write_text("node_id,operator_id,role,public_key\n" + "".join(rows))
    table = net.path("nodes.csv")
    assert run(["node", "register", "--instance", net.folder, "--table", table]) == 0
    close(net, 0)
    return root


@pytest.fixture
def net(made: Path, tmp_path: Path) -> Net:
    """The network again, to be changed."""
    shutil.copytree(made, tmp_path / "root")
    return Net(tmp_path / "root")


def close(net: Net, epoch: int) -> None:
    header = "node_id,epoch,uptime_n,uptime_d,storage_n,storage_d,ai_n,ai_d\n"
    rows = [f"{node},{epoch},{100 - i},100,0,0,0,0\n" for i, node in enumerate(NODES[:3])]
    (net.root / "telemetry.csv").write_text(header + "".join(rows))
    (net.root / "fees.csv").write_text(f"tick,action_id,fee\n{epoch * 512},a{epoch},7.5\n")
    words = ["--telemetry", net.path("telemetry.csv"), "--fees", net.path("fees.csv")]
    words += ["--reporter", "reporter", "--key", net.path("reporter.pem")]
    assert run(["epoch", "close", "--instance", net.folder, *words]) == 0


def sign(net: Net, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    keys = ["--key", net.path("a.pem"), "--key", net.path("b.pem")]
    words = ["checkpoint", "sign", "--instance", net.folder, *keys, *more, "--json"]
    capsys.readouterr()
    assert run(words) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def tamper(net: Net, statement: str, *values: object) -> None:
    """A statement on the log as whoever can write its file can run it."""
    with contextlib.closing(sqlite3.connect(net.root / "net" / "log.sqlite")) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
        found = guards.fetchall()
        for name, _ in found:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement, values)
        for _, statement in found:
            connection.execute(statement)
        connection.commit()


def test_sign_show_prove_verify(net: Net, capsys: pytest.CaptureFixture[str]) -> None:
    out = net.path("cp.txt")
    signed = sign(net, capsys, "--out", out)
    ed25519, post_quantum = signed["verifier_keys"]
    assert signed["events"] == 4
    assert signed["origin"].startswith("qfs/")
    assert ed25519.startswith(signed["origin"] + "+")
    assert len(post_quantum) > 2600
    kept = net.root / "net" / "checkpoints" / "0000000000000004.txt"
    assert kept.read_bytes() == Path(out).read_bytes()

    assert run(["checkpoint", "show", out]) == 0
    shown = capsys.readouterr().out
    assert signed["root"] in shown
    assert shown.count("key id") == 2
    assert "not verified" in shown

    for node, words in (("alice", "a payment"), ("dave", "an exclusion")):
        proof = net.path(f"{node}.json")
        prove = ["prove", node, "--instance", net.folder, "--epoch", "0"]
        assert run([*prove, "--checkpoint", out, "--out", proof]) == 0
        assert "check it" in capsys.readouterr().out
        for key in (ed25519, post_quantum):
            assert run(["verify", proof, "--verifier-key", key]) == 0
            printed = capsys.readouterr().out
            assert f"verified  proof of {words} in epoch 0" in printed
            assert "compare" not in printed
        assert run(["verify", proof]) == 0
        assert "no signature was checked" in capsys.readouterr().out
        assert run([*prove, "--json", "--out", net.path(f"{node}-2.json")]) == 0
        capsys.readouterr()
        assert Path(proof).read_bytes() == Path(net.path(f"{node}-2.json")).read_bytes()
    assert run(["verify", net.path("dave.json"), "--verifier-key", ed25519, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["reason"], document["left_to_compare"]) == ("no_telemetry", [])
    assert run(["prove", "dave", "--instance", net.folder, "--epoch", "0"]) == 0
    assert capsys.readouterr().out.encode() == Path(net.path("dave.json")).read_bytes()


def test_digest_and_checkpoint_of_a_proof_are_compared(
    net: Net, capsys: pytest.CaptureFixture[str]
) -> None:
    key = sign(net, capsys, "--out", net.path("cp.txt"))["verifier_keys"][0]
    proof = net.path("proof.json")
    assert run(["prove", "bob", "--instance", net.folder, "--epoch", "0", "--out", proof]) == 0
    capsys.readouterr()
    assert run(["verify", proof, "--json"]) == 0
    digest = json.loads(capsys.readouterr().out)["digest"]
    assert run(["verify", proof, "--digest", digest, "--verifier-key", key]) == 0
    assert run(["verify", proof, "--digest", "0" * 64, "--verifier-key", key]) == 3
    assert run(["verify", proof, "--verifier-key", stranger(net, capsys)]) == 3
    assert "none of the trusted keys" in capsys.readouterr().err
    assert run(["verify", proof, "--checkpoint", net.path("cp.txt")]) == 0
    assert "no signature" not in capsys.readouterr().out
    close(net, 1)
    sign(net, capsys, "--out", net.path("later.txt"))
    assert run(["verify", proof, "--checkpoint", net.path("later.txt")]) == 3
    assert "not the one that is known" in capsys.readouterr().err


def test_consistency_of_two_checkpoints(net: Net, capsys: pytest.CaptureFixture[str]) -> None:
    old, new, proof = net.path("old.txt"), net.path("new.txt"), net.path("proof.json")
    keys = sign(net, capsys, "--out", old)["verifier_keys"]
    close(net, 1)
    sign(net, capsys, "--out", new)
    words = ["checkpoint", "consistency", "--instance", net.folder]
    assert run([*words, old, new, "--out", proof]) == 0
    assert "the log of 7 events begins with that of 4" in capsys.readouterr().out
    for key in keys:
        assert run(["verify", proof, "--verifier-key", key, "--checkpoint", old]) == 0
        assert "the log of 7 events begins with that of 4" in capsys.readouterr().out
    assert run(["verify", proof]) == 0
    assert "compare both checkpoints" in capsys.readouterr().out
    assert run([*words, new, old, "--out", net.path("turned.json")]) == 3
    assert "the log has 4 events and had 7" in capsys.readouterr().err
    assert not Path(net.path("turned.json")).exists()
    assert run(["verify", proof, "--verifier-key", stranger(net, capsys)]) == 3
    assert "none of the trusted keys" in capsys.readouterr().err


def stranger(net: Net, capsys: pytest.CaptureFixture[str]) -> str:
    """The key of someone who signs under the same name."""
    from qfs.ledger.checkpoints import origin_of
    from qfs.ledger.instance import open_instance
    from qfs.ledger.note import Signer
    from qfs.signatures import read_private_key

    name = origin_of(open_instance(net.root / "net").id)
    return Signer(name, read_private_key(net.root / "stranger.pem")).verifier.text


def test_a_cut_tail_and_a_forged_checkpoint(net: Net, capsys: pytest.CaptureFixture[str]) -> None:
    cp = net.path("cp.txt")
    keys = sign(net, capsys, "--out", cp)["verifier_keys"]
    log = str(net.root / "net" / "log.sqlite")
    for path in (net.folder, log):
        assert run(["verify", path]) == 0
        assert "a tail that was cut off is not seen" in capsys.readouterr().out
        for key in keys:
            assert run(["verify", path, "--checkpoint", cp, "--verifier-key", key]) == 0
            assert "continues" in capsys.readouterr().out
        assert run(["verify", path, "--checkpoint", cp]) == 0
        assert "no signature was checked" in capsys.readouterr().out
        known = ["--checkpoint", cp, "--verifier-key", stranger(net, capsys)]
        assert run(["verify", path, *known]) == 3
        assert f"{cp}: note: signed by none" in capsys.readouterr().err
    tamper(net, "DELETE FROM event WHERE seq >= ?", 2)
    for path in (net.folder, log):
        assert run(["verify", path]) == 0
        assert run(["verify", path, "--checkpoint", cp, "--verifier-key", keys[0]]) == 3
        assert "the log has 2 events, and had 4: events 2 .. 3 were cut off" in (
            capsys.readouterr().err
        )
    assert run(["checkpoint", "sign", "--instance", net.folder, "--key", net.path("a.pem")]) == 3
    assert "0000000000000004.txt: the log has 2 events" in capsys.readouterr().err
    forged = Path(net.path("forged.txt"))
    for old, new in ((b"\n4\n", b"\n2\n"), (b"qfs/", b"qfs:")):
        forged.write_bytes(Path(cp).read_bytes().replace(old, new, 1))
        for key in keys:
            assert run(["verify", str(forged), "--verifier-key", key]) == 3
            assert run(["verify", log, "--checkpoint", str(forged), "--verifier-key", key]) == 3
            assert run(["verify", cp, "--verifier-key", key]) == 0
    assert run(["verify", cp, "--verifier-key", stranger(net, capsys)]) == 3


@pytest.mark.parametrize("seq", [0, 2, 3])
def test_a_broken_chain_is_named(net: Net, capsys: pytest.CaptureFixture[str], seq: int) -> None:
    tamper(net, "UPDATE event SET hash = zeroblob(32) WHERE seq = ?", seq)
    for words in (
        ["verify", net.folder],
        ["verify", str(net.root / "net" / "log.sqlite")],
        ["checkpoint", "sign", "--instance", net.folder, "--key", net.path("a.pem")],
    ):
        capsys.readouterr()
        assert run(words) == 3
        assert f"event {seq}: recorded with hash {'0' * 64}" in capsys.readouterr().err
    assert not (net.root / "net" / "checkpoints").exists()


def test_the_name_of_a_key_may_be_another(net: Net, capsys: pytest.CaptureFixture[str]) -> None:
    """Such a key may sign for several logs, so the origin is left to compare."""
    cp = net.path("cp.txt")
    key = sign(net, capsys, "--out", cp, "--name", "example.com/ops")["verifier_keys"][0]
    assert key.startswith("example.com/ops+")
    assert run(["verify", cp, "--verifier-key", key]) == 0
    assert "compare the origin" in capsys.readouterr().out


def test_what_is_not_recognised_is_told_what_is(
    net: Net, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path(net.path("file"))
    for data in (
        b"",
        b"{}",
        b"{",
        b"[]",
        b'{"format":"qfs-evidence-v1"}',
        b'{"format":7}',
        b"{" * 100000,
        b"\xff" * 100,
        b"some text\n",
        b"SQLite format 3",
    ):
        file.write_bytes(data)
        assert run(["verify", str(file)]) == 1
        error = capsys.readouterr().err
        assert "accepted is an evidence folder, a folder of `qfs tally`, the folder of an" in error
        assert str(file) in error
        assert error.count("\n") == 1
    file.write_bytes(b"SQLite format 3\0" + bytes(1000))
    assert run(["verify", str(file)]) in (1, 3)
    assert run(["verify", str(net.root)]) == 1
    assert "none of instance.json, manifest.json and tally.json" in capsys.readouterr().err
    assert run(["verify", net.path("absent")]) == 1
    file.unlink()
    file.symlink_to("/dev/zero")
    assert run(["verify", str(file)]) == 1
    assert "larger than" in capsys.readouterr().err
    for start in (b"x\n\n\xe2\x80\x94 ", b"x\n0\n\n\xe2\x80\x94 a b\n"):
        file.unlink()
        file.write_bytes(start)
        assert run(["verify", str(file)]) == 3
        assert "verification failed: checkpoint: " in capsys.readouterr().err


def test_wrong_usage(net: Net, capsys: pytest.CaptureFixture[str]) -> None:
    cp = net.path("cp.txt")
    key = sign(net, capsys, "--out", cp)["verifier_keys"][0]
    evidence = str(net.root / "net" / "epochs" / "0")
    for words in (
        ["verify", evidence, "--verifier-key", key],
        ["verify", evidence, "--checkpoint", cp],
        ["verify", net.folder, "--digest", "0" * 64],
        ["verify", cp, "--previous", evidence],
        ["prove", "alice"],
        ["prove", "alice", evidence, "--epoch", "0"],
        ["prove", "alice", evidence, "--checkpoint", cp],
        ["prove", "alice", "--instance", net.folder],
        ["prove", "alice", evidence, "--instance", net.folder, "--epoch", "0"],
        ["checkpoint", "sign", "--instance", net.folder],
        ["checkpoint", "consistency", cp, cp, "--instance", net.folder],
    ):
        assert run(words) == 2, words
    assert run(["verify", cp, "--verifier-key", key[:-4]]) == 1
    assert run(["verify", cp, "--verifier-key", "x"]) == 1
    shutil.rmtree(net.root / "net" / "checkpoints")
    assert run(["prove", "alice", "--instance", net.folder, "--epoch", "0"]) == 2
    assert "no checkpoint was signed yet" in capsys.readouterr().err
