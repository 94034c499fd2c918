"""A simulation from its parameters to its document and its instance on disk."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from qfs.errors import VerificationError
from qfs.files import new_folder
from qfs.ledger.instance import Instance, create_instance
from qfs.ledger.replays import replays
from qfs.ledger.session import Session
from qfs.limits import SPEC_VERSION
from qfs.protocol.genesis import genesis_of
from qfs.signatures import write_private_key
from qfs.simulation.attempts import ATTEMPTS
from qfs.simulation.draws import EPOCH_TICKS, Parameters
from qfs.simulation.figures import final_figures, vote_figures
from qfs.simulation.keys import REGISTRAR_NAME, Keys
from qfs.simulation.network import Network
from qfs.simulation.nodes import FEES_REPORTER, TELEMETRY_REPORTER
from qfs.simulation.plan import plan
from qfs.simulation.rules import ruleset_of

FORMAT: Final = "qfs-simulation-v1"
DOCUMENT: Final = "nod_distribution_simulation.json"
INSTANCE: Final = "instance"
KEYS: Final = "keys"

_WRITER = "simulation"

Progress = Callable[[int, int], None]
"""Called with the epochs that are closed, and how many there will be."""


def simulate(folder: Path, given: Parameters, progress: Progress) -> dict[str, Any]:
    """Run a network and replay its log; the folder, new or empty, appears when all agreed.

    Returns:
        The document that is written: a function of the parameters.

    Raises:
        VerificationError: two replays differ, or what must be refused was accepted.
        StorageError: the folder is in use or cannot be written; then nothing is left.
    """
    with new_folder(folder) as partial:
        instance = create_network(partial.joinpath(INSTANCE), given)
        with Session(instance, _WRITER) as session:
            network = run(given, session, progress)
            state = session.state
        _write_keys(partial.joinpath(KEYS), network.keys)
        with instance.open_log() as log:
            counts = Counter(event.type for event in log.read())
            head = log.head()
        found, note = replays(partial.joinpath(INSTANCE))
        if (found[0].state, found[0].head) != (state.digest.hex(), head.hash.hex()):
            raise VerificationError(
                f"the log replays to {found[0].state}, the network came to {state.digest.hex()}",
                argument="replays",
                value=found[0].state,
                expected=state.digest.hex(),
            )
        document = {
            "format": FORMAT,
            "spec_version": SPEC_VERSION,
            "seed": given.seed,
            "parameters": {
                "epochs": given.epochs,
                "nodes": given.nodes,
                "epoch_ticks": EPOCH_TICKS,
            },
            "instance": instance.id.hex(),
            "log": {"events": head.size, "head": head.hash.hex(), "by_type": dict(counts)},
            "state": state.digest.hex(),
            "epochs": network.epochs,
            "balances": final_figures(state),
            "proposals": vote_figures(state),
            "refused": network.refused,
            "replays": [{**one.setting._asdict(), "digest": one.state} for one in found],
            **({"note": note} if note else {}),
        }
        partial.joinpath(DOCUMENT).write_bytes(document_bytes(document))
    return document


def create_network(folder: Path, given: Parameters) -> Instance:
    """The instance of a simulated network, without an event yet."""
    registrar = Keys(given).first(REGISTRAR_NAME)
    genesis = genesis_of(given.name, registrar.public, ruleset_of(given, 0))
    return create_instance(folder, genesis, registrar_key=registrar)


def run(given: Parameters, session: Session, progress: Progress) -> Network:
    """Everything that the plan has, on an instance without an event."""
    network = Network(given, session)
    for happening in plan(given, len(ATTEMPTS)):
        network.act(happening)
        progress(len(network.epochs), given.epochs)
    return network


def document_bytes(document: dict[str, Any]) -> bytes:
    """The document as it is written: ASCII, keys sorted, two spaces."""
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode("ascii")


def _write_keys(folder: Path, keys: Keys) -> None:
    """The keys of the reporters as they are in the end, so that the instance can go on."""
    folder.mkdir()
    for name in (TELEMETRY_REPORTER, FEES_REPORTER):
        write_private_key(folder.joinpath(f"{name}.key"), keys.current(name))
