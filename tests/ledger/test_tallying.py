"""Tallies made again: from the log they come to what the state has, and a folder hides nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from votes_on_disk import NEW_KEY, START, Voted, changed_bytes, key_of, voted

import qfs
from qfs import canonical
from qfs.errors import EvidenceError, QfsError, StorageError, VerificationError
from qfs.ledger.checkpoints import stated
from qfs.ledger.note import Signer
from qfs.ledger.recorded import read_recorded
from qfs.ledger.session import Session
from qfs.ledger.tallying import (
    DOCUMENT,
    TABLES,
    Tallied,
    TallyDocument,
    batches_of,
    require_recorded,
    tally_again,
    verify_tally,
    write_tally,
)
from qfs.ledger.voting import creation
from qfs.protocol.events import TransitionError
from qfs.protocol.governance import Draft
from qfs.protocol.verdict import Powers
from qfs.protocol.votes import Vote


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Voted:
    return voted(tmp_path_factory.mktemp("tallying") / "instance")


def tallied(here: Voted) -> Tallied:
    _, recorded = read_recorded(here.instance, here.vote.proposal.id)
    return tally_again(here.vote.proposal, batches_of(recorded))


@pytest.fixture(scope="module")
def folder(here: Voted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Up to the checkpoint."""
    log = read_recorded(here.instance, here.vote.proposal.id)
    made = tmp_path_factory.mktemp("folder") / "tally"
    write_tally(made, here.vote.proposal, log, tallied(here), here.note)
    return made


@pytest.fixture(scope="module")
def bare(here: Voted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without a checkpoint."""
    log = read_recorded(here.instance, here.vote.proposal.id)
    made = tmp_path_factory.mktemp("folder") / "tally"
    write_tally(made, here.vote.proposal, log, tallied(here))
    return made


def test_the_log_alone_leads_to_what_the_state_has(here: Voted) -> None:
    found = tallied(here)
    require_recorded(found, here.vote)
    assert found.powers == here.vote.powers
    assert found.ballots == 5
    assert found.refused == {"duplicate": 1, "revoked": 1, "signature": 1}
    assert found.verdict == "PASSES"
    snapshot = here.vote.proposal.snapshot
    balances = list(snapshot.table.amounts("balance"))
    again = qfs.tally([1, 0, 1, 2, 1], balances, [0, 1, 2, 3, 5], cap=here.vote.proposal.power_cap)
    assert found.powers == (again.yes, again.no, again.abstain)


def test_each_figure_of_the_state_is_compared(here: Voted) -> None:
    found = tallied(here)
    others: dict[str, Any] = {
        "powers": Powers(*found.powers[:2], found.powers.abstain + 1),
        "ballots": found.ballots + 1,
        "refused": {"duplicate": 3},
        "digest": bytes(32),
        "verdict": "TIE",
    }
    assert list(others) == list(Tallied._fields)
    for name, other in others.items():
        with pytest.raises(VerificationError) as caught:
            require_recorded(found._replace(**{name: other}), here.vote)
        assert caught.value.argument == name


def test_a_vote_without_ballots_is_tallied(here: Voted, tmp_path: Path) -> None:
    """Neither a batch nor a root of a log is there, and a root that is claimed is refused."""
    with Session(here.instance, "test") as session:
        draft = Draft("node-2", "network_bandwidth_parameters", {"max_mbps": 5})
        proposal, event = creation(session, key_of("node-2"), START + 9, draft)
        after = session.try_out([event])
    vote = after.governance.get(proposal.id)
    log = read_recorded(here.instance, proposal.id)
    assert log[1] == []
    found = tally_again(proposal, batches_of(log[1]))
    require_recorded(found, vote)
    assert (found.powers, found.verdict) == (Powers(), "NO_QUORUM")
    write_tally(tmp_path / "empty", proposal, log, found)
    shown = verify_tally(tmp_path / "empty", found.digest.hex())
    assert (shown.proposal.id, shown.tallied, shown.log.size) == (proposal.id, found, 0)
    rewritten(tmp_path / "empty", log={"size": 0, "root": "00" * 32})
    with pytest.raises(VerificationError, match="no events"):
        verify_tally(tmp_path / "empty")


def test_a_folder_leads_to_the_same(here: Voted, folder: Path, bare: Path) -> None:
    found = tallied(here)
    for made in (folder, bare):
        shown = verify_tally(made, found.digest.hex())
        assert shown.tallied == found
        assert shown.proposal.id == here.vote.proposal.id
    shown = verify_tally(folder, keys=[here.key], known=stated(here.note))
    assert shown.checkpoint == stated(here.note)
    assert verify_tally(bare).checkpoint is None


def test_what_is_known_from_elsewhere_is_compared(here: Voted, folder: Path, bare: Path) -> None:
    with pytest.raises(VerificationError):
        verify_tally(folder, "00" * 32)
    with pytest.raises(VerificationError):
        verify_tally(folder, keys=[Signer(here.key.name, NEW_KEY).verifier])
    with pytest.raises(VerificationError, match="nobody signed"):
        verify_tally(bare, keys=[here.key])
    for made in (folder, bare):
        with pytest.raises(VerificationError):
            verify_tally(made, known=stated(here.before))


def test_a_checkpoint_that_does_not_cover_the_vote_is_refused(here: Voted, tmp_path: Path) -> None:
    log = read_recorded(here.instance, here.vote.proposal.id)
    with pytest.raises(EvidenceError, match="the last batch is in event"):
        write_tally(tmp_path / "x", here.vote.proposal, log, tallied(here), here.before)
    assert not (tmp_path / "x").exists()


def rewritten(folder: Path, **fields: Any) -> None:
    path = folder / DOCUMENT
    document = canonical.decode(path.read_bytes(), TallyDocument, DOCUMENT)
    plain = msgspec.to_builtins(document) | fields
    path.write_bytes(canonical.encode(plain))


def require_all_refused(folder: Path, copy: Path, step: int) -> None:
    shutil.copytree(folder, copy)
    path = copy / DOCUMENT
    for other in changed_bytes(path.read_bytes(), step):
        path.write_bytes(other)
        with pytest.raises(QfsError):
            verify_tally(copy)


def test_some_changed_bytes_are_refused(bare: Path, tmp_path: Path) -> None:
    require_all_refused(bare, tmp_path / "copy", 97)


@pytest.mark.slow
def test_changed_bytes_are_refused(bare: Path, tmp_path: Path) -> None:
    """Of the document; the tables are named by the digest of their content."""
    require_all_refused(bare, tmp_path / "copy", 7)


def test_tables_that_are_changed_or_gone_are_missed(bare: Path, tmp_path: Path) -> None:
    names = sorted(path.name for path in (bare / TABLES).iterdir())
    kinds = {name.split("-")[0] for name in names}
    assert kinds == {"balances", "ballots", "signatures", "registry"}
    for number, name in enumerate(names):
        copy = tmp_path / str(number)
        shutil.copytree(bare, copy)
        kind = name.partition("-")[0]
        for other in [o for o in names if o != name and o.startswith(kind)][:1]:
            (copy / TABLES / name).write_bytes((bare / TABLES / other).read_bytes())
            with pytest.raises(VerificationError):
                verify_tally(copy)
        (copy / TABLES / name).unlink()
        with pytest.raises(StorageError):
            verify_tally(copy)


def test_a_batch_cannot_be_left_out_of_the_middle(bare: Path, here: Voted, tmp_path: Path) -> None:
    """At the end it can, for who has neither the digest nor the log: then fewer ballots count."""
    path = bare / DOCUMENT
    batches = msgspec.to_builtins(
        canonical.decode(path.read_bytes(), TallyDocument, DOCUMENT).batches
    )
    assert len(batches) == 3
    for left in ([0, 2], [1, 2], [1, 0, 2], [0, 1, 1, 2]):
        copy = tmp_path / "".join(map(str, left))
        shutil.copytree(bare, copy)
        rewritten(copy, batches=[batches[n] for n in left])
        with pytest.raises((VerificationError, TransitionError)):
            verify_tally(copy)
    log = read_recorded(here.instance, here.vote.proposal.id)
    first = (log[0], log[1][:2])
    fewer = tally_again(here.vote.proposal, batches_of(first[1]))
    write_tally(tmp_path / "fewer", here.vote.proposal, first, fewer)
    assert verify_tally(tmp_path / "fewer").tallied.ballots == 3
    with pytest.raises(VerificationError):
        verify_tally(tmp_path / "fewer", here.vote.tally.hex())


def test_a_registry_that_was_not_there_counts_otherwise(here: Voted, tmp_path: Path) -> None:
    """With the keys of later the ballots of then do not verify: each batch has its own."""
    log = read_recorded(here.instance, here.vote.proposal.id)
    last = log[1][-1].registry
    others = [batch._replace(registry=last) for batch in batches_of(log[1])]
    found = tally_again(here.vote.proposal, others)
    assert found.refused == {"revoked": 1, "signature": 3}
    with pytest.raises(VerificationError):
        require_recorded(found, here.vote)


def test_the_state_is_not_looked_at(here: Voted) -> None:
    """Nothing of what was counted reaches the tally but the proposal."""
    blank = Vote(here.vote.proposal)
    found = tallied(here)
    with pytest.raises(VerificationError):
        require_recorded(found, blank)
