"""`qfs verify`: checks whatever it is given, offline."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from qfs.cli.checkpoint import checkpoint_document, read_verifier_keys, verifier_key_option
from qfs.cli.output import json_option, nod, print_json, print_lines, progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from qfs.ledger.checkpoint import Checkpoint
    from qfs.ledger.note import VerifierKey
    from qfs.ledger.tree import LogTree

_PATH = click.Path(path_type=Path)

_NO_DIGEST = "compare the digest with one you have from elsewhere, or give it as --digest"
_NO_KEY = "no signature was checked: give the operator's key as --verifier-key"
_NO_CHECKPOINT = (
    "a tail that was cut off is not seen without a checkpoint from elsewhere; give one"
    " as --checkpoint, with --verifier-key"
)
_NO_TALLY = "compare the digest with that of `qfs tally`, or give it as --digest"
_NO_LOG = "nobody signed the log: compare its root with that of as many events of the log"
_NO_REGISTRY = "compare the key: that the registry had it for the voter is not shown"
_NO_BATCHES = (
    "that the log has no other batch, and its registry these keys, is not shown: `qfs tally` reads"
    " them there"
)
_NO_OTHERS = "that no other ballot was left out is not shown: `qfs tally` counts them all again"


class Given(NamedTuple):
    """What is trusted: each had from elsewhere, or None."""

    digest: str | None
    previous: Path | None
    checkpoint: Path | None
    keys: list[VerifierKey] | None

    def known(self, origin: str | None) -> Checkpoint | None:
        """The checkpoint from elsewhere, its signature checked where there is a key."""
        from qfs.ledger.checkpoints import read_note, trusted

        if self.checkpoint is None:
            return None
        return trusted(read_note(self.checkpoint), self.keys, origin, str(self.checkpoint))


class Found(NamedTuple):
    """What was verified, and what is left to the reader to compare."""

    document: dict[str, Any]
    left: list[str]


@click.command()
@click.argument("path", type=_PATH)
@click.option("--digest", help="The epoch's digest, as you have it from elsewhere.")
@click.option("--previous", type=_PATH, help="Evidence of the epoch before, to be followed.")
@click.option("--checkpoint", type=_PATH, help="A checkpoint that you have from elsewhere.")
@verifier_key_option
@click.option(
    "--backend",
    type=click.Choice(["auto", "kernel", "reference"]),
    help="What computes; default QFS_BACKEND.",
)
@json_option
def verify(
    path: Path,
    digest: str | None,
    previous: Path | None,
    checkpoint: Path | None,
    verifier_keys: tuple[str, ...],
    backend: str | None,
    as_json: bool,
) -> None:
    """Check evidence, a tally, an instance, a log file, a proof, a receipt or a checkpoint.

    \b
    evidence     computes the epoch again; --digest, --previous (the epoch before, verified too)
    tally        counts the ballots again; --digest, --checkpoint, --verifier-key
    instance     the chain, everything computed again, what is kept; --checkpoint, --verifier-key
    log file     the chain; --checkpoint, --verifier-key
    proof        every step; --digest, or for proofs of a log --checkpoint, --verifier-key
    receipt      every step; --digest (of the tally), --checkpoint, --verifier-key
    checkpoint   the signature; --verifier-key

    Exits with 3 and the first difference where something does not hold. Without what must come
    from elsewhere (a digest, a key, a checkpoint) the parts are checked against each other only,
    and what is left to compare is printed.
    """
    from qfs.ledger.verification import kind_of

    if backend is not None:
        os.environ["QFS_BACKEND"] = backend
    given = Given(digest, previous, checkpoint, read_verifier_keys(verifier_keys))
    kind = kind_of(path)
    check, accepted = _CHECKS[kind]
    for name in ("digest", "previous", "checkpoint", "keys"):
        if getattr(given, name) is not None and name not in accepted:
            option = "verifier-key" if name == "keys" else name
            raise click.UsageError(f"--{option} does not go with {_NAMES[kind]}")
    document, left = check(path, given)
    if as_json:
        print_json({"ok": True, **document, "left_to_compare": left})
        return
    print_lines([(name.replace("_", " "), value) for name, value in document.items()])
    for line in left:
        click.echo(line)


def _evidence(path: Path, given: Given) -> Found:
    import qfs
    from qfs.ledger.evidence import verify_evidence

    with progress(4 if given.previous is None else 8) as stage:
        before = None if given.previous is None else verify_evidence(given.previous, stage=stage)
        manifest = verify_evidence(path, given.digest, before, stage)
    document = {
        "verified": f"evidence of epoch {manifest.epoch}, computed again from its inputs",
        "nodes": manifest.tables["allocations"].rows,
        "fees": manifest.tables["fees"].rows,
        "backend": qfs.backend().name,
        "digest": manifest.digest.hex(),
    }
    return Found(document, [] if given.digest else [_NO_DIGEST])


def _tally(path: Path, given: Given) -> Found:
    import qfs
    from qfs.cli.proposal import values_text
    from qfs.ledger.tallying import verify_tally

    shown = verify_tally(path, given.digest, given.keys, given.known(None))
    proposal, found = shown.proposal, shown.tallied
    document = {
        "verified": "a tally: every signature verified, every ballot counted again",
        "proposal": proposal.id.hex(),
        "on": f"{proposal.type}: {values_text(dict(proposal.payload))}",
        "for": nod(found.powers.yes),
        "against": nod(found.powers.no),
        "abstain": nod(found.powers.abstain),
        "ballots": found.ballots,
        "refused": sum(found.refused.values()),
        "verdict": found.verdict,
        "backend": qfs.backend().name,
        "digest": found.digest.hex(),
        "log": f"{shown.log.size} events with root {shown.log.root}",
    }
    left = ["compare the proposal: its id names the snapshot, the quorum and what was voted on"]
    left += [] if given.digest else [_NO_TALLY]
    return Found(document, [*left, *_left_of_root(given, shown.checkpoint), _NO_BATCHES])


def _instance(path: Path, given: Given) -> Found:
    import qfs
    from qfs.ledger.checkpoints import origin_of
    from qfs.ledger.instance import open_instance
    from qfs.ledger.verification import verify_instance

    instance = open_instance(path)
    known = given.known(origin_of(instance.id))
    with progress(4) as stage:
        found = verify_instance(instance, known, stage)
    epochs = [f"{epoch} {digest}" for epoch, digest in found.epochs.items()]
    document = {
        "verified": "an instance: its chain, its state computed again, its evidence and tables",
        "instance": instance.id.hex(),
        **_log_document(found.tree, known),
        "state": found.state.hex(),
        "epochs": len(epochs),
        "last_epoch": epochs[-1] if epochs else "none",
        "tables": found.artifacts,
        "backend": qfs.backend().name,
    }
    left = _left_of_log(given)
    if found.absent:
        left.append(f"no evidence of epochs {', '.join(map(str, found.absent))} is kept here")
    return Found(document, left)


def _log(path: Path, given: Given) -> Found:
    from qfs.ledger.checkpoints import origin_of
    from qfs.ledger.log import open_log
    from qfs.ledger.verification import verify_log

    with open_log(path) as log:
        known = given.known(origin_of(log.instance))
        tree = verify_log(log, known)
        instance = log.instance.hex()
    document = {
        "verified": "a log: every event follows the one before",
        "instance": instance,
        **_log_document(tree, known),
    }
    left = "that the events follow the rules was not checked: give the folder of the instance"
    return Found(document, [left, *_left_of_log(given)])


def _log_document(tree: LogTree, known: Checkpoint | None) -> dict[str, Any]:
    document = {"events": tree.size, "root": tree.root().hex(), "head": tree.head.hash.hex()}
    if known is not None:
        document["continues"] = f"the checkpoint of {known.size} events"
    return document


def _left_of_log(given: Given) -> list[str]:
    if given.checkpoint is None:
        return [_NO_CHECKPOINT]
    return [] if given.keys else [_NO_KEY]


def _payment(path: Path, given: Given) -> Found:
    from qfs.ledger.proofs import read_proof, verify_proof

    proof = read_proof(path)
    found = verify_proof(proof, given.digest)
    document = {
        "verified": f"proof of a payment in epoch {proof.manifest.epoch}",
        "node": proof.row.node_id,
        "amount": nod(int(proof.row.amount)),
        "digest": found.hex(),
    }
    return Found(document, [] if given.digest else [_NO_DIGEST])


def _log_proof(path: Path, given: Given) -> Found:
    from qfs.ledger.log_proofs import read_log_proof, verify_log_proof
    from qfs.protocol.manifest import require_digest

    found = verify_log_proof(read_log_proof(path), given.keys, given.known(None))
    if given.digest is not None:
        require_digest(found.digest, given.digest)
    paid = found.amount is not None
    document = {
        "verified": f"proof of {'a payment' if paid else 'an exclusion'} in epoch {found.epoch}",
        "node": found.node,
        **({"amount": nod(found.amount)} if found.amount is not None else {}),
        **({"reason": found.reason} if found.reason is not None else {}),
        "digest": found.digest.hex(),
        **checkpoint_document(found.checkpoint),
    }
    left = [] if given.keys or given.checkpoint else [_NO_KEY, _compare("the checkpoint")]
    return Found(document, [*left, *_left_of_origin(given, found.checkpoint)])


def _receipt(path: Path, given: Given) -> Found:
    from qfs.cli.proposal import values_text
    from qfs.ledger.ballot_files import CHOICES
    from qfs.ledger.receipt_checks import verify_receipt
    from qfs.ledger.receipts import read_receipt

    found = verify_receipt(read_receipt(path), given.digest, given.keys, given.known(None))
    proposal = found.proposal
    document = {
        "verified": "receipt of a ballot: signed, recorded in the log, counted in the tally",
        "proposal": proposal.id.hex(),
        "on": f"{proposal.type}: {values_text(proposal.payload)}",
        "voter": found.voter,
        "choice": CHOICES[found.choice],
        "power": nod(found.power),
        "signed_by": found.public_key,
        "recorded": f"in event {found.seq} at tick {found.tick}",
        "for": nod(found.sums.yes),
        "against": nod(found.sums.no),
        "abstain": nod(found.sums.abstain),
        "ballots": found.ballots,
        "digest": found.digest.hex(),
        "log": f"{found.log.size} events with root {found.log.root}",
    }
    left = [] if given.digest else [_NO_TALLY]
    left += _left_of_root(given, found.checkpoint)
    return Found(document, [*left, _NO_REGISTRY, _NO_OTHERS])


def _consistency(path: Path, given: Given) -> Found:
    from qfs.ledger.consistency import read_consistency, verify_consistency

    found = verify_consistency(read_consistency(path), given.keys, given.known(None))
    document = {
        "verified": f"the log of {found.second.size} events begins with that of {found.first.size}",
        "origin": found.first.origin,
        "first_events": found.first.size,
        "first_root": found.first.root.hex(),
        "second_events": found.second.size,
        "second_root": found.second.root.hex(),
    }
    left = [] if given.keys else [_NO_KEY, _compare("both checkpoints")]
    return Found(document, [*left, *_left_of_origin(given, found.first)])


def _checkpoint(path: Path, given: Given) -> Found:
    from qfs.ledger.checkpoints import read_note, trusted

    found = trusted(read_note(path), given.keys, None)
    document = checkpoint_document(found)
    if given.keys is None:
        return Found({"read": "a checkpoint, its form is right", **document}, [_NO_KEY])
    document = {"verified": "a checkpoint, signed by a key that is trusted", **document}
    return Found(document, _left_of_origin(given, found))


def _left_of_origin(given: Given, found: Checkpoint) -> list[str]:
    """A key that has the name of a log signs for that log; any other may sign for several."""
    if given.keys is None or any(key.name == found.origin for key in given.keys):
        return []
    return ["compare the origin: it says of which log this is, and the key may sign for several"]


def _left_of_root(given: Given, checkpoint: Checkpoint | None) -> list[str]:
    """What is left of a log that a checkpoint states, or nobody."""
    if checkpoint is None:
        return [] if given.checkpoint else [_NO_LOG]
    left = [] if given.keys or given.checkpoint else [_NO_KEY, _compare("the checkpoint")]
    return [*left, *_left_of_origin(given, checkpoint)]


def _compare(what: str) -> str:
    return f"or compare {what}, every line, with what you have from elsewhere"


_CHECKS: dict[str, tuple[Callable[[Path, Given], Found], tuple[str, ...]]] = {
    "evidence": (_evidence, ("digest", "previous")),
    "tally": (_tally, ("digest", "checkpoint", "keys")),
    "instance": (_instance, ("checkpoint", "keys")),
    "log": (_log, ("checkpoint", "keys")),
    "payment": (_payment, ("digest",)),
    "log proof": (_log_proof, ("digest", "checkpoint", "keys")),
    "receipt": (_receipt, ("digest", "checkpoint", "keys")),
    "consistency": (_consistency, ("checkpoint", "keys")),
    "checkpoint": (_checkpoint, ("keys",)),
}
_NAMES = {
    "evidence": "an evidence folder",
    "tally": "a tally",
    "instance": "an instance",
    "log": "a log file",
    "payment": "a proof of a payment",
    "log proof": "a proof of a log",
    "receipt": "a receipt",
    "consistency": "a consistency proof",
    "checkpoint": "a checkpoint",
}
