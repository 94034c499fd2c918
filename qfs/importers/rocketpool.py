"""Rocket Pool rewards files: read one, check it against its own Merkle root, take weights from it.

The file is JSON. Amounts are decimal text in 10^-18 of a token (RPL or ETH), here base units.
Source: github.com/rocket-pool/rewards-trees (the files), rocket-pool/smartnode (their definition).
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import Final

from qfs.errors import (
    DuplicateIdError,
    MissingDependencyError,
    OutOfRangeError,
    TableError,
    UnknownOptionError,
    VerificationError,
    shown,
)
from qfs.importers.document import Field, read_document

VOTER_SHARE_VERSION: Final = 4
"""First rewardsFileVersion whose nodes, and so whose leaves, have a voter share."""

KECCAK_BYTES: Final = 32

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")

_TOTALS: Final = (
    "protocolDaoRpl",
    "totalCollateralRpl",
    "totalOracleDaoRpl",
    "totalSmoothingPoolEth",
    "poolStakerSmoothingPoolEth",
    "nodeOperatorSmoothingPoolEth",
    "totalNodeWeight",
    "totalVoterShareEth",
    "smoothingPoolVoterShareEth",
    "totalPdaoShareEth",
)


@dataclass(frozen=True, slots=True)
class NodeReward:
    """One node's rewards of the interval and its proof.

    Attributes:
        address: the node, 20 bytes.
        network: the chain the rewards are claimed on, 0 for Ethereum.
        collateral_rpl_base_units: RPL for its stake.
        oracle_dao_rpl_base_units: RPL for its seat in the oracle DAO.
        smoothing_pool_eth_base_units: ETH from the smoothing pool.
        voter_share_eth_base_units: ETH as voter; None in files before VOTER_SHARE_VERSION.
        proof: sibling hashes from the leaf up, 32 bytes each.
    """

    address: bytes
    network: int
    collateral_rpl_base_units: int
    oracle_dao_rpl_base_units: int
    smoothing_pool_eth_base_units: int
    voter_share_eth_base_units: int | None
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class RewardsFile:
    """One interval's published rewards.

    Attributes:
        index: the interval.
        network: name of the network, such as "mainnet".
        version: rewardsFileVersion, at least 1.
        start_block: executionStartBlock, or None where the file has none.
        end_block: executionEndBlock, or None where the file has none.
        merkle_root: the published root, 32 bytes.
        nodes: at least one, addresses ascending and unique.
        totals: totalRewards under its published names, base units. Names unknown here are left out.
    """

    index: int
    network: str
    version: int
    start_block: int | None
    end_block: int | None
    merkle_root: bytes
    nodes: tuple[NodeReward, ...]
    totals: dict[str, int]


WEIGHT_KINDS: Final[Mapping[str, attrgetter[int]]] = MappingProxyType(
    {
        "collateral_rpl": attrgetter("collateral_rpl_base_units"),
        "oracle_dao_rpl": attrgetter("oracle_dao_rpl_base_units"),
        "smoothing_pool_eth": attrgetter("smoothing_pool_eth_base_units"),
    }
)
"""The rewards that can serve as weights, by name."""


def read(path: pathlib.Path) -> RewardsFile:
    """The rewards file at `path`, with every field validated and no hash checked yet.

    Fields with other names are ignored, because the format grows. A key that stands twice in any
    object is refused, and so is one address in two spellings.

    Raises, with the field as `argument` and the path as `source`:
        StorageError: the file cannot be read.
        OutOfRangeError: it is above 256 MiB, or a number or proof is above its bound.
        TableError: it is not JSON, a field is missing, or an address or hash is not 0x and hex.
        NullValueError, WrongTypeError: a field is null or of another JSON type.
        NumberTextError: an amount is not of the form [0-9]+.
        InvalidIdError: the network's name is not an id.
        DuplicateIdError: a key or an address stands twice.
    """
    document = read_document(path)
    version = document.member("rewardsFileVersion").integer(minimum=1)
    start, end = document.optional("executionStartBlock"), document.optional("executionEndBlock")
    totals = document.member("totalRewards")
    published = [(name, totals.optional(name)) for name in _TOTALS]
    return RewardsFile(
        index=document.member("index").integer(),
        network=document.member("network").network_name(),
        version=version,
        start_block=None if start is None else start.integer(),
        end_block=None if end is None else end.integer(),
        merkle_root=document.member("merkleRoot").hash(),
        nodes=_nodes(document.member("nodeRewards"), version),
        totals={name: field.amount() for name, field in published if field is not None},
    )


def check(rewards: RewardsFile) -> None:
    """Rebuild the tree and follow every proof; both must give the published root.

    Every listed node is a leaf, also one whose amounts are all 0. The totals that are defined as
    sums over the nodes are compared too, where the file has them.

    Raises:
        VerificationError: something differs. `argument` is the first node, by address, whose
            amounts and proof do not lead to the published root; "merkleRoot" when no node or
            every node does; or the total. `value` is what the file says, `expected` what follows
            from its nodes.
        MissingDependencyError: pycryptodome is not installed.
    """
    published = rewards.merkle_root
    leaves = [leaf_hash(node) for node in rewards.nodes]
    rebuilt = tree_root(leaves)
    pairs = zip(leaves, rewards.nodes, strict=True)
    reached = [root_from_proof(leaf, node.proof) for leaf, node in pairs]
    wrong = [position for position, root in enumerate(reached) if root != published]
    # When the tree differs and no proof leads to the root, the root is the odd one out, not a node.
    if wrong and (rebuilt == published or len(wrong) < len(reached)):
        first = wrong[0]
        name = f"nodeRewards.{address_id(rewards.nodes[first].address)}"
        raise VerificationError(
            f"leads to the root {_hex(reached[first])}, published is {_hex(published)}",
            argument=f"{name}.merkleProof" if rebuilt == published else name,
            value=_hex(published),
            expected=_hex(reached[first]),
        )
    if rebuilt != published:
        raise VerificationError(
            f"published is {_hex(published)}, the nodes listed make {_hex(rebuilt)}",
            argument="merkleRoot",
            value=_hex(published),
            expected=_hex(rebuilt),
        )
    _check_totals(rewards)


def address_id(address: bytes) -> str:
    """The id of a node: 0x and the lowercase hex of its address."""
    return _hex(address)


def weights(rewards: RewardsFile, kind: str) -> list[tuple[str, int]]:
    """One kind of reward of every node as (id, base units), ids ascending, zeros included.

    Raises:
        UnknownOptionError: `kind` is not in WEIGHT_KINDS.
    """
    if kind not in WEIGHT_KINDS:
        raise UnknownOptionError(
            f"{shown(kind)} is none of {', '.join(WEIGHT_KINDS)}", argument="kind", value=kind
        )
    amount = WEIGHT_KINDS[kind]
    return [(address_id(node.address), amount(node)) for node in rewards.nodes]


def leaf_hash(node: NodeReward) -> bytes:
    """keccak256 of address, network, RPL of both kinds together, ETH and, where it has one, the
    voter share; each number 32 bytes big-endian."""
    numbers = [
        node.network,
        node.collateral_rpl_base_units + node.oracle_dao_rpl_base_units,
        node.smoothing_pool_eth_base_units,
    ]
    if node.voter_share_eth_base_units is not None:
        numbers.append(node.voter_share_eth_base_units)
    return _keccak256(node.address + b"".join(n.to_bytes(KECCAK_BYTES, "big") for n in numbers))


def tree_root(leaf_hashes: Sequence[bytes]) -> bytes:
    """Root over the leaf hashes, in any order, at least one.

    They are sorted and then padded at the end with zero hashes to a power of two, which are not
    sorted in. The root of a single leaf is the leaf.
    """
    if not leaf_hashes:
        raise OutOfRangeError("a tree has at least one leaf", argument="leaf_hashes", value=0)
    level = sorted(leaf_hashes)
    width = 1 << (len(level) - 1).bit_length()
    level += [bytes(KECCAK_BYTES)] * (width - len(level))
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [_parent(left, right) for left, right in pairs]
    return level[0]


def root_from_proof(leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """The root that a leaf hash and its sibling hashes, from the leaf up, lead to."""
    reached = leaf
    for sibling in proof:
        reached = _parent(reached, sibling)
    return reached


def _parent(a: bytes, b: bytes) -> bytes:
    return _keccak256(a + b if a < b else b + a)


def _keccak256(data: bytes) -> bytes:
    # hashlib has SHA3-256, which pads differently. Imported here because reading needs no hash.
    try:
        from Crypto.Hash import keccak
    except ImportError as error:
        raise MissingDependencyError(
            "checking a Rocket Pool file needs pycryptodome: install qfs[import]",
            argument="pycryptodome",
        ) from error
    return keccak.new(digest_bits=8 * KECCAK_BYTES, data=data).digest()


def _check_totals(rewards: RewardsFile) -> None:
    """Compare the totals that the format defines as sums over the nodes.

    The others are not: the smoothing pool also pays the stakers, and protocolDaoRpl and
    totalNodeWeight belong to no node.
    """
    nodes = rewards.nodes
    sums = {
        "totalCollateralRpl": sum(node.collateral_rpl_base_units for node in nodes),
        "totalOracleDaoRpl": sum(node.oracle_dao_rpl_base_units for node in nodes),
        "nodeOperatorSmoothingPoolEth": sum(node.smoothing_pool_eth_base_units for node in nodes),
    }
    if rewards.version >= VOTER_SHARE_VERSION:
        sums["totalVoterShareEth"] = sum(node.voter_share_eth_base_units or 0 for node in nodes)
    for name, expected in sums.items():
        recorded = rewards.totals.get(name, expected)
        if recorded != expected:
            raise VerificationError(
                f"published is {recorded}, the nodes add up to {expected}",
                argument=f"totalRewards.{name}",
                value=recorded,
                expected=expected,
            )


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"


def _nodes(rewards: Field, version: int) -> tuple[NodeReward, ...]:
    found: dict[bytes, NodeReward] = {}
    for key in rewards.members():
        if _ADDRESS.fullmatch(key) is None:
            raise rewards.error(TableError, f"{shown(key)} is not 0x and 40 hex digits", key)
        address = bytes.fromhex(key[2:])
        node = rewards.member(key, name=address_id(address))
        if address in found:
            raise node.error(DuplicateIdError, f"{shown(key)} is the same address again", key)
        voter = node.member("voterShareEth") if version >= VOTER_SHARE_VERSION else None
        found[address] = NodeReward(
            address=address,
            network=node.member("rewardNetwork").integer(),
            collateral_rpl_base_units=node.member("collateralRpl").amount(),
            oracle_dao_rpl_base_units=node.member("oracleDaoRpl").amount(),
            smoothing_pool_eth_base_units=node.member("smoothingPoolEth").amount(),
            voter_share_eth_base_units=None if voter is None else voter.amount(),
            proof=node.member("merkleProof").hashes(),
        )
    if not found:
        raise rewards.error(TableError, "has no node, so there is no tree", {})
    return tuple(found[address] for address in sorted(found))
