"""Laws of issuance: what fees become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qfs.backend import Implementation
from qfs.limits import BASE_UNITS_PER_TOKEN


class Batch(NamedTuple):
    """Fees that are taken at one rate, in 10^-18."""

    rate: int
    fees: Sequence[int]


def accounts_for_every_fee(
    implementation: Implementation,
    batches: Sequence[Batch],
    residue: int = 0,
    room: int | None = None,
) -> str | None:
    """10^18 * (issued + withheld) + residue grows by the sum of rate * fee, for every batching and
    across changes of the rate; no residue reaches 10^18, no fee issues more than itself."""
    start, charged, issued, withheld = residue, 0, 0, 0
    for number, (rate, fees) in enumerate(batches):
        left = None if room is None else room - issued
        result = implementation.issue(fees, rate, residue, left)
        residue = result.residue
        charged += rate * sum(fees)
        issued += sum(result.issued)
        withheld += result.withheld
        if BASE_UNITS_PER_TOKEN * (issued + withheld) + residue != start + charged:
            return f"batch {number}: {issued} + {withheld} and {residue} do not account for it"
        if result.total != sum(result.issued) or result.fees != sum(fees):
            return f"batch {number}: the totals {result.total}, {result.fees} are not the sums"
        if not 0 <= residue < BASE_UNITS_PER_TOKEN:
            return f"batch {number}: a residue of {residue}"
        if any(not 0 <= part <= fee for part, fee in zip(result.issued, fees, strict=True)):
            return f"batch {number}: a fee issues more than itself"
    return None


def ignores_batching(
    implementation: Implementation,
    fees: Sequence[int],
    rate: int,
    cut: int,
    residue: int = 0,
    room: int | None = None,
) -> str | None:
    """Fees issue the same, each of them, in one batch and in two that are cut anywhere."""
    whole = implementation.issue(fees, rate, residue, room)
    first = implementation.issue(fees[:cut], rate, residue, room)
    left = None if room is None else room - first.total
    second = implementation.issue(fees[cut:], rate, first.residue, left)
    if list(whole.issued) != [*first.issued, *second.issued]:
        return f"cut before fee {cut} the fees issue other amounts"
    parts = (first.withheld + second.withheld, first.total + second.total, second.residue)
    if parts != whole[1:4]:
        return f"(withheld, total, residue) is {whole[1:4]}, cut before fee {cut} {parts}"
    return None


def issues_the_floor(
    implementation: Implementation,
    fees: Sequence[int],
    rate: int,
    residue: int = 0,
    room: int | None = None,
) -> str | None:
    """After every fee, issued so far is the rate times the fees so far (and the first residue),
    rounded down once, or the room where that is less; what exceeds the room is withheld."""
    result = implementation.issue(fees, rate, residue, room)
    fees_so_far = issued_so_far = raw = 0
    for i, fee in enumerate(fees):
        fees_so_far += fee
        issued_so_far += result.issued[i]
        raw = (residue + rate * fees_so_far) // BASE_UNITS_PER_TOKEN
        if issued_so_far != (raw if room is None else min(raw, room)):
            return f"after fee {i}: {issued_so_far} issued of {raw}, with room for {room}"
    if result.withheld != raw - issued_so_far:
        return f"{result.withheld} withheld of {raw}, with {issued_so_far} issued"
    return None
