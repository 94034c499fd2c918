"""`qfs demo`: the main job, end to end, on a network made from a seed."""

from __future__ import annotations

from pathlib import Path

import click

from qfs.cli.output import json_option, progress, write_csv
from qfs.limits import MAX_TICK

EPOCH = 7
RULESET = """\
# A ruleset for the demonstration network. Rates and shares are text, never floats.
version = 1

[issuance]
rate = "0.10"          # of ATR fees become NOD
epoch_cap = "1000000"  # NOD

[allocation]
max_share = "0.02"     # of the pool, per node
min_active_nodes = 3
tie_break = "id"
"""


@click.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New or empty folder.")
@click.option("--nodes", default=3000, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--fees", default=5000, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--seed", default=7, show_default=True, type=click.IntRange(0, MAX_TICK))
@json_option
def demo(out: Path, nodes: int, fees: int, seed: int, as_json: bool) -> None:
    """Make a network from a seed, close an epoch of it, and verify the evidence."""
    from qfs.cli.epoch import close_epoch, read_ruleset_file
    from qfs.files import new_folder
    from qfs.ledger.evidence import verify_evidence

    with new_folder(out) as folder:
        _write_network(folder / "network", seed, nodes, fees)
    network, evidence = out / "network", out / "evidence"
    with progress(8) as stage:
        close_epoch(
            nodes=network / "nodes.csv",
            fees=network / "fees.csv",
            ruleset=read_ruleset_file(network / "ruleset.toml"),
            number=EPOCH,
            previous=None,
            out=evidence,
            report=out / "report.html",
            as_json=as_json,
            stage=stage,
        )
    manifest = verify_evidence(evidence)
    if not as_json:
        click.echo(f"verified  epoch {manifest.epoch}, computed again from its inputs")


def _write_network(folder: Path, seed: int, nodes: int, fees: int) -> None:
    from qfs.decimals import format_tokens
    from qfs.protocol.ruleset import from_toml
    from qfs.synthetic import network

    folder.mkdir()
    (folder / "ruleset.toml").write_text(RULESET, encoding="ascii")
    ruleset = from_toml(RULESET.encode("ascii"), "ruleset.toml")
    made = network(seed, nodes, fees, EPOCH, ruleset.epoch_ticks)
    write_csv(
        folder / "nodes.csv",
        ("node_id", "weight"),
        zip(made.node_ids, map(format_tokens, made.weights), strict=True),
    )
    write_csv(
        folder / "fees.csv",
        ("tick", "action_id", "fee"),
        zip(made.ticks, made.action_ids, map(format_tokens, made.fees), strict=True),
    )
