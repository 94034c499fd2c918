"""`qfs import`: foreign files as our tables."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from qfs.cli.output import json_option, nod, print_json, print_lines, write_csv

_PATH = click.Path(path_type=Path)


@click.group("import")
def importing() -> None:
    """Turn public data of other networks into tables for `qfs epoch close`."""


@importing.command()
@click.argument("file", type=_PATH)
@click.option("--out", required=True, type=_PATH, help="Folder for the tables; new or empty.")
@click.option(
    "--reward",
    type=click.Choice(["collateral_rpl", "oracle_dao_rpl", "smoothing_pool_eth"]),
    default="collateral_rpl",
    show_default=True,
    help="Which of a node's rewards becomes its weight.",
)
@json_option
def rocketpool(file: Path, out: Path, reward: str, as_json: bool) -> None:
    """Import a Rocket Pool rewards file: check its Merkle root and proofs, write tables.

    A node's weight is what it was paid, in wei, and one fee is chosen so that the rate of 0.1
    issues the published total. Under the default ruleset the epoch then pays every node its
    published amount, as long as none has more than 30 percent of it.
    """
    from qfs.files import new_folder
    from qfs.importers import rocketpool as source

    rewards = source.read(file)
    source.check(rewards)
    weights = source.weights(rewards, reward)
    total = sum(weight for _, weight in weights)
    tick = rewards.index * 512
    with new_folder(out) as folder:
        write_csv(folder / "nodes.csv", ("node_id", "weight_base_units"), weights)
        action = f"rocketpool-{rewards.network}-{rewards.index}-{reward}"
        write_csv(
            folder / "fees.csv",
            ("tick", "action_id", "fee_base_units"),
            [(tick, action, total * 10)],
        )
    close = [
        *("qfs", "epoch", "close", "--nodes", str(out / "nodes.csv")),
        *("--fees", str(out / "fees.csv"), "--out", str(out / "evidence")),
    ]
    document = {
        "network": rewards.network,
        "interval": rewards.index,
        "nodes": len(weights),
        "merkle_root": "0x" + rewards.merkle_root.hex(),
        "total_base_units": str(total),
    }
    if as_json:
        print_json({"ok": True, **document, "next": close})
        return
    print_lines(
        [
            ("interval", f"{rewards.index} of {rewards.network}"),
            ("checked", f"Merkle root and {len(weights)} proofs"),
            ("root", document["merkle_root"]),
            ("total", nod(total).replace("NOD", reward.rsplit("_", 1)[1].upper())),
            ("tables", out),
            ("next", shlex.join(close)),
        ]
    )
