"""The RFC 9162 tree: published roots and proofs, every altered byte, and rows as leaves."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import sys
from array import array
from collections.abc import Callable
from typing import Any

import pytest

from qfs import hashing, laws
from qfs import ids as id_columns
from qfs.columns import Column
from qfs.errors import OutOfRangeError
from qfs.ids import IdColumn, RowLeaves
from qfs.limits import MAX_VALUE
from qfs.reference.merkle import leaf_hash, node_hash, root_from_proof

Vectors = dict[str, Any]


@pytest.fixture(scope="module")
def published(data: pathlib.Path) -> Vectors:
    return json.loads((data / "oracles" / "rfc6962_vectors.json").read_text())


def rows(count: int) -> RowLeaves:
    """Leaves of every kind of field, ids with 64-bit offsets and none in order."""
    names = [f"node-{i * 7919 % 10007}" for i in range(count)]
    return RowLeaves(
        [
            id_columns.check_ids(names, "ids"),
            Column.from_ints([(i * 2**64 + i**3) % (MAX_VALUE + 1) for i in range(count)]),
            memoryview(array("Q", [2**53 - 1 - i for i in range(count)])),
            memoryview(array("I", range(count))),
            memoryview(array("H", [i % 2**16 for i in range(count)])),
            memoryview(bytes(i % 3 for i in range(count))),
        ]
    )


def test_published_roots(implementation: Any, published: Vectors) -> None:
    leaves = [bytes.fromhex(text) for text in published["leaf_inputs_hex"]]
    roots = published["roots_by_size"]
    assert len(roots) == len(leaves) + 1 == 9
    for size, root in enumerate(roots):
        assert implementation.root(leaves[:size]).hex() == root
        assert implementation.range_root(leaves, 0, size).hex() == root


def test_published_inclusion_proofs(implementation: Any, published: Vectors) -> None:
    leaves = [bytes.fromhex(text) for text in published["leaf_inputs_hex"]]
    assert len(published["inclusion"]) == 6
    for vector in published["inclusion"]:
        index, size = vector["leafIdx"], vector["treeSize"]
        leaf, root = (base64.b64decode(vector[name]) for name in ("leafHash", "root"))
        proof = [base64.b64decode(step) for step in vector["proof"] or []]
        assert (root_from_proof(leaf, index, size, proof) == root) is not vector["wantErr"]
        if leaf == leaf_hash(leaves[index]):
            assert implementation.inclusion_proof(leaves[:size], index) == proof
            assert implementation.root(leaves[:size]) == root


def test_every_altered_byte_of_a_proof_fails(implementation: Any, published: Vectors) -> None:
    leaves = [bytes.fromhex(text) for text in published["leaf_inputs_hex"]]
    for size in range(1, len(leaves) + 1):
        root = implementation.root(leaves[:size])
        for index in range(size):
            leaf = leaf_hash(leaves[index])
            proof = implementation.inclusion_proof(leaves[:size], index)
            assert root_from_proof(leaf, index, size, proof) == root
            whole = b"".join([leaf, *proof])
            for position in range(len(whole)):
                altered = bytearray(whole)
                altered[position] ^= 1 << position % 8
                parts = [bytes(altered[i : i + 32]) for i in range(0, len(altered), 32)]
                assert root_from_proof(parts[0], index, size, parts[1:]) != root


def test_a_proof_holds_for_its_own_index_and_length_alone(implementation: Any) -> None:
    leaves = [bytes([i]) for i in range(7)]
    root = implementation.root(leaves)
    for index in range(7):
        proof = implementation.inclusion_proof(leaves, index)
        for other in range(7):
            found = root_from_proof(leaf_hash(leaves[index]), other, 7, proof)
            assert (found == root) == (other == index)
        assert root_from_proof(leaf_hash(leaves[index]), index, 7, proof[:-1]) is None
        assert root_from_proof(leaf_hash(leaves[index]), index, 7, [*proof, bytes(32)]) is None


def test_leaves_and_nodes_are_hashed_apart(implementation: Any) -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert left == hashlib.sha256(b"\x00a").digest()
    assert implementation.root([b"a", b"b"]) == hashlib.sha256(b"\x01" + left + right).digest()
    # An inner node, given as a leaf of its own, is another tree.
    assert implementation.root([left + right]) != node_hash(left, right)
    assert implementation.root([]) == hashlib.sha256(b"").digest()
    assert implementation.root([b""]) == hashlib.sha256(b"\x00").digest()


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 3), (3, 3)])
def test_no_such_leaf(implementation: Any, index: int, size: int) -> None:
    for leaves in ([b"x"] * size, rows(size)):
        with pytest.raises(OutOfRangeError) as caught:
            implementation.inclusion_proof(leaves, index)
        assert caught.value.argument == "index"
    with pytest.raises(OutOfRangeError):
        root_from_proof(bytes(32), index, size, [])


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (0, 4), (2, 1), (4, 4)])
def test_no_such_range(implementation: Any, start: int, stop: int) -> None:
    for leaves in ([b"x"] * 3, rows(3)):
        with pytest.raises(OutOfRangeError) as caught:
            implementation.range_root(leaves, start, stop)
        assert caught.value.argument == "stop"


def test_a_row_is_its_columns_big_endian() -> None:
    leaves = RowLeaves(
        [
            id_columns.check_ids(["ab"], "ids"),
            Column.from_ints([2**64 + 2]),
            memoryview(array("Q", [3])),
            memoryview(array("I", [4])),
            memoryview(b"\x05"),
        ]
    )
    expected = "000261620000000000000001000000000000000200000000000000030000000405"
    assert [leaf.hex() for leaf in leaves] == [expected]
    with pytest.raises(IndexError):
        leaves[1]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 9, 31, 33, 100])
@pytest.mark.parametrize(("slice_rows", "threads"), [(1 << 17, 1), (1, 1), (8, 1), (4, 3)])
def test_rows_hash_as_the_bytes_they_stand_for(
    implementation: Any, sliced: Callable[..., Any], count: int, slice_rows: int, threads: int
) -> None:
    leaves = rows(count)
    plain = list(leaves)
    with sliced(slice_rows, threads):
        assert implementation.root(leaves) == implementation.root(plain)
        for start, stop in [(0, count), (count // 3, count), (count // 2, count // 2)]:
            assert implementation.range_root(leaves, start, stop) == implementation.root(
                plain[start:stop]
            )
        for index in range(0, count, 11):
            assert laws.proves_inclusion(implementation, leaves, index) is None
        if count > 1:
            middle = 1 << (count - 1).bit_length() - 1
            assert laws.joins_ranges(implementation, leaves, middle) is None


def test_ids_with_narrow_offsets(implementation: Any) -> None:
    offsets = memoryview(array("i", [3, 5, 5 + 128]))
    data = memoryview(b"..." + b"ab" + b"z" * 128)
    ids = IdColumn(offsets, data, is_sorted=True)
    assert list(RowLeaves([ids])) == [b"\x00\x02ab", b"\x00\x80" + b"z" * 128]
    assert implementation.root(RowLeaves([ids])) == implementation.root(list(RowLeaves([ids])))


@pytest.mark.kernel
def test_without_libcrypto_the_kernel_hashes_as_the_reference(
    kernel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = kernel.root(rows(9))
    monkeypatch.setattr(f"{kernel.root.__module__}.sha256_library", lambda: None)
    assert kernel.root(rows(9)) == expected


@pytest.mark.kernel
def test_a_second_proof_hashes_one_run(kernel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the root of all rows a proof hashes those of one run; a run of others is not taken."""
    leaves, hashed = rows(3000), []
    module = sys.modules[kernel.root.__module__]
    runs = module._runs

    def counted(leaves: RowLeaves, start: int, stop: int, functions: Any) -> Any:
        hashed.append((start, stop))
        return runs(leaves, start, stop, functions)

    monkeypatch.setattr(module, "_runs", counted)
    expected = kernel.root(leaves)
    assert hashed == [(0, 3000)]
    for index in (0, 1023, 1024, 2048, 2999):
        hashed.clear()
        proof = kernel.inclusion_proof(leaves, index)
        assert sum(stop - start for start, stop in hashed) < 1024
        assert all(start // 1024 == index // 1024 for start, _ in hashed)
        assert root_from_proof(leaf_hash(leaves[index]), index, 3000, proof) == expected


def test_the_root_of_a_part_is_never_taken_for_that_of_all(implementation: Any) -> None:
    """What is kept is of all rows, whatever part was asked for first."""
    for start, stop in [(1, 300), (0, 299), (128, 300)]:
        leaves = rows(300)
        part = implementation.range_root(leaves, start, stop)
        assert part == implementation.root(list(leaves)[start:stop])
        assert implementation.root(leaves) == implementation.root(list(leaves))
        assert implementation.range_root(leaves, start, stop) == part


@pytest.mark.kernel
def test_a_library_that_hashes_to_something_else_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is called by its address is first tried on a known text."""
    library = hashing.sha256_library.__wrapped__()
    assert library is not None
    assert all(library.functions)
    monkeypatch.setattr(hashing, "_SHA256_OF_ABC", bytes(32))
    assert hashing.sha256_library.__wrapped__() is None
    monkeypatch.setattr(hashing, "_libraries", lambda: iter(["no such library"]))
    assert hashing.sha256_library.__wrapped__() is None
