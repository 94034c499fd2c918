"""`qfs simulate`: a seeded network through the machinery of an instance."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from qfs.cli.output import json_option, nod, print_json, print_lines, progress
from qfs.limits import MAX_TICK

_COLUMNS = (
    *("epoch", "fees", "issued", "withheld", "paid", "undistributed"),
    *("eligible", "excluded", "capped", "what was special"),
)


@click.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New or empty folder.")
@click.option("--seed", default=7, show_default=True, type=click.IntRange(0, MAX_TICK))
@click.option("--epochs", default=6, show_default=True, type=click.IntRange(1, 1000))
@click.option("--nodes", default=50, show_default=True, type=click.IntRange(1, 100_000))
@json_option
def simulate(out: Path, seed: int, epochs: int, nodes: int, as_json: bool) -> None:
    """Run a network made from a seed for some epochs, and replay its log in fresh processes.

    OUT/instance is a complete instance; OUT/nod_distribution_simulation.json has the figures, and
    is a function of seed, epochs and nodes. Exits with 3 where two replays differ.
    """
    from qfs.simulation.draws import Parameters
    from qfs.simulation.run import simulate as run

    given = Parameters(seed, epochs, nodes)
    with progress(epochs + 1) as stage:
        shown = -1

        def report(done: int, total: int) -> None:
            nonlocal shown
            if done > shown:
                shown = done
                stage(f"epoch {done}" if done < total else "replaying the log")

        document = run(out, given, report)
    if as_json:
        print_json(document)
        return
    _print_table(document["epochs"])
    click.echo()
    _print_result(document, out)


def _print_table(epochs: list[dict[str, Any]]) -> None:
    rows = [_COLUMNS, *(_row(epoch) for epoch in epochs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        *numbers, words = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join([*numbers, words.strip()]).rstrip())


def _row(epoch: dict[str, Any]) -> tuple[str, ...]:
    amounts = ("fees", "issued", "withheld", "paid", "undistributed")
    return (
        str(epoch["epoch"]),
        *(_short(epoch[name]) for name in amounts),
        str(epoch["eligible"]),
        str(sum(epoch["excluded"].values())),
        str(epoch["capped"]),
        "; ".join(_special(epoch)),
    )


def _short(base_units: str) -> str:
    """Tokens with two decimals, the others cut off."""
    whole, _, decimals = nod(int(base_units)).removesuffix(" NOD").partition(".")
    return f"{whole}.{decimals[:2]:0<2}"


def _special(epoch: dict[str, Any]) -> list[str]:
    found = [f"rules {epoch['ruleset_version']}"]
    if epoch["cap_reached"]:
        found.append("issuance cap reached")
    if epoch["too_few_nodes"]:
        found.append("too few nodes")
    if epoch["equal_split"]:
        found.append("equal split")
    if epoch["neutral"]:
        found.append(f"{', '.join(epoch['neutral'])} unassessed")
    if epoch["ticks_after_its_end"] > 100:
        found.append(f"closed {epoch['ticks_after_its_end']} ticks late")
    return found


def _votes(proposals: list[dict[str, Any]]) -> str:
    """How many came to which state, and the ballots that do not count, by reason."""
    states = Counter(proposal["state"] for proposal in proposals)
    refused: Counter[str] = Counter()
    for proposal in proposals:
        refused.update(proposal["refused"])
    return f"{_counts(states)}; ballots that do not count: {_counts(refused)}"


def _counts(found: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(found.items())) or "none"


def _print_result(document: dict[str, Any], out: Path) -> None:
    from qfs.simulation.run import DOCUMENT, INSTANCE

    balances, log = document["balances"], document["log"]
    types = ", ".join(f"{count} {name}" for name, count in sorted(log["by_type"].items()))
    print_lines(
        [
            ("instance", document["instance"]),
            ("supply", f"{nod(int(balances['supply']))}, {balances['nodes_with_balance']} nodes"),
            ("pool", nod(int(balances["pool"]))),
            ("events", f"{log['events']}: {types}"),
            ("votes", _votes(document["proposals"])),
            ("refused", f"{len(document['refused'])} attempts, each for the reason it should be"),
            ("figures", out / DOCUMENT),
        ]
    )
    click.echo("\nreplays of the log, each in a fresh process")
    for one in document["replays"]:
        click.echo(
            f"  {one['backend']:<9}  threads {one['threads']}"
            f"  hash seed {one['hash_seed']:<10}  {one['digest']}"
        )
    if "note" in document:
        click.echo(f"  {document['note']}")
    place, last = out / INSTANCE, document["epochs"][-1]["epoch"]
    click.echo("\nnext")
    click.echo(f"  qfs verify {place / 'epochs' / str(last)}")
    click.echo(f"  qfs replay --instance {place}")
    if balances["top_nodes"]:
        node = balances["top_nodes"][0]["node_id"]
        click.echo(f"  qfs explain {node} {place / 'epochs' / str(last)}")
    seed, given = document["seed"], document["parameters"]
    other = f"{out}-{(seed + 1) % MAX_TICK}"
    click.echo(
        f"  qfs simulate --seed {(seed + 1) % MAX_TICK} --epochs {given['epochs']}"
        f" --nodes {given['nodes']} --out {other}"
    )
    click.echo(f"  qfs diff {place} {Path(other) / INSTANCE}")
