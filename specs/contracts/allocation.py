"""Contracts of qfs.reference.allocation."""

from __future__ import annotations

from collections.abc import Sequence

from qfs.errors import LengthMismatchError, TotalOverflowError
from qfs.laws import allocation as laws
from qfs.laws.allocation import Case
from qfs.limits import MAX_SCALAR, MAX_VALUE
from qfs.reference import allocation


def two_nodes_conserve(pool: int, w: int, v: int) -> str | None:
    """Two amounts and what is undistributed sum to the pool, exactly.

    of: qfs.reference.allocation.allocate
    bound: two nodes, no caps
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= w <= MAX_VALUE
    pre: 0 <= v <= MAX_VALUE
    post: __return__ is None
    """
    return laws.conserves(allocation, Case(pool, [w, v]))


def two_nodes_are_paid_all(pool: int, w: int, v: int) -> int:
    """Without caps nothing is undistributed.

    of: qfs.reference.allocation.allocate
    bound: two nodes, no caps
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= w <= MAX_VALUE
    pre: 0 <= v <= MAX_VALUE
    post: __return__ == 0
    """
    return allocation.allocate(pool, [w, v]).undistributed


def two_nodes_keep_their_quota(pool: int, w: int, v: int) -> str | None:
    """Each of two amounts is less than one base unit from the exact share.

    of: qfs.reference.allocation.allocate
    bound: two nodes, no caps
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= w <= MAX_VALUE
    pre: 0 <= v <= MAX_VALUE
    post: __return__ is None
    """
    return laws.keeps_quota(allocation, Case(pool, [w, v]))


def two_nodes_keep_their_order(pool: int, w: int, v: int) -> Sequence[int]:
    """Of two nodes the one of more weight is paid at least as much.

    of: qfs.reference.allocation.allocate
    bound: two nodes, no caps
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= w < v <= MAX_VALUE
    post: __return__[0] <= __return__[1]
    """
    return allocation.allocate(pool, [w, v]).amounts


def two_equals_differ_by_one(pool: int, w: int) -> str | None:
    """Two nodes of equal weight differ by at most 1, the earlier first.

    of: qfs.reference.allocation.allocate
    bound: two nodes, no caps
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= w <= MAX_VALUE
    post: __return__ is None
    """
    return laws.treats_equals_equally(allocation, Case(pool, [w, w]))


def two_nodes_in_any_order(pool: int, w: int, v: int) -> str | None:
    """Two nodes that change places keep what they are paid.

    of: qfs.reference.allocation.allocate
    bound: two nodes, no caps
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= w <= MAX_VALUE
    pre: 0 <= v <= MAX_VALUE
    post: __return__ is None
    """
    return laws.ignores_row_order(allocation, Case(pool, [w, v]))


def one_node_gets_all(pool: int, w: int) -> int:
    """One node without a cap is paid the pool, whatever its weight.

    of: qfs.reference.allocation.allocate
    bound: one node
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= w <= MAX_VALUE
    post: __return__ == pool
    """
    return allocation.allocate(pool, [w]).amounts[0]


def nobody_gets_nothing(pool: int) -> int:
    """Without nodes the whole pool is undistributed.

    of: qfs.reference.allocation.allocate
    bound: no node
    pre: 0 <= pool <= MAX_VALUE
    post: __return__ == pool
    """
    return allocation.allocate(pool, []).undistributed


def two_nodes_under_a_common_cap(pool: int, w: int, v: int, cap: int) -> str | None:
    """Neither of two nodes is paid more than the common cap.

    of: qfs.reference.allocation.allocate
    bound: two nodes
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= w <= MAX_VALUE
    pre: 0 <= v <= MAX_VALUE
    pre: 0 <= cap <= MAX_VALUE
    post: __return__ is None
    """
    return laws.respects_caps(allocation, Case(pool, [w, v], None, cap))


def two_capped_nodes_conserve(pool: int, w: int, v: int, cap: int) -> str | None:
    """Under a common cap two amounts and what is undistributed sum to the pool.

    of: qfs.reference.allocation.allocate
    bound: two nodes
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= w <= MAX_VALUE
    pre: 0 <= v <= MAX_VALUE
    pre: 0 <= cap <= MAX_VALUE
    post: __return__ is None
    """
    return laws.conserves(allocation, Case(pool, [w, v], None, cap))


def three_capped_nodes_of_constant_weights(pool: int, a: int, b: int, c: int) -> str | None:
    """Of weights 90, 5, 5 none is paid above its own cap.

    of: qfs.reference.allocation.allocate
    bound: weights 90, 5, 5
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= a <= MAX_VALUE
    pre: 0 <= b <= MAX_VALUE
    pre: 0 <= c <= MAX_VALUE
    post: __return__ is None
    """
    return laws.respects_caps(allocation, Case(pool, [90, 5, 5], [a, b, c]))


def three_capped_nodes_conserve(pool: int, a: int, b: int, c: int) -> str | None:
    """Of weights 90, 5, 5 under caps of their own the amounts sum to what is distributed.

    of: qfs.reference.allocation.allocate
    bound: weights 90, 5, 5
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= a <= MAX_VALUE
    pre: 0 <= b <= MAX_VALUE
    pre: 0 <= c <= MAX_VALUE
    post: __return__ is None
    """
    return laws.conserves(allocation, Case(pool, [90, 5, 5], [a, b, c]))


def three_capped_nodes_fill_to_one_level(pool: int, cap: int) -> str | None:
    """Of weights 90, 5, 5 under a common cap one level holds for all.

    of: qfs.reference.allocation.water_fill
    bound: weights 90, 5, 5
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= cap <= MAX_VALUE
    post: __return__ is None
    """
    return laws.fills_to_one_level(allocation, Case(pool, [90, 5, 5], None, cap))


def only_what_nobody_can_take_is_left(pool: int, cap: int) -> str | None:
    """Of weights 90, 5, 5 something is undistributed only where all have the common cap.

    of: qfs.reference.allocation.allocate
    bound: weights 90, 5, 5
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= cap <= MAX_VALUE
    post: __return__ is None
    """
    return laws.leaves_only_what_nobody_can_take(allocation, Case(pool, [90, 5, 5], None, cap))


def weight_zero_is_paid_nothing(pool: int, w: int) -> str | None:
    """Of two nodes the one of weight 0 is paid nothing, unless both are 0.

    of: qfs.reference.allocation.allocate
    bound: two nodes, no caps
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= w <= MAX_VALUE
    post: __return__ is None
    """
    return laws.pays_weight_alone(allocation, Case(pool, [0, w]))


def a_share_exceeds_a_cap(pool: int, total: int, weight: int, cap: int) -> bool:
    """A cap is exceeded exactly where the share, rounded up, is above it.

    of: qfs.reference.allocation.exceeds
    pre: 0 <= pool <= MAX_VALUE
    pre: 1 <= total <= MAX_SCALAR
    pre: 0 <= weight <= MAX_VALUE
    pre: 0 <= cap <= MAX_VALUE
    post: __return__ == (-(-pool * weight // total) > cap)
    """
    return allocation.exceeds(pool, total, weight, cap)


def floor_shares_leave_remainders(pool: int, w: int, v: int) -> bool:
    """Quotient and remainder of each of two shares are those of the exact division.

    of: qfs.reference.allocation.floor_shares
    bound: two nodes
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= w <= MAX_VALUE
    pre: 0 <= v <= MAX_VALUE
    pre: w + v > 0
    post: __return__
    """
    total = w + v
    amounts, remainders = allocation.floor_shares(pool, total, [w, v], [False, False], None)
    return all(
        amount * total + remainder == pool * weight and 0 <= remainder < total
        for amount, remainder, weight in zip(amounts, remainders, [w, v], strict=True)
    )


def winners_of_three(r: int, s: int, t: int, leftover: int) -> bool:
    """The winners are the largest remainders: as many as there are units, none below a loser.

    of: qfs.reference.allocation.largest_remainders
    bound: three nodes
    pre: 0 <= r <= MAX_SCALAR
    pre: 0 <= s <= MAX_SCALAR
    pre: 0 <= t <= MAX_SCALAR
    pre: 0 <= leftover <= 3
    post: __return__
    """
    remainders = [r, s, t]
    winners = allocation.largest_remainders(remainders, leftover)
    return len(winners) == leftover and all(
        (-remainders[i], i) < (-remainders[j], j)
        for i in winners
        for j in range(3)
        if j not in winners
    )


def three_nodes_by_their_quotients(
    total: int, p: int, q: int, s: int, x: int, y: int, z: int
) -> bool:
    """Three shares, whatever their quotients and remainders, are paid out to the last unit.

    What the floors leave is less than three units; each goes to another node, and none to a
    remainder of 0. `floor_shares_leave_remainders` says where quotients and remainders come from.

    of: qfs.reference.allocation.largest_remainders
    bound: three nodes, no caps, with quotients and remainders as inputs
    pre: 1 <= total <= MAX_SCALAR
    pre: 0 <= p and 0 <= q and 0 <= s
    pre: 0 <= x < total and 0 <= y < total and 0 <= z < total
    pre: x + y + z in (0, total, 2 * total)
    post: __return__
    """
    leftover = 0 if x + y + z == 0 else 1 if x + y + z == total else 2
    winners = allocation.largest_remainders([x, y, z], leftover)
    paid = [p, q, s]
    for i in winners:
        paid[i] += 1
    exact = (p + q + s) * total + x + y + z
    return sum(paid) * total == exact and all((x, y, z)[i] > 0 for i in winners)


def three_nodes_leave_two_units(pool: int) -> int:
    """Of weights 1, 3, 3 the floors leave at most two units of any pool.

    of: qfs.reference.allocation.allocate
    bound: weights 1, 3, 3, no caps
    pre: 0 <= pool <= MAX_VALUE
    post: 0 <= __return__ <= 2
    """
    return allocation.allocate(pool, [1, 3, 3]).leftover


def three_nodes_of_any_weights(pool: int, w: int, v: int, u: int) -> str | None:
    """Three amounts of any weights and what is undistributed sum to the pool.

    of: qfs.reference.allocation.allocate
    bound: three nodes, no caps
    pre: 0 <= pool <= MAX_VALUE
    pre: 0 <= w <= MAX_VALUE
    pre: 0 <= v <= MAX_VALUE
    pre: 0 <= u <= MAX_VALUE
    post: __return__ is None
    """
    return laws.conserves(allocation, Case(pool, [w, v, u]))


def three_nodes_of_constant_weights(pool: int) -> str | None:
    """Any pool is shared by weights 1, 3, 3 to the last unit.

    of: qfs.reference.allocation.allocate
    bound: weights 1, 3, 3, no caps
    pre: 0 <= pool <= MAX_VALUE
    post: __return__ is None
    """
    return laws.conserves(allocation, Case(pool, [1, 3, 3]))


def columns_have_one_row_per_weight(caps: int, keys: int) -> bool:
    """Caps and tie keys are accepted exactly where there is one per weight.

    of: qfs.reference.allocation.require_same_rows
    bound: two weights, up to three caps and keys
    pre: 0 <= caps <= 3 and 0 <= keys <= 3
    post: __return__ == (caps == 2 and keys == 2)
    """
    try:
        allocation.require_same_rows([1, 1], [0] * caps, [0] * keys)
    except LengthMismatchError:
        return False
    return True


def a_weight_above_its_bound_is_refused(w: int, v: int) -> bool:
    """Weights are refused exactly where they sum to more than 2^128 - 1.

    of: qfs.reference.allocation.allocate
    bound: two nodes
    pre: 0 <= w <= MAX_SCALAR
    pre: 0 <= v <= MAX_SCALAR
    post: __return__ == (w + v > MAX_SCALAR)
    """
    try:
        allocation.allocate(1, [w, v])
    except TotalOverflowError:
        return True
    return False
