"""Issuance: no fraction of a base unit is lost, whatever the batches, the rate and the room."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

import qfs
from qfs import laws
from qfs.errors import NumberTextError, OutOfRangeError, TotalOverflowError, WrongTypeError
from qfs.laws import Batch
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_RATE, MAX_SCALAR, MAX_VALUE

ONE = BASE_UNITS_PER_TOKEN
TENTH = ONE // 10


def test_what_a_fee_leaves_is_carried_to_the_next(implementation: Any) -> None:
    found = implementation.issue([5, 5], TENTH)
    assert (list(found.issued), found.total, found.withheld) == ([0, 1], 1, 0)
    assert (found.residue, found.fees) == (0, 10)
    found = implementation.issue([5], TENTH)
    assert (list(found.issued), found.residue) == ([0], ONE // 2)
    assert list(implementation.issue([5], TENTH, found.residue).issued) == [1]


@pytest.mark.parametrize("rate", [0, 1, TENTH, TENTH + 1, ONE // 3, MAX_RATE - 1, MAX_RATE])
@pytest.mark.parametrize("residue", [0, 1, ONE // 2, ONE - 1])
def test_laws_at_the_bounds(implementation: Any, rate: int, residue: int) -> None:
    fees = [0, 1, 9, 10, 2**32, 2**63, 2**64 - 1, 2**64, 10**18, 2**104, 2**126, MAX_VALUE]
    for room in (None, 0, 1, 10**18, sum(fees) * rate // ONE, MAX_SCALAR):
        assert laws.issues_the_floor(implementation, fees, rate, residue, room) is None
        batches = [Batch(rate, fees), Batch(MAX_RATE - rate, fees[::-1])]
        assert laws.accounts_for_every_fee(implementation, batches, residue, room) is None
        for cut in (0, 1, 6, len(fees)):
            law = laws.ignores_batching(implementation, fees, rate, cut, residue, room)
            assert law is None


def test_one_rate_and_no_cap_issue_the_floor_of_the_sum(implementation: Any) -> None:
    fees = [3] * 1000 + [MAX_VALUE] * 3
    for rate in (TENTH, TENTH + 7, ONE // 7):
        found = implementation.issue(fees, rate)
        assert found.total == sum(found.issued) == sum(fees) * rate // ONE
        assert found.residue == sum(fees) * rate % ONE


def test_the_residue_survives_a_change_of_rate(implementation: Any) -> None:
    first = implementation.issue([7], TENTH)
    second = implementation.issue([2], 3 * TENTH // 2, first.residue)
    # 0.7 and 0.3 make one unit, which neither fee issues alone.
    assert (first.total, first.residue, second.total, second.residue) == (0, 7 * TENTH, 1, 0)


def test_room_is_filled_and_the_rest_withheld(implementation: Any) -> None:
    found = implementation.issue([100, 100, 100], TENTH, 0, 15)
    assert (list(found.issued), found.withheld, found.total) == ([10, 5, 0], 15, 15)
    # What is withheld is not carried: the next epoch starts from the residue alone.
    assert found.residue == 0
    assert implementation.issue([100], TENTH, 0, 0).withheld == 10
    exact = implementation.issue([100, 100], TENTH, 0, 20)
    assert (list(exact.issued), exact.withheld) == ([10, 10], 0)


def test_empty_batch_changes_nothing(implementation: Any) -> None:
    found = implementation.issue([], TENTH, 123, 5)
    assert (list(found.issued), *found[1:]) == ([], 0, 0, 123, 0)


def test_totals(implementation: Any) -> None:
    fees = [MAX_VALUE] * 3 + [MAX_SCALAR - 3 * MAX_VALUE]
    assert implementation.issue(fees, MAX_RATE).total == MAX_SCALAR
    with pytest.raises(TotalOverflowError) as caught:
        implementation.issue([*fees, 1], 0)
    error = caught.value
    assert (error.code, error.argument, error.index) == ("total", "fees", None)
    assert error.value == MAX_SCALAR + 1


@pytest.mark.parametrize("rate", ["0.1", Decimal("0.10"), Fraction(1, 10)])
def test_rates(api_backend: str, rate: Any) -> None:
    result = qfs.issue([5, 5], rate)
    assert (result.issued, result.total, result.residue, result.fees) == ([0, 1], 1, 0, 10)
    assert qfs.issue((5, 5)).issued == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "kind", "argument"),
    [
        ({"rate": 0.1}, WrongTypeError, "rate"),
        ({"rate": 0}, WrongTypeError, "rate"),
        ({"rate": True}, WrongTypeError, "rate"),
        ({"rate": Fraction(1, 3)}, NumberTextError, "rate"),
        ({"rate": Decimal("1.1")}, OutOfRangeError, "rate"),
        ({"rate": "1.000000000000000001"}, OutOfRangeError, "rate"),
        ({"rate": "0.0000000000000000001"}, NumberTextError, "rate"),
        ({"residue": ONE}, OutOfRangeError, "residue"),
        ({"residue": -1}, OutOfRangeError, "residue"),
        ({"residue": 0.0}, WrongTypeError, "residue"),
        ({"room": MAX_SCALAR + 1}, OutOfRangeError, "room"),
        ({"room": 1.0}, WrongTypeError, "room"),
    ],
)
def test_arguments_out_of_bounds(
    api_backend: str, arguments: dict[str, Any], kind: type[qfs.QfsError], argument: str
) -> None:
    with pytest.raises(kind) as caught:
        # The fees are wrong too: arguments come first.
        qfs.issue([None], **arguments)
    assert (caught.value.argument, caught.value.index) == (argument, None)
