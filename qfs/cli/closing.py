"""Closing an epoch of an instance: recording what is given, then closing what was recorded."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qfs.cli.instance import read_key, writing
from qfs.errors import EpochError

if TYPE_CHECKING:
    from qfs.ledger.session import Session
    from qfs.protocol.closing import Closing
    from qfs.protocol.events import ProtocolEvent
    from qfs.protocol.state import State
    from qfs.tables import Table

Stage = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be recorded and closed; see `qfs epoch close --help`."""

    folder: Path
    telemetry: Path | None
    fees: Path | None
    epoch: int | None
    reporter: str | None
    key_file: Path | None
    tick: int | None
    dry_run: bool


@contextlib.contextmanager
def computed(
    request: Request, stage: Stage
) -> Iterator[tuple[Closing, Path | None, Callable[[], None]]]:
    """What closing comes to, the folder for its evidence, and the function that does it.

    For a dry run there is no folder, and the function does nothing.
    """
    tables = _read_tables(request, stage)
    stage("opening the log")
    with writing(request.folder) as session:
        state = session.state
        epoch = state.epoch if request.epoch is None else request.epoch
        if request.epoch is None and not tables and not _is_recorded(session, epoch):
            # Perhaps the one before was meant, whose closing was interrupted after it was done.
            raise EpochError(
                f"nothing was recorded for epoch {epoch}; name it to close it empty",
                argument="epoch",
                value=epoch,
            )
        for table in tables:
            _require_open(table, state)
        end = (epoch + 1) * state.epoch_ticks
        # Recorded not before the last tick of the epoch, so that every fee of it has come.
        when = max(state.tick, end - 1)
        happened = _records(session, request, epoch, when, tables)
        tick = max(when, end) if request.tick is None else request.tick
        stage("scoring and allocating")
        found = session.close(epoch, tick, happened)
        if request.dry_run:
            yield found, None, lambda: None
        else:
            out = session.instance.evidence(epoch)
            yield found, out, lambda: session.commit(happened, found, tick, stage)


def _read_tables(request: Request, stage: Stage) -> list[Table]:
    from qfs.table_files import read_table
    from qfs.tables import FEES, TELEMETRY

    tables = []
    for path, schema in ((request.telemetry, TELEMETRY), (request.fees, FEES)):
        if path is not None:
            stage(f"reading {schema.name}")
            tables.append(read_table(path, schema))
    return tables


def _require_open(table: Table, state: State) -> None:
    """The table is not of an epoch that is closed, as when a command that was done is repeated."""
    if len(table) == 0:
        return
    by_tick = table.schema.name == "fees"
    epoch = table.ticks("tick")[0] // state.epoch_ticks if by_tick else table.ticks("epoch")[0]
    if epoch < state.epoch:
        raise EpochError(
            f"{epoch} is closed, and {table.schema.name} has rows of it; {state.epoch} is next",
            argument="epoch",
            value=epoch,
        )


def _is_recorded(session: Session, epoch: int) -> bool:
    return any(batch.epoch == epoch for batch in session.state.batches)


def _records(
    session: Session, request: Request, epoch: int, tick: int, tables: list[Table]
) -> list[ProtocolEvent]:
    """What was not recorded before an interruption, signed by the reporter."""
    from qfs.protocol import events
    from qfs.tables import FEES

    new = [
        table
        for table in tables
        if all(table.digest != old.digest for old in session.state.tables(table.schema.name, epoch))
    ]
    if not new:
        return []
    if request.reporter is None or request.key_file is None:
        raise click.UsageError("--telemetry and --fees are signed: give --reporter and --key")
    key, reporter, happened = read_key(request.key_file), request.reporter, []
    for nonce, table in enumerate(new, session.nonce(reporter)):
        kind = events.RecordFees if table.schema == FEES else events.RecordTelemetry
        payload = kind(nonce, reporter, epoch, events.TableRef.of(table), "")
        happened.append(session.signed(key, tick, payload, table))
    return happened
