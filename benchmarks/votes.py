"""A vote with many signed ballots, end to end: recorded, verified, tallied again, proved.

    python benchmarks/votes.py 100000
    python benchmarks/votes.py 100000 10        in ten batches

An instance in a temporary folder, every node with a key of its own. The ballots are signed first
and written as the file that voters would send, which is the voters' work and stands apart. Every
other stage is what an operator, an auditor or a voter does, each from files. Prints the seconds of
each stage, how much of them the process had the processor, and the peak memory so far.
"""

from __future__ import annotations

import contextlib
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from qfs import canonical, signatures
from qfs.ledger.ballot_files import collect, line_of
from qfs.ledger.checkpoints import origin_of, sign_instance
from qfs.ledger.instance import Instance, create_instance
from qfs.ledger.note import Signer
from qfs.ledger.receipt_checks import verify_receipt
from qfs.ledger.receipts import Receipts, read_receipt, write_receipt
from qfs.ledger.recorded import read_recorded
from qfs.ledger.session import Session, load_state
from qfs.ledger.tallying import (
    batches_of,
    require_recorded,
    tally_again,
    verify_tally,
    write_tally,
)
from qfs.ledger.verification import verify_instance
from qfs.ledger.voting import creation, recording, sift
from qfs.protocol import events
from qfs.protocol.ballots import sign_ballot
from qfs.protocol.events import TableRef
from qfs.protocol.genesis import genesis_of
from qfs.protocol.governance import Draft
from qfs.protocol.registry import NEW_NODES, registrations
from qfs.protocol.ruleset import Ruleset
from qfs.rows import from_rows
from qfs.tables import FEES, TELEMETRY

TICKS = 512
RECEIPTS = 200
REGISTRAR = signatures.from_seed(bytes(32))
REPORTER = signatures.from_seed(b"\1" * 32)


@contextlib.contextmanager
def stage(name: str) -> Iterator[None]:
    """Prints what is inside took."""
    wall, processor = time.perf_counter(), time.process_time()
    yield
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:44} {wall:9.2f} s {100 * processor / wall:5.0f} % {peak:9.0f} MiB", flush=True)


def key_of(number: int) -> signatures.PrivateKey:
    return signatures.from_seed((number + 2).to_bytes(32, "big"))


def name_of(number: int) -> str:
    return f"node-{number:07}"


def network(folder: Path, count: int) -> Instance:
    """An instance with nodes that an epoch has paid by their proofs of storage."""
    genesis = genesis_of("votes", REGISTRAR.public, Ruleset())
    instance = create_instance(folder, genesis, registrar_key=REGISTRAR)
    nodes = [
        (name_of(n), f"operator-{n}", "infrastructure", key_of(n).public.text) for n in range(count)
    ]
    nodes.append(("reporter", "operations", "reporter", REPORTER.public.text))
    counts = [(name_of(n), 0, 10, 10, 1 + n % 100, 100, 0, 0) for n in range(count)]
    telemetry, fees = from_rows(TELEMETRY, counts), from_rows(FEES, [(0, "fee", 10**24)])
    with Session(instance, "benchmark") as session:
        rows = registrations(from_rows(NEW_NODES, nodes), 0)
        session.sign(REGISTRAR, 0, events.Register(0, TableRef.of(rows), ""), rows)
        reports = events.RecordTelemetry(0, "reporter", 0, TableRef.of(telemetry), "")
        taken = events.RecordFees(1, "reporter", 0, TableRef.of(fees), "")
        happened = [
            session.signed(REPORTER, TICKS - 1, payload, table)
            for payload, table in ((reports, telemetry), (taken, fees))
        ]
        session.commit(happened, session.close(0, TICKS, happened), TICKS)
    return instance


def propose(instance: Instance) -> bytes:
    with Session(instance, "benchmark") as session:
        draft = Draft(name_of(0), "storage_replication_factor", {"factor": 3})
        proposal, event = creation(session, key_of(0), TICKS + 1, draft)
        session.append([event])
    return proposal.id


def record(instance: Instance, proposal: bytes, paths: list[Path]) -> None:
    """Read, verify and record ballots: a batch for each file."""
    with Session(instance, "benchmark") as session:
        for path in paths:
            vote = session.state.governance.get(proposal)
            found = sift(vote, collect([path], instance.id, proposal))
            session.append([recording(vote, session.tick(), found.ballots)])


def main(count: int, batches: int, base: Path) -> None:
    print(f"{count:,} ballots in {batches}\n{'':44} {'time':>11} {'CPU':>7} {'peak memory':>13}")
    with stage("network: keys, registry, an epoch"):
        instance = network(base / "instance", count)
        proposal = propose(instance)
    paths = [base / f"{part}.ballots" for part in range(batches)]
    with stage("voters: signed and written"):
        for part, path in enumerate(paths):
            with path.open("wb") as file:
                for n in range(part, count, batches):
                    ballot = sign_ballot(key_of(n), instance.id, proposal, name_of(n), n % 3)
                    file.write(line_of(instance.id, proposal, ballot))
    with stage("operator: read, verified, recorded"):
        record(instance, proposal, paths)
    signer = Signer(origin_of(instance.id), REPORTER)
    note = sign_instance(instance, [signer]).note
    with stage("auditor: whole instance verified"):
        verify_instance(instance)
    with stage("state read from the last snapshot on"), instance.open_log() as log:
        state, _ = load_state(instance, log)
    vote = state.governance.get(proposal)
    with stage("tallied again from the log, compared"):
        recorded = read_recorded(instance, proposal)
        found = tally_again(vote.proposal, batches_of(recorded[1]))
        require_recorded(found, vote)
    with stage("tally written into a folder"):
        write_tally(base / "tally", vote.proposal, recorded, found, note)
    with stage("folder verified offline"):
        verify_tally(base / "tally", found.digest.hex(), [signer.verifier])
    with stage("receipts: what they share, read and hashed"):
        receipts = Receipts(instance, vote, note)
        receipts.make(name_of(1))
    made, verified, size = [], [], 0
    for n in range(RECEIPTS):
        start = time.perf_counter()
        receipt = receipts.make(name_of(n * (count - 1) // (RECEIPTS - 1)))
        made.append(time.perf_counter() - start)
        path = base / f"{n}.receipt"
        write_receipt(receipt, path)
        start = time.perf_counter()
        verify_receipt(read_receipt(path), found.digest.hex(), [signer.verifier])
        verified.append(time.perf_counter() - start)
        size = max(size, len(canonical.encode(receipt)))
    for name, values in (("receipt made", made), ("receipt read and verified", verified)):
        low, middle = 1000 * min(values), 1000 * statistics.median(values)
        print(f"{name:44} {low:9.2f} ms at least, {middle:.2f} ms in the median of {RECEIPTS}")
    print(f"{'largest receipt':44} {size:9,} bytes")
    powers = found.powers
    print(f"for {powers.yes}, against {powers.no}, abstain {powers.abstain}: {found.verdict}")


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1, Path(folder))
