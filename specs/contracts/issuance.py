"""Contracts of qfs.reference.issuance."""

from __future__ import annotations

from qfs.errors import TotalOverflowError
from qfs.laws.issuance import Batch, accounts_for_every_fee, ignores_batching, issues_the_floor
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR, MAX_VALUE
from qfs.reference import issuance


def a_fee_is_accounted_for(fee: int, rate: int, residue: int) -> str | None:
    """10^18 * (issued + withheld) + residue grows by rate * fee; no fee issues more than itself.

    of: qfs.reference.issuance.issue
    bound: one fee
    pre: 0 <= fee <= MAX_VALUE
    pre: 0 <= rate <= BASE_UNITS_PER_TOKEN
    pre: 0 <= residue < BASE_UNITS_PER_TOKEN
    post: __return__ is None
    """
    return accounts_for_every_fee(issuance, [Batch(rate, [fee])], residue)


def a_fee_is_accounted_for_under_a_cap(fee: int, rate: int, residue: int, room: int) -> str | None:
    """The same where the epoch's cap leaves any room: what it refuses is withheld.

    of: qfs.reference.issuance.issue
    bound: one fee
    pre: 0 <= fee <= MAX_VALUE
    pre: 0 <= rate <= BASE_UNITS_PER_TOKEN
    pre: 0 <= residue < BASE_UNITS_PER_TOKEN
    pre: 0 <= room <= MAX_SCALAR
    post: __return__ is None
    """
    return accounts_for_every_fee(issuance, [Batch(rate, [fee])], residue, room)


def fees_are_accounted_for_across_rates(
    fee: int, rate: int, other_fee: int, other_rate: int, residue: int, room: int
) -> str | None:
    """The same for two batches of one fee each, at two rates, under one cap.

    of: qfs.reference.issuance.issue
    bound: two batches of one fee
    pre: 0 <= fee <= MAX_VALUE
    pre: 0 <= rate <= BASE_UNITS_PER_TOKEN
    pre: 0 <= other_fee <= MAX_VALUE
    pre: 0 <= other_rate <= BASE_UNITS_PER_TOKEN
    pre: 0 <= residue < BASE_UNITS_PER_TOKEN
    pre: 0 <= room <= MAX_SCALAR
    post: __return__ is None
    """
    batches = [Batch(rate, [fee]), Batch(other_rate, [other_fee])]
    return accounts_for_every_fee(issuance, batches, residue, room)


def batching_changes_nothing(
    fee: int, other_fee: int, rate: int, residue: int, room: int
) -> str | None:
    """Two fees issue the same in one batch and in two, each of them, cap or no cap.

    of: qfs.reference.issuance.issue
    bound: two fees
    pre: 0 <= fee <= MAX_VALUE
    pre: 0 <= other_fee <= MAX_VALUE
    pre: 0 <= rate <= BASE_UNITS_PER_TOKEN
    pre: 0 <= residue < BASE_UNITS_PER_TOKEN
    pre: 0 <= room <= MAX_SCALAR
    post: __return__ is None
    """
    return ignores_batching(issuance, [fee, other_fee], rate, 1, residue, room)


def splitting_a_fee_changes_nothing(fee: int, other_fee: int, rate: int, residue: int) -> bool:
    """A fee issues the same whole and in two parts, and leaves the same residue.

    of: qfs.reference.issuance.issue
    bound: two parts
    pre: 0 <= fee <= MAX_VALUE
    pre: 0 <= other_fee <= MAX_VALUE
    pre: 0 <= rate <= BASE_UNITS_PER_TOKEN
    pre: 0 <= residue < BASE_UNITS_PER_TOKEN
    post: __return__
    """
    whole = issuance.issue([fee + other_fee], rate, residue)
    parts = issuance.issue([fee, other_fee], rate, residue)
    return (whole.total, whole.residue) == (parts.total, parts.residue)


def the_floor_is_issued(fee: int, rate: int, residue: int, room: int) -> str | None:
    """What is issued is rate * fee and the residue, rounded down once, or the room if it is less.

    of: qfs.reference.issuance.issue
    bound: one fee
    pre: 0 <= fee <= MAX_VALUE
    pre: 0 <= rate <= BASE_UNITS_PER_TOKEN
    pre: 0 <= residue < BASE_UNITS_PER_TOKEN
    pre: 0 <= room <= MAX_SCALAR
    post: __return__ is None
    """
    return issues_the_floor(issuance, [fee], rate, residue, room)


def the_cap_holds(fee: int, other_fee: int, rate: int, residue: int, room: int) -> int:
    """However large the fees are, no more is issued than the cap leaves.

    of: qfs.reference.issuance.issue
    bound: two fees
    pre: 0 <= fee <= MAX_VALUE
    pre: 0 <= other_fee <= MAX_VALUE
    pre: 0 <= rate <= BASE_UNITS_PER_TOKEN
    pre: 0 <= residue < BASE_UNITS_PER_TOKEN
    pre: 0 <= room <= MAX_SCALAR
    post: 0 <= __return__ <= room
    """
    return issuance.issue([fee, other_fee], rate, residue, room).total


def a_total_above_its_bound_is_refused(fee: int, other_fee: int) -> bool:
    """Fees are refused exactly where they sum to more than 2^128 - 1.

    of: qfs.reference.issuance.issue
    bound: two fees
    pre: 0 <= fee <= MAX_SCALAR
    pre: 0 <= other_fee <= MAX_SCALAR
    post: __return__ == (fee + other_fee > MAX_SCALAR)
    """
    try:
        issuance.issue([fee, other_fee], 0)
    except TotalOverflowError:
        return True
    return False
