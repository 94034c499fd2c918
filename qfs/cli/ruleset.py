"""`qfs ruleset`: the rules of an instance."""

from __future__ import annotations

from pathlib import Path

import click

from qfs.cli.instance import instance_option, key_option, registrar_key, tick_option, writing
from qfs.cli.output import json_option, print_json, print_lines


@click.group()
def ruleset() -> None:
    """Show the rules of an instance, or change them from the next epoch on."""


@ruleset.command()
@click.argument("file", type=click.Path(path_type=Path))
@instance_option
@key_option("the registrar")
@tick_option
@json_option
def change(
    file: Path, folder: Path, key_file: Path | None, tick: int | None, as_json: bool
) -> None:
    """Change to the rules of a TOML FILE, of a higher version, from the next epoch on."""
    from qfs.cli.epoch import read_ruleset_file
    from qfs.protocol import events

    rules = read_ruleset_file(file)
    key = registrar_key(folder, key_file)
    with writing(folder) as session:
        payload = events.ChangeRuleset(session.nonce(), rules.document(), "")
        event = session.sign(key, session.tick(tick), payload)
        first = session.state.rulesets[-1][0]
    document = {"event": event.seq, "version": rules.version, "first_epoch": first}
    if as_json:
        print_json({"ok": True, **document, "digest": rules.digest.hex()})
        return
    print_lines([(k.replace("_", " "), v) for k, v in document.items()])


@ruleset.command()
@instance_option
@json_option
def show(folder: Path, as_json: bool) -> None:
    """Show the rules that hold, and those that are to hold, each with its first epoch."""
    from qfs.ledger.instance import open_instance
    from qfs.ledger.session import load_state

    instance = open_instance(folder)
    with instance.open_log() as log:
        state, _ = load_state(instance, log)
    if as_json:
        entries = [
            {"first_epoch": first, "digest": r.digest.hex(), "ruleset": r.document()}
            for first, r in state.rulesets
        ]
        print_json({"ok": True, "rulesets": entries})
        return
    for first, rules in state.rulesets:
        click.echo(f"from epoch {first}: version {rules.version}, digest {rules.digest.hex()}")
        for section, fields in rules.document().items():
            if isinstance(fields, dict):
                print_lines([(f"  {section}.{name}", value) for name, value in fields.items()])
