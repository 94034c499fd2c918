"""The five infrastructure parameters: what governance decided, with all that held before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from immutables import Map

from qfs.protocol.proposals import TYPES, PayloadItems


class Version(NamedTuple):
    """What a parameter was set to."""

    version: int
    """from 1"""
    tick: int
    """from which it holds"""
    proposal: bytes
    """the id of what was executed"""
    payload: PayloadItems

    @property
    def value(self) -> dict[str, int | str]:
        """The payload by key."""
        return dict(self.payload)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Each parameter, named as the type of proposal that changes it, with its history.

    A parameter that was never set has version 0 and no value.
    """

    _histories: Map[str, tuple[Version, ...]] = field(default_factory=Map)

    def history(self, name: str) -> tuple[Version, ...]:
        """All that a parameter was ever set to, oldest first.

        Raises:
            KeyError: there is no such parameter.
        """
        TYPES[name]
        return self._histories.get(name, ())

    def current(self, name: str) -> Version | None:
        """What a parameter is, or None where it was never set."""
        history = self.history(name)
        return history[-1] if history else None

    def version(self, name: str) -> int:
        """How often a parameter was set."""
        return len(self.history(name))

    def written(self, name: str, tick: int, proposal: bytes, payload: PayloadItems) -> Parameters:
        """The parameters with another value of one of them."""
        history = self.history(name)
        entry = Version(len(history) + 1, tick, proposal, payload)
        return replace(self, _histories=self._histories.set(name, (*history, entry)))

    def document(self) -> dict[str, list[dict[str, Any]]]:
        """All histories by name, as they are hashed; without what was never set."""
        return {
            name: [
                {
                    "version": entry.version,
                    "tick": entry.tick,
                    "proposal": entry.proposal.hex(),
                    "payload": entry.value,
                }
                for entry in self._histories[name]
            ]
            for name in TYPES
            if name in self._histories
        }
