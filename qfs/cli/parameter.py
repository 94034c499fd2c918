"""`qfs parameter`: what governance has set."""

from __future__ import annotations

from pathlib import Path

import click

from qfs.cli.instance import instance_option
from qfs.cli.output import json_option, print_json
from qfs.cli.proposal import SHORT_ID, state_at, values_text, version_document, version_text


@click.group()
def parameter() -> None:
    """Infrastructure parameters, which proposals set."""


@parameter.command("list")
@click.option("--history", is_flag=True, help="Also what each was before.")
@instance_option
@json_option
def list_(history: bool, folder: Path, as_json: bool) -> None:
    """List the parameters with their values and versions."""
    from qfs.protocol.proposals import TYPES

    state, tick = state_at(folder, None)
    parameters = state.governance.parameters
    if as_json:
        entries = [
            {
                "parameter": name,
                "version": parameters.version(name),
                "history": [version_document(version) for version in parameters.history(name)],
            }
            for name in TYPES
        ]
        print_json({"ok": True, "tick": tick, "parameters": entries})
        return
    width = max(map(len, TYPES))
    for name in TYPES:
        click.echo(f"{name:<{width}}  {version_text(parameters.current(name))}")
        for version in parameters.history(name) if history else ():
            words = f"version {version.version} from tick {version.tick}"
            by = f"by {version.proposal.hex()[:SHORT_ID]}"
            click.echo(f"  {words}, {by}: {values_text(version.value)}")
