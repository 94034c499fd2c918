"""Small instances on disk, for tests that attack them.

Everything about one is a function of its arguments: keys, nodes, fees and counts. Two of them
have the same events with the same hashes, wherever they are kept.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from qfs import signatures
from qfs.ledger.instance import Instance, create_instance, open_instance
from qfs.ledger.session import Session
from qfs.protocol import events
from qfs.protocol.genesis import genesis_of
from qfs.protocol.registry import NEW_NODES, registrations
from qfs.protocol.ruleset import Ruleset
from qfs.rows import from_rows, rows_of
from qfs.signatures import PrivateKey, PublicKey
from qfs.tables import FEES, TELEMETRY, Table

TICKS = 512
FIRST_EPOCH = 7
NODES = 6
REGISTRAR = signatures.from_seed(bytes(32))
REPORTER = signatures.from_seed(b"\1" * 32)


def key_of(number: int) -> PublicKey:
    return signatures.from_seed(number.to_bytes(32, "big")).public


def new_nodes(count: int = NODES) -> list[tuple[str, str, str, str]]:
    """Nodes of an operator each, and the reporter."""
    rows = [
        (f"node-{n}", f"operator-{n}", "infrastructure", key_of(n + 2).text) for n in range(count)
    ]
    return [*rows, ("reporter", "operations", "reporter", REPORTER.public.text)]


def telemetry_of(epoch: int, count: int = NODES) -> Table:
    """Counts of all nodes; node 0 is below the least uptime, node 1 has storage proofs."""
    rows = [
        (f"node-{n}", epoch, 100 - 3 * n if n else 50, 100, 7 if n == 1 else 0, 8 * (n == 1), 0, 0)
        for n in range(count)
    ]
    return from_rows(TELEMETRY, rows)


def fees_of(epoch: int) -> Table:
    rows = [(epoch * TICKS + n, f"action-{epoch}-{n}", 10**18 * (n + 1) + epoch) for n in range(5)]
    return from_rows(FEES, rows)


def create(folder: Path, log_url: str | None = None, owner_url: str | None = None) -> Instance:
    """A new instance without events."""
    genesis = genesis_of("small", REGISTRAR.public, Ruleset(), FIRST_EPOCH)
    return create_instance(folder, genesis, log_url, owner_url, REGISTRAR)


def register(instance: Instance, count: int = NODES) -> None:
    with Session(instance, "test") as session:
        rows = registrations(from_rows(NEW_NODES, new_nodes(count)), session.tick())
        payload = events.Register(session.nonce(), events.TableRef.of(rows), "")
        session.sign(REGISTRAR, session.tick(), payload, rows)


def close(instance: Instance, epoch: int, count: int = NODES) -> bytes:
    """Record and close an epoch as the command does; the digest of its manifest."""
    end = (epoch + 1) * TICKS
    with Session(instance, "test") as session:
        nonce = session.nonce("reporter")
        telemetry, fees = telemetry_of(epoch, count), fees_of(epoch)
        recorded = events.RecordTelemetry(
            nonce, "reporter", epoch, events.TableRef.of(telemetry), ""
        )
        taken = events.RecordFees(nonce + 1, "reporter", epoch, events.TableRef.of(fees), "")
        happened = [
            session.signed(REPORTER, end - 1, recorded, telemetry),
            session.signed(REPORTER, end - 1, taken, fees),
        ]
        found = session.close(epoch, end, happened)
        session.commit(happened, found, end)
    return found.manifest.digest


def grown(folder: Path, epochs: int) -> Instance:
    """An instance with its nodes and this many closed epochs."""
    instance = create(folder)
    register(instance)
    for epoch in range(FIRST_EPOCH, FIRST_EPOCH + epochs):
        close(instance, epoch)
    return instance


def copied(instance: Instance, folder: Path) -> Instance:
    """The same instance in another folder, without the hard links between its files."""
    shutil.copytree(instance.folder, folder)
    return open_instance(folder)


def write_inputs(folder: Path, epoch: int, key: PrivateKey = REPORTER) -> list[str]:
    """The options of `qfs epoch close --instance` for an epoch; its tables in a new folder."""
    folder.mkdir()
    signatures.write_private_key(folder / "reporter.key", key)
    write_csv(folder / "telemetry.csv", telemetry_of(epoch))
    write_csv(folder / "fees.csv", fees_of(epoch))
    return [
        *("--telemetry", str(folder / "telemetry.csv"), "--fees", str(folder / "fees.csv")),
        *("--reporter", "reporter", "--key", str(folder / "reporter.key")),
    ]


def write_csv(path: Path, table: Table, rows: Sequence[int] | None = None) -> None:
    """A table as CSV, its amounts in base units, its rows in the order that is given."""
    names = [
        f"{column.name}_base_units" if column.kind == "amount" else column.name
        for column in table.schema.columns
    ]
    listed = list(rows_of(table))
    chosen = listed if rows is None else [listed[row] for row in rows]
    lines = [",".join(names), *(",".join(str(value) for value in row) for row in chosen)]
    path.write_text("\n".join(lines) + "\n")
