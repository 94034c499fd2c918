"""Issuance: a fixed rate of every fee becomes NOD, and no fraction of a base unit is ever lost.

What a fee leaves below one base unit is carried to the next fee as the residue, so that the total
issued does not depend on how the fees are cut into batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qfs.errors import TotalOverflowError
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR


class Issued(NamedTuple):
    """What a batch of fees issues. All in base units, the residue in 10^-18 of one."""

    issued: Sequence[int]
    """per fee"""
    withheld: int
    """what the rate gives and the cap refuses"""
    total: int
    """sum of issued"""
    residue: int
    fees: int
    """sum of the fees"""


def issue(fees: Sequence[int], rate: int, residue: int = 0, room: int | None = None) -> Issued:
    """Issue `rate` of each fee, in order.

    Args:
        fees: base units, each 0 .. 10^38 - 1, in the order in which they are taken.
        rate: in 10^-18, 0 .. 10^18.
        residue: what earlier fees left, 0 .. 10^18 - 1, in 10^-18 of a base unit.
        room: what the epoch's cap leaves, in base units, or None where there is no cap.

    Raises:
        TotalOverflowError: the fees sum to more than 2^128 - 1.

    Two fees of 5 base units at a rate of 0.1 issue 0 and 1: the first leaves half a base unit.
    """
    # Step 1. The total is in its bounds.
    total_fees = sum(fees)
    if total_fees > MAX_SCALAR:
        raise TotalOverflowError(
            "the fees sum to more than 2^128 - 1 base units", argument="fees", value=total_fees
        )
    issued = []
    withheld = 0
    left = MAX_SCALAR if room is None else room
    for fee in fees:
        # Step 2. What the rate gives, and what it leaves below one base unit.
        raw, residue = divmod(residue + fee * rate, BASE_UNITS_PER_TOKEN)
        # Step 3. No more than the cap leaves; the rest is withheld, not carried.
        amount = min(raw, left)
        issued.append(amount)
        withheld += raw - amount
        left -= amount
    return Issued(issued, withheld, sum(issued), residue, total_fees)
