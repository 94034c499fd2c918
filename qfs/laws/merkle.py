"""Laws of trees: roots and proofs."""

from __future__ import annotations

from collections.abc import Sequence

from qfs.backend import Implementation
from qfs.reference.merkle import leaf_hash, node_hash, root_from_proof


def joins_ranges(
    implementation: Implementation, leaves: Sequence[bytes], middle: int
) -> str | None:
    """The root is that of the two ranges beside `middle`, the largest power of two below the
    number of leaves: so partitions that are cut there can be hashed apart."""
    whole = implementation.root(leaves)
    left = implementation.range_root(leaves, 0, middle)
    right = implementation.range_root(leaves, middle, len(leaves))
    return None if whole == node_hash(left, right) else f"the ranges cut at {middle} do not join"


def proves_inclusion(
    implementation: Implementation, leaves: Sequence[bytes], index: int
) -> str | None:
    """The inclusion proof of a leaf leads from its hash to the root."""
    proof = implementation.inclusion_proof(leaves, index)
    found = root_from_proof(leaf_hash(leaves[index]), index, len(leaves), proof)
    return None if found == implementation.root(leaves) else f"the proof of leaf {index} fails"
