"""`qfs epoch close` and `qfs epoch show`."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qfs.cli.output import json_option, nod, print_json, print_lines, progress
from qfs.errors import EpochError

if TYPE_CHECKING:
    from qfs.cli.figures import EpochFigures
    from qfs.protocol.epoch import ClosedEpoch
    from qfs.protocol.manifest import Manifest
    from qfs.protocol.ruleset import Ruleset

_FILE = click.Path(path_type=Path)


@click.group()
def epoch() -> None:
    """Close an epoch, or show one that was closed."""


@epoch.command()
@click.option("--nodes", required=True, type=_FILE, help="Table of node_id, weight.")
@click.option("--fees", required=True, type=_FILE, help="Table of tick, action_id, fee.")
@click.option("--ruleset", "ruleset_file", type=_FILE, help="TOML; defaults where absent.")
@click.option("--epoch", "number", type=click.IntRange(min=0), help="Default: of the first fee.")
@click.option("--previous", type=_FILE, help="Evidence of the epoch before, to continue from.")
@click.option("--out", type=_FILE, help="Folder for the evidence; new or empty.")
@click.option("--report", type=_FILE, help="Also write an HTML report into this new file.")
@click.option("--dry-run", is_flag=True, help="Compute and print, write nothing.")
@json_option
def close(
    nodes: Path,
    fees: Path,
    ruleset_file: Path | None,
    number: int | None,
    previous: Path | None,
    out: Path | None,
    report: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Issue NOD from an epoch's fees, allocate the pool to the nodes, and write the evidence.

    Tables are CSV, Parquet or Arrow IPC. In CSV, weight and fee are tokens with up to 18
    decimals, weight_base_units and fee_base_units integers of 10^-18.
    """
    if out is None and not dry_run:
        raise click.UsageError("--out FOLDER is needed, or --dry-run")
    if report is not None and dry_run:
        raise click.UsageError("--dry-run writes nothing, so it takes no --report")
    with progress(8) as stage:
        close_epoch(
            nodes=nodes,
            fees=fees,
            ruleset=read_ruleset_file(ruleset_file),
            number=number,
            previous=previous,
            out=None if dry_run else out,
            report=report,
            as_json=as_json,
            stage=stage,
        )


def close_epoch(
    *,
    nodes: Path,
    fees: Path,
    ruleset: Ruleset,
    number: int | None,
    previous: Path | None,
    out: Path | None,
    report: Path | None,
    as_json: bool,
    stage: Callable[[str], None],
) -> None:
    """Read, compute, write and print one epoch; without `out` nothing is written."""
    from qfs.cli.report import render_html
    from qfs.files import new_file
    from qfs.ledger.evidence import require_no_epoch, verify_evidence, write_evidence
    from qfs.protocol import epoch as epochs
    from qfs.protocol.manifest import manifest_of
    from qfs.table_files import read_table
    from qfs.tables import FEES, NODES

    if out is not None:
        require_no_epoch(out)
    opening, before = epochs.Opening(), None
    if previous is not None:
        stage("verifying the epoch before")
        before = verify_evidence(previous)
        opening, number = before.closing_state(), _following(before, number, ruleset)
    stage("reading nodes")
    node_table = read_table(nodes, NODES)
    stage("reading fees")
    fee_table = read_table(fees, FEES)
    if number is None:
        number = epochs.epoch_of(fee_table, ruleset)
    stage("issuing and allocating")
    closed = epochs.close_epoch(number, ruleset, opening, fee_table, node_table)
    stage("computing roots")
    digest_before = None if before is None else before.digest
    manifest = manifest_of(closed, digest_before)
    with contextlib.ExitStack() as stack:
        # The report gets its name last, so that a report that cannot be written stops the epoch.
        if report is not None:
            page = stack.enter_context(new_file(report))
            page.write(render_html(figures_of(closed, manifest, out)).encode())
        if out is not None:
            write_evidence(out, closed, digest_before, stage)
    if as_json:
        print_json(summary(manifest, out))
        return
    _print_closed(figures_of(closed, manifest, out), manifest, out, report)


@epoch.command()
@click.argument("folder", type=_FILE)
@json_option
def show(folder: Path, as_json: bool) -> None:
    """Show the figures of an evidence folder, as recorded; `qfs verify` checks them."""
    from qfs.ledger.evidence import read_manifest

    manifest = read_manifest(folder)
    if as_json:
        print_json(summary(manifest, folder))
        return
    print_lines(figure_lines(manifest))


def read_ruleset_file(path: Path | None) -> Ruleset:
    """The ruleset of a TOML file, or the default one."""
    from qfs.files import read_bounded
    from qfs.protocol.ruleset import MAX_TEXT_BYTES, Ruleset, from_toml

    if path is None:
        return Ruleset()
    return from_toml(read_bounded(path, MAX_TEXT_BYTES), str(path))


def figure_lines(manifest: Manifest) -> list[tuple[str, object]]:
    """The figures of an epoch as names and values."""
    issuance, allocation = manifest.issuance, manifest.allocation
    notes = [
        note
        for flag, note in (
            (allocation.fallback, "every weight is 0: equal split"),
            (allocation.too_few_nodes, "too few nodes: nothing paid"),
        )
        if flag
    ]
    lines: list[tuple[str, object]] = [
        ("epoch", manifest.epoch),
        ("fees", f"{_tokens(issuance.fees)} ATR in {manifest.tables['fees'].rows} actions"),
        ("issued", f"{nod(int(issuance.issued))}, {manifest.ruleset['issuance']['rate']} of fees"),
        ("withheld by the epoch cap", nod(int(issuance.withheld))),
        ("pool", f"{nod(int(allocation.pool))}, {nod(int(manifest.opening.pool))} kept over"),
        ("paid", f"{nod(int(allocation.paid))} to {manifest.tables['nodes'].rows} nodes"),
        ("nodes at their cap", allocation.capped),
        ("undistributed", nod(int(allocation.undistributed))),
        ("residue", f"{manifest.closing.residue} x 10^-18 of a base unit"),
        ("allocations root", manifest.tables["allocations"].root),
        ("epoch digest", manifest.digest.hex()),
    ]
    return lines + [("note", note) for note in notes]


def summary(manifest: Manifest, folder: Path | None) -> dict[str, Any]:
    """The manifest and its digest as one JSON document."""
    import msgspec

    document: dict[str, Any] = {"ok": True, "digest": manifest.digest.hex()}
    if folder is not None:
        document["folder"] = str(folder)
    return document | {"manifest": msgspec.to_builtins(manifest)}


def figures_of(closed: ClosedEpoch, manifest: Manifest, out: Path | None) -> EpochFigures:
    """What the pictures of a closed epoch show."""
    from qfs.cli.figures import EpochFigures

    table, result = closed.allocation.table, closed.allocation.result
    return EpochFigures(
        epoch=closed.epoch,
        fee_count=len(closed.fees),
        fees_base_units=closed.issuance.fees,
        rate_text=manifest.ruleset["issuance"]["rate"],
        issued_base_units=closed.issuance.total,
        withheld_base_units=closed.issuance.withheld,
        retained_base_units=closed.retained,
        opening_pool_base_units=closed.opening.pool,
        pool_base_units=closed.pool,
        paid_base_units=closed.pool - result.undistributed,
        undistributed_base_units=result.undistributed,
        capped_count=result.capped,
        fallback=result.fallback,
        shared_pool_base_units=result.shared_pool,
        shared_weight_base_units=result.shared_weight,
        leftover_units=result.leftover,
        max_share_text=manifest.ruleset["allocation"]["max_share"],
        evidence_digest=manifest.digest.hex(),
        verify_command=verify_command(out or Path("FOLDER"), manifest),
        node_ids=table.ids("node_id").texts(),
        weights=table.amounts("weight"),
        caps=table.amounts("cap"),
        amounts=table.amounts("amount"),
    )


def verify_command(folder: Path, manifest: Manifest) -> str:
    """The command that checks the evidence."""
    return shlex.join(["qfs", "verify", str(folder), "--digest", manifest.digest.hex()])


def _print_closed(
    figures: EpochFigures, manifest: Manifest, out: Path | None, report: Path | None
) -> None:
    from rich.console import Console

    from qfs.cli.chart import render

    render(figures, Console())
    print_lines(figure_lines(manifest))
    click.echo()
    if out is None:
        click.echo("dry run: nothing was written")
        return
    click.echo(f"evidence  {out}")
    if report is not None:
        click.echo(f"report    {report}")
    click.echo(f"check it  {figures.verify_command}")


def _following(before: Manifest, number: int | None, ruleset: Ruleset) -> int:
    if number is not None and number != before.epoch + 1:
        raise EpochError(
            f"{number} does not follow epoch {before.epoch}; epochs are closed once, in order",
            argument="epoch",
            value=number,
        )
    if before.ruleset["epoch"] != {"ticks": ruleset.epoch_ticks}:
        raise EpochError(
            "differs from the epoch before, whose ticks would be counted twice or not at all",
            argument="epoch.ticks",
            value=ruleset.epoch_ticks,
        )
    return before.epoch + 1


def _tokens(base_units: str) -> str:
    from qfs.decimals import format_tokens

    return format_tokens(int(base_units))
