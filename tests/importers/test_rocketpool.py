"""Rocket Pool rewards files: the published one reproduces, every altered one is refused."""

from __future__ import annotations

import copy
import csv
import dataclasses
import importlib.util
import json
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import pytest
from Crypto.Hash import keccak

from qfs import limits
from qfs.errors import (
    DuplicateIdError,
    InvalidIdError,
    MissingDependencyError,
    NullValueError,
    NumberTextError,
    OutOfRangeError,
    QfsError,
    StorageError,
    TableError,
    UnknownOptionError,
    VerificationError,
    WrongTypeError,
)
from qfs.importers import document as strict_json
from qfs.importers import rocketpool
from qfs.importers.rocketpool import NodeReward, RewardsFile

Document = dict[str, Any]

A = "0x" + "0a" * 20
B = "0x" + "0b" * 20
C = "0x" + "0c" * 20
ZERO_HASH = bytes(32)


def keccak256(data: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=data).digest()


def u256(number: int) -> bytes:
    return number.to_bytes(32, "big")


def parent(a: bytes, b: bytes) -> bytes:
    return keccak256(min(a, b) + max(a, b))


def layout(address: str, node: Document, version: int) -> bytes:
    """A leaf from the published rule, without the importer."""
    amounts = [
        node["rewardNetwork"],
        int(node["collateralRpl"]) + int(node["oracleDaoRpl"]),
        int(node["smoothingPoolEth"]),
    ]
    if version >= 4:
        amounts.append(int(node["voterShareEth"]))
    return keccak256(bytes.fromhex(address[2:]) + b"".join(map(u256, amounts)))


def seal(document: Document) -> Document:
    """Fill in the root and the proofs of three nodes: four places, the last one padding."""
    version = document["rewardsFileVersion"]
    nodes = document["nodeRewards"]
    leaves = {address: layout(address, nodes[address], version) for address in (A, B, C)}
    low, middle, high = sorted(leaves.values())
    left, right = parent(low, middle), parent(high, ZERO_HASH)
    proofs = {low: [middle, right], middle: [low, right], high: [ZERO_HASH, left]}
    for address, leaf in leaves.items():
        nodes[address]["merkleProof"] = ["0x" + step.hex() for step in proofs[leaf]]
    document["merkleRoot"] = "0x" + parent(left, right).hex()
    return document


def small(version: int = 3) -> Document:
    """A rewards file of three nodes, one of them with nothing at all."""

    def node(collateral: int, oracle: int, pool: int, voter: int) -> Document:
        found: Document = {
            "rewardNetwork": 0,
            "collateralRpl": str(collateral),
            "oracleDaoRpl": str(oracle),
            "smoothingPoolEth": str(pool),
        }
        return found | ({"voterShareEth": str(voter)} if version >= 4 else {})

    totals = {
        "protocolDaoRpl": "77",
        "totalCollateralRpl": "1003",
        "totalOracleDaoRpl": "20",
        "totalSmoothingPoolEth": "900",
        "nodeOperatorSmoothingPoolEth": "300",
    }
    if version >= 4:
        totals["totalVoterShareEth"] = "5"
    document: Document = {
        "rewardsFileVersion": version,
        "index": 7,
        "network": "mainnet",
        "executionStartBlock": 100,
        "executionEndBlock": 200,
        "totalRewards": totals,
        "nodeRewards": {C: node(1000, 20, 0, 5), A: node(3, 0, 300, 0), B: node(0, 0, 0, 0)},
    }
    return seal(document)


@pytest.fixture
def write(tmp_path: pathlib.Path) -> Callable[[Document | str | bytes], pathlib.Path]:
    def write_(content: Document | str | bytes) -> pathlib.Path:
        path = tmp_path / "rewards.json"
        if isinstance(content, dict):
            content = json.dumps(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_


Write = Callable[[Document | str | bytes], pathlib.Path]


@pytest.fixture
def published(data: pathlib.Path) -> pathlib.Path:
    return data / "rocketpool" / "rp-rewards-mainnet-29.json"


def refused(kind: type[QfsError], path: pathlib.Path) -> QfsError:
    with pytest.raises(kind) as caught:
        rocketpool.read(path)
    assert type(caught.value) is kind
    assert caught.value.source == str(path)
    return caught.value


def differs(rewards: RewardsFile) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        rocketpool.check(rewards)
    return caught.value


# The published file


def test_published_file_reproduces_root_and_proofs(published: pathlib.Path) -> None:
    rewards = rocketpool.read(published)
    rocketpool.check(rewards)
    assert (rewards.index, rewards.network, rewards.version) == (29, "mainnet", 3)
    assert (rewards.start_block, rewards.end_block) == (21033407, 21234057)
    assert len(rewards.nodes) == 2216
    assert [len(node.proof) for node in rewards.nodes] == [12] * 2216
    addresses = [node.address for node in rewards.nodes]
    assert addresses == sorted(addresses)
    leaves = [rocketpool.leaf_hash(node) for node in rewards.nodes]
    assert rocketpool.tree_root(leaves) == rewards.merkle_root
    for leaf, node in zip(leaves, rewards.nodes, strict=True):
        assert rocketpool.root_from_proof(leaf, node.proof) == rewards.merkle_root


def test_published_weights_are_the_amounts_paid(data: pathlib.Path) -> None:
    rewards = rocketpool.read(data / "rocketpool" / "rp-rewards-mainnet-29.json")
    with (data / "rocketpool" / "expected_floor.csv").open(newline="") as stream:
        rows = [(row["node_id"], int(row["amount_base_units"])) for row in csv.DictReader(stream)]
    assert rocketpool.weights(rewards, "collateral_rpl") == rows


@pytest.mark.parametrize(
    ("kind", "total", "nonzero"),
    [
        ("collateral_rpl", "totalCollateralRpl", 2127),
        ("oracle_dao_rpl", "totalOracleDaoRpl", 17),
        ("smoothing_pool_eth", "nodeOperatorSmoothingPoolEth", 1743),
    ],
)
def test_published_weights_add_up(
    published: pathlib.Path, kind: str, total: str, nonzero: int
) -> None:
    rewards = rocketpool.read(published)
    amounts = [amount for _, amount in rocketpool.weights(rewards, kind)]
    assert sum(amounts) == rewards.totals[total]
    assert sum(amount > 0 for amount in amounts) == nonzero


def test_published_samples_verify_leaf_by_leaf(data: pathlib.Path) -> None:
    samples = json.loads((data / "oracles" / "rocketpool_merkle_samples.json").read_text())
    assert [interval["interval"] for interval in samples["intervals"]] == [0, 29]
    for interval in samples["intervals"]:
        root = bytes.fromhex(interval["merkle_root"][2:])
        assert len(interval["samples"]) == 5
        for sample in interval["samples"]:
            node = NodeReward(
                address=bytes.fromhex(sample["address"][2:]),
                network=sample["network"],
                collateral_rpl_base_units=int(sample["rpl"]),
                oracle_dao_rpl_base_units=0,
                smoothing_pool_eth_base_units=int(sample["eth"]),
                voter_share_eth_base_units=sample["voter_share_eth"],
                proof=tuple(bytes.fromhex(step[2:]) for step in sample["proof"]),
            )
            assert rocketpool.root_from_proof(rocketpool.leaf_hash(node), node.proof) == root
            altered = dataclasses.replace(node, smoothing_pool_eth_base_units=1)
            assert rocketpool.root_from_proof(rocketpool.leaf_hash(altered), node.proof) != root


def test_published_file_with_one_unit_moved_is_refused(
    published: pathlib.Path, write: Write
) -> None:
    document = json.loads(published.read_text())
    nodes = document["nodeRewards"]
    first, second = sorted(nodes)[100:102]
    for address, step in ((first, -1), (second, 1)):
        nodes[address]["collateralRpl"] = str(int(nodes[address]["collateralRpl"]) + step)
    error = differs(rocketpool.read(write(document)))
    assert error.argument == f"nodeRewards.{first}"
    assert error.value == document["merkleRoot"]


# Leaves and trees


@pytest.mark.parametrize("version", [3, 4])
def test_leaf_layout(version: int) -> None:
    node = NodeReward(bytes(range(20)), 2, 3, 5, 7, 11 if version >= 4 else None, ())
    tail = u256(11) if version >= 4 else b""
    expected = keccak256(bytes(range(20)) + u256(2) + u256(8) + u256(7) + tail)
    assert rocketpool.leaf_hash(node) == expected


def test_leaf_of_the_largest_amounts_fits() -> None:
    most = limits.MAX_VALUE
    node = NodeReward(b"\xff" * 20, limits.MAX_TICK, most, most, most, most, ())
    numbers = (limits.MAX_TICK, 2 * most, most, most)
    expected = keccak256(b"\xff" * 20 + b"".join(map(u256, numbers)))
    assert rocketpool.leaf_hash(node) == expected


def test_tree_of_one_leaf_is_the_leaf() -> None:
    assert rocketpool.tree_root([b"\x05" * 32]) == b"\x05" * 32
    assert rocketpool.root_from_proof(b"\x05" * 32, ()) == b"\x05" * 32


def test_tree_is_sorted_and_padded_at_the_end() -> None:
    a, b, c, d, e = (bytes([first]) * 32 for first in (1, 2, 3, 4, 5))
    right = parent(parent(e, ZERO_HASH), parent(ZERO_HASH, ZERO_HASH))
    expected = parent(parent(parent(a, b), parent(c, d)), right)
    assert rocketpool.tree_root([a, b, c, d, e]) == expected
    assert rocketpool.tree_root([e, c, a, d, b]) == expected
    assert rocketpool.tree_root([b, a]) == parent(a, b)


def test_tree_without_leaves_is_refused() -> None:
    with pytest.raises(OutOfRangeError):
        rocketpool.tree_root([])


# check


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_small_files_of_every_version_check(write: Write, version: int) -> None:
    rewards = rocketpool.read(write(small(version)))
    rocketpool.check(rewards)
    voters = [node.voter_share_eth_base_units for node in rewards.nodes]
    assert voters == ([0, 0, 5] if version >= 4 else [None, None, None])


def test_voter_share_before_its_version_is_an_unknown_field(write: Write) -> None:
    document = small(3)
    document["nodeRewards"][A]["voterShareEth"] = None
    rocketpool.check(rocketpool.read(write(document)))


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("field", ["collateralRpl", "oracleDaoRpl", "smoothingPoolEth"])
def test_changed_amount_names_the_node(write: Write, version: int, field: str) -> None:
    document = small(version)
    document["nodeRewards"][B][field] = "1"
    rewards = rocketpool.read(write(document))
    error = differs(rewards)
    assert error.argument == f"nodeRewards.{B}"
    assert error.value == document["merkleRoot"]
    leaf = layout(B, document["nodeRewards"][B], version)
    assert error.expected == "0x" + rocketpool.root_from_proof(leaf, rewards.nodes[1].proof).hex()
    assert str(error.value) in str(error)
    assert str(error.expected) in str(error)


@pytest.mark.parametrize(("field", "value"), [("voterShareEth", "1"), ("rewardNetwork", 1)])
def test_changed_voter_share_or_network_names_the_node(
    write: Write, field: str, value: object
) -> None:
    document = small(4)
    document["nodeRewards"][C][field] = value
    assert differs(rocketpool.read(write(document))).argument == f"nodeRewards.{C}"


@pytest.mark.parametrize("step", [0, 1])
def test_changed_proof_byte_names_the_proof(write: Write, step: int) -> None:
    document = small()
    proof = document["nodeRewards"][B]["merkleProof"]
    proof[step] = proof[step][:-2] + f"{int(proof[step][-2:], 16) ^ 1:02x}"
    error = differs(rocketpool.read(write(document)))
    assert error.argument == f"nodeRewards.{B}.merkleProof"
    assert error.value == document["merkleRoot"]
    assert error.expected not in (None, error.value)


@pytest.mark.parametrize("keep", [0, 1])
def test_shortened_proof_is_refused(write: Write, keep: int) -> None:
    document = small()
    document["nodeRewards"][A]["merkleProof"] = document["nodeRewards"][A]["merkleProof"][:keep]
    assert differs(rocketpool.read(write(document))).argument == f"nodeRewards.{A}.merkleProof"


def test_lengthened_proof_is_refused(write: Write) -> None:
    document = small()
    document["nodeRewards"][A]["merkleProof"].append("0x" + "00" * 32)
    assert differs(rocketpool.read(write(document))).argument == f"nodeRewards.{A}.merkleProof"


def test_the_first_of_two_wrong_nodes_is_named(write: Write) -> None:
    document = small()
    for address in (C, B):
        document["nodeRewards"][address]["oracleDaoRpl"] = "9"
    assert differs(rocketpool.read(write(document))).argument == f"nodeRewards.{B}"


def test_changed_root_names_the_root(write: Write) -> None:
    document = small()
    rebuilt, document["merkleRoot"] = document["merkleRoot"], "0x" + "12" * 32
    error = differs(rocketpool.read(write(document)))
    assert (error.argument, error.value) == ("merkleRoot", "0x" + "12" * 32)
    assert error.expected == rebuilt


def test_removed_node_names_the_root(write: Write) -> None:
    document = small()
    del document["nodeRewards"][A]
    error = differs(rocketpool.read(write(document)))
    assert (error.argument, error.value) == ("merkleRoot", document["merkleRoot"])


def test_node_with_nothing_is_a_leaf(write: Write) -> None:
    rewards = rocketpool.read(write(small()))
    nothing = rewards.nodes[1]
    assert rocketpool.address_id(nothing.address) == B
    others = [rocketpool.leaf_hash(node) for node in rewards.nodes if node != nothing]
    assert rocketpool.tree_root(others) != rewards.merkle_root
    rocketpool.check(rewards)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("totalCollateralRpl", "1004", 1003),
        ("totalOracleDaoRpl", "0", 20),
        ("nodeOperatorSmoothingPoolEth", "301", 300),
        ("totalVoterShareEth", "4", 5),
    ],
)
def test_changed_total_is_named(write: Write, name: str, value: str, expected: int) -> None:
    document = small(4)
    document["totalRewards"][name] = value
    error = differs(rocketpool.read(write(document)))
    assert error.argument == f"totalRewards.{name}"
    assert (error.value, error.expected) == (int(value), expected)
    del document["totalRewards"][name]
    rocketpool.check(rocketpool.read(write(document)))


def test_rpl_moved_between_kinds_keeps_the_tree_and_fails_the_totals(write: Write) -> None:
    document = small()
    document["nodeRewards"][C] |= {"collateralRpl": "999", "oracleDaoRpl": "21"}
    assert differs(rocketpool.read(write(document))).argument == "totalRewards.totalCollateralRpl"


def test_only_check_needs_keccak(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "Crypto", None)
    monkeypatch.setitem(sys.modules, "Crypto.Hash", None)
    spec = importlib.util.spec_from_file_location("rocketpool_afresh", rocketpool.__file__)
    assert spec is not None
    assert spec.loader is not None
    afresh = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, afresh)
    spec.loader.exec_module(afresh)
    rewards = afresh.read(write(small()))
    assert len(afresh.weights(rewards, "collateral_rpl")) == 3
    with pytest.raises(MissingDependencyError, match=r"qfs\[import\]"):
        afresh.check(rewards)


# read


def test_order_of_the_nodes_in_the_file_does_not_matter(write: Write) -> None:
    document = small()
    one = rocketpool.read(write(document))
    document["nodeRewards"] = dict(reversed(document["nodeRewards"].items()))
    assert rocketpool.read(write(document)) == one
    assert [rocketpool.address_id(node.address) for node in one.nodes] == [A, B, C]


def test_uppercase_hex_reads_as_the_same_bytes(write: Write) -> None:
    document = small()
    plain = rocketpool.read(write(document))
    node = document["nodeRewards"].pop(A)
    document["nodeRewards"]["0x" + A[2:].upper()] = node
    document["merkleRoot"] = "0x" + document["merkleRoot"][2:].upper()
    assert rocketpool.read(write(document)) == plain


@pytest.mark.parametrize("extra", ["0.98", "1e999", "-0.0", "9" * 5000, "null", '{"a": [{}, 1.5]}'])
def test_unknown_fields_are_ignored_whatever_they_hold(write: Write, extra: str) -> None:
    document = small()
    plain = rocketpool.read(write(document))
    marked = copy.deepcopy(document)
    for place in (marked, marked["totalRewards"], marked["nodeRewards"][A]):
        place["grown"] = "@"
    assert rocketpool.read(write(json.dumps(marked).replace('"@"', extra))) == plain


@pytest.mark.parametrize("name", ["executionStartBlock", "executionEndBlock"])
def test_blocks_are_optional(write: Write, name: str) -> None:
    document = small()
    del document[name]
    rewards = rocketpool.read(write(document))
    expected = (None, 200) if name == "executionStartBlock" else (100, None)
    assert (rewards.start_block, rewards.end_block) == expected


def test_bounds_are_accepted(write: Write) -> None:
    document = small()
    node = document["nodeRewards"][A]
    node["collateralRpl"] = str(limits.MAX_VALUE)
    node["oracleDaoRpl"] = "0" * 50 + "7"
    node["rewardNetwork"] = limits.MAX_TICK
    node["merkleProof"] = ["0x" + "00" * 32] * 32
    document["network"] = "~" * limits.MAX_ID_BYTES
    document["index"] = 0
    rewards = rocketpool.read(write(document))
    read = rewards.nodes[0]
    assert (read.collateral_rpl_base_units, read.oracle_dao_rpl_base_units) == (10**38 - 1, 7)
    assert (read.network, len(read.proof), rewards.index) == (limits.MAX_TICK, 32, 0)


REQUIRED = ["rewardsFileVersion", "index", "network", "merkleRoot", "totalRewards", "nodeRewards"]
NODE_REQUIRED = [
    "rewardNetwork",
    "collateralRpl",
    "oracleDaoRpl",
    "smoothingPoolEth",
    "voterShareEth",
    "merkleProof",
]


@pytest.mark.parametrize("name", REQUIRED)
def test_missing_or_null_field_is_named(write: Write, name: str) -> None:
    document = small()
    document[name] = None
    assert refused(NullValueError, write(document)).argument == name
    del document[name]
    assert refused(TableError, write(document)).argument == name


@pytest.mark.parametrize("name", NODE_REQUIRED)
def test_missing_or_null_field_of_a_node_is_named(write: Write, name: str) -> None:
    document = small(4)
    document["nodeRewards"][B][name] = None
    assert refused(NullValueError, write(document)).argument == f"nodeRewards.{B}.{name}"
    del document["nodeRewards"][B][name]
    error = refused(TableError, write(document))
    assert error.argument == f"nodeRewards.{B}.{name}"
    assert B in str(error)
    assert "missing" in str(error)


AMOUNTS: list[tuple[object, type[QfsError]]] = [
    (1.0, WrongTypeError),
    (1, WrongTypeError),
    (-1, WrongTypeError),
    (True, WrongTypeError),
    ([], WrongTypeError),
    ({}, WrongTypeError),
    (None, NullValueError),
    ("", NumberTextError),
    ("-1", NumberTextError),
    ("+1", NumberTextError),
    ("1.0", NumberTextError),
    ("1e3", NumberTextError),
    (" 1", NumberTextError),
    ("1\n", NumberTextError),
    ("1_000", NumberTextError),
    ("0x10", NumberTextError),
    ("null", NumberTextError),
    ("\u0661", NumberTextError),
    ("\u00b2", NumberTextError),
    (str(10**38), OutOfRangeError),
    ("0" + str(10**38), OutOfRangeError),
    ("9" * 5000, OutOfRangeError),
]


@pytest.mark.parametrize(("value", "kind"), AMOUNTS)
def test_bad_amounts_are_refused(write: Write, value: object, kind: type[QfsError]) -> None:
    names = ["collateralRpl", "oracleDaoRpl", "smoothingPoolEth", "voterShareEth"]
    for name in names:
        document = small(4)
        document["nodeRewards"][C][name] = value
        error = refused(kind, write(document))
        assert error.argument == f"nodeRewards.{C}.{name}"
        assert len(str(error)) < 600
    document = small(4)
    document["totalRewards"]["totalNodeWeight"] = value
    assert refused(kind, write(document)).argument == "totalRewards.totalNodeWeight"


def test_float_amount_is_reported_as_written(write: Write) -> None:
    text = json.dumps(small()).replace('"300"', "300.10")
    error = refused(WrongTypeError, write(text))
    assert error.value == "300.10"
    assert "300.10" in str(error)


INTEGERS: list[tuple[str, type[QfsError]]] = [
    ("1.0", WrongTypeError),
    ("1e0", WrongTypeError),
    ("-1.5", WrongTypeError),
    ('"1"', WrongTypeError),
    ("true", WrongTypeError),
    ("[]", WrongTypeError),
    ("null", NullValueError),
    ("-1", OutOfRangeError),
    (str(limits.MAX_TICK + 1), OutOfRangeError),
    ("9" * 5000, OutOfRangeError),
]


@pytest.mark.parametrize(("text", "kind"), INTEGERS)
def test_bad_integers_are_refused(write: Write, text: str, kind: type[QfsError]) -> None:
    names = ["rewardsFileVersion", "index", "executionStartBlock", "executionEndBlock"]
    for name in names:
        plain = json.dumps(small() | {name: "@"})
        assert refused(kind, write(plain.replace('"@"', text))).argument == name
    document = small()
    document["nodeRewards"][A]["rewardNetwork"] = "@"
    error = refused(kind, write(json.dumps(document).replace('"@"', text)))
    assert error.argument == f"nodeRewards.{A}.rewardNetwork"


def test_version_zero_is_refused(write: Write) -> None:
    error = refused(OutOfRangeError, write(small() | {"rewardsFileVersion": 0}))
    assert error.argument == "rewardsFileVersion"


HASHES: list[tuple[object, type[QfsError]]] = [
    ("0x" + "00" * 31, TableError),
    ("0x" + "00" * 33, TableError),
    ("0x" + "0" * 63, TableError),
    ("00" * 32, TableError),
    ("0X" + "00" * 32, TableError),
    ("0x" + "0g" * 32, TableError),
    ("0x" + "00" * 32 + "\n", TableError),
    ("0x" + " 0" * 32, TableError),
    ("", TableError),
    (0, WrongTypeError),
    (None, NullValueError),
]


@pytest.mark.parametrize(("value", "kind"), HASHES)
def test_bad_hashes_are_refused(write: Write, value: object, kind: type[QfsError]) -> None:
    assert refused(kind, write(small() | {"merkleRoot": value})).argument == "merkleRoot"
    document = small()
    document["nodeRewards"][A]["merkleProof"][1] = value
    assert refused(kind, write(document)).argument == f"nodeRewards.{A}.merkleProof[1]"


@pytest.mark.parametrize(
    "key",
    [A[:-2], A + "00", A[:-1], A[2:], "0X" + A[2:], A[:-1] + "g", A + "\n", "", "\ud800"],
)
def test_bad_addresses_are_refused(write: Write, key: str) -> None:
    document = small()
    document["nodeRewards"][key] = document["nodeRewards"][A]
    error = refused(TableError, write(document))
    assert (error.argument, error.value) == ("nodeRewards", key)


@pytest.mark.parametrize("name", ["", "main net", "mainnet\n", "\u00e9", "\ud800", "~" * 129])
def test_bad_network_names_are_refused(write: Write, name: str) -> None:
    assert refused(InvalidIdError, write(small() | {"network": name})).argument == "network"


def test_too_long_a_proof_is_refused(write: Write) -> None:
    document = small()
    document["nodeRewards"][A]["merkleProof"] = ["0x" + "00" * 32] * 33
    error = refused(OutOfRangeError, write(document))
    assert (error.argument, error.value) == (f"nodeRewards.{A}.merkleProof", 33)


@pytest.mark.parametrize("value", [[], "text", 1, True])
def test_objects_of_another_type_are_refused(write: Write, value: object) -> None:
    for name in ("totalRewards", "nodeRewards"):
        assert refused(WrongTypeError, write(small() | {name: value})).argument == name
    document = small()
    document["nodeRewards"][A] = value
    assert refused(WrongTypeError, write(document)).argument == f"nodeRewards.{A}"
    assert refused(WrongTypeError, write(json.dumps(value))).argument is None


@pytest.mark.parametrize("value", [{}, "0x" + "00" * 32, 1])
def test_proof_that_is_no_list_is_refused(write: Write, value: object) -> None:
    document = small()
    document["nodeRewards"][A]["merkleProof"] = value
    error = refused(WrongTypeError, write(document))
    assert error.argument == f"nodeRewards.{A}.merkleProof"


def test_file_without_nodes_is_refused(write: Write) -> None:
    assert refused(TableError, write(small() | {"nodeRewards": {}})).argument == "nodeRewards"


# Repeated keys


def test_repeated_address_is_refused(write: Write) -> None:
    text = json.dumps(small()).replace(B, A)
    error = refused(DuplicateIdError, write(text))
    assert (error.argument, error.value) == (f"nodeRewards.{A}", A)


def test_repeated_address_in_another_case_is_refused(write: Write) -> None:
    upper = "0x" + A[2:].upper()
    error = refused(DuplicateIdError, write(json.dumps(small()).replace(B, upper)))
    assert (error.argument, error.value) == (f"nodeRewards.{A}", upper)


@pytest.mark.parametrize(
    ("old", "new", "argument"),
    [
        ('"index": 7', '"index": 7, "index": 7', "index"),
        ('"index": 7', '"index": 7, "inde\\u0078": 8', "index"),
        ('"totalOracleDaoRpl"', '"totalCollateralRpl"', "totalRewards.totalCollateralRpl"),
        ('"oracleDaoRpl": "20"', '"collateralRpl": "20"', f"nodeRewards.{C}.collateralRpl"),
        ('"index": 7', '"index": 7, "x": [1, [{"a": 1, "b": 2, "b": 2}]]', "x.1.0.b"),
        ('"index": 7', '"index": 7, "x": {"\\n": 1, "\\n": 1}', "x.'\\n'"),
        ('"index": 7', '"x": {"a": 1, "a": 1}, "x": 1, "index": 7', "x"),
    ],
)
def test_repeated_key_is_refused_wherever_it_stands(
    write: Write, old: str, new: str, argument: str
) -> None:
    text = json.dumps(small())
    assert text.count(old) == 1
    assert refused(DuplicateIdError, write(text.replace(old, new))).argument == argument


# The file itself


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        b"{",
        b"not JSON",
        b"{'index': 1}",
        b'{"index": 1,}',
        b'{"index": 1} {}',
        b'{"index": 01}',
        b'{"index": .5}',
        b'{"index": NaN}',
        b'{"index": -Infinity}',
        b'{"index": "\n"}',
        b'{"index": "\xff"}',
        b"\xef\xbb\xbf{}",
        '{"index": 1}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\x00",
    ],
)
def test_what_is_not_json_is_refused(write: Write, content: bytes) -> None:
    assert "is not JSON" in str(refused(TableError, write(content)))


def test_truncated_published_file_is_refused(published: pathlib.Path, write: Write) -> None:
    refused(TableError, write(published.read_bytes()[:-2]))


def test_absent_file_and_folder_are_refused(tmp_path: pathlib.Path) -> None:
    refused(StorageError, tmp_path / "absent.json")
    refused(StorageError, tmp_path)


def test_huge_file_is_refused_before_it_is_read(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as stream:
        stream.truncate(strict_json.MAX_FILE_BYTES + 1)
    plain_open = pathlib.Path.open

    class Unread:
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        def __enter__(self) -> Unread:
            return self

        def __exit__(self, *_: object) -> None:
            self.stream.close()

        def fileno(self) -> int:
            return int(self.stream.fileno())

        def read(self, _: int) -> bytes:
            pytest.fail("a file above the bound was read")

    def watched_open(self: pathlib.Path, *arguments: Any) -> Unread:
        return Unread(plain_open(self, *arguments))

    monkeypatch.setattr(pathlib.Path, "open", watched_open)
    error = refused(OutOfRangeError, path)
    assert error.value == strict_json.MAX_FILE_BYTES + 1


def test_bound_of_the_file_is_exact(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(small())
    size = path.stat().st_size
    monkeypatch.setattr(strict_json, "MAX_FILE_BYTES", size)
    rocketpool.read(path)
    monkeypatch.setattr(strict_json, "MAX_FILE_BYTES", size - 1)
    assert refused(OutOfRangeError, path).value == size


def test_device_without_a_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    path = pathlib.Path("/dev/zero")
    if not path.exists():
        pytest.skip("this system has no /dev/zero")
    monkeypatch.setattr(strict_json, "MAX_FILE_BYTES", 1000)
    assert refused(OutOfRangeError, path).value == 1001


# weights


def test_weights_are_in_id_order_with_zeros(write: Write) -> None:
    rewards = rocketpool.read(write(small()))
    assert rocketpool.weights(rewards, "collateral_rpl") == [(A, 3), (B, 0), (C, 1000)]
    assert rocketpool.weights(rewards, "oracle_dao_rpl") == [(A, 0), (B, 0), (C, 20)]
    assert rocketpool.weights(rewards, "smoothing_pool_eth") == [(A, 300), (B, 0), (C, 0)]
    assert list(rocketpool.WEIGHT_KINDS) == [
        "collateral_rpl",
        "oracle_dao_rpl",
        "smoothing_pool_eth",
    ]


@pytest.mark.parametrize("kind", ["", "collateralRpl", "voter_share_eth", "COLLATERAL_RPL"])
def test_unknown_kind_of_weight_is_refused(write: Write, kind: str) -> None:
    rewards = rocketpool.read(write(small()))
    with pytest.raises(UnknownOptionError) as caught:
        rocketpool.weights(rewards, kind)
    assert (caught.value.argument, caught.value.value) == ("kind", kind)


def test_rewards_cannot_be_changed(write: Write) -> None:
    rewards = rocketpool.read(write(small()))
    with pytest.raises(dataclasses.FrozenInstanceError):
        rewards.nodes[0].network = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        rocketpool.WEIGHT_KINDS["x"] = None  # type: ignore[index]
