"""`qfs epoch close` and `qfs epoch show`."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qfs.cli.closing import Request
from qfs.cli.instance import epoch_option, evidence_folder
from qfs.cli.output import Stopwatch, json_option, nod, print_json, print_lines, progress
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
@click.option("--instance", "folder", type=_FILE, help="Close the next epoch of this instance.")
@click.option("--telemetry", type=_FILE, help="Instance: table of counts, to be recorded first.")
@click.option("--fees", type=_FILE, help="Table of tick, action_id, fee.")
@click.option("--reporter", help="Instance: the node that records telemetry and fees.")
@click.option("--key", "key_file", type=_FILE, help="Instance: private key of the reporter.")
@click.option("--tick", type=click.IntRange(min=0), help="Instance: of the closing.")
@click.option("--nodes", type=_FILE, help="No instance: table of node_id, weight.")
@click.option("--ruleset", "ruleset_file", type=_FILE, help="No instance: TOML.")
@click.option("--previous", type=_FILE, help="No instance: evidence of the epoch before.")
@click.option("--out", type=_FILE, help="No instance: folder for the evidence; new or empty.")
@click.option("--epoch", "number", type=click.IntRange(min=0), help="Default: the next one.")
@click.option("--report", type=_FILE, help="Also write an HTML report into this new file.")
@click.option("--dry-run", is_flag=True, help="Compute and print, write nothing.")
@click.option("--timings", is_flag=True, help="Show the seconds of each stage, on stderr.")
@json_option
def close(
    folder: Path | None,
    telemetry: Path | None,
    fees: Path | None,
    reporter: str | None,
    key_file: Path | None,
    tick: int | None,
    nodes: Path | None,
    ruleset_file: Path | None,
    previous: Path | None,
    out: Path | None,
    number: int | None,
    report: Path | None,
    dry_run: bool,
    timings: bool,
    as_json: bool,
) -> None:
    """Issue NOD from an epoch's fees, allocate the pool to the nodes, and write the evidence.

    With --instance the nodes are scored by telemetry and everything is recorded in the log of
    the instance; an interrupted close is done again with the same command. Without it nodes come
    with weights, and the evidence is all there is.

    Tables are CSV, Parquet or Arrow IPC. In CSV, weight and fee are tokens with up to 18
    decimals, weight_base_units and fee_base_units integers of 10^-18.
    """
    if report is not None and dry_run:
        raise click.UsageError("--dry-run writes nothing, so it takes no --report")
    if folder is not None:
        within = "does not go with --instance"
        refuse(within, nodes=nodes, ruleset=ruleset_file, previous=previous, out=out)
        request = Request(folder, telemetry, fees, number, reporter, key_file, tick, dry_run)
        with watched(timings) as stage:
            close_in_instance(request, report, as_json, stage)
        return
    without = "goes with --instance FOLDER"
    refuse(without, telemetry=telemetry, reporter=reporter, key=key_file, tick=tick)
    if nodes is None or fees is None:
        raise click.UsageError("--instance is needed, or --nodes and --fees")
    if out is None and not dry_run:
        raise click.UsageError("--out FOLDER is needed, or --dry-run")
    with watched(timings) as stage:
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


@contextlib.contextmanager
def watched(timings: bool) -> Iterator[Callable[[str], None]]:
    """What to call at the start of each stage; where it is wanted a Stopwatch, shown at the end."""
    with progress(8) as stage:
        watch = Stopwatch(stage)
        yield watch if timings else stage
    if timings:
        watch.show()


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
    with reporting(report, closed, manifest, out):
        if out is not None:
            write_evidence(out, closed, digest_before, stage)
    print_closed(closed, manifest, out, report, as_json, stage)


def close_in_instance(
    request: Request, report: Path | None, as_json: bool, stage: Callable[[str], None]
) -> None:
    """Close and print the next epoch of an instance."""
    from qfs.cli.closing import computed

    with (
        computed(request, stage) as (found, out, commit),
        reporting(report, found.closed, found.manifest, out),
    ):
        commit()
    print_closed(found.closed, found.manifest, out, report, as_json, stage)


@contextlib.contextmanager
def reporting(
    report: Path | None, closed: ClosedEpoch, manifest: Manifest, out: Path | None
) -> Iterator[None]:
    """Write the report first, name it when the epoch is closed; it stops the close if it cannot."""
    from qfs.cli.report import render_html
    from qfs.files import new_file

    with contextlib.ExitStack() as stack:
        if report is not None:
            page = stack.enter_context(new_file(report))
            page.write(render_html(figures_of(closed, manifest, out)).encode())
        yield


def refuse(because: str, /, **options: object) -> None:
    """Options that have no meaning for what is asked."""
    for name, value in options.items():
        if value is not None:
            raise click.UsageError(f"--{name} {because}; see --help")


@epoch.command()
@click.argument("path", type=_FILE)
@epoch_option
@json_option
def show(path: Path, number: int | None, as_json: bool) -> None:
    """Show the figures of an epoch, as recorded; `qfs verify` checks them.

    PATH is the evidence of an epoch, or an instance.
    """
    from qfs.ledger.evidence import read_manifest

    folder = evidence_folder(path, number)
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
        *_scoring_lines(manifest),
        ("paid", f"{nod(int(allocation.paid))} to {manifest.tables['allocations'].rows} nodes"),
        ("nodes at their cap", allocation.capped),
        ("undistributed", nod(int(allocation.undistributed))),
        ("residue", f"{manifest.closing.residue} x 10^-18 of a base unit"),
        ("allocations root", manifest.tables["allocations"].root),
        ("epoch digest", manifest.digest.hex()),
    ]
    return lines + [("note", note) for note in notes]


def _scoring_lines(manifest: Manifest) -> list[tuple[str, object]]:
    from qfs.cli.figures import METRICS, REASONS, counted

    scoring = manifest.scoring
    if scoring is None:
        return []
    rules = manifest.ruleset
    neutral = ", ".join(METRICS[metric] for metric in scoring.neutral)
    least = rules["eligibility"]["min_uptime"]
    excluded = sum(scoring.excluded.values())
    return [
        ("scored", f"{counted(scoring.eligible, 'node')}, policy {rules['scoring']['policy']}"),
        ("neutral metrics", f"{neutral}: assessed for nobody, 1 for all" if neutral else "none"),
        ("excluded", f"{counted(excluded, 'node')}; the least uptime is {least}"),
        *(
            (f"  {reason}", f"{scoring.excluded[reason]:,}: {meaning}")
            for reason, meaning in REASONS.items()
            if reason in scoring.excluded
        ),
    ]


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
        excluded=None if manifest.scoring is None else manifest.scoring.excluded,
        neutral=() if manifest.scoring is None else manifest.scoring.neutral,
    )


def verify_command(folder: Path, manifest: Manifest) -> str:
    """The command that checks the evidence."""
    return shlex.join(["qfs", "verify", str(folder), "--digest", manifest.digest.hex()])


def print_closed(
    closed: ClosedEpoch,
    manifest: Manifest,
    out: Path | None,
    report: Path | None,
    as_json: bool,
    stage: Callable[[str], None],
) -> None:
    """Print what an epoch came to; in JSON also how long it took, where `stage` is a Stopwatch."""
    if isinstance(stage, Stopwatch):
        stage.stop()
    if as_json:
        timings = {"timings": stage.rounded()} if isinstance(stage, Stopwatch) else {}
        print_json(summary(manifest, out) | timings)
        return

    from rich.console import Console

    from qfs.cli.chart import render

    figures = figures_of(closed, manifest, out)
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
