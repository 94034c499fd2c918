"""Contracts of qfs.reference.eligibility."""

from __future__ import annotations

from qfs.errors import LengthMismatchError
from qfs.ids import IdColumn, from_checked
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_COUNT, MAX_TICK
from qfs.reference import eligibility
from qfs.reference.eligibility import NO_ROW, Registered, Reported, Rule

NODE = from_checked([b"a"], is_sorted=True)
NOBODY = from_checked([], is_sorted=True)
OTHER = from_checked([b"b"], is_sorted=True)


def _registered(
    ids: IdColumn, tick: int = 0, revoked: int = MAX_TICK, role: bytes = b"i"
) -> Registered:
    """A registry of at most one node."""
    rows = len(ids)
    return Registered(ids, [role] * rows, [tick] * rows, [revoked] * rows)


def _reported(ids: IdColumn, n: int = 1, d: int = 1, s: int = 1, all_s: int = 1) -> Reported:
    """Telemetry of at most one node."""
    rows = len(ids)
    ones = ([1] * rows, [1] * rows)
    return Reported(ids, ([n] * rows, [d] * rows), ([s] * rows, [all_s] * rows), ones)


def registration_decides_first(tick: int, revoked: int, last_tick: int, is_paid: int) -> bool:
    """Not registered yet comes before another role, and this before revoked.

    of: qfs.reference.eligibility.assess
    bound: one node
    pre: 0 <= tick <= MAX_TICK
    pre: 0 <= revoked <= MAX_TICK
    pre: 0 <= last_tick < MAX_TICK
    pre: 0 <= is_paid <= 1
    post: __return__
    """
    expected = 3 if revoked <= last_tick else 0
    if not is_paid:
        expected = 2
    if tick > last_tick:
        expected = 1
    table = _registered(NODE, tick, revoked, b"i" if is_paid else b"j")
    return (
        expected
        == eligibility.assess(table, _reported(NODE), Rule(b"i", last_tick, 0, 0)).reasons[0]
    )


def uptime_decides_last(n: int, d: int, s: int, all_s: int, expected: int) -> bool:
    """Malformed counts come before no uptime, and this before an uptime below 0.9.

    of: qfs.reference.eligibility.assess
    bound: one node, a least uptime of 0.9
    pre: 0 <= n <= MAX_COUNT and 0 <= d <= MAX_COUNT
    pre: 0 <= s <= MAX_COUNT and 0 <= all_s <= MAX_COUNT
    pre: 0 <= expected <= MAX_COUNT
    post: __return__
    """
    reason = 7 if 10 * n < 9 * d else 0
    if d == 0:
        reason = 6
    if n > d or s > all_s or (expected > 0 and d != expected):
        reason = 5
    rule = Rule(b"i", 0, BASE_UNITS_PER_TOKEN // 10 * 9, expected)
    table = _reported(NODE, n, d, s, all_s)
    return reason == eligibility.assess(_registered(NODE), table, rule).reasons[0]


def the_least_uptime_is_enough(n: int, d: int, least: int) -> int:
    """A node is eligible exactly where n / d is not below the least uptime.

    of: qfs.reference.eligibility.assess
    bound: one node
    pre: 0 <= n <= d <= MAX_COUNT
    pre: 1 <= d
    pre: 0 <= least <= BASE_UNITS_PER_TOKEN
    post: (__return__ == 0) == (n * BASE_UNITS_PER_TOKEN >= least * d)
    """
    rule = Rule(b"i", 0, least, 0)
    return eligibility.assess(_registered(NODE), _reported(NODE, n, d), rule).reasons[0]


def nobody_disappears(left: int, right: int) -> bool:
    """A node of either table alone is listed with a reason, and where it stands.

    of: qfs.reference.eligibility.assess
    bound: at most one node in each table
    pre: 0 <= left <= 1 and 0 <= right <= 1
    post: __return__
    """
    expected = [(0, NO_ROW, 4)] * left + [(NO_ROW, 0, 1)] * right
    table = _registered(NODE if left else NOBODY)
    reports = _reported(OTHER if right else NOBODY)
    found = eligibility.assess(table, reports, Rule(b"i", 0, 0, 0))
    return list(zip(*found, strict=True)) == expected


def columns_have_the_rows_of_their_table(roles: int, ticks: int, counts: int) -> bool:
    """Tables are accepted exactly where each column has one row per id.

    of: qfs.reference.eligibility.require_sound
    bound: one node, columns of up to two rows
    pre: 0 <= roles <= 2 and 0 <= ticks <= 2 and 0 <= counts <= 2
    post: __return__ == (roles == ticks == counts == 1)
    """
    table = Registered(NODE, [b"i"] * roles, [0] * ticks, [MAX_TICK])
    one = ([1], [1])
    reports = Reported(NODE, ([1], [1] * counts), one, one)
    try:
        eligibility.require_sound(table, reports, Rule(b"i", 0, 0, 0))
    except LengthMismatchError:
        return False
    return True
