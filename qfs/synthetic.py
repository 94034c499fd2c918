"""A network made from a seed: heavy-tailed nodes and fees, the same bytes on every machine.

Numbers come from SHA-256 of the seed and a counter and are shaped with integers alone. Weights
and fees follow a Pareto distribution with exponent 1: a few are very large, most are small.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qfs.columns import require_integer
from qfs.hashing import sized, tagged_hash
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_TICK

MAX_NODES = 1_000_000
MAX_FEES = 1_000_000
_TAG = "qfs/synthetic/v1"
_LARGEST_WEIGHT = 1_000_000 * BASE_UNITS_PER_TOKEN
_LARGEST_FEE = 200_000 * BASE_UNITS_PER_TOKEN
_STEPS = 1 << 20


@dataclass(frozen=True, slots=True)
class Network:
    """Nodes and the fee actions of one epoch; amounts in base units."""

    node_ids: list[str]
    weights: list[int]
    ticks: list[int]
    action_ids: list[str]
    fees: list[int]


def network(seed: int, nodes: int, fees: int, epoch: int, epoch_ticks: int) -> Network:
    """A network of so many nodes with so many fee actions, all within one epoch.

    Raises:
        OutOfRangeError: more than a million nodes or fees, or an argument below 0.
    """
    seed = require_integer(seed, "seed", MAX_TICK)
    node_words = _words(seed, "nodes", require_integer(nodes, "nodes", MAX_NODES))
    fee_words = _words(seed, "fees", require_integer(fees, "fees", MAX_FEES))
    made = Network([], [], [], [], [])
    for i, word in enumerate(node_words):
        made.node_ids.append(f"node-{i:06d}-{word[:4].hex()}")
        made.weights.append(pareto(word, _LARGEST_WEIGHT))
    for word in fee_words:
        made.ticks.append(epoch * epoch_ticks + int.from_bytes(word[16:24], "big") % epoch_ticks)
        made.action_ids.append("0x" + word[24:32].hex() + word[:4].hex())
        made.fees.append(pareto(word, _LARGEST_FEE))
    return made


def _words(seed: int, what: str, count: int) -> Iterator[bytes]:
    for i in range(count):
        counter = seed.to_bytes(8, "big") + i.to_bytes(8, "big")
        yield tagged_hash(_TAG, sized(what.encode("ascii")), counter)


def pareto(word: bytes, largest: int) -> int:
    """largest / u for a uniform u of 1 .. 2^20, less up to half of it, so that few are equal.

    The word has 16 bytes or more, of which bytes 4 to 15 decide.
    """
    uniform = int.from_bytes(word[4:8], "big") % _STEPS + 1
    jitter = int.from_bytes(word[8:16], "big") % BASE_UNITS_PER_TOKEN
    value = largest // uniform
    return value - value * jitter // (2 * BASE_UNITS_PER_TOKEN)
