"""Inclusion proofs of one table, whose larger subtrees are hashed once and kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from qfs.backend import implementation
from qfs.reference.merkle import node_hash, require_leaf, sibling_ranges, split

_SMALL: Final = 256
"""Leaves of which a subtree is hashed anew: fewer would be kept by the million."""


class KeptTree:
    """The tree over the leaves of a table."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._leaves = leaves
        self._kept: dict[tuple[int, int], bytes] = {}

    def inclusion(self, index: int) -> list[bytes]:
        """What `qfs.reference.merkle.inclusion_proof` gives for this leaf.

        Raises:
            OutOfRangeError: there is no such leaf.
        """
        require_leaf(index, len(self._leaves))
        return [self._root(*part) for part in sibling_ranges(index, len(self._leaves))]

    def _root(self, start: int, stop: int) -> bytes:
        if stop - start <= _SMALL:
            return implementation().range_root(self._leaves, start, stop)
        found = self._kept.get((start, stop))
        if found is None:
            middle = start + split(stop - start)
            found = node_hash(self._root(start, middle), self._root(middle, stop))
            self._kept[start, stop] = found
        return found
