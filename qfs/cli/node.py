"""`qfs node`: the registry of an instance."""

from __future__ import annotations

from pathlib import Path

import click

from qfs.cli.instance import instance_option, key_option, registrar_key, tick_option, writing
from qfs.cli.output import json_option, nod, print_json, print_lines

_PATH = click.Path(path_type=Path)
_ROLES = click.Choice(["infrastructure", "reporter"])


@click.group()
def node() -> None:
    """Register nodes, rotate their keys, revoke and list them. The registrar signs."""


@node.command()
@click.argument("node_id", required=False)
@click.option("--operator", help="Who operates it; rules bound the nodes of one operator.")
@click.option("--public-key", help="As `qfs key new` prints it.")
@click.option("--role", type=_ROLES, default="infrastructure", show_default=True)
@click.option("--table", type=_PATH, help="Many: node_id, operator_id, role, public_key.")
@instance_option
@key_option("the registrar")
@tick_option
@json_option
def register(
    node_id: str | None,
    operator: str | None,
    public_key: str | None,
    role: str,
    table: Path | None,
    folder: Path,
    key_file: Path | None,
    tick: int | None,
    as_json: bool,
) -> None:
    """Register NODE_ID, or all nodes of a table."""
    from qfs.protocol import events
    from qfs.protocol.registry import NEW_NODES, registrations
    from qfs.rows import from_rows
    from qfs.table_files import read_table

    single = (node_id, operator, public_key)
    if (table is None) == (None in single) and (table is None or any(single)):
        raise click.UsageError("give NODE_ID, --operator and --public-key, or --table")
    if table is not None:
        new = read_table(table, NEW_NODES)
    else:
        new = from_rows(NEW_NODES, [(node_id, operator, role, public_key)])
    key = registrar_key(folder, key_file)
    with writing(folder) as session:
        when = session.tick(tick)
        rows = registrations(new, when)
        name = events.TableRef.of(rows)
        event = session.sign(key, when, events.Register(session.nonce(), name, ""), rows)
    _print_event(event.seq, event.tick, f"registered {len(new)} nodes", as_json)


@node.command()
@click.argument("node_id")
@click.option("--public-key", required=True, help="The new one, as `qfs key new` prints it.")
@instance_option
@key_option("the registrar")
@tick_option
@json_option
def rotate(
    node_id: str,
    public_key: str,
    folder: Path,
    key_file: Path | None,
    tick: int | None,
    as_json: bool,
) -> None:
    """Give NODE_ID another key; the old one signs nothing any more."""
    from qfs.protocol import events

    key = registrar_key(folder, key_file)
    with writing(folder) as session:
        payload = events.RotateKey(session.nonce(), node_id, public_key, "")
        event = session.sign(key, session.tick(tick), payload)
    _print_event(event.seq, event.tick, f"rotated the key of {node_id}", as_json)


@node.command()
@click.argument("node_id")
@instance_option
@key_option("the registrar")
@tick_option
@json_option
def revoke(
    node_id: str, folder: Path, key_file: Path | None, tick: int | None, as_json: bool
) -> None:
    """Revoke NODE_ID for good: it keeps its balance and earns nothing any more."""
    from qfs.protocol import events

    key = registrar_key(folder, key_file)
    with writing(folder) as session:
        payload = events.Revoke(session.nonce(), node_id, "")
        event = session.sign(key, session.tick(tick), payload)
    _print_event(event.seq, event.tick, f"revoked {node_id}", as_json)


@node.command("list")
@instance_option
@json_option
def list_(folder: Path, as_json: bool) -> None:
    """List the nodes of an instance with their balances."""
    from qfs.ledger.instance import open_instance
    from qfs.ledger.session import load_state
    from qfs.protocol.registry import Node
    from qfs.rows import rows_of

    instance = open_instance(folder)
    with instance.open_log() as log:
        state, _ = load_state(instance, log)
    balances = dict(rows_of(state.balances))
    nodes = [Node(*row) for row in rows_of(state.registry.table)]
    if as_json:
        rows = [
            {
                **{k: v for k, v in n._asdict().items() if k != "revoked_tick"},
                **({"revoked_tick": n.revoked_tick} if n.revoked else {}),
                "balance_base_units": str(balances.get(n.node_id, 0)),
            }
            for n in nodes
        ]
        print_json({"ok": True, "nodes": rows})
        return
    for n in nodes:
        standing = f"revoked at tick {n.revoked_tick}" if n.revoked else n.role
        click.echo(f"{n.node_id}  {n.operator_id}  {standing}  {nod(balances.get(n.node_id, 0))}")


def _print_event(seq: int, tick: int, done: str, as_json: bool) -> None:
    if as_json:
        print_json({"ok": True, "event": seq, "tick": tick, "done": done})
        return
    print_lines([("done", done), ("event", seq), ("tick", tick)])
