"""Eligibility: which nodes of an epoch count, and of every other the first reason why not.

Registry and telemetry are joined by node id. Nobody disappears silently: an id of either table
gets exactly one reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from qfs.columns import require_integer, require_same_length
from qfs.ids import IdColumn, require_id
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_COUNT, MAX_ROWS, MAX_TICK
from qfs.reference.joins import joined_rows

NO_ROW: Final = MAX_ROWS
"""Where an id does not stand in a table: one more than the last row that there can be."""

REASONS: Final = (
    *("eligible", "not_registered", "wrong_role", "revoked"),
    *("no_telemetry", "malformed", "no_uptime", "low_uptime"),
)
"""By code. Codes above 0 stand in the order in which they are checked."""

ELIGIBLE, NOT_REGISTERED, WRONG_ROLE, REVOKED = range(4)
NO_TELEMETRY, MALFORMED, NO_UPTIME, LOW_UPTIME = range(4, 8)

Counts = tuple[Sequence[int], Sequence[int]]
"""Numerators and denominators of a ratio per node, each 0 .. 2^32 - 1; n may be above d."""


class Texts(Protocol):
    """A column of texts in the memory of an `IdColumn`. They may be equal and stand in any order.

    `offsets` has 32- or 64-bit items, one more than there are rows.
    """

    @property
    def offsets(self) -> memoryview: ...
    @property
    def data(self) -> memoryview: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> bytes: ...


class Registered(NamedTuple):
    """The registry: who stands in it, as what, from when and until when."""

    ids: IdColumn
    """in canonical order"""
    roles: Texts
    registered_ticks: Sequence[int]
    """0 .. 2^53 - 1: registered from this tick on"""
    revoked_ticks: Sequence[int]
    """0 .. 2^53 - 1: revoked from this tick on; 2^53 - 1 where it never was"""


class Reported(NamedTuple):
    """The telemetry of an epoch."""

    ids: IdColumn
    """in canonical order"""
    uptime: Counts
    """heartbeats seen, expected"""
    storage: Counts
    """proofs passed, challenged"""
    ai: Counts
    """inferences matched, checked"""


class Rule(NamedTuple):
    """What a node is held to."""

    role: bytes
    """the role that is paid"""
    last_tick: int
    """the epoch's last tick, below 2^53 - 1, which stands for never"""
    min_uptime: int
    """in 10^-18, 0 .. 10^18"""
    expected_heartbeats: int
    """the denominator of every uptime; 0: as reported"""


class Assessed(NamedTuple):
    """The ids of both tables, each once, in canonical order."""

    registered_rows: Sequence[int]
    """per id its row in the registry, or NO_ROW"""
    reported_rows: Sequence[int]
    """per id its row in the telemetry, or NO_ROW"""
    reasons: Sequence[int]
    """per id the position of its reason in REASONS"""


def assess(registered: Registered, reported: Reported, rule: Rule) -> Assessed:
    """Which ids are eligible, and the first check that each of the others fails.

    A node whose registration begins after the last tick is listed as not registered, with or
    without telemetry: the result leaves out no row of either table.

    Raises:
        LengthMismatchError: a column has not as many rows as its table has ids.
        WrongTypeError, OutOfRangeError, InvalidIdError: the rule is outside its bounds.

    With a least uptime of 0.9, 9 heartbeats of 10 are enough. Of a node that was revoked at the
    last tick and reported 11 of 10, the reason is that it was revoked: this is checked before.
    """
    # Step 1. A table's columns have the length of its ids, and the rule is in its bounds.
    require_sound(registered, reported, rule)
    found = Assessed(registered_rows := [], reported_rows := [], reasons := [])
    for node, report in joined_rows(registered.ids, reported.ids):
        # Step 2. The lower of the next two ids, or both where they are one.
        registered_rows.append(NO_ROW if node is None else node)
        reported_rows.append(NO_ROW if report is None else report)
        # Step 3. It is registered at the last tick.
        if node is None or registered.registered_ticks[node] > rule.last_tick:
            reason = NOT_REGISTERED
        # Step 4. In the role that is paid.
        elif registered.roles[node] != rule.role:
            reason = WRONG_ROLE
        # Step 5. And not revoked by then.
        elif registered.revoked_ticks[node] <= rule.last_tick:
            reason = REVOKED
        # Step 6. Telemetry is present.
        elif report is None:
            reason = NO_TELEMETRY
        # Step 7. Well formed: no ratio above 1, and as many heartbeats expected as ruled.
        elif _is_malformed(reported, report, rule):
            reason = MALFORMED
        # Step 8. There is an uptime.
        elif reported.uptime[1][report] == 0:
            reason = NO_UPTIME
        # Step 9. And enough of it: both sides are multiplied, nothing is divided.
        elif _is_low(reported.uptime[0][report], reported.uptime[1][report], rule.min_uptime):
            reason = LOW_UPTIME
        else:
            reason = ELIGIBLE
        reasons.append(reason)
    return found


def require_sound(registered: Registered, reported: Reported, rule: Rule) -> None:
    """The tables have one length each, and the rule is in its bounds.

    Raises:
        LengthMismatchError, WrongTypeError, OutOfRangeError, InvalidIdError: it is not so.
    """
    require_id(rule.role, "role")
    # A revoked tick of 2^53 - 1 means never, so no epoch may reach it.
    require_integer(rule.last_tick, "last_tick", MAX_TICK - 1)
    require_integer(rule.min_uptime, "min_uptime", BASE_UNITS_PER_TOKEN)
    require_integer(rule.expected_heartbeats, "expected_heartbeats", MAX_COUNT)
    assert registered.ids.is_sorted, "the registry is in canonical order"
    assert reported.ids.is_sorted, "the telemetry is in canonical order"
    require_same_length(
        registered=len(registered.ids),
        roles=len(registered.roles),
        registered_ticks=len(registered.registered_ticks),
        revoked_ticks=len(registered.revoked_ticks),
    )
    require_same_length(
        reported=len(reported.ids),
        uptime_n=len(reported.uptime[0]),
        uptime_d=len(reported.uptime[1]),
        storage_n=len(reported.storage[0]),
        storage_d=len(reported.storage[1]),
        ai_n=len(reported.ai[0]),
        ai_d=len(reported.ai[1]),
    )


def _is_malformed(reported: Reported, row: int, rule: Rule) -> bool:
    ratios = (reported.uptime, reported.storage, reported.ai)
    if any(numerators[row] > denominators[row] for numerators, denominators in ratios):
        return True
    return rule.expected_heartbeats > 0 and reported.uptime[1][row] != rule.expected_heartbeats


def _is_low(n: int, d: int, min_uptime: int) -> bool:
    return n * BASE_UNITS_PER_TOKEN < min_uptime * d
