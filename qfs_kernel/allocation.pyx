# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""Water-filling and the shares, each a pass over a slice of rows and without the GIL.

A pass takes cells and a `Level` and returns sums, so that slices can run on any number of threads
and be added up in any order.
"""

from libc.stdint cimport int64_t, uint32_t

from qfs_kernel.u128 cimport (
    QFS_DIGITS,
    QFS_LEVELS,
    Sum,
    int_from_sum,
    int_from_u128,
    qfs_caps_earlier,
    qfs_exceeds,
    qfs_limb,
    sum_add,
    u128,
    u128_from_int,
    u128_is_zero,
    u128_load,
    u128_make,
    u128_sub,
)


cdef extern from "cpu.h" nogil:
    bint qfs_cpu_has_ifma()


cdef extern from "digits.h" nogil:
    void qfs_count_digits(const unsigned char *digits, int64_t rows, uint32_t *counts)


cdef extern from "allocation_rows.h" nogil:
    u128 qfs_floor_shares_rows(
        const qfs_level *level,
        const unsigned char *weights,
        const unsigned char *caps,
        int64_t first,
        int64_t rows,
        unsigned char *amounts,
        unsigned char *digits,
    )


cdef extern from "allocation_ifma.h" nogil:
    ctypedef struct qfs_capped:
        u128 caps
        u128 weights
        int64_t count
    qfs_ratio52 qfs_ratio52_make(u128 pool, u128 weight)
    int64_t qfs_water_fill_ifma(
        const qfs_level *level,
        const qfs_ratio52 *ratio,
        const unsigned char *weights,
        const unsigned char *caps,
        int64_t rows,
        qfs_capped *found,
    )
    int64_t qfs_floor_shares_ifma(
        const qfs_level *level,
        const qfs_ratio52 *ratio,
        const unsigned char *weights,
        const unsigned char *caps,
        int64_t rows,
        unsigned char *amounts,
        unsigned char *digits,
        u128 *paid,
    )


DIGITS = QFS_DIGITS
LEVELS = QFS_LEVELS
CPU_PATHS = ("baseline", "avx512ifma") if qfs_cpu_has_ifma() else ("baseline",)


cdef class Level:
    """Where the water stands: the pool and weight that the rows below their caps share.

    Immutable. A row is capped at this level where shared_pool * weight > cap * shared_weight.
    `half` is the first digit of half the shared weight: remainders of unrelated weights spread
    evenly below the weight, so about there the leftover units end.
    """

    def __init__(
        self,
        object shared_pool,
        object shared_weight,
        object common_cap,
        bint is_capped,
        str cpu_path,
    ):
        cdef u128 pool = u128_from_int(shared_pool), weight = u128_from_int(shared_weight)
        cdef u128 cap = u128_from_int(2**128 - 1 if common_cap is None else common_cap)
        self.at = qfs_level_make(pool, weight, cap, is_capped)
        self.shares = not u128_is_zero(weight)
        self.has_lanes = self.shares and cpu_path == "avx512ifma" and qfs_cpu_has_ifma()
        if self.has_lanes:
            self.lanes = qfs_ratio52_make(pool, weight)

    @property
    def half(self):
        return self.at.half


cdef inline const unsigned char *cell(const unsigned char *column, Py_ssize_t i) noexcept nogil:
    return NULL if column is NULL else column + 16 * i


cdef inline const unsigned char *optional(const unsigned char[::1] column) noexcept:
    return NULL if column is None or column.shape[0] == 0 else &column[0]


def water_fill(const unsigned char[::1] weights, const unsigned char[::1] caps, Level level):
    """The rows capped at this level: (count, sum of their caps, sum of their weights)."""
    cdef const unsigned char *own = optional(caps)
    cdef Py_ssize_t i, first = 0, rows = weights.shape[0] // 16
    cdef u128 w
    cdef qfs_capped found
    cdef qfs_level at = level.at
    cdef Sum cap_sum = Sum(u128_make(0, 0), 0)
    cdef Sum weight_sum = Sum(u128_make(0, 0), 0)
    found.count = 0
    # Every row is looked at, since one that was capped at a lower level is so at this one
    # (lemmas levels.a_capped_row_stays_capped, levels.rows_that_leave_raise_the_level,
    # levels.sums_of_rows_that_exceed_exceed).
    with nogil:
        if level.has_lanes and rows > 0:
            first = qfs_water_fill_ifma(&at, &level.lanes, &weights[0], own, rows, &found)
            sum_add(&cap_sum, found.caps)
            sum_add(&weight_sum, found.weights)
        for i in range(first, rows):
            w = u128_load(&weights[i * 16])
            if qfs_level_exceeds(&at, w, cell(own, i)):
                found.count += 1
                sum_add(&cap_sum, qfs_level_cap(&at, cell(own, i)))
                sum_add(&weight_sum, w)
    return found.count, int_from_sum(cap_sum), int_from_sum(weight_sum)


def water_fill_sorted(
    const unsigned char[::1] weights,
    const unsigned char[::1] caps,
    Level level,
    uint32_t[::1] positions,
):
    """The final (shared_pool, shared_weight), by rows in order of cap / weight.

    For inputs that make the rounds many. `positions` is scratch of one item per row; `level`
    holds the whole pool and weight.
    """
    cdef const unsigned char *own = optional(caps)
    cdef u128 pool = level.at.pool, weight = level.at.weight, w, cap
    cdef Py_ssize_t i, count = 0
    cdef qfs_limb borrow
    with nogil:
        for i in range(weights.shape[0] // 16):
            if not u128_is_zero(u128_load(&weights[i * 16])):
                positions[count] = <uint32_t>i
                count += 1
        heap_sort(weights, own, level, positions, count)
        for i in range(count):
            w = u128_load(&weights[<Py_ssize_t>positions[i] * 16])
            cap = qfs_level_cap(&level.at, cell(own, positions[i]))
            # No later one exceeds then (lemma levels.rows_after_one_that_fits_fit).
            if not qfs_exceeds(pool, weight, w, cap):
                break
            pool = u128_sub(pool, cap, &borrow)
            weight = u128_sub(weight, w, &borrow)
    return int_from_u128(pool), int_from_u128(weight)


cdef inline bint earlier(
    const unsigned char[::1] weights, const unsigned char *own, Level level, uint32_t a, uint32_t b
) noexcept nogil:
    return qfs_caps_earlier(
        qfs_level_cap(&level.at, cell(own, a)),
        u128_load(&weights[<Py_ssize_t>a * 16]),
        qfs_level_cap(&level.at, cell(own, b)),
        u128_load(&weights[<Py_ssize_t>b * 16]),
    )


cdef void heap_sort(
    const unsigned char[::1] weights,
    const unsigned char *own,
    Level level,
    uint32_t[::1] positions,
    Py_ssize_t count,
) noexcept nogil:
    # Heap sort: in place, and no input makes it slower than n log n.
    cdef Py_ssize_t start = count // 2, end = count, parent, child
    cdef uint32_t moved
    while end > 1:
        if start > 0:
            start -= 1
        else:
            end -= 1
            moved = positions[end]
            positions[end] = positions[0]
            positions[0] = moved
        moved = positions[start]
        parent = start
        while True:
            child = 2 * parent + 1
            if child >= end:
                break
            if child + 1 < end and earlier(
                weights, own, level, positions[child], positions[child + 1]
            ):
                child += 1
            if not earlier(weights, own, level, moved, positions[child]):
                break
            positions[parent] = positions[child]
            parent = child
        positions[parent] = moved


def floor_shares(
    const unsigned char[::1] weights,
    const unsigned char[::1] caps,
    Level level,
    unsigned char[::1] amounts,
    unsigned char[::1] scratch,
    uint32_t[::1] counts,
):
    """Write every amount, rounded down, and 1 more where the remainder's first digit is above
    `level.half`; returns the sum of the amounts.

    The first digits are kept in the last quarter of `scratch`, which has 4 bytes per row, for
    `settle`; `counts` says how often each occurs. A capped row has remainder 0.
    """
    cdef const unsigned char *own = optional(caps)
    cdef int64_t first = 0, rows = weights.shape[0] // 16
    cdef unsigned char *digits
    cdef u128 paid
    cdef Sum total = Sum(u128_make(0, 0), 0)
    if rows == 0:
        return 0
    with nogil:
        digits = &scratch[3 * rows]
        if level.has_lanes:
            first = qfs_floor_shares_ifma(
                &level.at, &level.lanes, &weights[0], own, rows, &amounts[0], digits, &paid
            )
            sum_add(&total, paid)
        paid = qfs_floor_shares_rows(
            &level.at, &weights[0], own, first, rows, &amounts[0], digits
        )
        sum_add(&total, paid)
        qfs_count_digits(digits, rows, &counts[0])
    return int_from_sum(total)
