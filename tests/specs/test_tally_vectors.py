"""The published tallies, recomputed from section 24 of the specification with hashlib alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

Node = tuple[bytes, list[int]]


@pytest.fixture(scope="module")
def published() -> list[dict[str, Any]]:
    path = ROOT / "specs" / "vectors" / "v1.json"
    if not path.exists():
        pytest.skip("the vectors lie in the checkout, not in the wheel")
    cases: list[dict[str, Any]] = json.loads(path.read_text())["tallies"]
    return cases


def h(tag: str, *fields: bytes) -> bytes:
    return hashlib.sha256(bytes([len(tag)]) + tag.encode() + b"".join(fields)).digest()


def sums_of(node: Node) -> bytes:
    return b"".join(power.to_bytes(16, "big") for power in node[1])


def above(left: Node, right: Node) -> Node:
    fields = left[0], sums_of(left), right[0], sums_of(right)
    return h("qfs/tally-node/v1", *fields), [a + b for a, b in zip(left[1], right[1], strict=True)]


def tree(leaves: list[Node]) -> Node:
    """Bottom up: a level pairs off, an odd one goes up."""
    if not leaves:
        return hashlib.sha256(b"").digest(), [0, 0, 0]
    while len(leaves) > 1:
        pairs = [above(*leaves[i : i + 2]) for i in range(0, len(leaves) - 1, 2)]
        leaves = pairs + leaves[2 * len(pairs) :]
    return leaves[0]


def leaf(seq: int, voter: int, choice: int, power: int) -> Node:
    numbers = ((seq, 8), (voter, 4), (choice, 1), (power, 16))
    sums = [power if choice == wanted else 0 for wanted in (1, 0, 2)]
    return h("qfs/tally-leaf/v1", *(n.to_bytes(width, "big") for n, width in numbers)), sums


def counted(case: dict[str, Any]) -> tuple[list[tuple[int, int, int, int]], dict[str, int]]:
    """Steps 1 to 4: the counted ballots by voter, and the others by reason."""
    powers = [min(int(power), int(case.get("cap", 2**128))) for power in case["powers"]]
    rows = range(len(case["choices"]))
    ballots = zip(case.get("seqs", rows), case.get("voters", rows), case["choices"], strict=True)
    rejected = {"unknown_voter": 0, "duplicate": 0, "zero_power": 0}
    kept: dict[int, tuple[int, int, int, int]] = {}
    for seq, voter, choice in sorted(ballots):
        if voter >= len(powers):
            rejected["unknown_voter"] += 1
        elif voter in kept:
            rejected["duplicate"] += 1
        else:
            kept[voter] = (seq, voter, choice, powers[voter])
    rejected["zero_power"] = sum(ballot[3] == 0 for ballot in kept.values())
    assert sum(powers) == int(case["attainable"])
    return [kept[voter] for voter in sorted(kept) if kept[voter][3]], rejected


def test_tallies_follow_from_the_text(published: list[dict[str, Any]]) -> None:
    assert len(published) == 5
    for case in published:
        ballots, rejected = counted(case)
        assert (len(ballots), rejected) == (case["counted"], case["rejected"])
        root = tree([leaf(*ballot) for ballot in ballots])
        assert [str(power) for power in root[1]] == case["sums"]
        assert root[0].hex() == case["root"]
        size = len(ballots).to_bytes(8, "big")
        assert h("qfs/tally/v1", size, root[0], sums_of(root)).hex() == case["digest"]


def test_the_receipt_of_the_last_leads_to_the_root(published: list[dict[str, Any]]) -> None:
    """The last leaf is on the right of every node on its way."""
    lengths = []
    for case in published:
        ballots, _ = counted(case)
        if not ballots:
            assert case["path_of_the_last"] == []
            continue
        node = leaf(*ballots[-1])
        for sibling in case["path_of_the_last"]:
            left = bytes.fromhex(sibling["hash"]), [int(power) for power in sibling["sums"]]
            node = above(left, node)
        assert node[0].hex() == case["root"]
        lengths.append(len(case["path_of_the_last"]))
    assert lengths == [1, 2, 2, 1]


def test_either_backend_gives_the_published_tallies(
    published: list[dict[str, Any]], implementation: Any
) -> None:
    for case in published:
        found = implementation.tally(
            case["choices"],
            [int(power) for power in case["powers"]],
            case.get("voters"),
            case.get("seqs"),
            int(case["cap"]) if "cap" in case else None,
        )
        assert [str(power) for power in found[:3]] == case["sums"]
        assert (found.counted, found.rejected) == (case["counted"], case["rejected"])
        assert str(found.attainable) == case["attainable"]
