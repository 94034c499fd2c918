"""`qfs proposal`: proposals on infrastructure parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from qfs.cli.instance import instance_option, key_option, read_key, tick_option, writing
from qfs.cli.output import json_option, print_columns, print_json, print_lines

if TYPE_CHECKING:
    from qfs.protocol.governance import InfrastructureGovernance
    from qfs.protocol.parameters import Version
    from qfs.protocol.proposals import Proposal
    from qfs.protocol.state import State
    from qfs.protocol.votes import Vote

_PATH = click.Path(path_type=Path)
_LEAST_PREFIX: Final = 6
SHORT_ID: Final = 12
"""Digits of an id in a list."""

dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be, write nothing.")
at_option = click.option(
    "--tick", type=click.IntRange(min=0), help="As of this tick; default: that of the last event."
)


@click.group()
def proposal() -> None:
    """Create, list, show, cancel and execute proposals on infrastructure parameters.

    A proposal is named by its id, or by the first digits of it.
    """


@proposal.command()
@click.argument("kind", metavar="TYPE")
@click.argument("values", metavar="KEY=VALUE...", nargs=-1, required=True)
@click.option("--proposer", required=True, help="The node that proposes and signs.")
@click.option("--emergency", is_flag=True, help="Security patches: a short vote, a high quorum.")
@instance_option
@key_option("the proposer")
@click.option("--tick", type=click.IntRange(min=0), help="Default: one after the last event's.")
@dry_run_option
@json_option
def create(
    kind: str,
    values: tuple[str, ...],
    proposer: str,
    emergency: bool,
    folder: Path,
    key_file: Path | None,
    tick: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Propose that the parameter TYPE is set to these values.

    \b
    storage_replication_factor    factor=1..10
    network_bandwidth_parameters  max_mbps=1..10000
    ai_model_version_approval     version=WORD sha256=HASH
    infrastructure_upgrade        component=NAME version=WORD sha256=HASH
    security_patch_deployment     id=WORD sha256=HASH

    The balances of the tick before are frozen with it, so it comes first at its tick.
    """
    from qfs.ledger.voting import creation
    from qfs.protocol.governance import Draft

    draft = Draft(proposer, kind, payload_of(kind, values), emergency)
    key = read_key(required(key_file))
    with writing(folder) as session:
        when = session.state.tick + 1 if tick is None else tick
        made, event = creation(session, key, when, draft)
        if dry_run:
            session.try_out([event])
            seq = None
        else:
            seq = session.append([event])[0].seq
    if as_json:
        document = {"id": made.id.hex(), "proposal": made.document()}
        print_json({"ok": True, **document, **written(seq)})
        return
    from qfs.cli.proposal_chart import terms_lines

    print_lines([("id", made.id.hex()), *terms_lines(made)])
    say("created", seq)


@proposal.command("list")
@click.option("--state", "wanted", help="Only those in this state, such as ACTIVE.")
@instance_option
@at_option
@json_option
def list_(wanted: str | None, folder: Path, tick: int | None, as_json: bool) -> None:
    """List proposals with their states, in the order of their creation."""
    from qfs.cli.proposal_chart import standing_document, summary
    from qfs.protocol.verdict import STATES

    if wanted is not None and wanted.upper() not in STATES:
        raise click.BadParameter(f"none of {', '.join(STATES)}", param_hint="--state")
    state, when = state_at(folder, tick)
    votes = state.governance
    found = [votes.standing(vote.proposal.id, when) for vote in votes]
    if wanted is not None:
        found = [standing for standing in found if standing.state == wanted.upper()]
    if as_json:
        print_json({"ok": True, "tick": when, "proposals": [*map(standing_document, found)]})
        return
    print_columns([summary(standing, SHORT_ID) for standing in found])


@proposal.command()
@click.argument("name", metavar="PROPOSAL")
@click.option("--out", type=_PATH, help="Also write it into this new file, for who votes afar.")
@instance_option
@at_option
@json_option
def show(name: str, out: Path | None, folder: Path, tick: int | None, as_json: bool) -> None:
    """Show where PROPOSAL stands: what was counted, the quorum, the time that is left."""
    from qfs.cli.proposal_chart import print_standing, standing_document
    from qfs.ledger.proposal_files import write_proposal

    state, when = state_at(folder, tick)
    found = find(state.governance, name).proposal
    standing = state.governance.standing(found.id, when)
    if out is not None:
        write_proposal(out, found)
    if as_json:
        print_json({"ok": True, "tick": when, **standing_document(standing)})
        return
    print_standing(standing, state.governance.parameters.current(found.type), when)
    if out is not None:
        click.echo(f"proposal  {out}")


@proposal.command()
@click.argument("name", metavar="PROPOSAL")
@instance_option
@key_option("its proposer")
@tick_option
@json_option
def cancel(name: str, folder: Path, key_file: Path | None, tick: int | None, as_json: bool) -> None:
    """Take PROPOSAL back while it is ACTIVE. Only its proposer can."""
    from qfs.ledger.voting import cancellation

    key = read_key(required(key_file))
    with writing(folder) as session:
        found = find(session.state.governance, name).proposal
        when = session.tick(tick)
        (event,) = session.append([cancellation(session, key, when, found)])
    if as_json:
        document = {"id": found.id.hex(), "state": "CANCELLED"}
        print_json({"ok": True, **document, **written(event.seq)})
        return
    print_lines([("id", found.id.hex()), ("tick", when)])
    say("cancelled", event.seq)


@proposal.command()
@click.argument("name", metavar="PROPOSAL")
@instance_option
@tick_option
@dry_run_option
@json_option
def execute(name: str, folder: Path, tick: int | None, dry_run: bool, as_json: bool) -> None:
    """Set the parameter of PROPOSAL to what was voted. Anyone may, once it has PASSED.

    It passes at its close, and can be executed from the end of its timelock until it expires.
    """
    from qfs.ledger.voting import execution

    with writing(folder) as session:
        vote = find(session.state.governance, name)
        found = vote.proposal
        before = session.state.governance.parameters.current(found.type)
        event = execution(vote, session.tick(tick))
        if dry_run:
            after, seq = session.try_out([event]), None
        else:
            seq = session.append([event])[0].seq
            after = session.state
    now = after.governance.parameters.current(found.type)
    if as_json:
        _print_execution(found, before, now, seq)
        return
    print_lines(
        [
            ("id", found.id.hex()),
            ("parameter", found.type),
            ("before", version_text(before)),
            ("after", version_text(now)),
        ]
    )
    say("executed", seq)


def _print_execution(
    found: Proposal, before: Version | None, after: Version | None, seq: int | None
) -> None:
    document: dict[str, Any] = {"id": found.id.hex(), "parameter": found.type}
    for name, version in (("before", before), ("after", after)):
        if version is not None:
            document[name] = version_document(version)
    print_json({"ok": True, **document, **written(seq)})


def find(votes: InfrastructureGovernance, name: str) -> Vote:
    """The vote on the proposal whose id begins so.

    Raises:
        TransitionError: there is none, or there are several.
    """
    from qfs.protocol.events import TransitionError

    found = [vote for vote in votes if vote.proposal.id.hex().startswith(name)]
    if len(found) == 1 and len(name) >= _LEAST_PREFIX:
        return found[0]
    problem = "no proposal has an id that begins so"
    if "." in name or "/" in name:
        problem += ", and there is no such file"
    if found:
        problem = f"{len(found)} ids begin so; {_LEAST_PREFIX} digits are the least"
    raise TransitionError("unknown_proposal", f"{name}: {problem}", argument="proposal")


def state_at(folder: Path, tick: int | None) -> tuple[State, int]:
    """The state of an instance, and the tick that is asked about, which is not before it."""
    from qfs.ledger.instance import open_instance
    from qfs.ledger.session import load_state

    instance = open_instance(folder)
    with instance.open_log() as log:
        state, _ = load_state(instance, log)
    return state, state.tick if tick is None else state.at(tick).tick


def payload_of(kind: str, values: tuple[str, ...]) -> dict[str, Any]:
    """The payload that KEY=VALUE words are; what fits its type is for the protocol to say."""
    from qfs.protocol.proposals import TYPES, Within

    keys = TYPES.get(kind, {})
    payload: dict[str, Any] = {}
    for word in values:
        key, sign, value = word.partition("=")
        if not sign or key in payload:
            raise click.BadParameter(f"{word!r}: KEY=VALUE, each key once", param_hint="KEY=VALUE")
        is_number = isinstance(keys.get(key), Within) and value.isascii() and value.isdecimal()
        payload[key] = int(value) if is_number and len(value) <= 20 else value
    return payload


def required(key_file: Path | None) -> Path:
    """The key file, without which nothing is signed."""
    if key_file is None:
        raise click.UsageError("--key FILE is needed: the node signs")
    return key_file


def version_text(version: Version | None) -> str:
    """What a parameter is, in words."""
    if version is None:
        return "never set"
    return f"{values_text(version.value)}, version {version.version}, from tick {version.tick}"


def values_text(payload: dict[str, int | str]) -> str:
    """A payload in words."""
    return ", ".join(f"{key} = {value}" for key, value in payload.items())


def version_document(version: Version) -> dict[str, Any]:
    """What a parameter is, as JSON."""
    return {
        "version": version.version,
        "tick": version.tick,
        "proposal": version.proposal.hex(),
        "payload": version.value,
    }


def written(seq: int | None) -> dict[str, Any]:
    """What JSON says of the event, or that there is none."""
    return {"dry_run": True} if seq is None else {"event": seq}


def say(done: str, seq: int | None) -> None:
    """What was done by which event, or that nothing was."""
    click.echo("dry run: nothing was written" if seq is None else f"{done} by event {seq}")
