"""The keys of a simulated network: Ed25519, each from its name and how often it was rotated."""

from __future__ import annotations

from qfs.signatures import PrivateKey, from_seed
from qfs.simulation.draws import Parameters
from qfs.simulation.nodes import key_seed

REGISTRAR_NAME = "registrar"


class Keys:
    """The current key of every name. The first use of a name makes its first key."""

    def __init__(self, given: Parameters) -> None:
        self._given = given
        self._generations: dict[str, int] = {}

    def current(self, name: str) -> PrivateKey:
        """The key that a name signs by."""
        return self._key(name, self._generations.get(name, 0))

    def next(self, name: str) -> PrivateKey:
        """The key that a name has after its next rotation."""
        return self._key(name, self._generations.get(name, 0) + 1)

    def first(self, name: str) -> PrivateKey:
        """The key that a name began with."""
        return self._key(name, 0)

    def rotate(self, name: str) -> None:
        """From now on the next key is the current one."""
        self._generations[name] = self._generations.get(name, 0) + 1

    def _key(self, name: str, generation: int) -> PrivateKey:
        return from_seed(key_seed(self._given, name, generation))
