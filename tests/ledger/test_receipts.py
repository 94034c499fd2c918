"""Receipts: what a voter can show, and that nothing in one can be changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from instances import copied
from votes_on_disk import NEW_KEY, OPERATOR, START, Voted, changed_bytes, key_of, voted

from qfs import canonical
from qfs.errors import EvidenceError, QfsError, VerificationError
from qfs.ledger.checkpoints import stated
from qfs.ledger.kept_tree import KeptTree
from qfs.ledger.note import Signer, sign_note
from qfs.ledger.receipt_checks import require_batch, verify_receipt
from qfs.ledger.receipts import Receipt, Receipts, read_receipt, write_receipt
from qfs.protocol.snapshot import power
from qfs.reference.merkle import inclusion_proof

COUNTED = {"node-0": 1, "node-1": 0, "node-2": 1, "node-3": 2, "node-5": 1}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Voted:
    return voted(tmp_path_factory.mktemp("receipts") / "instance")


@pytest.fixture(scope="module")
def made(here: Voted) -> dict[str, Receipt]:
    """By voter, each with the checkpoint."""
    receipts = Receipts(here.instance, here.vote, here.note)
    return {voter: receipts.make(voter) for voter in COUNTED}


@pytest.fixture(scope="module")
def unsigned(here: Voted) -> dict[str, Receipt]:
    """The same without a checkpoint."""
    receipts = Receipts(here.instance, here.vote)
    return {voter: receipts.make(voter) for voter in COUNTED}


def decoded(data: bytes) -> Receipt:
    return canonical.decode(data, Receipt, "receipt")


def test_a_receipt_shows_the_ballot_its_power_and_the_totals(
    here: Voted, made: dict[str, Receipt], unsigned: dict[str, Receipt]
) -> None:
    proposal = here.vote.proposal
    assert dict(here.vote.refused) == {"signature": 1, "revoked": 1, "duplicate": 1}
    shares = []
    for voter, choice in COUNTED.items():
        row = proposal.snapshot.row(voter)
        assert row is not None
        for receipts in (made, unsigned):
            found = verify_receipt(receipts[voter], here.vote.tally.hex())
            assert (found.voter, found.choice) == (voter, choice)
            assert found.proposal.id == proposal.id
            assert found.power == power(proposal.snapshot, row, proposal.power_cap)
            assert found.sums == tuple(here.vote.powers)
            assert found.ballots == len(COUNTED)
            assert found.digest == here.vote.tally
        shares.append(found.power)
        signed = verify_receipt(made[voter], keys=[here.key], known=stated(here.note))
        assert signed.checkpoint == stated(here.note)
        assert found.checkpoint is None
        assert found.log.size == found.seq + 1
    assert sum(shares) == here.vote.powers.counted
    assert shares[0] == proposal.power_cap < proposal.snapshot.balance(0)


def test_the_key_is_that_of_the_time(made: dict[str, Receipt]) -> None:
    """node-0 has another one since, node-3 had another one before."""
    assert made["node-0"].public_key == key_of("node-0").public.text
    assert made["node-3"].public_key == NEW_KEY.public.text
    assert [verify_receipt(made[node]).tick for node in COUNTED] == [
        *(START, START, START + 4, START + 2, START + 4)
    ]


@pytest.mark.parametrize("voter", ["node-4", "node-9", "reporter", "no body"])
def test_who_is_not_counted_has_no_receipt(here: Voted, voter: str) -> None:
    with pytest.raises(EvidenceError, match="no ballot of"):
        Receipts(here.instance, here.vote).make(voter)


def test_a_checkpoint_of_before_shows_no_ballot(here: Voted) -> None:
    with pytest.raises(EvidenceError, match="all that the checkpoint covers"):
        Receipts(here.instance, here.vote, here.before).make("node-0")


def test_a_receipt_is_read_as_it_was_written(made: dict[str, Receipt], tmp_path: Path) -> None:
    for voter, receipt in made.items():
        path = tmp_path / voter
        write_receipt(receipt, path)
        assert read_receipt(path) == receipt


def require_all_refused(here: Voted, receipts: dict[str, Receipt], step: int, *given: Any) -> None:
    data = canonical.encode(receipts["node-3"])
    seen = 0
    for other in changed_bytes(data, step):
        assert other != data
        seen += 1
        with pytest.raises(QfsError):
            verify_receipt(decoded(other), None, *given)
    assert seen == -(-len(data) // step)


@pytest.mark.parametrize("is_signed", [True, False])
def test_some_changed_bytes_are_refused(
    here: Voted, made: dict[str, Receipt], unsigned: dict[str, Receipt], is_signed: bool
) -> None:
    given = ([here.key],) if is_signed else ()
    require_all_refused(here, made if is_signed else unsigned, 23, *given)


@pytest.mark.slow
@pytest.mark.parametrize("is_signed", [True, False])
def test_every_changed_byte_is_refused(
    here: Voted, made: dict[str, Receipt], unsigned: dict[str, Receipt], is_signed: bool
) -> None:
    """Also without anything from elsewhere: no part is there that is not led to."""
    given = ([here.key],) if is_signed else ()
    require_all_refused(here, made if is_signed else unsigned, 1, *given)


FIELDS = ("ballot", "signature", "public_key", "event", "balance", "counted")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("others", ["made", "unsigned"])
def test_parts_of_two_receipts_make_none(
    here: Voted, request: pytest.FixtureRequest, field: str, others: str
) -> None:
    receipts: dict[str, Receipt] = request.getfixturevalue(others)
    for mine, theirs in (("node-0", "node-3"), ("node-3", "node-2")):
        mixed = msgspec.structs.replace(receipts[mine], **{field: getattr(receipts[theirs], field)})
        assert mixed != receipts[mine]
        with pytest.raises(QfsError):
            verify_receipt(mixed)


def test_the_balance_is_that_of_the_row_that_votes(made: dict[str, Receipt]) -> None:
    """Said where it is, and not only by the signature that then fails too."""
    mixed = msgspec.structs.replace(made["node-0"], balance=made["node-3"].balance)
    with pytest.raises(VerificationError, match="the ballot is of row 0") as caught:
        verify_receipt(mixed)
    assert caught.value.argument == "balance.index"


def test_without_a_checkpoint_the_log_ends_with_the_event(unsigned: dict[str, Receipt]) -> None:
    """A path alone does not say how long the log is."""
    receipt = unsigned["node-0"]
    for size in (receipt.log.size - 1, receipt.log.size + 1):
        longer = msgspec.structs.replace(receipt.log, size=size)
        with pytest.raises(VerificationError, match="without a checkpoint"):
            verify_receipt(msgspec.structs.replace(receipt, log=longer))


def test_a_proposal_that_cannot_be_is_refused(made: dict[str, Receipt]) -> None:
    document = made["node-0"].proposal
    for changed, message in (
        ({"instance": "no hex"}, "instance"),
        ({"payload": {"factor": 4}}, "payload_hash"),
        ({"payload": {"factor": 11}}, "payload.factor"),
        ({"type": "nod_balance"}, "nod_balance"),
    ):
        other = msgspec.structs.replace(document, **changed)
        with pytest.raises(QfsError, match=message):
            verify_receipt(msgspec.structs.replace(made["node-0"], proposal=other))


def test_an_event_of_another_proposal_holds_none_of_its_ballots(
    here: Voted, made: dict[str, Receipt]
) -> None:
    document = made["node-0"].proposal
    other = msgspec.structs.replace(document, proposer="node-2")
    with here.instance.open_log() as log:
        found = list(log.read())
    recorded = [event for event in found if event.type == "ballot.record"]
    assert len(recorded) == 3
    for event in recorded:
        assert require_batch(event, document).proposal == document.id.hex()
        with pytest.raises(VerificationError, match="records no ballots on proposal"):
            require_batch(event, other)
    for event in found:
        if event not in recorded:
            with pytest.raises(VerificationError, match="records no ballots on proposal"):
                require_batch(event, document)


def test_what_is_known_from_elsewhere_is_compared(
    here: Voted, made: dict[str, Receipt], unsigned: dict[str, Receipt]
) -> None:
    receipt, bare = made["node-0"], unsigned["node-0"]
    with pytest.raises(VerificationError, match="digest"):
        verify_receipt(receipt, "00" * 32)
    with pytest.raises(VerificationError):
        verify_receipt(receipt, known=stated(here.before))
    with pytest.raises(VerificationError):
        verify_receipt(bare, known=stated(here.note))
    with pytest.raises(VerificationError, match="nobody signed"):
        verify_receipt(bare, keys=[here.key])
    stranger = Signer(here.key.name, NEW_KEY)
    with pytest.raises(VerificationError):
        verify_receipt(receipt, keys=[stranger.verifier])
    resigned = sign_note(here.note.split(b"\n\n")[0] + b"\n", [stranger])
    forged = Receipts(here.instance, here.vote, resigned).make("node-0")
    verify_receipt(forged, keys=[stranger.verifier])
    with pytest.raises(VerificationError):
        verify_receipt(forged, keys=[here.key])


def test_a_checkpoint_of_another_log_makes_no_receipt(here: Voted) -> None:
    lines = here.note.split(b"\n")
    lines[1] = b"%d" % (stated(here.note).size - 1)
    other = sign_note(b"\n".join(lines[:3]) + b"\n", [Signer(here.key.name, OPERATOR)])
    with pytest.raises(VerificationError, match="checkpoint"):
        Receipts(here.instance, here.vote, other)


def test_an_altered_log_makes_no_receipt(here: Voted, tmp_path: Path) -> None:
    """A table of ballots that was replaced is missed by its digest."""
    instance = copied(here.instance, tmp_path / "copy")
    paths = sorted(instance.artifacts.folder.glob("ballots-*.parquet"))
    paths[0].write_bytes(paths[1].read_bytes())
    with pytest.raises(VerificationError):
        Receipts(instance, here.vote)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 300, 512, 513, 1500])
def test_a_kept_tree_proves_as_the_definition(size: int) -> None:
    leaves = [number.to_bytes(4, "big") for number in range(size)]
    tree = KeptTree(leaves)
    for index in sorted({0, 1 % size, size // 2, size - 1, min(256, size - 1)}):
        for _ in range(2):
            assert tree.inclusion(index) == inclusion_proof(leaves, index)
    with pytest.raises(QfsError):
        tree.inclusion(size)
