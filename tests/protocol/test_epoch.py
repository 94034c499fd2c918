"""Closing an epoch: what is issued, what is paid, and what goes on to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from qfs.columns import Column
from qfs.errors import EpochError, OutOfRangeError, TotalOverflowError
from qfs.ids import check_ids
from qfs.protocol.epoch import ClosedEpoch, Opening, close_epoch, epoch_of
from qfs.protocol.ruleset import Ruleset
from qfs.tables import FEES, NODES, Table, canonical, tick_column

NOD = 10**18


def nodes(*weights: int) -> Table:
    ids = check_ids([f"n{i}" for i in range(len(weights))], "ids")
    return canonical(NODES, {"node_id": ids, "weight": Column.from_ints(weights)})


def fees(amounts: Sequence[int], ticks: Sequence[int] | None = None) -> Table:
    ids = check_ids([f"a{i}" for i in range(len(amounts))], "ids")
    columns = {
        "tick": tick_column(ticks or [512] * len(amounts)),
        "action_id": ids,
        "fee": Column.from_ints(amounts),
    }
    return canonical(FEES, columns)


def close(weights: Sequence[int], amounts: Sequence[int], **changes: object) -> ClosedEpoch:
    opening = changes.pop("opening", Opening())
    assert isinstance(opening, Opening)
    ruleset = replace(Ruleset(), **changes)  # type: ignore[arg-type]
    return close_epoch(1, ruleset, opening, fees(amounts), nodes(*weights))


def amounts_of(closed: ClosedEpoch) -> list[int]:
    return list(closed.allocation.table.amounts("amount"))


def test_a_tenth_is_issued_and_every_unit_accounted_for() -> None:
    closed = close([1, 1, 1], [1000, 5], max_share=NOD)
    assert closed.issuance.total == 100
    assert closed.retained == 905
    assert closed.closing == Opening(residue=NOD // 2, pool=0, issued=100)
    assert amounts_of(closed) == [34, 33, 33]


def test_cap_leaves_the_rest_for_the_next_epoch() -> None:
    closed = close([90, 5, 5], [10_000])
    assert amounts_of(closed) == [300, 300, 300]
    assert closed.closing.pool == 100
    following = close([90, 5, 5], [], opening=closed.closing, max_share=NOD)
    assert following.pool == 100
    assert amounts_of(following) == [90, 5, 5]
    assert following.closing == Opening(residue=0, pool=0, issued=1000)


def test_residue_goes_on_so_that_epochs_issue_what_one_batch_would() -> None:
    opening, total = Opening(), 0
    for _ in range(7):
        closed = close([1, 1, 1], [3], opening=opening)
        opening, total = closed.closing, total + closed.issuance.total
    assert total == opening.issued == 21 // 10
    assert opening.residue == 21 * NOD // 10 % NOD


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_nodes_are_paid_nothing(count: int) -> None:
    closed = close([5] * count, [1000])
    assert closed.allocation.too_few_nodes
    assert amounts_of(closed) == [0] * count
    assert closed.closing.pool == 100
    assert not close([5] * 3, [1000]).allocation.too_few_nodes


def test_min_active_nodes_counts_nodes_and_not_weight() -> None:
    assert amounts_of(close([1, 0, 0], [1000], max_share=NOD)) == [100, 0, 0]


def test_no_fees_and_no_pool_pays_zero() -> None:
    closed = close([1, 1, 1], [])
    assert amounts_of(closed) == [0, 0, 0]
    assert closed.closing == Opening()


def test_epoch_cap_withholds_and_does_not_carry() -> None:
    closed = close([1, 1, 1], [1000, 1000], epoch_cap_base_units=150)
    assert (closed.issuance.total, closed.issuance.withheld) == (150, 50)
    assert closed.retained == 1850
    assert closed.closing.residue == 0


def test_rotating_ties_follow_the_epoch() -> None:
    ruleset = replace(Ruleset(), tie_break="rotating", max_share=NOD)
    winners = set()
    for epoch in range(40):
        opening = Opening(pool=1, issued=1)
        closed = close_epoch(epoch, ruleset, opening, fees([]), nodes(1, 1, 1))
        winners.add(amounts_of(closed).index(1))
    assert winners == {0, 1, 2}


@pytest.mark.parametrize("tick", [511, 1024])
def test_fee_outside_the_epoch_is_named(tick: int) -> None:
    table = fees([1, 1], [512, tick])
    with pytest.raises(EpochError, match=f"tick {tick} of action a1"):
        close_epoch(1, Ruleset(), Opening(), table, nodes(1, 1, 1))


@pytest.mark.parametrize("tick", [512, 1023])
def test_first_and_last_tick_belong_to_the_epoch(tick: int) -> None:
    table = fees([10], [tick])
    assert epoch_of(table, Ruleset()) == 1
    assert close_epoch(1, Ruleset(), Opening(), table, nodes(1, 1, 1)).issuance.total == 1


def test_epoch_beyond_the_last_tick_is_refused() -> None:
    with pytest.raises(EpochError, match="2\\^53"):
        close_epoch(2**53 // 512, Ruleset(), Opening(), fees([]), nodes())
    close_epoch(2**53 // 512 - 1, Ruleset(), Opening(), fees([]), nodes())


def test_epoch_of_no_fees_must_be_given() -> None:
    with pytest.raises(EpochError):
        epoch_of(fees([]), Ruleset())


def test_bounds_of_pool_and_totals() -> None:
    largest = 10**38 - 1
    closed = close([1, 1, 1], [], opening=Opening(pool=largest, issued=largest), max_share=NOD)
    assert sum(amounts_of(closed)) == largest
    with pytest.raises(OutOfRangeError, match="pool"):
        close([1, 1, 1], [10], opening=Opening(pool=largest, issued=largest))
    with pytest.raises(TotalOverflowError, match="issued"):
        close([1, 1, 1], [10], opening=Opening(issued=2**128 - 1))
    with pytest.raises(TotalOverflowError, match="weights"):
        close([largest] * 4, [10])
    with pytest.raises(TotalOverflowError, match="fees"):
        close([1, 1, 1], [largest] * 4)
