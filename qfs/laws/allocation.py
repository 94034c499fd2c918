"""Laws of allocation: shares of a pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from qfs.backend import Implementation
from qfs.reference.allocation import Allocated


class Case(NamedTuple):
    """One allocation to be made: the arguments of `allocate`."""

    pool: int
    weights: Sequence[int]
    caps: Sequence[int] | None = None
    common_cap: int | None = None
    tie_keys: Sequence[Any] | None = None

    def cap(self, i: int) -> int | None:
        """The most that row i may be paid; None where nothing bounds it."""
        given = (self.common_cap, None if self.caps is None else self.caps[i])
        return min((cap for cap in given if cap is not None), default=None)

    def counted(self) -> Sequence[int]:
        """The weights as they count: all 1 where all are 0."""
        return self.weights if any(self.weights) else [1] * len(self.weights)

    def keys(self) -> Sequence[Any]:
        """What breaks ties, lower first: the rows themselves where no keys are given."""
        return range(len(self.weights)) if self.tie_keys is None else self.tie_keys

    def is_capped(self, i: int, weight: int, result: Allocated) -> bool:
        """Whether the share of row i, at the level that the result states, exceeds its cap."""
        cap = self.cap(i)
        return cap is not None and result.shared_pool * weight > cap * result.shared_weight


AllocationLaw = Callable[[Implementation, Case], str | None]


def conserves(implementation: Implementation, case: Case) -> str | None:
    """There is one amount per row, and amounts and undistributed sum to the pool, exactly."""
    result = implementation.allocate(*case)
    if len(result.amounts) != len(case.weights):
        return f"{len(result.amounts)} amounts for {len(case.weights)} rows"
    paid = sum(result.amounts)
    if min(result.amounts, default=0) < 0 or result.undistributed < 0:
        return "an amount below 0"
    if paid + result.undistributed != case.pool:
        return f"paid {paid} and kept {result.undistributed} of a pool of {case.pool}"
    return None


def keeps_quota(implementation: Implementation, case: Case) -> str | None:
    """Without caps every amount is less than one base unit from the exact share."""
    if case.caps is not None or case.common_cap is not None:
        return None
    result = implementation.allocate(*case)
    total = sum(case.counted())
    for i, (weight, amount) in enumerate(zip(case.counted(), result.amounts, strict=True)):
        if not -total < amount * total - case.pool * weight < total:
            return f"row {i}: {amount} is a unit or more from {case.pool} * {weight} / {total}"
    return None


def keeps_order(implementation: Implementation, case: Case) -> str | None:
    """A row of more weight is paid at least as much as one of less, or its cap."""
    result = implementation.allocate(*case)
    by_weight = sorted(range(len(case.weights)), key=lambda i: case.weights[i])
    most_of_less = most_so_far = 0
    previous = -1
    for i in by_weight:
        if case.weights[i] > previous:
            most_of_less = most_so_far
            previous = case.weights[i]
        cap, amount = case.cap(i), result.amounts[i]
        if amount < (most_of_less if cap is None else min(most_of_less, cap)):
            return f"row {i} is paid {amount}, and a row of less weight {most_of_less}"
        most_so_far = max(most_so_far, amount)
    return None


def treats_equals_equally(implementation: Implementation, case: Case) -> str | None:
    """Rows of equal weight below their caps differ by at most 1, the lower tie key first."""
    result = implementation.allocate(*case)
    keys, counted = case.keys(), case.counted()
    below = [i for i in range(len(counted)) if not case.is_capped(i, counted[i], result)]
    below.sort(key=lambda i: (counted[i], keys[i]))
    first = 0
    for position, i in enumerate(below):
        if counted[i] != counted[below[first]]:
            first = position
        most = result.amounts[below[first]]
        # From one row to the next of the same weight an amount only falls, and once by 1 at most.
        before = result.amounts[below[max(first, position - 1)]]
        if not before >= result.amounts[i] >= most - 1:
            return f"row {i} is paid {result.amounts[i]}, an equal one before it {before} or {most}"
    return None


def ignores_row_order(
    implementation: Implementation, case: Case, order: Sequence[int] | None = None
) -> str | None:
    """Rows that change places keep what they are paid, where each keeps its tie key.

    `order` lists the rows in their new order; without it they are reversed.
    """
    if order is None:
        order = range(len(case.weights))[::-1]
    keys, result = case.keys(), implementation.allocate(*case)
    moved = implementation.allocate(
        case.pool,
        [case.weights[i] for i in order],
        None if case.caps is None else [case.caps[i] for i in order],
        case.common_cap,
        [keys[i] for i in order],
    )
    for new, old in enumerate(order):
        if moved.amounts[new] != result.amounts[old]:
            return f"row {old} is paid {result.amounts[old]}, as row {new} {moved.amounts[new]}"
    return None if moved[1:] == result[1:] else f"{moved[1:]} after {result[1:]}"


def respects_caps(implementation: Implementation, case: Case) -> str | None:
    """No row is paid more than its cap."""
    result = implementation.allocate(*case)
    for i, amount in enumerate(result.amounts):
        cap = case.cap(i)
        if cap is not None and amount > cap:
            return f"row {i} is paid {amount}, above its cap of {cap}"
    return None


def pays_weight_alone(implementation: Implementation, case: Case) -> str | None:
    """A row of weight 0 is paid nothing, unless all are 0, which is recorded as the fallback."""
    result = implementation.allocate(*case)
    all_zero = len(case.weights) > 0 and not any(case.weights)
    if result.fallback != all_zero:
        return f"fallback is {result.fallback}, but all weights 0 is {all_zero}"
    for i, weight in enumerate(case.counted()):
        if weight == 0 and result.amounts[i] != 0:
            return f"row {i} has no weight and is paid {result.amounts[i]}"
    return None


def fills_to_one_level(implementation: Implementation, case: Case) -> str | None:
    """One level t holds for all: a row is paid its cap where t * weight exceeds it, and otherwise
    less than one base unit from t * weight. t is what the capped rows leave, pool by weight."""
    result = implementation.allocate(*case)
    counted = case.counted()
    capped = [i for i in range(len(counted)) if case.is_capped(i, counted[i], result)]
    left_pool = case.pool - sum(case.cap(i) or 0 for i in capped)
    left_weight = sum(counted) - sum(counted[i] for i in capped)
    stated = (result.capped, result.shared_pool, result.shared_weight, result.total_weight)
    found = (len(capped), left_pool, left_weight, sum(counted))
    if stated != found:
        return f"(capped, shared pool, shared weight, weight) is {stated} and should be {found}"
    for i, weight in enumerate(counted):
        amount = result.amounts[i]
        if case.is_capped(i, weight, result):
            if amount != case.cap(i):
                return f"row {i} is paid {amount}, but its share exceeds its cap of {case.cap(i)}"
        elif left_weight == 0:
            if amount != 0:
                return f"row {i} is paid {amount} where all rows with weight have their caps"
        elif not -left_weight < amount * left_weight - left_pool * weight < left_weight:
            return f"row {i}: {amount} is a unit or more from the level times {weight}"
    return None


def pays_largest_remainders(implementation: Implementation, case: Case) -> str | None:
    """Of the rows below their caps those with the largest remainders get the leftover units, of
    equal remainders the lower tie key; the cut is the smallest remainder that got one."""
    result = implementation.allocate(*case)
    keys, counted = case.keys(), case.counted()
    below = [i for i in range(len(counted)) if not case.is_capped(i, counted[i], result)]
    if result.shared_weight == 0:
        below = []
    exact = {i: divmod(result.shared_pool * counted[i], result.shared_weight) for i in below}
    below.sort(key=lambda i: (-exact[i][1], keys[i]))
    leftover = result.shared_pool - sum(floor for floor, _ in exact.values()) if below else 0
    if not 0 <= leftover <= len(below):
        return f"{leftover} units are left over for {len(below)} rows"
    cut = exact[below[leftover - 1]][1] if leftover else None
    if (result.leftover, result.cut) != (leftover, cut):
        return f"leftover and cut are {result.leftover}, {result.cut}, should be {leftover}, {cut}"
    for position, i in enumerate(below):
        expected = exact[i][0] + (position < leftover)
        if result.amounts[i] != expected:
            return f"row {i} is paid {result.amounts[i]} and should be paid {expected}"
    return None


def leaves_only_what_nobody_can_take(implementation: Implementation, case: Case) -> str | None:
    """Something is undistributed only where every row with weight has its cap."""
    result = implementation.allocate(*case)
    if result.undistributed == 0:
        return None
    for i, weight in enumerate(case.counted()):
        if weight > 0 and result.amounts[i] != case.cap(i):
            return f"{result.undistributed} are undistributed, but row {i} is below its cap"
    return None


def ignores_weight_unit(implementation: Implementation, case: Case, factor: int = 10) -> str | None:
    """Weights in another unit, all times one factor of at least 1, pay the same amounts."""
    result = implementation.allocate(*case)
    scaled = case._replace(weights=[weight * factor for weight in case.weights])
    other = implementation.allocate(*scaled)
    for i, amount in enumerate(other.amounts):
        if amount != result.amounts[i]:
            return f"row {i} is paid {result.amounts[i]}, with weights times {factor} {amount}"
    return None


ALLOCATION_LAWS: Final[tuple[AllocationLaw, ...]] = (
    conserves,
    keeps_quota,
    keeps_order,
    treats_equals_equally,
    ignores_row_order,
    respects_caps,
    pays_weight_alone,
    fills_to_one_level,
    pays_largest_remainders,
    leaves_only_what_nobody_can_take,
)
"""The laws that need nothing but a case."""
