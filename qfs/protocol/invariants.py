"""The invariant auditor."""

from __future__ import annotations

from qfs.protocol.events import ProtocolEvent
from qfs.protocol.state import State


class Auditor:
    """Placeholder."""

    def __init__(self, state: State) -> None:
        self.state = state

    def check(self, before: State, event: ProtocolEvent, after: State) -> None:
        """Check."""
