"""Numbers by name: whoever asks for a name under a seed gets the same number, in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from qfs.columns import require_integer
from qfs.errors import OutOfRangeError
from qfs.hashing import sized, tagged_hash
from qfs.limits import MAX_TICK
from qfs.synthetic import pareto

MAX_EPOCHS: Final = 1000
MAX_NODES: Final = 100_000
EPOCH_TICKS: Final = 512

_TAG = "qfs/simulation/v1"


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a simulation is a function of.

    Raises:
        QfsError: one is no integer of its bounds; it is named.
    """

    seed: int
    """0 .. 2^53 - 1"""
    epochs: int
    """1 .. 1000"""
    nodes: int
    """infrastructure nodes that are ever registered, 1 .. 100,000"""

    def __post_init__(self) -> None:
        for name, least, most in (
            ("seed", 0, MAX_TICK),
            ("epochs", 1, MAX_EPOCHS),
            ("nodes", 1, MAX_NODES),
        ):
            value = require_integer(getattr(self, name), name, most)
            if value < least:
                raise OutOfRangeError(
                    f"{value} is outside {least} .. {most}", argument=name, value=value
                )

    @property
    def name(self) -> str:
        """What the network is called: networks of other parameters are other instances."""
        return f"simulation-{self.seed}-{self.epochs}-{self.nodes}"

    def word(self, *name: str | int) -> bytes:
        """The 32 bytes of a name."""
        parts = (sized(str(part).encode("ascii")) for part in name)
        return tagged_hash(_TAG, self.seed.to_bytes(8, "big"), *parts)

    def below(self, bound: int, *name: str | int) -> int:
        """A number of 0 .. bound - 1; every one as likely, but for less than bound in 2^128."""
        return int.from_bytes(self.word(*name)[:16], "big") % bound

    def chance(self, per_mille: int, *name: str | int) -> bool:
        """True in so many cases of a thousand."""
        return self.below(1000, *name) < per_mille

    def tail(self, largest: int, *name: str | int) -> int:
        """A heavy-tailed number up to `largest`; see `qfs.synthetic.pareto`."""
        return pareto(self.word(*name), largest)


def first_tick(index: int) -> int:
    """The first tick of an epoch."""
    return index * EPOCH_TICKS


def last_tick(index: int) -> int:
    """The last tick of an epoch."""
    return first_tick(index + 1) - 1
