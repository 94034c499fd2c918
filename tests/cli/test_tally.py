"""`qfs tally`, and receipts from `qfs prove` to `qfs verify`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

FACTOR = "storage_replication_factor"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("template") / "network"


@pytest.fixture
def voted(template: Path, tmp_path: Path, new_network: Any, network_at: Any) -> tuple[Any, str]:
    """A proposal on which ann and bea have voted, and ann again, under a signed checkpoint."""
    if not template.exists():
        made = new_network("first")
        assert made.close(0)[0] == 0
        key = str(made.base / "reporter.key")
        on = ("--instance", str(made.folder))
        create = ("proposal", "create", FACTOR, "factor=3", "--proposer", "ann", "--key", key)
        name = made.json(*create, *on)["id"]
        for node, choice, nonce in (("ann", "for", "0"), ("bea", "against", "0")):
            words = ("vote", name, choice, "--voter", node, "--key", key, "--nonce", nonce)
            assert made.json(*words, *on)["counted"] == 1
        signed = made.json("checkpoint", "sign", "--key", key, *on)
        (made.base / "operator.txt").write_text(json.dumps(signed))
        (made.base / "proposal.txt").write_text(name)
        shutil.copytree(made.base, template)
    shutil.copytree(template, tmp_path / "copy")
    return network_at(tmp_path / "copy"), (template / "proposal.txt").read_text()


def operator_key(network: Any) -> str:
    document = json.loads((network.base / "operator.txt").read_text())
    (key,) = document["verifier_keys"]
    return str(key)


def test_a_tally_says_the_same_as_the_state(voted: tuple[Any, str]) -> None:
    network, name = voted
    on = ("--instance", str(network.folder))
    found = network.json("tally", name[:8], *on)
    shown = network.json("proposal", "show", name, *on)
    for figure in ("yes_base_units", "no_base_units", "abstain_base_units"):
        assert found[figure] == shown[figure]
    assert (found["counted"], found["refused"], found["batches"]) == (2, {}, 2)
    assert (found["verdict"], found["same_as_state"]) == ("NO_QUORUM", True)
    text = network.on("tally", name)[1]
    assert text.endswith("the state has the same\n")
    assert f"digest    {found['digest']}\n" in text


def test_a_tally_of_a_log_that_was_changed_fails(voted: tuple[Any, str]) -> None:
    network, name = voted
    paths = sorted((network.folder / "artifacts").glob("ballots-*.parquet"))
    paths[0].write_bytes(paths[1].read_bytes())
    code, out, err = network.on("tally", name)
    assert (code, out) == (3, "")
    assert err.startswith("verification failed: ")


def test_a_folder_is_verified_without_the_instance(voted: tuple[Any, str], tmp_path: Path) -> None:
    network, name = voted
    folder = str(tmp_path / "tally")
    code, out, err = network.on("tally", name, "--out", folder)
    assert code == 0, err
    digest = network.json("tally", name, "--instance", str(network.folder))["digest"]
    assert out.endswith(f"check it  qfs verify {folder} --digest {digest}\n")
    shutil.rmtree(network.folder)
    known = ("--digest", digest, "--verifier-key", operator_key(network))
    found = network.json("verify", folder, *known)
    assert (found["proposal"], found["digest"], found["ballots"]) == (name, digest, 2)
    assert [line.split(":")[0] for line in found["left_to_compare"]] == [
        "compare the proposal",
        "that the log has no other batch, and its registry these keys, is not shown",
    ]
    assert len(network.json("verify", folder)["left_to_compare"]) == 5
    assert network.run("verify", folder, "--digest", "00" * 32)[0] == 3
    assert network.run("verify", folder, "--previous", folder)[0] == 2


def test_a_receipt_is_made_and_verified(voted: tuple[Any, str], tmp_path: Path) -> None:
    network, name = voted
    file = str(tmp_path / "receipt.json")
    prove = ("prove", "bea", "--proposal", name[:10], "--instance", str(network.folder))
    made = network.json(*prove, "--out", file)
    known = ("--digest", made["digest"], "--verifier-key", operator_key(network))
    shutil.rmtree(network.folder)
    found = network.json("verify", file, *known)
    assert (found["voter"], found["choice"], found["proposal"]) == ("bea", "against", name)
    assert found["on"] == f"{FACTOR}: factor = 3"
    assert found["against"] == found["power"] == found["for"]
    assert (found["abstain"], found["ballots"], found["digest"]) == ("0 NOD", 2, made["digest"])
    assert len(found["left_to_compare"]) == 2
    assert network.run("verify", file, "--digest", "00" * 32)[0] == 3
    text = Path(file).read_text()
    Path(file).write_text(text.replace('"choice":"0"', '"choice":"1"'))
    code, _, err = network.run("verify", file)
    assert code == 3
    assert err.startswith("verification failed: path: the row does not lead to the root")


def test_a_receipt_without_a_checkpoint_says_so(voted: tuple[Any, str], tmp_path: Path) -> None:
    network, name = voted
    shutil.rmtree(network.folder / "checkpoints")
    file = str(tmp_path / "receipt.json")
    prove = ("prove", "ann", "--proposal", name, "--instance", str(network.folder))
    code, out, _ = network.run(*prove)
    assert code == 0
    assert network.run(*prove, "--out", file)[0] == 0
    assert Path(file).read_text() == out
    found = network.json("verify", file)
    assert any("nobody signed the log" in line for line in found["left_to_compare"])
    code, _, err = network.run("verify", file, "--verifier-key", operator_key(network))
    assert (code, "nobody signed" in err) == (3, True)


def test_who_has_not_voted_has_no_receipt(voted: tuple[Any, str]) -> None:
    network, name = voted
    on = ("--instance", str(network.folder))
    code, out, err = network.run("prove", "cyd", "--proposal", name, *on)
    assert (code, out) == (1, "")
    assert "no ballot of cyd counts on this proposal" in err


@pytest.mark.parametrize(
    "words",
    [
        ("prove", "ann", "--proposal", "abcdef"),
        ("prove", "ann", "folder", "--proposal", "abcdef"),
        ("prove", "ann", "--proposal", "abcdef", "--epoch", "0", "--instance", "x"),
        ("tally", "abcdef", "--checkpoint", "x"),
    ],
)
def test_wrong_usage_is_said(voted: tuple[Any, str], words: tuple[str, ...]) -> None:
    network, _ = voted
    code, out, err = network.run(*words)
    assert (code, out) == (2, "")
    assert "Error" in err
