# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""The passes of an allocation, each over a slice of rows and without the GIL.

A pass takes cells and a `Level` and returns sums, so that slices can run on any number of threads
and be added up in any order. Nothing here sorts all rows: the leftover units are placed by
selection, digit by digit of the remainders, on the few rows that the cut leaves open.
"""

from libc.stdint cimport uint32_t

from qfs_kernel.u128 cimport (
    QFS_DIGITS,
    QFS_LEVELS,
    Sum,
    int_from_sum,
    int_from_u128,
    qfs_caps_earlier,
    qfs_digit,
    qfs_exceeds,
    qfs_limb,
    qfs_mul_div,
    qfs_ratio,
    qfs_ratio_make,
    qfs_remainder,
    qfs_share,
    sum_add,
    u128,
    u128_add,
    u128_from_int,
    u128_is_zero,
    u128_less,
    u128_load,
    u128_make,
    u128_store,
    u128_sub,
)

DIGITS = QFS_DIGITS
LEVELS = QFS_LEVELS


cdef class Level:
    """Where the water stands: the pool and weight that the rows below their caps share.

    Immutable. A row is capped at this level where shared_pool * weight > cap * shared_weight.
    """

    cdef u128 pool, weight, common_cap, threshold
    cdef qfs_ratio ratio
    cdef bint has_common_cap, is_capped

    def __init__(self, object shared_pool, object shared_weight, object common_cap, bint is_capped):
        self.pool = u128_from_int(shared_pool)
        self.weight = u128_from_int(shared_weight)
        self.has_common_cap = common_cap is not None
        self.is_capped = is_capped
        self.common_cap = u128_make(0, 0)
        self.threshold = u128_from_int(2**128 - 1)
        if not u128_is_zero(self.weight):
            self.ratio = qfs_ratio_make(self.pool, self.weight)
        if self.has_common_cap:
            self.common_cap = u128_from_int(common_cap)
            # pool * w > cap * weight is w > floor(cap * weight / pool). Where the pool is 0 or
            # the quotient leaves 128 bits, no weight is above it.
            if not u128_is_zero(self.pool):
                if qfs_mul_div(self.common_cap, self.weight, self.pool, 0, &self.threshold):
                    self.threshold = u128_from_int(2**128 - 1)

    cdef inline u128 cap(self, const unsigned char *own) noexcept nogil:
        cdef u128 cap
        if own is NULL:
            return self.common_cap
        cap = u128_load(own)
        if self.has_common_cap and u128_less(self.common_cap, cap):
            return self.common_cap
        return cap

    cdef inline bint exceeds(self, u128 w, const unsigned char *own) noexcept nogil:
        if own is NULL:
            return u128_less(self.threshold, w)
        return qfs_exceeds(self.pool, self.weight, w, self.cap(own))


cdef inline const unsigned char *cell(const unsigned char *column, Py_ssize_t i) noexcept nogil:
    return NULL if column is NULL else column + 16 * i


cdef const unsigned char *optional(const unsigned char[::1] column) noexcept:
    return NULL if column is None or column.shape[0] == 0 else &column[0]


def water_fill(const unsigned char[::1] weights, const unsigned char[::1] caps, Level level):
    """The rows capped at this level: (count, sum of their caps, sum of their weights)."""
    cdef const unsigned char *own = optional(caps)
    cdef Py_ssize_t i, count = 0
    cdef u128 w
    cdef Sum cap_sum = Sum(u128_make(0, 0), 0)
    cdef Sum weight_sum = Sum(u128_make(0, 0), 0)
    with nogil:
        for i in range(weights.shape[0] // 16):
            w = u128_load(&weights[i * 16])
            if level.exceeds(w, cell(own, i)):
                count += 1
                sum_add(&cap_sum, level.cap(cell(own, i)))
                sum_add(&weight_sum, w)
    return count, int_from_sum(cap_sum), int_from_sum(weight_sum)


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
    cdef u128 pool = level.pool, weight = level.weight, w, cap
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
            cap = level.cap(cell(own, positions[i]))
            if not qfs_exceeds(pool, weight, w, cap):
                break
            pool = u128_sub(pool, cap, &borrow)
            weight = u128_sub(weight, w, &borrow)
    return int_from_u128(pool), int_from_u128(weight)


cdef inline bint earlier(
    const unsigned char[::1] weights, const unsigned char *own, Level level, uint32_t a, uint32_t b
) noexcept nogil:
    return qfs_caps_earlier(
        level.cap(cell(own, a)),
        u128_load(&weights[<Py_ssize_t>a * 16]),
        level.cap(cell(own, b)),
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
    uint32_t[::1] histogram,
):
    """Write every amount rounded down; returns their sum.

    `histogram` counts the rows that share by the first digit of their remainder.
    """
    cdef const unsigned char *own = optional(caps)
    cdef Py_ssize_t i
    cdef u128 w, amount, remainder
    cdef Sum total = Sum(u128_make(0, 0), 0)
    cdef bint shares = not u128_is_zero(level.weight)
    # A copy of its own, which the compiler knows that no write to the cells can change.
    cdef qfs_ratio ratio = level.ratio
    with nogil:
        for i in range(weights.shape[0] // 16):
            w = u128_load(&weights[i * 16])
            if level.is_capped and level.exceeds(w, cell(own, i)):
                amount = level.cap(cell(own, i))
            elif shares:
                amount = qfs_share(&ratio, w, &remainder)
                histogram[qfs_digit(remainder, ratio.shift, 0)] += 1
            else:
                amount = u128_make(0, 0)
            u128_store(&amounts[i * 16], amount)
            sum_add(&total, amount)
    return int_from_sum(total)


def choose_digit(const uint32_t[::1] histogram, object leftover):
    """The digit at which the cut lies, and the units left for the rows that have it."""
    cdef Py_ssize_t digit = histogram.shape[0] - 1
    cdef unsigned long long left = leftover
    while digit > 0 and left > histogram[digit]:
        left -= histogram[digit]
        digit -= 1
    return digit, left


cdef inline void pay(
    unsigned char[::1] amounts, Py_ssize_t i, u128 amount, qfs_limb units
) noexcept nogil:
    cdef qfs_limb carry
    u128_store(&amounts[i * 16], u128_add(amount, u128_make(0, units), &carry))


cdef inline void pay_one(unsigned char[::1] amounts, Py_ssize_t i) noexcept nogil:
    pay(amounts, i, u128_load(&amounts[i * 16]), 1)


def cut_at_digit(
    const unsigned char[::1] weights,
    const unsigned char[::1] caps,
    Level level,
    unsigned char[::1] amounts,
    uint32_t digit,
    uint32_t[::1] positions,
    uint32_t first_row,
):
    """Pay one unit to each row whose first digit is above `digit`; list the rows that have it.

    `positions` has as many items as there are such rows; `first_row` is added to each. Returns
    how many there are: another number than the histogram's means that the weights were changed.
    """
    cdef const unsigned char *own = optional(caps)
    cdef Py_ssize_t i, listed = 0
    cdef uint32_t found
    cdef u128 w, amount
    cdef qfs_ratio ratio = level.ratio
    with nogil:
        for i in range(weights.shape[0] // 16):
            w = u128_load(&weights[i * 16])
            if level.is_capped and level.exceeds(w, cell(own, i)):
                continue
            amount = u128_load(&amounts[i * 16])
            found = qfs_digit(qfs_remainder(&ratio, w, amount), ratio.shift, 0)
            # Every amount is written, with 0 or 1 more: the choice is random, a branch on it slow.
            pay(amounts, i, amount, found > digit)
            if found == digit:
                if listed < positions.shape[0]:
                    positions[listed] = first_row + <uint32_t>i
                listed += 1
    return listed


cdef inline u128 remainder_at(
    const unsigned char[::1] weights, unsigned char[::1] amounts, Level level, Py_ssize_t i
) noexcept nogil:
    return qfs_remainder(&level.ratio, u128_load(&weights[i * 16]), u128_load(&amounts[i * 16]))


def remainder_bounds(
    const unsigned char[::1] weights,
    Level level,
    unsigned char[::1] amounts,
    const uint32_t[::1] positions,
):
    """The smallest and the largest remainder of the listed rows, of which there is at least one."""
    cdef Py_ssize_t i
    cdef u128 remainder, lowest, highest
    with nogil:
        lowest = highest = remainder_at(weights, amounts, level, positions[0])
        for i in range(1, positions.shape[0]):
            remainder = remainder_at(weights, amounts, level, positions[i])
            if u128_less(remainder, lowest):
                lowest = remainder
            if u128_less(highest, remainder):
                highest = remainder
    return int_from_u128(lowest), int_from_u128(highest)


def cut_listed(
    const unsigned char[::1] weights,
    Level level,
    unsigned char[::1] amounts,
    uint32_t[::1] positions,
    int digit_level,
    object leftover,
):
    """Halve the choice: pay the listed rows above the next digit's cut, keep those at it.

    Returns (rows kept, in order at the front of `positions`; units left for them).
    """
    cdef uint32_t histogram[4096]
    cdef Py_ssize_t i, kept = 0, digit = QFS_DIGITS - 1
    cdef uint32_t found
    cdef int shift = level.ratio.shift
    cdef unsigned long long left = leftover
    assert QFS_DIGITS <= 4096
    with nogil:
        for i in range(QFS_DIGITS):
            histogram[i] = 0
        for i in range(positions.shape[0]):
            found = qfs_digit(
                remainder_at(weights, amounts, level, positions[i]), shift, digit_level
            )
            histogram[found] += 1
        while digit > 0 and left > histogram[digit]:
            left -= histogram[digit]
            digit -= 1
        for i in range(positions.shape[0]):
            found = qfs_digit(
                remainder_at(weights, amounts, level, positions[i]), shift, digit_level
            )
            if found > digit:
                pay_one(amounts, positions[i])
            elif found == digit:
                positions[kept] = positions[i]
                kept += 1
    return kept, left


def pay_listed(unsigned char[::1] amounts, const uint32_t[::1] positions):
    """One unit to each listed row."""
    cdef Py_ssize_t i
    with nogil:
        for i in range(positions.shape[0]):
            pay_one(amounts, positions[i])
