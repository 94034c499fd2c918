"""Eligibility: each check at its boundary, in its order, and input that is none."""

from __future__ import annotations

from array import array
from typing import Any

import pytest

from qfs.errors import InvalidIdError, LengthMismatchError, OutOfRangeError, WrongTypeError
from qfs.ids import IdColumn, from_checked
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_COUNT, MAX_TICK
from qfs.reference.eligibility import NO_ROW, REASONS, Registered, Reported, Rule

ONE = BASE_UNITS_PER_TOKEN
LAST = 511
RULE = Rule(b"infrastructure", LAST, 9 * ONE // 10, 0)


def registry(**changes: Any) -> Registered:
    """One node, "a", that passes every check of a registry."""
    given: dict[str, Any] = {"roles": [b"infrastructure"], "registered": [0], "revoked": [MAX_TICK]}
    given |= changes
    ids = given.get("ids", [b"a"])
    return Registered(
        from_checked(ids, is_sorted=True),
        from_checked(given["roles"] * len(ids), is_sorted=False),
        given["registered"] * len(ids),
        given["revoked"] * len(ids),
    )


def telemetry(
    uptime: tuple[int, int] = (9, 10),
    storage: tuple[int, int] = (1, 1),
    ai: tuple[int, int] = (0, 0),
    ids: tuple[bytes, ...] = (b"a",),
) -> Reported:
    """One report, of "a", that passes every check; the counts are the same for all `ids`."""
    columns = [([n] * len(ids), [d] * len(ids)) for n, d in (uptime, storage, ai)]
    return Reported(from_checked(ids, is_sorted=True), *columns)  # type: ignore[arg-type]


def reason(
    implementation: Any,
    registered: Registered | None = None,
    reported: Reported | None = None,
    rule: Rule = RULE,
) -> str:
    """The reason of the one id that there is."""
    found = implementation.assess(registered or registry(), reported or telemetry(), rule)
    (code,) = found.reasons
    return REASONS[code]


def test_codes_are_positions_in_the_order_of_the_checks() -> None:
    assert (
        *("eligible", "not_registered", "wrong_role", "revoked"),
        *("no_telemetry", "malformed", "no_uptime", "low_uptime"),
    ) == REASONS
    assert NO_ROW == 2**32 - 1


def test_every_id_of_either_table_is_listed(implementation: Any) -> None:
    found = implementation.assess(
        registry(ids=[b"a", b"ab", b"c"]), telemetry(ids=(b"a!", b"ab", b"d")), RULE
    )
    # In order: a, a!, ab, c, d.
    assert [*found.registered_rows] == [0, NO_ROW, 1, 2, NO_ROW]
    assert [*found.reported_rows] == [NO_ROW, 0, 1, NO_ROW, 2]
    assert [*found.reasons] == [4, 1, 0, 4, 1]


def test_tables_without_rows(implementation: Any) -> None:
    nobody, nothing = registry(ids=[]), telemetry(ids=())
    for part in implementation.assess(nobody, nothing, RULE):
        assert [*part] == []
    assert reason(implementation, nobody) == "not_registered"
    assert reason(implementation, None, nothing) == "no_telemetry"


@pytest.mark.parametrize(
    ("tick", "expected"), [(0, "eligible"), (LAST, "eligible"), (LAST + 1, "not_registered")]
)
def test_registered_by_the_last_tick(implementation: Any, tick: int, expected: str) -> None:
    assert reason(implementation, registry(registered=[tick])) == expected


def test_registered_later_without_telemetry_is_still_listed(implementation: Any) -> None:
    found = reason(implementation, registry(registered=[LAST + 1]), telemetry(ids=()))
    assert found == "not_registered"


@pytest.mark.parametrize(
    "role", [b"infrastructur", b"infrastructures", b"infrastructurf", b"Infrastructure", b"!"]
)
def test_another_role(implementation: Any, role: bytes) -> None:
    assert reason(implementation, registry(roles=[role])) == "wrong_role"
    assert reason(implementation, registry(roles=[role]), rule=RULE._replace(role=role)) == (
        "eligible"
    )


@pytest.mark.parametrize(
    ("tick", "expected"),
    [
        (0, "revoked"),
        (LAST, "revoked"),
        (LAST + 1, "eligible"),
        (2**32 + LAST, "eligible"),
        (MAX_TICK, "eligible"),
    ],
)
def test_revoked_by_the_last_tick(implementation: Any, tick: int, expected: str) -> None:
    assert reason(implementation, registry(revoked=[tick])) == expected


def test_never_revoked_at_the_greatest_tick_that_an_epoch_can_end_with(
    implementation: Any,
) -> None:
    rule = RULE._replace(last_tick=MAX_TICK - 1)
    assert reason(implementation, registry(revoked=[MAX_TICK]), rule=rule) == "eligible"
    assert reason(implementation, registry(revoked=[MAX_TICK - 1]), rule=rule) == "revoked"
    late = registry(registered=[MAX_TICK - 1])
    assert reason(implementation, late, rule=rule) == "eligible"


@pytest.mark.parametrize("name", ["uptime", "storage", "ai"])
@pytest.mark.parametrize("d", [0, 1, 10, 2**31, MAX_COUNT - 1])
def test_no_ratio_is_above_one(implementation: Any, name: str, d: int) -> None:
    assert reason(implementation, None, telemetry(**{name: (d + 1, d)})) == "malformed"  # type: ignore[arg-type]
    whole = reason(implementation, None, telemetry(**{name: (d, d)}))  # type: ignore[arg-type]
    assert whole == ("no_uptime" if name == "uptime" and d == 0 else "eligible")


@pytest.mark.parametrize(
    ("expected", "uptime", "found"),
    [
        (0, (10, 10), "eligible"),
        (10, (10, 10), "eligible"),
        (10, (9, 9), "malformed"),
        (10, (10, 11), "malformed"),
        # Nothing expected is malformed here, before it is no uptime.
        (10, (0, 0), "malformed"),
        (0, (0, 0), "no_uptime"),
        (MAX_COUNT, (MAX_COUNT, MAX_COUNT), "eligible"),
        (MAX_COUNT, (0, 0), "malformed"),
    ],
)
def test_as_many_heartbeats_expected_as_ruled(
    implementation: Any, expected: int, uptime: tuple[int, int], found: str
) -> None:
    rule = RULE._replace(expected_heartbeats=expected)
    assert reason(implementation, None, telemetry(uptime), rule) == found


@pytest.mark.parametrize(
    ("least", "n", "d"),
    [
        (9 * ONE // 10, 9, 10),
        (9 * ONE // 10, 3865470566, MAX_COUNT),
        # A third is not 0.333.., and 10^-18 of 2^32 - 1 is more than none.
        (ONE // 3, 1, 3),
        (ONE // 3 + 1, 2, 3),
        (1, 1, MAX_COUNT),
        (ONE, MAX_COUNT, MAX_COUNT),
        (ONE, 1, 1),
        (ONE - 1, MAX_COUNT, MAX_COUNT),
        (ONE // 2, 2147483648, MAX_COUNT),
    ],
)
def test_uptime_at_its_least_and_one_below(implementation: Any, least: int, n: int, d: int) -> None:
    rule = RULE._replace(min_uptime=least)
    assert reason(implementation, None, telemetry((n, d)), rule) == "eligible"
    assert reason(implementation, None, telemetry((n - 1, d)), rule) == "low_uptime"


@pytest.mark.parametrize("d", [20, 512, 2**31, MAX_COUNT])
def test_uptime_far_from_its_least(implementation: Any, d: int) -> None:
    # The products have more than 64 bits, and their lower halves say nothing of their order.
    for n in (d * parts // 20 for parts in range(21)):
        expected = "eligible" if 10 * n >= 9 * d else "low_uptime"
        assert reason(implementation, None, telemetry((n, d))) == expected


def test_without_a_least_uptime_none_is_needed(implementation: Any) -> None:
    rule = RULE._replace(min_uptime=0)
    assert reason(implementation, None, telemetry((0, 1)), rule) == "eligible"
    assert reason(implementation, None, telemetry((0, 0)), rule) == "no_uptime"


def test_the_first_failing_check_is_the_reason(implementation: Any) -> None:
    rule = RULE._replace(expected_heartbeats=10)
    failing: dict[str, Any] = {"registered": [LAST + 1], "roles": [b"user"], "revoked": [LAST]}
    silent, malformed = telemetry(ids=()), telemetry(storage=(2, 1), uptime=(0, 0))
    assert reason(implementation, registry(**failing), silent, rule) == "not_registered"
    assert reason(implementation, registry(**failing), malformed, rule) == "not_registered"
    del failing["registered"]
    assert reason(implementation, registry(**failing), silent, rule) == "wrong_role"
    del failing["roles"]
    assert reason(implementation, registry(**failing), silent, rule) == "revoked"
    assert reason(implementation, registry(**failing), malformed, rule) == "revoked"
    assert reason(implementation, None, silent, rule) == "no_telemetry"
    assert reason(implementation, None, malformed, rule) == "malformed"


@pytest.mark.parametrize(
    ("change", "kind", "argument"),
    [
        ({"last_tick": MAX_TICK}, OutOfRangeError, "last_tick"),
        ({"last_tick": -1}, OutOfRangeError, "last_tick"),
        ({"last_tick": 5.0}, WrongTypeError, "last_tick"),
        ({"min_uptime": ONE + 1}, OutOfRangeError, "min_uptime"),
        ({"min_uptime": -1}, OutOfRangeError, "min_uptime"),
        ({"min_uptime": 0.9}, WrongTypeError, "min_uptime"),
        ({"expected_heartbeats": MAX_COUNT + 1}, OutOfRangeError, "expected_heartbeats"),
        ({"expected_heartbeats": True}, WrongTypeError, "expected_heartbeats"),
        ({"role": b""}, InvalidIdError, "role"),
        ({"role": b"a b"}, InvalidIdError, "role"),
    ],
)
def test_rules_out_of_bounds(
    implementation: Any, change: dict[str, Any], kind: type[Exception], argument: str
) -> None:
    with pytest.raises(kind) as caught:
        implementation.assess(registry(), telemetry(), RULE._replace(**change))
    assert caught.value.argument == argument  # type: ignore[attr-defined]


@pytest.mark.parametrize("argument", ["roles", "registered_ticks", "revoked_ticks"])
def test_a_registry_of_columns_of_two_lengths(implementation: Any, argument: str) -> None:
    longer = registry(ids=[b"a", b"b"])
    mixed = registry()._replace(**{argument: getattr(longer, argument)})
    with pytest.raises(LengthMismatchError) as caught:
        implementation.assess(mixed, telemetry(), RULE)
    assert (caught.value.argument, caught.value.value) == (argument, 2)


@pytest.mark.parametrize("name", ["uptime", "storage", "ai"])
@pytest.mark.parametrize("side", [0, 1])
def test_telemetry_of_columns_of_two_lengths(implementation: Any, name: str, side: int) -> None:
    counts = [[1], [1]]
    counts[side] = []
    with pytest.raises(LengthMismatchError) as caught:
        implementation.assess(registry(), telemetry()._replace(**{name: tuple(counts)}), RULE)
    assert (caught.value.argument, caught.value.value) == (f"{name}_{'nd'[side]}", 0)


def test_tables_out_of_order(implementation: Any) -> None:
    unordered = from_checked([b"b", b"a"], is_sorted=False)
    for tables in (
        (registry(ids=[b"a", b"b"])._replace(ids=unordered), telemetry()),
        (registry(), telemetry(ids=(b"a", b"b"))._replace(ids=unordered)),
    ):
        with pytest.raises(AssertionError, match="canonical order"):
            implementation.assess(*tables, RULE)


def test_counts_and_ticks_are_read_where_they_lie(implementation: Any) -> None:
    ticks = [memoryview(array("Q", [tick] * 3)).toreadonly()[1:2] for tick in (0, MAX_TICK)]
    counts = [memoryview(array("I", [0, n, 0]))[1:2] for n in (9, 10)]
    registered = registry()._replace(registered_ticks=ticks[0], revoked_ticks=ticks[1])
    reported = telemetry()._replace(uptime=tuple(counts))
    assert reason(implementation, registered, reported) == "eligible"
    # Words of another width.
    narrow = memoryview(array("H", [9])), memoryview(array("H", [10]))
    assert reason(implementation, registered, telemetry()._replace(uptime=narrow)) == "eligible"


def test_every_second_item_of_bigger_memory(implementation: Any) -> None:
    ids = [b"a", b"b"]
    ticks = memoryview(array("Q", [0, LAST + 1, 0, LAST + 1]))
    counts = memoryview(array("I", [9, 8, 9, 8]))[::2], [10, 10]
    registered = registry(ids=ids)._replace(registered_ticks=ticks[::2])
    reported = telemetry(ids=(b"a", b"b"))._replace(uptime=counts)
    assert [*implementation.assess(registered, reported, RULE).reasons] == [0, 0]
    registered = registered._replace(registered_ticks=ticks[1::2])
    assert [*implementation.assess(registered, reported, RULE).reasons] == [1, 1]


@pytest.mark.kernel
@pytest.mark.parametrize("code", ["i", "q"])
@pytest.mark.parametrize("offsets", [[0, 2], [-1, 0], [1, 0], [0, 2**31 - 1]])
@pytest.mark.parametrize("place", ["registered", "roles", "reported"])
def test_offsets_that_someone_wrote_over_lead_to_an_error(
    kernel: Any, code: str, offsets: list[int], place: str
) -> None:
    odd = IdColumn(memoryview(array(code, offsets)), memoryview(b"a"), is_sorted=True)
    registered, reported = registry(), telemetry()
    if place == "registered":
        registered = registered._replace(ids=odd)
    elif place == "roles":
        registered = registered._replace(roles=odd)
    else:
        reported = reported._replace(ids=odd)
    with pytest.raises(WrongTypeError, match="changed"):
        kernel.assess(registered, reported, RULE)
