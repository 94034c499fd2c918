"""The infrastructure parameters of an instance, as a node reads them to run by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from qfs.ledger.instance import open_instance
from qfs.ledger.session import load_state
from qfs.protocol.parameters import Version
from qfs.protocol.proposals import TYPES


def read_parameters(folder: Path | str) -> Mapping[str, Version | None]:
    """What each parameter is now, by name; None where governance never set it.

    The log of the instance is read and replayed from its newest snapshot, so what is returned
    follows from the events and not from a file that somebody wrote. It holds a lock for no
    longer than that, and writes nothing.

    Args:
        folder: of the instance.

    Raises:
        QfsError: the instance cannot be read, or its log does not hold.

    `read_parameters("net")["storage_replication_factor"].value` is `{"factor": 3}` after an
    execution that set it so.
    """
    instance = open_instance(Path(folder))
    with instance.open_log() as log:
        state, _ = load_state(instance, log)
    current = state.governance.parameters.current
    return MappingProxyType({name: current(name) for name in TYPES})
