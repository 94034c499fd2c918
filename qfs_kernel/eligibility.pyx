# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""Which nodes of an epoch are eligible: one pass over the registry and the telemetry."""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp

from qfs_kernel.texts cimport (
    CHANGED,
    IN_FIRST,
    IN_OTHER,
    Next,
    Text,
    TextRows,
    Texts,
    next_id,
    text_at,
)
from qfs_kernel.u128 cimport qfs_limb, qfs_limb_mul, u128_less, u128_make

cdef uint64_t SCALE = 10**18
cdef uint32_t NO_ROW = 2**32 - 1

cdef enum Reason:
    ELIGIBLE = 0
    NOT_REGISTERED = 1
    WRONG_ROLE = 2
    REVOKED = 3
    NO_TELEMETRY = 4
    MALFORMED = 5
    NO_UPTIME = 6
    LOW_UPTIME = 7


cdef class Registered:
    """The registry's columns, all of one length. Immutable; keeps their memory alive."""

    cdef TextRows ids, roles
    cdef const uint64_t[::1] registered_ticks
    cdef const uint64_t[::1] revoked_ticks

    def __init__(
        self,
        TextRows ids not None,
        TextRows roles not None,
        const uint64_t[::1] registered_ticks,
        const uint64_t[::1] revoked_ticks,
    ):
        self.ids = ids
        self.roles = roles
        self.registered_ticks = registered_ticks
        self.revoked_ticks = revoked_ticks


cdef class Reported:
    """The telemetry's columns, all of one length. Immutable; keeps their memory alive.

    Each ratio is a pair of columns: numerators, denominators.
    """

    cdef TextRows ids
    cdef const uint32_t[::1] uptime_n, uptime_d, storage_n, storage_d, ai_n, ai_d

    def __init__(self, TextRows ids not None, uptime, storage, ai):
        self.ids = ids
        self.uptime_n, self.uptime_d = uptime
        self.storage_n, self.storage_d = storage
        self.ai_n, self.ai_d = ai


cdef class Rule:
    """What a node is held to, as `qfs.reference.eligibility.Rule`. Immutable."""

    cdef bytes role
    cdef const unsigned char *role_data
    cdef Py_ssize_t role_size
    cdef uint64_t last_tick, min_uptime
    cdef uint32_t expected_heartbeats

    def __init__(
        self,
        bytes role not None,
        uint64_t last_tick,
        uint64_t min_uptime,
        uint32_t expected_heartbeats,
    ):
        self.role = role
        self.role_data = role
        self.role_size = len(role)
        self.last_tick = last_tick
        self.min_uptime = min_uptime
        self.expected_heartbeats = expected_heartbeats


cdef inline bint has_other_role(const Text *role, Rule rule) noexcept nogil:
    if role.size != rule.role_size:
        return True
    return memcmp(role.data, rule.role_data, rule.role_size) != 0


cdef inline bint is_malformed(Reported reported, Py_ssize_t row, Rule rule) noexcept nogil:
    return (
        reported.uptime_n[row] > reported.uptime_d[row]
        or reported.storage_n[row] > reported.storage_d[row]
        or reported.ai_n[row] > reported.ai_d[row]
        or (rule.expected_heartbeats > 0 and reported.uptime_d[row] != rule.expected_heartbeats)
    )


cdef inline bint is_low(uint32_t n, uint32_t d, uint64_t minimum) noexcept nogil:
    # (lemma ratios.a_least_ratio_is_compared_by_products)
    cdef qfs_limb high, least_high
    cdef qfs_limb low = qfs_limb_mul(n, SCALE, &high)
    cdef qfs_limb least_low = qfs_limb_mul(minimum, d, &least_high)
    return u128_less(u128_make(high, low), u128_make(least_high, least_low))


def assess(
    Registered registered not None,
    Reported reported not None,
    Rule rule not None,
    uint32_t[::1] registered_rows,
    uint32_t[::1] reported_rows,
    unsigned char[::1] reasons,
):
    """Write the rows and the reason of every id of the union; returns how many there are.

    The outputs have an item per row of both tables. -1: the ids were changed meanwhile.
    """
    cdef const Texts *ids = &registered.ids.texts
    cdef const Texts *other_ids = &reported.ids.texts
    cdef Py_ssize_t row = 0, other_row = 0, listed = 0
    cdef bint has_row, has_report, changed = False
    cdef Next where
    cdef Reason reason
    cdef Text role
    with nogil:
        while row < ids.rows or other_row < other_ids.rows:
            # Step 2. The lower of the next two ids, or both where they are one.
            where = next_id(ids, row, other_ids, other_row)
            has_row, has_report = where != IN_OTHER, where != IN_FIRST
            role.size = 0
            if has_row and where != CHANGED:
                role = text_at(&registered.roles.texts, row)
            changed = where == CHANGED or role.size < 0
            if changed:
                break
            # Step 3. It is registered at the last tick.
            if not has_row or registered.registered_ticks[row] > rule.last_tick:
                reason = NOT_REGISTERED
            # Step 4. In the role that is paid.
            elif has_other_role(&role, rule):
                reason = WRONG_ROLE
            # Step 5. And not revoked by then.
            elif registered.revoked_ticks[row] <= rule.last_tick:
                reason = REVOKED
            # Step 6. Telemetry is present.
            elif not has_report:
                reason = NO_TELEMETRY
            # Step 7. Well formed: no ratio above 1, and as many heartbeats expected as ruled.
            elif is_malformed(reported, other_row, rule):
                reason = MALFORMED
            # Step 8. There is an uptime.
            elif reported.uptime_d[other_row] == 0:
                reason = NO_UPTIME
            # Step 9. And enough of it: both sides are multiplied, nothing is divided.
            elif is_low(
                reported.uptime_n[other_row], reported.uptime_d[other_row], rule.min_uptime
            ):
                reason = LOW_UPTIME
            else:
                reason = ELIGIBLE
            registered_rows[listed] = <uint32_t>row if has_row else NO_ROW
            reported_rows[listed] = <uint32_t>other_row if has_report else NO_ROW
            reasons[listed] = reason
            row += has_row
            other_row += has_report
            listed += 1
    return -1 if changed else listed
